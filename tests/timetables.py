"""Calendars for tests, written as people write them."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

import msgspec
from conftest import NOON, World

from pet_graph.events.calendars import (
    AddCalendarExceptions,
    AmendCalendar,
    CalendarException,
    DefineCalendar,
    OpenHours,
    WeeklyHours,
)
from pet_graph.events.holidays import AcceptHolidays, Holiday, ProposeHolidays, RejectHolidays
from pet_graph.events.workdays import DAY, Calendar, CalendarVersion, Day, Weekday, Window


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


WORKDAYS = tuple(Weekday)[:5]
OFFICE_HOURS = (WeeklyHours(WORKDAYS, "09:00", "13:00"), WeeklyHours(WORKDAYS, "14:00", "18:00"))
OFFICE_WEEK = (*((Window(540, 780), Window(840, 1080)),) * 5, (), ())
OFFICE = DefineCalendar(name="Office", zone="Europe/Rome", hours=OFFICE_HOURS)
REPUBLIC, SAINTS = Holiday(date(2026, 6, 2), "Festa della Repubblica"), Holiday(date(2026, 11, 1), "Ognissanti")


async def an_office(world: World, name: str = "Office") -> UUID:
    """A calendar with two versions, exceptions and holidays in every state; on the ninth it works at night."""
    calendar = (await world.record(msgspec.structs.replace(OFFICE, name=name))).facts[0].id
    propose = ProposeHolidays(
        calendar=calendar, source=name, holidays=(REPUBLIC, SAINTS, Holiday(date(2026, 12, 7), name))
    )
    closed = CalendarException(date(2026, 6, 5), "Stocktaking")
    night = CalendarException(date(2026, 6, 9), name, (OpenHours("22:00", "06:00"), OpenHours("12:00", "13:30")))
    later = (WeeklyHours((Weekday.SATURDAY, Weekday.MONDAY), "00:00", "24:00"),)
    for command in (
        propose,
        AcceptHolidays(calendar=calendar, dates=(REPUBLIC.on,)),
        RejectHolidays(calendar=calendar, dates=(SAINTS.on,)),
        AddCalendarExceptions(calendar=calendar, exceptions=(closed, night)),
        AmendCalendar(calendar=calendar, hours=later, zone="Asia/Tokyo", valid_from=world.now() + 30 * DAY),
    ):
        await world.record(command)
    return calendar
