"""Obligations as they are now, under the newest accepted version of their quotes."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import BigInteger, Index, text
from sqlmodel import Field, SQLModel

from ..events.base import Fact
from ..events.obligations import ObligationState
from .base import Change, Put

MICROSECOND = timedelta(microseconds=1)


class ObligationRow(SQLModel, table=True):
    __tablename__ = "obligations"
    __table_args__ = (
        Index("obligations_opened_at", "opened_at", "id"),
        Index("obligations_customer", "customer_id", "opened_at", "id"),
        Index("obligations_quote", "quote_id", "line", "id"),
        Index("obligations_owed", "promised_by", postgresql_where=text("status = 'open'")),
    )

    id: UUID = Field(primary_key=True)
    customer_id: UUID
    quote_id: UUID
    digest: str
    line: int
    description: str
    burn_unit: str
    amount_micros: int = Field(sa_type=BigInteger)
    currency: str
    quantity_micros: int | None = Field(sa_type=BigInteger)
    effort_us: int | None = Field(sa_type=BigInteger)
    role: str | None
    promised_by: date | None
    status: str
    opened_at: datetime
    amended_at: datetime | None
    ended_at: datetime | None
    evidence: str | None
    release_reason: str | None
    version: int
    position: int = Field(sa_type=BigInteger)


def project(state: ObligationState, fact: Fact) -> list[Change]:
    terms = state.terms
    assert terms is not None, "an obligation that was opened has terms"
    return [
        Put(
            "obligations",
            {
                "id": fact.id,
                "customer_id": state.customer,
                "quote_id": state.quote,
                "digest": state.digest,
                "line": state.line,
                "description": terms.description,
                "burn_unit": terms.burn_unit,
                "amount_micros": terms.amount.amount_micros,
                "currency": terms.amount.currency,
                "quantity_micros": terms.quantity_micros,
                "effort_us": None if terms.effort is None else terms.effort // MICROSECOND,
                "role": terms.role,
                "promised_by": terms.promised_by,
                "status": state.status,
                "opened_at": state.opened_at,
                "amended_at": state.amended_at,
                "ended_at": state.ended_at,
                "evidence": state.evidence,
                "release_reason": state.release_reason,
                "version": fact.version,
                "position": fact.position,
            },
        )
    ]
