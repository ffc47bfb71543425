"""Refusals: every way in which a mutation says that it records nothing, and that it did not."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from api import Api, Json, gid
from conftest import World

from pet_graph.events.base import Role
from pet_graph.events.tickets import OpenTicket


@pytest.fixture
def api(world: World) -> Api:
    return Api(world)


async def recorded(api: Api) -> int:
    """How many facts there are."""
    return len(await api.world.facts())


async def test_a_refusal_is_told_and_told_again(api: Api) -> None:
    customer = gid("Customer", await api.world.customer("Acme"))
    command_id = str(uuid4())
    refusal = {
        "__typename": "Refused",
        "code": "unchanged",
        "message": "The customer is already called 'Acme'.",
        "path": ["name"],
        "repeated": False,
    }
    assert await api.command("renameCustomer", commandId=command_id, customer=customer, name="Acme") == refusal
    again = await api.command("renameCustomer", commandId=command_id, customer=customer, name="Acme")
    assert again == {**refusal, "repeated": True}
    assert await recorded(api) == 1


async def test_a_repeated_command_gets_its_first_answer(api: Api) -> None:
    given = {"commandId": str(uuid4()), "name": "Acme"}
    first = await api.command("registerCustomer", **given)
    assert await api.command("registerCustomer", **given) == {**first, "repeated": True}
    assert await recorded(api) == 1


async def test_a_version_that_is_not_the_present_one_is_a_conflict(api: Api) -> None:
    customer = gid("Customer", await api.world.customer("Acme"))
    for expected in (0, 2, -1, 2**31 - 1):
        assert await api.command("renameCustomer", customer=customer, name="B", expectedVersion=expected) == {
            "__typename": "VersionConflict",
            "code": "version_conflict",
            "message": f"You expected version {expected}; the current one is 1.",
            "path": ["expectedVersion"],
            "currentVersion": 1,
        }
    assert await recorded(api) == 1


async def test_a_command_id_used_for_something_else_is_a_conflict_that_names_it(api: Api) -> None:
    command_id = str(uuid4())
    await api.command("registerCustomer", commandId=command_id, name="Acme")
    for name, given, path in (
        ("registerCustomer", {"name": "Birch"}, "name"),
        ("registerCustomer", {"name": "Acme", "reference": "A-1"}, "reference"),
        ("registerCustomer", {"name": "Acme", "occurredAt": "2020-01-01T00:00:00Z"}, "occurredAt"),
        ("registerCustomer", {"name": "Acme", "expectedVersion": 0}, "expectedVersion"),
        ("registerPerson", {"name": "Acme"}, "command"),
    ):
        assert await api.command(name, commandId=command_id, **given) == {
            "__typename": "CommandConflict",
            "code": "command_id_conflict",
            "message": f"This command id was used before with another {path}.",
            "path": [path],
        }, path
    assert await recorded(api) == 1


ACME = gid("Customer", UUID(int=1))
A_TARGET = {"priority": "LOW", "response": "PT1H"}
NOT_WELL_FORMED: list[tuple[str, Json, list[str], str, str]] = [
    ("registerCustomer", {"name": ""}, ["name"], "blank", "name is blank."),
    ("registerCustomer", {"name": "x" * 201}, ["name"], "too_long", "name has 201 characters; the limit is 200."),
    (
        "registerCustomer",
        {"name": "a\0b"},
        ["name"],
        "not_text",
        "name holds characters that are not text (NUL or half a surrogate).",
    ),
    (
        "registerCustomer",
        {"name": "A", "occurredAt": "2026-06-01T12:00:01Z"},
        ["occurredAt"],
        "in_the_future",
        "occurredAt lies after now (2026-06-01T12:00:00.000000Z).",
    ),
    ("renameCustomer", {"customer": "?", "name": "A"}, ["customer"], "not_an_id", "'?' is not an id of PET's."),
    (
        "grantRole",
        {"person": ACME, "role": "SALES"},
        ["person"],
        "wrong_type",
        "person is the id of a Customer; it has to be that of a Person.",
    ),
    (
        "registerPerson",
        {"name": "A", "roles": ["SALES"] * 101},
        ["roles"],
        "wrong_length",
        "roles has 101 items; from 0 to 100 fit.",
    ),
    (
        "adoptSlaPolicy",
        {"name": "A", "targets": []},
        ["targets"],
        "wrong_length",
        "targets has 0 items; from 1 to 100 fit.",
    ),
    (
        "adoptSlaPolicy",
        {"name": "A", "targets": [A_TARGET], "warnAtPercent": [1, 2, 3, 4, 5, 6]},
        ["warnAtPercent"],
        "wrong_length",
        "warnAtPercent has 6 items; from 0 to 5 fit.",
    ),
    (
        "adoptSlaPolicy",
        {"name": "A", "customer": "?", "targets": [A_TARGET]},
        ["customer"],
        "not_an_id",
        "'?' is not an id of PET's.",
    ),
]
"""Mutation, input, the field it is about, code and sentence."""


async def test_what_is_not_well_formed_is_told_by_field_and_leaves_the_command_id_free(api: Api) -> None:
    for name, given, path, code, message in NOT_WELL_FORMED:
        command_id = str(uuid4())
        answer = await api.command(name, commandId=command_id, **given)
        expected = {"__typename": "InvalidInput", "code": code, "message": message, "path": path}
        assert answer == expected, (name, given)
        assert await recorded(api) == 0
        freed = await api.command("registerCustomer", commandId=command_id, name="Acme", dryRun=True)
        assert freed["__typename"] == "CustomerRecorded"
    assert await recorded(api) == 0


async def test_what_is_named_has_to_be_there(api: Api) -> None:
    customer = await api.world.customer()
    ticket = gid("Ticket", (await api.world.record(OpenTicket(customer=customer, subject="It squeaks"))).facts[0].id)
    nobody, nothing = gid("Person", uuid4()), gid("Ticket", uuid4())
    for name, given, code, path in (
        ("openTicket", {"customer": gid("Customer", uuid4()), "subject": "A"}, "customer_not_found", ["customer"]),
        ("assignTicket", {"ticket": nothing, "assignee": nobody}, "ticket_not_found", ["ticket"]),
        ("assignTicket", {"ticket": ticket, "assignee": nobody}, "person_not_found", ["assignee"]),
        ("retireSlaPolicy", {}, "not_in_force", []),
    ):
        answer = await api.command(name, **given)
        assert (answer["__typename"], answer["code"], answer["path"]) == ("Refused", code, path)
    assert await recorded(api) == 2


async def test_a_role_that_may_not_is_told_which_may(world: World) -> None:
    customer = gid("Customer", await world.customer("Acme"))
    answer = await Api(world, roles=["finance", "engineer"]).command("renameCustomer", customer=customer, name="B")
    assert answer == {
        "__typename": "Refused",
        "code": "not_permitted",
        "message": "RenameCustomer may be asked for by sales or manager; your roles: engineer, finance.",
        "path": [],
        "repeated": False,
    }
    for roles in ((), ("partner",)):
        refused = await Api(world, roles=roles).command("renameCustomer", customer=customer, name="B")
        assert (refused["__typename"], refused["code"]) == ("Refused", "not_permitted")
    assert await recorded(Api(world)) == 1


async def test_an_outside_system_may_open_a_ticket_and_nothing_else(world: World) -> None:
    customer = gid("Customer", await world.customer("Acme"))
    shop = Api(world, roles=[Role.INTEGRATION, Role.MANAGER], origin="external:shop")
    opened = await shop.command("openTicket", customer=customer, subject="It squeaks")
    assert opened["__typename"] == "TicketRecorded"
    assert [fact.origin for fact in await world.facts()] == ["internal", "external:shop"]
    refused = await shop.command("renameCustomer", customer=customer, name="B")
    assert refused["code"] == "not_permitted"
    assert refused["message"] == "RenameCustomer cannot be asked for by external:shop: PET owns what it decides."
