"""Connections: every page of every list, in every order, whatever is recorded meanwhile and whatever cursors come."""

from __future__ import annotations

import random
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from api import Api, Json, counted, gid
from conftest import NOON, World
from graphql import GraphQLError

from pet_graph.events.tickets import OpenTicket
from pet_graph.projections.questions import Order
from pet_graph.schema.connections import decode_cursor, encode_cursor

PAGE = "edges { node { id } cursor } nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"
ARGUMENTS = "$first: Int, $after: String, $last: Int, $before: String"
GIVEN = "first: $first, after: $after, last: $last, before: $before"


@pytest.fixture
def api(world: World) -> Api:
    return Api(world)


def listing(field: str, order: str = "", selection: str = PAGE) -> str:
    """A root list, with the four arguments of pages as variables."""
    return f"query ({ARGUMENTS}) {{ page: {field}({GIVEN}{order}) {{ {selection} }} }}"


def ordered(field: str, direction: str) -> str:
    return f", orderBy: {{field: {field}, direction: {direction}}}"


def ids(page: Json) -> list[str]:
    assert page["nodes"] == [edge["node"] for edge in page["edges"]]
    cursors = [edge["cursor"] for edge in page["edges"]] or [None]
    assert (page["pageInfo"]["startCursor"], page["pageInfo"]["endCursor"]) == (cursors[0], cursors[-1])
    return [node["id"] for node in page["nodes"]]


async def walked(
    api: Api, document: str, size: int, *, backwards: bool = False, under: Sequence[str] = ()
) -> list[str]:
    """Every id of a list, page by page, to its end or, backwards, to its beginning; `under` leads to the list."""
    ahead, behind, end = (
        ("hasPreviousPage", "hasNextPage", "startCursor")
        if backwards
        else ("hasNextPage", "hasPreviousPage", "endCursor")
    )
    found: list[str] = []
    cursor: str | None = None
    while True:
        asked = {"last": size, "before": cursor} if backwards else {"first": size, "after": cursor}
        page = await api.ask(document, **asked)
        for step in ("page", *under):
            page = page[step]
        found = ids(page) + found if backwards else found + ids(page)
        assert page["pageInfo"][behind] is (cursor is not None)
        assert page["nodes"] or cursor is None, "an empty page after one that promised more"
        if not page["pageInfo"][ahead]:
            return found
        assert len(page["nodes"]) == size
        cursor = page["pageInfo"][end]


