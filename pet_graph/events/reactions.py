"""The only page where domains meet: what happened in one asks for something of another, in the same turn.

A reaction is given the fact and `look`, which answers with the folded state of any stream as of this moment. It
returns commands; what they record is recorded together with the fact, or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, get_args
from uuid import UUID

import msgspec

from . import policies, projects, slas, tasks, tickets, time_entries, time_policies
from .base import Command, Event, Fact, Priority, Refused

Look = Callable[[str, UUID], Any]
"""`look(noun, id)`: the state of a stream; a stream that never was has the initial state of its domain."""


def start_sla(fact: Fact, look: Look) -> list[Command]:
    promise = _promise(fact, look)
    return [slas.StartSla(ticket=fact.id, promise=promise)] if promise and promise.kinds else []


def retarget_sla(fact: Fact, look: Look) -> list[Command]:
    """Without any policy in force, what was promised stands. What has been done already is promised no more."""
    ticket: tickets.TicketState = look("ticket", fact.id)
    promise = _promise(fact, look)
    if not promise:
        return []
    if ticket.responded_at:
        promise = msgspec.structs.replace(promise, response=None)
    retarget: list[Command] = [slas.RetargetSla(ticket=fact.id, promise=promise)]
    # A clock that starts only now, on a ticket that is on hold already, has not been paused yet.
    return [*retarget, slas.PauseSla(ticket=fact.id)] if ticket.status is tickets.TicketStatus.ON_HOLD else retarget


def pause_sla(fact: Fact, look: Look) -> list[Command]:
    return [slas.PauseSla(ticket=fact.id)]


def resume_sla(fact: Fact, look: Look) -> list[Command]:
    return [slas.ResumeSla(ticket=fact.id)]


def stop_response(fact: Fact, look: Look) -> list[Command]:
    return [slas.StopSla(ticket=fact.id, kinds=(slas.SlaKind.RESPONSE,))]


def stop_sla(fact: Fact, look: Look) -> list[Command]:
    """A resolution ends a hold, and is an answer too: it stops every clock."""
    return [slas.ResumeSla(ticket=fact.id), slas.StopSla(ticket=fact.id, kinds=tuple(slas.SlaKind))]


def restart_sla(fact: Fact, look: Look) -> list[Command]:
    promise = _promise(fact, look)
    return [slas.RestartSla(ticket=fact.id, promise=promise)] if promise and promise.resolution else []


def cancel_sla(fact: Fact, look: Look) -> list[Command]:
    return [slas.CancelSla(ticket=fact.id)]


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


def refuse_own_approval(fact: Fact, look: Look) -> list[Command]:
    """Four eyes: who recorded time does not decide about it, whichever person they name."""
    decided: time_entries.TimeApproved = fact.event  # type: ignore[assignment]
    sheet: time_entries.TimesheetState = look("timesheet", fact.id)
    if fact.actor in time_entries.recorded_by(sheet, decided.entries):
        raise Refused("own_time", "Who recorded time does not approve it; somebody else has to.", ["approver"])
    return []


REACTIONS: dict[type[Event], Callable[[Fact, Look], list[Command]]] = {
    tickets.TicketOpened: start_sla,
    tickets.TicketPrioritised: retarget_sla,
    tickets.TicketResponded: stop_response,
    tickets.TicketHeld: pause_sla,
    tickets.TicketResumed: resume_sla,
    tickets.TicketResolved: stop_sla,
    tickets.TicketReopened: restart_sla,
    tickets.TicketAnnulled: cancel_sla,
    time_entries.TimeApproved: refuse_own_approval,
    time_entries.TimeRecorded: weigh_time,
}

DEADLINES: dict[str, Callable[[UUID], Command]] = {
    "sla": lambda stream_id: slas.RecordOverdueSla(ticket=stream_id),
}
"""What the clock asks for when a deadline of a stream falls due, by the noun of the stream."""


def foresee(command: Command, command_id: UUID) -> Iterator[tuple[str, UUID]]:
    """The streams that reactions to a command will look at, so that most turns load everything in one query."""
    if isinstance(command, tickets.OpenTicket):
        yield from (("sla", command_id), ("policy", command.customer), ("policy", policies.DEFAULT))
    elif isinstance(command, get_args(tickets.TicketCommand)):
        yield "sla", command.ticket
    elif isinstance(command, time_entries.RecordTime):
        yield "time_policy", time_policies.FIRM


def _promise(fact: Fact, look: Look) -> slas.Promise | None:
    """What the policy in force promises of a ticket: the customer's own policy or, without one, the firm's.

    It may promise nothing for this priority; None when no policy is in force.
    """
    ticket: tickets.TicketState = look("ticket", fact.id)
    assert ticket.customer is not None, "a ticket that was opened has a customer"
    for policy_id in (ticket.customer, policies.DEFAULT):
        policy: policies.PolicyState = look("policy", policy_id)
        if policy.in_force:
            return _promised(ticket.customer, policy_id, policy, ticket.priority)
    return None


def _promised(customer: UUID, policy_id: UUID, policy: policies.PolicyState, priority: Priority) -> slas.Promise:
    target = policy.target(priority)
    return slas.Promise(
        customer=customer,
        priority=priority,
        policy=policy_id,
        policy_version=policy.policy_version,
        response=target.response if target else None,
        resolution=target.resolution if target else None,
        warn_at_percent=policy.warn_at_percent,
    )
