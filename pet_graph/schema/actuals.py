"""Actuals and work in progress as clients see them."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry

from ..events.measures import ActualKind, Contract
from .base import Money, described
from .filters import order, where
from .links import embedded, one
from .nodes import Node, column, hidden
from .scalars import Position

if TYPE_CHECKING:
    from .milestones import Milestone
    from .obligations import Obligation
    from .people import Person
    from .projects import Project
    from .time_entries import TimeEntry


class BillingState(StrEnum):
    """What became of time, as far as customers are charged for it."""

    NOT_SUBMITTED = "not_submitted"
    NOT_APPROVED = "not_approved"
    UNATTRIBUTED = "unattributed"
    UNPRICED = "unpriced"
    READY = "ready"
    BILLED = "billed"
    GIVEN_AWAY = "given_away"
    FIXED_PRICE = "fixed_price"
    INTERNAL = "internal"


class Age(StrEnum):
    UNTIL_30_DAYS = "until_30_days"
    UNTIL_60_DAYS = "until_60_days"
    UNTIL_90_DAYS = "until_90_days"
    OLDER = "older"


described(
    ActualKind,
    "What a line of actuals tells of.",
    COST="What the work cost the firm.",
    UNBILLED_SALES="What it can be sold for and no invoice says yet.",
    BILLED_SALES="What an invoice says.",
)
described(
    Contract,
    "What decides whether hours are charged one by one.",
    TIME_AND_MATERIALS="The promise is counted in hours or in money: each hour has its price.",
    FIXED_PRICE="The promise is counted in something else: hours are cost, and the price is billed by itself.",
    INTERNAL="The work was for the firm itself, also before a sale: hours are cost.",
    UNATTRIBUTED="Nobody said which promise the work keeps: hours are cost, and what is known of them is incomplete.",
)
described(
    BillingState,
    "What became of time, as far as customers are charged for it. All but BILLED say why it is not billed.",
    NOT_SUBMITTED="Who worked has not submitted it, or it was returned.",
    NOT_APPROVED="It waits for another person to approve it.",
    UNATTRIBUTED="It is approved, but no promise is named that it keeps.",
    UNPRICED="It can be charged, but no bill rate was agreed for its day in the currency of the promise.",
    READY="It is approved and priced, and waits for an invoice.",
    BILLED="It stands on an invoice.",
    GIVEN_AWAY="It was sold by the hour, and is not charged all the same.",
    FIXED_PRICE="It keeps a promise of a fixed price, which is not billed by the hour.",
    INTERNAL="It was for the firm itself.",
)
described(
    Age,
    "How long ago the work was done.",
    UNTIL_30_DAYS="At most 30 days.",
    UNTIL_60_DAYS="31 to 60 days.",
    UNTIL_90_DAYS="61 to 90 days.",
    OLDER="More than 90 days.",
)


@strawberry.type(
    description="One line of what approved time cost and comes to. Lines are never edited: what is no more so is "
    "posted once more with the sign turned, so that every sum is right."
)
class Actual(Node):
    time_entry_id: strawberry.Private[UUID | None]
    milestone_id: strawberry.Private[UUID | None]
    person_id: strawberry.Private[UUID | None]
    project_id: strawberry.Private[UUID | None]
    obligation_id: strawberry.Private[UUID | None]
    kind: ActualKind = column("What it tells of.")
    chargeable: bool = column("Whether a customer is to pay for it; costs are chargeable in that they count.")
    contract: Contract = column("What decided whether the hours are charged.")
    quantity: timedelta | None = column(
        "How much work; less than nothing when it takes a line back, null for a milestone.", of="quantity_us"
    )
    amount: Money | None = column(
        "What that comes to. Null where no rate was agreed: it is not known, which is not nothing.", of="amount_micros"
    )
    worked_on: date | None = column("The day of the work; null for a milestone.")
    occurred_at: datetime = column("When it came to be so: when the time was approved, reversed or billed.")
    recorded_at: datetime = column("When PET learned of it.")
    position: Position = column("The position of the fact that posted it.")
    time_entry: Annotated["TimeEntry", strawberry.lazy(".time_entries")] | None = one(
        "time_entries", by="time_entry_id", description="The time; null for a milestone."
    )
    milestone: Annotated["Milestone", strawberry.lazy(".milestones")] | None = one(
        "milestones", by="milestone_id", description="The milestone whose fixed price it tells of; null for time."
    )
    person: Annotated["Person", strawberry.lazy(".people")] | None = one(
        "people", by="person_id", description="Who worked; null for a milestone."
    )
    project: Annotated["Project", strawberry.lazy(".projects")] | None = one(
        "projects", by="project_id", description="The project of the time or of its task."
    )
    obligation: Annotated["Obligation", strawberry.lazy(".obligations")] | None = one(
        "obligations", by="obligation_id", description="The promise that it keeps."
    )


ActualOrder = order(
    "Actual",
    "How actuals are ordered",
    "OCCURRED_AT",
    OCCURRED_AT=("occurred_at", "By when they came to be so."),
)


@strawberry.input(description="Which actuals.")
class ActualFilter:
    kind: list[ActualKind] | None = where("kind", "in", "That tell of one of these.")
    chargeable: bool | None = where("chargeable", "=", "Whether a customer is to pay for it.")
    contract: list[Contract] | None = where("contract", "in", "Under one of these contracts.")
    without_amount: bool | None = where("amount_micros", "is null", "Whether it is unknown what they come to.")
    person: list[strawberry.ID] | None = where("person_id", "in", "Of the work of one of these people.", node="Person")
    project: list[strawberry.ID] | None = where("project_id", "in", "Of one of these projects.", node="Project")
    obligation: list[strawberry.ID] | None = where(
        "obligation_id", "in", "Of work for one of these promises.", node="Obligation"
    )
    occurred_from: datetime | None = where("occurred_at", ">=", "Since this instant.")
    occurred_before: datetime | None = where("occurred_at", "<", "Before this instant.")


@strawberry.type(description="Time of one age and of which the same became.")
class WorkInProgressPart:
    state: BillingState = column("What became of it.")
    age: Age = column("How long ago the work was done.")
    worked: timedelta = column("How much work.", of="worked_us")
    amount: Money | None = column(
        "What it is sold for, in one currency; null where hours have no price, or none is known.", of="amount_micros"
    )
    entries: int = column("How many time entries have a share in it.")
    oldest_on: date = column("The day of the oldest work in it.")


@strawberry.type(
    description="All time that counts, each hour in exactly one part: billed, or not billed and why, and since when."
)
class WorkInProgress:
    stored_parts: strawberry.Private[str] = hidden(of="parts")
    on: date = column("The day from which ages are counted.", of="day")
    worked: timedelta = column("All time that counts: the sum of the parts.", of="worked_us")
    billed: timedelta = column("How much of it stands on invoices.", of="billed_us")
    uncosted: timedelta = column(
        "Approved time of which nobody knows what it cost, because no rate was agreed for its day.", of="uncosted_us"
    )
    parts: list[WorkInProgressPart] = embedded(
        "parts", description="By state, age and currency; at most one for each combination."
    )
