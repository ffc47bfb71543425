"""Tickets: what customers asked for help with, and what was done about it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, get_args
from uuid import UUID

import msgspec

from . import messages, timelines
from .base import PARAGRAPHS, Command, Decider, Event, Fact, Priority, Reason, Refused, about, ref, text
from .messages import (
    AnnotateTicket,
    MessageCommand,
    MessageEvent,
    ReceiveTicketMessage,
    RespondToTicket,
    Ticket,
    TicketMessageReceived,
    TicketResponded,
)
from .timelines import Moment, Party, Timeline, Trigger


class TicketStatus(StrEnum):
    OPEN = "open"
    ON_HOLD = "on_hold"
    RESOLVED = "resolved"
    CLOSED = "closed"
    ANNULLED = "annulled"
    MERGED = "merged"


class TicketOpened(Event, frozen=True):
    """A customer's request for help was taken down."""

    customer: UUID
    subject: str
    priority: Priority
    description: str = ""
    reference: str | None = None
    service: str | None = None
    kind: str | None = None


class TicketAssigned(Event, frozen=True):
    """A person became the one who looks after the ticket."""

    assignee: UUID


class TicketPrioritised(Event, frozen=True):
    """The ticket counts as more, or less, pressing than before."""

    priority: Priority


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


class TicketMerged(Event, frozen=True):
    """It is the same request as another ticket, where it is dealt with from now on."""

    into: UUID
    reason: str


TicketEvent = (
    MessageEvent
    | TicketOpened
    | TicketAssigned
    | TicketPrioritised
    | TicketHeld
    | TicketResumed
    | TicketResolved
    | TicketReopened
    | TicketClosed
    | TicketAnnulled
    | TicketMerged
)

TRIGGERS: dict[type[Event], Trigger] = {
    TicketOpened: Trigger.OPENED,
    TicketMessageReceived: Trigger.CUSTOMER_WROTE,
    TicketResponded: Trigger.RESPONDED,
    TicketHeld: Trigger.HELD,
    TicketResumed: Trigger.RESUMED,
    TicketPrioritised: Trigger.PRIORITISED,
    TicketResolved: Trigger.RESOLVED,
    TicketReopened: Trigger.REOPENED,
    TicketClosed: Trigger.CLOSED,
    TicketAnnulled: Trigger.ANNULLED,
    TicketMerged: Trigger.MERGED,
}
"""What a fact says to clocks; a fact that is not named here says nothing to them."""

PriorityField = Annotated[Priority, about("How pressing the ticket is; with the customer it chooses the SLA targets.")]


class OpenTicket(Command, frozen=True):
    """Take down a customer's request for help. The id of the new ticket is the command's id."""

    customer: Annotated[UUID, ref("customer", "Whose request it is.")]
    subject: Annotated[str, text("The request in a line.")]
    priority: PriorityField = Priority.NORMAL
    description: Annotated[str, text("The request in full.", limit=PARAGRAPHS, optional=True)] = ""
    reference: Annotated[str, text("How another system calls this ticket.", limit=64)] | None = None
    service: Annotated[str, text("The service it is about; SLA policies may choose by it.", limit=64)] | None = None
    kind: Annotated[str, text("What kind of request it is; SLA policies may choose by it.", limit=64)] | None = None


class AssignTicket(Command, frozen=True):
    """Say who looks after the ticket."""

    ticket: Ticket
    assignee: Annotated[UUID, ref("person", "Who looks after it from now on.")]


class PrioritiseTicket(Command, frozen=True):
    """Say how pressing the ticket is; open SLA clocks keep the time they have counted and get the new target."""

    ticket: Ticket
    priority: PriorityField


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


class MergeTicket(Command, frozen=True):
    """Record that it is the same request as another ticket; running SLA clocks are cancelled."""

    ticket: Ticket
    into: Annotated[UUID, ref("ticket", "The ticket where it is dealt with from now on.")]
    reason: Reason


TicketCommand = (
    MessageCommand
    | OpenTicket
    | AssignTicket
    | PrioritiseTicket
    | HoldTicket
    | ResumeTicket
    | ResolveTicket
    | ReopenTicket
    | CloseTicket
    | AnnulTicket
    | MergeTicket
)


class TicketState(msgspec.Struct, frozen=True, omit_defaults=True):
    customer: UUID | None = None
    subject: str = ""
    description: str = ""
    reference: str | None = None
    service: str | None = None
    kind: str | None = None
    priority: Priority = Priority.NORMAL
    status: TicketStatus = TicketStatus.OPEN
    assignee: UUID | None = None
    hold_reason: str | None = None
    waiting_on: Party | None = None
    opened_at: datetime | None = None
    responded_at: datetime | None = None
    resolved_at: datetime | None = None
    closed_at: datetime | None = None
    merged_into: UUID | None = None
    timeline: Timeline = ()


