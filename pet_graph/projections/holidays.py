"""Holidays of calendars: what was proposed, and what became of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from uuid import UUID, uuid5

from sqlalchemy import BigInteger, Index
from sqlmodel import Field, SQLModel

from ..events.holidays import Proposals
from .base import Put


class HolidayRow(SQLModel, table=True):
    __tablename__ = "holidays"
    __table_args__ = (Index("holidays_calendar", "calendar_id", "held_on", "id"),)

    id: UUID = Field(primary_key=True)
    calendar_id: UUID
    held_on: date
    name: str
    source: str
    status: str
    proposed_at: datetime
    decided_at: datetime | None
    position: int = Field(sa_type=BigInteger)


def rows(proposals: Proposals, calendar: UUID) -> Iterator[Put]:
    """The holidays of one calendar, each with the position of the last fact about it."""
    for one in proposals:
        yield Put(
            "holidays",
            {
                "id": uuid5(calendar, f"holiday/{one.on}"),
                "calendar_id": calendar,
                "held_on": one.on,
                "name": one.name,
                "source": one.source,
                "status": one.status,
                "proposed_at": one.proposed_at,
                "decided_at": one.decided_at,
                "position": one.position,
            },
        )
