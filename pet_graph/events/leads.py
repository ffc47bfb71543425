"""Leads: who might want something, whether they meet the criteria that people state, and what became of them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, assert_never, get_args
from uuid import UUID

import msgspec

from .base import Command, Decider, Event, Fact, Reason, Refused, about, own, ref, text


class LeadStatus(StrEnum):
    CAPTURED = "captured"
    QUALIFIED = "qualified"
    DISQUALIFIED = "disqualified"
    CONVERTED = "converted"


class Criterion(msgspec.Struct, frozen=True):
    """One thing that a lead has to meet to be worth pursuing, and what shows that it does."""

    criterion: Annotated[str, text("What has to hold: There is a budget.")]
    evidence: Annotated[str, text("What shows that it holds.", limit=1_000)]


class LeadCaptured(Event, frozen=True):
    """Somebody who might want something became known."""

    name: str
    source: str
    contact: str | None = None
    need: str | None = None
    reference: str | None = None


class LeadQualified(Event, frozen=True):
    """A person said which criteria the lead meets, and what shows it."""

    person: UUID
    criteria: tuple[Criterion, ...]


class LeadDisqualified(Event, frozen=True):
    """The lead is not worth pursuing."""

    reason: str


class LeadConverted(Event, frozen=True):
    """The lead became an opportunity. The customer it is with was known, is registered with it, or is not known yet."""

    name: str
    owner: UUID
    customer: UUID | None = None
    customer_name: str | None = None


LeadEvent = LeadCaptured | LeadQualified | LeadDisqualified | LeadConverted

Lead = Annotated[UUID, own("lead", "The lead.")]
SOURCE = text("Where it came from: a trade fair, a recommendation.", limit=64)
MOST_CRITERIA = 20
"""In one statement; a lead that was disqualified may be qualified anew."""


class CaptureLead(Command, frozen=True):
    """Make known who might want something. The id of the new lead is the command's id."""

    name: Annotated[str, text("Who it is: a firm, a person.")]
    source: Annotated[str, SOURCE]
    contact: Annotated[str, text("How to reach them.")] | None = None
    need: Annotated[str, text("What they might want.", limit=2_000)] | None = None
    reference: Annotated[str, text("How another system calls this lead.", limit=64)] | None = None


class QualifyLead(Command, frozen=True):
    """Say, as a person, which criteria the lead meets, and what shows it; also of one that was disqualified before."""

    lead: Lead
    person: Annotated[UUID, ref("person", "Who says so.")]
    criteria: Annotated[
        tuple[Criterion, ...],
        about("The criteria that it meets, each with what shows it.", min_length=1, max_length=MOST_CRITERIA),
    ]


class DisqualifyLead(Command, frozen=True):
    """Say that the lead is not worth pursuing."""

    lead: Lead
    reason: Reason


class ConvertLead(Command, frozen=True):
    """Make an opportunity of a qualified lead. The ids of what it starts are the command's id.

    Give the customer if it is known already, or a name to register a new one in the same turn, or neither yet.
    """

    lead: Lead
    name: Annotated[str, text("What the opportunity is called.")]
    owner: Annotated[UUID, ref("person", "Who pursues the opportunity.")]
    customer: Annotated[UUID, ref("customer", "The customer, if known already.")] | None = None
    customer_name: Annotated[str, text("What the customer is called, to register a new one.")] | None = None


LeadCommand = CaptureLead | QualifyLead | DisqualifyLead | ConvertLead

_S = LeadStatus

TRANSITIONS: dict[type[Command], dict[LeadStatus, LeadStatus]] = {
    QualifyLead: dict.fromkeys((_S.CAPTURED, _S.DISQUALIFIED), _S.QUALIFIED),
    DisqualifyLead: dict.fromkeys((_S.CAPTURED, _S.QUALIFIED), _S.DISQUALIFIED),
    ConvertLead: {_S.QUALIFIED: _S.CONVERTED},
}
"""What may be asked for at which status, and the status then."""


class Qualification(msgspec.Struct, frozen=True):
    """The criteria that a person said the lead meets, at once."""

    person: UUID
    criteria: tuple[Criterion, ...]
    qualified_at: datetime
    position: int


class LeadState(msgspec.Struct, frozen=True, omit_defaults=True):
    name: str = ""
    source: str = ""
    contact: str | None = None
    need: str | None = None
    reference: str | None = None
    status: LeadStatus = LeadStatus.CAPTURED
    reason: str | None = None
    customer: UUID | None = None
    captured_at: datetime | None = None
    ended_at: datetime | None = None
    qualifications: tuple[Qualification, ...] = ()


def evolve(state: LeadState, fact: Fact) -> LeadState:
    replace, at = msgspec.structs.replace, fact.occurred_at
    match fact.event:
        case LeadCaptured() as captured:
            return LeadState(**msgspec.structs.asdict(captured), captured_at=at)
        case LeadQualified(person=person, criteria=criteria):
            told = (*state.qualifications, Qualification(person, criteria, at, fact.position))
            return replace(state, status=_S.QUALIFIED, reason=None, ended_at=None, qualifications=told)
        case LeadDisqualified(reason=reason):
            return replace(state, status=_S.DISQUALIFIED, reason=reason, ended_at=at)
        case LeadConverted() as converted:
            return replace(state, status=_S.CONVERTED, customer=customer_of(converted, fact), ended_at=at)
    return state


def customer_of(converted: LeadConverted, fact: Fact) -> UUID | None:
    """The customer that a lead became: one that was known, or the one registered under the id of the command."""
    return fact.command_id if converted.customer_name is not None else converted.customer


def decide(state: LeadState, command: LeadCommand, at: datetime) -> list[Event]:
    if type(command) in TRANSITIONS and state.status not in TRANSITIONS[type(command)]:
        statuses = " or ".join(one for one in LeadStatus if one in TRANSITIONS[type(command)])
        raise Refused("wrong_status", f"The lead is {state.status}; this needs one that is {statuses}.")
    match command:
        case CaptureLead():
            return [LeadCaptured(**msgspec.structs.asdict(command))]
        case QualifyLead():
            return qualify_lead(command)
        case DisqualifyLead():
            return [LeadDisqualified(reason=command.reason)]
        case ConvertLead():
            return convert_lead(command)
        case _:
            assert_never(command)


def qualify_lead(command: QualifyLead) -> list[Event]:
    stated: set[str] = set()
    for number, one in enumerate(command.criteria):
        if one.criterion in stated:
            path = ["criteria", str(number), "criterion"]
            raise Refused("stated_twice", f"The criterion {one.criterion!r} is stated twice.", path)
        stated.add(one.criterion)
    return [LeadQualified(person=command.person, criteria=command.criteria)]


def convert_lead(command: ConvertLead) -> list[Event]:
    if command.customer is not None and command.customer_name is not None:
        raise Refused("two_customers", "Give the customer, or a name to register a new one; not both.", ["customer"])
    return [
        LeadConverted(
            name=command.name, owner=command.owner, customer=command.customer, customer_name=command.customer_name
        )
    ]


decider = Decider(
    noun="lead",
    initial=LeadState(),
    commands=get_args(LeadCommand),
    events=get_args(LeadEvent),
    decide=decide,
    evolve=evolve,
)
