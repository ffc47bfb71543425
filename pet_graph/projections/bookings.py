"""Who is booked for what, what people can work, and where that does not fit."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import BigInteger, Column, Index
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from ..events.base import Fact
from ..events.bookings import USUAL, Booking, BookingKind, ScheduleState
from .base import Change, Put

MICROSECOND = timedelta(microseconds=1)


class BookingRow(SQLModel, table=True):
    __tablename__ = "bookings"
    __table_args__ = (
        Index("bookings_first_on", "first_on", "id"),
        Index("bookings_person", "person_id", "first_on", "id"),
        Index("bookings_project", "project_id", "first_on", "id"),
        Index("bookings_obligation", "obligation_id", "first_on", "id"),
    )

    id: UUID = Field(primary_key=True)
    person_id: UUID
    project_id: UUID
    obligation_id: UUID | None
    role: str | None
    kind: str
    status: str
    first_on: date
    last_on: date
    per_day_us: int = Field(sa_type=BigInteger)
    total_us: int = Field(sa_type=BigInteger)
    over_days: int
    excess_us: int = Field(sa_type=BigInteger)
    since_position: int = Field(sa_type=BigInteger)
    since_recorded_at: datetime
    booked_at: datetime
    firm_position: int | None = Field(sa_type=BigInteger)
    firm_recorded_at: datetime | None
    firmed_at: datetime | None
    until_position: int | None = Field(sa_type=BigInteger)
    until_recorded_at: datetime | None
    released_at: datetime | None
    released_reason: str | None
    position: int = Field(sa_type=BigInteger)


class CapacityRow(SQLModel, table=True):
    """What a person can work on each day of a week from a day on, Monday first."""

    __tablename__ = "capacities"
    __table_args__ = (Index("capacities_person", "person_id", "valid_from", "id"),)

    id: UUID = Field(primary_key=True)
    person_id: UUID
    valid_from: date
    weekdays_us: list[int] = Field(sa_column=Column(ARRAY(BigInteger), nullable=False))
    position: int = Field(sa_type=BigInteger)


def project(state: ScheduleState, fact: Fact) -> list[Change]:
    return [*_bookings(state), *_capacities(state, fact.id)]


def _bookings(state: ScheduleState) -> Iterator[Put]:
    return (Put("bookings", _row(booking)) for booking in state.bookings)


def _row(booking: Booking) -> dict[str, Any]:
    said, since, until = booking.said, booking.since, booking.released
    firmed = since if said.kind is BookingKind.HARD else booking.firmed
    return {
        "id": booking.id,
        "person_id": said.person,
        "project_id": said.project,
        "obligation_id": said.obligation,
        "role": said.role,
        "kind": booking.kind,
        "status": booking.status,
        "first_on": said.first_on,
        "last_on": said.last_on,
        "per_day_us": said.per_day // MICROSECOND,
        "total_us": booking.hours // MICROSECOND,
        "over_days": booking.over_days,
        "excess_us": booking.excess // MICROSECOND,
        "since_position": since.position,
        "since_recorded_at": since.recorded_at,
        "booked_at": since.occurred_at,
        "firm_position": firmed and firmed.position,
        "firm_recorded_at": firmed and firmed.recorded_at,
        "firmed_at": firmed and firmed.occurred_at,
        "until_position": until and until.position,
        "until_recorded_at": until and until.recorded_at,
        "released_at": until and until.occurred_at,
        "released_reason": booking.released_reason,
        "position": booking.position,
    }


def _capacities(state: ScheduleState, person: UUID) -> Iterator[Put]:
    for capacity in state.capacities:
        row = {
            "id": uuid5(person, str(capacity.valid_from)),
            "person_id": person,
            "valid_from": capacity.valid_from,
            "weekdays_us": [span // MICROSECOND for span in capacity.weekdays],
            "position": capacity.position,
        }
        yield Put("capacities", row)


USUAL_US = "{" + ",".join(str(span // MICROSECOND) for span in USUAL) + "}"
"""The usual week as a PostgreSQL array of microseconds."""

OVERCOMMITMENTS = f"""
    with booked as (
        select b.person_id, day::date as day, sum(b.per_day_us) as booked_us,
               coalesce(sum(b.per_day_us) filter (where b.kind = 'hard'), 0) as firm_us
        from bookings b, generate_series(greatest(b.first_on, $1::date), least(b.last_on, $2::date), '1 day') as day
        where b.status = 'booked' and b.first_on <= $2::date and b.last_on >= $1::date
          and ($3::uuid[] is null or b.person_id = any($3))
        group by 1, 2
    ), held as (
        select booked.*, (select coalesce(
            (select c.weekdays_us from capacities c
             where c.person_id = booked.person_id and c.valid_from <= booked.day
             order by c.valid_from desc limit 1), '{USUAL_US}'::bigint[]))[extract(isodow from booked.day)::int]
          as capacity_us
        from booked
    )
    select person_id, day, booked_us::bigint, firm_us::bigint, capacity_us,
           (booked_us - capacity_us)::bigint as excess_us
    from held where capacity_us > 0 and booked_us > capacity_us order by excess_us desc, day, person_id limit $4
"""
