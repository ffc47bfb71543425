"""SLA attainment: what is counted as met and as breached, in which period; against a count that knows no clocks."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from api import DESK, Api, counted, gid
from both import SEED, Both
from conftest import NOON, World

from pet_graph.decisions import Recorded
from pet_graph.events.base import Command, Priority
from pet_graph.events.policies import DEFAULT, AdoptSlaPolicy, SlaTarget
from pet_graph.events.tickets import AnnulTicket, HoldTicket, OpenTicket, ResolveTicket
from pet_graph.events.timelines import Party

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FIRST, LAST = NOON - 120 * DAY, NOON + 10 * DAY
TARGETS = {Priority.NORMAL: 20 * HOUR, Priority.HIGH: 10 * HOUR}
OWN = {Priority.NORMAL: 5 * HOUR, Priority.HIGH: 2 * HOUR}
QUERY = """
    query ($from: DateTime!, $to: DateTime!, $by: [AttainmentDimension!]!, $first: Int!, $every: Every,
        $zone: String!, $basis: AttainmentBasis!, $filter: SlaAttainmentFilter) {
        slaAttainment(from: $from, to: $to, by: $by, first: $first, every: $every, zone: $zone, basis: $basis,
            filter: $filter) {
            start end met breached overdue open cancelled restated attainment
            firstMet firstBreached firstOverdue firstCancelled firstAttainment
            policy { id } customer { id } kind name priority
        }
    }
"""
TEN_YEARS = {"from": "2020-01-01T00:00:00Z", "to": "2030-01-01T00:00:00Z"}
WHOLE = {**TEN_YEARS, "by": [], "first": 1_000, "zone": "UTC", "basis": "DECIDED"}


async def asked(world: World, **arguments: Any) -> list[dict[str, Any]]:
    """The same from both executions."""
    query = QUERY.replace("query", "query Q", 1)
    answer = await Both.of(world, *DESK).same(query, "Q", **{**WHOLE, **arguments})
    found: list[dict[str, Any]] = answer["data"]["slaAttainment"]
    return found


def picked(groups: list[dict[str, Any]], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(group[name] for name in names) for group in groups]


# --- tickets, and what became of each, by hand ------------------------------------------------------------------------


@dataclass(frozen=True)
class Fate:
    """What a ticket's one clock came to: what is known of it last and first, with the instant that decided it."""

    customer: UUID
    policy: UUID
    priority: Priority
    started: datetime
    last: str
    at: datetime | None
    first: str
    first_at: datetime | None

    @property
    def restated(self) -> bool:
        return (self.last, self.at) != (self.first, self.first_at)


@dataclass
class Desk:
    """Tickets that meet every fate. The clock looks only when it is told to."""

    world: World
    customers: list[UUID]

    @classmethod
    async def at(cls, world: World) -> Desk:
        desk = cls(world, [await world.customer(), await world.customer("Groaning Tables")])
        for targets, customer in ((TARGETS, None), (OWN, desk.customers[1])):
            one = tuple(SlaTarget(priority, resolution=span) for priority, span in targets.items())
            policy = AdoptSlaPolicy(
                name="Any", targets=one, warn_at_percent=(), customer=customer, valid_from=FIRST - DAY
            )
            await world.record(policy)
        return desk

    async def told(self, at: datetime, command: Command, id_: UUID | None = None) -> None:
        outcome = await self.world.ask(command, id=id_, occurred_at=at)
        assert isinstance(outcome, Recorded), outcome

    async def met_with(self, fate: str, number: int, priority: Priority, started: datetime) -> Fate:
        customer = self.customers[number]
        due_at = started + (OWN if number else TARGETS)[priority]
        ticket, resolved = uuid4(), ResolveTicket
        await self.told(started, OpenTicket(customer=customer, subject="It squeaks", priority=priority), ticket)
        early, late = started + HOUR, due_at + 50 * HOUR
        last: tuple[str, datetime | None]
        match fate:
            case "met":
                await self.told(early, resolved(ticket=ticket, resolution="Oiled"))
                last = first = "met", early
            case "breached":
                await self.told(late, resolved(ticket=ticket, resolution="Oiled"))
                last = first = "breached", due_at
            case "restated":
                await self.world.turns.record_due()
                await self.told(early, resolved(ticket=ticket, resolution="Oiled, told late"))
                last, first = ("met", early), ("breached", due_at)
            case "reached again":
                await self.world.turns.record_due()
                reason = "Which leg, told late?"
                await self.told(early, HoldTicket(ticket=ticket, reason=reason, waiting_on=Party.CUSTOMER))
                last, first = ("open", None), ("breached", due_at)
            case "cancelled":
                await self.told(early, AnnulTicket(ticket=ticket, reason="It was the door"))
                last = first = "cancelled", early
            case "paused":
                await self.told(early, HoldTicket(ticket=ticket, reason="Which?", waiting_on=Party.CUSTOMER))
                last = first = "open", None
            case _:
                last = first = ("open" if due_at > self.world.now() else "overdue"), due_at
        policy = customer if number else DEFAULT
        return Fate(customer, policy, priority, started, *last, *first)


