"""Odd requests get the same answer, byte for byte, whether the planner may answer them or not."""

from __future__ import annotations

import random

import orjson
import pytest
from api import DESK, gid
from both import Both
from conftest import World
from hypothesis import given, settings
from hypothesis import strategies as st

from pet_graph.graph import DEEPEST, MOST_ALIASES, MOST_TOKENS
from pet_graph.requests import JSON_TYPE, RESPONSE_TYPE, head_of, operation_of

ASKED = "{ customers(first: 1) { totalCount } }"
PLAIN = orjson.dumps({"query": ASKED})
DEEP = "[" * 2_000 + "]" * 2_000
BODIES: list[bytes | str] = [
    PLAIN,
    "",
    "[]",
    "{",
    "{}",
    "null",
    f"[{PLAIN.decode()}]",
    f" \n{PLAIN.decode()} ",
    f"\ufeff{PLAIN.decode()}",
    f"{PLAIN.decode()}x",
    f'{{"query": "{ASKED}", "query": "{{ position }}"}}',
    f'{{"query": "{ASKED}", "operationName": ""}}',
    f'{{"query": "{ASKED}", "operationName": null, "variables": null, "extensions": null}}',
    f'{{"query": "{ASKED}", "operationName": 1}}',
    f'{{"query": "{ASKED}", "variables": []}}',
    f'{{"query": "{ASKED}", "variables": {{"no": {DEEP}}}}}',
    f'{{"query": "{ASKED}", "extensions": 1}}',
    f'{{"query": "{ASKED}", "extensions": {{"persistedQuery": {{}}}}}}',
    f'{{"query": "{ASKED}", "documentId": "x"}}',
    f'{{"query": "{ASKED}", "x": NaN}}',
    f'{{"query": "{ASKED}", "x": 1e999}}',
    f'{{"query": "{ASKED}", "x": "\\ud800"}}',
    b'{"query": "%s", "x": "\xff"}' % ASKED.encode(),
    '{"query": null}',
    '{"query": ["{ position }"]}',
    '{"query": "query a { position } query b { position }"}',
    '{"query": "query a { position } query b { position }", "operationName": "b"}',
    '{"query": "query ($n: Int!) { customers(first: $n) { totalCount } }", "variables": {"n": 1e0}}',
    '{"query": "query ($n: Int!) { customers(first: $n) { totalCount } }", "variables": {"n": true}}',
    '{"query": "query ($n: Int!) { customers(first: $n) { totalCount } }", "variables": {"n": 2147483648}}',
    '{"query": "query ($n: ID!) { node(id: $n) { id } }", "variables": {"n": 1}}',
    '{"query": "mutation { __typename }"}',
    '{"query": "subscription { facts { cursor } }"}',
    '{"query": "fragment f on Query { position }"}',
]
TEXTS = [
    "{ " + "tickets(first: 1) { nodes { customer { " * 3 + "name" + " } } }" * 3 + " }",
    "{ "
    + "tickets(first: 1) { nodes { customer { " * (DEEPEST // 3 + 1)
    + "name"
    + " } } }" * (DEEPEST // 3 + 1)
    + " }",
    f"{{ {' '.join(f'a{n}: position' for n in range(MOST_ALIASES))} }}",
    f"{{ {' '.join(f'a{n}: position' for n in range(MOST_ALIASES + 1))} }}",
    f"{{ {'position ' * (MOST_TOKENS - 2)} }}",
    f"{{ {'position ' * MOST_TOKENS} }}",
    "{" + "a{" * 4_000 + "a" + "}" * 4_001,
    "{ position @skip(if: true) }",
    "{ ...f } fragment f on Query { ...f }",
    "{ position # a comment\n }",
    "query { position } ",
]
"""Documents at the limits and past them."""
NOISE = b'{}[]":, \\0aZ\xff\x00$!()'
HEADERS: list[dict[str, str]] = [
    {"content-type": "application/json; charset=utf-8"},
    {"content-type": "APPLICATION/JSON"},
    {"content-type": "text/plain"},
    {"content-type": ""},
    {"content-type": "multipart/form-data; boundary=x"},
    {"content-type": "application/graphql"},
    {"accept": RESPONSE_TYPE},
    {"accept": f"{JSON_TYPE};q=0.5, {RESPONSE_TYPE}"},
    {"accept": f"{RESPONSE_TYPE};q=0, */*"},
    {"accept": "text/html"},
    {"accept": "text/event-stream"},
    {"accept": "multipart/mixed"},
]


@pytest.fixture
def both(world: World) -> Both:
    return Both.of(world, *DESK)


async def test_odd_bodies_and_documents_are_answered_alike(both: Both) -> None:
    bodies = [body if isinstance(body, bytes) else body.encode() for body in BODIES]
    bodies += [orjson.dumps({"query": text}) for text in TEXTS]
    for body in bodies:
        for headers in ({}, {"accept": RESPONSE_TYPE}):
            fast, slow = await both.ask(body, **headers)
            assert fast == slow, body[:100]
    assert both.planner.counts["all"] > 20


@pytest.mark.parametrize("number", ["1e400", "1" * 30, "-" + "9" * 19, "1.0", "-0.0", "1e2", "true", "null"])
async def test_odd_numbers_are_understood_alike(both: Both, number: str) -> None:
    for kind, asked in (
        ("Int", "tickets(first: $x) { totalCount }"),
        ("ID!", "ticket(id: $x) { id }"),
        ("String", "tickets(after: $x) { totalCount }"),
        ("Position", "facts(after: $x) { nodes { id } }"),
    ):
        query = f"query ($x: {kind}) {{ {asked} }}"
        fast, slow = await both.ask(b'{"query": "%b", "variables": {"x": %b}}' % (query.encode(), number.encode()))
        assert fast == slow, (kind, number)


async def test_every_way_to_ask_is_answered_alike(both: Both) -> None:
    for headers in HEADERS:
        for body in (PLAIN, b"{}", b'{"query": "{ nothing }"}', b'{"query": "{ customers(first: 0) { totalCount } }"}'):
            fast, slow = await both.ask(body, **headers)
            assert fast == slow, (headers, body)
        fast, slow = await both.ask(b"query=%7B%20position%20%7D", "GET", **headers)
        assert fast == slow, headers


async def test_what_is_too_large_or_never_sent_whole_is_refused_before_it_is_read(both: Both) -> None:
    fast, slow = await both.ask(b"{" + b" " * 10**6 + b"}")
    assert fast == slow
    assert fast[0] == 413


async def test_cut_and_garbled_bodies_are_answered_alike(both: Both, world: World) -> None:
    dice = random.Random(7)
    id_ = gid("Customer", await world.customer())
    whole = orjson.dumps({"query": "query Q($id: ID!) { customer(id: $id) { name } }", "variables": {"id": id_}})
    for _ in range(300):
        body, place = bytearray(whole), dice.randrange(len(whole))
        if dice.random() < 0.3:
            del body[place:]
        else:
            body[place : place + dice.randint(0, 2)] = bytes(
                dice.choices(b'{}[]":, \\0aZ\xff\x00$!()', k=dice.randint(0, 2))
            )
        fast, slow = await both.ask(bytes(body))
        assert fast == slow, bytes(body)


SENT = [
    *[(b"authorization", value) for value in (b"one", b"two")],
    *[(b"accept", value) for value in (b"*/*", b"application/graphql-response+json", b"text/event-stream")],
    *[(b"content-type", value) for value in (b"application/json", b"text/plain")],
    (b"x", b"y"),
]


@given(st.lists(st.sampled_from(SENT), max_size=6))
@settings(max_examples=100)
def test_of_equal_headers_the_first_counts(sent: list[tuple[bytes, bytes]]) -> None:
    first: dict[bytes, bytes] = {}
    for name, value in sent:
        first.setdefault(name, value)
    assert head_of({"headers": sent}) == head_of({"headers": [*first.items()]})
    assert head_of({"headers": sent}).authorization == (first.get(b"authorization", b"").decode() or None)


def test_an_operation_is_read_as_it_is_spelt() -> None:
    asked = operation_of(b'{"query": "{ a }", "operationName": "b", "variables": {"c": 1}}')
    assert asked is not None
    assert (asked.query, asked.operation_name, asked.variables) == ("{ a }", "b", {"c": 1})
    assert operation_of(b'{"operationName": "b"}') is None
    assert operation_of(b'{"query": "{ a }", "variables": {"c": ' + b"[" * 10**5 + b"]" * 10**5 + b"}}") is None
