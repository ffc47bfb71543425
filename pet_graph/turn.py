"""The write path: commands queue up, and a turn writes everyone who is waiting, in one transaction.

Facts are born one at a time: the turn is an advisory lock, taken before anything is read. So what a decision sees is
true, positions have no gap, and no version is retried. What is decided stands in `decisions`; this module queues,
takes the turn, writes, and answers.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

import asyncpg

from . import log, metrics
from .authority import CLOCK
from .decisions import NOT_ALONE, Asked, Draft, Failed, Outcome, Recorded, decide_all, invalid
from .events.base import Fact
from .events.reactions import DEADLINES
from .projections import TABLES, streams
from .projections.base import write
from .projections.streams import noun_of

TURN = 0x9E7_0002
"""The advisory lock that is the turn."""

CHANNEL = "pet_bell"
PASSES = 10
DUE_LIMIT = 200
DUE = UUID("6a0b7f0e-3b0e-5d5c-9d3e-3f1f0c4d5e6a")
"""The namespace of the ids of the clock's own commands."""

logger = logging.getLogger(__name__)


class Unavailable(Exception):  # noqa: N818 - an answer that clients are told, not a bug
    """Nothing is known to have been recorded; the same command id may be sent again without harm."""


class _DryRun(Exception):  # noqa: N818 - carries a transaction to its rollback
    pass


@dataclass(eq=False)
class Waiting:
    """Commands that are answered together. `due` stands for whatever the clock finds due once it has the turn."""

    asked: Sequence[Asked]
    atomic: bool = False
    dry_run: bool = False
    due: bool = False
    answer: asyncio.Future[list[Outcome]] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


async def take_turn(connection: asyncpg.Connection[Any]) -> None:
    """Wait until nobody else records; the turn ends with the transaction."""
    await connection.execute(f"select pg_advisory_xact_lock({TURN})")


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

    async def record_due(self) -> list[Outcome]:
        """Record what has fallen due by now; called by the clock of any number of processes."""
        return await self._ask(Waiting((), due=True))

    async def _ask(self, waiting: Waiting) -> list[Outcome]:
        if self._queued + len(waiting.asked) > self._queue_limit:
            raise Unavailable("Too many commands are waiting. Send the same command again in a moment.")
        self._queued += len(waiting.asked)
        self._queue.put_nowait(waiting)
        return await waiting.answer

    # --- taking turns ---------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Empty the queue, turn by turn, until cancelled."""
        try:
            while True:
                await self._turn(await self._everyone_waiting())
        finally:
            await self._drop_connection()

    async def _everyone_waiting(self) -> list[Waiting]:
        batch = [await self._queue.get()]
        while not self._queue.empty() and sum(len(waiting.asked) for waiting in batch) < self._turn_limit:
            batch.append(self._queue.get_nowait())
        self._queued -= sum(len(waiting.asked) for waiting in batch)
        return [waiting for waiting in batch if not waiting.answer.done()]

    async def _turn(self, batch: list[Waiting]) -> None:
        rehearsals = [waiting for waiting in batch if waiting.dry_run]
        real = [waiting for waiting in batch if not waiting.dry_run]
        for group in ([real] if real else []) + [[waiting] for waiting in rehearsals]:
            try:
                await self._write(group)
            except (OSError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError, TimeoutError) as lost:
                await self._unavailable(group, lost)
            except asyncpg.OperatorInterventionError as lost:
                await self._unavailable(group, lost)
            except Exception as failure:
                await self._one_by_one(group, failure)

    async def _unavailable(self, group: list[Waiting], lost: Exception) -> None:
        logger.warning("turn lost: %s", lost)
        await self._drop_connection()
        for waiting in group:
            _fail(waiting, Unavailable("The database does not answer. Send the same command again in a moment."))

    async def _one_by_one(self, group: list[Waiting], failure: Exception) -> None:
        """A failure that is not a refusal fails only the command that caused it."""
        if len(group) > 1:
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
        if waiting.due:
            _fail(waiting, failure)
        elif not waiting.answer.done():
            waiting.answer.set_result([Failed()] * len(waiting.asked))

    async def _write(self, group: list[Waiting]) -> None:
        connection = await self._connected()
        dry_run = group[0].dry_run
        with metrics.TURN_SECONDS.time():
            try:
                async with connection.transaction():
                    await take_turn(connection)
                    answers = await self._write_in_turn(connection, group)
                    if dry_run:
                        raise _DryRun
            except _DryRun:
                pass
        metrics.TURN_COMMANDS.observe(sum(map(len, answers)))
        for waiting, outcomes in zip(group, answers, strict=True):
            if not waiting.answer.done():
                waiting.answer.set_result([_rehearsed(outcome) if dry_run else outcome for outcome in outcomes])

    async def _write_in_turn(self, connection: asyncpg.Connection[Any], group: list[Waiting]) -> list[list[Outcome]]:
        head = await log.read_head(connection)
        now = max(self._now(), head.recorded_at)
        for waiting in group:
            if waiting.due:
                waiting.asked = await _due(connection, now)
        asked = [one for waiting in group for one in waiting.asked]
        prior = await self._prior(connection, asked)
        draft, answers = await self._decided(connection, group, head, now, prior)
        if draft.entries:
            sealed = await log.append(connection, head, draft.facts, draft.entries)
            _seal_answers(answers, sealed)
            await write(connection, draft.changes, TABLES)
        if draft.facts:
            await connection.execute(f"select pg_notify('{CHANNEL}', '')")
        return answers

    async def _prior(
        self, connection: asyncpg.Connection[Any], asked: Sequence[Asked]
    ) -> dict[UUID, tuple[log.Entry, list[Fact]]]:
        """What was answered before to commands with these ids."""
        entries = await log.read_commands(connection, [one.command_id for one in asked])
        return {
            command_id: (entry, await log.read_recorded(connection, command_id) if entry.first_position else [])
            for command_id, entry in entries.items()
        }

    async def _decided(
        self,
        connection: asyncpg.Connection[Any],
        group: list[Waiting],
        head: log.Head,
        now: datetime,
        prior: dict[UUID, tuple[log.Entry, list[Fact]]],
    ) -> tuple[Draft, list[list[Outcome]]]:
        """Decide everything; whenever a decision has looked at streams not yet loaded, load them and decide anew."""
        loaded: dict[str, tuple[Any, int]] = {}
        missing = {stream for waiting in group for one in waiting.asked for stream in one.foreseen()}
        for _ in range(PASSES):
            loaded |= await streams.load(connection, missing)
            draft = Draft(loaded, head.position, head.entry, now)
            answers = [decide_all(draft, waiting.asked, prior, atomic=waiting.atomic) for waiting in group]
            missing = draft.missing
            if not missing:
                return draft, answers
        raise RuntimeError(f"decisions still look at new streams after {PASSES} passes: {sorted(missing)}")

    # --- the connection -------------------------------------------------------------------------------------------

    async def _connected(self) -> asyncpg.Connection[Any]:
        if self._connection is None or self._connection.is_closed():
            self._connection = await self._connect()
        return self._connection

    async def _drop_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):
                await connection.close(timeout=1)


