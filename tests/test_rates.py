"""Rates: by person and by role, on the days they hold for, as they were known at any time."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import pytest
from api import Api, gid
from conftest import World
from given import given, state_after

from pet_graph.decisions import Invalid
from pet_graph.events.base import Money
from pet_graph.events.rates import AgreeRate, RateAgreed, RateKind, decider

ADA = UUID(int=1)
COST, BILL = RateKind.COST, RateKind.BILL
MAY, JUNE, JULY = date(2026, 5, 1), date(2026, 6, 1), date(2026, 7, 1)


def euros(amount: int) -> Money:
    return Money(amount * 1_000_000, "EUR")


def agreed(amount: int, valid_from: date, valid_until: date | None = None, kind: RateKind = COST) -> RateAgreed:
    return RateAgreed(kind=kind, per_hour=euros(amount), valid_from=valid_from, valid_until=valid_until, person=ADA)


def test_a_rate_is_agreed_for_a_person_or_for_a_role() -> None:
    fields = {"kind": BILL, "per_hour": euros(90), "valid_from": MAY}
    given().when(AgreeRate(**fields, person=ADA)).then(RateAgreed(**fields, person=ADA))
    given().when(AgreeRate(**fields, role="Engineer")).then(RateAgreed(**fields, role="Engineer"))
    given().when(AgreeRate(**fields)).refused("whose_rate", "person")
    given().when(AgreeRate(**fields, person=ADA, role="Engineer")).refused("whose_rate", "person")


def test_a_rate_holds_on_some_day() -> None:
    command = AgreeRate(kind=BILL, per_hour=euros(90), valid_from=MAY, valid_until=MAY, person=ADA)
    given().when(command).refused("ends_before_it_starts", "validUntil")


async def test_an_hour_is_never_sold_for_less_than_nothing(world: World) -> None:
    outcome = await world.ask(AgreeRate(kind=BILL, per_hour=euros(-1), valid_from=MAY, role="Engineer"))
    assert isinstance(outcome, Invalid)
    assert outcome.path == ("perHour",)
    assert await world.facts() == []


@pytest.mark.parametrize(
    ("past", "day", "amount"),
    [
        ([], MAY, None),
        ([agreed(50, JUNE)], MAY, None),
        ([agreed(50, MAY)], JULY, 50),
        ([agreed(50, MAY, JUNE)], JUNE, None),
        ([agreed(50, MAY), agreed(60, JUNE)], MAY, 50),
        ([agreed(50, MAY), agreed(60, JUNE)], JULY, 60),
        # What is recorded later takes over the days it says, even if it begins earlier.
        ([agreed(50, JUNE), agreed(45, MAY)], JULY, 45),
        ([agreed(50, MAY), agreed(55, JUNE, JULY)], JULY, 50),
        ([agreed(50, MAY), agreed(90, MAY, kind=BILL)], MAY, 50),
    ],
)
def test_of_rates_that_hold_on_a_day_the_one_recorded_last_holds(
    past: list[RateAgreed], day: date, amount: int | None
) -> None:
    rate = state_after(decider, past).on(COST, day)
    assert (rate and rate.per_hour) == (None if amount is None else euros(amount))


def test_a_rate_is_known_as_it_was_known_then() -> None:
    """Correcting the past rate leaves what was known before as it was."""
    state = state_after(decider, [agreed(50, MAY), agreed(65, MAY)])
    assert state.on(COST, JUNE).per_hour == euros(65)
    assert state.on(COST, JUNE, known_at=1).per_hour == euros(50)
    assert state.on(COST, JUNE, known_at=0) is None


async def test_a_persons_own_rate_goes_before_the_one_of_the_role(world: World) -> None:
    ada, bela = await world.person("Ada"), await world.person("Bela")
    await world.record(AgreeRate(kind=COST, per_hour=euros(40), valid_from=MAY, role="Engineer"))
    first = await world.record(AgreeRate(kind=COST, per_hour=euros(55), valid_from=MAY, person=ada))
    await world.record(AgreeRate(kind=COST, per_hour=Money(57_500_000, "EUR"), valid_from=MAY, person=ada))
    api = Api(world)

    async def rate(person: UUID, **how: str) -> object:
        document = (
            "query ($person: ID, $knownAt: Position) {"
            ' rate(kind: COST, on: "2026-06-01", person: $person, role: "Engineer", knownAt: $knownAt) { perHour } }'
        )
        shown = await api.ask(document, person=gid("Person", person), **how)
        return shown["rate"] and shown["rate"]["perHour"]

    assert await rate(ada) == "57.50 EUR"
    assert await rate(ada, knownAt=str(first.position)) == "55.00 EUR"
    assert await rate(ada, knownAt=str(first.position - 1)) == "40.00 EUR"
    assert await rate(bela) == "40.00 EUR"
    cards = await api.ask("{ rateCards(first: 9) { nodes { role person { name } rates(first: 9) { totalCount } } } }")
    assert sorted((one["role"] or "", one["rates"]["totalCount"]) for one in cards["rateCards"]["nodes"]) == [
        ("", 2),
        ("Engineer", 1),
    ]
