"""What was sold against what was delivered: one statement over ledgers, as of now or of any past moment.

All it adds up are ledgers and rows that carry their place on all three axes of time, so a past moment is a condition.
The hours of one promise in one group make a cell; groups are made of cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from .base import View
from .bookings import USUAL_US


class DeliveryDimension(StrEnum):
    """What groups can be made by; a statement is told of them by their places here."""

    OBLIGATION = "obligation_id"
    PROJECT = "project_id"
    BURN_UNIT = "burn_unit"
    YEAR = "year"


class DeliveryOrder(StrEnum):
    """By which column groups are ordered, the largest first."""

    DRIFT = "drift"
    SOLD = "sold"
    DELIVERED = "worked"
    YEAR = "year"


class ForecastMethod(StrEnum):
    """How the hours yet to come are foreseen."""

    AS_SOLD = "as_sold"
    TASK_ESTIMATES = "task_estimates"
    FIRM_BOOKINGS = "firm_bookings"
    ALL_BOOKINGS = "all_bookings"


TO_COME = {
    ForecastMethod.AS_SOLD: "as_sold",
    ForecastMethod.TASK_ESTIMATES: "estimated",
    ForecastMethod.FIRM_BOOKINGS: "firm_ahead",
    ForecastMethod.ALL_BOOKINGS: "booked_ahead",
}
"""Which column foresees the hours yet to come."""


class Moment(NamedTuple):
    """As of when: at most one of these; without any, now."""

    position: int | None = None
    recorded_at: datetime | None = None
    occurred_at: datetime | None = None


class Selected(NamedTuple):
    """Only these, where any are given."""

    projects: Sequence[UUID] | None = None
    obligations: Sequence[UUID] | None = None
    customers: Sequence[UUID] | None = None
    burn_units: Sequence[str] | None = None


def _by(position: str, recorded_at: str, occurred_at: str) -> str:
    """Whether something was so by the moment."""
    return (
        f"({position} <= $1 or $1 is null) and ({recorded_at} <= $2 or $2 is null)"
        f" and ({occurred_at} <= $3 or $3 is null)"
    )


_NOW = "($1 is null and $2 is null and $3 is null)"
"""Whether no moment is given: then rows tell what their newest lines in a ledger do, with less to read."""


def _posted(row: str) -> str:
    return _by(f"{row}.position", f"{row}.recorded_at", f"{row}.posted_at")


_TODAY = "(select today.day from today)"
"""The day of the moment."""


def _stood(row: str, since: str, until: str) -> str:
    """Whether something that may be taken back stood at the moment."""
    begun = _by(f"{row}.since_position", f"{row}.since_recorded_at", f"{row}.{since}")
    ended = _by(f"{row}.until_position", f"{row}.until_recorded_at", f"{row}.{until}")
    return f"{begun} and ({row}.until_position is null or not ({ended}))"


_BOOKED = _stood("b", "booked_at", "released_at")

_FLOWS = {
    # What was owed, in the year in which it came to be.
    ("sold", "units_sold"): f"""
        select p.obligation_id, p.project_id, p.burn_unit,
          extract(year from p.posted_at at time zone 'UTC')::int as year, p.effort_us as sold,
          p.quantity_micros as units_sold
        from obligation_postings p where {_posted("p")}""",
    # What was worked, in the year of the work.
    ("billable", "non_billable", "written_off", "unattributed"): f"""
        select a.obligation_id, a.project_id, o.burn_unit, extract(year from a.worked_on)::int as year,
          case a.classification when 'billable' then a.worked_us else 0 end as billable,
          case a.classification when 'non_billable' then a.worked_us else 0 end as non_billable,
          case a.classification when 'written_off' then a.worked_us else 0 end as written_off,
          case a.classification when 'unattributed' then a.worked_us else 0 end as unattributed
        from allocations a left join obligations o on o.id = a.obligation_id where {_posted("a")}""",
    # What was handed over, in the year in which it was.
    ("units_delivered",): f"""
        select d.obligation_id, d.project_id, o.burn_unit,
          extract(year from d.delivered_at at time zone 'UTC')::int as year, d.quantity_micros as units_delivered
        from obligation_deliveries d join obligations o on o.id = d.obligation_id
        where {_stood("d", "delivered_at", "reversed_at")}""",
    # What open tasks are still thought to take.
    ("estimated",): f"""
        select m.obligation_id, m.project_id, o.burn_unit, null::int as year,
          greatest(m.estimate_us - coalesce((
            select sum(a.worked_us) from allocations a where a.task_id = m.task_id and {_posted("a")}), 0), 0)
          as estimated
        from (select t.id as task_id, t.obligation_id, t.project_id, t.estimate_us, t.status = 'open' as is_open
              from tasks t where {_NOW}
              union all
              (select distinct on (m.task_id) m.task_id, m.obligation_id, m.project_id, m.estimate_us, m.is_open
              from task_marks m where not {_NOW} and {_posted("m")} order by m.task_id, m.number desc)) m
        left join obligations o on o.id = m.obligation_id
        where m.is_open and m.estimate_us is not null""",
    # What people are kept for: altogether, and on the days after that of the moment.
    ("booked", "firm_ahead", "booked_ahead"): f"""
        select b.obligation_id, b.project_id, o.burn_unit, null::int as year, b.total_us as booked,
          case when b.firmed_at is not null and {_by("b.firm_position", "b.firm_recorded_at", "b.firmed_at")}
            then b.per_day_us * d.days else 0 end as firm_ahead,
          b.per_day_us * d.days as booked_ahead
        from bookings b left join obligations o on o.id = b.obligation_id
        cross join lateral (
          select count(*) as days
          from generate_series(greatest(b.first_on, {_TODAY} + 1), b.last_on, '1 day') day
          where (coalesce((select c.weekdays_us from capacities c
              where c.person_id = b.person_id and c.valid_from <= day order by c.valid_from desc limit 1),
            '{USUAL_US}'::bigint[]))[extract(isodow from day)::int] > 0) d
        where {_BOOKED}""",
}
"""Where hours and units come from, by what they are."""

MEASURES = tuple(one for names in _FLOWS for one in names)


def _under_each_other() -> str:
    parts = []
    for names, flow in _FLOWS.items():
        columns = ", ".join(one if one in names else f"0 as {one}" for one in MEASURES)
        parts.append(f"select obligation_id, project_id, burn_unit, year, {columns} from ({flow}) f")
    return " union all ".join(parts)


_SUMS = ", ".join(f"sum({one})::bigint as {one}" for one in MEASURES)
_WORKED = "billable + non_billable + written_off + unattributed"
_BY_YEAR = "3 = any($4::int[])"

_FORECASTS = ", ".join(
    f"json_build_object('method', '{method}', 'delivered', worked, 'to_come', {column},"
    f" 'at_completion', worked + {column}, 'above_sold', worked + {column} - sold)"
    for method, column in TO_COME.items()
)

_GROUPS = f"""
    with today as (
        select (least({{now}}, coalesce((select f.recorded_at from {{log}} f where f.position = $1), $2, $3, {{now}}))
          at time zone 'UTC')::date as day
    ), flows as ({_under_each_other()}),
    cells as (
        select obligation_id as promise,
          case when 0 = any($4::int[]) then obligation_id end as obligation_id,
          case when 1 = any($4::int[]) then project_id end as project_id,
          case when 2 = any($4::int[]) then burn_unit end as burn_unit,
          case when {_BY_YEAR} then year end as year,
          {_SUMS}
        from flows
        where (year is not null or not {_BY_YEAR})
          and ($5::uuid[] is null or project_id = any($5)) and ($6::uuid[] is null or obligation_id = any($6))
          and ($7::uuid[] is null or obligation_id in (select o.id from obligations o where o.customer_id = any($7)))
          and ($8::text[] is null or burn_unit = any($8))
        group by 1, 2, 3, 4, 5
    ), promises as (
        select o.id as obligation_id, o.project_id, o.burn_unit, o.promised_by, o.burn_unit = 'hours' as by_the_hour,
          extract(year from o.opened_at at time zone 'UTC')::int as year, o.ended_at
        from obligations o where {_NOW}
        union all
        (select distinct on (p.obligation_id) p.obligation_id, p.project_id, p.burn_unit, p.promised_by,
          p.burn_unit = 'hours', extract(year from o.opened_at at time zone 'UTC')::int,
          case when p.ended_at <= $3 or $3 is null then p.ended_at end
        from obligation_postings p join obligations o on o.id = p.obligation_id
        where not {_NOW} and {_posted("p")} order by p.obligation_id, p.number desc)
    ), last_booked as (
        select b.obligation_id, max(b.last_on) as last_on from bookings b where {_BOOKED} group by 1
    ), held as (
        select c.*, {_WORKED} as worked, home.obligation_id is not null as known, home.ended_at is not null as ended,
          case when p.by_the_hour then {_WORKED} - sold end as over,
          case when p.by_the_hour and p.ended_at is null and not {_BY_YEAR}
            then greatest(sold - ({_WORKED}), 0) else 0 end as as_sold,
          coalesce((home.ended_at at time zone 'UTC')::date, greatest({_TODAY}, home.promised_by, l.last_on))
            - home.promised_by as drift_days
        from cells c left join promises p on p.obligation_id = c.promise
        -- A promise is counted where it was last, and in the year in which it was first.
        left join promises home on home.obligation_id = c.promise
          and (home.project_id is not distinct from c.project_id or not 1 = any($4::int[]))
          and (home.burn_unit = c.burn_unit or not 2 = any($4::int[])) and (home.year = c.year or not {_BY_YEAR})
        left join last_booked l on l.obligation_id = c.promise
    )
    select obligation_id, project_id, burn_unit, year,
      count(*) filter (where known)::int as promises, count(*) filter (where known and ended)::int as ended,
      count(*) filter (where drift_days > 0)::int as late, max(drift_days) as drift_days,
      {_SUMS}, sum(worked)::bigint as worked, sum(as_sold)::bigint as as_sold,
      coalesce(sum(over + as_sold), 0)::bigint as drift
    from held group by 1, 2, 3, 4
    having bool_or(known) or sum(sold) <> 0 or sum(worked) <> 0 or sum(booked) <> 0 or sum(estimated) <> 0
      or sum(units_delivered) <> 0
