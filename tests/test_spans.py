"""Spans and clocks under every circumstance: properties that must hold of any pauses and of any course of a ticket."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import accumulate, pairwise
from typing import Any

from conftest import NOON
from desk import (
    ANNUL,
    CLOCK,
    HOLD,
    HOUR,
    MOVE,
    REOPEN,
    RESOLUTION,
    RESOLVE,
    RESPOND,
    RESPONSE,
    RESUME,
    TICKET,
    Desk,
    a_desk,
    prioritise,
    sla,
)
from given import after
from hypothesis import given, settings
from hypothesis import strategies as st
from test_tickets import STATUS_AFTER

from pet_graph.events.base import Command, Priority, Refused
from pet_graph.events.policies import SlaTarget
from pet_graph.events.slas import SlaBreached, SlaCancelled, SlaMet, SlaStopped, SlaWarned, Verdict, next_due_at
from pet_graph.events.spans import Span, elapsed, reached
from pet_graph.events.tickets import CloseTicket, TicketStatus

often = settings(max_examples=200, print_blob=True, derandomize=False, deadline=None)
"""On failure hypothesis prints what reproduces it; each run tries other examples."""

SECOND = timedelta(seconds=1)

# --- spans ------------------------------------------------------------------------------------------------------------

instants = st.integers(-300, 600).map(lambda seconds: after(seconds=seconds))
spans = st.integers(1, 600).map(lambda seconds: timedelta(seconds=seconds))
closed = st.tuples(instants, st.integers(0, 200)).map(lambda one: Span(one[0], one[0] + one[1] * SECOND))
closed_pauses = st.lists(closed, max_size=6)
pauses = st.tuples(closed_pauses, st.none() | instants.map(Span)).map(lambda both: [*both[0], *filter(None, both[1:])])


def is_paused(pauses: list[Span], second: datetime) -> bool:
    return any(pause.start <= second and (pause.end is None or second < pause.end) for pause in pauses)


def count_seconds(pauses: list[Span], until: datetime) -> int:
    """From noon, one by one."""
    seconds = (NOON + number * SECOND for number in range(max(0, int((until - NOON) / SECOND))))
    return sum(not is_paused(pauses, second) for second in seconds)


@often
@given(pauses, instants)
def test_elapsed_is_what_counting_the_seconds_gives(pauses: list[Span], until: datetime) -> None:
    assert elapsed(NOON, pauses, until) == count_seconds(pauses, until) * SECOND


@often
@given(pauses, spans)
def test_reached_is_the_first_instant_at_which_the_target_is_counted(pauses: list[Span], target: timedelta) -> None:
    instant = reached(NOON, pauses, target)
    if instant is None:
        assert count_seconds(pauses, after(seconds=3_000)) * SECOND < target
    else:
        assert count_seconds(pauses, instant) * SECOND == target
        assert count_seconds(pauses, instant - SECOND) * SECOND == target - SECOND


@often
@given(closed_pauses, st.integers(1, 10**10))
def test_what_has_elapsed_when_a_target_is_reached_is_the_target(pauses: list[Span], microseconds: int) -> None:
    target = timedelta(microseconds=microseconds)
    instant = reached(NOON, pauses, target)
    assert instant is not None
    assert elapsed(NOON, pauses, instant) == target


@often
@given(pauses, instants, instants)
def test_time_never_runs_backwards_nor_faster_than_the_clock(
    pauses: list[Span], one: datetime, other: datetime
) -> None:
    earlier, later = sorted([one, other])
    assert timedelta() <= elapsed(NOON, pauses, later) - elapsed(NOON, pauses, earlier) <= later - earlier


@often
@given(pauses, instants, st.lists(instants.filter(lambda instant: instant >= NOON), max_size=5))
def test_time_is_the_sum_of_its_parts(pauses: list[Span], until: datetime, splits: list[datetime]) -> None:
    points = sorted([NOON, *(split for split in splits if split <= until), max(NOON, until)])
    parts = [elapsed(begin, pauses, end) for begin, end in pairwise(points)]
    assert sum(parts, timedelta()) == elapsed(NOON, pauses, until)


@often
@given(pauses, spans, closed)
def test_a_pause_never_moves_a_deadline_earlier(pauses: list[Span], target: timedelta, pause: Span) -> None:
    without, with_it = reached(NOON, pauses, target), reached(NOON, [*pauses, pause], target)
    if without is None:
        assert with_it is None
    else:
        assert with_it is None or without <= with_it


def test_a_target_is_reached_at_the_beginning_of_the_pause_that_follows_it_and_never_after_an_open_one() -> None:
    assert reached(NOON, [Span(after(hours=1))], HOUR) == after(hours=1)
    assert reached(NOON, [Span(after(hours=1))], HOUR + SECOND) is None
    assert reached(NOON, [Span(after(hours=1), after(hours=3))], HOUR + SECOND) == after(hours=3) + SECOND


# --- courses of a ticket ----------------------------------------------------------------------------------------------

TARGETS = {
    Priority.LOW: {RESOLUTION: 90},
    Priority.NORMAL: {RESPONSE: 20, RESOLUTION: 80},
    Priority.HIGH: {RESPONSE: 10, RESOLUTION: 40},
}
"""Minutes that are promised; for urgent tickets, nothing."""

COMMANDS: list[Command] = [
    RESPOND,
    HOLD,
    MOVE,
    RESUME,
    RESOLVE,
    REOPEN,
    CloseTicket(ticket=TICKET),
    ANNUL,
    CLOCK,
    *map(prioritise, Priority),
]
some = st.sampled_from(COMMANDS)
in_order = st.lists(st.tuples(some, st.integers(0, 40)), max_size=25).map(
    lambda steps: list(zip([one for one, _ in steps], accumulate(gap for _, gap in steps), strict=True))
)
in_any_order = st.lists(st.tuples(some, st.integers(-60, 300)), max_size=25)
Steps = list[tuple[Command, int]]


def a_firm() -> Desk:
    minutes = timedelta(minutes=1)
    targets = (
        SlaTarget(priority, *(kinds[kind] * minutes if kind in kinds else None for kind in (RESPONSE, RESOLUTION)))
        for priority, kinds in TARGETS.items()
    )
    return a_desk(*targets, warn_at_percent=(50, 75))


def play(steps: Steps) -> Desk:
    """Ask for everything at its minute, and check what must hold after every step; refusals are passed over."""
    desk = a_firm()
    for command, minute in steps:
        status = desk.look("ticket", TICKET).status
        try:
            facts = desk.ask(command, at=after(minutes=minute))
        except Refused:
            assert desk.look("ticket", TICKET).status is status
            continue
        of_the_ticket = [fact for fact in facts if fact.stream.startswith("ticket-")]
        expected = STATUS_AFTER.get(type(of_the_ticket[0].event), status) if of_the_ticket else status
        assert desk.look("ticket", TICKET).status is expected
        check_clocks(desk, after(minutes=minute))
    return desk


def check_clocks(desk: Desk, at: datetime) -> None:
    state = sla(desk)
    on_hold = desk.look("ticket", TICKET).status is TicketStatus.ON_HOLD
    assert {state.paused for clock in state.running} <= {on_hold}
    assert len({clock.kind for clock in state.running}) == len(state.running)
    for clock in state.clocks:
        assert state.elapsed(clock, at) >= timedelta()
        assert clock.elapsed is None or clock.elapsed >= timedelta()
        assert clock.stopped_at is None or clock.stopped_at >= clock.started_at


def said_of_each_clock(desk: Desk) -> dict[tuple[Any, int], list[type]]:
    said: dict[tuple[Any, int], list[type]] = {}
    for fact in desk.facts:
        if isinstance(fact.event, Verdict | SlaStopped):
            said.setdefault((fact.event.kind, fact.event.cycle), []).append(type(fact.event))
    return said


@often
@given(in_order | in_any_order)
def test_each_clock_gets_one_verdict_at_most_and_none_after_its_end(steps: Steps) -> None:
    desk = play(steps)
    for said in said_of_each_clock(desk).values():
        verdict = [one for one in said if one is not SlaWarned]
        assert verdict in ([], [SlaMet], [SlaBreached], [SlaBreached, SlaStopped])
        assert SlaWarned not in said[len(said) - len(verdict) :]
    types = [type(fact.event) for fact in desk.facts if fact.stream.startswith("sla-")]
    assert SlaCancelled not in types[:-1]


@often
@given(in_order)
def test_nothing_falls_due_before_what_was_recorded_last(steps: Steps) -> None:
    desk = play(steps)
    instants = [fact.occurred_at for fact in desk.facts if isinstance(fact.event, SlaWarned | SlaBreached)]
    assert instants == sorted(instants)
    due_at = next_due_at(sla(desk))
    assert due_at is None or not instants or due_at >= instants[-1]


class Minutes:
    """The same promises, counted minute by minute by somebody who has never heard of spans."""

    def __init__(self) -> None:
        self.priority, self.status, self.responded = Priority.NORMAL, "open", False
        self.counts: dict[Any, int] = {}
        self.cycles: dict[Any, int] = {}
        self.breached: dict[Any, int] = {}
        self.broken: set[Any] = set()
        self.promised: dict[Any, int] = {}
        self.begin(RESPONSE, RESOLUTION)

    def begin(self, *kinds: Any) -> None:
        for kind in kinds:
            if kind in TARGETS.get(self.priority, {}) and kind not in self.counts:
                self.counts[kind] = 0
                self.cycles[kind] = self.cycles.get(kind, 0) + 1
                self.promised[kind] = TARGETS[self.priority][kind]

    def end(self, *kinds: Any) -> None:
        for kind in kinds:
            self.counts.pop(kind, None)
            self.broken.discard(kind)

    def happens(self, event: str, priority: Priority | None = None) -> None:
        if event == "TicketPrioritised" and priority:
            self.priority = priority
            targets = TARGETS.get(priority, {})
            self.end(*(kind for kind in [*self.counts] if kind not in targets and kind not in self.broken))
            self.promised |= {kind: span for kind, span in targets.items() if kind not in self.broken}
            self.begin(*([RESOLUTION] if self.responded else [RESPONSE, RESOLUTION]))
        elif event == "TicketReopened":
            self.begin(RESOLUTION)
        elif event in ("TicketResponded", "TicketResolved", "TicketAnnulled"):
            self.responded = True
            self.end(RESPONSE, *([] if event == "TicketResponded" else [RESOLUTION]))
        changes = {"TicketHeld": "held", "TicketResumed": "open", "TicketResolved": "done", "TicketReopened": "open"}
        self.status = changes.get(event, self.status)

    def judge(self, minute: int) -> None:
        for kind, count in self.counts.items():
            if kind not in self.broken and count >= self.promised[kind]:
                self.breached[kind, self.cycles[kind]] = minute
                self.broken.add(kind)

    def tick(self) -> None:
        if self.status == "open":
            self.counts = {kind: count + 1 for kind, count in self.counts.items()}


@often
@given(in_order)
def test_the_breaches_are_those_that_counting_the_minutes_gives(steps: Steps) -> None:
    desk = play([*steps, (CLOCK, 2_000)])
    by_minute = Minutes()
    happened = [fact for fact in desk.facts if fact.stream.startswith("ticket-") and fact.type != "TicketOpened"]
    for minute in range(2_001):
        for fact in happened:
            if fact.occurred_at == after(minutes=minute):
                by_minute.happens(fact.type, getattr(fact.event, "priority", None))
        by_minute.judge(minute)
        by_minute.tick()
    breaches = [fact for fact in desk.facts if isinstance(fact.event, SlaBreached)]
    assert {(fact.event.kind, fact.event.cycle): fact.occurred_at for fact in breaches} == {
        which: after(minutes=minute) for which, minute in by_minute.breached.items()
    }
    assert len(breaches) == len(by_minute.breached)


def test_the_courses_reach_every_verdict() -> None:
    """A precondition of the properties above: what they are asked about does occur."""
    desk = play([(HOLD, 5), (RESUME, 10), (RESPOND, 21), (prioritise(Priority.HIGH), 30), (RESOLVE, 60), (REOPEN, 70)])
    assert set(said_of_each_clock(desk)) == {(RESPONSE, 1), (RESOLUTION, 1)}
    assert said_of_each_clock(desk)[RESOLUTION, 1] == [SlaWarned, SlaWarned, SlaBreached, SlaStopped]
    assert said_of_each_clock(desk)[RESPONSE, 1] == [SlaWarned, SlaWarned, SlaMet]