LONG_DONE = ("met", "breached", "restated", "reached again", "cancelled", "paused")


async def random_fates(world: World, dice: random.Random, tickets: int) -> list[Fate]:
    """What is restated comes first, because the clock looks then; what it would find comes last."""
    desk = await Desk.at(world)
    kinds = sorted((dice.choice((*LONG_DONE, "left")) for _ in range(tickets)), key=lambda kind: kind == "left")
    fates = []
    for kind in kinds:
        before = timedelta(minutes=dice.randrange(5 * 1440, 110 * 1440))
        started = world.now() - (before if kind != "left" else timedelta(minutes=dice.randrange(30 * 60)))
        fates.append(await desk.met_with(kind, dice.randrange(2), dice.choice(list(TARGETS)), started))
    return fates


# --- a count that knows no clocks -------------------------------------------------------------------------------------

Label = Callable[[datetime], Any]
LABELS: dict[str | None, Callable[[datetime], Any]] = {
    None: lambda local: None,
    "DAY": lambda local: local.date(),
    "WEEK": lambda local: local.isocalendar()[:2],
    "MONTH": lambda local: (local.year, local.month),
    "QUARTER": lambda local: (local.year, (local.month + 2) // 3),
    "YEAR": lambda local: local.year,
}
GROUPED: dict[str, Callable[[Fate], Any]] = {
    "POLICY": lambda fate: gid("SlaPolicy", fate.policy),
    "CUSTOMER": lambda fate: gid("Customer", fate.customer),
    "PRIORITY": lambda fate: fate.priority.upper(),
    "KIND": lambda fate: "RESOLUTION",
    "NAME": lambda fate: "resolution",
}


def counts(fates: Iterable[Fate], label: Label, by: list[str], started: bool) -> dict[Any, Counter[str]]:
    """By period and group how many there are of everything; only what lies between FIRST and LAST."""
    found: dict[Any, Counter[str]] = {}
    for fate in fates:
        group = tuple(GROUPED[one](fate) for one in by)
        for prefix, what, decided in (("", fate.last, fate.at), ("first_", fate.first, fate.first_at)):
            at = fate.started if started else decided
            if at and FIRST <= at < LAST:
                told = found.setdefault((label(at), *group), Counter())
                told[prefix + what] += 1
                told["restated"] += fate.restated and not prefix
    return found


def millionths(met: int, *others: int) -> str | None:
    """The share as decimal text, cut and not rounded."""
    every = met + sum(others)
    if not every:
        return None
    whole, rest = divmod(met * 10**6 // every, 10**6)
    return f"{whole}.{rest:06}".rstrip("0").rstrip(".")


def shown(told: Counter[str]) -> dict[str, Any]:
    names = ("met", "breached", "overdue", "open", "cancelled", "restated")
    firsts = {
        f"first{name.capitalize()}": told[f"first_{name}"] for name in ("met", "breached", "overdue", "cancelled")
    }
    first = millionths(told["first_met"], told["first_breached"], told["first_overdue"])
    share = millionths(told["met"], told["breached"], told["overdue"])
    return {**{name: told[name] for name in names}, **firsts, "attainment": share, "firstAttainment": first}


def questions(dice: random.Random) -> Iterator[tuple[dict[str, Any], str]]:
    for every in LABELS:
        for basis in ("DECIDED", "STARTED"):
            by = dice.sample(list(GROUPED), dice.randint(0, 3))
            zone = dice.choice(("UTC", "Europe/Rome", "America/New_York", "Pacific/Auckland"))
            yield {"every": every, "by": by, "basis": basis, "zone": zone}, f"seed {SEED}: {every} {by} {basis} {zone}"


async def test_what_is_counted_is_what_became_of_the_tickets_by_hand(world: World) -> None:
    dice = random.Random(SEED)
    fates = await random_fates(world, dice, 70)
    stretch = {"from": FIRST.isoformat(), "to": LAST.isoformat()}
    for asking, why in questions(dice):
        place = ZoneInfo(asking["zone"])

        def label(at: datetime, of: Any = LABELS[asking["every"]], place: ZoneInfo = place) -> Any:
            return of(at.astimezone(place))

        wanted = counts(fates, label, asking["by"], asking["basis"] == "STARTED")
        found = {}
        for group in await asked(world, **stretch, **asking):
            named = {**group, **{name: group[name] and group[name]["id"] for name in ("policy", "customer")}}
            key = (label(datetime.fromisoformat(group["start"])), *(named[one.lower()] for one in asking["by"]))
            found[key] = {name: group[name] for name in shown(Counter())}
            assert all(named[one.lower()] is None for one in GROUPED if one not in asking["by"]), why
        assert found == {key: shown(told) for key, told in wanted.items()}, why


# --- the rules, one by one --------------------------------------------------------------------------------------------


async def test_open_clocks_that_are_past_due_count_as_breached_before_anybody_has_said_so(world: World) -> None:
    desk = await Desk.at(world)
    for fate in ("met", "met", "met"):
        await desk.met_with(fate, 0, Priority.NORMAL, NOON - 3 * DAY)
    await desk.met_with("left", 0, Priority.NORMAL, NOON - 20 * HOUR)
    await desk.met_with("left", 0, Priority.NORMAL, NOON - 19 * HOUR)
    names = "met", "breached", "overdue", "open", "attainment"
    assert picked(await asked(world), *names) == [(3, 0, 1, 1, "0.75")]
    await world.turns.record_due()
    assert picked(await asked(world), *names) == [(3, 1, 0, 1, "0.75")]


async def test_a_restated_clock_counts_as_what_was_said_last_and_is_shown_as_it_was_said_first(world: World) -> None:
    desk = await Desk.at(world)
    await desk.met_with("restated", 0, Priority.NORMAL, NOON - 3 * DAY)
    await desk.met_with("breached", 0, Priority.NORMAL, NOON - 5 * DAY)
    [group] = await asked(world)
    assert picked([group], "met", "breached", "restated", "attainment") == [(1, 1, 1, "0.5")]
    assert picked([group], "firstMet", "firstBreached", "firstAttainment") == [(0, 2, "0")]


async def test_a_restatement_moves_a_clock_to_another_period_and_leaves_the_first_verdict_in_its_own(
    world: World,
) -> None:
    desk = await Desk.at(world)
    await desk.met_with("restated", 0, Priority.NORMAL, datetime(2026, 3, 31, 20, tzinfo=UTC))
    found = await asked(world, every="MONTH", **{"from": "2026-03-01T00:00:00Z", "to": "2026-05-01T00:00:00Z"})
    assert picked(found, "start", "met", "firstMet", "breached", "firstBreached") == [
        ("2026-03-01T00:00:00+00:00", 1, 0, 0, 0),
        ("2026-04-01T00:00:00+00:00", 0, 0, 0, 1),
    ]


async def test_what_was_cancelled_or_stands_still_is_no_part_of_the_share(world: World) -> None:
    desk = await Desk.at(world)
    for fate in ("cancelled", "paused", "met"):
        await desk.met_with(fate, 0, Priority.HIGH, NOON - 2 * DAY)
    names = "met", "open", "cancelled", "attainment"
    assert picked(await asked(world), *names) == [(1, 0, 1, "1")]
    assert picked(await asked(world, basis="STARTED"), *names) == [(1, 1, 1, "1")]


async def test_of_nothing_there_is_no_share(world: World) -> None:
    desk = await Desk.at(world)
    assert await asked(world) == []
    await desk.met_with("cancelled", 0, Priority.HIGH, NOON - 2 * DAY)
    assert picked(await asked(world), "attainment", "firstAttainment") == [(None, None)]


async def test_groups_come_in_the_order_of_time_and_then_of_breaches(world: World) -> None:
    desk = await Desk.at(world)
    for fate, number, days in (("met", 0, 3), ("breached", 1, 3), ("breached", 0, 40), ("met", 1, 40)):
        await desk.met_with(fate, number, Priority.HIGH, NOON - days * DAY)
    found = await asked(world, by=["CUSTOMER"], every="MONTH", zone="Europe/Rome", first=3)
    ids = [gid("Customer", one) for one in desk.customers]
    assert [(one["start"], one["end"], one["customer"]["id"], one["breached"]) for one in found] == [
        ("2026-03-31T22:00:00+00:00", "2026-04-30T22:00:00+00:00", ids[0], 1),
        ("2026-03-31T22:00:00+00:00", "2026-04-30T22:00:00+00:00", ids[1], 0),
        ("2026-04-30T22:00:00+00:00", "2026-05-31T22:00:00+00:00", ids[1], 1),
    ]


async def test_filters_choose_clocks(world: World) -> None:
    desk = await Desk.at(world)
    for number, priority in ((0, Priority.NORMAL), (0, Priority.HIGH), (1, Priority.HIGH)):
        await desk.met_with("met", number, priority, NOON - 2 * DAY)
    own = gid("SlaPolicy", desk.customers[1])
    for filter, met in (
        ({}, 3),
        ({"customer": [gid("Customer", desk.customers[0])]}, 2),
        ({"policy": [own]}, 1),
        ({"policy": [own], "priority": ["NORMAL"]}, None),
        ({"priority": ["HIGH"]}, 2),
        ({"kind": ["RESPONSE"]}, None),
        ({"kind": ["RESOLUTION", "RESPONSE"], "name": ["resolution"]}, 3),
        ({"name": []}, None),
    ):
        assert [one["met"] for one in await asked(world, filter=filter)] == ([met] if met else []), filter


async def test_a_day_of_summer_time_is_shorter_and_a_date_that_a_zone_skipped_has_none(world: World) -> None:
    desk = await Desk.at(world)
    await desk.met_with("met", 0, Priority.NORMAL, datetime(2026, 3, 29, 0, tzinfo=UTC))
    asking = {"from": "2026-03-28T00:00:00Z", "to": "2026-04-01T00:00:00Z", "every": "DAY", "zone": "Europe/Rome"}
    assert picked(await asked(world, **asking), "start", "end", "met") == [
        ("2026-03-28T23:00:00+00:00", "2026-03-29T22:00:00+00:00", 1)
    ]
    asking = {"from": "2011-12-29T00:00:00Z", "to": "2012-01-02T00:00:00Z", "every": "DAY", "zone": "Pacific/Apia"}
    assert await asked(world, **asking) == []


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"zone": "Rome"}, "'Rome' is no time zone of the IANA database."),
        ({"first": 0}, "`first` is 0; from 1 to 1,000 fit."),
        ({"from": NOON.isoformat(), "to": NOON.isoformat()}, "`from` has to come before `to`."),
        ({"every": "DAY"}, "From `from` to `to` it is more than 1000 periods; ask for less time, or longer ones."),
        ({"filter": {"policy": [gid("Customer", UUID(int=1))]}}, None),
    ],
)
async def test_what_means_nothing_is_refused(world: World, arguments: dict[str, Any], why: str | None) -> None:
    code, message = await Api(world).wrong(QUERY, **{**WHOLE, **arguments})
    assert code == "BAD_USER_INPUT"
    assert why is None or message == why


async def test_the_first_and_the_last_years_have_periods_too(world: World) -> None:
    for start, end in (
        ("0001-01-01T00:00:00Z", "0900-01-01T00:00:00Z"),
        ("9001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"),
    ):
        for zone in ("Pacific/Auckland", "America/New_York"):
            assert await asked(world, **{"from": start, "to": end}, every="YEAR", zone=zone) == []


async def test_it_is_one_statement(world: World) -> None:
    api = Api(world)
    async with counted(api) as statements:
        await api.ask(QUERY, **{**WHOLE, "every": "QUARTER", "by": ["POLICY", "PRIORITY"]})
    assert len(statements) == 1
