"""What clients may ask about SLAs, and the verdicts that they may follow."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Annotated, Any
from uuid import uuid5

import strawberry

from ..context import Info
from ..events.base import Fact
from ..events.slas import SlaBreached, SlaKind, SlaWarned, Verdict
from ..projections.slas import breaches_by_customer
from ..schema import facts
from ..schema.connections import MOST, Connection
from ..schema.links import find, listing
from ..schema.nodes import bad_input, id_of
from ..schema.scalars import Position
from ..schema.slas import (
    SlaBreach,
    SlaBreachCount,
    SlaClock,
    SlaClockFilter,
    SlaClockOrder,
    SlaVerdictFilter,
    SlaWarning,
)

After = Annotated[
    Position | None,
    strawberry.argument(description='Begin after this cursor: "0" for all that ever was; left out, from now on.'),
]
Which = Annotated[SlaVerdictFilter | None, strawberry.argument(description="Only those of which all of this holds.")]


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


@strawberry.type
class SlaSubscriptions:
    @strawberry.subscription(description="Every breach, as it is recorded.")
    async def sla_breaches(
        self, info: Info, after: After = None, filter: Which = None
    ) -> AsyncGenerator[SlaBreach, None]:
        wanted = _wanted(filter)
        async for fact in info.context.follow(after):
            if isinstance(fact.event, SlaBreached) and wanted(fact.event):
                yield SlaBreach(**_said(fact, fact.event))

    @strawberry.subscription(description="Every warning, as it is recorded.")
    async def sla_warnings(
        self, info: Info, after: After = None, filter: Which = None
    ) -> AsyncGenerator[SlaWarning, None]:
        wanted = _wanted(filter)
        async for fact in info.context.follow(after):
            if isinstance(fact.event, SlaWarned) and wanted(fact.event):
                yield SlaWarning(**_said(fact, fact.event), percent=fact.event.percent)


def _wanted(filter: SlaVerdictFilter | None) -> Any:
    if filter is None:
        return lambda verdict: True
    customers = None if filter.customer is None else {id_of("Customer", customer) for customer in filter.customer}
    return lambda verdict: (
        (customers is None or verdict.customer in customers)
        and (filter.priority is None or verdict.priority in filter.priority)
        and (filter.kind is None or verdict.kind is filter.kind)
    )


def _said(fact: Fact, verdict: Verdict) -> dict[str, Any]:
    return {
        "clock_id": uuid5(fact.id, f"{verdict.kind}/{verdict.cycle}"),
        "ticket_id": fact.id,
        "customer_id": verdict.customer,
        "cursor": Position(fact.position),
        "kind": verdict.kind,
        "cycle": verdict.cycle,
        "priority": verdict.priority,
        "target": verdict.target,
        "due_at": verdict.due_at,
        "fact": facts.Fact.of(fact),
    }
