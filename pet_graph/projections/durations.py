"""Intervals of tickets, in which nothing changes: whatever is to be known of how long anything took."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import BigInteger, Index
from sqlmodel import Field, SQLModel

from ..events.durations import Interval, Phase, intervals
from ..events.timelines import Timeline
from .base import Put, part_id


class TicketIntervalRow(SQLModel, table=True):
    """One for each moment of the ticket, `number` by `number`, from it to the next one."""

    __tablename__ = "ticket_intervals"
    __table_args__ = (Index("ticket_intervals_ticket", "ticket_id", "number", "id"),)

    id: UUID = Field(primary_key=True)
    ticket_id: UUID
    number: int
    started_at: datetime
    ended_at: datetime | None
    phase: str
    awaits_first: bool
    awaited: int
    replies: int
    position: int = Field(sa_type=BigInteger)


def interval_rows(timeline: Timeline, ticket: UUID) -> Iterator[Put]:
    """They are called by the fact that began them, so that one that is told late takes no other's place."""
    for number, one in enumerate(intervals(timeline), 1):
        row = {
            "id": part_id(ticket, f"interval/{one.told_by}"),
            "ticket_id": ticket,
            "number": number,
            "started_at": one.start,
            "ended_at": one.end,
            "phase": one.phase,
            "awaits_first": one.awaits_first,
            "awaited": one.awaited,
            "replies": one.replies,
            "position": one.position,
        }
        yield Put("ticket_intervals", row)


def interval_of(row: Any) -> Interval:
    """The value that a row keeps."""
    times = row["started_at"], row["ended_at"]
    return Interval(*times, Phase(row["phase"]), row["awaits_first"], row["awaited"], row["replies"])


async def intervals_of(pool: asyncpg.Pool[Any], tickets: Sequence[UUID]) -> dict[UUID, list[Interval]]:
    """The intervals of many tickets, each in order."""
    found: dict[UUID, list[Interval]] = {ticket: [] for ticket in tickets}
    sql = "select * from ticket_intervals where ticket_id = any($1) order by ticket_id, number"
    for row in await pool.fetch(sql, tickets):
        found[row["ticket_id"]].append(interval_of(row))
    return found
