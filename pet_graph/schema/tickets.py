"""Tickets as clients see them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry

from ..context import Info
from ..events.tickets import TicketStatus
from ..events.timelines import Party
from .base import Priority, described
from .connections import Connection
from .durations import SupportDurations, TicketInterval, TicketIntervalOrder, durations_of
from .errors import result
from .facts import Fact, Recorded
from .filters import order, where
from .links import many, one
from .nodes import Node, column
from .scalars import Position
from .slas import SlaClock, SlaClockFilter, SlaClockOrder

if TYPE_CHECKING:
    from .customers import Customer
    from .people import Person

described(
    TicketStatus,
    "Where a ticket stands.",
    OPEN="It is being worked on, or will be.",
    ON_HOLD="Work waits for somebody else.",
    RESOLVED="It was answered in full, as far as we know.",
    CLOSED="Nothing more will be done.",
    ANNULLED="It was recorded in error.",
    MERGED="It is the same request as another ticket, and dealt with there.",
)
described(
    Party,
    "Who has to do something before work can go on.",
    CUSTOMER="The customer.",
    SUPPLIER="Somebody who supplies us.",
    INTERNAL="Somebody of our own, outside the support desk.",
)


@strawberry.type(description="A customer's request for help, and what was done about it.")
class Ticket(Node):
    customer_id: strawberry.Private[UUID]
    assignee_id: strawberry.Private[UUID | None]
    merged_into_id: strawberry.Private[UUID | None]
    subject: str = column("The request in a line.")
    description: str = column("The request in full.")
    reference: str | None = column("How another system calls this ticket.")
    service: str | None = column("The service it is about.")
    kind: str | None = column("What kind of request it is.")
    priority: Priority = column("How pressing it is.")
    status: TicketStatus = column("Where it stands.")
    hold_reason: str | None = column("Why work waits; null unless it does.")
    waiting_on: Party | None = column("Who has to do something; null unless work waits.")
    opened_at: datetime = column("When the request was made.")
    responded_at: datetime | None = column("When the customer first got an answer from a person.")
    resolved_at: datetime | None = column("When it was resolved; null again once it is reopened.")
    closed_at: datetime | None = column("When it was closed; null again once it is reopened.")
    messages: int = column("How often the customer wrote, after the opening.")
    version: int = column("How many facts are recorded of the ticket; give it back as `expectedVersion`.")
    position: Position = column("The position of the newest of them.")
    customer: Annotated["Customer", strawberry.lazy(".customers")] = one(
        "customers", by="customer_id", description="Whose request it is."
    )
    assignee: Annotated["Person", strawberry.lazy(".people")] | None = one(
        "people", by="assignee_id", description="Who looks after it."
    )
    merged_into: Annotated["Ticket", strawberry.lazy(".tickets")] | None = one(
        "tickets", by="merged_into_id", description="The ticket where it is dealt with, if it is the same request."
    )
    clocks: Connection[SlaClock] = many(
        "sla_clocks",
        by="ticket_id",
        noun="sla",
        filter=SlaClockFilter,
        order=SlaClockOrder,
        description="What was promised about it, and what became of that.",
    )
    intervals: Connection[TicketInterval] = many(
        "ticket_intervals",
        by="ticket_id",
        noun="ticket",
        order=TicketIntervalOrder,
        description="Its life in intervals, from each moment to the next one: what durations are made of.",
    )

    @strawberry.field(description="How long the customer waited and the desk worked, in nine durations.")
    async def durations(self, info: Info) -> SupportDurations:
        return await durations_of(info, self.row_id, self.as_of)


TicketOrder = order(
    "Ticket",
    "How tickets are ordered",
    "OPENED_AT",
    OPENED_AT=("opened_at", "By when the request was made."),
    POSITION=("position", "By the newest fact about them."),
)


@strawberry.input(description="Which tickets.")
class TicketFilter:
    status: list[TicketStatus] | None = where("status", "in", "Standing at one of these.")
    priority: list[Priority] | None = where("priority", "in", "Of one of these priorities.")
    customer: list[strawberry.ID] | None = where("customer_id", "in", "Of one of these customers.", node="Customer")
    assignee: list[strawberry.ID] | None = where("assignee_id", "in", "Looked after by one of these.", node="Person")
    assigned: bool | None = where("assignee_id", "is not null", "Whether anybody looks after them.")
    service: list[str] | None = where("service", "in", "About one of these services.")
    kind: list[str] | None = where("kind", "in", "Of one of these kinds.")
    reference: list[str] | None = where("reference", "in", "Called one of these by another system.")
    opened_from: datetime | None = where("opened_at", ">=", "Opened at this instant or later.")
    opened_before: datetime | None = where("opened_at", "<", "Opened before this instant.")


@strawberry.type(description="A command about a ticket was accepted.")
class TicketRecorded(Recorded):
    ticket: Ticket | None = one(
        "tickets", by="row_id", description="The ticket as it is now; null when its opening was only rehearsed."
    )


@strawberry.type(description="A ticket and what just happened to it.")
class TicketChange:
    row_id: strawberry.Private[UUID]
    cursor: Position = strawberry.field(
        description="Give it as `after` to go on from here: nothing lost, nothing twice."
    )
    fact: Fact | None = strawberry.field(description="What happened; null in the first message, which only shows.")
    ticket: Ticket = one("tickets", by="row_id", description="The ticket as it is now.")


TicketResult = result("TicketResult", TicketRecorded)
