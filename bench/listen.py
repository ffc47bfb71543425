"""Many WebSocket subscribers in one process: how long until the last of them has what was published.

Reads one JSON object from standard input and writes one to standard output, so that it runs as a process of its own, on
a core of its own. It speaks graphql-transport-ws by hand, because the load must cost less than what it measures.
"""

from __future__ import annotations

import asyncio
import json
import resource
import socket
import struct
import sys
import time
from base64 import b64encode
from contextlib import suppress
from os import urandom
from typing import Any
from uuid import uuid4

import msgspec
import uvloop

from .load import rss_mb, seconds_of

BATCH = 200
FULL_SECONDS, PAUSE_SECONDS = 10.0, 0.05
WARM_UPS = 3


class Spec(msgspec.Struct, frozen=True):
    """Whom to ask for what, so many times; `stalled` more sockets subscribe and then read nothing."""

    port: int
    token: str
    server: int
    subscription: str
    publish: str
    variables: dict[str, Any]
    subscribers: int
    publishes: int
    stalled: int = 0


class Measured(msgspec.Struct, frozen=True):
    """Times in milliseconds, from asking for it to having it; `kb_each` is what a subscriber adds to the RSS."""

    last_ms: float
    worst_ms: float
    p50_ms: float
    server_us: float
    client_us: float
    kb_each: float
    rss_mb: float
    connect_per_second: float
    bytes_each: int
    closed_as_too_slow: int


class Round:
    """One publish: the instants at which it arrived."""

    def __init__(self, wanted: int) -> None:
        self.wanted, self.at = wanted, list[float]()
        self.done = asyncio.get_running_loop().create_future()

    def arrived(self) -> None:
        self.at.append(time.perf_counter())
        if len(self.at) == self.wanted and not self.done.done():
            self.done.set_result(None)


