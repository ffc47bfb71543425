"""Messages of a ticket: what the customer wrote, what we answered, what was noted among colleagues.

That a message arrived says nothing of where the ticket stands: people decide that. Which messages clocks look at is
told by `TRIGGERS` in `tickets`: a note is none.
"""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from .base import PARAGRAPHS, Command, Event, own, ref, text


class TicketMessageReceived(Event, frozen=True):
    """The customer wrote. Where the ticket stands is as before."""

    message: str = ""
    sender: str = ""


class TicketResponded(Event, frozen=True):
    """The customer got an answer from a person."""

    person: UUID | None = None
    message: str = ""


class TicketAnnotated(Event, frozen=True):
    """Something was noted among colleagues; the customer was told nothing."""

    note: str
    person: UUID | None = None


MessageEvent = TicketMessageReceived | TicketResponded | TicketAnnotated

Ticket = Annotated[UUID, own("ticket", "The ticket.")]


class ReceiveTicketMessage(Command, frozen=True):
    """Record that the customer wrote; a clock for the next response starts, if one is promised and none runs."""

    ticket: Ticket
    message: Annotated[str, text("What was written.", limit=PARAGRAPHS, optional=True)] = ""
    sender: Annotated[str, text("Who wrote, as the message says.", optional=True)] = ""


class RespondToTicket(Command, frozen=True):
    """Record that the customer got an answer, or word of progress, from a person; response clocks stop."""

    ticket: Ticket
    person: Annotated[UUID, ref("person", "Who answered.")] | None = None
    message: Annotated[str, text("The answer.", limit=PARAGRAPHS, optional=True)] = ""


class AnnotateTicket(Command, frozen=True):
    """Note something among colleagues. It is no answer: no clock looks at it."""

    ticket: Ticket
    note: Annotated[str, text("The note.", limit=PARAGRAPHS)]
    person: Annotated[UUID, ref("person", "Whose note it is.")] | None = None


MessageCommand = ReceiveTicketMessage | RespondToTicket | AnnotateTicket


def receive_ticket_message(command: ReceiveTicketMessage) -> list[Event]:
    """Customers write whenever they like, also about what is closed."""
    return [TicketMessageReceived(message=command.message, sender=command.sender)]


def respond_to_ticket(command: RespondToTicket) -> list[Event]:
    return [TicketResponded(person=command.person, message=command.message)]


def annotate_ticket(command: AnnotateTicket) -> list[Event]:
    return [TicketAnnotated(note=command.note, person=command.person)]
