"""Tasks as they are now, and what was thought of them at every moment before."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from uuid import UUID, uuid5

from sqlalchemy import BigInteger, Index
from sqlmodel import Field, SQLModel

from ..events.base import Fact
from ..events.tasks import TaskState
from .base import Change, Put

MICROSECOND = timedelta(microseconds=1)


class TaskRow(SQLModel, table=True):
    __tablename__ = "tasks"
    __table_args__ = (
        Index("tasks_planned_at", "planned_at", "id"),
        Index("tasks_project", "project_id", "planned_at", "id"),
        Index("tasks_obligation", "obligation_id", "planned_at", "id"),
        Index("tasks_assignee", "assignee_id", "planned_at", "id"),
        Index("tasks_reference", "reference"),
    )

    id: UUID = Field(primary_key=True)
    project_id: UUID
    obligation_id: UUID | None
    assignee_id: UUID | None
    name: str
    kind: str | None
    reference: str | None
    status: str
    estimate_us: int | None = Field(sa_type=BigInteger)
    first_estimate_us: int | None = Field(sa_type=BigInteger)
    estimates: int
    due_on: date | None
    planned_at: datetime
    ended_at: datetime | None
    version: int
    position: int = Field(sa_type=BigInteger)


class TaskMarkRow(SQLModel, table=True):
    """From its moment on, until the next one of the task."""

    __tablename__ = "task_marks"
    __table_args__ = (Index("task_marks_task", "task_id", "number"),)

    id: UUID = Field(primary_key=True)
    task_id: UUID
    number: int
    project_id: UUID
    obligation_id: UUID | None
    estimate_us: int | None = Field(sa_type=BigInteger)
    is_open: bool
    posted_at: datetime
    recorded_at: datetime
    position: int = Field(sa_type=BigInteger)


def project(state: TaskState, fact: Fact) -> list[Change]:
    return [_task(state, fact), *_marks(state, fact.id)]


def _marks(state: TaskState, task: UUID) -> Iterator[Put]:
    for number, mark in enumerate(state.marks, 1):
        yield Put(
            "task_marks",
            {
                "id": uuid5(task, f"mark/{number}"),
                "task_id": task,
                "number": number,
                "project_id": state.project,
                "obligation_id": state.obligation,
                "estimate_us": None if mark.estimate is None else mark.estimate // MICROSECOND,
                "is_open": mark.is_open,
                "posted_at": mark.stamp.occurred_at,
                "recorded_at": mark.stamp.recorded_at,
                "position": mark.stamp.position,
            },
        )


def _task(state: TaskState, fact: Fact) -> Put:
    return Put(
        "tasks",
        {
            "id": fact.id,
            "project_id": state.project,
            "obligation_id": state.obligation,
            "assignee_id": state.assignee,
            "name": state.name,
            "kind": state.kind,
            "reference": state.reference,
            "status": state.status,
            "estimate_us": None if state.estimate is None else state.estimate // MICROSECOND,
            "first_estimate_us": None if state.first_estimate is None else state.first_estimate // MICROSECOND,
            "estimates": state.estimates,
            "due_on": state.due_on,
            "planned_at": state.planned_at,
            "ended_at": state.ended_at,
            "version": fact.version,
            "position": fact.position,
        },
    )
