"""Entities: what is met by its id is answered by one statement, with the bytes that strawberry answers with."""

from __future__ import annotations

import os
import random
from collections import Counter
from contextlib import aclosing
from datetime import timedelta
from typing import Any, cast
from uuid import UUID, uuid4

from api import DESK, RECORD_ALL, Api, command, counted, gid
from both import SEED, UNTIDY, Both, NoPlanner, compare, fill, known
from conftest import World
from live import live
from operations import Generator
from timetables import an_office

from pet_graph.context import Context, Info
from pet_graph.entities import Entities
from pet_graph.events.tickets import OpenTicket
from pet_graph.graph import schema
from pet_graph.groups import encoded

QUERIES = int(os.environ.get("PET_TEST_QUERIES", 2_000)) // 4
ROOTS = tuple(schema._schema.query_type.fields) if schema._schema.query_type else ()
CUSTOMER = "customer { name tickets(first: 2) { totalCount nodes { subject clocks(first: 2) { nodes { state } } } } }"


class Counting(Entities):
    """Counts what is found in a statement, and what is left to strawberry."""

    counts: Counter[bool]

    async def find(self, info: Info, table: str, id_: UUID) -> bytes | None:
        found = await super().find(info, table, id_)
        self.counts[found is not None] += 1
        return found


def apart(api: Api) -> Context:
    """What an operation carries whose entities are answered by statements of their own."""
    context = api.context()
    context.entities = Counting(schema, api.services.pool)
    context.entities.counts = Counter()
    return context


async def told(world: World, subscription: str, number: int, context: Context) -> list[bytes]:
    """So many messages, as they go over the wire."""
    found: list[bytes] = []
    async with live(world.feed):
        results: Any = await schema.subscribe(subscription, context_value=context)
        async with aclosing(results):
            async for result in results:
                found.append(encoded(result))
                if len(found) == number:
                    break
    return found


@UNTIDY
async def test_any_query_gets_the_same_bytes_when_its_entities_are_answered_apart(world: World) -> None:
    await fill(world)
    both = Both.of(world, *DESK)
    both.fast.planner = cast(Any, NoPlanner())
    both.fast.entities = entities = Counting(schema, world.pool)
    entities.counts = Counter()
    await compare(both, Generator(schema._schema, await known(world), random.Random(SEED), ROOTS), QUERIES, SEED)
    assert entities.counts[True] >= QUERIES // 20, entities.counts


async def test_a_message_of_a_subscription_asks_once_for_each_thing_however_deep(world: World) -> None:
    await fill(world)
    api = Api(world)
    subscription = f'subscription {{ slaVerdicts(after: "0") {{ cursor name {CUSTOMER} ticket {{ id {CUSTOMER} }} }} }}'
    plain = await told(world, subscription, 20, api.context())
    async with counted(api) as statements:
        assert await told(world, subscription, 20, apart(api)) == plain
    assert sum("tickets" in statement for statement in statements) == 2 * 20


async def test_the_answer_to_a_mutation_shows_what_was_just_recorded(world: World) -> None:
    api, customer = Api(world), await world.customer()
    await world.policy(timedelta(hours=1))
    document = command("openTicket", f"... on TicketRecorded {{ ticket {{ version {CUSTOMER} }} }}")
    given = {"commandId": str(uuid4()), "customer": gid("Customer", customer), "subject": "Žluť \U0001f40e"}
    first = await schema.execute(document, variable_values={"input": given}, context_value=apart(api))
    again = [
        await schema.execute(document, variable_values={"input": given}, context_value=context)
        for context in (apart(api), api.context())
    ]
    assert encoded(again[0]) == encoded(again[1])
    assert b'"subject":"\xc5\xbdlu\xc5\xa5 \xf0\x9f\x90\x8e","clocks":{"nodes":[{"state":"RUNNING"}]}' in encoded(first)
    assert first.errors is None


async def test_within_a_list_one_statement_asks_for_all(world: World) -> None:
    api, customer = Api(world), await world.customer()
    await world.policy(timedelta(hours=1))
    commands = [
        {"openTicket": {"commandId": str(uuid4()), "customer": gid("Customer", customer), "subject": f"{number}"}}
        for number in range(5)
    ]
    document = RECORD_ALL.replace("node { id }", "node { ... on Ticket { subject customer { name } } }")
    async with counted(api) as statements:
        context = apart(api)
        result = await schema.execute(document, variable_values={"commands": commands}, context_value=context)
    assert result.errors is None
    assert b'{"subject":"4","customer":{"name":"Crunchy Armchairs"}}' in encoded(result)
    assert len(statements) == 2


async def test_conditions_and_arguments_are_those_of_each_request(world: World) -> None:
    api, customer = Api(world), await world.customer()
    opened = OpenTicket(customer=customer, subject="Squeaks")
    ticket = gid("Ticket", (await world.record(opened)).facts[0].id)
    document = """query ($id: ID!, $n: Int!, $name: Boolean!) { ticket(id: $id) { customer {
        name @include(if: $name) tickets(first: $n) { nodes { subject } } } } }"""
    context, found = apart(api), []
    for n, name in ((1, True), (1, False), (0, True), (2, True)):
        given = {"id": ticket, "n": n, "name": name}
        results = [await schema.execute(document, given, each) for each in (context, api.context())]
        assert encoded(results[0]) == encoded(results[1])
        found.append(results[0].errors is None)
    assert found == [True, True, False, True]
    assert cast(Counting, context.entities).counts == {True: 3, False: 1}


async def test_what_only_the_program_can_work_out_is_left_to_it(world: World) -> None:
    api, customer = Api(world), await world.customer()
    await world.policy(timedelta(hours=1), calendar=await an_office(world))
    ticket = (await world.record(OpenTicket(customer=customer, subject="Squeaks"))).facts[0].id
    document = f"""query {{ slaClocks(first: 1) {{ totalCount }}
        ticket(id: "{gid("Ticket", ticket)}") {{ customer {{ tickets(first: 1) {{ nodes {{
            clocks(first: 1) {{ nodes {{ elapsed remaining }} }} }} }} }} }} }}"""
    context = apart(api)
    results = [await schema.execute(document, context_value=each) for each in (context, api.context())]
    assert encoded(results[0]) == encoded(results[1])
    assert b'"elapsed":"PT' in encoded(results[0])
    assert cast(Counting, context.entities).counts == {False: 1}
