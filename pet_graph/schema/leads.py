"""Leads and the criteria they meet as clients see them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry

from ..events.leads import LeadStatus
from .base import described
from .connections import Connection
from .errors import result
from .facts import Recorded
from .filters import order, where
from .links import many, one
from .nodes import Node, column
from .opportunities import OpportunityFilter, OpportunityOrder
from .scalars import Position

if TYPE_CHECKING:
    from .customers import Customer
    from .opportunities import Opportunity
    from .people import Person

described(
    LeadStatus,
    "Where a lead stands.",
    CAPTURED="It became known; nobody has said yet whether it is worth pursuing.",
    QUALIFIED="A person said which criteria it meets.",
    DISQUALIFIED="It is not worth pursuing.",
    CONVERTED="It became an opportunity.",
)


@strawberry.type(description="A criterion that a person said a lead meets.")
class LeadCriterion(Node):
    lead_id: strawberry.Private[UUID]
    person_id: strawberry.Private[UUID]
    number: int = column("Its place among all that was ever stated of the lead, from 1.")
    criterion: str = column("What has to hold.")
    evidence: str = column("What shows that it holds.")
    stated_at: datetime = column("When the person said so.")
    position: Position = column("The position of the statement.")
    lead: Annotated["Lead", strawberry.lazy(".leads")] = one("leads", by="lead_id", description="What it is about.")
    person: Annotated["Person", strawberry.lazy(".people")] = one("people", by="person_id", description="Who said so.")


LeadCriterionOrder = order(
    "LeadCriterion",
    "How criteria are ordered",
    "NUMBER",
    descending=False,
    NUMBER=("number", "As they were stated."),
)


@strawberry.type(description="Somebody who might want something.")
class Lead(Node):
    customer_id: strawberry.Private[UUID | None]
    name: str = column("Who it is: a firm, a person.")
    source: str = column("Where it came from.")
    contact: str | None = column("How to reach them.")
    need: str | None = column("What they might want.")
    reference: str | None = column("How another system calls this lead.")
    status: LeadStatus = column("Where it stands.")
    reason: str | None = column("Why it is not worth pursuing; null unless it is disqualified.")
    captured_at: datetime = column("When it became known.")
    ended_at: datetime | None = column("When it was disqualified or converted; null again once it is qualified anew.")
    version: int = column("How many facts are recorded of the lead; give it back as `expectedVersion`.")
    position: Position = column("The position of the newest of them.")
    customer: Annotated["Customer", strawberry.lazy(".customers")] | None = one(
        "customers", by="customer_id", description="The customer that it became; null while none is named."
    )
    criteria: Connection[LeadCriterion] = many(
        "lead_criteria",
        by="lead_id",
        noun="lead",
        order=LeadCriterionOrder,
        description="The criteria that people said it meets, also those stated before it was disqualified.",
    )
    opportunities: Connection[Annotated["Opportunity", strawberry.lazy(".opportunities")]] = many(
        "opportunities",
        by="lead_id",
        filter=OpportunityFilter,
        order=OpportunityOrder,
        description="What it led to.",
    )


LeadOrder = order(
    "Lead",
    "How leads are ordered",
    "CAPTURED_AT",
    CAPTURED_AT=("captured_at", "By when they became known."),
    NAME=("name", "By name."),
)


@strawberry.input(description="Which leads.")
class LeadFilter:
    status: list[LeadStatus] | None = where("status", "in", "That stand at one of these.")
    source: list[str] | None = where("source", "in", "That came from one of these.")
    customer: list[strawberry.ID] | None = where("customer_id", "in", "That became one of these.", node="Customer")
    reference: list[str] | None = where("reference", "in", "Called one of these by another system.")
    captured_from: datetime | None = where("captured_at", ">=", "Known since this instant or later.")
    captured_before: datetime | None = where("captured_at", "<", "Known before this instant.")


@strawberry.type(description="A command about a lead was accepted.")
class LeadRecorded(Recorded):
    lead: Lead | None = one(
        "leads", by="row_id", description="The lead as it is now; null when its capture was only rehearsed."
    )


LeadResult = result("LeadResult", LeadRecorded)
