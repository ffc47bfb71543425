"""Allocations: which promise the hours of a time entry keep, as a ledger of lines that is only ever added to.

Every hour of an entry stands in exactly one class. A later run, a write-off or the entry's reversal takes back what
stood before, line by line, and posts what stands from now on; so at any moment, past ones included, the sum of the
lines is what was so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, NamedTuple, assert_never, get_args
from uuid import UUID

import msgspec

from .base import BurnRule, Command, Decider, Event, Fact, Reason, Refused, Stamp, about, own

NOTHING = timedelta()


class TimeClass(StrEnum):
    """What an hour is to whoever pays."""

    BILLABLE = "billable"
    NON_BILLABLE = "non_billable"
    WRITTEN_OFF = "written_off"
    UNATTRIBUTED = "unattributed"


class TrialResult(StrEnum):
    """What became of a promise that a rule led to."""

    CHOSEN = "chosen"
    NONE_FOUND = "none_found"
    NOT_OPEN = "not_open"
    OTHER_ROLE = "other_role"
    SPENT = "spent"


class Split(msgspec.Struct, frozen=True, omit_defaults=True):
    """Some of the hours: what they are, the promise that they keep, and the project that they were worked in."""

    worked: timedelta
    classification: TimeClass
    obligation: UUID | None = None
    project: UUID | None = None


class Trial(msgspec.Struct, frozen=True, omit_defaults=True):
    """One promise that was looked at, or that a rule led to none; `left` is what could still be burnt of it."""

    rule: BurnRule
    result: TrialResult
    obligation: UUID | None = None
    left: timedelta | None = None


class Work(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the entry said, as far as it matters here."""

    person: UUID
    worked_on: date
    task: UUID | None = None


# --- events -----------------------------------------------------------------------------------------------------------


class TimeAllocated(Event, frozen=True):
    """The hours of a time entry were allocated by the rules in force. The stream's id is that of the entry."""

    work: Work
    splits: tuple[Split, ...]
    trials: tuple[Trial, ...]
    policy_version: int


class TimeReallocated(Event, frozen=True):
    """The hours are to be allocated anew, by the rules of now; what comes of it stands beside what stood before."""

    reason: str


class TimeWrittenOff(Event, frozen=True):
    """Hours that were billable will not be billed."""

    splits: tuple[Split, ...]
    reason: str


class AllocationWithdrawn(Event, frozen=True):
    """The entry was reversed: none of its hours counts any more."""


AllocationEvent = TimeAllocated | TimeReallocated | TimeWrittenOff | AllocationWithdrawn

# --- commands ---------------------------------------------------------------------------------------------------------

Entry = Annotated[UUID, own("allocation", "The time entry.")]


class AllocateTime(Command, frozen=True):
    """Allocate the hours of a time entry."""

    entry: Entry
    work: Work
    splits: tuple[Split, ...]
    trials: tuple[Trial, ...]
    policy_version: int


class ReallocateTime(Command, frozen=True):
    """Let the rules of now choose anew which promise the hours of an entry keep.

    Nothing is edited: what comes of it is a restatement beside what stood before.
    """

    entry: Entry
    reason: Reason


class WriteOffTime(Command, frozen=True):
    """Say that billable hours of an entry will not be billed. They stay worked, and keep their promise."""

    entry: Entry
    reason: Reason
    worked: Annotated[timedelta, about("How much; left out, all that is billable.")] | None = None


class WithdrawAllocation(Command, frozen=True):
    """Let none of the hours of a reversed entry count."""

    entry: Entry


AllocationCommand = AllocateTime | ReallocateTime | WriteOffTime | WithdrawAllocation

# --- state ------------------------------------------------------------------------------------------------------------


class Line(msgspec.Struct, frozen=True, array_like=True):
    """A line of the ledger; what takes hours back is less than nothing."""

    run: int
    worked: timedelta
    classification: TimeClass
    obligation: UUID | None
    project: UUID | None
    stamp: Stamp


class Run(msgspec.Struct, frozen=True, array_like=True):
    """One application of the rules: by which version of the policy, what was tried, and where in the log."""

    policy_version: int
    trials: tuple[Trial, ...]
    position: int


class AllocationState(msgspec.Struct, frozen=True, omit_defaults=True):
    work: Work | None = None
    runs: tuple[Run, ...] = ()
    lines: tuple[Line, ...] = ()
    written_off: bool = False

    def standing(self) -> list[Split]:
        """What the lines add up to, by class, promise and project, in the order in which they were first posted."""
        sums: dict[tuple[TimeClass, UUID | None, UUID | None], timedelta] = {}
        for line in self.lines:
            key = (line.classification, line.obligation, line.project)
            sums[key] = sums.get(key, NOTHING) + line.worked
        return [Split(worked, *key) for key, worked in sums.items() if worked]

    def worked(self) -> timedelta:
        return sum((line.worked for line in self.lines), NOTHING)

    def burnt_of(self, obligation: UUID) -> timedelta:
        """The hours for which the promise pays."""
        burning = (TimeClass.BILLABLE, obligation)
        lines = (line for line in self.lines if (line.classification, line.obligation) == burning)
        return sum((line.worked for line in lines), NOTHING)

    def posted_at(self, position: int) -> list[Line]:
        """The lines that one fact posted."""
        return [line for line in self.lines if line.stamp.position == position]


def evolve(state: AllocationState, fact: Fact) -> AllocationState:
    replace = msgspec.structs.replace
    match fact.event:
        case TimeAllocated() as event:
            run = Run(event.policy_version, event.trials, fact.position)
            allocated = replace(state, work=event.work, runs=(*state.runs, run))
            return _posted(allocated, fact, [*_taken_back(state.standing()), *event.splits])
        case TimeWrittenOff(splits=splits):
            off = [msgspec.structs.replace(split, classification=TimeClass.WRITTEN_OFF) for split in splits]
            return _posted(replace(state, written_off=True), fact, [*_taken_back(splits), *off])
        case AllocationWithdrawn():
            return _posted(state, fact, _taken_back(state.standing()))
    return state


