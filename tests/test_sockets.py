"""WebSockets: who is let in, what closes a socket and what does not, and what is left when it is gone."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from api import Json
from websockets.exceptions import InvalidStatus
from websockets.frames import Frame, Opcode
from wire import FACTS, PROTOCOL, Server, Socket, following, named, opening, promised, serving

from pet_graph.frames import head

POSITION = "{ position }"
FORBIDDEN = (4403, "Forbidden")


@pytest.fixture
async def pet(database_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Server]:
    async with serving(database_url, tmp_path) as server:
        yield server
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def answered(socket: Socket, document: str, operation: str = "1", **variables: Any) -> Json:
    """The data of a query or mutation, which is complete then."""
    await socket.subscribe(document, operation, **variables)
    data = await socket.data(operation)
    assert await socket.next() == {"type": "complete", "id": operation}
    return data


# --- who is let in ----------------------------------------------------------------------------------------------------


async def test_a_token_comes_in_the_header_or_when_the_connection_begins(pet: Server) -> None:
    bearer = pet.bearer()["Authorization"]
    for headers, init in (
        ({"Authorization": bearer}, {}),
        ({}, {"authorization": bearer}),
        ({"Authorization": bearer}, {"authorization": "Bearer other"}),
    ):
        async with pet.socket(headers=headers, init=init) as socket:
            assert await socket.next() == {"type": "connection_ack"}
            assert await answered(socket, POSITION) == {"position": "0"}


async def test_nobody_without_a_token_is_let_in(pet: Server) -> None:
    expired = f"Bearer {pet.token(lifetime=timedelta(seconds=-1))}"
    for headers, init in (
        ({}, {}),
        ({}, {"authorization": "Bearer x"}),
        ({}, {"authorization": expired}),
        ({}, {"authorization": 1}),
        ({}, {"authorization": [pet.token()]}),
        ({}, {"Authorization": f"Bearer {pet.token()}"}),
        ({"Authorization": "Bearer x"}, {"authorization": f"Bearer {pet.token()}"}),
    ):
        async with pet.socket(headers=headers, init=init) as socket:
            assert await socket.closed() == FORBIDDEN, (headers, init)


async def test_nothing_is_answered_before_the_connection_has_begun(pet: Server) -> None:
    async with pet.socket(init=None) as socket:
        await socket.subscribe(POSITION)
        assert await socket.closed() == (4401, "Unauthorized")


async def test_a_connection_begins_soon_and_once(pet: Server) -> None:
    pet.process.graphql.sockets.init_seconds = 0.05
    async with pet.socket(init=None) as socket:
        assert await socket.closed() == (4408, "Connection initialisation timeout")
    async with pet.socket() as socket:
        await socket.send(type="connection_init")
        assert await socket.closed() == (4429, "Too many initialisation requests")


async def test_only_the_present_protocol_is_spoken(pet: Server) -> None:
    for subprotocols in (None, ["graphql-ws"], ["graphql-sse"], ["soap"]):
        async with pet.socket(subprotocols=subprotocols, init=None) as socket:
            assert await socket.closed() == (4406, "Subprotocol not acceptable")
    async with pet.socket(subprotocols=["graphql-ws", PROTOCOL]) as socket:
        assert socket.connection.subprotocol == PROTOCOL


async def test_pages_of_other_origins_are_kept_out(database_url: str, tmp_path: Path) -> None:
    async with serving(database_url, tmp_path, allowed_origins=["https://desk.example"]) as pet:
        for origin in ("https://desk.example", f"http://127.0.0.1:{pet.port}"):
            async with pet.socket(origin=origin) as socket:
                assert await answered(socket, POSITION) == {"position": "0"}
        for origin in ("https://evil.example", "https://desk.example.evil.example", "null", "http://127.0.0.1:1"):
            with pytest.raises(InvalidStatus) as refused:
                async with pet.socket(origin=origin):
                    pass
            assert refused.value.response.status_code == 403, origin


# --- operations -------------------------------------------------------------------------------------------------------


async def test_queries_and_mutations_go_over_a_socket_too(pet: Server) -> None:
    mutation = "mutation ($c: [CommandInput!]!) { recordAll(commands: $c) { recorded position } }"
    command = {"registerCustomer": {"commandId": "7c1bb1ab-54fb-4c7a-9a7f-ffa6d2a5ff11", "name": "Acme"}}
    async with pet.socket() as socket:
        assert await answered(socket, mutation, c=[command]) == {"recordAll": {"recorded": 1, "position": "1"}}
        assert await answered(socket, POSITION) == {"position": "1"}


async def test_nothing_loaded_for_one_operation_is_seen_by_the_next(pet: Server) -> None:
    [customer] = await pet.record(*named("10"))
    document = "query ($id: ID!) { position customer(id: $id) { name } }"
    async with pet.socket() as socket:
        for name in ("10", "11", "12"):
            if name != "10":
                await pet.record({"renameCustomer": {"customer": customer["id"], "name": name}})
            assert (await answered(socket, document, id=customer["id"]))["customer"] == {"name": name}


async def test_nothing_loaded_for_one_event_is_seen_by_the_next(pet: Server) -> None:
    customer = await promised(pet, resolution="PT1H")
    [ticket] = await pet.record(opening(customer, "It squeaks"))
    document = "subscription ($id: ID!) { ticket(id: $id) { ticket { version customer { name } } } }"
    async with pet.socket() as socket:
        await socket.subscribe(document, id=ticket["id"])
        seen = [await socket.data()]
        for name in ("11", "12"):
            await pet.record({"renameCustomer": {"customer": customer, "name": name}})
            await pet.record({"respondToTicket": {"ticket": ticket["id"], "message": name}})
            seen.append(await socket.data())
    shown = [data["ticket"]["ticket"] for data in seen]
    assert [(one["version"], one["customer"]["name"]) for one in shown] == [(1, "Acme"), (2, "11"), (3, "12")]


WRONG = ("{", "{ nothing }", "", "fragment f on Query { position }", "query a { a } query b { b }")


async def test_a_document_that_is_wrong_ends_itself_and_nothing_else(pet: Server) -> None:
    async with pet.socket() as socket:
        await socket.subscribe(FACTS, "live")
        await following(1)
        for number, document in enumerate(WRONG):
            await socket.subscribe(document, f"{number}")
            message = await socket.next()
            assert (message["type"], message["id"]) == ("error", f"{number}"), document
            assert {error["extensions"]["code"] for error in message["payload"]} == {"BAD_USER_INPUT"}, document
        payload = {"query": POSITION, "operationName": "other"}
        await socket.send(type="subscribe", id="named", payload=payload)
        assert (await socket.next())["payload"][0]["message"] == 'Unknown operation named "other".'
        await pet.record(*named("Acme"))
        assert (await socket.data("live"))["facts"]["cursor"] == "1"


async def test_pings_are_answered(pet: Server) -> None:
    async with pet.socket() as socket:
        await socket.send(type="ping", payload={"any": "thing"})
        assert await socket.next() == {"type": "pong"}
        await socket.send(type="pong")
        assert await answered(socket, POSITION) == {"position": "0"}


ASKED: Json = {"type": "subscribe", "id": "1", "payload": {"query": POSITION}}
ILL_FORMED: list[Any] = [
    *(1, "subscribe", None, True, [], [ASKED], {}),
    *({"type": kind} for kind in (None, 1, [], {}, "start", "subscribe", "complete")),
    *({**ASKED, "id": id_} for id_ in (None, 1, [], {})),
    *({**ASKED, "payload": payload} for payload in (None, 1, "x", [], {})),
    *({**ASKED, "payload": {"query": query}} for query in (None, 1, [])),
    *({**ASKED, "payload": {"query": POSITION, "variables": variables}} for variables in (1, "{}", [])),
    *({**ASKED, "payload": {"query": POSITION, "operationName": name}} for name in (1, [], {})),
    *({"type": "complete", "id": id_} for id_ in (None, 1, [], {})),
]  # fmt: skip


async def test_what_is_no_message_closes_the_socket_and_is_never_an_error_of_ours(pet: Server) -> None:
    for message in ILL_FORMED:
        async with pet.socket() as socket:
            await socket.connection.send(json.dumps(message))
            assert (await socket.closed())[0] == 4400, message
    for frame in ("{", "", '{"type": "\\ud800"}', "NaN", b'{"type": "ping"}'):
        async with pet.socket() as socket:
            await socket.connection.send(frame)
            assert (await socket.closed())[0] == 4400, frame
    for payload in (None, 1, []):
        async with pet.socket(init=None) as socket:
            await socket.send(type="connection_init", payload=payload)
            assert await socket.closed() == (4400, "Invalid connection init payload"), payload


async def test_an_operation_id_is_used_by_one_operation_at_a_time(pet: Server) -> None:
    async with pet.socket() as socket:
        for _ in range(2):
            assert await answered(socket, POSITION) == {"position": "0"}
        await socket.subscribe(FACTS)
        await following(1)
        await socket.subscribe(FACTS)
        assert await socket.closed() == (4409, "Subscriber for 1 already exists")
    await following(0)


async def test_a_socket_carries_100_operations_at_a_time(pet: Server) -> None:
    async with pet.socket() as socket:
        for number in range(100):
            await socket.subscribe(FACTS, f"{number}")
        await following(100)
        await socket.subscribe(POSITION, "one too many")
        refused = {"type": "error", "id": "one too many", "payload": [{"message": "Subscription limit reached"}]}
        assert await socket.next() == refused
        await socket.send(type="complete", id="7")
        await following(99)
        assert await answered(socket, POSITION, "one more") == {"position": "0"}
    await following(0)


# --- the end ----------------------------------------------------------------------------------------------------------


async def test_a_socket_closes_when_its_token_expires(pet: Server) -> None:
    token = pet.token(lifetime=timedelta(seconds=2))
    async with pet.socket(headers={"Authorization": f"Bearer {token}"}) as socket:
        await socket.subscribe(FACTS)
        assert await socket.closed() == (4403, "The token has expired: connect again with a new one.")
    await following(0)


async def test_whoever_goes_leaves_nothing_behind(pet: Server) -> None:
    async with pet.socket() as polite, pet.socket() as rude:
        for socket in (polite, rude):
            await socket.subscribe(FACTS)
        await following(2)
        rude.kill()
        await following(1)
        await polite.connection.close()
        await following(0)
    assert len(pet.uvicorn.server_state.tasks) == 0


async def test_who_falls_silent_is_let_go(database_url: str, tmp_path: Path) -> None:
    async with serving(database_url, tmp_path, ping_seconds=0.2) as pet, pet.socket(ping_interval=None) as socket:
        await socket.subscribe(FACTS)
        await following(1)
        await asyncio.sleep(1)
        await following(1)
        socket.connection.transport.pause_reading()
        await following(0)
        socket.kill()


async def test_another_server_that_only_knows_asgi_serves_the_same(database_url: str, tmp_path: Path) -> None:
    async with serving(database_url, tmp_path, ws="websockets-sansio") as pet, pet.socket() as socket:
        await socket.subscribe(FACTS)
        await following(1)
        await pet.record(*named("A", "B", "C"))
        assert [(await socket.data())["facts"]["cursor"] for _ in range(3)] == ["1", "2", "3"]
        await socket.send(type="complete", id="1")
        await following(0)
        assert await answered(socket, POSITION) == {"position": "3"}


async def test_frames_of_every_length_arrive_whole(pet: Server) -> None:
    [customer] = await pet.record(*named("Acme"))
    document = "subscription { facts { fact { data a: data b: data c: data } } }"
    async with pet.socket() as socket:
        await socket.subscribe(document)
        await following(1)
        for length in (1, 30, 1_000, 10_000):
            await pet.record(opening(customer["id"], "It is long", description="é" * length))
            assert (await socket.data())["facts"]["fact"]["data"]["description"] == "é" * length


@pytest.mark.parametrize("length", [0, 1, 125, 126, 127, 65_535, 65_536, 70_000])
def test_a_head_is_the_one_that_the_library_would_write(length: int) -> None:
    text = bytes(length)
    assert head(length) + text == Frame(Opcode.TEXT, text).serialize(mask=False)


async def test_a_server_that_stops_asks_to_connect_again(database_url: str, tmp_path: Path) -> None:
    async with serving(database_url, tmp_path) as pet:
        socket = await pet.socket().__aenter__()
        await socket.subscribe(FACTS)
        await following(1)
    assert (await socket.closed())[0] == 1012
