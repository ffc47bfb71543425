"""SLAs: the clocks that run on a ticket, and the verdicts they end in. How the clocks count stands in `clocks`.

Which policy holds is decided by `reactions` when a ticket is opened, prioritised or reopened; the targets are then
part of the fact, so that no later edit of a policy can change what was promised.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, get_args
from uuid import UUID

from . import clocks
from .base import Command, Decider, Event, Fact, Priority, about, own
from .clocks import Clock as Clock
from .clocks import ClockState as ClockState
from .clocks import Promise as Promise
from .clocks import SlaKind as SlaKind
from .clocks import SlaState as SlaState
from .clocks import next_due_at as next_due_at

# --- events -------------------------------------------------------------------------------------------------------


class SlaStarted(Event, frozen=True):
    """The clocks of a ticket started, with what was promised."""

    promise: Promise


class SlaRetargeted(Event, frozen=True):
    """Another promise holds from now on: running clocks keep the time they have counted and get its targets.

    What it promises and no clock counts starts now; what it does not promise ends without a verdict.
    """

    promise: Promise


class SlaPaused(Event, frozen=True):
    """The clocks stand still: work waits for somebody else."""


class SlaResumed(Event, frozen=True):
    """The clocks go on."""


class Verdict(Event, frozen=True):
    """Something said of one clock, for good."""

    kind: SlaKind
    cycle: int
    target: timedelta
    due_at: datetime
    customer: UUID
    priority: Priority
    policy: UUID
    policy_version: int


class SlaWarned(Verdict, frozen=True):
    """A stated part of the target is used up, and the clock still runs."""

    percent: int
    warned_at: datetime

    def occurred_at(self, at: datetime) -> datetime:
        return self.warned_at


class SlaBreached(Verdict, frozen=True):
    """The target was reached while the clock was running."""

    def occurred_at(self, at: datetime) -> datetime:
        return self.due_at


class SlaMet(Verdict, frozen=True):
    """What was promised was done in time."""

    elapsed: timedelta


class SlaStopped(Event, frozen=True):
    """What was promised was done when its breach stood in the log already; the breach stays."""

    kind: SlaKind
    cycle: int
    elapsed: timedelta


class SlaRestarted(Event, frozen=True):
    """The ticket was reopened: a resolution clock starts, in the next cycle. Earlier cycles stay as they are."""

    promise: Promise
    cycle: int


class SlaCancelled(Event, frozen=True):
    """The ticket was an error: running clocks end without a verdict."""


SlaEvent = (
    SlaStarted
    | SlaRetargeted
    | SlaPaused
    | SlaResumed
    | SlaWarned
    | SlaBreached
    | SlaMet
    | SlaStopped
    | SlaRestarted
    | SlaCancelled
)

# --- commands: asked for by reactions and by the clock, never by a client ---------------------------------------------

Sla = Annotated[UUID, own("sla", "The ticket whose clocks they are.")]
PromiseField = Annotated[Promise, about("What is promised.")]


class SlaCommand(Command, frozen=True):
    """What the commands of this domain share."""

    ticket: Sla


class StartSla(SlaCommand, frozen=True):
    """Start the clocks of a ticket."""

    promise: PromiseField


class RetargetSla(SlaCommand, frozen=True):
    """Let another promise hold from now on."""

    promise: PromiseField


class PauseSla(SlaCommand, frozen=True):
    """Let the clocks stand still."""


class ResumeSla(SlaCommand, frozen=True):
    """Let the clocks go on."""


class StopSla(SlaCommand, frozen=True):
    """Stop clocks because what was promised is done."""

    kinds: Annotated[tuple[SlaKind, ...], about("Which clocks.")]


class RestartSla(SlaCommand, frozen=True):
    """Start the next cycle of the resolution clock."""

    promise: PromiseField


class CancelSla(SlaCommand, frozen=True):
    """End running clocks without a verdict."""


class RecordOverdueSla(SlaCommand, frozen=True):
    """Record the warnings and breaches that fell due."""


# --- state --------------------------------------------------------------------------------------------------------


def evolve(state: SlaState, fact: Fact) -> SlaState:
    return _after(state, fact.event, fact.occurred_at).changed_at(fact.position, state)


def _after(state: SlaState, event: Event, at: datetime) -> SlaState:
    match event:
        case SlaStarted(promise=promise):
            return state.started(promise, promise.kinds, at)
        case SlaRestarted(promise=promise):
            return state.started(promise, (SlaKind.RESOLUTION,), at)
        case SlaRetargeted(promise=promise):
            return state.retargeted(promise, at)
        case SlaPaused():
            return state.paused_from(at)
        case SlaResumed():
            return state.resumed(at)
        case SlaWarned(kind=kind, cycle=cycle, percent=percent):
            return state.one(kind, cycle, lambda clock: clocks.warned(clock, percent, at))
        case SlaBreached(kind=kind, cycle=cycle, due_at=due_at):
            return state.one(kind, cycle, lambda clock: clocks.breached(clock, due_at))
        case SlaMet(kind=kind, cycle=cycle, elapsed=spent) | SlaStopped(kind=kind, cycle=cycle, elapsed=spent):
            return state.one(kind, cycle, lambda clock: clocks.ended(clock, at, spent))
        case SlaCancelled():
            return state.cancelled(at)
    return state


# --- decisions ----------------------------------------------------------------------------------------------------


def decide(state: SlaState, command: SlaCommand, at: datetime) -> list[Event]:
    """What fell due before `at` is recorded first, so that whoever comes too late is told by the log."""
    if isinstance(command, RecordOverdueSla):
        return [*overdue(state, at, at_once=True)]
    late = overdue(state, at)
    for verdict in late:
        state = _after(state, verdict, verdict.occurred_at(at))
    return [*late, *_decide_on_time(state, command, at)]


def _decide_on_time(state: SlaState, command: SlaCommand, at: datetime) -> list[Event]:
    match command:
        case StartSla(promise=promise):
            return [SlaStarted(promise=promise)]
        case RetargetSla(promise=promise):
            return retarget(state, promise, at)
        case PauseSla():
            return [SlaPaused()] if state.running and not state.paused else []
        case ResumeSla():
            return [SlaResumed()] if state.paused else []
        case StopSla(kinds=kinds):
            return [stop(state, clock, at) for clock in state.running if clock.kind in kinds]
        case RestartSla(promise=promise):
            return [SlaRestarted(promise=promise, cycle=state.next_cycle(SlaKind.RESOLUTION))]
        case CancelSla():
            return [SlaCancelled()] if state.running else []
    raise TypeError(f"not a command of this domain: {command!r}")


def retarget(state: SlaState, promise: Promise, at: datetime) -> list[Event]:
    if not state.clocks:
        return [SlaStarted(promise=promise)] if promise.kinds else []
    return [SlaRetargeted(promise=promise)] if state.retargeted(promise, at) != state else []


def stop(state: SlaState, clock: Clock, at: datetime) -> Event:
    spent = state.elapsed(clock, at)
    if clock.breached_at:
        return SlaStopped(kind=clock.kind, cycle=clock.cycle, elapsed=spent)
    return SlaMet(**_said_of(clock, _due_if_resumed(state, clock, at)), elapsed=spent)


def overdue(state: SlaState, at: datetime, *, at_once: bool = False) -> list[Verdict]:
    """The warnings and breaches not yet recorded that fell due before `at`, oldest first.

    What is done at the very instant it is due is in time; the clock itself (`at_once`) records at that instant.
    """
    due = sorted(state.outstanding(), key=lambda item: item[:2])
    return [_verdict(state, *item) for item in due if item[0] < at or (at_once and item[0] == at)]


def _verdict(state: SlaState, instant: datetime, percent: int, clock: Clock) -> Verdict:
    if percent == 100:
        return SlaBreached(**_said_of(clock, instant))
    due_at = _due_if_resumed(state, clock, instant)
    return SlaWarned(**_said_of(clock, due_at), percent=percent, warned_at=instant)


def _due_if_resumed(state: SlaState, clock: Clock, at: datetime) -> datetime:
    """When a clock is due if it does not stand still after `at`."""
    return state.resumed(at).due_at(clock) or at


def _said_of(clock: Clock, due_at: datetime) -> dict[str, Any]:
    promise = clock.promise
    return {
        "kind": clock.kind,
        "cycle": clock.cycle,
        "target": clock.target,
        "due_at": due_at,
        "customer": promise.customer,
        "priority": promise.priority,
        "policy": promise.policy,
        "policy_version": promise.policy_version,
    }


decider = Decider(
    noun="sla",
    initial=SlaState(),
    commands=(StartSla, RetargetSla, PauseSla, ResumeSla, StopSla, RestartSla, CancelSla, RecordOverdueSla),
    events=get_args(SlaEvent),
    decide=decide,
    evolve=evolve,
)
