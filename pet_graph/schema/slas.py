"""SLA clocks as clients see them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry

from ..context import Info
from ..events import spans
from ..events.clocks import ClockState, SlaKind
from ..events.reckoning import Count
from .base import Priority
from .filters import order, where
from .links import one
from .nodes import Node, bad_input, column, computed, hidden
from .scalars import Position
from .verdicts import SlaSegment, SlaVerdict, verdict_of

if TYPE_CHECKING:
    from .calendars import Calendar
    from .customers import Customer
    from .policies import SlaPolicy
    from .tickets import Ticket


@strawberry.type(description="One clock of a ticket, in one cycle. A reopened ticket starts a new cycle.")
class SlaClock(Node):
    ticket_id: strawberry.Private[UUID]
    customer_id: strawberry.Private[UUID]
    policy_id: strawberry.Private[UUID]
    calendar_id: strawberry.Private[UUID | None]
    counted: strawberry.Private[timedelta] = hidden(of="counted_us", span=True)
    counting_since: strawberry.Private[datetime | None] = hidden(of="counting_since")
    kind: SlaKind = column("What it measures.")
    name: str = column("Its name; it tells apart the clocks of a policy's own.")
    cycle: int = column("1, and one more each time it starts again: reopened, written again, answered again.")
    state: ClockState = column("What became of it; a verdict that was given stays.")
    restated_as: ClockState | None = column(
        "What would be said of it now, where a late fact or a corrected calendar makes that something else."
    )
    restatements: int = column("How often what was said of it was restated.")
    cancelled_because: str | None = column("Why it was cancelled: annulled, merged, not_promised, policy_retired.")
    open: bool = column("Whether a breach may still have to be recorded.")
    priority: Priority = column("The priority that chose the target.")
    target: timedelta = column("How much time was promised.", of="target_us")
    started_at: datetime = column("When it started.")
    due_at: datetime | None = column("When the target is reached; null while it stands still.")
    warned_at: datetime | None = column("When it was first warned of.")
    breached_at: datetime | None = column("When it breached.")
    stopped_at: datetime | None = column("When what was promised was done.")
    paused_for: timedelta = column(
        "How much would have counted, were it not for pauses; as of the newest fact about it.", of="paused_us"
    )
    unheard_for: timedelta = column(
        "The part of it in pauses during which the customer wrote: a measure of pauses that hide waiting.",
        of="unheard_us",
    )
    calendar_version: int = column("The newest version of the calendar that was looked at; 0: around the clock.")
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
    calendar: Annotated["Calendar", strawberry.lazy(".calendars")] | None = one(
        "calendars", by="calendar_id", description="The working hours in which it counts; null: it always does."
    )
    position: Position = column("The position of the newest fact about it.")

    @computed("elapsed", "How much time it has counted, as of now or as of the moment asked for.")
    async def elapsed(self, info: Info) -> timedelta:
        return await self._elapsed(info)

    @computed("remaining", "What is left of the target; less than nothing once it is used up.")
    async def remaining(self, info: Info) -> timedelta:
        return self.target - await self._elapsed(info)

    async def _elapsed(self, info: Info) -> timedelta:
        """What was counted at the newest reading, and the working hours since then."""
        if self.counting_since is None:
            return self.counted
        state = self.calendar_id and await info.context.state("calendar").load(self.calendar_id)
        hours = state.at(self.calendar_version) if state else None
        return self.counted + spans.elapsed(hours, self.counting_since, (), info.context.instant(self.as_of))

    @strawberry.field(
        description="What became of every microsecond from the start of the count until now, or until it stopped."
    )
    async def segments(self, info: Info) -> list[SlaSegment]:
        if self.as_of:
            raise bad_input("Segments are told of the present, and in each verdict of the moment when it was given.")
        known = await info.context.case().load(self.ticket_id)
        clock = known and known.clock(self.name, self.cycle)
        run = clock and known.run(clock, info.context.instant())
        if not run:
            return []
        until = run.ended_at or info.context.instant()
        return [SlaSegment.of(segment) for segment in Count.of(known.case, run, until).segments(until)]

    @strawberry.field(description="Everything that was said of it, oldest first.")
    async def verdicts(self, info: Info) -> list[SlaVerdict]:
        facts = await info.context.verdicts(self.as_of).load(self.ticket_id)
        return [verdict_of(fact) for fact in facts if (fact.event.kind, fact.event.cycle) == (self.name, self.cycle)]


SlaClockOrder = order(
    "SlaClock",
    "How clocks are ordered",
    "STARTED_AT",
    STARTED_AT=("started_at", "By when they started."),
)


@strawberry.input(description="Which clocks.")
class SlaClockFilter:
    kind: SlaKind | None = where("kind", "=", "That measure this.")
    name: list[str] | None = where("name", "in", "Of one of these names.")
    policy: list[strawberry.ID] | None = where("policy_id", "in", "By one of these policies.", node="SlaPolicy")
    open: bool | None = where("open", "=", "Whether a breach may still have to be recorded.")
    restated: bool | None = where("restated_as", "is not null", "Whether what was said of them was restated.")
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
    breaches: int = column("How many breached.")