async def _due(connection: asyncpg.Connection[Any], now: datetime) -> list[Asked]:
    """What the deadlines that have passed ask for. No process but this one has the turn, so each is claimed once."""
    rows = await connection.fetch(
        "select stream, due_at from deadlines where due_at <= $1 order by due_at limit $2 for update skip locked",
        now,
        DUE_LIMIT,
    )
    return [_asked_by_clock(row["stream"], row["due_at"]) for row in rows]


def _asked_by_clock(stream: str, due_at: datetime) -> Asked:
    noun = noun_of(stream)
    return Asked(
        command=DEADLINES[noun](UUID(stream.removeprefix(f"{noun}-"))),
        command_id=uuid5(DUE, f"{stream}/{due_at.isoformat()}"),
        actor=CLOCK,
        roles=(CLOCK,),
    )


def _fail(waiting: Waiting, failure: Exception) -> None:
    if not waiting.answer.done():
        waiting.answer.set_exception(failure)


async def _gather_answers(waiting: Waiting, parts: list[Waiting]) -> None:
    try:
        outcomes = [(await part.answer)[0] for part in parts]
    except Exception as failure:
        _fail(waiting, failure)
        return
    if not waiting.answer.done():
        waiting.answer.set_result(outcomes)


def _rehearsed(outcome: Outcome) -> Outcome:
    return replace(outcome, dry_run=True) if isinstance(outcome, Recorded) else outcome


def _seal_answers(answers: list[list[Outcome]], sealed: Sequence[Fact]) -> None:
    by_position = {fact.position: fact for fact in sealed}
    for outcomes in answers:
        for number, outcome in enumerate(outcomes):
            if isinstance(outcome, Recorded):
                facts = tuple(by_position.get(fact.position, fact) for fact in outcome.facts)
                outcomes[number] = replace(outcome, facts=facts)
