"""The live path: one reader a process follows the log and wakes everyone who follows it here.

The bell only says "look". It is rung by the turn (`pg_notify`, in its transaction), heard through broadcaster on one
fixed channel, replaced when its connection dies, and backed by a poll: a lost bell costs a moment, never a fact.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

import asyncpg
from broadcaster import Broadcast

from . import log, metrics
from .events.base import Fact
from .turn import CHANNEL

logger = logging.getLogger(__name__)

OLDEST_PAGE = 500
WATCH_SECONDS = 0.5


class TooSlow(Exception):  # noqa: N818 - told to the client, who resumes from its last cursor
    """The follower read so slowly that the facts it still needs have left the ring."""


class Follower:
    """One subscription's place in the log. `overrun` is called once when it falls behind the ring."""

    def __init__(self, position: int, overrun: Callable[[], Awaitable[None]] | None) -> None:
        self.position = position
        self.live = False
        self.too_slow = False
        self.overrun = overrun
        self.wake = asyncio.Event()


class Feed:
    """The newest facts of the log, kept in a ring, and those who follow them."""

    def __init__(
        self, pool: asyncpg.Pool[Any], bell_url: str, *, ring_size: int = 10_000, poll_seconds: float = 1.0
    ) -> None:
        self._pool, self._bell_url, self._poll_seconds = pool, bell_url, poll_seconds
        self._ring: deque[Fact] = deque(maxlen=ring_size)
        self._followers: set[Follower] = set()
        self._rung = asyncio.Event()
        self._closing: set[asyncio.Task[None]] = set()
        self.position = 0

    # --- reading --------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Read new facts whenever the bell rings, and every `poll_seconds` in case it did not."""
        self.position = await log.last_position(self._pool)
        bell = asyncio.create_task(self._listen())
        try:
            while True:
                try:
                    await self._read()
                except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as lost:
                    logger.warning("feed cannot read: %s", lost)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._rung.wait(), self._poll_seconds)
                self._rung.clear()
        finally:
            bell.cancel()
            with suppress(asyncio.CancelledError):
                await bell

    async def _read(self) -> None:
        while facts := await log.read(self._pool, self.position):
            self._ring.extend(facts)
            self.position = facts[-1].position
            metrics.FEED_POSITION.set(self.position)
            self._wake_followers()

    async def _listen(self) -> None:
        """Hear the bell; when its connection dies, set it up again."""
        while True:
            try:
                async with Broadcast(self._bell_url) as bell, bell.subscribe(CHANNEL) as rings:
                    self._rung.set()
                    await self._hear(bell, rings)
            except asyncio.CancelledError:
                raise
            except Exception as lost:
                logger.warning("bell lost: %s", lost)
            metrics.BELL_LOST.inc()
            await asyncio.sleep(WATCH_SECONDS)

    async def _hear(self, bell: Broadcast, rings: Any) -> None:
        """Return when the listener or its connection is dead, which broadcaster itself would never tell."""
        while _is_alive(bell):
            with suppress(TimeoutError):
                await asyncio.wait_for(rings.get(), WATCH_SECONDS)
                while not rings._queue.empty():
                    rings._queue.get_nowait()
                self._rung.set()

    # --- following ------------------------------------------------------------------------------------------------

    async def follow(
        self, after: int | None = None, *, overrun: Callable[[], Awaitable[None]] | None = None
    ) -> AsyncIterator[Fact]:
        """Every fact after a position (or after now), in order, without loss or repeat, for ever.

        History comes from the log, the present from the ring. A follower that has caught up once and then falls
        behind the ring is not silently skipped: `overrun` is called and `TooSlow` raised.
        """
        follower = Follower(self.position if after is None else after, overrun)
        self._followers.add(follower)
        metrics.FEED_FOLLOWERS.inc()
        try:
            while True:
                follower.wake.clear()
                for fact in await self._next(follower):
                    if follower.too_slow:
                        raise TooSlow
                    yield fact
                    follower.position = fact.position
                if follower.position >= self.position:
                    follower.live = True
                    await follower.wake.wait()
        finally:
            self._followers.discard(follower)
            metrics.FEED_FOLLOWERS.dec()

    async def _next(self, follower: Follower) -> list[Fact]:
        if follower.too_slow:
            raise TooSlow
        missing = self.position - follower.position
        if missing <= 0:
            return []
        if missing <= len(self._ring):
            oldest = len(self._ring) - missing
            return [self._ring[index] for index in range(oldest, min(oldest + OLDEST_PAGE, len(self._ring)))]
        return await log.read(self._pool, follower.position, until=self.position, limit=OLDEST_PAGE)

    def _wake_followers(self) -> None:
        behind = self.position - len(self._ring)
        for follower in self._followers:
            if follower.live and follower.position < behind and not follower.too_slow:
                self._overrun(follower)
            follower.wake.set()

    def _overrun(self, follower: Follower) -> None:
        follower.too_slow = True
        metrics.FEED_OVERRUN.inc()
        if follower.overrun:
            task = asyncio.ensure_future(follower.overrun())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)


def _is_alive(bell: Broadcast) -> bool:
    connection = getattr(bell._backend, "_conn", None)
    is_closed = getattr(connection, "is_closed", None)
    return not bell._listener_task.done() and not (is_closed and is_closed())
