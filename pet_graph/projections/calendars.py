"""Calendars as they are now: the hours of every version, windows, and the exceptions that hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid5

import asyncpg
from sqlalchemy import BigInteger, Index
from sqlmodel import Field, SQLModel

from ..events.base import Fact
from ..events.calendars import CalendarState, HoursStated
from ..events.workdays import DAY_MINUTES, WEEKDAYS, Window, local_time
from . import holidays, streams
from .base import Change, Drop, Put, Row
from .slas import calendar_edits


class CalendarRow(SQLModel, table=True):
    __tablename__ = "calendars"
    __table_args__ = (Index("calendars_name", "name", "id"), Index("calendars_defined_at", "defined_at", "id"))

    id: UUID = Field(primary_key=True)
    name: str
    calendar_version: int
    defined_at: datetime
    retired_at: datetime | None
    retirement_reason: str | None
    version: int
    position: int = Field(sa_type=BigInteger)


class CalendarVersionRow(SQLModel, table=True):
    """The hours of a week as a version stated them; `valid_until` is None where no others follow."""

    __tablename__ = "calendar_versions"
    __table_args__ = (Index("calendar_versions_calendar", "calendar_id", "valid_from", "id"),)

    id: UUID = Field(primary_key=True)
    calendar_id: UUID
    calendar_version: int
    zone: str
    valid_from: datetime
    valid_until: datetime | None
    stated_at: datetime
    position: int = Field(sa_type=BigInteger)


class CalendarExceptionRow(SQLModel, table=True):
    __tablename__ = "calendar_exceptions"
    __table_args__ = (Index("calendar_exceptions_calendar", "calendar_id", "held_on", "id"),)

    id: UUID = Field(primary_key=True)
    calendar_id: UUID
    calendar_version: int
    held_on: date
    name: str
    position: int = Field(sa_type=BigInteger)


class CalendarWindowRow(SQLModel, table=True):
    """A window of a version's weekday or of an exception; `place`: when it opens, in minutes after the first 00:00."""

    __tablename__ = "calendar_windows"
    __table_args__ = (
        Index("calendar_windows_version", "version_id", "place", "id"),
        Index("calendar_windows_exception", "exception_id", "place", "id"),
    )

    id: UUID = Field(primary_key=True)
    version_id: UUID | None
    exception_id: UUID | None
    weekday: str | None
    opens: str
    closes: str
    place: int
    position: int = Field(sa_type=BigInteger)


def project(state: CalendarState, fact: Fact) -> list[Change]:
    calendar = {
        "id": fact.id,
        "name": state.name,
        "calendar_version": state.version,
        "defined_at": state.defined_at,
        "retired_at": state.retired_at,
        "retirement_reason": state.retirement_reason,
        "version": fact.version,
        "position": fact.position,
    }
    return [
        Put("calendars", calendar),
        *_versions(state.hours, fact.id),
        *_exceptions(state, fact.id),
        *holidays.rows(state.proposals, fact.id),
        *calendar_edits(state, fact.id),
    ]


def _versions(hours: Iterable[HoursStated], calendar: UUID) -> Iterator[Put]:
    """Hours hold until others do. They are told anew when those come between them and the next ones."""
    stated = sorted(hours, key=lambda one: (one.valid_from, one.version))
    for one, following in zip(stated, [*stated[1:], None], strict=True):
        version = uuid5(calendar, f"version/{one.version}")
        row = {
            "id": version,
            "calendar_id": calendar,
            "calendar_version": one.version,
            "zone": one.zone,
            "valid_from": one.valid_from,
            "valid_until": following and following.valid_from,
            "stated_at": one.stated_at,
            "position": max(one.position, following.position if following else 0),
        }
        yield Put("calendar_versions", row)
        for number, windows in enumerate(one.week):
            for window in windows:
                place = DAY_MINUTES * number + window.from_minute
                also = {"version_id": version, "weekday": WEEKDAYS[number], "place": place, "position": one.position}
                yield _window(version, window, also)


def _exceptions(state: CalendarState, calendar: UUID) -> Iterator[Change]:
    """The exceptions that hold, and drops of those that did before."""
    held = state.exceptions()
    for stated in state.days:
        if stated.exception and stated.day:
            exception = uuid5(calendar, f"exception/{stated.version}/{stated.on}")
            holds = held.get(stated.on) == stated
            row = {
                "id": exception,
                "calendar_id": calendar,
                "calendar_version": stated.version,
                "held_on": stated.on,
                "name": stated.day.name,
                "position": stated.position,
            }
            yield Put("calendar_exceptions", row) if holds else Drop("calendar_exceptions", (exception,))
            for window in stated.day.windows:
                also = {"exception_id": exception, "place": window.from_minute, "position": stated.position}
                put = _window(exception, window, also)
                yield put if holds else Drop("calendar_windows", (put.values["id"],))


def _window(of: UUID, window: Window, also: Row) -> Put:
    row = {
        "id": uuid5(of, str(also["place"])),
        "version_id": None,
        "exception_id": None,
        "weekday": None,
        "opens": local_time(window.from_minute),
        "closes": local_time(window.to_minute),
        **also,
    }
    return Put("calendar_windows", row)


async def calendar_state(connections: asyncpg.Pool[Any], calendar: UUID) -> CalendarState | None:
    """Everything that was ever stated of a calendar; None when there is none of this id."""
    stream = f"calendar-{calendar}"
    state, version = (await streams.load(connections, [stream]))[stream]
    return state if version else None
