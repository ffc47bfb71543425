"""Rates as they were agreed, each for as long as it stood undisputed: valid time and recorded time side by side."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from uuid import UUID, uuid5

from sqlalchemy import BigInteger, Index
from sqlmodel import Field, SQLModel

from ..events.base import Fact
from ..events.rates import RateCardState
from .base import Change, Put


class RateCardRow(SQLModel, table=True):
    __tablename__ = "rate_cards"
    __table_args__ = (Index("rate_cards_agreed_at", "agreed_at", "id"),)

    id: UUID = Field(primary_key=True)
    person_id: UUID | None
    role: str | None
    agreed_at: datetime
    version: int
    position: int = Field(sa_type=BigInteger)


class RateRow(SQLModel, table=True):
    __tablename__ = "rates"
    __table_args__ = (
        Index("rates_valid_from", "valid_from", "id"),
        Index("rates_card", "card_id", "valid_from", "id"),
    )

    id: UUID = Field(primary_key=True)
    card_id: UUID
    kind: str
    amount_micros: int = Field(sa_type=BigInteger)
    currency: str
    valid_from: date
    valid_until: date | None
    agreed_at: datetime
    learned_at: datetime
    position: int = Field(sa_type=BigInteger)


def project(state: RateCardState, fact: Fact) -> list[Change]:
    card = {
        "id": fact.id,
        "person_id": state.person,
        "role": state.role,
        "agreed_at": state.rates[-1].occurred_at,
        "version": fact.version,
        "position": fact.position,
    }
    return [Put("rate_cards", card), *_rates(state, fact.id)]


def _rates(state: RateCardState, card: UUID) -> Iterator[Put]:
    for rate in state.rates:
        yield Put(
            "rates",
            {
                "id": uuid5(card, str(rate.position)),
                "card_id": card,
                "kind": rate.kind,
                "amount_micros": rate.per_hour.amount_micros,
                "currency": rate.per_hour.currency,
                "valid_from": rate.valid_from,
                "valid_until": rate.valid_until,
                "agreed_at": rate.occurred_at,
                "learned_at": rate.recorded_at,
                "position": rate.position,
            },
        )


RATE_ON = (
    "select r.* from unnest($1::uuid[]) with ordinality c(id, place) join rates r on r.card_id = c.id"
    " where r.kind = $2::text and r.valid_from <= $3::date and (r.valid_until is null or $3::date < r.valid_until)"
    " and ($4::bigint is null or r.position <= $4) order by c.place, r.position desc limit 1"
)
"""The rate of the first of these cards that has one on a day, as known at a position."""
