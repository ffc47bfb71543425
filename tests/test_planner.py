"""The planner answers with the bytes that strawberry answers with, for any query; strawberry is the oracle."""

from __future__ import annotations

import os
import random
import re
from base64 import urlsafe_b64decode
from typing import Any

import orjson
import pytest
from api import DESK, gid
from both import NAMES, SEED, Both, fill
from conftest import World
from operations import Generator, Known

from pet_graph import transport
from pet_graph.graph import schema
from pet_graph.schema import NODES

QUERIES = int(os.environ.get("PET_TEST_QUERIES", 2_000))
"""For a long run: PET_TEST_QUERIES=50000 python -m pytest tests/test_planner.py -n 2 -k any_query"""
BATCHES = 2


@pytest.fixture
async def desk(world: World) -> World:
    await fill(world)
    return world


async def known(world: World) -> Known:
    ids = {name: [gid(name, row["id"]) for row in await world.rows(table)] for name, (table, _) in NODES.items()}
    texts = [*NAMES, "R1", "R2", ""]
    instants = [row["opened_at"].isoformat() for row in (await world.rows("tickets"))[:5]]
    facts = await world.facts()
    streams = [*{fact.stream for fact in facts[:40]}, "ticket-1", ""]
    types = [*{fact.type for fact in facts}, "NothingHappened"]
    return Known(ids, texts, [*instants, "2026-06-01T14:00:00.5+02:00"], streams, types)


class Different(AssertionError):
    """The two ways do not agree; tells the query."""


async def compare(both: Both, generator: Generator, queries: int, seed: int) -> None:
    """Ask so many random queries both ways. Raises `Different`."""
    for number in range(queries):
        query, variables = generator.query()
        body = orjson.dumps({"query": query, "operationName": "Q", "variables": _floats(variables)})
        fast, slow = await both.ask(body)
        if fast != slow:
            raise Different(
                f"PET_TEST_SEED={seed}, query {number}:\n{query}\n{variables}\nfast {fast[2]!r}\nslow {slow[2]!r}"
            )
        _collect_cursors(generator.known.cursors, slow[2])


def _floats(value: Any) -> Any:
    """Integers that JSON libraries differ over, as floats."""
    if isinstance(value, dict):
        return {name: _floats(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_floats(item) for item in value]
    return float(value) if isinstance(value, int) and abs(value) >= 2**63 else value


CONNECTIONS = {table: name for name, (table, _) in NODES.items()}


def _collect_cursors(cursors: dict[str, list[str]], answer: bytes) -> None:
    """Cursors of real answers, by what they are cursors of, for later queries to go on from."""
    for cursor in re.findall(rb'"(WyJ[\w-]+)"', answer)[:3]:
        table = orjson.loads(urlsafe_b64decode(cursor + b"=" * (-len(cursor) % 4)))[0]
        found = cursors.setdefault(CONNECTIONS[table], [])
        if len(found) < 50:
            found.append(cursor.decode())


ROOTS = tuple(schema._schema.query_type.fields) if schema._schema.query_type else ()


# --- any query --------------------------------------------------------------------------------------------------------


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
