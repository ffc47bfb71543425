"""What people of the demonstration firm worked: every evening, handed in on Friday, looked at by somebody on Monday."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import count
from typing import NamedTuple
from uuid import UUID

from ..context import Services
from ..decisions import Asked
from ..events.base import Command
from ..events.tasks import EstimateTask, FinishTask
from ..events.time_entries import ApproveTime, RecordTime, ReturnTime, ReverseTime, SubmitTime, sheet_of
from . import desk
from .firm import DAILY_CAP, DAYS, PEOPLE, WORKERS, Past, Worker, asked, id_of
from .projects import JOBS, OWN, Job, Piece, project_of, task_of
from .sales import owed_in

APPROVER, HER_APPROVER = "Chiara", "Dimitri"
QUARTERS = 4
MORNING, EVENING = 9.0, 18.5
DILIGENCE = {"Farah": 1.15}
"""Who works longer days than agreed."""


class Standing(NamedTuple):
    """What somebody does every day from some day on, besides projects."""

    worker: str
    begins: int
    hours: float
    note: str
    obligation: UUID | None = None
    project: UUID | None = None


STANDING = (
    Standing("Bela", 13, 4.5, "Tickets of the clinics.", owed_in("Support pack", 1)),
    Standing("Bela", 20, 0.5, "Looked after the servers.", owed_in("Support pack", 2)),
    Standing("Ada", 43, 0.75, "Advised the hotel.", owed_in("Advice", 1)),
    Standing("Chiara", 0, 0.75, "Planning.", project=project_of(OWN)),
)
TYPED_WRONG, LATE, RETURNED = 0.03, 0.06, 0.08
"""How likely a day goes wrong in one of these ways, each counted from the one before."""


Done = defaultdict[str, float]
"""The hours that tasks have taken so far, by name."""


class Stint(NamedTuple):
    """Work without a break, in hours of the day; `upto` is how much of the task it brings it to."""

    worker: str
    day: int
    starts: float
    hours: float
    note: str
    job: Job | None = None
    piece: Piece | None = None
    standing: Standing | None = None
    ticket: UUID | None = None
    upto: float = 0.0


# --- who worked on what -----------------------------------------------------------------------------------------------


def stints(past: Past, dice: random.Random) -> Iterator[list[Stint]]:
    """The days of everybody, each a list of stints, as long as days are past."""
    done: Done = defaultdict(float)
    for day in count():
        if past.at(day, MORNING) >= past.now:
            return
        for worker in PEOPLE:
            if today := [*_day(worker, day, done, dice)]:
                yield today


def _day(worker: Worker, day: int, done: Done, dice: random.Random) -> Iterator[Stint]:
    """What one person did: what they do every day, then two tasks at most."""
    at = MORNING
    for one in STANDING:
        if one.worker == worker.name and one.begins <= day:
            yield Stint(worker.name, day, at, one.hours, one.note, standing=one)
            at += one.hours
    if worker.name in ("Ada", "Bela") and dice.random() < 0.15:
        number = min(desk.TICKETS - 1, round(day * 7 / 5 / DAYS * desk.TICKETS))
        yield Stint(worker.name, day, at, 0.75, "A ticket.", ticket=id_of(f"ticket {number}"))
        at += 0.75
    left = worker.hours_a_day * DILIGENCE.get(worker.name, 1) * dice.uniform(0.85, 1) - (at - MORNING)
    waiting = [*_waiting(worker.name, day, done)][:2]
    for (job, piece), share in zip(waiting, (0.6, 0.4) if len(waiting) > 1 else (1,), strict=False):
        hours = round(min(left * share, _takes(piece) - done[piece.name]) * QUARTERS) / QUARTERS
        if hours > 0:
            done[piece.name] += hours
            yield Stint(worker.name, day, at, hours, piece.name, job, piece, upto=done[piece.name])
            at += hours


def _waiting(worker: str, day: int, done: Done) -> Iterator[tuple[Job, Piece]]:
    for job in JOBS:
        for piece in job.pieces:
            if piece.worker == worker and piece.begins <= day and done[piece.name] < _takes(piece):
                yield job, piece


def _takes(piece: Piece) -> float:
    """In whole quarters of an hour."""
    return round(piece.estimate_hours * piece.takes * QUARTERS) / QUARTERS


# --- what they asked for ----------------------------------------------------------------------------------------------


def history(past: Past) -> Iterator[Asked]:
    """The hours, the sheets' way to approval, and what became of the tasks; in no order."""
    dice = random.Random(2)
    for today in stints(past, dice):
        yield from _sheet(today, past, dice.random())
        for stint in today:
            yield from _progress(stint, past)


