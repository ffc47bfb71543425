"""The clock: what falls due is recorded at its instant, once, by whichever process comes first. On the wall clock."""

from __future__ import annotations

import asyncio
import gc
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from conftest import World
from live import Process, a_process, running, take, until, wall_clock
from prometheus_client import REGISTRY

from pet_graph import clock as clock_module
from pet_graph import turn as turn_module
from pet_graph.app import settle
from pet_graph.clock import Clock
from pet_graph.decisions import Asked, Failed, Outcome, Recorded
from pet_graph.events import EVENTS
from pet_graph.events.base import Command, Fact, Priority
from pet_graph.events.customers import RegisterCustomer
from pet_graph.events.policies import AdoptSlaPolicy, SlaTarget
from pet_graph.events.tickets import OpenTicket
from pet_graph.events.verdicts import SlaBreached
from pet_graph.turn import Due, Turns, Unavailable

SECOND = timedelta(seconds=1)


def asked(command: Command, at: datetime | None = None) -> Asked:
    return Asked(command=command, command_id=uuid4(), actor="tester", roles=("manager", "support"), occurred_at=at)


async def record(process: Process, command: Command, at: datetime | None = None) -> Fact:
    """Ask until the database answers, and insist on it being recorded; the first fact."""
    one = asked(command, at)
    while True:
        with suppress(Unavailable):
            outcome = await process.turns.record(one)
            if not isinstance(outcome, Failed):
                assert isinstance(outcome, Recorded), outcome
                return outcome.facts[0]


async def customer_with_a_promise(process: Process, response: timedelta) -> UUID:
    targets = tuple(SlaTarget(priority, response) for priority in Priority)
    held_long = wall_clock() - timedelta(days=1)
    await record(process, AdoptSlaPolicy(name="Standard", targets=targets, warn_at_percent=(), valid_from=held_long))
    return (await record(process, RegisterCustomer(name="Crunchy Armchairs"))).id


async def breaches(process: Process) -> list[tuple[str, datetime]]:
    rows = await process.pool.fetch("select stream, occurred_at from pet.log where type = 'SlaBreached'")
    return [tuple(row) for row in rows]


def measured() -> float:
    return REGISTRY.get_sample_value("pet_deadline_lateness_seconds_count") or 0


# --- once, at its instant -------------------------------------------------------------------------------------------


async def test_of_two_processes_one_records_a_breach_and_says_when_it_fell_due(database_url: str) -> None:
    before = measured()
    async with a_process(database_url) as one, a_process(database_url) as other:
        async with running(one.clock.run(), other.clock.run()):
            customer = await customer_with_a_promise(one, response=SECOND)
            opened = await record(one, OpenTicket(customer=customer, subject="It squeaks"))
            facts = await take(other.feed, 5, after=0)
            assert [await process.turns.record_due() for process in (one, other)] == [[], []]
        assert [fact.type for fact in facts[2:]] == ["TicketOpened", "SlaStarted", "SlaBreached"]
        breach = facts[4]
        assert isinstance(breach.event, SlaBreached)
        assert breach.occurred_at == breach.event.due_at == opened.occurred_at + SECOND
        assert breach.recorded_at >= breach.occurred_at
        assert (breach.actor, breach.authority, breach.origin) == ("clock", "clock", "internal")
        assert await breaches(one) == [(f"sla-{opened.id}", breach.occurred_at)]
        await until(lambda: measured() - before == 1)


async def test_an_earlier_deadline_wakes_a_clock_that_sleeps_until_a_later_one(database_url: str) -> None:
    async with a_process(database_url) as one, a_process(database_url) as other, running(one.clock.run()):
        customer = await customer_with_a_promise(other, response=timedelta(hours=1))
        await record(other, OpenTicket(customer=customer, subject="It squeaks"))
        await until(lambda: one.feed.position == 4)
        customer = await customer_with_a_promise(other, response=SECOND)
        opened = await record(other, OpenTicket(customer=customer, subject="It creaks"))
        await until(lambda: _is_breached(one, opened))


async def _is_breached(process: Process, opened: Fact) -> bool:
    return f"sla-{opened.id}" in [stream for stream, _ in await breaches(process)]


async def test_deadlines_that_fall_due_together_are_all_recorded_each_once(database_url: str) -> None:
    async with a_process(database_url) as one, a_process(database_url) as other:
        customer = await customer_with_a_promise(one, response=SECOND)
        at = wall_clock() - timedelta(minutes=1)
        tickets = [asked(OpenTicket(customer=customer, subject=f"Number {n}"), at) for n in range(320)]
        assert all(isinstance(one, Recorded) for one in await one.turns.record_all(tickets))
        async with running(one.clock.run(), other.clock.run()):
            await until(lambda: _are_none_left(one))
        recorded = await breaches(one)
        assert sorted(recorded) == sorted((f"sla-{ticket.command_id}", at + SECOND) for ticket in tickets)


async def _are_none_left(process: Process) -> bool:
    return await process.pool.fetchval("select count(*) from deadlines") == 0


# --- what breaks ----------------------------------------------------------------------------------------------------


async def test_a_clock_goes_on_when_every_connection_was_killed(database_url: str) -> None:
    async with a_process(database_url) as process, running(process.clock.run()):
        customer = await customer_with_a_promise(process, response=SECOND)
        for number in range(3):
            await _kill_every_session(database_url)
            opened = await record(process, OpenTicket(customer=customer, subject=f"Number {number}"))
            await _kill_every_session(database_url)
            await until(lambda one=opened: _answers(_is_breached(process, one)))
        assert len(await breaches(process)) == 3


async def _kill_every_session(url: str) -> None:
    owner = await asyncpg.connect(url)
    await owner.execute("""select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'""")
    await owner.close()


