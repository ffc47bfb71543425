"""Clocks as values: what is promised, by which rules a clock runs, how it stands and what was said of it. No decisions.

How a clock stands is worked out in `reckoning` and is part of each fact, so that folding facts computes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import msgspec

from .base import Priority, about, text
from .timelines import Party, Trigger

RESPONSE, NEXT_RESPONSE, UPDATE, RESOLUTION = "response", "next_response", "update", "resolution"

NO_TIME = timedelta()
"""The one that a field has by default, so that it is left out when it is written."""


class SlaKind(StrEnum):
    """What the clocks measure that every firm knows; what a policy's own clock measures is told by its name."""

    RESPONSE = RESPONSE
    NEXT_RESPONSE = NEXT_RESPONSE
    UPDATE = UPDATE
    RESOLUTION = RESOLUTION
    OTHER = "other"

    @classmethod
    def of(cls, name: str) -> SlaKind:
        return _KINDS.get(name, cls.OTHER)


_KINDS = {kind.value: kind for kind in SlaKind}


class ClockState(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"
    MET = "met"
    BREACHED = "breached"
    CANCELLED = "cancelled"


class Change(StrEnum):
    """What an open clock makes of another promise or of other working hours."""

    KEEP = "keep"
    CARRY_ELAPSED = "carry_elapsed"
    RESTART = "restart"
    RETROACTIVE = "retroactive"


class ClockRule(msgspec.Struct, frozen=True, omit_defaults=True):
    """When a clock starts, stands still, goes on, stops, begins anew and is cancelled.

    Of one fact they are looked at in this order: cancel, stop, reset, resume, pause, start.
    """

    clock: Annotated[str, text("Its name: small letters and underscores.", limit=40)]
    starts: Annotated[tuple[Trigger, ...], about("What starts it, unless it runs already.", min_length=1)]
    stops: Annotated[tuple[Trigger, ...], about("What was promised; it stops the clock.", min_length=1)]
    resets: Annotated[tuple[Trigger, ...], about("What ends a cycle and starts the next at once.")] = ()
    cancels: Annotated[tuple[Trigger, ...], about("What ends it without a verdict.")] = (
        Trigger.ANNULLED,
        Trigger.MERGED,
    )
    pauses: Annotated[tuple[Trigger, ...], about("What lets it stand still.")] = (Trigger.HELD,)
    resumes: Annotated[tuple[Trigger, ...], about("What lets it go on; a resolution always does.")] = (Trigger.RESUMED,)
    paused_by: Annotated[tuple[Party, ...], about("Waiting for whom lets it stand still; for others it counts on.")] = (
        tuple(Party)
    )
    after: Annotated[tuple[Trigger, ...], about("It starts only once one of these has happened.")] = ()


_DONE = (Trigger.RESPONDED, Trigger.RESOLVED)

STANDARD = {
    rule.clock: rule
    for rule in (
        ClockRule(RESPONSE, starts=(Trigger.OPENED,), stops=_DONE),
        ClockRule(NEXT_RESPONSE, starts=(Trigger.CUSTOMER_WROTE,), stops=_DONE, after=(Trigger.RESPONDED,)),
        ClockRule(
            UPDATE,
            starts=(Trigger.OPENED, Trigger.REOPENED),
            stops=(Trigger.RESOLVED,),
            resets=(Trigger.RESPONDED,),
        ),
        ClockRule(RESOLUTION, starts=(Trigger.OPENED, Trigger.REOPENED), stops=(Trigger.RESOLVED,)),
    )
}
"""The rules of the clocks that every firm knows; a policy may state others, and clocks of its own."""


class Target(msgspec.Struct, frozen=True, array_like=True):
    kind: str
    span: timedelta


class Promise(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is promised of one ticket: targets by clock, and the policy version they come from."""

    customer: UUID
    priority: Priority
    policy: UUID
    policy_version: int
    targets: tuple[Target, ...] = ()
    warn_at_percent: tuple[int, ...] = ()
    calendar: UUID | None = None

    def target(self, kind: str) -> timedelta | None:
        return next((target.span for target in self.targets if target.kind == kind), None)


class Leg(msgspec.Struct, frozen=True, array_like=True):
    """From when on which promise holds for a clock, by its number among those of the ticket."""

    since: datetime
    promise: int


class Alarm(msgspec.Struct, frozen=True, array_like=True, order=True):
    """When which percentage of the target is used up, if nothing else happens; 100 is the breach."""

    at: datetime
    percent: int


class Standing(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a clock stood at `read_at`: `elapsed` had been counted, and it counts on from there unless `paused`.

    `due_at` is None while it stands still. `calendar_version` is the newest that was looked at, 0 around the clock.
    `paused_for` is how much time would have counted, were it not for pauses; `unheard_for` is the part of it in pauses
    during which the customer wrote.
    """

    kind: str
    cycle: int
    target: timedelta = timedelta()
    started_at: datetime | None = None
    legs: tuple[Leg, ...] = ()
    read_at: datetime | None = None
    elapsed: timedelta = NO_TIME
    paused: bool = False
    due_at: datetime | None = None
    alarms: tuple[Alarm, ...] = ()
    calendar_version: int = 0
    paused_for: timedelta = NO_TIME
    unheard_for: timedelta = NO_TIME


class Said(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was said of a clock: how it ended or, while it runs, that it is breached or still open."""

    state: ClockState
    due_at: datetime | None = None
    stopped_at: datetime | None = None
    elapsed: timedelta | None = None


class Clock(Standing, frozen=True, omit_defaults=True):
    """One clock in one cycle. The verdict that was given stays; `restated` is what late tidings made of it.

    `position` is that of the last fact that changed what is told of it.
    """

    warned: tuple[int, ...] = ()
    warned_at: datetime | None = None
    breached_at: datetime | None = None
    stopped_at: datetime | None = None
    ended_elapsed: timedelta | None = None
    cancelled: str = ""
    restated: Said | None = None
    restatements: int = 0
    position: int = 0

    @property
    def running(self) -> bool:
        return self.stopped_at is None

    @property
    def open(self) -> bool:
        """Whether a breach may still have to be recorded."""
        state = self.restated.state if self.restated else self.state
        return self.running and state in (ClockState.RUNNING, ClockState.PAUSED)

    @property
    def state(self) -> ClockState:
        """The verdict that was given or, before there is one, whether it counts."""
        if self.breached_at:
            return ClockState.BREACHED
        if self.cancelled:
            return ClockState.CANCELLED
        if self.stopped_at:
            return ClockState.MET
        return ClockState.PAUSED if self.paused else ClockState.RUNNING

    @property
    def said(self) -> Said:
        """What was said last."""
        if self.restated:
            return self.restated
        return Said(self.state, self.breached_at, self.stopped_at, self.ended_elapsed)


class Seen(msgspec.Struct, frozen=True, array_like=True, order=True):
    """A policy or a calendar that clocks were worked out with, and the number of its newest edit by then."""

    subject: UUID
    edit: int


class SlaState(msgspec.Struct, frozen=True, omit_defaults=True):
    """The clocks of one ticket, oldest first, and what was promised of it in the course of time.

    `seen` is every policy and calendar that was ever looked at.
    """

    clocks: tuple[Clock, ...] = ()
    promises: tuple[Promise, ...] = ()
    seen: tuple[Seen, ...] = ()

    @property
    def running(self) -> tuple[Clock, ...]:
        return tuple(clock for clock in self.clocks if clock.running)

    @property
    def until(self) -> datetime | None:
        """When the last of the clocks ended; None while one runs."""
        ends = [clock.stopped_at for clock in self.clocks if clock.stopped_at]
        return max(ends, default=None) if len(ends) == len(self.clocks) else None

    @property
    def calendars(self) -> list[tuple[datetime, UUID | None]]:
        """From when on which calendar was promised, or that all time counts; empty when nothing was."""
        legs = sorted({leg for clock in self.clocks for leg in clock.legs}, key=lambda leg: (leg.since, leg.promise))
        return [(leg.since, self.promises[leg.promise].calendar) for leg in legs]

    def promise(self, clock: Standing) -> Promise:
        """What was promised last of a clock."""
        return self.promises[clock.legs[-1].promise]

    def outstanding(self) -> Iterator[tuple[Alarm, Clock]]:
        """What will have to be recorded if nothing else happens."""
        for clock in self.clocks:
            if clock.alarms and clock.open:
                for alarm in clock.alarms:
                    yield alarm, clock

    def each(self, which: Callable[[Clock], bool], change: Callable[[Clock], Clock]) -> SlaState:
        return msgspec.structs.replace(self, clocks=tuple([change(c) if which(c) else c for c in self.clocks]))

    def one(self, kind: str, cycle: int, change: Callable[[Clock], Clock]) -> SlaState:
        clocks = [change(c) if c.cycle == cycle and c.kind == kind else c for c in self.clocks]
        return msgspec.structs.replace(self, clocks=tuple(clocks))

    def standing(self, standings: Iterable[Standing], at: datetime, position: int) -> SlaState:
        """With these clocks standing so; those that are not among them yet start.

        A clock that says nothing of its start, as those of the first version did, starts now.
        """
        clocks = {(clock.kind, clock.cycle): clock for clock in self.clocks}
        for one in standings:
            fields = msgspec.structs.asdict(one)
            if one.started_at is None:
                fields |= {"started_at": at, "read_at": at, "legs": (Leg(at, len(self.promises) - 1),)}
            fields["position"] = position
            before = clocks.get((one.kind, one.cycle))
            if before is None:
                clocks[one.kind, one.cycle] = Clock(**fields)
                continue
            # What was warned of another target says nothing of this one.
            warned = before.warned if before.target == one.target else ()
            clocks[one.kind, one.cycle] = msgspec.structs.replace(before, **fields, warned=warned)
        return SlaState(tuple(clocks.values()), self.promises, self.seen)


def warned(clock: Clock, percent: int, at: datetime, position: int) -> Clock:
    return msgspec.structs.replace(
        clock,
        warned=(*clock.warned, percent),
        warned_at=clock.warned_at or at,
        alarms=tuple(alarm for alarm in clock.alarms if alarm.percent != percent),
        position=position,
    )


def breached(clock: Clock, due_at: datetime, position: int) -> Clock:
    return msgspec.structs.replace(clock, breached_at=due_at, due_at=None, alarms=(), position=position)


def ended(clock: Clock, at: datetime, spent: timedelta, position: int, **told: Any) -> Clock:
    """What is said to have been done before the clock started took no time."""
    return msgspec.structs.replace(
        clock,
        stopped_at=max(at, clock.started_at or at),
        ended_elapsed=spent,
        alarms=(),
        due_at=None,
        paused=False,
        position=position,
        **told,
    )


def restated(clock: Clock, said: Said, position: int) -> Clock:
    counts = {"restated": said, "restatements": clock.restatements + 1, "position": position}
    over: dict[str, Any] = {"due_at": None, "alarms": ()} if said.state is ClockState.BREACHED else {}
    return msgspec.structs.replace(clock, **counts, **over)


def next_due_at(state: SlaState) -> datetime | None:
    """The next instant at which a warning or a breach has to be recorded; None when nothing is due."""
    return min((alarm.at for alarm, _ in state.outstanding()), default=None)
