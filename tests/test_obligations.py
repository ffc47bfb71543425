"""Obligations: opened by acceptance, amended by change orders, fulfilled with evidence or released with a reason."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from api import Api, gid
from both import Both
from conftest import NOON, World
from given import Past, after, given, state_after
from owed import DIGEST, HOURS, NEWER, QUOTE, RETAINER, SEATS, SERVERS, causing, opening, owed

from pet_graph.decisions import Refusal
from pet_graph.events.base import BurnUnit, Money, Quantity
from pet_graph.events.customers import CustomerRegistered, CustomerRenamed, RegisterCustomer, RenameCustomer
from pet_graph.events.deliveries import (
    MOST_DELIVERIES,
    DeliverObligation,
    DeliveryReversed,
    ObligationDelivered,
    ReverseDelivery,
)
from pet_graph.events.obligations import (
    AmendObligation,
    FulfilObligation,
    ObligationAmended,
    ObligationFulfilled,
    ObligationOpened,
    ObligationReleased,
    ObligationStatus,
    ReleaseObligation,
    Terms,
    decider,
    obligation_of,
)

CUSTOMER = UUID(int=2)
LINE = obligation_of(QUOTE, 1)
[OPEN] = opening(CUSTOMER, QUOTE, [HOURS])
OPENED = ObligationOpened(customer=CUSTOMER, quote=QUOTE, digest=DIGEST, line=1, terms=HOURS)
MORE = msgspec.structs.replace(HOURS, effort=timedelta(hours=20))
AMENDED = ObligationAmended(digest=NEWER, terms=MORE)
FULFILLED = ObligationFulfilled(evidence="Report 7")
RELEASED = ObligationReleased(reason="Cancelled by mutual consent")
FULFIL = FulfilObligation(obligation=LINE, evidence="Report 7")
RELEASE = ReleaseObligation(obligation=LINE, reason="Cancelled by mutual consent")

# --- decides ----------------------------------------------------------------------------------------------------------


def test_what_was_accepted_is_owed() -> None:
    given().when(OPEN).then(OPENED)


def test_a_line_is_owed_once() -> None:
    given(OPENED).when(OPEN).refused("already_open", "line")


def test_a_change_order_says_what_is_owed_instead() -> None:
    given(OPENED).when(AmendObligation(obligation=LINE, digest=NEWER, terms=MORE)).then(AMENDED)
    given(OPENED).when(AmendObligation(obligation=LINE, digest=DIGEST, terms=MORE)).refused("unchanged", "digest")
    given().when(AmendObligation(obligation=LINE, digest=NEWER, terms=MORE)).refused("not_opened")


def test_what_is_owed_is_fulfilled_or_released_once() -> None:
    given(OPENED).when(FULFIL).then(FULFILLED)
    given(OPENED).when(RELEASE).then(RELEASED)
    for ended in (FULFILLED, RELEASED):
        given(OPENED, ended).when(FULFIL).refused("not_open")
        given(OPENED, ended).when(RELEASE).refused("not_open")


@pytest.mark.parametrize("ended", [FULFILLED, RELEASED])
def test_other_terms_are_owed_anew_and_the_same_terms_are_not(ended: Past) -> None:
    same = ObligationAmended(digest=NEWER, terms=HOURS)
    before, kept = state_after(decider, [OPENED, ended]), state_after(decider, [OPENED, ended, same])
    assert kept == msgspec.structs.replace(before, digest=NEWER, amended_at=NOON)
    anew = state_after(decider, [OPENED, ended, AMENDED])
    without = {"postings": ()}
    expected = state_after(decider, [OPENED, AMENDED])
    assert msgspec.structs.replace(anew, **without) == msgspec.structs.replace(expected, **without)
    assert anew.status is ObligationStatus.OPEN


NOTHING = Money(0, "EUR")
HOUR, ONE = timedelta(hours=1), Quantity(1)


@pytest.mark.parametrize("unit", BurnUnit)
def test_each_unit_burns_exactly_one_number_that_is_more_than_nothing(unit: BurnUnit) -> None:
    """Every unit against every choice of numbers."""
    fitting = {BurnUnit.HOURS: {(NOTHING, HOUR, None), (Money(1, "EUR"), HOUR, None)}}
    fitting[BurnUnit.MONEY] = {(Money(1, "EUR"), None, None)}
    others = {(NOTHING, None, ONE), (Money(1, "EUR"), None, ONE)}
    for amount in (NOTHING, Money(1, "EUR")):
        for effort in (None, timedelta(), HOUR):
            for quantity in (None, Quantity(0), Quantity(-1), ONE):
                terms = Terms("Something", unit, amount, quantity, effort)
                [command] = opening(CUSTOMER, QUOTE, [terms])
                if (amount, effort, quantity) in fitting.get(unit, others):
                    assert given().when(command).refusal is None, terms
                else:
                    given().when(command).refused("not_measurable", "terms")


def test_a_line_keeps_its_obligation_from_version_to_version() -> None:
    assert obligation_of(QUOTE, 1) == obligation_of(QUOTE, 1)
    assert len({obligation_of(quote, line) for quote in (QUOTE, CUSTOMER) for line in range(1, 100)}) == 198


BY, NOTE, ID = UUID(int=7), "Delivery note 2214", UUID(int=2)
SHIPPED = ObligationOpened(customer=CUSTOMER, quote=QUOTE, digest=DIGEST, line=2, terms=SERVERS)
DELIVER = DeliverObligation(obligation=LINE, person=BY, quantity=Quantity(1_500_000), evidence=NOTE)
DELIVERED = ObligationDelivered(person=BY, quantity_micros=Quantity(1_500_000), evidence=NOTE)
REVERSE = ReverseDelivery(obligation=LINE, delivery=ID, reason="Counted twice")
REVERSED = DeliveryReversed(delivery=ID, reason="Counted twice")


def test_units_are_delivered_as_a_person_says_also_more_than_were_sold() -> None:
    given(SHIPPED).when(DELIVER).then(DELIVERED)
    given(SHIPPED, DELIVERED, DELIVERED).when(DELIVER).then(DELIVERED)
    given(SHIPPED, DELIVERED, FULFILLED).when(DELIVER).refused("not_open")
    given(SHIPPED, *[DELIVERED] * MOST_DELIVERIES).when(DELIVER).refused("too_many_deliveries")


@pytest.mark.parametrize("terms", [HOURS, RETAINER])
def test_what_time_burns_is_not_delivered_by_hand(terms: Terms) -> None:
    opened = msgspec.structs.replace(OPENED, terms=terms)
    given(opened).when(DELIVER).refused("delivered_by_time", "quantity")
    assert state_after(decider, [opened]).delivered_micros is None


def test_a_delivery_is_taken_back_once_also_after_the_end() -> None:
    given(SHIPPED, DELIVERED).when(REVERSE).then(REVERSED)
    given(SHIPPED, DELIVERED, FULFILLED).when(REVERSE).then(REVERSED)
    given(SHIPPED, DELIVERED, REVERSED).when(REVERSE).refused("already_reversed", "delivery")
    given(SHIPPED).when(REVERSE).refused("delivery_not_found", "delivery")


def test_what_was_delivered_and_is_left_adds_up() -> None:
    for past, delivered in (([], 0), ([DELIVERED], 1_500_000), ([DELIVERED] * 2, 3_000_000)):
        state = state_after(decider, [SHIPPED, *past])
        assert (state.delivered_micros, state.left_micros) == (delivered, 2_500_000 - delivered)
    state = state_after(decider, [SHIPPED, DELIVERED, DELIVERED, REVERSED])
    assert (state.delivered_micros, state.left_micros) == (1_500_000, 1_000_000)


# --- remembers --------------------------------------------------------------------------------------------------------


async def test_an_obligation_is_remembered_with_its_exact_numbers(world: World) -> None:
    ids = await owed(world, HOURS, SERVERS, RETAINER)
    [customer] = await world.rows("customers")
    rows = {row["line"]: row for row in await world.rows("obligations")}
    assert rows[1] == {
        "id": ids[0],
        "customer_id": customer["id"],
        "quote_id": QUOTE,
        "digest": DIGEST,
        "line": 1,
        "description": "Advice",
        "burn_unit": "hours",
        "amount_micros": 1_234_500_000,
        "currency": "EUR",
        "quantity_micros": None,
        "effort_us": 30_600_000_000,
        "delivered_us": 0,
        "burnt_us": 0,
        "left_us": 30_600_000_000,
        "delivered_micros": None,
        "left_micros": None,
        "project_id": None,
        "role": "Senior engineer",
        "promised_by": HOURS.promised_by,
        "status": "open",
        "opened_at": NOON,
        "amended_at": None,
        "ended_at": None,
        "evidence": None,
        "release_reason": None,
        "version": 1,
        "position": 2,
    }
    assert [(rows[line]["quantity_micros"], rows[line]["effort_us"]) for line in (2, 3)] == [
        (2_500_000, None),
        (None, None),
    ]


async def test_what_becomes_of_an_obligation_is_remembered(world: World) -> None:
    [line] = await owed(world, HOURS)
    world.pass_time(hours=1)
    await world.record(FulfilObligation(obligation=line, evidence="Report 7"))
    [row] = await world.rows("obligations")
    told = ("status", "ended_at", "evidence", "release_reason", "version")
    assert [row[each] for each in told] == ["fulfilled", after(hours=1), "Report 7", None, 2]
    before = await world.facts()
    refused = await world.ask(ReleaseObligation(obligation=line, reason="Too late"))
    assert isinstance(refused, Refusal)
    assert refused.code == "not_open"
    assert await world.facts() == before


async def test_a_change_order_amends_in_the_turn_that_brings_it(world: World) -> None:
    [line] = await owed(world, HOURS)
    [customer] = await world.rows("customers")
    amend = AmendObligation(obligation=line, digest=NEWER, terms=MORE)
    with causing(CustomerRenamed, lambda fact: [amend]):
        recorded = await world.record(RenameCustomer(customer=customer["id"], name="B"))
    assert [fact.type for fact in recorded.facts] == ["CustomerRenamed", "ObligationAmended"]
    [row] = await world.rows("obligations")
    assert (row["effort_us"], row["digest"], row["amended_at"]) == (72_000_000_000, NEWER, NOON)


async def test_what_cannot_be_measured_takes_its_cause_with_it(world: World) -> None:
    """Nothing is accepted of which a part would not be owed."""
    unmeasured = msgspec.structs.replace(HOURS, effort=None)
    with causing(CustomerRegistered, lambda fact: opening(fact.id, QUOTE, [HOURS, unmeasured])):
        outcome = await world.ask(RegisterCustomer(name="A"))
    assert isinstance(outcome, Refusal)
    assert outcome.code == "not_measurable"
    assert await world.facts() == []


@pytest.mark.parametrize("command", [OPEN, AmendObligation(obligation=LINE, digest=NEWER, terms=MORE)])
async def test_nobody_can_owe_by_hand(world: World, command: AmendObligation) -> None:
    await owed(world, HOURS)
    before = await world.facts()
    outcome = await world.ask(command)
    assert isinstance(outcome, Refusal)
    assert outcome.code == "not_permitted"
    assert await world.facts() == before


# --- shows ------------------------------------------------------------------------------------------------------------

SHOWN = """
    description burnUnit amount quantity effort role promisedBy line digest status openedAt endedAt evidence
    releaseReason version position
