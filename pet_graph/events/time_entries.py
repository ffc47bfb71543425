"""Time entries: what people worked, a sheet for each person and day; reversed and entered anew, never edited."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, assert_never, get_args
from uuid import UUID, uuid5

import msgspec

from .base import WORK_ROLE, Command, Decider, Event, Fact, Reason, Refused, Stamp, about, own, part, ref, text

SHEETS = UUID("6f9d5c1e-0a51-5d0e-8a55-6c8f0d0f3b21")
DAY = timedelta(hours=24)
LONGEST = timedelta(hours=10_000)
MOST_ENTRIES = 200


def sheet_of(person: UUID, worked_on: date) -> UUID:
    """The stream that holds what a person worked on a day."""
    return uuid5(SHEETS, f"{person}/{worked_on}")


class EntryStatus(StrEnum):
    RECORDED = "recorded"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    REVERSED = "reversed"


class Finding(StrEnum):
    """What may be wrong with time."""

    ABOVE_CAP = "above_cap"
    OVERLAP = "overlap"
    LATE = "late"


SENTENCES = {
    Finding.ABOVE_CAP: "With this the person has more time on the day than the policy's daily cap.",
    Finding.OVERLAP: "It overlaps other time of the person.",
    Finding.LATE: "It is recorded later after the work than the policy lets pass.",
}
"""What a finding says when the policy makes it a refusal."""


class TimeRecorded(Event, frozen=True):
    """A person worked. The entry's id is that of the command."""

    person: UUID
    worked_on: date
    worked: timedelta
    began_on: date | None = None
    starts: timedelta | None = None
    project: UUID | None = None
    task: UUID | None = None
    ticket: UUID | None = None
    obligation: UUID | None = None
    role: str | None = None
    note: str = ""
    corrects: UUID | None = None


class TimeFlagged(Event, frozen=True):
    """The time policy in force has something to say about an entry, which stands nevertheless."""

    entry: UUID
    findings: tuple[Finding, ...]
    policy_version: int


class TimeSubmitted(Event, frozen=True):
    """Entries are complete, as far as the person who worked is concerned."""

    entries: tuple[UUID, ...]


class TimeApproved(Event, frozen=True):
    """Another person than the one who worked stands by entries."""

    entries: tuple[UUID, ...]
    approver: UUID


class TimeReturned(Event, frozen=True):
    """Entries were not approved; the person who worked is to look at them again."""

    entries: tuple[UUID, ...]
    approver: UUID
    reason: str


class TimeReversed(Event, frozen=True):
    """An entry counts for nothing from now on. It stays visible, and what is right is entered anew."""

    entry: UUID
    reason: str


TimeEvent = TimeRecorded | TimeFlagged | TimeSubmitted | TimeApproved | TimeReturned | TimeReversed

Timesheet = Annotated[UUID, own("timesheet", "The timesheet: one person's one day.")]
EntryField = Annotated[UUID, part("time_entry", "Only this entry; left out, all that wait.")]
Approver = Annotated[UUID, ref("person", "Who decides; never the person who worked.")]


class RecordTime(Command, frozen=True):
    """Record that a person worked. The id of the entry is the command's id.

    Say what the work was for: a promise, a task, a ticket or a project. Without any it is recorded all the same, and
    counted as incomplete.
    """

    person: Annotated[UUID, ref("person", "Who worked.")]
    worked_on: Annotated[date, about("The day of the work, where the person works; of longer work, its last day.")]
    worked: Annotated[timedelta, about("How much work: at most 24 hours a day.")]
    began_on: Annotated[date, about("The first day, when only the sum over several days is known.")] | None = None
    starts: (
        Annotated[timedelta, about("When on the day the work started, since midnight: PT9H30M. Finds overlaps.")] | None
    ) = None
    project: Annotated[UUID, ref("project", "The project that it was for; a task's project otherwise.")] | None = None
    task: Annotated[UUID, ref("task", "The task that it was for.")] | None = None
    ticket: Annotated[UUID, ref("ticket", "The ticket that it was for.")] | None = None
    obligation: Annotated[UUID, ref("obligation", "The promise that it kept, if that is known.")] | None = None
    role: Annotated[str, WORK_ROLE] | None = None
    note: Annotated[str, text("What was done.", limit=2_000, optional=True)] = ""
    corrects: Annotated[UUID, part("time_entry", "The reversed entry in whose place this one stands.")] | None = None


class FlagTime(Command, frozen=True):
    """Keep what the time policy says of an entry."""

    timesheet: Timesheet
    entry: UUID
    findings: tuple[Finding, ...]
    policy_version: int


