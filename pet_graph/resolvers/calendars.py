"""What clients may ask about calendars, and how much time counts under one."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

import strawberry

from ..context import Info
from ..events import spans
from ..events.calendars import (
    AddCalendarExceptions,
    AmendCalendar,
    DefineCalendar,
    RemoveCalendarExceptions,
    RetireCalendar,
)
from ..projections.calendars import calendar_state
from ..schema.calendars import (
    BusinessTime,
    Calendar,
    CalendarFilter,
    CalendarOrder,
    CalendarRecorded,
    CalendarResult,
    CalendarSegment,
)
from ..schema.connections import Connection
from ..schema.links import find, listing
from ..schema.nodes import bad_input, id_of
from .base import mutation

LONGEST = timedelta(days=366)


@strawberry.type
class CalendarQueries:
    calendar: Calendar | None = find("calendars", description="One calendar; null when there is none of this id.")
    calendars: Connection[Calendar] = listing(
        "calendars", filter=CalendarFilter, order=CalendarOrder, description="Business calendars, page by page."
    )

    @strawberry.field(
        description="How much of a stretch of time counts under a calendar, and what becomes of every part of it. "
        "Null when there is no such calendar."
    )
    async def business_time(
        self,
        info: Info,
        calendar: Annotated[strawberry.ID, strawberry.argument(description="The calendar.")],
        start: Annotated[datetime, strawberry.argument(name="from", description="The first instant.")],
        end: Annotated[
            datetime, strawberry.argument(name="to", description="The first instant after it; at most 366 days later.")
        ],
        calendar_version: Annotated[
            int | None,
            strawberry.argument(description="As this version stated it, which verdicts tell; left out, the newest."),
        ] = None,
    ) -> BusinessTime | None:
        info.context.may_read()
        state = await calendar_state(info.context.services.pool, id_of("Calendar", calendar))
        if state is None:
            return None
        version = state.version if calendar_version is None else calendar_version
        if not timedelta() <= end - start <= LONGEST:
            raise bad_input(f"From `from` to `to` it is {end - start}; from nothing to {LONGEST.days} days fit.")
        if not 1 <= version <= state.version:
            raise bad_input(f"`calendarVersion` is {version}; the calendar has the versions 1 to {state.version}.")
        hours = state.at(version)
        return BusinessTime(
            calendar_version=version,
            elapsed=spans.elapsed(hours, start, (), end),
            segments=[CalendarSegment.of(segment) for segment in spans.segments(hours, start, (), end)],
        )


@strawberry.type
class CalendarCommands:
    define_calendar: CalendarResult = mutation(DefineCalendar, CalendarRecorded, CalendarResult)
    amend_calendar: CalendarResult = mutation(AmendCalendar, CalendarRecorded, CalendarResult)
    add_calendar_exceptions: CalendarResult = mutation(AddCalendarExceptions, CalendarRecorded, CalendarResult)
    remove_calendar_exceptions: CalendarResult = mutation(RemoveCalendarExceptions, CalendarRecorded, CalendarResult)
    retire_calendar: CalendarResult = mutation(RetireCalendar, CalendarRecorded, CalendarResult)
