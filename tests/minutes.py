"""Business time counted minute by minute, by somebody who has never heard of spans: nothing of PET, no offset, no fold.

It looks at what the wall clock of a zone shows in each minute of a few days and at nothing else. A time of day is the
first minute that shows it; a time that is never shown is as many minutes after the last one shown before it as the
hands would have needed. A date that is never shown has no hours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
DAYS = 8
LENGTH = DAYS * 1440
"""How many minutes are looked at."""

MARGIN = 3 * 1440
Windows = Sequence[tuple[int, int]]


@dataclass(frozen=True)
class Hours:
    """What is stated: windows of Monday to Sunday in minutes of the day, and of single dates."""

    zone: str
    week: Sequence[Windows]
    days: Mapping[date, Windows]


@lru_cache(maxsize=64)
def shown(zone: str, origin: datetime) -> dict[datetime, int]:
    """What the wall clock shows, and in which minute after `origin` it does so first."""
    first: dict[datetime, int] = {}
    place = ZoneInfo(zone)
    for number in range(-MARGIN, LENGTH + MARGIN):
        wall = (origin + number * MINUTE).astimezone(place).replace(tzinfo=None)
        first.setdefault(wall, number)
    return first


def minute_of(first: Mapping[datetime, int], wall: datetime) -> int:
    skipped = 0
    while wall not in first:
        wall -= MINUTE
        skipped += 1
    return first[wall] + skipped


def open_minutes(hours: Hours, origin: datetime) -> Iterator[range]:
    first = shown(hours.zone, origin)
    for number in range(-2, DAYS + 1):
        midnight = (origin + number * DAY).replace(tzinfo=None)
        if not any(midnight + minute * MINUTE in first for minute in range(1440)):
            continue
        for begin, end in hours.days.get(midnight.date(), hours.week[midnight.weekday()]):
            yield range(minute_of(first, midnight + begin * MINUTE), minute_of(first, midnight + end * MINUTE))


def business(versions: Sequence[tuple[int, Hours]], origin: datetime) -> list[bool]:
    """For each minute whether it is business time; each version holds from its minute on, the first always before."""
    assert origin.tzinfo is UTC
    found = [False] * LENGTH
    until = [*(since for since, _ in versions[1:]), LENGTH]
    for number, (since, hours) in enumerate(versions):
        valid = range(since if number else 0, until[number])
        for minutes in open_minutes(hours, origin):
            _set(found, max(minutes.start, valid.start), min(minutes.stop, valid.stop), True)
    return found


def without(business: Sequence[bool], pauses: Sequence[tuple[int, int | None]]) -> list[bool]:
    """The same minutes but for those in a pause; one without an end goes on for ever."""
    left = list(business)
    for begin, end in pauses:
        _set(left, begin, LENGTH if end is None else end, False)
    return left


def _set(minutes: list[bool], begin: int, end: int, to: bool) -> None:
    begin, end = max(0, begin), min(end, LENGTH)
    if begin < end:
        minutes[begin:end] = [to] * (end - begin)


def minute_reached(counted: Sequence[bool], start: int, target: int) -> int | None:
    """The first minute before which `target` minutes were counted; None if they are not within these days."""
    for minute in range(start, LENGTH):
        if target == 0:
            return minute
        target -= counted[minute]
    return LENGTH if target == 0 else None
