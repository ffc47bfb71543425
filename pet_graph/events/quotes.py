"""Quotes: what is offered to a customer, version by version, and what becomes of the offer.

What may be asked for when is the table `TRANSITIONS`. What a version offers stands in `quote_versions`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, assert_never, get_args
from uuid import UUID

import msgspec

from .base import Command, Decider, Event, Fact, Money, Reason, Refused, about, own, ref, text
from .offers import Offer, accepted, check_choice, check_offer
from .quote_versions import QuoteState as QuoteState
from .quote_versions import QuoteStatus, Version, canonical, digest_of
from .quote_versions import expires_at as expires_at

# --- events -------------------------------------------------------------------------------------------------------


class QuoteDrafted(Event, frozen=True):
    """An offer to a customer was written: the first version of a quote."""

    customer: UUID
    offer: Offer
    minor_digits: int
    digest: str
    opportunity: UUID | None = None


class QuoteNumbered(Event, frozen=True):
    """The quote got the number that people call it by."""

    number: int


class QuoteRevised(Event, frozen=True):
    """The next version was written. Earlier ones stay as they are; one that was accepted stays in force."""

    offer: Offer
    minor_digits: int
    digest: str


class QuoteSubmitted(Event, frozen=True):
    """The newest version waits for approval."""


class QuoteApproved(Event, frozen=True):
    """The newest version may be sent."""

    digest: str


class QuoteSent(Event, frozen=True):
    """The newest version went to the customer."""

    digest: str
    recipient: str


class QuoteAccepted(Event, frozen=True):
    """The customer accepted one version: from now on its accepted lines are owed."""

    digest: str
    lines: tuple[int, ...]
    accepted_by: str
    accepted_under: str
    total: Money


class QuoteDeclined(Event, frozen=True):
    """The customer does not want it."""

    reason: str


class QuoteExpired(Event, frozen=True):
    """The last day on which it could be accepted was over."""

    expired_at: datetime

    def occurred_at(self, at: datetime) -> datetime:
        return self.expired_at


class QuoteWithdrawn(Event, frozen=True):
    """The newest version was taken back."""

    reason: str


class QuoteSuperseded(Event, frozen=True):
    """Another quote took its place, for good."""

    by: UUID


QuoteEvent = (
    QuoteDrafted
    | QuoteNumbered
    | QuoteRevised
    | QuoteSubmitted
    | QuoteApproved
    | QuoteSent
    | QuoteAccepted
    | QuoteDeclined
    | QuoteExpired
    | QuoteWithdrawn
    | QuoteSuperseded
)

# --- commands -----------------------------------------------------------------------------------------------------

Quote = Annotated[UUID, own("quote", "The quote.")]
OfferField = Annotated[Offer, about("What is offered.")]
Digest = Annotated[str, text("The SHA-256 digest of the version that is meant, in hexadecimal.", limit=64)]


class DraftQuote(Command, frozen=True):
    """Write an offer to a customer. The id of the new quote is the command's id; it gets the next number."""

    customer: Annotated[UUID, ref("customer", "To whom it is offered.")]
    offer: OfferField
    opportunity: Annotated[UUID, ref("opportunity", "The open sale to this customer that it is part of.")] | None = None


class NumberQuote(Command, frozen=True):
    """Call the quote by its number."""

    quote: Quote
    number: Annotated[int, about("The number.", ge=1)]


class ReviseQuote(Command, frozen=True):
    """Write the next version, whole. Once a version was accepted this is a change order, with the same line numbers."""

    quote: Quote
    offer: OfferField


class SubmitQuote(Command, frozen=True):
    """Ask for the newest version to be approved."""

    quote: Quote


class ApproveQuote(Command, frozen=True):
    """Let the newest version be sent. Above the approval limit it takes somebody who did not write or submit it."""

    quote: Quote
    digest: Digest


class SendQuote(Command, frozen=True):
    """Record that the newest version went to the customer."""

    quote: Quote
    recipient: Annotated[str, text("To whom it went: a name, an address.")]


class AcceptQuote(Command, frozen=True):
    """Record that the customer accepted a version; in the same turn each accepted line becomes an obligation."""

    quote: Quote
    digest: Digest
    accepted_by: Annotated[str, text("Who accepted it, by name.")]
    accepted_under: Annotated[str, text("Under which authority: an office, a power of attorney, a purchase order.")]
    chosen: Annotated[
        tuple[int, ...],
        about("Which optional lines are wanted, and which line of each alternative, by their numbers.", max_length=200),
    ] = ()


class DeclineQuote(Command, frozen=True):
    """Record that the customer does not want it."""

    quote: Quote
    reason: Reason


class ExpireQuote(Command, frozen=True):
    """Record that the last day on which it could be accepted is over."""

    quote: Quote


