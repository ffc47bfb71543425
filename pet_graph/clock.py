"""The deadlines path: what falls due is recorded as a fact, by the turn, once, however many processes run.

A process sleeps until the next due instant, or until new facts may have brought an earlier one. Waking, it asks for a
turn; whoever has the turn finds what is due and records it, and the next one finds nothing left.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from datetime import datetime
from typing import Any

import asyncpg

from . import metrics
from .database import LOST
from .decisions import Outcome, Recorded
from .events.base import Fact
from .events.reactions import DEADLINES
from .events.verdicts import SlaBreached, SlaWarned
from .feed import Feed
from .projections.streams import noun_of
from .turn import Turns, Unavailable

logger = logging.getLogger(__name__)

LONGEST_SLEEP_SECONDS = 60.0
RETRY_SECONDS = 0.5
STUCK_SECONDS = 5.0
"""How long to leave alone what is due and cannot be recorded; what falls due meanwhile is recorded in time."""

NEXT = "select min(due_at) from deadlines where due_at > coalesce($1, '-infinity'::timestamptz)"


class Clock:
    """The clock of one process. It follows the feed, which must have been started."""

    def __init__(self, pool: asyncpg.Pool[Any], turns: Turns, feed: Feed, now: Callable[[], datetime]) -> None:
        self._pool, self._turns, self._feed, self._now = pool, turns, feed, now
        self._news = asyncio.Event()
        self._in_vain_until: datetime | None = None
        self._try_again_at = 0.0

    async def run(self) -> None:
        """Record what falls due, until cancelled."""
        watching = asyncio.create_task(self._watch(self._feed.follow()))
        try:
            while True:
                self._news.clear()
                try:
                    await self._sleep(await self._record_due())
                except (*LOST, Unavailable) as lost:
                    logger.warning("clock cannot look: %r", lost)
                    await asyncio.sleep(RETRY_SECONDS)
                except Exception:
                    logger.exception("what is due cannot be recorded")
                    await asyncio.sleep(STUCK_SECONDS)
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching

    async def _record_due(self) -> float:
        """Record what is due; returns the seconds until there is reason to look again."""
        seen_at = None
        while True:
            now = self._now()
            due_at = await self._next_due_at()
            seconds = LONGEST_SLEEP_SECONDS if due_at is None else (due_at - now).total_seconds()
            if seconds > 0:
                return min(seconds, STUCK_SECONDS if self._in_vain_until else LONGEST_SLEEP_SECONDS)
            outcomes = await self._turns.record_due()
            self._measure(outcomes)
            if any(map(_is_new, outcomes)):
                continue
            if outcomes:
                logger.error("what was due at %s cannot be recorded: %s", due_at, outcomes[0])
            # Nothing was left when another process was quicker; then the second look finds something else.
            if outcomes or due_at == seen_at:
                self._in_vain_until, self._try_again_at = now, asyncio.get_running_loop().time() + STUCK_SECONDS
            seen_at = due_at

    async def _next_due_at(self) -> datetime | None:
        """The earliest deadline, apart from those that were tried in vain a moment ago."""
        if asyncio.get_running_loop().time() >= self._try_again_at:
            self._in_vain_until = None
        due_at: datetime | None = await self._pool.fetchval(NEXT, self._in_vain_until)
        return due_at

    async def _sleep(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._news.wait()

    async def _watch(self, facts: AsyncGenerator[Fact, None]) -> None:
        """New facts may have brought an earlier deadline, recorded here or by another process."""
        while True:
            try:
                async with aclosing(facts):
                    async for fact in facts:
                        if noun_of(fact.stream) in DEADLINES:
                            self._news.set()
            except Exception as lost:
                logger.warning("clock no longer hears of new deadlines, and begins anew: %r", lost)
            facts = self._feed.follow()
            self._news.set()
            await asyncio.sleep(RETRY_SECONDS)

    def _measure(self, outcomes: list[Outcome]) -> None:
        now = self._now()
        for outcome in outcomes:
            for fact in outcome.facts if isinstance(outcome, Recorded) and not outcome.repeated else ():
                if isinstance(fact.event, SlaWarned | SlaBreached):
                    metrics.DEADLINE_LATENESS_SECONDS.observe((now - fact.occurred_at).total_seconds())


def _is_new(outcome: Outcome) -> bool:
    return isinstance(outcome, Recorded) and bool(outcome.facts) and not outcome.repeated
