"""Replay: fold the log and make the rows of every stream once, in processes beside each other when there is much.

The log is read stream by stream: PostgreSQL sorts it. So a process keeps in memory the state of one stream only, and
makes its rows while that state is in the processor's cache. Streams are dealt out by their names, a share a process.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from typing import Any, BinaryIO

import asyncpg
import msgspec

from . import database, log
from .events.base import Fact
from .projections import TABLES, evolved, rows_of
from .projections.base import CSV, Put, Row

PAGE = 250
"""Facts that are folded at once: while they are in the processor's cache, and rows wait to be copied."""

MANY = 50_000
"""Facts that one process folds before others could have started."""

CHUNK_BYTES = 1_000_000
"""Lines of rows that are copied at once."""

SESSION = """
    set statement_timeout = 0; set idle_in_transaction_session_timeout = 0;
    set work_mem = '128MB'; set max_parallel_workers_per_gather = 0; set jit = off"""
"""A process reads with one statement, which sorts; it waits while what was made of the facts before is written."""

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

    With `url`, of the application's role, a long log is folded by as many processes as there are processors; without,
    all of it is in memory at once. `freeze` what is written, in a transaction that made the tables, so that no vacuum
    has to look at it again.
    """
    until = await log.last_position(connection)
    tell = _counting(progress)
    works = _dealt_out(url, until) if url and until > MANY else []
    async with aclosing(_rows_of_many(works, tell) if works else _rows_of_short_log(connection, until, tell)) as made:
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


async def _rows_of_short_log(connection: asyncpg.Connection[Any], until: int, progress: Progress) -> Rows:
    folding = Folding()
    folding.take(await log.read_streams_whole(connection, until))
    for rows in folding.lines():
        yield rows
    progress(until)


class Folding:
    """Takes facts stream by stream, and gives the lines of the rows of every stream that has come to its end."""

    def __init__(self) -> None:
        self._state: Any = None
        self._last: Fact | None = None
        self._waiting: dict[str, list[bytes]] = defaultdict(list)
        self._bytes = 0

    def take(self, facts: list[Fact]) -> bool:
        """Fold these facts; tells whether there are enough lines now to be copied."""
        ended: list[tuple[Any, Fact]] = []
        state, last = self._state, self._last
        for fact in facts:
            if last and last.stream != fact.stream:
                ended.append((state, last))
                state = None
            state, last = evolved(state, fact), fact
        self._state, self._last = state, last
        self._write(ended)
        return self._bytes > CHUNK_BYTES

    def _write(self, ended: list[tuple[Any, Fact]]) -> None:
        rows: dict[str, list[Row]] = defaultdict(list)
        for state, last in ended:
            for change in rows_of(state, last):
                if isinstance(change, Put):
                    rows[change.table].append(change.values)
        for table, some in rows.items():
            lines = TABLES[table].lines(some)
            self._waiting[table].append(lines)
            self._bytes += len(lines)

    def lines(self, *, at_the_end: bool = True) -> list[tuple[str, bytes]]:
        """What waits, by table; with the rows of the stream that was folded last if nothing follows."""
        if at_the_end and self._last:
            self._write([(self._state, self._last)])
        made = [(table, b"".join(lines)) for table, lines in self._waiting.items()]
        self._waiting.clear()
        self._bytes = 0
        return made


# --- many shares, many processes --------------------------------------------------------------------------------------


class Work(msgspec.Struct, frozen=True):
    """What one process has to fold: one of the shares that the streams are dealt out in."""

    url: str
    until: int
    number: int
    of: int

    async def rows(self, progress: Progress) -> Rows:
        """What comes of it, read over a connection of its own."""
        connection, folding = await database.connect(self.url), Folding()
        try:
            await connection.execute(SESSION)
            async with aclosing(log.read_share(connection, self.until, self.number, self.of, PAGE)) as pages:
                async for facts in pages:
                    for rows in folding.lines(at_the_end=False) if folding.take(facts) else ():
                        yield rows
                    progress(len(facts))
                    await asyncio.sleep(0)  # so that what was made is copied meanwhile
            for rows in folding.lines():
                yield rows
        finally:
            await connection.close()


def processors() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


Said = tuple[str, bytes] | int | str | None
"""What a process says: some rows, how many facts more it has folded, how it failed, or that it is done."""

_said = msgspec.msgpack.Decoder(Said).decode


def _dealt_out(url: str, until: int) -> list[Work]:
    """A piece of work for each processor."""
    of = processors()
    return [Work(url, until, number, of) for number in range(of)]


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
    work = msgspec.json.decode(sys.stdin.buffer.read(), type=Work)
    with output() as out:
        try:
            asyncio.run(_work(work, out))
        except Exception as failure:
            _say(out, repr(failure))


def output() -> BinaryIO:
    """Standard output, which goes on where a write was cut short: under PYTHONUNBUFFERED `sys.stdout` does not."""
    return open(sys.stdout.fileno(), "wb", closefd=False)


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
