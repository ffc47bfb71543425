"""What the helpdesk log adds up to, worked out from its rows alone: nothing of PET, nothing of the importer.

It walks each case once and keeps, for each clock, the seconds used so far: of all time, or of the minutes in which the
firm works. PET keeps spans and projects due instants from them; that the two agree is what the tests of the import are
about.
"""

from __future__ import annotations

import csv
import random
from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from pathlib import Path
from zoneinfo import ZoneInfo

HOUR, DAY = 3_600.0, 86_400.0
HEADER = (
    "Case ID,Activity,Resource,Complete Timestamp,Variant,Variant index,Variant,seriousness,customer,product,"
    "responsible_section,seriousness_2,service_level,service_type,support_section,workgroup"
)
CASE, ACTIVITY, RESOURCE, TIMESTAMP, CUSTOMER, SERIOUSNESS = 0, 1, 2, 3, 8, 11
PRIORITIES = {"Value 1": "LOW", "Value 2": "NORMAL", "Value 3": "HIGH", "Value 4": "URGENT"}
PARTIES = {
    "Wait": "customer",
    "Require upgrade": "supplier",
    "Schedule intervention": "internal",
    "Create SW anomaly": "internal",
}
RESOLUTIONS = {"Resolve ticket", "RESOLVED", "VERIFIED", "INVALID", "DUPLICATE"}
TARGETS = {
    "RESPONSE": {"URGENT": 4 * HOUR, "HIGH": 24 * HOUR, "NORMAL": 15 * DAY, "LOW": 20 * DAY},
    "RESOLUTION": {"URGENT": 24 * HOUR, "HIGH": 5 * DAY, "NORMAL": 20 * DAY, "LOW": 30 * DAY},
}
"""The stated policy, in seconds."""

OFFICE_TARGETS = {
    "RESPONSE": {"URGENT": 4 * HOUR, "HIGH": 8 * HOUR, "NORMAL": 88 * HOUR, "LOW": 112 * HOUR},
    "RESOLUTION": {"URGENT": 8 * HOUR, "HIGH": 32 * HOUR, "NORMAL": 112 * HOUR, "LOW": 168 * HOUR},
}
"""A policy for office hours, in seconds of working time: the same in weeks of five days of eight hours."""

EVERYBODY = frozenset(PARTIES.values())
CUSTOMER_ONLY = frozenset({"customer"})
"""Whose waits pause the clocks: those for anybody, or the spans that the log calls "Wait" alone."""

AS_OF = datetime(2026, 1, 1, tzinfo=UTC)
"""Whatever was promised of any case was due long before, and nothing happens afterwards."""

LAST = datetime(2016, 1, 1, tzinfo=UTC)
"""Up to which office hours are counted."""

Row = list[str]


@dataclass
class Tally:
    """What became of rows and cases."""

    recorded: int = 0
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    breaches: Counter[tuple[str, str]] = field(default_factory=Counter)
    met: Counter[tuple[str, str]] = field(default_factory=Counter)
    met_in: Counter[str] = field(default_factory=Counter)
    customers: Counter[str] = field(default_factory=Counter)

    @property
    def refused_by_code(self) -> Counter[str]:
        codes: Counter[str] = Counter()
        for (_, code), rows in self.refused.items():
            codes[code] += rows
        return codes


@dataclass
class Clock:
    kind: str
    seconds_used: float = 0.0
    broken: bool = False


@dataclass
class Case:
    customer: str
    priority: str
    at: float
    status: str = "OPEN"
    waiting_on: str | None = None
    taken: bool = False
    assignee: str | None = None
    clocks: list[Clock] = field(default_factory=lambda: [Clock("RESPONSE"), Clock("RESOLUTION")])


def read(path: Path) -> list[Row]:
    with path.open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    assert ",".join(header) == HEADER
    return rows


