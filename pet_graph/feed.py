"""The live path: one reader a process follows the log and wakes everyone who follows it here.

The bell only says "look". It is rung by the turn (`pg_notify`, in its transaction), heard through broadcaster on one
fixed channel, replaced when its connection dies, and backed by a poll: a lost bell costs a moment, never a fact.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from typing import Any

import asyncpg
from broadcaster import Broadcast

from . import log, metrics
from .database import LOST
from .events.base import Fact
from .turn import CHANNEL

logger = logging.getLogger(__name__)

OLDEST_PAGE = 500
WATCH_SECONDS = 0.5
RETRY_SECONDS = 0.5
READ_SECONDS = 30.0
"""A read that takes longer is given up and tried again: its connection may be dead without anybody saying so."""

CaughtUp = Callable[[int], None]


class Follower:
    """One place in the log, and the event that says that the log goes on."""

    def __init__(self, position: int) -> None:
        self.position = position
        self.wake = asyncio.Event()


class Feed:
    """The newest facts of the log, kept in a ring, and those who follow them. `start` comes first, then `run`."""

    def __init__(
        self, pool: asyncpg.Pool[Any], bell_url: str, *, ring_size: int = 10_000, poll_seconds: float = 1.0
    ) -> None:
        self._pool, self._bell_url, self._poll_seconds = pool, bell_url, poll_seconds
        self._ring: deque[Fact] = deque(maxlen=ring_size)
        # A page as large as the ring would push out what no follower had the chance to read.
        self._page = max(1, min(log.READ_LIMIT, ring_size // 4))
        self._followers: set[Follower] = set()
        self._rung = asyncio.Event()
        self._started = False
        self.position = 0

    @property
    def followers(self) -> int:
        return len(self._followers)

    # --- reading --------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Read where the log ends, which is where "now" is for those who follow from now on."""
        self.position = await log.last_position(self._pool)
        self._started = True

    async def run(self) -> None:
        """Read new facts whenever the bell rings, and every `poll_seconds` in case it did not; until cancelled."""
        bell = asyncio.create_task(self._listen())
        try:
            while True:
                self._rung.clear()
                try:
                    await self._read()
                except Exception as lost:
                    logger.warning("feed cannot read: %r", lost)
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._poll_seconds):
                        await self._rung.wait()
        finally:
            bell.cancel()
            with suppress(asyncio.CancelledError):
                await bell

    async def _read(self) -> None:
        while facts := await self._facts_after(self.position, self._page):
            self._ring.extend(facts)
            self.position = facts[-1].position
            metrics.FEED_POSITION.set(self.position)
            for follower in self._followers:
                follower.wake.set()

    async def _facts_after(self, position: int, limit: int, until: int | None = None) -> list[Fact]:
        async with asyncio.timeout(READ_SECONDS):
            return await log.read(self._pool, position, until=until, limit=limit)

    async def _listen(self) -> None:
        """Hear the bell; when its connection dies, set it up again."""
        while True:
            try:
                async with Broadcast(self._bell_url) as bell, bell.subscribe(CHANNEL) as rings:
                    self._rung.set()
                    await self._hear(bell, rings)
            except Exception as lost:
                # Cancelled while it subscribes, broadcaster raises a KeyError in place of the cancellation.
                if (me := asyncio.current_task()) and me.cancelling():
                    raise asyncio.CancelledError from lost
                logger.warning("bell lost: %r", lost)
            metrics.BELL_LOST.inc()
            await asyncio.sleep(WATCH_SECONDS)

    async def _hear(self, bell: Broadcast, rings: Any) -> None:
        """Return when the listener or its connection is dead, which broadcaster itself would never tell."""
        while _is_alive(bell):
            with suppress(TimeoutError):
                async with asyncio.timeout(WATCH_SECONDS):
                    await rings.get()
                # The queue has no bound, and many rings say no more than one.
                while not rings._queue.empty():
                    rings._queue.get_nowait()
                self._rung.set()

    # --- following ------------------------------------------------------------------------------------------------

    def follow(self, after: int | None = None, *, caught_up: CaughtUp | None = None) -> AsyncGenerator[Fact, None]:
        """Every fact after a position (or after the moment of this call), in order, without loss or repeat, for ever.

        What has left the ring comes from the log, so that a follower may take its time. With `caught_up` it ends as
        soon as it has every fact that the feed has: that is called with its position at this very moment.
        Close it (`aclosing`).
        """
        if not self._started:
            raise RuntimeError("the feed was not started: it does not know yet where the log ends")
        return self._follow(Follower(self.position if after is None else after), caught_up)

    async def _follow(self, follower: Follower, caught_up: CaughtUp | None) -> AsyncGenerator[Fact, None]:
        self._followers.add(follower)
        metrics.FEED_FOLLOWERS.inc()
        try:
            while True:
                follower.wake.clear()
                for fact in await self._next(follower):
                    yield fact
                    follower.position = fact.position
                if follower.position < self.position:
                    continue
                if caught_up:
                    caught_up(follower.position)
                    return
                await follower.wake.wait()
        finally:
            self._followers.discard(follower)
            metrics.FEED_FOLLOWERS.dec()

    async def _next(self, follower: Follower) -> list[Fact]:
        missing = self.position - follower.position
        if missing <= 0:
            return []
        if missing <= len(self._ring):
            oldest = len(self._ring) - missing
            return [self._ring[index] for index in range(oldest, min(oldest + OLDEST_PAGE, len(self._ring)))]
        return await self._history(follower)

    async def _history(self, follower: Follower) -> list[Fact]:
        while True:
            try:
                return await self._facts_after(follower.position, OLDEST_PAGE, until=self.position)
            except LOST as lost:
                logger.warning("history cannot be read: %r", lost)
                await asyncio.sleep(RETRY_SECONDS)


def _is_alive(bell: Broadcast) -> bool:
    connection = getattr(bell._backend, "_conn", None)
    is_closed = getattr(connection, "is_closed", None)
    return not bell._listener_task.done() and not (is_closed and is_closed())
