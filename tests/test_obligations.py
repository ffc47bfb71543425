"""Obligations: opened by acceptance, amended by change orders, fulfilled with evidence or released with a reason."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import msgspec
import pytest
from api import Api, gid
from conftest import NOON, World
from given import Past, after, given, state_after
from owed import DIGEST, HOURS, NEWER, QUOTE, RETAINER, SEATS, SERVERS, causing, opening, owed

from pet_graph.decisions import Refusal
from pet_graph.events.base import BurnUnit, Money, Quantity
from pet_graph.events.customers import CustomerRegistered, CustomerRenamed, RegisterCustomer, RenameCustomer
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
