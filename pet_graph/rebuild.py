"""Rebuild: replay the log into a fresh set of tables beside the present ones, then put it in their place."""

from __future__ import annotations

import asyncio
import itertools
import logging
from typing import Any

import asyncpg

from .database import create_tables, fingerprint, finish_tables
from .projections import TABLES
from .projections.base import SCHEMA
from .replay import Progress, quiet, replay
from .turn import take_turn

logger = logging.getLogger(__name__)

BESIDE = f"{SCHEMA}_beside"
APART = "pg_temp"
"""Where a replay goes that is only compared: no other session sees it, and no room beside is taken."""

SWAP_ATTEMPT = "200ms"
"""Shorter than PostgreSQL's wait before it looks for deadlocks, so that no reader is ever the victim of one."""

ATTEMPTS_UNTOLD = 40
"""Ten seconds; nobody can record meanwhile, so whoever runs PET has to know."""

READERS = f"""
    select string_agg(distinct format('%s (process %s of PostgreSQL)', application_name, pid), ', ')
    from pg_stat_activity join pg_locks using (pid) join pg_class c on c.oid = relation
    where datname = current_database() and relnamespace = '{SCHEMA}'::regnamespace and pid <> pg_backend_pid()"""

PATIENTLY = """
    set local statement_timeout = 0; set local lock_timeout = 0;
    set local idle_in_transaction_session_timeout = '30min'"""
"""A replay takes as long as it takes, and between two statements it folds a page of facts."""


# --- in place of the present tables -----------------------------------------------------------------------------------


async def rebuild(connection: asyncpg.Connection[Any], progress: Progress = quiet, *, url: str | None = None) -> int:
    """Replay beside and swap, while no one else can record; returns the number of facts replayed.

    With `url`, that of the connection, a long log is replayed by several processes.
    """
    async with connection.transaction():
        await _keep_others_out(connection)
        return await _rebuild(connection, progress, url)


async def rebuild_if_outdated(
    connection: asyncpg.Connection[Any], progress: Progress = quiet, *, url: str | None = None
) -> bool:
    """Rebuild when the tables were made by other code than this, or never; tells whether it did."""
    async with connection.transaction():
        # Many processes start at once: who comes second finds the work done.
        await _keep_others_out(connection)
        if await _present_tables_made_by(connection) == fingerprint():
            return False
        await _rebuild(connection, progress, url)
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


async def _rebuild(connection: asyncpg.Connection[Any], progress: Progress, url: str | None) -> int:
    await create_tables(connection, BESIDE)
    count = await replay(connection, progress, url=url, freeze=True)
    await finish_tables(connection)
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
    for attempt in itertools.count(1):
        try:
            async with connection.transaction():
                await connection.execute(f"set local lock_timeout = '{SWAP_ATTEMPT}'")
                await connection.execute(f"drop table {tables} cascade")
            return
        except asyncpg.LockNotAvailableError:
            if attempt % ATTEMPTS_UNTOLD == 0:
                logger.warning("the tables cannot be replaced while they are read: %s", await _readers(connection))
            await asyncio.sleep(0.05)


async def _readers(connection: asyncpg.Connection[Any]) -> str:
    found: str | None = await connection.fetchval(READERS)
    return found or "nobody any more"


# --- beside the present tables, to compare ----------------------------------------------------------------------------


async def differences(
    connection: asyncpg.Connection[Any], progress: Progress = quiet, *, url: str | None = None
) -> dict[str, int]:
    """Rows by table in which a replay of the log differs from what is remembered; empty when they are equal.

    Log and rows are seen as of one moment, so recording goes on meanwhile.
    """
    transaction = connection.transaction(isolation="repeatable_read")
    await transaction.start()
    try:
        await hold_tables(connection)
        await create_tables(connection, APART)
        await replay(connection, progress, url=url)
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
    mine, other = (f"select t::text from {schema}.{name} t" for schema in (SCHEMA, APART))
    return f"select count(*) from (({mine} except all {other}) union all ({other} except all {mine})) d"
