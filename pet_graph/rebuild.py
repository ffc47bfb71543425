"""Rebuild: replay the log into a fresh set of tables beside the present ones, then put it in their place."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from itertools import islice
from typing import Any

import asyncpg

from . import log
from .database import create_tables, fingerprint
from .events.base import Fact
from .projections import TABLES, evolved, rows_of
from .projections.base import SCHEMA, Put
from .turn import take_turn

BESIDE = f"{SCHEMA}_beside"
APART = "pg_temp"
"""Where a replay goes that is only compared: no other session sees it, and no room beside is taken."""

SWAP_ATTEMPT = "200ms"
"""Shorter than PostgreSQL's wait before it looks for deadlocks, so that no reader is ever the victim of one."""

PATIENTLY = """
    set local statement_timeout = 0; set local lock_timeout = 0;
    set local idle_in_transaction_session_timeout = '5min'"""
"""A replay takes as long as it takes, and between two statements it folds a page of facts."""

STREAMS = 5_000
"""How many are projected before their rows are written."""

End = tuple[Any, Fact]
"""Where a stream ends: its state and its last fact."""

BEGINNING = None, None

Progress = Callable[[int], None]


def quiet(position: int) -> None:
    """The progress that nobody watches."""


async def facts(connection: asyncpg.Connection[Any]) -> AsyncIterator[list[Any]]:
    """The whole log, page by page."""
    position = 0
    while page := await log.read(connection, position, limit=20_000):
        position = page[-1].position
        yield page


async def replay(connection: asyncpg.Connection[Any], schema: str, progress: Progress = quiet) -> int:
    """Make the tables in `schema` (which must have none of them) from the log alone; returns the number of facts read.

    All facts are folded first, then every stream is projected once. What is kept in memory meanwhile is the state of
    each stream and its last fact, not the log.
    """
    await create_tables(connection, schema)
    ends: dict[str, End] = {}
    count = 0
    async for page in facts(connection):
        for fact in page:
            state, _ = ends.get(fact.stream, BEGINNING)
            ends[fact.stream] = evolved(state, fact), fact
        count += len(page)
        progress(page[-1].position)
    await _copy(connection, ends.values())
    return count


async def _copy(connection: asyncpg.Connection[Any], ends: Iterable[End]) -> None:
    """Write the rows of these streams into tables that have none of them yet."""
    waiting = iter(ends)
    while some := list(islice(waiting, STREAMS)):
        records: dict[str, list[tuple[Any, ...]]] = {}
        for state, last in some:
            for change in rows_of(state, last):
                if isinstance(change, Put):
                    records.setdefault(change.table, []).append(TABLES[change.table].record(change.values))
        for name, rows in records.items():
            await connection.copy_records_to_table(name, records=rows, columns=TABLES[name].columns)


# --- in place of the present tables -----------------------------------------------------------------------------------


async def rebuild(connection: asyncpg.Connection[Any], progress: Progress = quiet) -> int:
    """Replay beside and swap, while no one else can record; returns the number of facts replayed."""
    async with connection.transaction():
        await _keep_others_out(connection)
        return await _rebuild(connection, progress)


async def rebuild_if_outdated(connection: asyncpg.Connection[Any], progress: Progress = quiet) -> bool:
    """Rebuild when the tables were made by other code than this, or never; tells whether it did."""
    async with connection.transaction():
        # Many processes start at once: who comes second finds the work done.
        await _keep_others_out(connection)
        if await _present_tables_made_by(connection) == fingerprint():
            return False
        await _rebuild(connection, progress)
        return True


async def _keep_others_out(connection: asyncpg.Connection[Any]) -> None:
    """Wait for other rebuilds and for comparisons before taking the turn, so that the wait stops nobody's recording."""
    await connection.execute(PATIENTLY)
    if await _has_tables(connection):
        await connection.execute(f"lock table {SCHEMA}.fingerprint in access exclusive mode")
    await take_turn(connection)


async def _has_tables(connection: asyncpg.Connection[Any]) -> bool:
    return bool(await connection.fetchval("select to_regclass($1) is not null", f"{SCHEMA}.fingerprint"))


async def _present_tables_made_by(connection: asyncpg.Connection[Any]) -> str | None:
    if not await _has_tables(connection):
        return None
    code: str = await connection.fetchval(f"select code from {SCHEMA}.fingerprint")
    return code


async def _rebuild(connection: asyncpg.Connection[Any], progress: Progress) -> int:
    count = await replay(connection, BESIDE, progress)
    await _drop_present(connection)
    for name in (*TABLES, "fingerprint"):
        await connection.execute(f"alter table {BESIDE}.{name} set schema {SCHEMA}")
    return count


async def _drop_present(connection: asyncpg.Connection[Any]) -> None:
    """Drop whatever is in the schema, tables of earlier versions included."""
    rows = await connection.fetch("select quote_ident(tablename) from pg_tables where schemaname = $1", SCHEMA)
    if not rows:
        return
    tables = ", ".join(f"{SCHEMA}.{row[0]}" for row in rows)
    while True:
        try:
            async with connection.transaction():
                await connection.execute(f"set local lock_timeout = '{SWAP_ATTEMPT}'")
                await connection.execute(f"drop table {tables} cascade")
            return
        except asyncpg.LockNotAvailableError:
            await asyncio.sleep(0.05)


# --- beside the present tables, to compare ----------------------------------------------------------------------------


async def differences(connection: asyncpg.Connection[Any], progress: Progress = quiet) -> dict[str, int]:
    """Rows by table in which a replay of the log differs from what is remembered; empty when they are equal.

    Log and rows are seen as of one moment, so recording goes on meanwhile.
    """
    transaction = connection.transaction(isolation="repeatable_read")
    await transaction.start()
    try:
        await hold_tables(connection)
        await replay(connection, APART, progress)
        counts = {name: await connection.fetchval(_difference(name)) for name in TABLES}
        return {name: count for name, count in counts.items() if count}
    finally:
        await transaction.rollback()


async def hold_tables(connection: asyncpg.Connection[Any]) -> None:
    """Keep the present tables from being swapped until the transaction ends; call it before anything is read.

    Raises `asyncpg.UndefinedTableError` when they were never made.
    """
    await connection.execute(PATIENTLY)
    await connection.execute(f"lock table {SCHEMA}.fingerprint in access share mode")


def _difference(name: str) -> str:
    mine, other = (f"select to_jsonb(t)::text from {schema}.{name} t" for schema in (SCHEMA, APART))
    return f"select count(*) from (({mine} except all {other}) union all ({other} except all {mine})) d"
