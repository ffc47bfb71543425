"""Customers as clients see them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from .connections import Connection
from .errors import result
from .facts import Recorded
from .filters import order, where
from .links import many, one
from .nodes import Node, column
from .obligations import ObligationFilter, ObligationOrder
from .opportunities import OpportunityFilter, OpportunityOrder
from .quotes import QuoteFilter, QuoteOrder
from .scalars import Position
from .tickets import TicketFilter, TicketOrder

if TYPE_CHECKING:
    from .obligations import Obligation
    from .opportunities import Opportunity
    from .policies import SlaPolicy
    from .quotes import Quote
    from .tickets import Ticket


@strawberry.type(description="A firm that promises were made to.")
class Customer(Node):
    name: str = column("What the customer is called.")
    reference: str | None = column("How another system calls this customer.")
    registered_at: datetime = column("When the customer became known.")
    version: int = column("How many facts are recorded of the customer; give it back as `expectedVersion`.")
    position: Position = column("The position of the newest of them.")
    tickets: Connection[Annotated["Ticket", strawberry.lazy(".tickets")]] = many(
        "tickets",
        by="customer_id",
        filter=TicketFilter,
        order=TicketOrder,
        description="What the customer asked for help with.",
    )
    opportunities: Connection[Annotated["Opportunity", strawberry.lazy(".opportunities")]] = many(
        "opportunities",
        by="customer_id",
        filter=OpportunityFilter,
        order=OpportunityOrder,
        description="The sales that are, or were, pursued with the customer.",
    )
    quotes: Connection[Annotated["Quote", strawberry.lazy(".quotes")]] = many(
        "quotes",
        by="customer_id",
        filter=QuoteFilter,
        order=QuoteOrder,
        description="What was offered to the customer.",
    )
    obligations: Connection[Annotated["Obligation", strawberry.lazy(".obligations")]] = many(
        "obligations",
        by="customer_id",
        filter=ObligationFilter,
        order=ObligationOrder,
        description="What is, or was, owed to the customer.",
    )
    sla_policy: Annotated["SlaPolicy", strawberry.lazy(".policies")] | None = one(
        "policies", by="row_id", description="The customer's own SLA policy; null where the firm's own holds."
    )


CustomerOrder = order(
    "Customer",
    "How customers are ordered",
    "NAME",
    descending=False,
    NAME=("name", "By name."),
    REGISTERED_AT=("registered_at", "By when they became known."),
)


@strawberry.input(description="Which customers.")
class CustomerFilter:
    name: list[str] | None = where("name", "in", "Called one of these.")
    reference: list[str] | None = where("reference", "in", "Called one of these by another system.")


@strawberry.type(description="A command about a customer was accepted.")
class CustomerRecorded(Recorded):
    customer: Customer | None = one(
        "customers", by="row_id", description="The customer as it is now; null when it was only rehearsed."
    )


CustomerResult = result("CustomerResult", CustomerRecorded)
