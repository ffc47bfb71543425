"""Holidays of a calendar: proposed by anybody who knows of them, counted once a person accepts them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec

from .base import Command, Event, Fact, Refused, about, own, text

MOST_DATES = 400
"""How many dates one command may name."""

MOST_HOLIDAYS = 2_000
"""How many dates may be proposed to one calendar: twenty a year for a century."""


class HolidayStatus(StrEnum):
    """Whether a holiday counts: only an accepted one does."""

    PROPOSED = "proposed"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


class Holiday(msgspec.Struct, frozen=True):
    """A date on which a firm may be closed."""

    on: Annotated[date, about("The date, as it is in the zone of the calendar.")]
    name: Annotated[str, text("What the holiday is called.")]


class HolidaysProposed(Event, frozen=True):
    """Somebody knows of holidays. They do not count until a person accepts them."""

    source: str
    holidays: tuple[Holiday, ...]


class HolidaysAccepted(Event, frozen=True):
    """A person says that the firm is closed on these holidays."""

    dates: tuple[date, ...]


class HolidaysRejected(Event, frozen=True):
    """A person says that these dates are no holidays of the firm; proposed again, they stay rejected."""

    dates: tuple[date, ...]


HolidayEvent = HolidaysProposed | HolidaysAccepted | HolidaysRejected

Own = Annotated[UUID, own("calendar", "The calendar.")]
Dates = Annotated[tuple[date, ...], about(f"Which dates: from 1 to {MOST_DATES}.", min_length=1, max_length=MOST_DATES)]


class ProposeHolidays(Command, frozen=True):
    """Tell of holidays. They count once a person accepts them; dates that were decided on are left as they are."""

    calendar: Own
    source: Annotated[str, text("Where they come from: a law, a feed, a person.")]
    holidays: Annotated[
        tuple[Holiday, ...],
        about(f"One for each date: from 1 to {MOST_DATES}.", min_length=1, max_length=MOST_DATES),
    ]


class AcceptHolidays(Command, frozen=True):
    """Let holidays count that were proposed, or rejected before."""

    calendar: Own
    dates: Dates


class RejectHolidays(Command, frozen=True):
    """Let dates that were proposed as holidays, or accepted before, not count as such."""

    calendar: Own
    dates: Dates


HolidayCommand = ProposeHolidays | AcceptHolidays | RejectHolidays


class Proposal(msgspec.Struct, frozen=True, array_like=True):
    """A holiday that was proposed, and what became of it. `position` is that of the last fact about it."""

    on: date
    name: str
    source: str
    status: HolidayStatus
    proposed_at: datetime
    decided_at: datetime | None
    position: int


Proposals = tuple[Proposal, ...]
"""By date; a date is proposed once."""


def proposed(proposals: Proposals, fact: Fact, event: HolidaysProposed) -> Proposals:
    """The proposals after some more."""
    news = {
        one.on: Proposal(one.on, one.name, event.source, HolidayStatus.PROPOSED, fact.occurred_at, None, fact.position)
        for one in event.holidays
    }
    return tuple(sorted(({one.on: one for one in proposals} | news).values(), key=lambda one: one.on))


def decided(proposals: Proposals, fact: Fact, dates: Iterable[date], status: HolidayStatus) -> Proposals:
    """The proposals after a person's decision on some of them."""
    chosen = set(dates)
    news = {"status": status, "decided_at": fact.occurred_at, "position": fact.position}
    return tuple(msgspec.structs.replace(one, **news) if one.on in chosen else one for one in proposals)


def propose_holidays(proposals: Proposals, command: ProposeHolidays) -> list[Event]:
    each_once([holiday.on for holiday in command.holidays], "holidays")
    known = {one.on: one for one in proposals}
    news = [holiday for holiday in command.holidays if _is_news(known.get(holiday.on), holiday)]
    if not news:
        raise Refused("nothing_new", "All of these are proposed already, or were decided on.", ["holidays"])
    if len(known.keys() | {holiday.on for holiday in news}) > MOST_HOLIDAYS:
        raise Refused("too_many_days", f"A calendar has at most {MOST_HOLIDAYS:,} holidays.", ["holidays"])
    return [HolidaysProposed(source=command.source, holidays=tuple(sorted(news, key=lambda holiday: holiday.on)))]


def _is_news(known: Proposal | None, holiday: Holiday) -> bool:
    return known is None or (known.status is HolidayStatus.PROPOSED and known.name != holiday.name)


def accept_holidays(proposals: Proposals, command: AcceptHolidays) -> list[Event]:
    _may_become(proposals, command.dates, HolidayStatus.ACCEPTED)
    return [HolidaysAccepted(dates=tuple(sorted(command.dates)))]


def reject_holidays(proposals: Proposals, command: RejectHolidays) -> list[Event]:
    _may_become(proposals, command.dates, HolidayStatus.REJECTED)
    return [HolidaysRejected(dates=tuple(sorted(command.dates)))]


def _may_become(proposals: Proposals, dates: Sequence[date], status: HolidayStatus) -> None:
    each_once(dates, "dates")
    known = {one.on: one for one in proposals}
    for number, on in enumerate(dates):
        if on not in known:
            raise Refused("not_proposed", f"No holiday was proposed for {on}.", ["dates", str(number)])
        if known[on].status is status:
            raise Refused(f"already_{status}", f"{on}, {known[on].name}, is {status} already.", ["dates", str(number)])


def each_once(dates: Iterable[date], path: str) -> None:
    """Refuse a date that is named twice."""
    seen: set[date] = set()
    for number, on in enumerate(dates):
        if on in seen:
            raise Refused("date_repeated", f"{on} stands there twice.", [path, str(number)])
        seen.add(on)
