"""The database: what the SQL says, built both ways, migrated by whoever may, and used with no right too many."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg
import pytest
from conftest import QUICK, World, a_world
from live import until

from pet_graph import database
from pet_graph.audit import verify
from pet_graph.postgres import Embedded, acquire
from pet_graph.projections.questions import snapshot
from pet_graph.rebuild import rebuild, rebuild_if_outdated

STEPS = [name for _, name, _ in database.migrations()]

SHAPE = {
    "columns": """select c.oid::regclass::text, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
        pg_get_expr(d.adbin, d.adrelid), c.relkind, c.relowner::regrole::text, c.relacl::text, a.attacl::text
        from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        left join pg_attrdef d on (d.adrelid, d.adnum) = (c.oid, a.attnum) where c.relnamespace = any($1)""",
    "constraints": """select conrelid::regclass::text, conname, convalidated, pg_get_constraintdef(oid)
        from pg_constraint where connamespace = any($1)""",
    "indexes": "select pg_get_indexdef(oid) from pg_class where relkind = 'i' and relnamespace = any($1)",
    "triggers": """select pg_get_triggerdef(t.oid), t.tgenabled from pg_trigger t join pg_class c on c.oid = tgrelid
        where c.relnamespace = any($1) and not tgisinternal""",
    "functions": """select pg_get_functiondef(oid), proowner::regrole::text, proacl::text
        from pg_proc where pronamespace = any($1)""",
    "schemas": "select nspname, nspowner::regrole::text, nspacl::text from pg_namespace where oid = any($1)",
    "rules": "select schemaname, tablename, definition from pg_rules where schemaname::regnamespace::oid = any($1)",
}


async def shape(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """Everything the catalog says of our schemas."""
    connection = await asyncpg.connect(url, server_settings={"search_path": ""})
    ours = await connection.fetchval(
        "select array_agg(oid) from pg_namespace where nspname not in ('information_schema', 'public') "
        "and nspname not like 'pg%'"
    )
    found = {what: sorted(map(tuple, await connection.fetch(sql, ours)), key=repr) for what, sql in SHAPE.items()}
    await connection.close()
    return found


@asynccontextmanager
async def an_empty_database(server: Embedded, name: str, owner: str = "pet") -> AsyncIterator[str]:
    """As `owner` sees it, who may make schemas in it."""
    admin = await asyncpg.connect(server.url())
    await admin.execute(f"create database {name}")
    await admin.execute(f"grant create on database {name} to {owner}")
    try:
        yield server.url(name).replace("//pet@", f"//{quote(owner)}@")
    finally:
        await admin.execute(f"drop database {name} with (force)")
        await admin.close()


# --- the shape ------------------------------------------------------------------------------------------------------


async def test_the_page_and_the_migrations_build_the_same_database(server: Embedded, template: str) -> None:
    async with an_empty_database(server, "by_steps") as by_steps, an_empty_database(server, "by_page") as by_page:
        assert await database.migrate(by_steps) == STEPS
        connection = await asyncpg.connect(by_page)
        await connection.execute((database.sql_folder() / "schema.sql").read_text())
        await connection.close()
        built = await shape(by_steps)
        assert {"pet.log", "pet.journal", "pet.migrations"} <= {row[0] for row in built["columns"]}
        assert (len(built["triggers"]), len(built["schemas"])) == (6, 3)
        assert await shape(by_page) == built


async def test_migrating_again_does_nothing(server: Embedded, template: str) -> None:
    async with an_empty_database(server, "twice") as url:
        assert await database.migrate(url) == STEPS
        before = await shape(url)
        assert await database.migrate(url) == []
        assert await shape(url) == before


async def test_of_two_who_migrate_at_once_one_does(server: Embedded, template: str) -> None:
    async with an_empty_database(server, "at_once") as url:
        done = await asyncio.gather(*(database.migrate(url) for _ in range(3)))
        assert sorted(done, key=len) == [[], [], STEPS]


async def test_a_migration_that_fails_leaves_nothing_behind(server: Embedded, template: str) -> None:
    async with an_empty_database(server, "half") as url:
        connection = await asyncpg.connect(url)
        await connection.execute("create schema projections")
        with pytest.raises(asyncpg.DuplicateSchemaError):
            await database.migrate(url)
        assert await connection.fetchval("select to_regnamespace('pet') is null")
        await connection.execute("drop schema projections")
        await connection.close()
        assert await database.migrate(url) == STEPS


# --- rights ---------------------------------------------------------------------------------------------------------


async def test_the_application_has_the_rights_that_are_named_and_no_others(server: Embedded, template: str) -> None:
    async with an_empty_database(server, "rights") as url:
        await database.migrate(url)
        app = await database.connect(url)
        await rebuild_if_outdated(app)
        held = await app.fetch("""
            select table_schema || '.' || table_name, right_ from information_schema.tables,
                unnest(array['select', 'insert', 'update', 'delete', 'truncate', 'references', 'trigger']) as right_
            where table_schema not in ('pg_catalog', 'information_schema')
                and has_table_privilege(format('%I.%I', table_schema, table_name), right_)
                and table_schema <> 'projections'""")
        assert sorted(map(tuple, held)) == [
            ("pet.journal", "insert"),
            ("pet.journal", "select"),
            ("pet.log", "insert"),
            ("pet.log", "select"),
            ("pet.migrations", "select"),
        ]
        assert await _schemas_with(app, "create") == ["projections", "projections_beside"]
        assert await _schemas_with(app, "usage") == ["pet", "projections", "projections_beside", "public"]
        assert not await app.fetchval("select has_database_privilege(current_database(), 'create')")
        assert not await app.fetchval("select exists (select from pg_auth_members where member = 'pet_app'::regrole)")
        powers = "rolsuper, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls"
        assert not any(await app.fetchrow(f"select {powers} from pg_roles where rolname = 'pet_app'"))
        await app.close()


async def _schemas_with(app: Any, right: str) -> list[str]:
    rows = await app.fetch(
        "select nspname from pg_namespace where has_schema_privilege(oid, $1) and nspname !~ '^pg_|^inf' order by 1",
        right,
    )
    return [row[0] for row in rows]


async def test_connections_run_under_the_role_of_the_application_with_its_limits(database_url: str) -> None:
    app = await database.connect(database_url)
    assert await app.fetchval("select current_user") == database.ROLE
    assert {name: await app.fetchval(f"show {name}") for name in database.SESSION} == database.SESSION
    await app.close()
    async with database.pool(database_url, 2) as pool:
        assert await pool.fetchval("select current_user") == database.ROLE
        assert {name: await pool.fetchval(f"show {name}") for name in database.SESSION} == database.SESSION


# --- an owner who is not a superuser ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """A server on which nobody has migrated yet, so that the role of the application is not there."""
    with acquire(tmp_path_factory.mktemp("untouched"), QUICK) as lease:
        asyncio.run(_make_owner(lease.server))
        yield lease.server


async def _make_owner(server: Embedded) -> None:
    admin = await asyncpg.connect(server.url())
    await admin.execute("create role firm login createrole; create role another_firm login")
    await admin.close()


async def test_an_outage_is_a_line_in_the_log_and_no_trace(database_url: str, caplog: pytest.LogCaptureFixture) -> None:
    pool_log = logging.getLogger("asyncpg.pool")
    async with database.pool(database_url, 1), database.pool(database_url, 1):
        for error in (ConnectionRefusedError("nobody is there"), KeyError("a bug")):
            try:
                raise error
            except Exception:
                pool_log.warning("it failed", exc_info=True)
    away, bug = caplog.records
    assert (away.getMessage(), away.exc_info) == ("it failed: ConnectionRefusedError('nobody is there')", None)
    assert (bug.getMessage(), bool(bug.exc_info)) == ("it failed", True)


async def test_an_owner_who_may_make_roles_and_schemas_can_migrate_and_run_everything(untouched: Embedded) -> None:
    async with an_empty_database(untouched, "theirs", "firm") as url:
        assert await database.migrate(url) == STEPS
        assert await database.migrate(url) == []
        app = await database.connect(url)
        assert await app.fetchval("select session_user || ' as ' || current_user") == "firm as pet_app"
        assert await rebuild_if_outdated(app) is True
        async with a_world(url) as world:
            await world.customer()
            assert await rebuild(app) == 1
            await world.customer()
        report = await verify(app)
        assert (report.facts, report.findings) == (2, ())
        await app.close()
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
            await _as(url, "update pet.log set actor = 'somebody else'")


async def test_who_reads_what_a_rebuild_would_replace_is_named(
    world: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pet_graph.rebuild.ATTEMPTS_UNTOLD", 1)
    reader = await asyncpg.connect(world.url, server_settings={"application_name": "a report"})
    app = await database.connect(world.url)
    async with reader.transaction():
        await reader.fetch("select from projections.tickets")
        rebuilding = asyncio.create_task(rebuild(app))
        await until(lambda: bool(caplog.records))
    assert await rebuilding == 0
    who = f"a report (process {reader.get_server_pid()} of PostgreSQL)"
    assert caplog.records[0].getMessage() == f"the tables cannot be replaced while they are read: {who}"
    await app.close()
    await reader.close()


async def _as(url: str, sql: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


async def test_databases_that_are_migrated_at_once_share_the_role(tmp_path: Path) -> None:
    with acquire(tmp_path, QUICK) as lease:
        await _make_owner(lease.server)
        async with (
            an_empty_database(lease.server, "one", "firm") as one,
            an_empty_database(lease.server, "other", "firm") as other,
        ):
            assert await asyncio.gather(database.migrate(one), database.migrate(other)) == [STEPS, STEPS]
            for url in (one, other):
                app = await database.connect(url)
                assert await rebuild_if_outdated(app) is True
                assert await app.fetchval("select count(*) from streams") == 0
                await app.close()


async def test_an_owner_who_may_not_give_himself_the_role_is_told_what_to_ask_for(untouched: Embedded) -> None:
    async with an_empty_database(untouched, "first", "firm") as url:
        await database.migrate(url)
    async with an_empty_database(untouched, "second", "another_firm") as url:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match='run: grant pet_app to "another_firm"'):
            await database.migrate(url)
        admin = await asyncpg.connect(untouched.url())
        await admin.execute('grant pet_app to "another_firm"')
        await admin.close()
        assert await database.migrate(url) == STEPS


# --- snapshots --------------------------------------------------------------------------------------------------------


async def test_a_snapshot_sees_one_moment_and_leaves_nothing_of_it_to_whoever_comes_next(world: World) -> None:
    async with snapshot(world.pool) as whole:
        used = await whole.fetchval("select pg_backend_pid()")
        await world.customer()
        assert await whole.fetchval("select count(*) from customers") == 0

    async def broken_off() -> None:
        async with snapshot(world.pool) as broken:
            assert await broken.fetchval("select count(*) from customers") == 1
            begun.set()
            await broken.fetch("select pg_sleep(60)")

    begun = asyncio.Event()
    reading = asyncio.create_task(broken_off())
    await begun.wait()
    await world.customer("Another")
    reading.cancel()
    await asyncio.wait([reading])
    assert reading.cancelled()
    async with snapshot(world.pool) as after:
        assert await after.fetchval("select pg_backend_pid()") == used
        assert await after.fetchval("select count(*) from customers") == 2


async def test_who_goes_away_before_a_statement_is_executed_leaves_no_transaction_open(world: World) -> None:
    async with world.pool.acquire() as left:
        pid = await left.fetchval("select pg_backend_pid()")
        await left.prepare("select count(*) from customers")
    other = await asyncpg.connect(world.url)
    locks = await other.fetchval("select count(*) from pg_locks where pid = $1 and relation is not null", pid)
    await other.close()
    assert locks == 0
    async with snapshot(world.pool) as after:
        assert await after.fetchval("select pg_backend_pid()") == pid
