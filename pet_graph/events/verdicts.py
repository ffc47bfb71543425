"""Verdicts: what is said of clocks, for good, with everything that explains it; and what that makes of the clocks."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from . import clocks
from .base import Event, Fact, Priority
from .clocks import Clock, ClockState, Promise, Said, Seen, SlaState, Standing
from .spans import Segment
from .timelines import Party

MOST_SEGMENTS = 200


# --- how clocks stand -------------------------------------------------------------------------------------------------


class Reckoned(Event, frozen=True):
    """How clocks stand from now on, as it was worked out. `promises` come after those that the ticket had before;
    the legs of clocks name them by their number. `seen` is left out while it stays the same.
    """

    clocks: tuple[Standing, ...] = ()
    promises: tuple[Promise, ...] = ()
    seen: tuple[Seen, ...] = ()


class SlaStarted(Reckoned, frozen=True):
    """Clocks of a ticket started, with what was promised."""


class SlaRestarted(Reckoned, frozen=True):
    """Clocks started in their next cycle. Earlier cycles stay as they are."""


class SlaRetargeted(Reckoned, frozen=True):
    """Other instants hold for open clocks: the priority, the policy or the calendar is another, or a fact was told
    late.
    """


class SlaPaused(Reckoned, frozen=True):
    """Clocks stand still: work waits for somebody else."""

    party: Party | None = None
    reason: str = ""


class SlaResumed(Reckoned, frozen=True):
    """Clocks go on."""


class SlaReviewed(Reckoned, frozen=True):
    """An edit of the policy or of the calendar was looked at: `seen` tells which. What it changed stands before."""


# --- what is said of one --------------------------------------------------------------------------------------------


class Verdict(Event, frozen=True, kw_only=True):
    """Something said of one clock, for good.

    `elapsed` is what had been counted then. `segments` tell of every microsecond from the start of the count; of more
    than 200 those in the middle are left out, `left_out` says how many. `calendar_version` is the newest that was
    looked at, 0 around the clock; each segment names its own. `assignee` looked after the ticket then. `paused_for` is
    how much would have counted, were it not for pauses; `unheard_for` the part of it in pauses in which the customer
    wrote.
    """

    kind: str
    cycle: int
    target: timedelta
    due_at: datetime
    customer: UUID
    priority: Priority
    policy: UUID
    policy_version: int
    calendar: UUID | None = None
    calendar_version: int = 0
    elapsed: timedelta = clocks.NO_TIME
    segments: tuple[Segment, ...] = ()
    left_out: int = 0
    assignee: UUID | None = None
    paused_for: timedelta = clocks.NO_TIME
    unheard_for: timedelta = clocks.NO_TIME


class SlaWarned(Verdict, frozen=True, kw_only=True):
    """A stated part of the target is used up, and the clock still runs."""

    percent: int
    warned_at: datetime

    def occurred_at(self, at: datetime) -> datetime:
        return self.warned_at


class SlaBreached(Verdict, frozen=True):
    """The target was reached while the clock was running."""

    def occurred_at(self, at: datetime) -> datetime:
        return self.due_at


class Ending(Verdict, frozen=True, kw_only=True):
    """The clock ended at `stopped_at`."""

    stopped_at: datetime | None = None

    def occurred_at(self, at: datetime) -> datetime:
        return self.stopped_at or at


class SlaMet(Ending, frozen=True):
    """What was promised was done in time."""


class SlaStopped(Ending, frozen=True):
    """What was promised was done when its breach stood in the log already; the breach stays."""


class SlaCancelled(Ending, frozen=True, kw_only=True):
    """The clock ended without a verdict: `reason` is the trigger (annulled, merged), `not_promised`, `policy_retired`,
    or `untold` when a late fact tells that it should never have started.
    """

    reason: str = ""


class SlaRestated(Verdict, frozen=True, kw_only=True):
    """What was said of the clock is not what is known now; what was said stays, and this stands beside it.

    `state` is what would be said now, `breached_at` and `stopped_at` with it; `was` is what was said last.
    """

    state: ClockState
    was: ClockState
    breached_at: datetime | None = None
    stopped_at: datetime | None = None

    @property
    def said(self) -> Said:
        return Said(self.state, self.breached_at, self.stopped_at, self.elapsed if self.stopped_at else None)


SlaEvent = (
    SlaStarted
    | SlaRestarted
    | SlaRetargeted
    | SlaPaused
    | SlaResumed
    | SlaReviewed
    | SlaStopped
    | SlaWarned
    | SlaBreached
    | SlaMet
    | SlaCancelled
    | SlaRestated
)


def at_most(segments: list[Segment]) -> tuple[tuple[Segment, ...], int]:
    """The first and the last of many segments, and how many were left out between them."""
    over = len(segments) - MOST_SEGMENTS
    if over <= 0:
        return tuple(segments), 0
    half = MOST_SEGMENTS // 2
    return (*segments[:half], *segments[-half:]), over


# --- what becomes of the clocks ---------------------------------------------------------------------------------------


def evolve(state: SlaState, fact: Fact) -> SlaState:
    return after(state, fact.event, fact.occurred_at, fact.position)


def after(state: SlaState, event: Event, at: datetime, position: int) -> SlaState:
    match event:
        case Reckoned():
            promises = (*state.promises, *event.promises) if event.promises else state.promises
            state = SlaState(state.clocks, promises, event.seen or state.seen)
            return state.standing(event.clocks, at, position) if event.clocks else state
        case SlaCancelled(kind="", reason=reason):  # as the first version said it: of every clock that ran
            ends = clocks.ended
            return state.each(lambda c: c.running, lambda c: ends(c, at, c.elapsed, position, cancelled=reason))
        case Verdict(kind=kind, cycle=cycle):
            return state.one(kind, cycle, lambda clock: _judged(clock, event, at, position))
    return state


def _judged(clock: Clock, verdict: Verdict, at: datetime, position: int) -> Clock:
    match verdict:
        case Ending():
            told = {"paused_for": verdict.paused_for, "unheard_for": verdict.unheard_for}
            reason = verdict.reason if isinstance(verdict, SlaCancelled) else ""
            return clocks.ended(clock, at, verdict.elapsed, position, cancelled=reason, **told)
        case SlaBreached():
            return clocks.breached(clock, verdict.due_at, position)
        case SlaWarned():
            return clocks.warned(clock, verdict.percent, at, position)
        case SlaRestated():
            return clocks.restated(clock, verdict.said, position)
    return clock
