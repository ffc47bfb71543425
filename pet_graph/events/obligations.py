"""Obligations: what an accepted quote promised, line by line, each in the unit in which it is burnt down."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, assert_never, get_args
from uuid import UUID, uuid5

import msgspec

from .base import BurnUnit, Command, Decider, Event, Fact, Money, Reason, Refused, Stamp, about, own, ref, text
from .deliveries import (
    DeliverObligation,
    Delivery,
    DeliveryReversed,
    ObligationDelivered,
    ReverseDelivery,
    deliver_obligation,
    delivered_of,
    made,
    reverse_delivery,
    without,
)
from .terms import OF_TIME, check_terms
from .terms import Terms as Terms


class ObligationStatus(StrEnum):
    OPEN = "open"
    FULFILLED = "fulfilled"
    RELEASED = "released"


DROPPED = "A change order left it out."


class ObligationOpened(Event, frozen=True):
    """A line of a quote was accepted: from now on it is owed."""

    customer: UUID
    quote: UUID
    digest: str
    line: int
    terms: Terms


class ObligationAmended(Event, frozen=True):
    """A change order, that is a newer version of the quote, was accepted: from now on this is owed instead."""

    digest: str
    terms: Terms


class ObligationDropped(Event, frozen=True):
    """A change order that has no such line any more was accepted: nothing more is owed, until one has it again."""

    digest: str


class ObligationFulfilled(Event, frozen=True):
    """What was owed has been delivered, as the evidence shows."""

    evidence: str


class ObligationReleased(Event, frozen=True):
    """Nothing more is owed, although not all of it was delivered."""

    reason: str


class ObligationPlaced(Event, frozen=True):
    """It is delivered in this project from now on."""

    project: UUID


class ObligationBurned(Event, frozen=True):
    """Hours of a time entry were worked to keep it, or are taken back: less than nothing.

    `burnt` is what of them it pays for, `so_far` all that it has paid for with this, of the `effort` that is owed.
    """

    entry: UUID
    worked: timedelta
    burnt: timedelta
    so_far: timedelta
    effort: timedelta | None = None


ObligationEvent = (
    ObligationOpened
    | ObligationAmended
    | ObligationDropped
    | ObligationFulfilled
    | ObligationReleased
    | ObligationPlaced
    | ObligationBurned
    | ObligationDelivered
    | DeliveryReversed
)


def obligation_of(quote: UUID, line: int) -> UUID:
    """The id of what a line of a quote promises. A change order keeps the numbers of its lines, and so the ids."""
    return uuid5(quote, f"line/{line}")


Obligation = Annotated[UUID, own("obligation", "The obligation.")]
Digest = Annotated[str, about("The SHA-256 digest of the quote's version, in hexadecimal.")]
TermsField = Annotated[Terms, about("What is owed.")]


class OpenObligation(Command, frozen=True):
    """Owe what a line of an accepted quote promises."""

    obligation: Obligation
    customer: Annotated[UUID, ref("customer", "To whom it is owed.")]
    quote: Annotated[UUID, about("The quote that promised it.")]
    digest: Digest
    line: Annotated[int, about("The number of the line that promised it.", ge=1)]
    terms: TermsField


class AmendObligation(Command, frozen=True):
    """Owe what the same line of a newer accepted version promises."""

    obligation: Obligation
    digest: Digest
    terms: TermsField


class DropObligation(Command, frozen=True):
    """Owe nothing more, because a newer accepted version has no such line."""

    obligation: Obligation
    digest: Digest


class FulfilObligation(Command, frozen=True):
    """Record that what was owed has been delivered."""

    obligation: Obligation
    evidence: Annotated[str, text("What shows it: an acceptance report, a delivery note, a link.", limit=1_000)]


class ReleaseObligation(Command, frozen=True):
    """Record that nothing more is owed, although not all of it was delivered."""

    obligation: Obligation
    reason: Reason


class PlaceObligation(Command, frozen=True):
    """Say in which project it is delivered; hours worked before stay in the project that they were worked in."""

    obligation: Obligation
    project: Annotated[UUID, ref("project", "The project.")]


class BurnObligation(Command, frozen=True):
    """Count hours of a time entry that keep it; what is less than nothing takes hours back."""

    obligation: Obligation
    entry: UUID
    worked: timedelta
    burnt: timedelta


ObligationCommand = (
    OpenObligation
    | AmendObligation
    | DropObligation
    | FulfilObligation
    | ReleaseObligation
    | PlaceObligation
    | BurnObligation
    | DeliverObligation
    | ReverseDelivery
)


class Posting(msgspec.Struct, frozen=True, array_like=True):
    """A line of the ledger of what is owed: by how much it changed, and what held from then on."""

    project: UUID | None
    burn_unit: BurnUnit
    effort: timedelta
    amount: Money
    quantity_micros: int
    promised_by: date | None
    ended_at: datetime | None
    stamp: Stamp

    def taken_back(self, stamp: Stamp) -> Posting:
        amount = Money(-self.amount.amount_micros, self.amount.currency)
        less = {"effort": -self.effort, "amount": amount, "quantity_micros": -self.quantity_micros, "stamp": stamp}
        return msgspec.structs.replace(self, **less)


class ObligationState(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is owed as of the newest change order, and what became of it."""

    customer: UUID | None = None
    quote: UUID | None = None
    digest: str = ""
    line: int = 0
    terms: Terms | None = None
    status: ObligationStatus = ObligationStatus.OPEN
    opened_at: datetime | None = None
    amended_at: datetime | None = None
    ended_at: datetime | None = None
    evidence: str | None = None
    release_reason: str | None = None
    dropped: bool = False
    project: UUID | None = None
    delivered: timedelta = timedelta()
    burnt: timedelta = timedelta()
    postings: tuple[Posting, ...] = ()
    deliveries: tuple[Delivery, ...] = ()

    @property
    def delivered_micros(self) -> int | None:
        """How many units were handed over, in millionths; None if the unit is burnt by time."""
        return None if self.terms is None or self.terms.burn_unit in OF_TIME else delivered_of(self.deliveries)

    @property
    def left_micros(self) -> int | None:
        """How many units are left to hand over, in millionths, less than nothing when more were; None likewise."""
        delivered = self.delivered_micros
        return None if self.terms is None or delivered is None else (self.terms.quantity_micros or 0) - delivered

    @property
    def left(self) -> timedelta | None:
        """How many hours are left of those sold, less than nothing when more were burnt; None if none were sold."""
        return None if self.terms is None or self.terms.effort is None else self.terms.effort - self.burnt