def _taken_back(splits: Iterable[Split]) -> list[Split]:
    return [msgspec.structs.replace(split, worked=-split.worked) for split in splits]


def _posted(state: AllocationState, fact: Fact, splits: Sequence[Split]) -> AllocationState:
    run, stamp = len(state.runs), Stamp.of(fact)
    lines = [Line(run, split.worked, split.classification, split.obligation, split.project, stamp) for split in splits]
    return msgspec.structs.replace(state, lines=(*state.lines, *lines))


# --- decisions --------------------------------------------------------------------------------------------------------


def decide(state: AllocationState, command: AllocationCommand, at: datetime) -> list[Event]:
    match command:
        case AllocateTime():
            return allocate_time(state, command)
        case ReallocateTime():
            return reallocate_time(state, command)
        case WriteOffTime():
            return write_off_time(state, command)
        case WithdrawAllocation():
            return [AllocationWithdrawn()] if state.standing() else []
        case _:
            assert_never(command)


def allocate_time(state: AllocationState, command: AllocateTime) -> list[Event]:
    """A run that finds what stands already is recorded too: it is an answer, and tells what was tried."""
    return [
        TimeAllocated(
            work=command.work, splits=command.splits, trials=command.trials, policy_version=command.policy_version
        )
    ]


def reallocate_time(state: AllocationState, command: ReallocateTime) -> list[Event]:
    _still_counts(state)
    if state.written_off:
        message = "Some of its hours were written off: reverse the entry and record it anew."
        raise Refused("written_off", message, ["entry"])
    return [TimeReallocated(reason=command.reason)]


def write_off_time(state: AllocationState, command: WriteOffTime) -> list[Event]:
    _still_counts(state)
    billable = [split for split in state.standing() if split.classification is TimeClass.BILLABLE]
    most = sum((split.worked for split in billable), NOTHING)
    rest = most if command.worked is None else command.worked
    if not NOTHING < rest <= most:
        raise Refused(
            "not_billable", f"Of this entry {most} are billable; that is what can be written off.", ["worked"]
        )
    splits = []
    for split in billable:
        part = min(rest, split.worked)
        if part:
            splits.append(msgspec.structs.replace(split, worked=part))
        rest -= part
    return [TimeWrittenOff(splits=tuple(splits), reason=command.reason)]


def _still_counts(state: AllocationState) -> None:
    if not state.worked():
        raise Refused("already_reversed", "The entry is reversed: none of its hours counts.", ["entry"])


# --- the rules --------------------------------------------------------------------------------------------------------


class Candidate(NamedTuple):
    """A promise that a rule leads to, and the project in which hours would keep it.

    `left` is how many are left of those sold by the hour, None if it is not; `fixed` tells that its price does not
    depend on hours.
    """

    obligation: UUID
    project: UUID | None
    is_open: bool
    role_fits: bool
    left: timedelta | None
    fixed: bool


def choose(
    worked: timedelta,
    places: Iterable[tuple[BurnRule, Sequence[Candidate]]],
    overrun: TimeClass,
    otherwise: Split,
) -> tuple[tuple[Split, ...], tuple[Trial, ...]]:
    """Split the hours among the promises of the first place that has one to be kept; and tell what was tried.

    Hours beyond those sold become `overrun`, of the first promise that could have taken them. Where there is no
    promise to keep, all hours are `otherwise`.
    """
    trials: list[Trial] = []
    for rule, candidates in places:
        splits, tried = _filled(worked, rule, candidates, overrun)
        trials += tried or [Trial(rule, TrialResult.NONE_FOUND)]
        if splits:
            return splits, tuple(trials)
    return (otherwise,), tuple(trials)


def _filled(
    rest: timedelta, rule: BurnRule, candidates: Sequence[Candidate], overrun: TimeClass
) -> tuple[tuple[Split, ...], list[Trial]]:
    """The hours among the promises of one place, each up to what is left of it, in their order."""
    sums: dict[tuple[TimeClass, UUID, UUID | None], timedelta] = {}
    trials, first = [], None
    for candidate in candidates:
        if not rest:
            break
        result, part = _fit(candidate, rest)
        trials.append(Trial(rule, result, candidate.obligation, candidate.left))
        if result in (TrialResult.CHOSEN, TrialResult.SPENT):
            first = first or candidate
        if part:
            kind = TimeClass.NON_BILLABLE if candidate.fixed else TimeClass.BILLABLE
            sums[kind, candidate.obligation, candidate.project] = part
            rest -= part
    if rest and first:
        key = (overrun, first.obligation, first.project)
        sums[key] = sums.get(key, NOTHING) + rest
    return tuple(Split(part, *key) for key, part in sums.items()), trials


def _fit(candidate: Candidate, rest: timedelta) -> tuple[TrialResult, timedelta]:
    """Whether the promise takes hours, and how many of the rest."""
    if not candidate.is_open:
        return TrialResult.NOT_OPEN, NOTHING
    if not candidate.role_fits:
        return TrialResult.OTHER_ROLE, NOTHING
    if candidate.left is None:
        return TrialResult.CHOSEN, rest
    if candidate.left <= NOTHING:
        return TrialResult.SPENT, NOTHING
    return TrialResult.CHOSEN, min(rest, candidate.left)


decider = Decider(
    noun="allocation",
    initial=AllocationState(),
    commands=get_args(AllocationCommand),
    events=get_args(AllocationEvent),
    decide=decide,
    evolve=evolve,
)
