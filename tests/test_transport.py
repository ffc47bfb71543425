"""HTTP: who is let in, what is read, and how every answer is written, whatever was sent."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from api import Json, now
from joserfc.jwk import OctKey
from wire import Server, ask, serving

from pet_graph.events.base import Role
from pet_graph.tokens import issue, local_key

JSON, RESPONSE = "application/json", "application/graphql-response+json"
UTF_8 = "; charset=utf-8"
REGISTER = 'mutation ($name: String!) { registerCustomer(input: {commandId: "%s", name: $name}) { __typename } }'


@pytest.fixture
async def pet(database_url: str, tmp_path: Path) -> AsyncIterator[Server]:
    async with serving(database_url, tmp_path, body_limit_bytes=100_000) as server:
        yield server


def told(answer: httpx.Response, status: int) -> tuple[str, str]:
    """Code and sentence of an answer that is an error alone, in JSON."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, JSON + UTF_8), answer.text
    [error] = answer.json()["errors"]
    assert set(answer.json()) == {"errors"}
    return error["extensions"]["code"], error["message"]


# --- who asks ---------------------------------------------------------------------------------------------------------


async def test_nobody_without_a_token_is_let_in(pet: Server) -> None:
    no_token = "Send a token: Authorization: Bearer …"
    for authorization in (None, "", "Bearer", "Basic YTpi", pet.token()):
        headers = {} if authorization is None else {"Authorization": authorization}
        async with pet.http(headers=headers) as client:
            for answer in (
                await client.post("/graphql", json={"query": "{ position }"}),
                await client.post("/graphql", content=b"["),
                await client.get("/graphql"),
            ):
                assert told(answer, 401) == ("UNAUTHENTICATED", no_token), authorization
                assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_token_that_cannot_be_believed_is_refused(pet: Server) -> None:
    another = OctKey.generate_key(256)
    lifetime = timedelta(hours=1)
    expired = pet.token(lifetime=timedelta(seconds=-1))
    forged = issue(another, "tester", [Role.MANAGER], now=now(), lifetime=lifetime)
    for token in ("x", "a.b.c", "Ω", expired, forged, pet.token()[:-2], pet.token() + "x"):
        async with pet.http(headers={}) as client:
            headers = {"Authorization": f"Bearer {token}".encode()}
            answer = await client.post("/graphql", headers=headers, json={"query": "{ position }"})
        code, sentence = told(answer, 401)
        assert (code, sentence.startswith("The token is not valid: ")) == ("UNAUTHENTICATED", True), sentence


async def test_the_word_bearer_may_be_written_in_any_case(pet: Server) -> None:
    async with pet.http(headers={"Authorization": f"bearer   {pet.token()}"}) as client:
        assert await ask(client, "{ position }") == {"position": "0"}


# --- what is asked ----------------------------------------------------------------------------------------------------


async def test_a_query_may_be_asked_by_get_and_a_mutation_may_not(pet: Server) -> None:
    document = "query ($n: Int!) { customers(first: $n) { totalCount } }"
    async with pet.http() as client:
        answer = await client.get("/graphql", params={"query": document, "variables": '{"n": 1}'})
        assert (answer.status_code, answer.json()) == (200, {"data": {"customers": {"totalCount": 0}}})
        refused = await client.get("/graphql", params={"query": REGISTER % uuid4(), "variables": '{"name": "A"}'})
        assert told(refused, 400) == ("BAD_REQUEST", "mutations are not allowed when using GET")
        refused = await client.get("/graphql", params={"query": "subscription { facts { cursor } }"})
        assert told(refused, 400) == ("BAD_REQUEST", NEEDS_STREAM)
        assert await ask(client, "{ position }") == {"position": "0"}


async def test_other_methods_are_refused(pet: Server) -> None:
    async with pet.http() as client:
        for method in ("PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"):
            assert (await client.request(method, "/graphql")).status_code == 405


