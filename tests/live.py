"""Parts of PET that run beside a test: tasks, a feed that reads, a whole process on the wall clock; and how to wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import asyncpg

from pet_graph import database
from pet_graph.clock import Clock
from pet_graph.events.base import Fact
from pet_graph.feed import Feed
from pet_graph.turn import Turns

PATIENCE_SECONDS = 30
"""How long a test waits for what must come, before it says that it never came."""


def wall_clock() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def running(*work: Coroutine[Any, Any, Any]) -> AsyncIterator[list[asyncio.Task[Any]]]:
    """Tasks that run until the block ends; one that ended by itself fails the test with what ended it."""
    tasks = [asyncio.create_task(one) for one in work]
    try:
        yield tasks
        assert [task for task in tasks if task.done()] == []
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def live(feed: Feed) -> AsyncIterator[Feed]:
    await feed.start()
    async with running(feed.run()):
        yield feed


async def take(feed: Feed, number: int, after: int | None = None) -> list[Fact]:
    """So many facts, as a follower gets them."""
    facts = []
    async with asyncio.timeout(PATIENCE_SECONDS), aclosing(feed.follow(after)) as following:
        async for fact in following:
            facts.append(fact)
            if len(facts) == number:
                break
    return facts


async def until(so: Callable[[], Awaitable[bool] | bool]) -> None:
    """Wait for something to become so."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            is_so = so()
            if is_so if isinstance(is_so, bool) else await is_so:
                return
            await asyncio.sleep(0.01)


@dataclass
class Process:
    """What one server process runs beside its transport, on the wall clock."""

    pool: asyncpg.Pool[Any]
    turns: Turns
    feed: Feed
    clock: Clock


@asynccontextmanager
async def a_process(url: str, make_turns: type[Turns] = Turns) -> AsyncIterator[Process]:
    """A process that records and follows; `clock.run()` is for the test to start."""
    async with database.pool(url, 4) as pool:
        turns = make_turns(lambda: database.connect(url), wall_clock)
        async with live(Feed(pool, url, poll_seconds=0.5)) as feed, running(turns.run()):
            yield Process(pool, turns, feed, Clock(pool, turns, feed, wall_clock))