class Subscriber(asyncio.Protocol):
    """One socket: it subscribes as soon as it is let in, and counts what it gets."""

    round: Round | None = None
    bytes_each = 0

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._left = b""
        self._open = False
        self.in_ = asyncio.get_running_loop().create_future()
        self.closed: int | None = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        key = b64encode(urandom(16)).decode()
        transport.write(
            f"GET /graphql HTTP/1.1\r\nHost: 127.0.0.1:{self._spec.port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        data = self._left + data
        if not self._open:
            head, found, data = data.partition(b"\r\n\r\n")
            if not found:
                self._left = head
                return
            assert head.startswith(b"HTTP/1.1 101"), head
            self._open = True
            self.say(type="connection_init", payload={"authorization": f"Bearer {self._spec.token}"})
        self._left = self._frames(data)

    def _frames(self, data: bytes) -> bytes:
        """Take whole frames, and give back what is left."""
        while len(data) >= 2:
            length, begin = data[1] & 0x7F, 2
            if length == 126 and len(data) >= 4:
                (length,), begin = struct.unpack_from("!H", data, 2), 4
            elif length == 127 and len(data) >= 10:
                (length,), begin = struct.unpack_from("!Q", data, 2), 10
            elif length > 125:
                break
            if len(data) < begin + length:
                break
            self._frame(data[0] & 0x0F, data, begin, begin + length)
            data = data[begin + length :]
        return data

    def _frame(self, opcode: int, data: bytes, begin: int, end: int) -> None:
        if opcode == 1 and self.in_.done():
            self.heard(data, begin, end)
        elif opcode == 1:
            self.in_.set_result(None)
            self.begin()
        elif opcode == 8:
            self.closed = int.from_bytes(data[begin : begin + 2], "big")
        elif opcode == 9:
            self.transport.write(frame(10, data[begin:end]))

    def begin(self) -> None:
        self.say(type="subscribe", id="1", payload={"query": self._spec.subscription})

    def heard(self, data: bytes, begin: int, end: int) -> None:
        Subscriber.bytes_each = end - begin
        if Subscriber.round:
            Subscriber.round.arrived()

    def say(self, **message: Any) -> None:
        self.transport.write(frame(1, json.dumps(message).encode()))


class Publisher(Subscriber):
    """The socket over which things are published."""

    def begin(self) -> None:
        pass

    def heard(self, data: bytes, begin: int, end: int) -> None:
        assert b'"error' not in data[begin:end], data[begin:end]

    def publish(self) -> None:
        variables = json.loads(json.dumps(self._spec.variables).replace("COMMAND", str(uuid4())))
        payload = {"query": self._spec.publish, "variables": variables}
        self.say(type="subscribe", id=f"publish-{uuid4()}", payload=payload)


class Stalled(Subscriber):
    """One that subscribes and then reads nothing more."""

    def begin(self) -> None:
        super().begin()
        self.transport.pause_reading()

    def heard(self, data: bytes, begin: int, end: int) -> None:
        pass


def frame(opcode: int, payload: bytes) -> bytes:
    """A client's frame, masked with zeros, which change nothing."""
    if len(payload) < 126:
        size = struct.pack("!B", 0x80 | len(payload))
    elif len(payload) < 65_536:
        size = struct.pack("!BH", 0x80 | 126, len(payload))
    else:
        size = struct.pack("!BQ", 0x80 | 127, len(payload))
    return bytes([0x80 | opcode]) + size + bytes(4) + payload


async def connected(spec: Spec, kind: type[Subscriber], number: int, receive_bytes: int = 0) -> list[Subscriber]:
    made: list[Subscriber] = []
    while len(made) < number:
        opening = [_connect(spec, kind, receive_bytes) for _ in range(min(BATCH, number - len(made)))]
        made += await asyncio.gather(*opening)
    return made


async def _connect(spec: Spec, kind: type[Subscriber], receive_bytes: int) -> Subscriber:
    opened = socket.socket()
    if receive_bytes:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    opened.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(opened, ("127.0.0.1", spec.port))
    _, protocol = await loop.create_connection(lambda: kind(spec), sock=opened)
    await asyncio.wait_for(protocol.in_, FULL_SECONDS)
    return protocol


async def run(spec: Spec) -> Measured:
    """Raises ValueError when what is published does not arrive everywhere."""
    [publisher] = await connected(spec, Publisher, 1)
    assert isinstance(publisher, Publisher)
    first = await connected(spec, Subscriber, 1)
    await published(publisher, 1)
    rss_before, begin = rss_mb(spec.server), time.perf_counter()
    others = await connected(spec, Subscriber, spec.subscribers - 1)
    connect_seconds = time.perf_counter() - begin
    stalled = await connected(spec, Stalled, spec.stalled, receive_bytes=65_536)
    for _ in range(WARM_UPS):
        await published(publisher, spec.subscribers)
    server, client = seconds_of(spec.server), time.process_time()
    rounds = [await published(publisher, spec.subscribers) for _ in range(spec.publishes)]
    client_seconds, server_seconds = time.process_time() - client, (seconds_of(spec.server) or 0.0) - (server or 0.0)
    rss_after = rss_mb(spec.server)
    for one in stalled:
        one.transport.resume_reading()
    for _ in range(50):
        if all(one.closed for one in stalled):
            break
        await asyncio.sleep(0.1)
    found = told(spec, rounds, server_seconds, client_seconds)
    for one in (*first, *others, *stalled, publisher):
        one.transport.abort()
    return msgspec.structs.replace(
        found,
        kb_each=(rss_after - rss_before) * 1_000 / max(len(others), 1),
        rss_mb=rss_after,
        connect_per_second=len(others) / connect_seconds,
        closed_as_too_slow=sum(one.closed == 4499 for one in stalled),
    )


async def published(publisher: Publisher, wanted: int) -> list[float]:
    """Seconds after which each subscriber had it; asked again while some were not there yet."""
    reached = 0
    for _ in range(5):
        await asyncio.sleep(PAUSE_SECONDS)
        Subscriber.round = this = Round(wanted)
        begin = time.perf_counter()
        publisher.publish()
        with suppress(TimeoutError):
            await asyncio.wait_for(this.done, FULL_SECONDS)
            return [at - begin for at in this.at]
        reached = len(this.at)
    raise ValueError(f"only {reached} of {wanted} subscribers were reached")


def told(spec: Spec, rounds: list[list[float]], server_seconds: float, client_seconds: float) -> Measured:
    lasts = sorted(max(one) * 1_000 for one in rounds)
    every = sorted(at * 1_000 for one in rounds for at in one)
    each = 1e6 / (len(rounds) * spec.subscribers)
    return Measured(
        last_ms=lasts[len(lasts) // 2],
        worst_ms=lasts[-1],
        p50_ms=every[len(every) // 2],
        server_us=server_seconds * each,
        client_us=client_seconds * each,
        kb_each=0.0,
        rss_mb=0.0,
        connect_per_second=0.0,
        bytes_each=Subscriber.bytes_each,
        closed_as_too_slow=0,
    )


def main() -> None:
    spec = msgspec.json.decode(sys.stdin.buffer.read(), type=Spec)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(run(spec))))
    except (ValueError, OSError, TimeoutError) as error:
        sys.exit(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
