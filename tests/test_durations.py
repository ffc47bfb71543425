"""Durations: stated cases, and any course of a ticket against somebody who looks at the desk once a minute.

`PET_TEST_CASES=10000` tries more of them.
"""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import minutes
import pytest
from api import Api, gid
from both import SEED
from conftest import World
from desk import ANNUL, HOLD, MERGE, MOVE, OPEN, REOPEN, RESOLVE, RESPOND, RESUME, TICKET, WRITE, Desk, adopt
from hypothesis import given, settings
from hypothesis import strategies as st
from timetables import OFFICE, a_calendar

from pet_graph.events.base import Command, Priority, Refused
from pet_graph.events.customers import RegisterCustomer
from pet_graph.events.durations import DURATIONS, business, intervals, times
from pet_graph.events.policies import SlaTarget
from pet_graph.events.tickets import CloseTicket, OpenTicket
from pet_graph.projections import rows_of, rows_since
from pet_graph.projections.base import Put

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
MONDAY = datetime(2026, 6, 1, tzinfo=UTC)
CLOSE = CloseTicket(ticket=TICKET)
NINE = tuple(DURATIONS)

Step = tuple[int, Command]
"""What happens in which minute after Monday's first."""


def told(steps: list[Step]) -> Desk:
    """A desk at which this was told, in this order; what is refused is passed over."""
    desk = Desk()
    for minute, command in steps:
        try:
            desk.ask(command, at=MONDAY + minute * MINUTE, id=TICKET if command is OPEN else None)
        except Refused:
            continue
    return desk


def lasted(desk: Desk, until: int) -> dict[str, list[int]]:
    """The single times of every duration, in minutes."""
    table = [*intervals(desk.look("ticket", TICKET).timeline)]
    now = MONDAY + until * MINUTE
    return {
        name: [sum(int(((one.end or now) - one.start) / MINUTE) for one in counted) for counted in times(table, counts)]
        for name, counts in DURATIONS.items()
    }


def nine(*steps: Step, until: int = 1_000) -> dict[str, int]:
    """The nine durations in minutes; only those that are not nothing."""
    return {name: sum(found) for name, found in lasted(told([*steps]), until).items() if sum(found)}


# --- stated cases -----------------------------------------------------------------------------------------------------


def test_a_ticket_that_nobody_looks_at_is_waited_for_by_everybody() -> None:
    assert nine((0, OPEN), until=60) == {
        "first_reply_time": 60,
        "requester_wait_time": 60,
        "agent_work_time": 60,
        "total_resolution_time": 60,
    }


def test_a_plain_life() -> None:
    assert nine((0, OPEN), (10, RESPOND), (20, HOLD), (50, RESUME), (60, MOVE), (100, RESUME), (130, RESOLVE)) == {
        "first_reply_time": 10,
        "periodic_update_time": 120,
        "pausable_update_time": 90,
        "requester_wait_time": 100,
        "agent_work_time": 60,
        "agent_wait_time": 30,
        "on_hold_time": 40,
        "total_resolution_time": 130,
    }


def test_a_resolution_is_the_first_reply_when_there_was_none() -> None:
    assert nine((0, OPEN), (30, RESOLVE)) == dict.fromkeys(
        ("first_reply_time", "requester_wait_time", "agent_work_time", "total_resolution_time"), 30
    )


def test_the_first_reply_is_waited_for_whatever_the_ticket_waits_for() -> None:
    found = nine((0, OPEN), (10, HOLD), (40, RESUME), (45, RESPOND), until=45)
    assert (found["first_reply_time"], found["agent_wait_time"]) == (45, 30)


def test_the_next_reply_is_waited_for_from_the_oldest_message_after_the_first_reply() -> None:
    desk = told(
        [
            (0, OPEN),
            (5, WRITE),  # before the first reply: that is what the first one is for
            (10, RESPOND),
            (20, WRITE),
            (25, WRITE),
            (40, RESPOND),
            (50, WRITE),
            (55, RESOLVE),
            (70, WRITE),
        ]
    )
    assert lasted(desk, 100)["next_reply_time"] == [20, 5, 30]
    assert lasted(desk, 100)["first_reply_time"] == [10]


def test_who_writes_about_what_is_closed_waits_for_nothing_until_it_is_reopened() -> None:
    steps = [(0, OPEN), (10, RESOLVE), (20, WRITE), (30, CLOSE), (40, WRITE), (50, REOPEN), (60, WRITE), (70, RESPOND)]
    assert lasted(told(steps), 100)["next_reply_time"] == [10, 10]


def test_updates_are_counted_reply_by_reply_and_the_longest_is_told() -> None:
    desk = told([(0, OPEN), (10, RESPOND), (40, RESPOND), (50, HOLD), (80, RESUME), (100, RESPOND), (105, RESOLVE)])
    assert lasted(desk, 200)["periodic_update_time"] == [30, 60, 5]
    assert lasted(desk, 200)["pausable_update_time"] == [30, 30, 5]


