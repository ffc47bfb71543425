"""Previews: what an edit of a policy or a calendar would make of clocks, by the very decisions that would follow it.

Nothing is recorded, and nobody waits: the edit is rehearsed by a turn, and the clocks are worked out beside it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from .cases import States, cases
from .events import DECIDERS
from .events.base import Event, Fact
from .events.clocks import Clock, SlaState
from .events.policies import PolicyState
from .events.slas import Informed, RecordOverdueSla, decide
from .events.verdicts import after as evolved
from .projections import streams
from .projections.base import Put, as_json
from .projections.questions import snapshot
from .projections.slas import OVERTAKEN, calendar_edits, policy_edits

SOME = 50
"""Tickets that are worked out before others get their turn in this process."""


@dataclass(frozen=True)
class Move:
    """A clock before and after; before is None for one that would start."""

    ticket: UUID
    before: tuple[SlaState, Clock] | None
    after: tuple[SlaState, Clock]


@dataclass(frozen=True)
class Preview:
    """What would become of the clocks of some tickets; `more`: there are others after the last of them."""

    tickets: tuple[UUID, ...]
    moves: tuple[Move, ...]
    more: bool


async def preview(
    pool: asyncpg.Pool[Any], facts: Sequence[Fact], now: datetime, first: int, after: str = ""
) -> Preview:
    """What these facts of one policy or calendar, not recorded yet, would make of clocks: of so many tickets."""
    stream, subject = facts[0].stream, facts[0].id
    decider = DECIDERS[streams.noun_of(stream)]
    async with snapshot(pool) as connection:
        [state] = [state for state, _ in (await streams.load(connection, [stream])).values()]
        for fact in facts:
            state = decider.evolve(state, fact)
        tickets = await _overtaken(connection, state, subject, first + 1, after)
        states = States({stream: state})
        found = await cases(connection, states, tickets[:first])
    moves: list[Move] = []
    for number, (ticket, known) in enumerate(found.items()):
        said = decide(known.state, Informed(RecordOverdueSla(ticket=ticket), known.case), now)
        moves += _moves(ticket, known.state, _after(known.state, said, now))
        if number % SOME == SOME - 1:
            await asyncio.sleep(0)
    return Preview(tuple(found), tuple(moves), len(tickets) > first)


async def _overtaken(connection: Any, state: Any, subject: UUID, limit: int, after: str) -> list[UUID]:
    """The tickets that the clock would look at."""
    edits = policy_edits(state, subject) if isinstance(state, PolicyState) else calendar_edits(state, subject)
    rows = as_json([edit.values for edit in edits if isinstance(edit, Put)])
    found = OVERTAKEN.format(edits="json_populate_recordset(null::sla_edits, $3)")
    return [
        UUID(row["stream"].removeprefix("sla-")) for row in await connection.fetch(found, f"sla-{after}", limit, rows)
    ]


def _after(state: SlaState, events: Sequence[Event], at: datetime) -> SlaState:
    for event in events:
        state = evolved(state, event, event.occurred_at(at), 0)
    return state


def _moves(ticket: UUID, before: SlaState, after: SlaState) -> Iterator[Move]:
    """The clocks of which something else would be told."""
    known = {(clock.kind, clock.cycle): clock for clock in before.clocks}
    for clock in after.clocks:
        was = known.get((clock.kind, clock.cycle))
        if was is None or _told(after, clock) != _told(before, was):
            yield Move(ticket, (before, was) if was else None, (after, clock))


def _told(state: SlaState, clock: Clock) -> Any:
    promise = state.promise(clock)
    return clock.state, clock.due_at, clock.target, clock.said, promise.policy, promise.policy_version
