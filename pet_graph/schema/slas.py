"""SLA clocks and their verdicts as clients see them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry

from ..context import Info
from ..events.slas import ClockState, SlaKind
from .base import Priority, described
from .facts import Fact
from .filters import order, where
from .links import one
from .nodes import Node, column, computed, hidden
from .scalars import Position

if TYPE_CHECKING:
    from .customers import Customer
    from .policies import SlaPolicy
    from .tickets import Ticket

described(
    SlaKind,
    "What a clock measures.",
    RESPONSE="From opening to the first answer by a person.",
    RESOLUTION="From opening, or reopening, to the resolution.",
)
described(
    ClockState,
    "What became of a clock.",
    RUNNING="It counts.",
    PAUSED="It stands still: work waits for somebody else.",
    MET="What was promised was done in time.",
    BREACHED="The target was reached before what was promised was done. It stays breached.",
    CANCELLED="It ended without a verdict: the ticket was an error, or nothing is promised any more.",
)


@strawberry.type(description="One clock of a ticket, in one cycle. A reopened ticket starts a new cycle.")
class SlaClock(Node):
    ticket_id: strawberry.Private[UUID]
    customer_id: strawberry.Private[UUID]
    policy_id: strawberry.Private[UUID]
    counted: strawberry.Private[timedelta] = hidden(of="counted_us", span=True)
    counting_since: strawberry.Private[datetime | None] = hidden(of="counting_since")
    kind: SlaKind = column("What it measures.")
    cycle: int = column("1, and one more for each reopening.")
    state: ClockState = column("What became of it.")
    priority: Priority = column("The priority that chose the target.")
    target: timedelta = column("How much time was promised.", of="target_us")
    started_at: datetime = column("When it started.")
    due_at: datetime | None = column("When the target is reached; null while it stands still.")
    warned_at: datetime | None = column("When it was first warned of.")
    breached_at: datetime | None = column("When it breached.")
    stopped_at: datetime | None = column("When what was promised was done.")
    policy_version: int = column("The version of the policy that the target comes from.")
    ticket: Annotated["Ticket", strawberry.lazy(".tickets")] = one(
        "tickets", by="ticket_id", description="The ticket whose clock it is."
    )
    customer: Annotated["Customer", strawberry.lazy(".customers")] = one(
        "customers", by="customer_id", description="Whose ticket it is."
    )
    policy: Annotated["SlaPolicy", strawberry.lazy(".policies")] = one(
        "policies", by="policy_id", description="The policy that the target comes from, as it is now."
    )
    position: Position = column("The position of the newest fact about it.")

    @computed("elapsed", "How much time it has counted, as of now or as of the moment asked for.")
    def elapsed(self, info: Info) -> timedelta:
        if self.counting_since is None:
            return self.counted
        return self.counted + max(info.context.instant(self.as_of) - self.counting_since, timedelta())

    @computed("remaining", "What is left of the target; less than nothing once it is used up.")
    def remaining(self, info: Info) -> timedelta:
        elapsed: timedelta = self.elapsed(info)
        return self.target - elapsed


SlaClockOrder = order(
    "SlaClock",
    "How clocks are ordered",
    "STARTED_AT",
    STARTED_AT=("started_at", "By when they started."),
)


@strawberry.input(description="Which clocks.")
class SlaClockFilter:
    kind: SlaKind | None = where("kind", "=", "That measure this.")
    state: list[ClockState] | None = where("state", "in", "In one of these states.")
    priority: list[Priority] | None = where("priority", "in", "Of one of these priorities.")
    customer: list[strawberry.ID] | None = where("customer_id", "in", "Of one of these customers.", node="Customer")
    breached: bool | None = where("breached_at", "is not null", "Whether they breached.")
    due_before: datetime | None = where("due_at", "<", "Due before this instant.")
    due_from: datetime | None = where("due_at", ">=", "Due at this instant or later.")


@strawberry.type(description="How many clocks of a customer breached.")
class SlaBreachCount:
    customer_id: strawberry.Private[UUID]
    customer: Annotated["Customer", strawberry.lazy(".customers")] = one(
        "customers", by="customer_id", description="Whose they are."
    )
    breaches: int = strawberry.field(description="How many breached.")


@strawberry.interface(description="A verdict on a clock, as it is recorded.")
class SlaVerdict:
    clock_id: strawberry.Private[UUID]
    ticket_id: strawberry.Private[UUID]
    customer_id: strawberry.Private[UUID]
    cursor: Position = strawberry.field(
        description="Give it as `after` to go on from here: nothing lost, nothing twice."
    )
    kind: SlaKind = strawberry.field(description="What the clock measures.")
    cycle: int = strawberry.field(description="Which cycle of it.")
    priority: Priority = strawberry.field(description="The priority that chose the target.")
    target: timedelta = strawberry.field(description="How much time was promised.")
    due_at: datetime = strawberry.field(description="When the target is reached.")
    clock: Annotated["SlaClock", strawberry.lazy(".slas")] = one(
        "sla_clocks", by="clock_id", description="The clock as it is now."
    )
    ticket: Annotated["Ticket", strawberry.lazy(".tickets")] = one(
        "tickets", by="ticket_id", description="The ticket as it is now."
    )
    customer: Annotated["Customer", strawberry.lazy(".customers")] = one(
        "customers", by="customer_id", description="Whose ticket it is."
    )
    fact: Fact = strawberry.field(description="The verdict itself.")


@strawberry.type(description="A target was reached before what was promised was done.")
class SlaBreach(SlaVerdict):
    pass


@strawberry.type(description="A stated part of a target is used up.")
class SlaWarning(SlaVerdict):
    percent: int = strawberry.field(description="How much of it, in percent.")


@strawberry.input(description="Which verdicts.")
class SlaVerdictFilter:
    customer: list[strawberry.ID] | None = strawberry.field(default=None, description="Of one of these customers.")
    priority: list[Priority] | None = strawberry.field(default=None, description="Of one of these priorities.")
    kind: SlaKind | None = strawberry.field(default=None, description="On clocks that measure this.")