def test_between_a_resolution_and_a_reopening_nothing_counts() -> None:
    desk = told([(0, OPEN), (10, RESOLVE), (500, REOPEN), (520, RESPOND), (530, RESOLVE)])
    assert lasted(desk, 1_000) == {
        "first_reply_time": [10],
        "next_reply_time": [],
        "periodic_update_time": [20, 10],
        "pausable_update_time": [20, 10],
        "requester_wait_time": [10, 30],
        "agent_work_time": [10, 30],
        "agent_wait_time": [],
        "on_hold_time": [],
        "total_resolution_time": [10, 30],
    }


@pytest.mark.parametrize("end", [ANNUL, MERGE])
def test_what_was_an_error_or_merged_counts_no_further(end: Command) -> None:
    desk = Desk()
    desk.ask(OPEN, at=MONDAY, id=UUID(int=3))
    found = lasted(told([(0, OPEN), (10, RESPOND), (20, WRITE), (30, end)]), 100)
    assert {name: sum(one) for name, one in found.items() if one} == {
        "first_reply_time": 10,
        "next_reply_time": 10,
        "periodic_update_time": 20,
        "pausable_update_time": 20,
        "requester_wait_time": 30,
        "agent_work_time": 30,
        "total_resolution_time": 30,
    }


def test_a_wait_that_passes_from_the_customer_to_a_supplier_passes_from_pending_to_on_hold() -> None:
    found = nine((0, OPEN), (10, HOLD), (30, MOVE), (60, RESUME), until=60)
    assert (found["agent_wait_time"], found["on_hold_time"], found["agent_work_time"]) == (20, 30, 10)


def test_what_is_told_late_counts_where_it_belongs() -> None:
    in_time = told([(0, OPEN), (10, RESPOND), (20, HOLD), (50, RESUME), (60, RESOLVE)])
    late = told([(0, OPEN), (20, HOLD), (50, RESUME), (10, RESPOND), (60, RESOLVE)])
    assert lasted(late, 100) == lasted(in_time, 100)


def test_working_time_is_counted_by_what_was_promised_at_each_instant() -> None:
    mornings, nights = a_calendar("UTC", "08:00-12:00"), a_calendar("UTC", "22:00-30:00")
    noon = MONDAY + 12 * HOUR
    for hours, wanted in (
        ([(noon, None)], 24),
        ([(noon, mornings)], 4),
        ([(MONDAY - HOUR, mornings), (noon, nights)], 4 + 2),
        ([(noon, nights), (MONDAY + 23 * HOUR, None)], 6 + 1 + 1),
        ([(MONDAY, nights), (MONDAY, mornings)], 4),
    ):
        assert business(hours, MONDAY, MONDAY + 24 * HOUR) == wanted * HOUR


# --- somebody who looks once a minute ---------------------------------------------------------------------------------

OPEN_STATES, WAITS = ("open", "pending", "on hold"), {"customer": "pending", "supplier": "on hold"}


@dataclass
class Watcher:
    """Notes in each minute what is waited for, and knows nothing of intervals."""

    state: str = "none"
    replied: int = 0
    unanswered: bool = False
    waits: int = 0
    noted: dict[str, dict[Any, list[int]]] = field(default_factory=lambda: {name: {} for name in NINE})
    running: dict[str, int] = field(default_factory=lambda: dict.fromkeys(NINE, 0))

    def hear(self, command: Command) -> None:
        match type(command).__name__:
            case "OpenTicket":
                self.state = "open"
            case "RespondToTicket":
                self._reply()
            case "ReceiveTicketMessage":
                if self.replied and not self.unanswered and self.state in (*OPEN_STATES, "resolved"):
                    self.unanswered, self.waits = True, self.waits + 1
            case "HoldTicket":
                self.state = WAITS[str(command.waiting_on)]  # type: ignore[attr-defined]
            case "ResumeTicket" | "ReopenTicket":
                self.state = "open"
            case "ResolveTicket":
                self._reply()
                self.state = "resolved"
            case "CloseTicket":
                self.state, self.unanswered = "closed", False
            case _:
                self.state, self.unanswered = "void", False

    def _reply(self) -> None:
        self.replied, self.unanswered = self.replied + 1, False

    def look(self, minute: int) -> None:
        unsolved = self.state in OPEN_STATES
        self._note(minute, "first_reply_time", not self.replied and self.state not in ("none", "void", "closed"))
        self._note(minute, "next_reply_time", self.unanswered, self.waits)
        self._note(minute, "periodic_update_time", bool(self.replied) and unsolved, self.replied)
        busy = self.state in ("open", "on hold")
        self._note(minute, "pausable_update_time", bool(self.replied) and busy, self.replied)
        self._note(minute, "requester_wait_time", busy)
        self._note(minute, "agent_work_time", self.state == "open")
        self._note(minute, "agent_wait_time", self.state == "pending")
        self._note(minute, "on_hold_time", self.state == "on hold")
        self._note(minute, "total_resolution_time", unsolved)

    def _note(self, minute: int, name: str, counts: bool, number: int | None = None) -> None:
        """A minute of a single time: of that number or, without one, of the stretch that goes on."""
        if not counts:
            self.running[name] += 1
        else:
            self.noted[name].setdefault(self.running[name] if number is None else number, []).append(minute)


