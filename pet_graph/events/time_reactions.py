"""What happens to time, seen from other domains: the policy it is held against, and the promise that it keeps."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from . import allocations, obligations, projects, quotes, tasks, time_entries, time_policies
from .allocations import Candidate, Split, TimeClass
from .base import BurnRule, BurnUnit, Command, Fact, Look, Refused


def take_time(fact: Fact, look: Look) -> list[Command]:
    """Hold new time against the policy, and find the promise that it keeps."""
    return [*weigh_time(fact, look), _allocation(fact.command_id, fact.event, look)]  # type: ignore[arg-type]


def weigh_time(fact: Fact, look: Look) -> list[Command]:
    """Hold new time against what it names and against the firm's policy; refuse it, flag it, or let it be."""
    said: time_entries.TimeRecorded = fact.event  # type: ignore[assignment]
    _can_take_time(said, look)
    policy: time_policies.TimePolicyState = look("time_policy", time_policies.FIRM)
    sheet: time_entries.TimesheetState = look("timesheet", fact.id)
    found = time_entries.findings(sheet, fact.command_id, policy.daily_cap, policy.late_after_days)
    severity = {one: getattr(policy, one) for one in found}
    for one, strictness in severity.items():
        if strictness is time_policies.Severity.REFUSE:
            raise Refused(f"time_{one}", time_entries.SENTENCES[one], ["worked"])
    flagged = tuple(one for one in found if severity[one] is time_policies.Severity.WARN)
    if not flagged:
        return []
    flag = time_entries.FlagTime(
        timesheet=fact.id, entry=fact.command_id, findings=flagged, policy_version=policy.policy_version
    )
    return [flag]


def _can_take_time(said: time_entries.TimeRecorded, look: Look) -> None:
    """Raise Refused when what the time is said to be for cannot take any."""
    task: tasks.TaskState | None = look("task", said.task) if said.task else None
    if task and said.project and task.project != said.project:
        raise Refused("task_of_another_project", "The task belongs to another project.", ["task"])
    project_id = said.project or (task and task.project)
    if project_id:
        project: projects.ProjectState = look("project", project_id)
        if project.status is projects.ProjectStatus.CLOSED:
            raise Refused("project_closed", f"The project {project.name!r} is closed; reopen it first.", ["project"])
    if project_id and said.obligation:
        owed: obligations.ObligationState = look("obligation", said.obligation)
        if owed.project not in (None, project_id):
            raise Refused("owed_in_another_project", "This is delivered in another project.", ["obligation"])


def refuse_own_approval(fact: Fact, look: Look) -> list[Command]:
    """Four eyes: who recorded time does not decide about it, whichever person they name."""
    decided: time_entries.TimeApproved = fact.event  # type: ignore[assignment]
    sheet: time_entries.TimesheetState = look("timesheet", fact.id)
    if fact.actor in time_entries.recorded_by(sheet, decided.entries):
        raise Refused("own_time", "Who recorded time does not approve it; somebody else has to.", ["approver"])
    return []


# --- which promise hours keep ---------------------------------------------------------------------------------------


def allocate_anew(fact: Fact, look: Look) -> list[Command]:
    allocation: allocations.AllocationState = look("allocation", fact.id)
    assert allocation.work is not None, "an entry that is allocated anew was allocated before"
    day = time_entries.sheet_of(allocation.work.person, allocation.work.worked_on)
    entry = look("timesheet", day).entry(fact.id)
    return [_allocation(fact.id, entry.said, look)]


def withdraw_allocation(fact: Fact, look: Look) -> list[Command]:
    reversed_: time_entries.TimeReversed = fact.event  # type: ignore[assignment]
    return [allocations.WithdrawAllocation(entry=reversed_.entry)]


def burn(fact: Fact, look: Look) -> list[Command]:
    """Count the lines just posted, promise by promise."""
    state: allocations.AllocationState = look("allocation", fact.id)
    none = timedelta()
    sums: dict[UUID, tuple[timedelta, timedelta]] = {}
    for line in state.posted_at(fact.position):
        if line.obligation:
            worked, burnt = sums.get(line.obligation, (none, none))
            paid = line.worked if line.classification is TimeClass.BILLABLE else none
            sums[line.obligation] = worked + line.worked, burnt + paid
    return [
        obligations.BurnObligation(obligation=one, entry=fact.id, worked=worked, burnt=burnt)
        for one, (worked, burnt) in sums.items()
        if worked or burnt
    ]


class _Entry(NamedTuple):
    """A time entry that looks for the promise that it keeps."""

    id: UUID
    said: time_entries.TimeRecorded
    task: tasks.TaskState | None
    project: UUID | None


