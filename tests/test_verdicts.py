"""Verdicts: what is said of a clock stays, what is learned later is said beside it, and each minute is explained."""

from __future__ import annotations

from datetime import timedelta

import pytest
from conftest import NOON
from desk import (
    ANNUL,
    CLOCK,
    CUSTOMER,
    HOLD,
    HOUR,
    INSTANT,
    MERGE,
    NEXT_RESPONSE,
    NORMAL,
    RESOLVE,
    RESPOND,
    RESPONSE,
    RESUME,
    TICKET,
    WRITE,
    a_desk,
    clock,
    verdicts,
)
from given import after

from pet_graph.events.base import Command, Fact, Priority
from pet_graph.events.clocks import ClockState, Said
from pet_graph.events.policies import DEFAULT, SlaTarget
from pet_graph.events.spans import Segment, SegmentKind
from pet_graph.events.tickets import AssignTicket
from pet_graph.events.verdicts import (
    MOST_SEGMENTS,
    SlaBreached,
    SlaCancelled,
    SlaMet,
    SlaRestated,
    SlaStopped,
    Verdict,
    at_most,
)

FOUR = SlaTarget(Priority.NORMAL, resolution=4 * HOUR)


def of(facts: list[Fact], kind: type[Verdict]) -> Verdict:
    [fact] = [fact for fact in facts if isinstance(fact.event, kind)]
    return fact.event


# --- explained --------------------------------------------------------------------------------------------------------


def test_a_verdict_tells_of_every_microsecond_who_waited_and_who_looked_after_it() -> None:
    desk = a_desk(FOUR)
    desk.ask(AssignTicket(ticket=TICKET, assignee=CUSTOMER), at=NOON)
    desk.ask(HOLD, at=after(hours=1))
    desk.ask(RESUME, at=after(hours=3))
    met = of(desk.ask(RESOLVE, at=after(hours=4, microseconds=1)), SlaMet)
    assert met.segments == (
        Segment(NOON, after(hours=1), SegmentKind.BUSINESS),
        Segment(after(hours=1), after(hours=3), SegmentKind.PAUSED, "customer: Which leg?"),
        Segment(after(hours=3), after(hours=4, microseconds=1), SegmentKind.BUSINESS),
    )
    assert (met.elapsed, met.paused_for, met.due_at) == (2 * HOUR + INSTANT, 2 * HOUR, after(hours=6))
    assert (met.assignee, met.policy, met.policy_version, met.calendar_version) == (CUSTOMER, DEFAULT, 1, 0)


def test_of_many_segments_the_first_and_the_last_are_told_and_how_many_were_left_out() -> None:
    many = [Segment(after(minutes=n), after(minutes=n + 1), SegmentKind.BUSINESS) for n in range(MOST_SEGMENTS + 7)]
    told, left_out = at_most(many)
    assert (len(told), left_out, told[0], told[-1]) == (MOST_SEGMENTS, 7, many[0], many[-1])
    assert at_most(many[:MOST_SEGMENTS]) == (tuple(many[:MOST_SEGMENTS]), 0)


# --- stays ------------------------------------------------------------------------------------------------------------


def test_a_pause_told_late_takes_the_breach_back_and_the_clock_counts_on_to_another() -> None:
    desk = a_desk(FOUR)
    desk.ask(CLOCK, at=after(hours=4))
    desk.ask(HOLD, at=after(hours=2))
    assert clock(desk).said == Said(ClockState.PAUSED)
    desk.ask(RESUME, at=after(hours=5))
    assert (clock(desk).state, clock(desk).breached_at) == (ClockState.BREACHED, after(hours=4))
    assert (clock(desk).open, clock(desk).due_at) == (True, after(hours=7))
    desk.ask(CLOCK, at=after(hours=8))
    assert clock(desk).said == Said(ClockState.BREACHED, after(hours=7))
    assert [said[0] for said in verdicts(desk)] == [SlaBreached, SlaRestated, SlaRestated]
    assert desk.ask(CLOCK, at=after(hours=9)) == []
    desk.ask(RESOLVE, at=after(hours=9))
    assert [said[0] for said in verdicts(desk)][3:] == [SlaStopped, SlaRestated]
    assert clock(desk).said == Said(ClockState.BREACHED, after(hours=7), after(hours=9), 6 * HOUR)


