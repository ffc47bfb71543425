"""GraphQL on the wire: HTTP, server-sent events and WebSockets, with the same rules for all three.

Who asks is known before anything is parsed; requests have a size limit; a socket closes when its token expires.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

import orjson
from cross_web import HTTPException
from graphql import GraphQLError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler

from .context import Context, Services
from .graph import schema
from .tokens import Unauthenticated, Verifier

GRAPHQL_SSE_PROTOCOL = "graphql-sse"
INIT_SECONDS = 10
MOST_OPERATIONS = 100
FORBIDDEN = 4403


class Handler(BaseGraphQLTransportWSHandler[Context, None]):
    """graphql-transport-ws, without closing the socket for one bad document and everybody else's subscriptions."""

    @staticmethod
    def _get_pre_execution_close_reason(error: GraphQLError) -> str | None:
        return None

    async def handle(self) -> None:
        try:
            await super().handle()
        finally:
            if self.context.expiry:
                self.context.expiry.cancel()


class PetGraphQL(GraphQL[Context, None]):
    """strawberry's ASGI view with PET's rules."""

    graphql_transport_ws_handler_class = Handler

    def __init__(
        self, services: Services, verifier: Verifier, *, body_limit_bytes: int, allowed_origins: list[str]
    ) -> None:
        super().__init__(
            schema,
            graphql_ide=None,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL, GRAPHQL_SSE_PROTOCOL),
            connection_init_wait_timeout=timedelta(seconds=INIT_SECONDS),
            max_subscriptions_per_connection=MOST_OPERATIONS,
            allowed_origins=allowed_origins,
        )
        self.services, self.verifier, self.body_limit_bytes = services, verifier, body_limit_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        try:
            viewer = await self.verifier.viewer(Request(scope).headers.get("authorization"))
            body = await self._body(scope, receive)
        except Unauthenticated as unknown:
            refusal = _refusal(401, "UNAUTHENTICATED", str(unknown))
            refusal.headers["WWW-Authenticate"] = "Bearer"
            await refusal(scope, receive, send)
            return
        except HTTPException as refused:
            await _refusal(refused.status_code, "BAD_REQUEST", refused.reason)(scope, receive, send)
            return
        scope["viewer"] = viewer
        request = Request(scope, _replayed(body, receive))
        try:
            response = await self.run(request)
        except HTTPException as refused:
            response = _refusal(refused.status_code, "BAD_REQUEST", refused.reason)
        await response(scope, receive, send)

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        """The whole body, unless it is too large or not a JSON object. Raises HTTPException."""
        body = bytearray()
        async for chunk in Request(scope, receive).stream():
            body += chunk
            if len(body) > self.body_limit_bytes:
                raise HTTPException(413, f"The request is larger than {self.body_limit_bytes} bytes.")
        if scope["method"] == "POST" and not bytes(body[:64]).lstrip().startswith(b"{"):
            raise HTTPException(400, "Send a JSON object with `query`, as application/json.")
        return bytes(body)

    async def get_context(self, request: Request | WebSocket, response: Any) -> Context:
        if isinstance(request, WebSocket):
            return Context(self.services, websocket=request)
        return Context(self.services, request.scope["viewer"])

    async def on_ws_connect(self, context: Context) -> Any:
        """Who opened this socket: by the header, or by `authorization` in `connection_init`."""
        params = context.connection_params or {}
        authorization = context.websocket.headers.get("authorization") or params.get("authorization")
        try:
            context.viewer = await self.verifier.viewer(authorization if isinstance(authorization, str) else None)
        except Unauthenticated as unknown:
            raise ConnectionRejectionError from unknown
        if context.viewer.expires_at is not None:
            context.expiry = asyncio.create_task(_close_when_expired(context.websocket, context.viewer.expires_at))
        return await super().on_ws_connect(context)

    def encode_json(self, data: object) -> str:
        return orjson.dumps(data).decode()

    def decode_json(self, data: str | bytes) -> object:
        try:
            return orjson.loads(data)
        except orjson.JSONDecodeError as error:
            raise json.JSONDecodeError(error.msg, error.doc, error.pos) from error

    def create_response(self, response_data: Any, sub_response: Response) -> Response:
        response: Response = super().create_response(response_data, sub_response)
        response.headers["cache-control"] = "no-store"
        return response


async def _close_when_expired(websocket: WebSocket, expires_at: float) -> None:
    await asyncio.sleep(max(0, expires_at - time.time()))
    with suppress(RuntimeError):
        await websocket.close(code=FORBIDDEN, reason="The token has expired: connect again with a new one.")


def _refusal(status: int, code: str, message: str) -> Response:
    content: Mapping[str, Any] = {"errors": [{"message": message, "extensions": {"code": code}}]}
    return Response(orjson.dumps(content), status_code=status, media_type="application/json")


def _replayed(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body that was read already, then goes on with what comes (the disconnect)."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
