"""What the SiP data set adds up to, worked out from its rows alone: nothing of PET, nothing of the importer.

Ten years of tasks of a small software company. A task worked on by several developers has a row for each of them, which
repeats the task's own figures: those are counted once. Hours are exact fractions of an hour, never floats.
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from pathlib import Path

TASKS, DATES = "task_info.csv", "dates.csv"
END = date(2014, 12, 31)


@dataclass(frozen=True)
class Work:
    """What one developer did of one task: a row of the file."""

    task: str
    project: str
    developer: str
    hours: Fraction
    on: date


@dataclass(frozen=True)
class Sold:
    """One task: what it was estimated at, and when."""

    task: str
    project: str
    hours: Fraction
    actual: Fraction
    status: str
    on: date


@dataclass(frozen=True)
class Firm:
    sold: tuple[Sold, ...]
    worked: tuple[Work, ...]


def day(text: str) -> date | None:
    """`02-Nov-04`; the data set begins in 2004 and ends in 2014."""
    return datetime.strptime(text, "%d-%b-%y").date() if text else None  # noqa: DTZ007


def read(folder: Path) -> Firm:
    """Join the two files: the nth row of a task in one belongs to the nth row of the task in the other."""
    with (folder / TASKS).open(encoding="utf-8", newline="") as tasks, (folder / DATES).open(newline="") as dates:
        dated: dict[str, list[dict[str, str]]] = defaultdict(list)
        for row in csv.DictReader(dates):
            dated[row["TaskNumber"]].append(row)
        sold: dict[str, Sold] = {}
        worked = []
        seen: Counter[str] = Counter()
        for row in csv.DictReader(tasks):
            number = row["TaskNumber"]
            estimate_on, started_on, completed_on = _days(dated[number][seen[number]])
            seen[number] += 1
            on = completed_on or started_on or estimate_on
            worked.append(
                Work(number, row["ProjectCode"], row["DeveloperID"], Fraction(row["DeveloperHoursActual"]), on)
            )
            first = Sold(number, row["ProjectCode"], *_hours(row), row["StatusCode"], estimate_on)
            if number in sold:
                assert _hours(row) == (sold[number].hours, sold[number].actual), number
            # The earliest of the days on which a task's rows say that it was estimated.
            sold[number] = min(sold.get(number, first), first, key=lambda one: one.on)
    return Firm(tuple(sold.values()), tuple(worked))


def _days(row: dict[str, str]) -> tuple[date, date | None, date | None]:
    estimated = day(row["EstimateOn"])
    assert estimated, row
    return estimated, day(row["StartedOn"]), day(row["CompletedOn"])


def _hours(row: dict[str, str]) -> tuple[Fraction, Fraction]:
    return Fraction(row["HoursEstimate"]), Fraction(row["HoursActual"])


@dataclass
class Total:
    """Hours, exact."""

    sold: Fraction = Fraction()
    delivered: Fraction = Fraction()

    @property
    def seconds(self) -> tuple[int, int]:
        """Both in whole seconds: the data set has none smaller."""
        return whole(self.sold * 3600), whole(self.delivered * 3600)


def whole(number: Fraction) -> int:
    assert number.denominator == 1, number
    return number.numerator


def totals(firm: Firm, by: Callable[[Sold | Work], object], as_of: date = END) -> dict[object, Total]:
    """Estimates as sold and developers' hours as delivered, by something, of what was so at the end of a day."""
    found: dict[object, Total] = defaultdict(Total)
    for sold in _until(firm.sold, as_of):
        found[by(sold)].sold += sold.hours
    for worked in _until(firm.worked, as_of):
        found[by(worked)].delivered += worked.hours
    return dict(found)


def _until(rows: Iterable[Sold] | Iterable[Work], as_of: date) -> list[Sold | Work]:
    return [row for row in rows if row.on <= as_of]


def by_project(row: Sold | Work) -> str:
    return row.project


def by_year(row: Sold | Work) -> int:
    return row.on.year


def overall(row: Sold | Work) -> str:
    return "all"


def generated(count: int) -> Firm:
    """A small firm of the same kind, for those who do not have the data set."""
    sold, worked = [], []
    for number in range(count):
        task, project = str(1_000 + number), f"PC{number % 7 + 1}"
        estimated = date(2008 + number % 6, number % 12 + 1, number % 28 + 1)
        hours = Fraction(number % 40 + 1, 4)
        developers = [str(number % 5 + 1), str(number % 3 + 6)][: 1 + number % 2]
        parts = [Fraction(number % 30 + 1, 5) for _ in developers]
        status = ("FINISHED", "COMPLETED", "CHRONICLE", "CANCELLED", "ESTIMATED")[number % 5]
        sold.append(Sold(task, project, hours, sum(parts, Fraction()), status, estimated))
        done = estimated + timedelta(days=number % 90)
        worked += [Work(task, project, one, part, done) for one, part in zip(developers, parts, strict=True)]
    return Firm(tuple(sold), tuple(worked))


HEADER = [
    "TaskNumber",
    "Summary",
    "Priority",
    "RaisedByID",
    "AssignedToID",
    "AuthorisedByID",
    "StatusCode",
    "ProjectCode",
    "ProjectBreakdownCode",
    "Category",
    "SubCategory",
    "HoursEstimate",
    "HoursActual",
    "DeveloperID",
    "DeveloperHoursActual",
    "TaskPerformance",
    "DeveloperPerformance",
]


def write(folder: Path, firm: Firm) -> Path:
    """A firm as the two files of the data set."""
    tasks, dates = [], []
    for sold in firm.sold:
        for work in (one for one in firm.worked if one.task == sold.task):
            told = {
                "TaskNumber": sold.task,
                "Summary": f"Task {sold.task}",
                "StatusCode": sold.status,
                "ProjectCode": sold.project,
                "Category": "Development",
                "SubCategory": "Bug",
                "HoursEstimate": float(sold.hours),
                "HoursActual": float(sold.actual),
                "DeveloperID": work.developer,
                "DeveloperHoursActual": float(work.hours),
            }
            tasks.append({**dict.fromkeys(HEADER, ""), **told})
            completed_on = f"{work.on:%d-%b-%y}" if work.on != sold.on else ""
            dates.append({"TaskNumber": sold.task, "EstimateOn": f"{sold.on:%d-%b-%y}", "CompletedOn": completed_on})
    for name, header, rows in (
        (TASKS, HEADER, tasks),
        (DATES, ["TaskNumber", "EstimateOn", "StartedOn", "CompletedOn"], dates),
    ):
        with (folder / name).open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, header, restval="")
            writer.writeheader()
            writer.writerows(rows)
    return folder
