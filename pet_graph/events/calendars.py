"""Business calendars: working hours by weekday, exceptions by date, and the holidays that a person accepted.

Whatever changes what counts is a new version of the calendar, from 1. Nothing is forgotten: `at` answers with the
calendar as any version stated it, so that whoever was promised an older one can still be told what it said.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from functools import cached_property
from typing import Annotated, assert_never, get_args

import msgspec

from . import holidays
from .base import Command, Decider, Event, Fact, Reason, Refused, about, text
from .holidays import (
    MOST_DATES,
    AcceptHolidays,
    Dates,
    HolidayEvent,
    HolidaysAccepted,
    HolidaysProposed,
    HolidaysRejected,
    HolidayStatus,
    Own,
    Proposals,
    ProposeHolidays,
    RejectHolidays,
    each_once,
)
from .workdays import Calendar, CalendarVersion, Day, Week, Weekday, Window, check_version, shared, window

MOST_EXCEPTIONS = 4_000
"""How many statements about dates one calendar may hold: it forgets none of them."""

# --- what happens -----------------------------------------------------------------------------------------------------


class CalendarDefined(Event, frozen=True):
    """Working hours were stated for the first time; `week` holds the windows of Monday to Sunday."""

    name: str
    zone: str
    week: Week


class CalendarAmended(Event, frozen=True):
    """Other working hours hold from an instant on, until those that were stated for a later one."""

    valid_from: datetime
    zone: str
    week: Week


class CalendarExceptionsAdded(Event, frozen=True):
    """On these dates their own windows hold in place of their weekdays'; without windows they are closed."""

    days: tuple[Day, ...]


class CalendarExceptionsRemoved(Event, frozen=True):
    """These dates are ordinary ones again, or holidays where those were accepted."""

    dates: tuple[date, ...]


class CalendarRetired(Event, frozen=True):
    """The calendar is not to be used for new promises; it stays as it is for those that were made with it."""

    reason: str


CalendarEvent = (
    CalendarDefined
    | CalendarAmended
    | CalendarExceptionsAdded
    | CalendarExceptionsRemoved
    | HolidayEvent
    | CalendarRetired
)

# --- what may be asked for --------------------------------------------------------------------------------------------

Opens = Annotated[str, text("When it opens, in local time: HH:MM, from 00:00 to 23:59.", limit=5)]
Closes = Annotated[
    str,
    text("When it closes, in local time: HH:MM, to 24:00. Earlier than it opens, it is on the next date.", limit=5),
]


class OpenHours(msgspec.Struct, frozen=True):
    """A stretch of working time on some date: 09:00 to 13:00, or a night shift from 22:00 to 06:00."""

    opens: Opens
    closes: Closes


class WeeklyHours(msgspec.Struct, frozen=True):
    """A stretch of working time, the same on some weekdays; a night shift belongs to the day on which it begins."""

    weekdays: Annotated[tuple[Weekday, ...], about("On which weekdays it opens.", min_length=1, max_length=7)]
    opens: Opens
    closes: Closes


class CalendarException(msgspec.Struct, frozen=True):
    """What holds on one date in place of its weekday's hours, and of a holiday."""

    on: Annotated[date, about("The date, as it is in the zone of the calendar.")]
    name: Annotated[str, text("Why, as it is to be told: stocktaking, bridging day.")]
    hours: Annotated[tuple[OpenHours, ...], about("The hours of that date; none: closed.", max_length=24)] = ()


Zone = Annotated[str, text("The time zone of its hours, by its IANA name: Europe/Rome.", limit=64)]
Hours = Annotated[
    tuple[WeeklyHours, ...],
    about("The working hours of a week, in any number of stretches; weekdays without any are closed.", max_length=100),
]


class DefineCalendar(Command, frozen=True):
    """State working hours. The id of the new calendar is the command's id; they also hold for all time before now."""

    name: Annotated[str, text("What the calendar is called.")]
    zone: Zone
    hours: Hours


class AmendCalendar(Command, frozen=True):
    """State other working hours, from an instant on. An instant in the past corrects what was stated before."""

    calendar: Own
    hours: Hours
    zone: Annotated[str, text("The time zone of these hours; left out, it stays.", limit=64)] | None = None
    valid_from: (
        Annotated[datetime, about("From when on they hold, until those stated for later; left out, from now on.")]
        | None
    ) = None


class AddCalendarExceptions(Command, frozen=True):
    """State what holds on single dates; a date that has an exception gets this one in its place."""

    calendar: Own
    exceptions: Annotated[
        tuple[CalendarException, ...],
        about(f"One for each date: from 1 to {MOST_DATES}.", min_length=1, max_length=MOST_DATES),
    ]


class RemoveCalendarExceptions(Command, frozen=True):
    """Let dates be ordinary ones again, or holidays where those were accepted."""

    calendar: Own
    dates: Dates


