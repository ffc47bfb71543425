"""SLAs: the clocks that run on a ticket, and what is said of them. How they count stands in `reckoning`.

After every fact of a ticket its clocks are worked out anew and compared with what was recorded; what differs is
recorded. A verdict that was given is never given again: what differs from it is restated beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Annotated, Any, NamedTuple, get_args
from uuid import UUID

from .base import Command, Decider, Event, own
from .clocks import NO_TIME, Alarm, Clock, ClockState, Leg, Promise, Said, Seen, SlaState, Standing
from .reckoning import DONE, UNTOLD, Case, Count, Run, runs
from .timelines import Trigger
from .verdicts import (
    Reckoned,
    SlaBreached,
    SlaCancelled,
    SlaEvent,
    SlaMet,
    SlaPaused,
    SlaRestarted,
    SlaRestated,
    SlaResumed,
    SlaRetargeted,
    SlaReviewed,
    SlaStarted,
    SlaStopped,
    SlaWarned,
    after,
    at_most,
    evolve,
)

# --- commands: asked for by reactions and by the clock, never by a client ---------------------------------------------


class SlaCommand(Command, frozen=True):
    """What the commands of this domain share."""

    ticket: Annotated[UUID, own("sla", "The ticket whose clocks they are.")]


class ReckonSla(SlaCommand, frozen=True):
    """Work the clocks out anew: something happened to the ticket."""


class RecordOverdueSla(SlaCommand, frozen=True):
    """Record the warnings and breaches that fell due, and what an edit of the policy or the calendar changes."""


# --- decisions ----------------------------------------------------------------------------------------------------


class Informed(NamedTuple):
    """A command with what other domains know of the case; `reactions.informed` puts them together."""

    command: SlaCommand
    case: Case


def decide(state: SlaState, informed: Informed, at: datetime) -> list[Event]:
    """What fell due before `at` is recorded first, so that whoever comes too late is told by the log.

    But nothing is said by what an edit of the policy or the calendar has overtaken: that is looked at before.
    """
    review = Review(state, informed.case, at)
    at_once = isinstance(informed.command, RecordOverdueSla)
    if at_once or review.is_outdated():
        review.reckon()
        review.note_seen()
        review.overdue(at_once=at_once)
    else:
        review.overdue()
        review.reckon()
    return review.events


@dataclass
class Review:
    """One comparison of what was recorded with what is known now; `events` is what is to be recorded."""

    recorded: SlaState
    case: Case
    at: datetime
    events: list[Event] = field(default_factory=list)
    _promises: list[Promise] = field(default_factory=list)
    _folded: int = 0

    def say(self, event: Event) -> None:
        self.events.append(event)

    @property
    def state(self) -> SlaState:
        """What was recorded, and what was said so far: folded when somebody looks at it, which is seldom."""
        for event in self.events[self._folded :]:
            self.recorded = after(self.recorded, event, event.occurred_at(self.at), 0)
        self._folded = len(self.events)
        return self.recorded

    # --- what fell due --------------------------------------------------------------------------------------------

    def overdue(self, *, at_once: bool = False) -> None:
        """The warnings and breaches not yet recorded that fell due before `at`, oldest first.

        What is done at the very instant it is due is in time; the clock itself (`at_once`) records at that instant.
        """
        due = [
            (alarm, clock)
            for alarm, clock in self.state.outstanding()
            if alarm.percent and (alarm.at < self.at or (at_once and alarm.at == self.at))
        ]
        if due:
            known = self.matched
            for alarm, clock in sorted(due, key=lambda item: item[0]):
                self._fell_due(alarm, clock, known.get((clock.kind, clock.cycle)))

    def _fell_due(self, alarm: Alarm, clock: Clock, run: Run | None) -> None:
        count = Count.of(self.case, run, alarm.at) if run else None
        said = self._said_of(clock, count, alarm.at)
        if alarm.percent < 100:
            due_at = (count.due_if_resumed(alarm.at) if count else None) or alarm.at
            self.say(SlaWarned(**{**said, "due_at": due_at}, percent=alarm.percent, warned_at=alarm.at))
        elif clock.restated:
            self.say(SlaRestated(**said, was=clock.said.state, state=ClockState.BREACHED, breached_at=alarm.at))
        else:
            self.say(SlaBreached(**said))

    def _said_of(self, clock: Clock, count: Count | None, until: datetime) -> dict[str, Any]:
        """What every verdict says of a clock as of an instant."""
        promise = self.state.promise(clock)
        segments, left_out = at_most(count.segments(until)) if count else ((), 0)
        paused_for, unheard_for = count.paused_for(until) if count else (clock.paused_for, clock.unheard_for)
        return {
            "kind": clock.kind,
            "cycle": clock.cycle,
            "target": clock.target,
            "due_at": until,
            "customer": promise.customer,
            "priority": promise.priority,
            "policy": promise.policy,
            "policy_version": promise.policy_version,
            "calendar": promise.calendar,
            "calendar_version": clock.calendar_version,
            "elapsed": count.elapsed(until) if count else clock.elapsed,
            "segments": segments,
            "left_out": left_out,
            "assignee": self.case.assignee,
            "paused_for": paused_for,
            "unheard_for": unheard_for,
        }

    # --- what is known now ----------------------------------------------------------------------------------------

    @cached_property
    def until(self) -> datetime:
        """Up to when everything is known that is known at all."""
        timeline = self.case.timeline
        return max(self.at, timeline[-1].at) if timeline else self.at

    @cached_property
    def runs(self) -> list[Run]:
        return runs(self.case, self.until)

    @property
    def matched(self) -> dict[tuple[str, int], Run]:
        """Every run by the kind and cycle of the clock that it is."""
        return dict(self._matched())

    def _matched(self) -> Iterator[tuple[tuple[str, int], Run]]:
        """A run is the clock of its kind and start or, if it is new, the next cycle.

        Cycles are numbered as they are learned of, so that a late one changes no other's number.
        """
        left = [*self.state.clocks]
        known = [clock.kind for clock in left]
        for run in self.runs:
            clock = next((c for c in left if c.kind == run.kind and c.started_at == run.started_at), None)
            if clock:
                left.remove(clock)
                yield (clock.kind, clock.cycle), run
            else:
                known.append(run.kind)
                yield (run.kind, known.count(run.kind)), run

    def reckon(self) -> None:
        """Say what differs: what has ended, what was wrong, what stands otherwise, what is new, what to restate."""
        settled = not self.is_outdated()
        recorded = {(clock.kind, clock.cycle): clock for clock in self.state.clocks}
        matched = self.matched
        before = [(recorded[key], run) for key, run in matched.items() if key in recorded]
        for clock, run in before:
            if run.ended_at and clock.running:
                self._ended(clock, run)
        for clock in [clock for key, clock in recorded.items() if key not in matched]:
            self._untold(clock)
        self._stand([(clock, self._standing(clock.cycle, run, clock)) for clock, run in before if not run.ended_at])
        self._start([(self._standing(key[1], run), run) for key, run in matched.items() if key not in recorded])
        for clock, run in before:
            in_order = clock.stopped_at is not None and clock.stopped_at <= self.at
            if not (settled and in_order):
                self._restate(self._now(clock), run)

    def _now(self, clock: Standing) -> Clock:
        return next(c for c in self.state.clocks if (c.kind, c.cycle) == (clock.kind, clock.cycle))

    # --- standings ------------------------------------------------------------------------------------------------

    def _standing(self, cycle: int, run: Run, recorded: Clock | None = None) -> Standing:
        until = run.ended_at or self.until
        count = Count.of(self.case, run, until)
        paused_for, unheard_for = count.paused_for(until)
        alarms = () if run.ended_at else self._alarms(count, recorded)
        calendar = count.calendar(run.promise)
        return Standing(
            kind=run.kind,
            cycle=cycle,
            target=run.target,
            started_at=run.started_at,
            legs=tuple(Leg(since, self._number(promise)) for since, promise in run.legs),
            read_at=until,
            elapsed=count.elapsed(until) or NO_TIME,
            paused=run.ended_at is None and count.paused(),
            due_at=next((alarm.at for alarm in alarms if alarm.percent == BREACH), None),
            alarms=alarms,
            calendar_version=calendar.version if calendar else 0,
            paused_for=paused_for,
            unheard_for=unheard_for,
        )

    def _alarms(self, count: Count, recorded: Clock | None) -> tuple[Alarm, ...]:
        """What is still to be warned of, and when to look again; nothing of a breach that stands."""
        run = count.run
        warned: tuple[int, ...] = ()
        if recorded:
            warned = recorded.warned if recorded.target == run.target else ()
            if recorded.said.state is ClockState.BREACHED and count.reached(run.target) == recorded.said.due_at:
                return ()
        percents = [percent for percent in (*run.promise.warn_at_percent, BREACH) if percent not in warned]
        again = [Alarm(at, LOOK_AGAIN) for at in count.boundaries(self.until)]
        return tuple(sorted(count.alarms(percents) + again))

    def _number(self, promise: Promise) -> int:
        book = (*self.state.promises, *self._promises)
        if promise in book:
            return book.index(promise)
        self._promises.append(promise)
        return len(book)

    def _stand(self, standings: Sequence[tuple[Clock, Standing]]) -> None:
        """Tell how open clocks stand, where that differs from what was recorded."""
        differing = [(clock, now) for clock, now in standings if _differs(clock, now)]
        if not differing:
            return
        resumed = [now for clock, now in differing if clock.paused and not now.paused]
        paused = [now for clock, now in differing if now.paused and not clock.paused]
        self._tell(SlaResumed, resumed)
        if paused:
            held = next(one for one in reversed(self.case.timeline) if one.trigger is Trigger.HELD)
            self._tell(SlaPaused, paused, party=held.party, reason=held.reason)
        self._tell(SlaRetargeted, [now for clock, now in differing if clock.paused == now.paused])

    def _start(self, starting: Sequence[tuple[Standing, Run]]) -> None:
        self._tell(SlaStarted, [standing for standing, _ in starting if standing.cycle == 1])
        self._tell(SlaRestarted, [standing for standing, _ in starting if standing.cycle > 1])
        for standing, run in starting:
            if run.ended_at:
                self._ended(self._now(standing), run)

    def _tell(self, kind: type[Reckoned], standings: Sequence[Standing], **fields: Any) -> None:
        if standings:
            promises, self._promises = tuple(self._promises), []
            seen = self._seen()
            news = () if seen == self.state.seen else seen
            self.say(kind(clocks=tuple(standings), promises=promises, seen=news, **fields))

    # --- versions -------------------------------------------------------------------------------------------------

    def _seen(self) -> tuple[Seen, ...]:
        """The newest edits of every policy and calendar that a clock of the ticket was ever promised by."""
        return self.case.seen([*self.state.promises, *(promise for run in self.runs for _, promise in run.legs)])

    def is_outdated(self) -> bool:
        return bool(self.state.seen) and self.case.seen(self.state.promises) != self.state.seen

    def note_seen(self) -> None:
        if self.is_outdated():
            self.say(SlaReviewed(seen=self._seen()))

    # --- verdicts -------------------------------------------------------------------------------------------------

    def _ended(self, clock: Clock, run: Run) -> None:
        """What is done; a breach that came first is told first, if nobody has."""
        assert run.ended_at is not None
        count = Count.of(self.case, run, run.ended_at)
        now = count.said()
        said = self._said_of(clock, count, run.ended_at)
        if clock.breached_at is None and now.due_at:
            before = Count.of(self.case, run, now.due_at)
            self.say(SlaBreached(**self._said_of(clock, before, now.due_at)))
        due_at = now.due_at or count.due_if_resumed(run.ended_at) or run.ended_at
        said |= {"due_at": due_at, "stopped_at": run.ended_at}
        if clock.breached_at or now.due_at:
            self.say(SlaStopped(**said))
        elif run.end == DONE:
            self.say(SlaMet(**said))
        else:
            self.say(SlaCancelled(**said, reason=run.end))

    def _untold(self, clock: Clock) -> None:
        """A late fact tells that this clock should never have started."""
        said = self._said_of(clock, None, self.until)
        if clock.running and not clock.breached_at:
            self.say(SlaCancelled(**said, stopped_at=self.until, reason=UNTOLD))
            return
        if clock.running:
            self.say(SlaStopped(**said, stopped_at=self.until))
        if clock.said.state is not ClockState.CANCELLED:
            ended = self._now(clock)
            said |= {"elapsed": ended.ended_elapsed, "stopped_at": ended.stopped_at}
            self.say(SlaRestated(**said, state=ClockState.CANCELLED, was=clock.said.state))

    def _restate(self, clock: Clock, run: Run) -> None:
        """Say beside a verdict what would be said now, if that is something else."""
        if not (clock.stopped_at or clock.breached_at):
            return
        was = clock.said
        if run.ended_at:
            now = Count.of(self.case, run, run.ended_at).said()
        else:
            count = Count.of(self.case, run, clock.breached_at or self.until)
            due_at = count.reached(run.target)
            if was.state is not ClockState.BREACHED or due_at == was.due_at:
                return
            now = Said(ClockState.PAUSED if count.paused() else ClockState.RUNNING)
        if now != was:
            until = now.stopped_at or self.until
            said = self._said_of(clock, Count.of(self.case, run, until), until)
            said["due_at"] = now.due_at or clock.due_at or said["due_at"]
            self.say(
                SlaRestated(**said, state=now.state, was=was.state, breached_at=now.due_at, stopped_at=now.stopped_at)
            )


def _differs(clock: Clock, now: Standing) -> bool:
    """Whether anything is to be told anew: not that time passed."""
    waits = (now.paused_for, now.unheard_for) != (clock.paused_for, clock.unheard_for)
    return (waits and not now.paused) or any(getattr(clock, name) != getattr(now, name) for name in _TOLD)


_TOLD = ("target", "legs", "paused", "due_at", "alarms")
BREACH, LOOK_AGAIN = 100, 0
"""Percentages of alarms that are no warnings: the target is used up; another version begins to hold."""

decider = Decider(
    noun="sla",
    initial=SlaState(),
    commands=(ReckonSla, RecordOverdueSla),
    events=get_args(SlaEvent),
    decide=decide,
    evolve=evolve,
)
