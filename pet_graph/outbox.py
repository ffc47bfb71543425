"""What is on its way to one client: sent at once while it reads, kept while it does not, never without bound."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from starlette.types import Message, Send

from . import metrics
from .frames import Write

GONE = (OSError, RuntimeError)
"""What uvicorn raises when it has seen the end of a connection before we have: the former when it is broken, the
latter when it is being closed."""

MOST_BYTES = 1_048_576
"""What is kept for one client at most."""


class Backlog:
    """Texts that wait for one client: so many, of so many bytes, and no more. One always fits, however large."""

    __slots__ = ("_bytes", "_most", "_texts")

    def __init__(self, most: int) -> None:
        self._most, self._bytes = most, 0
        self._texts: deque[bytes] = deque()

    def __len__(self) -> int:
        return len(self._texts)

    def keep(self, text: bytes) -> bool:
        """Whether there was room for it."""
        if self._texts and (len(self._texts) >= self._most or self._bytes + len(text) > MOST_BYTES):
            metrics.SUBSCRIBERS_OVERRUN.inc()
            return False
        self._texts.append(text)
        self._bytes += len(text)
        return True

    def next(self) -> bytes:
        text = self._texts.popleft()
        self._bytes -= len(text)
        return text

    def clear(self) -> None:
        self._texts.clear()
        self._bytes = 0


class Outbox:
    """What is sent over one WebSocket, in order. Nobody who puts something in ever waits for the client.

    `write` sends a text at once or says that it cannot. What it cannot send waits for a task that uses `send`, which
    waits for the client; a server that has no `write` is always sent to in that way.
    """

    __slots__ = ("_backlog", "_close", "_most", "_overrun", "_send", "_sending", "_write", "is_closed")

    def __init__(self, send: Send, write: Write | None, most: int, overrun: Callable[[], None]) -> None:
        self._send, self._write, self._most, self._overrun = send, write, most, overrun
        self._backlog: Backlog | None = None
        self._sending: asyncio.Task[None] | None = None
        self._close: Message | None = None
        self.is_closed = False

    def put(self, text: bytes) -> None:
        """Send a text, or keep it until the client reads again; calls `overrun` when there is too much to keep."""
        if self.is_closed or (self._sending is None and self._write and self._write(text)):
            return
        if self._backlog is None:
            self._backlog = Backlog(self._most)
        if self._backlog.keep(text):
            self._begin()
        else:
            self._overrun()

    def close(self, code: int, reason: str) -> None:
        """Close, once what is on its way has gone; what was kept is not sent."""
        if not self.is_closed:
            self.is_closed, self._backlog = True, None
            self._close = {"type": "websocket.close", "code": code, "reason": reason}
            self._begin()

    def abandon(self) -> None:
        """The connection is no more."""
        self.is_closed, self._backlog = True, None
        if self._sending:
            self._sending.cancel()

    async def drained(self) -> None:
        """Wait until the client has taken everything."""
        while self._sending and not self._sending.done():
            await asyncio.wait([self._sending])

    def _begin(self) -> None:
        if self._sending is None:
            self._sending = asyncio.create_task(self._empty())

    async def _empty(self) -> None:
        try:
            while self._backlog:
                await self._send({"type": "websocket.send", "text": self._backlog.next().decode()})
            if self._close:
                await self._send(self._close)
        except GONE:
            self.is_closed = True
        finally:
            self._backlog = self._sending = None
