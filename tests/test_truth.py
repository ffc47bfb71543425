"""The laws of the whole: what is remembered follows from what was recorded, at every position, after every rebuild."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import asyncpg
import msgspec
from conftest import World
from given import fold
from live import live, take, until

from pet_graph import audit, database
from pet_graph.decisions import Recorded, Refusal
from pet_graph.events import DECIDERS
from pet_graph.events.base import Fact, Priority
from pet_graph.events.customers import RegisterCustomer, RenameCustomer
from pet_graph.events.people import GrantRole, Role
from pet_graph.events.tickets import HoldTicket, OpenTicket, PrioritiseTicket, ResolveTicket, ResumeTicket
from pet_graph.events.timelines import Party
from pet_graph.projections import TABLES
from pet_graph.projections.base import Put, last_of_each
from pet_graph.projections.streams import noun_of
from pet_graph.rebuild import differences, hold_tables, rebuild, rebuild_if_outdated

Rows = dict[str, dict[tuple[Any, ...], dict[str, Any]]]


async def a_history(world: World) -> None:
    """31 facts in which rows come, change and (deadlines) go."""
    await world.policy(response=timedelta(hours=1), resolution=timedelta(hours=8), warn_at_percent=(50,))
    customer, person = await world.customer(), await world.person("Ada", Role.SUPPORT)
    for subject in ("It squeaks", "It creaks"):
        ticket = (await world.record(OpenTicket(customer=customer, subject=subject))).facts[0].id
        await world.record(HoldTicket(ticket=ticket, reason="They look", waiting_on=Party.CUSTOMER))
        world.pass_time(minutes=45)
        await world.record(ResumeTicket(ticket=ticket))
        await world.record(PrioritiseTicket(ticket=ticket, priority=Priority.HIGH))
        world.pass_time(hours=2)
        await world.turns.record_due()
        await world.record(ResolveTicket(ticket=ticket, resolution="Oil"))
    await world.record(RenameCustomer(customer=customer, name="Cosy Armchairs"))
    await world.record(GrantRole(person=person, role=Role.ENGINEER))


def folded(states: dict[str, Any], rows: Rows, facts: Iterable[Fact]) -> None:
    """Bring states and rows forward by these facts."""
    for fact in facts:
        state = states.get(fact.stream, DECIDERS[noun_of(fact.stream)].initial)
        states[fact.stream], changes = fold(state, fact)
        for table, by_key in last_of_each(changes, TABLES).items():
            for key, change in by_key.items():
                if isinstance(change, Put):
                    rows[table][key] = change.values
                else:
                    rows[table].pop(key, None)


async def remembered(connection: Any) -> Rows:
    """Every row of every table, by key."""
    found: Rows = {}
    for name, table in TABLES.items():
        rows = [dict(row) for row in await connection.fetch(f"select * from {name}")]
        found[name] = {tuple(row[column] for column in table.key): row for row in rows}
    return found


def plain(rows: Rows) -> Rows:
    """As JSON has it: a tuple is a list then, and a JSON text is what it says."""
    return {
        name: {key: {column: _plain(name, column, row[column]) for column in row} for key, row in by_key.items()}
        for name, by_key in rows.items()
    }


def _plain(table: str, column: str, value: Any) -> Any:
    is_text = TABLES[table].type_of(column) == "JSON" and isinstance(value, str)
    return msgspec.json.decode(value if is_text else msgspec.json.encode(value))


# --- feed and rows --------------------------------------------------------------------------------------------------


async def test_rows_at_any_position_and_the_feed_after_it_make_the_rows_of_now(world: World) -> None:
    await a_history(world)
    facts, now = await world.facts(), await remembered(world.pool)
    assert (len(facts), len(now["tickets"]), len(now["sla_clocks"]), len(now["deadlines"])) == (31, 2, 4, 0)
    async with live(world.feed) as feed:
        for position in range(len(facts)):
            states: dict[str, Any] = {}
            rows: Rows = {name: {} for name in TABLES}
            folded(states, rows, facts[:position])
            folded(states, rows, await take(feed, len(facts) - position, after=position))
            assert plain(rows) == plain(now), position


# --- refusals -------------------------------------------------------------------------------------------------------


async def test_a_refusal_records_nothing_in_the_log_and_one_entry_in_the_journal(world: World) -> None:
    customer = await world.customer("Crunchy Armchairs")
    facts, rows = await world.facts(), await remembered(world.pool)
    refused = world.asked(RenameCustomer(customer=customer, name="Crunchy Armchairs"))
    outcome = await world.turns.record(refused)
    assert isinstance(outcome, Refusal)
    assert (await world.facts(), await remembered(world.pool)) == (facts, rows)
    entries = await world.pool.fetch(
        "select entry, command_id, first_position, last_position, refusal from pet.journal"
    )
    assert len(entries) == 2
    assert tuple(entries[1])[:4] == (2, refused.command_id, None, None)
    assert "unchanged" in entries[1]["refusal"]


# --- rebuilding -----------------------------------------------------------------------------------------------------


async def test_a_rebuild_makes_the_same_rows_and_the_next_turn_works(world: World) -> None:
    await a_history(world)
    before = await remembered(world.pool)
    assert await rebuilt(world) == 31
    assert await remembered(world.pool) == before
    customer = await world.customer("Mighty Teapots")
    assert before.keys() == TABLES.keys()
    assert (customer,) in (await remembered(world.pool))["customers"]


async def rebuilt(world: World) -> int:
    app = await database.connect(world.url)
    try:
        return await rebuild(app)
    finally:
        await app.close()


async def test_a_rebuild_leaves_the_tables_their_keys_and_indexes(world: World) -> None:
    sql = "select indexdef from pg_indexes where schemaname = 'projections' order by indexdef"
    before = [row[0] for row in await world.pool.fetch(sql)]
    await rebuilt(world)
    assert [row[0] for row in await world.pool.fetch(sql)] == before
    assert await world.pool.fetchval("select count(*) from pg_tables where schemaname = 'projections_beside'") == 0


async def test_a_rebuild_removes_what_no_code_makes_any_more(world: World) -> None:
    await world.pool.execute("create table projections.of_an_earlier_version (id int)")
    await rebuilt(world)
    tables = await world.pool.fetch("select tablename from pg_tables where schemaname = 'projections'")
    assert {row[0] for row in tables} == {*TABLES, "fingerprint"}


async def test_rows_that_were_meddled_with_are_put_right_by_a_rebuild(world: World) -> None:
    customer = await world.customer("Crunchy Armchairs")
    await world.pool.execute("update customers set name = 'Flimsy Armchairs'")
    app = await database.connect(world.url)
    assert await differences(app) == {"customers": 2}
    await rebuild(app)
    assert await differences(app) == {}
    await app.close()
    assert (await world.rows("customers"))[0]["id"] == customer


async def test_a_turn_that_waits_while_a_rebuild_runs_is_answered_after(world: World) -> None:
    await world.customer("Crunchy Armchairs")
    reader = await asyncpg.connect(world.url)
    reading = reader.transaction()
    await reading.start()
    await reader.fetch("select * from projections.customers")  # keeps the tables from being swapped
    rebuilding = asyncio.create_task(rebuilt(world))
    await until(lambda: _waits(world, "granted and mode = 'ExclusiveLock'"))
    asking = asyncio.create_task(world.ask(RegisterCustomer(name="Mighty Teapots")))
    await until(lambda: _waits(world, "not granted"))
    assert (rebuilding.done(), asking.done()) == (False, False)
    await reading.commit()
    await reader.close()
    assert await rebuilding == 1
    outcome = await asking
    assert isinstance(outcome, Recorded)
    assert {row["name"] for row in await world.rows("customers")} == {"Crunchy Armchairs", "Mighty Teapots"}


async def _waits(world: World, how: str, on: str = "advisory") -> bool:
    sql = f"""select exists (select from pg_locks where locktype = '{on}' and {how}
        and database = (select oid from pg_database where datname = current_database()))"""
    return bool(await world.pool.fetchval(sql))


async def test_tables_made_by_other_code_are_rebuilt_once(world: World) -> None:
    await world.customer("Crunchy Armchairs")
    app = await database.connect(world.url)
    assert await rebuild_if_outdated(app) is False
    await app.execute("update fingerprint set code = 'of another version'; delete from customers; delete from streams")
    assert await rebuild_if_outdated(app) is True
    assert await app.fetchval("select code from fingerprint") == database.fingerprint()
    assert await rebuild_if_outdated(app) is False
    await app.close()
    assert [row["name"] for row in await world.rows("customers")] == ["Crunchy Armchairs"]


async def test_of_processes_that_start_at_once_one_rebuilds(world: World) -> None:
    await world.customer("Crunchy Armchairs")
    await world.pool.execute("update fingerprint set code = 'of another version'")
    apps = [await database.connect(world.url) for _ in range(4)]
    assert sorted(await asyncio.gather(*map(rebuild_if_outdated, apps))) == [False, False, False, True]
    for app in apps:
        await app.close()


async def test_a_comparison_holds_up_neither_turns_nor_other_comparisons(world: World) -> None:
    await world.customer("Crunchy Armchairs")
    first, second = [await database.connect(world.url) for _ in range(2)]
    recorded: list[asyncio.Task[Any]] = []

    def record_meanwhile(position: int) -> None:
        recorded.append(asyncio.create_task(world.record(RegisterCustomer(name="Mighty Teapots"))))

    assert await asyncio.gather(differences(first, record_meanwhile), differences(second)) == [{}, {}]
    assert (await recorded[0]).position == 2
    for app in (first, second):
        await app.close()


async def test_a_rebuild_waits_for_a_comparison_without_holding_up_turns(world: World) -> None:
    await world.customer("Crunchy Armchairs")
    comparing = await database.connect(world.url)
    transaction = comparing.transaction(isolation="repeatable_read")
    await transaction.start()
    await hold_tables(comparing)
    rebuilding = asyncio.create_task(rebuilt(world))
    await until(lambda: _waits(world, "not granted", "relation"))
    await world.customer("Mighty Teapots")
    assert await comparing.fetchval("select count(*) from customers") == 2
    assert not rebuilding.done()
    await transaction.rollback()
    await comparing.close()
    assert await rebuilding == 2


async def test_tables_that_are_not_there_are_said_and_made(world: World) -> None:
    await a_history(world)
    before = await remembered(world.pool)
    await world.pool.execute(f"drop table {', '.join(f'projections.{name}' for name in (*TABLES, 'fingerprint'))}")
    app = await database.connect(world.url)
    assert [(found.kind, found.table) for found in (await audit.verify(app)).findings] == [
        ("difference", "projections")
    ]
    assert await rebuild_if_outdated(app) is True
    assert (await audit.verify(app)).findings == ()
    await app.close()
    assert await remembered(world.pool) == before
