"""Responses: a whole one is one write, and reads as uvicorn's own do."""

from __future__ import annotations

import asyncio
import gc
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle
from wire import Server, serving

from pet_graph.responses import Protocol

QUERY = b'{"query":"{ __typename }"}'
ANSWER = b'{"data":{"__typename":"Query"}}'


class Seen:
    """A transport that tells what was written to it, piece by piece."""

    def __init__(self, transport: Any, written: list[bytes]) -> None:
        self._transport, self._written = transport, written

    def write(self, data: bytes) -> None:
        self._written.append(bytes(data))
        self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    pieces: list[bytes] = []
    made = Protocol.connection_made
    monkeypatch.setattr(
        Protocol,
        "connection_made",
        lambda self, transport: made(self, Seen(transport, pieces)),  # type: ignore[arg-type]
    )
    return pieces


@pytest.fixture
async def pet(written: list[bytes], database_url: str, tmp_path: Path) -> AsyncIterator[Server]:
    async with serving(database_url, tmp_path) as server:
        yield server


def request(pet: Server, *headers: str, version: str = "1.1") -> bytes:
    lines = [
        f"POST /graphql HTTP/{version}",
        "Host: x",
        "Content-Type: application/json",
        f"Content-Length: {len(QUERY)}",
        f"Authorization: Bearer {pet.token()}",
        *headers,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + QUERY


async def sent(pet: Server, *requests: bytes) -> bytes:
    """What comes back when all of these are sent at once: one response each."""
    reader, writer = await asyncio.open_connection("127.0.0.1", pet.port)
    writer.write(b"".join(requests))
    responses = b""
    while responses.count(ANSWER) < len(requests):
        responses += await asyncio.wait_for(reader.readuntil(ANSWER), 5)
    writer.close()
    return responses


async def test_a_response_is_one_write(pet: Server, written: list[bytes]) -> None:
    response = await sent(pet, request(pet))
    assert written == [response]


async def test_requests_that_come_together_are_answered_in_order(pet: Server, written: list[bytes]) -> None:
    response = await sent(pet, *[request(pet)] * 3)
    assert response == b"".join(written)
    assert [piece.count(ANSWER) for piece in written] == [1, 1, 1]


async def test_requests_that_were_answered_leave_no_garbage(pet: Server) -> None:
    """What holds itself stays until the collector finds it, and to find it costs as much as a part of the answer."""
    gc.collect()
    gc.disable()
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", pet.port)
        for _ in range(10):
            writer.write(request(pet))
            await asyncio.wait_for(reader.readuntil(ANSWER), 5)
        cycles = [one for one in gc.get_objects() if type(one) is RequestResponseCycle]
    finally:
        gc.enable()
    writer.close()
    assert len(cycles) == 1, "the last one, which its connection holds"


async def test_it_reads_as_uvicorns_own_does(pet: Server) -> None:
    at_once = _dateless(await sent(pet, request(pet)))
    for asked, closing in (
        (request(pet, "Connection: close"), b"connection: close\r\n"),
        (request(pet, version="1.0"), b"connection: close\r\n"),
        (request(pet, "Expect: 100-continue"), b""),
    ):
        response = _dateless(await sent(pet, asked))
        assert response.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n").replace(closing, b"") == at_once
        assert response.count(closing or ANSWER) == 1


async def test_a_log_of_requests_has_every_line(
    database_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "uvicorn.access")
    async with serving(database_url, tmp_path, access_log=True) as pet:
        await sent(pet, request(pet), request(pet))
    assert [record.getMessage()[-30:] for record in caplog.records if record.name == "uvicorn.access"] == [
        '- "POST /graphql HTTP/1.1" 200'
    ] * 2


def _dateless(response: bytes) -> bytes:
    return re.sub(rb"date: [^\r]+", b"date: now", response)