class RetireCalendar(Command, frozen=True):
    """Let the calendar not be used for new promises; those that were made with it keep it."""

    calendar: Own
    reason: Reason


CalendarCommand = (
    DefineCalendar
    | AmendCalendar
    | AddCalendarExceptions
    | RemoveCalendarExceptions
    | ProposeHolidays
    | AcceptHolidays
    | RejectHolidays
    | RetireCalendar
)

# --- what is remembered -----------------------------------------------------------------------------------------------


class DayStated(msgspec.Struct, frozen=True, array_like=True):
    """What a version said of a date: an exception, or that it is a holiday; `day` of None takes the former back."""

    version: int
    on: date
    day: Day | None
    exception: bool
    position: int


class HoursStated(msgspec.Struct, frozen=True, array_like=True):
    """The hours of a week as a version stated them."""

    version: int
    valid_from: datetime
    zone: str
    week: Week
    stated_at: datetime
    position: int


class CalendarState(msgspec.Struct, frozen=True, omit_defaults=True, dict=True):
    """Everything that was ever stated, oldest first; `proposals` by date.

    `told[n - 1]` is the position of the fact that made version n.
    """

    name: str = ""
    hours: tuple[HoursStated, ...] = ()
    days: tuple[DayStated, ...] = ()
    proposals: Proposals = ()
    told: tuple[int, ...] = ()
    defined_at: datetime | None = None
    retired_at: datetime | None = None
    retirement_reason: str | None = None

    @property
    def version(self) -> int:
        """The newest version of what counts: 1 as it was defined, 0 if it never was."""
        return len(self.told)

    @property
    def calendar(self) -> Calendar:
        """What counts, as of the newest version."""
        return self.at(self.version)

    def at(self, version: int) -> Calendar:
        """What counted, as of a former version."""
        if version not in self._calendars:
            self._calendars[version] = shared(_calendar(self, version))
        return self._calendars[version]

    def known(self, position: int) -> Calendar:
        """What counted as the log stood at this position; as it was first stated, if it was not yet."""
        return self.at(max(1, bisect_right(self.told, position)))

    @cached_property
    def _calendars(self) -> dict[int, Calendar]:
        return {}

    def exceptions(self) -> dict[date, DayStated]:
        """The exceptions that hold, by date."""
        return _newest(self.days, exception=True)


def _calendar(state: CalendarState, version: int) -> Calendar:
    """An exception of a date stands before a holiday. Hours stated for the same instant take each other's place."""
    stated = [one for one in state.days if one.version <= version]
    holding = _newest(stated, exception=False) | _newest(stated, exception=True)
    days = tuple(one.day for _, one in sorted(holding.items()) if one.day)
    hours = {one.valid_from: one for one in state.hours if one.version <= version}
    versions = (
        CalendarVersion(one.version, valid_from, one.zone, one.week, days) for valid_from, one in sorted(hours.items())
    )
    return Calendar(tuple(versions), version)


def _newest(days: Iterable[DayStated], *, exception: bool) -> dict[date, DayStated]:
    last = {one.on: one for one in days if one.exception is exception}
    return {on: one for on, one in sorted(last.items()) if one.day}


def evolve(state: CalendarState, fact: Fact) -> CalendarState:
    replace, at = msgspec.structs.replace, fact.occurred_at
    match fact.event:
        case CalendarDefined(name=name, zone=zone, week=week):
            return _hours_stated(replace(state, name=name, defined_at=at), fact, at, zone, week)
        case CalendarAmended(valid_from=valid_from, zone=zone, week=week):
            return _hours_stated(state, fact, valid_from, zone, week)
        case CalendarExceptionsAdded(days=days):
            return _days_stated(state, fact, [(day.on, day) for day in days], exception=True)
        case CalendarExceptionsRemoved(dates=dates):
            return _days_stated(state, fact, [(on, None) for on in dates], exception=True)
        case HolidaysProposed() as event:
            return replace(state, proposals=holidays.proposed(state.proposals, fact, event))
        case HolidaysAccepted(dates=dates):
            return _decided(state, fact, dates, HolidayStatus.ACCEPTED)
        case HolidaysRejected(dates=dates):
            return _decided(state, fact, dates, HolidayStatus.REJECTED)
        case CalendarRetired(reason=reason):
            return replace(state, retired_at=at, retirement_reason=reason)
    return state


def _hours_stated(state: CalendarState, fact: Fact, valid_from: datetime, zone: str, week: Week) -> CalendarState:
    news = HoursStated(state.version + 1, valid_from, zone, week, fact.occurred_at, fact.position)
    return msgspec.structs.replace(state, hours=(*state.hours, news), told=(*state.told, fact.position))


