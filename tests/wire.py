"""Real servers on free ports of this process, and the clients that talk to them over sockets."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import uvicorn
from api import DESK, RECORD_ALL, Json, now
from gql import Client, GraphQLRequest
from gql.transport.websockets import WebsocketsTransport
from httpx_sse import EventSource, aconnect_sse
from prometheus_client import REGISTRY
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from pet_graph import frames, responses
from pet_graph.app import create_app
from pet_graph.config import Settings
from pet_graph.tokens import issue, local_key
from pet_graph.turn import Turns

PROTOCOL: Any = "graphql-transport-ws"
PATIENCE_SECONDS = 20.0


class _Uvicorn(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals stay with pytest, however many servers run in its process."""
        yield

    async def main_loop(self) -> None:
        """Look for the end more often than ten times a second."""
        while not self.should_exit:  # noqa: ASYNC110 - uvicorn has a flag for it, not an event
            await asyncio.sleep(0.01)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        except SystemExit as error:
            raise RuntimeError("the server did not start") from error


@dataclass
class Server:
    """A server in this process, and what is needed to talk to it."""

    port: int
    data: Path
    process: Any
    uvicorn: uvicorn.Server

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def socket_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/graphql"

    @property
    def turns(self) -> Turns:
        turns: Turns = self.process.services.turns
        return turns

    def kill_connections(self) -> None:
        """Break every connection without a word."""
        for connection in list(self.uvicorn.server_state.connections):
            connection.transport.abort()

    def token(
        self, *roles: Any, name: str = "tester", lifetime: timedelta | None = None, system: str | None = None
    ) -> str:
        return issue(local_key(self.data), name, [*(roles or DESK)], now=now(), lifetime=lifetime, system=system)

    def bearer(self, *roles: Any, name: str = "tester") -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(*roles, name=name)}"}

    def http(self, *roles: Any, headers: dict[str, str] | None = None) -> httpx.AsyncClient:
        """A client that sends a token; its requests go to /graphql unless they say otherwise."""
        known = self.bearer(*roles) if headers is None else headers
        return httpx.AsyncClient(base_url=self.url, headers=known, timeout=PATIENCE_SECONDS)

    async def ask(self, document: str, /, **variables: Any) -> Json:
        async with self.http() as client:
            return await ask(client, document, **variables)

    async def record(self, *commands: Json) -> list[Json]:
        """What many commands recorded: `{"openTicket": {…}}` and so on, each with a command id if it has none."""
        made = [{name: {"commandId": str(uuid4()), **given}} for command in commands for name, given in command.items()]
        outcomes: list[Json] = (await self.ask(RECORD_ALL, commands=made))["recordAll"]["outcomes"]
        assert [outcome["__typename"] for outcome in outcomes] == ["CommandRecorded"] * len(made), outcomes
        return outcomes

    def socket(self, **how: Any) -> Socket:
        how.setdefault("headers", self.bearer())
        return Socket(self.socket_url, **how)


async def ask(client: httpx.AsyncClient, document: str, **variables: Any) -> Json:
    """The data of one operation over HTTP; there are no errors."""
    answer = await client.post("/graphql", json={"query": document, "variables": variables})
    response = answer.json()
    assert "errors" not in response, response["errors"]
    data: Json = response["data"]
    return data


@asynccontextmanager
async def over_websocket(server: Server, document: str, **variables: Any) -> AsyncIterator[AsyncGenerator[Json, None]]:
    """The messages of a subscription, by the gql client over a WebSocket."""
    transport = WebsocketsTransport(server.socket_url, headers=server.bearer(), subprotocols=[PROTOCOL])
    async with (
        Client(transport=transport) as session,
        aclosing(session.subscribe(GraphQLRequest(document, variable_values=variables))) as messages,
    ):
        yield messages


@asynccontextmanager
async def over_sse(server: Server, document: str, **variables: Any) -> AsyncIterator[AsyncGenerator[Json, None]]:
    """The messages of a subscription, by httpx-sse as server-sent events."""
    body = {"query": document, "variables": variables}
    async with (
        server.http() as client,
        aconnect_sse(client, "POST", "/graphql", json=body) as source,
        aclosing(_data(source)) as messages,
    ):
        yield messages


async def _data(source: EventSource) -> AsyncGenerator[Json, None]:
    async with aclosing(source.aiter_sse()) as events:  # type: ignore[type-var]
        async for event in events:
            if event.event == "complete":
                return
            message = event.json()
            assert (event.event, "errors" in message) == ("next", False), message
            yield message["data"]


async def taken(messages: AsyncGenerator[Json, None], number: int) -> list[Json]:
    """The next so many messages."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        return [await anext(messages) for _ in range(number)]


async def following(number: int) -> None:
    """Wait until so many subscriptions of the one server in this process are caught up, and no other is on its way.

    When none is left, nothing but its clock and its knowledge of people's roles follows the feed.
    """
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (  # noqa: ASYNC110 - a gauge rings no bell
            REGISTRY.get_sample_value("pet_subscribers") != number
            or (number == 0 and REGISTRY.get_sample_value("pet_feed_followers") != 2)
        ):
            await asyncio.sleep(0.01)


FACTS = """
    subscription ($after: Position, $types: [String!], $streams: [String!]) {
        facts(after: $after, types: $types, streams: $streams) { cursor fact { position type stream seal } }
    }
