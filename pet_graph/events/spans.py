"""Spans of time: the one algebra by which promised time is both measured and projected.

A span is half-open, `[start, end)`; an end of None is not known yet. Business calendars will enter here as one more
set of spans to intersect with, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

import msgspec

FOREVER = datetime.max.replace(tzinfo=UTC)


class Span(msgspec.Struct, frozen=True, order=True):
    start: datetime
    end: datetime | None = None


def active(start: datetime, pauses: Iterable[Span]) -> Iterator[tuple[datetime, datetime]]:
    """What is left of `[start, forever)` without the pauses, in order, as pairs of instants."""
    for pause in sorted(pauses, key=lambda pause: pause.start):
        if pause.start > start:
            yield start, pause.start
        start = max(start, pause.end or FOREVER)
    if start < FOREVER:
        yield start, FOREVER


def elapsed(start: datetime, pauses: Iterable[Span], until: datetime) -> timedelta:
    """How much active time has passed from `start` to `until`."""
    spans = active(start, pauses)
    return sum((min(end, until) - begin for begin, end in spans if begin < until), start=timedelta())


def reached(start: datetime, pauses: Iterable[Span], target: timedelta) -> datetime | None:
    """The first instant at which `elapsed` is `target`; None while an open pause stands before it."""
    left = target
    for begin, end in active(start, pauses):
        if left <= end - begin:
            return begin + left
        left -= end - begin
    return None