class WithdrawQuote(Command, frozen=True):
    """Take the newest version back; one that was accepted before stays in force."""

    quote: Quote
    reason: Reason


class SupersedeQuote(Command, frozen=True):
    """Let another quote take the place of this one, of which no version was accepted."""

    quote: Quote
    by: Annotated[UUID, ref("quote", "The quote that takes its place.")]


QuoteCommand = (
    DraftQuote
    | NumberQuote
    | ReviseQuote
    | SubmitQuote
    | ApproveQuote
    | SendQuote
    | AcceptQuote
    | DeclineQuote
    | ExpireQuote
    | WithdrawQuote
    | SupersedeQuote
)

_S = QuoteStatus
_OPEN = (_S.DRAFT, _S.SUBMITTED, _S.APPROVED, _S.SENT)

TRANSITIONS: dict[type[Command], dict[QuoteStatus, QuoteStatus]] = {
    ReviseQuote: dict.fromkeys(set(_S) - {_S.SUPERSEDED}, _S.DRAFT),
    SubmitQuote: {_S.DRAFT: _S.SUBMITTED},
    ApproveQuote: {_S.SUBMITTED: _S.APPROVED},
    SendQuote: {_S.APPROVED: _S.SENT},
    # What was accepted in time is accepted, even if the clock was quicker to record that the time was over.
    AcceptQuote: {_S.SENT: _S.ACCEPTED, _S.EXPIRED: _S.ACCEPTED},
    DeclineQuote: {_S.SENT: _S.DECLINED},
    ExpireQuote: {_S.SENT: _S.EXPIRED},
    WithdrawQuote: dict.fromkeys(_OPEN, _S.WITHDRAWN),
    SupersedeQuote: dict.fromkeys((*_OPEN, _S.DECLINED, _S.EXPIRED, _S.WITHDRAWN), _S.SUPERSEDED),
}
"""What may be asked for at which status of the newest version, and its status (a revision: the next one's) then."""

# --- state --------------------------------------------------------------------------------------------------------


def evolve(state: QuoteState, fact: Fact) -> QuoteState:
    at, told = fact.occurred_at, {"position": fact.position}
    match fact.event:
        case QuoteDrafted(offer=offer, minor_digits=digits, digest=digest) as drafted:
            begun = QuoteState(fact.id, drafted.customer, opportunity=drafted.opportunity)
            return begun.with_version(offer, digits, digest, fact)
        case QuoteNumbered(number=number):
            return msgspec.structs.replace(state, number=number)
        case QuoteRevised(offer=offer, minor_digits=digits, digest=digest):
            return state.with_superseded(_OPEN, fact).with_version(offer, digits, digest, fact)
        case QuoteSubmitted():
            authors = tuple(dict.fromkeys((*state.newest.authors, fact.actor)))
            return state.with_newest(status=QuoteStatus.SUBMITTED, submitted_at=at, authors=authors, **told)
        case QuoteApproved():
            return state.with_newest(status=QuoteStatus.APPROVED, approved_at=at, approved_by=fact.actor, **told)
        case QuoteSent(recipient=recipient):
            return state.with_newest(status=QuoteStatus.SENT, sent_at=at, sent_to=recipient, **told)
        case QuoteAccepted() as event:
            return _with_acceptance(state.with_superseded((QuoteStatus.ACCEPTED,), fact), event, fact)
        case QuoteDeclined(reason=reason):
            return state.with_newest(status=QuoteStatus.DECLINED, ended_at=at, reason=reason, **told)
        case QuoteExpired():
            return state.with_newest(status=QuoteStatus.EXPIRED, ended_at=at, **told)
        case QuoteWithdrawn(reason=reason):
            return state.with_newest(status=QuoteStatus.WITHDRAWN, ended_at=at, reason=reason, **told)
        case QuoteSuperseded(by=by):
            superseded = state.with_newest(status=QuoteStatus.SUPERSEDED, ended_at=at, **told)
            return msgspec.structs.replace(superseded, superseded_by=by)
    return state


def _with_acceptance(state: QuoteState, event: QuoteAccepted, fact: Fact) -> QuoteState:
    return state.with_newest(
        status=QuoteStatus.ACCEPTED,
        accepted_at=fact.occurred_at,
        accepted_by=event.accepted_by,
        accepted_under=event.accepted_under,
        lines=event.lines,
        ended_at=None,
        position=fact.position,
        lines_position=fact.position,
    )


# --- decisions ----------------------------------------------------------------------------------------------------


def decide(state: QuoteState, command: QuoteCommand, at: datetime) -> list[Event]:
    """A quote whose last day is over expires before anything else happens to it."""
    late = overdue(state, at)
    status = QuoteStatus.EXPIRED if late else state.newest.status if state.versions else None
    if status and type(command) in TRANSITIONS and not isinstance(command, ExpireQuote):
        _allowed(command, status)
    return [*late, *_decide_in_time(state, command, at)]


