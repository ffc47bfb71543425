"""Approval limits: up to which total somebody may approve a quote that they wrote themselves, by currency."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID, uuid5

import msgspec

from .base import Command, Decider, Event, Fact, Money, Refused, about

LIMITS = UUID("0b5c7b4e-6d3e-5f0a-8a53-0f0f8f1f3a11")
"""The namespace of the limits' ids."""


class ApprovalLimitAdopted(Event, frozen=True):
    """From now on, quotes in this currency above this total are approved by somebody who did not write them."""

    limit: Money


class AdoptApprovalLimit(Command, frozen=True):
    """Say up to which total a quote may be approved by whoever wrote it; without a limit none may."""

    limit: Annotated[Money, about("The greatest total, in the currency that it holds for.", ge=0)]


class ApprovalLimitState(msgspec.Struct, frozen=True):
    limit: Money | None = None
    adopted_at: datetime | None = None

    def covers(self, amount_micros: int) -> bool:
        """Whether one person is enough for a quote of this total."""
        return self.limit is not None and amount_micros <= self.limit.amount_micros


def limit_of(currency: str) -> UUID:
    """The id of the limit that holds for a currency."""
    return uuid5(LIMITS, currency)


def evolve(state: ApprovalLimitState, fact: Fact) -> ApprovalLimitState:
    if isinstance(fact.event, ApprovalLimitAdopted):
        return ApprovalLimitState(fact.event.limit, fact.occurred_at)
    return state


def decide(state: ApprovalLimitState, command: AdoptApprovalLimit, at: datetime) -> list[Event]:
    return adopt_approval_limit(state, command)


def adopt_approval_limit(state: ApprovalLimitState, command: AdoptApprovalLimit) -> list[Event]:
    if command.limit == state.limit:
        raise Refused("unchanged", f"The limit is {state.limit} already.", ["limit"])
    return [ApprovalLimitAdopted(limit=command.limit)]


decider = Decider(
    noun="approval_limit",
    initial=ApprovalLimitState(),
    commands=(AdoptApprovalLimit,),
    events=(ApprovalLimitAdopted,),
    decide=decide,
    evolve=evolve,
    key=lambda command: limit_of(command.limit.currency),
)
