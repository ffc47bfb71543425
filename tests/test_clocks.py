"""SLA clocks: how holds, reopenings, other priorities and late tidings change what they count."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from conftest import NOON
from desk import (
    ANNUL,
    CLOCK,
    HIGH,
    HOLD,
    HOUR,
    INSTANT,
    MOVE,
    NORMAL,
    REOPEN,
    RESOLUTION,
    RESOLVE,
    RESPOND,
    RESPONSE,
    RESUME,
    a_desk,
    adopt,
    clock,
    clock_state,
    prioritise,
    sla,
    verdicts,
)
from given import after

from pet_graph.events.base import Command, Priority
from pet_graph.events.clocks import ClockState, Said, next_due_at
from pet_graph.events.policies import RetireSlaPolicy, SlaTarget
from pet_graph.events.verdicts import SlaBreached, SlaCancelled, SlaMet, SlaRestated, SlaStopped, SlaWarned

# --- holds ------------------------------------------------------------------------------------------------------------


def test_a_hold_takes_the_deadline_away_and_gives_it_back_later_by_exactly_the_hold() -> None:
    desk = a_desk(NORMAL)
    desk.ask(RESPOND, at=after(minutes=10))
    desk.ask(HOLD, at=after(hours=1))
    assert (next_due_at(sla(desk)), clock_state(desk)) == (None, ClockState.PAUSED)
    assert desk.ask(CLOCK, at=after(days=300)) == []
    desk.ask(RESUME, at=after(hours=3, microseconds=1))
    assert (next_due_at(sla(desk)), clock_state(desk)) == (after(hours=6) + INSTANT, ClockState.RUNNING)


def test_several_holds_add_up_and_moving_one_to_another_party_is_no_new_one() -> None:
    desk = a_desk(SlaTarget(Priority.NORMAL, resolution=4 * HOUR))
    for hours in (1, 3, 5):
        desk.ask(HOLD, at=after(hours=hours))
        assert [fact.type for fact in desk.ask(MOVE, at=after(hours=hours, minutes=30))] == ["TicketHeld"]
        desk.ask(RESUME, at=after(hours=hours + 1))
    assert clock(desk).due_at == after(hours=7)
    desk.ask(RESOLVE, at=after(hours=7))
    assert (clock_state(desk), clock(desk).ended_elapsed) == (ClockState.MET, 4 * HOUR)


def test_an_answer_while_on_hold_is_in_time_with_what_was_counted_before() -> None:
    desk = a_desk(NORMAL)
    desk.ask(HOLD, at=after(minutes=30))
    [_, met] = desk.ask(RESPOND, at=after(hours=8))
    assert isinstance(met.event, SlaMet)
    assert (met.event.elapsed, met.event.due_at) == (HOUR / 2, after(hours=8, minutes=30))
    assert clock_state(desk) is ClockState.PAUSED


def test_a_ticket_resolved_while_on_hold_counts_from_its_reopening() -> None:
    desk = a_desk(NORMAL)
    desk.ask(HOLD, at=after(minutes=30))
    desk.ask(RESOLVE, at=after(hours=8))
    desk.ask(REOPEN, at=after(hours=9))
    assert (clock(desk).cycle, clock_state(desk), next_due_at(sla(desk))) == (2, ClockState.RUNNING, after(hours=13))


def test_a_hold_does_not_outlive_a_resolution_that_no_clock_measured() -> None:
    desk = a_desk(SlaTarget(Priority.NORMAL, response=HOUR))
    desk.ask(HOLD, at=after(minutes=30))
    desk.ask(RESOLVE, at=after(hours=8))
    desk.ask(adopt(NORMAL))
    desk.ask(REOPEN, at=after(hours=9))
    assert (clock(desk).cycle, clock_state(desk), clock(desk).due_at) == (
        1,
        ClockState.RUNNING,
        after(hours=13),
    )


def test_what_was_used_up_at_the_instant_of_the_hold_is_used_up_all_the_same() -> None:
    desk = a_desk(SlaTarget(Priority.NORMAL, resolution=4 * HOUR), warn_at_percent=(75,))
    desk.ask(HOLD, at=after(hours=3))
    [warned] = desk.ask(CLOCK, at=after(hours=3))
    assert isinstance(warned.event, SlaWarned)
    assert (warned.event.warned_at, warned.event.due_at) == (after(hours=3), after(hours=4))
    assert next_due_at(sla(desk)) is None
    desk.ask(RESUME, at=after(hours=5))
    desk.ask(HOLD, at=after(hours=6))
    desk.ask(RESOLVE, at=after(hours=8))
    assert verdicts(desk)[1:] == [
        (SlaBreached, RESOLUTION, 1, after(hours=6)),
        (SlaStopped, RESOLUTION, 1, after(hours=8)),
    ]


# --- reopenings -------------------------------------------------------------------------------------------------------


def test_a_reopened_ticket_starts_a_cycle_and_leaves_the_ones_before_as_they_were() -> None:
    desk = a_desk(NORMAL)
    desk.ask(RESPOND, at=after(hours=1))
    desk.ask(RESOLVE, at=after(hours=5))
    ended = sla(desk).clocks
    desk.ask(REOPEN, at=after(hours=6))
    desk.ask(HOLD, at=after(hours=7))
    desk.ask(RESUME, at=after(hours=8))
    desk.ask(RESOLVE, at=after(hours=9))
    assert sla(desk).clocks[:2] == ended
    assert [said for said in verdicts(desk) if said[1] is RESOLUTION] == [
        (SlaBreached, RESOLUTION, 1, after(hours=4)),
        (SlaStopped, RESOLUTION, 1, after(hours=5)),
        (SlaMet, RESOLUTION, 2, after(hours=9)),
    ]
    assert clock(desk).ended_elapsed == 2 * HOUR


def test_a_reopened_ticket_is_promised_what_the_policy_in_force_promises() -> None:
    desk = a_desk()
    desk.ask(RESOLVE, at=after(hours=1))
    desk.ask(adopt(NORMAL))
    desk.ask(REOPEN, at=after(hours=2))
    assert [(one.kind, one.cycle, one.started_at) for one in sla(desk).clocks] == [(RESOLUTION, 1, after(hours=2))]


# --- priorities -------------------------------------------------------------------------------------------------------


def test_another_priority_keeps_the_time_that_was_counted() -> None:
    desk = a_desk(NORMAL, HIGH)
    desk.ask(RESPOND, at=after(minutes=10))
    desk.ask(HOLD, at=after(minutes=30))
    desk.ask(RESUME, at=after(minutes=90))
    desk.ask(prioritise(Priority.HIGH), at=after(minutes=100))
    assert (clock(desk).target, clock(desk).cycle, next_due_at(sla(desk))) == (2 * HOUR, 1, after(hours=3))
    desk.ask(prioritise(Priority.NORMAL), at=after(minutes=110))
    assert (clock(desk).target, clock(desk).cycle, next_due_at(sla(desk))) == (4 * HOUR, 1, after(hours=5))


def test_a_target_used_up_already_is_breached_at_the_instant_of_the_change_and_never_earlier() -> None:
    desk = a_desk(NORMAL, HIGH, warn_at_percent=(75,))
    desk.ask(RESPOND, at=after(minutes=10))
    desk.ask(prioritise(Priority.HIGH), at=after(hours=2, minutes=30))
    assert next_due_at(sla(desk)) == after(hours=2, minutes=30)
    desk.ask(RESOLVE, at=after(hours=2, minutes=50))
    assert verdicts(desk)[1:] == [
        (SlaWarned, RESOLUTION, 1, after(hours=2, minutes=30)),
        (SlaBreached, RESOLUTION, 1, after(hours=2, minutes=30)),
        (SlaStopped, RESOLUTION, 1, after(hours=2, minutes=50)),
    ]


def test_a_breach_that_came_first_is_not_undone_by_a_longer_target() -> None:
    desk = a_desk(SlaTarget(Priority.NORMAL, resolution=HOUR), SlaTarget(Priority.LOW, resolution=8 * HOUR))
    facts = desk.ask(prioritise(Priority.LOW), at=after(hours=2))
    assert [fact.type for fact in facts] == ["TicketPrioritised", "SlaBreached"]
    assert (clock_state(desk), clock(desk).target) == (ClockState.BREACHED, HOUR)


@pytest.mark.parametrize(("resolution", "again"), [(4 * HOUR, []), (8 * HOUR, [after(hours=6)])])
def test_a_warning_comes_again_for_another_target_only(resolution: timedelta, again: list[datetime]) -> None:
    targets = (SlaTarget(Priority.NORMAL, resolution=4 * HOUR), SlaTarget(Priority.LOW, resolution=resolution))
    desk = a_desk(*targets, warn_at_percent=(75,))
    desk.ask(prioritise(Priority.LOW), at=after(hours=3, minutes=30))
    desk.ask(CLOCK, at=after(days=1))
    assert [said[3] for said in verdicts(desk) if said[0] is SlaWarned] == [after(hours=3), *again]


def test_what_is_promised_no_more_is_cancelled_and_what_is_promised_anew_starts_anew() -> None:
    desk = a_desk(NORMAL, HIGH)
    desk.ask(prioritise(Priority.LOW), at=after(minutes=30))
    assert (clock_state(desk), clock(desk).ended_elapsed, next_due_at(sla(desk))) == (
        ClockState.CANCELLED,
        HOUR / 2,
        None,
    )
    desk.ask(HOLD, at=after(minutes=40))
    desk.ask(prioritise(Priority.HIGH), at=after(hours=1))
    assert [(one.kind, one.cycle, one.started_at) for one in sla(desk).running] == [
        (RESPONSE, 2, after(hours=1)),
        (RESOLUTION, 2, after(hours=1)),
    ]
    assert (clock_state(desk), next_due_at(sla(desk))) == (ClockState.PAUSED, None)
    desk.ask(RESUME, at=after(hours=2))
    assert (clock(desk, RESPONSE).due_at, clock(desk).due_at) == (
        after(hours=2, minutes=30),
        after(hours=4),
    )


def test_a_breached_clock_counts_on_when_nothing_is_promised_any_more() -> None:
    desk = a_desk(SlaTarget(Priority.NORMAL, resolution=HOUR))
    desk.ask(prioritise(Priority.LOW), at=after(hours=2))
    desk.ask(RESOLVE, at=after(hours=3))
    assert (clock_state(desk), clock(desk).ended_elapsed) == (ClockState.BREACHED, 3 * HOUR)


def test_what_was_promised_stands_when_no_policy_is_in_force_any_more() -> None:
    desk = a_desk(NORMAL)
    before = sla(desk)
    desk.ask(RetireSlaPolicy())
    desk.ask(prioritise(Priority.HIGH), at=after(minutes=10))
    assert sla(desk) == before


@pytest.mark.parametrize("done", [RESPOND, None])
def test_a_kind_that_is_promised_for_the_first_time_starts_then_unless_it_is_done(done: Command | None) -> None:
    desk = a_desk(SlaTarget(Priority.NORMAL, resolution=4 * HOUR), HIGH)
    if done:
        desk.ask(done, at=after(minutes=5))
    desk.ask(prioritise(Priority.HIGH), at=after(minutes=10))
    started = [(one.kind, one.started_at) for one in sla(desk).clocks]
    assert started == [(RESOLUTION, NOON)] + ([] if done else [(RESPONSE, after(minutes=10))])


@pytest.mark.parametrize("on_hold", [True, False])
def test_a_ticket_opened_without_a_promise_starts_its_clocks_when_it_gets_one(on_hold: bool) -> None:
    desk = a_desk(HIGH)
    if on_hold:
        desk.ask(HOLD, at=after(minutes=5))
    desk.ask(prioritise(Priority.HIGH), at=after(minutes=10))
    assert [(one.kind, one.cycle, one.started_at) for one in sla(desk).clocks] == [
        (RESPONSE, 1, after(minutes=10)),
        (RESOLUTION, 1, after(minutes=10)),
    ]
    assert clock_state(desk) is (ClockState.PAUSED if on_hold else ClockState.RUNNING)
    assert next_due_at(sla(desk)) == (None if on_hold else after(minutes=40))


# --- errors, and facts that arrive out of order -----------------------------------------------------------------------


def test_an_annulled_ticket_ends_its_running_clocks_without_a_verdict_and_keeps_its_breaches() -> None:
    desk = a_desk(NORMAL)
    desk.ask(ANNUL, at=after(hours=2))
    assert verdicts(desk) == [
        (SlaBreached, RESPONSE, 1, after(hours=1)),
        (SlaStopped, RESPONSE, 1, after(hours=2)),
        (SlaCancelled, RESOLUTION, 1, after(hours=2)),
    ]
    assert clock(desk).cancelled == "annulled"
    assert (clock_state(desk, RESPONSE), clock_state(desk)) == (ClockState.BREACHED, ClockState.CANCELLED)
    assert (next_due_at(sla(desk)), clock(desk).ended_elapsed) == (None, 2 * HOUR)
    assert desk.ask(CLOCK, at=after(days=1)) == []


def test_an_answer_said_to_come_before_the_question_took_no_time() -> None:
    desk = a_desk(NORMAL)
    desk.ask(RESPOND, at=after(hours=-1))
    answered = clock(desk, RESPONSE)
    assert (answered.ended_elapsed, answered.stopped_at, clock_state(desk, RESPONSE)) == (
        timedelta(),
        NOON,
        ClockState.MET,
    )


def test_a_hold_said_to_end_before_it_began_took_no_time() -> None:
    desk = a_desk(NORMAL)
    desk.ask(HOLD, at=after(hours=2))
    desk.ask(RESUME, at=after(hours=-1))
    assert clock(desk).due_at == after(hours=4)


def test_a_hold_that_is_told_late_counts_and_stands_beside_what_was_said_of_what_has_ended() -> None:
    desk = a_desk(NORMAL)
    desk.ask(RESPOND, at=after(hours=1))
    answered = clock(desk, RESPONSE)
    desk.ask(HOLD, at=after(minutes=-30))
    desk.ask(RESUME, at=after(minutes=30))
    assert clock(desk).due_at == after(hours=4, minutes=30)
    now = clock(desk, RESPONSE)
    assert (now.state, now.stopped_at, now.ended_elapsed) == (answered.state, answered.stopped_at, HOUR)
    assert now.restated == Said(ClockState.MET, None, after(hours=1), HOUR / 2)


def test_a_resolution_told_after_the_breach_was_recorded_leaves_the_breach() -> None:
    desk = a_desk(SlaTarget(Priority.NORMAL, resolution=4 * HOUR))
    desk.ask(CLOCK, at=after(hours=4))
    desk.ask(RESOLVE, at=after(hours=3))
    assert verdicts(desk) == [
        (SlaBreached, RESOLUTION, 1, after(hours=4)),
        (SlaStopped, RESOLUTION, 1, after(hours=3)),
        (SlaRestated, RESOLUTION, 1, after(hours=3)),
    ]
    assert (clock_state(desk), clock(desk).ended_elapsed) == (ClockState.BREACHED, 3 * HOUR)
    assert clock(desk).said == Said(ClockState.MET, None, after(hours=3), 3 * HOUR)
