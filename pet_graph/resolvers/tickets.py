"""What clients may ask about tickets."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime
from typing import Annotated

import strawberry

from .. import context
from ..context import Info
from ..events import messages, tickets
from ..schema.connections import Connection
from ..schema.facts import Fact
from ..schema.links import One, listing
from ..schema.nodes import bad_input, id_of
from ..schema.scalars import Position
from ..schema.tickets import Ticket, TicketChange, TicketFilter, TicketOrder, TicketRecorded, TicketResult
from .base import mutation

TicketId = Annotated[strawberry.ID, strawberry.argument(description="Its global id.")]


@strawberry.input(one_of=True, description="A past moment: what was so then, or what was known then. Give one of them.")
class AsOf:
    position: Position | None = strawberry.field(
        default=strawberry.UNSET, description="Known when the log had reached this position."
    )
    recorded_at: datetime | None = strawberry.field(
        default=strawberry.UNSET, description="Known to PET at this instant."
    )
    occurred_at: datetime | None = strawberry.field(
        default=strawberry.UNSET, description="So at this instant, as we know today."
    )

    def moment(self) -> context.AsOf:
        given = {name: value for name, value in vars(self).items() if value is not strawberry.UNSET}
        return context.AsOf(**given)


@strawberry.type
class TicketQueries:
    tickets: Connection[Ticket] = listing(
        "tickets", filter=TicketFilter, order=TicketOrder, description="Tickets, page by page."
    )

    @strawberry.field(
        description="One ticket, as it is or as it was; null when there is, or was, none of this id.",
        metadata={"link": One("tickets", "id")},
    )
    async def ticket(
        self,
        info: Info,
        id: TicketId,
        as_of: Annotated[AsOf | None, strawberry.argument(description="As it was then; left out, as it is.")] = None,
    ) -> Ticket | None:
        info.context.may_read()
        row_id = id_of("Ticket", id)
        if as_of is None:
            row = await info.context.row("tickets").load(row_id)
            return Ticket.of(row) if row else None
        moment = await info.context.reached(as_of.moment())
        past = await info.context.row_as_of("tickets", row_id, moment)
        return Ticket.of(past, moment) if past else None


@strawberry.type
class TicketCommands:
    open_ticket: TicketResult = mutation(tickets.OpenTicket, TicketRecorded, TicketResult)
    assign_ticket: TicketResult = mutation(tickets.AssignTicket, TicketRecorded, TicketResult)
    prioritise_ticket: TicketResult = mutation(tickets.PrioritiseTicket, TicketRecorded, TicketResult)
    respond_to_ticket: TicketResult = mutation(messages.RespondToTicket, TicketRecorded, TicketResult)
    hold_ticket: TicketResult = mutation(tickets.HoldTicket, TicketRecorded, TicketResult)
    resume_ticket: TicketResult = mutation(tickets.ResumeTicket, TicketRecorded, TicketResult)
    resolve_ticket: TicketResult = mutation(tickets.ResolveTicket, TicketRecorded, TicketResult)
    reopen_ticket: TicketResult = mutation(tickets.ReopenTicket, TicketRecorded, TicketResult)
    close_ticket: TicketResult = mutation(tickets.CloseTicket, TicketRecorded, TicketResult)
    annul_ticket: TicketResult = mutation(tickets.AnnulTicket, TicketRecorded, TicketResult)
    merge_ticket: TicketResult = mutation(tickets.MergeTicket, TicketRecorded, TicketResult)
    receive_ticket_message: TicketResult = mutation(messages.ReceiveTicketMessage, TicketRecorded, TicketResult)
    annotate_ticket: TicketResult = mutation(messages.AnnotateTicket, TicketRecorded, TicketResult)


@strawberry.type
class TicketSubscriptions:
    @strawberry.subscription(description="One ticket: first as it is, then each time something happens to it.")
    async def ticket(self, info: Info, id: TicketId) -> AsyncGenerator[TicketChange, None]:
        info.context.may_read()
        row_id = id_of("Ticket", id)
        position = info.context.services.feed.position
        if not info.context.is_group:
            if await info.context.row("tickets").load(row_id) is None:
                raise bad_input("There is no ticket of this id.")
            yield TicketChange(row_id=row_id, cursor=Position(position), fact=None)
        streams = {f"ticket-{row_id}", f"sla-{row_id}"}
        async with aclosing(info.context.follow(position)) as facts:
            async for fact in facts:
                if fact.stream in streams:
                    yield TicketChange(row_id=row_id, cursor=Position(fact.position), fact=Fact.of(fact))
