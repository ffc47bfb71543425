"""How long things took on a ticket, as clients see it: nine durations by Zendesk's names, and what they are made of."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import strawberry

from ..context import AsOf, Info
from ..events.durations import DURATIONS, Interval, Phase, business, times
from ..projections.durations import interval_of
from .base import described
from .filters import order
from .nodes import Part, column
from .scalars import Position

described(
    Phase,
    "Where a ticket stands, as Zendesk's durations see it.",
    OPEN="It is up to the desk: new and open are one.",
    PENDING="Work waits for the customer.",
    ON_HOLD="Work waits for a supplier, or for somebody of our own outside the desk.",
    SOLVED="It is resolved or closed.",
    VOID="It was recorded in error, or is dealt with in another ticket. Nothing counts.",
)

NOT_PROMISED = "not_promised"


@strawberry.type(
    description="A stretch of a ticket's life in which nothing changes. The nine durations are sums of such intervals."
)
class TicketInterval(Part):
    started_at: datetime = column("When it begins.")
    ended_at: datetime | None = column("When it ends; null: it goes on.")
    phase: Phase = column("Where the ticket stands.")
    awaits_first_reply: bool = column("Whether the customer waits for the first reply.", of="awaits_first")
    awaited_reply: int = column(
        "Which wait for a further reply it belongs to, from 1; 0 when the customer waits for none.", of="awaited"
    )
    replies: int = column("How many replies there were before; a resolution is one.")
    position: Position = column("The position of the newest fact that had a say in it.")


TicketIntervalOrder = order(
    "TicketInterval",
    "How intervals are ordered",
    "NUMBER",
    descending=False,
    NUMBER=("number", "By when they begin."),
)


class Lasted(NamedTuple):
    """The intervals that a duration counts, time by time, of a ticket as of an instant."""

    ticket: UUID
    until: datetime
    times: list[list[Interval]]

    def spans(self) -> list[list[tuple[datetime, datetime]]]:
        """As pairs of instants; what goes on goes on until now."""
        return [
            [(one.start, max(one.start, self.until if one.end is None else one.end)) for one in counted]
            for counted in self.times
        ]


@strawberry.type(
    description="How long something lasted on a ticket, altogether. What still lasts is counted up to now, or up to "
    "the past moment that is asked for."
)
class SupportDuration:
    lasted: strawberry.Private[Lasted]

    @strawberry.field(description="All time.")
    def calendar(self) -> timedelta:
        return sum(self._calendar(), start=timedelta())

    @strawberry.field(
        description="The working time in it: by the calendar that was promised for the ticket at each instant of it "
        "(before there was a promise, by the first one), as its hours are known now. A promise without a calendar "
        "counts all time. Null when nothing was ever promised."
    )
    async def business(self, info: Info) -> timedelta | None:
        found = await self._business(info)
        return None if found is None else sum(found, start=timedelta())

    @strawberry.field(description="Why `business` is null: not_promised. Null when it is not.")
    async def business_missing_because(self, info: Info) -> str | None:
        return None if await _hours(info, self.lasted.ticket) else NOT_PROMISED

    @strawberry.field(description="The longest single time; all time.")
    def longest_calendar(self) -> timedelta:
        return max(self._calendar(), default=timedelta())

    @strawberry.field(description="The longest single time in working time; null when nothing was ever promised.")
    async def longest_business(self, info: Info) -> timedelta | None:
        found = await self._business(info)
        return None if found is None else max(found, default=timedelta())

    @strawberry.field(description="How many single times there were: waits for a reply, or unbroken stretches.")
    def times(self) -> int:
        return len(self.lasted.times)

    @strawberry.field(description="Whether it still lasts.")
    def running(self) -> bool:
        return any(one.end is None for counted in self.lasted.times for one in counted)

    def _calendar(self) -> list[timedelta]:
        return [sum((end - start for start, end in spans), start=timedelta()) for spans in self.lasted.spans()]

    async def _business(self, info: Info) -> list[timedelta] | None:
        hours = await _hours(info, self.lasted.ticket)
        if not hours:
            return None
        return [
            sum((business(hours, start, end) for start, end in spans), start=timedelta())
            for spans in self.lasted.spans()
        ]


async def _hours(info: Info, ticket: UUID) -> Any:
    """From when on which working hours were promised."""
    sla = await info.context.state("sla").load(ticket)
    states = [(since, id_ and await info.context.state("calendar").load(id_)) for since, id_ in sla.calendars]
    return [(since, state and state.calendar) for since, state in states]


@strawberry.type(
    description="How long customers waited and the desk worked: nine durations by Zendesk's names. Here pending is "
    "work that waits for the customer, and on-hold work that waits for anybody else; a resolution is a reply; and "
    "nothing counts once the ticket is annulled or merged. agentWorkTime + onHoldTime = requesterWaitTime, and "
    "requesterWaitTime + agentWaitTime = totalResolutionTime, always."
)
class SupportDurations:
    first_reply_time: SupportDuration = strawberry.field(
        description="From the opening to the first reply to the customer, whatever the ticket waits for meanwhile."
    )
    next_reply_time: SupportDuration = strawberry.field(
        description="From the oldest message of the customer that is not replied to, after the first reply, to the "
        "next reply, or until the ticket is closed. Each such wait is a single time."
    )
    periodic_update_time: SupportDuration = strawberry.field(
        description="From each reply to the next one, while the ticket is open, pending or on hold. What follows each "
        "reply is a single time."
    )
    pausable_update_time: SupportDuration = strawberry.field(
        description="From each reply to the next one, while the ticket is open or on hold: it stands still while the "
        "customer is waited for. What follows each reply is a single time."
    )
    requester_wait_time: SupportDuration = strawberry.field(
        description="While the ticket was open or on hold: it was not up to the customer."
    )
    agent_work_time: SupportDuration = strawberry.field(description="While it was open: it was up to the desk.")
    agent_wait_time: SupportDuration = strawberry.field(
        description="While it was pending: the desk waited for the customer."
    )
    on_hold_time: SupportDuration = strawberry.field(
        description="While it was on hold: work waited for a supplier or a colleague."
    )
    total_resolution_time: SupportDuration = strawberry.field(
        description="From the opening to the resolution. The time between a resolution and a reopening does not count."
    )


async def durations_of(info: Info, ticket: UUID, as_of: AsOf | None) -> SupportDurations:
    """The nine of one ticket, as it is or as it was."""
    if as_of:
        rows = await info.context.rows_as_of(f"ticket-{ticket}", "ticket_intervals", as_of)
        found = [interval_of(row) for row in sorted(rows, key=lambda row: row["number"])]
    else:
        found = await info.context.intervals().load(ticket)
    until = info.context.instant(as_of)
    lasted = {name: Lasted(ticket, until, times(found, counts)) for name, counts in DURATIONS.items()}
    return SupportDurations(**{name: SupportDuration(lasted=one) for name, one in lasted.items()})
