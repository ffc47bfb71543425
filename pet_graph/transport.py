"""GraphQL on the wire: HTTP, server-sent events and WebSockets, with the same rules for all three.

Who asks is known before anything is parsed; requests have a size limit; a socket closes when its token expires.
"""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import orjson
from asyncpg import PostgresError
from cross_web import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.schema.exceptions import InvalidOperationTypeError
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType

from . import database
from .authority import scope_of
from .context import Context, Services
from .entities import Entities
from .graph import checked, schema
from .groups import Groups
from .planner import NotPlanned, Planner, Prepared
from .requests import RESPONSE_TYPE, Operation, answer, body_of, head_of, operation_of, refuse, replayed
from .sockets import Sockets
from .streams import Inbox, Stream, with_pauses
from .tokens import Unauthenticated, Verifier, Viewer

logger = logging.getLogger(__name__)

GRAPHQL_SSE_PROTOCOL = "graphql-sse"


@dataclass(frozen=True)
class Planned:
    """What the planner has answered of an operation whose other root fields run on strawberry."""

    keys: tuple[str, ...]
    answers: dict[str, bytes]
    now: datetime

    def with_the_rest(self, data: dict[str, Any]) -> dict[str, Any]:
        """All root fields in the order asked."""
        answers = self.answers
        return {key: orjson.Fragment(answers[key]) if key in answers else data[key] for key in self.keys}


