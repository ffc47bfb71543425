"""SLA clocks as they are now, and the next instant at which something falls due."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import asyncpg
from sqlalchemy import BigInteger, Index, text
from sqlmodel import Field, SQLModel

from ..events.base import Fact
from ..events.clocks import Clock, SlaState, next_due_at
from .base import Change, Drop, Put

MICROSECOND = timedelta(microseconds=1)


class SlaClockRow(SQLModel, table=True):
    __tablename__ = "sla_clocks"
    __table_args__ = (
        Index("sla_clocks_ticket", "ticket_id", "started_at", "id"),
        Index("sla_clocks_started_at", "started_at", "id"),
        Index("sla_clocks_breached", "kind", "customer_id", postgresql_where=text("breached_at is not null")),
        Index("sla_clocks_due", "due_at", "id", postgresql_where=text("state = 'running'")),
    )

    id: UUID = Field(primary_key=True)
    ticket_id: UUID
    customer_id: UUID
    policy_id: UUID
    policy_version: int
    priority: str
    kind: str
    cycle: int
    state: str
    target_us: int = Field(sa_type=BigInteger)
    started_at: datetime
    due_at: datetime | None
    warned_at: datetime | None
    breached_at: datetime | None
    stopped_at: datetime | None
    counted_us: int = Field(sa_type=BigInteger)
    counting_since: datetime | None
    position: int = Field(sa_type=BigInteger)


class DeadlineRow(SQLModel, table=True):
    """What the clock has to look at, one row a stream: the first instant at which something of it falls due."""

    __tablename__ = "deadlines"

    stream: str = Field(primary_key=True)
    due_at: datetime = Field(index=True)


def project(state: SlaState, fact: Fact) -> list[Change]:
    due_at = next_due_at(state)
    deadline = Put("deadlines", {"stream": fact.stream, "due_at": due_at}) if due_at else None
    clocks = (Put("sla_clocks", _row(state, clock, fact.id)) for clock in state.clocks)
    return [*clocks, deadline or Drop("deadlines", (fact.stream,))]


def _row(state: SlaState, clock: Clock, ticket: UUID) -> dict[str, Any]:
    """`counted_us` is what had been counted by `counting_since`, or altogether when nothing is counted any more."""
    counting = clock.running and not state.paused
    since = max([clock.started_at, *(pause.end or pause.start for pause in state.pauses)])
    counted = state.elapsed(clock, since) if clock.elapsed is None else clock.elapsed
    return {
        "id": uuid5(ticket, f"{clock.kind}/{clock.cycle}"),
        "ticket_id": ticket,
        "customer_id": clock.promise.customer,
        "policy_id": clock.promise.policy,
        "policy_version": clock.promise.policy_version,
        "priority": clock.promise.priority,
        "kind": clock.kind,
        "cycle": clock.cycle,
        "state": state.clock_state(clock),
        "target_us": clock.target // MICROSECOND,
        "started_at": clock.started_at,
        "due_at": clock.breached_at or (state.due_at(clock) if clock.running else None),
        "warned_at": clock.warned_at,
        "breached_at": clock.breached_at,
        "stopped_at": clock.stopped_at,
        "counted_us": counted // MICROSECOND,
        "counting_since": since if counting else None,
        "position": clock.position,
    }


async def breaches_by_customer(connections: asyncpg.Pool[Any], kind: str | None, first: int) -> list[Any]:
    """Customer and number of breached clocks, most first."""
    rows: list[Any] = await connections.fetch(
        "select customer_id, count(*) as breaches from sla_clocks"
        " where breached_at is not null and ($1::text is null or kind = $1)"
        " group by customer_id order by breaches desc, customer_id limit $2",
        kind,
        first,
    )
    return rows


_ELAPSED = (
    "{row}.counted_us + case when {row}.counting_since is null then 0"
    " else greatest(extract(epoch from {now} - {row}.counting_since) * 1000000, 0)::bigint end"
)

COMPUTED = {"elapsed": _ELAPSED, "remaining": f"{{row}}.target_us - ({_ELAPSED})"}
"""Values that clients see and no column holds, in microseconds, from the row and the present instant."""
