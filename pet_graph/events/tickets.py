"""Tickets: what customers asked for help with, and what was done about it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, assert_never, get_args
from uuid import UUID

import msgspec

from .base import PARAGRAPHS, Command, Decider, Event, Fact, Priority, Reason, Refused, about, own, ref, text


class TicketStatus(StrEnum):
    OPEN = "open"
    ON_HOLD = "on_hold"
    RESOLVED = "resolved"
    CLOSED = "closed"
    ANNULLED = "annulled"


class Party(StrEnum):
    CUSTOMER = "customer"
    SUPPLIER = "supplier"
    INTERNAL = "internal"


class TicketOpened(Event, frozen=True):
    """A customer's request for help was taken down."""

    customer: UUID
    subject: str
    priority: Priority
    description: str = ""
    reference: str | None = None


class TicketAssigned(Event, frozen=True):
    """A person became the one who looks after the ticket."""

    assignee: UUID


class TicketPrioritised(Event, frozen=True):
    """The ticket counts as more, or less, pressing than before."""

    priority: Priority


class TicketResponded(Event, frozen=True):
    """The customer got an answer from a person."""

    person: UUID | None = None
    message: str = ""


class TicketHeld(Event, frozen=True):
    """Work cannot go on until somebody else does something."""

    reason: str
    waiting_on: Party


class TicketResumed(Event, frozen=True):
    """The wait is over; work goes on."""


class TicketResolved(Event, frozen=True):
    """The request was answered in full, as far as we know."""

    resolution: str


class TicketReopened(Event, frozen=True):
    """It was not resolved after all."""

    reason: str


class TicketClosed(Event, frozen=True):
    """Nothing more will be done; the resolution stands."""


class TicketAnnulled(Event, frozen=True):
    """The ticket was recorded in error; it stays visible and counts for nothing."""

    reason: str


TicketEvent = (
    TicketOpened
    | TicketAssigned
    | TicketPrioritised
    | TicketResponded
    | TicketHeld
    | TicketResumed
    | TicketResolved
    | TicketReopened
    | TicketClosed
    | TicketAnnulled
)

Ticket = Annotated[UUID, own("ticket", "The ticket.")]
PriorityField = Annotated[Priority, about("How pressing the ticket is; with the customer it chooses the SLA targets.")]


class OpenTicket(Command, frozen=True):
    """Take down a customer's request for help. The id of the new ticket is the command's id."""

    customer: Annotated[UUID, ref("customer", "Whose request it is.")]
    subject: Annotated[str, text("The request in a line.")]
    priority: PriorityField = Priority.NORMAL
    description: Annotated[str, text("The request in full.", limit=PARAGRAPHS, optional=True)] = ""
    reference: Annotated[str, text("How another system calls this ticket.", limit=64)] | None = None


class AssignTicket(Command, frozen=True):
    """Say who looks after the ticket."""

    ticket: Ticket
    assignee: Annotated[UUID, ref("person", "Who looks after it from now on.")]


class PrioritiseTicket(Command, frozen=True):
    """Say how pressing the ticket is; open SLA clocks keep the time they have counted and get the new target."""

    ticket: Ticket
    priority: PriorityField


class RespondToTicket(Command, frozen=True):
    """Record that the customer got an answer from a person; the first one stops the response clock."""

    ticket: Ticket
    person: Annotated[UUID, ref("person", "Who answered.")] | None = None
    message: Annotated[str, text("The answer.", limit=PARAGRAPHS, optional=True)] = ""


class HoldTicket(Command, frozen=True):
    """Record that work waits for somebody else; SLA clocks pause."""

    ticket: Ticket
    reason: Reason
    waiting_on: Annotated[Party, about("Who has to do something before work can go on.")]


class ResumeTicket(Command, frozen=True):
    """Record that the wait is over; SLA clocks go on."""

    ticket: Ticket


class ResolveTicket(Command, frozen=True):
    """Record that the request was answered in full; SLA clocks stop."""

    ticket: Ticket
    resolution: Annotated[str, text("What the answer was.", limit=PARAGRAPHS)]


class ReopenTicket(Command, frozen=True):
    """Record that it was not resolved after all; the resolution clock starts a new cycle."""

    ticket: Ticket
    reason: Reason


class CloseTicket(Command, frozen=True):
    """Record that nothing more will be done about a resolved ticket."""

    ticket: Ticket


class AnnulTicket(Command, frozen=True):
    """Record that the ticket was an error; running SLA clocks are cancelled."""

    ticket: Ticket
    reason: Reason


TicketCommand = (
    OpenTicket
    | AssignTicket
    | PrioritiseTicket
    | RespondToTicket
    | HoldTicket
    | ResumeTicket
    | ResolveTicket
    | ReopenTicket
    | CloseTicket
    | AnnulTicket
)


class TicketState(msgspec.Struct, frozen=True, omit_defaults=True):
    customer: UUID | None = None
    subject: str = ""
    description: str = ""
    reference: str | None = None
    priority: Priority = Priority.NORMAL
    status: TicketStatus = TicketStatus.OPEN
    assignee: UUID | None = None
    hold_reason: str | None = None
    waiting_on: Party | None = None
    opened_at: datetime | None = None
    responded_at: datetime | None = None
    resolved_at: datetime | None = None
    closed_at: datetime | None = None


