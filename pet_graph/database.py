"""The database: connections under the application's role, migrations, and the tables that can be rebuilt."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import asyncpg
from asyncpg.prepared_stmt import PreparedStatement

from . import events, projections
from .kept import Kept
from .projections import TABLES
from .projections.base import SCHEMA

ROLE = "pet_app"
MIGRATING = 0x9E7_0001
"""Advisory lock: one process migrates at a time."""

SESSION = {
    "search_path": f"{SCHEMA}, pet",
    "timezone": "UTC",
    "intervalstyle": "iso_8601",
    "application_name": "pet-graph",
    "idle_in_transaction_session_timeout": "10s",
    "lock_timeout": "10s",
    "statement_timeout": "30s",
    "plan_cache_mode": "auto",
    "random_page_cost": "1.1",  # rows are in memory or on flash; PostgreSQL would rather read a small table whole
}


MOST_STATEMENTS, LONGEST_STATEMENT = 100, 100_000
"""How many statements a connection keeps prepared, and how many characters one may have that is kept."""

LOST = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # asyncpg's own confusion when a connection dies between two statements
)
"""What asyncpg raises when the database does not answer, does not any more, or does not yet."""

NOT_IN_SQL = asyncpg.FeatureNotSupportedError
"""What a statement ends with that meets something only the program can work out (`pet.not_in_sql`)."""


def sql_folder() -> Path:
    """Where the SQL is: inside the installed package, or beside it in a checkout."""
    inside = Path(__file__).parent / "db"
    return inside if inside.is_dir() else Path(__file__).parent.parent / "db"


async def connect(url: str) -> asyncpg.Connection[Any]:
    """A connection under the application's role."""
    return await asyncpg.connect(url, server_settings={**SESSION, "role": ROLE})


@asynccontextmanager
async def pool(url: str, size: int) -> AsyncIterator[asyncpg.Pool[Any]]:
    """Connections for reading, under the application's role. Sessions carry no state, so there is none to reset."""
    logging.getLogger("asyncpg.pool").addFilter(_in_one_line)
    async with asyncpg.create_pool(
        url,
        min_size=1,
        max_size=size,
        server_settings={**SESSION, "role": ROLE},
        reset=_settle,
        max_cacheable_statement_size=LONGEST_STATEMENT,
    ) as connections:
        yield connections


async def _settle(connection: asyncpg.Connection[Any]) -> None:
    """End a transaction that nobody knows of, in place of asyncpg's dearer reset.

    A reader who goes away when a statement has been prepared, and not yet executed, leaves one open: asyncpg has not
    said yet that this was all. It would hold its locks until the connection is used again, and no snapshot could begin.
    """
    await connection.execute("select")


class Session:
    """A connection of a reader, with the statements that are prepared on it."""

    def __init__(self, connection: asyncpg.Connection[Any]) -> None:
        self.connection = connection
        self._prepared: Kept[str, PreparedStatement[Any]] = Kept(MOST_STATEMENTS)

    async def fetchrow(self, sql: str, *parameters: Any) -> Any:
        if len(sql) > LONGEST_STATEMENT:
            return await self.connection.fetchrow(sql, *parameters)
        prepared = self._prepared.get(sql) or self._prepared.put(sql, await self.connection.prepare(sql))
        try:
            return await prepared.fetchrow(*parameters)
        except asyncpg.PostgresError:
            self._prepared.drop(sql)  # it may be that tables have changed below it
            raise


