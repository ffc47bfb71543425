"""SLA clocks as they are now, the next instant at which something falls due, and what an edit still has to reach."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, text
from sqlmodel import Field, SQLModel

from ..events.base import Fact
from ..events.calendars import CalendarState
from ..events.clocks import Change as Keeping
from ..events.clocks import Clock, ClockState, Said, Seen, SlaKind, SlaState, next_due_at
from ..events.policies import PolicyState
from ..events.workdays import zone
from .base import Change, Drop, Put, View, part_id

MICROSECOND = timedelta(microseconds=1)
FAR_AHEAD = datetime(9999, 1, 1, tzinfo=UTC)


class SlaClockRow(SQLModel, table=True):
    __tablename__ = "sla_clocks"
    __table_args__ = (
        Index("sla_clocks_ticket", "ticket_id", "started_at", "id"),
        Index("sla_clocks_started_at", "started_at", "id"),
        Index("sla_clocks_state", "state", "started_at", "id"),
        Index("sla_clocks_breached", "kind", "customer_id", postgresql_where=text("breached_at is not null")),
        Index("sla_clocks_due", "due_at", "id", postgresql_where=text("open and due_at is not null")),
    )

    id: UUID = Field(primary_key=True)
    ticket_id: UUID
    customer_id: UUID
    policy_id: UUID
    policy_version: int
    priority: str
    kind: str
    name: str
    cycle: int
    state: str
    restated_as: str | None
    restatements: int
    cancelled_because: str | None
    open: bool
    target_us: int = Field(sa_type=BigInteger)
    started_at: datetime
    due_at: datetime | None
    warned_at: datetime | None
    breached_at: datetime | None
    stopped_at: datetime | None
    decided_at: datetime | None
    counted_us: int = Field(sa_type=BigInteger)
    counting_since: datetime | None
    paused_us: int = Field(sa_type=BigInteger)
    unheard_us: int = Field(sa_type=BigInteger)
    calendar_id: UUID | None
    calendar_version: int
    position: int = Field(sa_type=BigInteger)


class SlaReviewRow(SQLModel, table=True):
    """A policy or a calendar that the clocks of a ticket were worked out with, and its newest edit by then.

    `until` is when the last of them ended; far ahead while one runs.
    """

    __tablename__ = "sla_reviews"
    __table_args__ = (Index("sla_reviews_subject", "subject_id", "edit", "until"),)

    stream: str = Field(primary_key=True)
    subject_id: UUID = Field(primary_key=True)
    edit: int
    until: datetime


class SlaEditRow(SQLModel, table=True):
    """An edit of a policy or a calendar, which clocks that ran after `since` may have to be worked out anew for."""

    __tablename__ = "sla_edits"

    subject_id: UUID = Field(primary_key=True)
    edit: int = Field(primary_key=True)
    since: datetime


class DeadlineRow(SQLModel, table=True):
    """What the clock has to look at, one row a stream: the first instant at which something of it falls due."""

    __tablename__ = "deadlines"
    __table_args__ = (Index("deadlines_due_at", "due_at", "stream"),)

    stream: str = Field(primary_key=True)
    due_at: datetime


def project(state: SlaState, fact: Fact) -> list[Change]:
    ticket, due_at, until = fact.id, next_due_at(state), state.until or FAR_AHEAD
    deadline = Put("deadlines", {"stream": fact.stream, "due_at": due_at}) if due_at else None
    clocks = [Put("sla_clocks", _row(state, clock, ticket)) for clock in state.clocks]
    reviews = [Put("sla_reviews", _review(seen, fact.stream, until)) for seen in state.seen]
    return [*clocks, *reviews, deadline or Drop("deadlines", (fact.stream,))]


def policy_edits(state: PolicyState, policy: UUID) -> list[Put]:
    """The statements of a policy that reach open clocks, by their place among all."""
    return [
        _edit(policy, place, max(one.valid_from, one.adopted_at))
        for place, one in enumerate(state.versions)
        if place and one.open_clocks is not Keeping.KEEP
    ]


def calendar_edits(state: CalendarState, calendar: UUID) -> list[Change]:
    """The versions of a calendar after the first; those of which later ones left nothing are dropped.

    A date counts from its first midnight in a zone of the calendar's.
    """
    zones = {zone(one.zone) for one in state.hours}
    since = {one.version: one.valid_from for one in state.hours}
    for day in state.days:
        on = min(datetime(day.on.year, day.on.month, day.on.day, tzinfo=zone).astimezone(UTC) for zone in zones)
        since[day.version] = min(since.get(day.version, on), on)
    return [
        _edit(calendar, version, since[version]) if version in since else Drop("sla_edits", (calendar, version))
        for version in range(2, state.version + 1)
    ]


def _edit(subject: UUID, edit: int, since: datetime) -> Put:
    return Put("sla_edits", {"subject_id": subject, "edit": edit, "since": since})


def clock_id(ticket: UUID, clock: Clock) -> UUID:
    return part_id(ticket, f"{clock.kind}/{clock.cycle}")


def _row(state: SlaState, clock: Clock, ticket: UUID) -> dict[str, Any]:
    """`counted_us` is what had been counted by `counting_since`, or altogether when nothing is counted any more."""
    promise, said, is_open = state.promise(clock), clock.said, clock.open
    counted = clock.elapsed if clock.ended_elapsed is None else clock.ended_elapsed
    return {
        "id": clock_id(ticket, clock),
        "ticket_id": ticket,
        "customer_id": promise.customer,
        "policy_id": promise.policy,
        "policy_version": promise.policy_version,
        "priority": promise.priority,
        "kind": SlaKind.of(clock.kind),
        "name": clock.kind,
        "cycle": clock.cycle,
        "state": clock.state,
        "restated_as": said.state if clock.restated else None,
        "restatements": clock.restatements,
        "cancelled_because": clock.cancelled or None,
        "open": is_open,
        "target_us": clock.target // MICROSECOND,
        "started_at": clock.started_at,
        "due_at": clock.due_at if is_open else said.due_at,
        "warned_at": clock.warned_at,
        "breached_at": clock.breached_at,
        "stopped_at": clock.stopped_at,
        "decided_at": _decided_at(said),
        "counted_us": counted // MICROSECOND,
        "counting_since": clock.read_at if clock.running and not clock.paused else None,
        "paused_us": clock.paused_for // MICROSECOND,
        "unheard_us": clock.unheard_for // MICROSECOND,
        "calendar_id": promise.calendar,
        "calendar_version": clock.calendar_version,
        "position": clock.position,
    }


def _decided_at(said: Said) -> datetime | None:
    """When that came about which was said last; None while nothing is decided."""
    return said.due_at if said.state is ClockState.BREACHED else said.stopped_at


def _review(seen: Seen, stream: str, until: datetime) -> dict[str, Any]:
    return {"stream": stream, "subject_id": seen.subject, "edit": seen.edit, "until": until}


# --- asked ------------------------------------------------------------------------------------------------------------

NEXT_DUE = "select min(due_at) from deadlines where (due_at, stream) > ($1, $2)"
"""The first instant at which something falls due, after the deadline of that instant and stream."""

PASSED = """
    select stream, version, due_at from deadlines join streams using (stream)
    where due_at <= $1 and (due_at, stream) > ($2, $3) order by due_at, stream limit $4
    for update of deadlines skip locked"""
"""The streams of which something is due by an instant, a page of them after a deadline."""

OVERTAKEN = """
    select stream, version from streams where stream in (
        select r.stream from sla_reviews r, {edits} e
        where r.subject_id = e.subject_id and r.edit < e.edit and r.until > e.since
    ) and stream > $1 order by stream limit $2"""
"""The streams whose clocks an edit has to reach: those that ran after it came to hold, and were not looked at since."""


BREACHES_BY_CUSTOMER = (
    "select customer_id, count(*) as breaches from sla_clocks"
    " where breached_at is not null and ($1::text is null or kind = $1)"
    " group by customer_id order by breaches desc, customer_id limit $2::bigint"
)
"""Customer and number of breached clocks, most first; of one kind, or of every kind when that is null."""

RUNNING_CLOCKS = View(
    "running_clocks",
    "select c.*, t.assignee_id from sla_clocks c join tickets t on t.id = c.ticket_id"
    " where c.open and c.due_at is not null",
    dict.fromkeys(("customer_id", "policy_id", "assignee_id"), "UUID")
    | dict.fromkeys(("priority", "kind", "name"), "VARCHAR"),
)
"""Clocks that count, with who looks after their tickets. One that stands still is due at no time."""

_ELAPSED = (
    "{row}.counted_us + case when {row}.counting_since is null then 0"
    " when {row}.calendar_id is not null then pet.not_in_sql('business time')"
    " else greatest(extract(epoch from {now} - {row}.counting_since) * 1000000, 0)::bigint end"
)

COMPUTED = {"elapsed": _ELAPSED, "remaining": f"{{row}}.target_us - ({_ELAPSED})"}
"""Values that clients see and no column holds, in microseconds, from the row and the present instant."""