def evolve(state: ObligationState, fact: Fact) -> ObligationState:
    return _posted(state, _evolved(state, fact), Stamp.of(fact))


def _posted(before: ObligationState, after: ObligationState, stamp: Stamp) -> ObligationState:
    """With lines in the ledger, if what is owed differs: the former is taken back, the present posted."""
    old, new = _owed(before, stamp), _owed(after, stamp)
    if old == new:
        return after
    lines = [line for line in (old and old.taken_back(stamp), new) if line]
    return msgspec.structs.replace(after, postings=(*after.postings, *lines))


def _owed(state: ObligationState, stamp: Stamp) -> Posting | None:
    """All that is owed, as one line. What was released stays sold; what a change order left out is sold no more."""
    terms = state.terms
    if terms is None:
        return None
    sold = not state.dropped
    return Posting(
        project=state.project,
        burn_unit=terms.burn_unit,
        effort=terms.effort or timedelta() if sold else timedelta(),
        amount=terms.amount if sold else Money(0, terms.amount.currency),
        quantity_micros=terms.quantity_micros or 0 if sold else 0,
        promised_by=terms.promised_by,
        ended_at=state.ended_at,
        stamp=stamp,
    )


def _evolved(state: ObligationState, fact: Fact) -> ObligationState:
    replace, at = msgspec.structs.replace, fact.occurred_at
    match fact.event:
        case ObligationOpened(customer=customer, quote=quote, digest=digest, line=line, terms=terms):
            return ObligationState(customer, quote, digest, line, terms, opened_at=at)
        case ObligationAmended(digest=digest, terms=terms):
            amended = replace(state, digest=digest, terms=terms, amended_at=at)
            return _open_again(amended) if state.dropped or terms != state.terms else amended
        case ObligationDropped(digest=digest):
            dropped = replace(state, digest=digest, amended_at=at, dropped=True, release_reason=DROPPED)
            return replace(dropped, status=ObligationStatus.RELEASED, ended_at=state.ended_at or at)
        case ObligationFulfilled(evidence=evidence):
            return replace(state, status=ObligationStatus.FULFILLED, ended_at=at, evidence=evidence)
        case ObligationReleased(reason=reason):
            return replace(state, status=ObligationStatus.RELEASED, ended_at=at, release_reason=reason)
        case ObligationPlaced(project=project):
            return replace(state, project=project)
        case ObligationBurned(worked=worked, burnt=burnt):
            return replace(state, delivered=state.delivered + worked, burnt=state.burnt + burnt)
        case ObligationDelivered() as said:
            return replace(state, deliveries=(*state.deliveries, made(fact, said, state.project)))
        case DeliveryReversed() as gone:
            return replace(state, deliveries=without(state.deliveries, fact, gone))
    return state


