"""How long one deadline takes: `python -m bench.deadlines` prints microseconds, the median of many.

Each figure is of another ticket, opened at a random instant of two years, under one of the calendars of a firm; so the
blocks of four weeks that a calendar keeps are there in most cases, and `cold` says what a calendar costs that was never
asked for. One core, no database.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from statistics import median
from typing import Any

import msgspec

from pet_graph.events.spans import Span, elapsed, reached, segments
from pet_graph.events.workdays import Calendar, CalendarVersion, Day, Window

Row = dict[str, Any]
HOUR = timedelta(hours=1)
BEGIN = datetime(2025, 1, 1, tzinfo=UTC)
OFFICE = ((Window(540, 780), Window(840, 1080)),) * 5 + ((), ())
HOLIDAYS = tuple(
    Day(date(year, month, 1), name="Holiday", holiday=True) for year in (2025, 2026) for month in range(1, 13)
)
ROME = Calendar((CalendarVersion(1, BEGIN, "Europe/Rome", OFFICE, HOLIDAYS),))


@dataclass(frozen=True)
class Ticket:
    start: datetime
    pauses: tuple[Span, ...]


def tickets(number: int, pauses: int) -> list[Ticket]:
    """Tickets at random instants, each with so many pauses of half an hour to two days in its first weeks."""
    dice = random.Random(7)
    made = []
    for _ in range(number):
        start = BEGIN + timedelta(microseconds=dice.randrange(700 * 86_400_000_000))
        begins = sorted(start + timedelta(hours=dice.uniform(1, 400)) for _ in range(pauses))
        made.append(Ticket(start, tuple(Span(at, at + timedelta(hours=dice.uniform(0.5, 48))) for at in begins)))
    return made


def measured(case: str, pauses: int, number: int, what: Callable[[Ticket], object]) -> Row:
    some = tickets(number, pauses)
    for ticket in some:
        what(ticket)
    spent = sorted(_microseconds(what, ticket) for ticket in some)
    return {
        "group": "deadlines",
        "case": case,
        "server": "PET",
        "size": number,
        "p50_us": round(median(spent), 1),
        "p99_us": round(spent[int(number * 0.99)], 1),
    }


def _microseconds(what: Callable[[Ticket], object], ticket: Ticket) -> float:
    begin = time.perf_counter_ns()
    what(ticket)
    return (time.perf_counter_ns() - begin) / 1_000


def cold(number: int) -> Row:
    """Each deadline under a calendar of its own, which nobody asked before."""
    version = ROME.versions[0]
    unseen = iter([Calendar((msgspec.structs.replace(version, version=n),)) for n in range(2, 2 + 2 * number)])
    return measured(
        "the first deadline under a calendar", 0, number, lambda t: reached(next(unseen), t.start, t.pauses, 40 * HOUR)
    )


def rows(number: int = 5_000) -> list[Row]:
    return [
        measured("around the clock, 40 h", 0, number, lambda t: reached(None, t.start, t.pauses, 40 * HOUR)),
        measured("5 business days", 0, number, lambda t: reached(ROME, t.start, t.pauses, 40 * HOUR)),
        measured("5 business days, 3 pauses", 3, number, lambda t: reached(ROME, t.start, t.pauses, 40 * HOUR)),
        measured("5 business days, 50 pauses", 50, number, lambda t: reached(ROME, t.start, t.pauses, 40 * HOUR)),
        measured("a year of business hours", 3, number, lambda t: reached(ROME, t.start, t.pauses, 2_000 * HOUR)),
        measured(
            "elapsed after 30 days, 3 pauses",
            3,
            number,
            lambda t: elapsed(ROME, t.start, t.pauses, t.start + timedelta(days=30)),
        ),
        measured(
            "segments of 10 days, 3 pauses",
            3,
            number // 5,
            lambda t: segments(ROME, t.start, t.pauses, t.start + timedelta(days=10)),
        ),
        cold(number // 10),
    ]


async def measure(quick: bool, tell: Callable[[str], None]) -> list[Row]:
    """All rows of this file; the quick ones are of fewer tickets."""
    found = rows(500 if quick else 5_000)
    for row in found:
        tell(f"{row['case']:40} p50 {row['p50_us']:>8.1f} µs   p99 {row['p99_us']:>8.1f} µs   of {row['size']:,}")
    return found


if __name__ == "__main__":
    asyncio.run(measure(quick=False, tell=print))
