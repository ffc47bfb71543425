"""SLA policies: how soon the firm promises to respond and to resolve, by customer and priority."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, assert_never, get_args
from uuid import UUID

import msgspec

from .base import Command, Decider, Event, Fact, Priority, Refused, about, ref, text

DEFAULT = UUID(int=0)
"""The id of the firm's own policy, which holds for every customer without one."""

LONGEST = timedelta(days=366)


class SlaTarget(msgspec.Struct, frozen=True):
    """What is promised for one priority; a target left out is not promised."""

    priority: Annotated[Priority, about("The priority that the targets hold for.")]
    response: Annotated[timedelta, about("From opening to the first answer by a person.")] | None = None
    resolution: Annotated[timedelta, about("From opening to the resolution.")] | None = None


class SlaPolicyAdopted(Event, frozen=True):
    """A policy holds for every ticket opened, prioritised or reopened from now on."""

    name: str
    targets: tuple[SlaTarget, ...]
    warn_at_percent: tuple[int, ...] = ()
    customer: UUID | None = None


class SlaPolicyRetired(Event, frozen=True):
    """The policy holds for no new ticket; the firm's own policy takes its place."""


PolicyEvent = SlaPolicyAdopted | SlaPolicyRetired


class PolicyCommand(Command, frozen=True):
    """What the commands of this domain share: the stream is the customer's, or the firm's own."""

    customer: (
        Annotated[UUID, ref("customer", "Whose policy it is; left out, it is the firm's own, for all others.")] | None
    ) = None


class AdoptSlaPolicy(PolicyCommand, frozen=True, kw_only=True):
    """Adopt a policy, or its next version. Tickets that are open keep the version they were promised."""

    name: Annotated[str, text("What the policy is called.")]
    targets: Annotated[tuple[SlaTarget, ...], about("One for each priority promised.", min_length=1, max_length=4)]
    warn_at_percent: Annotated[
        tuple[int, ...],
        about("Warn when this much of a target is used up: whole percents from 1 to 99.", max_length=5),
    ] = (75,)


class RetireSlaPolicy(PolicyCommand, frozen=True, kw_only=True):
    """Let the policy hold for no new ticket."""


class PolicyState(msgspec.Struct, frozen=True):
    name: str = ""
    customer: UUID | None = None
    targets: tuple[SlaTarget, ...] = ()
    warn_at_percent: tuple[int, ...] = ()
    adopted_at: datetime | None = None
    retired_at: datetime | None = None
    policy_version: int = 0

    @property
    def in_force(self) -> bool:
        return self.adopted_at is not None and self.retired_at is None

    def target(self, priority: Priority) -> SlaTarget | None:
        return next((target for target in self.targets if target.priority == priority), None)


def evolve(state: PolicyState, fact: Fact) -> PolicyState:
    match fact.event:
        case SlaPolicyAdopted() as adopted:
            return PolicyState(
                name=adopted.name,
                customer=adopted.customer,
                targets=adopted.targets,
                warn_at_percent=adopted.warn_at_percent,
                adopted_at=fact.occurred_at,
                policy_version=state.policy_version + 1,
            )
        case SlaPolicyRetired():
            return msgspec.structs.replace(state, retired_at=fact.occurred_at)
    return state


def decide(state: PolicyState, command: AdoptSlaPolicy | RetireSlaPolicy, at: datetime) -> list[Event]:
    match command:
        case AdoptSlaPolicy():
            return adopt_sla_policy(command)
        case RetireSlaPolicy():
            return retire_sla_policy(state)
        case _:
            assert_never(command)


def adopt_sla_policy(command: AdoptSlaPolicy) -> list[Event]:
    priorities = [target.priority for target in command.targets]
    if len(set(priorities)) < len(priorities):
        raise Refused("priority_repeated", "Each priority may have one target only.", ["targets"])
    for number, target in enumerate(command.targets):
        _promises_something(target, ["targets", str(number)])
    if not all(1 <= percent <= 99 for percent in command.warn_at_percent):
        raise Refused("not_a_percentage", "Warn at whole percents from 1 to 99.", ["warnAtPercent"])
    return [
        SlaPolicyAdopted(
            name=command.name,
            customer=command.customer,
            targets=command.targets,
            warn_at_percent=tuple(sorted(set(command.warn_at_percent))),
        )
    ]


def _promises_something(target: SlaTarget, path: list[str]) -> None:
    spans = [span for span in (target.response, target.resolution) if span is not None]
    if not spans:
        raise Refused("nothing_promised", f"The target for {target.priority} promises nothing.", path)
    if not all(timedelta() < span <= LONGEST for span in spans):
        raise Refused("span_out_of_range", f"A target is longer than nothing and at most {LONGEST.days} days.", path)


def retire_sla_policy(state: PolicyState) -> list[Event]:
    if not state.in_force:
        raise Refused("not_in_force", "There is no such policy in force.")
    return [SlaPolicyRetired()]


decider = Decider(
    noun="policy",
    initial=PolicyState(),
    commands=(AdoptSlaPolicy, RetireSlaPolicy),
    events=get_args(PolicyEvent),
    decide=decide,
    evolve=evolve,
)