def test_an_answer_told_late_is_met_beside_the_breach_and_tells_what_was_said_before() -> None:
    desk = a_desk(NORMAL)
    desk.ask(CLOCK, at=after(hours=2))
    restated = of(desk.ask(RESPOND, at=after(minutes=50)), SlaRestated)
    assert isinstance(restated, SlaRestated)
    assert (restated.was, restated.state, restated.stopped_at) == (
        ClockState.BREACHED,
        ClockState.MET,
        after(minutes=50),
    )
    assert restated.elapsed == timedelta(minutes=50)
    assert clock(desk, RESPONSE).state is ClockState.BREACHED


def test_an_earlier_answer_told_late_restates_how_long_it_took_and_the_next_one_nothing() -> None:
    desk = a_desk(NORMAL)
    desk.ask(RESPOND, at=after(minutes=50))
    desk.ask(RESPOND, at=after(minutes=20))
    assert clock(desk, RESPONSE).said == Said(ClockState.MET, None, after(minutes=20), timedelta(minutes=20))
    assert [fact.type for fact in desk.ask(RESPOND, at=after(minutes=30))] == ["TicketResponded"]


def test_what_a_late_answer_shows_never_to_have_waited_is_cancelled_and_if_it_was_judged_restated() -> None:
    waits = SlaTarget(Priority.NORMAL, next_response=HOUR)
    desk = a_desk(waits)
    desk.ask(RESPOND, at=after(minutes=10))
    desk.ask(WRITE, at=after(minutes=30))
    assert (clock(desk, NEXT_RESPONSE).started_at, clock(desk, NEXT_RESPONSE).running) == (after(minutes=30), True)
    desk.ask(WRITE, at=after(minutes=20))
    assert [(one.cycle, one.started_at, one.cancelled) for one in desk.look("sla", TICKET).clocks] == [
        (1, after(minutes=30), "untold"),
        (2, after(minutes=20), ""),
    ]


def test_a_message_told_late_gets_the_answer_that_came_after_it() -> None:
    desk = a_desk(SlaTarget(Priority.NORMAL, next_response=HOUR))
    desk.ask(RESPOND, at=after(minutes=10))
    desk.ask(RESPOND, at=after(hours=2))
    facts = desk.ask(WRITE, at=after(minutes=30))
    assert [fact.type for fact in facts] == ["TicketMessageReceived", "SlaStarted", "SlaBreached", "SlaStopped"]
    told = clock(desk, NEXT_RESPONSE)
    assert (told.started_at, told.breached_at, told.stopped_at) == (
        after(minutes=30),
        after(minutes=90),
        after(hours=2),
    )
    assert told.ended_elapsed == timedelta(minutes=90)


@pytest.mark.parametrize(("command", "reason"), [(ANNUL, "annulled"), (MERGE, "merged")])
def test_what_ends_without_a_verdict_tells_why(command: Command, reason: str) -> None:
    desk = a_desk(FOUR)
    cancelled = of(desk.ask(command, at=after(hours=1)), SlaCancelled)
    assert isinstance(cancelled, SlaCancelled)
    assert (cancelled.reason, cancelled.elapsed, clock(desk).cancelled) == (reason, HOUR, reason)


# --- pauses that hide waiting -----------------------------------------------------------------------------------------


def test_time_paused_while_the_customer_wrote_is_measured() -> None:
    desk = a_desk(FOUR)
    for start, end, wrote in ((1, 2, None), (3, 5, 4), (6, 7, None)):
        desk.ask(HOLD, at=after(hours=start))
        if wrote:
            desk.ask(WRITE, at=after(hours=wrote))
        desk.ask(RESUME, at=after(hours=end))
    assert (clock(desk).paused_for, clock(desk).unheard_for) == (4 * HOUR, 2 * HOUR)
    met = of(desk.ask(RESOLVE, at=after(hours=7)), SlaMet)
    assert (met.paused_for, met.unheard_for, met.elapsed) == (4 * HOUR, 2 * HOUR, 3 * HOUR)
