"""The clock under load: clocks that fall due one after the other, two processes, and one of them killed in the middle.

    python -m bench.clock [--quick]

Lateness is how long after its instant a breach stands in the log. Each clock is of a ticket of its own. All the while
both processes record customers, each from some callers that pause a little between two.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from uuid import UUID

import asyncpg
import msgspec
import uvloop

from pet_graph import database, log
from pet_graph.app import settle
from pet_graph.clock import Clock
from pet_graph.decisions import Asked, Recorded
from pet_graph.events.base import Fact, Priority
from pet_graph.events.customers import RegisterCustomer
from pet_graph.events.policies import AdoptSlaPolicy, SlaTarget
from pet_graph.events.tickets import OpenTicket
from pet_graph.feed import Feed
from pet_graph.turn import Turns, Unavailable

from .scale import Row, Tell
from .servers import PYTHON, postgres
from .turns import asked, now
from .worlds import migrated

CUSTOMER = UUID(int=1)
TARGET = timedelta(days=1)
BATCH = 200
CALLERS = 4
PAUSE_SECONDS = 0.02
READY = b"ready\n"
PATIENCE_SECONDS = 300.0


@dataclass(frozen=True)
class Found:
    """What became of the clocks; lateness in milliseconds, in order."""

    armed_per_second: float
    lateness_ms: list[float]
    twice: int
    lost: int
    others: int

    def share(self, share: float) -> float:
        return self.lateness_ms[min(int(share * len(self.lateness_ms)), len(self.lateness_ms) - 1)]


async def arm(url: str, clocks: int, first_at: datetime, seconds: float) -> float:
    """Tickets whose clocks fall due one after the other from `first_at` on; returns how many were armed a second."""
    turns = Turns(lambda: database.connect(url), now)
    task = asyncio.create_task(turns.run())
    targets = tuple(SlaTarget(priority, resolution=TARGET) for priority in Priority)
    policy = AdoptSlaPolicy(name="Bench", targets=targets, warn_at_percent=(), valid_from=now() - 30 * TARGET)
    for command, command_id in ((RegisterCustomer(name="Crunchy Armchairs"), CUSTOMER), (policy, None)):
        assert isinstance(await turns.record(asked(command, command_id)), Recorded)
    began = time.perf_counter()
    for start in range(0, clocks, BATCH):
        numbers = range(start, min(start + BATCH, clocks))
        opened_at = (first_at - TARGET + timedelta(seconds=seconds * number / clocks) for number in numbers)
        commands = [_opened(number, at) for number, at in zip(numbers, opened_at, strict=True)]
        assert all(isinstance(one, Recorded) for one in await turns.record_all(commands))
    armed_per_second = clocks / (time.perf_counter() - began)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    return armed_per_second


def ticket(number: int) -> UUID:
    return UUID(int=1_000 + number)


def _opened(number: int, at: datetime) -> Asked:
    opened = asked(OpenTicket(customer=CUSTOMER, subject=f"Number {number}"), ticket(number))
    return msgspec.structs.replace(opened, occurred_at=at)


# --- a process --------------------------------------------------------------------------------------------------------


async def serve(url: str) -> None:
    """What a server process runs beside its transport, and its share of the load; until it is killed."""
    async with database.pool(url, 2) as pool:
        turns = Turns(lambda: database.connect(url), now)
        feed = Feed(pool, url)
        await feed.start()
        tasks = [asyncio.create_task(one) for one in (turns.run(), feed.run(), Clock(pool, turns, feed, now).run())]
        tasks += [asyncio.create_task(_load(turns)) for _ in range(CALLERS)]
        settle()
        sys.stdout.buffer.write(READY)
        sys.stdout.flush()
        await asyncio.gather(*tasks)


async def _load(turns: Turns) -> None:
    for number in count():
        with suppress(Unavailable):
            await turns.record(asked(RegisterCustomer(name=f"Crunchy Armchairs {number}")))
            await asyncio.sleep(PAUSE_SECONDS)


@asynccontextmanager
async def a_process(url: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        PYTHON, "-m", "bench.clock", "--serve", url, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        assert await process.stdout.readline() == READY
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGKILL)
        await process.wait()


# --- a run ------------------------------------------------------------------------------------------------------------


async def run(url: str, clocks: int, seconds: float, *, kill: bool, lead_seconds: float) -> Found:
    """Arm, let two processes record what falls due within so many seconds, and count what they recorded."""
    watching = await database.connect(url)
    async with AsyncExitStack() as processes:
        one, _ = [await processes.enter_async_context(a_process(url)) for _ in range(2)]
        first_at = now() + timedelta(seconds=lead_seconds)
        armed_per_second = await arm(url, clocks, first_at, seconds)
        assert now() < first_at, "not all were armed before the first fell due: give more seconds"
        await asyncio.sleep((first_at - now()).total_seconds() + seconds / 2)
        if kill:
            one.send_signal(signal.SIGKILL)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await _none_left(watching)
    found = await _found(watching, clocks, armed_per_second)
    await watching.close()
    return found


async def _none_left(connection: asyncpg.Connection) -> None:
    while await connection.fetchval("select exists (select from deadlines)"):  # noqa: ASYNC110, others record them
        await asyncio.sleep(0.2)


async def _found(connection: asyncpg.Connection, clocks: int, armed_per_second: float) -> Found:
    facts: list[Fact] = []
    position = 0
    while page := await log.read(connection, position, limit=20_000):
        position = page[-1].position
        facts += page
    breaches = [fact for fact in facts if fact.type == "SlaBreached"]
    by_ticket = Counter(fact.id for fact in breaches)
    late = sorted((fact.recorded_at - fact.occurred_at).total_seconds() * 1_000 for fact in breaches)
    return Found(
        armed_per_second,
        late,
        twice=sum(number > 1 for number in by_ticket.values()),
        lost=clocks - len(by_ticket),
        others=sum(fact.type == "CustomerRegistered" for fact in facts),
    )


async def measure(quick: bool, tell: Tell) -> list[Row]:
    """Both cases: two processes that live, and one of them killed in the middle."""
    clocks, seconds, lead_seconds = (500, 4.0, 20.0) if quick else (10_000, 60.0, 90.0)
    rows = []
    async with postgres() as lease:
        for name, kill in (("two processes", False), ("one of two killed in the middle", True)):
            place = await migrated(lease, f"clock_{int(kill)}")
            found = await run(place.url, clocks, seconds, kill=kill, lead_seconds=lead_seconds)
            assert (found.twice, found.lost) == (0, 0), found
            row = {
                "group": "clock",
                "case": f"{name}, {clocks / seconds:,.0f} due a second",
                "server": "PET",
                "size": clocks,
                "armed_per_second": round(found.armed_per_second),
                "p50_ms": round(found.share(0.5), 1),
                "p99_ms": round(found.share(0.99), 1),
                "most_ms": round(found.lateness_ms[-1], 1),
                "others": found.others,
            }
            tell(
                f"{row['case']:50} of {clocks:,}: late p50 {row['p50_ms']} ms, p99 {row['p99_ms']} ms, at most"
                f" {row['most_ms']} ms; recorded once: {clocks:,}, lost: 0; armed {row['armed_per_second']:,}/s;"
                f" {found.others:,} other commands meanwhile"
            )
            rows.append(row)
    return rows


if __name__ == "__main__":
    if "--serve" in sys.argv:
        uvloop.run(serve(sys.argv[-1]))
    else:
        uvloop.run(measure("--quick" in sys.argv, print))
