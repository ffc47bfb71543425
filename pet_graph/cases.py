"""Cases: what the clocks of tickets were worked out from, loaded to be explained. Nothing is recorded here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

from .events.clocks import Clock, SlaState
from .events.reactions import calendars_of, sla_case
from .events.reckoning import Case, Run
from .events.slas import Review
from .projections import streams
from .projections.questions import snapshot

PASSES = 20


@dataclass(frozen=True)
class Known:
    """The recorded clocks of a ticket, and the case as it is now."""

    state: SlaState
    case: Case

    def clock(self, kind: str, cycle: int) -> Clock | None:
        return next((clock for clock in self.state.clocks if (clock.kind, clock.cycle) == (kind, cycle)), None)

    def run(self, clock: Clock, at: Any) -> Run | None:
        """The clock as the timeline tells it."""
        return Review(self.state, self.case, at).matched.get((clock.kind, clock.cycle))


class Missing(Exception):
    """A state that is not loaded yet."""


class States:
    """States of streams, loaded when they are looked at: `look` raises `Missing` until `load` has been called."""

    def __init__(self, loaded: Mapping[str, Any] | None = None) -> None:
        self.loaded: dict[str, Any] = dict(loaded or {})
        self.missing: set[str] = set()

    def look(self, noun: str, id_: UUID) -> Any:
        stream = f"{noun}-{id_}"
        if stream not in self.loaded:
            self.missing.add(stream)
            raise Missing(stream)
        return self.loaded[stream]

    async def load(self, connection: Any) -> None:
        """Load what was missing."""
        found = await streams.load(connection, self.missing)
        self.loaded |= {stream: state for stream, (state, _) in found.items()}
        self.missing.clear()


async def load_cases(pool: asyncpg.Pool[Any], tickets: Iterable[UUID]) -> dict[UUID, Known]:
    """The clocks and the cases of tickets, all of one moment."""
    async with snapshot(pool) as connection:
        return await cases(connection, States(), tickets)


async def cases(connection: Any, states: States, tickets: Iterable[UUID]) -> dict[UUID, Known]:
    """The clocks and the cases of tickets, in a few queries for any number of them; `states` may know some already."""
    wanted = list(tickets)
    states.missing = {f"{noun}-{ticket}" for ticket in wanted for noun in ("sla", "ticket")}
    for _ in range(PASSES):
        await states.load(connection)
        known = {ticket: _known(ticket, states) for ticket in wanted}
        if not states.missing:
            return {ticket: one for ticket, one in known.items() if one}
    raise RuntimeError(f"cases still look at new streams after {PASSES} passes")


def _known(ticket: UUID, states: States) -> Known | None:
    try:
        case = sla_case(ticket, states.look)
        state = states.look("sla", ticket)
        for calendar in calendars_of(ticket, states.look):
            states.look("calendar", calendar)
    except Missing:
        return None
    return Known(state, case)
