"""Calendars for tests, written as people write them."""

from __future__ import annotations

from datetime import datetime

import msgspec
from conftest import NOON

from pet_graph.events.workdays import Calendar, CalendarVersion, Day, Window


def a_window(text: str) -> Window:
    """`22:00-30:00` is from ten in the evening to six the next morning."""
    (from_hour, from_minute), (to_hour, to_minute) = (map(int, time.split(":")) for time in text.split("-"))
    return Window(60 * from_hour + from_minute, 60 * to_hour + to_minute)


def a_calendar(zone: str, *windows: str, weekdays: int = 7, version: int = 1, valid_from: datetime = NOON) -> Calendar:
    """The same windows on each of the first weekdays, Monday first."""
    open_day = tuple(map(a_window, windows))
    week = tuple(open_day if number < weekdays else () for number in range(7))
    return Calendar((CalendarVersion(version, valid_from, zone, week),))


def with_days(calendar: Calendar, *days: Day) -> Calendar:
    """The same calendar, with other hours on some dates."""
    return Calendar(tuple(msgspec.structs.replace(version, days=days) for version in calendar.versions))
