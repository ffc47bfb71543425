"""Rates: what an hour costs the firm and what it is sold for, by person and by role, on two axes of time."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID, uuid5

import msgspec

from .base import WORK_ROLE, Command, Decider, Event, Fact, Money, Refused, about, ref

CARDS = UUID("b1a0f1a5-8a0c-5a52-9d33-5f8d2f0c7c11")
MOST_RATES = 500


class RateKind(StrEnum):
    COST = "cost"
    BILL = "bill"


class RateAgreed(Event, frozen=True):
    """An hour of a person, or in a role, costs this or is sold for this, on the days said.

    Where two rates hold for one day, the one recorded later holds; what was known before stays known as of then.
    """

    kind: RateKind
    per_hour: Money
    valid_from: date
    valid_until: date | None = None
    person: UUID | None = None
    role: str | None = None


class AgreeRate(Command, frozen=True):
    """Say what an hour of a person, or of everybody in a role without a rate of their own, costs or is sold for.

    Days that other rates hold for are taken over by this one; hours approved before keep the rate they were given.
    """

    kind: Annotated[RateKind, about("Whether it is what the hour costs or what it is sold for.")]
    per_hour: Annotated[Money, about("For each hour.", ge=0)]
    valid_from: Annotated[date, about("The first day on which it holds.")]
    valid_until: Annotated[date, about("The first day on which it holds no longer; left out, it holds on.")] | None = (
        None
    )
    person: Annotated[UUID, ref("person", "Whose hours; give either a person or a role.")] | None = None
    role: Annotated[str, WORK_ROLE] | None = None


class Rate(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was said once: the days it holds for, and its place in the log, which is when it was known."""

    kind: RateKind
    per_hour: Money
    valid_from: date
    valid_until: date | None
    position: int
    occurred_at: datetime
    recorded_at: datetime

    def holds_on(self, day: date) -> bool:
        return self.valid_from <= day and (self.valid_until is None or day < self.valid_until)


class RateCardState(msgspec.Struct, frozen=True, omit_defaults=True):
    """Every rate that was ever agreed for one person or role, in the order of the log."""

    person: UUID | None = None
    role: str | None = None
    rates: tuple[Rate, ...] = ()

    def on(self, kind: RateKind, day: date, *, known_at: int | None = None) -> Rate | None:
        """The rate that holds on a day: of those that say so, the one recorded last, as known at a position."""
        known = (rate for rate in reversed(self.rates) if known_at is None or rate.position <= known_at)
        return next((rate for rate in known if rate.kind is kind and rate.holds_on(day)), None)


def card_of(person: UUID | None, role: str | None) -> UUID:
    """The stream of the rates of a person or, without one, of a role."""
    return uuid5(CARDS, f"person/{person}" if person else f"role/{role}")


def evolve(state: RateCardState, fact: Fact) -> RateCardState:
    match fact.event:
        case RateAgreed() as agreed:
            rate = Rate(
                kind=agreed.kind,
                per_hour=agreed.per_hour,
                valid_from=agreed.valid_from,
                valid_until=agreed.valid_until,
                position=fact.position,
                occurred_at=fact.occurred_at,
                recorded_at=fact.recorded_at,
            )
            return RateCardState(agreed.person, agreed.role, (*state.rates, rate))
    return state


def decide(state: RateCardState, command: AgreeRate, at: datetime) -> list[Event]:
    return agree_rate(state, command)


def agree_rate(state: RateCardState, command: AgreeRate) -> list[Event]:
    if (command.person is None) == (command.role is None):
        raise Refused("whose_rate", "A rate is either a person's or a role's.", ["person"])
    if command.valid_until and command.valid_until <= command.valid_from:
        raise Refused("ends_before_it_starts", "The rate would hold on no day.", ["validUntil"])
    if len(state.rates) >= MOST_RATES:
        raise Refused("too_many_rates", f"A person or role takes {MOST_RATES} rates.")
    return [RateAgreed(**msgspec.structs.asdict(command))]


decider = Decider(
    noun="rate_card",
    initial=RateCardState(),
    commands=(AgreeRate,),
    events=(RateAgreed,),
    decide=decide,
    evolve=evolve,
    key=lambda command: card_of(command.person, command.role),
)
