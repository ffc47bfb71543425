"""SLA clocks at risk: those due within so much working time, each on its own calendar; against a count of minutes."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import minutes
import pytest
from api import Api, gid
from both import SEED
from conftest import NOON, World
from desk import HOUR
from minutes import Hours
from timetables import OFFICE, REPUBLIC, WORKDAYS

from pet_graph.events.base import Command, Priority
from pet_graph.events.calendars import DefineCalendar, WeeklyHours
from pet_graph.events.holidays import AcceptHolidays, ProposeHolidays
from pet_graph.events.policies import AdoptSlaPolicy, SlaTarget
from pet_graph.events.tickets import (
    AnnulTicket,
    AssignTicket,
    HoldTicket,
    OpenTicket,
    ReopenTicket,
    ResolveTicket,
    ResumeTicket,
)
from pet_graph.events.timelines import Party

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
ORIGIN = datetime(2026, 5, 28, tzinfo=UTC)
"""From a Thursday on, eight days are counted."""

QUERY = """
    query ($within: Duration!, $first: Int!, $after: String, $filter: SlaAtRiskFilter) {
        slasAtRisk(within: $within, first: $first, after: $after, filter: $filter) {
            totalCount
            pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
            edges { cursor node { dueAt remainingBusiness clock { id kind remaining dueAt ticket { id } } } }
        }
    }
