"""What users of other systems report of their SLAs, each report a test under the name of its theme.

The reports stand in public: GLPI, Zammad, ERPNext, Frappe Helpdesk, osTicket, Azure DevOps, ServiceNow, Atlassian.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from desk import (
    ANNOTATE,
    CLOCK,
    HOLD,
    HOUR,
    MERGE,
    NEXT_RESPONSE,
    NORMAL,
    OPEN,
    REOPEN,
    RESOLUTION,
    RESOLVE,
    RESPOND,
    RESPONSE,
    RESUME,
    TICKET,
    WRITE,
    Desk,
    a_desk,
    adopt,
    clock,
    clock_state,
    prioritise,
    sla,
    verdicts,
)
from given import after
from hypothesis import given, settings
from hypothesis import strategies as st

from pet_graph.events.base import Priority, Refused
from pet_graph.events.calendars import AmendCalendar, DefineCalendar, WeeklyHours
from pet_graph.events.clocks import Change, ClockState, next_due_at
from pet_graph.events.holidays import AcceptHolidays, Holiday, ProposeHolidays
from pet_graph.events.policies import RetireSlaPolicy, SlaTarget
from pet_graph.events.spans import Segment, SegmentKind
from pet_graph.events.verdicts import SlaBreached, SlaCancelled, SlaMet, SlaWarned
from pet_graph.events.workdays import Weekday

HOURS = UUID(int=7)
NEW_YORK = ZoneInfo("America/New_York")
WORKDAYS = tuple(Weekday)[:5]


def at(month: int, day: int, hour: int, minute: int = 0, zone: ZoneInfo = NEW_YORK) -> datetime:
    """An instant of 2026, in local time."""
    return datetime(2026, month, day, hour, minute, tzinfo=zone)


def a_desk_in(
    opened_at: datetime,
    target: timedelta,
    *windows: tuple[str, str],
    weekdays: tuple[Weekday, ...] = WORKDAYS,
    **fields: object,
) -> Desk:
    """A ticket to be resolved within so much of these hours, in the zone of the instant at which it was opened."""
    zone = str(opened_at.tzinfo)
    desk, long_ago = Desk(), opened_at - timedelta(days=400)
    hours = tuple(WeeklyHours(weekdays, *window) for window in windows or [("09:00", "17:00")])
    desk.ask(DefineCalendar(name="Office", zone=zone, hours=hours), at=long_ago, id=HOURS)
    desk.ask(adopt(SlaTarget(resolution=target), calendar=HOURS, **{"warn_at_percent": (), **fields}), at=long_ago)
    desk.ask(OPEN, at=opened_at, id=TICKET)
    return desk


@pytest.mark.parametrize(
    ("opened_at", "target", "due_at"),
    [
        (at(3, 6, 16), 2, at(3, 9, 10)),  # New York goes to summer time on Sunday 8 March
        (at(10, 30, 16), 2, at(11, 2, 10)),  # and back on Sunday 1 November
        (at(3, 27, 16, zone=ZoneInfo("Europe/Berlin")), 10, at(3, 31, 10, zone=ZoneInfo("Europe/Berlin"))),
    ],
)
def test_dst(opened_at: datetime, target: int, due_at: datetime) -> None:
    """dbt_zendesk 25, azure-devops-docs 8675: the offset of today, or a fixed one, for days that had another."""
    desk = a_desk_in(opened_at, target * HOUR)
    assert clock(desk).due_at == due_at
    desk.ask(RESOLVE, at=due_at)
    assert (clock_state(desk), clock(desk).ended_elapsed) == (ClockState.MET, target * HOUR)


def test_pause_unit_mismatch() -> None:
    """GLPI 10594, ERPNext 47884: a pause measured in hours of the wall moves a deadline in hours of business."""
    desk = a_desk_in(at(6, 5, 15), 4 * HOUR)
    desk.ask(HOLD, at=at(6, 5, 16))
    desk.ask(RESUME, at=at(6, 8, 10))
    assert clock(desk).due_at == at(6, 8, 13)
    assert (clock(desk).paused_for, clock(desk).elapsed) == (2 * HOUR, HOUR)


@settings(max_examples=60, deadline=None)
@given(
    hold=st.integers(1, 200),
    length=st.integers(1, 200),
    edit=st.integers(1, 400),
    change=st.sampled_from([Change.KEEP, Change.CARRY_ELAPSED]),
)
def test_pause_ignored_on_policy_change(hold: int, length: int, edit: int, change: Change) -> None:
    """GLPI 15605, 6902: another policy forgets the pauses. What was counted stays, unless the policy says otherwise."""
    desk = a_desk(SlaTarget(resolution=1_000 * timedelta(minutes=1)))
    todo = [(hold, HOLD), (hold + length, RESUME), (edit, None)]
    for minute, command in sorted(todo, key=lambda item: item[0]):
        again = adopt(SlaTarget(resolution=900 * timedelta(minutes=1)), warn_at_percent=(), open_clocks=change)
        desk.ask(command or again, at=after(minutes=minute))
        desk.ask(CLOCK, at=after(minutes=minute))
    promised = 1_000 if change is Change.KEEP else 900
    assert clock(desk).due_at == after(minutes=promised + length)


def test_ticking_while_paused() -> None:
    """Helpdesk 1554, 1675: a clock that waits for the customer counts on, and breaches."""
    desk = a_desk(NORMAL)
    desk.ask(HOLD, at=after(minutes=10))
    assert {one.due_at for one in sla(desk).clocks} == {None}
    for hours in (1, 10, 1_000):
        assert desk.ask(CLOCK, at=after(hours=hours)) == []
        assert {one.elapsed for one in sla(desk).clocks} == {timedelta(minutes=10)}
    desk.ask(RESUME, at=after(hours=1_000))
    assert clock(desk).due_at == after(hours=1_000) + 4 * HOUR - timedelta(minutes=10)


def test_reopen() -> None:
    """Zammad 4777, ERPNext: reopening loses the first close, or begins it anew."""
    desk = a_desk(NORMAL)
    desk.ask(RESOLVE, at=after(hours=1))
    first = sla(desk).clocks
    for cycle in (2, 3):
        desk.ask(REOPEN, at=after(hours=10 * cycle))
        desk.ask(RESOLVE, at=after(hours=10 * cycle + cycle))
    assert sla(desk).clocks[:2] == first
    counted = [(one.cycle, one.ended_elapsed) for one in sla(desk).clocks if one.kind == RESOLUTION]
    assert counted == [(1, HOUR), (2, 2 * HOUR), (3, 3 * HOUR)]


@pytest.mark.parametrize(
    ("mode", "due_at"),
    [
        ({}, after(hours=3)),
        ({"on_priority": Change.CARRY_ELAPSED}, after(hours=3)),
        ({"on_priority": Change.RESTART}, after(hours=4)),
        ({"on_priority": Change.RETROACTIVE}, after(hours=3)),
        ({"on_priority": Change.KEEP}, after(hours=8)),
    ],
)
def test_priority_change(mode: dict[str, Change], due_at: datetime) -> None:
    """ServiceNow, saasjet: what another priority makes of the time that was counted is to be told, and stated."""
    desk = Desk()
    targets = (SlaTarget(Priority.NORMAL, resolution=8 * HOUR), SlaTarget(Priority.HIGH, resolution=3 * HOUR))
    desk.ask(adopt(*targets, warn_at_percent=(), **mode))
    desk.ask(OPEN, id=TICKET)
    desk.ask(prioritise(Priority.HIGH), at=after(hours=1))
    assert clock(desk).due_at == due_at


def test_calendar_change() -> None:
    """Zammad, ServiceNow, Atlassian: a rebuild after an edit of the calendar tells other verdicts than were given."""
    desk = a_desk_in(at(6, 1, 9), 4 * HOUR)
    desk.ask(RESOLVE, at=at(6, 1, 12))
    desk.ask(REOPEN, at=at(6, 1, 14))
    judged, said = sla(desk).clocks[0], verdicts(desk)
    shorter = AmendCalendar(calendar=HOURS, hours=(WeeklyHours(WORKDAYS, "09:00", "15:00"),), valid_from=at(6, 1, 14))
    desk.ask(shorter, at=at(6, 1, 14, 30))
    desk.ask(CLOCK, at=at(6, 1, 14, 30))
    assert clock(desk).due_at == at(6, 2, 12)
    assert (sla(desk).clocks[0], verdicts(desk)) == (judged, said)


@pytest.mark.parametrize("cancel", [True, False])
def test_deactivated_sla(cancel: bool) -> None:
    """Zammad 4353: tickets stay escalated by an SLA that is gone. A policy says which of both it means."""
    desk = a_desk(NORMAL)
    desk.ask(RESPOND, at=after(minutes=10))
    desk.ask(RetireSlaPolicy(cancel_open=cancel), at=after(hours=1))
    desk.ask(CLOCK, at=after(hours=1))
    assert clock_state(desk) is (ClockState.CANCELLED if cancel else ClockState.RUNNING)
    assert (clock(desk).cancelled, next_due_at(sla(desk)) is None) == ("policy_retired" if cancel else "", cancel)
    assert [said[0] for said in verdicts(desk)] == [SlaMet, *([SlaCancelled] if cancel else [])]


def test_wrong_message_counted() -> None:
    """Zammad 1322, 3140: a note stops a clock, or an answer does not. Which fact says what to clocks is data."""
    desk = a_desk(SlaTarget(response=HOUR, next_response=HOUR))
    for minute, message in enumerate((ANNOTATE, WRITE, ANNOTATE), 1):
        assert [fact.stream for fact in desk.ask(message, at=after(minutes=minute))] == [f"ticket-{TICKET}"]
    assert clock_state(desk, RESPONSE) is ClockState.RUNNING
    desk.ask(RESPOND, at=after(minutes=10))
    assert clock_state(desk, RESPONSE) is ClockState.MET
    desk.ask(ANNOTATE, at=after(minutes=20))
    assert [one.kind for one in sla(desk).clocks] == [RESPONSE]
    desk.ask(WRITE, at=after(minutes=30))
    desk.ask(ANNOTATE, at=after(minutes=40))
    assert clock_state(desk, NEXT_RESPONSE) is ClockState.RUNNING
    desk.ask(RESPOND, at=after(minutes=50))
    assert clock(desk, NEXT_RESPONSE).ended_elapsed == timedelta(minutes=20)


def test_several_clocks_in_one_field() -> None:
    """Zammad 5177: the time to the next update overrides that to the first answer. Each clock is its own."""
    desk = a_desk(SlaTarget(response=4 * HOUR, update=HOUR, resolution=2 * HOUR))
    assert [one.due_at for one in sla(desk).clocks] == [after(hours=4), after(hours=1), after(hours=2)]
    assert next_due_at(sla(desk)) == after(hours=1)
    desk.ask(CLOCK, at=after(hours=1))
    assert clock(desk, RESPONSE).due_at == after(hours=4)
    assert next_due_at(sla(desk)) == after(hours=2)


def test_merged_tickets() -> None:
    """Zammad 904: a merged ticket escalates on."""
    desk = a_desk(NORMAL)
    desk.ask(MERGE, at=after(minutes=30))
    assert [(one.cancelled, one.stopped_at) for one in sla(desk).clocks] == [("merged", after(minutes=30))] * 2
    assert next_due_at(sla(desk)) is None
    assert desk.ask(CLOCK, at=after(days=1)) == []


def test_notification_at_midnight() -> None:
    """Zammad 4432: quiet hours. They belong to whoever delivers an alert: the fact is recorded when it is so."""
    desk = a_desk(SlaTarget(resolution=12 * HOUR))
    [breach] = desk.ask(CLOCK, at=after(hours=12))
    assert isinstance(breach.event, SlaBreached)
    assert breach.occurred_at == datetime(2026, 6, 2, 0, 0, tzinfo=UTC)


def test_escalation_step_date() -> None:
    """GLPI 22678: a step before the deadline falls on midnight of the wrong day. It is counted in working hours too."""
    desk = a_desk_in(at(6, 5, 15), 4 * HOUR, warn_at_percent=(25, 75))
    desk.ask(CLOCK, at=at(6, 8, 10, 30))
    assert [(said[0], said[3]) for said in verdicts(desk)] == [(SlaWarned, at(6, 5, 16)), (SlaWarned, at(6, 8, 10))]
    assert clock(desk).due_at == at(6, 8, 11)


def test_feed_holidays_surprise() -> None:
    """Zammad 390: St. Martin came with a feed, and counted. What is proposed counts once a person accepts it."""
    desk = a_desk_in(at(11, 11, 9), 4 * HOUR)
    martin = Holiday(date(2026, 11, 11), "St. Martin")
    desk.ask(ProposeHolidays(calendar=HOURS, source="feed", holidays=(martin,)), at=at(11, 11, 9))
    assert desk.ask(CLOCK, at=at(11, 11, 9)) == []
    assert clock(desk).due_at == at(11, 11, 13)
    desk.ask(AcceptHolidays(calendar=HOURS, dates=(martin.on,)), at=at(11, 11, 9))
    desk.ask(CLOCK, at=at(11, 11, 9))
    assert clock(desk).due_at == at(11, 12, 13)


def test_missing_weekday() -> None:
    """OsTicket 6739: a week without one of its days breaks. Any days are a week, but none is none."""
    desk = a_desk_in(at(6, 1, 10), 9 * HOUR, weekdays=(Weekday.WEDNESDAY,))
    assert clock(desk).due_at == at(6, 10, 10)
    with pytest.raises(Refused) as refused:
        Desk().ask(DefineCalendar(name="Never", zone="UTC", hours=()))
    assert refused.value.code == "no_working_time"


def test_created_outside_hours() -> None:
    """GLPI 687: a ticket of the night has no delay at all. Nothing counts until the office opens; then all does."""
    desk = a_desk_in(at(6, 6, 3), 2 * HOUR)
    assert clock(desk).due_at == at(6, 8, 11)
    desk.ask(RESOLVE, at=at(6, 8, 10))
    [met] = [fact.event for fact in desk.facts if isinstance(fact.event, SlaMet)]
    assert met.elapsed == HOUR
    assert met.segments == (
        Segment(at(6, 6, 3), at(6, 8, 9), SegmentKind.CLOSED, calendar_version=1),
        Segment(at(6, 8, 9), at(6, 8, 10), SegmentKind.BUSINESS, calendar_version=1),
    )


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Kathmandu", "UTC"])
def test_failed_at_once(zone: str) -> None:
    """ERPNext 38745: the browser's zone against the server's. An instant is one, in whichever zone it is written."""
    desk = a_desk_in(at(6, 1, 9), 4 * HOUR)
    elsewhere = Desk(dict(desk.states), list(desk.facts))
    desk.ask(RESOLVE, at=at(6, 1, 12))
    elsewhere.ask(RESOLVE, at=at(6, 1, 12).astimezone(ZoneInfo(zone)))
    assert clock_state(desk) is clock_state(elsewhere) is ClockState.MET
    assert clock(desk).ended_elapsed == clock(elsewhere).ended_elapsed == 3 * HOUR
    assert clock(desk).stopped_at == clock(elsewhere).stopped_at


def test_pausing_to_game_the_clock() -> None:
    """An add-on audits pauses: how long was a clock paused for the customer, although the customer had written?"""
    desk = a_desk_in(at(6, 1, 9), 4 * HOUR)
    for start, wrote, end in ((10, None, 11), (12, 13, 15)):
        desk.ask(HOLD, at=at(6, 1, start))
        if wrote:
            desk.ask(WRITE, at=at(6, 1, wrote))
        desk.ask(RESUME, at=at(6, 1, end))
    assert (clock(desk).paused_for, clock(desk).unheard_for) == (4 * HOUR, 3 * HOUR)
