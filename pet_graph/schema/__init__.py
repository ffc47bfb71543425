"""Every node by its GraphQL name: the table it is a row of, and its type."""

from __future__ import annotations

from typing import Any

from . import (
    actuals,
    allocations,
    approval_limits,
    bookings,
    calendars,
    customers,
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
    tasks,
    tickets,
    time_entries,
    time_policies,
    verdicts,
)

NODES: dict[str, tuple[str, Any]] = {
    "Actual": ("actuals", actuals.Actual),
    "ApprovalLimit": ("approval_limits", approval_limits.ApprovalLimit),
    "Allocation": ("allocations", allocations.Allocation),
    "AllocationTrial": ("allocation_trials", allocations.AllocationTrial),
    "Booking": ("bookings", bookings.Booking),
    "Calendar": ("calendars", calendars.Calendar),
    "CalendarException": ("calendar_exceptions", calendars.CalendarException),
    "CalendarVersion": ("calendar_versions", calendars.CalendarVersion),
    "CalendarWindow": ("calendar_windows", calendars.CalendarWindow),
    "Customer": ("customers", customers.Customer),
    "Holiday": ("holidays", holidays.Holiday),
    "Lead": ("leads", leads.Lead),
    "LeadCriterion": ("lead_criteria", leads.LeadCriterion),
    "Obligation": ("obligations", obligations.Obligation),
    "ObligationDelivery": ("obligation_deliveries", obligations.ObligationDelivery),
    "Opportunity": ("opportunities", opportunities.Opportunity),
    "OpportunityForecast": ("opportunity_forecasts", opportunities.OpportunityForecast),
    "Milestone": ("milestones", milestones.Milestone),
    "Person": ("people", people.Person),
    "ProgressClaim": ("progress_claims", milestones.ProgressClaim),
    "Project": ("projects", projects.Project),
    "Rate": ("rates", rates.Rate),
    "RateCard": ("rate_cards", rates.RateCard),
    "Quote": ("quotes", quotes.Quote),
    "QuoteLine": ("quote_lines", quote_versions.QuoteLine),
    "QuoteVersion": ("quote_versions", quote_versions.QuoteVersion),
    "SlaClock": ("sla_clocks", slas.SlaClock),
    "SlaPolicy": ("policies", policies.SlaPolicy),
    "Task": ("tasks", tasks.Task),
    "Ticket": ("tickets", tickets.Ticket),
    "TimeEntry": ("time_entries", time_entries.TimeEntry),
    "TimePolicy": ("time_policies", time_policies.TimePolicy),
    "Timesheet": ("timesheets", time_entries.Timesheet),
}

VERDICTS: tuple[Any, ...] = tuple(kind for kind, _ in verdicts.TYPES.values())
"""What may be said of a clock; nothing but an interface leads to some of these types."""
