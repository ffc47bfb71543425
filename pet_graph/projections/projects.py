"""Projects as they are now."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, Index
from sqlmodel import Field, SQLModel

from ..events.base import Fact
from ..events.projects import ProjectState
from .base import Change, Put


class ProjectRow(SQLModel, table=True):
    __tablename__ = "projects"
    __table_args__ = (
        Index("projects_started_at", "started_at", "id"),
        Index("projects_name", "name", "id"),
        Index("projects_customer", "customer_id", "started_at", "id"),
        Index("projects_owner", "owner_id", "started_at", "id"),
        Index("projects_reference", "reference"),
    )

    id: UUID = Field(primary_key=True)
    name: str
    customer_id: UUID | None
    quote_id: UUID | None
    owner_id: UUID | None
    reference: str | None
    status: str
    starts_on: date | None
    due_on: date | None
    first_due_on: date | None
    started_at: datetime
    closed_at: datetime | None
    version: int
    position: int = Field(sa_type=BigInteger)


def project(state: ProjectState, fact: Fact) -> list[Change]:
    return [
        Put(
            "projects",
            {
                "id": fact.id,
                "name": state.name,
                "customer_id": state.customer,
                "quote_id": state.quote,
                "owner_id": state.owner,
                "reference": state.reference,
                "status": state.status,
                "starts_on": state.starts_on,
                "due_on": state.due_on,
                "first_due_on": state.first_due_on,
                "started_at": state.started_at,
                "closed_at": state.closed_at,
                "version": fact.version,
                "position": fact.position,
            },
        )
    ]
