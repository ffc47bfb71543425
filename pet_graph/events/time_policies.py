"""The firm's time policy: how strictly time is taken down, and which promise hours burn; as data, with versions."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec

from .base import BurnRule, Command, Decider, Event, Fact, Refused, about, text

FIRM = UUID(int=0)
"""The id of the firm's only time policy."""

DAY = timedelta(hours=24)


class Severity(StrEnum):
    """What becomes of time that breaks a rule."""

    ALLOW = "allow"
    WARN = "warn"
    REFUSE = "refuse"


class Overrun(StrEnum):
    """What becomes of hours beyond those that were sold."""

    BILLABLE = "billable"
    NON_BILLABLE = "non_billable"
    WRITTEN_OFF = "written_off"


class TimePolicyAdopted(Event, frozen=True):
    """Time recorded from now on is taken down by these rules."""

    name: str
    daily_cap: timedelta
    above_cap: Severity
    overlap: Severity
    late: Severity
    late_after_days: int
    burn: tuple[BurnRule, ...]
    overrun: Overrun


class AdoptTimePolicy(Command, frozen=True):
    """Adopt the firm's time policy, or its next version. What was recorded under an earlier one keeps its outcome."""

    name: Annotated[str, text("What this version is called.")]
    daily_cap: Annotated[timedelta, about("The most that one person may record for one day.")] = timedelta(hours=16)
    above_cap: Annotated[Severity, about("What becomes of time above the daily cap.")] = Severity.REFUSE
    overlap: Annotated[Severity, about("What becomes of time that overlaps other time of the person.")] = (
        Severity.REFUSE
    )
    late: Annotated[Severity, about("What becomes of time that is recorded late.")] = Severity.WARN
    late_after_days: Annotated[int, about("So many days after the work, time is late.", ge=0, le=366)] = 7
    burn: Annotated[
        tuple[BurnRule, ...],
        about("Where to look for the promise that hours burn, in this order.", min_length=1, max_length=3),
    ] = tuple(BurnRule)
    overrun: Annotated[Overrun, about("What becomes of hours beyond those that were sold by the hour.")] = (
        Overrun.NON_BILLABLE
    )


class TimePolicyState(msgspec.Struct, frozen=True):
    """The rules in force. Before any are adopted, a day has 24 hours and no two entries share a minute."""

    name: str = "none adopted"
    policy_version: int = 0
    daily_cap: timedelta = DAY
    above_cap: Severity = Severity.REFUSE
    overlap: Severity = Severity.REFUSE
    late: Severity = Severity.ALLOW
    late_after_days: int = 7
    burn: tuple[BurnRule, ...] = tuple(BurnRule)
    overrun: Overrun = Overrun.NON_BILLABLE
    adopted_at: datetime | None = None


def evolve(state: TimePolicyState, fact: Fact) -> TimePolicyState:
    match fact.event:
        case TimePolicyAdopted() as adopted:
            rules = msgspec.structs.asdict(adopted)
            return TimePolicyState(**rules, policy_version=state.policy_version + 1, adopted_at=fact.occurred_at)
    return state


def decide(state: TimePolicyState, command: AdoptTimePolicy, at: datetime) -> list[Event]:
    return adopt_time_policy(command)


def adopt_time_policy(command: AdoptTimePolicy) -> list[Event]:
    if not timedelta() < command.daily_cap <= DAY:
        raise Refused("span_out_of_range", "The daily cap is longer than nothing and at most 24 hours.", ["dailyCap"])
    if len(set(command.burn)) < len(command.burn):
        raise Refused("rule_repeated", "Each place to look for a promise may be named once.", ["burn"])
    return [TimePolicyAdopted(**msgspec.structs.asdict(command))]


decider = Decider(
    noun="time_policy",
    initial=TimePolicyState(),
    commands=(AdoptTimePolicy,),
    events=(TimePolicyAdopted,),
    decide=decide,
    evolve=evolve,
    key=lambda command: FIRM,
)