def evolve(state: TicketState, fact: Fact) -> TicketState:
    replace, at = msgspec.structs.replace, fact.occurred_at
    match fact.event:
        case TicketOpened() as opened:
            return TicketState(
                customer=opened.customer,
                subject=opened.subject,
                description=opened.description,
                reference=opened.reference,
                priority=opened.priority,
                opened_at=at,
            )
        case TicketAssigned(assignee=assignee):
            return replace(state, assignee=assignee)
        case TicketPrioritised(priority=priority):
            return replace(state, priority=priority)
        case TicketResponded():
            return _answered(state, at)
        case TicketHeld(reason=reason, waiting_on=party):
            return replace(state, status=TicketStatus.ON_HOLD, hold_reason=reason, waiting_on=party)
        case TicketResumed():
            return _released(state, TicketStatus.OPEN)
        case TicketResolved():
            return replace(_released(_answered(state, at), TicketStatus.RESOLVED), resolved_at=at)
        case TicketReopened():
            return replace(state, status=TicketStatus.OPEN, resolved_at=None, closed_at=None)
        case TicketClosed():
            return replace(state, status=TicketStatus.CLOSED, closed_at=at)
        case TicketAnnulled():
            return _released(state, TicketStatus.ANNULLED)
    return state


def _answered(state: TicketState, at: datetime) -> TicketState:
    """A resolution is an answer too; the earliest one counts, in whichever order they are recorded."""
    return msgspec.structs.replace(state, responded_at=min(state.responded_at or at, at))


def _released(state: TicketState, status: TicketStatus) -> TicketState:
    return msgspec.structs.replace(state, status=status, hold_reason=None, waiting_on=None)


def decide(state: TicketState, command: TicketCommand, at: datetime) -> list[Event]:
    match command:
        case OpenTicket():
            return open_ticket(command)
        case AssignTicket():
            return assign_ticket(state, command)
        case PrioritiseTicket():
            return prioritise_ticket(state, command)
        case RespondToTicket():
            return respond_to_ticket(state, command)
        case HoldTicket():
            return hold_ticket(state, command)
        case ResumeTicket():
            return resume_ticket(state)
        case ResolveTicket():
            return resolve_ticket(state, command)
        case ReopenTicket():
            return reopen_ticket(state, command)
        case CloseTicket():
            return close_ticket(state)
        case AnnulTicket():
            return annul_ticket(state, command)
        case _:
            assert_never(command)


def _in_work(state: TicketState) -> None:
    if state.status not in (TicketStatus.OPEN, TicketStatus.ON_HOLD):
        way_out = "." if state.status is TicketStatus.ANNULLED else "; reopen it first."
        raise Refused("not_open", f"The ticket is {state.status}{way_out}")


def open_ticket(command: OpenTicket) -> list[Event]:
    return [
        TicketOpened(
            customer=command.customer,
            subject=command.subject,
            priority=command.priority,
            description=command.description,
            reference=command.reference,
        )
    ]


def assign_ticket(state: TicketState, command: AssignTicket) -> list[Event]:
    _in_work(state)
    if command.assignee == state.assignee:
        raise Refused("already_assigned", "This person looks after the ticket already.", ["assignee"])
    return [TicketAssigned(assignee=command.assignee)]


def prioritise_ticket(state: TicketState, command: PrioritiseTicket) -> list[Event]:
    _in_work(state)
    if command.priority == state.priority:
        raise Refused("unchanged", f"The priority is {state.priority} already.", ["priority"])
    return [TicketPrioritised(priority=command.priority)]


def respond_to_ticket(state: TicketState, command: RespondToTicket) -> list[Event]:
    _in_work(state)
    return [TicketResponded(person=command.person, message=command.message)]


def hold_ticket(state: TicketState, command: HoldTicket) -> list[Event]:
    _in_work(state)
    if command.waiting_on == state.waiting_on:
        raise Refused("already_on_hold", f"The ticket waits on {state.waiting_on} already.", ["waitingOn"])
    return [TicketHeld(reason=command.reason, waiting_on=command.waiting_on)]


def resume_ticket(state: TicketState) -> list[Event]:
    if state.status is not TicketStatus.ON_HOLD:
        raise Refused("not_on_hold", f"The ticket is {state.status}, not on hold.")
    return [TicketResumed()]


def resolve_ticket(state: TicketState, command: ResolveTicket) -> list[Event]:
    _in_work(state)
    return [TicketResolved(resolution=command.resolution)]


def reopen_ticket(state: TicketState, command: ReopenTicket) -> list[Event]:
    if state.status not in (TicketStatus.RESOLVED, TicketStatus.CLOSED):
        raise Refused("not_resolved", f"The ticket is {state.status}; only a resolved or closed one can be reopened.")
    return [TicketReopened(reason=command.reason)]


def close_ticket(state: TicketState) -> list[Event]:
    if state.status is not TicketStatus.RESOLVED:
        raise Refused("not_resolved", f"The ticket is {state.status}; only a resolved one can be closed.")
    return [TicketClosed()]


def annul_ticket(state: TicketState, command: AnnulTicket) -> list[Event]:
    if state.status is TicketStatus.ANNULLED:
        raise Refused("already_annulled", "The ticket is annulled already.")
    return [TicketAnnulled(reason=command.reason)]


decider = Decider(
    noun="ticket",
    initial=TicketState(),
    commands=get_args(TicketCommand),
    events=get_args(TicketEvent),
    decide=decide,
    evolve=evolve,
)