def _sheet(today: list[Stint], past: Past, luck: float) -> Iterator[Asked]:
    """One person's one day: recorded in the evening or, seldom, a week later; with the way to its approval."""
    worker, day = today[0].worker, today[0].day
    name, sheet = f"{worker} day {day}", sheet_of(id_of(worker), past.day(day))
    recorded = day + 8 if TYPED_WRONG <= luck < LATE else day
    friday = recorded + 4 - past.day(recorded).weekday()
    approver = HER_APPROVER if worker == APPROVER else APPROVER

    def ask(command: Command, step: str, day: int, hours: float, by: str) -> Asked:
        return asked(command, f"{name} {step}", past.at(day, hours), by)

    for number, stint in enumerate(today):
        record = _record(stint, past)
        if luck < TYPED_WRONG and number == 0:
            wrong = _record(stint._replace(hours=stint.hours / 2), past)
            yield ask(wrong, "wrong", recorded, EVENING, worker)
            reverse = ReverseTime(timesheet=sheet, entry=id_of(f"{name} wrong"), reason="Half of it was missing.")
            yield ask(reverse, "reversed", recorded, EVENING + 0.1, worker)
            record = _record(stint, past, corrects=id_of(f"{name} wrong"))
        yield ask(record, f"entry {number}", recorded, EVENING + 0.2, worker)
    yield ask(SubmitTime(timesheet=sheet), "submitted", friday, EVENING + 1, worker)
    if LATE <= luck < RETURNED:
        reason = "What was the first entry for?"
        back = ReturnTime(timesheet=sheet, approver=id_of(approver), reason=reason)
        yield ask(back, "returned", friday + 1, 9, approver)
        yield ask(SubmitTime(timesheet=sheet), "submitted again", friday + 1, 13, worker)
    approve = ApproveTime(timesheet=sheet, approver=id_of(approver))
    yield ask(approve, "approved", friday + 1, 14, approver)


def _record(stint: Stint, past: Past, corrects: UUID | None = None) -> RecordTime:
    standing = stint.standing
    return RecordTime(
        person=id_of(stint.worker),
        worked_on=past.day(stint.day),
        worked=timedelta(hours=stint.hours),
        starts=timedelta(hours=stint.starts),
        project=standing.project if standing else None,
        task=task_of(stint.job, stint.piece) if stint.job and stint.piece else None,
        ticket=stint.ticket,
        obligation=standing.obligation if standing else None,
        role=WORKERS[stint.worker].title,
        note=stint.note,
        corrects=corrects,
    )


def _progress(stint: Stint, past: Past) -> Iterator[Asked]:
    """The task is finished, or found to take longer than was thought."""
    if stint.job is None or stint.piece is None:
        return
    piece, task = stint.piece, task_of(stint.job, stint.piece)
    takes, soon = _takes(piece), piece.estimate_hours * 0.8
    if piece.takes > 1.1 and stint.upto - stint.hours < soon <= stint.upto:
        more = EstimateTask(task=task, estimate=timedelta(hours=takes), reason="There is more to it than we saw.")
        yield asked(more, f"{piece.name} again", past.at(stint.day, EVENING + 0.3), by=stint.worker)
    if stint.upto >= takes:
        yield asked(FinishTask(task=task), f"{piece.name} done", past.at(stint.day, EVENING + 0.4), by=stint.worker)


def in_order(asked: Iterable[Asked], past: Past) -> list[Asked]:
    """What has happened by now, as it happened; what happened at once stays in its order."""
    return sorted(past.so_far(iter(asked)), key=lambda one: one.occurred_at or past.now)


# --- from moment to moment --------------------------------------------------------------------------------------------

STEP = timedelta(minutes=30)
OPEN_TASKS = """
    select t.id, w.name from tasks t join projects p on p.id = t.project_id join people w on w.id = t.assignee_id
    where t.status = 'open' and p.status = 'open' and p.customer_id is not null
      and coalesce((select sum(e.worked_us) from time_entries e
        where e.person_id = w.id and e.worked_on = $1 and e.status <> 'reversed'), 0) <= $2
    order by t.planned_at, t.id"""
WAITING = """
    select e.timesheet_id, e.status, w.name from time_entries e join people w on w.id = e.person_id
    where e.status in ('recorded', 'submitted') order by e.worked_on, e.timesheet_id, e.status"""


async def work(services: Services, dice: random.Random) -> Asked | None:
    """The next thing that happens to time: half an hour more, a sheet on its way, or nothing any more today."""
    if dice.random() < 0.4 and (waiting := await services.pool.fetch(WAITING)):
        return _onwards(*dice.choice(waiting))
    today, cap = services.now().date(), (DAILY_CAP - STEP) // timedelta(microseconds=1)
    tasks = await services.pool.fetch(OPEN_TASKS, today, cap)
    if not tasks:
        return None
    task = dice.choice(tasks)
    person = id_of(task["name"])
    record = RecordTime(
        person=person, worked_on=today, worked=STEP, task=task["id"], role=WORKERS[task["name"]].title, note="Went on."
    )
    return asked(record, by=task["name"])


def _onwards(sheet: UUID, status: str, worker: str) -> Asked:
    if status == "recorded":
        return asked(SubmitTime(timesheet=sheet), by=worker)
    approver = HER_APPROVER if worker == APPROVER else APPROVER
    return asked(ApproveTime(timesheet=sheet, approver=id_of(approver)), by=approver)
