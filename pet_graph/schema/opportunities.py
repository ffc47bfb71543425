"""Opportunities and what people say of them as clients see them."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry

from ..events.opportunities import ForecastKind, OpportunityStatus
from .base import Money, described
from .connections import Connection
from .errors import result
from .facts import Recorded
from .filters import order, where
from .links import many, one
from .nodes import Node, column
from .quotes import QuoteFilter, QuoteOrder
from .scalars import Position

if TYPE_CHECKING:
    from .customers import Customer
    from .leads import Lead
    from .people import Person
    from .quotes import Quote

described(
    OpportunityStatus,
    "What became of an opportunity.",
    OPEN="It is pursued.",
    WON="The customer bought.",
    LOST="The customer did not buy.",
)
described(
    ForecastKind,
    "How firmly somebody says it.",
    EXPECTED="They expect it.",
    COMMITTED="They stand for it: it is a sales commitment.",
)


@strawberry.type(
    description="What a person said an opportunity is worth and when it is decided: a claim, never computed."
)
class OpportunityForecast(Node):
    opportunity_id: strawberry.Private[UUID]
    person_id: strawberry.Private[UUID]
    kind: ForecastKind = column("How firmly they said it.")
    value: Money = column("What the sale is worth.", of="value_micros")
    closes_on: date = column("The day by which it is decided.")
    basis: str = column("What made the person think so.")
    stated_at: datetime = column("When they said so.")
    position: Position = column("The position of the statement.")
    opportunity: Annotated["Opportunity", strawberry.lazy(".opportunities")] = one(
        "opportunities", by="opportunity_id", description="What it is about."
    )
    person: Annotated["Person", strawberry.lazy(".people")] = one("people", by="person_id", description="Who said so.")


OpportunityForecastOrder = order(
    "OpportunityForecast",
    "How forecasts and commitments are ordered",
    "STATED_AT",
    STATED_AT=("stated_at", "By when they were stated."),
)


@strawberry.type(description="A sale that somebody pursues.")
class Opportunity(Node):
    customer_id: strawberry.Private[UUID | None]
    owner_id: strawberry.Private[UUID]
    lead_id: strawberry.Private[UUID | None]
    name: str = column("What the opportunity is called.")
    source: str = column("Where it came from.")
    status: OpportunityStatus = column("What became of it.")
    value: Money | None = column(
        "What it is worth, by the newest forecast or commitment; null while there is none.", of="value_micros"
    )
    closes_on: date | None = column("The day by which it is decided, by the same; null while there is none.")
    committed_on: date | None = column("The day by which somebody stands for a sale; null while nobody does.")
    reason: str | None = column("Why it was won or lost; null while it is open.")
    opened_at: datetime = column("When a person set out to make the sale.")
    closed_at: datetime | None = column("When it was won or lost; null again once it is reopened.")
    version: int = column("How many facts are recorded of the opportunity; give it back as `expectedVersion`.")
    position: Position = column("The position of the newest of them.")
    customer: Annotated["Customer", strawberry.lazy(".customers")] | None = one(
        "customers", by="customer_id", description="With whom; null while that is not known."
    )
    owner: Annotated["Person", strawberry.lazy(".people")] = one("people", by="owner_id", description="Who pursues it.")
    lead: Annotated["Lead", strawberry.lazy(".leads")] | None = one(
        "leads", by="lead_id", description="The lead that led to it; null when none did."
    )
    forecasts: Connection[OpportunityForecast] = many(
        "opportunity_forecasts",
        by="opportunity_id",
        noun="opportunity",
        order=OpportunityForecastOrder,
        description="Everything that people expected of it, or stood for.",
    )
    quotes: Connection[Annotated["Quote", strawberry.lazy(".quotes")]] = many(
        "quotes",
        by="opportunity_id",
        filter=QuoteFilter,
        order=QuoteOrder,
        description="What was offered for it. That one is accepted does not win it: somebody says so.",
    )


OpportunityOrder = order(
    "Opportunity",
    "How opportunities are ordered",
    "OPENED_AT",
    OPENED_AT=("opened_at", "By when somebody set out to make the sale."),
    NAME=("name", "By name."),
)


@strawberry.input(description="Which opportunities.")
class OpportunityFilter:
    status: list[OpportunityStatus] | None = where("status", "in", "Of which one of these became.")
    source: list[str] | None = where("source", "in", "That came from one of these.")
    owner: list[strawberry.ID] | None = where("owner_id", "in", "Pursued by one of these people.", node="Person")
    customer: list[strawberry.ID] | None = where("customer_id", "in", "With one of these customers.", node="Customer")
    committed: bool | None = where("committed_on", "is not null", "Whether somebody stands for a sale.")
    closes_from: date | None = where("closes_on", ">=", "Decided by this day or a later one.")
    closes_before: date | None = where("closes_on", "<", "Decided by a day before this one.")


@strawberry.type(description="A command about an opportunity was accepted.")
class OpportunityRecorded(Recorded):
    opportunity: Opportunity | None = one(
        "opportunities",
        by="row_id",
        description="The opportunity as it is now; null when its opening was only rehearsed.",
    )


OpportunityResult = result("OpportunityResult", OpportunityRecorded)