def _allowed(command: QuoteCommand, status: QuoteStatus) -> None:
    if status not in TRANSITIONS[type(command)]:
        statuses = " or ".join(one for one in QuoteStatus if one in TRANSITIONS[type(command)])
        raise Refused("wrong_status", f"The newest version is {status}; this needs one that is {statuses}.")


def overdue(state: QuoteState, at: datetime) -> list[Event]:
    """The expiry, if it is due and not recorded yet."""
    due_at = expires_at(state)
    return [QuoteExpired(expired_at=due_at)] if due_at and due_at <= at else []


def _decide_in_time(state: QuoteState, command: QuoteCommand, at: datetime) -> list[Event]:
    match command:
        case DraftQuote():
            return draft_quote(command, at)
        case NumberQuote(number=number):
            return [QuoteNumbered(number=number)]
        case ReviseQuote():
            return revise_quote(state, command, at)
        case SubmitQuote():
            return [QuoteSubmitted()]
        case ApproveQuote():
            return approve_quote(state, command)
        case SendQuote():
            return send_quote(state, command, at)
        case AcceptQuote():
            return accept_quote(state, command, at)
        case DeclineQuote():
            return [QuoteDeclined(reason=command.reason)]
        case ExpireQuote():
            return []  # what is due has been recorded before anything else
        case WithdrawQuote():
            return [QuoteWithdrawn(reason=command.reason)]
        case SupersedeQuote():
            return supersede_quote(state, command)
        case _:
            assert_never(command)


def draft_quote(command: DraftQuote, at: datetime) -> list[Event]:
    digits = check_offer(command.offer, at)
    digest = digest_of(canonical(command.customer, 1, digits, command.offer))
    return [QuoteDrafted(**msgspec.structs.asdict(command), minor_digits=digits, digest=digest)]


def revise_quote(state: QuoteState, command: ReviseQuote, at: datetime) -> list[Event]:
    digits = check_offer(command.offer, at)
    if command.offer == state.newest.offer:
        raise Refused("unchanged", f"Version {state.newest.number} offers exactly this already.", ["offer"])
    if command.offer.currency != state.newest.offer.currency:
        message = f"The quote is in {state.newest.offer.currency}; write another quote."
        raise Refused("currency_differs", message, ["offer", "currency"])
    assert state.customer is not None, "a quote that was drafted has a customer"
    digest = digest_of(canonical(state.customer, len(state.versions) + 1, digits, command.offer))
    return [QuoteRevised(offer=command.offer, minor_digits=digits, digest=digest)]


def approve_quote(state: QuoteState, command: ApproveQuote) -> list[Event]:
    _names_newest(state, command.digest)
    return [QuoteApproved(digest=command.digest)]


def send_quote(state: QuoteState, command: SendQuote, at: datetime) -> list[Event]:
    _can_still_be_accepted(state.newest, at)
    return [QuoteSent(digest=state.newest.digest, recipient=command.recipient)]


def accept_quote(state: QuoteState, command: AcceptQuote, at: datetime) -> list[Event]:
    newest = state.newest
    _names_newest(state, command.digest)
    _can_still_be_accepted(newest, at)
    check_choice(newest.offer, command.chosen)
    lines = accepted(newest.offer, command.chosen)
    total = Money(newest.total(lines).total, newest.offer.currency)
    who: dict[str, Any] = {"accepted_by": command.accepted_by, "accepted_under": command.accepted_under}
    return [QuoteAccepted(digest=newest.digest, lines=lines, total=total, **who)]


def supersede_quote(state: QuoteState, command: SupersedeQuote) -> list[Event]:
    if command.by == state.id:
        raise Refused("by_itself", "A quote cannot take its own place.", ["by"])
    if state.in_force:
        message = f"Version {state.in_force.number} was accepted and is in force; change it with a revision."
        raise Refused("in_force", message)
    return [QuoteSuperseded(by=command.by)]


def _names_newest(state: QuoteState, digest: str) -> None:
    if digest != state.newest.digest:
        message = f"The newest version is {state.newest.number}, with the digest {state.newest.digest}."
        raise Refused("digest_differs", message, ["digest"])


def _can_still_be_accepted(version: Version, at: datetime) -> None:
    if at >= version.offer.expires_at:
        raise Refused("expired", f"It could be accepted until {version.offer.valid_until}; revise it.")


decider = Decider(
    noun="quote",
    initial=QuoteState(),
    commands=get_args(QuoteCommand),
    events=get_args(QuoteEvent),
    decide=decide,
    evolve=evolve,
)
