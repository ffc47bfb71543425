"""Where a fact's time goes in a rebuild: `python -m bench.stages [FACTS]` prints microseconds of processor time.

What Python does is timed page by page. Whatever else runs on the machine makes pages slower and none faster, so the
least disturbed tenth of them stands beside the median. What PostgreSQL does is what the kernel says of its process.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import asyncpg

from pet_graph import database, log, replay
from pet_graph.events.base import Fact
from pet_graph.projections import TABLES, evolved, rows_of
from pet_graph.projections.base import CSV, Put, Row
from pet_graph.rebuild import BESIDE

from .load import seconds_of
from .servers import postgres
from .worlds import filled

FACTS = 100_000


class Stages:
    """By stage, the microseconds that a fact took: of each page, or of all facts together."""

    def __init__(self) -> None:
        self.spent: dict[str, list[float]] = defaultdict(list)

    def timed(self, stage: str, facts: int, what: Callable[[], Any]) -> Any:
        began = time.thread_time()
        made = what()
        self.spent[stage].append((time.thread_time() - began) / facts * 1e6)
        return made

    @contextmanager
    def of_postgres(self, connection: asyncpg.Connection[Any], stage: str, facts: int) -> Iterator[None]:
        process = connection.get_server_pid()
        began = seconds_of(process) or 0.0
        yield
        self.spent[f"PostgreSQL: {stage}"].append(((seconds_of(process) or 0.0) - began) / facts * 1e6)

    def table(self) -> Iterator[str]:
        yield "| stage | µs a fact, least disturbed | median |\n|---|---:|---:|"
        least = middle = 0.0
        for stage, pages in self.spent.items():
            ordered = sorted(pages)
            undisturbed, median = ordered[len(ordered) // 10], ordered[len(ordered) // 2]
            yield f"| {stage} | {undisturbed:.2f} | {median:.2f} |"
            least, middle = least + undisturbed, middle + median
        yield f"| all | {least:.2f} | {middle:.2f} |"
        yield f"| facts/s that two processors could make of it | {2e6 / least:,.0f} | {2e6 / middle:,.0f} |"


# --- as one of two processes does it ----------------------------------------------------------------------------------


async def measure(url: str) -> Stages:
    """The stages of one half of the streams. Nothing that is written stays."""
    stages, connection = Stages(), await database.connect(url)
    await connection.execute(replay.SESSION)
    await connection.execute("set max_parallel_maintenance_workers = 0")  # so that one process does all of it
    facts, lines = await _made(connection, stages)
    writing = connection.transaction()
    await writing.start()
    await database.create_tables(connection, BESIDE)
    with stages.of_postgres(connection, "copies rows", facts):
        for table, some in lines.items():
            source = memoryview(b"".join(some))
            await connection.copy_to_table(table, source=source, columns=TABLES[table].columns, freeze=True, **CSV)
    with stages.of_postgres(connection, "makes keys, indexes and statistics", facts):
        await database.finish_tables(connection)
    await writing.rollback()
    await connection.close()
    return stages


async def _made(connection: asyncpg.Connection[Any], stages: Stages) -> tuple[int, dict[str, list[bytes]]]:
    """How many facts were read, and the lines of their rows."""
    until, facts = await log.last_position(connection), 0
    lines: dict[str, list[bytes]] = defaultdict(list)
    ends: list[tuple[Any, Fact]] = []
    process = connection.get_server_pid()
    began = seconds_of(process) or 0.0
    async with connection.transaction(readonly=True):
        cursor = await connection.cursor(log.REPLAYED.format(share=log.SHARE), until, 2, 0)
        spent = time.thread_time()
        while rows := await cursor.fetch(log.FETCHED):
            stages.spent["Python: rows come over the wire"].append((time.thread_time() - spent) / len(rows) * 1e6)
            facts += len(rows)
            for start in range(0, len(rows), replay.PAGE):
                ends = _folded(stages, rows[start : start + replay.PAGE], ends, lines)
            spent = time.thread_time()
    stages.spent["PostgreSQL: reads and sorts"].append(((seconds_of(process) or 0.0) - began) / facts * 1e6)
    return facts, lines


def _folded(
    stages: Stages, page: list[Any], ends: list[tuple[Any, Fact]], lines: dict[str, list[bytes]]
) -> list[tuple[Any, Fact]]:
    """Fold one page. The stream that was folded last is handed on, as its next facts may stand on the next page."""
    number = len(page)
    facts = stages.timed("Python: facts, with events of JSON", number, lambda: [*map(log.replayed, page)])
    ends = stages.timed("Python: fold", number, lambda: _ends(facts, ends[-1:]))
    changes = stages.timed("Python: rows", number, lambda: [one for end in ends[:-1] for one in rows_of(*end)])
    by_table: dict[str, list[Row]] = defaultdict(list)
    for change in changes:
        if isinstance(change, Put):
            by_table[change.table].append(change.values)
    made = stages.timed(
        "Python: lines", number, lambda: [(name, TABLES[name].lines(rows)) for name, rows in by_table.items()]
    )
    for table, some in made:
        lines[table].append(some)
    return ends


def _ends(facts: list[Fact], ends: list[tuple[Any, Fact]]) -> list[tuple[Any, Fact]]:
    """Each stream's state with its last fact; the last stream before these facts may go on."""
    for fact in facts:
        if ends and ends[-1][1].stream == fact.stream:
            ends[-1] = evolved(ends[-1][0], fact), fact
        else:
            ends.append((evolved(None, fact), fact))
    return ends


async def main() -> None:
    facts = int(sys.argv[1]) if len(sys.argv) > 1 else FACTS
    async with postgres() as lease:
        places = await filled(lease, [facts], print)
        gc.disable()  # as a replay does
        print(*(await measure(places[facts].url)).table(), sep="\n")


if __name__ == "__main__":
    asyncio.run(main())
