"""Milestones as they are now, and every claim about them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from uuid import UUID, uuid5

from sqlalchemy import BigInteger, Index
from sqlmodel import Field, SQLModel

from ..events.base import Fact
from ..events.milestones import MilestoneState
from .base import Change, Put


class MilestoneRow(SQLModel, table=True):
    __tablename__ = "milestones"
    __table_args__ = (
        Index("milestones_planned_at", "planned_at", "id"),
        Index("milestones_project", "project_id", "planned_at", "id"),
        Index("milestones_obligation", "obligation_id", "planned_at", "id"),
    )

    id: UUID = Field(primary_key=True)
    project_id: UUID
    obligation_id: UUID | None
    reached_by_id: UUID | None
    name: str
    status: str
    due_on: date | None
    first_due_on: date | None
    evidence: str | None
    planned_at: datetime
    reached_at: datetime | None
    version: int
    position: int = Field(sa_type=BigInteger)


class ProgressClaimRow(SQLModel, table=True):
    """What a person said once. It is never computed from, into or over anything."""

    __tablename__ = "progress_claims"
    __table_args__ = (Index("progress_claims_milestone", "milestone_id", "claimed_at", "id"),)

    id: UUID = Field(primary_key=True)
    milestone_id: UUID
    project_id: UUID
    person_id: UUID
    percent: int
    basis: str
    claimed_at: datetime
    position: int = Field(sa_type=BigInteger)


def project(state: MilestoneState, fact: Fact) -> list[Change]:
    return [_milestone(state, fact), *_claims(state, fact.id)]


def _milestone(state: MilestoneState, fact: Fact) -> Put:
    return Put(
        "milestones",
        {
            "id": fact.id,
            "project_id": state.project,
            "obligation_id": state.obligation,
            "reached_by_id": state.reached_by,
            "name": state.name,
            "status": state.status,
            "due_on": state.due_on,
            "first_due_on": state.first_due_on,
            "evidence": state.evidence,
            "planned_at": state.planned_at,
            "reached_at": state.reached_at,
            "version": fact.version,
            "position": fact.position,
        },
    )


def _claims(state: MilestoneState, milestone: UUID) -> Iterator[Put]:
    for claim in state.claims:
        yield Put(
            "progress_claims",
            {
                "id": uuid5(milestone, str(claim.position)),
                "milestone_id": milestone,
                "project_id": state.project,
                "person_id": claim.person,
                "percent": claim.percent,
                "basis": claim.basis,
                "claimed_at": claim.claimed_at,
                "position": claim.position,
            },
        )
