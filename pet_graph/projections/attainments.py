"""How many clocks kept what was promised: counts by group and period, in one statement over the clocks."""

from __future__ import annotations

from enum import StrEnum


class AttainmentDimension(StrEnum):
    """What groups can be made by; the statement is told of them by their places here."""

    POLICY = "policy_id"
    CUSTOMER = "customer_id"
    KIND = "kind"
    NAME = "name"
    PRIORITY = "priority"


class AttainmentBasis(StrEnum):
    """Which instant of a clock tells the period that it counts in."""

    DECIDED = "decided"
    STARTED = "started"


def _counted(verdict: str) -> str:
    """How many clocks there are of each kind of verdict, of those said last or of those given first."""
    return f"""
      count(*) filter (where {verdict} and said = 'met')::int as {verdict}_met,
      count(*) filter (where {verdict} and said = 'breached')::int as {verdict}_breached,
      count(*) filter (where {verdict} and overdue)::int as {verdict}_overdue,
      count(*) filter (where {verdict} and said in ('running', 'paused') and not overdue)::int as {verdict}_open,
      count(*) filter (where {verdict} and said = 'cancelled')::int as {verdict}_cancelled"""


def _share(verdict: str) -> str:
    """In millionths, rounded down: what just falls short of a goal does not reach it. Null where nothing counts."""
    decided = f"{verdict}_met + {verdict}_breached + {verdict}_overdue"
    return f"{verdict}_met * 1000000::bigint / nullif({decided}, 0) as {verdict}_share"


_GROUPS = ", ".join(
    f"case when {place} = any($2::int[]) then {one} end as {one}" for place, one in enumerate(AttainmentDimension)
)
_NAMES = ", ".join(AttainmentDimension)

SLA_ATTAINMENT = f"""
    with said as (
        select c.policy_id, c.customer_id, c.kind, c.name, c.priority, c.restated_as is not null as restated,
          v.last, v.first, v.said, v.said = 'running' and c.due_at <= {{now}} as overdue,
          case when $3 then c.started_at else coalesce(v.decided_at, c.due_at) end as at
        -- Every clock once by what was said of it last, and once by what was said of it first.
        from sla_clocks c cross join lateral (values
          (true, false, coalesce(c.restated_as, c.state), c.decided_at),
          (false, true, c.state, coalesce(c.breached_at, c.stopped_at))
        ) v(last, first, said, decided_at)
        where ($4::uuid[] is null or c.policy_id = any($4)) and ($5::uuid[] is null or c.customer_id = any($5))
          and ($6::text[] is null or c.kind = any($6)) and ($7::text[] is null or c.name = any($7))
          and ($8::text[] is null or c.priority = any($8))
    ), counted as (
        select width_bucket(at, $1::timestamptz[]) as place, {_GROUPS},
          {_counted("last")}, {_counted("first")}, count(*) filter (where last and restated)::int as restated
        from said where at >= ($1::timestamptz[])[1] and at < ($1::timestamptz[])[cardinality($1::timestamptz[])]
        group by place, {", ".join(str(2 + place) for place in range(len(AttainmentDimension)))}
    )
    select ($1::timestamptz[])[place] as period_start, ($1::timestamptz[])[place + 1] as period_end, *,
      {_share("last")}, {_share("first")}
    from counted order by place, last_breached + last_overdue desc, {_NAMES} limit $9::bigint"""
"""Parameters: the borders of the periods, the last one being the end; the dimensions; whether by the start; policies,
customers, kinds, names, priorities; how many groups."""
