"""SLA policies: what the firm promises of tickets, to all customers or to one, by service, kind and priority."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, assert_never, get_args
from uuid import UUID

import msgspec

from .base import Command, Decider, Event, Fact, Priority, Refused, about, ref, text
from .clocks import NEXT_RESPONSE, RESOLUTION, RESPONSE, STANDARD, UPDATE, Change, ClockRule, Target

DEFAULT = UUID(int=0)
"""The id of the firm's own policy, which holds for every customer without one."""

LONGEST = timedelta(days=366)
CLOCK_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


class ClockTarget(msgspec.Struct, frozen=True):
    """What is promised by a clock of the policy's own."""

    clock: Annotated[str, text("The name of the clock.", limit=40)]
    span: Annotated[timedelta, about("From its start to its stop.")]


class SlaTarget(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is promised of some tickets; a target left out is not promised.

    Of several that fit a ticket the most specific holds: the one that names its service, then the one that names its
    kind, then the one that names its priority.
    """

    priority: Annotated[Priority, about("Only for this priority; left out, for all.")] | None = None
    response: Annotated[timedelta, about("From opening to the first answer by a person.")] | None = None
    resolution: Annotated[timedelta, about("From opening, or reopening, to the resolution.")] | None = None
    next_response: (
        Annotated[timedelta, about("From what the customer writes after the first answer to the next answer.")] | None
    ) = None
    update: Annotated[timedelta, about("From one answer to the next, until the resolution.")] | None = None
    service: Annotated[str, text("Only for tickets about this service.", limit=64)] | None = None
    kind: Annotated[str, text("Only for tickets of this kind.", limit=64)] | None = None
    others: Annotated[tuple[ClockTarget, ...], about("Targets of the policy's own clocks.", max_length=10)] = ()

    @property
    def targets(self) -> tuple[Target, ...]:
        known = {
            RESPONSE: self.response,
            NEXT_RESPONSE: self.next_response,
            UPDATE: self.update,
            RESOLUTION: self.resolution,
        }
        promised = [Target(name, span) for name, span in known.items() if span is not None]
        return (*promised, *[Target(other.clock, other.span) for other in self.others])

    def fits(self, service: str | None, kind: str | None, priority: Priority) -> bool:
        return self.service in (None, service) and self.kind in (None, kind) and self.priority in (None, priority)

    @property
    def chooses_by(self) -> tuple[str | None, str | None, Priority | None]:
        """The names by which it is chosen, the most specific first."""
        return self.service, self.kind, self.priority


class SlaPolicyAdopted(Event, frozen=True):
    """A policy, or its next version, holds from `valid_from` on; left out, from when it was adopted."""

    name: str
    targets: tuple[SlaTarget, ...]
    warn_at_percent: tuple[int, ...] = ()
    customer: UUID | None = None
    clocks: tuple[ClockRule, ...] = ()
    valid_from: datetime | None = None
    open_clocks: Change = Change.KEEP
    on_priority: Change = Change.CARRY_ELAPSED
    on_calendar: Change = Change.CARRY_ELAPSED
    calendar: UUID | None = None


class SlaPolicyRetired(Event, frozen=True):
    """The policy holds for no new ticket; the firm's own policy takes its place."""

    cancel_open: bool = False


PolicyEvent = SlaPolicyAdopted | SlaPolicyRetired


class PolicyCommand(Command, frozen=True):
    """What the commands of this domain share: the stream is the customer's, or the firm's own."""

    customer: (
        Annotated[UUID, ref("customer", "Whose policy it is; left out, it is the firm's own, for all others.")] | None
    ) = None


class AdoptSlaPolicy(PolicyCommand, frozen=True, kw_only=True):
    """Adopt a policy, or its next version. Unless told otherwise, open clocks keep the version they were promised."""

    name: Annotated[str, text("What the policy is called.")]
    targets: Annotated[tuple[SlaTarget, ...], about("What is promised of which tickets.", min_length=1, max_length=100)]
    warn_at_percent: Annotated[
        tuple[int, ...],
        about("Warn when this much of a target is used up: whole percents from 1 to 99.", max_length=5),
    ] = (75,)
    clocks: Annotated[
        tuple[ClockRule, ...],
        about("Clocks of the policy's own; one that is named like a standard one takes its place.", max_length=10),
    ] = ()
    valid_from: (
        Annotated[datetime, about("From when on it holds; left out, from when it is adopted (occurredAt).")] | None
    ) = None
    open_clocks: Annotated[Change, about("What clocks that are open then make of it.")] = Change.KEEP
    on_priority: Annotated[Change, about("What open clocks make of another priority.")] = Change.CARRY_ELAPSED
    on_calendar: Annotated[Change, about("What open clocks make of a new version of the calendar.")] = (
        Change.CARRY_ELAPSED
    )
    calendar: (
        Annotated[UUID, ref("calendar", "The working hours in which clocks count; left out, they always do.")] | None
    ) = None


class RetireSlaPolicy(PolicyCommand, frozen=True, kw_only=True):
    """Let the policy hold for no new ticket."""

    cancel_open: Annotated[bool, about("Whether open clocks are cancelled; otherwise they keep what was promised.")] = (
        False
    )


class PolicyVersion(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the policy says from `valid_from` on. A retirement has the number of the version that it ends.

    `adopted_at` and `position` tell when it was said, and where in the log.
    """

    version: int
    valid_from: datetime
    adopted_at: datetime
    position: int
    name: str = ""
    targets: tuple[SlaTarget, ...] = ()
    warn_at_percent: tuple[int, ...] = ()
    clocks: tuple[ClockRule, ...] = ()
    open_clocks: Change = Change.KEEP
    on_priority: Change = Change.CARRY_ELAPSED
    on_calendar: Change = Change.CARRY_ELAPSED
    calendar: UUID | None = None
    retired: bool = False

    def target(self, service: str | None, kind: str | None, priority: Priority) -> SlaTarget | None:
        """The most specific target that fits a ticket."""
        fitting = [target for target in self.targets if target.fits(service, kind, priority)]
        return max(fitting, key=lambda target: [named is not None for named in target.chooses_by], default=None)

    @property
    def rules(self) -> dict[str, ClockRule]:
        return STANDARD | {rule.clock: rule for rule in self.clocks}


class PolicyState(msgspec.Struct, frozen=True, omit_defaults=True):
    """Every version that there ever was, in the order in which they were told."""

    customer: UUID | None = None
    versions: tuple[PolicyVersion, ...] = ()

    @property
    def newest(self) -> PolicyVersion | None:
        """The newest version that promises something, in force or not."""
        return next((version for version in reversed(self.versions) if not version.retired), None)

    @property
    def in_force(self) -> bool:
        return bool(self.versions) and not self.versions[-1].retired

    @property
    def edits(self) -> int:
        """The place of the newest statement that reaches clocks which are open; 0 without any."""
        places = range(len(self.versions) - 1, 0, -1)
        return next((n for n in places if self.versions[n].open_clocks is not Change.KEEP), 0) if places else 0

    def holding(self, at: datetime, position: int) -> PolicyVersion | None:
        """The version that held at an instant, by what had been told before a position of the log."""
        version: PolicyVersion | None = None
        for one in self.versions:
            if (
                one.valid_from <= at
                and one.position < position
                and not (version and one.valid_from < version.valid_from)
            ):
                version = one
        return None if version is None or version.retired else version

    def version(self, number: int) -> PolicyVersion:
        return next(one for one in self.versions if one.version == number)


def evolve(state: PolicyState, fact: Fact) -> PolicyState:
    at, newest = fact.occurred_at, state.newest
    number = newest.version if newest else 0
    match fact.event:
        case SlaPolicyAdopted() as adopted:
            version = PolicyVersion(
                version=number + 1,
                valid_from=adopted.valid_from or at,
                adopted_at=at,
                position=fact.position,
                name=adopted.name,
                targets=adopted.targets,
                warn_at_percent=adopted.warn_at_percent,
                clocks=adopted.clocks,
                open_clocks=adopted.open_clocks,
                on_priority=adopted.on_priority,
                on_calendar=adopted.on_calendar,
                calendar=adopted.calendar,
            )
            return PolicyState(adopted.customer, (*state.versions, version))
        case SlaPolicyRetired(cancel_open=cancel):
            change = Change.RETROACTIVE if cancel else Change.KEEP
            retired = PolicyVersion(number, at, at, fact.position, open_clocks=change, retired=True)
            return msgspec.structs.replace(state, versions=(*state.versions, retired))
    return state


def decide(state: PolicyState, command: AdoptSlaPolicy | RetireSlaPolicy, at: datetime) -> list[Event]:
    match command:
        case AdoptSlaPolicy():
            return adopt_sla_policy(command)
        case RetireSlaPolicy():
            return retire_sla_policy(state, command)
        case _:
            assert_never(command)


def adopt_sla_policy(command: AdoptSlaPolicy) -> list[Event]:
    for number, rule in enumerate(command.clocks):
        _is_named(rule, ["clocks", str(number)])
    names = [rule.clock for rule in command.clocks]
    if len(set(names)) < len(names):
        raise Refused("clock_repeated", "Each clock may have its rules once.", ["clocks"])
    chosen_by = [target.chooses_by for target in command.targets]
    if len(set(chosen_by)) < len(chosen_by):
        raise Refused(
            "priority_repeated", "Two targets are chosen by the same service, kind and priority.", ["targets"]
        )
    for number, target in enumerate(command.targets):
        _promises_something(target, {*STANDARD, *names}, ["targets", str(number)])
    if not all(1 <= percent <= 99 for percent in command.warn_at_percent):
        raise Refused("not_a_percentage", "Warn at whole percents from 1 to 99.", ["warnAtPercent"])
    said = {name: getattr(command, name) for name in command.__struct_fields__}
    return [SlaPolicyAdopted(**{**said, "warn_at_percent": tuple(sorted(set(command.warn_at_percent)))})]


def _is_named(rule: ClockRule, path: Sequence[str]) -> None:
    if not CLOCK_NAME.fullmatch(rule.clock):
        raise Refused("bad_name", "A clock is named in small letters and underscores: periodic_update.", path)


def _promises_something(target: SlaTarget, names: set[str], path: list[str]) -> None:
    promised = target.targets
    if not promised:
        raise Refused("nothing_promised", f"The target for {target.priority or 'all'} promises nothing.", path)
    if not all(timedelta() < one.span <= LONGEST for one in promised):
        raise Refused("span_out_of_range", f"A target is longer than nothing and at most {LONGEST.days} days.", path)
    unknown = next((one.kind for one in promised if one.kind not in names), None)
    if unknown is not None:
        raise Refused("unknown_clock", f"There is no clock {unknown}: state its rules in `clocks`.", [*path, "others"])
    if len({one.kind for one in promised}) < len(promised):
        raise Refused("clock_repeated", "Each clock may have one target.", [*path, "others"])


def retire_sla_policy(state: PolicyState, command: RetireSlaPolicy) -> list[Event]:
    if not state.in_force:
        raise Refused("not_in_force", "There is no such policy in force.")
    return [SlaPolicyRetired(cancel_open=command.cancel_open)]


decider = Decider(
    noun="policy",
    initial=PolicyState(),
    commands=(AdoptSlaPolicy, RetireSlaPolicy),
    events=get_args(PolicyEvent),
    decide=decide,
    evolve=evolve,
)
