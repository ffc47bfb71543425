"""What clients may ask of sold against delivered: as of now, as of then, and as it changes."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import timedelta
from typing import Annotated, Any

import strawberry

from .. import context
from ..context import Info
from ..events.allocations import AllocationWithdrawn, TimeAllocated, TimeWrittenOff
from ..events.base import Fact
from ..events.obligations import (
    ObligationAmended,
    ObligationBurned,
    ObligationDropped,
    ObligationFulfilled,
    ObligationPlaced,
    ObligationReleased,
)
from ..projections.deliveries import (
    HOURS,
    DeliveryDimension,
    DeliveryOrder,
    ForecastMethod,
    Moment,
    Selected,
    projects_posted_at,
    sold_versus_delivered,
)
from ..schema import facts
from ..schema.base import BurnUnit
from ..schema.deliveries import (
    DeliveryFilter,
    Forecast,
    ObligationAtRisk,
    ProjectDrift,
    SoldVersusDelivered,
)
from ..schema.nodes import check_count, id_of
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
)
"""What may change the hours of a project. An obligation that is just opened has none yet."""


@strawberry.type
class DeliveryQueries:
    @strawberry.field(
        description="Hours sold against hours delivered, in groups: of all contracts, now or as of any past moment."
    )
    async def sold_versus_delivered(
        self,
        info: Info,
        by: Annotated[
            list[DeliveryDimension], strawberry.argument(description="What groups are made by; none is one group.")
        ],
        first: Annotated[int, strawberry.argument(description="The first so many groups, 1 to 1,000.")],
        order_by: Annotated[DeliveryOrder, strawberry.argument(description="In which order.")] = DeliveryOrder.DRIFT,
        filter: Annotated[
            DeliveryFilter | None, strawberry.argument(description="Only those of which all of this holds.")
        ] = None,
        as_of: Annotated[AsOf | None, strawberry.argument(description="As it was then; left out, as it is.")] = None,
    ) -> list[SoldVersusDelivered]:
        info.context.may_read()
        check_count("first", first, MOST_GROUPS)
        moment = await info.context.reached(as_of.moment()) if as_of else context.AsOf()
        return await _groups(info, by, moment, _selected(filter), order_by, first)


async def _groups(
    info: Info,
    by: list[DeliveryDimension],
    as_of: context.AsOf,
    selected: Selected,
    order_by: DeliveryOrder = DeliveryOrder.DRIFT,
    first: int = 1,
) -> list[SoldVersusDelivered]:
    day = info.context.instant(as_of).date()
    moment = Moment(as_of.position, as_of.recorded_at, as_of.occurred_at, day)
    rows = await sold_versus_delivered(info.context.services.pool, by, moment, selected, order_by, first)
    return [_group(row, forecasts=DeliveryDimension.YEAR not in by) for row in rows]


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


def _group(row: Any, *, forecasts: bool) -> SoldVersusDelivered:
    spans: dict[str, Any] = {name: timedelta(microseconds=row[name]) for name in (*HOURS, "worked", "as_sold", "drift")}
    shown = ("sold", "booked", "billable", "non_billable", "written_off", "unattributed", "drift")
    return SoldVersusDelivered(
        obligation_id=row["obligation_id"],
        project_id=row["project_id"],
        burn_unit=row["burn_unit"] and BurnUnit(row["burn_unit"]),
        year=row["year"],
        promises=row["promises"],
        ended=row["ended"],
        late=row["late"],
        delivered=spans["worked"],
        remaining=spans["as_sold"],
        drift_days=row["drift_days"],
        forecasts=[_forecast(spans, method) for method in ForecastMethod] if forecasts else [],
        **{name: spans[name] for name in shown},
    )


def _forecast(spans: dict[str, Any], method: ForecastMethod) -> Forecast:
    delivered, to_come = spans["worked"], spans[method]
    whole = delivered + to_come
    return Forecast(
        method=method, delivered=delivered, to_come=to_come, at_completion=whole, above_sold=whole - spans["sold"]
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
            then = context.AsOf(position=fact.position, reached_at=fact.recorded_at)
            said = facts.Fact.of(fact)
            for hours in await _groups(info, [DeliveryDimension.PROJECT], then, Selected(projects=[project])):
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
