"""What clients may ask about SLA clocks."""

from __future__ import annotations

from typing import Annotated

import strawberry

from ..events.clocks import SlaKind
from ..projections.answers import Given
from ..projections.slas import BREACHES_BY_CUSTOMER
from ..schema.connections import MOST, Connection
from ..schema.links import find, listing, rows
from ..schema.nodes import check_count
from ..schema.slas import SlaBreachCount, SlaClock, SlaClockFilter, SlaClockOrder


def _most_breached(
    first: Annotated[int, strawberry.argument(description="The first so many customers, 1 to 100.")],
    kind: Annotated[SlaKind | None, strawberry.argument(description="Only clocks that measure this.")] = None,
) -> Given:
    check_count("first", first, MOST)
    return Given((kind, first))


@strawberry.type
class SlaQueries:
    sla_clock: SlaClock | None = find("sla_clocks", description="One SLA clock; null when there is none of this id.")
    sla_clocks: Connection[SlaClock] = listing(
        "sla_clocks", filter=SlaClockFilter, order=SlaClockOrder, description="SLA clocks, page by page."
    )

    sla_breaches_by_customer: list[SlaBreachCount] = rows(
        BREACHES_BY_CUSTOMER, _most_breached, description="How many clocks breached, by customer, most first."
    )
