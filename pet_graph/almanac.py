"""Holidays as others know them: those of a country, by the package `holidays`, and those of a feed, as iCalendar text.

Both only find dates, to be proposed: what is recorded are the dates themselves, so that a newer release of a package
never changes what was proposed, let alone what a person accepted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from importlib.metadata import version
from typing import Annotated, Any, NamedTuple

import holidays
import icalendar

from .events.base import ONE_LINE, Command, Refused, about, text
from .events.holidays import Holiday, Own, ProposeHolidays

RELEASE = version("holidays")
MOST_YEARS = 10
LONGEST_FEED = 200_000
LONGEST_EVENT = timedelta(days=31)
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
READ = ("DTSTART", "DTEND", "DURATION", "RRULE", "EXDATE")
NTH_WEEKDAY = re.compile(rf"[+-]?[1-4](?:{'|'.join(WEEKDAYS)})")
UNDERSTOOD = {"FREQ", "INTERVAL", "COUNT", "UNTIL", "BYMONTH", "BYMONTHDAY", "BYDAY", "WKST"}

Years = Annotated[
    tuple[int, ...], about(f"Of which years: from 1 to {MOST_YEARS} of them.", min_length=1, max_length=MOST_YEARS)
]


class ProposeHolidaysOfCountry(Command, frozen=True):
    """Propose the public holidays of a country, or of a part of it. They count once a person accepts them."""

    calendar: Own
    country: Annotated[str, text("The country, by its ISO 3166-1 code: IT.", limit=3)]
    years: Years
    subdivision: (
        Annotated[str, text("A part of it, by its ISO 3166-2 code without the country: BZ.", limit=10)] | None
    ) = None
    language: (
        Annotated[
            str,
            text("In which language they are named, as far as it is known: it_IT; left out, the country's.", limit=10),
        ]
        | None
    ) = None


class ProposeHolidaysFromIcal(Command, frozen=True):
    """Propose the all-day events of an iCalendar text (RFC 5545). They count once a person accepts them."""

    calendar: Own
    source: Annotated[str, text("Where the text comes from.")]
    ical: Annotated[str, text("The text: BEGIN:VCALENDAR and so on.", limit=LONGEST_FEED)]
    years: Years


def of_country(command: ProposeHolidaysOfCountry) -> ProposeHolidays:
    """The public holidays of a country. Raises `Refused`."""
    country, subdivision = command.country.upper(), command.subdivision
    known = holidays.list_supported_countries()
    if country not in known:
        raise Refused("unknown_country", f"No holidays are known of the country {country}.", ["country"])
    if subdivision and subdivision not in known[country]:
        some = ", ".join(known[country][:30]) or "none"
        raise Refused("unknown_subdivision", f"{country} has no part {subdivision}; known are {some}.", ["subdivision"])
    language = _language(country, command.language)
    years = _years(command.years)
    found = holidays.country_holidays(country, subdiv=subdivision, years=years, language=language)
    place = f"{country}-{subdivision}" if subdivision else country
    source = f"Public holidays of {place}, by holidays {RELEASE}"
    # A year's holidays may be observed in the year before or after.
    return _proposal(command.calendar, source, ((on, name) for on, name in found.items() if on.year in years))


def _language(country: str, wanted: str | None) -> str | None:
    """Told outright, because otherwise the environment of the process would name the holidays."""
    spoken = holidays.country_holidays(country)
    if wanted and wanted not in spoken.supported_languages:
        some = ", ".join(spoken.supported_languages) or "no others"
        raise Refused("unknown_language", f"The holidays of {country} have names in {some}.", ["language"])
    return wanted or spoken.default_language


def _years(years: Sequence[int]) -> set[int]:
    for number, year in enumerate(years):
        if not 1970 <= year < 2100:
            raise Refused("out_of_range", f"{year} is not from 1970 to 2099.", ["years", str(number)])
    return set(years)


def _proposal(calendar: Any, source: str, found: Iterable[tuple[date, str]]) -> ProposeHolidays:
    """Of several holidays on one date all names are told."""
    names: dict[date, list[str]] = {}
    for on, name in found:
        told = names.setdefault(on, [])
        if name not in told:
            told.append(name)
    if not names:
        raise Refused("no_holidays", "There are no holidays in these years.", ["years"])
    listed = tuple(Holiday(on, "; ".join(told)[:ONE_LINE]) for on, told in sorted(names.items()))
    return ProposeHolidays(calendar=calendar, source=source, holidays=listed)


# --- iCalendar --------------------------------------------------------------------------------------------------------


class Event(NamedTuple):
    """An all-day event: its first date, how many dates it has, and by what rule it comes again."""

    name: str
    first: date
    dates: int
    rule: dict[str, Any]
    left_out: frozenset[date]


def of_ical(command: ProposeHolidaysFromIcal) -> ProposeHolidays:
    """The all-day events of a feed. Raises `Refused` when it is none, or has a rule that is not understood."""
    years = _years(command.years)
    found = (
        (on + timedelta(days=day), event.name)
        for event in _events(command.ical)
        for on in _occurrences(event, years)
        for day in range(event.dates)
    )
    return _proposal(command.calendar, command.source, ((on, name) for on, name in found if on.year in years))


def _events(text: str) -> Iterator[Event]:
    try:
        calendars = icalendar.Calendar.from_ical(text, multiple=True)
        if not calendars:
            raise ValueError("it has no whole VCALENDAR")
        for calendar in calendars:
            for event in calendar.walk("VEVENT"):
                _check_dates(event)
                if event.get("STATUS") != "CANCELLED" and _is_date(event.decoded("DTSTART")):
                    yield _event(event)
    except (ValueError, KeyError, IndexError, AttributeError, TypeError) as error:
        raise Refused("not_ical", f"This is no iCalendar text: {str(error)[:ONE_LINE]}.", ["ical"]) from error


def _check_dates(event: Any) -> None:
    """The parser passes over what it cannot read; a date must not be lost that way. Raises ValueError."""
    for name, said in event.errors:
        if name in READ:
            raise ValueError(f"{name}: {said}".rstrip("."))


def _is_date(start: Any) -> bool:
    """What has a time of day is an appointment."""
    return isinstance(start, date) and not isinstance(start, datetime)


def _event(event: Any) -> Event:
    first = event.decoded("DTSTART")
    lasts = (event.decoded("DTEND") - first) if "DTEND" in event else event.decoded("DURATION", timedelta(days=1))
    name = str(event.get("SUMMARY", "")).strip() or "Holiday"
    if lasts > LONGEST_EVENT:
        raise Refused("too_long_an_event", f"{name[:ONE_LINE]} lasts {lasts.days} days; that is no holiday.", ["ical"])
    left_out = event.get("EXDATE", [])
    lists = left_out if isinstance(left_out, list) else [left_out]
    rule = {key.upper(): value for key, value in event.get("RRULE", {}).items()}
    return Event(name, first, max(1, lasts.days), rule, frozenset(one.dt for each in lists for one in each.dts))


def _occurrences(event: Event, years: Iterable[int]) -> Iterator[date]:
    """The first dates of the event that may reach into these years."""
    if not event.rule:
        yield event.first
        return
    rule = _understood(event)
    until = rule.get("UNTIL", date.max)
    until = until.date() if isinstance(until, datetime) else until
    for year in sorted({year - ahead for year in years for ahead in (0, 1)}):
        on = _in_year(event.first, rule, year)
        times, off = divmod(year - event.first.year, rule.get("INTERVAL", 1))
        comes = not off and times < rule.get("COUNT", 10_000)
        if on and comes and event.first <= on <= until and on not in event.left_out:
            yield on


def _understood(event: Event) -> dict[str, Any]:
    """The parts of a rule by which an event comes once in some years, each with its one value. Raises `Refused`."""
    rule = {part: values[0] for part, values in event.rule.items() if len(values) == 1}
    once = len(rule) == len(event.rule) and rule.get("FREQ") == "YEARLY" and not set(rule) - UNDERSTOOD
    weekday = NTH_WEEKDAY.fullmatch(str(rule.get("BYDAY", "1MO")))
    on_weekday = "BYDAY" not in rule or ("BYMONTH" in rule and "BYMONTHDAY" not in rule)
    if not (once and weekday and on_weekday and rule.get("INTERVAL", 1) >= 1 and rule.get("BYMONTHDAY", 1) >= 1):
        message = f"{event.name[:ONE_LINE]} comes again by a rule that is not understood; write its dates one by one."
        raise Refused("rule_not_understood", message, ["ical"])
    return rule


def _in_year(first: date, rule: dict[str, Any], year: int) -> date | None:
    """The same day of the same month, or such a weekday of it: `4TH` is its fourth Thursday, `-1MO` its last Monday."""
    month = int(rule.get("BYMONTH", first.month))
    try:
        if "BYDAY" in rule:
            return _nth_weekday(year, month, str(rule["BYDAY"]))
        return date(year, month, rule.get("BYMONTHDAY", first.day))
    except ValueError:  # the 29th of February
        return None


def _nth_weekday(year: int, month: int, told: str) -> date:
    nth, weekday = int(told[:-2]), WEEKDAYS.index(told[-2:])
    if nth > 0:
        first = date(year, month, 1)
        return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (nth - 1))
    last = (date(year, month, 28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    return last - timedelta(days=(last.weekday() - weekday) % 7 + 7 * (-nth - 1))
