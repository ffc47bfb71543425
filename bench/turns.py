"""Commands per second and latency through the turn, and the same commands with a transaction each, in one run.

Every command opens a ticket under an SLA policy: two facts, one journal entry, six rows in four tables. What is
measured is the write path alone, without HTTP and GraphQL.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import nan
from statistics import median
from typing import TypeAlias
from uuid import UUID, uuid4

from pet_graph import database
from pet_graph.decisions import Asked, Recorded
from pet_graph.events.base import Command, Priority, Role
from pet_graph.events.customers import RegisterCustomer
from pet_graph.events.policies import AdoptSlaPolicy, SlaTarget
from pet_graph.events.tickets import OpenTicket
from pet_graph.turn import Turns

CUSTOMER = UUID(int=1)
MOST_CONNECTIONS = 64


@dataclass(frozen=True)
class Way:
    """One way of recording: so many queues with a connection each, so many commands in a transaction."""

    name: str
    turn_limit: int
    queues: Callable[[int], int]


TURN = Way("turn", 256, lambda callers: 1)
QUEUE = Way("one by one", 1, lambda callers: 1)
CONNECTIONS = Way("own connections", 1, lambda callers: min(callers, MOST_CONNECTIONS))
WAYS = (TURN, QUEUE, CONNECTIONS)


Figures: TypeAlias = dict[str, float]
Measure: TypeAlias = Callable[[int], Awaitable[Figures]]
"""What is found with so many callers."""


def now() -> datetime:
    return datetime.now(UTC)


def asked(command: Command, command_id: UUID | None = None) -> Asked:
    return Asked(command=command, command_id=command_id or uuid4(), actor="bench", roles=(Role.MANAGER,))


def ticket() -> Asked:
    return asked(OpenTicket(customer=CUSTOMER, subject="The armchair squeaks"))


async def found(turns: Turns) -> None:
    """A customer, a policy that promises them something, and a ticket."""
    target = SlaTarget(Priority.NORMAL, timedelta(hours=1), timedelta(hours=8))
    commands = [
        asked(RegisterCustomer(name="Crunchy Armchairs"), CUSTOMER),
        asked(AdoptSlaPolicy(name="Standard", targets=(target,)), UUID(int=2)),
        ticket(),
    ]
    assert all(isinstance(outcome, Recorded) for outcome in await turns.record_all(commands))


@asynccontextmanager
async def turning(url: str, way: Way, callers: int) -> AsyncIterator[list[Turns]]:
    """The queues of one way of recording, each with a connection that is open already."""
    turns = [
        Turns(lambda: database.connect(url), now, turn_limit=way.turn_limit, queue_limit=100_000)
        for _ in range(way.queues(callers))
    ]
    tasks = [asyncio.create_task(each.run()) for each in turns]
    try:
        await asyncio.gather(*(each.record(ticket(), dry_run=True) for each in turns))
        yield turns
    finally:
        for task in tasks:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks)


async def measure(url: str, way: Way, seconds: float, callers: int) -> Figures:
    """So many callers at once, each asking again as soon as it is answered; the first tenth is not counted.

    `server_ms` is this process's time a command, the callers' included.
    """
    waits: list[tuple[float, float]] = []
    async with turning(url, way, callers) as turns:
        begin, spent = time.perf_counter() + seconds / 10, time.process_time()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds * 1.1), asyncio.TaskGroup() as calling:
                for number in range(callers):
                    calling.create_task(_call(turns[number % len(turns)], waits))
        end, spent = time.perf_counter(), time.process_time() - spent
    milliseconds = sorted(wait * 1_000 for answered_at, wait in waits if begin <= answered_at < end)
    return {
        "per_second": len(milliseconds) / (end - begin),
        "p50_ms": _share(milliseconds, 0.5),
        "p99_ms": _share(milliseconds, 0.99),
        "server_ms": spent * 1_000 / max(len(waits), 1),
    }


def _share(ordered: Sequence[float], share: float) -> float:
    """The value below which that share of the values lies."""
    return ordered[int(share * len(ordered))] if ordered else nan


async def _call(turns: Turns, waits: list[tuple[float, float]]) -> None:
    while True:
        asked_at = time.perf_counter()
        outcome = await turns.record(ticket())
        assert isinstance(outcome, Recorded), outcome
        answered_at = time.perf_counter()
        waits.append((answered_at, answered_at - asked_at))


async def compare(
    ways: Mapping[str, Measure], callers: Sequence[int], rounds: int, tell: Callable[[str], None]
) -> dict[tuple[int, str], Figures]:
    """The medians of every way with every number of callers, taken in turns, so that a slow minute is slow for all."""
    cells: dict[tuple[int, str], list[Figures]] = {(number, name): [] for number in callers for name in ways}
    for done in range(rounds):
        for (number, name), cell in cells.items():
            cell.append(found := await ways[name](number))
            tell(f"round {done + 1}/{rounds}  {number:>3} callers  {name:15}  {found['per_second']:>6,.0f}/s")
    return {place: {name: median(one[name] for one in cell) for name in cell[0]} for place, cell in cells.items()}
