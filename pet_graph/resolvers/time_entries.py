"""What clients may ask about time."""

from __future__ import annotations

import strawberry

from ..events import time_entries
from ..schema.connections import Connection
from ..schema.links import find, listing
from ..schema.time_entries import (
    TimeEntry,
    TimeEntryFilter,
    TimeEntryOrder,
    Timesheet,
    TimesheetFilter,
    TimesheetOrder,
    TimesheetRecorded,
    TimesheetResult,
)
from .base import mutation


@strawberry.type
class TimeEntryQueries:
    time_entry: TimeEntry | None = find("time_entries", description="One time entry; null when there is none.")
    time_entries: Connection[TimeEntry] = listing(
        "time_entries", filter=TimeEntryFilter, order=TimeEntryOrder, description="Time entries, page by page."
    )
    timesheet: Timesheet | None = find("timesheets", description="One timesheet; null when there is none of this id.")
    timesheets: Connection[Timesheet] = listing(
        "timesheets", filter=TimesheetFilter, order=TimesheetOrder, description="Timesheets, page by page."
    )


@strawberry.type
class TimeEntryCommands:
    record_time: TimesheetResult = mutation(time_entries.RecordTime, TimesheetRecorded, TimesheetResult)
    submit_time: TimesheetResult = mutation(time_entries.SubmitTime, TimesheetRecorded, TimesheetResult)
    approve_time: TimesheetResult = mutation(time_entries.ApproveTime, TimesheetRecorded, TimesheetResult)
    return_time: TimesheetResult = mutation(time_entries.ReturnTime, TimesheetRecorded, TimesheetResult)
    reverse_time: TimesheetResult = mutation(time_entries.ReverseTime, TimesheetRecorded, TimesheetResult)
