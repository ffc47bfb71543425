"""The clocks of one ticket: what they have counted, when they are due, and what becomes of them. No decisions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import msgspec

from . import spans
from .base import Priority
from .spans import Span


class SlaKind(StrEnum):
    RESPONSE = "response"
    RESOLUTION = "resolution"


class ClockState(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"
    MET = "met"
    BREACHED = "breached"
    CANCELLED = "cancelled"


class Promise(msgspec.Struct, frozen=True):
    """What is promised of one ticket: targets by kind, and the policy version they come from."""

    customer: UUID
    priority: Priority
    policy: UUID
    policy_version: int
    response: timedelta | None = None
    resolution: timedelta | None = None
    warn_at_percent: tuple[int, ...] = ()

    def target(self, kind: SlaKind) -> timedelta | None:
        return self.response if kind is SlaKind.RESPONSE else self.resolution

    @property
    def kinds(self) -> tuple[SlaKind, ...]:
        return tuple(kind for kind in SlaKind if self.target(kind))


class Clock(msgspec.Struct, frozen=True, omit_defaults=True):
    """One clock in one cycle. `effective_at` is when its present target came to hold.

    `position` is that of the last fact that changed what is told of it.
    """

    kind: SlaKind
    cycle: int
    target: timedelta
    promise: Promise
    started_at: datetime
    effective_at: datetime
    warned: tuple[int, ...] = ()
    warned_at: datetime | None = None
    breached_at: datetime | None = None
    stopped_at: datetime | None = None
    elapsed: timedelta | None = None
    cancelled: bool = False
    position: int = 0

    @property
    def running(self) -> bool:
        return self.stopped_at is None

    @property
    def open(self) -> bool:
        """Whether its verdict is still to come."""
        return self.running and self.breached_at is None


class SlaState(msgspec.Struct, frozen=True, omit_defaults=True):
    """The clocks of one ticket and the spans in which they stood still."""

    clocks: tuple[Clock, ...] = ()
    pauses: tuple[Span, ...] = ()

    # --- what it tells --------------------------------------------------------------------------------------------

    @property
    def paused(self) -> bool:
        return any(pause.end is None for pause in self.pauses)

    @property
    def running(self) -> tuple[Clock, ...]:
        return tuple(clock for clock in self.clocks if clock.running)

    def clock_state(self, clock: Clock) -> ClockState:
        if clock.breached_at:
            return ClockState.BREACHED
        if clock.cancelled:
            return ClockState.CANCELLED
        if clock.stopped_at:
            return ClockState.MET
        return ClockState.PAUSED if self.paused else ClockState.RUNNING

    def due_at(self, clock: Clock, percent: int = 100) -> datetime | None:
        """When `percent` of the target is used up; None while a pause stands before it."""
        instant = spans.reached(None, clock.started_at, self.pauses, clock.target * percent / 100)
        return instant and max(instant, clock.effective_at)

    def elapsed(self, clock: Clock, at: datetime) -> timedelta:
        return spans.elapsed(None, clock.started_at, self.pauses, at)

    def next_cycle(self, kind: SlaKind) -> int:
        return 1 + sum(clock.kind is kind for clock in self.clocks)

    def outstanding(self) -> Iterator[tuple[datetime, int, Clock]]:
        """What will have to be recorded if nothing else happens: when, at which percentage (100: breach), of what."""
        for clock in self.clocks:
            if clock.open:
                for percent in (*clock.promise.warn_at_percent, 100):
                    if percent not in clock.warned and (at := self.due_at(clock, percent)):
                        yield at, percent, clock

    # --- what becomes of it ---------------------------------------------------------------------------------------

    def started(self, promise: Promise, kinds: Iterable[SlaKind], at: datetime) -> SlaState:
        """A clock more of each kind, in its next cycle."""
        clocks = (
            Clock(kind, self.next_cycle(kind), promise.target(kind) or timedelta(), promise, at, at) for kind in kinds
        )
        return msgspec.structs.replace(self, clocks=(*self.clocks, *clocks))

    def retargeted(self, promise: Promise, at: datetime) -> SlaState:
        """Open clocks get new targets or, without one, end; what is promised and no clock counts starts now."""
        counted = {clock.kind for clock in self.running}
        changed = self.each(lambda clock: clock.open, lambda clock: self._with_promise(clock, promise, at))
        return changed.started(promise, (kind for kind in promise.kinds if kind not in counted), at)

    def _with_promise(self, clock: Clock, promise: Promise, at: datetime) -> Clock:
        target = promise.target(clock.kind)
        if target is None:
            return self._cancelled(clock, at)
        warned = clock.warned if target == clock.target else ()
        return msgspec.structs.replace(clock, target=target, promise=promise, effective_at=at, warned=warned)

    def paused_from(self, at: datetime) -> SlaState:
        return msgspec.structs.replace(self, pauses=(*self.pauses, Span(at)))

    def resumed(self, at: datetime) -> SlaState:
        closed = (Span(p.start, max(p.start, at)) if p.end is None else p for p in self.pauses)
        return msgspec.structs.replace(self, pauses=tuple(closed))

    def cancelled(self, at: datetime) -> SlaState:
        return self.each(lambda clock: clock.running, lambda clock: self._cancelled(clock, at))

    def _cancelled(self, clock: Clock, at: datetime) -> Clock:
        return msgspec.structs.replace(ended(clock, at, self.elapsed(clock, at)), cancelled=True)

    def each(self, which: Callable[[Clock], bool], change: Callable[[Clock], Clock]) -> SlaState:
        return msgspec.structs.replace(self, clocks=tuple(change(c) if which(c) else c for c in self.clocks))

    def one(self, kind: SlaKind, cycle: int, change: Callable[[Clock], Clock]) -> SlaState:
        return self.each(lambda clock: clock.kind == kind and clock.cycle == cycle, change)

    def changed_at(self, position: int, before: SlaState) -> SlaState:
        """With the position noted on every clock that is not as before: a pause changes all that run.

        What has ended keeps all that is told of it, whatever happens to the ticket afterwards.
        """
        stood_still = self.pauses != before.pauses
        return self.each(
            lambda clock: clock not in before.clocks or (stood_still and clock.running),
            lambda clock: msgspec.structs.replace(clock, position=position),
        )


def warned(clock: Clock, percent: int, at: datetime) -> Clock:
    return msgspec.structs.replace(clock, warned=(*clock.warned, percent), warned_at=clock.warned_at or at)


def breached(clock: Clock, due_at: datetime) -> Clock:
    return msgspec.structs.replace(clock, breached_at=due_at)


def ended(clock: Clock, at: datetime, spent: timedelta) -> Clock:
    """What is said to have been done before the clock started took no time."""
    return msgspec.structs.replace(clock, stopped_at=max(at, clock.started_at), elapsed=spent)


def next_due_at(state: SlaState) -> datetime | None:
    """The next instant at which a warning or a breach has to be recorded; None when nothing is due."""
    return min((at for at, _, _ in state.outstanding()), default=None)
