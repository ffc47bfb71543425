"""Edits of policies and calendars: which clocks they reach, when, what that moves, and what stays as it was said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime

import pytest
from api import DESK
from both import Both
from conftest import NOON, World
from desk import CLOCK, HOUR, OPEN, RESOLVE, TICKET, Desk, adopt, clock, verdicts
from given import after
from offices import ACCEPT, FIVE, HOLIDAY, HOURS, PROPOSE, SIX, an_office_world, due
from timetables import OFFICE, WORKDAYS

from pet_graph import turn
from pet_graph.decisions import Recorded
from pet_graph.events.base import Command, Refused
from pet_graph.events.calendars import (
    AddCalendarExceptions,
    AmendCalendar,
    CalendarException,
    RetireCalendar,
    WeeklyHours,
)
from pet_graph.events.clocks import Change, ClockState, Said
from pet_graph.events.policies import RetireSlaPolicy
from pet_graph.events.reckoning import RETIRED
from pet_graph.events.tickets import ResolveTicket
from pet_graph.events.verdicts import (
    SlaBreached,
    SlaRestated,
    SlaReviewed,
    SlaStopped,
)


def an_office_desk(**fields: object) -> Desk:
    """A ticket that was opened at noon, to be resolved within six working hours: 09:00 UTC the day after."""
    desk = Desk()
    desk.ask(OFFICE, id=HOURS)
    desk.ask(adopt(SIX, warn_at_percent=(), calendar=HOURS, **fields))
    desk.ask(OPEN, id=TICKET)
    return desk


def ask_all(desk: Desk, commands: Iterable[Command], at: datetime = NOON) -> None:
    for command in commands:
        desk.ask(command, at=at)


# --- working hours ----------------------------------------------------------------------------------------------------


def test_a_clock_counts_the_working_hours_of_its_calendar() -> None:
    desk = an_office_desk()
    assert (clock(desk).due_at, clock(desk).calendar_version) == (after(hours=21), 1)
    desk.ask(RESOLVE, at=after(hours=20))
    assert (clock(desk).state, clock(desk).ended_elapsed) == (ClockState.MET, 5 * HOUR)


@pytest.mark.parametrize(
    ("change", "due_at", "version"), [(Change.KEEP, after(hours=21), 1), (Change.CARRY_ELAPSED, after(hours=45), 2)]
)
def test_a_holiday_that_is_accepted_moves_what_is_open_unless_the_policy_keeps_what_was_known(
    change: Change, due_at: datetime, version: int
) -> None:
    desk = an_office_desk(on_calendar=change)
    ask_all(desk, HOLIDAY, after(hours=1))
    assert clock(desk).due_at == after(hours=21)
    desk.ask(CLOCK, at=after(hours=2))
    assert (clock(desk).due_at, clock(desk).calendar_version) == (due_at, version)
    assert desk.ask(CLOCK, at=after(hours=3)) == []


def test_nothing_is_said_by_hours_that_an_edit_has_overtaken() -> None:
    desk = an_office_desk()
    ask_all(desk, HOLIDAY, after(hours=1))
    facts = desk.ask(RESOLVE, at=after(hours=22))
    assert [fact.type for fact in facts] == ["TicketResolved", "SlaMet", "SlaReviewed"]
    assert clock(desk).ended_elapsed == 4 * HOUR


def test_a_corrected_calendar_restates_beside_the_verdict_that_stays() -> None:
    desk = an_office_desk()
    desk.ask(RESOLVE, at=after(hours=22))
    before = list(verdicts(desk))
    assert [said[0] for said in before] == [SlaBreached, SlaStopped]
    ask_all(desk, HOLIDAY, after(days=2))
    facts = desk.ask(CLOCK, at=after(days=2))
    assert [type(fact.event) for fact in facts] == [SlaRestated, SlaReviewed]
    assert verdicts(desk)[:2] == before
    assert clock(desk).state is ClockState.BREACHED
    assert clock(desk).said == Said(ClockState.MET, None, after(hours=22), 4 * HOUR)


@pytest.mark.parametrize(
    ("change", "due_at"),
    [
        (Change.CARRY_ELAPSED, after(hours=6)),
        (Change.RESTART, after(hours=8)),
        (Change.RETROACTIVE, after(hours=6)),
        (Change.KEEP, after(hours=21)),
    ],
)
def test_other_hours_from_an_instant_on_count_by_the_mode_of_the_policy(change: Change, due_at: datetime) -> None:
    """Around the clock from two hours after noon on."""
    desk = an_office_desk(on_calendar=change)
    always = WeeklyHours(WORKDAYS, "00:00", "24:00")
    desk.ask(AmendCalendar(calendar=HOURS, hours=(always,), valid_from=after(hours=2)), at=after(hours=1))
    desk.ask(CLOCK, at=after(hours=2))
    assert clock(desk).due_at == due_at


def test_a_calendar_that_is_retired_makes_no_new_promises() -> None:
    desk = Desk()
    desk.ask(OFFICE, id=HOURS)
    desk.ask(RetireCalendar(calendar=HOURS, reason="Moved"))
    with pytest.raises(Refused) as refused:
        desk.ask(adopt(SIX, calendar=HOURS))
    assert (refused.value.code, refused.value.path) == ("calendar_retired", ("calendar",))


# --- reached by the clock ---------------------------------------------------------------------------------------------


async def test_an_edit_reaches_open_clocks_page_by_page_and_each_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn, "DUE_LIMIT", 10)
    await an_office_world(world, 25)
    await world.record(PROPOSE)
    assert await world.turns.record_due() == []
    await world.record(ACCEPT)
    looked, pages = turn.Due(edits=True), []
    while looked.edits:
        pages.append(len(await world.turns.record_due(looked)))
    assert pages == [10, 10, 5]
    assert await due(world) == [(25, after(hours=45), 2)]
    facts = await world.facts()
    assert await world.turns.record_due() == []
    assert await world.facts() == facts
    assert Counter(fact.type for fact in facts)["SlaRetargeted"] == 25


async def test_an_edit_of_the_future_or_of_another_subject_reaches_nobody_who_has_ended(world: World) -> None:
    [first, second] = await an_office_world(world, 2)
    await world.record(ResolveTicket(ticket=first, resolution="Oiled"))
    closed = AddCalendarExceptions(calendar=HOURS, exceptions=(CalendarException(date(2026, 6, 8), "Stocktaking"),))
    world.pass_time(hours=1)
    await world.record(closed)
    [outcome] = await world.turns.record_due()
    assert isinstance(outcome, Recorded)
    assert [(fact.type, fact.id) for fact in outcome.facts] == [("SlaReviewed", second)]


async def test_a_correction_reaches_clocks_that_have_ended_and_restates_beside(world: World) -> None:
    [ticket] = await an_office_world(world, 1)
    world.pass_time(hours=22)
    await world.record(ResolveTicket(ticket=ticket, resolution="Oiled"))
    world.pass_time(days=1)
    for command in HOLIDAY:
        await world.record(command)
    [outcome] = await world.turns.record_due()
    assert isinstance(outcome, Recorded)
    assert [fact.type for fact in outcome.facts] == ["SlaRestated", "SlaReviewed"]
    [row] = await world.rows("sla_clocks")
    assert (row["state"], row["restated_as"], row["breached_at"]) == ("breached", "met", after(hours=21))


@pytest.mark.parametrize(("cancel", "state"), [(True, "cancelled"), (False, "running")])
async def test_a_policy_that_is_retired_cancels_what_is_open_if_it_says_so(
    world: World, cancel: bool, state: str
) -> None:
    await an_office_world(world, 3)
    world.pass_time(hours=1)
    await world.record(RetireSlaPolicy(cancel_open=cancel))
    await world.turns.record_due()
    rows = await world.rows("sla_clocks")
    assert [(row["state"], row["cancelled_because"]) for row in rows] == [(state, RETIRED if cancel else None)] * 3


@pytest.mark.parametrize(
    ("change", "due_at"),
    [
        (Change.KEEP, after(hours=21)),
        (Change.CARRY_ELAPSED, after(hours=20)),
        (Change.RESTART, after(hours=21)),
        (Change.RETROACTIVE, after(hours=20)),
    ],
)
async def test_another_version_of_the_policy_reaches_open_clocks_by_its_mode(
    world: World, change: Change, due_at: datetime
) -> None:
    await an_office_world(world, 3)
    world.pass_time(hours=1)
    await world.record(adopt(FIVE, warn_at_percent=(), calendar=HOURS, open_clocks=change))
    await world.turns.record_due()
    assert await due(world) == [(3, due_at, 1)]


# --- shown ------------------------------------------------------------------------------------------------------------


async def test_elapsed_time_is_business_time_whichever_way_a_query_takes(world: World) -> None:
    """Five hours after noon in Rome four have counted; at night none more, and the next morning they go on."""
    await an_office_world(world, 1)
    both = Both.of(world, *DESK)
    shown = []
    for hours in (1, 4, 14, 1):
        world.pass_time(hours=hours)
        answer = await both.same("{ slaClocks(first: 1) { nodes { elapsed remaining target calendar { name } } } }")
        [clock] = answer["data"]["slaClocks"]["nodes"]
        shown.append((clock["elapsed"], clock["remaining"]))
        assert (clock["target"], clock["calendar"]) == ("PT6H", {"name": "Office"})
    assert shown == [("PT1H", "PT5H"), ("PT4H", "PT2H"), ("PT4H", "PT2H"), ("PT5H", "PT1H")]
