"""One real PostgreSQL for all workers, a fresh database for each test, and the replay law after every one of them."""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import msgspec
import pytest

from pet_graph import database, log
from pet_graph.decisions import Asked, Outcome, Recorded
from pet_graph.events.base import Command, Fact, Priority
from pet_graph.events.customers import RegisterCustomer
from pet_graph.events.people import RegisterPerson
from pet_graph.events.policies import AdoptSlaPolicy, SlaTarget
from pet_graph.feed import Feed
from pet_graph.postgres import Embedded, acquire
from pet_graph.rebuild import differences, rebuild_if_outdated
from pet_graph.turn import Turns

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
QUICK = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "64MB"}
EVERYONE = ("manager", "support")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """The embedded server; every worker of one run shares it, the last one stops it and clears it away.

    It stands in a folder that everybody may enter: run as root, it serves under another account.
    """
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    folder = _quick_folder() / f"pet-tests-{run[:12]}"
    folder.mkdir(mode=0o755, exist_ok=True)
    with acquire(folder, QUICK) as lease:
        yield lease.server
    if not (lease.server.cluster / "postmaster.pid").exists():
        shutil.rmtree(folder, ignore_errors=True)


def _quick_folder() -> Path:
    """Memory, where there is enough of it: each test has a database, and making one writes hundreds of small files."""
    memory = Path("/dev/shm")
    enough = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 4 * 2**30
    return memory if enough else Path(tempfile.gettempdir())


@pytest.fixture(scope="session")
def template(server: Embedded) -> str:
    """The name of a migrated, empty database; made once for all workers."""
    asyncio.run(_make_template(server))
    return "pet_template"


async def _make_template(server: Embedded) -> None:
    connection = await asyncpg.connect(server.url())
    try:
        await connection.execute("select pg_advisory_lock(1)")
        if await connection.fetchval("select exists (select from pg_database where datname = 'pet_template')"):
            return
        await connection.execute("create database pet_template_in_the_making")
        await database.migrate(server.url("pet_template_in_the_making"))
        app = await database.connect(server.url("pet_template_in_the_making"))
        await rebuild_if_outdated(app)
        await app.close()
        await connection.execute("alter database pet_template_in_the_making rename to pet_template")
    finally:
        await connection.close()


_numbers = itertools.count()


@pytest.fixture
async def database_url(server: Embedded, template: str) -> AsyncIterator[str]:
    """A database of this test's own. When the test is over, the log is replayed and must give the same rows."""
    name = f"test_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}_{os.getpid()}_{next(_numbers)}"
    admin = await asyncpg.connect(server.url())
    try:
        await admin.execute(f"create database {name} template {template} strategy file_copy")
        yield server.url(name)
        await _replay_gives_the_same_rows(server.url(name))
        await admin.execute(f"drop database {name} with (force)")
    finally:
        await admin.close()


async def _replay_gives_the_same_rows(url: str) -> None:
    connection = await database.connect(url)
    try:
        assert await differences(connection) == {}
    finally:
        await connection.close()


@dataclass
class World:
    """PET without its transport: turns that record, a feed to follow, and hands to ask with. `now` can be moved."""

    url: str
    pool: asyncpg.Pool[Any]
    turns: Turns
    feed: Feed
    time: list[datetime] = field(default_factory=lambda: [NOON])

    def now(self) -> datetime:
        return self.time[0]

    def pass_time(self, **span: float) -> None:
        self.time[0] += timedelta(**span)

    def asked(
        self, command: Command, *, id: UUID | None = None, roles: tuple[str, ...] = EVERYONE, **how: Any
    ) -> Asked:
        return Asked(command=command, command_id=id or uuid4(), actor="tester", roles=roles, **how)

    async def ask(self, command: Command, *, dry_run: bool = False, **how: Any) -> Outcome:
        return await self.turns.record(self.asked(command, **how), dry_run=dry_run)

    async def record(self, command: Command, **how: Any) -> Recorded:
        """Ask, and insist on it being recorded."""
        outcome = await self.ask(command, **how)
        assert isinstance(outcome, Recorded), outcome
        return outcome

    async def record_as(self, actor: str, command: Command) -> Recorded:
        """Record as somebody else."""
        asked = msgspec.structs.replace(self.asked(command), actor=actor)
        outcome = await self.turns.record(asked)
        assert isinstance(outcome, Recorded), outcome
        return outcome

    async def facts(self) -> list[Fact]:
        return await log.read(self.pool, 0)

    async def rows(self, table: str) -> list[dict[str, Any]]:
        return [dict(row) for row in await self.pool.fetch(f"select * from {table} order by 1")]

    async def customer(self, name: str = "Crunchy Armchairs") -> UUID:
        return (await self.record(RegisterCustomer(name=name))).facts[0].id

    async def person(self, name: str = "Ada", *roles: Any) -> UUID:
        return (await self.record(RegisterPerson(name=name, roles=roles))).facts[0].id

    async def policy(
        self, response: timedelta | None = None, resolution: timedelta | None = None, **fields: Any
    ) -> None:
        """The firm's own policy, equal for every priority; it has held for a year."""
        fields.setdefault("valid_from", NOON - timedelta(days=365))
        targets = tuple(SlaTarget(priority, response, resolution) for priority in Priority)
        await self.record(AdoptSlaPolicy(name="Standard", targets=targets, **fields))


@asynccontextmanager
async def a_world(url: str) -> AsyncIterator[World]:
    time = [NOON]
    turns = Turns(lambda: database.connect(url), lambda: time[0])
    async with database.pool(url, 4) as pool:
        world = World(url, pool, turns, Feed(pool, url, poll_seconds=0.5), time)
        task = asyncio.create_task(turns.run())
        try:
            yield world
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    async with a_world(database_url) as world:
        yield world


def shared_data(name: str) -> Path:
    """A real log to test with; skips where the folder is absent."""
    path = Path(__file__).parent.parent.parent / "shared" / "data" / name
    if not path.exists():
        pytest.skip(f"the real log {name} is not here: put it in ../shared/data to run this test")
    return path