async def some_customers(world: World, names: Sequence[str]) -> list[UUID]:
    """Customers of these names, of whom two at a time are registered at the same instant."""
    made = []
    for number, name in enumerate(names):
        world.time[0] = NOON + timedelta(hours=number // 2)
        made.append(await world.customer(name))
    return made


async def some_tickets(world: World, customer: UUID, number: int) -> list[UUID]:
    """Tickets of one customer, of which three at a time are opened at the same instant."""
    made = []
    for each in range(number):
        command = OpenTicket(customer=customer, subject=f"{each}")
        made.append((await world.record(command, occurred_at=NOON - timedelta(hours=each // 3))).facts[0].id)
    return made


# --- pages ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backwards", [False, True])
async def test_every_walk_finds_every_row_once_and_in_order(api: Api, backwards: bool) -> None:
    await some_customers(api.world, "babcabc")
    rows = await api.world.rows("customers")
    for field in ("NAME", "REGISTERED_AT"):
        for direction in ("ASC", "DESC"):
            rows.sort(key=lambda row: (row[field.lower()], row["id"]), reverse=direction == "DESC")
            expected = [gid("Customer", row["id"]) for row in rows]
            for size in (1, 2, 3, 7, 100):
                walk = await walked(api, listing("customers", ordered(field, direction)), size, backwards=backwards)
                assert walk == expected, (field, direction, size)


@pytest.mark.parametrize("backwards", [False, True])
async def test_a_list_under_one_thing_is_walked_like_any_other(api: Api, backwards: bool) -> None:
    [customer, other] = await some_customers(api.world, "ab")
    await some_tickets(api.world, other, 3)
    await some_tickets(api.world, customer, 7)
    rows = [row for row in await api.world.rows("tickets") if row["customer_id"] == customer]
    for field in ("OPENED_AT", "POSITION"):
        for direction in ("ASC", "DESC"):
            rows.sort(key=lambda row: (row[field.lower()], row["id"]), reverse=direction == "DESC")
            expected = [gid("Ticket", row["id"]) for row in rows]
            inner = f"tickets({GIVEN}{ordered(field, direction)}) {{ {PAGE} }}"
            document = f'query ({ARGUMENTS}) {{ page: customer(id: "{gid("Customer", customer)}") {{ {inner} }} }}'
            for size in (1, 3, 7):
                walk = await walked(api, document, size, backwards=backwards, under=["tickets"])
                assert walk == expected, (field, direction, size)


async def test_rows_recorded_between_pages_neither_hide_nor_repeat_what_was_there(api: Api) -> None:
    seed = random.randrange(2**32)
    dice = random.Random(seed)
    before = {gid("Customer", id_) for id_ in await some_customers(api.world, dice.choices("bcdefgh", k=15))}
    document = listing("customers", "", f"nodes {{ id name }} {PAGE}")
    found, cursor = [], None
    while True:
        page = (await api.ask(document, first=dice.randint(1, 4), after=cursor))["page"]
        found += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            break
        cursor = page["pageInfo"]["endCursor"]
        await some_customers(api.world, dice.choices("abcdefghi", k=2))
    everything = [node["id"] for node in found]
    assert len(set(everything)) == len(everything), f"seed {seed}"
    assert before <= set(everything), f"seed {seed}"
    assert [node["name"] for node in found] == sorted(node["name"] for node in found), f"seed {seed}"


async def test_an_empty_list_is_one_empty_page(api: Api) -> None:
    for asked in ({"first": 1}, {"last": 1}):
        page = (await api.ask(listing("tickets", "", f"totalCount {PAGE}"), **asked))["page"]
        assert (ids(page), page["totalCount"]) == ([], 0)
        assert (page["pageInfo"]["hasNextPage"], page["pageInfo"]["hasPreviousPage"]) == (False, False)


# --- misuse -----------------------------------------------------------------------------------------------------------

EITHER = "Ask for either `first` or `last`, from 1 to 100."
TOGETHER = "Use `after` with `first`, and `before` with `last`."


async def test_every_misuse_of_pages_is_told_in_a_sentence(api: Api) -> None:
    await some_customers(api.world, "abc")
    page = (await api.ask(listing("customers"), first=2))["page"]
    cursor = page["pageInfo"]["endCursor"]
    for asked, sentence in (
        ({}, EITHER),
        ({"first": 1, "last": 1}, EITHER),
        ({"first": 0}, "`first` is 0; from 1 to 100 fit."),
        ({"first": -1}, "`first` is -1; from 1 to 100 fit."),
        ({"first": 101}, "`first` is 101; from 1 to 100 fit."),
        ({"last": 0}, "`last` is 0; from 1 to 100 fit."),
        ({"last": 2**31 - 1}, "`last` is 2147483647; from 1 to 100 fit."),
        ({"first": 1, "before": cursor}, TOGETHER),
        ({"last": 1, "after": cursor}, TOGETHER),
        ({"first": 1, "after": cursor, "before": cursor}, TOGETHER),
        ({"first": 1, "before": ""}, TOGETHER),
        ({"last": 1, "after": ""}, TOGETHER),
        ({"first": 1, "after": ""}, "'' is not a cursor of this list."),
        ({"last": 1, "before": "x"}, "'x' is not a cursor of this list."),
    ):
        assert await api.wrong(listing("customers"), **asked) == ("BAD_USER_INPUT", sentence), asked


async def test_the_same_misuse_is_told_of_a_list_under_something(api: Api) -> None:
    [customer] = await some_customers(api.world, "a")
    inner = f"tickets({GIVEN}) {{ nodes {{ id }} }}"
    document = f'query ({ARGUMENTS}) {{ customer(id: "{gid("Customer", customer)}") {{ {inner} }} }}'
    assert await api.wrong(document) == ("BAD_USER_INPUT", EITHER)
    assert await api.wrong(document, first=101) == ("BAD_USER_INPUT", "`first` is 101; from 1 to 100 fit.")


async def test_a_cursor_belongs_to_one_order_of_one_list(api: Api) -> None:
    await some_customers(api.world, "abc")
    cursor = (await api.ask(listing("customers"), first=1))["page"]["pageInfo"]["endCursor"]
    another = "This cursor belongs to another list or order; start again without it."
    for field, order in (
        ("customers", ordered("NAME", "DESC")),
        ("customers", ordered("REGISTERED_AT", "ASC")),
        ("people", ordered("NAME", "ASC")),
    ):
        assert await api.wrong(listing(field, order), first=1, after=cursor) == ("BAD_USER_INPUT", another), field


def forged(*key: Any) -> str:
    return urlsafe_b64encode(msgspec.json.encode(key)).decode()


async def test_a_forged_cursor_is_refused_and_not_looked_for(api: Api) -> None:
    some = str(UUID(int=1))
    tickets = listing("tickets", ordered("POSITION", "ASC"))
    opened = listing("tickets", ordered("OPENED_AT", "ASC"))
    for document, cursor in (
        (tickets, "!"),
        (tickets, "é"),
        (tickets, "x" * 10_000),
        (tickets, forged()),
        (tickets, forged("tickets", "position", False, 1)),
        (tickets, forged("tickets", "position", False, 1, "x")),
        (tickets, forged("tickets", "position", False, "1", some)),
        (tickets, forged("tickets", "position", False, None, some)),
        (tickets, forged("tickets", "position", False, 2**63, some)),
        (tickets, forged("tickets", "position", False, 2**70, some)),
        (opened, forged("tickets", "opened_at", False, "2026-06-01T12:00:00", some)),
        (opened, forged("tickets", "opened_at", False, "0001-01-01T00:00:00+23:59", some)),
        (opened, forged("tickets", "opened_at", False, "soon", some)),
        (listing("people"), forged("people", "name", False, "a\0b", some)),
        (listing("people"), urlsafe_b64encode(b'["people","name",false,"\\ud800","%s"]' % some.encode()).decode()),
        (listing("people"), urlsafe_b64encode(b"[" * 5_000).decode()),
    ):
        code, sentence = await api.wrong(document, first=1, after=cursor)
        assert code == "BAD_USER_INPUT", (cursor, sentence)
        assert sentence.endswith(" is not a cursor of this list."), sentence
        assert len(sentence) < 200, sentence


async def test_a_cursor_says_where_the_row_stands_and_nothing_else(api: Api) -> None:
    [customer] = await some_customers(api.world, "a")
    cursor = (await api.ask(listing("customers"), first=1))["page"]["pageInfo"]["endCursor"]
    key = msgspec.json.decode(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    assert key == ["customers", "name", False, "a", str(customer)]


def test_a_cursor_keeps_a_day() -> None:
    order, row = Order("promised_by"), {"promised_by": date(2026, 6, 1), "id": UUID(int=1)}
    assert decode_cursor("obligations", order, encode_cursor("obligations", order, row)) == tuple(row.values())
    with pytest.raises(GraphQLError, match="not a cursor"):
        decode_cursor("obligations", order, forged("obligations", "promised_by", False, "2026-02-29", str(UUID(int=1))))


# --- how long ---------------------------------------------------------------------------------------------------------


async def test_the_whole_list_is_counted_only_when_asked(api: Api) -> None:
    [customer, *_] = await some_customers(api.world, "abc")
    await some_tickets(api.world, customer, 4)
    async with counted(api) as statements:
        await api.ask(listing("tickets", "", "nodes { id }"), first=1)
        assert [statement.split(" from ")[0] for statement in statements] == ["select t.*"]
        statements.clear()
        whole = await api.ask(listing("tickets", "", "totalCount nodes { id }"), first=1)
        assert whole["page"]["totalCount"] == 4
        assert [statement.split(" from ")[0] for statement in statements] == ["select t.*", "select count(*)"]


async def test_lists_under_many_things_are_counted_together(api: Api) -> None:
    for number, customer in enumerate(await some_customers(api.world, "abc")):
        await some_tickets(api.world, customer, number)
    async with counted(api) as statements:
        data = await api.ask("{ customers(first: 9) { nodes { tickets(first: 1) { totalCount nodes { id } } } } }")
        assert len(statements) == 3
    lists = [node["tickets"] for node in data["customers"]["nodes"]]
    assert [(each["totalCount"], len(each["nodes"])) for each in lists] == [(0, 0), (1, 1), (2, 1)]


async def test_a_count_is_of_what_the_filter_leaves(api: Api) -> None:
    await some_customers(api.world, "aab")
    data = await api.ask('{ customers(first: 1, filter: {name: ["a"]}) { totalCount nodes { name } } }')
    assert data["customers"] == {"totalCount": 2, "nodes": [{"name": "a"}]}
