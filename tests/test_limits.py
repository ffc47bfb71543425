"""Limits and errors: how much may be asked at once, what is made of odd input, and what clients learn of errors."""

from __future__ import annotations

import logging
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from api import Api, gid
from conftest import World
from graphql import get_introspection_query

from pet_graph import database
from pet_graph.graph import DEEPEST, MOST_ALIASES, MOST_TOKENS
from pet_graph.turn import Turns


@pytest.fixture
def api(world: World) -> Api:
    return Api(world)


# --- how much ---------------------------------------------------------------------------------------------------------


def deep(levels: int) -> str:
    """A query whose deepest field stands below so many others."""
    steps = ("tickets(first: 1)", "nodes", "customer")
    opened = " { ".join(steps[level % 3] for level in range(levels))
    return f"query deep {{ {opened} {{ __typename }} {'}' * levels}"


def deep_in_fragments(levels: int) -> str:
    """The same depth, of which no single fragment shows more than three levels."""
    fragments = "".join(
        f"fragment f{number} on Customer {{ tickets(first: 1) {{ nodes {{ customer {{ ...f{number + 1} }} }} }} }} "
        for number in range(levels // 3)
    )
    return f'{fragments} fragment f{levels // 3} on Customer {{ name }} query deep {{ customer(id: "?") {{ ...f0 }} }}'


async def test_a_query_may_be_so_deep_and_no_deeper(api: Api) -> None:
    too_deep = f"'deep' exceeds maximum operation depth of {DEEPEST}"
    assert await api.ask(deep(DEEPEST)) == {"tickets": {"nodes": []}}
    assert await api.wrong(deep(DEEPEST + 1)) == ("BAD_USER_INPUT", too_deep)
    assert (await api.wrong(deep_in_fragments(9)))[1] == "'?' is not an id of PET's."
    assert await api.wrong(deep_in_fragments(12)) == ("BAD_USER_INPUT", too_deep)


async def test_a_document_may_hold_so_many_aliases_and_tokens_and_no_more(api: Api) -> None:
    aliases = [f"a{number}: position" for number in range(MOST_ALIASES + 1)]
    assert await api.ask(f"{{ {' '.join(aliases[1:])} }}") == {f"a{n}": "0" for n in range(1, MOST_ALIASES + 1)}
    told = await api.wrong(f"{{ {' '.join(aliases)} }}")
    assert told == ("BAD_USER_INPUT", f"{MOST_ALIASES + 1} aliases found. Allowed: {MOST_ALIASES}")
    told = await api.wrong(f"{{ {'position ' * MOST_TOKENS} }}")
    tokens = f"Syntax Error: Document contains more than {MOST_TOKENS} tokens. Parsing aborted."
    assert told == ("BAD_USER_INPUT", tokens)


async def test_tools_may_ask_for_the_whole_schema(api: Api) -> None:
    data = await api.ask(get_introspection_query(one_of=True))
    assert data["__schema"]["queryType"]["name"] == "Query"


async def test_of_several_operations_one_has_to_be_named(api: Api) -> None:
    told = await api.wrong("query a { position } query b { position }")
    assert told == ("BAD_USER_INPUT", "This document has several operations: send operationName.")


async def test_a_document_that_is_none_is_told_so(api: Api) -> None:
    for document in (
        "{",
        "?",
        "{ nothing }",
        "{" + "a{" * 5_000 + "a" + "}" * 5_001,
        f"{{ tickets(first: {'[' * 5_000}{']' * 5_000}) {{ nodes {{ id }} }} }}",
        "{ " + "position " * (MOST_TOKENS - 2) + "}",
        "{ tickets(first: 1, orderBy: {field: NOTHING}) { nodes { id } } }",
        "{ ...f } fragment f on Query { ...f }",
    ):
        [code] = {error["extensions"]["code"] for error in (await api.execute(document))["errors"]}
        assert code == "BAD_USER_INPUT", document[:50]


# --- odd input --------------------------------------------------------------------------------------------------------

FIRST = "query ($it: Int!) { tickets(first: $it) { nodes { id } } }"
AFTER = "query ($it: Position) { facts(first: 1, after: $it) { cursor } }"
STREAMS = "query ($it: [String!]) { facts(first: 1, streams: $it) { cursor } }"
TYPES = "query ($it: [String!]) { facts(first: 1, types: $it) { cursor } }"
FILTER = "query ($it: TicketFilter) { tickets(first: 1, filter: $it) { nodes { id } } }"
AS_OF = 'query ($it: AsOf) { ticket(id: "?", asOf: $it) { id } }'
ODD: dict[str, list[Any]] = {
    FIRST: [None, "1", 1.5, 2**31, -(2**31) - 1, 10**400, float("nan"), float("inf"), [1, 2], {}, [[[[1]]]]],
    AFTER: [-1, 1, "-1", "", "1.0", " 1", "\u0663", str(2**63), True, []],
    STREAMS: [["a\0b"], ["\udfff"], [None], [1], {}],
    TYPES: [["Ticket\0Opened"], ["\ud800"], ["x" * 100_000], [""], [[]]],
    FILTER: [
        {"status": ["open"]},
        {"openedFrom": "2026-06-01"},
        {"customer": [None]},
        {"reference": ["\0"]},
        {"no": 1},
    ],
    AS_OF: [{}, {"position": "1", "recordedAt": "2026-06-01T12:00:00Z"}, {"position": None}, []],
    "{ facts(first: 0) { cursor } }": [None],
    f"{{ facts(first: {'9' * 5_000}) {{ cursor }} }}": [None],
    f"{{ facts(first: 1, after: {'9' * 5_000}) {{ cursor }} }}": [None],
    "{ facts(first: 1001) { cursor } }": [None],
    "{ slaBreachesByCustomer(first: 101) { breaches } }": [None],
}
"""Documents, and what of `it` is refused as the client's own."""


async def test_odd_input_is_the_clients_own_and_never_an_error_of_ours(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    for document, given in ODD.items():
        for it in given:
            response = await api.execute(document, it=it)
            assert response["data"] is None, (document, it)
            for error in response["errors"]:
                assert error["extensions"]["code"] == "BAD_USER_INPUT", (document, it, error)
    assert caplog.records == []


async def test_empty_and_huge_lists_are_only_lists(api: Api) -> None:
    document = "query ($f: TicketFilter) { tickets(first: 1, filter: $f) { nodes { id } } }"
    for filter_ in (
        {"reference": []},
        {"reference": ["x" * 1_000] * 10_000},
        {"customer": [gid("Customer", uuid4())] * 10_000},
    ):
        assert await api.ask(document, f=filter_) == {"tickets": {"nodes": []}}
    assert await api.ask("{ facts(first: 1, types: [], streams: []) { facts { type } cursor hasMore } }") == {
        "facts": {"facts": [], "cursor": "0", "hasMore": False}
    }


async def test_a_text_may_hold_anything_that_is_text(api: Api) -> None:
    name = "\U0001f40c a\u0301 \u202e \ufeff \x01 ' \" \\ ; -- %s {} \n\t" + "x" * 100
    answer = await api.command("registerCustomer", "... on CustomerRecorded { customer { name } }", name=name)
    assert answer["customer"] == {"name": name}
    data = await api.ask(
        "query ($n: [String!]) { customers(first: 1, filter: {name: $n}) { nodes { name } } }", n=[name]
    )
    assert data["customers"]["nodes"] == [{"name": name}]


# --- errors -----------------------------------------------------------------------------------------------------------

CUSTOMERS = "{ customers(first: 1) { nodes { name } } }"


async def test_an_error_of_ours_is_masked_and_logged_once(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    owner = await asyncpg.connect(api.world.url)
    await owner.execute("alter table projections.customers rename to hidden_from_sight")
    try:
        [error] = (await api.execute(CUSTOMERS))["errors"]
    finally:
        await owner.execute("alter table projections.hidden_from_sight rename to customers")
        await owner.close()
    assert (error["message"], error["extensions"]) == (
        "An error on our side. Nothing is known to have been recorded.",
        {"code": "INTERNAL"},
    )
    [record] = caplog.records
    assert (record.levelname, record.exc_info is not None and record.exc_info[0]) == (
        "ERROR",
        asyncpg.UndefinedTableError,
    )


async def test_a_database_that_does_not_answer_is_told_as_such(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    async with database.pool(api.world.url, 1) as api.services.pool:
        pass
    [error] = (await api.execute(CUSTOMERS))["errors"]
    assert (error["message"], error["extensions"]) == (
        "The database does not answer. Send the same again in a moment.",
        {"code": "UNAVAILABLE", "retryable": True},
    )
    assert [record.levelname for record in caplog.records] == ["WARNING"]


async def test_a_command_that_cannot_wait_is_told_to_come_again(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    turns = api.services.turns
    api.services.turns = Turns(lambda: database.connect(api.world.url), api.world.now, queue_limit=1)
    commands: list[Any] = [{"registerCustomer": {"commandId": str(uuid4()), "name": name}} for name in "ab"]
    document = "mutation ($c: [CommandInput!]!) { recordAll(commands: $c) { recorded } }"
    [error] = (await api.execute(document, c=commands))["errors"]
    assert error["extensions"] == {"code": "UNAVAILABLE", "retryable": True}
    assert error["message"] == "Too many commands are waiting. Send the same command again in a moment."
    assert await api.world.facts() == []
    api.services.turns = turns
    assert await api.ask(document, c=commands) == {"recordAll": {"recorded": 2}}
    assert logging.ERROR not in [record.levelno for record in caplog.records]
