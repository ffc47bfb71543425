"""What clients may ask of SLA attainment: one statement, by group and period."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

import strawberry

from ..events.workdays import zone as zone_of
from ..events.workdays import zones
from ..projections.answers import Given
from ..projections.attainments import SLA_ATTAINMENT, AttainmentBasis, AttainmentDimension
from ..schema.attainments import Every, SlaAttainment, SlaAttainmentFilter
from ..schema.links import rows
from ..schema.nodes import bad_input, check_count, id_of, shown, text

MOST = 1_000
MONTHS = {Every.MONTH: 1, Every.QUARTER: 3, Every.YEAR: 12}
about = strawberry.argument


def _asked(
    start: Annotated[datetime, about(name="from", description="The first instant.")],
    end: Annotated[datetime, about(name="to", description="The first instant after it.")],
    by: Annotated[list[AttainmentDimension], about(description="What groups are made by; none is one group.")],
    first: Annotated[int, about(description="The first so many groups, 1 to 1,000.")],
    every: Annotated[
        Every | None, about(description="Into which periods to part the time, at most 1,000; left out, it is one.")
    ] = None,
    zone: Annotated[str, about(description="The IANA name of the zone in which periods begin.")] = "UTC",
    basis: Annotated[
        AttainmentBasis, about(description="Which instant of a clock tells the period that it counts in.")
    ] = AttainmentBasis.DECIDED,
    filter: Annotated[
        SlaAttainmentFilter | None, about(description="Only the clocks of which all of this holds.")
    ] = None,
) -> Given:
    check_count("first", first, MOST)
    if not start < end:
        raise bad_input("`from` has to come before `to`.")
    dimensions = [list(AttainmentDimension).index(one) for one in by]
    borders = _borders(start, end, every, zone)
    return Given((borders, dimensions, basis is AttainmentBasis.STARTED, *_selected(filter), first))


def _selected(filter: SlaAttainmentFilter | None) -> tuple[Any, ...]:
    """Policies, customers, kinds, names, priorities."""
    if filter is None:
        return (None,) * 5
    policies = None if filter.policy is None else [id_of("SlaPolicy", one) for one in filter.policy]
    customers = None if filter.customer is None else [id_of("Customer", one) for one in filter.customer]
    names = None if filter.name is None else [text(one) for one in filter.name]
    return policies, customers, filter.kind, names, filter.priority


def _borders(start: datetime, end: datetime, every: Every | None, zone: str) -> list[datetime]:
    """When each period begins, and when the last one ends; those at the ends are cut off there."""
    if zone not in zones():
        raise bad_input(f"{shown(zone)} is no time zone of the IANA database.")
    borders = [start]
    for midnight in _midnights(start, every, zone) if every else ():
        if midnight >= end:
            break
        if midnight > borders[-1]:  # a date that a zone skipped has no day
            borders.append(midnight)
        if len(borders) > MOST:
            raise bad_input(f"From `from` to `to` it is more than {MOST} periods; ask for less time, or longer ones.")
    return [*borders, end]


def _midnights(start: datetime, every: Every, zone: str) -> Iterator[datetime]:
    """The local midnights with which periods begin, from the one before `start` on, as long as there are years."""
    place = zone_of(zone)
    try:
        on = _first_of(start.astimezone(place).date(), every)
        while True:
            yield datetime(on.year, on.month, on.day, tzinfo=place).astimezone(UTC)
            on = _next(on, every)
    except (OverflowError, ValueError):
        return


def _first_of(on: date, every: Every) -> date:
    """The first day of the period in which a date lies."""
    if every in MONTHS:
        months = MONTHS[every]
        return date(on.year, (on.month - 1) // months * months + 1, 1)
    return on if every is Every.DAY else on - timedelta(days=on.weekday())


def _next(on: date, every: Every) -> date:
    if every in MONTHS:
        month = on.month - 1 + MONTHS[every]
        return date(on.year + month // 12, month % 12 + 1, 1)
    return on + timedelta(days=1 if every is Every.DAY else 7)


@strawberry.type
class AttainmentQueries:
    sla_attainment: list[SlaAttainment] = rows(
        SLA_ATTAINMENT,
        _asked,
        description="How many clocks kept what was promised, by group and period: the oldest period first, and in it "
        "the group with the most breaches. Open clocks that are past due count as breached.",
    )