class PetGraphQL(GraphQL[Context, None]):
    """strawberry's ASGI view with PET's rules."""

    def __init__(
        self,
        services: Services,
        verifier: Verifier,
        *,
        body_limit_bytes: int,
        allowed_origins: list[str],
        backlog: int = 10_000,
        reader: database.Reader | None = None,
    ) -> None:
        super().__init__(
            schema,
            graphql_ide=None,
            subscription_protocols=(GRAPHQL_SSE_PROTOCOL,),
            allowed_origins=allowed_origins,
        )
        self.services, self.verifier, self.body_limit_bytes = services, verifier, body_limit_bytes
        self.reader = reader or services.pool
        self.planner, self.entities = Planner(schema, checked), Entities(schema, self.reader)
        self.backlog, self.groups = backlog, Groups(services, self.entities)
        self.sockets = Sockets(self.groups, verifier.viewer, services, backlog=backlog)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._connect(scope, receive, send)
            return
        head = head_of(scope)
        try:
            known = self.verifier.believed(head.authorization)
            viewer = scope["viewer"] = known or await self.verifier.viewer(head.authorization)
            body = await body_of(scope, receive, self.body_limit_bytes)
            prepared = self._prepared(viewer, body) if head.is_plain and scope["method"] == "POST" else None
            data = None if prepared is None else await self._planned(prepared, scope)
            if data is not None:
                await answer(scope, send, [b'{"data":', *data, b"}"], head.media_type)
                return
            response = await self.run(Request(scope, replayed(body, receive)))
            await response(scope, receive, send)
        except Unauthenticated as unknown:
            await refuse(scope, send, head.media_type, 401, "UNAUTHENTICATED", str(unknown))
        except HTTPException as refused:
            await refuse(scope, send, head.media_type, refused.status_code, "BAD_REQUEST", refused.reason)
        except ClientDisconnect:
            return

    async def _connect(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._check_websocket_origin(WebSocket(scope, receive, send)):
            await self.sockets.serve(scope, receive, send)
        else:
            await self.reject_websocket(WebSocket(scope, receive, send))

    async def _planned(self, prepared: Prepared, scope: Scope) -> list[bytes] | None:
        """The value of `data`, in pieces. None when strawberry has to answer the rest of it, or all."""
        now = self.services.now()
        try:
            if not prepared.left:
                return await prepared.run(self.reader, now)
            scope["planned"] = Planned(prepared.plan.keys, await prepared.answers(self.reader, now), now)
        except (*database.LOST, PostgresError) as failed:
            # Strawberry asks in its own way, and tells the client what is wrong if that is so again.
            logger.log(_gravity(failed), "a planned statement failed: %r", failed)
        return None

    def _prepared(self, viewer: Viewer, body: bytes) -> Prepared | None:
        """The statement that answers a query or a part of it; None for whatever strawberry has to see."""
        asked = operation_of(body)
        if asked is None:
            return None
        try:
            scope = scope_of(viewer.roles)
            return self.planner.planned(asked.query, asked.operation_name, asked.variables or {}, scope)
        except NotPlanned:
            return None

    async def get_context(self, request: Request | WebSocket, response: Any) -> Context:
        planned: Planned | None = request.scope.get("planned")
        if planned is None:
            return Context(self.services, request.scope["viewer"], entities=self.entities)
        services = replace(self.services, now=lambda: planned.now)
        return Context(services, request.scope["viewer"], answered=frozenset(planned.answers))

    def should_render_graphql_ide(self, request: Any) -> bool:
        return False

    async def parse_http_body(self, request: Any) -> Any:
        data = await super().parse_http_body(request)
        if not isinstance(getattr(data, "operation_name", None), str | None):
            raise HTTPException(400, "`operationName` must be a string or null, if provided.")
        return data

    async def execute_single(self, **given: Any) -> ExecutionResult:  # type: ignore[override]
        try:
            result = await super().execute_single(**given)
            planned: Planned | None = given["request"].scope.get("planned")
            if planned is not None and result.data is not None:
                result.data = planned.with_the_rest(result.data)
            return result
        except HTTPException as refused:
            cause = refused.__cause__
            if isinstance(cause, InvalidOperationTypeError) and cause.operation_type is OperationType.SUBSCRIPTION:
                raise HTTPException(400, "A subscription needs Accept: text/event-stream, or a WebSocket.") from cause
            raise

    async def execute_operation(self, **given: Any) -> Any:  # type: ignore[override]
        """Streams are ours, so that they share what is equal; all else is strawberry's."""
        data, viewer = given["request_data"], given["context"].known_viewer
        transport = None if isinstance(data, list) else self._get_stream_transport(data.protocol)
        if transport is None:
            return await super().execute_operation(**given)
        inbox = Inbox(self.groups, self.services, viewer, self.backlog)
        allowed = transport.allowed_operation_types(OperationType.from_http(given["request_adapter"].method))
        return inbox.bodies(Operation(data.query, data.operation_name, data.variables), allowed)

    def _stream_result(self, request: Request, result: Any, transport: Any) -> Callable[[], AsyncGenerator[str, None]]:
        async def stream() -> AsyncGenerator[str, None]:
            async with aclosing(with_pauses(result, transport.heartbeat_interval)) as bodies:
                async for body in bodies:
                    if body is None:
                        yield transport.heartbeat_message(self.encode_json)
                    else:
                        yield transport.encode_event("next", body.decode())
            yield transport.encode_complete()

        return stream

    async def create_streaming_response(
        self, request: Any, stream: Any, sub_response: Response, headers: Any
    ) -> Response:
        return Stream(stream(), headers={**sub_response.headers, **headers})

    async def get_sub_response(self, request: Request | WebSocket) -> Response:
        """Carries the media type that the client wants to where the response is made."""
        response: Response = await super().get_sub_response(request)
        response.media_type = head_of(request.scope).media_type
        return response

    def encode_json(self, data: object) -> str:
        return orjson.dumps(data).decode()

    def decode_json(self, data: str | bytes) -> object:
        try:
            return orjson.loads(data)
        except orjson.JSONDecodeError as error:
            raise json.JSONDecodeError(error.msg, error.doc, error.pos) from error

    def create_response(self, response_data: Any, sub_response: Response) -> Response:
        """Without data because the request itself was wrong, it is a 400 for clients that know of such responses."""
        wrong = response_data.get("data") is None and not any(
            "path" in error for error in response_data.get("errors", ())
        )
        if knows := sub_response.media_type == RESPONSE_TYPE:
            response_data = {key: value for key, value in response_data.items() if key != "data" or not wrong}
        response: Response = super().create_response(response_data, sub_response)
        response.status_code = 400 if knows and wrong else 200
        response.headers["content-type"] = f"{sub_response.media_type}; charset=utf-8"
        response.headers["cache-control"] = "no-store"
        return response


def _gravity(failed: Exception) -> int:
    """A statement that PostgreSQL refuses is a mistake of ours; a database that is away, or hands over, is not."""
    if isinstance(failed, database.NOT_IN_SQL):
        return logging.DEBUG
    return logging.WARNING if isinstance(failed, database.LOST) else logging.ERROR