"""
VERDICT = (
    "cursor kind cycle priority target dueAt customer { name } ticket { subject } clock { state } fact { type seal }"
)
BREACHES = f"""
    subscription ($after: Position, $filter: SlaVerdictFilter) {{
        slaBreaches(after: $after, filter: $filter) {{ {VERDICT} }}
    }}
"""


def named(*names: str) -> list[Json]:
    return [{"registerCustomer": {"name": name}} for name in names]


async def promised(pet: Server, response: str | None = None, resolution: str | None = None) -> str:
    """A customer under a policy that promises the same for every priority."""
    targets = [{"priority": each, "response": response, "resolution": resolution} for each in ("NORMAL", "URGENT")]
    policy = {"name": "Standard", "targets": targets, "warnAtPercent": [50], "validFrom": "2020-01-01T00:00:00Z"}
    [_, customer] = await pet.record({"adoptSlaPolicy": policy}, *named("Acme"))
    found: str = customer["id"]
    return found


def opening(customer: str, subject: str, **more: Any) -> Json:
    return {"openTicket": {"customer": customer, "subject": subject, **more}}


def listening(send_buffer_bytes: int | None = None) -> socket.socket:
    """A socket that listens on a free port; what is accepted there sends through a buffer of this size."""
    opened = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if send_buffer_bytes is not None:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer_bytes)
    opened.bind(("127.0.0.1", 0))
    return opened


@asynccontextmanager
async def serving(
    url: str,
    data: Path,
    *,
    send_buffer_bytes: int | None = None,
    ping_seconds: float = 20.0,
    ws: Any = frames.Protocol,
    access_log: bool = False,
    **settings: Any,
) -> AsyncIterator[Server]:
    """PET on a free port of this process, on the database at `url`."""
    app = create_app(Settings(database_url=url, data=data, **settings))
    listener = listening(send_buffer_bytes)
    config = uvicorn.Config(
        app,
        log_config=None,
        lifespan="on",
        http=responses.Protocol,
        ws=ws,
        access_log=access_log,
        ws_per_message_deflate=False,
        ws_ping_interval=ping_seconds,
        ws_ping_timeout=ping_seconds,
        timeout_graceful_shutdown=1,
    )
    server = _Uvicorn(config)
    running = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        while not server.started:
            await asyncio.wait([running], timeout=0.01)
            if running.done():
                running.result()
        process = app.router.lifespan_context.__self__  # type: ignore[attr-defined]
        yield Server(listener.getsockname()[1], data, process, server)
    finally:
        server.should_exit = True
        await asyncio.wait([running])
        listener.close()
        running.result()


class Socket:
    """A WebSocket that speaks graphql-transport-ws, message by message."""

    def __init__(
        self, url: str, *, headers: Any = None, init: Any = ..., subprotocols: Any = (PROTOCOL,), **how: Any
    ) -> None:
        self.url, self.headers, self.init, self.subprotocols, self.how = url, headers, init, subprotocols, how
        self.connection: ClientConnection

    async def __aenter__(self) -> Socket:
        self.connection = await connect(
            self.url,
            subprotocols=self.subprotocols,
            additional_headers=self.headers,
            compression=None,
            max_size=None,
            close_timeout=1,
            **self.how,
        )
        if self.init is not None:
            await self.send(type="connection_init", **({} if self.init is ... else {"payload": self.init}))
            if self.init is ...:
                assert await self.next() == {"type": "connection_ack"}
        return self

    async def __aexit__(self, *_: object) -> None:
        if not self.connection.transport.is_closing():
            await self.connection.close()

    async def send(self, **message: Any) -> None:
        await self.connection.send(json.dumps(message))

    async def subscribe(self, document: str, operation: str = "1", /, **variables: Any) -> None:
        await self.send(type="subscribe", id=operation, payload={"query": document, "variables": variables})

    async def next(self) -> Json:
        """The next message, which is a text."""
        frame = await asyncio.wait_for(self.connection.recv(), PATIENCE_SECONDS)
        assert isinstance(frame, str), "a binary frame"
        message: Json = json.loads(frame)
        return message

    async def data(self, operation: str = "1") -> Json:
        """The data of the next message, which has no errors."""
        message = await self.next()
        assert (message["type"], message["id"]) == ("next", operation), message
        assert "errors" not in message["payload"], message
        data: Json = message["payload"]["data"]
        return data

    async def closed(self) -> tuple[int, str]:
        """Code and reason of the close frame; whatever comes before it is passed over."""
        with suppress(ConnectionClosed):
            while True:
                await self.next()
        frame = self.connection.protocol.close_rcvd
        assert frame is not None, "the connection broke without a close frame"
        return frame.code, frame.reason

    def kill(self) -> None:
        """Break the connection without a word."""
        self.connection.transport.abort()
