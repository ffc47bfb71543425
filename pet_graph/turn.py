"""The write path: commands queue up, and a turn writes everyone who is waiting, in one transaction.

Facts are born one at a time: the turn is an advisory lock, taken before anything is read. So what a decision sees is
true, positions have no gap, and no version is retried. What is decided stands in `decisions`; this module queues,
takes the turn, writes, and answers.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID, uuid5

import asyncpg

from . import log, metrics
from .authority import CLOCK
from .database import LOST
from .decisions import NOT_ALONE, Asked, Draft, Failed, Outcome, Prior, Recorded, decide_all, invalid
from .events.base import Fact
from .events.reactions import DEADLINES
from .projections import TABLES, rows_since, streams
from .projections.base import Change, Row, as_json, statements
from .projections.slas import OVERTAKEN, PASSED
from .projections.streams import noun_of

TURN = 0x9E7_0002
"""The advisory lock that is the turn."""

TAKE_TURN = f"select pg_advisory_xact_lock({TURN})"
CHANNEL = "pet_bell"

READ = f"""
    select head.*, array(select (stream, version, state) from ({streams.FOUND.replace("$1", "$2")}) one) as found
    from (values (1)) one left join ({log.HEAD}) head on true"""
"""What a turn begins with, in one round trip: where the log ends, and the streams that its commands will look at."""

PLAN_ONCE = "set plan_cache_mode = force_generic_plan; set enable_seqscan = off"
"""A turn's statements are always the same and find everything by an index. Planning them anew would cost as much as
running them; and a plan made while a table was small must still do when it is large."""

PASSES = 10
PART = 16
"""Commands that are decided while PostgreSQL writes those before them."""

BEGINNING = datetime.min.replace(tzinfo=UTC), ""
DUE_LIMIT = 200
DUE = UUID("6a0b7f0e-3b0e-5d5c-9d3e-3f1f0c4d5e6a")
"""The namespace of the ids of the clock's own commands."""

UNAVAILABLE = (
    *LOST,
    asyncpg.LockNotAvailableError,
    asyncpg.InvalidTransactionStateError,
    asyncpg.TransactionRollbackError,
    asyncpg.InsufficientResourcesError,
)
"""What tells that the database records nothing at the moment, whatever the commands."""

logger = logging.getLogger(__name__)


class Unavailable(Exception):
    """Nothing is known to have been recorded; the same command id may be sent again without harm."""


@dataclass
class Due:
    """How far the clock has looked, page by page: a turn begins `after` and moves it on.

    `edits`: whether to look for clocks that an edit of a policy or a calendar has overtaken, after the stream
    `edited`; it is put out when there are none left. So what cannot be recorded holds up nothing that comes after it.
    """

    after: tuple[datetime, str] = BEGINNING
    edits: bool = False
    edited: str = ""


@dataclass(eq=False)
class Waiting:
    """Commands that are answered together. `due` stands for whatever the clock finds due once it has the turn."""

    asked: Sequence[Asked]
    atomic: bool = False
    dry_run: bool = False
    due: Due | None = None
    answer: asyncio.Future[list[Outcome]] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def succeed(self, outcomes: list[Outcome]) -> None:
        if not self.answer.done():
            self.answer.set_result(outcomes)

    def fail(self, failure: BaseException) -> None:
        if not self.answer.done():
            self.answer.set_exception(failure)


async def take_turn(connection: asyncpg.Connection[Any]) -> None:
    """Wait until nobody else records; the turn ends with the transaction."""
    await connection.execute(TAKE_TURN)