def _days_stated(
    state: CalendarState, fact: Fact, days: Iterable[tuple[date, Day | None]], *, exception: bool
) -> CalendarState:
    news = (DayStated(state.version + 1, on, day, exception, fact.position) for on, day in days)
    return msgspec.structs.replace(state, days=(*state.days, *news), told=(*state.told, fact.position))


def _decided(state: CalendarState, fact: Fact, dates: Sequence[date], status: HolidayStatus) -> CalendarState:
    """Only what was accepted counts, so a proposal that is rejected makes no new version."""
    accepted = status is HolidayStatus.ACCEPTED
    days = [
        (one.on, Day(one.on, name=one.name, holiday=True) if accepted else None)
        for one in state.proposals
        if one.on in dates and (accepted or one.status is HolidayStatus.ACCEPTED)
    ]
    decided = msgspec.structs.replace(state, proposals=holidays.decided(state.proposals, fact, dates, status))
    return _days_stated(decided, fact, days, exception=False) if days else decided


# --- what is decided --------------------------------------------------------------------------------------------------


def decide(state: CalendarState, command: CalendarCommand, at: datetime) -> list[Event]:
    if state.retired_at:
        raise Refused("retired", f"The calendar {state.name} is retired.")
    match command:
        case DefineCalendar():
            return define_calendar(command, at)
        case AmendCalendar():
            return amend_calendar(state, command, at)
        case AddCalendarExceptions():
            return add_calendar_exceptions(state, command)
        case RemoveCalendarExceptions():
            return remove_calendar_exceptions(state, command)
        case ProposeHolidays():
            return holidays.propose_holidays(state.proposals, command)
        case AcceptHolidays():
            return holidays.accept_holidays(state.proposals, command)
        case RejectHolidays():
            return holidays.reject_holidays(state.proposals, command)
        case RetireCalendar():
            return [CalendarRetired(reason=command.reason)]
        case _:
            assert_never(command)


def define_calendar(command: DefineCalendar, at: datetime) -> list[Event]:
    week = week_of(command.hours)
    check_version(CalendarVersion(1, at, command.zone, week))
    return [CalendarDefined(name=command.name, zone=command.zone, week=week)]


def amend_calendar(state: CalendarState, command: AmendCalendar, at: datetime) -> list[Event]:
    valid_from = command.valid_from or at
    versions = state.calendar.versions
    held = next((one for one in reversed(versions) if one.valid_from <= valid_from), versions[0])
    zone, week = command.zone or held.zone, week_of(command.hours)
    if (zone, week) == (held.zone, held.week):
        raise Refused("unchanged", f"Those are the hours that hold then, by version {held.version}.", ["hours"])
    check_version(CalendarVersion(state.version + 1, valid_from, zone, week))
    return [CalendarAmended(valid_from=valid_from, zone=zone, week=week)]


def add_calendar_exceptions(state: CalendarState, command: AddCalendarExceptions) -> list[Event]:
    days = tuple(_day(one, ["exceptions", str(number)]) for number, one in enumerate(command.exceptions))
    held = state.exceptions()
    if all(day.on in held and held[day.on].day == day for day in days):
        raise Refused("unchanged", "All of that holds already.", ["exceptions"])
    check_version(msgspec.structs.replace(state.calendar.versions[0], days=days))
    if len(state.days) + len(days) > MOST_EXCEPTIONS:
        message = f"A calendar holds at most {MOST_EXCEPTIONS:,} statements about dates; define a new one."
        raise Refused("too_many_days", message, ["exceptions"])
    return [CalendarExceptionsAdded(days=tuple(sorted(days, key=lambda day: day.on)))]


def remove_calendar_exceptions(state: CalendarState, command: RemoveCalendarExceptions) -> list[Event]:
    held = state.exceptions()
    for number, on in enumerate(command.dates):
        if on not in held:
            raise Refused("no_exception", f"{on} has no exception.", ["dates", str(number)])
    each_once(command.dates, "dates")
    return [CalendarExceptionsRemoved(dates=tuple(sorted(command.dates)))]


def week_of(hours: Sequence[WeeklyHours]) -> Week:
    """The windows of Monday to Sunday, each in order. Raises `Refused`."""
    week: dict[Weekday, list[Window]] = {weekday: [] for weekday in Weekday}
    for number, one in enumerate(hours):
        stretch = window(one.opens, one.closes, ["hours", str(number)])
        for weekday in set(one.weekdays):
            week[weekday].append(stretch)
    return tuple(tuple(sorted(windows)) for windows in week.values())


def _day(exception: CalendarException, path: Sequence[str]) -> Day:
    windows = (window(one.opens, one.closes, [*path, "hours", str(n)]) for n, one in enumerate(exception.hours))
    return Day(exception.on, tuple(sorted(windows)), exception.name)


decider = Decider(
    noun="calendar",
    initial=CalendarState(),
    commands=get_args(CalendarCommand),
    events=get_args(CalendarEvent),
    decide=decide,
    evolve=evolve,
)
