"""The ledger between hours and promises, line by line, and what the rules tried before they chose.

Nothing here is ever taken away: what was so at a position or an instant is the sum of the lines up to there.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from uuid import UUID, uuid5

from sqlalchemy import BigInteger, Index
from sqlmodel import Field, SQLModel

from ..events.allocations import AllocationState, Work
from ..events.base import Fact
from .base import Change, Put

MICROSECOND = timedelta(microseconds=1)


class AllocationRow(SQLModel, table=True):
    __tablename__ = "allocations"
    __table_args__ = (
        Index("allocations_worked_on", "worked_on", "id"),
        Index("allocations_posted_at", "posted_at", "id"),
        Index("allocations_position", "position"),
        Index("allocations_entry", "entry_id", "posted_at", "id"),
        Index("allocations_obligation", "obligation_id", "worked_on", "id"),
        Index("allocations_project", "project_id", "worked_on", "id"),
        Index("allocations_task", "task_id", "worked_on", "id"),
        Index("allocations_person", "person_id", "worked_on", "id"),
    )

    id: UUID = Field(primary_key=True)
    entry_id: UUID
    obligation_id: UUID | None
    project_id: UUID | None
    task_id: UUID | None
    person_id: UUID
    classification: str
    worked_on: date
    worked_us: int = Field(sa_type=BigInteger)
    run: int
    policy_version: int
    posted_at: datetime
    recorded_at: datetime
    position: int = Field(sa_type=BigInteger)


class AllocationTrialRow(SQLModel, table=True):
    __tablename__ = "allocation_trials"
    __table_args__ = (Index("allocation_trials_entry", "entry_id", "place", "id"),)

    id: UUID = Field(primary_key=True)
    entry_id: UUID
    obligation_id: UUID | None
    run: int
    place: int
    rule: str
    result: str
    left_us: int | None = Field(sa_type=BigInteger)
    policy_version: int
    position: int = Field(sa_type=BigInteger)


def project(state: AllocationState, fact: Fact) -> list[Change]:
    assert state.work is not None, "an entry that was allocated says what it was"
    return [*_lines(state, state.work, fact.id), *_trials(state, fact.id)]


def _lines(state: AllocationState, work: Work, entry: UUID) -> Iterator[Put]:
    for number, line in enumerate(state.lines):
        yield Put(
            "allocations",
            {
                "id": uuid5(entry, f"line/{number}"),
                "entry_id": entry,
                "obligation_id": line.obligation,
                "project_id": line.project,
                "task_id": work.task,
                "person_id": work.person,
                "classification": line.classification,
                "worked_on": work.worked_on,
                "worked_us": line.worked // MICROSECOND,
                "run": line.run,
                "policy_version": state.runs[line.run - 1].policy_version,
                "posted_at": line.stamp.occurred_at,
                "recorded_at": line.stamp.recorded_at,
                "position": line.stamp.position,
            },
        )


def _trials(state: AllocationState, entry: UUID) -> Iterator[Put]:
    trials = ((number, run, trial) for number, run in enumerate(state.runs, 1) for trial in run.trials)
    for place, (number, run, trial) in enumerate(trials, 1):
        yield Put(
            "allocation_trials",
            {
                "id": uuid5(entry, f"trial/{place}"),
                "entry_id": entry,
                "obligation_id": trial.obligation,
                "run": number,
                "place": place,
                "rule": trial.rule,
                "result": trial.result,
                "left_us": None if trial.left is None else trial.left // MICROSECOND,
                "policy_version": run.policy_version,
                "position": run.position,
            },
        )