NO_OBJECT = "Send a JSON object with `query`, as application/json."
NO_JSON = "Unable to parse request body as JSON"
NO_QUERY = "No GraphQL query found in the request"
OF_TYPE = "The GraphQL operation's `%s` must be %s or null, if provided."
NEEDS_STREAM = "A subscription needs Accept: text/event-stream, or a WebSocket."
DEEP = "[" * 2_000 + "]" * 2_000
BODIES: dict[str, list[str | bytes]] = {
    NO_OBJECT: ["", " ", "[]", "1", '"a"', "null", "true", '[{"query": "{ position }"}]', "query", b"\x00"],
    NO_JSON: [
        "{",
        '{"query": ',
        "{'query': 1}",
        '{"query": "\\ud800"}',
        b'{"query": "\xff"}',
        '{"query": "{ position }", "variables": {"a": NaN}}',
        f'{{"query": "{{ position }}", "variables": {{"a": {DEEP}}}}}',
    ],
    NO_QUERY: ["{}", '{"query": null}', '{"query": ""}'],
    OF_TYPE % ("query", "a string"): ['{"query": 1}', '{"query": ["{ position }"]}'],
    OF_TYPE % ("variables", "an object"): [
        '{"query": "{ position }", "variables": [1]}',
        '{"query": "{ position }", "variables": "{}"}',
    ],
    OF_TYPE % ("extensions", "an object"): ['{"query": "{ position }", "extensions": 1}'],
    "`operationName` must be a string or null, if provided.": ['{"query": "{ position }", "operationName": 1}'],
    'Unknown operation named "other".': ['{"query": "{ position }", "operationName": "other"}'],
    "Can't get GraphQL operation type": ['{"query": "fragment f on Query { position }"}'],
    NEEDS_STREAM: ['{"query": "subscription { facts { cursor } }"}'],
}
"""Sentences, and the bodies that are answered with each."""


async def test_a_body_that_asks_for_nothing_is_a_bad_request_and_never_an_error_of_ours(
    pet: Server, caplog: pytest.LogCaptureFixture
) -> None:
    async with pet.http() as client:
        for sentence, bodies in BODIES.items():
            for body in bodies:
                answer = await client.post("/graphql", content=body, headers={"Content-Type": JSON})
                assert told(answer, 400) == ("BAD_REQUEST", sentence), body[:60]
        assert await ask(client, "{ position }") == {"position": "0"}
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_a_deep_value_is_only_a_wrong_value(pet: Server) -> None:
    deep = "[" * 900 + "]" * 900
    query = "query ($n: Int!) { customers(first: $n) { totalCount } }"
    async with pet.http() as client:
        for variables in (f'{{"n": {deep}}}', f'{{"n": 1, "other": {deep}}}'):
            body = f'{{"query": "{query}", "variables": {variables}}}'
            answer = await client.post("/graphql", content=body, headers={"Content-Type": JSON})
            assert answer.status_code == 200, answer.text
            assert ("errors" in answer.json()) is ("other" not in variables)


async def test_a_get_that_asks_for_nothing_is_a_bad_request(pet: Server) -> None:
    async with pet.http() as client:
        for parameters, sentence in (
            ({}, NO_QUERY),
            ({"query": ""}, NO_QUERY),
            ({"query": "{ position }", "variables": "{"}, NO_JSON),
            ({"query": "{ position }", "variables": "1"}, OF_TYPE % ("variables", "an object")),
        ):
            answer = await client.get("/graphql", params=parameters)
            assert told(answer, 400) == ("BAD_REQUEST", sentence), parameters


async def test_a_body_is_read_up_to_its_limit(pet: Server) -> None:
    def body(length: int) -> bytes:
        query = b'{"query": "{ position }", "variables": {"x": "%s"}}'
        return query % (b"x" * (length - len(query) + 2))

    async def in_pieces(whole: bytes) -> AsyncIterator[bytes]:
        for start in range(0, len(whole), 10_000):
            yield whole[start : start + 10_000]

    headers = {"Content-Type": JSON}
    async with pet.http() as client:
        for content in (body(100_000), in_pieces(body(100_000))):
            assert (await client.post("/graphql", content=content, headers=headers)).json() == {
                "data": {"position": "0"}
            }
        for content in (body(100_001), in_pieces(body(3_000_000))):
            answer = await client.post("/graphql", content=content, headers=headers)
            assert told(answer, 413) == ("BAD_REQUEST", "The request is larger than 100000 bytes.")


