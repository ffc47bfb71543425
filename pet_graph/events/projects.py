"""Projects: what the firm set out to deliver, for whom, by when, and who answers for it."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, assert_never, get_args
from uuid import UUID

import msgspec

from .base import Command, Decider, Event, Fact, Reason, Refused, about, own, ref, text


class ProjectStatus(StrEnum):
    OPEN = "open"
    CLOSED = "closed"


class ProjectStarted(Event, frozen=True):
    """The firm set out to deliver something: for a customer, or for itself."""

    name: str
    customer: UUID | None = None
    quote: UUID | None = None
    owner: UUID | None = None
    starts_on: date | None = None
    due_on: date | None = None
    reference: str | None = None


class ProjectOwned(Event, frozen=True):
    """A person answers for the project from now on."""

    owner: UUID


class ProjectRescheduled(Event, frozen=True):
    """The project is to be done by another day than was said before."""

    due_on: date
    reason: str
    starts_on: date | None = None


class ProjectClosed(Event, frozen=True):
    """Nothing more will be delivered in this project; time can no longer be recorded on it."""

    reason: str


class ProjectReopened(Event, frozen=True):
    """There is more to deliver after all."""

    reason: str


ProjectEvent = ProjectStarted | ProjectOwned | ProjectRescheduled | ProjectClosed | ProjectReopened

Project = Annotated[UUID, own("project", "The project.")]


class StartProject(Command, frozen=True):
    """Set out to deliver something. The id of the new project is the command's id."""

    name: Annotated[str, text("What the project is called.")]
    customer: Annotated[UUID, ref("customer", "For whom; left out, the project is internal.")] | None = None
    quote: (
        Annotated[UUID, ref("quote", "The accepted quote whose promises are delivered in it; of the same customer.")]
        | None
    ) = None
    owner: Annotated[UUID, ref("person", "Who answers for it.")] | None = None
    starts_on: Annotated[date, about("The first day of work.")] | None = None
    due_on: Annotated[date, about("The day by which it is to be delivered.")] | None = None
    reference: Annotated[str, text("How another system calls this project.", limit=64)] | None = None


class OwnProject(Command, frozen=True):
    """Say who answers for the project."""

    project: Project
    owner: Annotated[UUID, ref("person", "Who answers for it from now on.")]


class RescheduleProject(Command, frozen=True):
    """Say by which other day the project is to be delivered; what was promised to the customer stays as it is."""

    project: Project
    due_on: Annotated[date, about("The day by which it is now to be delivered.")]
    reason: Reason
    starts_on: Annotated[date, about("The first day of work, if that moved too.")] | None = None


class CloseProject(Command, frozen=True):
    """Say that nothing more will be delivered in this project."""

    project: Project
    reason: Reason


class ReopenProject(Command, frozen=True):
    """Say that there is more to deliver after all."""

    project: Project
    reason: Reason


ProjectCommand = StartProject | OwnProject | RescheduleProject | CloseProject | ReopenProject


class ProjectState(msgspec.Struct, frozen=True, omit_defaults=True):
    name: str = ""
    customer: UUID | None = None
    quote: UUID | None = None
    owner: UUID | None = None
    starts_on: date | None = None
    due_on: date | None = None
    first_due_on: date | None = None
    reference: str | None = None
    status: ProjectStatus = ProjectStatus.OPEN
    started_at: datetime | None = None
    closed_at: datetime | None = None


def evolve(state: ProjectState, fact: Fact) -> ProjectState:
    replace = msgspec.structs.replace
    match fact.event:
        case ProjectStarted() as started:
            return ProjectState(
                name=started.name,
                customer=started.customer,
                quote=started.quote,
                owner=started.owner,
                starts_on=started.starts_on,
                due_on=started.due_on,
                first_due_on=started.due_on,
                reference=started.reference,
                started_at=fact.occurred_at,
            )
        case ProjectOwned(owner=owner):
            return replace(state, owner=owner)
        case ProjectRescheduled(due_on=due_on, starts_on=starts_on):
            first = state.first_due_on or due_on
            return replace(state, due_on=due_on, first_due_on=first, starts_on=starts_on or state.starts_on)
        case ProjectClosed():
            return replace(state, status=ProjectStatus.CLOSED, closed_at=fact.occurred_at)
        case ProjectReopened():
            return replace(state, status=ProjectStatus.OPEN, closed_at=None)
    return state


def decide(state: ProjectState, command: ProjectCommand, at: datetime) -> list[Event]:
    match command:
        case StartProject():
            return start_project(command)
        case OwnProject():
            return own_project(state, command)
        case RescheduleProject():
            return reschedule_project(state, command)
        case CloseProject():
            return close_project(state, command)
        case ReopenProject():
            return reopen_project(state, command)
        case _:
            assert_never(command)


def start_project(command: StartProject) -> list[Event]:
    _in_order(command.starts_on, command.due_on)
    return [
        ProjectStarted(
            name=command.name,
            customer=command.customer,
            quote=command.quote,
            owner=command.owner,
            starts_on=command.starts_on,
            due_on=command.due_on,
            reference=command.reference,
        )
    ]


def own_project(state: ProjectState, command: OwnProject) -> list[Event]:
    _open(state)
    if command.owner == state.owner:
        raise Refused("unchanged", "This person answers for the project already.", ["owner"])
    return [ProjectOwned(owner=command.owner)]


def reschedule_project(state: ProjectState, command: RescheduleProject) -> list[Event]:
    _open(state)
    starts_on = command.starts_on or state.starts_on
    _in_order(starts_on, command.due_on)
    if (starts_on, command.due_on) == (state.starts_on, state.due_on):
        raise Refused("unchanged", f"The project is due on {state.due_on} already.", ["dueOn"])
    return [ProjectRescheduled(due_on=command.due_on, starts_on=command.starts_on, reason=command.reason)]


def close_project(state: ProjectState, command: CloseProject) -> list[Event]:
    _open(state)
    return [ProjectClosed(reason=command.reason)]


def reopen_project(state: ProjectState, command: ReopenProject) -> list[Event]:
    if state.status is ProjectStatus.OPEN:
        raise Refused("not_closed", "The project is open; only a closed one can be reopened.")
    return [ProjectReopened(reason=command.reason)]


def _open(state: ProjectState) -> None:
    if state.status is not ProjectStatus.OPEN:
        raise Refused("project_closed", f"The project {state.name!r} is closed; reopen it first.")


def _in_order(starts_on: date | None, due_on: date | None) -> None:
    if starts_on and due_on and due_on < starts_on:
        raise Refused("ends_before_it_starts", f"It cannot be due on {due_on} and start on {starts_on}.", ["dueOn"])


decider = Decider(
    noun="project",
    initial=ProjectState(),
    commands=get_args(ProjectCommand),
    events=get_args(ProjectEvent),
    decide=decide,
    evolve=evolve,
)
