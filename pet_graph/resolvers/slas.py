"""What clients may ask about SLA clocks."""

from __future__ import annotations

from typing import Annotated

import strawberry

from ..context import Info
from ..events.clocks import SlaKind
from ..projections.slas import breaches_by_customer
from ..schema.connections import MOST, Connection
from ..schema.links import find, listing
from ..schema.nodes import bad_input
from ..schema.slas import SlaBreachCount, SlaClock, SlaClockFilter, SlaClockOrder


@strawberry.type
class SlaQueries:
    sla_clock: SlaClock | None = find("sla_clocks", description="One SLA clock; null when there is none of this id.")
    sla_clocks: Connection[SlaClock] = listing(
        "sla_clocks", filter=SlaClockFilter, order=SlaClockOrder, description="SLA clocks, page by page."
    )

    @strawberry.field(description="How many clocks breached, by customer, most first.")
    async def sla_breaches_by_customer(
        self,
        info: Info,
        first: Annotated[int, strawberry.argument(description="The first so many customers, 1 to 100.")],
        kind: Annotated[SlaKind | None, strawberry.argument(description="Only clocks that measure this.")] = None,
    ) -> list[SlaBreachCount]:
        info.context.may_read()
        if not 1 <= first <= MOST:
            raise bad_input(f"`first` is {first}; from 1 to {MOST} fit.")
        rows = await breaches_by_customer(info.context.services.pool, kind, first)
        return [SlaBreachCount(customer_id=row["customer_id"], breaches=row["breaches"]) for row in rows]
