"""Time entries and timesheets as clients see them."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry

from ..events.time_entries import EntryStatus, Finding
from .actuals import Actual, ActualFilter, ActualOrder
from .allocations import Allocation, AllocationFilter, AllocationOrder, AllocationTrial, AllocationTrialOrder
from .base import described
from .connections import Connection
from .errors import result
from .facts import Recorded
from .filters import order, where
from .links import many, one
from .nodes import Node, column
from .scalars import Position

if TYPE_CHECKING:
    from .obligations import Obligation
    from .people import Person
    from .projects import Project
    from .tasks import Task
    from .tickets import Ticket

described(
    EntryStatus,
    "Where a time entry stands.",
    RECORDED="It is recorded, or was returned.",
    SUBMITTED="It waits for approval.",
    APPROVED="Another person stands by it.",
    REVERSED="It counts for nothing; what is right stands in another entry.",
)
described(
    Finding,
    "What may be wrong with time.",
    ABOVE_CAP="The person has more time on this day than the policy's cap.",
    OVERLAP="It overlaps other time of the person.",
    LATE="It was recorded long after the work.",
)


@strawberry.type(description="A piece of work of one person on one day, as it was recorded. It is never edited.")
class TimeEntry(Node):
    timesheet_id: strawberry.Private[UUID]
    person_id: strawberry.Private[UUID]
    project_id: strawberry.Private[UUID | None]
    task_id: strawberry.Private[UUID | None]
    ticket_id: strawberry.Private[UUID | None]
    obligation_id: strawberry.Private[UUID | None]
    corrects_id: strawberry.Private[UUID | None]
    approver_id: strawberry.Private[UUID | None]
    worked_on: date = column("The day of the work; of work over several days, the last one.")
    began_on: date | None = column("The first day, when only the sum over several days is known.")
    starts: timedelta | None = column("When on the day it started, since midnight.", of="starts_us")
    worked: timedelta = column("How much work it was.", of="worked_us")
    role: str | None = column("In which role the person worked, as the firm calls it.")
    note: str = column("What was done.")
    status: EntryStatus = column("Where it stands.")
    findings: list[Finding] = column("What the time policy of then had to say about it.")
    late_days: int = column("How many days after the work it was entered.")
    entered_at: datetime = column("When it was entered.")
    submitted_at: datetime | None = column("When it was submitted.")
    approved_at: datetime | None = column("When it was approved.")
    returned_reason: str | None = column("Why it was returned; null once it is submitted again.")
    reversed_at: datetime | None = column("When it was reversed.")
    reversed_reason: str | None = column("Why it was reversed.")
    position: Position = column("The position of the newest fact about it.")
    timesheet: Annotated["Timesheet", strawberry.lazy(".time_entries")] = one(
        "timesheets", by="timesheet_id", description="The sheet that it stands on; commands about it name the sheet."
    )
    person: Annotated["Person", strawberry.lazy(".people")] = one("people", by="person_id", description="Who worked.")
    approver: Annotated["Person", strawberry.lazy(".people")] | None = one(
        "people", by="approver_id", description="Who stands by it."
    )
    project: Annotated["Project", strawberry.lazy(".projects")] | None = one(
        "projects",
        by="project_id",
        description="The project that it names; its allocations tell the one it counts for.",
    )
    task: Annotated["Task", strawberry.lazy(".tasks")] | None = one(
        "tasks", by="task_id", description="The task that it was for."
    )
    ticket: Annotated["Ticket", strawberry.lazy(".tickets")] | None = one(
        "tickets", by="ticket_id", description="The ticket that it was for."
    )
    obligation: Annotated["Obligation", strawberry.lazy(".obligations")] | None = one(
        "obligations", by="obligation_id", description="The promise that it names."
    )
    allocations: Connection[Allocation] = many(
        "allocations",
        by="entry_id",
        noun="allocation",
        filter=AllocationFilter,
        order=AllocationOrder,
        description="What its hours are and which promises they keep, line by line.",
    )
    allocation_trials: Connection[AllocationTrial] = many(
        "allocation_trials",
        by="entry_id",
        noun="allocation",
        order=AllocationTrialOrder,
        description="What the rules tried before they chose.",
    )
    corrects: Annotated["TimeEntry", strawberry.lazy(".time_entries")] | None = one(
        "time_entries", by="corrects_id", description="The reversed entry in whose place it stands."
    )
    actuals: Connection[Actual] = many(
        "actuals",
        by="time_entry_id",
        filter=ActualFilter,
        order=ActualOrder,
        description="What it cost and comes to, since it is approved.",
    )


TimeEntryOrder = order(
    "TimeEntry",
    "How time entries are ordered",
    "WORKED_ON",
    WORKED_ON=("worked_on", "By the day of the work."),
    ENTERED_AT=("entered_at", "By when they were entered."),
)


@strawberry.input(description="Which time entries.")
class TimeEntryFilter:
    person: list[strawberry.ID] | None = where("person_id", "in", "Of one of these people.", node="Person")
    status: list[EntryStatus] | None = where("status", "in", "Standing at one of these.")
    project: list[strawberry.ID] | None = where("project_id", "in", "That name one of these projects.", node="Project")
    task: list[strawberry.ID] | None = where("task_id", "in", "For one of these tasks.", node="Task")
    ticket: list[strawberry.ID] | None = where("ticket_id", "in", "For one of these tickets.", node="Ticket")
    worked_from: date | None = where("worked_on", ">=", "Worked on this day or later.")
    worked_before: date | None = where("worked_on", "<", "Worked before this day.")
    finding: Finding | None = where("findings", "holds", "Of which the policy said this.")
    late_days_from: int | None = where("late_days", ">=", "Entered at least so many days after the work.")


@strawberry.type(description="What one person worked on one day. Its entries are recorded, submitted and approved.")
class Timesheet(Node):
    person_id: strawberry.Private[UUID]
    worked_on: date = column("The day.")
    worked: timedelta = column("How much work stands on it, reversed entries left out.", of="worked_us")
    approved: timedelta = column("How much of it is approved.", of="approved_us")
    version: int = column("How many facts are recorded of the sheet; give it back as `expectedVersion`.")
    position: Position = column("The position of the newest of them.")
    person: Annotated["Person", strawberry.lazy(".people")] = one("people", by="person_id", description="Whose it is.")
    entries: Connection[TimeEntry] = many(
        "time_entries",
        by="timesheet_id",
        noun="timesheet",
        filter=TimeEntryFilter,
        order=TimeEntryOrder,
        description="Its entries, reversed ones included.",
    )


TimesheetOrder = order(
    "Timesheet",
    "How timesheets are ordered",
    "WORKED_ON",
    WORKED_ON=("worked_on", "By day."),
)


@strawberry.input(description="Which timesheets.")
class TimesheetFilter:
    person: list[strawberry.ID] | None = where("person_id", "in", "Of one of these people.", node="Person")
    worked_from: date | None = where("worked_on", ">=", "Of this day or later.")
    worked_before: date | None = where("worked_on", "<", "Of a day before this one.")


@strawberry.type(description="A command about time was accepted.")
class TimesheetRecorded(Recorded):
    timesheet: Timesheet | None = one(
        "timesheets", by="row_id", description="The sheet as it is now; null when its first entry was only rehearsed."
    )


TimesheetResult = result("TimesheetResult", TimesheetRecorded)
