"""Durations: how long customers waited and the desk worked, by Zendesk's names, out of one table of intervals.

A ticket's timeline parts its life into intervals in which nothing changes. Each duration is the sum of those that it
counts; so they agree with each other, and with what pauses clocks.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import zip_longest

import msgspec

from . import spans, timelines
from .spans import Span
from .timelines import Party, Timeline, Trigger
from .workdays import Calendar


class Phase(StrEnum):
    """Where a ticket stands, in Zendesk's words; new and open are one."""

    OPEN = "open"
    PENDING = "pending"
    ON_HOLD = "on_hold"
    SOLVED = "solved"
    VOID = "void"


class Interval(msgspec.Struct, frozen=True):
    """A stretch in which nothing changes; an end of None is not known yet.

    `told_by` is the position of the fact that began it, and `position` that of the last one that changed anything of
    it. `awaited` is the number of the reply that the customer waits for, having written after the first one, and 0
    when nobody waits; `replies` is how many there were before.
    """

    start: datetime
    end: datetime | None
    phase: Phase
    awaits_first: bool
    awaited: int
    replies: int
    told_by: int = 0
    position: int = 0


_PHASES = {
    Trigger.OPENED: Phase.OPEN,
    Trigger.REOPENED: Phase.OPEN,
    Trigger.RESOLVED: Phase.SOLVED,
    Trigger.CLOSED: Phase.SOLVED,
    Trigger.ANNULLED: Phase.VOID,
    Trigger.MERGED: Phase.VOID,
}
_REPLIES = (Trigger.RESPONDED, Trigger.RESOLVED)
_SILENCE = (Trigger.CLOSED, Trigger.ANNULLED, Trigger.MERGED)
"""Nobody waits for a reply from then on, unless the ticket is reopened and the customer writes again."""


def intervals(timeline: Timeline) -> Iterator[Interval]:
    """The life of a ticket: one interval for each moment, from it to the next one; some are empty."""
    waits = _waits(timeline)
    phase, first, awaited, asked, replies, silent, newest = Phase.OPEN, True, 0, 0, 0, False, 0
    for moment, following in zip_longest(timeline, timeline[1:]):
        trigger, at = moment.trigger, moment.at
        phase = _PHASES.get(trigger, phase)
        silent = trigger in _SILENCE or (silent and trigger is not Trigger.REOPENED)
        if trigger in _REPLIES:
            replies, first, awaited = replies + 1, False, 0
        elif silent:
            first, awaited = False, 0
        elif trigger is Trigger.CUSTOMER_WROTE and not first and not awaited:
            asked = awaited = asked + 1
        end = following.at if following else None
        newest = max(newest, moment.position, following.position if following else 0)
        waits_for = _waiting(waits, at) if waits and phase is Phase.OPEN and end != at else None
        yield Interval(at, end, waits_for or phase, first, awaited, replies, told_by=moment.position, position=newest)


_WAITS = {Phase.PENDING: (Party.CUSTOMER,), Phase.ON_HOLD: (Party.SUPPLIER, Party.INTERNAL)}


def _waits(timeline: Timeline) -> list[tuple[Span, Phase]]:
    if Trigger.HELD not in [moment.trigger for moment in timeline]:
        return []
    held, resumed = (Trigger.HELD,), (Trigger.RESUMED,)
    found = [(span, phase) for phase in _WAITS for span in timelines.pauses(timeline, held, resumed, _WAITS[phase])]
    return sorted(found, key=lambda one: one[0].start)


def _waiting(waits: list[tuple[Span, Phase]], at: datetime) -> Phase | None:
    """For whom work waits at an instant, later each time; of two waits at once, the one that began first tells."""
    while waits and waits[0][0].end is not None and waits[0][0].end <= at:
        waits.pop(0)
    return waits[0][1] if waits and waits[0][0].start <= at else None


# --- the nine ---------------------------------------------------------------------------------------------------------

STRETCH = object()
"""The interval counts, with those before and after it that do."""

Counts = Callable[[Interval], Hashable | None]
"""What time an interval belongs to: a number, or the stretch that it lies in; None when it does not count."""


def _in(*phases: Phase) -> Counts:
    return lambda interval: STRETCH if interval.phase in phases else None


def _since_reply(*phases: Phase) -> Counts:
    return lambda interval: interval.replies if interval.replies and interval.phase in phases else None


DURATIONS: dict[str, Counts] = {
    "first_reply_time": lambda interval: STRETCH if interval.awaits_first else None,
    "next_reply_time": lambda interval: interval.awaited or None,
    "periodic_update_time": _since_reply(Phase.OPEN, Phase.PENDING, Phase.ON_HOLD),
    "pausable_update_time": _since_reply(Phase.OPEN, Phase.ON_HOLD),
    "requester_wait_time": _in(Phase.OPEN, Phase.ON_HOLD),
    "agent_work_time": _in(Phase.OPEN),
    "agent_wait_time": _in(Phase.PENDING),
    "on_hold_time": _in(Phase.ON_HOLD),
    "total_resolution_time": _in(Phase.OPEN, Phase.PENDING, Phase.ON_HOLD),
}
"""Which intervals each of the nine durations counts."""


def times(intervals: Iterable[Interval], counts: Counts) -> list[list[Interval]]:
    """The intervals that count, time by time: each wait for a reply, or each unbroken stretch, is one."""
    found: dict[Hashable, list[Interval]] = {}
    breaks = 0
    for interval in intervals:
        if interval.start == interval.end:
            continue
        key = counts(interval)
        if key is None:
            breaks += 1
        else:
            found.setdefault(("stretch", breaks) if key is STRETCH else key, []).append(interval)
    return list(found.values())


Hours = Sequence[tuple[datetime, Calendar | None]]
"""From when on which working hours were promised; the first also hold before."""


def business(hours: Hours, start: datetime, end: datetime) -> timedelta:
    """How much of `[start, end)` is working time, by the hours that were promised at each instant of it."""
    total = timedelta()
    for number, (since, calendar) in enumerate(hours):
        begin = max(start, since) if number else start
        stop = min(end, hours[number + 1][0]) if number + 1 < len(hours) else end
        if begin < stop:
            total += spans.elapsed(calendar, begin, (), stop)
    return total
