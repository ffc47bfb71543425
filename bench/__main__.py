"""`python -m bench`: measure on PET's own PostgreSQL in a temporary folder, and write bench/results.md."""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import uvloop

from pet_graph import database
from pet_graph.postgres import acquire
from pet_graph.rebuild import rebuild_if_outdated

from .turns import (
    MOST_CONNECTIONS,
    TURN,
    WAYS,
    Cells,
    compare,
    found,
    middle,
    rebuild_per_second,
    turning,
)

RESULTS = Path(__file__).parent / "results.md"


@dataclass(frozen=True)
class Length:
    """How thoroughly to measure."""

    callers: tuple[int, ...]
    rounds: int
    seconds: float
    facts: int


FULL, QUICK = Length((1, 16, 64, 256), 3, 1.3, 6_000), Length((1, 64), 1, 0.4, 800)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="about ten seconds, one round, nothing written: does it run?"
    )
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory(prefix="pet-bench-") as folder:
        Path(folder).chmod(0o755)  # as root the server runs under another account, which has to get in
        print("starting PostgreSQL …", flush=True)
        with acquire(Path(folder) / "data") as lease:
            report = uvloop.run(measure(lease.server.url(), QUICK if quick else FULL))
    print(f"\n{report}")
    if not quick:
        RESULTS.write_text(report)
        print(f"written to {os.path.relpath(RESULTS)}")


async def measure(url: str, length: Length) -> str:
    busy = os.getloadavg()[0]
    for name in ("bench", "bench_rebuild"):
        await make_database(url, name)
    bench, replay = (url.replace("/postgres?", f"/{name}?") for name in ("bench", "bench_rebuild"))
    cells = await compare(bench, length.callers, length.rounds, length.seconds, tell)
    facts_per_second = await rebuild_per_second(replay, length.facts, length.rounds, tell)
    parts = [
        TITLE,
        table(length.callers, cells),
        rebuilding(facts_per_second),
        await conditions(bench, length, busy),
        READING,
    ]
    return "\n".join(parts)


async def make_database(url: str, name: str) -> None:
    """A database of this name, with everything that PET keeps in one."""
    admin = await asyncpg.connect(url)
    await admin.execute(f"create database {name}")
    await admin.close()
    made = url.replace("/postgres?", f"/{name}?")
    await database.migrate(made)
    connection = await database.connect(made)
    await rebuild_if_outdated(connection)
    await connection.close()
    async with turning(made, TURN, 0) as [turns]:
        await found(turns)


def tell(what: str) -> None:
    print(f"  {what}", flush=True)


# --- the report -------------------------------------------------------------------------------------------------------

TITLE = """# Measured: commands per second

Written by `make bench`. Every command opens a ticket under an SLA policy: 2 facts, 1 journal entry, 6 rows in 4 tables.
"""

READING = f"""## How to read this

"Turn" is PET as it runs: one connection, and one transaction for everyone who waits. The other two are the same code,
the same decisions and the same statements with one transaction for each command: "one by one" is the same queue taken
singly; "own connections" gives every caller a connection of its own (at most {MOST_CONNECTIONS}), each of which takes
the turn for one command. The ratio is the turn over the better of these two. With one caller there is nobody to share
a turn with, so the ratio there is about 1; from then on a turn shares its round trips and its wait for the disk among
all who wait, until the processor is what limits it. Callers are in one process with the queue and ask again as soon as
they are answered, so the latency is the one at saturation. Each cell is the median of the rounds; the ways alternate
within a round. Speeds depend on the machine, on its disk and on what else it does: compare the ways, not the figures.
"""


def table(callers: Sequence[int], cells: Cells) -> str:
    heads = ["callers", *(head for way in WAYS for head in (f"{way.name} /s", "p50 ms", "p99 ms")), "ratio"]
    lines = [f"| {' | '.join(heads)} |", "|---:" * len(heads) + "|"]
    for number in callers:
        ways = [middle(cells[number, way.name]) for way in WAYS]
        columns = [f"{one.per_second:,.0f} | {one.p50_ms:.1f} | {one.p99_ms:.1f}" for one in ways]
        ratio = ways[0].per_second / max(ways[1].per_second, ways[2].per_second)
        lines.append(f"| {number} | {' | '.join(columns)} | {ratio:.1f} |")
    return "\n".join(lines) + "\n"


def rebuilding(facts_per_second: float) -> str:
    return f"A rebuild replays {facts_per_second:,.0f} facts a second, rows of every table included.\n"


async def conditions(url: str, length: Length, busy: float) -> str:
    connection = await asyncpg.connect(url)
    version = await connection.fetchval("show server_version")
    fsync, commit = await connection.fetchval("show fsync"), await connection.fetchval("show synchronous_commit")
    await connection.close()
    return (
        f"## Conditions\n\n"
        f"{os.cpu_count()} cores ({platform.machine()}, {platform.system()}), of which {busy:.1f} were busy with other "
        f"work in the minute before; Python {platform.python_version()} on "
        f"uvloop, PostgreSQL {version} with PET's default settings, fsync {fsync}, synchronous_commit {commit}; "
        f"callers, queue and database on the same machine. {length.rounds} rounds of {length.seconds} s a cell.\n"
    )


if __name__ == "__main__":
    main()
