"""Everything PET remembers: every table, every projector, and the fold that makes rows of facts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..events import DECIDERS
from ..events.base import Fact
from . import customers, people, policies, slas, streams, tickets
from .base import Change, Table, table_of

PROJECTORS: dict[str, Callable[[Any, Fact], list[Change]]] = {
    "customer": customers.project,
    "person": people.project,
    "policy": policies.project,
    "sla": slas.project,
    "ticket": tickets.project,
}

TABLES: dict[str, Table] = {
    table.name: table
    for table in map(
        table_of,
        (
            customers.CustomerRow,
            people.PersonRow,
            policies.PolicyRow,
            slas.DeadlineRow,
            slas.SlaClockRow,
            streams.StreamRow,
            tickets.TicketRow,
        ),
    )
}


def fold(state: Any, fact: Fact) -> tuple[Any, list[Change]]:
    """The state after a fact, and the rows that it changes."""
    noun = streams.noun_of(fact.stream)
    state = DECIDERS[noun].evolve(state, fact)
    return state, [*PROJECTORS[noun](state, fact), streams.put(state, fact)]
