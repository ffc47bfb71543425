"""Reckoning: from what happened to a ticket, and what was promised when, to how its clocks stand. Pure, and stateless.

It is worked out anew from the timeline after each fact, so a fact that is told late counts as if it had been told in
time. What differs from what was recorded is for `slas` to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import msgspec

from . import spans, timelines
from .base import Priority
from .clocks import NO_TIME, Alarm, Change, ClockRule, ClockState, Promise, Said, Seen
from .spans import Course, Segment, Span
from .timelines import Moment, Timeline, Trigger
from .workdays import Calendar, CalendarVersion

DONE = ""
NOT_PROMISED, RETIRED, UNTOLD = "not_promised", "policy_retired", "untold"
"""Why a clock was cancelled, besides the triggers that cancel: what started it turned out not to have happened then."""


class Terms(NamedTuple):
    """What a version of a policy says of clocks."""

    rules: Mapping[str, ClockRule]
    on_priority: Change
    on_calendar: Change


class Edit(NamedTuple):
    """A statement of a policy that reaches clocks which are open when it comes to hold.

    It takes the place of every version up to `replaces`; a promise of None is none any more.
    """

    at: datetime
    policy: UUID
    replaces: int
    change: Change
    promise: Callable[[Promise], Promise | None]


class Case(NamedTuple):
    """Everything that the clocks of one ticket are worked out from.

    `promise` chooses by the moment at which it happened, among the policies that were known when it was told.
    `calendar` tells the working hours as they were known at a position of the log, or as they are known now. `seen`
    tells the newest edits of the policies and calendars of promises.
    """

    timeline: Timeline
    promise: Callable[[Moment, Priority], Promise | None]
    terms: Callable[[Promise], Terms]
    calendar: Callable[[UUID, int | None], Calendar | None]
    seen: Callable[[Iterable[Promise]], tuple[Seen, ...]]
    edits: Sequence[Edit] = ()
    assignee: UUID | None = None


@dataclass(slots=True)
class Run:
    """One clock in one cycle, as the timeline tells it. `legs`: from when on which promise holds.

    `position` is that of the fact that told of its start.
    """

    kind: str
    rule: ClockRule
    started_at: datetime
    position: int
    legs: list[tuple[datetime, Promise]]
    ended_at: datetime | None = None
    end: str = DONE

    @property
    def promise(self) -> Promise:
        return self.legs[-1][1]

    @property
    def target(self) -> timedelta:
        return self.promise.target(self.kind) or timedelta()


@dataclass(slots=True)
class Count:
    """How much a run has counted without some pauses, and when it will have counted how much."""

    case: Case
    run: Run
    as_of: datetime
    pauses: Sequence[Span]
    courses: list[tuple[datetime, datetime | None, Course]] = field(init=False)

    def __post_init__(self) -> None:
        self.courses = [(since, end, Course(calendar, since, self.pauses)) for since, end, calendar in self.legs()]

    @classmethod
    def of(cls, case: Case, run: Run, as_of: datetime) -> Count:
        """Without the pauses that the timeline tells of."""
        rule = run.rule
        paused = any(moment.trigger in rule.pauses for moment in case.timeline)
        told = timelines.pauses(case.timeline, rule.pauses, rule.resumes, rule.paused_by) if paused else ()
        return cls(case, run, as_of, told)

    def calendar(self, promise: Promise) -> Calendar | None:
        """The working hours that this run counts, by what the policy makes of other working hours."""
        if promise.calendar is None:
            return None
        change = self.case.terms(promise).on_calendar
        calendar = self.case.calendar(promise.calendar, self.run.position if change is Change.KEEP else None)
        if calendar and change is Change.RETROACTIVE and len(calendar.versions) > 1:
            return msgspec.structs.replace(calendar, versions=_valid(calendar, self.as_of)[-1:])
        return calendar

    def legs(self) -> Iterator[tuple[datetime, datetime | None, Calendar | None]]:
        legs = self.run.legs
        for number, (since, promise) in enumerate(legs):
            yield since, legs[number + 1][0] if number + 1 < len(legs) else None, self.calendar(promise)

    def without(self, pauses: Sequence[Span]) -> Count:
        """The same run, had it stood still in these spans only."""
        return Count(self.case, self.run, self.as_of, pauses)

    def elapsed(self, until: datetime) -> timedelta:
        if len(self.courses) == 1:
            return self.courses[0][2].elapsed(until)
        parts = (course.elapsed(min(until, end or until)) for _, end, course in self.courses)
        return sum(parts, start=timedelta())

    def reached(self, target: timedelta) -> datetime | None:
        """When `target` is used up, never before the last promise came to hold; None while a pause stands before it."""
        for since, end, course in self.courses:
            if end is None:
                return since if target <= timedelta() else course.reached(target)
            target -= course.elapsed(end)
        return None

    def due_if_resumed(self, at: datetime) -> datetime | None:
        """When the target is used up if the clock does not stand still after `at`."""
        if not self.paused():
            return self.reached(self.run.target)
        closed = [
            pause if pause.end else msgspec.structs.replace(pause, end=max(pause.start, at)) for pause in self.pauses
        ]
        return self.without(closed).reached(self.run.target)

    def alarms(self, percents: Iterable[int]) -> list[Alarm]:
        target = self.run.target
        found = [(self.reached(target * percent / 100), percent) for percent in percents]
        return [Alarm(at, percent) for at, percent in found if at]

    def boundaries(self, after: datetime) -> list[datetime]:
        """When another version of the policy or of the working hours comes to hold that has to be looked at then."""
        promise = self.run.promise
        edits = [edit.at for edit in self.case.edits if edit.policy == promise.policy and edit.at > after]
        if promise.calendar and self.case.terms(promise).on_calendar in (Change.RESTART, Change.RETROACTIVE):
            calendar = self.case.calendar(promise.calendar, None)
            edits += [one.valid_from for one in calendar.versions if one.valid_from > after] if calendar else []
        return edits

    def segments(self, until: datetime) -> list[Segment]:
        """What became of every microsecond from the start of the first leg."""
        return [
            segment
            for since, end, calendar in self.legs()
            if since < until
            for segment in spans.segments(calendar, since, self.pauses, min(until, end or until))
        ]

    def paused(self) -> bool:
        return any(pause.end is None for pause in self.pauses)

    def paused_for(self, until: datetime) -> tuple[timedelta, timedelta]:
        """How much would have counted without pauses, and how much of it in pauses in which the customer wrote."""
        if not self.pauses:
            return NO_TIME, NO_TIME
        wrote = [one.at for one in self.case.timeline if one.trigger is Trigger.CUSTOMER_WROTE]
        heard = [span for span in self.pauses if any(span.start <= at < (span.end or until) for at in wrote)]
        everything, spent = self.without(()).elapsed(until), self.elapsed(until)
        others = [span for span in self.pauses if span not in heard]
        return everything - spent, (self.without(others).elapsed(until) - spent) if heard else NO_TIME

    def said(self) -> Said:
        """How a run that has ended is to be told of."""
        run = self.run
        assert run.ended_at is not None
        due_at = self.reached(run.target)
        late = due_at is not None and due_at < run.ended_at
        state = ClockState.BREACHED if late else ClockState.CANCELLED if run.end else ClockState.MET
        return Said(state, due_at if late else None, run.ended_at, self.elapsed(run.ended_at))


def _valid(calendar: Calendar, at: datetime) -> tuple[CalendarVersion, ...]:
    return tuple(version for version in calendar.versions if version.valid_from <= at) or calendar.versions[:1]


# --- the timeline, moment by moment -----------------------------------------------------------------------------------


def runs(case: Case, until: datetime) -> list[Run]:
    """Every clock of the ticket in every cycle, in the order in which they started, as far as is known at `until`."""
    reckoner = _Reckoner(case)
    edits = sorted([edit for edit in case.edits if edit.at <= until], key=lambda edit: edit.at)
    for moment in case.timeline:
        while edits and edits[0].at < moment.at:
            reckoner.edited(edits.pop(0))
        reckoner.happens(moment)
    for edit in edits:
        reckoner.edited(edit)
    reckoner.new_hours(until)
    return reckoner.runs


@dataclass(slots=True)
class _Reckoner:
    case: Case
    running: dict[str, Run] = field(default_factory=dict)
    runs: list[Run] = field(default_factory=list)
    past: list[Moment] = field(default_factory=list)
    priority: Priority = Priority.NORMAL

    def happens(self, moment: Moment) -> None:
        """Cancel, stop, reset; then promise anew, and start. Pauses are looked at when time is counted."""
        self.new_hours(moment.at)
        again = [*filter(None, (self._ends(run, moment) for run in [*self.running.values()]))]
        self.past.append(moment)
        self.priority = moment.priority or self.priority
        promise = self.case.promise(moment, self.priority)
        if promise is None:
            return
        terms = self.case.terms(promise)
        if moment.trigger is Trigger.PRIORITISED:
            for run in [*self.running.values()]:
                self._retarget(run, promise, moment.at, terms.on_priority)
        for target in promise.targets:
            rule = terms.rules[target.kind]
            if target.kind not in self.running and (target.kind in again or self._starts(rule, moment)):
                self._start(rule, promise, moment)

    def edited(self, edit: Edit) -> None:
        """Another version of the policy reaches what is open."""
        self.new_hours(edit.at)
        for run in [*self.running.values()]:
            if run.promise.policy == edit.policy and run.promise.policy_version <= edit.replaces:
                promise = edit.promise(run.promise)
                if promise is not None:
                    self._retarget(run, promise, edit.at, edit.change)
                elif not self._is_over(run, edit.at):
                    self._end(run, edit.at, RETIRED)

    def new_hours(self, until: datetime) -> None:
        """Where the policy says so, open clocks begin anew with each version of the calendar."""
        for run in self.running.values():
            promise = run.promise
            if promise.calendar and self.case.terms(promise).on_calendar is Change.RESTART:
                calendar = self.case.calendar(promise.calendar, None)
                for version in calendar.versions if calendar else ():
                    if run.legs[-1][0] < version.valid_from <= until and not self._is_over(run, version.valid_from):
                        run.legs[:] = [(version.valid_from, promise)]

    def _ends(self, run: Run, moment: Moment) -> str | None:
        """End a run if the moment does; its kind if it is to begin anew at once."""
        if moment.trigger in run.rule.cancels:
            self._end(run, moment.at, moment.trigger.value)
        elif moment.trigger in run.rule.stops:
            self._end(run, moment.at, DONE)
        elif moment.trigger in run.rule.resets and run.started_at < moment.at:
            self._end(run, moment.at, DONE)
            return run.kind
        return None

    def _starts(self, rule: ClockRule, moment: Moment) -> bool:
        if rule.after and not any(one.trigger in rule.after for one in self.past):
            return False
        return self._would_run(rule) if moment.trigger is Trigger.PRIORITISED else moment.trigger in rule.starts

    def _would_run(self, rule: ClockRule) -> bool:
        """Whether it would be running, had it been promised from the beginning."""
        runs = False
        for moment in self.past:
            if moment.trigger in rule.stops or moment.trigger in rule.cancels:
                runs = False
            elif moment.trigger in rule.starts:
                runs = True
        return runs

    def _start(self, rule: ClockRule, promise: Promise, moment: Moment) -> None:
        run = Run(rule.clock, rule, moment.at, moment.position, [(moment.at, promise)])
        self.runs.append(run)
        self.running[rule.clock] = run

    def _end(self, run: Run, at: datetime, end: str) -> None:
        run.ended_at, run.end = at, end
        del self.running[run.kind]

    def _is_over(self, run: Run, at: datetime) -> bool:
        due_at = Count.of(self.case, run, at).reached(run.target)
        return due_at is not None and due_at < at

    def _retarget(self, run: Run, promise: Promise, at: datetime, change: Change) -> None:
        """A breach that came first is not undone, and what is not promised any more ends."""
        if change is Change.KEEP or self._is_over(run, at):
            return
        if promise.target(run.kind) is None:
            self._end(run, at, NOT_PROMISED)
            return
        run.rule = self.case.terms(promise).rules[run.kind]
        match change:
            case Change.CARRY_ELAPSED:
                run.legs.append((at, promise))
            case Change.RESTART:
                run.legs[:] = [(at, promise)]
            case Change.RETROACTIVE:
                run.legs[:] = [(run.started_at, promise)]
