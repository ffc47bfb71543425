"""Replay: fold the log and make the rows of every stream once, in processes beside each other when there is much.

Streams are dealt out in shares by their names. A share is folded from the log's first fact to its last, and then its
rows are made; so a process keeps in memory the states of one share's streams and their last facts, not the log.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from typing import Any, BinaryIO

import asyncpg
import msgspec

from . import database, log
from .events.base import Fact
from .projections import TABLES, evolved, rows_of
from .projections.base import CSV, Put

PAGE = 2_000
"""Facts that are read at once: few enough to be folded while they are in the processor's cache."""

MANY = 50_000
"""Facts that one process folds before others could have started."""

STREAMS = 150_000
"""About how many streams make a share: their states take some 200 MB."""

CHUNK_BYTES = 1_000_000

Progress = Callable[[int], None]

Rows = AsyncGenerator[tuple[str, bytes], None]
"""Tables, each with lines of its CSV."""


def quiet(facts: int) -> None:
    """The progress that nobody watches."""


class ReplayFailed(Exception):
    """A process that folded its share failed; the message says how."""


async def replay(
    connection: asyncpg.Connection[Any], progress: Progress = quiet, *, url: str | None = None, freeze: bool = False
) -> int:
    """Fill empty tables, the first on the search path, from the log alone; returns the number of facts read.

    With `url`, of the application's role, a long log is folded by as many processes as there are processors. `freeze`
    what is written, in a transaction that made the tables, so that no vacuum has to look at it again.
    """
    until = await log.last_position(connection)
    tell = _counting(progress)
    work = await _dealt_out(connection, url, until) if url and until > MANY else []
    async with aclosing(_rows_of_many(work, tell) if work else rows_of_share(connection, until, tell)) as made:
        async for table, lines in made:
            columns, source = TABLES[table].columns, memoryview(lines)  # asyncpg takes bytes for a path
            await connection.copy_to_table(table, source=source, columns=columns, freeze=freeze or None, **CSV)
    return until


def _counting(progress: Progress) -> Progress:
    """Told of some facts more, it tells of all so far."""
    facts = 0

    def more(number: int) -> None:
        nonlocal facts
        facts += number
        progress(facts)

    return more


# --- one share --------------------------------------------------------------------------------------------------------


async def rows_of_share(
    connection: asyncpg.Connection[Any], until: int, progress: Progress = quiet, number: int = 0, of: int = 1
) -> Rows:
    """The rows of one share of the streams, as they stand after the position `until`."""
    ends: dict[str, tuple[Any, Fact]] = {}
    for after in range(0, until, PAGE * of):
        facts = await log.read_replayed(connection, after, min(after + PAGE * of, until), number, of)
        for fact in facts:
            before = ends.get(fact.stream)
            ends[fact.stream] = evolved(before and before[0], fact), fact
        progress(len(facts))
    for table, lines in _chunks(ends):
        yield table, lines


def _chunks(ends: dict[str, tuple[Any, Fact]]) -> Iterator[tuple[str, bytes]]:
    waiting: dict[str, list[bytes]] = {}
    bytes_waiting = dict.fromkeys(TABLES, 0)
    for stream in list(ends):
        for change in rows_of(*ends.pop(stream)):
            if isinstance(change, Put):
                line = TABLES[change.table].line(change.values)
                waiting.setdefault(change.table, []).append(line)
                bytes_waiting[change.table] += len(line)
                if bytes_waiting[change.table] > CHUNK_BYTES:
                    yield change.table, b"".join(waiting.pop(change.table))
                    bytes_waiting[change.table] = 0
    for table, lines in waiting.items():
        yield table, b"".join(lines)


# --- many shares, many processes --------------------------------------------------------------------------------------


