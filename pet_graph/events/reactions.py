"""The only page where domains meet: what happened in one asks for something of another, in the same turn.

A reaction is given the fact and `look`, which answers with the folded state of any stream as of this moment. It
returns commands; what they record is recorded together with the fact, or not at all. It may also refuse, for a reason
that only several domains together know, or that depends on who asks; then the fact is not recorded either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, get_args
from uuid import UUID

from . import (
    allocations,
    approval_limits,
    calendars,
    customers,
    leads,
    numbers,
    obligations,
    opportunities,
    policies,
    projects,
    quotes,
    slas,
    tickets,
    time_entries,
    time_policies,
)
from .actual_reactions import cancel_actuals, foresee_actuals, post_actuals, restate_actuals
from .base import Command, Event, Fact, Look, Money, Priority, Refused
from .clocks import Change, Promise, Seen
from .offers import QuoteLine
from .policies import PolicyState, PolicyVersion
from .quote_versions import Version
from .reckoning import Case, Edit, Terms
from .tickets import TicketState
from .time_reactions import (
    allocate_anew,
    burn,
    foresee_beside,
    foresee_burn,
    foresee_promises,
    place_beside,
    place_promises,
    refuse_own_approval,
    take_time,
    withdraw_allocation,
)
from .timelines import Moment
from .workdays import Calendar


def reckon_sla(fact: Fact, look: Look) -> list[Command]:
    return [slas.ReckonSla(ticket=fact.id)]


def issue_number(fact: Fact, look: Look) -> list[Command]:
    return [numbers.IssueNumber(series=numbers.QUOTES, holder=fact.id)]


def number_quote(fact: Fact, look: Look) -> list[Command]:
    issued: numbers.NumberIssued = fact.event  # type: ignore[assignment]
    return [quotes.NumberQuote(quote=issued.holder, number=issued.number)]


def quote_open_opportunities_only(fact: Fact, look: Look) -> list[Command]:
    """A quote is part of a sale that somebody still pursues, with the customer that it is offered to."""
    drafted: quotes.QuoteDrafted = fact.event  # type: ignore[assignment]
    if drafted.opportunity is None:
        return []
    sale: opportunities.OpportunityState = look("opportunity", drafted.opportunity)
    if sale.status is not opportunities.OpportunityStatus.OPEN:
        raise Refused("opportunity_not_open", f"The opportunity is {sale.status}; reopen it first.", ["opportunity"])
    if sale.customer is None:
        message = "It is not known with which customer the opportunity is; say that first."
        raise Refused("no_customer", message, ["opportunity"])
    if sale.customer != drafted.customer:
        raise Refused("another_customer", "The opportunity is with another customer.", ["opportunity"])
    return []


def look_with_four_eyes(fact: Fact, look: Look) -> list[Command]:
    """Nobody approves what they wrote or submitted themselves, above the limit of its currency."""
    quote: quotes.QuoteState = look("quote", fact.id)
    version = quote.newest
    limit: approval_limits.ApprovalLimitState = look("approval_limit", approval_limits.limit_of(version.offer.currency))
    if fact.actor in version.authors and not limit.covers(version.most):
        most = f"; you may approve your own up to {limit.limit}" if limit.limit else ""
        raise Refused("four_eyes", f"You wrote or submitted this version: somebody else has to approve it{most}.")
    return []


def refuse_retired_calendar(fact: Fact, look: Look) -> list[Command]:
    """New promises are not made by a calendar that is retired."""
    adopted: policies.SlaPolicyAdopted = fact.event  # type: ignore[assignment]
    if adopted.calendar and look("calendar", adopted.calendar).retired_at:
        raise Refused("calendar_retired", "The calendar is retired; choose another one.", ["calendar"])
    return []


def owe(fact: Fact, look: Look) -> list[Command]:
    """Every accepted line becomes an obligation, or changes the one it became before; what was left out is dropped."""
    quote: quotes.QuoteState = look("quote", fact.id)
    version, before = quote.newest, quote.versions[:-1]
    owed = {number for one in before for number in one.lines}
    last = next((one.lines for one in reversed(before) if one.lines), ())
    amounts = version.total(version.lines).amounts
    commands: list[Command] = []
    for line in version.offer.lines:
        if line.number in amounts:
            about: dict[str, Any] = {
                "obligation": obligations.obligation_of(fact.id, line.number),
                "digest": version.digest,
                "terms": _owed(version, line, amounts[line.number]),
            }
            if line.number in owed:
                commands.append(obligations.AmendObligation(**about))
            else:
                named: dict[str, Any] = {"customer": quote.customer, "quote": fact.id, "line": line.number}
                commands.append(obligations.OpenObligation(**about, **named))
    dropped = (obligations.obligation_of(fact.id, number) for number in last if number not in amounts)
    return [*commands, *(obligations.DropObligation(obligation=one, digest=version.digest) for one in dropped)]


def _owed(version: Version, line: QuoteLine, amount_micros: int) -> obligations.Terms:
    return obligations.Terms(
        description=line.description,
        burn_unit=line.burn_unit,
        amount=Money(amount_micros, version.offer.currency),
        quantity_micros=line.quantity,
        effort=line.effort,
        role=line.role,
        promised_by=line.promised_by,
    )


def pursue(fact: Fact, look: Look) -> list[Command]:
    """A converted lead becomes an opportunity in the same turn, and a customer too when it names a new one."""
    converted: leads.LeadConverted = fact.event  # type: ignore[assignment]
    lead: leads.LeadState = look("lead", fact.id)
    opportunity = opportunities.OpenOpportunity(
        name=converted.name, owner=converted.owner, source=lead.source, customer=lead.customer, lead=fact.id
    )
    if converted.customer_name is None:
        return [opportunity]
    return [customers.RegisterCustomer(name=converted.customer_name), opportunity]


def follow_converted_leads_only(fact: Fact, look: Look) -> list[Command]:
    """Nobody pursues what a lead might want before somebody said that it is worth it."""
    opened: opportunities.OpportunityOpened = fact.event  # type: ignore[assignment]
    if opened.lead and (status := look("lead", opened.lead).status) is not leads.LeadStatus.CONVERTED:
        raise Refused("lead_not_converted", f"The lead is {status}; convert it.", ["lead"])
    return []


Reaction = Callable[[Fact, Look], list[Command]]


def together(*reactions: Reaction) -> Reaction:
    """One reaction after the other."""
    return lambda fact, look: [command for reaction in reactions for command in reaction(fact, look)]


REACTIONS: dict[type[Event], Reaction] = {
    **dict.fromkeys(tickets.TRIGGERS, reckon_sla),
    policies.SlaPolicyAdopted: refuse_retired_calendar,
    time_entries.TimeApproved: together(refuse_own_approval, post_actuals),
    projects.ProjectStarted: place_promises,
    obligations.ObligationOpened: place_beside,
    time_entries.TimeRecorded: take_time,
    time_entries.TimeReversed: together(withdraw_allocation, cancel_actuals),
    allocations.TimeAllocated: together(burn, restate_actuals),
    allocations.TimeReallocated: allocate_anew,
    allocations.TimeWrittenOff: together(burn, restate_actuals),
    allocations.AllocationWithdrawn: burn,
    leads.LeadConverted: pursue,
    opportunities.OpportunityOpened: follow_converted_leads_only,
    quotes.QuoteDrafted: together(quote_open_opportunities_only, issue_number),
    numbers.NumberIssued: number_quote,
    quotes.QuoteApproved: look_with_four_eyes,
    quotes.QuoteAccepted: owe,
}

FORESIGHT: dict[type[Event], Callable[[Fact, Look], Iterator[tuple[str, UUID]]]] = {
    projects.ProjectStarted: foresee_promises,
    obligations.ObligationOpened: foresee_beside,
    time_entries.TimeRecorded: foresee_burn,
    time_entries.TimeApproved: foresee_actuals,
}
"""The streams that the reaction to a fact will look at, where these may be many: they are loaded together, not one
after the other. It may itself look at what it named before."""

DEADLINES: dict[str, Callable[[UUID], Command]] = {
    "quote": lambda stream_id: quotes.ExpireQuote(quote=stream_id),
    "sla": lambda stream_id: slas.RecordOverdueSla(ticket=stream_id),
}
"""What the clock asks for when a deadline of a stream falls due, by the noun of the stream."""


EDITED = frozenset({"policy", "calendar"})
"""The nouns of streams whose edits reach clocks: the clock looks for those that one has overtaken."""


def foresee(command: Command, command_id: UUID) -> Iterator[tuple[str, UUID]]:
    """The streams that reactions to a command will look at, so that most turns load everything in one query."""
    if isinstance(command, tickets.OpenTicket):
        yield from (("sla", command_id), ("policy", command.customer), ("policy", policies.DEFAULT))
    elif isinstance(command, leads.ConvertLead):
        yield from (("opportunity", command_id), ("customer", command_id))
    elif isinstance(command, quotes.DraftQuote):
        yield "number", numbers.QUOTES
    elif isinstance(command, get_args(tickets.TicketCommand)):
        yield from (("sla", command.ticket), ("policy", policies.DEFAULT))
    elif isinstance(command, slas.SlaCommand):
        yield from (("ticket", command.ticket), ("policy", policies.DEFAULT))
    elif isinstance(command, time_entries.RecordTime):
        yield from (("time_policy", time_policies.FIRM), ("allocation", command_id))
    elif isinstance(command, time_entries.ReverseTime):
        yield "allocation", command.entry


def informed(command: Command, look: Look) -> Any:
    """What a decision gets besides the state of its own stream: the command with what other domains know."""
    if isinstance(command, slas.SlaCommand):
        return slas.Informed(command, sla_case(command.ticket, look))
    return command


# --- the clocks of a ticket -------------------------------------------------------------------------------------------


def sla_case(ticket_id: UUID, look: Look) -> Case:
    """Everything that the clocks of a ticket are worked out from."""
    ticket: TicketState = look("ticket", ticket_id)
    held = [*_policies(ticket, look)]
    by_id = dict(held)
    return Case(
        timeline=ticket.timeline,
        promise=partial(_promise, ticket, held, {}),
        terms=partial(_terms, by_id, {}),
        calendar=partial(_calendar, look, {}),
        seen=partial(_seen, by_id, look),
        edits=[edit for policy_id, policy in held for edit in _edits(ticket, policy_id, policy)],
        assignee=ticket.assignee,
    )


def calendars_of(ticket_id: UUID, look: Look) -> set[UUID]:
    """The calendars that the clocks of a ticket may count by, in the course of time."""
    held = _policies(look("ticket", ticket_id), look)
    return {version.calendar for _, policy in held for version in policy.versions if version.calendar}


def _policies(ticket: TicketState, look: Look) -> Iterator[tuple[UUID, PolicyState]]:
    """The policies that may hold for a ticket, the most specific first: the customer's own, then the firm's.

    The policy of the obligation that was sold will stand before them: `("policy", obligation)`.
    """
    assert ticket.customer is not None, "a ticket that was opened has a customer"
    for policy_id in (ticket.customer, policies.DEFAULT):
        policy: PolicyState = look("policy", policy_id)
        if policy.versions:
            yield policy_id, policy


def _promise(
    ticket: TicketState,
    held: list[tuple[UUID, PolicyState]],
    made: dict[tuple[UUID, int, Priority], Promise],
    moment: Moment,
    priority: Priority,
) -> Promise | None:
    """What the policy that held then promises: the first that held at all, even if it promises nothing.

    It is chosen by when the moment was, among the versions that were known when it was told. `made` keeps those that
    were chosen before.
    """
    for policy_id, policy in held:
        version = policy.holding(moment.at, moment.position)
        if version:
            key = policy_id, version.version, priority
            if key not in made:
                made[key] = _promised(ticket, policy_id, version, priority)
            return made[key]
    return None


def _promised(ticket: TicketState, policy_id: UUID, version: PolicyVersion, priority: Priority) -> Promise:
    target = version.target(ticket.service, ticket.kind, priority)
    assert ticket.customer is not None
    return Promise(
        customer=ticket.customer,
        priority=priority,
        policy=policy_id,
        policy_version=version.version,
        targets=target.targets if target else (),
        warn_at_percent=version.warn_at_percent,
        calendar=version.calendar,
    )


def _terms(held: dict[UUID, PolicyState], made: dict[tuple[UUID, int], Terms], promise: Promise) -> Terms:
    key = promise.policy, promise.policy_version
    if key not in made:
        version = held[promise.policy].version(promise.policy_version)
        made[key] = Terms(version.rules, version.on_priority, version.on_calendar)
    return made[key]


def _edits(ticket: TicketState, policy_id: UUID, policy: PolicyState) -> Iterator[Edit]:
    """What a policy's later statements make of clocks that are open when they come to hold."""
    for version in policy.versions[1:]:
        if version.open_clocks is not Change.KEEP:
            at = max(version.valid_from, version.adopted_at)
            if version.retired:
                yield Edit(at, policy_id, version.version, version.open_clocks, lambda promise: None)
            else:
                again = partial(_again, ticket, policy_id, version)
                yield Edit(at, policy_id, version.version - 1, version.open_clocks, again)


def _again(ticket: TicketState, policy_id: UUID, version: PolicyVersion, promise: Promise) -> Promise:
    return _promised(ticket, policy_id, version, promise.priority)


def _seen(held: dict[UUID, PolicyState], look: Look, promises: Iterable[Promise]) -> tuple[Seen, ...]:
    """The newest edits that concern clocks of these promises; those that keep their working hours see none of them."""
    edits: dict[UUID, int] = {}
    for promise in promises:
        policy = held[promise.policy]
        edits[promise.policy] = policy.edits
        if promise.calendar and policy.version(promise.policy_version).on_calendar is not Change.KEEP:
            edits[promise.calendar] = look("calendar", promise.calendar).version
    return tuple(sorted(Seen(subject, edit) for subject, edit in edits.items()))


def _calendar(
    look: Look, known: dict[tuple[UUID, int | None], Calendar | None], calendar_id: UUID, position: int | None
) -> Calendar | None:
    """The working hours as they were known at a position of the log, or as they are known now."""
    key = calendar_id, position
    if key not in known:
        state: calendars.CalendarState = look("calendar", calendar_id)
        calendar = state.calendar if position is None else state.known(position)
        known[key] = calendar if calendar.versions else None
    return known[key]
