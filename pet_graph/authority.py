"""Who may assert what: every table with its owner and mutability, every command with its roles and origins."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from .events import COMMANDS
from .events.base import Refused, Role

STAFF = (Role.SALES, Role.PROJECT_MANAGER, Role.ENGINEER, Role.SUPPORT, Role.FINANCE, Role.MANAGER)

CLOCK = "clock"
"""The authority of what falls due: no person holds it, and no token can."""

INTERNAL = "internal"


@dataclass(frozen=True)
class Table:
    """One table: who owns the truth in it, and how it may change."""

    name: str
    authority: Literal["primary", "derived"]
    mutability: Literal["append-only", "rebuildable", "migrations"]
    derivation: str
    owner: str = "PET"


TABLES = (
    Table("pet.log", "primary", "append-only", "Every fact, as recorded by a turn."),
    Table("pet.journal", "primary", "append-only", "Every command that was decided, as recorded by a turn."),
    Table("pet.migrations", "primary", "migrations", "Which steps of db/migrations have run."),
    Table("projections.streams", "derived", "rebuildable", "The fold of each stream's facts (events/*.evolve)."),
    Table(
        "projections.calendar_exceptions",
        "derived",
        "rebuildable",
        "projections/calendars.py from the facts of calendars.",
    ),
    Table(
        "projections.calendar_versions",
        "derived",
        "rebuildable",
        "projections/calendars.py from the facts of calendars.",
    ),
    Table(
        "projections.calendar_windows",
        "derived",
        "rebuildable",
        "projections/calendars.py from the facts of calendars.",
    ),
    Table("projections.calendars", "derived", "rebuildable", "From the facts of calendars."),
    Table("projections.holidays", "derived", "rebuildable", "From the facts of calendars."),
    Table("projections.customers", "derived", "rebuildable", "projections/customers.py from the facts of customers."),
    Table("projections.people", "derived", "rebuildable", "projections/people.py from the facts of people."),
    Table("projections.policies", "derived", "rebuildable", "projections/policies.py from the facts of SLA policies."),
    Table("projections.leads", "derived", "rebuildable", "projections/leads.py from the facts of leads."),
    Table(
        "projections.lead_criteria", "derived", "rebuildable", "projections/leads.py from what people said they meet."
    ),
    Table("projections.opportunities", "derived", "rebuildable", "projections/opportunities.py from their facts."),
    Table("projections.opportunity_forecasts", "derived", "rebuildable", "What people expected of them or stood for."),
    Table("projections.obligations", "derived", "rebuildable", "projections/obligations.py from their facts."),
    Table("projections.obligation_deliveries", "derived", "rebuildable", "Units that people said were handed over."),
    Table("projections.obligation_postings", "derived", "rebuildable", "What was owed, change by change, as a ledger."),
    Table("projections.allocations", "derived", "rebuildable", "Which promise hours keep, line by line."),
    Table("projections.allocation_trials", "derived", "rebuildable", "What each run of the rules tried."),
    Table("projections.projects", "derived", "rebuildable", "projections/projects.py from the facts of projects."),
    Table("projections.task_marks", "derived", "rebuildable", "What was thought of tasks at every moment."),
    Table("projections.tasks", "derived", "rebuildable", "projections/tasks.py from the facts of tasks."),
    Table(
        "projections.milestones", "derived", "rebuildable", "projections/milestones.py from the facts of milestones."
    ),
    Table("projections.progress_claims", "derived", "rebuildable", "projections/milestones.py from people's claims."),
    Table("projections.bookings", "derived", "rebuildable", "projections/bookings.py from the facts of schedules."),
    Table("projections.capacities", "derived", "rebuildable", "projections/bookings.py from the facts of schedules."),
    Table("projections.rate_cards", "derived", "rebuildable", "projections/rates.py from the facts of rate cards."),
    Table("projections.rates", "derived", "rebuildable", "projections/rates.py from the facts of rate cards."),
    Table("projections.timesheets", "derived", "rebuildable", "projections/time_entries.py from timesheets' facts."),
    Table("projections.time_entries", "derived", "rebuildable", "projections/time_entries.py from timesheets' facts."),
    Table("projections.actuals", "derived", "rebuildable", "projections/actuals.py, from what approved time came to."),
    Table("projections.time_policies", "derived", "rebuildable", "projections/time_policies.py from its facts."),
    Table("projections.quotes", "derived", "rebuildable", "projections/quotes.py from the facts of quotes."),
    Table("projections.quote_versions", "derived", "rebuildable", "projections/quote_versions.py from the same facts."),
    Table("projections.quote_lines", "derived", "rebuildable", "projections/quote_versions.py from the same facts."),
    Table("projections.approval_limits", "derived", "rebuildable", "projections/approval_limits.py from their facts."),
    Table("projections.tickets", "derived", "rebuildable", "projections/tickets.py from the facts of tickets."),
    Table("projections.ticket_intervals", "derived", "rebuildable", "projections/durations.py, from the same facts."),
    Table("projections.sla_clocks", "derived", "rebuildable", "projections/slas.py from the facts of SLAs."),
    Table("projections.sla_reviews", "derived", "rebuildable", "What each ticket's clocks were worked out with."),
    Table("projections.sla_edits", "derived", "rebuildable", "Edits of policies and calendars that clocks look at."),
    Table("projections.deadlines", "derived", "rebuildable", "What falls due next of a stream: a warning, an expiry."),
    Table("projections.fingerprint", "derived", "rebuildable", "A digest of the code that made these tables."),
)


@dataclass(frozen=True)
class Rule:
    """Who may ask for a command: any of these roles, and whether an outside system may."""

    roles: tuple[str, ...]
    external: bool = False


_DESK = Rule((Role.SUPPORT, Role.ENGINEER, Role.PROJECT_MANAGER, Role.MANAGER))
_MANAGERS = Rule((Role.MANAGER,))
_PROJECTS = Rule((Role.PROJECT_MANAGER, Role.MANAGER))
_TIME = Rule((Role.ENGINEER, Role.SUPPORT, Role.PROJECT_MANAGER, Role.SALES, Role.FINANCE, Role.MANAGER))
_RATES = Rule((Role.FINANCE, Role.MANAGER))
_SALES = Rule((Role.SALES, Role.PROJECT_MANAGER, Role.MANAGER))
_NOBODY = Rule(())

COMMAND_RULES: dict[str, Rule] = {
    "RegisterCustomer": Rule((Role.SALES, Role.SUPPORT, Role.PROJECT_MANAGER, Role.MANAGER)),
    "RenameCustomer": Rule((Role.SALES, Role.MANAGER)),
    "RegisterPerson": _MANAGERS,
    "GrantRole": _MANAGERS,
    "RevokeRole": _MANAGERS,
    "DefineCalendar": _MANAGERS,
    "AmendCalendar": _MANAGERS,
    "AddCalendarExceptions": _MANAGERS,
    "RemoveCalendarExceptions": _MANAGERS,
    "RetireCalendar": _MANAGERS,
    # Whoever knows of holidays may tell; that they count is for a person to say.
    "ProposeHolidays": Rule((*STAFF, Role.INTEGRATION), external=True),
    "AcceptHolidays": _MANAGERS,
    "RejectHolidays": _MANAGERS,
    "AdoptSlaPolicy": _MANAGERS,
    "RetireSlaPolicy": _MANAGERS,
    "AdoptApprovalLimit": _MANAGERS,
    "IssueNumber": _NOBODY,
    "NumberQuote": _NOBODY,
    # That somebody might want something is reported by web forms and mailboxes; what it is worth, people say.
    "CaptureLead": Rule((*_SALES.roles, Role.SUPPORT, Role.INTEGRATION), external=True),
    "QualifyLead": _SALES,
    "DisqualifyLead": _SALES,
    "ConvertLead": _SALES,
    "OpenOpportunity": _SALES,
    "OwnOpportunity": _SALES,
    "PlaceOpportunity": _SALES,
    "ForecastOpportunity": _SALES,
    "CommitOpportunity": _SALES,
    "WinOpportunity": _SALES,
    "LoseOpportunity": _SALES,
    "ReopenOpportunity": _SALES,
    "DraftQuote": _SALES,
    "ReviseQuote": _SALES,
    "SubmitQuote": _SALES,
    # Who wrote it may approve it up to the approval limit only (see reactions).
    "ApproveQuote": Rule((Role.SALES, Role.FINANCE, Role.MANAGER)),
    "SendQuote": _SALES,
    "AcceptQuote": _SALES,
    "DeclineQuote": _SALES,
    "WithdrawQuote": _SALES,
    "SupersedeQuote": _SALES,
    "ExpireQuote": Rule((CLOCK,)),
    # What is owed follows from what was accepted; only people can say that it was delivered, or is owed no more.
    "OpenObligation": _NOBODY,
    "AmendObligation": _NOBODY,
    "DropObligation": _NOBODY,
    "BurnObligation": _NOBODY,
    "PlaceObligation": _PROJECTS,
    "DeliverObligation": _TIME,
    "ReverseDelivery": _PROJECTS,
    "FulfilObligation": _PROJECTS,
    "ReleaseObligation": _PROJECTS,
    "StartProject": Rule((Role.PROJECT_MANAGER, Role.SALES, Role.MANAGER)),
    "OwnProject": _PROJECTS,
    "RescheduleProject": _PROJECTS,
    "CloseProject": _PROJECTS,
    "ReopenProject": _PROJECTS,
    "PlanTask": _TIME,
    "EstimateTask": _TIME,
    "DelegateTask": _TIME,
    "FinishTask": _TIME,
    "ResumeTask": _TIME,
    "AbandonTask": _TIME,
    "PlanMilestone": _PROJECTS,
    "RescheduleMilestone": _PROJECTS,
    "ClaimProgress": _TIME,
    "ReachMilestone": _TIME,
    "RetractMilestone": _PROJECTS,
    "AbandonMilestone": _PROJECTS,
    "AgreeCapacity": _PROJECTS,
    "BookPerson": _PROJECTS,
    "FirmBooking": _PROJECTS,
    "ReleaseBooking": _PROJECTS,
    "AgreeRate": _RATES,
    "AdoptTimePolicy": _MANAGERS,
    "RecordTime": _TIME,
    "FlagTime": _NOBODY,
    "SubmitTime": _TIME,
    "ApproveTime": _PROJECTS,
    "ReturnTime": _PROJECTS,
    "ReverseTime": _TIME,
    # What approved time comes to follows from it. Invoices are not open to clients yet; their places are kept.
    "PostActuals": _NOBODY,
    "RestateActuals": _NOBODY,
    "CancelActuals": _NOBODY,
    "ConfirmBilling": _NOBODY,
    "CorrectBilling": _NOBODY,
    "BillMilestone": _NOBODY,
    "CreditMilestone": _NOBODY,
    "AllocateTime": _NOBODY,
    "WithdrawAllocation": _NOBODY,
    "ReallocateTime": _PROJECTS,
    "WriteOffTime": Rule((Role.PROJECT_MANAGER, Role.FINANCE, Role.MANAGER)),
    # An outside system may report that a customer asks for help; what becomes of it is decided by people.
    "OpenTicket": Rule((*_DESK.roles, Role.SALES, Role.INTEGRATION), external=True),
    "AssignTicket": _DESK,
    "PrioritiseTicket": _DESK,
    "RespondToTicket": _DESK,
    "HoldTicket": _DESK,
    "ResumeTicket": _DESK,
    "ResolveTicket": _DESK,
    "ReopenTicket": _DESK,
    "CloseTicket": _DESK,
    "AnnulTicket": _MANAGERS,
    "MergeTicket": _DESK,
    # That a customer wrote is reported by mailboxes and portals; it says nothing of where the ticket stands.
    "ReceiveTicketMessage": Rule((*_DESK.roles, Role.SALES, Role.INTEGRATION), external=True),
    "AnnotateTicket": _DESK,
    # Asked for by reactions, in the turn of the fact that causes them.
    "ReckonSla": _NOBODY,
    "RecordOverdueSla": Rule((CLOCK,)),
}

EVERYTHING = "everything"
READERS: frozenset[str] = frozenset({*STAFF, Role.INTEGRATION})
"""Who may read. Partners will see their own rows once rows have partners; until then they see none."""


def scope_of(roles: Collection[str]) -> str | None:
    """What the holders of these roles see when they read: everything, or nothing (None).

    Whoever keeps something that was made for a viewer keeps it by this name. A narrower scope gets a name here, and its
    conditions where lists and links are written.
    """
    return EVERYTHING if not READERS.isdisjoint(roles) else None


CLIENT_COMMANDS = tuple(name for name in COMMANDS if set(COMMAND_RULES[name].roles) - {CLOCK})
"""The commands that clients may send, in the order of the domains."""


def authority_for(command: str, roles: Collection[str], origin: str) -> str:
    """The role under which this command is accepted: the first of its rule that the asker holds.

    Raises `Refused` (`not_permitted`) when there is none, or when the origin is external and may not.
    """
    rule = COMMAND_RULES[command]
    if origin != INTERNAL and not rule.external:
        raise Refused("not_permitted", f"{command} cannot be asked for by {origin}: PET owns what it decides.")
    for role in rule.roles:
        if role in roles:
            return role
    needed = " or ".join(rule.roles) or "nobody"
    held = ", ".join(sorted(roles)) or "none"
    raise Refused("not_permitted", f"{command} may be asked for by {needed}; your roles: {held}.")
