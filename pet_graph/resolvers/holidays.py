"""What clients may ask about holidays: they are read with their calendars, and proposed, accepted and rejected here."""

from __future__ import annotations

import strawberry

from ..almanac import ProposeHolidaysFromIcal, ProposeHolidaysOfCountry, of_country, of_ical
from ..events.holidays import AcceptHolidays, ProposeHolidays, RejectHolidays
from ..schema.calendars import CalendarRecorded, CalendarResult
from .base import mutation


@strawberry.type
class HolidayCommands:
    propose_holidays: CalendarResult = mutation(ProposeHolidays, CalendarRecorded, CalendarResult)
    propose_holidays_of_country: CalendarResult = mutation(
        ProposeHolidaysOfCountry, CalendarRecorded, CalendarResult, of_country
    )
    propose_holidays_from_ical: CalendarResult = mutation(
        ProposeHolidaysFromIcal, CalendarRecorded, CalendarResult, of_ical
    )
    accept_holidays: CalendarResult = mutation(AcceptHolidays, CalendarRecorded, CalendarResult)
    reject_holidays: CalendarResult = mutation(RejectHolidays, CalendarRecorded, CalendarResult)
