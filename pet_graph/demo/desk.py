"""The support desk of the demonstration firm: weeks of tickets, and what happens on it from moment to moment."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta

from ..context import Services
from ..decisions import Asked
from ..events.base import Command, Priority
from ..events.messages import RespondToTicket
from ..events.tickets import (
    AssignTicket,
    CloseTicket,
    HoldTicket,
    OpenTicket,
    ReopenTicket,
    ResolveTicket,
    ResumeTicket,
)
from ..events.timelines import Party
from .firm import CUSTOMERS, DAYS, DESK, Past, asked, id_of

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
TICKETS = 240
BUSY = 20
"""So many open tickets at least, before any is worked on."""


def history(past: Past) -> Iterator[list[Asked]]:
    """Weeks of tickets up to now, each a list of commands in the order in which they happened."""
    dice = random.Random(1)
    for number in range(TICKETS):
        opened_at = past.now - timedelta(days=DAYS) * (1 - number / TICKETS)
        yield past.so_far(_life(f"ticket {number}", opened_at, dice))


def _life(name: str, at: datetime, dice: random.Random) -> Iterator[Asked]:
    ticket, worker = id_of(name), dice.choice(DESK)
    assignee, customer, subject = id_of(worker), id_of(dice.choice(CUSTOMERS)), dice.choice(SUBJECTS)
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
        yield asked(command, f"{name} {step}".strip(), at, by=worker)


async def work(services: Services, dice: random.Random) -> Asked:
    """The next thing that happens: some tickets are urgent and soon break their promise."""
    waiting = await services.pool.fetch("select id, responded_at from tickets where status = 'open' order by opened_at")
    if len(waiting) < BUSY or dice.random() < 0.4:
        customer = id_of(dice.choice((CUSTOMERS[0], *CUSTOMERS)))
        opened = OpenTicket(customer=customer, subject=dice.choice(SUBJECTS), priority=dice.choice(list(Priority)))
        return asked(opened, by="Bela")
    ticket, worker = dice.choice(waiting), dice.choice(DESK)
    if ticket["responded_at"] is None:
        answer = RespondToTicket(ticket=ticket["id"], person=id_of(worker), message="We are on it.")
        return asked(answer, by=worker)
    return asked(ResolveTicket(ticket=ticket["id"], resolution="Set right and checked with the customer."), by=worker)