"""

_ORDERED = " ".join(f"when '{one}' then {one}" for one in DeliveryOrder)


def sold_versus_delivered(log: str) -> str:
    """One row a group, hours in microseconds; in the order asked for and then by what they are groups of.

    `log` is where facts are read from. The parameters are those of `asked`; `{now}` stands for the present instant.
    """
    return f"""select g.*, case when {_BY_YEAR} then '[]' else json_build_array({_FORECASTS}) end as forecasts
    from ({_GROUPS.replace("{log}", log)}) g
    order by case $9::text {_ORDERED} end desc nulls last, year, burn_unit, project_id, obligation_id limit $10"""


def asked(
    by: Sequence[DeliveryDimension], moment: Moment, selected: Selected, order: DeliveryOrder, first: int
) -> tuple[Any, ...]:
    """The parameters: position, recorded at, occurred at; the dimensions by their places; only which; how many."""
    places = [list(DeliveryDimension).index(one) for one in by]
    return (*moment, places, *selected, order.value, first)


async def projects_posted_at(connections: asyncpg.Pool[Any], position: int) -> list[UUID]:
    """The projects whose hours one fact changed."""
    rows = await connections.fetch(
        "select project_id from allocations where position = $1 and project_id is not null"
        " union select project_id from obligation_postings where position = $1 and project_id is not null"
        " union select project_id from obligation_deliveries where position = $1 and project_id is not null order by 1",
        position,
    )
    return [row["project_id"] for row in rows]


_IN_CLASSES = """
    sum(worked_us)::bigint as worked_us,
    coalesce(sum(worked_us) filter (where classification = 'billable'), 0)::bigint as billable_us,
    coalesce(sum(worked_us) filter (where classification = 'unattributed'), 0)::bigint as unattributed_us"""
_CLASSES = {"worked_us": "BIGINT", "billable_us": "BIGINT", "unattributed_us": "BIGINT"}

PROJECT_WEEKS = View(
    "project_weeks",
    f"""
    select md5(project_id::text || starts_on)::uuid as id, project_id, starts_on, {_IN_CLASSES}
    from (select *, date_trunc('week', worked_on)::date as starts_on from allocations) a
    group by project_id, starts_on having sum(worked_us) <> 0""",
    {"id": "UUID", "project_id": "UUID", "starts_on": "DATE", **_CLASSES},
)
"""What was worked in each week of a project, which begins on Monday."""

PROJECT_PEOPLE = View(
    "project_people",
    f"""
    select md5(project_id::text || person_id)::uuid as id, project_id, person_id,
      min(worked_on) as first_on, max(worked_on) as last_on, {_IN_CLASSES}
    from allocations group by project_id, person_id having sum(worked_us) <> 0""",
    {"id": "UUID", "project_id": "UUID", "person_id": "UUID", "first_on": "DATE", "last_on": "DATE", **_CLASSES},
)
"""What each person worked in a project."""
