"""SLA attainment as clients see it: how many clocks kept what was promised."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry

from ..events.clocks import SlaKind
from ..projections.attainments import AttainmentBasis, AttainmentDimension
from .base import Priority, Quantity, described
from .links import one
from .nodes import column

if TYPE_CHECKING:
    from .customers import Customer
    from .policies import SlaPolicy


class Every(StrEnum):
    """How long periods are."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


described(
    Every,
    "How long periods are. They begin at midnight in the zone that is asked for.",
    DAY="A day.",
    WEEK="A week, from Monday.",
    MONTH="A month.",
    QUARTER="A quarter, from January, April, July or October.",
    YEAR="A year.",
)
described(
    AttainmentDimension,
    "What groups are made by.",
    POLICY="By the policy that the target comes from.",
    CUSTOMER="By customer.",
    KIND="By what clocks measure.",
    NAME="By the names of clocks, which tell apart those of a policy's own.",
    PRIORITY="By the priority that chose the target.",
)
described(
    AttainmentBasis,
    "Which instant of a clock tells the period that it counts in.",
    DECIDED="When it was decided: a breach when the target was reached, what was met or cancelled when it ended; "
    "as long as a clock is open, when it is due. A clock that stands still is due at no time and counts in no period. "
    "What a period adds up to is final once all its clocks are decided, unless some are restated.",
    STARTED="When it started: every clock counts in one period, and a period is final once its last clock has ended.",
)


@strawberry.input(description="Which clocks.")
class SlaAttainmentFilter:
    policy: list[strawberry.ID] | None = strawberry.field(default=None, description="By one of these policies.")
    customer: list[strawberry.ID] | None = strawberry.field(default=None, description="Of one of these customers.")
    kind: list[SlaKind] | None = strawberry.field(default=None, description="That measure one of these.")
    name: list[str] | None = strawberry.field(default=None, description="Of one of these names.")
    priority: list[Priority] | None = strawberry.field(default=None, description="Of one of these priorities.")


@strawberry.type(
    description="How many clocks of a group kept what was promised. attainment = met / (met + breached + overdue). "
    "A clock whose verdict was restated counts as what was said of it last; the fields that begin with `first` count "
    "the same clocks as they were judged first, each in the period of that verdict."
)
class SlaAttainment:
    policy_id: strawberry.Private[UUID | None]
    customer_id: strawberry.Private[UUID | None]
    start: datetime = column("When the period begins.", of="period_start")
    end: datetime = column("When it ends; that instant belongs to the next one.", of="period_end")
    policy: Annotated["SlaPolicy", strawberry.lazy(".policies")] | None = one(
        "policies", by="policy_id", description="The policy; null when groups are not made by it."
    )
    customer: Annotated["Customer", strawberry.lazy(".customers")] | None = one(
        "customers", by="customer_id", description="The customer; null when groups are not made by it."
    )
    kind: SlaKind | None = column("What the clocks measure; null when groups are not made by it.")
    name: str | None = column("The name of the clocks; null when groups are not made by it.")
    priority: Priority | None = column("The priority; null when groups are not made by it.")
    met: int = column("How many were met.", of="last_met")
    breached: int = column("How many breached, whether or not what was promised was done later.", of="last_breached")
    overdue: int = column(
        "How many are open and past due although their breach is not recorded yet, which takes moments. "
        "They count as breached: who leaves a ticket open does not better the figure.",
        of="last_overdue",
    )
    open: int = column("How many are open and in time, or stand still. They do not count yet.", of="last_open")
    cancelled: int = column("How many ended without a verdict. They do not count.", of="last_cancelled")
    restated: int = column("Of how many of them the verdict was restated.")
    attainment: Quantity | None = column(
        "The share that was met, from 0 to 1, rounded down to a millionth; null where none counts.", of="last_share"
    )
    first_met: int = column("How many were judged met at first.")
    first_breached: int = column("How many were judged breached at first.")
    first_overdue: int = column("How many are open and past due, and nothing was said of them yet.")
    first_cancelled: int = column("How many were cancelled at first.")
    first_attainment: Quantity | None = column(
        "The share by the verdicts as they were given first; null where none counts.", of="first_share"
    )
