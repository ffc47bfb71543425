"""HTTP requests in a closed loop or at a rate, and the processor time that a server and PostgreSQL used meanwhile.

Reads one JSON object from standard input and writes one to standard output, so that it runs as a process of its own, on
a core of its own. Every answer is looked at: one that is not a whole answer without errors ends the measurement.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import uvloop

TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
LONGEST_SECONDS = 10.0


class Spec(msgspec.Struct, frozen=True):
    """What to send, how long, to whom; and the processes whose time counts as the server's and as PostgreSQL's.

    Each connection asks again as soon as it is answered; with `per_second`, not before the next request is due.
    `seconds` become more where so few are answered that there would be nothing to count.
    """

    port: int
    bodies: list[str]
    token: str
    connections: int
    warm_up_seconds: float
    seconds: float
    server: int
    postmaster: int
    per_second: float | None = None


class Measured(msgspec.Struct, frozen=True):
    """Times in milliseconds; those of processors per request; `busy` is the share of the server's core."""

    per_second: float
    p50_ms: float
    p99_ms: float
    server_ms: float
    postgres_ms: float
    client_ms: float
    busy: float
    rss_mb: float
    answer_bytes: int


class Connection(asyncio.Protocol):
    """One caller: it asks again as soon as it is answered."""

    def __init__(
        self,
        requests: Iterator[bytes],
        waits: list[tuple[float, float]],
        failed: asyncio.Future[None],
        times: Iterator[float],
    ) -> None:
        self._requests, self._waits, self._failed, self._times = requests, waits, failed, times
        self._answer, self._needed, self.longest = bytearray(), 0, 0

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._ask_in_time()

    def _ask_in_time(self) -> None:
        """The next request of all is this connection's, once it is due."""
        wait = next(self._times) - time.perf_counter()
        asyncio.get_running_loop().call_later(wait, self._ask) if wait > 0 else self._ask()

    def _ask(self) -> None:
        if self._transport.is_closing():
            return
        self._asked_at = time.perf_counter()
        self._transport.write(next(self._requests))

    def data_received(self, data: bytes) -> None:
        self._answer += data
        try:
            if self._needed == 0:
                self._needed = answer_length(self._answer)
            if 0 < self._needed <= len(self._answer):
                check(bytes(self._answer))
                self._answered()
        except ValueError as error:
            if not self._failed.done():
                self._failed.set_exception(error)
            self._transport.abort()

    def _answered(self) -> None:
        now = time.perf_counter()
        self._waits.append((now, now - self._asked_at))
        self.longest = max(self.longest, self._needed)
        self._answer.clear()
        self._needed = 0
        self._ask_in_time()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._failed.done():
            self._failed.set_exception(ValueError(f"the server closed a connection: {error}"))


def answer_length(answer: bytearray) -> int:
    """How many bytes a response has altogether; 0 while that cannot be known yet. Raises ValueError."""
    end = answer.find(b"\r\n\r\n")
    if end < 0:
        return 0
    head = bytes(answer[:end]).lower()
    place = head.find(b"content-length:")
    if place < 0:
        raise ValueError("an answer does not say its length")
    return end + 4 + int(head[place + 15 :].split(b"\r\n", 1)[0])


def check(answer: bytes) -> None:
    """Raises ValueError unless it is a whole answer without errors."""
    if not answer.startswith(b"HTTP/1.1 200") or b'"errors":' in answer[-2_000:] or b'"errors":' in answer[:2_000]:
        raise ValueError(f"not the answer wanted: {answer[:1_000].decode(errors='replace')}")


def request(body: str, port: int, token: str) -> bytes:
    data = body.encode()
    return (
        f"POST /graphql HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/json\r\n"
        f"accept: application/json\r\nauthorization: Bearer {token}\r\ncontent-length: {len(data)}\r\n\r\n"
    ).encode() + data


async def run(spec: Spec) -> Measured:
    """Raises ValueError when an answer is not the one wanted."""
    loop = asyncio.get_running_loop()
    failed: asyncio.Future[None] = loop.create_future()
    requests = itertools.cycle([request(body, spec.port, spec.token) for body in spec.bodies])
    waits: list[tuple[float, float]] = []
    times = itertools.count(time.perf_counter(), 1 / spec.per_second) if spec.per_second else itertools.repeat(0.0)
    made = [
        await loop.create_connection(lambda: Connection(requests, waits, failed, times), "127.0.0.1", spec.port)
        for _ in range(spec.connections)
    ]
    await asyncio.wait([failed], timeout=spec.warm_up_seconds)
    begin, before, already = time.perf_counter(), used(spec), len(waits)
    await asyncio.wait([failed], timeout=spec.seconds)
    while (
        not failed.done()
        and len(waits) < already + 2 * spec.connections
        and time.perf_counter() < begin + LONGEST_SECONDS
    ):
        await asyncio.wait([failed], timeout=spec.seconds / 4)
    end, after = time.perf_counter(), used(spec)
    if failed.done():
        failed.result()
    failed.cancel()
    for transport, _ in made:
        transport.abort()
    return told(spec, [wait for at, wait in waits if begin <= at < end], end - begin, before, after, made[0][1].longest)


def told(
    spec: Spec,
    waits: list[float],
    seconds: float,
    before: dict[int, float],
    after: dict[int, float],
    answer_bytes: int,
) -> Measured:
    if not waits:
        raise ValueError(f"nothing was answered within {seconds:.1f} s")
    ordered = sorted(wait * 1_000 for wait in waits)
    server, client = after[spec.server] - before[spec.server], after[os.getpid()] - before[os.getpid()]
    all_of_them = sum(seconds - before.get(process, 0.0) for process, seconds in after.items())
    each = 1_000 / len(ordered)
    return Measured(
        per_second=len(ordered) / seconds,
        p50_ms=ordered[len(ordered) // 2],
        p99_ms=ordered[len(ordered) * 99 // 100],
        server_ms=server * each,
        postgres_ms=max(all_of_them - server - client, 0.0) * each,
        client_ms=client * each,
        busy=server / seconds,
        rss_mb=rss_mb(spec.server),
        answer_bytes=answer_bytes,
    )


def used(spec: Spec) -> dict[int, float]:
    """Seconds of processor time that the server, each process of PostgreSQL and this one have used so far."""
    found = {process: seconds_of(process) for process in (spec.server, spec.postmaster, *backends(spec.postmaster))}
    return {process: seconds for process, seconds in found.items() if seconds is not None} | {
        os.getpid(): time.process_time()
    }


def seconds_of(process: int) -> float | None:
    """User and system time of a process, all its threads included; None once it is gone."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return (int(fields[11]) + int(fields[12])) / TICKS


def backends(postmaster: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()]


def rss_mb(process: int) -> float:
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> None:
    spec = msgspec.json.decode(sys.stdin.buffer.read(), type=Spec)
    try:
        sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(run(spec))))
    except ValueError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
