"""Working hours as a value: in which windows of the local day a firm works, on which dates it does not, and since when.

Windows are local; instants are made of them date by date, in whole microseconds of UTC, half-open:

- A window belongs to the date on which it opens: a holiday takes the night shift that begins on it, not the one that
  ends on it.
- A local time that the clocks skip or show twice has the offset that held before they were moved (RFC 5545; PEP 495,
  `fold=0`). So the night of the spring change is shorter by what was skipped, and that of autumn longer.
- A date that a zone never had (Samoa, 2011-12-30) has no working hours; neither has time before 1970, of which the time
  zone database is not sure, nor after 2100. So whatever is asked is answered within bounded work.

Time zones come from the `tzdata` package and not from the machine, so that every machine counts the same minutes.
"""

from __future__ import annotations

import importlib.resources
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import cache, lru_cache
from itertools import accumulate, pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from .base import Refused

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND, MINUTE, DAY = timedelta(microseconds=1), timedelta(minutes=1), timedelta(days=1)
DAY_MINUTES = 24 * 60
LOCAL_TIME = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d|24:00", re.ASCII)


class Weekday(StrEnum):
    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


WEEKDAYS = tuple(Weekday)

# --- the value --------------------------------------------------------------------------------------------------------


class Window(msgspec.Struct, frozen=True, order=True, array_like=True):
    """A stretch of working time, in minutes after 00:00 of its date: 09:00-17:00 is (540, 1020).

    `to_minute` 1440 is 24:00, and more lies on the next date: the night shift 22:00-06:00 is (1320, 1800).
    """

    from_minute: int
    to_minute: int


Week = tuple[tuple[Window, ...], ...]
"""The windows of Monday to Sunday."""


