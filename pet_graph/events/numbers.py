"""Numbers: series that are counted without a gap, so that people can call things by a short name: Q-0001."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from .base import Command, Decider, Event, Fact, about, own

QUOTES = UUID(int=1)
"""The series of quotes."""


class NumberIssued(Event, frozen=True):
    """The next number of the series is the holder's, for good."""

    number: int
    holder: UUID


class IssueNumber(Command, frozen=True):
    """Give the next number of a series to something."""

    series: Annotated[UUID, own("number", "The series.")]
    holder: Annotated[UUID, about("What is called by the number.")]


class NumberState(msgspec.Struct, frozen=True):
    """The last number given; 0 before the first."""

    last: int = 0


def evolve(state: NumberState, fact: Fact) -> NumberState:
    return NumberState(fact.event.number) if isinstance(fact.event, NumberIssued) else state


def decide(state: NumberState, command: IssueNumber, at: datetime) -> list[Event]:
    return [NumberIssued(number=state.last + 1, holder=command.holder)]


decider = Decider(
    noun="number",
    initial=NumberState(),
    commands=(IssueNumber,),
    events=(NumberIssued,),
    decide=decide,
    evolve=evolve,
)
