"""The ledger between hours and promises as clients see it, and the rules that were tried."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry

from ..events.allocations import TimeClass, TrialResult
from .base import BurnRule, described
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
    from .tasks import Task
    from .time_entries import TimeEntry

described(
    TimeClass,
    "What hours are to whoever pays. All that was worked stands in exactly one of these classes.",
    BILLABLE="The promise pays for them: by the hour, or from a retainer.",
    NON_BILLABLE="They are the firm's own: internal, under a fixed price, or beyond what was sold.",
    WRITTEN_OFF="They could have been billed, and will not be.",
    UNATTRIBUTED="It is not known which promise they keep: incomplete.",
)
described(
    TrialResult,
    "What became of a promise that a rule led to.",
    CHOSEN="It took hours.",
    NONE_FOUND="The rule led to no promise.",
    NOT_OPEN="It had been fulfilled or released.",
    OTHER_ROLE="It is to be kept in another role.",
    SPENT="All hours that were sold were burnt already.",
)


@strawberry.type(
    description="A line of the ledger between hours and promises. Lines are only ever added: one that takes hours "
    "back is less than nothing, and the sum of the lines is what is so."
)
class Allocation(Node):
    entry_id: strawberry.Private[UUID]
    obligation_id: strawberry.Private[UUID | None]
    project_id: strawberry.Private[UUID | None]
    task_id: strawberry.Private[UUID | None]
    person_id: strawberry.Private[UUID]
    classification: TimeClass = column("What the hours are to whoever pays.")
    worked: timedelta = column("How many; less than nothing where they are taken back.", of="worked_us")
    worked_on: date = column("The day of the work.")
    run: int = column("Which application of the rules posted it, from 1; each later one is a restatement.")
    policy_version: int = column("The version of the time policy that held; 0 before any was adopted.")
    posted_at: datetime = column("When it came to be so.")
    recorded_at: datetime = column("When PET learned of it.")
    position: Position = column("The position of the fact that posted it.")
    entry: Annotated["TimeEntry", strawberry.lazy(".time_entries")] = one(
        "time_entries", by="entry_id", description="The time entry whose hours they are."
    )
    obligation: Annotated["Obligation", strawberry.lazy(".obligations")] | None = one(
        "obligations", by="obligation_id", description="The promise that they keep; null when they keep none."
    )
    project: Annotated["Project", strawberry.lazy(".projects")] | None = one(
        "projects", by="project_id", description="The project that they count for."
    )
    task: Annotated["Task", strawberry.lazy(".tasks")] | None = one(
        "tasks", by="task_id", description="The task that they were worked on."
    )
    person: Annotated["Person", strawberry.lazy(".people")] = one("people", by="person_id", description="Who worked.")


AllocationOrder = order(
    "Allocation",
    "How lines of the ledger are ordered",
    "POSTED_AT",
    descending=False,
    POSTED_AT=("posted_at", "By when they came to be so."),
    WORKED_ON=("worked_on", "By the day of the work."),
)


@strawberry.input(description="Which lines of the ledger.")
class AllocationFilter:
    classification: list[TimeClass] | None = where("classification", "in", "Of one of these classes.")
    obligation: list[strawberry.ID] | None = where(
        "obligation_id", "in", "That keep one of these promises.", node="Obligation"
    )
    unattributed: bool | None = where("obligation_id", "is null", "Whether they keep no promise.")
    project: list[strawberry.ID] | None = where("project_id", "in", "For one of these projects.", node="Project")
    task: list[strawberry.ID] | None = where("task_id", "in", "For one of these tasks.", node="Task")
    person: list[strawberry.ID] | None = where("person_id", "in", "Of one of these people.", node="Person")
    worked_from: date | None = where("worked_on", ">=", "Worked on this day or later.")
    worked_before: date | None = where("worked_on", "<", "Worked before this day.")


@strawberry.type(description="A promise that the rules looked at before they chose, or that a rule led to none.")
class AllocationTrial(Node):
    entry_id: strawberry.Private[UUID]
    obligation_id: strawberry.Private[UUID | None]
    run: int = column("In which application of the rules, from 1.")
    place: int = column("Which trial of the entry it was, from 1.")
    rule: BurnRule = column("The rule that led to it.")
    result: TrialResult = column("What became of it.")
    left: timedelta | None = column(
        "How many of the hours sold were left then; null where none are sold by the hour.", of="left_us"
    )
    policy_version: int = column("The version of the time policy whose rules were applied.")
    position: Position = column("The position of the fact.")
    obligation: Annotated["Obligation", strawberry.lazy(".obligations")] | None = one(
        "obligations", by="obligation_id", description="The promise; null when the rule led to none."
    )


AllocationTrialOrder = order(
    "AllocationTrial",
    "How trials are ordered",
    "PLACE",
    descending=False,
    PLACE=("place", "As they were made."),
)


@strawberry.type(description="A command about what hours are was accepted.")
class AllocationRecorded(Recorded):
    time_entry: Annotated["TimeEntry", strawberry.lazy(".time_entries")] | None = one(
        "time_entries", by="row_id", description="The time entry; its allocations tell what its hours are now."
    )


AllocationResult = result("AllocationResult", AllocationRecorded)
