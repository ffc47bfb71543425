"""Everything PET remembers: every table, every projector, and the fold that makes rows of facts.

The rows of a stream are a function of its state, its id, its version and its last position, so it does not matter how
often they are made: a turn makes them after all that it records, a rebuild once a stream.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..events import DECIDERS
from ..events.base import Fact
from . import (
    actuals,
    allocations,
    approval_limits,
    bookings,
    calendars,
    customers,
    deliveries,
    durations,
    holidays,
    leads,
    milestones,
    obligations,
    opportunities,
    people,
    policies,
    projects,
    quote_versions,
    quotes,
    rates,
    slas,
    streams,
    tasks,
    tickets,
    time_entries,
    time_policies,
)
from .base import Change, Put, Table, View, table_of

PROJECTORS: dict[str, Callable[[Any, Fact], list[Change]]] = {
    "actual": actuals.project,
    "approval_limit": approval_limits.project,
    "allocation": allocations.project,
    "calendar": calendars.project,
    "customer": customers.project,
    "lead": leads.project,
    "number": lambda state, fact: [],
    "obligation": obligations.project,
    "opportunity": opportunities.project,
    "milestone": milestones.project,
    "person": people.project,
    "policy": policies.project,
    "project": projects.project,
    "rate_card": rates.project,
    "schedule": bookings.project,
    "quote": quotes.project,
    "sla": slas.project,
    "task": tasks.project,
    "ticket": tickets.project,
    "time_policy": time_policies.project,
    "timesheet": time_entries.project,
}

TABLES: dict[str, Table] = {
    table.name: table
    for table in map(
        table_of,
        (
            actuals.ActualRow,
            bookings.BookingRow,
            bookings.CapacityRow,
            approval_limits.ApprovalLimitRow,
            customers.CustomerRow,
            allocations.AllocationRow,
            allocations.AllocationTrialRow,
            calendars.CalendarExceptionRow,
            calendars.CalendarRow,
            calendars.CalendarVersionRow,
            calendars.CalendarWindowRow,
            holidays.HolidayRow,
            obligations.ObligationRow,
            obligations.ObligationDeliveryRow,
            obligations.ObligationPostingRow,
            leads.LeadCriterionRow,
            leads.LeadRow,
            opportunities.OpportunityForecastRow,
            opportunities.OpportunityRow,
            milestones.MilestoneRow,
            milestones.ProgressClaimRow,
            people.PersonRow,
            policies.PolicyRow,
            projects.ProjectRow,
            rates.RateCardRow,
            rates.RateRow,
            quotes.QuoteRow,
            quote_versions.QuoteLineRow,
            quote_versions.QuoteVersionRow,
            slas.DeadlineRow,
            slas.SlaClockRow,
            slas.SlaEditRow,
            slas.SlaReviewRow,
            streams.StreamRow,
            tasks.TaskMarkRow,
            tasks.TaskRow,
            tickets.TicketRow,
            durations.TicketIntervalRow,
            time_entries.TimeEntryRow,
            time_entries.TimesheetRow,
            time_policies.TimePolicyRow,
        ),
    )
}


_DECIDERS = {event.__name__: decider for decider in DECIDERS.values() for event in decider.events}

VIEWS = {view.name: view for view in (deliveries.PROJECT_WEEKS, deliveries.PROJECT_PEOPLE, slas.RUNNING_CLOCKS)}

RELATIONS: dict[str, Table | View] = {**TABLES, **VIEWS}
"""Everything that questions can be asked of."""


def state_after(facts: Iterable[Fact]) -> Any:
    """The state that facts of one stream, at least one, lead to."""
    state: Any = None
    for fact in facts:
        state = evolved(state, fact)
    return state


def evolved(state: Any, fact: Fact) -> Any:
    """The state of a stream after one more fact; before its first fact the state is None."""
    decider = _DECIDERS[fact.type]
    return decider.evolve(decider.initial if state is None else state, fact)


def rows_of(state: Any, last: Fact) -> list[Change]:
    """All rows of a stream, made of its state after its last fact; and drops of what may have been one before."""
    return [*PROJECTORS[streams.noun_of(last.stream)](state, last), streams.put(state, last)]


def rows_since(position: int, state: Any, last: Fact) -> list[Change]:
    """Those of a stream's rows that may have changed since a position: a row that carries an earlier one has not."""
    return [change for change in rows_of(state, last) if _is_news(change, position)]


def _is_news(change: Change, since: int) -> bool:
    return not isinstance(change, Put) or change.values.get("position", since + 1) > since
