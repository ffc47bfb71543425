"""Who there is in the demonstration firm: customers, people with their hours and rates, and the rules of the house."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from uuid import UUID, uuid4, uuid5

from ..decisions import Asked
from ..events.approval_limits import AdoptApprovalLimit
from ..events.base import MICROS, Command, Money, Priority, Role
from ..events.bookings import AgreeCapacity
from ..events.customers import RegisterCustomer
from ..events.people import RegisterPerson
from ..events.policies import AdoptSlaPolicy, SlaTarget
from ..events.rates import AgreeRate, RateKind
from ..events.time_policies import AdoptTimePolicy

FIRM = UUID("8f3d1c52-5b0e-5f7e-9a54-2f6c9a1b7d10")
CUSTOMERS = (
    "Acme Logistics",
    "Birch & Partners",
    "Crunchy Armchairs",
    "Delta Clinics",
    "Ember Bakeries",
    "Fjord Insurance",
    "Grand Hotel Lido",
    "Harbour Freight",
)


class Worker(NamedTuple):
    """Somebody of the firm: in which role they work, what their hour costs and is sold for, how long their day is."""

    name: str
    roles: tuple[Role, ...]
    title: str
    cost_eur: int
    bill_eur: int
    hours_a_day: int = 8


PEOPLE = (
    Worker("Ada", (Role.ENGINEER, Role.SUPPORT), "Senior engineer", 68, 135),
    Worker("Bela", (Role.SUPPORT,), "Support", 42, 85),
    Worker("Chiara", (Role.ENGINEER, Role.PROJECT_MANAGER), "Project manager", 64, 125),
    Worker("Dimitri", (Role.MANAGER, Role.SALES), "Partner", 95, 180),
    Worker("Emeka", (Role.ENGINEER,), "Engineer", 55, 115),
    Worker("Farah", (Role.ENGINEER,), "Engineer", 54, 115),
    Worker("Goran", (Role.SALES,), "Sales", 60, 120),
    Worker("Hana", (Role.FINANCE,), "Finance", 58, 110),
    Worker("Ines", (Role.ENGINEER,), "Junior engineer", 38, 80, 4),
)
WORKERS = {worker.name: worker for worker in PEOPLE}
DESK = tuple(worker.name for worker in PEOPLE if {Role.ENGINEER, Role.SUPPORT} & {*worker.roles})
"""Who works on tickets."""

DAYS = 90
BEFORE = timedelta(days=DAYS + 1)
"""How long before its present the firm was founded."""
OWN_APPROVAL_EUR = 5_000
DAILY_CAP = timedelta(hours=10)
HASTY_FOR = CUSTOMERS[0]


# --- how anything is asked for ----------------------------------------------------------------------------------------


def id_of(name: str) -> UUID:
    return uuid5(FIRM, name)


def asked(command: Command, name: str | None = None, at: datetime | None = None, by: str = "Dimitri") -> Asked:
    """A command of one of the people. What it starts is found again by the command's name, if it has one."""
    id_ = id_of(name) if name else uuid4()
    return Asked(command=command, command_id=id_, actor=by.lower(), roles=WORKERS[by].roles, occurred_at=at)


def eur(amount: float) -> Money:
    return Money(round(amount * MICROS), "EUR")


class Past(NamedTuple):
    """The days behind the firm's present, counted in working days: there are 64 or 65 of them."""

    now: datetime

    def day(self, number: int) -> date:
        """The working day so many after the first one; those to come as well."""
        first = (self.now - timedelta(days=DAYS)).date()
        first += timedelta(days=max(0, 7 - first.weekday()) if first.weekday() > 4 else 0)
        weeks, weekday = divmod(first.weekday() + number, 5)
        return first + timedelta(weeks=weeks, days=weekday - first.weekday())

    def at(self, number: int, hours: float) -> datetime:
        """An hour of a working day."""
        return datetime.combine(self.day(number), time(tzinfo=UTC)) + timedelta(hours=hours)

    def so_far(self, story: Iterator[Asked]) -> list[Asked]:
        """What of a story has happened by now."""
        return [one for one in story if one.occurred_at and one.occurred_at < self.now]


# --- the founding -----------------------------------------------------------------------------------------------------


def founding(at: datetime) -> Iterator[Asked]:
    """Customers, people and rules."""
    for name in CUSTOMERS:
        yield asked(RegisterCustomer(name=name), name, at)
    for worker in PEOPLE:
        yield from _person(worker, at)
    yield asked(AdoptSlaPolicy(name="Standard", targets=_targets(48)), "Standard", at)
    gold = AdoptSlaPolicy(name="Gold", targets=_targets(16), customer=id_of("Delta Clinics"), warn_at_percent=(50, 90))
    yield asked(gold, "Gold", at)
    yield asked(AdoptTimePolicy(name="House rules", daily_cap=DAILY_CAP), "House rules", at)
    yield asked(AdoptApprovalLimit(limit=eur(OWN_APPROVAL_EUR)), "own approval", at)


def _person(worker: Worker, at: datetime) -> Iterator[Asked]:
    name, person = worker.name, id_of(worker.name)
    register = RegisterPerson(name=name, email=f"{name.lower()}@pet.example", roles=worker.roles)
    yield asked(register, name, at)
    week = (timedelta(hours=worker.hours_a_day),) * 5 + (timedelta(),) * 2
    yield asked(AgreeCapacity(person=person, valid_from=at.date(), weekdays=week), f"{name} capacity", at)
    for kind, per_hour in ((RateKind.COST, worker.cost_eur), (RateKind.BILL, worker.bill_eur)):
        rate = AgreeRate(kind=kind, per_hour=eur(per_hour), valid_from=at.date(), person=person)
        yield asked(rate, f"{name} {kind}", at, by="Hana")


def _targets(hours: float) -> tuple[SlaTarget, ...]:
    """Urgent tickets get a sixteenth of the time of low ones."""
    return tuple(
        SlaTarget(priority, timedelta(hours=hours / factor / 4), timedelta(hours=hours / factor))
        for priority, factor in zip(Priority, (1, 2, 6, 16), strict=True)
    )


def hasty() -> Asked:
    """What is promised to one customer from now on, too much; with it the firm's present begins."""
    policy = AdoptSlaPolicy(
        name="Hasty",
        customer=id_of(HASTY_FOR),
        targets=tuple(SlaTarget(priority, timedelta(seconds=8), timedelta(seconds=20)) for priority in Priority),
        warn_at_percent=(50,),
    )
    return asked(policy, "Hasty")
