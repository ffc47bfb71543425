"""What clients may ask of sold against delivered: as of now, as of then, and as it changes."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import timedelta
from typing import Annotated, Any

import strawberry

from .. import context, log
from ..context import Info
from ..events.allocations import AllocationWithdrawn, TimeAllocated, TimeWrittenOff
from ..events.base import Fact
from ..events.deliveries import DeliveryReversed, ObligationDelivered
from ..events.obligations import (
    ObligationAmended,
    ObligationBurned,
    ObligationDropped,
    ObligationFulfilled,
    ObligationPlaced,
    ObligationReleased,
)
from ..projections.answers import Given
from ..projections.deliveries import (
    DeliveryDimension,
    DeliveryOrder,
    Moment,
    Selected,
    asked,
    projects_posted_at,
    sold_versus_delivered,
)
from ..schema import facts
from ..schema.deliveries import (
    DeliveryFilter,
    ObligationAtRisk,
    ProjectDrift,
    SoldVersusDelivered,
)
from ..schema.links import rows
from ..schema.nodes import check_count, columns_of, id_of
from ..schema.scalars import Position
from .tickets import AsOf
from .verdicts import After

MOST_GROUPS = 1_000
MOST_PERCENT = 1_000
CHANGING = (
    AllocationWithdrawn,
    ObligationAmended,
    ObligationDropped,
    ObligationFulfilled,
    ObligationPlaced,
    ObligationReleased,
    TimeAllocated,
    TimeWrittenOff,
    ObligationDelivered,
    DeliveryReversed,
)
"""What may change the hours of a project. An obligation that is just opened has none yet."""


SQL = sold_versus_delivered(log.RELATION)


def _asked(
    by: Annotated[
        list[DeliveryDimension], strawberry.argument(description="What groups are made by; none is one group.")
    ],
    first: Annotated[int, strawberry.argument(description="The first so many groups, 1 to 1,000.")],
    order_by: Annotated[DeliveryOrder, strawberry.argument(description="In which order.")] = DeliveryOrder.DRIFT,
    filter: Annotated[
        DeliveryFilter | None, strawberry.argument(description="Only those of which all of this holds.")
    ] = None,
    as_of: Annotated[AsOf | None, strawberry.argument(description="As it was then; left out, as it is.")] = None,
) -> Given:
    check_count("first", first, MOST_GROUPS)
    then = as_of.moment() if as_of else context.AsOf()
    moment = Moment(then.position, then.recorded_at, then.occurred_at)
    return Given(asked(by, moment, _selected(filter), order_by, first))


def _selected(filter: DeliveryFilter | None) -> Selected:
    def ids(name: str, given: list[strawberry.ID] | None) -> Any:
        return None if given is None else [id_of(name, one) for one in given]

    if filter is None:
        return Selected()
    return Selected(
        projects=ids("Project", filter.project),
        obligations=ids("Obligation", filter.obligation),
        customers=ids("Customer", filter.customer),
        burn_units=None if filter.burn_unit is None else [one.value for one in filter.burn_unit],
    )


@strawberry.type
class DeliveryQueries:
    sold_versus_delivered: list[SoldVersusDelivered] = rows(
        SQL,
        _asked,
        description="Hours sold against hours delivered, in groups: of all contracts, now or as of any past moment.",
    )


# --- following --------------------------------------------------------------------------------------------------------


@strawberry.input(description="Which projects, and from which drift on.")
class ProjectDriftFilter:
    project: list[strawberry.ID] | None = strawberry.field(default=None, description="Only these projects.")
    above: timedelta | None = strawberry.field(default=None, description="Only while the drift is more than this.")


@strawberry.type
class DeliverySubscriptions:
    @strawberry.subscription(
        description="Sold against delivered of projects, each time something changes it. Each message tells how it "
        "stood as of its own fact, so a feed that is read again says the same again."
    )
    async def project_drift(
        self,
        info: Info,
        after: After = None,
        filter: Annotated[
            ProjectDriftFilter | None, strawberry.argument(description="Only those of which all of this holds.")
        ] = None,
    ) -> AsyncGenerator[ProjectDrift, None]:
        wanted = None if not filter or filter.project is None else [id_of("Project", one) for one in filter.project]
        above = filter.above if filter else None
        async with aclosing(info.context.follow(after)) as followed:
            async for fact in followed:
                if isinstance(fact.event, CHANGING):
                    for drift in await _drifts(info, fact, wanted):
                        if above is None or drift.hours.drift > above:
                            yield drift

    @strawberry.subscription(
        description="Promises of which more hours are burnt than a share of those sold: once each time it is crossed."
    )
    async def obligations_at_risk(
        self,
        info: Info,
        after: After = None,
        percent: Annotated[
            int,
            strawberry.argument(description="The share in percent, 1 to 1,000; 100 is all that was sold."),
        ] = 80,
    ) -> AsyncGenerator[ObligationAtRisk, None]:
        check_count("percent", percent, MOST_PERCENT)
        async with aclosing(info.context.follow(after)) as followed:
            async for fact in followed:
                if isinstance(fact.event, ObligationBurned) and _crosses(fact.event, percent):
                    yield _at_risk(fact, fact.event, percent)


async def _drifts(info: Info, fact: Fact, wanted: list[Any] | None) -> list[ProjectDrift]:
    """How the projects stand that a fact has posted something to."""
    projects = await projects_posted_at(info.context.services.pool, fact.position)
    found = []
    for project in projects:
        if wanted is None or project in wanted:
            then, which = Moment(position=fact.position), Selected(projects=[project])
            given = Given(asked([DeliveryDimension.PROJECT], then, which, DeliveryOrder.DRIFT, 1))
            said = facts.Fact.of(fact)
            for row in await info.context.fetch(SQL, given):
                hours = SoldVersusDelivered(**columns_of(SoldVersusDelivered, row))
                found.append(ProjectDrift(project_id=project, cursor=Position(fact.position), fact=said, hours=hours))
    return found


def _crosses(burned: ObligationBurned, percent: int) -> bool:
    if burned.effort is None:
        return False
    share = burned.effort * percent / 100
    return burned.so_far - burned.burnt < share <= burned.so_far


def _at_risk(fact: Fact, burned: ObligationBurned, percent: int) -> ObligationAtRisk:
    assert burned.effort is not None, "hours were sold"
    return ObligationAtRisk(
        obligation_id=fact.id,
        cursor=Position(fact.position),
        percent=percent,
        burnt=burned.so_far,
        sold=burned.effort,
        fact=facts.Fact.of(fact),
    )
