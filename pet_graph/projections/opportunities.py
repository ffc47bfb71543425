"""Opportunities as they are now, and everything that people expected of them or stood for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from uuid import UUID, uuid5

from sqlalchemy import BigInteger, Index
from sqlmodel import Field, SQLModel

from ..events.base import Fact
from ..events.opportunities import ForecastKind, OpportunityState
from .base import Change, Put


class OpportunityRow(SQLModel, table=True):
    """`value_micros`, `currency` and `closes_on` are of the newest forecast or commitment."""

    __tablename__ = "opportunities"
    __table_args__ = (
        Index("opportunities_opened_at", "opened_at", "id"),
        Index("opportunities_name", "name", "id"),
        Index("opportunities_customer", "customer_id", "opened_at", "id"),
        Index("opportunities_owner", "owner_id", "opened_at", "id"),
        Index("opportunities_lead", "lead_id", "opened_at", "id"),
    )

    id: UUID = Field(primary_key=True)
    customer_id: UUID | None
    owner_id: UUID
    lead_id: UUID | None
    name: str
    source: str
    status: str
    value_micros: int | None = Field(sa_type=BigInteger)
    currency: str | None
    closes_on: date | None
    committed_on: date | None
    reason: str | None
    opened_at: datetime
    closed_at: datetime | None
    version: int
    position: int = Field(sa_type=BigInteger)


class OpportunityForecastRow(SQLModel, table=True):
    """What a person said once. It is never computed from, into or over anything."""

    __tablename__ = "opportunity_forecasts"
    __table_args__ = (Index("opportunity_forecasts_opportunity", "opportunity_id", "stated_at", "id"),)

    id: UUID = Field(primary_key=True)
    opportunity_id: UUID
    person_id: UUID
    kind: str
    value_micros: int = Field(sa_type=BigInteger)
    currency: str
    closes_on: date
    basis: str
    stated_at: datetime
    position: int = Field(sa_type=BigInteger)


def project(state: OpportunityState, fact: Fact) -> list[Change]:
    return [_opportunity(state, fact), *_forecasts(state, fact.id)]


def _opportunity(state: OpportunityState, fact: Fact) -> Put:
    newest, committed = state.newest(*ForecastKind), state.newest(ForecastKind.COMMITTED)
    return Put(
        "opportunities",
        {
            "id": fact.id,
            "customer_id": state.customer,
            "owner_id": state.owner,
            "lead_id": state.lead,
            "name": state.name,
            "source": state.source,
            "status": state.status,
            "value_micros": newest and newest.value.amount_micros,
            "currency": newest and newest.value.currency,
            "closes_on": newest and newest.closes_on,
            "committed_on": committed and committed.closes_on,
            "reason": state.reason,
            "opened_at": state.opened_at,
            "closed_at": state.closed_at,
            "version": fact.version,
            "position": fact.position,
        },
    )


def _forecasts(state: OpportunityState, opportunity: UUID) -> Iterator[Put]:
    for one in state.forecasts:
        yield Put(
            "opportunity_forecasts",
            {
                "id": uuid5(opportunity, str(one.position)),
                "opportunity_id": opportunity,
                "person_id": one.person,
                "kind": one.kind,
                "value_micros": one.value.amount_micros,
                "currency": one.value.currency,
                "closes_on": one.closes_on,
                "basis": one.basis,
                "stated_at": one.stated_at,
                "position": one.position,
            },
        )