def write(path: Path, rows: Iterable[Row]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([HEADER.split(","), *rows])
    return path


def first_rows(rows: Iterable[Row]) -> list[Row]:
    """The row with which each case begins."""
    return [next(group) for _, group in groupby(rows, key=lambda row: row[CASE])]


def first_cases(rows: Sequence[Row], count: int) -> list[Row]:
    """The rows of the first so many cases."""
    wanted = {row[CASE] for row in first_rows(rows)[:count]}
    return [row for row in rows if row[CASE] in wanted]


# --- time, by the rule of the European Union instead of a table of zones ----------------------------------------------


def _last_sunday(year: int, month: int) -> datetime:
    last = datetime(year, month, 31)  # noqa: DTZ001 - a local time, as the log writes it
    return last - timedelta(days=(last.weekday() + 1) % 7)


def seconds(local: str) -> float:
    """The instant of a local time in Rome: summer from 3:00 on March's last Sunday until 3:00 on October's."""
    naive = datetime.strptime(local, "%Y/%m/%d %H:%M:%S.%f")  # noqa: DTZ007 - the log writes no zone
    summer = _last_sunday(naive.year, 3) <= naive - timedelta(hours=3) < _last_sunday(naive.year, 10)
    return naive.replace(tzinfo=UTC).timestamp() - (2 if summer else 1) * HOUR


# --- the minutes in which the firm works ------------------------------------------------------------------------------

Count = Callable[[float, float], float]
"""How many seconds count between two instants, both in seconds since 1970."""

ROME = ZoneInfo("Europe/Rome")
HOURS = (*range(9, 13), *range(14, 18))
FIXED = ((1, 1), (1, 6), (4, 25), (5, 1), (6, 2), (8, 15), (11, 1), (12, 8), (12, 25), (12, 26))
EASTERS = ((2010, 4, 4), (2011, 4, 24), (2012, 4, 8), (2013, 3, 31), (2014, 4, 20), (2015, 4, 5))
UNITY = date(2011, 3, 17)
YEARS = range(2010, 2016)
HOLIDAYS = frozenset(date(year, month, day) for year in YEARS for month, day in FIXED) | {
    UNITY,
    *(date(*easter) + timedelta(days=later) for easter in EASTERS for later in (0, 1)),
}
"""The public holidays of Italy, as its law lists them; the 150 years of unity were one only once."""


def around_the_clock(start: float, end: float) -> float:
    return end - start


def office_hours(holidays: Collection[date] = HOLIDAYS) -> Count:
    """Weekdays from 9 to 13 and from 14 to 18 in Rome, without holidays, from 2010 to 2015: minute after minute.

    The log ends in January 2014; two more years are longer than any target.
    """
    minutes = array("q")
    on = date(YEARS[0], 1, 1)
    while on.year in YEARS:
        if on.weekday() < 5 and on not in holidays:
            begins = (datetime(on.year, on.month, on.day, hour, tzinfo=ROME).timestamp() for hour in HOURS)
            minutes.extend(int(begin) + 60 * minute for begin in begins for minute in range(60))
        on += timedelta(days=1)

    def worked(until: float) -> float:
        begun = bisect_right(minutes, until)
        return 60 * begun - max(0, minutes[begun - 1] + 60 - until) if begun else 0

    return lambda start, end: worked(end) - worked(start)


# --- one case ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rules:
    """By what cases are judged: the seconds that count, those promised, and whose waits do not count."""

    count: Count = around_the_clock
    targets: Mapping[str, Mapping[str, float]] = field(default_factory=lambda: TARGETS)
    paused_by: Collection[str] = EVERYBODY


def tally(rows: Iterable[Row], as_of: datetime = AS_OF, rules: Rules | None = None) -> Tally:
    """Walk all cases; clocks that still run count up to `as_of`."""
    rules = rules or Rules()
    total = Tally()
    for _, group in groupby(rows, key=lambda row: row[CASE]):
        first, *others = group
        case = Case(first[CUSTOMER], PRIORITIES[first[SERIOUSNESS]], seconds(first[TIMESTAMP]))
        total.recorded += 1
        for row in others:
            _let_time_pass(total, case, seconds(row[TIMESTAMP]), rules)
            running = case.clocks
            code = _step(case, row)
            _note_met(total, case, running)
            if code:
                total.refused[row[ACTIVITY], code] += 1
            else:
                total.recorded += 1
        _let_time_pass(total, case, as_of.timestamp(), rules)
        total.statuses[case.status] += 1
    return total


def _let_time_pass(total: Tally, case: Case, until: float, rules: Rules) -> None:
    """What is done at the very instant it is due is in time; a target lowered below what is used is due at once.

    The log tells milliseconds: what was used up a millisecond ago is late.
    """
    since, case.at = case.at, until
    assert since <= until
    for clock in case.clocks if since < until else ():
        waits = case.waiting_on in rules.paused_by
        used_before = clock.seconds_used + (0 if waits else rules.count(since, until - 0.001))
        clock.seconds_used += 0 if waits else rules.count(since, until)
        late = used_before >= rules.targets[clock.kind][case.priority]
        if late and not clock.broken:
            clock.broken = True
            total.breaches[clock.kind, case.priority] += 1
            total.customers[case.customer] += 1


def _note_met(total: Tally, case: Case, before: Sequence[Clock]) -> None:
    """What was done in time, and in which month, in Rome."""
    stopped = (clock for clock in before if not any(clock is one for one in case.clocks))
    for clock in stopped:
        if not clock.broken:
            total.met[clock.kind, case.priority] += 1
            total.met_in[f"{datetime.fromtimestamp(case.at, ROME):%Y-%m}"] += 1


def _step(case: Case, row: Row) -> str | None:
    """What a row after the first does to a case; the code with which it is refused, if it is."""
    activity = row[ACTIVITY]
    if activity == "Take in charge ticket":
        return _take(case, row[RESOURCE])
    if activity == "Assign seriousness":
        return _weigh(case, PRIORITIES[row[SERIOUSNESS]])
    if activity in PARTIES:
        return _wait(case, PARTIES[activity])
    if activity in RESOLUTIONS:
        return _resolve(case)
    if activity == "Resolve SW anomaly":
        return _go_on(case)
    assert activity == "Closed"
    return _close(case)


def _take(case: Case, resource: str) -> str | None:
    if case.waiting_on:
        return _go_on(case)
    if case.status in ("RESOLVED", "CLOSED"):
        case.status, case.clocks = "OPEN", [Clock("RESOLUTION")]
    elif not case.taken:
        case.taken = True
        case.clocks = [clock for clock in case.clocks if clock.kind != "RESPONSE"]
    elif resource == case.assignee:
        return "already_assigned"
    else:
        case.assignee = resource
    return None


def _go_on(case: Case) -> str | None:
    if not case.waiting_on:
        return "not_on_hold"
    case.status, case.waiting_on = "OPEN", None
    return None


def _weigh(case: Case, priority: str) -> str | None:
    if case.status in ("RESOLVED", "CLOSED"):
        return "not_open"
    if priority == case.priority:
        return "unchanged"
    case.priority = priority
    return None


def _wait(case: Case, party: str) -> str | None:
    if case.status in ("RESOLVED", "CLOSED"):
        return "not_open"
    if party == case.waiting_on:
        return "already_on_hold"
    case.status, case.waiting_on = "ON_HOLD", party
    return None


def _resolve(case: Case) -> str | None:
    if case.status in ("RESOLVED", "CLOSED"):
        return "not_open"
    case.status, case.waiting_on, case.clocks = "RESOLVED", None, []
    return None


def _close(case: Case) -> str | None:
    if case.status != "RESOLVED":
        return "not_resolved"
    case.status = "CLOSED"
    return None


# --- cases that never were --------------------------------------------------------------------------------------------

FIRST = ("Assign seriousness", "Insert ticket", "Take in charge ticket")
LATER = (*(["Take in charge ticket"] * 4), "Assign seriousness", "Closed", "Resolve SW anomaly")
ANY = (*LATER, *PARTIES, *sorted(RESOLUTIONS))
ACTIVITIES = {*FIRST, *ANY}
GAPS_SECONDS = (0, 1, 600, 4 * HOUR, DAY, 5 * DAY, 15 * DAY, 20 * DAY)


def generated(cases: int, seed: int = 1) -> list[Row]:
    """Rows in any order of activities, at instants that coincide with each other and with what falls due."""
    dice = random.Random(seed)
    return [row for number in range(1, cases + 1) for row in _life(f"Case {number}", dice)]


def _life(case: str, dice: random.Random) -> Iterator[Row]:
    at = datetime(2012, 1, 2, 8, tzinfo=UTC) + timedelta(days=dice.randrange(300), minutes=dice.randrange(600))
    customer = f"Value {dice.randint(1, 20)}"
    for number in range(dice.randint(1, 12)):
        row = [""] * len(HEADER.split(","))
        row[CASE], row[CUSTOMER] = case, customer
        row[ACTIVITY] = dice.choice(ANY if number else FIRST)
        row[RESOURCE], row[SERIOUSNESS] = f"Value {dice.randint(1, 3)}", f"Value {dice.randint(1, 4)}"
        row[TIMESTAMP] = f"{at:%Y/%m/%d %H:%M:%S}.000"
        yield row
        at += timedelta(seconds=dice.choice(GAPS_SECONDS))
        if at.hour == 2:  # does not exist, or exists twice, on two days of the year
            at += timedelta(hours=1)