class Turns:
    """The queue of one process and the task that empties it, turn by turn."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[asyncpg.Connection[Any]]],
        now: Callable[[], datetime],
        *,
        turn_limit: int = 256,
        queue_limit: int = 5_000,
    ) -> None:
        self._connect, self._now = connect, now
        self._turn_limit, self._queue_limit = turn_limit, queue_limit
        self._queue: asyncio.Queue[Waiting] = asyncio.Queue()
        self._queued = 0
        self._stopped = False
        self._connection: asyncpg.Connection[Any] | None = None

    # --- asking ---------------------------------------------------------------------------------------------------

    async def record(self, asked: Asked, *, dry_run: bool = False) -> Outcome:
        """Ask for one command. Raises `Unavailable` when the database does not answer or the queue is full."""
        return (await self.record_all([asked], dry_run=dry_run))[0]

    async def record_all(self, asked: Sequence[Asked], *, atomic: bool = False, dry_run: bool = False) -> list[Outcome]:
        """Ask for many commands in one turn: nothing else is recorded between them. One outcome each, in order.

        With `atomic` a refusal of one refuses all.
        """
        if not asked:
            return []
        now = self._now()
        problems = [invalid(one, now) for one in asked]
        if not any(problems):
            return await self._ask(Waiting(asked, atomic, dry_run))
        if atomic:
            return [problem or NOT_ALONE for problem in problems]
        well_formed = [one for one, problem in zip(asked, problems, strict=True) if not problem]
        answers = iter(await self._ask(Waiting(well_formed, dry_run=dry_run)) if well_formed else [])
        return [problem or next(answers) for problem in problems]

    async def record_due(self, due: Due | None = None) -> list[Outcome]:
        """Record what has fallen due by now, or a page of it; called by the clock of any number of processes."""
        return await self._ask(Waiting((), due=due or Due(edits=True)))

    async def _ask(self, waiting: Waiting) -> list[Outcome]:
        if self._stopped:
            raise Unavailable(STOPPED)
        if self._queued + len(waiting.asked) > self._queue_limit:
            raise Unavailable("Too many commands are waiting. Send the same command again in a moment.")
        self._queued += len(waiting.asked)
        self._queue.put_nowait(waiting)
        return await waiting.answer

    # --- taking turns ---------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Empty the queue, turn by turn, until cancelled."""
        batch: list[Waiting] = []
        try:
            while True:
                batch = await self._everyone_waiting()
                await self._turn(batch)
        finally:
            self._stopped = True
            while not self._queue.empty():
                batch.append(self._queue.get_nowait())
            for waiting in batch:
                waiting.fail(Unavailable(STOPPED))
            await self._drop_connection()

    async def _everyone_waiting(self) -> list[Waiting]:
        batch = [await self._queue.get()]
        size = len(batch[0].asked)
        while size < self._turn_limit and not self._queue.empty():
            batch.append(self._queue.get_nowait())
            size += len(batch[-1].asked)
        self._queued -= size
        return [waiting for waiting in batch if not waiting.answer.done()]

    async def _turn(self, batch: list[Waiting]) -> None:
        """Record for all together; what is only rehearsed has a turn of its own, which is rolled back."""
        together = [waiting for waiting in batch if not waiting.dry_run]
        for group in ([together] if together else []) + [[waiting] for waiting in batch if waiting.dry_run]:
            try:
                await self._write(group)
            except Exception as failure:
                await self._drop_connection()
                if isinstance(failure, UNAVAILABLE):
                    logger.warning("turn lost: %s", failure)
                    for waiting in group:
                        waiting.fail(Unavailable(NO_ANSWER))
                else:
                    await self._one_by_one(group, failure)

    async def _one_by_one(self, group: list[Waiting], failure: Exception) -> None:
        """A failure that is not a refusal fails only the command that caused it."""
        if len(group) > 1:
            logger.warning("turn retried one by one: %s", failure)
            for waiting in group:
                await self._turn([waiting])
            return
        [waiting] = group
        if len(waiting.asked) > 1 and not waiting.atomic:
            parts = [Waiting([one], dry_run=waiting.dry_run) for one in waiting.asked]
            for part in parts:
                await self._turn([part])
            await _gather_answers(waiting, parts)
            return
        logger.error("turn failed", exc_info=failure)
        if waiting.asked:
            waiting.succeed([Failed()] * len(waiting.asked))
        else:
            waiting.fail(failure)

    async def _write(self, group: list[Waiting]) -> None:
        connection = await self._connected()
        dry_run = group[0].dry_run
        with metrics.TURN_SECONDS.time():
            await connection.execute(f"begin; {TAKE_TURN}")
            draft, answers = await _write_in_turn(connection, group, self._now())
            bell = f"notify {CHANNEL};" if draft.facts else ""
            await connection.execute("rollback" if dry_run else f"{bell} commit")
        metrics.TURN_COMMANDS.observe(sum(map(len, answers)))
        for waiting, outcomes in zip(group, answers, strict=True):
            waiting.succeed([_rehearsed(outcome) for outcome in outcomes] if dry_run else outcomes)

    # --- the connection -------------------------------------------------------------------------------------------

    async def _connected(self) -> asyncpg.Connection[Any]:
        if self._connection is None or self._connection.is_closed():
            self._connection = await self._connect()
            await self._connection.execute(PLAN_ONCE)
        return self._connection

    async def _drop_connection(self) -> None:
        """Whatever was going on is rolled back by the database."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):
                await connection.close(timeout=1)


NO_ANSWER = "The database does not answer. Send the same command again in a moment."
STOPPED = "This process is stopping. Send the same command again in a moment."


async def _gather_answers(waiting: Waiting, parts: list[Waiting]) -> None:
    try:
        waiting.succeed([(await part.answer)[0] for part in parts])
    except Exception as failure:
        waiting.fail(failure)


def _rehearsed(outcome: Outcome) -> Outcome:
    return replace(outcome, dry_run=True) if isinstance(outcome, Recorded) else outcome


# --- within a turn ------------------------------------------------------------------------------------------------


class _Pen:
    """Writes what is decided, part by part, while the next part is being decided."""

    def __init__(self, connection: asyncpg.Connection[Any]) -> None:
        self._connection = connection
        self._writing: asyncio.Task[None] | None = None

    async def write(self, draft: Draft) -> None:
        await self.rest()
        if draft.entries:
            writing = [*log.statements(draft.facts, draft.entries), *statements(_changes(draft), TABLES)]
            self._writing = asyncio.create_task(_execute(self._connection, writing))
            await asyncio.sleep(0)

    async def rest(self) -> None:
        """Wait until everything is written and the connection is free."""
        writing, self._writing = self._writing, None
        if writing is not None:
            await writing


def _changes(draft: Draft) -> list[Change]:
    """The rows of the streams to which the draft adds facts."""
    lasts = {fact.stream: fact for fact in draft.facts}
    since = draft.facts[0].position - 1 if draft.facts else 0
    return [change for stream, last in lasts.items() for change in rows_since(since, draft.states[stream][0], last)]


async def _execute(connection: asyncpg.Connection[Any], writing: Sequence[tuple[str, list[Row]]]) -> None:
    """Many statements, each with its rows as its parameter, in one round trip."""
    together = _together(tuple(sql for sql, _ in writing))
    await connection.execute(together, *(as_json(rows) for _, rows in writing))


@lru_cache
def _together(sqls: tuple[str, ...]) -> str:
    """Statements as the parts of one WITH; they see the same rows, so no two may write to the same one."""
    parts = (f"part{n} as ({sql.replace('$1', f'${n}')})" for n, sql in enumerate(sqls, 1))
    return f"with {', '.join(parts)} select"


async def _write_in_turn(
    connection: asyncpg.Connection[Any], group: list[Waiting], now: datetime
) -> tuple[Draft, list[list[Outcome]]]:
    """Decide and write for everyone in the group; returns all that was written, and the answers."""
    for waiting in group:
        if waiting.due:
            waiting.asked = await _due(connection, waiting.due, now)
    asked = [one for waiting in group for one in waiting.asked]
    if not asked:  # another process has recorded what was due
        return Draft({}, now), [[] for _ in group]
    wanted = list({stream for one in asked for stream in one.foreseen()})
    row = await connection.fetchrow(READ, [one.command_id for one in asked], wanted)
    head, loaded = log.head_of(row), streams.states(wanted, row["found"])
    prior = await _prior(connection, head.known)
    whole, pen, answers = Draft.after(head, loaded, now), _Pen(connection), []
    try:
        for part in _parts(group):
            draft, outcomes = await _decided(connection, part, whole, prior, pen)
            await pen.write(draft)
            whole.absorb(draft)
            answers += outcomes
    finally:
        await pen.rest()
    return whole, answers


def _parts(group: list[Waiting]) -> Iterator[list[Waiting]]:
    part: list[Waiting] = []
    for waiting in group:
        part.append(waiting)
        if sum(len(one.asked) for one in part) >= PART:
            yield part
            part = []
    if part:
        yield part


async def _prior(connection: asyncpg.Connection[Any], known: Sequence[UUID]) -> Prior:
    """What was answered before to commands with these ids."""
    if not known:
        return {}
    entries = await log.read_commands(connection, known)
    recorded: dict[UUID, list[Fact]] = {command_id: [] for command_id in entries}
    for fact in await log.read_recorded(connection, known):
        recorded[fact.command_id].append(fact)
    return {command_id: (entry, recorded[command_id]) for command_id, entry in entries.items()}


async def _decided(
    connection: asyncpg.Connection[Any], part: list[Waiting], whole: Draft, prior: Prior, pen: _Pen
) -> tuple[Draft, list[list[Outcome]]]:
    """Decide a part; whenever a decision has looked at streams not yet loaded, load them and decide it anew."""
    for _ in range(PASSES):
        draft = whole.nested()
        answers = [decide_all(draft, waiting.asked, prior, atomic=waiting.atomic) for waiting in part]
        if not draft.missing:
            return draft, answers
        await pen.rest()
        whole.loaded.update(await streams.load(connection, draft.missing))
        draft.missing.clear()
    raise RuntimeError(f"decisions still look at new streams after {PASSES} passes")


async def _due(connection: asyncpg.Connection[Any], due: Due, now: datetime) -> list[Asked]:
    """What the deadlines that have passed ask for, and then the edits. No other process has the turn meanwhile."""
    rows = await connection.fetch(PASSED, now, *due.after, DUE_LIMIT)
    if rows:
        due.after = rows[-1]["due_at"], rows[-1]["stream"]
    streams = {row["stream"]: row["version"] for row in rows}
    if due.edits and (room := DUE_LIMIT - len(rows)):
        rows = await connection.fetch(OVERTAKEN.format(edits="sla_edits"), due.edited, room)
        streams |= {row["stream"]: row["version"] for row in rows}
        due.edits, due.edited = len(rows) == room, rows[-1]["stream"] if rows else ""
    return [_asked_by_clock(stream, version) for stream, version in streams.items()]


def _asked_by_clock(stream: str, version: int) -> Asked:
    """Its id is made of the version that it was due at: two deadlines of one stream may have the same instant."""
    noun = noun_of(stream)
    return Asked(
        command=DEADLINES[noun](UUID(stream.removeprefix(f"{noun}-"))),
        command_id=uuid5(DUE, f"{stream}/{version}"),
        actor=CLOCK,
        roles=(CLOCK,),
    )
