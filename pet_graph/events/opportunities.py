"""Opportunities: sales that people pursue; what they are worth and when they close is said by somebody, or unknown."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, assert_never, get_args
from uuid import UUID

import msgspec

from .base import MOST_MICROS, Command, Decider, Event, Fact, Money, Reason, Refused, about, own, ref, text


class OpportunityStatus(StrEnum):
    OPEN = "open"
    WON = "won"
    LOST = "lost"


class ForecastKind(StrEnum):
    EXPECTED = "expected"
    COMMITTED = "committed"


class OpportunityOpened(Event, frozen=True):
    """A person set out to make a sale."""

    name: str
    owner: UUID
    source: str
    customer: UUID | None = None
    lead: UUID | None = None


class OpportunityOwned(Event, frozen=True):
    """A person pursues the opportunity from now on."""

    owner: UUID


class OpportunityPlaced(Event, frozen=True):
    """It is known now with which customer the opportunity is."""

    customer: UUID


class OpportunityForecasted(Event, frozen=True):
    """A person said what they expect. It is what they said, and nothing is computed into it."""

    person: UUID
    value: Money
    closes_on: date
    basis: str


class OpportunityCommitted(Event, frozen=True):
    """A person stands for it: a sale of this value by this day."""

    person: UUID
    value: Money
    closes_on: date
    basis: str


class OpportunityWon(Event, frozen=True):
    """The customer bought."""

    reason: str


class OpportunityLost(Event, frozen=True):
    """The customer did not buy."""

    reason: str


class OpportunityReopened(Event, frozen=True):
    """It was neither won nor lost after all."""

    reason: str


OpportunityEvent = (
    OpportunityOpened
    | OpportunityOwned
    | OpportunityPlaced
    | OpportunityForecasted
    | OpportunityCommitted
    | OpportunityWon
    | OpportunityLost
    | OpportunityReopened
)

Opportunity = Annotated[UUID, own("opportunity", "The opportunity.")]
Person = Annotated[UUID, ref("person", "Who says so.")]
Value = Annotated[Money, about("What the sale is worth.", ge=0, le=MOST_MICROS)]
ClosesOn = Annotated[date, about("The day by which it is decided.")]
Basis = Annotated[str, text("What makes the person think so.", limit=1_000)]
MOST_FORECASTS = 500


class OpenOpportunity(Command, frozen=True):
    """Set out to make a sale. The id of the new opportunity is the command's id."""

    name: Annotated[str, text("What the opportunity is called.")]
    owner: Annotated[UUID, ref("person", "Who pursues it.")]
    source: Annotated[str, text("Where it came from: a trade fair, a recommendation.", limit=64)]
    customer: Annotated[UUID, ref("customer", "With whom; left out, that is not known yet.")] | None = None
    lead: Annotated[UUID, ref("lead", "The converted lead that led to it, if one did.")] | None = None


class OwnOpportunity(Command, frozen=True):
    """Say who pursues the opportunity."""

    opportunity: Opportunity
    owner: Annotated[UUID, ref("person", "Who pursues it from now on.")]


class PlaceOpportunity(Command, frozen=True):
    """Say with which customer the opportunity is."""

    opportunity: Opportunity
    customer: Annotated[UUID, ref("customer", "The customer.")]


class ForecastOpportunity(Command, frozen=True):
    """Say, as a person, what the sale is worth and by when it is decided. It is kept as this person's claim."""

    opportunity: Opportunity
    person: Person
    value: Value
    closes_on: ClosesOn
    basis: Basis


class CommitOpportunity(Command, frozen=True):
    """Stand for it, as a person, that a sale of this value is made to the customer by this day."""

    opportunity: Opportunity
    person: Person
    value: Value
    closes_on: ClosesOn
    basis: Basis


class WinOpportunity(Command, frozen=True):
    """Say that the customer bought."""

    opportunity: Opportunity
    reason: Reason


class LoseOpportunity(Command, frozen=True):
    """Say that the customer did not buy."""

    opportunity: Opportunity
    reason: Reason


class ReopenOpportunity(Command, frozen=True):
    """Say that it was neither won nor lost after all."""

    opportunity: Opportunity
    reason: Reason


OpportunityCommand = (
    OpenOpportunity
    | OwnOpportunity
    | PlaceOpportunity
    | ForecastOpportunity
    | CommitOpportunity
    | WinOpportunity
    | LoseOpportunity
    | ReopenOpportunity
)


class Forecast(msgspec.Struct, frozen=True):
    """What a person said of value and day, and whether they stand for it."""

    kind: ForecastKind
    person: UUID
    value: Money
    closes_on: date
    basis: str
    stated_at: datetime
    position: int