async def test_only_json_is_read(pet: Server) -> None:
    body = b'{"query": "{ position }"}'
    async with pet.http() as client:
        for kind in (JSON, "application/json; charset=utf-8"):
            answer = await client.post("/graphql", content=body, headers={"Content-Type": kind})
            assert answer.json() == {"data": {"position": "0"}}, kind
        for kind in (
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data",
            "application/graphql",
            "",
        ):
            answer = await client.post("/graphql", content=body, headers={"Content-Type": kind})
            assert told(answer, 400) == ("BAD_REQUEST", "Unsupported content type"), kind
        packed = await client.post("/graphql", content=gzip.compress(body), headers={"Content-Encoding": "gzip"})
        assert told(packed, 400) == ("BAD_REQUEST", NO_OBJECT)


async def test_who_goes_away_while_asking_is_not_an_error(pet: Server, caplog: pytest.LogCaptureFixture) -> None:
    for sent in ("", '{"query": ', '{"query": "{ position }"}'):
        _, writer = await asyncio.open_connection("127.0.0.1", pet.port)
        head = (
            f"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Length: 999\r\nAuthorization: Bearer {pet.token()}\r\n\r\n"
        )
        writer.write(f"{head}{sent}".encode())
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.transport.abort()
    assert await pet.ask("{ position }") == {"position": "0"}
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_who_has_no_role_that_reads_is_refused_by_every_way_of_answering(pet: Server) -> None:
    forbidden = {"code": "FORBIDDEN"}
    for roles in ((), ("partner",)):
        token = issue(local_key(pet.data), "stranger", [Role(role) for role in roles], now=now(), lifetime=None)
        async with pet.http(headers={"Authorization": f"Bearer {token}"}) as client:
            for query in ("{ customers(first: 1) { totalCount } }", "{ position }", '{ ticket(id: "?") { id } }'):
                [error] = (await client.post("/graphql", json={"query": query})).json()["errors"]
                assert (error["message"], error["extensions"]) == ("Your roles do not let you read this.", forbidden)


# --- how it is answered -----------------------------------------------------------------------------------------------


async def test_the_media_type_is_the_one_that_the_client_knows(pet: Server) -> None:
    async with pet.http() as client:
        for accept, expected in (
            ("", JSON),
            ("*/*", JSON),
            ("text/html", JSON),
            (JSON, JSON),
            (RESPONSE, RESPONSE),
            (RESPONSE.upper(), RESPONSE),
            (f"{RESPONSE}, {JSON};q=0.9", RESPONSE),
            (f"{JSON}, {RESPONSE}", RESPONSE),
            (f"{RESPONSE};q=0.1, {JSON};q=0.9", JSON),
            (f"{RESPONSE};q=0, */*", JSON),
            (f"{RESPONSE};q=x", JSON),
        ):
            for query in ("{ position }", "{ customers(first: 1) { totalCount } }", "{"):
                answer = await client.post("/graphql", json={"query": query}, headers={"Accept": accept})
                assert answer.headers["content-type"] == expected + UTF_8, (accept, query)
                assert answer.headers["cache-control"] == "no-store"


