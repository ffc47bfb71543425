"""Opportunities: value and day are what named people say, one after the other; a commitment is a fact with a day."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import pytest
from api import Api, gid
from conftest import World
from given import given, state_after
from sold import EVERYTHING, accepting, drafted, eur, sent

from pet_graph.decisions import Invalid, Refusal
from pet_graph.events.base import Command, Event, Fact, Money
from pet_graph.events.opportunities import (
    MOST_FORECASTS,
    CommitOpportunity,
    ForecastKind,
    ForecastOpportunity,
    LoseOpportunity,
    OpenOpportunity,
    OpportunityCommitted,
    OpportunityForecasted,
    OpportunityLost,
    OpportunityOpened,
    OpportunityOwned,
    OpportunityPlaced,
    OpportunityReopened,
    OpportunityStatus,
    OpportunityWon,
    OwnOpportunity,
    PlaceOpportunity,
    ReopenOpportunity,
    WinOpportunity,
    decider,
)
from pet_graph.events.quotes import DraftQuote

SALE, CUSTOMER, ADA, BELA = (UUID(int=number) for number in range(1, 5))
JUNE, JULY = date(2026, 6, 30), date(2026, 7, 31)
NOBODYS = OpportunityOpened(name="A shop", owner=ADA, source="Fair")
OPENED = OpportunityOpened(name="A shop", owner=ADA, source="Fair", customer=CUSTOMER)
WON, LOST = OpportunityWon(reason="Price"), OpportunityLost(reason="Price")
REOPENED = OpportunityReopened(reason="A mistake")


def said(value: str = "100", closes_on: date = JUNE, person: UUID = ADA) -> dict[str, Any]:
    return {"person": person, "value": eur(value), "closes_on": closes_on, "basis": "Their mail"}


FORECAST, COMMIT = ForecastOpportunity(opportunity=SALE, **said()), CommitOpportunity(opportunity=SALE, **said())
STEPS: list[tuple[Command, Event]] = [
    (OwnOpportunity(opportunity=SALE, owner=BELA), OpportunityOwned(owner=BELA)),
    (PlaceOpportunity(opportunity=SALE, customer=BELA), OpportunityPlaced(customer=BELA)),
    (FORECAST, OpportunityForecasted(**said())),
    (COMMIT, OpportunityCommitted(**said())),
    (WinOpportunity(opportunity=SALE, reason="Price"), WON),
    (LoseOpportunity(opportunity=SALE, reason="Price"), LOST),
]


# --- decides ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("command", "event"), STEPS, ids=lambda one: type(one).__name__)
def test_what_is_open_takes_everything_and_what_is_won_or_lost_nothing(command: Command, event: Event) -> None:
    given(OPENED).when(command).then(event)
    given(OPENED, WON).when(command).refused("not_open")
    given(OPENED, LOST).when(command).refused("not_open")
    given(OPENED, LOST, REOPENED).when(command).then(event)


def test_only_what_was_won_or_lost_is_reopened() -> None:
    reopen = ReopenOpportunity(opportunity=SALE, reason="A mistake")
    given(OPENED).when(reopen).refused("not_closed")
    for closed in (WON, LOST):
        given(OPENED, closed).when(reopen).then(REOPENED)
        state = state_after(decider, [OPENED, closed, REOPENED])
        assert (state.status, state.reason, state.closed_at) == (OpportunityStatus.OPEN, None, None)


def test_nobody_stands_for_a_sale_to_nobody_nor_makes_one() -> None:
    win = WinOpportunity(opportunity=SALE, reason="Price")
    for command in (COMMIT, win):
        given(NOBODYS).when(command).refused("no_customer")
    given(NOBODYS).when(FORECAST).then(OpportunityForecasted(**said()))
    given(NOBODYS).when(LoseOpportunity(opportunity=SALE, reason="Price")).then(LOST)
    given(NOBODYS, OpportunityPlaced(customer=CUSTOMER)).when(win).then(WON)


def test_what_is_so_already_is_not_said_again() -> None:
    given(OPENED).when(OwnOpportunity(opportunity=SALE, owner=ADA)).refused("unchanged", "owner")
    given(OPENED).when(PlaceOpportunity(opportunity=SALE, customer=CUSTOMER)).refused("unchanged", "customer")


def test_the_same_claim_may_be_made_again_at_another_instant() -> None:
    given(OPENED, OpportunityForecasted(**said())).when(FORECAST).then(OpportunityForecasted(**said()))


def test_an_opportunity_takes_so_many_forecasts_and_no_more() -> None:
    past = [OPENED, *[OpportunityForecasted(**said())] * MOST_FORECASTS]
    given(*past).when(COMMIT).refused("too_many_forecasts")


def test_the_newest_claim_counts_and_a_commitment_is_not_taken_back_by_a_forecast() -> None:
    state = state_after(decider, [OPENED, OpportunityCommitted(**said()), OpportunityForecasted(**said("7", JULY))])
    newest, committed = state.newest(*ForecastKind), state.newest(ForecastKind.COMMITTED)
    assert newest
    assert committed
    assert (newest.value, newest.closes_on, committed.closes_on) == (eur("7"), JULY, JUNE)


@pytest.mark.parametrize("value", [Money(-1, "EUR"), Money(1, "XYZ")])
async def test_a_sale_is_worth_something_in_a_currency_that_there_is(world: World, value: Money) -> None:
    outcome = await world.ask(ForecastOpportunity(opportunity=SALE, **{**said(), "value": value}))
    assert isinstance(outcome, Invalid)
    assert (outcome.path, await world.facts()) == (("value",), [])


# --- remembers and shows ----------------------------------------------------------------------------------------------

SHOWN = """query ($id: ID!) { opportunity(id: $id) { status value closesOn committedOn reason owner { name }
    customer { name } forecasts(first: 9) { nodes { kind value closesOn person { name } opportunity { name } } } } }"""


async def test_an_opportunity_shows_every_claim_of_everybody(world: World) -> None:
    ada, bela, customer = await world.person("Ada"), await world.person("Bela"), await world.customer()
    await world.record(OpenOpportunity(name="A shop", owner=ada, source="Fair"), id=SALE)
    seller = Api(world, roles=["sales"])
    nothing = (await seller.ask(SHOWN, id=gid("Opportunity", SALE)))["opportunity"]
    assert (nothing["value"], nothing["closesOn"], nothing["customer"]) == (None, None, None)
    for command in (
        ForecastOpportunity(opportunity=SALE, **said("100", JUNE, ada)),
        PlaceOpportunity(opportunity=SALE, customer=customer),
        CommitOpportunity(opportunity=SALE, **said("80", JUNE, ada)),
        ForecastOpportunity(opportunity=SALE, **said("70.5", JULY, bela)),
        WinOpportunity(opportunity=SALE, reason="Price"),
    ):
        world.pass_time(minutes=1)
        await world.record(command)
    sale = {"name": "A shop"}
    claims = [
        {"kind": kind, "value": value, "closesOn": f"{day}", "person": {"name": name}, "opportunity": sale}
        for kind, value, day, name in (
            ("EXPECTED", "70.50 EUR", JULY, "Bela"),
            ("COMMITTED", "80.00 EUR", JUNE, "Ada"),
            ("EXPECTED", "100.00 EUR", JUNE, "Ada"),
        )
    ]
    assert (await seller.ask(SHOWN, id=gid("Opportunity", SALE)))["opportunity"] == {
        "status": "WON",
        "value": "70.50 EUR",
        "closesOn": "2026-07-31",
        "committedOn": "2026-06-30",
        "reason": "Price",
        "owner": {"name": "Ada"},
        "customer": {"name": "Crunchy Armchairs"},
        "forecasts": {"nodes": claims},
    }


async def test_a_refused_claim_records_nothing(world: World) -> None:
    ada = await world.person("Ada")
    await world.record(OpenOpportunity(name="A shop", owner=ada, source="Fair"), id=SALE)
    before = await world.facts()
    outcome = await world.ask(CommitOpportunity(opportunity=SALE, **said("80", JUNE, ada)))
    assert isinstance(outcome, Refusal)
    assert (outcome.code, await world.facts()) == ("no_customer", before)


# --- what was offered for it ------------------------------------------------------------------------------------------

OFFERS = """query ($id: ID!) { opportunity(id: $id) { status
    quotes(first: 9, orderBy: {field: NUMBER, direction: ASC}) { nodes { number status opportunity { name } } } } }"""


async def pursued(world: World, **to: Any) -> UUID:
    """A customer to whom a shop is to be sold, under the opportunity `SALE`."""
    customer = await world.customer()
    owner = await world.person("Ada")
    await world.record(
        OpenOpportunity(name="A shop", owner=owner, source="Fair", **{"customer": customer, **to}), id=SALE
    )
    return customer


async def test_quotes_name_the_sale_they_are_part_of_and_accepting_one_does_not_win_it(world: World) -> None:
    customer = await pursued(world)
    quotes = [await drafted(world, customer=customer, opportunity=SALE) for _ in range(2)]
    await drafted(world, customer=customer)
    sale = await of_the_sale(world)
    await world.record(accepting(quotes[1], await sent(world, quotes[1]), 4))
    assert await of_the_sale(world) == sale
    shown = (await Api(world, roles=["sales"]).ask(OFFERS, id=gid("Opportunity", SALE)))["opportunity"]
    part_of = {"opportunity": {"name": "A shop"}}
    offered = [{"number": "Q-0001", "status": "DRAFT"}, {"number": "Q-0002", "status": "ACCEPTED"}]
    assert shown == {"status": "OPEN", "quotes": {"nodes": [{**one, **part_of} for one in offered]}}


@pytest.mark.parametrize(
    ("left_out", "ended", "code"),
    [
        ({"customer": None}, None, "no_customer"),
        ({}, WinOpportunity(opportunity=SALE, reason="Price"), "opportunity_not_open"),
        ({}, LoseOpportunity(opportunity=SALE, reason="Price"), "opportunity_not_open"),
    ],
)
async def test_nothing_is_offered_for_what_is_closed_or_to_nobody(
    world: World, left_out: dict[str, Any], ended: Command | None, code: str
) -> None:
    customer = await pursued(world, **left_out)
    if ended:
        await world.record(ended)
    assert await refused(world, customer, SALE) == (code, ("opportunity",))


async def test_a_quote_is_part_of_a_sale_to_the_same_customer(world: World) -> None:
    await pursued(world)
    other = await world.customer("Birch & Partners")
    assert await refused(world, other, SALE) == ("another_customer", ("opportunity",))
    assert await refused(world, other, UUID(int=77)) == ("opportunity_not_found", ("opportunity",))


async def refused(world: World, customer: UUID, sale: UUID) -> tuple[str, tuple[str, ...]]:
    """Why no quote may be written; nothing is recorded."""
    before = await world.facts()
    outcome = await world.ask(DraftQuote(customer=customer, offer=EVERYTHING, opportunity=sale))
    assert isinstance(outcome, Refusal)
    assert await world.facts() == before
    return outcome.code, outcome.path


async def of_the_sale(world: World) -> list[Fact]:
    return [fact for fact in await world.facts() if fact.stream == f"opportunity-{SALE}"]