"""


async def test_an_obligation_is_shown_with_its_units(world: World) -> None:
    api = Api(world)
    ids = await owed(world, HOURS, SERVERS, RETAINER, SEATS)
    asked = f"query ($id: ID!) {{ obligation(id: $id) {{ {SHOWN} customer {{ name }} }} }}"
    assert (await api.ask(asked, id=gid("Obligation", ids[0])))["obligation"] == {
        "description": "Advice",
        "burnUnit": "HOURS",
        "amount": "1234.50 EUR",
        "quantity": None,
        "effort": "PT8H30M",
        "role": "Senior engineer",
        "promisedBy": "2026-07-01",
        "line": 1,
        "digest": DIGEST,
        "status": "OPEN",
        "openedAt": "2026-06-01T12:00:00+00:00",
        "endedAt": None,
        "evidence": None,
        "releaseReason": None,
        "version": 1,
        "position": "2",
        "customer": {"name": "Crunchy Armchairs"},
    }
    listed = "{ obligations(first: 9, orderBy: {field: LINE, direction: ASC}) { nodes { amount quantity } } }"
    assert (await api.ask(listed))["obligations"]["nodes"] == [
        {"amount": "1234.50 EUR", "quantity": None},
        {"amount": "-0.000001 CHF", "quantity": "2.5"},
        {"amount": "999999999999.999999 JPY", "quantity": None},
        {"amount": "0.00 USD", "quantity": "10"},
    ]


DELIVERIES = """query ($id: ID!) { obligation(id: $id) { quantity deliveredQuantity leftQuantity
    deliveries(first: 9, orderBy: {field: DELIVERED_AT, direction: ASC}) {
        nodes { quantity evidence reversedReason person { name } obligation { line } project { name } } } } }"""


async def test_an_obligation_shows_what_was_handed_over_and_what_was_taken_back(world: World) -> None:
    _, servers = await owed(world, HOURS, SERVERS)
    ada = await world.person("Ada")
    said: dict[str, Any] = {"obligation": servers, "person": ada, "evidence": NOTE}
    wrong = (await world.record(DeliverObligation(quantity=Quantity(9_000_000), **said))).facts[0].command_id
    world.pass_time(minutes=1)
    await world.record(DeliverObligation(quantity=Quantity(500_000), **said))
    reverse = ReverseDelivery(obligation=servers, delivery=wrong, reason="Nine, in another firm")
    await world.record(reverse)
    before = await world.facts()
    refused = await world.ask(reverse)
    assert isinstance(refused, Refusal)
    assert (refused.code, await world.facts()) == ("already_reversed", before)
    both = Both.of(world, "manager")
    shown = (await both.same(DELIVERIES, id=gid("Obligation", servers)))["data"]["obligation"]
    by_ada = {"evidence": NOTE, "person": {"name": "Ada"}, "obligation": {"line": 2}, "project": None}
    assert shown == {
        "quantity": "2.5",
        "deliveredQuantity": "0.5",
        "leftQuantity": "2",
        "deliveries": {
            "nodes": [
                {"quantity": "9", "reversedReason": "Nine, in another firm", **by_ada},
                {"quantity": "0.5", "reversedReason": None, **by_ada},
            ]
        },
    }