class SubmitTime(Command, frozen=True):
    """Say that entries are complete and wait for approval."""

    timesheet: Timesheet
    entry: EntryField | None = None


class ApproveTime(Command, frozen=True):
    """Stand by submitted entries of another person."""

    timesheet: Timesheet
    approver: Approver
    entry: EntryField | None = None


class ReturnTime(Command, frozen=True):
    """Give submitted entries back to the person who worked."""

    timesheet: Timesheet
    approver: Approver
    reason: Reason
    entry: EntryField | None = None


class ReverseTime(Command, frozen=True):
    """Take an entry back, whatever its status. Record what is right as a new entry, with `corrects`."""

    timesheet: Timesheet
    entry: Annotated[UUID, part("time_entry", "The entry.")]
    reason: Reason


TimeCommand = RecordTime | FlagTime | SubmitTime | ApproveTime | ReturnTime | ReverseTime


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One entry of a sheet, as it was recorded and what became of it."""

    id: UUID
    said: TimeRecorded
    since: Stamp
    actor: str
    position: int
    status: EntryStatus = EntryStatus.RECORDED
    findings: tuple[Finding, ...] = ()
    submitted_at: datetime | None = None
    approved: Stamp | None = None
    approver: UUID | None = None
    returned_reason: str | None = None
    reversed: Stamp | None = None
    reversed_reason: str | None = None

    @property
    def counts(self) -> bool:
        return self.reversed is None

    @property
    def days(self) -> int:
        return (self.said.worked_on - (self.said.began_on or self.said.worked_on)).days + 1

    @property
    def late_days(self) -> int:
        """Days between the work and its being recorded, by the instant at which it was entered."""
        return max((self.since.occurred_at.date() - self.said.worked_on).days, 0)


class TimesheetState(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one person worked on one day."""

    entries: tuple[Entry, ...] = ()

    def entry(self, id_: UUID) -> Entry | None:
        return next((entry for entry in self.entries if entry.id == id_), None)


def evolve(state: TimesheetState, fact: Fact) -> TimesheetState:
    match fact.event:
        case TimeRecorded() as recorded:
            entry = Entry(fact.command_id, recorded, Stamp.of(fact), fact.actor, fact.position)
            return TimesheetState((*state.entries, entry))
        case TimeFlagged(entry=id_, findings=findings):
            return _with(state, fact, (id_,), findings=findings)
        case TimeSubmitted(entries=ids):
            at = fact.occurred_at
            return _with(state, fact, ids, status=EntryStatus.SUBMITTED, submitted_at=at, returned_reason=None)
        case TimeApproved(entries=ids, approver=approver):
            approved = EntryStatus.APPROVED
            return _with(state, fact, ids, status=approved, approved=Stamp.of(fact), approver=approver)
        case TimeReturned(entries=ids, reason=reason):
            recorded_again = EntryStatus.RECORDED
            return _with(state, fact, ids, status=recorded_again, submitted_at=None, returned_reason=reason)
        case TimeReversed(entry=id_, reason=reason):
            reversed_ = EntryStatus.REVERSED
            return _with(state, fact, (id_,), status=reversed_, reversed=Stamp.of(fact), reversed_reason=reason)
    return state


def _with(state: TimesheetState, fact: Fact, ids: tuple[UUID, ...], **changes: object) -> TimesheetState:
    changes["position"] = fact.position
    replace = msgspec.structs.replace
    return TimesheetState(tuple(replace(one, **changes) if one.id in ids else one for one in state.entries))


# --- decisions --------------------------------------------------------------------------------------------------------


def decide(state: TimesheetState, command: TimeCommand, at: datetime) -> list[Event]:
    match command:
        case RecordTime():
            return record_time(state, command, at)
        case FlagTime():
            return flag_time(command)
        case SubmitTime():
            return submit_time(state, command)
        case ApproveTime():
            return approve_time(state, command)
        case ReturnTime():
            return return_time(state, command)
        case ReverseTime():
            return reverse_time(state, command)
        case _:
            assert_never(command)


