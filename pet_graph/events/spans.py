"""Spans of time: the one algebra by which promised time is both measured and projected.

What counts is business time without pauses. Spans are half-open, `[start, end)`; instants are exact to the microsecond
and may come in any zone, those that come back are in UTC. A calendar of None is around the clock.

A deadline is `reached(…, target)`. A warning some time before it is counted backwards on the same clock, which is
`reached(…, target - before)`; a share of the target used up is `reached(…, target * percent / 100)`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Generic, TypeVar

import msgspec

from .workdays import MICROSECOND, NEVER, Always, Calendar, Stretch, instant, micros, timetable


class Span(msgspec.Struct, frozen=True, order=True, omit_defaults=True):
    """A pause; an end of None is not known yet. One that ends before it starts is none."""

    start: datetime
    end: datetime | None = None
    reason: str = ""


class SegmentKind(StrEnum):
    """What became of a stretch of time on a clock."""

    BUSINESS = "business"
    CLOSED = "closed"
    HOLIDAY = "holiday"
    PAUSED = "paused"


class Segment(msgspec.Struct, frozen=True, omit_defaults=True):
    """A part of an explanation. `name` is that of the holiday or closing day, or the reason of the pause.

    `holiday` is what would have been business time on that weekday, and `paused` what would have been counted: a pause
    outside business time takes nothing. `calendar_version` is None around the clock.
    """

    start: datetime
    end: datetime
    kind: SegmentKind
    name: str = ""
    calendar_version: int | None = None


class Course:
    """The business time without pauses from one instant on, made ready to be asked more than once."""

    __slots__ = ("_hours", "_running", "_start")

    def __init__(self, calendar: Calendar | None, start: datetime, pauses: Sequence[Span]) -> None:
        self._hours = timetable(calendar)
        self._start = micros(start)
        self._running = [*_running(self._start, pauses)] if pauses else [(self._start, NEVER)]

    def elapsed(self, until: datetime) -> timedelta:
        """How much of it lies before `until`; nothing if that is before the start."""
        measure, last = self._hours.measure, micros(until)
        return MICROSECOND * sum([measure(begin, min(end, last)) for begin, end in self._running])

    def reached(self, target: timedelta) -> datetime | None:
        """The first instant at which `elapsed` is `target`.

        None while an open pause stands before it, or if it lies more than twenty years ahead in the calendar.
        """
        need = target // MICROSECOND
        if need <= 0:
            return instant(self._start)
        for begin, end in self._running:
            counted = self._hours.measure(begin, end) if end < NEVER else need
            if counted >= need:
                found = self._hours.advance(begin, need)
                return None if found is None else instant(found)
            need -= counted
        return None


def elapsed(calendar: Calendar | None, start: datetime, pauses: Sequence[Span], until: datetime) -> timedelta:
    """How much business time without pauses lies between `start` and `until`; nothing if `until` is earlier."""
    return Course(calendar, start, pauses).elapsed(until)


def reached(calendar: Calendar | None, start: datetime, pauses: Sequence[Span], target: timedelta) -> datetime | None:
    """The first instant at which `elapsed` is `target`; see `Course`."""
    return Course(calendar, start, pauses).reached(target)


def remaining(
    calendar: Calendar | None, start: datetime, pauses: Sequence[Span], target: timedelta, at: datetime
) -> timedelta:
    """What is left of the target at an instant, in business time; less than nothing is what it is overdue by."""
    return target - elapsed(calendar, start, pauses, at)


def business(calendar: Calendar | None, start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
    """The business time in `[start, end)`, in order, as pairs of instants that do not touch."""
    stretches = timetable(calendar).stretches(micros(start), micros(end))
    return [(instant(begin), instant(stop)) for begin, stop in stretches]


def segments(
    calendar: Calendar | None, start: datetime, pauses: Iterable[Span], until: datetime
) -> tuple[Segment, ...]:
    """What became of every microsecond from `start` to `until`, in order and without gaps; neighbours differ.

    The business segments add up to `elapsed`. Where pauses overlap, the one that began first gives its reason.
    """
    first, last = micros(start), micros(until)
    told = _Told(timetable(calendar), first, pauses, last)
    cuts = sorted(cut for cut in told.cuts if first <= cut < last)
    made: list[Segment] = []
    for begin, end in pairwise([*cuts, last]):
        segment = told.segment(begin, end)
        if made and _same(made[-1], segment):
            segment = msgspec.structs.replace(made.pop(), end=segment.end)
        made.append(segment)
    return tuple(made)


# --- how --------------------------------------------------------------------------------------------------------------


def _stretch(pause: Span) -> Stretch:
    return micros(pause.start), NEVER if pause.end is None else micros(pause.end)


def _running(start: int, pauses: Iterable[Span]) -> Iterator[Stretch]:
    """What is left of `[start, NEVER)` without the pauses, in order."""
    for begin, end in sorted(map(_stretch, pauses)):
        if begin < end:
            if begin > start:
                yield start, begin
            start = max(start, end)
    if start < NEVER:
        yield start, NEVER


T = TypeVar("T")


class _Cover(Generic[T]):
    """Labelled stretches, of which the earlier one hides what a later one has in common with it."""

    def __init__(self, labelled: Iterable[tuple[int, int, T]]) -> None:
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.labels: list[T] = []
        for begin, end, label in sorted(labelled, key=lambda one: one[:2]):
            begin = max(begin, self.ends[-1]) if self.ends else begin
            if begin < end:
                self.starts.append(begin)
                self.ends.append(end)
                self.labels.append(label)

    def at(self, instant: int) -> T | None:
        number = bisect_right(self.starts, instant) - 1
        return self.labels[number] if number >= 0 and instant < self.ends[number] else None


class _Told:
    """What there is to say of each instant between two, and the instants at which it may become something else."""

    def __init__(self, hours: Always, first: int, pauses: Iterable[Span], last: int) -> None:
        self._business = _Cover((begin, end, True) for begin, end in hours.stretches(first, last))
        self._lost = _Cover(hours.lost(first, last))
        self._paused = _Cover((*_stretch(pause), pause.reason) for pause in pauses)
        self._since = [since for since, _ in hours.versions]
        self._versions = [version for _, version in hours.versions]
        covers = (self._business, self._lost, self._paused)
        self.cuts = {first, *self._since, *(cut for cover in covers for cut in (*cover.starts, *cover.ends))}

    def segment(self, begin: int, end: int) -> Segment:
        kind, name = self._kind(begin)
        number = max(0, bisect_right(self._since, begin) - 1)
        return Segment(instant(begin), instant(end), kind, name, self._versions[number] if self._versions else None)

    def _kind(self, at: int) -> tuple[SegmentKind, str]:
        reason, lost = self._paused.at(at), self._lost.at(at)
        if self._business.at(at):
            return (SegmentKind.BUSINESS, "") if reason is None else (SegmentKind.PAUSED, reason)
        return (SegmentKind.HOLIDAY if lost and lost.holiday else SegmentKind.CLOSED), lost.name if lost else ""


def _same(one: Segment, other: Segment) -> bool:
    return (one.kind, one.name, one.calendar_version) == (other.kind, other.name, other.calendar_version)
