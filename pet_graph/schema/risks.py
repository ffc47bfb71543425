"""SLA clocks at risk as clients see them."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import strawberry

from ..events.clocks import SlaKind
from .base import Priority
from .filters import where
from .links import one
from .slas import SlaClock


@strawberry.type(description="A clock that will breach soon, unless what was promised is done.")
class SlaAtRisk:
    row_id: strawberry.Private[UUID]
    clock: SlaClock = one("sla_clocks", by="row_id", description="The clock; it leads to its ticket.")
    due_at: datetime = strawberry.field(description="When it breaches.")
    remaining_business: timedelta = strawberry.field(
        description="The working time until then, on the clock's own calendar; all time, if it counts around the clock."
    )


@strawberry.input(description="Which clocks.")
class SlaAtRiskFilter:
    customer: list[strawberry.ID] | None = where("customer_id", "in", "Of one of these customers.", node="Customer")
    priority: list[Priority] | None = where("priority", "in", "Of one of these priorities.")
    assignee: list[strawberry.ID] | None = where(
        "assignee_id", "in", "Of tickets that one of these looks after.", node="Person"
    )
    assigned: bool | None = where("assignee_id", "is not null", "Of tickets that somebody, or nobody, looks after.")
    policy: list[strawberry.ID] | None = where("policy_id", "in", "By one of these policies.", node="SlaPolicy")
    kind: list[SlaKind] | None = where("kind", "in", "That measure one of these.")
    name: list[str] | None = where("name", "in", "Of one of these names.")
