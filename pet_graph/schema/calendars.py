"""Business calendars as clients see them, and the time that they count."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated
from uuid import UUID

import strawberry

from ..events.spans import Segment
from ..events.workdays import Weekday
from .base import SegmentKind, described
from .connections import Connection
from .errors import result
from .facts import Recorded
from .filters import order, where
from .holidays import Holiday, HolidayFilter, HolidayOrder
from .links import many, one
from .nodes import Node, column
from .scalars import Position

described(
    Weekday,
    "A day of the week.",
    MONDAY="The first one, as ISO 8601 has it.",
    TUESDAY="The second one.",
    WEDNESDAY="The third one.",
    THURSDAY="The fourth one.",
    FRIDAY="The fifth one.",
    SATURDAY="The sixth one.",
    SUNDAY="The last one.",
)


@strawberry.type(description="A stretch of working time, in local time. It belongs to the date on which it opens.")
class CalendarWindow(Node):
    weekday: Weekday | None = column("On which day of the week it opens; null for that of an exception.")
    opens: str = column("When it opens: HH:MM.")
    closes: str = column("When it closes: HH:MM, at most 24:00; not later than it opens, it is on the next date.")


CalendarWindowOrder = order(
    "CalendarWindow",
    "How windows are ordered",
    "OPENS",
    descending=False,
    OPENS=("place", "By when they open, Monday first."),
)


@strawberry.type(
    description="The hours of a week, as a version of the calendar stated them. Those with the earliest validFrom also "
    "hold for all time before it."
)
class CalendarVersion(Node):
    calendar_id: strawberry.Private[UUID]
    calendar_version: int = column("The version that stated them.")
    zone: str = column("The IANA name of their time zone.")
    valid_from: datetime = column("From when on they hold.")
    valid_until: datetime | None = column(
        "From when on others hold; null: they hold on. The instant of validFrom: others were stated in their place."
    )
    stated_at: datetime = column("When they were stated.")
    position: Position = column("The position of the newest fact about them.")
    windows: Connection[CalendarWindow] = many(
        "calendar_windows",
        by="version_id",
        order=CalendarWindowOrder,
        description="When the firm works; else it is closed.",
    )
    calendar: Annotated["Calendar", strawberry.lazy(".calendars")] = one(
        "calendars", by="calendar_id", description="Whose hours they are."
    )


CalendarVersionOrder = order(
    "CalendarVersion",
    "How versions are ordered",
    "VALID_FROM",
    descending=False,
    VALID_FROM=("valid_from", "By when they come to hold."),
    CALENDAR_VERSION=("calendar_version", "By when they were stated."),
)


@strawberry.type(description="What holds on one date in place of its weekday's hours, and of a holiday.")
class CalendarException(Node):
    calendar_id: strawberry.Private[UUID]
    calendar_version: int = column("The version that stated it.")
    on: date = column("The date, in the zone of the calendar.", of="held_on")
    name: str = column("Why.")
    position: Position = column("The position of the fact that stated it.")
    windows: Connection[CalendarWindow] = many(
        "calendar_windows",
        by="exception_id",
        order=CalendarWindowOrder,
        description="The hours of that date; none: closed.",
    )
    calendar: Annotated["Calendar", strawberry.lazy(".calendars")] = one(
        "calendars", by="calendar_id", description="To which calendar it belongs."
    )


CalendarExceptionOrder = order(
    "CalendarException",
    "How exceptions are ordered",
    "ON",
    descending=False,
    ON=("held_on", "By their dates."),
)


@strawberry.input(description="Which exceptions.")
class CalendarExceptionFilter:
    on_from: date | None = where("held_on", ">=", "On this date or later.")
    on_before: date | None = where("held_on", "<", "Before this date.")


@strawberry.type(
    description="When a firm works. Of a date counts its exception or, without one, that it is an accepted holiday "
    "or, if it is none, the hours of its weekday. Whatever changes what counts is a new version."
)
class Calendar(Node):
    name: str = column("What it is called.")
    calendar_version: int = column("The newest version of what counts, from 1; verdicts tell theirs.")
    defined_at: datetime = column("When it was first stated.")
    retired_at: datetime | None = column("Since when it is not to be used for new promises; null: it is in use.")
    retirement_reason: str | None = column("Why it was retired; null unless it was.")
    version: int = column("How many facts are recorded of it; give it back as `expectedVersion`.")
    position: Position = column("The position of the newest of them.")
    versions: Connection[CalendarVersion] = many(
        "calendar_versions",
        by="calendar_id",
        order=CalendarVersionOrder,
        noun="calendar",
        description="The hours of a week, as they hold one after the other.",
    )
    exceptions: Connection[CalendarException] = many(
        "calendar_exceptions",
        by="calendar_id",
        filter=CalendarExceptionFilter,
        order=CalendarExceptionOrder,
        noun="calendar",
        description="The dates with hours of their own.",
    )
    holidays: Connection[Holiday] = many(
        "holidays",
        by="calendar_id",
        filter=HolidayFilter,
        order=HolidayOrder,
        noun="calendar",
        description="The dates that were proposed as holidays; only the accepted ones count.",
    )


CalendarOrder = order(
    "Calendar",
    "How calendars are ordered",
    "NAME",
    descending=False,
    NAME=("name", "By name."),
    DEFINED_AT=("defined_at", "By when they were first stated."),
)


@strawberry.input(description="Which calendars.")
class CalendarFilter:
    name: list[str] | None = where("name", "in", "Of one of these names.")
    retired: bool | None = where("retired_at", "is not null", "Whether they are retired.")


@strawberry.type(description="A stretch of time under a calendar, and whether it counts.")
class CalendarSegment:
    start: datetime = strawberry.field(description="When it begins.")
    end: datetime = strawberry.field(description="When it ends; that instant belongs to the next one.")
    kind: SegmentKind = strawberry.field(description="What becomes of it.")
    name: str = strawberry.field(description="The holiday or the exception that closes it; empty where there is none.")
    calendar_version: int = strawberry.field(description="The version that stated the hours that hold then.")

    @classmethod
    def of(cls, segment: Segment) -> CalendarSegment:
        assert segment.calendar_version is not None, "a calendar has versions"
        return cls(
            start=segment.start,
            end=segment.end,
            kind=segment.kind,
            name=segment.name,
            calendar_version=segment.calendar_version,
        )


@strawberry.type(description="How much of a stretch of time counts under a calendar, and why.")
class BusinessTime:
    calendar_version: int = strawberry.field(description="The version of the calendar that was asked.")
    elapsed: timedelta = strawberry.field(description="How much of it is working time.")
    segments: list[CalendarSegment] = strawberry.field(
        description="What becomes of every microsecond, in order; those of the kind BUSINESS add up to `elapsed`."
    )


@strawberry.type(description="A command about a calendar was accepted.")
class CalendarRecorded(Recorded):
    calendar: Calendar | None = one(
        "calendars", by="row_id", description="The calendar as it is now; null when its start was only rehearsed."
    )


CalendarResult = result("CalendarResult", CalendarRecorded)