class Work(msgspec.Struct, frozen=True):
    """What one process has to fold: some of the shares that the streams are dealt out in."""

    url: str
    until: int
    numbers: list[int]
    of: int

    async def rows(self, progress: Progress) -> Rows:
        """What comes of it, share by share, read over a connection of its own."""
        connection = await database.connect(self.url)
        try:
            await connection.execute("set enable_seqscan = off; set enable_bitmapscan = off")  # page by page
            for number in self.numbers:
                async for rows in rows_of_share(connection, self.until, progress, number, self.of):
                    yield rows
        finally:
            await connection.close()


def processors() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


Said = tuple[str, bytes] | int | str | None
"""What a process says: some rows, how many facts more it has folded, how it failed, or that it is done."""

_said = msgspec.msgpack.Decoder(Said).decode


async def _dealt_out(connection: asyncpg.Connection[Any], url: str, until: int) -> list[Work]:
    """A piece of work for each processor."""
    processes = processors()
    of = processes * -(-await log.count_streams(connection) // (STREAMS * processes))
    return [Work(url, until, list(range(of))[first::processes], of) for first in range(processes)]


async def _rows_of_many(works: list[Work], progress: Progress) -> Rows:
    """One piece of the work is done here, because to start a process takes as long as to fold many facts."""
    said: asyncio.Queue[Said | Exception] = asyncio.Queue(2 * len(works))
    mine, *others = works
    working = len(works)
    async with AsyncExitStack() as stack:
        for work in others:
            process = await stack.enter_async_context(_at_work(work))
            await stack.enter_async_context(_meanwhile(_listen(process, said)))
        await stack.enter_async_context(_meanwhile(_do(mine, said, progress)))
        while working:
            match await said.get():
                case None:
                    working -= 1
                case int(facts):
                    progress(facts)
                case (table, lines):
                    yield table, lines
                case str(failure):
                    raise ReplayFailed(failure)
                case Exception() as failure:
                    raise failure


@asynccontextmanager
async def _meanwhile(doing: Coroutine[Any, Any, None]) -> AsyncGenerator[None, None]:
    """Something that is done beside, and not for longer."""
    task = asyncio.create_task(doing)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _do(work: Work, said: asyncio.Queue[Said | Exception], progress: Progress) -> None:
    gc.disable()  # a fold leaves no cycles behind, and makes very many objects
    try:
        async with aclosing(work.rows(progress)) as made:
            async for rows in made:
                await said.put(rows)
        await said.put(None)
    except Exception as failure:
        await said.put(failure)
    finally:
        gc.enable()


@asynccontextmanager
async def _at_work(work: Work) -> AsyncGenerator[Process, None]:
    """A process with its work, which does not outlive this."""
    command = [sys.executable, "-P", "-m", "pet_graph.replay"]
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, limit=4 * CHUNK_BYTES)
    try:
        assert process.stdin
        process.stdin.write(msgspec.json.encode(work))
        process.stdin.close()
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _listen(process: Process, said: asyncio.Queue[Said | Exception]) -> None:
    """Hand on what a process says, message by message, until it is done."""
    assert process.stdout
    what: Said = ""
    try:
        while what is not None:
            length = int.from_bytes(await process.stdout.readexactly(4))
            what = _said(await process.stdout.readexactly(length))
            await said.put(what)
    except asyncio.IncompleteReadError:
        await said.put(f"a process that folded the log ended, with {await process.wait()}")


# --- in such a process ------------------------------------------------------------------------------------------------


def main() -> None:
    """Read from standard input what is to be done; write to standard output what comes of it."""
    gc.disable()
    work, out = msgspec.json.decode(sys.stdin.buffer.read(), type=Work), sys.stdout.buffer
    try:
        asyncio.run(_work(work, out))
    except Exception as failure:
        _say(out, repr(failure))


async def _work(work: Work, out: BinaryIO) -> None:
    async for rows in work.rows(lambda facts: _say(out, facts)):
        _say(out, rows)
    _say(out, None)


def _say(out: BinaryIO, what: Said) -> None:
    message = msgspec.msgpack.encode(what)
    out.write(len(message).to_bytes(4))
    out.write(message)
    out.flush()


if __name__ == "__main__":
    main()
