"""Equal subscriptions share one execution; nobody sees of it more, less, or something else than alone."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from wire import (
    BREACHES,
    FACTS,
    PATIENCE_SECONDS,
    Server,
    following,
    named,
    opening,
    over_sse,
    over_websocket,
    promised,
    serving,
    taken,
)

from pet_graph import groups
from pet_graph.decisions import Asked
from pet_graph.events.customers import RegisterCustomer
from pet_graph.groups import Group, cursor_variable
from pet_graph.requests import Operation


@pytest.fixture
async def pet(database_url: str, tmp_path: Path) -> AsyncIterator[Server]:
    async with serving(database_url, tmp_path) as server:
        yield server


@pytest.fixture
def executions(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What groups have made of facts."""
    made: list[bytes] = []
    tell = Group._tell

    async def counted(group: Group, position: float, body: bytes) -> None:
        made.append(body)
        await tell(group, position, body)

    monkeypatch.setattr(Group, "_tell", counted)
    return made


def open_groups(pet: Server) -> int:
    return len(pet.process.graphql.groups.open)


# --- who shares -------------------------------------------------------------------------------------------------------


async def test_equal_subscriptions_are_executed_once_over_every_transport(pet: Server, executions: list[bytes]) -> None:
    customer = await promised(pet, resolution="PT1H")
    async with AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(over_sse(pet, BREACHES)) for _ in range(5)]
        sockets = [await stack.enter_async_context(pet.socket()) for _ in range(5)]
        for socket in sockets:
            await socket.subscribe(BREACHES)
        await following(10)
        groups_then = open_groups(pet)
        await pet.record(opening(customer, "It squeaks", occurredAt="2026-01-01T00:00:00Z"))
        heard = [(await taken(messages, 1))[0] for messages in streams] + [await socket.data() for socket in sockets]
    assert groups_then == 1
    assert heard[0]["slaBreaches"]["ticket"] == {"subject": "It squeaks"}
    assert heard == [heard[0]] * 10
    assert len(executions) == 1
    await following(0)
    assert open_groups(pet) == 0


async def test_what_differs_in_document_variables_or_rights_is_not_shared(
    pet: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groups, "scope_of", lambda roles: "all" if "manager" in roles else "some")
    async with AsyncExitStack() as stack:
        for document, roles, variables in (
            (FACTS, ("manager",), {}),
            (FACTS, ("support",), {}),
            (FACTS, ("support", "manager"), {}),
            (FACTS, ("manager",), {"types": ["TicketOpened"]}),
            (FACTS, ("manager",), {"types": ["TicketHeld"]}),
            (FACTS + " ", ("manager",), {}),
            (BREACHES, ("manager",), {}),
        ):
            for _ in range(2):
                socket = await stack.enter_async_context(pet.socket(headers=pet.bearer(*roles)))
                await socket.subscribe(document, **variables)
        await following(14)
        assert open_groups(pet) == 6


async def test_who_resumes_joins_the_same_group_and_the_cursor_makes_no_other(
    pet: Server, executions: list[bytes]
) -> None:
    await pet.record(*named("A", "B", "C"))
    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(pet.socket()) for _ in range(6)]
        for socket, after in zip(sockets, (None, "0", "1", "2", "3", None), strict=True):
            await socket.subscribe(FACTS, **({"after": after} if after else {}))
        await following(6)
        assert open_groups(pet) == 1
        await pet.record(*named("D"))
        for socket, after in zip(sockets, (3, 0, 1, 2, 3, 3), strict=True):
            got = [(await socket.data())["facts"]["cursor"] for _ in range(4 - after)]
            assert got == [f"{position}" for position in range(after + 1, 5)]
        assert len(executions) == 1


async def test_a_group_lives_as_long_as_its_last_member(pet: Server) -> None:
    async with pet.socket() as first, pet.socket() as second:
        for socket in (first, second):
            await socket.subscribe(FACTS)
        await following(2)
        for socket, name in ((first, "A"), (second, "B")):
            await pet.record(*named(name))
            await socket.data()
            await socket.send(type="complete", id="1")
            await following(1 if name == "A" else 0)
        assert open_groups(pet) == 0
        await first.subscribe(FACTS)
        await following(1)
        await pet.record(*named("C"))
        assert (await first.data())["facts"]["cursor"] == "3"


async def test_one_socket_may_be_in_a_group_twice_and_leaves_it_once(pet: Server) -> None:
    async with pet.socket() as socket:
        for operation in ("one", 'o"ther'):
            await socket.subscribe(FACTS, operation)
        await following(2)
        await pet.record(*named("A"))
        assert {(await socket.next())["id"] for _ in range(2)} == {"one", 'o"ther'}
        await socket.send(type="complete", id="one")
        await following(1)
        await pet.record(*named("B"))
        assert (await socket.data('o"ther'))["facts"]["cursor"] == "2"


