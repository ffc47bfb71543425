"""Time entries as they are now, the sheets they stand on, and since when and until when each counts."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, Index, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from ..events.base import Fact
from ..events.time_entries import Entry, EntryStatus, TimesheetState
from .base import Change, Put

MICROSECOND = timedelta(microseconds=1)


class TimesheetRow(SQLModel, table=True):
    """What one person worked on one day, reversed entries left out."""

    __tablename__ = "timesheets"
    __table_args__ = (
        Index("timesheets_worked_on", "worked_on", "id"),
        Index("timesheets_person", "person_id", "worked_on", "id"),
    )

    id: UUID = Field(primary_key=True)
    person_id: UUID
    worked_on: date
    worked_us: int = Field(sa_type=BigInteger)
    approved_us: int = Field(sa_type=BigInteger)
    version: int
    position: int = Field(sa_type=BigInteger)


class TimeEntryRow(SQLModel, table=True):
    """`since_` is when it was recorded, `until_` when it was reversed; each on all three axes."""

    __tablename__ = "time_entries"
    __table_args__ = (
        Index("time_entries_worked_on", "worked_on", "id"),
        Index("time_entries_sheet", "timesheet_id", "entered_at", "id"),
        Index("time_entries_person", "person_id", "worked_on", "id"),
        Index("time_entries_project", "project_id", "worked_on", "id"),
        Index("time_entries_task", "task_id", "worked_on", "id"),
        Index("time_entries_ticket", "ticket_id", "worked_on", "id"),
    )

    id: UUID = Field(primary_key=True)
    timesheet_id: UUID
    person_id: UUID
    project_id: UUID | None
    task_id: UUID | None
    ticket_id: UUID | None
    obligation_id: UUID | None
    corrects_id: UUID | None
    approver_id: UUID | None
    role: str | None
    note: str
    status: str
    worked_on: date
    began_on: date | None
    starts_us: int | None = Field(sa_type=BigInteger)
    worked_us: int = Field(sa_type=BigInteger)
    findings: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    late_days: int
    entered_at: datetime
    submitted_at: datetime | None
    approved_at: datetime | None
    returned_reason: str | None
    reversed_at: datetime | None
    reversed_reason: str | None
    since_position: int = Field(sa_type=BigInteger)
    since_recorded_at: datetime
    until_position: int | None = Field(sa_type=BigInteger)
    until_recorded_at: datetime | None
    position: int = Field(sa_type=BigInteger)


def project(state: TimesheetState, fact: Fact) -> list[Change]:
    first = state.entries[0].said
    counting = [entry for entry in state.entries if entry.counts]
    sheet = {
        "id": fact.id,
        "person_id": first.person,
        "worked_on": first.worked_on,
        "worked_us": _sum(counting),
        "approved_us": _sum([entry for entry in counting if entry.status is EntryStatus.APPROVED]),
        "version": fact.version,
        "position": fact.position,
    }
    entries = (Put("time_entries", _row(entry, fact.id)) for entry in state.entries)
    return [Put("timesheets", sheet), *entries]


def _sum(entries: list[Entry]) -> int:
    return sum((entry.said.worked for entry in entries), timedelta()) // MICROSECOND


def _row(entry: Entry, sheet: UUID) -> dict[str, Any]:
    said, until = entry.said, entry.reversed
    return {
        "id": entry.id,
        "timesheet_id": sheet,
        "person_id": said.person,
        "project_id": said.project,
        "task_id": said.task,
        "ticket_id": said.ticket,
        "obligation_id": said.obligation,
        "corrects_id": said.corrects,
        "approver_id": entry.approver,
        "role": said.role,
        "note": said.note,
        "status": entry.status,
        "worked_on": said.worked_on,
        "began_on": said.began_on,
        "starts_us": None if said.starts is None else said.starts // MICROSECOND,
        "worked_us": said.worked // MICROSECOND,
        "findings": entry.findings,
        "late_days": entry.late_days,
        "entered_at": entry.since.occurred_at,
        "submitted_at": entry.submitted_at,
        "approved_at": entry.approved and entry.approved.occurred_at,
        "returned_reason": entry.returned_reason,
        "reversed_at": until and until.occurred_at,
        "reversed_reason": entry.reversed_reason,
        "since_position": entry.since.position,
        "since_recorded_at": entry.since.recorded_at,
        "until_position": until and until.position,
        "until_recorded_at": until and until.recorded_at,
        "position": entry.position,
    }
