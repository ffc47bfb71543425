"""What approved time comes to, seen from other domains: the promises that its hours keep, and the rates of the day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

from . import actuals, allocations, obligations, rates, time_entries
from .actuals import Share
from .allocations import Split, TimeClass
from .base import BurnUnit, Command, Fact, Look
from .measures import NOTHING, Contract, Place, Price
from .rates import RateKind

HOUR = timedelta(hours=1)


def post_actuals(fact: Fact, look: Look) -> list[Command]:
    """What time that was just approved costs and comes to."""
    approved: time_entries.TimeApproved = fact.event  # type: ignore[assignment]
    sheet: time_entries.TimesheetState = look("timesheet", fact.id)
    return [_posted(entry, look) for entry in sheet.entries if entry.id in approved.entries]


def _posted(entry: time_entries.Entry, look: Look) -> actuals.PostActuals:
    return actuals.PostActuals(
        actual=entry.id,
        person=entry.said.person,
        worked_on=entry.said.worked_on,
        shares=_shares(entry, look),
        cost=_rate(RateKind.COST, entry.said, look),
    )


def restate_actuals(fact: Fact, look: Look) -> list[Command]:
    """The hours of an entry keep other promises, or less of them is charged. Before its approval nothing is posted."""
    allocation: allocations.AllocationState = look("allocation", fact.id)
    if allocation.work is None or fact.position == allocation.lines[0].stamp.position:
        return []
    day = time_entries.sheet_of(allocation.work.person, allocation.work.worked_on)
    entry = look("timesheet", day).entry(fact.id)
    return [actuals.RestateActuals(actual=fact.id, shares=_shares(entry, look))] if entry.approved else []


def cancel_actuals(fact: Fact, look: Look) -> list[Command]:
    """Reversed time comes to nothing, if it had come to something."""
    gone: time_entries.TimeReversed = fact.event  # type: ignore[assignment]
    entry = look("timesheet", fact.id).entry(gone.entry)
    return [actuals.CancelActuals(actual=gone.entry)] if entry.approved else []


def foresee_actuals(fact: Fact, look: Look) -> Iterator[tuple[str, UUID]]:
    """What `post_actuals` looks at, of all entries together."""
    approved: time_entries.TimeApproved = fact.event  # type: ignore[assignment]
    sheet: time_entries.TimesheetState = look("timesheet", fact.id)
    yield from (("allocation", id_) for id_ in approved.entries)
    for entry in sheet.entries:
        yield from (("rate_card", card) for card in _cards(entry.said))
    for id_ in approved.entries:
        allocation: allocations.AllocationState = look("allocation", id_)
        yield from (("obligation", one.obligation) for one in allocation.standing() if one.obligation)


def _shares(entry: time_entries.Entry, look: Look) -> tuple[Share, ...]:
    """The hours by what they are for, as they are allocated now."""
    allocation: allocations.AllocationState = look("allocation", entry.id)
    sums: dict[Place, tuple[timedelta, timedelta]] = {}
    for split in allocation.standing():
        place = _place(split, look)
        approved, charged = sums.get(place, (NOTHING, NOTHING))
        paid = split.worked if split.classification is TimeClass.BILLABLE else NOTHING
        sums[place] = approved + split.worked, charged + paid
    return tuple(
        Share(place, approved, charged, _price(place, entry.said, look)) for place, (approved, charged) in sums.items()
    )


def _place(split: Split, look: Look) -> Place:
    if split.obligation is None:
        nobody_pays = split.classification is TimeClass.NON_BILLABLE
        return Place(Contract.INTERNAL if nobody_pays else Contract.UNATTRIBUTED, None, split.project)
    by_the_hour = _terms(split.obligation, look).burn_unit in (BurnUnit.HOURS, BurnUnit.MONEY)
    contract = Contract.TIME_AND_MATERIALS if by_the_hour else Contract.FIXED_PRICE
    return Place(contract, split.obligation, split.project)


def _price(place: Place, said: time_entries.TimeRecorded, look: Look) -> Price | None:
    """What hours are sold for: a promise of hours says so itself, one of money is burnt at the bill rate of the day."""
    if place.obligation is None or place.contract is not Contract.TIME_AND_MATERIALS:
        return None
    terms = _terms(place.obligation, look)
    if terms.effort:
        return Price(terms.amount, terms.effort)
    rate = _rate(RateKind.BILL, said, look)
    return rate if rate and rate.amount.currency == terms.amount.currency else None


def _terms(obligation: UUID, look: Look) -> obligations.Terms:
    owed: obligations.ObligationState = look("obligation", obligation)
    assert owed.terms is not None, "hours are allocated to what is owed"
    return owed.terms


def _rate(kind: RateKind, said: time_entries.TimeRecorded, look: Look) -> Price | None:
    """The rate of the day of the work, as it is known now: the person's own or, without one, the role's."""
    for card in _cards(said):
        state: rates.RateCardState = look("rate_card", card)
        if rate := state.on(kind, said.worked_on):
            return Price(rate.per_hour, HOUR)
    return None


def _cards(said: time_entries.TimeRecorded) -> list[UUID]:
    own = [rates.card_of(said.person, None)]
    return [*own, rates.card_of(None, said.role)] if said.role else own