def record_time(state: TimesheetState, command: RecordTime, at: datetime) -> list[Event]:
    began_on = command.began_on or command.worked_on
    if began_on > command.worked_on:
        raise Refused("ends_before_it_starts", "The first day lies after the last.", ["beganOn"])
    if command.worked_on > (at + timedelta(hours=14)).date():
        raise Refused(
            "not_worked_yet", f"{command.worked_on} lies in the future: time is what was worked.", ["workedOn"]
        )
    days = (command.worked_on - began_on).days + 1
    if not timedelta() < command.worked <= min(days * DAY, LONGEST):
        raise Refused("span_out_of_range", "Work takes longer than nothing and at most 24 hours a day.", ["worked"])
    if command.starts is not None and (days > 1 or command.starts + command.worked > DAY):
        raise Refused("past_midnight", "What starts at an hour ends on the same day: record two entries.", ["starts"])
    if len(state.entries) >= MOST_ENTRIES:
        raise Refused("too_many_entries", f"A day takes {MOST_ENTRIES} entries.")
    return [TimeRecorded(**msgspec.structs.asdict(command))]


def flag_time(command: FlagTime) -> list[Event]:
    return [TimeFlagged(entry=command.entry, findings=command.findings, policy_version=command.policy_version)]


def submit_time(state: TimesheetState, command: SubmitTime) -> list[Event]:
    return [TimeSubmitted(entries=_waiting(state, command.entry, EntryStatus.RECORDED))]


def approve_time(state: TimesheetState, command: ApproveTime) -> list[Event]:
    waiting = _waiting(state, command.entry, EntryStatus.SUBMITTED)
    _by_another(state, command.approver)
    return [TimeApproved(entries=waiting, approver=command.approver)]


def return_time(state: TimesheetState, command: ReturnTime) -> list[Event]:
    waiting = _waiting(state, command.entry, EntryStatus.SUBMITTED)
    _by_another(state, command.approver)
    return [TimeReturned(entries=waiting, approver=command.approver, reason=command.reason)]


def reverse_time(state: TimesheetState, command: ReverseTime) -> list[Event]:
    entry = _known(state, command.entry)
    if not entry.counts:
        raise Refused("already_reversed", "The entry is reversed already.", ["entry"])
    return [TimeReversed(entry=command.entry, reason=command.reason)]


def _known(state: TimesheetState, id_: UUID) -> Entry:
    entry = state.entry(id_)
    if entry is None:
        raise Refused("time_entry_not_found", "There is no such entry on this timesheet.", ["entry"])
    return entry


def _waiting(state: TimesheetState, only: UUID | None, status: EntryStatus) -> tuple[UUID, ...]:
    """The entries that a command is about: the one it names, or all that stand at `status`."""
    if only is None:
        if waiting := tuple(entry.id for entry in state.entries if entry.status is status):
            return waiting
        raise Refused("nothing_waits", f"No entry of this timesheet is {status}.")
    entry = _known(state, only)
    if entry.status is not status:
        raise Refused(f"not_{status}", f"The entry is {entry.status}, not {status}.", ["entry"])
    return (only,)


def _by_another(state: TimesheetState, approver: UUID) -> None:
    if state.entries[0].said.person == approver:
        raise Refused("own_time", "Nobody decides about their own time; another person has to.", ["approver"])


def recorded_by(state: TimesheetState, ids: tuple[UUID, ...]) -> set[str]:
    """Who asked for these entries to be recorded."""
    return {entry.actor for entry in state.entries if entry.id in ids}


def findings(state: TimesheetState, id_: UUID, cap: timedelta, late_after_days: int) -> list[Finding]:
    """What may be wrong with an entry, seen beside the others of its sheet."""
    entry = _known(state, id_)
    others = [one for one in state.entries if one.counts and one.id != id_]
    found = []
    # Work over several days has no day of its own: it is held against the cap of its days, and apart from the others.
    on_the_day = sum((one.said.worked for one in others if one.days == 1 and entry.days == 1), entry.said.worked)
    if on_the_day > cap * entry.days:
        found.append(Finding.ABOVE_CAP)
    if any(_overlap(entry.said, other.said) for other in others):
        found.append(Finding.OVERLAP)
    if entry.late_days > late_after_days:
        found.append(Finding.LATE)
    return found


def _overlap(one: TimeRecorded, other: TimeRecorded) -> bool:
    """Whether two spans of one day share an instant; work without a start lies nowhere in particular."""
    if one.starts is None or other.starts is None:
        return False
    return one.starts < other.starts + other.worked and other.starts < one.starts + one.worked


def _key(command: TimeCommand) -> UUID | None:
    return sheet_of(command.person, command.worked_on) if isinstance(command, RecordTime) else None


decider = Decider(
    noun="timesheet",
    initial=TimesheetState(),
    commands=get_args(TimeCommand),
    events=get_args(TimeEvent),
    decide=decide,
    evolve=evolve,
    key=_key,
)
