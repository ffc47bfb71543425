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
from .events.reactions import DEADLINES, EDITED
from .events.verdicts import SlaBreached, SlaWarned
from .feed import Feed
from .projections.slas import NEXT_DUE
from .projections.streams import noun_of
from .turn import BEGINNING, Due, Turns, Unavailable

logger = logging.getLogger(__name__)

LONGEST_SLEEP_SECONDS = 60.0
RETRY_SECONDS = 0.5
STUCK_SECONDS = 5.0
"""How long to leave alone what is due and cannot be recorded; what falls due meanwhile is recorded in time."""
BEHIND_SECONDS = 0.1
"""How much later a process asks for a turn that found nothing left when it asked last. So one leads, and the others do
not take a turn each for every deadline; when it is slow or gone, they take over."""


class Clock:
    """The clock of one process. It follows the feed, which must have been started."""

    def __init__(self, pool: asyncpg.Pool[Any], turns: Turns, feed: Feed, now: Callable[[], datetime]) -> None:
        self._pool, self._turns, self._feed, self._now = pool, turns, feed, now
        self._news = asyncio.Event()
        self._edited = True
        self._round = Due()
        self._try_again_at: float | None = None
        self._behind = False

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
                    await self._look_anew_in(RETRY_SECONDS)
                except Exception:
                    logger.exception("what is due cannot be recorded")
                    await self._look_anew_in(STUCK_SECONDS)
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching

    async def _look_anew_in(self, seconds: float) -> None:
        """It is not known what was recorded."""
        self._edited, self._round = True, Due()
        await asyncio.sleep(seconds)

    async def _record_due(self) -> float:
        """Record what is due, page after page; returns the seconds until there is reason to look again."""
        seen_at = None
        while True:
            self._begin_anew()
            now = self._now()
            due_at: datetime | None = await self._pool.fetchval(NEXT_DUE, *self._round.after)
            seconds = LONGEST_SLEEP_SECONDS if due_at is None else (due_at - now).total_seconds()
            if seconds > 0 and not self._round.edits:
                if self._try_again_at:
                    return min(seconds, STUCK_SECONDS)
                if self._round.after == BEGINNING:
                    return min(seconds, LONGEST_SLEEP_SECONDS)
                self._round = Due()  # a deadline may have come before the place where this round has ended
                continue
            if self._behind and 0 >= seconds > -BEHIND_SECONDS and not self._round.edits:
                return BEHIND_SECONDS + seconds
            outcomes = await self._turns.record_due(self._round)
            self._behind = seconds <= 0 and not outcomes
            self._measure(outcomes)
            if stuck := [outcome for outcome in outcomes if not _is_new(outcome)]:
                logger.error("of what was due from %s on, %d cannot be recorded: %s", due_at, len(stuck), stuck[0])
                self._try_later()
            elif not outcomes and seconds <= 0 and due_at == seen_at:
                # Another process is quicker or, if it is still there, this clock is ahead of the turn's.
                self._round.after = now, ""
                self._try_later()
            seen_at = due_at

    def _begin_anew(self) -> None:
        """From the first deadline, when it is time to try again what was in vain, or when something was edited."""
        if self._try_again_at and asyncio.get_running_loop().time() >= self._try_again_at:
            self._try_again_at, self._round = None, Due(edits=self._round.edits)
        if self._edited:
            self._edited, self._round = False, Due(self._round.after, edits=True)

    def _try_later(self) -> None:
        """Leave alone what cannot be recorded, and go on with what comes after it."""
        self._try_again_at = self._try_again_at or asyncio.get_running_loop().time() + STUCK_SECONDS

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
                        noun = noun_of(fact.stream)
                        self._edited = self._edited or noun in EDITED
                        if noun in DEADLINES or noun in EDITED:
                            self._news.set()
            except Exception as lost:
                logger.warning("clock no longer hears of new deadlines, and begins anew: %r", lost)
            facts = self._feed.follow()
            self._edited = True
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
