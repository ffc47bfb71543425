"""graphql-transport-ws: one WebSocket, many operations.

https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md. A document that is wrong ends itself and never the
socket; a client that breaks the protocol is closed with the code that the protocol says.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from functools import partial
from typing import Any

import msgspec
import orjson
from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope, Send
from strawberry.types.execution import PreExecutionError

from .context import Services
from .frames import EXTENSION
from .groups import Group, Groups, encoded
from .outbox import Outbox
from .requests import Operation
from .standing import REVOKED
from .tokens import Unauthenticated, Viewer

PROTOCOL = "graphql-transport-ws"
INIT_SECONDS = 10.0
MOST_OPERATIONS = 100
INVALID, UNAUTHORIZED, FORBIDDEN, UNACCEPTABLE, LATE, TAKEN, TOO_MANY = 4400, 4401, 4403, 4406, 4408, 4409, 4429
TOO_SLOW = 4499
"""Our own code; like 4403, and unlike most others, clients take it for a reason to connect again."""

logger = logging.getLogger(__name__)


class Subscriber:
    """One operation of one socket; while it is a subscription that has caught up, a member of a group."""

    __slots__ = ("_outbox", "_prefix", "_socket", "group", "id", "since", "task")

    def __init__(self, socket: Socket, id_: str) -> None:
        self._socket, self._outbox, self.id = socket, socket.outbox, id_
        self.group: Group | None = None
        self.since = 0
        self.task: asyncio.Task[None] | None = None
        self._prefix = b'{"id":%b,"type":"next","payload":' % orjson.dumps(id_)

    def deliver(self, body: bytes) -> None:
        self._outbox.put(b"%b%b}" % (self._prefix, body))

    def end(self) -> None:
        self._socket.complete(self)


class Sockets:
    """What all sockets of a process have in common."""

    def __init__(
        self,
        groups: Groups,
        verify: Callable[[str | None], Awaitable[Viewer]],
        services: Services,
        *,
        backlog: int,
    ) -> None:
        self.groups, self.verify, self.backlog = groups, verify, backlog
        self.services, self.standing = services, services.standing
        self.init_seconds = INIT_SECONDS

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection, from its opening to its end."""
        await receive()
        spoken = PROTOCOL in scope["subprotocols"]
        await send({"type": "websocket.accept", "subprotocol": PROTOCOL if spoken else None, "headers": []})
        if spoken:
            authorization = Headers(scope=scope).get("authorization")
            outbox = partial(Outbox, send, scope.get("extensions", {}).get(EXTENSION), self.backlog)
            await Socket(self, authorization, outbox).run(receive)
        else:
            await send({"type": "websocket.close", "code": UNACCEPTABLE, "reason": "Subprotocol not acceptable"})


