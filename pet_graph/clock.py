"""The deadlines path: what falls due is recorded as a fact, by the turn, once, however many processes run.

A process sleeps until the next due instant, or until new facts may have brought an earlier one. Waking, it asks for a
turn; whoever has the turn finds what is due and records it, and the next one finds nothing left.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import datetime
from typing import Any

import asyncpg

from . import metrics
from .decisions import Outcome, Recorded
from .events.slas import SlaBreached, SlaWarned
from .feed import Feed
from .turn import DUE_LIMIT, Turns, Unavailable

logger = logging.getLogger(__name__)

LONGEST_SLEEP_SECONDS = 60.0
RETRY_SECONDS = 0.5


class Clock:
    def __init__(self, pool: asyncpg.Pool[Any], turns: Turns, feed: Feed, now: Callable[[], datetime]) -> None:
        self._pool, self._turns, self._feed, self._now = pool, turns, feed, now
        self._news = asyncio.Event()

    async def run(self) -> None:
        """Record what falls due, until cancelled."""
        watching = asyncio.create_task(self._watch())
        try:
            while True:
                try:
                    await self._sleep(await self._record_due())
                except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, Unavailable) as lost:
                    logger.warning("clock cannot look: %s", lost)
                    await asyncio.sleep(RETRY_SECONDS)
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching

    async def _record_due(self) -> float:
        """Record what is due; returns the seconds until the next deadline."""
        while True:
            self._news.clear()
            due_at = await self._pool.fetchval("select min(due_at) from deadlines")
            if due_at is None:
                return LONGEST_SLEEP_SECONDS
            left: float = (due_at - self._now()).total_seconds()
            if left > 0:
                return min(left, LONGEST_SLEEP_SECONDS)
            outcomes = await self._turns.record_due()
            self._measure(outcomes)
            if outcomes and not any(isinstance(one, Recorded) and not one.repeated for one in outcomes):
                logger.error("deadlines cannot be recorded: %s", outcomes[0])
                return LONGEST_SLEEP_SECONDS
            if len(outcomes) < DUE_LIMIT:
                await asyncio.sleep(0)

    async def _sleep(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), seconds)

    async def _watch(self) -> None:
        """New facts may have brought an earlier deadline, recorded here or by another process."""
        async for _ in self._facts():
            self._news.set()

    async def _facts(self) -> AsyncIterator[Any]:
        async for fact in self._feed.follow():
            if fact.stream.startswith("sla-"):
                yield fact

    def _measure(self, outcomes: list[Outcome]) -> None:
        now = self._now()
        for outcome in outcomes:
            for fact in outcome.facts if isinstance(outcome, Recorded) else ():
                if isinstance(fact.event, SlaWarned | SlaBreached):
                    metrics.DEADLINE_LATENESS_SECONDS.observe((now - fact.occurred_at).total_seconds())
