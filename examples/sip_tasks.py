"""The tasks of a small software company over ten years (the SiP data set), and what they become in PET.

- A **project** of the data set is a project, and each **developer** a person.
- What was estimated for a project on one day is a **quote**, sold that day: a line for each task, in hours. The tasks
  of a day belong together as the lines of an offer do, and each keeps the day of its estimate, so that what had been
  sold by any past day can be asked. The data set knows no prices: hours are offered at nothing.
- A task is a **task** that keeps the promise of its line, with the estimate as its first one.
- The hours of a developer on a task are a **time entry**, on the day of completion or, where that is not known, of the
  start or the estimate; and over the days since the start, because only the sum is known.
- A **status** is a fact: done is a finished task and a fulfilled promise, cancelled an abandoned and a released one;
  what was only estimated stays open.
"""

from __future__ import annotations

import csv
from base64 import b64encode
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID, uuid5

from sending import CannotImport, Command

TASKS, DATES = "task_info.csv", "dates.csv"
IDS = UUID("5f5b9d0a-2f1e-5a53-8f60-7d1f0c9b2e01")
DONE = {"FINISHED", "COMPLETED", "CHRONICLE", "RELEASED"}
DROPPED = {"CANCELLED"}
SOLD, WORKED, ENDED = "09:00:00Z", "17:00:00Z", "18:00:00Z"
"""The data set knows days, not hours: what is sold comes first on a day, then work, then what ends."""

FOUNDED_AT = "2004-01-01T00:00:00Z"
NO_PRICE = "0 GBP"
WEEK = timedelta(days=7)


class Row(NamedTuple):
    """What one developer did of one task: a line of the file, with the days of the other file."""

    line: int
    developer: str
    hours: Fraction
    estimated_on: date
    started_on: date | None
    completed_on: date | None

    @property
    def worked_on(self) -> date:
        return self.completed_on or self.started_on or self.estimated_on


@dataclass
class Task:
    """A task with all its rows."""

    number: str
    project: str
    summary: str
    kind: str
    status: str
    hours: Fraction
    rows: list[Row] = field(default_factory=list)

    @property
    def estimated_on(self) -> date:
        return min(row.estimated_on for row in self.rows)

    @property
    def last_worked_on(self) -> date:
        return max(row.worked_on for row in self.rows)


@dataclass
class Sale:
    """What was estimated for one project on one day."""

    project: str
    on: date
    tasks: list[Task]

    @property
    def id(self) -> UUID:
        return id_of("quote", self.project, self.on)


# --- reading ----------------------------------------------------------------------------------------------------------


def read_tasks(folder: Path) -> list[Task]:
    """The tasks in the order of their numbers. The nth row of a task in one file belongs to its nth in the other."""
    try:
        with (folder / DATES).open(newline="", encoding="utf-8-sig") as lines:
            dated: dict[str, list[dict[str, str]]] = defaultdict(list)
            for row in csv.DictReader(lines):
                dated[row["TaskNumber"]].append(row)
        with (folder / TASKS).open(newline="", encoding="utf-8-sig") as lines:
            reader = csv.DictReader(lines)
            tasks: dict[str, Task] = {}
            for row in reader:
                _add(tasks, row, dated, reader.line_num)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CannotImport(f"{folder} cannot be read: {error}") from error
    return sorted(tasks.values(), key=lambda task: (task.estimated_on, int(task.number)))


def _add(tasks: dict[str, Task], row: dict[str, str], dated: dict[str, list[dict[str, str]]], line: int) -> None:
    try:
        number, hours = row["TaskNumber"], Fraction(row["HoursEstimate"])
        kind = "/".join(filter(None, (row["Category"], row["SubCategory"])))
        task = Task(number, row["ProjectCode"], row["Summary"], kind, row["StatusCode"], hours)
        task = tasks.setdefault(number, task)
        days = dated[number][len(task.rows)]
        estimated, started, completed = (_day(days[name]) for name in ("EstimateOn", "StartedOn", "CompletedOn"))
        if estimated is None or task.hours != hours:
            raise ValueError("a task without a day, or with two estimates")
        developer = row["DeveloperID"], Fraction(row["DeveloperHoursActual"])
        task.rows.append(Row(line, *developer, estimated, started, completed))
    except (KeyError, ValueError, IndexError, TypeError) as error:
        raise CannotImport(f"{TASKS}, line {line}, is not of the SiP data set: {error}") from error


def _day(text: str) -> date | None:
    return datetime.strptime(text, "%d-%b-%y").date() if text else None  # noqa: DTZ007


def sales_of(tasks: Iterable[Task]) -> list[Sale]:
    """What was estimated, by day and project."""
    days = sorted(tasks, key=lambda task: (task.estimated_on, task.project, int(task.number)))
    return [
        Sale(project, on, list(group))
        for (on, project), group in groupby(days, key=lambda task: (task.estimated_on, task.project))
    ]


# --- ids --------------------------------------------------------------------------------------------------------------


def id_of(*names: object) -> UUID:
    """The same for the same names, so that the import may be run again."""
    return uuid5(IDS, "/".join(map(str, names)))


def global_id(kind: str, id_: UUID | str) -> str:
    return b64encode(f"{kind}:{id_}".encode()).decode()


