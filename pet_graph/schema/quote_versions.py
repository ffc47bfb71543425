"""Versions of quotes and their lines as clients see them."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry

from ..events.offers import LineKind, Rounding
from ..events.quote_versions import QuoteStatus
from .base import BurnUnit, Money, Quantity, described
from .connections import Connection
from .filters import order, where
from .links import many, one
from .nodes import Node, column
from .scalars import Position

if TYPE_CHECKING:
    from .obligations import Obligation
    from .quotes import Quote

described(
    QuoteStatus,
    "Where a version of a quote stands.",
    DRAFT="It is written.",
    SUBMITTED="It waits for approval.",
    APPROVED="It may be sent.",
    SENT="The customer has it.",
    ACCEPTED="The customer accepted it, and it is in force.",
    DECLINED="The customer does not want it.",
    EXPIRED="The last day on which it could be accepted is over.",
    WITHDRAWN="It was taken back.",
    SUPERSEDED="A newer version, or another quote, took its place.",
)
described(
    LineKind,
    "What a line sells.",
    SOFTWARE="Software.",
    HARDWARE="Hardware.",
    TIME="People's time, whichever way it is counted.",
)
described(
    Rounding,
    "How a product is rounded to the currency's minor unit. Each line is rounded once, as is each percentage.",
    HALF_UP="To the nearest; half a unit goes up.",
    HALF_EVEN="To the nearest; half a unit goes to the even one.",
)


@strawberry.type(description="One line of one version of a quote. It never changes; when it is accepted, that is told.")
class QuoteLine(Node):
    quote_version_id: strawberry.Private[UUID]
    obligation_id: strawberry.Private[UUID | None]
    number: int = column("Its number; the same promise has the same one in every version.")
    description: str = column("What is offered.")
    kind: LineKind = column("Whether software, hardware or time is sold.")
    burn_unit: BurnUnit = column("What it is counted in while it is delivered.")
    unit_price: Money = column(
        "The price of one unit: of an hour for HOURS, of the whole for MONEY.", of="unit_price_micros"
    )
    quantity: Quantity | None = column("How many units; null for HOURS and MONEY.", of="quantity_micros")
    effort: timedelta | None = column("How much working time; null unless the unit is HOURS.", of="effort_us")
    role: str | None = column("The role in which the work is done: Senior consultant; null where none is said.")
    discount_percent: Quantity | None = column("Percent taken off; null if none.", of="discount_percent_micros")
    discount: Money | None = column("An amount taken off; null if none.", of="discount_micros")
    gross: Money = column("Price times quantity, rounded.", of="gross_micros")
    net: Money = column("What is left of it after the line's own discount.", of="net_micros")
    optional: bool = column("Whether it may be left out when the quote is accepted.")
    alternative: str | None = column("The group of lines of which exactly one is accepted; null outside any.")
    tax_label: str | None = column("How it is taxed, for those who compute tax.")
    promised_by: date | None = column("The day by which it is promised; null where none is.")
    accepted: bool | None = column("Whether the customer accepted it; null unless the version was accepted.")
    accepted_amount: Money | None = column(
        "What it was accepted for, its share of the discount on the whole taken off; null unless it was accepted.",
        of="accepted_micros",
    )
    quote_version: Annotated["QuoteVersion", strawberry.lazy(".quote_versions")] = one(
        "quote_versions", by="quote_version_id", description="The version that it is a line of."
    )
    obligation: Annotated["Obligation", strawberry.lazy(".obligations")] | None = one(
        "obligations", by="obligation_id", description="What is owed for it; null unless it was accepted."
    )
    position: Position = column("The position of the newest fact about it.")


QuoteLineOrder = order(
    "QuoteLine",
    "How lines of quotes are ordered",
    "NUMBER",
    descending=False,
    NUMBER=("number", "By number."),
    POSITION=("position", "By the newest fact about them."),
)


@strawberry.input(description="Which lines of quotes.")
class QuoteLineFilter:
    kind: list[LineKind] | None = where("kind", "in", "That sell one of these.")
    burn_unit: list[BurnUnit] | None = where("burn_unit", "in", "Counted in one of these units.")
    role: list[str] | None = where("role", "in", "To be done in one of these roles.")
    optional: bool | None = where("optional", "=", "Whether they may be left out.")
    accepted: bool | None = where("accepted", "=", "Whether the customer accepted them; neither, if not asked yet.")


@strawberry.type(description="One version of a quote. What it offers never changes, and its digest is its name.")
class QuoteVersion(Node):
    quote_id: strawberry.Private[UUID]
    number: int = column("1 for the first, and one more for each revision.")
    digest: str = column("The SHA-256 of `content` in UTF-8, in hexadecimal. An acceptance names it.")
    content: str = column(
        "Everything that it offers: JSON, its keys sorted, without spaces; amounts and quantities in millionths."
    )
    status: QuoteStatus = column("Where it stands.")
    title: str = column("The offer in a line.")
    terms: str = column("Conditions, in words.")
    rounding: Rounding = column("How products are rounded to the currency's minor unit.")
    minor_digits: int = column("How many decimals the currency's minor unit has.")
    valid_until: date = column("The last day, in UTC, on which it can be accepted.")
    discount_percent: Quantity | None = column(
        "Percent taken off the whole; null if none.", of="discount_percent_micros"
    )
    discount: Money | None = column("An amount taken off the whole; null if none.", of="discount_micros")
    least: Money = column("The smallest total that can be accepted.", of="least_micros")
    most: Money = column("The greatest, with everything optional and the dearest alternatives.", of="most_micros")
    drafted_at: datetime = column("When it was written.")
    drafted_by: str = column("By whom.")
    submitted_at: datetime | None = column("When approval was asked for.")
    approved_at: datetime | None = column("When it was approved.")
    approved_by: str | None = column("By whom.")
    sent_at: datetime | None = column("When it went to the customer.")
    sent_to: str | None = column("To whom it went.")
    accepted_at: datetime | None = column("When it was accepted.")
    accepted_by: str | None = column("Who accepted it.")
    accepted_under: str | None = column("Under which authority.")
    accepted_total: Money | None = column("What it was accepted for.", of="accepted_micros")
    ended_at: datetime | None = column("When it was declined, withdrawn or superseded, or expired; null otherwise.")
    reason: str | None = column("Why it was declined or withdrawn; null otherwise.")
    quote: Annotated["Quote", strawberry.lazy(".quotes")] = one(
        "quotes", by="quote_id", description="The quote that it is a version of."
    )
    lines: Connection[QuoteLine] = many(
        "quote_lines",
        by="quote_version_id",
        filter=QuoteLineFilter,
        order=QuoteLineOrder,
        description="What it offers, line by line.",
    )
    position: Position = column("The position of the newest fact about it.")


QuoteVersionOrder = order(
    "QuoteVersion",
    "How versions of quotes are ordered",
    "NUMBER",
    NUMBER=("number", "By number."),
    DRAFTED_AT=("drafted_at", "By when they were written."),
)


@strawberry.input(description="Which versions of quotes.")
class QuoteVersionFilter:
    digest: list[str] | None = where("digest", "in", "Called by one of these digests.")
    status: list[QuoteStatus] | None = where("status", "in", "Standing at one of these.")
