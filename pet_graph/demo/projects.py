"""What the demonstration firm set out to deliver: projects with their tasks, milestones and the people kept for them.

Days are working days since its past began; the present is the 64th or 65th.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from ..decisions import Asked
from ..events.base import MICROS, BurnUnit, Command, Quantity
from ..events.bookings import BookingKind, BookPerson
from ..events.deliveries import DeliverObligation
from ..events.milestones import ClaimProgress, PlanMilestone, ReachMilestone
from ..events.obligations import FulfilObligation
from ..events.projects import CloseProject, RescheduleProject, StartProject
from ..events.tasks import PlanTask
from .firm import WORKERS, Past, asked, id_of
from .sales import SALES, owed_in, quote_of

OWNER = "Chiara"


class Piece(NamedTuple):
    """A task for a line of the quote; it takes its estimate, times a factor."""

    name: str
    line: int
    worker: str | None
    begins: int
    estimate_hours: int
    takes: float = 1.0
    planned: int = 0


class Kept(NamedTuple):
    """A person kept for a project, on some days."""

    worker: str
    first: int
    last: int
    hours_a_day: float
    kind: BookingKind = BookingKind.HARD


class Job(NamedTuple):
    """A project started from the quote of a sale, or internally."""

    name: str
    starts: int
    due: int | None
    pieces: tuple[Piece, ...] = ()
    kept: tuple[Kept, ...] = ()
    claims: tuple[tuple[int, int], ...] = ()
    reached: int | None = None
    moved: tuple[tuple[int, int], ...] = ()
    closed: int | None = None


_SOFT = BookingKind.SOFT
OWN = Job("Our own tools", 0, None)
JOBS = (
    OWN,
    Job(  # as planned, and done
        "Warehouse tracking",
        10,
        52,
        (
            Piece("Interfaces to the scales", 1, "Emeka", 11, 60),
            Piece("Scanning", 1, "Emeka", 19, 90, 1.04),
            Piece("Trial in the warehouse", 1, "Ada", 36, 30, 0.9),
            Piece("Training on site", 4, "Chiara", 46, 16),
        ),
        (Kept("Emeka", 11, 35, 7), Kept("Ada", 36, 44, 4)),
        ((24, 40), (34, 75)),
        reached=51,
        closed=62,
    ),
    Job(  # takes far more than was sold
        "Patient portal",
        11,
        48,
        (
            Piece("Sign-in with the health card", 1, "Farah", 12, 60, 1.6),
            Piece("Appointments", 1, "Farah", 24, 90, 1.35),
            Piece("Access checks", 1, "Ada", 30, 20, 1.2),
            Piece("Letters", 1, "Farah", 40, 50, 1.3),
        ),
        (Kept("Farah", 12, 48, 7), Kept("Farah", 49, 60, 5)),
        ((26, 35), (38, 60), (48, 80)),
        moved=((44, 62),),
    ),
    Job(  # on its way, as planned
        "Records archive",
        17,
        66,
        (
            Piece("Reading the old index", 1, "Chiara", 19, 45),
            Piece("Search", 1, "Emeka", 37, 60, 0.95),
            Piece("Retention rules", 1, "Chiara", 61, 30),
            Piece("Moving the records", 2, "Ines", 36, 40, 0.9),
        ),
        (Kept("Chiara", 19, 34, 3), Kept("Emeka", 37, 52, 4), Kept("Ines", 36, 48, 3)),
    ),
    Job(  # late, and with a change order on top
        "Claims intake",
        21,
        55,
        (
            Piece("Forms", 1, "Chiara", 27, 60, 1.25),
            Piece("Rules", 1, "Emeka", 46, 80, 1.6),
            Piece("Interface to the ledger", 3, "Farah", 54, 40, 1.5, planned=53),
        ),
        (Kept("Chiara", 27, 50, 4), Kept("Emeka", 46, 70, 6), Kept("Farah", 54, 66, 5)),
        ((36, 30), (52, 45)),
        moved=((45, 62), (57, 72)),
    ),
    Job(  # nobody has worked on it for weeks
        "Customs interface",
        29,
        62,
        (Piece("Message formats", 1, "Ines", 30, 28), Piece("Declarations", 1, None, 60, 60)),
        (Kept("Ines", 30, 44, 4),),
    ),
    Job(  # young
        "Booking site",
        37,
        75,
        (
            Piece("Rooms and prices", 1, "Ada", 39, 55),
            Piece("Payment", 1, "Ada", 54, 40),
            Piece("Letters to guests", 1, "Ines", 62, 20),
        ),
        (Kept("Ada", 39, 72, 5), Kept("Ines", 66, 75, 2, _SOFT)),
    ),
)
HANDED_OVER = (
    ("Warehouse tracking", 2, 25, 10, "Delivery note 2187, signed in the warehouse."),
    ("Warehouse tracking", 2, 39, 14, "Delivery note 2214, signed in the warehouse."),
    ("Patient portal", 3, 61, 40, "Licence certificate 40-118, mailed to the clinic."),
    ("Support pack", 1, 33, 14, "Tickets of the first month, listed."),
    ("Support pack", 1, 54, 23, "Tickets of the second month, listed."),
    ("Support pack", 2, 33, 1, "Report on the servers, first month."),
    ("Support pack", 2, 54, 1, "Report on the servers, second month."),
)
"""Units of promises: sale, line, day, how many, and what shows it."""

KEPT = (
    ("Warehouse tracking", 1, 52, "Protocol of the handover, signed by both."),
    ("Warehouse tracking", 2, 40, "Delivery notes 2187 and 2214."),
    ("Warehouse tracking", 4, 60, "List of those who took part."),
    ("Patient portal", 3, 61, "Licence certificate 40-118, mailed to the clinic."),
)
"""Promises that are kept: sale, line, day, and what shows it."""


def project_of(job: Job) -> UUID:
    return id_of(f"{job.name} project")


def task_of(job: Job, piece: Piece) -> UUID:
    return id_of(f"{job.name}: {piece.name}")


def plans(past: Past) -> Iterator[Asked]:
    """Everything but the hours."""
    for job in JOBS:
        yield from _started(job, past)
        yield from _kept(job, past)
        yield from _milestones(job, past)
    for sale, line, day, units, evidence in HANDED_OVER:
        owed, quantity = owed_in(sale, line), Quantity(units * MICROS)
        deliver = DeliverObligation(obligation=owed, person=id_of(OWNER), quantity=quantity, evidence=evidence)
        yield asked(deliver, f"{sale} {line} handed over on {day}", past.at(day, 15), by=OWNER)
    for sale, line, day, evidence in KEPT:
        fulfil = FulfilObligation(obligation=owed_in(sale, line), evidence=evidence)
        yield asked(fulfil, f"{sale} {line} kept", past.at(day, 16), by=OWNER)


def _started(job: Job, past: Past) -> Iterator[Asked]:
    """The project and its tasks, how its day moved, and its end."""
    customer = next((id_of(sale.customer) for sale in SALES if sale.name == job.name), None)

    def ask(command: Command, name: str, day: int, hours: float) -> Asked:
        return asked(command, f"{job.name}{name}", past.at(day, hours), by=OWNER)

    start = StartProject(
        name=job.name,
        customer=customer,
        quote=quote_of(job.name) if customer else None,
        owner=id_of(OWNER),
        starts_on=past.day(job.starts),
        due_on=past.day(job.due) if job.due else None,
    )
    yield ask(start, " project", job.starts, 10)
    for piece in job.pieces:
        plan = PlanTask(
            project=project_of(job),
            name=piece.name,
            estimate=timedelta(hours=piece.estimate_hours),
            obligation=owed_in(job.name, piece.line),
            assignee=id_of(piece.worker) if piece.worker else None,
        )
        yield ask(plan, f": {piece.name}", max(job.starts, piece.planned), 11)
    for day, due in job.moved:
        reason = "It takes longer than we thought, and the customer knows."
        move = RescheduleProject(project=project_of(job), due_on=past.day(due), reason=reason)
        yield ask(move, f" moved to {due}", day, 15)
    if job.closed:
        close = CloseProject(project=project_of(job), reason="Everything is delivered and signed for.")
        yield ask(close, " closed", job.closed, 16)


def _kept(job: Job, past: Past) -> Iterator[Asked]:
    for number, one in enumerate(job.kept):
        book = BookPerson(
            person=id_of(one.worker),
            project=project_of(job),
            kind=one.kind,
            first_on=past.day(one.first),
            last_on=past.day(one.last),
            per_day=timedelta(hours=one.hours_a_day),
            obligation=owed_in(job.name, 1),
            role=WORKERS[one.worker].title,
        )
        yield asked(book, f"{job.name} kept {number}", past.at(max(job.starts, one.first - 10), 12), by=OWNER)


def _milestones(job: Job, past: Past) -> Iterator[Asked]:
    """What of the quote is a milestone: claims on the way to it, and its end, with which the promise is kept."""
    lines = next((sale.lines for sale in SALES if sale.name == job.name), ())
    for number, line in enumerate(lines, 1):
        if line.unit is not BurnUnit.MILESTONE:
            continue
        name, milestone = f"{job.name} milestone", id_of(f"{job.name} milestone")
        person, owed = id_of(OWNER), owed_in(job.name, number)
        due_on = past.day(line.due) if line.due else None
        plan = PlanMilestone(project=project_of(job), name=line.description, due_on=due_on, obligation=owed)
        yield asked(plan, name, past.at(job.starts, 11.5), by=OWNER)
        for day, percent in job.claims:
            claim = ClaimProgress(
                milestone=milestone, person=person, percent=percent, basis="What was shown on Friday."
            )
            yield asked(claim, f"{name} {percent}", past.at(day, 16), by=OWNER)
        if job.reached:
            evidence = "Protocol of the handover, signed by both."
            reach = ReachMilestone(milestone=milestone, person=person, evidence=evidence)
            yield asked(reach, f"{name} reached", past.at(job.reached, 14), by=OWNER)
            one = Quantity(MICROS)
            deliver = DeliverObligation(obligation=owed, person=person, quantity=one, evidence=evidence)
            yield asked(deliver, f"{name} delivered", past.at(job.reached, 14.1), by=OWNER)
            kept = FulfilObligation(obligation=owed, evidence=evidence)
            yield asked(kept, f"{name} kept", past.at(job.reached, 14.25), by=OWNER)
