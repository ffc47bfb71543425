"""Obligations as they are now, under the newest accepted version of their quotes; and what was owed, as a ledger.

The sum of the ledger's lines up to a position or an instant is what was owed then; its newest line tells the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from uuid import UUID, uuid5

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
        Index("obligations_project", "project_id", "opened_at", "id"),
        Index("obligations_owed", "promised_by", postgresql_where=text("status = 'open'")),
    )

    id: UUID = Field(primary_key=True)
    customer_id: UUID
    quote_id: UUID
    project_id: UUID | None
    digest: str
    line: int
    description: str
    burn_unit: str
    amount_micros: int = Field(sa_type=BigInteger)
    currency: str
    quantity_micros: int | None = Field(sa_type=BigInteger)
    effort_us: int | None = Field(sa_type=BigInteger)
    delivered_us: int = Field(sa_type=BigInteger)
    burnt_us: int = Field(sa_type=BigInteger)
    left_us: int | None = Field(sa_type=BigInteger)
    delivered_micros: int | None = Field(sa_type=BigInteger)
    left_micros: int | None = Field(sa_type=BigInteger)
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


class ObligationPostingRow(SQLModel, table=True):
    __tablename__ = "obligation_postings"
    __table_args__ = (
        Index("obligation_postings_obligation", "obligation_id", "number"),
        Index("obligation_postings_project", "project_id"),
        Index("obligation_postings_position", "position"),
    )

    id: UUID = Field(primary_key=True)
    obligation_id: UUID
    number: int
    customer_id: UUID
    project_id: UUID | None
    burn_unit: str
    effort_us: int = Field(sa_type=BigInteger)
    amount_micros: int = Field(sa_type=BigInteger)
    currency: str
    quantity_micros: int = Field(sa_type=BigInteger)
    promised_by: date | None
    ended_at: datetime | None
    posted_at: datetime
    recorded_at: datetime
    position: int = Field(sa_type=BigInteger)


class ObligationDeliveryRow(SQLModel, table=True):
    """Units handed over. What was taken back carries since when it no longer counts."""

    __tablename__ = "obligation_deliveries"
    __table_args__ = (
        Index("obligation_deliveries_delivered_at", "delivered_at", "id"),
        Index("obligation_deliveries_obligation", "obligation_id", "delivered_at", "id"),
    )

    id: UUID = Field(primary_key=True)
    obligation_id: UUID
    project_id: UUID | None
    person_id: UUID
    quantity_micros: int = Field(sa_type=BigInteger)
    evidence: str
    delivered_at: datetime
    reversed_at: datetime | None
    reversed_reason: str | None
    since_position: int = Field(sa_type=BigInteger)
    since_recorded_at: datetime
    until_position: int | None = Field(sa_type=BigInteger)
    until_recorded_at: datetime | None
    position: int = Field(sa_type=BigInteger)


def project(state: ObligationState, fact: Fact) -> list[Change]:
    return [*_obligation(state, fact), *_postings(state, fact.id), *_deliveries(state, fact.id)]


def _deliveries(state: ObligationState, obligation: UUID) -> Iterator[Put]:
    for one in state.deliveries:
        yield Put(
            "obligation_deliveries",
            {
                "id": one.id,
                "obligation_id": obligation,
                "project_id": one.project,
                "person_id": one.said.person,
                "quantity_micros": one.said.quantity_micros,
                "evidence": one.said.evidence,
                "delivered_at": one.since.occurred_at,
                "reversed_at": one.until and one.until.occurred_at,
                "reversed_reason": one.reason,
                "since_position": one.since.position,
                "since_recorded_at": one.since.recorded_at,
                "until_position": one.until and one.until.position,
                "until_recorded_at": one.until and one.until.recorded_at,
                "position": one.position,
            },
        )


def _postings(state: ObligationState, obligation: UUID) -> Iterator[Put]:
    for number, line in enumerate(state.postings, 1):
        yield Put(
            "obligation_postings",
            {
                "id": uuid5(obligation, f"posting/{number}"),
                "obligation_id": obligation,
                "number": number,
                "customer_id": state.customer,
                "project_id": line.project,
                "burn_unit": line.burn_unit,
                "effort_us": line.effort // MICROSECOND,
                "amount_micros": line.amount.amount_micros,
                "currency": line.amount.currency,
                "quantity_micros": line.quantity_micros,
                "promised_by": line.promised_by,
                "ended_at": line.ended_at,
                "posted_at": line.stamp.occurred_at,
                "recorded_at": line.stamp.recorded_at,
                "position": line.stamp.position,
            },
        )


def _obligation(state: ObligationState, fact: Fact) -> list[Change]:
    terms = state.terms
    assert terms is not None, "an obligation that was opened has terms"
    return [
        Put(
            "obligations",
            {
                "id": fact.id,
                "customer_id": state.customer,
                "quote_id": state.quote,
                "project_id": state.project,
                "digest": state.digest,
                "line": state.line,
                "description": terms.description,
                "burn_unit": terms.burn_unit,
                "amount_micros": terms.amount.amount_micros,
                "currency": terms.amount.currency,
                "quantity_micros": terms.quantity_micros,
                "effort_us": None if terms.effort is None else terms.effort // MICROSECOND,
                "delivered_us": state.delivered // MICROSECOND,
                "burnt_us": state.burnt // MICROSECOND,
                "left_us": None if state.left is None else state.left // MICROSECOND,
                "delivered_micros": state.delivered_micros,
                "left_micros": state.left_micros,
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
