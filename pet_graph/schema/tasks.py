"""Tasks as clients see them."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry

from ..events.tasks import TaskStatus
from .base import described
from .errors import result
from .facts import Recorded
from .filters import order, where
from .links import one
from .nodes import Node, column
from .scalars import Position

if TYPE_CHECKING:
    from .obligations import Obligation
    from .people import Person
    from .projects import Project

described(
    TaskStatus,
    "What became of a task.",
    OPEN="It is to be done.",
    FINISHED="It is done.",
    ABANDONED="It will not be done.",
)


@strawberry.type(description="A piece of work of a project.")
class Task(Node):
    project_id: strawberry.Private[UUID]
    obligation_id: strawberry.Private[UUID | None]
    assignee_id: strawberry.Private[UUID | None]
    name: str = column("What is to be done, in a line.")
    kind: str | None = column("What sort of work it is, in the firm's own words.")
    reference: str | None = column("How another system calls this task.")
    status: TaskStatus = column("What became of it.")
    estimate: timedelta | None = column("How much work it is now thought to take altogether.", of="estimate_us")
    first_estimate: timedelta | None = column(
        "The first estimate that was recorded; it never moves.", of="first_estimate_us"
    )
    estimates: int = column("How often it was estimated; each estimate is a fact of its own.")
    due_on: date | None = column("The day by which it is to be done.")
    planned_at: datetime = column("When it was found to be needed.")
    ended_at: datetime | None = column("When it was finished or abandoned; null again once it is resumed.")
    version: int = column("How many facts are recorded of the task; give it back as `expectedVersion`.")
    position: Position = column("The position of the newest of them.")
    project: Annotated["Project", strawberry.lazy(".projects")] = one(
        "projects", by="project_id", description="The project that it belongs to."
    )
    obligation: Annotated["Obligation", strawberry.lazy(".obligations")] | None = one(
        "obligations", by="obligation_id", description="What was promised, if this work keeps a promise."
    )
    assignee: Annotated["Person", strawberry.lazy(".people")] | None = one(
        "people", by="assignee_id", description="Who does it."
    )


TaskOrder = order(
    "Task",
    "How tasks are ordered",
    "PLANNED_AT",
    descending=False,
    PLANNED_AT=("planned_at", "By when they were found to be needed."),
)


@strawberry.input(description="Which tasks.")
class TaskFilter:
    status: list[TaskStatus] | None = where("status", "in", "Of which one of these became.")
    project: list[strawberry.ID] | None = where("project_id", "in", "Of one of these projects.", node="Project")
    obligation: list[strawberry.ID] | None = where(
        "obligation_id", "in", "That keep one of these promises.", node="Obligation"
    )
    promised: bool | None = where("obligation_id", "is not null", "Whether they keep a promise.")
    assignee: list[strawberry.ID] | None = where("assignee_id", "in", "Done by one of these.", node="Person")
    reference: list[str] | None = where("reference", "in", "Called one of these by another system.")
    kind: list[str] | None = where("kind", "in", "Of one of these sorts.")
    estimated: bool | None = where("estimate_us", "is not null", "Whether there is any estimate.")


@strawberry.type(description="A command about a task was accepted.")
class TaskRecorded(Recorded):
    task: Task | None = one(
        "tasks", by="row_id", description="The task as it is now; null when its planning was only rehearsed."
    )


TaskResult = result("TaskResult", TaskRecorded)
