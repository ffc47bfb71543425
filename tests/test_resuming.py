"""Broken connections, slow clients, several processes: nothing is lost, nothing comes twice."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import servers
from api import Json
from prometheus_client import REGISTRY
from servers import a_data_folder
from websockets.exceptions import ConnectionClosed
from wire import (
    BREACHES,
    FACTS,
    PATIENCE_SECONDS,
    Server,
    Socket,
    following,
    named,
    opening,
    over_sse,
    over_websocket,
    promised,
    serving,
    taken,
)

from pet_graph import log
from pet_graph.decisions import Asked
from pet_graph.events.customers import RegisterCustomer


@pytest.fixture
async def pet(database_url: str, tmp_path: Path) -> AsyncIterator[Server]:
    async with serving(database_url, tmp_path) as server:
        yield server


# --- broken connections -----------------------------------------------------------------------------------------------


async def write(pet: Server, number: int, dice: random.Random) -> None:
    """So many facts, a few at a time."""
    while number:
        commands = [RegisterCustomer(name=f"{dice.random()}") for _ in range(min(number, dice.randint(1, 9)))]
        number -= len(commands)
        asked = [Asked(command=one, command_id=uuid4(), actor="writer", roles=("manager",)) for one in commands]
        await pet.turns.record_all(asked)
        await asyncio.sleep(dice.random() / 20)


async def over_killed_websocket(pet: Server, after: str, number: int, dice: random.Random) -> list[Json]:
    """At most so many messages; then the connection breaks without a word, on one side or the other."""
    async with pet.socket() as socket:
        await socket.subscribe(FACTS, after=after)
        messages = [(await socket.data())["facts"] for _ in range(number)]
        if dice.random() < 0.5:
            pet.kill_connections()
        socket.kill()
    return messages


async def over_killed_sse(pet: Server, after: str, number: int, dice: random.Random) -> list[Json]:
    async with over_sse(pet, FACTS, after=after) as messages:
        return [message["facts"] for message in await taken(messages, number)]


@pytest.mark.parametrize("followed", [over_killed_websocket, over_killed_sse])
async def test_a_thousand_facts_survive_broken_connections_under_load(pet: Server, followed: Any) -> None:
    seed = random.randrange(2**32)
    dice = random.Random(seed)
    writers = [asyncio.create_task(write(pet, 125, random.Random(dice.random()))) for _ in range(8)]
    seen: list[Json] = []
    async with asyncio.timeout(PATIENCE_SECONDS * 3):
        while len(seen) < 1_000:
            cursor = seen[-1]["cursor"] if seen else "0"
            seen += await followed(pet, cursor, min(dice.randint(0, 60), 1_000 - len(seen)), dice)
    await asyncio.gather(*writers)
    facts = await log.read(pet.process.services.pool, 0, limit=2_000)
    recorded = [(str(fact.position), fact.seal.hex()) for fact in facts]
    assert [(message["cursor"], message["fact"]["seal"]) for message in seen] == recorded, f"seed {seed}"
    assert len(recorded) == 1_000
    await following(0)


# --- slow clients -----------------------------------------------------------------------------------------------------


async def test_who_stops_reading_is_told_to_come_back_while_others_get_everything(
    database_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(database_url, tmp_path, ring_size=20, send_buffer_bytes=4_096) as pet:
        before = REGISTRY.get_sample_value("pet_subscribers_overrun_total") or 0
        async with over_websocket(pet, LARGE, after="0") as quick, a_slow_socket(pet) as slow:
            await slow.subscribe(LARGE, after="0")
            await following(1)
            [customer] = await pet.record(*named("Acme"))
            await taken(quick, 1)
            for _ in range(15):
                await pet.record(*[opening(customer["id"], "It is slow", description="\U0001f40c" * 10_000)] * 4)
                await taken(quick, 4)
            assert REGISTRY.get_sample_value("pet_subscribers_overrun_total") == before + 1
            read, closed = await everything_left(slow)
        assert closed == (4499, "Too slow: subscribe again with your last cursor.")
        async with pet.socket() as again:
            await again.subscribe(LARGE, after=f"{read}")
            rest = [(await again.data())["facts"]["cursor"] for _ in range(61 - read)]
        assert rest == [f"{position}" for position in range(read + 1, 62)]
        await following(0)
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


LARGE = "subscription ($after: Position) { facts(after: $after) { cursor fact { data } } }"


def a_slow_socket(pet: Server) -> Socket:
    """One that takes little in while nobody reads it."""
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1_024)
    narrow.connect(("127.0.0.1", pet.port))
    return pet.socket(sock=narrow, max_queue=1)


async def everything_left(slow: Socket) -> tuple[int, tuple[int, str]]:
    """The last cursor before the end, having read in order all that comes, and how the connection was closed."""
    read = 0
    with suppress(ConnectionClosed):
        while True:
            message = await slow.next()
            if "errors" in message.get("payload", ()):
                break
            read += 1
            assert message["payload"]["data"]["facts"]["cursor"] == f"{read}"
    return read, await slow.closed()


# --- two processes ----------------------------------------------------------------------------------------------------


async def test_two_processes_on_one_database_tell_their_subscribers_the_same(database_url: str) -> None:
    with a_data_folder() as one_folder, a_data_folder() as other_folder:
        one, other = processes = [servers.Server(folder) for folder in (one_folder, other_folder)]
        try:
            settings = {"PET_DATABASE_URL": database_url}
            await asyncio.gather(*(asyncio.to_thread(process.start, settings) for process in processes))
            await heard_by_both(Remote(one), Remote(other))
        finally:
            await asyncio.gather(*(asyncio.to_thread(process.stop) for process in processes))


class Remote(Server):
    """A process of its own, to be talked to like one in this process."""

    def __init__(self, process: servers.Server) -> None:
        super().__init__(process.port, process.data, None, None)  # type: ignore[arg-type]


async def heard_by_both(one: Server, other: Server) -> None:
    customer = await promised(one, resolution="PT1S")
    async with over_websocket(one, BREACHES, after="0") as here, over_sse(other, BREACHES, after="0") as there:
        await one.record(opening(customer, "A"))
        await other.record(opening(customer, "B"))
        heard = [message["slaBreaches"] for message in await taken(here, 2)]
        assert [message["slaBreaches"] for message in await taken(there, 2)] == heard
    assert [breach["ticket"]["subject"] for breach in heard] == ["A", "B"]
    facts = (await other.ask('{ facts(first: 9, types: ["SlaBreached"]) { facts { position seal type } } }'))["facts"]
    assert [{"position": breach["cursor"], **breach["fact"]} for breach in heard] == facts["facts"]
