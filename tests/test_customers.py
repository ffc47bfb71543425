"""Customers: registered, renamed, and remembered."""

from __future__ import annotations

from uuid import UUID, uuid4

from conftest import NOON, World
from given import after, given

from pet_graph.decisions import Invalid, Refusal
from pet_graph.events.customers import CustomerRegistered, CustomerRenamed, RegisterCustomer, RenameCustomer

CUSTOMER = UUID(int=1)
ARMCHAIRS = CustomerRegistered(name="Crunchy Armchairs", reference="C-7")

# --- decides ----------------------------------------------------------------------------------------------------------


def test_a_customer_is_registered_with_its_name_and_reference() -> None:
    given().when(RegisterCustomer(name="Crunchy Armchairs", reference="C-7")).then(ARMCHAIRS)


def test_a_customer_is_renamed() -> None:
    given(ARMCHAIRS).when(RenameCustomer(customer=CUSTOMER, name="Soft Armchairs")).then(
        CustomerRenamed(name="Soft Armchairs")
    )


def test_a_customer_is_not_renamed_to_what_it_is_called_already() -> None:
    given(ARMCHAIRS, CustomerRenamed(name="Soft Armchairs")).when(
        RenameCustomer(customer=CUSTOMER, name="Soft Armchairs")
    ).refused("unchanged", "name")


def test_a_customer_may_get_an_earlier_name_back() -> None:
    given(ARMCHAIRS, CustomerRenamed(name="Soft Armchairs")).when(
        RenameCustomer(customer=CUSTOMER, name="Crunchy Armchairs")
    ).then(CustomerRenamed(name="Crunchy Armchairs"))


# --- remembers --------------------------------------------------------------------------------------------------------


async def test_a_customer_is_remembered_as_it_was_registered(world: World) -> None:
    outcome = await world.record(RegisterCustomer(name="Crunchy Armchairs", reference="C-7"), id=CUSTOMER)
    assert await world.rows("customers") == [
        {
            "id": CUSTOMER,
            "name": "Crunchy Armchairs",
            "reference": "C-7",
            "registered_at": NOON,
            "version": 1,
            "position": outcome.position,
        }
    ]


async def test_a_customer_that_is_renamed_keeps_everything_else(world: World) -> None:
    await world.record(RegisterCustomer(name="Crunchy Armchairs", reference="C-7"), id=CUSTOMER)
    world.pass_time(hours=1)
    await world.record(RenameCustomer(customer=CUSTOMER, name="Soft Armchairs"))
    assert await world.rows("customers") == [
        {
            "id": CUSTOMER,
            "name": "Soft Armchairs",
            "reference": "C-7",
            "registered_at": NOON,
            "version": 2,
            "position": 2,
        }
    ]
    assert [fact.occurred_at for fact in await world.facts()] == [NOON, after(hours=1)]


async def test_a_customer_keeps_its_name_when_the_new_one_is_the_old(world: World) -> None:
    customer = await world.customer("Crunchy Armchairs")
    before = await world.facts()
    outcome = await world.ask(RenameCustomer(customer=customer, name="Crunchy Armchairs"))
    assert isinstance(outcome, Refusal)
    assert outcome.code == "unchanged"
    assert await world.facts() == before


async def test_a_customer_that_never_was_cannot_be_renamed(world: World) -> None:
    outcome = await world.ask(RenameCustomer(customer=uuid4(), name="Crunchy Armchairs"))
    assert isinstance(outcome, Refusal)
    assert (outcome.code, outcome.path) == ("customer_not_found", ("customer",))
    assert await world.facts() == []


async def test_a_customer_without_a_name_is_not_registered(world: World) -> None:
    outcome = await world.ask(RegisterCustomer(name=" \t"))
    assert outcome == Invalid("blank", "name is blank.", ("name",))
    assert await world.facts() == []


async def test_a_name_is_at_most_200_characters_long(world: World) -> None:
    await world.record(RegisterCustomer(name="x" * 200))
    outcome = await world.ask(RegisterCustomer(name="x" * 201))
    assert outcome == Invalid("too_long", "name has 201 characters; the limit is 200.", ("name",))
    assert len(await world.facts()) == 1
