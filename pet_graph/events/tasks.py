"""Tasks: the pieces of work of a project, what they were thought to take, and who does them."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, assert_never, get_args
from uuid import UUID

import msgspec

from .base import Command, Decider, Event, Fact, Reason, Refused, Stamp, about, own, ref, text


class TaskStatus(StrEnum):
    OPEN = "open"
    FINISHED = "finished"
    ABANDONED = "abandoned"


class TaskPlanned(Event, frozen=True):
    """A piece of work was found to be needed."""

    project: UUID
    name: str
    estimate: timedelta | None = None
    obligation: UUID | None = None
    assignee: UUID | None = None
    due_on: date | None = None
    kind: str | None = None
    reference: str | None = None


class TaskEstimated(Event, frozen=True):
    """The work is thought to take this long altogether; earlier estimates stay on record."""

    estimate: timedelta
    reason: str


class TaskDelegated(Event, frozen=True):
    """A person became the one who does it."""

    assignee: UUID


class TaskFinished(Event, frozen=True):
    """The work is done."""


class TaskResumed(Event, frozen=True):
    """There is more to do after all."""

    reason: str


class TaskAbandoned(Event, frozen=True):
    """The work will not be done."""

    reason: str


TaskEvent = TaskPlanned | TaskEstimated | TaskDelegated | TaskFinished | TaskResumed | TaskAbandoned

Task = Annotated[UUID, own("task", "The task.")]
MOST = timedelta(hours=100_000)
Estimate = Annotated[timedelta, about("How much work it is thought to take altogether.")]


class PlanTask(Command, frozen=True):
    """Say that a piece of work is needed. The id of the new task is the command's id."""

    project: Annotated[UUID, ref("project", "The project that it belongs to.")]
    name: Annotated[str, text("What is to be done, in a line.", limit=500)]
    estimate: Estimate | None = None
    obligation: Annotated[UUID, ref("obligation", "What was promised, if this work keeps a promise.")] | None = None
    assignee: Annotated[UUID, ref("person", "Who does it.")] | None = None
    due_on: Annotated[date, about("The day by which it is to be done.")] | None = None
    kind: Annotated[str, text("What sort of work it is, in the firm's own words.", limit=64)] | None = None
    reference: Annotated[str, text("How another system calls this task.", limit=64)] | None = None


class EstimateTask(Command, frozen=True):
    """Say anew how much work the task is thought to take; what was sold does not change by it."""

    task: Task
    estimate: Estimate
    reason: Reason


class DelegateTask(Command, frozen=True):
    """Say who does the task."""

    task: Task
    assignee: Annotated[UUID, ref("person", "Who does it from now on.")]


class FinishTask(Command, frozen=True):
    """Say that the work is done."""

    task: Task


class ResumeTask(Command, frozen=True):
    """Say that there is more to do after all."""

    task: Task
    reason: Reason


class AbandonTask(Command, frozen=True):
    """Say that the work will not be done; time recorded on it stays recorded."""

    task: Task
    reason: Reason


TaskCommand = PlanTask | EstimateTask | DelegateTask | FinishTask | ResumeTask | AbandonTask


class Mark(msgspec.Struct, frozen=True, array_like=True):
    """What was thought of the task from some moment on: how much work it takes, and whether it is to be done."""

    estimate: timedelta | None
    is_open: bool
    stamp: Stamp


class TaskState(msgspec.Struct, frozen=True, omit_defaults=True):
    project: UUID | None = None
    name: str = ""
    estimate: timedelta | None = None
    first_estimate: timedelta | None = None
    estimates: int = 0
    obligation: UUID | None = None
    assignee: UUID | None = None
    due_on: date | None = None
    kind: str | None = None
    reference: str | None = None
    status: TaskStatus = TaskStatus.OPEN
    planned_at: datetime | None = None
    ended_at: datetime | None = None
    marks: tuple[Mark, ...] = ()