def _allocation(id_: UUID, said: time_entries.TimeRecorded, look: Look) -> allocations.AllocateTime:
    """Apply the rules of the policy in force to one entry."""
    policy: time_policies.TimePolicyState = look("time_policy", time_policies.FIRM)
    task: tasks.TaskState | None = look("task", said.task) if said.task else None
    entry = _Entry(id_, said, task, said.project or (task.project if task else None))
    internal = entry.project is not None and look("project", entry.project).customer is None
    kind = TimeClass.NON_BILLABLE if internal else TimeClass.UNATTRIBUTED
    otherwise = Split(said.worked, kind, None, entry.project)
    places = ((rule, _candidates(rule, entry, look)) for rule in policy.burn)
    splits, trials = allocations.choose(said.worked, places, TimeClass(policy.overrun), otherwise)
    work = allocations.Work(said.person, said.worked_on, said.task)
    return allocations.AllocateTime(
        entry=id_, work=work, splits=splits, trials=trials, policy_version=policy.policy_version
    )


def _candidates(rule: BurnRule, entry: _Entry, look: Look) -> list[Candidate]:
    match rule:
        case BurnRule.NAMED:
            named = [entry.said.obligation]
        case BurnRule.TASK:
            named = [entry.task.obligation if entry.task else None]
        case BurnRule.PROJECT:
            named = [*_promised_in(entry.project, look)]
    return [_candidate(id_, rule, entry, look) for id_ in named if id_]


def _candidate(id_: UUID, rule: BurnRule, entry: _Entry, look: Look) -> Candidate:
    """A promise as the entry finds it; what the entry itself has burnt of it before is free again."""
    owed: obligations.ObligationState = look("obligation", id_)
    mine: allocations.AllocationState = look("allocation", entry.id)
    assert owed.terms is not None, "what can be named is owed"
    role = entry.said.role
    return Candidate(
        obligation=id_,
        project=entry.project or owed.project,
        is_open=owed.status is obligations.ObligationStatus.OPEN,
        role_fits=rule is not BurnRule.PROJECT or None in (role, owed.terms.role) or role == owed.terms.role,
        left=None if owed.left is None else owed.left + mine.burnt_of(id_),
        fixed=owed.terms.burn_unit not in (BurnUnit.HOURS, BurnUnit.MONEY),
    )


def _promised_in(project: UUID | None, look: Look) -> list[UUID]:
    """What the quote promises that the project was started from, line by line."""
    quote: UUID | None = look("project", project).quote if project else None
    return _promised_by(quote, look) if quote else []


def _promised_by(quote: UUID, look: Look) -> list[UUID]:
    state: quotes.QuoteState = look("quote", quote)
    return [obligations.obligation_of(quote, line) for line in state.in_force.lines] if state.in_force else []


# --- where promises are delivered -------------------------------------------------------------------------------------


def place_promises(fact: Fact, look: Look) -> list[Command]:
    """What the quote of a new project promises is delivered in it, as far as it is not delivered elsewhere."""
    started: projects.ProjectStarted = fact.event  # type: ignore[assignment]
    if started.quote is None:
        return []
    quote: quotes.QuoteState = look("quote", started.quote)
    if quote.in_force is None:
        raise Refused("quote_not_accepted", "Nothing of this quote is owed: no version was accepted.", ["quote"])
    if quote.customer != started.customer:
        raise Refused("another_customer", "The quote was accepted by another customer.", ["customer"])
    free = (one for one in _promised_by(started.quote, look) if look("obligation", one).project is None)
    return [obligations.PlaceObligation(obligation=one, project=fact.id) for one in free]


def place_beside(fact: Fact, look: Look) -> list[Command]:
    """What a change order adds is delivered where the rest of its quote is."""
    opened: obligations.ObligationOpened = fact.event  # type: ignore[assignment]
    quote: quotes.QuoteState = look("quote", opened.quote)
    lines = {line for version in quote.versions[:-1] for line in version.lines}
    others = (look("obligation", obligations.obligation_of(opened.quote, line)) for line in sorted(lines))
    project = next((one.project for one in others if one.project), None)
    return [obligations.PlaceObligation(obligation=fact.id, project=project)] if project else []


# --- what is looked at, where that may be many promises ---------------------------------------------------------------


def foresee_promises(fact: Fact, look: Look) -> Iterator[tuple[str, UUID]]:
    """What a new project may be given to deliver."""
    started: projects.ProjectStarted = fact.event  # type: ignore[assignment]
    if started.quote:
        yield "quote", started.quote
        yield from (("obligation", one) for one in _promised_by(started.quote, look))


def foresee_beside(fact: Fact, look: Look) -> Iterator[tuple[str, UUID]]:
    """The other promises of the quote."""
    opened: obligations.ObligationOpened = fact.event  # type: ignore[assignment]
    lines = {line for version in look("quote", opened.quote).versions for line in version.lines}
    yield from (("obligation", obligations.obligation_of(opened.quote, line)) for line in sorted(lines))


def foresee_burn(fact: Fact, look: Look) -> Iterator[tuple[str, UUID]]:
    """The promises that new time may keep: those it names, and all of its project."""
    said: time_entries.TimeRecorded = fact.event  # type: ignore[assignment]
    named = (("task", said.task), ("project", said.project), ("obligation", said.obligation))
    yield from ((noun, id_) for noun, id_ in named if id_)
    task: tasks.TaskState | None = look("task", said.task) if said.task else None
    if task and task.obligation:
        yield "obligation", task.obligation
    project = said.project or (task.project if task else None)
    yield from (("obligation", one) for one in _promised_in(project, look))
