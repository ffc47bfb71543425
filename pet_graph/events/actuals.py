"""Actuals: what approved time cost, and what of it can be, is and will not be charged, in lines that only add up.

The stream is the time entry, or the milestone of a fixed price. No line is ever edited: what is no more so is posted
once more with the sign turned, so that every sum over lines is right whenever it is taken. The matrix of Dynamics 365
is followed cell by cell. Invoices have no commands for clients yet; what they will do to an entry is decided here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, assert_never, get_args
from uuid import UUID

import msgspec

from .base import Command, Decider, Event, Fact, Money, Reason, Refused, Stamp, about, own
from .measures import EMPTY, NOTHING, ActualKind, Bucket, Contract, Line, Measure, Place, Price, line, priced, sums


class Share(msgspec.Struct, frozen=True, omit_defaults=True):
    """Hours of an entry that were for one thing: how many, how many of them are charged, and at which price."""

    place: Place
    approved: timedelta
    chargeable: timedelta = NOTHING
    price: Price | None = None


class ActualsPosted(Event, frozen=True):
    """Approved time became cost and, where hours are sold, sales that are not billed yet."""

    person: UUID
    worked_on: date
    cost: Price | None
    shares: tuple[Share, ...]
    lines: tuple[Line, ...]


class ActualsRestated(Event, frozen=True):
    """Approved time keeps other promises than it did, or less of it is charged."""

    shares: tuple[Share, ...]
    lines: tuple[Line, ...]


class ActualsCancelled(Event, frozen=True):
    """The time was reversed: every sum is nothing again."""

    lines: tuple[Line, ...]


class BillingConfirmed(Event, frozen=True):
    """An invoice with these hours went out."""

    billing: UUID
    lines: tuple[Line, ...]


class BillingCorrected(Event, frozen=True):
    """An invoice with these hours was corrected: more of them are charged, or fewer."""

    billing: UUID
    lines: tuple[Line, ...]
    reason: str


class MilestoneBilled(Event, frozen=True):
    """An invoice with the price of a milestone went out."""

    billing: UUID
    lines: tuple[Line, ...]


class MilestoneCredited(Event, frozen=True):
    """The invoice of a milestone was corrected, up or down: it is ready to be billed again."""

    billing: UUID
    lines: tuple[Line, ...]
    reason: str


ActualEvent = (
    ActualsPosted
    | ActualsRestated
    | ActualsCancelled
    | BillingConfirmed
    | BillingCorrected
    | MilestoneBilled
    | MilestoneCredited
)

Actual = Annotated[UUID, own("actual", "The time entry, or the milestone.")]
Billing = Annotated[UUID, about("The line of the invoice.")]


class PostActuals(Command, frozen=True):
    """Post what approved time costs and comes to. What is worked under a price and not charged is given away."""

    actual: Actual
    person: UUID
    worked_on: date
    shares: tuple[Share, ...]
    cost: Price | None = None


class RestateActuals(Command, frozen=True):
    """Post anew what time comes to, because other promises are kept by it. Prices once given stay."""

    actual: Actual
    shares: tuple[Share, ...]


class CancelActuals(Command, frozen=True):
    """Take back everything that was posted of time, because it was reversed."""

    actual: Actual


class ConfirmBilling(Command, frozen=True):
    """Bill all that is not billed yet of one promise; what is left out of `quantity` is given away."""

    actual: Actual
    obligation: UUID
    billing: Billing
    quantity: timedelta


class CorrectBilling(Command, frozen=True):
    """Let an invoice charge this many hours of the entry instead: none is a credit note for all of them."""

    actual: Actual
    billing: Billing
    quantity: timedelta
    reason: Reason


class BillMilestone(Command, frozen=True):
    """Bill the price of a milestone."""

    actual: Actual
    billing: Billing
    amount: Money
    project: UUID | None = None
    obligation: UUID | None = None


class CreditMilestone(Command, frozen=True):
    """Take the bill of a milestone back. With another amount, it is billed again."""

    actual: Actual
    reason: Reason


ActualCommand = (
    PostActuals | RestateActuals | CancelActuals | ConfirmBilling | CorrectBilling | BillMilestone | CreditMilestone
)


class Posted(msgspec.Struct, frozen=True, array_like=True):
    """A line with its place in the log, and both its instants."""

    line: Line
    stamp: Stamp


class ActualState(msgspec.Struct, frozen=True, omit_defaults=True):
    """Every line of one entry or milestone. There are no shares any more once the time is reversed."""

    person: UUID | None = None
    worked_on: date | None = None
    cost: Price | None = None
    shares: tuple[Share, ...] = ()
    lines: tuple[Posted, ...] = ()

    @property
    def buckets(self) -> dict[Bucket, Measure]:
        return sums(one.line for one in self.lines)

    def hours(self, kind: ActualKind) -> timedelta:
        """The hours of this kind that can be charged, whatever they are for."""
        buckets = self.buckets.items()
        return sum((measure.quantity for one, measure in buckets if one.kind is kind and one.chargeable), NOTHING)

    @property
    def approved(self) -> timedelta:
        return sum((share.approved for share in self.shares), NOTHING)

    @property
    def unbilled(self) -> timedelta:
        """Hours that can be charged and are not yet."""
        return self.hours(ActualKind.UNBILLED_SALES)

    @property
    def billed(self) -> timedelta:
        return self.hours(ActualKind.BILLED_SALES)

    @property
    def non_chargeable(self) -> timedelta:
        """Hours that nobody is charged for: given away, or not sold by the hour at all."""
        not_charged = (
            measure.quantity
            for bucket, measure in self.buckets.items()
            if not bucket.chargeable
            or (bucket.kind is ActualKind.COST and bucket.place.contract is not Contract.TIME_AND_MATERIALS)
        )
        return sum(not_charged, NOTHING)


def evolve(state: ActualState, fact: Fact) -> ActualState:
    replace = msgspec.structs.replace
    match fact.event:
        case ActualsPosted() as said:
            return _with(ActualState(said.person, said.worked_on, said.cost, said.shares), said.lines, fact)
        case ActualsRestated(shares=shares, lines=lines):
            return _with(replace(state, shares=shares), lines, fact)
        case ActualsCancelled(lines=lines):
            return _with(replace(state, shares=()), lines, fact)
        case BillingConfirmed() | BillingCorrected() | MilestoneBilled() | MilestoneCredited():
            return _with(state, fact.event.lines, fact)
    return state


def _with(state: ActualState, lines: Sequence[Line], fact: Fact) -> ActualState:
    posted = (Posted(line, Stamp.of(fact)) for line in lines)
    return msgspec.structs.replace(state, lines=(*state.lines, *posted))


# --- decisions --------------------------------------------------------------------------------------------------------


def decide(state: ActualState, command: ActualCommand, at: datetime) -> list[Event]:
    match command:
        case PostActuals():
            return post_actuals(state, command)
        case RestateActuals():
            return restate_actuals(state, command)
        case CancelActuals():
            return [ActualsCancelled(lines=tuple(_taken_back(state)))]
        case ConfirmBilling():
            return confirm_billing(state, command)
        case CorrectBilling():
            return correct_billing(state, command)
        case BillMilestone():
            return bill_milestone(state, command)
        case CreditMilestone():
            return credit_milestone(state, command)
        case _:
            assert_never(command)


def post_actuals(state: ActualState, command: PostActuals) -> list[Event]:
    if state.lines:
        raise Refused("already_posted", "The actuals of this time are posted already.")
    lines = tuple(_lines(command.shares, command.cost))
    about = {"person": command.person, "worked_on": command.worked_on, "cost": command.cost}
    return [ActualsPosted(shares=command.shares, lines=lines, **about)]  # type: ignore[arg-type]


def restate_actuals(state: ActualState, command: RestateActuals) -> list[Event]:
    """Nothing, if all is as it was."""
    prices = {share.place: share.price for share in state.shares}
    shares = tuple(
        msgspec.structs.replace(share, price=prices.get(share.place, share.price)) for share in command.shares
    )
    if shares == state.shares:
        return []
    return [ActualsRestated(shares=shares, lines=(*_taken_back(state), *_lines(shares, state.cost)))]


def _lines(shares: Iterable[Share], cost: Price | None) -> list[Line]:
    """What hours cost and, where they are sold by the hour, what they come to."""
    lines: list[Line] = []
    for share in shares:
        if share.chargeable > share.approved:
            raise Refused("more_than_approved", "No more can be charged than was approved.", ["chargeable"])
        lines += line(Bucket(ActualKind.COST, share.place), priced(share.approved, cost))
        if share.place.contract is Contract.TIME_AND_MATERIALS:
            charged, given_away = priced(share.approved, share.price).split(share.chargeable)
            unbilled = Bucket(ActualKind.UNBILLED_SALES, share.place)
            lines += [*line(unbilled, charged), *line(unbilled._replace(chargeable=False), given_away)]
    return lines


def _taken_back(state: ActualState) -> list[Line]:
    if state.billed:
        raise Refused("billed", "A customer was billed for this time: have the invoice credited first.", ["entry"])
    return [one for bucket, measure in state.buckets.items() for one in line(bucket, -measure)]


def confirm_billing(state: ActualState, command: ConfirmBilling) -> list[Event]:
    if _billed_by(state, command.billing):
        raise Refused("already_billed", "This line of the invoice bills the entry already; correct it.", ["billing"])
    waiting = (
        (bucket, measure)
        for bucket, measure in state.buckets.items()
        if (bucket.kind, bucket.chargeable) == (ActualKind.UNBILLED_SALES, True)
        and bucket.place.obligation == command.obligation
        and measure.quantity
    )
    bucket, unbilled = next(waiting, (None, EMPTY))
    if bucket is None:
        raise Refused("nothing_unbilled", "Nothing of this time waits to be billed.")
    if command.quantity > unbilled.quantity:
        message = "Not so much of this time waits to be billed; what lies beyond it is not borrowed from other time."
        raise Refused("more_than_unbilled", message, ["quantity"])
    charged, given_away = unbilled.split(command.quantity)
    billed = Bucket(ActualKind.BILLED_SALES, bucket.place, billing=command.billing)
    lines = [
        *line(bucket, -unbilled),
        *line(billed, charged),
        *line(billed._replace(chargeable=False), given_away),
    ]
    return [BillingConfirmed(billing=command.billing, lines=tuple(lines))]


def _billed_by(state: ActualState, billing: UUID) -> Bucket | None:
    """The hours that stand on this line of an invoice, or stood there before it was corrected."""
    of_invoice = (one.line.place for one in state.lines if one.line.billing == billing)
    place = next(of_invoice, None)
    return Bucket(ActualKind.BILLED_SALES, place, billing=billing) if place else None


def correct_billing(state: ActualState, command: CorrectBilling) -> list[Event]:
    bucket, reason = _billed_by(state, command.billing), command.reason
    if bucket is None:
        raise Refused("not_billed", "This line of an invoice does not bill the entry.", ["billing"])
    billed = state.buckets.get(bucket, EMPTY)
    if command.quantity == billed.quantity:
        raise Refused("unchanged", "The invoice charges this many hours of the entry already.", ["quantity"])
    change = _up if command.quantity > billed.quantity else _down
    lines = [*line(bucket, -billed), *change(state, bucket, command.quantity)]
    return [BillingCorrected(billing=command.billing, reason=reason, lines=tuple(lines))]


def _down(state: ActualState, bucket: Bucket, quantity: timedelta) -> list[Line]:
    """Exactly the hours that are credited wait to be billed again."""
    charged, released = state.buckets[bucket].split(quantity)
    return [*line(bucket, charged), *line(Bucket(ActualKind.UNBILLED_SALES, bucket.place), released)]


def _up(state: ActualState, bucket: Bucket, quantity: timedelta) -> list[Line]:
    """What is added was given away by the same line of the invoice or, beyond that, is not billed yet."""
    given, waiting = bucket._replace(chargeable=False), Bucket(ActualKind.UNBILLED_SALES, bucket.place)
    billed, given_away, unbilled = (state.buckets.get(one, EMPTY) for one in (bucket, given, waiting))
    added = quantity - billed.quantity
    if added > given_away.quantity + unbilled.quantity:
        raise Refused("more_than_approved", "No more can be charged than was approved.", ["quantity"])
    taken_back, still_given = given_away.split(min(added, given_away.quantity))
    taken_up, still_unbilled = unbilled.split(added - taken_back.quantity)
    lines = line(bucket, billed.plus(taken_back).plus(taken_up))
    if taken_back.quantity:
        lines += [*line(given, -given_away), *line(given, still_given)]
    if taken_up.quantity:
        lines += [*line(waiting, -unbilled), *line(waiting, still_unbilled)]
    return lines


def bill_milestone(state: ActualState, command: BillMilestone) -> list[Event]:
    if _owed(state):
        raise Refused("already_billed", "The milestone is billed already; have that invoice corrected.", ["actual"])
    place = Place(Contract.FIXED_PRICE, command.obligation, command.project)
    bill = Line(ActualKind.BILLED_SALES, place, amount=command.amount, billing=command.billing)
    return [MilestoneBilled(billing=command.billing, lines=(bill,))]


def credit_milestone(state: ActualState, command: CreditMilestone) -> list[Event]:
    owed = _owed(state)
    if owed is None:
        raise Refused("not_billed", "The milestone is not billed.", ["actual"])
    bill = state.lines[-1].line
    assert bill.billing is not None, "what is billed names its invoice"
    credit = msgspec.structs.replace(bill, amount=Money(-owed.amount_micros, owed.currency))
    return [MilestoneCredited(billing=bill.billing, lines=(credit,), reason=command.reason)]


def _owed(state: ActualState) -> Money | None:
    """What a milestone is billed at; None while it is ready to be billed."""
    amounts = (measure.amount for measure in state.buckets.values())
    return next((amount for amount in amounts if amount and amount.amount_micros), None)


decider = Decider(
    noun="actual",
    initial=ActualState(),
    commands=get_args(ActualCommand),
    events=get_args(ActualEvent),
    decide=decide,
    evolve=evolve,
)
