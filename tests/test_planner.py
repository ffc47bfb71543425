"""The planner answers with the bytes that strawberry answers with, for any query; strawberry is the oracle."""

from __future__ import annotations

import asyncio
import os
import random
from contextlib import suppress
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from api import DESK, gid
from both import SEED, UNTIDY, Both, Different, compare, fill, known
from conftest import World
from operations import Generator

from pet_graph import compiler, database, transport
from pet_graph.authority import EVERYTHING, scope_of
from pet_graph.events.tickets import OpenTicket
from pet_graph.graph import checked, schema
from pet_graph.planner import MOST_LETTERS, NotPlanned, Planner
from pet_graph.projections import TABLES, forms, statements
from pet_graph.rebuild import rebuild

QUERIES = int(os.environ.get("PET_TEST_QUERIES", 2_000))
"""For a long run: PET_TEST_QUERIES=50000 python -m pytest tests/test_planner.py -n 2 -k any_query"""
BATCHES = 2


@pytest.fixture
async def desk(world: World) -> World:
    await fill(world)
    return world


ROOTS = tuple(schema._schema.query_type.fields) if schema._schema.query_type else ()


# --- any query --------------------------------------------------------------------------------------------------------


@UNTIDY
@pytest.mark.parametrize("batch", range(BATCHES))
async def test_any_query_gets_the_same_bytes_from_both_executions(
    desk: World, batch: int, caplog: pytest.LogCaptureFixture
) -> None:
    seed = SEED + batch
    both = Both.of(desk, *DESK)
    generator = Generator(schema._schema, await known(desk), random.Random(seed), ROOTS)
    await compare(both, generator, QUERIES // BATCHES, seed)
    failed = [record.getMessage() for record in caplog.records if record.name == transport.__name__]
    assert failed == [], f"seed {seed}: statements that PostgreSQL refused, though the client got its answer"
    planned = both.planner.counts
    assert planned["nothing"] < 0.4 * planned.total(), planned
    assert planned["a part"] > 0.05 * planned.total(), planned


async def mend(world: World) -> None:
    """Make the rows anew of the log, after a test has spoilt them."""
    connection = await database.connect(world.url)
    await rebuild(connection)
    await connection.close()


# --- a planner that is wrong is found out -----------------------------------------------------------------------------


def order_ignores_direction(row: str, page: Any, *, backwards: bool) -> str:
    return f"{row}.{page.order.column} desc, {row}.id desc"


MISTAKES: dict[str, tuple[Any, str, Any]] = {
    "a page is read from the wrong end": (statements, "_order", order_ignores_direction),
    "a list goes on that does not": (statements, "_told", lambda *_: "true"),
    "an enum is not spelt as GraphQL spells it": (forms, "FORMS", {**forms.FORMS, "enum": "{0}"}),
}


@pytest.mark.parametrize("mistake", MISTAKES)
async def test_a_mistake_that_is_planted_is_found(desk: World, monkeypatch: pytest.MonkeyPatch, mistake: str) -> None:
    module, name, wrong = MISTAKES[mistake]
    monkeypatch.setattr(module, name, wrong)
    if name == "FORMS":
        monkeypatch.setattr(statements, name, wrong)
    generator = Generator(schema._schema, await known(desk), random.Random(SEED), ROOTS)
    with pytest.raises(Different):
        await compare(Both.of(desk, *DESK), generator, 400, SEED)


# --- together ---------------------------------------------------------------------------------------------------------

MIXED = """query ($id: ID!, $then: AsOf, $no: Boolean!) {
  first: position
  then: ticket(id: $id, asOf: $then) { subject elsewhere: position }
  __typename
  now: ticket(id: $id) { subject version }
  gone: ticket(id: $id) @include(if: $no) { subject }
  __schema { queryType { name } }
  last: facts(first: 1) { cursor }
}"""


async def test_what_is_planned_and_what_is_not_stand_in_one_answer_in_the_order_asked(world: World) -> None:
    both = Both.of(world, *DESK)
    ticket = gid("Ticket", (await world.record(OpenTicket(customer=await world.customer(), subject="A"))).facts[0].id)
    answer = await both.same(MIXED, id=ticket, then={"position": "2"}, no=False)
    assert list(answer["data"]) == ["first", "then", "__typename", "now", "__schema", "last"]
    assert both.planner.counts == {"a part": 1}
    answer = await both.same(MIXED, id=ticket, then=None, no=True)
    assert answer["data"]["then"] == {"subject": "A", "elsewhere": "2"}


async def test_an_error_in_the_part_on_strawberry_stands_beside_the_planned_part(world: World) -> None:
    both = Both.of(world, *DESK)
    query = "{ position ticket(id: %s, asOf: {position: %s}) { customer { name } } }"
    answer = await both.same(query % (f'"{gid("Ticket", uuid4())}"', '"99"'))
    assert answer == {"data": {"position": "0", "ticket": None}}
    answer = await both.same(query % ('"?"', '"99"'))
    assert (answer["data"], answer["errors"][0]["path"]) == ({"position": "0", "ticket": None}, ["ticket"])


async def test_something_that_must_be_there_and_is_not_is_told_as_strawberry_tells_it(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    customer = await world.customer()
    await world.record(OpenTicket(customer=customer, subject="A"))
    await world.pool.execute("delete from customers")
    answer = await Both.of(world, *DESK).same("{ tickets(first: 1) { nodes { subject customer { name } } } }")
    await mend(world)
    assert answer["data"] is None
    assert answer["errors"][0]["path"] == ["tickets", "nodes", 0, "customer"]
    assert "a planned statement failed" in caplog.text


# --- rights and caches ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("roles", [(), ("partner",), ("integration",), ("partner", "manager")], ids=str)
async def test_whoever_may_not_read_may_not_read_by_the_planner_either(world: World, roles: tuple[str, ...]) -> None:
    both = Both.of(world, *roles)
    for query in ("{ position }", "{ __typename }", "{ customers(first: 1) { totalCount } node(id: 1) { id } }"):
        answer = await both.same(query)
        reads = scope_of(roles) is not None or query == "{ __typename }"
        assert ("FORBIDDEN" in str(answer)) is not reads
    assert both.planner.counts["all"] == (2 if scope_of(roles) else 0)


def a_planner() -> Planner:
    return Planner(schema, checked)


def test_what_is_kept_for_one_scope_is_not_used_for_another() -> None:
    planner = a_planner()
    one, same, other = (planner.planned("{ position }", None, {}, scope) for scope in ("a", "a", "b"))
    assert one.plan is same.plan
    assert one.plan is not other.plan
    with pytest.raises(NotPlanned):
        planner.planned("{ position }", None, {}, None)


def test_each_value_of_a_condition_has_its_own_plan() -> None:
    planner, query = a_planner(), "query ($a: Boolean!) { position @skip(if: $a) __typename }"
    columns = [planner.planned(query, None, {"a": a}, EVERYTHING).plan.columns for a in (True, False, True)]
    assert columns == [(), ("position",), ()]


def test_what_is_kept_has_a_bound() -> None:
    planner = a_planner()
    for number in range(300):
        planner.planned(f"{{ a{number}: position {' ' * 10_000} }}", None, {}, EVERYTHING)
    assert planner._letters == sum(len(query) for query, _ in planner._documents) <= MOST_LETTERS
    query = "query ($n: Int!, $c: [ID!]) { tickets(first: $n, filter: {customer: $c}) { totalCount } }"
    for number in range(1, 101):
        ids = [gid("Customer", uuid4()) for _ in range(number)]
        prepared = planner.planned(query, None, {"n": number, "c": ids}, EVERYTHING)
    [selection] = planner._documents[query, None].selections._kept.values()  # type: ignore[union-attr]
    assert (len(selection.plans._kept), len(selection.calls[0].known._kept)) == (1, 0)
    assert prepared.slots[0].count == 100  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("mutation { __typename }", "it is a mutation"),
        ("{ nothing }", "Cannot query field 'nothing' on type 'Query'. Did you mean 'booking'?"),
        ("{", "Syntax Error: Expected Name, found <EOF>."),
        ("query a { position } query b { position }", "it does not say which operation of the document is meant"),
        ("{ tickets(first: 0) { totalCount } }", "`first` is 0; from 1 to 100 fit."),
        ("{ __schema { description } }", "__schema: introspection is answered from the schema"),
        ("{ position %s }" % (" " * 20_000), "it is longer than 20000 letters"),
        (
            "query ($n: Int!) { tickets(first: $n) { totalCount } }",
            "Variable '$n' has invalid value: Expected a value of non-null type 'Int!' to be provided.",
        ),
        ("{" + "a{" * 2_000 + "a" + "}" * 2_001, None),
    ],
)
def test_the_planner_says_why_it_does_not_plan(query: str, why: str | None) -> None:
    with pytest.raises(NotPlanned) as told:
        a_planner().planned(query, None, {}, EVERYTHING)
    assert why is None or str(told.value) == why


