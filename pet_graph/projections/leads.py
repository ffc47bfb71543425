"""Leads as they are now, and the criteria that people said they meet."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID, uuid5

from sqlalchemy import BigInteger, Index
from sqlmodel import Field, SQLModel

from ..events.base import Fact
from ..events.leads import LeadState
from .base import Change, Put


class LeadRow(SQLModel, table=True):
    __tablename__ = "leads"
    __table_args__ = (
        Index("leads_captured_at", "captured_at", "id"),
        Index("leads_name", "name", "id"),
        Index("leads_reference", "reference"),
    )

    id: UUID = Field(primary_key=True)
    customer_id: UUID | None
    name: str
    source: str
    contact: str | None
    need: str | None
    reference: str | None
    status: str
    reason: str | None
    captured_at: datetime
    ended_at: datetime | None
    version: int
    position: int = Field(sa_type=BigInteger)


class LeadCriterionRow(SQLModel, table=True):
    __tablename__ = "lead_criteria"
    __table_args__ = (Index("lead_criteria_lead", "lead_id", "number", "id"),)

    id: UUID = Field(primary_key=True)
    lead_id: UUID
    person_id: UUID
    number: int
    criterion: str
    evidence: str
    stated_at: datetime
    position: int = Field(sa_type=BigInteger)


def project(state: LeadState, fact: Fact) -> list[Change]:
    return [_lead(state, fact), *_criteria(state, fact.id)]


def _lead(state: LeadState, fact: Fact) -> Put:
    return Put(
        "leads",
        {
            "id": fact.id,
            "customer_id": state.customer,
            "name": state.name,
            "source": state.source,
            "contact": state.contact,
            "need": state.need,
            "reference": state.reference,
            "status": state.status,
            "reason": state.reason,
            "captured_at": state.captured_at,
            "ended_at": state.ended_at,
            "version": fact.version,
            "position": fact.position,
        },
    )


def _criteria(state: LeadState, lead: UUID) -> Iterator[Put]:
    """Numbered through all qualifications of the lead."""
    stated = ((one, criterion) for one in state.qualifications for criterion in one.criteria)
    for number, (told, met) in enumerate(stated, 1):
        yield Put(
            "lead_criteria",
            {
                "id": uuid5(lead, f"criterion/{number}"),
                "lead_id": lead,
                "person_id": told.person,
                "number": number,
                "criterion": met.criterion,
                "evidence": met.evidence,
                "stated_at": told.qualified_at,
                "position": told.position,
            },
        )