class Day(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """What holds on one date in place of its weekday's windows; without windows it is closed."""

    on: date
    windows: tuple[Window, ...] = ()
    name: str = ""
    holiday: bool = False


class CalendarVersion(msgspec.Struct, frozen=True, omit_defaults=True, cache_hash=True):
    """Working hours as a version of the calendar stated them; `zone` is an IANA name."""

    version: int
    valid_from: datetime
    zone: str
    week: Week
    days: tuple[Day, ...] = ()


class Calendar(msgspec.Struct, frozen=True, cache_hash=True, omit_defaults=True):
    """The hours of one calendar by `valid_from`, each later than the one before.

    Each holds until the next; the first also holds for all time before it. `version` is that of the newest statement,
    of hours or of days.
    """

    versions: tuple[CalendarVersion, ...]
    version: int = 0


# --- what may be stated -----------------------------------------------------------------------------------------------


@cache
def zones() -> frozenset[str]:
    """The names that a time zone may have."""
    return frozenset(importlib.resources.files("tzdata").joinpath("zones").read_text().split())


@cache
def zone(name: str) -> ZoneInfo:
    with importlib.resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


def check_version(version: CalendarVersion, path: Sequence[str] = ()) -> None:
    """Refuse working hours that mean nothing, or in which no deadline could ever be reached."""
    if version.zone not in zones():
        raise Refused("unknown_zone", f"{version.zone} is no time zone of the IANA database.", [*path, "zone"])
    if len(version.week) != len(WEEKDAYS):
        raise Refused("wrong_length", "A week has the windows of seven days, Monday first.", [*path, "hours"])
    for number, windows in enumerate(version.week):
        _check_windows(WEEKDAYS[number].capitalize(), windows, [*path, "hours"])
    seen: set[date] = set()
    for number, day in enumerate(version.days):
        if day.on in seen:
            raise Refused("date_repeated", f"{day.on} stands there twice.", [*path, "exceptions", str(number)])
        seen.add(day.on)
        _check_windows(str(day.on), day.windows, [*path, "exceptions", str(number)])
    if not any(version.week):
        raise Refused(
            "no_working_time", "No weekday has working time, so no deadline could ever be reached.", [*path, "hours"]
        )


def _check_windows(where: str, windows: Sequence[Window], path: Sequence[str]) -> None:
    for window in windows:
        starts, lasts = window.from_minute, window.to_minute - window.from_minute
        if not (0 <= starts < DAY_MINUTES and 0 < lasts <= DAY_MINUTES):
            raise Refused(
                "window_out_of_range",
                f"{where}: a window opens from 00:00 to 23:59 and lasts from one minute to 24 hours.",
                path,
            )
    for one, other in pairwise(sorted(windows)):
        if other.from_minute < one.to_minute:
            raise Refused("windows_overlap", f"{where}: two windows overlap.", path)


def window(opens: str, closes: str, path: Sequence[str] = ()) -> Window:
    """The window that two local times state; closing earlier than it opens, it closes on the next date.

    Raises `Refused`: closing when it opens it might be a whole day, or nothing.
    """
    start, end = _minute(opens, [*path, "opens"]), _minute(closes, [*path, "closes"])
    if start == DAY_MINUTES:
        raise Refused("not_a_time", "24:00 closes a day; the next one opens at 00:00.", [*path, "opens"])
    if start == end:
        raise Refused("empty_window", f"From {opens} to {closes} is nothing; a whole day is 00:00 to 24:00.", path)
    return Window(start, end if end > start else end + DAY_MINUTES)


def local_time(minute: int) -> str:
    """A minute of a window as it is written: 1440 is 24:00, and more is the time on the next date."""
    minute -= DAY_MINUTES if minute > DAY_MINUTES else 0
    return f"{minute // 60:02}:{minute % 60:02}"


def _minute(time: str, path: Sequence[str]) -> int:
    if not LOCAL_TIME.fullmatch(time):
        raise Refused("not_a_time", f"{path[-1]} is {time!r}; write hours and minutes: 09:00.", path)
    return 60 * int(time[:2]) + int(time[3:])


# --- from local windows to instants -----------------------------------------------------------------------------------

Stretch = tuple[int, int]
"""`[start, end)`, in microseconds since 1970 UTC: whole numbers are exact, and quick to add up and to search."""

MICROSECONDS_A_DAY = DAY // MICROSECOND
BLOCK = 28 * MICROSECONDS_A_DAY


def micros(instant: datetime) -> int:
    return (instant - EPOCH) // MICROSECOND


def instant(micros: int) -> datetime:
    return EPOCH + timedelta(microseconds=micros)


NEVER = micros(datetime.max.replace(tzinfo=UTC))
FIRST, LAST = 0, micros(datetime(2100, 1, 1, tzinfo=UTC))


def _stretches(windows: Sequence[Window], on: date, zone: ZoneInfo) -> Iterator[Stretch]:
    """When these windows of one date are; one that the clocks jump over comes out turned round, and is nothing."""
    midnight = datetime(on.year, on.month, on.day, tzinfo=zone)
    if windows and (midnight + DAY / 2).astimezone(UTC).astimezone(zone).date() == on:
        for window in windows:
            yield micros(midnight + window.from_minute * MINUTE), micros(midnight + window.to_minute * MINUTE)


def _dates(start: int, end: int) -> Iterator[date]:
    """Every date, in any zone, whose windows may reach into the stretch; a window ends within two days of its date."""
    unix = EPOCH.toordinal()
    first, last = start // MICROSECONDS_A_DAY - 3, end // MICROSECONDS_A_DAY + 1
    return map(date.fromordinal, range(unix + first, unix + last + 1))


def _within(stretches: Iterable[Stretch], start: int, end: int) -> Iterator[Stretch]:
    """What of these stretches lies in `[start, end)`."""
    return ((max(begin, start), min(stop, end)) for begin, stop in stretches if max(begin, start) < min(stop, end))


def _joined(stretches: Iterable[Stretch]) -> Iterator[Stretch]:
    """Stretches in order of their starts as stretches that do not touch."""
    pending: Stretch | None = None
    for start, end in stretches:
        if pending and start <= pending[1]:
            pending = pending[0], max(end, pending[1])
            continue
        if pending:
            yield pending
        pending = start, end
    if pending:
        yield pending


class Block(NamedTuple):
    """The business time of four weeks: stretches apart from each other, and how much there is up to each one's end."""

    starts: list[int]
    ends: list[int]
    upto: list[int]

    @property
    def total(self) -> int:
        return self.upto[-1] if self.upto else 0

    def before(self, instant: int) -> int:
        """How much of it lies before the instant."""
        number = bisect_right(self.starts, instant)
        return self.upto[number - 1] - max(0, self.ends[number - 1] - instant) if number else 0


def _block(stretches: Iterable[Stretch]) -> Block:
    apart = list(_joined(sorted(stretches)))
    upto = accumulate(end - start for start, end in apart)
    return Block([start for start, _ in apart], [end for _, end in apart], list(upto))


class Always:
    """Business time without a calendar, which is all time; and what may be asked of any business time."""

    def measure(self, start: int, end: int) -> int:
        """How much business time there is in `[start, end)`."""
        return max(0, end - start)

    def advance(self, start: int, need: int) -> int | None:
        """The first instant by which there was so much of it since `start`, which is more than nothing."""
        return start + need if start + need <= NEVER else None

    def stretches(self, start: int, end: int) -> Iterator[Stretch]:
        """The business time in `[start, end)` itself, in order."""
        return _within([(start, end)], start, end)

    def lost(self, start: int, end: int) -> Iterator[tuple[int, int, Day]]:
        """The windows of weekdays that do not hold because something else holds on that date."""
        yield from ()

    @property
    def versions(self) -> Sequence[tuple[int, int]]:
        """From when on which version holds."""
        return ()


class Timetable(Always):
    """The business time of one calendar, in blocks of four weeks, each made when it is first asked for."""

    def __init__(self, calendar: Calendar) -> None:
        since = [FIRST, *(micros(version.valid_from) for version in calendar.versions[1:]), LAST]
        self._holds = list(zip(since, since[1:], calendar.versions, strict=False))
        self._days = {version: {day.on: day for day in version.days} for version in calendar.versions}
        self._blocks: dict[int, Block] = {}

    def measure(self, start: int, end: int) -> int:
        start, end = max(start, FIRST), min(end, LAST)
        if end <= start:
            return 0
        first, last = start // BLOCK, end // BLOCK
        whole = sum(self._block(number).total for number in range(first, last))
        return whole + self._block(last).before(end) - self._block(first).before(start)

    def advance(self, start: int, need: int) -> int | None:
        start = max(start, FIRST)
        number = start // BLOCK
        need += self._block(number).before(start)
        while need > (block := self._block(number)).total:
            need -= block.total
            number += 1
            if number * BLOCK >= LAST:
                return None
        index = bisect_left(block.upto, need)
        return block.ends[index] - (block.upto[index] - need)

    def stretches(self, start: int, end: int) -> Iterator[Stretch]:
        start, end = max(start, FIRST), min(end, LAST)
        blocks = map(self._block, range(start // BLOCK, end // BLOCK + 1))
        return _joined(
            _within((one for block in blocks for one in zip(block.starts, block.ends, strict=True)), start, end)
        )

    def lost(self, start: int, end: int) -> Iterator[tuple[int, int, Day]]:
        for version, begin, stop in self._versions_in(start, end):
            for on in _dates(begin, stop):
                if day := self._days[version].get(on):
                    windows = _stretches(version.week[on.weekday()], on, zone(version.zone))
                    yield from ((*stretch, day) for stretch in _within(windows, begin, stop))

    @property
    def versions(self) -> Sequence[tuple[int, int]]:
        return [(since, version.version) for since, _, version in self._holds]

    def _block(self, number: int) -> Block:
        block = self._blocks.get(number)
        if block is None:
            block = self._blocks[number] = _block(self._made(number * BLOCK, (number + 1) * BLOCK))
        return block

    def _made(self, start: int, end: int) -> Iterator[Stretch]:
        for version, begin, stop in self._versions_in(start, end):
            days, local = self._days[version], zone(version.zone)
            for on in _dates(begin, stop):
                windows = days[on].windows if on in days else version.week[on.weekday()]
                yield from _within(_stretches(windows, on, local), begin, stop)

    def _versions_in(self, start: int, end: int) -> Iterator[tuple[CalendarVersion, int, int]]:
        """The versions that hold in `[start, end)`, each with its part of it."""
        for since, until, version in self._holds:
            if max(start, since) < min(end, until):
                yield version, max(start, since), min(end, until)


ALWAYS = Always()


@lru_cache(maxsize=128)
def shared(calendar: Calendar) -> Calendar:
    """The calendar that stands for all equal ones: one that is looked up often is then found without comparing."""
    return calendar


@lru_cache(maxsize=128)
def _timetable(calendar: Calendar) -> Timetable:
    return Timetable(calendar)


def timetable(calendar: Calendar | None) -> Always:
    """What counts the business time of a calendar; equal calendars share one."""
    return ALWAYS if calendar is None else _timetable(calendar)
