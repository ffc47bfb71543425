"""The versions of quotes and their lines: both are made of the state of the quote."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import BigInteger, Index
from sqlmodel import Field, SQLModel

from ..events.obligations import obligation_of
from ..events.offers import QuoteLine
from ..events.quote_versions import Version, canonical
from ..events.quotes import QuoteState
from .base import Change, Put

MICROSECOND = timedelta(microseconds=1)


class QuoteVersionRow(SQLModel, table=True):
    __tablename__ = "quote_versions"
    __table_args__ = (
        Index("quote_versions_quote", "quote_id", "number", "id"),
        Index("quote_versions_digest", "digest"),
        Index("quote_versions_drafted_at", "drafted_at", "id"),
    )

    id: UUID = Field(primary_key=True)
    quote_id: UUID
    number: int
    digest: str
    content: str
    status: str
    title: str
    terms: str
    currency: str
    rounding: str
    minor_digits: int
    valid_until: date
    discount_percent_micros: int | None = Field(sa_type=BigInteger)
    discount_micros: int | None = Field(sa_type=BigInteger)
    least_micros: int = Field(sa_type=BigInteger)
    most_micros: int = Field(sa_type=BigInteger)
    drafted_at: datetime
    drafted_by: str
    submitted_at: datetime | None
    approved_at: datetime | None
    approved_by: str | None
    sent_at: datetime | None
    sent_to: str | None
    accepted_at: datetime | None
    accepted_by: str | None
    accepted_under: str | None
    accepted_micros: int | None = Field(sa_type=BigInteger)
    ended_at: datetime | None
    reason: str | None
    position: int = Field(sa_type=BigInteger)


class QuoteLineRow(SQLModel, table=True):
    __tablename__ = "quote_lines"
    __table_args__ = (
        Index("quote_lines_version", "quote_version_id", "number", "id"),
        Index("quote_lines_obligation", "obligation_id", "number", "id"),
        Index("quote_lines_number", "number", "id"),
        Index("quote_lines_position", "position", "id"),
    )

    id: UUID = Field(primary_key=True)
    quote_version_id: UUID
    number: int
    description: str
    kind: str
    burn_unit: str
    currency: str
    unit_price_micros: int = Field(sa_type=BigInteger)
    quantity_micros: int | None = Field(sa_type=BigInteger)
    effort_us: int | None = Field(sa_type=BigInteger)
    role: str | None
    discount_percent_micros: int | None = Field(sa_type=BigInteger)
    discount_micros: int | None = Field(sa_type=BigInteger)
    gross_micros: int = Field(sa_type=BigInteger)
    net_micros: int = Field(sa_type=BigInteger)
    optional: bool
    alternative: str | None
    tax_label: str | None
    promised_by: date | None
    accepted: bool | None
    accepted_micros: int | None = Field(sa_type=BigInteger)
    obligation_id: UUID | None
    position: int = Field(sa_type=BigInteger)


def id_of_version(quote: UUID, number: int) -> UUID:
    return uuid5(quote, f"version/{number}")


def changes(state: QuoteState, quote: UUID) -> Iterator[Change]:
    """The rows of all versions and their lines."""
    for version in state.versions:
        id_ = id_of_version(quote, version.number)
        yield Put("quote_versions", _version(state, version, id_, quote))
        amounts = version.total(version.lines).amounts if version.lines else None
        for line in version.offer.lines:
            yield Put("quote_lines", _line(version, line, id_, quote, amounts))


def _version(state: QuoteState, version: Version, id_: UUID, quote: UUID) -> dict[str, Any]:
    offer = version.offer
    assert state.customer is not None, "a quote that was drafted has a customer"
    return {
        "id": id_,
        "quote_id": quote,
        "number": version.number,
        "digest": version.digest,
        "content": canonical(state.customer, version.number, version.minor_digits, offer),
        "status": version.status,
        "title": offer.title,
        "terms": offer.terms,
        "currency": offer.currency,
        "rounding": offer.rounding,
        "minor_digits": version.minor_digits,
        "valid_until": offer.valid_until,
        "discount_percent_micros": offer.discount_percent,
        "discount_micros": offer.discount and offer.discount.amount_micros,
        "least_micros": version.least,
        "most_micros": version.most,
        "drafted_at": version.drafted_at,
        "drafted_by": version.authors[0],
        "submitted_at": version.submitted_at,
        "approved_at": version.approved_at,
        "approved_by": version.approved_by,
        "sent_at": version.sent_at,
        "sent_to": version.sent_to,
        "accepted_at": version.accepted_at,
        "accepted_by": version.accepted_by,
        "accepted_under": version.accepted_under,
        "accepted_micros": version.total(version.lines).total if version.lines else None,
        "ended_at": version.ended_at,
        "reason": version.reason,
        "position": version.position,
    }


def _line(
    version: Version, line: QuoteLine, version_id: UUID, quote: UUID, amounts: dict[int, int] | None
) -> dict[str, Any]:
    """`amounts` are those of the accepted lines; None while none are."""
    price, accepted = version.price(line), amounts is not None and line.number in amounts
    return {
        "id": uuid5(version_id, f"line/{line.number}"),
        "quote_version_id": version_id,
        "number": line.number,
        "description": line.description,
        "kind": line.kind,
        "burn_unit": line.burn_unit,
        "currency": version.offer.currency,
        "unit_price_micros": line.unit_price.amount_micros,
        "quantity_micros": line.quantity,
        "effort_us": None if line.effort is None else line.effort // MICROSECOND,
        "role": line.role,
        "discount_percent_micros": line.discount_percent,
        "discount_micros": line.discount and line.discount.amount_micros,
        "gross_micros": price.gross,
        "net_micros": price.net,
        "optional": line.optional,
        "alternative": line.alternative,
        "tax_label": line.tax_label,
        "promised_by": line.promised_by,
        "accepted": None if amounts is None else accepted,
        "accepted_micros": amounts[line.number] if amounts and accepted else None,
        "obligation_id": obligation_of(quote, line.number) if accepted else None,
        "position": version.lines_position,
    }
