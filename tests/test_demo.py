"""The demonstration: the same firm at every start, with a past in which nothing was refused, and then kept busy."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import desk as domains
import pytest
from conftest import NOON, World, a_world

from pet_graph import database, demo, log
from pet_graph.context import Services
from pet_graph.decisions import Asked, Outcome
from pet_graph.demo import desk, firm, projects, sales, timesheets
from pet_graph.events.base import Fact
from pet_graph.events.quotes import QuoteAccepted
from pet_graph.events.time_entries import RecordTime
from pet_graph.postgres import Embedded
from pet_graph.projections import TABLES
from pet_graph.projections.deliveries import DeliveryDimension, DeliveryOrder, Moment, Selected, asked
from pet_graph.resolvers.deliveries import SQL
from pet_graph.standing import Standing
from pet_graph.turn import Turns, Unavailable

HOUR_US = 3_600 * 10**6


def services_of(world: World) -> Services:
    return Services(world.pool, world.turns, world.feed, Standing(world.pool, world.feed), world.now)


async def refusals(world: World) -> list[str]:
    return [
        row["refusal"] for row in await world.pool.fetch("select refusal from pet.journal where refusal is not null")
    ]


async def facts(world: World) -> list[Fact]:
    return await log.read(world.pool, 0, limit=10_000)


def said(facts: Sequence[Fact]) -> list[tuple[Any, ...]]:
    """What facts say, whenever they were recorded, and in whichever turn."""
    return sorted((fact.stream, fact.version, fact.type, fact.data, fact.actor, fact.occurred_at) for fact in facts)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A firm with few tickets, where their number does not matter."""
    monkeypatch.setattr(desk, "TICKETS", 24)


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


# --- the same at every start ------------------------------------------------------------------------------------------


async def test_the_firm_is_the_same_wherever_it_is_founded(
    world: World, server: Embedded, template: str, small: None
) -> None:
    await demo.found(services_of(world))
    async with another(server, template) as twin:
        await demo.found(services_of(twin))
        assert await everything(twin) == await everything(world)
        assert [fact.seal for fact in await facts(twin)] == [fact.seal for fact in await facts(world)]
    assert await refusals(world) == []


DIGEST = """
from datetime import UTC, datetime
from hashlib import sha256
from pet_graph.demo import Past, turns
past = Past(datetime(2026, 6, 1, 12, tzinfo=UTC))
print(sha256(b"".join(one.input_json + one.command_id.bytes for turn in turns(past) for one in turn)).hexdigest())
"""


def test_every_process_asks_for_the_same() -> None:
    def digest(hash_seed: str) -> str:
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        return subprocess.run(
            [sys.executable, "-c", DIGEST], env=environment, check=True, capture_output=True, text=True
        ).stdout

    assert digest("1") == digest("2")


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
    for left in (0, 1, 2, 5):
        services.turns = Tired(world, left)
        with pytest.raises(Unavailable):
            await demo.found(services)
        world.pass_time(days=1)
    services.turns = world.turns
    await demo.found(services)
    async with another(server, template) as whole:
        whole.time[0] = NOON + timedelta(days=1)
        await demo.found(services_of(whole))
        assert said((await facts(whole))[:-1]) == said((await facts(world))[:-1])
    assert await refusals(world) == []


async def test_the_past_is_past_and_another_start_adds_nothing_to_it(world: World) -> None:
    services = services_of(world)
    await demo.found(services)
    before = await facts(world)
    past = before[:-1]
    instants = {fact.type: fact.occurred_at for fact in reversed(past)}
    assert instants["CustomerRegistered"] == instants["SlaPolicyAdopted"] == world.now() - timedelta(days=91)
    assert instants["TicketOpened"] == world.now() - timedelta(days=90)
    assert max(fact.occurred_at for fact in past) < world.now() == before[-1].occurred_at
    counts = {name: len(rows) for name, rows in (await everything(world)).items()}
    assert (counts["customers"], counts["people"], counts["policies"], counts["tickets"]) == (8, 9, 3, 240)
    assert {"open", "closed", "resolved"} <= {row["status"] for row in await world.rows("tickets")}
    world.pass_time(days=3)
    await demo.found(services)
    assert await facts(world) == before
    assert await refusals(world) == []


@pytest.mark.parametrize("later", range(7))
def test_whichever_day_it_is_founded_on_nothing_is_refused(later: int) -> None:
    """The domains together, without a database: they refuse by raising."""
    past = firm.Past(NOON + timedelta(days=later, hours=later * 3 - 9))
    firm_of_domains = domains.Desk()
    everything = [one for turn in demo.turns(past) for one in turn]
    for one in everything:
        firm_of_domains.ask(one.command, one.occurred_at or past.now, id=one.command_id, actor=one.actor)
    assert len({one.command_id for one in everything}) == len(everything)
    assert all(one.occurred_at < past.now for one in everything[:-1] if one.occurred_at)


# --- plausible --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("later", range(7))
def test_people_work_as_people_do(later: int) -> None:
    past = firm.Past(NOON + timedelta(days=later))
    worked = [one.command for one in timesheets.history(past) if isinstance(one.command, RecordTime)]
    assert all(one.worked_on.weekday() < 5 and one.worked_on <= past.now.date() for one in worked)
    days: Counter[tuple[UUID, Any]] = Counter()
    for stint in (stint for day in timesheets.stints(past, random.Random(2)) for stint in day):
        assert firm.WORKERS[stint.worker].hours_a_day
        days[firm.id_of(stint.worker), past.day(stint.day)] += stint.hours  # type: ignore[assignment]
    assert max(days.values()) < 9.5
    assert {past.day(number).weekday() for number in range(80)} == set(range(5))
    assert past.day(0) >= (past.now - timedelta(days=90)).date() > past.day(0) - timedelta(days=3)


