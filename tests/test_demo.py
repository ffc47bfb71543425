"""The demonstration: the same firm at every start, with a past in which nothing was refused, and then kept busy."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from conftest import World, a_world

from pet_graph import database, demo, log
from pet_graph.context import Services
from pet_graph.decisions import Asked, Outcome
from pet_graph.events.base import Fact
from pet_graph.postgres import Embedded
from pet_graph.projections import TABLES
from pet_graph.standing import Standing
from pet_graph.turn import Turns, Unavailable


def services_of(world: World) -> Services:
    return Services(world.pool, world.turns, world.feed, Standing(world.pool, world.feed), world.now)


async def refusals(world: World) -> int:
    found: int = await world.pool.fetchval("select count(*) from pet.journal where refusal is not null")
    return found


async def facts(world: World) -> list[Fact]:
    return await log.read(world.pool, 0, limit=10_000)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A firm with a short past, where its length does not matter."""
    monkeypatch.setattr(demo, "TICKETS", 24)


async def everything(world: World) -> dict[str, list[dict[str, Any]]]:
    return {name: await world.rows(name) for name in TABLES}


@asynccontextmanager
async def another(server: Embedded, template: str) -> AsyncIterator[World]:
    """A world on a second database."""
    name = f"demo_{uuid4().hex}"
    admin = await asyncpg.connect(server.url())
    try:
        await admin.execute(f"create database {name} template {template} strategy file_copy")
        async with a_world(server.url(name)) as world:
            yield world
        await admin.execute(f"drop database {name} with (force)")
    finally:
        await admin.close()


async def test_the_firm_is_the_same_wherever_it_is_founded(
    world: World, server: Embedded, template: str, small: None
) -> None:
    await demo.found(services_of(world))
    async with another(server, template) as twin:
        await demo.found(services_of(twin))
        assert await everything(twin) == await everything(world)
        assert [fact.seal for fact in await facts(twin)] == [fact.seal for fact in await facts(world)]
    assert await refusals(world) == 0


async def test_the_past_is_past_and_another_start_adds_nothing_to_it(world: World) -> None:
    services = services_of(world)
    await demo._begin(services)
    before = await facts(world)
    past = before[:-1]
    instants = {fact.type: fact.occurred_at for fact in reversed(past)}
    assert instants["CustomerRegistered"] == instants["SlaPolicyAdopted"] == world.now() - timedelta(days=31)
    assert instants["TicketOpened"] == world.now() - timedelta(days=30)
    assert max(fact.occurred_at for fact in past) < world.now() == before[-1].occurred_at
    counts = {name: len(rows) for name, rows in (await everything(world)).items()}
    assert (counts["customers"], counts["people"], counts["policies"], counts["tickets"]) == (8, 4, 3, 240)
    assert {"open", "closed", "resolved"} <= {row["status"] for row in await world.rows("tickets")}
    world.pass_time(days=3)
    await demo._begin(services)
    assert await facts(world) == before
    assert await refusals(world) == 0


class Tired(Turns):
    """Turns that can do no more after a while."""

    def __init__(self, world: World, left: int) -> None:
        super().__init__(lambda: database.connect(world.url), world.now)
        self.inner, self.left = world.turns, left

    async def record_all(self, asked: Sequence[Asked], **how: bool) -> list[Outcome]:
        self.left -= 1
        if self.left < 0:
            raise Unavailable("Enough.")
        return await self.inner.record_all(asked, **how)


async def test_half_a_founding_is_finished_at_the_next_start(
    world: World, server: Embedded, template: str, small: None
) -> None:
    services = services_of(world)
    for left in (0, 1, 10):
        services.turns = Tired(world, left)
        try:
            await demo.found(services)
        except Unavailable:
            world.pass_time(days=1)
    services.turns = world.turns
    await demo.found(services)
    async with another(server, template) as whole:
        whole.time[0] = world.now() - timedelta(days=2)
        await demo.found(services_of(whole))
        tickets = [{**row, "position": 0} for row in await whole.rows("tickets")]
    assert [{**row, "position": 0} for row in await world.rows("tickets")] == tickets
    assert await refusals(world) == 0


async def test_what_the_firm_does_from_day_to_day_is_never_refused(world: World, small: None) -> None:
    seed = random.randrange(2**32)
    dice = random.Random(seed)
    services = services_of(world)
    await demo._begin(services)
    before = len(await facts(world))
    for _ in range(150):
        world.pass_time(seconds=dice.random() * 4)
        await demo._something(services, dice)
    entries = await world.pool.fetch("select command, refusal from pet.journal order by entry desc limit 150")
    assert [entry["refusal"] for entry in entries] == [None] * 150, f"seed {seed}"
    assert {entry["command"] for entry in entries} == {"OpenTicket", "RespondToTicket", "ResolveTicket"}, f"seed {seed}"
    assert len(await facts(world)) >= before + 150