"""
ROME = Hours("Europe/Rome", (*([(540, 780), (840, 1080)],) * 5, [], []), {REPUBLIC.on: []})
NEW_YORK = Hours("America/New_York", (*([(540, 1020)],) * 5, [], []), {})
RESOLUTION = {Priority.NORMAL: 9 * HOUR, Priority.HIGH: 4 * HOUR}


async def asked(world: World, within: str, first: int = 100, **arguments: Any) -> dict[str, Any]:
    found: dict[str, Any] = (await Api(world).ask(QUERY, within=within, first=first, **arguments))["slasAtRisk"]
    return found


async def listed(world: World, within: str, **arguments: Any) -> list[tuple[str, str, str]]:
    """Ticket, what is left, when it is due."""
    nodes = [edge["node"] for edge in (await asked(world, within, **arguments))["edges"]]
    assert all(node["remainingBusiness"] == node["clock"]["remaining"] for node in nodes)
    assert all(node["dueAt"] == node["clock"]["dueAt"] for node in nodes)
    return [(node["clock"]["ticket"]["id"], node["remainingBusiness"], node["dueAt"]) for node in nodes]


# --- three firms in one -----------------------------------------------------------------------------------------------


@dataclass
class Office:
    """Customers whose promises count in Rome, in New York, and around the clock; tickets of which each does."""

    world: World
    customers: list[UUID]
    people: list[UUID]

    @classmethod
    async def at(cls, world: World) -> Office:
        world.time[0] = ORIGIN - DAY
        rome = (await world.record(OFFICE)).facts[0].id
        hours = (WeeklyHours(WORKDAYS, "09:00", "17:00"),)
        new_york = (await world.record(DefineCalendar("New York", "America/New_York", hours))).facts[0].id
        await world.record(ProposeHolidays(calendar=rome, source="Italy", holidays=(REPUBLIC,)))
        await world.record(AcceptHolidays(calendar=rome, dates=(REPUBLIC.on,)))
        customers = [await world.customer(name) for name in ("Roman", "American", "Sleepless")]
        targets = tuple(SlaTarget(priority, resolution=span) for priority, span in RESOLUTION.items())
        for customer, calendar in zip(customers, (rome, new_york, None), strict=True):
            about: dict[str, Any] = {"calendar": calendar, "customer": customer, "warn_at_percent": ()}
            await world.record(AdoptSlaPolicy(name="Own", targets=targets, **about))
        office = cls(world, customers, [await world.person(name) for name in ("Ada", "Béla")])
        world.time[0] = ORIGIN
        return office

    async def ask(self, command: Command) -> UUID:
        return (await self.world.record(command)).facts[0].id

    async def open(self, place: int, priority: Priority = Priority.NORMAL) -> UUID:
        return await self.ask(OpenTicket(customer=self.customers[place], subject="It squeaks", priority=priority))

    def wait(self, ticket: UUID) -> HoldTicket:
        return HoldTicket(ticket=ticket, reason="Which leg?", waiting_on=Party.CUSTOMER)


# --- against a count of minutes ---------------------------------------------------------------------------------------


@dataclass
class Course:
    """What happens to a ticket, in minutes after the origin."""

    place: int
    priority: Priority
    opened: int
    paused: tuple[int, int | None] | None
    ended: int | None
    id: UUID

    def steps(self, office: Office) -> list[tuple[int, Command, UUID | None]]:
        opening = OpenTicket(customer=office.customers[self.place], subject="It squeaks", priority=self.priority)
        found: list[tuple[int, Command, UUID | None]] = [(self.opened, opening, self.id)]
        if self.paused:
            found.append((self.paused[0], office.wait(self.id), None))
            if self.paused[1]:
                found.append((self.paused[1], ResumeTicket(ticket=self.id), None))
        if self.ended:
            found.append((self.ended, ResolveTicket(ticket=self.id, resolution="Oiled"), None))
        return found

    def left(self, calendars: list[list[bool]], now: int, within: int) -> tuple[int, int] | None:
        """Minutes left and the minute when it is due, if that is soon."""
        if self.opened > now or (self.ended and self.ended <= now):
            return None
        waits = [self.paused] if self.paused and self.paused[0] <= now else []
        if waits and (self.paused[1] is None or self.paused[1] > now):  # type: ignore[index]
            return None
        counted = minutes.without(calendars[self.place], waits)
        due = minutes.minute_reached(counted, self.opened, int(RESOLUTION[self.priority] / MINUTE))
        if due is None or due <= now:
            return None
        left = sum(counted[now:due])
        return (left, due) if left <= within else None


def a_course(dice: random.Random) -> Course:
    opened = dice.randrange(0, 5_500)
    begins, ends = sorted(dice.sample(range(opened + 1, opened + 1_000), 2))
    paused = (begins, dice.choice((ends, None))) if dice.random() < 0.4 else None
    ended = opened + dice.randrange(1_001, 1_500) if dice.random() < 0.2 else None
    return Course(dice.randrange(3), dice.choice(list(RESOLUTION)), opened, paused, ended, uuid4())


async def test_what_is_at_risk_is_what_counting_minutes_gives(world: World) -> None:
    dice = random.Random(SEED)
    office = await Office.at(world)
    kept: list[list[bool]] = [minutes.business([(0, one)], ORIGIN) for one in (ROME, NEW_YORK)]
    calendars = [*kept, [True] * minutes.LENGTH]
    courses = [a_course(dice) for _ in range(60)]
    looks = {dice.randrange(1_000, 6_500): dice.choice((30, 120, 480, 960)) for _ in range(14)}
    steps: list[Any] = [step for course in courses for step in course.steps(office)]
    steps += [(minute, None, None) for minute in looks]
    for minute, command, id_ in sorted(steps, key=lambda step: step[0]):
        world.time[0] = ORIGIN + minute * MINUTE
        if command:
            await world.record(command, id=id_)
        else:
            await world.turns.record_due()
            within = looks[minute]
            found = [(course.left(calendars, minute, within), course) for course in courses]
            wanted = [
                (gid("Ticket", course.id), left[0], (ORIGIN + left[1] * MINUTE).isoformat())
                for left, course in found
                if left
            ]
            shown = await listed(world, f"PT{within}M")
            assert sorted(shown) == sorted((id_, iso(left), due) for id_, left, due in wanted), f"seed {SEED}"
            order = [(left, due) for _, left, due in sorted(wanted, key=lambda one: one[1:])]
            assert [one[1:] for one in shown] == [(iso(left), due) for left, due in order], f"seed {SEED}"


def iso(left: int) -> str:
    whole, rest = divmod(left, 60)
    return f"PT{f'{whole}H' if whole else ''}{f'{rest}M' if rest else ''}"


# --- one by one -------------------------------------------------------------------------------------------------------


async def test_working_hours_are_counted_on_each_clocks_own_calendar(world: World) -> None:
    office = await Office.at(world)
    world.time[0] = datetime(2026, 5, 29, 12, tzinfo=UTC)  # Friday, after lunch in Rome
    roman, american, sleepless = [await office.open(place) for place in range(3)]
    assert await listed(world, "PT9H") == [
        (gid("Ticket", sleepless), "PT9H", "2026-05-29T21:00:00+00:00"),
        (gid("Ticket", roman), "PT9H", "2026-06-01T13:00:00+00:00"),
        (gid("Ticket", american), "PT9H", "2026-06-01T14:00:00+00:00"),
    ]
    world.time[0] = datetime(2026, 5, 29, 17, tzinfo=UTC)  # Rome is closed
    assert await listed(world, "PT5H") == [
        (gid("Ticket", sleepless), "PT4H", "2026-05-29T21:00:00+00:00"),
        (gid("Ticket", roman), "PT5H", "2026-06-01T13:00:00+00:00"),
        (gid("Ticket", american), "PT5H", "2026-06-01T14:00:00+00:00"),
    ]


async def test_exactly_so_much_is_within_and_a_microsecond_more_is_not(world: World) -> None:
    office = await Office.at(world)
    world.time[0] = NOON
    await office.open(0)
    world.pass_time(hours=20)  # before the holiday's morning: four hours were counted
    assert [left for _, left, _ in await listed(world, "PT5H")] == ["PT5H"]
    assert await listed(world, "PT4H59M59.999999S") == []


async def test_only_what_counts_and_is_not_due_yet_is_at_risk(world: World) -> None:
    office = await Office.at(world)
    world.time[0] = NOON
    waiting, resolved, annulled, breached, reopened, counting = [await office.open(2) for _ in range(6)]
    world.pass_time(hours=1)
    for command in (
        office.wait(waiting),
        ResolveTicket(ticket=resolved, resolution="Oiled"),
        AnnulTicket(ticket=annulled, reason="It was the door"),
        office.wait(reopened),
        office.wait(counting),
        ResolveTicket(ticket=reopened, resolution="Oiled"),
    ):
        await office.ask(command)
    world.pass_time(hours=8)
    for command in (ReopenTicket(ticket=reopened, reason="Again"), ResumeTicket(ticket=counting)):
        await office.ask(command)
    wanted = [(gid("Ticket", counting), "PT8H", "2026-06-02T05:00:00+00:00")]
    assert await listed(world, "PT8H") == wanted, "not recorded as a breach yet, but due"
    await world.turns.record_due()
    assert [state for state, _ in await states(world, breached)] == ["breached"]
    assert await listed(world, "PT8H") == wanted
    assert [id_ for id_, _, _ in await listed(world, "PT9H")] == [gid("Ticket", one) for one in (counting, reopened)]


async def states(world: World, ticket: UUID) -> list[tuple[str, int]]:
    rows = await world.pool.fetch("select state, cycle from sla_clocks where ticket_id = $1", ticket)
    return [tuple(row) for row in rows]


async def test_filters_choose_clocks(world: World) -> None:
    office = await Office.at(world)
    tickets = [await office.open(place, priority) for place in range(3) for priority in RESOLUTION]
    await office.ask(AssignTicket(ticket=tickets[0], assignee=office.people[0]))
    await office.ask(AssignTicket(ticket=tickets[5], assignee=office.people[1]))
    names = {gid("Ticket", id_): place for place, id_ in enumerate(tickets)}
    roman, ada = gid("Customer", office.customers[0]), gid("Person", office.people[0])
    for filter, wanted in (
        ({}, {0, 1, 2, 3, 4, 5}),
        ({"customer": [roman]}, {0, 1}),
        ({"policy": [gid("SlaPolicy", office.customers[2])]}, {4, 5}),
        ({"priority": ["HIGH"]}, {1, 3, 5}),
        ({"assignee": [ada]}, {0}),
        ({"assignee": [ada], "priority": ["HIGH"]}, set()),
        ({"assigned": False, "customer": [roman]}, {1}),
        ({"kind": ["RESPONSE"]}, set()),
        ({"kind": ["RESOLUTION"], "name": ["resolution"], "assigned": True}, {0, 5}),
    ):
        assert {names[id_] for id_, _, _ in await listed(world, "PT24H", filter=filter)} == wanted, filter


async def test_pages_are_as_of_the_first_ones_instant_whatever_happens_meanwhile(world: World) -> None:
    office = await Office.at(world)
    for number in range(12):
        await office.open(number % 3)
        world.pass_time(minutes=number % 2)
    whole = await asked(world, "PT9H")
    assert whole["totalCount"] == 12
    pages, after = [], None
    for number in range(4):
        page = await asked(world, "PT9H", first=3, **({"after": after} if after else {}))
        assert page["pageInfo"]["hasNextPage"] is (number < 3)
        assert page["pageInfo"]["hasPreviousPage"] is (number > 0)
        assert page["totalCount"] == 12
        pages += page["edges"]
        after = page["pageInfo"]["endCursor"]
        world.pass_time(minutes=7)
    assert [edge["node"]["dueAt"] for edge in pages] == [edge["node"]["dueAt"] for edge in whole["edges"]]
    assert [edge["node"]["clock"]["id"] for edge in pages] == [edge["node"]["clock"]["id"] for edge in whole["edges"]]
    last = await asked(world, "PT9H", after=after)
    assert (last["edges"], last["pageInfo"]["startCursor"]) == ([], None)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"within": "PT0S"}, "`within` is 0:00:00; more than nothing and at most 366 days fit."),
        ({"within": "P367D"}, "`within` is 367 days, 0:00:00; more than nothing and at most 366 days fit."),
        ({"first": 101}, "`first` is 101; from 1 to 100 fit."),
        ({"after": "?"}, "'?' is not a cursor of this list."),
        (
            {"after": "WyIyMDI2LTA2LTAxVDEyOjAwOjAwIl0"},
            "'WyIyMDI2LTA2LTAxVDEyOjAwOjAwIl0' is not a cursor of this list.",
        ),
    ],
)
async def test_what_means_nothing_is_refused(world: World, arguments: dict[str, Any], why: str) -> None:
    given = {"within": "PT8H", "first": 5, **arguments}
    assert await Api(world).wrong(QUERY, **given) == ("BAD_USER_INPUT", why)


async def test_a_cursor_from_the_future_is_none(world: World) -> None:
    office = await Office.at(world)
    await office.open(0)
    await office.open(1)
    page = await asked(world, "PT9H", first=1)
    world.pass_time(seconds=-1)
    code, message = await Api(world).wrong(QUERY, within="PT9H", first=1, after=page["pageInfo"]["endCursor"])
    assert (code, message[-29:]) == ("BAD_USER_INPUT", "is not a cursor of this list.")


async def test_working_time_beyond_all_calendars_is_no_error(world: World) -> None:
    office = await Office.at(world)
    await office.open(0)
    assert (await asked(world, "P366D"))["totalCount"] == 1
