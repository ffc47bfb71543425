"""The planner answers with the bytes that strawberry answers with, for any query; strawberry is the oracle."""

from __future__ import annotations

import os
import random
import re
from base64 import urlsafe_b64decode
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest
from api import Api, gid
from conftest import World
from firm import at_work
from operations import Generator, Known
from owed import HOURS, RETAINER, SEATS, SERVERS, owed

from pet_graph.events.base import Priority, Role
from pet_graph.events.customers import RegisterCustomer
from pet_graph.events.messages import RespondToTicket
from pet_graph.events.obligations import ReleaseObligation
from pet_graph.events.policies import AdoptSlaPolicy, SlaTarget
from pet_graph.events.tickets import AnnulTicket, AssignTicket, HoldTicket, OpenTicket, ReopenTicket, ResolveTicket
from pet_graph.events.timelines import Party
from pet_graph.graph import RULES, schema
from pet_graph.planner import Planner, Prepared
from pet_graph.schema import NODES
from pet_graph.schema.links import Many, One

SEED = int(os.environ.get("PET_TEST_SEED", random.randrange(10**6)))
QUERIES = int(os.environ.get("PET_TEST_QUERIES", 1_000))
NAMES = (
    "Crunchy Armchairs",
    'Quote "and" \\ slash',
    "Žluťoučký kůň 🐎",
    "~0",
    'tab\tand\nline, \n {"x"',
    "a\u2028b\x7fc",
)


@pytest.fixture
async def desk(world: World) -> World:
    """Customers with odd names, tickets in every state, clocks of every kind, nulls, equal sort values."""
    customers = [(await world.record(RegisterCustomer(name=name))).facts[0].id for name in NAMES]
    people = [await world.person(name, Role.SUPPORT, Role.ENGINEER) for name in ("Ada", "Béla")]
    people.append(await world.person("Nobody"))
    await world.policy(timedelta(hours=1), timedelta(hours=8), warn_at_percent=(50, 90))
    own = (SlaTarget(Priority.URGENT, timedelta(microseconds=1_500_001), None),)
    await world.record(AdoptSlaPolicy(name="Own", targets=own, warn_at_percent=(), customer=customers[1]))
    for number, terms in enumerate((HOURS, SERVERS, RETAINER, SEATS)):
        [line, *_] = await owed(world, terms, HOURS, name="Owed", quote=UUID(int=number))
        if number:
            await world.record(ReleaseObligation(obligation=line, reason=NAMES[number]))
    await at_work(world, NAMES, people, customers)
    dice = random.Random(SEED)
    for number in range(60):
        world.pass_time(microseconds=dice.choice((0, 1, 500_000, 3_600_000_000)))
        opened = OpenTicket(
            customer=dice.choice(customers[:-1]),
            subject=dice.choice(NAMES),
            priority=dice.choice(list(Priority)),
            description="\u00e9" * dice.choice((0, 3)),
            reference=dice.choice((None, f"R{number}")),
        )
        ticket = (await world.record(opened)).facts[0].id
        for step in (
            AssignTicket(ticket=ticket, assignee=dice.choice(people)),
            RespondToTicket(ticket=ticket),
            HoldTicket(ticket=ticket, reason="Wait", waiting_on=dice.choice(list(Party))),
            ResolveTicket(ticket=ticket, resolution="Done"),
            ReopenTicket(ticket=ticket, reason="Again"),
            AnnulTicket(ticket=ticket, reason="Error"),
        ):
            if dice.random() < 0.4:
                world.pass_time(seconds=dice.choice((0, 1, 4_000)))
                await world.ask(step)
    await world.turns.record_due()
    return world


async def known(world: World) -> Known:
    ids = {name: [gid(name, row["id"]) for row in await world.rows(table)] for name, (table, _) in NODES.items()}
    texts = [*NAMES, "R1", "R2", ""]
    instants = [row["opened_at"].isoformat() for row in (await world.rows("tickets"))[:5]]
    return Known(ids, texts, [*instants, "2026-06-01T14:00:00.5+02:00"])


async def planned(api: Api, query: str, variables: dict[str, Any]) -> bytes | None:
    prepared = Planner(schema, RULES).prepare(query, None, variables)
    return None if prepared is None else await answered(api, prepared)


async def answered(api: Api, prepared: Prepared) -> bytes:
    return b'{"data":' + await prepared.run(api.services.pool, api.services.now()) + b"}"


async def oracle(api: Api, query: str, variables: dict[str, Any]) -> bytes:
    result: Any = await schema.execute(query, variable_values=variables, context_value=api.context())
    assert not result.errors, result.errors
    return orjson.dumps({"data": result.data})


def compiled_roots() -> tuple[str, ...]:
    """The roots that declare what they lead to."""
    root = schema._schema.query_type
    assert root is not None
    return tuple(
        name
        for name, one in root.fields.items()
        if isinstance(one.extensions["strawberry-definition"].metadata.get("link"), One | Many)
    )


async def test_any_query_gets_the_same_bytes_from_both_executions(desk: World) -> None:
    api, planner = Api(desk), Planner(schema, RULES)
    generator = Generator(schema._schema, await known(desk), random.Random(SEED), compiled_roots())
    compared = left = 0
    for number in range(QUERIES):
        query, variables = generator.query()
        where = f"seed {SEED}, query {number}: {query}\nvariables {variables}"
        prepared = planner.prepare(query, "Q", variables)
        if prepared is None:
            left += 1
            continue
        compared += 1
        fast, slow = await answered(api, prepared), await oracle(api, query, variables)
        assert fast == slow, where
        _collect_cursors(generator.known.cursors, slow)
    assert compared > 0.5 * QUERIES, f"{left} queries were left to strawberry"


CONNECTIONS = {table: name for name, (table, _) in NODES.items()}


def _collect_cursors(cursors: dict[str, list[str]], answer: bytes) -> None:
    """Cursors of real answers, by what they are cursors of, for later queries to go on from."""
    for cursor in re.findall(rb'"(WyJ[\w-]+)"', answer)[:3]:
        table = orjson.loads(urlsafe_b64decode(cursor + b"=" * (-len(cursor) % 4)))[0]
        found = cursors.setdefault(CONNECTIONS[table], [])
        if len(found) < 50:
            found.append(cursor.decode())
