"""What clients may ask about tasks."""

from __future__ import annotations

import strawberry

from ..events import tasks
from ..schema.connections import Connection
from ..schema.links import find, listing
from ..schema.tasks import Task, TaskFilter, TaskOrder, TaskRecorded, TaskResult
from .base import mutation


@strawberry.type
class TaskQueries:
    task: Task | None = find("tasks", description="One task; null when there is none of this id.")
    tasks: Connection[Task] = listing(
        "tasks", filter=TaskFilter, order=TaskOrder, description="Tasks of all projects, page by page."
    )


@strawberry.type
class TaskCommands:
    plan_task: TaskResult = mutation(tasks.PlanTask, TaskRecorded, TaskResult)
    estimate_task: TaskResult = mutation(tasks.EstimateTask, TaskRecorded, TaskResult)
    delegate_task: TaskResult = mutation(tasks.DelegateTask, TaskRecorded, TaskResult)
    finish_task: TaskResult = mutation(tasks.FinishTask, TaskRecorded, TaskResult)
    resume_task: TaskResult = mutation(tasks.ResumeTask, TaskRecorded, TaskResult)
    abandon_task: TaskResult = mutation(tasks.AbandonTask, TaskRecorded, TaskResult)
