"""Databases that the bench reads: a log of so many facts and its rows, each made once in a run."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterable

import asyncpg

from pet_graph import database
from pet_graph.postgres import Lease
from pet_graph.rebuild import rebuild_if_outdated

from . import data
from .scale import Tell
from .servers import PYTHON, Place


async def created(lease: Lease, name: str) -> Place:
    """A new database without anything in it."""
    await _execute(lease.server.url(), f"create database {name}")
    return Place.of(lease, name)


async def migrated(lease: Lease, name: str) -> Place:
    """A new database with everything that PET keeps in one, and no fact."""
    place = await created(lease, name)
    await database.migrate(place.url)
    connection = await database.connect(place.url)
    await rebuild_if_outdated(connection)
    await connection.close()
    return place


async def filled(lease: Lease, sizes: Iterable[int], tell: Tell) -> dict[int, Place]:
    """Databases with about so many facts each, of which nothing falls due while they are read.

    Those that are not there yet are made at once, each by a process of its own.
    """
    places = {facts: Place.of(lease, f"facts_{facts}") for facts in sorted({*sizes})}
    await asyncio.gather(*[_made(lease, facts, tell) for facts in places if not await _there(lease, facts)])
    return places


async def _there(lease: Lease, facts: int) -> bool:
    connection = await asyncpg.connect(lease.server.url())
    there: bool = await connection.fetchval(
        "select exists (select from pg_database where datname = $1)", f"facts_{facts}"
    )
    await connection.close()
    return there


async def _made(lease: Lease, facts: int, tell: Tell) -> None:
    began = time.perf_counter()
    place = await migrated(lease, f"facts_{facts}")
    process = await asyncio.create_subprocess_exec(PYTHON, "-m", "bench.worlds", place.url, str(facts))
    assert await process.wait() == 0, f"the log of {facts:,} facts could not be made"
    await _execute(place.url, "vacuum analyze", "checkpoint")
    assert not await _falling_due(place.url), "the clock would work while something else is measured"
    tell(f"a log of about {facts:,} facts, made in {time.perf_counter() - began:.0f} s")


async def _falling_due(url: str) -> int:
    connection = await asyncpg.connect(url)
    found: int = await connection.fetchval(
        "select count(*) from projections.deadlines where due_at < now() + interval '1 hour'"
    )
    await connection.close()
    return found


async def _execute(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    for statement in statements:
        await connection.execute(statement)
    await connection.close()


if __name__ == "__main__":
    asyncio.run(data.fill(sys.argv[1], data.Scale.of(int(sys.argv[2]))))
