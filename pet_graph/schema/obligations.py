"""Obligations as clients see them."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry

from ..events.obligations import ObligationStatus
from .allocations import Allocation, AllocationFilter, AllocationOrder
from .base import BurnUnit, Money, Quantity, described
from .connections import Connection
from .errors import result
from .facts import Recorded
from .filters import order, where
from .links import many, one
from .nodes import Node, column
from .quote_versions import QuoteLineOrder
from .scalars import Position

if TYPE_CHECKING:
    from .customers import Customer
    from .people import Person
    from .projects import Project
    from .quote_versions import QuoteLine
    from .quotes import Quote

described(
    ObligationStatus,
    "What became of an obligation.",
    OPEN="It is still owed.",
    FULFILLED="It was delivered, and there is evidence.",
    RELEASED="Nothing more is owed, although not all of it was delivered.",
)


@strawberry.type(description="Units of what is owed that were handed over, as a person said.")
class ObligationDelivery(Node):
    obligation_id: strawberry.Private[UUID]
    project_id: strawberry.Private[UUID | None]
    person_id: strawberry.Private[UUID]
    quantity: Quantity = column("How many units.", of="quantity_micros")
    evidence: str = column("What shows it.")
    delivered_at: datetime = column("When they were handed over.")
    reversed_at: datetime | None = column("When it was taken back; null while it counts.")
    reversed_reason: str | None = column("Why it was taken back; null while it counts.")
    position: Position = column("The position of the newest fact about it.")
    obligation: Annotated["Obligation", strawberry.lazy(".obligations")] = one(
        "obligations", by="obligation_id", description="What it keeps."
    )
    project: Annotated["Project", strawberry.lazy(".projects")] | None = one(
        "projects", by="project_id", description="The project in which it was delivered; null without any."
    )
    person: Annotated["Person", strawberry.lazy(".people")] = one("people", by="person_id", description="Who says so.")


ObligationDeliveryOrder = order(
    "ObligationDelivery",
    "How deliveries are ordered",
    "DELIVERED_AT",
    DELIVERED_AT=("delivered_at", "By when the units were handed over."),
)


@strawberry.input(description="Which deliveries.")
class ObligationDeliveryFilter:
    reversed: bool | None = where("reversed_at", "is not null", "Whether they were taken back.")
    person: list[strawberry.ID] | None = where("person_id", "in", "Said by one of these people.", node="Person")
    project: list[strawberry.ID] | None = where("project_id", "in", "In one of these projects.", node="Project")
    delivered_from: datetime | None = where("delivered_at", ">=", "At this instant or later.")
    delivered_before: datetime | None = where("delivered_at", "<", "Before this instant.")


@strawberry.type(
    description="What an accepted line of a quote promised, as of the newest accepted version. It is opened in the "
    "turn of the acceptance, and amended by change orders alone."
)
class Obligation(Node):
    customer_id: strawberry.Private[UUID]
    quote_id: strawberry.Private[UUID]
    project_id: strawberry.Private[UUID | None]
    description: str = column("What was promised.")
    burn_unit: BurnUnit = column("What it is counted in while it is delivered.")
    amount: Money = column(
        "What it is sold for, discounts taken off; for MONEY also what is burnt.", of="amount_micros"
    )
    quantity: Quantity | None = column(
        "How many units are owed; null for HOURS and MONEY, which are counted otherwise.", of="quantity_micros"
    )
    effort: timedelta | None = column("How much working time is owed; null unless the unit is HOURS.", of="effort_us")
    delivered: timedelta = column("How much was worked to keep it, billable or not.", of="delivered_us")
    burnt: timedelta = column("How much of that it pays for.", of="burnt_us")
    left: timedelta | None = column(
        "How many of the hours sold are left, less than nothing when more were burnt; null unless the unit is HOURS.",
        of="left_us",
    )
    delivered_quantity: Quantity | None = column(
        "How many units were handed over; null for HOURS and MONEY, which time burns.", of="delivered_micros"
    )
    left_quantity: Quantity | None = column(
        "How many units are left to hand over, less than nothing when more were; null for HOURS and MONEY.",
        of="left_micros",
    )
    role: str | None = column("The role in which the work is done: Senior consultant; null where none was agreed.")
    promised_by: date | None = column("The day by which it is promised; null where none was.")
    quote: Annotated["Quote", strawberry.lazy(".quotes")] = one(
        "quotes", by="quote_id", description="The quote that promised it."
    )
    quote_lines: Connection[Annotated["QuoteLine", strawberry.lazy(".quote_versions")]] = many(
        "quote_lines",
        by="obligation_id",
        order=QuoteLineOrder,
        description="The accepted lines that promised it: the first one, and one for each accepted change order.",
    )
    line: int = column("The number of the line that promised it; change orders keep it.")
    digest: str = column("The SHA-256 digest of the quote's version under which it is owed, in hexadecimal.")
    status: ObligationStatus = column("What became of it.")
    opened_at: datetime = column("When it came to be owed.")
    amended_at: datetime | None = column("When a change order last changed it; null if none did.")
    ended_at: datetime | None = column("When it was fulfilled or released; null while it is open.")
    evidence: str | None = column("What shows that it was delivered; null unless it was.")
    release_reason: str | None = column("Why nothing more is owed; null unless it was released.")
    version: int = column("How many facts are recorded of the obligation; give it back as `expectedVersion`.")
    position: Position = column("The position of the newest of them.")
    customer: Annotated["Customer", strawberry.lazy(".customers")] = one(
        "customers", by="customer_id", description="To whom it is owed."
    )
    project: Annotated["Project", strawberry.lazy(".projects")] | None = one(
        "projects", by="project_id", description="The project in which it is delivered; null while none is known."
    )
    allocations: Connection[Allocation] = many(
        "allocations",
        by="obligation_id",
        filter=AllocationFilter,
        order=AllocationOrder,
        description="The hours that keep it, line by line, each with its time entry and person.",
    )
    deliveries: Connection[ObligationDelivery] = many(
        "obligation_deliveries",
        by="obligation_id",
        noun="obligation",
        filter=ObligationDeliveryFilter,
        order=ObligationDeliveryOrder,
        description="The units that were handed over to keep it, each with who says so and what shows it.",
    )


ObligationOrder = order(
    "Obligation",
    "How obligations are ordered",
    "OPENED_AT",
    OPENED_AT=("opened_at", "By when they came to be owed."),
    LINE=("line", "By the number of the line that promised them."),
)


@strawberry.input(description="Which obligations.")
class ObligationFilter:
    status: list[ObligationStatus] | None = where("status", "in", "Of which this became.")
    burn_unit: list[BurnUnit] | None = where("burn_unit", "in", "Counted in one of these units.")
    role: list[str] | None = where("role", "in", "To be done in one of these roles.")
    customer: list[strawberry.ID] | None = where(
        "customer_id", "in", "Owed to one of these customers.", node="Customer"
    )
    quote: list[strawberry.ID] | None = where("quote_id", "in", "Promised by one of these quotes.", node="Quote")
    project: list[strawberry.ID] | None = where(
        "project_id", "in", "Delivered in one of these projects.", node="Project"
    )
    promised_before: date | None = where("promised_by", "<", "Promised by a day before this one.")
    promised_from: date | None = where("promised_by", ">=", "Promised by this day or a later one.")


@strawberry.type(description="A command about an obligation was accepted.")
class ObligationRecorded(Recorded):
    obligation: Obligation | None = one(
        "obligations", by="row_id", description="The obligation as it is now; null when it was only rehearsed."
    )


ObligationResult = result("ObligationResult", ObligationRecorded)
