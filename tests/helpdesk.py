"""What the helpdesk log adds up to, worked out from its rows alone: nothing of PET, nothing of the importer.

It walks each case once and keeps, for each clock, the seconds used so far. PET keeps spans and projects due instants
from them; that the two agree is what the tests of the import are about.
"""

from __future__ import annotations

import csv
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path

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

AS_OF = datetime(2026, 1, 1, tzinfo=UTC)
"""Whatever was promised of any case was due long before, and nothing happens afterwards."""

Row = list[str]


@dataclass
class Tally:
    """What became of rows and cases."""

    recorded: int = 0
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    breaches: Counter[tuple[str, str]] = field(default_factory=Counter)
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


# --- one case ---------------------------------------------------------------------------------------------------------


def tally(rows: Iterable[Row], as_of: datetime = AS_OF) -> Tally:
    """Walk all cases; clocks that still run count up to `as_of`."""
    total = Tally()
    for _, group in groupby(rows, key=lambda row: row[CASE]):
        first, *others = group
        case = Case(first[CUSTOMER], PRIORITIES[first[SERIOUSNESS]], seconds(first[TIMESTAMP]))
        total.recorded += 1
        for row in others:
            _let_time_pass(total, case, seconds(row[TIMESTAMP]))
            code = _step(case, row)
            if code:
                total.refused[row[ACTIVITY], code] += 1
            else:
                total.recorded += 1
        _let_time_pass(total, case, as_of.timestamp())
        total.statuses[case.status] += 1
    return total


def _let_time_pass(total: Tally, case: Case, until: float) -> None:
    passed, case.at = until - case.at, until
    assert passed >= 0
    for clock in case.clocks if passed else ():
        target = TARGETS[clock.kind][case.priority]
        # What is done at the very instant it is due is in time; a target lowered below what is used is due at once.
        late = clock.seconds_used >= target
        if not case.waiting_on:
            clock.seconds_used += passed
            late = clock.seconds_used > target
        if late and not clock.broken:
            clock.broken = True
            total.breaches[clock.kind, case.priority] += 1
            total.customers[case.customer] += 1


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