async def test_a_request_that_is_wrong_itself_is_a_400_to_who_knows_of_such_responses(pet: Server) -> None:
    variable = "query ($n: Int!) { customers(first: $n) { totalCount } }"
    async with pet.http(headers={**pet.bearer(), "Accept": RESPONSE}) as client:
        for query in ("{", "{ nothing }", "query a { position } query b { position }", variable):
            answer = await client.post("/graphql", json={"query": query})
            assert (answer.status_code, set(answer.json())) == (400, {"errors"}), query
            older = await client.post("/graphql", json={"query": query}, headers={"Accept": JSON})
            assert (older.status_code, older.json()) == (200, {"data": None, **answer.json()})
        for query, data in (
            ("{ position }", {"position": "0"}),
            ('{ position node(id: "?") { id } }', {"position": "0", "node": None}),
            ("{ customers(first: 0) { totalCount } }", None),
        ):
            answer = await client.post("/graphql", json={"query": query})
            assert (answer.status_code, answer.json()["data"]) == (200, data), query


async def test_refusals_have_the_media_type_too(pet: Server) -> None:
    async with pet.http(headers={"Accept": RESPONSE}) as client:
        unknown = await client.post("/graphql", json={"query": "{ position }"})
        bad = await client.post("/graphql", content="[]", headers=pet.bearer())
    assert [(answer.status_code, answer.headers["content-type"]) for answer in (unknown, bad)] == [
        (401, RESPONSE + UTF_8),
        (400, RESPONSE + UTF_8),
    ]


async def test_both_executions_write_the_same_letters(pet: Server) -> None:
    name = '\U0001f40c a\u0301 \u2028 " \\ / \x01'
    async with pet.http() as client:
        answer = await client.post("/graphql", json={"query": REGISTER % uuid4(), "variables": {"name": name}})
        assert answer.json() == {"data": {"registerCustomer": {"__typename": "CustomerRecorded"}}}
        whole = await client.post("/graphql", json={"query": "{ customers(first: 1) { nodes { name } } }"})
        assert whole.json() == {"data": {"customers": {"nodes": [{"name": name}]}}}
        with_position = await client.post(
            "/graphql", json={"query": "{ position customers(first: 1) { nodes { name } } }"}
        )
        assert with_position.json()["data"]["customers"]["nodes"] == [{"name": name}]


# --- health -----------------------------------------------------------------------------------------------------------


async def health(client: httpx.AsyncClient, path: str) -> tuple[int, Json]:
    answer = await client.get(path)
    return answer.status_code, answer.json()


async def test_health_is_for_everybody(pet: Server) -> None:
    async with pet.http(headers={}) as client:
        assert await health(client, "/livez") == (200, {"alive": True})
        assert await health(client, "/readyz") == (200, {"ready": True, "position": "0"})
        welcome = await client.get("/")
        assert (welcome.status_code, welcome.text.splitlines()[0]) == (200, "PET (Plan. Execute. Track.)")


async def test_readiness_follows_what_is_recorded(pet: Server) -> None:
    await pet.record({"registerCustomer": {"name": "Acme"}})
    async with pet.http(headers={}) as client, asyncio.timeout(20):
        while await health(client, "/readyz") != (200, {"ready": True, "position": "1"}):  # noqa: ASYNC110 - over HTTP
            await asyncio.sleep(0.01)


async def test_a_process_that_lost_a_task_is_not_alive(pet: Server) -> None:
    pet.process._tasks[0].cancel()
    async with pet.http(headers={}) as client, asyncio.timeout(20):
        while (await health(client, "/livez"))[0] == 200:  # noqa: ASYNC110 - over HTTP
            await asyncio.sleep(0.01)
        assert await health(client, "/livez") == (500, {"alive": False})


async def test_metrics_are_for_managers(pet: Server) -> None:
    for headers, status in (({}, 401), (pet.bearer("support"), 403), (pet.bearer("support", "manager"), 200)):
        async with pet.http(headers=headers) as client:
            answer = await client.get("/metrics")
            assert answer.status_code == status
            assert ("pet_turn_seconds_count" in answer.text) is (status == 200)


async def test_errors_are_json_whose_letters_are_kept(pet: Server) -> None:
    async with pet.http() as client:
        answer = await client.post("/graphql", json={"query": '{ node(id: "ż") { id } }'})
    assert json.loads(answer.content)["errors"][0]["message"] == "'ż' is not an id of PET's."