class OpportunityState(msgspec.Struct, frozen=True, omit_defaults=True):
    name: str = ""
    owner: UUID | None = None
    source: str = ""
    customer: UUID | None = None
    lead: UUID | None = None
    status: OpportunityStatus = OpportunityStatus.OPEN
    reason: str | None = None
    opened_at: datetime | None = None
    closed_at: datetime | None = None
    forecasts: tuple[Forecast, ...] = ()

    def newest(self, *kinds: ForecastKind) -> Forecast | None:
        """The last thing that was said of one of these kinds."""
        return next((one for one in reversed(self.forecasts) if one.kind in kinds), None)


def evolve(state: OpportunityState, fact: Fact) -> OpportunityState:
    replace, at = msgspec.structs.replace, fact.occurred_at
    match fact.event:
        case OpportunityOpened() as opened:
            return OpportunityState(**msgspec.structs.asdict(opened), opened_at=at)
        case OpportunityOwned(owner=owner):
            return replace(state, owner=owner)
        case OpportunityPlaced(customer=customer):
            return replace(state, customer=customer)
        case OpportunityForecasted() as said:
            return _with_forecast(state, ForecastKind.EXPECTED, said, fact)
        case OpportunityCommitted() as said:
            return _with_forecast(state, ForecastKind.COMMITTED, said, fact)
        case OpportunityWon(reason=reason):
            return replace(state, status=OpportunityStatus.WON, reason=reason, closed_at=at)
        case OpportunityLost(reason=reason):
            return replace(state, status=OpportunityStatus.LOST, reason=reason, closed_at=at)
        case OpportunityReopened():
            return replace(state, status=OpportunityStatus.OPEN, reason=None, closed_at=None)
    return state


def _with_forecast(
    state: OpportunityState, kind: ForecastKind, said: OpportunityForecasted | OpportunityCommitted, fact: Fact
) -> OpportunityState:
    stated = Forecast(kind, **msgspec.structs.asdict(said), stated_at=fact.occurred_at, position=fact.position)
    return msgspec.structs.replace(state, forecasts=(*state.forecasts, stated))


def decide(state: OpportunityState, command: OpportunityCommand, at: datetime) -> list[Event]:
    if not isinstance(command, OpenOpportunity | ReopenOpportunity):
        _open(state)
    match command:
        case OpenOpportunity():
            return [OpportunityOpened(**msgspec.structs.asdict(command))]
        case OwnOpportunity():
            return own_opportunity(state, command)
        case PlaceOpportunity():
            return place_opportunity(state, command)
        case ForecastOpportunity():
            return forecast_opportunity(state, command)
        case CommitOpportunity():
            return commit_opportunity(state, command)
        case WinOpportunity():
            return win_opportunity(state, command)
        case LoseOpportunity():
            return [OpportunityLost(reason=command.reason)]
        case ReopenOpportunity():
            return reopen_opportunity(state, command)
        case _:
            assert_never(command)


def own_opportunity(state: OpportunityState, command: OwnOpportunity) -> list[Event]:
    if command.owner == state.owner:
        raise Refused("unchanged", "This person pursues the opportunity already.", ["owner"])
    return [OpportunityOwned(owner=command.owner)]


def place_opportunity(state: OpportunityState, command: PlaceOpportunity) -> list[Event]:
    if command.customer == state.customer:
        raise Refused("unchanged", "The opportunity is with this customer already.", ["customer"])
    return [OpportunityPlaced(customer=command.customer)]


def forecast_opportunity(state: OpportunityState, command: ForecastOpportunity) -> list[Event]:
    return [OpportunityForecasted(**_said(state, command))]


def commit_opportunity(state: OpportunityState, command: CommitOpportunity) -> list[Event]:
    _with_a_customer(state)
    return [OpportunityCommitted(**_said(state, command))]


def win_opportunity(state: OpportunityState, command: WinOpportunity) -> list[Event]:
    _with_a_customer(state)
    return [OpportunityWon(reason=command.reason)]


def reopen_opportunity(state: OpportunityState, command: ReopenOpportunity) -> list[Event]:
    if state.status is OpportunityStatus.OPEN:
        raise Refused("not_closed", "The opportunity is open; only one that was won or lost can be reopened.")
    return [OpportunityReopened(reason=command.reason)]


def _said(state: OpportunityState, command: ForecastOpportunity | CommitOpportunity) -> dict[str, Any]:
    if len(state.forecasts) >= MOST_FORECASTS:
        raise Refused("too_many_forecasts", f"An opportunity takes {MOST_FORECASTS} forecasts and commitments.")
    return {name: value for name, value in msgspec.structs.asdict(command).items() if name != "opportunity"}


def _open(state: OpportunityState) -> None:
    if state.status is not OpportunityStatus.OPEN:
        raise Refused("not_open", f"The opportunity is {state.status}; reopen it first.")


def _with_a_customer(state: OpportunityState) -> None:
    if state.customer is None:
        raise Refused("no_customer", "It is not known with which customer the opportunity is; say that first.")


decider = Decider(
    noun="opportunity",
    initial=OpportunityState(),
    commands=get_args(OpportunityCommand),
    events=get_args(OpportunityEvent),
    decide=decide,
    evolve=evolve,
)