# --- kept arguments ---------------------------------------------------------------------------------------------------


async def test_the_arguments_of_a_page_are_converted_once_whatever_its_cursor(
    desk: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    both, converted = Both.of(desk, *DESK), list[Any]()
    whole = compiler.convert_arguments
    monkeypatch.setattr(compiler, "convert_arguments", lambda *given: converted.append(given) or whole(*given))
    for field in schema._schema.type_map["TicketOrderField"].values:  # type: ignore[attr-defined]
        ordered = f"orderBy: {{field: {field}}}"
        found = await both.same(f"{{ tickets(first: 1, {ordered}) {{ pageInfo {{ endCursor }} }} }}")
        after = found["data"]["tickets"]["pageInfo"]["endCursor"]
        planned = a_planner()
        query = f"query ($after: String) {{ tickets(first: 1, after: $after, {ordered}) {{ nodes {{ id }} }} }}"
        converted.clear()
        for _ in range(3):
            assert planned.planned(query, None, {"after": after}, EVERYTHING)
        assert len(converted) == 1, f"{len(after)} characters"


# --- kept connections -------------------------------------------------------------------------------------------------


async def test_kept_connections_survive_errors_losses_and_callers_who_go_away(world: World) -> None:
    with database.reader(world.url, 1) as reader:
        first = (await reader.fetchrow("select pg_backend_pid()"))[0]
        assert (await reader.fetchrow("select pg_backend_pid()"))[0] == first
        with pytest.raises(asyncpg.PostgresError):
            await reader.fetchrow("select nothing")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await reader.fetchrow("select pg_sleep(10)")
        kept = (await reader.fetchrow("select pg_backend_pid()"))[0]
        owner = await asyncpg.connect(world.url)
        await owner.execute("select pg_terminate_backend($1)", kept)
        await owner.close()
        with suppress(*database.LOST):
            await reader.fetchrow("select 1")
        found = await asyncio.gather(*(reader.fetchrow("select $1::int", number) for number in range(20)))
        assert [row[0] for row in found] == list(range(20))


async def test_a_place_that_comes_to_somebody_who_goes_away_is_not_lost(world: World) -> None:
    with database.reader(world.url, 1) as reader:
        place = reader._idle.pop()
        waiting = asyncio.create_task(reader.fetchrow("select 1"))
        await asyncio.sleep(0)
        reader._hand_on(place)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert (await asyncio.wait_for(reader.fetchrow("select 1"), 5))[0] == 1


async def test_a_kept_statement_goes_on_when_the_tables_were_made_anew(world: World) -> None:
    await world.customer()
    with database.reader(world.url, 1) as reader:
        assert (await reader.fetchrow("select count(*) from customers"))[0] == 1
        owner = await database.connect(world.url)
        await rebuild(owner)
        await owner.close()
        assert (await reader.fetchrow("select count(*) from customers"))[0] == 1


def test_no_column_is_called_like_what_statements_add_to_rows() -> None:
    """Lists number their rows; a column of that name made such a number ambiguous."""
    assert [column for table in TABLES.values() for column in table.columns if column.startswith("_")] == []