def evolve(state: TicketState, fact: Fact) -> TicketState:
    """What the fact changes, and the moment that clocks look at, put into the state at once."""
    event: Any = fact.event
    kind, at = type(event), fact.occurred_at
    changes = CHANGES[kind](state, event, at) if kind in CHANGES else {}
    if trigger := TRIGGERS.get(kind):
        party, reason = (event.waiting_on, event.reason) if kind is TicketHeld else (None, "")
        priority = event.priority if kind in (TicketOpened, TicketPrioritised) else None
        moment = Moment(at, trigger, fact.position, party, reason, priority)
        changes["timeline"] = timelines.told(state.timeline, moment)
    return msgspec.structs.replace(state, **changes)


Changes = dict[str, Any]


def _answered(state: TicketState, at: datetime) -> Changes:
    """A resolution is an answer too; the earliest one counts, in whichever order they are recorded."""
    return {"responded_at": min(state.responded_at or at, at)}


def _released(status: TicketStatus) -> Changes:
    return {"status": status, "hold_reason": None, "waiting_on": None}


def _held(held: TicketHeld) -> Changes:
    return {"status": TicketStatus.ON_HOLD, "hold_reason": held.reason, "waiting_on": held.waiting_on}


CHANGES: dict[type[Event], Callable[[TicketState, Any, datetime], Changes]] = {
    TicketOpened: lambda state, event, at: {**msgspec.structs.asdict(event), "opened_at": at},
    TicketAssigned: lambda state, event, at: {"assignee": event.assignee},
    TicketPrioritised: lambda state, event, at: {"priority": event.priority},
    TicketResponded: lambda state, event, at: _answered(state, at),
    TicketHeld: lambda state, event, at: _held(event),
    TicketResumed: lambda state, event, at: _released(TicketStatus.OPEN),
    TicketResolved: lambda state, event, at: {
        **_released(TicketStatus.RESOLVED),
        **_answered(state, at),
        "resolved_at": at,
    },
    TicketReopened: lambda state, event, at: {"status": TicketStatus.OPEN, "resolved_at": None, "closed_at": None},
    TicketClosed: lambda state, event, at: {"status": TicketStatus.CLOSED, "closed_at": at},
    TicketAnnulled: lambda state, event, at: _released(TicketStatus.ANNULLED),
    TicketMerged: lambda state, event, at: {**_released(TicketStatus.MERGED), "merged_into": event.into},
}
"""What a fact makes of the ticket; one that is not named here changes nothing but, perhaps, what clocks look at."""


def _in_work(state: TicketState) -> None:
    if state.status not in (TicketStatus.OPEN, TicketStatus.ON_HOLD):
        for_good = state.status in (TicketStatus.ANNULLED, TicketStatus.MERGED)
        way_out = "." if for_good else "; reopen it first."
        raise Refused("not_open", f"The ticket is {state.status}{way_out}")


def open_ticket(state: TicketState, command: OpenTicket) -> list[Event]:
    return [TicketOpened(**msgspec.structs.asdict(command))]


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


def hold_ticket(state: TicketState, command: HoldTicket) -> list[Event]:
    _in_work(state)
    if command.waiting_on == state.waiting_on:
        raise Refused("already_on_hold", f"The ticket waits on {state.waiting_on} already.", ["waitingOn"])
    return [TicketHeld(reason=command.reason, waiting_on=command.waiting_on)]


def resume_ticket(state: TicketState, command: ResumeTicket) -> list[Event]:
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


def close_ticket(state: TicketState, command: CloseTicket) -> list[Event]:
    if state.status is not TicketStatus.RESOLVED:
        raise Refused("not_resolved", f"The ticket is {state.status}; only a resolved one can be closed.")
    return [TicketClosed()]


def annul_ticket(state: TicketState, command: AnnulTicket) -> list[Event]:
    if state.status is TicketStatus.ANNULLED:
        raise Refused("already_annulled", "The ticket is annulled already.")
    return [TicketAnnulled(reason=command.reason)]


def merge_ticket(state: TicketState, command: MergeTicket) -> list[Event]:
    _in_work(state)
    if command.into == command.ticket:
        raise Refused("same_ticket", "A ticket cannot be merged into itself.", ["into"])
    return [TicketMerged(into=command.into, reason=command.reason)]


def respond_to_ticket(state: TicketState, command: RespondToTicket) -> list[Event]:
    _in_work(state)
    return messages.respond_to_ticket(command)


DECISIONS: dict[type[Command], Callable[[TicketState, Any], list[Event]]] = {
    OpenTicket: open_ticket,
    AssignTicket: assign_ticket,
    PrioritiseTicket: prioritise_ticket,
    ReceiveTicketMessage: lambda state, command: messages.receive_ticket_message(command),
    RespondToTicket: respond_to_ticket,
    AnnotateTicket: lambda state, command: messages.annotate_ticket(command),
    HoldTicket: hold_ticket,
    ResumeTicket: resume_ticket,
    ResolveTicket: resolve_ticket,
    ReopenTicket: reopen_ticket,
    CloseTicket: close_ticket,
    AnnulTicket: annul_ticket,
    MergeTicket: merge_ticket,
}


def decide(state: TicketState, command: TicketCommand, at: datetime) -> list[Event]:
    return DECISIONS[type(command)](state, command)


decider = Decider(
    noun="ticket",
    initial=TicketState(),
    commands=get_args(TicketCommand),
    events=get_args(TicketEvent),
    decide=decide,
    evolve=evolve,
)