async def test_projects_go_well_and_badly(world: World) -> None:
    await demo.found(services_of(world))
    by_project = await reckoned(world, DeliveryDimension.PROJECT)
    share = {name: row["worked"] / row["sold"] for name, row in by_project.items() if row["sold"]}
    assert 0.95 < share["Warehouse tracking"] < 1.05, "as planned"
    assert share["Patient portal"] > 1.3, "takes far more than was sold"
    assert 1.1 < share["Claims intake"] < 1.4, "drifts, with a change order on top"
    assert 0.5 < share["Records archive"] < 1, "on its way"
    assert share["Customs interface"] < 0.4, "stands still"
    last = max(row["worked_on"] for row in await named(world, "time_entries", "Customs interface"))
    assert world.now().date() - last > timedelta(days=14)
    assert by_project["Warehouse tracking"]["ended"] == len(sales.TRACKING)
    assert by_project["Claims intake"]["drift_days"] > 0
    units = {name: (row["units_sold"], row["units_delivered"]) for name, row in by_project.items()}
    assert units["Warehouse tracking"] == (25_000_000, 25_000_000)
    assert units["Patient portal"] == (41_000_000, 40_000_000)
    assert by_project["Our own tools"]["billable"] == 0 < by_project["Our own tools"]["non_billable"]
    statuses = Counter(row["status"] for row in await world.rows("quotes"))
    assert statuses == {"accepted": 8, "sent": 2, "declined": 1, "submitted": 1}
    await world.turns.record_due()
    assert Counter(row["status"] for row in await world.rows("quotes")) == {**statuses, "sent": 1, "expired": 1}
    assert any(row["over_days"] for row in await world.rows("bookings"))
    assert {row["status"] for row in await world.rows("time_entries")} == {"submitted", "approved", "reversed"}
    assert {row["status"] for row in await world.rows("opportunities")} == {"open", "won", "lost"}


async def test_what_was_accepted_is_owed_and_what_was_worked_is_told_of(world: World, small: None) -> None:
    await demo.found(services_of(world))
    owed = {row["id"] for row in await world.rows("obligations")}
    for fact in await facts(world):
        if isinstance(fact.event, QuoteAccepted):
            sale = next(sale for sale in sales.SALES if sales.quote_of(sale.name) == fact.id)
            assert {sales.owed_in(sale.name, line) for line in fact.event.lines} <= owed
    for row in (await reckoned(world, DeliveryDimension.OBLIGATION)).values():
        assert row["worked"] == sum(row[one] for one in ("billable", "non_billable", "written_off", "unattributed"))
    entries = [row["worked_us"] for row in await world.rows("time_entries") if row["status"] != "reversed"]
    [everything] = (await reckoned(world)).values()
    assert everything["worked"] == sum(entries)
    assert 0 < everything["unattributed"] < everything["worked"] / 20
    assert 900 * HOUR_US < everything["worked"] < 2_000 * HOUR_US


async def reckoned(world: World, *by: DeliveryDimension) -> dict[str, dict[str, Any]]:
    """Sold against delivered, by the name of the project."""
    given = asked(by, Moment(), Selected(), DeliveryOrder.DRIFT, 100)
    rows = await world.pool.fetch(SQL.replace("{now}", "$11::timestamptz"), *given, world.now())
    names = {projects.project_of(job): job.name for job in projects.JOBS}
    return {names.get(row["project_id"], str(row["obligation_id"])): dict(row) for row in rows}


async def named(world: World, table: str, job: str) -> list[dict[str, Any]]:
    """The rows of the tasks of a project."""
    [found] = [one for one in projects.JOBS if one.name == job]
    tasks = {projects.task_of(found, piece) for piece in found.pieces}
    return [row for row in await world.rows(table) if row["task_id"] in tasks]


# --- from moment to moment --------------------------------------------------------------------------------------------

DAILY = {"OpenTicket", "RespondToTicket", "ResolveTicket", "RecordTime", "SubmitTime", "ApproveTime"}


async def test_what_the_firm_does_from_day_to_day_is_never_refused(world: World, small: None) -> None:
    seed = random.randrange(2**32)
    dice = random.Random(seed)
    services = services_of(world)
    await demo.found(services)
    before = len(await facts(world))
    for _ in range(150):
        world.pass_time(seconds=dice.random() * 4)
        await demo.something(services, dice)
    entries = await world.pool.fetch("select command, refusal from pet.journal order by entry desc limit 150")
    assert [entry["refusal"] for entry in entries] == [None] * 150, f"seed {seed}"
    assert DAILY - {"SubmitTime"} <= {entry["command"] for entry in entries} <= DAILY, f"seed {seed}"
    assert len(await facts(world)) >= before + 150


async def test_nobody_works_through_the_night(world: World, small: None) -> None:
    """Half an hour after the other, until everybody has had a day; then there is nothing more to do about time."""
    services, dice = services_of(world), random.Random(0)
    await demo.found(services)
    done = set()
    while step := await timesheets.work(services, dice):
        await world.turns.record(step)
        done.add(step.name)
    assert done == {"RecordTime", "SubmitTime", "ApproveTime"}
    rows = await world.pool.fetch(
        "select sum(worked_us) as worked from time_entries where worked_on = $1 group by person_id", world.now().date()
    )
    assert rows
    assert max(row["worked"] for row in rows) <= firm.DAILY_CAP // timedelta(microseconds=1)
    assert await refusals(world) == []
