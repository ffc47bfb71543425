"""Verdicts on SLA clocks as clients see them: as they were recorded, with everything that explains them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID, uuid5

import strawberry

from ..events import base, verdicts
from ..events.clocks import ClockState, SlaKind
from ..events.spans import Segment
from .base import Priority, SegmentKind, described
from .facts import Fact
from .links import one
from .scalars import Position

if TYPE_CHECKING:
    from .customers import Customer
    from .people import Person
    from .policies import SlaPolicy
    from .slas import SlaClock
    from .tickets import Ticket

described(
    SlaKind,
    "What a clock measures.",
    RESPONSE="From opening to the first answer by a person.",
    NEXT_RESPONSE="From what the customer writes after the first answer to the next answer.",
    UPDATE="From one answer to the next, until the resolution.",
    RESOLUTION="From opening, or reopening, to the resolution.",
    OTHER="Something of the policy's own; `name` tells.",
)
described(
    ClockState,
    "What became of a clock.",
    RUNNING="It counts.",
    PAUSED="It stands still: work waits for somebody else.",
    MET="What was promised was done in time.",
    BREACHED="The target was reached before what was promised was done. It stays breached.",
    CANCELLED="It ended without a verdict: the ticket was an error or merged, or nothing is promised any more.",
)


@strawberry.type(description="A stretch of time on a clock, and whether it counted.")
class SlaSegment:
    start: datetime = strawberry.field(description="When it begins.")
    end: datetime = strawberry.field(description="When it ends; that instant belongs to the next one.")
    kind: SegmentKind = strawberry.field(description="What became of it.")
    name: str = strawberry.field(description="The holiday, or whom work waited for and why; empty where there is none.")
    calendar_version: int | None = strawberry.field(
        description="The version of the calendar that says so; null around the clock."
    )

    @classmethod
    def of(cls, segment: Segment) -> SlaSegment:
        return cls(
            start=segment.start,
            end=segment.end,
            kind=segment.kind,
            name=segment.name,
            calendar_version=segment.calendar_version,
        )


@strawberry.interface(description="Something said of one clock, for good. What is learned later is said beside it.")
class SlaVerdict:
    clock_id: strawberry.Private[UUID]
    ticket_id: strawberry.Private[UUID]
    customer_id: strawberry.Private[UUID]
    policy_id: strawberry.Private[UUID]
    assignee_id: strawberry.Private[UUID | None]
    said: strawberry.Private[tuple[Segment, ...]]
    cursor: Position = strawberry.field(
        description="Give it as `after` to go on from here: nothing lost, nothing twice."
    )
    kind: SlaKind = strawberry.field(description="What the clock measures.")
    name: str = strawberry.field(description="The name of the clock; it tells apart the clocks of a policy's own.")
    cycle: int = strawberry.field(description="Which cycle of it.")
    priority: Priority = strawberry.field(description="The priority that chose the target.")
    policy_version: int = strawberry.field(description="The version of the policy that the target comes from.")
    calendar_version: int = strawberry.field(
        description="The newest version of the calendar that was looked at; 0: around the clock."
    )
    target: timedelta = strawberry.field(description="How much time was promised.")
    elapsed: timedelta = strawberry.field(description="How much time had been counted then.")
    due_at: datetime = strawberry.field(description="When the target is, or would have been, reached.")
    paused_for: timedelta = strawberry.field(description="How much would have counted, were it not for pauses.")
    unheard_for: timedelta = strawberry.field(
        description="The part of it in pauses during which the customer wrote: a measure of pauses that hide waiting."
    )
    left_out: int = strawberry.field(description="How many segments in the middle were left out; 0 unless over 200.")
    clock: Annotated["SlaClock", strawberry.lazy(".slas")] = one(
        "sla_clocks", by="clock_id", description="The clock as it is now."
    )
    ticket: Annotated["Ticket", strawberry.lazy(".tickets")] = one(
        "tickets", by="ticket_id", description="The ticket as it is now."
    )
    customer: Annotated["Customer", strawberry.lazy(".customers")] = one(
        "customers", by="customer_id", description="Whose ticket it is."
    )
    policy: Annotated["SlaPolicy", strawberry.lazy(".policies")] = one(
        "policies", by="policy_id", description="The policy that the target comes from, as it is now."
    )
    assignee: Annotated["Person", strawberry.lazy(".people")] | None = one(
        "people", by="assignee_id", description="Who looked after the ticket when it was said."
    )
    fact: Fact = strawberry.field(description="The verdict itself, as it stands in the log.")

    @strawberry.field(description="What became of every microsecond from the start of the count until then.")
    def segments(self) -> list[SlaSegment]:
        return [SlaSegment.of(segment) for segment in self.said]


@strawberry.type(description="A stated part of a target is used up.")
class SlaWarning(SlaVerdict):
    percent: int = strawberry.field(description="How much of it, in percent.")


@strawberry.type(description="A target was reached before what was promised was done.")
class SlaBreach(SlaVerdict):
    pass


@strawberry.type(description="What was promised was done in time.")
class SlaSuccess(SlaVerdict):
    stopped_at: datetime = strawberry.field(description="When it was done.")


@strawberry.type(description="What was promised was done, but too late; the breach was said before.")
class SlaLateEnd(SlaVerdict):
    stopped_at: datetime = strawberry.field(description="When it was done.")


@strawberry.type(description="The clock ended without a verdict.")
class SlaCancellation(SlaVerdict):
    stopped_at: datetime = strawberry.field(description="When it ended.")
    reason: str = strawberry.field(
        description="`annulled` or `merged`: the ticket was; `not_promised`: the policy promises it no more; "
        "`policy_retired`; `untold`: a late fact tells that it should never have started."
    )


@strawberry.type(description="What was said of the clock is not what is known now. What was said stays as well.")
class SlaRestatement(SlaVerdict):
    was: ClockState = strawberry.field(description="What was said last.")
    state: ClockState = strawberry.field(description="What would be said now; RUNNING or PAUSED: nothing yet.")
    breached_at: datetime | None = strawberry.field(description="When the target was reached, as is known now.")
    stopped_at: datetime | None = strawberry.field(description="When the clock stopped, as is known now.")


TYPES: dict[type[verdicts.Verdict], tuple[Any, tuple[str, ...]]] = {
    verdicts.SlaWarned: (SlaWarning, ("percent",)),
    verdicts.SlaBreached: (SlaBreach, ()),
    verdicts.SlaMet: (SlaSuccess, ("stopped_at",)),
    verdicts.SlaStopped: (SlaLateEnd, ("stopped_at",)),
    verdicts.SlaCancelled: (SlaCancellation, ("stopped_at", "reason")),
    verdicts.SlaRestated: (SlaRestatement, ("was", "state", "breached_at", "stopped_at")),
}
"""The type that shows an event, and what it shows besides what all verdicts do."""

_SAME = (
    *("cycle", "priority", "policy_version", "calendar_version", "target", "elapsed", "due_at"),
    *("paused_for", "unheard_for", "left_out"),
)


def verdict_of(fact: base.Fact) -> SlaVerdict:
    """The object that a fact about one clock becomes."""
    verdict = fact.event
    assert isinstance(verdict, verdicts.Verdict)
    kind, fields = TYPES[type(verdict)]
    own = {name: getattr(verdict, name) for name in fields}
    if own.get("stopped_at", fact) is None and not isinstance(verdict, verdicts.SlaRestated):
        own["stopped_at"] = fact.occurred_at
    shown: SlaVerdict = kind(
        **{name: getattr(verdict, name) for name in _SAME},
        **own,
        clock_id=uuid5(fact.id, f"{verdict.kind}/{verdict.cycle}"),
        ticket_id=fact.id,
        customer_id=verdict.customer,
        policy_id=verdict.policy,
        assignee_id=verdict.assignee,
        said=verdict.segments,
        cursor=Position(fact.position),
        kind=SlaKind.of(verdict.kind),
        name=verdict.kind,
        fact=Fact.of(fact),
    )
    return shown


@strawberry.input(description="Which verdicts.")
class SlaVerdictFilter:
    customer: list[strawberry.ID] | None = strawberry.field(default=None, description="Of one of these customers.")
    priority: list[Priority] | None = strawberry.field(default=None, description="Of one of these priorities.")
    assignee: list[strawberry.ID] | None = strawberry.field(
        default=None, description="On tickets that one of these looked after when it was said."
    )
    policy: list[strawberry.ID] | None = strawberry.field(default=None, description="By one of these policies.")
    kind: SlaKind | None = strawberry.field(default=None, description="On clocks that measure this.")
    name: list[str] | None = strawberry.field(default=None, description="On clocks of one of these names.")
