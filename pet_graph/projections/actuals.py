"""Actuals line by line, and what of all time worked is billed, is not billed yet, and why."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from uuid import UUID, uuid5

from sqlalchemy import BigInteger, Index
from sqlmodel import Field, SQLModel

from ..events.actuals import ActualState, Posted
from ..events.base import Fact
from .base import Change, Put, Row

MICROSECOND = timedelta(microseconds=1)


class ActualRow(SQLModel, table=True):
    """One line; `quantity_us` is null for a milestone, `amount_micros` and `currency` where no price is known."""

    __tablename__ = "actuals"
    __table_args__ = (
        Index("actuals_occurred_at", "occurred_at", "id"),
        Index("actuals_time_entry", "time_entry_id", "occurred_at", "id"),
        Index("actuals_milestone", "milestone_id", "occurred_at", "id"),
        Index("actuals_project", "project_id", "occurred_at", "id"),
        Index("actuals_obligation", "obligation_id", "occurred_at", "id"),
    )

    id: UUID = Field(primary_key=True)
    time_entry_id: UUID | None
    milestone_id: UUID | None
    person_id: UUID | None
    project_id: UUID | None
    obligation_id: UUID | None
    billing_id: UUID | None
    contract: str
    kind: str
    chargeable: bool
    quantity_us: int | None = Field(sa_type=BigInteger)
    amount_micros: int | None = Field(sa_type=BigInteger)
    currency: str | None
    worked_on: date | None
    occurred_at: datetime
    recorded_at: datetime
    position: int = Field(sa_type=BigInteger)


def project(state: ActualState, fact: Fact) -> list[Change]:
    return [Put("actuals", row) for row in _rows(state, fact.id)]


def _rows(state: ActualState, stream: UUID) -> Iterator[Row]:
    for number, posted in enumerate(state.lines):
        of_time = state.person is not None
        yield {
            "id": uuid5(stream, f"actual/{number}"),
            "time_entry_id": stream if of_time else None,
            "milestone_id": None if of_time else stream,
            "person_id": state.person,
            "worked_on": state.worked_on,
            **_line(posted),
        }


def _line(posted: Posted) -> Row:
    line, stamp = posted.line, posted.stamp
    return {
        "project_id": line.place.project,
        "obligation_id": line.place.obligation,
        "contract": line.place.contract,
        "billing_id": line.billing,
        "kind": line.kind,
        "chargeable": line.chargeable,
        "quantity_us": None if line.quantity is None else line.quantity // MICROSECOND,
        "amount_micros": line.amount and line.amount.amount_micros,
        "currency": line.amount and line.amount.currency,
        "occurred_at": stamp.occurred_at,
        "recorded_at": stamp.recorded_at,
        "position": stamp.position,
    }


AGES = ("until_30_days", "until_60_days", "until_90_days", "older")

_LINES = """
    select time_entry_id as entry_id, coalesce(worked_on, (occurred_at at time zone 'UTC')::date) as worked_on,
           case when kind = 'billed_sales' and chargeable then 'billed'
                when kind <> 'cost' and not chargeable then 'given_away'
                when kind = 'cost' then case contract when 'time_and_materials' then '' else contract end
                when amount_micros is null then 'unpriced'
                else 'ready' end as state,
           coalesce(quantity_us, 0) as quantity_us, case when kind <> 'cost' then amount_micros end as amount_micros,
           case when kind <> 'cost' then currency end as currency,
           case when kind = 'cost' and amount_micros is null then quantity_us else 0 end as uncosted_us
    from actuals where $1::uuid is null or project_id = $1
    union all
    select e.id, e.worked_on, case e.status when 'recorded' then 'not_submitted' else 'not_approved' end,
           e.worked_us, null, null, 0
    from time_entries e left join tasks t on t.id = e.task_id
    where e.status in ('recorded', 'submitted') and ($1::uuid is null or coalesce(e.project_id, t.project_id) = $1)
"""
"""Every line with what it says of its time; cost of hours that are sold by the hour says nothing of their billing."""

_BY_ENTRY = f"""
    select entry_id, worked_on, state, currency, sum(quantity_us) as worked_us, sum(amount_micros) as amount_micros,
           sum(uncosted_us) as uncosted_us
    from ({_LINES}) l group by entry_id, worked_on, state, currency
    having sum(quantity_us) <> 0 or sum(amount_micros) <> 0
"""

_PARTS = f"""
    select state, case when today.day - worked_on <= 30 then 1 when today.day - worked_on <= 60 then 2
                       when today.day - worked_on <= 90 then 3 else 4 end as age,
           currency, count(distinct entry_id) as entries, sum(worked_us)::bigint as worked_us,
           sum(amount_micros)::bigint as amount_micros, sum(uncosted_us)::bigint as uncosted_us,
           min(worked_on) as oldest_on
    from ({_BY_ENTRY}) e cross join today group by 1, 2, 3
"""
"""Rows of the state '' tell only of costs: `uncosted_us` is the time of which nobody knows what it cost."""

WORK_IN_PROGRESS = f"""
    with today as (select coalesce($2::text::date, ({{now}} at time zone 'UTC')::date) as day)
    select today.day, coalesce(sum(worked_us) filter (where state <> ''), 0)::bigint as worked_us,
      coalesce(sum(worked_us) filter (where state = 'billed'), 0)::bigint as billed_us,
      coalesce(sum(uncosted_us), 0)::bigint as uncosted_us,
      coalesce(json_agg(json_build_object('state', state, 'age', (array{[*AGES]})[age], 'worked_us', worked_us,
          'amount_micros', amount_micros, 'currency', currency, 'entries', entries, 'oldest_on', oldest_on)
        order by state, age, currency nulls last) filter (where state <> ''), '[]') as parts
    from today left join ({_PARTS}) p on true group by today.day
"""
"""All time that counts, each hour once, by what became of it, its age and the currency of its price: one row.

Parameters: the project, if only of one; the day from which ages are counted, if not today, as text: the last one that
there is would be taken for infinity.
"""
