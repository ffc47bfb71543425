"""A demonstration firm: the same at every start, and then kept busy, so that subscriptions move."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime, timedelta
from uuid import UUID, uuid4, uuid5

from .context import Services
from .database import LOST
from .decisions import Asked
from .events.base import Command, Priority, Role
from .events.customers import RegisterCustomer
from .events.messages import RespondToTicket
from .events.people import RegisterPerson
from .events.policies import AdoptSlaPolicy, SlaTarget
from .events.tickets import AssignTicket, CloseTicket, HoldTicket, OpenTicket, ReopenTicket, ResolveTicket, ResumeTicket
from .events.timelines import Party
from .turn import Unavailable

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
PEOPLE = (
    ("Ada", (Role.ENGINEER, Role.SUPPORT)),
    ("Bela", (Role.SUPPORT,)),
    ("Chiara", (Role.ENGINEER, Role.PROJECT_MANAGER)),
    ("Dimitri", (Role.MANAGER, Role.SALES)),
)
SUBJECTS = (
    "The nightly export is empty",
    "Printing stops after the first page",
    "A new colleague needs an account",
    "Invoices show the wrong address",
    "The scanner does not connect",
    "The web shop answers slowly",
    "Two stock figures disagree",
    "A licence is about to end",
)
DAYS = 30
TICKETS = 240
BEFORE = timedelta(days=DAYS + 1)
"""How long before its present the firm was founded."""
BUSY_SECONDS = 2.0

logger = logging.getLogger(__name__)


def _id(name: str) -> UUID:
    return uuid5(FIRM, name)


def _asked(command: Command, name: str, at: datetime | None = None) -> Asked:
    return Asked(
        command=command, command_id=_id(name), actor="demonstration", roles=(Role.MANAGER, Role.SUPPORT), occurred_at=at
    )


def _targets(hours: float) -> tuple[SlaTarget, ...]:
    """Urgent tickets get a sixteenth of the time of low ones."""
    return tuple(
        SlaTarget(priority, timedelta(hours=hours / factor / 4), timedelta(hours=hours / factor))
        for priority, factor in zip(Priority, (1, 2, 6, 16), strict=True)
    )


def founding(at: datetime) -> Iterator[Asked]:
    """Customers, people and policies."""
    for name in CUSTOMERS:
        yield _asked(RegisterCustomer(name=name), name, at)
    for name, roles in PEOPLE:
        yield _asked(RegisterPerson(name=name, email=f"{name.lower()}@pet.example", roles=roles), name, at)
    yield _asked(AdoptSlaPolicy(name="Standard", targets=_targets(48)), "Standard", at)
    gold = AdoptSlaPolicy(name="Gold", targets=_targets(16), customer=_id("Delta Clinics"), warn_at_percent=(50, 90))
    yield _asked(gold, "Gold", at)


def history(now: datetime) -> Iterator[list[Asked]]:
    """Some weeks of tickets up to now, each a list of commands in the order in which they happened."""
    dice = random.Random(1)
    for number in range(TICKETS):
        opened_at = now - timedelta(days=DAYS) * (1 - number / TICKETS)
        yield [one for one in _life(f"ticket {number}", opened_at, dice) if one.occurred_at and one.occurred_at < now]


def _life(name: str, at: datetime, dice: random.Random) -> Iterator[Asked]:
    ticket, assignee = _id(name), _id(dice.choice(PEOPLE)[0])
    customer, subject = _id(dice.choice(CUSTOMERS)), dice.choice(SUBJECTS)
    priority = dice.choices(list(Priority), (3, 8, 4, 1))[0]
    steps: list[tuple[float, str, Command]] = [
        (0, "", OpenTicket(customer=customer, subject=subject, priority=priority)),
        (0.2, "assign", AssignTicket(ticket=ticket, assignee=assignee)),
        (dice.expovariate(1 / 3), "respond", RespondToTicket(ticket=ticket, person=assignee, message="We are on it.")),
    ]
    if dice.random() < 0.25:
        hold = HoldTicket(ticket=ticket, reason="We need a screenshot.", waiting_on=dice.choice(list(Party)))
        steps += [(0.5, "hold", hold), (dice.expovariate(1 / 20), "resume", ResumeTicket(ticket=ticket))]
    resolve = ResolveTicket(ticket=ticket, resolution="Set right and checked with the customer.")
    steps.append((dice.expovariate(1 / 12), "resolve", resolve))
    if dice.random() < 0.08:
        steps += [
            (6, "reopen", ReopenTicket(ticket=ticket, reason="It came back.")),
            (dice.expovariate(1 / 8), "again", ResolveTicket(ticket=ticket, resolution="Mended at the root.")),
        ]
    steps.append((24, "close", CloseTicket(ticket=ticket)))
    for hours, step, command in steps:
        at += timedelta(hours=hours)
        yield _asked(command, f"{name} {step}".strip(), at)


async def found(services: Services) -> None:
    """Record the firm and its past, once: ids and instants are the same at every start, also after half a founding."""
    founded_at = await services.pool.fetchval("select registered_at from customers where id = $1", _id(CUSTOMERS[-1]))
    if await services.pool.fetchval("select exists (select from tickets where id = $1)", _id(f"ticket {TICKETS - 1}")):
        return
    start = founded_at + BEFORE if founded_at else services.now()
    await services.turns.record_all(list(founding(start - BEFORE)))
    for life in history(start):
        await services.turns.record_all(life)
    logger.info("the demonstration firm has a past of %s days", DAYS)


async def keep_busy(services: Services) -> None:
    """Found the firm, then open and work on tickets for ever; some are urgent and soon break their promise."""
    dice = random.Random()
    await _until_done(lambda: _begin(services))
    while True:
        await _until_done(lambda: _something(services, dice))
        await asyncio.sleep(BUSY_SECONDS)


async def _until_done(work: Callable[[], Awaitable[None]]) -> None:
    """Do it, and again if the database does not answer."""
    while True:
        try:
            return await work()
        except (Unavailable, *LOST) as lost:
            logger.warning("the demonstration waits: %s", lost)
            await asyncio.sleep(BUSY_SECONDS)


async def _begin(services: Services) -> None:
    await found(services)
    hasty = AdoptSlaPolicy(
        name="Hasty",
        customer=_id("Acme Logistics"),
        targets=tuple(SlaTarget(priority, timedelta(seconds=8), timedelta(seconds=20)) for priority in Priority),
        warn_at_percent=(50,),
    )
    await services.turns.record(_asked(hasty, "Hasty"))


async def _something(services: Services, dice: random.Random) -> None:
    async def ask(command: Command, command_id: UUID | None = None) -> None:
        asked = Asked(
            command=command, command_id=command_id or uuid4(), actor="demonstration", roles=(Role.MANAGER, Role.SUPPORT)
        )
        await services.turns.record(asked)

    waiting = await services.pool.fetch("select id, responded_at from tickets where status = 'open' order by opened_at")
    if len(waiting) < 20 or dice.random() < 0.4:
        customer = _id(dice.choice((CUSTOMERS[0], *CUSTOMERS)))
        await ask(OpenTicket(customer=customer, subject=dice.choice(SUBJECTS), priority=dice.choice(list(Priority))))
        return
    ticket = dice.choice(waiting)
    person = _id(dice.choice(PEOPLE)[0])
    if ticket["responded_at"] is None:
        await ask(RespondToTicket(ticket=ticket["id"], person=person, message="We are on it."))
    else:
        await ask(ResolveTicket(ticket=ticket["id"], resolution="Set right and checked with the customer."))
