"""Server-sent events: one response, one operation, until the client goes or the operation ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from functools import partial
from typing import Any, TypeVar

import orjson
from anyio import CancelScope
from starlette.responses import StreamingResponse
from starlette.types import Send
from strawberry.types.graphql import OperationType

from .context import EXPIRED, Services
from .groups import Group, Groups, encoded
from .outbox import Backlog
from .requests import Operation
from .standing import REVOKED
from .tokens import Viewer

T = TypeVar("T")
TOO_SLOW = "You read too slowly. Subscribe again with your last cursor; nothing is lost."


class Inbox:
    """A member of a group that takes what there is whenever its client is ready for more."""

    def __init__(self, groups: Groups, services: Services, viewer: Viewer, backlog: int) -> None:
        self.group: Group | None = None
        self.since = 0
        self._groups, self._services = groups, services
        # The body was waited for since the token was looked at.
        self._viewer = services.standing.of(viewer)
        self._backlog = Backlog(backlog)
        self._last_word: bytes | None = None
        self._ended = False
        self._news = asyncio.Event()

    async def bodies(self, asked: Operation, allowed: Iterable[OperationType]) -> AsyncGenerator[bytes, None]:
        """Every result of an operation, as JSON."""
        unwatch = self._services.standing.watch(
            self._viewer, partial(self.refuse, REVOKED, "FORBIDDEN", retryable=True)
        )
        try:
            async with aclosing(self._groups.alone(asked, self._viewer, self, allowed)) as results:
                async for result in results:
                    if self._ended:
                        break
                    yield encoded(result)
            if self.group or self._ended:
                async with aclosing(self._delivered()) as bodies:
                    async for body in bodies:
                        yield body
        finally:
            self._groups.leave(self)
            if unwatch:
                unwatch()

    async def _delivered(self) -> AsyncGenerator[bytes, None]:
        expiry = self._expiry()
        try:
            while True:
                self._news.clear()
                while self._backlog:
                    yield self._backlog.next()
                if self._ended:
                    break
                await self._news.wait()
        finally:
            if expiry:
                expiry.cancel()
        if self._last_word:
            yield self._last_word

    def _expiry(self) -> asyncio.TimerHandle | None:
        if self._viewer.expires_at is None:
            return None
        seconds = max(0.0, self._viewer.expires_at - self._services.now().timestamp())
        return asyncio.get_running_loop().call_later(seconds, self.refuse, EXPIRED, "UNAUTHENTICATED")

    def deliver(self, body: bytes) -> None:
        if self._backlog.keep(body):
            self._news.set()
        else:
            self.refuse(TOO_SLOW, "TOO_SLOW", retryable=True)

    def refuse(self, message: str, code: str, **more: Any) -> None:
        """End with an error, and without what still waits."""
        self._backlog.clear()
        error = {"message": message, "extensions": {"code": code, **more}}
        self._last_word = orjson.dumps({"data": None, "errors": [error]})
        self.end()

    def end(self) -> None:
        self._groups.leave(self)
        self._ended = True
        self._news.set()


class Stream(StreamingResponse):
    """A response that is closed, with all that it comes from, however it ends.

    Left to the garbage collector, as strawberry leaves them, some would follow the feed for ever.
    """

    body_iterator: AsyncGenerator[str, None]

    async def stream_response(self, send: Send) -> None:
        try:
            await super().stream_response(send)
        finally:
            with CancelScope(shield=True):
                await self.body_iterator.aclose()


async def with_pauses(results: AsyncGenerator[T, None], seconds: float) -> AsyncGenerator[T | None, None]:
    """The same results, and None whenever none has come for so long."""
    following = asyncio.ensure_future(anext(results, None))
    try:
        while True:
            await asyncio.wait([following], timeout=seconds)
            if not following.done():
                yield None
            elif (result := following.result()) is None:
                return
            else:
                yield result
                following = asyncio.ensure_future(anext(results, None))
    finally:
        with CancelScope(shield=True):
            following.cancel()
            await asyncio.wait([following])
            await results.aclose()