async def _answers(question: Any) -> bool:
    try:
        return bool(await question)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError):
        return False


class Counted(Turns):
    """Turns that count how often the clock asked for one."""

    due_asked = 0

    async def record_due(self, due: Due | None = None) -> list[Outcome]:
        self.due_asked += 1
        return await super().record_due(due)


async def test_a_deadline_that_cannot_be_recorded_neither_spins_nor_holds_up_others(database_url: str) -> None:
    async with a_process(database_url, Counted) as process:
        assert isinstance(process.turns, Counted)
        customer = await customer_with_a_promise(process, response=timedelta(days=1))
        stuck = await record(process, OpenTicket(customer=customer, subject="It squeaks"))
        wrong = "update deadlines set due_at = due_at - interval '2 days'"  # nothing of the ticket is due then
        await process.pool.execute(wrong)
        async with running(process.clock.run()):
            customer = await customer_with_a_promise(process, response=SECOND)
            opened = await record(process, OpenTicket(customer=customer, subject="It creaks"))
            await until(lambda: _is_breached(process, opened))
        assert process.turns.due_asked <= 10
        entries = "select count(*) from pet.journal where command = 'RecordOverdueSla' and stream = $1"
        assert await process.pool.fetchval(entries, f"sla-{stuck.id}") == 1
        await process.pool.execute(wrong.replace("-", "+"))


async def test_more_stuck_deadlines_than_fit_a_turn_hold_up_no_other(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn_module, "DUE_LIMIT", 2)
    async with a_process(database_url) as process:
        customer = await customer_with_a_promise(process, response=timedelta(days=1))
        for number in range(5):
            await record(process, OpenTicket(customer=customer, subject=f"Number {number}"))
        wrong = "update deadlines set due_at = due_at - interval '2 days'"  # nothing of these tickets is due then
        await process.pool.execute(wrong)
        async with running(process.clock.run()):
            customer = await customer_with_a_promise(process, response=SECOND)
            opened = await record(process, OpenTicket(customer=customer, subject="It creaks"))
            await until(lambda: _is_breached(process, opened))
        await process.pool.execute(wrong.replace("-", "+"))


async def test_a_clock_that_is_ahead_of_the_turn_looks_twice_and_leaves_it(database_url: str) -> None:
    async with a_process(database_url, Counted) as process:
        assert isinstance(process.turns, Counted)
        customer = await customer_with_a_promise(process, response=timedelta(minutes=30))
        await record(process, OpenTicket(customer=customer, subject="It squeaks"))
        ahead = Clock(process.pool, process.turns, process.feed, lambda: wall_clock() + timedelta(hours=1))
        async with running(ahead.run()):
            await until(lambda: process.turns.due_asked == 2)
            await asyncio.sleep(0.2)
            assert process.turns.due_asked == 2
        assert await breaches(process) == []


class FailsAtFirst(Turns):
    failures = 2

    async def record_due(self, due: Due | None = None) -> list[Outcome]:
        if self.failures:
            self.failures -= 1
            raise RuntimeError("a bug")
        return await super().record_due(due)


async def test_a_clock_outlives_a_failure_of_the_turn(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock_module, "STUCK_SECONDS", 0.01)
    async with a_process(database_url, FailsAtFirst) as process, running(process.clock.run()):
        customer = await customer_with_a_promise(process, response=SECOND)
        opened = await record(process, OpenTicket(customer=customer, subject="It squeaks"))
        await until(lambda: _is_breached(process, opened))


class Beaten:
    """Turns of a process whose clock is not the quickest, as long as it is `beaten`."""

    def __init__(self, turns: Turns) -> None:
        self.turns, self.beaten, self.asked = turns, True, 0

    async def record_due(self, due: Due) -> list[Outcome]:
        self.asked += 1
        if self.beaten:
            await self.turns.record_due()
        return await self.turns.record_due(due)


async def test_who_was_beaten_lets_the_other_lead_and_takes_over_when_it_does_not(world: World) -> None:
    await world.policy(response=timedelta(hours=1), warn_at_percent=())
    customer = await world.customer()
    turns: Any = Beaten(world.turns)
    clock = Clock(world.pool, turns, world.feed, world.now)

    async def looks_when_the_next_one_is_due() -> float:
        await world.record(OpenTicket(customer=customer, subject="It squeaks"))
        world.pass_time(hours=1)
        return await clock._record_due()

    await clock._record_due()  # for edits that came before it
    await looks_when_the_next_one_is_due()
    assert turns.asked == 2
    seconds = await looks_when_the_next_one_is_due()
    assert (turns.asked, seconds) == (2, clock_module.BEHIND_SECONDS)
    turns.beaten = False
    world.pass_time(seconds=seconds)
    await clock._record_due()
    assert (turns.asked, await world.rows("deadlines")) == (3, [])
    await looks_when_the_next_one_is_due()
    assert (turns.asked, await world.rows("deadlines")) == (4, [])


# --- what holds a turn up ---------------------------------------------------------------------------------------------


def test_the_collector_does_not_look_again_at_what_was_there_at_the_start() -> None:
    settle()
    try:
        assert gc.get_freeze_count() > 50_000
        assert len(gc.get_objects()) < 5_000
    finally:
        gc.unfreeze()


def test_the_collector_does_not_look_at_facts_of_which_the_feed_keeps_many() -> None:
    assert [name for name, (event, _) in EVENTS.items() if event.__struct_config__.gc] == []
    assert not Fact.__struct_config__.gc


async def test_a_turn_in_which_nothing_is_due_any_more_asks_nothing_else(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn_module, "READ", "select where the log ends, though nothing is to be recorded")
    assert await world.turns.record_due() == []