def watched(steps: list[Step], until: int) -> dict[str, list[list[int]]]:
    """The minutes of each single time of every duration."""
    watcher, todo = Watcher(), [*steps]
    for minute in range(until):
        while todo and todo[0][0] == minute:
            watcher.hear(todo.pop(0)[1])
        watcher.look(minute)
    return {name: [*found.values()] for name, found in watcher.noted.items()}


COMMANDS = (RESPOND, WRITE, HOLD, MOVE, RESUME, RESOLVE, REOPEN, CLOSE, ANNUL, MERGE)
common = st.sampled_from((RESPOND, WRITE, WRITE, HOLD, MOVE, RESUME, RESUME, RESOLVE, REOPEN, REOPEN, CLOSE))
course = st.lists(st.tuples(st.integers(0, 300), common | st.sampled_from(COMMANDS)), max_size=14)
CASES = int(os.environ.get("PET_TEST_CASES", 500))
often = settings(max_examples=max(1, CASES * 3 // 5), deadline=None, print_blob=True)


def accepted(steps: list[Step]) -> list[Step]:
    """Those steps that the desk does not refuse, in order."""
    desk, kept = Desk(), []
    for minute, command in steps:
        try:
            desk.ask(command, at=MONDAY + minute * MINUTE, id=TICKET if command is OPEN else None)
        except Refused:
            continue
        kept.append((minute, command))
    return kept


@often
@given(course)
def test_any_course_lasts_as_long_as_somebody_says_who_looks_once_a_minute(steps: list[Step]) -> None:
    steps = accepted([(0, OPEN), *sorted(steps, key=lambda step: step[0])])
    found = lasted(told(steps), 400)
    assert found == {name: [len(one) for one in noted] for name, noted in watched(steps, 400).items()}


@often
@given(course)
def test_in_whatever_order_it_is_told_the_parts_add_up_and_pauses_are_those_of_clocks(steps: list[Step]) -> None:
    desk = told([(0, OPEN), *steps])
    found = {name: sum(one) for name, one in lasted(desk, 400).items()}
    assert found["agent_work_time"] + found["on_hold_time"] == found["requester_wait_time"]
    assert found["requester_wait_time"] + found["agent_wait_time"] == found["total_resolution_time"]
    assert found["pausable_update_time"] <= found["periodic_update_time"] <= found["total_resolution_time"]


@often
@given(course)
def test_rows_carry_the_position_of_the_last_fact_that_changed_them(steps: list[Step]) -> None:
    """A turn passes over rows with an earlier position: those that it writes are all that changed."""
    desk, kept = Desk(), {}
    for minute, command in [(0, OPEN), *steps]:
        try:
            facts = desk.ask(command, at=MONDAY + minute * MINUTE, id=TICKET if command is OPEN else None)
        except Refused:
            continue
        last = [fact for fact in facts if fact.stream == f"ticket-{TICKET}"][-1]
        for change in rows_since(last.position - 1, desk.look("ticket", TICKET), last):
            if isinstance(change, Put) and change.table == "ticket_intervals":
                kept[change.values["id"]] = change.values
        whole = [one.values for one in rows_of(desk.look("ticket", TICKET), last) if one.table == "ticket_intervals"]  # type: ignore[union-attr]
        assert kept == {row["id"]: row for row in whole}
        assert len(whole) == len(desk.look("ticket", TICKET).timeline)


# --- through the graph ------------------------------------------------------------------------------------------------

CAMEL = {name: "".join([name.split("_")[0], *map(str.capitalize, name.split("_")[1:])]) for name in NINE}
EACH = "{ calendar business businessMissingBecause longestCalendar longestBusiness times running }"
ALL_NINE = " ".join(f"{name} {EACH}" for name in CAMEL.values())
QUERY = f"query ($id: ID!) {{ ticket(id: $id) {{ durations {{ {ALL_NINE} }} }} }}"
ROME = minutes.Hours("Europe/Rome", (*([(540, 780), (840, 1080)],) * 5, [], []), {})


def iso(spent: int) -> str:
    hours, rest = divmod(spent, 60)
    return f"PT{f'{hours}H' if hours else ''}{f'{rest}M' if rest else ''}" if spent else "PT0S"


async def the_day_before(world: World) -> None:
    world.time[0] = MONDAY - 24 * HOUR
    await world.record(RegisterCustomer(name="Crunchy Armchairs"), id=OPEN.customer)


async def record(world: World, steps: list[Step]) -> None:
    for minute, command in steps:
        world.time[0] = MONDAY + minute * MINUTE
        await world.record(command, id=TICKET if isinstance(command, OpenTicket) else None)


async def durations(world: World) -> Any:
    return (await Api(world).ask(QUERY, id=gid("Ticket", TICKET)))["ticket"]["durations"]


async def test_both_variants_are_what_somebody_says_who_looks_once_a_minute(world: World) -> None:
    dice = random.Random(SEED)
    await the_day_before(world)
    calendar = (await world.record(OFFICE)).facts[0].id
    await world.record(adopt(SlaTarget(Priority.NORMAL, resolution=8 * HOUR), calendar=calendar))
    choices = [RESPOND, WRITE, HOLD, MOVE, RESUME, RESOLVE, REOPEN, CLOSE]
    steps = sorted(((dice.randrange(5_000), dice.choice(choices)) for _ in range(120)), key=lambda step: step[0])
    steps = accepted([(0, OPEN), *steps])
    await record(world, steps)
    world.time[0] = MONDAY + 6_000 * MINUTE
    counted = minutes.business([(0, ROME)], MONDAY)
    found = await durations(world)
    for name, noted in watched(steps, 6_000).items():
        calendar_time = [len(one) for one in noted]
        business_time = [sum(counted[minute] for minute in one) for one in noted]
        shown = found[CAMEL[name]]
        assert (shown["calendar"], shown["business"]) == (iso(sum(calendar_time)), iso(sum(business_time))), (
            SEED,
            name,
        )
        assert shown["longestCalendar"] == iso(max(calendar_time, default=0)), (SEED, name)
        assert shown["longestBusiness"] == iso(max(business_time, default=0)), (SEED, name)
        assert shown["times"] == len(noted), (SEED, name)
        assert shown["running"] is any(one[-1] == 5_999 for one in noted), (SEED, name)


async def test_of_what_nothing_was_promised_there_is_no_working_time_and_why_is_told(world: World) -> None:
    await the_day_before(world)
    await record(world, [(0, OPEN), (90, RESPOND)])
    shown = (await durations(world))["firstReplyTime"]
    assert shown == {
        "calendar": "PT1H30M",
        "business": None,
        "businessMissingBecause": "not_promised",
        "longestCalendar": "PT1H30M",
        "longestBusiness": None,
        "times": 1,
        "running": False,
    }


async def test_a_promise_around_the_clock_counts_all_time(world: World) -> None:
    await the_day_before(world)
    await world.policy(resolution=8 * HOUR)
    await record(world, [(0, OPEN), (90, RESPOND)])
    world.pass_time(minutes=30)
    shown = (await durations(world))["periodicUpdateTime"]
    assert (shown["calendar"], shown["business"], shown["businessMissingBecause"]) == ("PT30M", "PT30M", None)
    assert shown["running"] is True


async def test_a_past_ticket_has_lasted_until_then_and_its_intervals_tell_of_it(world: World) -> None:
    await the_day_before(world)
    await record(world, [(0, OPEN), (60, RESPOND), (90, HOLD), (200, RESUME), (300, RESOLVE)])
    query = """query ($id: ID!, $as: AsOf) { ticket(id: $id, asOf: $as) {
        durations { agentWaitTime { calendar running } totalResolutionTime { calendar running } }
        intervals(first: 9) { nodes { startedAt endedAt phase awaitsFirstReply awaitedReply replies } } } }"""
    then = {"occurredAt": (MONDAY + 100 * MINUTE).isoformat()}
    past = (await Api(world).ask(query, **{"id": gid("Ticket", TICKET), "as": then}))["ticket"]
    assert past["durations"] == {
        "agentWaitTime": {"calendar": "PT10M", "running": True},
        "totalResolutionTime": {"calendar": "PT1H40M", "running": True},
    }
    assert [(one["phase"], one["endedAt"]) for one in past["intervals"]["nodes"]] == [
        ("OPEN", "2026-06-01T01:00:00+00:00"),
        ("OPEN", "2026-06-01T01:30:00+00:00"),
        ("PENDING", None),
    ]
    now = (await Api(world).ask(query, id=gid("Ticket", TICKET)))["ticket"]
    assert now["durations"]["totalResolutionTime"] == {"calendar": "PT5H", "running": False}
    assert [one["phase"] for one in now["intervals"]["nodes"]] == ["OPEN", "OPEN", "PENDING", "OPEN", "SOLVED"]
    assert [one["replies"] for one in now["intervals"]["nodes"]] == [0, 1, 1, 1, 2]