class Socket:
    """One connection that speaks the protocol."""

    __slots__ = ("_authorization", "_expiry", "_late", "_operations", "_shared", "_unwatch", "_viewer", "outbox")

    def __init__(
        self, shared: Sockets, authorization: str | None, outbox: Callable[[Callable[[], None]], Outbox]
    ) -> None:
        self._shared, self._authorization = shared, authorization
        self._viewer: Viewer | None = None
        self._operations: dict[str, Subscriber] = {}
        self._expiry: asyncio.TimerHandle | None = None
        self._unwatch: Callable[[], None] | None = None
        self._late: asyncio.TimerHandle | None = asyncio.get_running_loop().call_later(
            shared.init_seconds, self.close, LATE, "Connection initialisation timeout"
        )
        self.outbox = outbox(self._overrun)

    async def run(self, receive: Receive) -> None:
        """Hear what the client says until the connection ends."""
        try:
            while (event := await receive())["type"] != "websocket.disconnect":
                if not self.outbox.is_closed:
                    await self._hear(event)
        finally:
            self._let_go()
            self.outbox.abandon()

    def close(self, code: int, reason: str) -> None:
        """End everything, and tell the client why."""
        self._let_go()
        self.outbox.close(code, reason)

    def _overrun(self) -> None:
        self.close(TOO_SLOW, "Too slow: subscribe again with your last cursor.")

    def _let_go(self) -> None:
        for timer in (self._late, self._expiry):
            if timer:
                timer.cancel()
        if self._unwatch:
            self._unwatch()
        for operation in list(self._operations.values()):
            self._stop(operation)

    # --- hearing ------------------------------------------------------------------------------------------------------

    async def _hear(self, event: Message) -> None:
        if event.get("text") is None:
            self.close(INVALID, "WebSocket message type must be text")
            return
        try:
            message = orjson.loads(event["text"])
        except orjson.JSONDecodeError:
            self.close(INVALID, "WebSocket message must be valid JSON")
            return
        match message:
            case {"type": "connection_init"}:
                await self._begin(message.get("payload", {}))
            case {"type": "ping"}:
                self.outbox.put(b'{"type":"pong"}')
            case {"type": "pong"}:
                pass
            case {"type": "subscribe", "id": str(id_), "payload": payload}:
                self._subscribe(id_, payload)
            case {"type": "complete", "id": str(id_)}:
                if id_ in self._operations:
                    self._stop(self._operations[id_])
            case _:
                self.close(INVALID, "Failed to parse message")

    async def _begin(self, payload: Any) -> None:
        if not isinstance(payload, dict):
            self.close(INVALID, "Invalid connection init payload")
        elif self._late is None:
            self.close(TOO_MANY, "Too many initialisation requests")
        else:
            self._late.cancel()
            self._late = None
            await self._let_in(self._authorization or payload.get("authorization"))

    async def _let_in(self, authorization: object) -> None:
        """Who opened this socket: by the header, or by `authorization` in `connection_init`."""
        try:
            self._viewer = await self._shared.verify(authorization if isinstance(authorization, str) else None)
        except Unauthenticated:
            self.close(FORBIDDEN, "Forbidden")
            return
        if self._viewer.expires_at is not None:
            seconds = max(0.0, self._viewer.expires_at - self._shared.services.now().timestamp())
            self._expiry = asyncio.get_running_loop().call_later(
                seconds, self.close, FORBIDDEN, "The token has expired: connect again with a new one."
            )
        self._unwatch = self._shared.standing.watch(self._viewer, partial(self.close, FORBIDDEN, REVOKED))
        self.outbox.put(b'{"type":"connection_ack"}')

    # --- operations ---------------------------------------------------------------------------------------------------

    def _subscribe(self, id_: str, payload: object) -> None:
        try:
            asked = msgspec.convert(payload, Operation)
        except msgspec.ValidationError:
            self.close(INVALID, "Failed to parse message")
            return
        if self._viewer is None:
            self.close(UNAUTHORIZED, "Unauthorized")
        elif id_ in self._operations:
            self.close(TAKEN, f"Subscriber for {id_} already exists")
        elif len(self._operations) >= MOST_OPERATIONS:
            self._say("error", id_, [{"message": "Subscription limit reached"}])
        else:
            operation = self._operations[id_] = Subscriber(self, id_)
            if not self._shared.groups.join_at_once(asked, self._viewer, operation):
                operation.task = asyncio.create_task(self._run(operation, asked, self._viewer))

    async def _run(self, operation: Subscriber, asked: Operation, viewer: Viewer) -> None:
        """Everything that this operation gets by itself."""
        try:
            async with aclosing(self._shared.groups.alone(asked, viewer, operation)) as results:
                async for result in results:
                    if isinstance(result, PreExecutionError):
                        self._forget(operation)
                        self._say("error", operation.id, [error.formatted for error in result.errors or ()])
                        return
                    operation.deliver(encoded(result))
                    await self.outbox.drained()
        except Exception:
            logger.exception("an operation has failed")
        operation.task = None
        if operation.group is None:
            self.complete(operation)

    def complete(self, operation: Subscriber) -> None:
        """Tell the client that this was all."""
        self._forget(operation)
        self._say("complete", operation.id)

    def _stop(self, operation: Subscriber) -> None:
        self._forget(operation)
        if operation.task:
            operation.task.cancel()

    def _forget(self, operation: Subscriber) -> None:
        self._operations.pop(operation.id, None)
        self._shared.groups.leave(operation)

    def _say(self, kind: str, id_: str, payload: Any = None) -> None:
        message = {"id": id_, "type": kind} | ({} if payload is None else {"payload": payload})
        self.outbox.put(orjson.dumps(message))
