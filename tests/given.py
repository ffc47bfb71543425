"""Given these facts, when this is asked for, then that happens: what the domains decide, without a database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from conftest import NOON

from pet_graph.events import COMMANDS
from pet_graph.events.base import Command, Decider, Event, Fact, Refused
from pet_graph.projections import evolved, rows_since
from pet_graph.projections.base import Change

Past = Event | tuple[datetime, Event]
"""An event, which happened at noon unless an instant stands before it."""


def after(**span: float) -> datetime:
    """So much after noon."""
    return NOON + timedelta(**span)


def a_fact(event: Event, at: datetime = NOON, stream: str = f"ticket-{UUID(int=1)}", position: int = 1) -> Fact:
    """A fact of which only the event and its instant matter."""
    return Fact(
        position=position,
        stream=stream,
        version=position,
        type=type(event).__name__,
        schema_version=1,
        event=event,
        data="",
        actor="tester",
        authority="support",
        origin="internal",
        command_id=UUID(int=position),
        correlation=UUID(int=position),
        causation=None,
        occurred_at=event.occurred_at(at),
        recorded_at=at,
    )


def fold(state: Any, fact: Fact) -> tuple[Any, list[Change]]:
    """The state after a fact, and the rows that a turn writes which records this fact alone."""
    state = evolved(state, fact)
    return state, rows_since(fact.position - 1, state, fact)


def state_after(decider: Decider[Any], past: Sequence[Past]) -> Any:
    state = decider.initial
    for number, one in enumerate(past, 1):
        instant, event = one if isinstance(one, tuple) else (NOON, one)
        state = decider.evolve(state, a_fact(event, instant, position=number))
    return state


@dataclass(frozen=True)
class Answer:
    """What a decider made of a command: events, or a refusal."""

    events: list[Event]
    refusal: Refused | None = None

    def then(self, *events: Event) -> None:
        assert self.refusal is None, f"refused: {self.refusal.code} ({self.refusal})"
        assert self.events == list(events), f"\nexpected {list(events)}\n but got {self.events}"

    def nothing(self) -> None:
        """Accepted, and nothing happens."""
        self.then()

    def refused(self, code: str, *path: str) -> None:
        assert self.refusal is not None, f"not refused: {self.events}"
        assert (self.refusal.code, self.refusal.path) == (code, path), f"refused: {self.refusal.code} ({self.refusal})"


@dataclass(frozen=True)
class Given:
    past: tuple[Past, ...]

    def when(self, command: Command, at: datetime = NOON) -> Answer:
        decider = COMMANDS[type(command).__name__][1]
        try:
            return Answer(decider.decide(state_after(decider, self.past), command, at))
        except Refused as refused:
            return Answer([], refused)


def given(*past: Past) -> Given:
    return Given(past)