def span(hours: Fraction) -> str:
    """Hours as an ISO 8601 duration."""
    seconds = hours * 3600
    if seconds.denominator != 1:
        raise CannotImport(f"{hours} hours are not whole seconds.")
    return f"PT{seconds.numerator}S"


def at(on: date, time: str) -> str:
    return f"{on}T{time}"


def _command(name: str, id_: UUID, /, **fields: Any) -> Command:
    given = {key: value for key, value in fields.items() if value is not None}
    return {name: {"commandId": str(id_), **given}}


# --- commands ---------------------------------------------------------------------------------------------------------


def founding(tasks: list[Task]) -> list[Command]:
    """The firm: its rules, its customers as one, its developers and its projects."""
    policy = {"name": "History is taken as it is", "dailyCap": "PT24H", "late": "ALLOW"}
    customer = global_id("Customer", id_of("customer"))
    commands = [
        _command("adoptTimePolicy", id_of("policy"), aboveCap="WARN", overlap="WARN", **policy),
        _command("adoptApprovalLimit", id_of("limit"), limit=NO_PRICE),
        _command("registerCustomer", id_of("customer"), name="Customers of the SiP company"),
    ]
    for number in sorted({row.developer for task in tasks for row in task.rows}, key=int):
        person = _command("registerPerson", id_of("person", number), name=f"Developer {number}", roles=["ENGINEER"])
        commands.append(person)
    for code in sorted({task.project for task in tasks}, key=lambda code: (len(code), code)):
        commands.append(_command("startProject", id_of("project", code), name=code, customer=customer, reference=code))
    for command in commands:
        next(iter(command.values()))["occurredAt"] = FOUNDED_AT
    return commands


def drafting(sale: Sale) -> list[Command]:
    """The offer is written and submitted; PET answers with the digest by which it is called from then on."""
    lines = [
        {
            "number": number,
            "description": task.summary.strip() or f"Task {task.number}",
            "kind": "TIME",
            "burnUnit": "HOURS",
            "unitPrice": NO_PRICE,
            "effort": span(task.hours),
        }
        for number, task in enumerate(sale.tasks, 1)
    ]
    offer = {
        "title": f"{sale.project}, {sale.on}",
        "currency": "GBP",
        "validUntil": str(sale.on + WEEK),
        "lines": lines,
    }
    customer, when = global_id("Customer", id_of("customer")), at(sale.on, SOLD)
    return [
        _command("draftQuote", sale.id, customer=customer, offer=offer, occurredAt=when),
        _step("submitQuote", sale),
    ]


def accepting(sale: Sale, digest: str) -> list[Command]:
    """Approved, sent and accepted in one call, so that it does not expire in between: its last day is long over."""
    accepted = {"acceptedBy": "The customer", "acceptedUnder": "The SiP data set"}
    return [
        _step("approveQuote", sale, digest=digest),
        _step("sendQuote", sale, recipient="The customer"),
        _step("acceptQuote", sale, digest=digest, **accepted),
    ]


def _step(name: str, sale: Sale, **fields: Any) -> Command:
    quote, when = global_id("Quote", sale.id), at(sale.on, SOLD)
    return _command(name, id_of(name, sale.project, sale.on), quote=quote, occurredAt=when, **fields)


def working(task: Task, obligation: str) -> Iterator[tuple[Row | None, Command]]:
    """What became of a task: planned, worked on by each of its rows, and ended."""
    project, promise = global_id("Project", id_of("project", task.project)), global_id("Obligation", obligation)
    sold = {"occurredAt": at(task.estimated_on, SOLD)}
    id_ = id_of("task", task.number)
    yield None, _command("placeObligation", id_of("place", task.number), obligation=promise, project=project, **sold)
    planned = {"name": (task.summary.strip() or f"Task {task.number}")[:500], "kind": task.kind[:64] or None}
    planned |= {"estimate": span(task.hours), "obligation": promise, "reference": task.number}
    yield None, _command("planTask", id_, project=project, **planned, **sold)
    for row in task.rows:
        yield row, _entry(task, row)
    ended = {"occurredAt": at(max(task.last_worked_on, task.estimated_on), ENDED)}
    said = f"{task.status} in the SiP data set"
    this = global_id("Task", id_)
    if task.status in DONE:
        yield None, _command("finishTask", id_of("end", task.number), task=this, **ended)
        fulfil = {"obligation": promise, "evidence": said}
        yield None, _command("fulfilObligation", id_of("fulfil", task.number), **fulfil, **ended)
    elif task.status in DROPPED:
        yield None, _command("abandonTask", id_of("end", task.number), task=this, reason=said, **ended)
        release = {"obligation": promise, "reason": said}
        yield None, _command("releaseObligation", id_of("release", task.number), **release, **ended)


def _entry(task: Task, row: Row) -> Command:
    """Days that could not hold the hours are taken to have begun earlier: eight hours a day."""
    began_on = min(row.started_on or row.worked_on, row.worked_on)
    if row.hours > 24 * ((row.worked_on - began_on).days + 1):
        began_on = row.worked_on - timedelta(days=-(-row.hours // 8) - 1)
    return _command(
        "recordTime",
        id_of("time", row.line),
        person=global_id("Person", id_of("person", row.developer)),
        task=global_id("Task", id_of("task", task.number)),
        workedOn=str(row.worked_on),
        beganOn=None if began_on == row.worked_on else str(began_on),
        worked=span(row.hours),
        occurredAt=at(row.worked_on, WORKED),
    )