def evolve(state: TaskState, fact: Fact) -> TaskState:
    after = _evolved(state, fact)
    mark = Mark(after.estimate, after.status is TaskStatus.OPEN, Stamp.of(fact))
    if state.marks and (state.marks[-1].estimate, state.marks[-1].is_open) == (mark.estimate, mark.is_open):
        return after
    return msgspec.structs.replace(after, marks=(*state.marks, mark))


def _evolved(state: TaskState, fact: Fact) -> TaskState:
    replace, at = msgspec.structs.replace, fact.occurred_at
    match fact.event:
        case TaskPlanned() as planned:
            return TaskState(
                project=planned.project,
                name=planned.name,
                estimate=planned.estimate,
                first_estimate=planned.estimate,
                estimates=int(planned.estimate is not None),
                obligation=planned.obligation,
                assignee=planned.assignee,
                due_on=planned.due_on,
                kind=planned.kind,
                reference=planned.reference,
                planned_at=at,
            )
        case TaskEstimated(estimate=estimate):
            first = estimate if state.first_estimate is None else state.first_estimate
            return replace(state, estimate=estimate, first_estimate=first, estimates=state.estimates + 1)
        case TaskDelegated(assignee=assignee):
            return replace(state, assignee=assignee)
        case TaskFinished():
            return replace(state, status=TaskStatus.FINISHED, ended_at=at)
        case TaskResumed():
            return replace(state, status=TaskStatus.OPEN, ended_at=None)
        case TaskAbandoned():
            return replace(state, status=TaskStatus.ABANDONED, ended_at=at)
    return state


def decide(state: TaskState, command: TaskCommand, at: datetime) -> list[Event]:
    match command:
        case PlanTask():
            return plan_task(command)
        case EstimateTask():
            return estimate_task(state, command)
        case DelegateTask():
            return delegate_task(state, command)
        case FinishTask():
            return finish_task(state)
        case ResumeTask():
            return resume_task(state, command)
        case AbandonTask():
            return abandon_task(state, command)
        case _:
            assert_never(command)


def plan_task(command: PlanTask) -> list[Event]:
    if command.estimate is not None:
        _likely(command.estimate)
    return [TaskPlanned(**msgspec.structs.asdict(command))]


def estimate_task(state: TaskState, command: EstimateTask) -> list[Event]:
    _open(state)
    _likely(command.estimate)
    if command.estimate == state.estimate:
        raise Refused("unchanged", "That is the estimate already.", ["estimate"])
    return [TaskEstimated(estimate=command.estimate, reason=command.reason)]


def delegate_task(state: TaskState, command: DelegateTask) -> list[Event]:
    _open(state)
    if command.assignee == state.assignee:
        raise Refused("unchanged", "This person does the task already.", ["assignee"])
    return [TaskDelegated(assignee=command.assignee)]


def finish_task(state: TaskState) -> list[Event]:
    _open(state)
    return [TaskFinished()]


def resume_task(state: TaskState, command: ResumeTask) -> list[Event]:
    if state.status is TaskStatus.OPEN:
        raise Refused("not_ended", "The task is open; only a finished or abandoned one can be resumed.")
    return [TaskResumed(reason=command.reason)]


def abandon_task(state: TaskState, command: AbandonTask) -> list[Event]:
    _open(state)
    return [TaskAbandoned(reason=command.reason)]


def _open(state: TaskState) -> None:
    if state.status is not TaskStatus.OPEN:
        raise Refused("task_ended", f"The task is {state.status}; resume it first.")


def _likely(estimate: timedelta) -> None:
    if not timedelta() < estimate <= MOST:
        raise Refused(
            "estimate_out_of_range", "An estimate is longer than nothing and at most 100,000 h.", ["estimate"]
        )


decider = Decider(
    noun="task",
    initial=TaskState(),
    commands=get_args(TaskCommand),
    events=get_args(TaskEvent),
    decide=decide,
    evolve=evolve,
)