class Reader:
    """Runs single statements on connections of its own: what asyncpg does in a pool, and to find a prepared statement,
    costs a third of a small one. At most so many run at once; the others wait."""

    def __init__(self, url: str, most: int) -> None:
        self._url = url
        self._idle: list[Session | None] = [None] * most  # None is the place of a session
        self._waiting: deque[asyncio.Future[Session | None]] = deque()

    async def fetchrow(self, sql: str, *parameters: Any) -> Any:
        """The first row. Raises what asyncpg raises."""
        session, sound = self._idle.pop() if self._idle else await self._wait(), False
        try:
            if session is None or session.connection.is_closed():
                session = None
                session = Session(await connect(self._url))
            row = await session.fetchrow(sql, *parameters)
            sound = True
            return row
        except asyncpg.PostgresError:
            sound = True
            raise
        finally:
            if session is not None and not sound:
                session.connection.terminate()  # whoever asked went away, and the answer is still to come
            self._hand_on(session if sound else None)

    async def _wait(self) -> Session | None:
        """A place, as soon as all who came before have had one."""
        waiting: asyncio.Future[Session | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        try:
            return await waiting
        except asyncio.CancelledError:
            if waiting.done() and not waiting.cancelled():  # it came at the very moment
                self._hand_on(waiting.result())
            raise

    def _hand_on(self, session: Session | None) -> None:
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_result(session)
                return
        self._idle.append(session)

    def close(self) -> None:
        """End what is idle; nothing is asked any more."""
        for session in self._idle:
            if session is not None:
                session.connection.terminate()


@contextmanager
def reader(url: str, most: int) -> Iterator[Reader]:
    made = Reader(url, most)
    try:
        yield made
    finally:
        made.close()


def _in_one_line(record: logging.LogRecord) -> bool:
    """An outage is one line in the log, and no trace: whoever asked meanwhile is told, and nothing is wrong with us."""
    if record.exc_info and isinstance(record.exc_info[1], LOST):
        record.msg, record.exc_info = f"{record.msg}: {record.exc_info[1]!r}", None
    return True


def migrations() -> list[tuple[int, str, str]]:
    """Number, name and SQL of every migration, in order."""
    files = sorted((sql_folder() / "migrations").glob("*.sql"))
    return [(int(file.name[:4]), file.stem[5:], file.read_text()) for file in files]


async def migrate(owner_url: str) -> list[str]:
    """Bring the database to the present shape; returns the names of the migrations that ran.

    The user of `owner_url` may create schemas, and roles unless `pet_app` is there and granted to that user.
    """
    connection = await asyncpg.connect(owner_url)
    try:
        async with connection.transaction():
            await connection.execute(f"select pg_advisory_xact_lock({MIGRATING})")
            await _ensure_role(connection)
            if await connection.fetchval("select to_regclass('pet.migrations') is null"):
                done = 0
            else:
                done = await connection.fetchval("select coalesce(max(number), 0) from pet.migrations")
            return [await _apply(connection, *step) for step in migrations() if step[0] > done]
    finally:
        await connection.close()


async def _ensure_role(connection: asyncpg.Connection[Any]) -> None:
    """Roles belong to the whole server, so another database's migration may be making it at this moment."""
    await connection.execute(f"""
        do $$ begin
            if not exists (select from pg_roles where rolname = '{ROLE}') then
                create role {ROLE} nologin;
            end if;
        exception when duplicate_object or unique_violation then null;
        end $$;
        do $$ begin
            if not pg_has_role(current_user, '{ROLE}', 'set') then
                execute format('grant {ROLE} to %I', current_user);
            end if;
        exception
            when unique_violation then null;
            when insufficient_privilege then
                raise exception 'An administrator of this server has to run: grant {ROLE} to "%"', current_user
                    using errcode = 'insufficient_privilege';
        end $$""")


async def _apply(connection: asyncpg.Connection[Any], number: int, name: str, sql: str) -> str:
    await connection.execute(sql)
    await connection.execute("insert into pet.migrations (number, name) values ($1, $2)", number, name)
    return name


def fingerprint() -> str:
    """A digest of the code that makes rows of facts: when it changes, the rows have to be made again.

    The rules of the time zones belong to it: a deadline in local hours may move with them.
    """
    digest = hashlib.sha256(version("tzdata").encode())
    for package in (events, projections):
        for file in sorted(Path(str(package.__file__)).parent.glob("*.py")):
            digest.update(re.sub(rb"\s+", b" ", file.read_bytes()))
    return digest.hexdigest()


async def create_tables(connection: asyncpg.Connection[Any], schema: str) -> None:
    """Make an empty set of projection tables in a schema that has none of them; keys and indexes come later."""
    await use_schema(connection, schema)
    await connection.execute(";".join(table.ddl() for table in TABLES.values()))
    await connection.execute("create table fingerprint (code text not null)")
    await connection.execute("insert into fingerprint values ($1)", fingerprint())


async def finish_tables(connection: asyncpg.Connection[Any]) -> None:
    """Give the tables that were just filled their keys, indexes and statistics."""
    await connection.execute("set local maintenance_work_mem = '256MB'")
    await connection.execute(";".join(sql for table in TABLES.values() for sql in table.ddl_when_filled()))
    await connection.execute(f"analyze {', '.join(TABLES)}")


async def use_schema(connection: asyncpg.Connection[Any], schema: str) -> None:
    await connection.execute(f"set local search_path to {schema}, pet")
