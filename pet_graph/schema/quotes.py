"""Quotes as clients see them."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry

from ..events.quote_versions import QuoteStatus
from .base import Money
from .connections import Connection
from .errors import result
from .facts import Recorded
from .filters import order, where
from .links import many, one
from .nodes import Node, column
from .obligations import ObligationFilter, ObligationOrder
from .quote_versions import QuoteVersionFilter, QuoteVersionOrder
from .scalars import Position

if TYPE_CHECKING:
    from .customers import Customer
    from .obligations import Obligation
    from .opportunities import Opportunity
    from .quote_versions import QuoteVersion


@strawberry.type(
    description="An offer to a customer, version by version. What happens, happens to its newest version; an accepted "
    "version stays in force until a change order, that is a newer version, is accepted."
)
class Quote(Node):
    customer_id: strawberry.Private[UUID]
    opportunity_id: strawberry.Private[UUID | None]
    newest_id: strawberry.Private[UUID]
    accepted_id: strawberry.Private[UUID | None]
    superseded_by_id: strawberry.Private[UUID | None]
    number: str = column("What people call it: Q-0042. Numbers have no gaps.")
    title: str = column("The offer in a line, as of the newest version.")
    status: QuoteStatus = column("Where its newest version stands.")
    least: Money = column("The smallest total of the newest version that can be accepted.", of="least_micros")
    most: Money = column("The greatest, with everything optional and the dearest alternatives.", of="most_micros")
    valid_until: date = column("The last day, in UTC, on which the newest version can be accepted.")
    accepted_total: Money | None = column(
        "What the version in force was accepted for; null when none is.", of="accepted_micros"
    )
    drafted_at: datetime = column("When its first version was written.")
    accepted_at: datetime | None = column("When the version in force was accepted; null when none is.")
    version: int = column("How many facts are recorded of the quote; give it back as `expectedVersion`.")
    position: Position = column("The position of the newest of them.")
    customer: Annotated["Customer", strawberry.lazy(".customers")] = one(
        "customers", by="customer_id", description="To whom it is offered."
    )
    opportunity: Annotated["Opportunity", strawberry.lazy(".opportunities")] | None = one(
        "opportunities", by="opportunity_id", description="The sale that it is part of; null when it names none."
    )
    newest: Annotated["QuoteVersion", strawberry.lazy(".quote_versions")] = one(
        "quote_versions", by="newest_id", description="The newest version."
    )
    in_force: Annotated["QuoteVersion", strawberry.lazy(".quote_versions")] | None = one(
        "quote_versions", by="accepted_id", description="The version under which things are owed; null when none is."
    )
    superseded_by: Annotated["Quote", strawberry.lazy(".quotes")] | None = one(
        "quotes", by="superseded_by_id", description="The quote that took its place; null when none did."
    )
    versions: Connection[Annotated["QuoteVersion", strawberry.lazy(".quote_versions")]] = many(
        "quote_versions",
        by="quote_id",
        filter=QuoteVersionFilter,
        order=QuoteVersionOrder,
        description="Everything that was ever offered under its number.",
    )
    obligations: Connection[Annotated["Obligation", strawberry.lazy(".obligations")]] = many(
        "obligations",
        by="quote_id",
        filter=ObligationFilter,
        order=ObligationOrder,
        description="What is, or was, owed because it was accepted: one for each accepted line.",
    )


QuoteOrder = order(
    "Quote",
    "How quotes are ordered",
    "NUMBER",
    NUMBER=("sequence", "By number."),
    DRAFTED_AT=("drafted_at", "By when their first version was written."),
    VALID_UNTIL=("valid_until", "By the last day on which they can be accepted."),
    POSITION=("position", "By the newest fact about them."),
)


@strawberry.input(description="Which quotes.")
class QuoteFilter:
    number: list[str] | None = where("number", "in", "Called by one of these numbers: Q-0042.")
    status: list[QuoteStatus] | None = where("status", "in", "Whose newest version stands at one of these.")
    customer: list[strawberry.ID] | None = where("customer_id", "in", "To one of these customers.", node="Customer")
    opportunity: list[strawberry.ID] | None = where(
        "opportunity_id", "in", "Part of one of these opportunities.", node="Opportunity"
    )
    in_force: bool | None = where("accepted_id", "is not null", "Whether something is owed under them.")
    drafted_from: datetime | None = where("drafted_at", ">=", "Written at this instant or later.")
    drafted_before: datetime | None = where("drafted_at", "<", "Written before this instant.")
    valid_before: date | None = where("valid_until", "<", "That can be accepted until a day before this one.")


@strawberry.type(description="A command about a quote was accepted.")
class QuoteRecorded(Recorded):
    quote: Quote | None = one(
        "quotes", by="row_id", description="The quote as it is now; null when its draft was only rehearsed."
    )


QuoteResult = result("QuoteResult", QuoteRecorded)
