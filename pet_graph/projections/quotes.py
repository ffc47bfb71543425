"""Quotes as they are now; their versions and lines stand in `quote_versions`."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, text
from sqlmodel import Field, SQLModel

from ..events.base import Fact
from ..events.quotes import QuoteState, expires_at
from . import quote_versions
from .base import Change, Drop, Put


class QuoteRow(SQLModel, table=True):
    __tablename__ = "quotes"
    __table_args__ = (
        Index("quotes_drafted_at", "drafted_at", "id"),
        Index("quotes_customer", "customer_id", "drafted_at", "id"),
        Index("quotes_opportunity", "opportunity_id", "drafted_at", "id"),
        Index("quotes_sequence", "sequence", "id", unique=True),
        Index("quotes_valid_until", "valid_until", postgresql_where=text("status = 'sent'")),
    )

    id: UUID = Field(primary_key=True)
    customer_id: UUID
    opportunity_id: UUID | None
    number: str
    sequence: int
    title: str
    status: str
    currency: str
    least_micros: int = Field(sa_type=BigInteger)
    most_micros: int = Field(sa_type=BigInteger)
    valid_until: date
    newest_id: UUID
    accepted_id: UUID | None
    accepted_micros: int | None = Field(sa_type=BigInteger)
    superseded_by_id: UUID | None
    drafted_at: datetime
    accepted_at: datetime | None
    version: int
    position: int = Field(sa_type=BigInteger)


def project(state: QuoteState, fact: Fact) -> list[Change]:
    due_at = expires_at(state)
    deadline = Put("deadlines", {"stream": fact.stream, "due_at": due_at}) if due_at else None
    return [
        Put("quotes", _row(state, fact)),
        *quote_versions.changes(state, fact.id),
        deadline or Drop("deadlines", (fact.stream,)),
    ]


def _row(state: QuoteState, fact: Fact) -> dict[str, Any]:
    newest, accepted = state.newest, state.in_force
    return {
        "id": fact.id,
        "customer_id": state.customer,
        "opportunity_id": state.opportunity,
        "number": f"Q-{state.number:04}",
        "sequence": state.number,
        "title": newest.offer.title,
        "status": newest.status,
        "currency": newest.offer.currency,
        "least_micros": newest.least,
        "most_micros": newest.most,
        "valid_until": newest.offer.valid_until,
        "newest_id": quote_versions.id_of_version(fact.id, newest.number),
        "accepted_id": accepted and quote_versions.id_of_version(fact.id, accepted.number),
        "accepted_micros": accepted and accepted.total(accepted.lines).total,
        "superseded_by_id": state.superseded_by,
        "drafted_at": state.versions[0].drafted_at,
        "accepted_at": accepted and accepted.accepted_at,
        "version": fact.version,
        "position": fact.position,
    }
