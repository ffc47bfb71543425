"""Which open clocks are due within so much working time: of each calendar those that are due before one instant.

A clock is due within N working hours if it is due before the instant at which its calendar has counted N hours from
now. So the working hours are looked at once a calendar, and the clocks that they concern are found by their due
instants.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from ..events import spans
from ..events.workdays import Calendar
from . import streams
from .questions import Condition, Parameters, condition_sql, snapshot
from .slas import RUNNING_CLOCKS

FAR_AHEAD = datetime.max.replace(tzinfo=UTC)

_HOURS = "select distinct calendar_id, calendar_version from sla_clocks where open and due_at is not null"
_WITHIN = """
    select t.id, t.due_at, t.calendar_id, t.calendar_version
    from unnest($1::uuid[], $2::int[], $3::timestamptz[]) h(calendar_id, calendar_version, until)
    join {running} t on t.calendar_id is not distinct from h.calendar_id and t.calendar_version = h.calendar_version
    where t.due_at > $4 and t.due_at <= h.until"""

Hours = tuple[UUID | None, int]
"""A calendar, or none, and the version of it by which clocks count."""


class Risk(NamedTuple):
    """A clock and what is left of its target in working time; in the order in which they are told."""

    remaining: timedelta
    due_at: datetime
    clock: UUID


async def at_risk(
    pool: asyncpg.Pool[Any], within: timedelta, at: datetime, where: Sequence[Condition] = ()
) -> list[Risk]:
    """Everything that was due after `at`, within so much working time from there, the least time left first."""
    async with snapshot(pool) as connection:
        hours = await _calendars(connection)
        until = [spans.reached(calendar, at, (), within) or FAR_AHEAD for calendar in hours.values()]
        parameters = Parameters([id_ for id_, _ in hours], [version for _, version in hours], until, at)
        conditions = (condition_sql(one, RUNNING_CLOCKS.name, parameters) for one in where)
        sql = " and ".join([_WITHIN.format(running=RUNNING_CLOCKS.source), *conditions])
        rows = await connection.fetch(sql, *parameters.values)
    return sorted(
        Risk(spans.elapsed(hours[row["calendar_id"], row["calendar_version"]], at, (), row["due_at"]), *row[1::-1])
        for row in rows
    )


async def _calendars(connection: Any) -> dict[Hours, Calendar | None]:
    """The working hours by which clocks count now, as they stood when the clocks were worked out."""
    used: list[Hours] = [(row["calendar_id"], row["calendar_version"]) for row in await connection.fetch(_HOURS)]
    states = await streams.load(connection, {f"calendar-{id_}" for id_, _ in used if id_})
    return {(id_, version): states[f"calendar-{id_}"][0].at(version) if id_ else None for id_, version in used}