def _open_again(state: ObligationState) -> ObligationState:
    """Other terms are owed anew, whatever became of the former ones."""
    return msgspec.structs.replace(
        state, status=ObligationStatus.OPEN, ended_at=None, evidence=None, release_reason=None, dropped=False
    )


def decide(state: ObligationState, command: ObligationCommand, at: datetime) -> list[Event]:
    match command:
        case OpenObligation():
            return open_obligation(state, command)
        case AmendObligation():
            return amend_obligation(state, command)
        case DropObligation():
            return drop_obligation(state, command)
        case FulfilObligation():
            return fulfil_obligation(state, command)
        case ReleaseObligation():
            return release_obligation(state, command)
        case PlaceObligation():
            return place_obligation(state, command)
        case BurnObligation():
            return burn_obligation(state, command)
        case DeliverObligation():
            _still_owed(state)
            assert state.terms is not None, "an obligation that was opened has terms"
            return deliver_obligation(state.terms, state.deliveries, command)
        case ReverseDelivery():
            return reverse_delivery(state.deliveries, command)
        case _:
            assert_never(command)


def open_obligation(state: ObligationState, command: OpenObligation) -> list[Event]:
    if state.terms is not None:
        raise Refused("already_open", f"Line {state.line} of the quote is an obligation already; amend it.", ["line"])
    check_terms(command.terms)
    return [
        ObligationOpened(
            customer=command.customer,
            quote=command.quote,
            digest=command.digest,
            line=command.line,
            terms=command.terms,
        )
    ]


def amend_obligation(state: ObligationState, command: AmendObligation) -> list[Event]:
    if state.terms is None:
        raise Refused("not_opened", "Nothing is owed under this line yet; open the obligation.")
    if command.digest == state.digest:
        raise Refused("unchanged", "The obligation stands under this version of the quote already.", ["digest"])
    check_terms(command.terms)
    return [ObligationAmended(digest=command.digest, terms=command.terms)]


def drop_obligation(state: ObligationState, command: DropObligation) -> list[Event]:
    """What has been delivered stays delivered."""
    return [] if state.status is ObligationStatus.FULFILLED else [ObligationDropped(digest=command.digest)]


def fulfil_obligation(state: ObligationState, command: FulfilObligation) -> list[Event]:
    _still_owed(state)
    return [ObligationFulfilled(evidence=command.evidence)]


def release_obligation(state: ObligationState, command: ReleaseObligation) -> list[Event]:
    _still_owed(state)
    return [ObligationReleased(reason=command.reason)]


def place_obligation(state: ObligationState, command: PlaceObligation) -> list[Event]:
    if command.project == state.project:
        raise Refused("unchanged", "It is delivered in this project already.", ["project"])
    return [ObligationPlaced(project=command.project)]


def burn_obligation(state: ObligationState, command: BurnObligation) -> list[Event]:
    """Time was worked whatever became of the promise meanwhile, so this is never refused."""
    so_far, effort = state.burnt + command.burnt, state.terms and state.terms.effort
    return [
        ObligationBurned(
            entry=command.entry, worked=command.worked, burnt=command.burnt, so_far=so_far, effort=effort or None
        )
    ]


def _still_owed(state: ObligationState) -> None:
    if state.status is not ObligationStatus.OPEN:
        raise Refused("not_open", f"The obligation is {state.status} already.")


decider = Decider(
    noun="obligation",
    initial=ObligationState(),
    commands=get_args(ObligationCommand),
    events=get_args(ObligationEvent),
    decide=decide,
    evolve=evolve,
)