async def test_a_group_that_fails_ends_its_members_and_nothing_else(
    pet: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(result: Any) -> bytes:
        raise RuntimeError("a bug")

    async with pet.socket() as first, pet.socket() as second:
        for socket in (first, second):
            await socket.subscribe(FACTS)
        await following(2)
        with monkeypatch.context() as bug:
            bug.setattr(groups, "encoded", broken)
            await pet.record(*named("A"))
            for socket in (first, second):
                assert await socket.next() == {"type": "complete", "id": "1"}
        await first.subscribe(FACTS, after="0")
        assert (await first.data())["facts"]["cursor"] == "1"
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == [
        "a group of subscriptions has failed"
    ]


# --- joining ----------------------------------------------------------------------------------------------------------


async def test_nothing_is_lost_or_repeated_by_whoever_joins_while_facts_are_recorded(pet: Server) -> None:
    seed, last = random.randrange(2**32), 300
    dice = random.Random(seed)

    async def write() -> None:
        written = 0
        while written < last:
            number = min(dice.randint(1, 6), last - written)
            asked = [
                Asked(command=RegisterCustomer(name="A"), command_id=uuid4(), actor="w", roles=("manager",))
                for _ in range(number)
            ]
            await pet.turns.record_all(asked)
            written += number
            await asyncio.sleep(dice.random() / 50)

    async def follow(over: Any, wait_seconds: float, share: float | None) -> None:
        await asyncio.sleep(wait_seconds)
        feed = pet.process.services.feed
        after = None if share is None else int(feed.position * share)
        async with over(pet, FACTS, **({} if after is None else {"after": f"{after}"})) as messages:
            got = [int(message["facts"]["cursor"]) for message in await taken(messages, 1)]
            while got[-1] < last:
                got += [int(message["facts"]["cursor"]) for message in await taken(messages, 1)]
        begin = got[0] if after is None else after + 1
        assert got == list(range(begin, last + 1)), f"seed {seed}"

    async with asyncio.timeout(PATIENCE_SECONDS * 3), asyncio.TaskGroup() as tasks:
        tasks.create_task(write())
        for number in range(36):
            over = over_websocket if number % 3 else over_sse
            share = dice.choice((None, 0.0, 0.5, 0.9, 1.0)) if number > 5 else 0.0
            tasks.create_task(follow(over, 0.6 * dice.random(), share))
    await following(0)


async def test_who_joins_while_a_fact_is_being_told_is_not_told_it_again(
    pet: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    telling, gate = asyncio.Event(), asyncio.Event()
    tell = Group._tell

    async def held(group: Group, position: float, body: bytes) -> None:
        telling.set()
        await gate.wait()
        await tell(group, position, body)

    monkeypatch.setattr(Group, "_tell", held)
    async with pet.socket() as first, pet.socket() as late, pet.socket() as later:
        await first.subscribe(FACTS)
        await following(1)
        await pet.record(*named("A"))
        await asyncio.wait_for(telling.wait(), PATIENCE_SECONDS)
        await late.subscribe(FACTS, after="0")
        await later.subscribe(FACTS)
        await following(3)
        await pet.record(*named("B"))
        gate.set()
        for socket, expected in ((first, ["1", "2"]), (late, ["1", "2"]), (later, ["2"])):
            assert [(await socket.data())["facts"]["cursor"] for _ in expected] == expected


# --- the cursor -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("subscription ($a: Position) { facts(after: $a) { cursor } }", "a"),
        ("subscription ($a: Position!, $t: [String!]) { facts(after: $a, types: $t) { cursor } }", "a"),
        ("subscription B($b: Position) { facts(streams: [], after: $b) { cursor } }", "b"),
        # The same variables would mean something else, or the variable says more than where to begin.
        ('subscription ($a: Position = "0") { facts(after: $a) { cursor } }', None),
        ("subscription ($a: Position) { facts(after: $a) { cursor } facts(after: $a) { fact { type } } }", None),
        ("subscription ($a: Position) { facts { cursor(after: $a) } }", None),
        ('subscription { facts(after: "0") { cursor } }', None),
        ("query ($a: Position) { facts(first: 1, after: $a) { cursor } }", None),
        ("subscription A { facts { cursor } } subscription B { facts { cursor } }", None),
        ("{", None),
    ],
)
def test_only_a_variable_that_says_where_to_begin_is_left_out_of_account(document: str, expected: str | None) -> None:
    assert cursor_variable(document, None) == expected


def test_what_is_equal_is_equal_in_any_order() -> None:
    document = "subscription ($a: Position, $t: [String!]) { facts(after: $a, types: $t) { cursor } }"
    one = Operation(document, None, {"a": "1", "t": ["X"]})
    other = Operation(document, None, {"t": ["X"]})
    assert (
        groups.shared_variables(one) == groups.shared_variables(other) != groups.shared_variables(Operation(document))
    )
