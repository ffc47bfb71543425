"""Rates as clients see them."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry

from ..events.rates import RateKind
from .base import Money, described
from .connections import Connection
from .errors import result
from .facts import Recorded
from .filters import order, where
from .links import many, one
from .nodes import Node, column
from .scalars import Position

if TYPE_CHECKING:
    from .people import Person

described(
    RateKind,
    "What a rate says of an hour.",
    COST="What it costs the firm.",
    BILL="What it is sold for.",
)


@strawberry.type(
    description="What an hour costs or is sold for, on the days it was agreed for. Of two that hold for one day, the "
    "one recorded later holds; what was known before stays known as of then."
)
class Rate(Node):
    card_id: strawberry.Private[UUID]
    kind: RateKind = column("What it says of an hour.")
    per_hour: Money = column("For each hour.", of="amount_micros")
    valid_from: date = column("The first day on which it holds.")
    valid_until: date | None = column("The first day on which it holds no longer; null: it holds on.")
    agreed_at: datetime = column("When it was agreed.")
    learned_at: datetime = column("When PET learned of it.")
    position: Position = column("The position of the fact; give it as `knownAt` to look with what was known then.")
    card: Annotated["RateCard", strawberry.lazy(".rates")] = one(
        "rate_cards", by="card_id", description="Whose rate it is."
    )


RateOrder = order(
    "Rate",
    "How rates are ordered",
    "VALID_FROM",
    VALID_FROM=("valid_from", "By the first day on which they hold."),
)


@strawberry.input(description="Which rates.")
class RateFilter:
    kind: RateKind | None = where("kind", "=", "That say this of an hour.")


@strawberry.type(description="All rates that were ever agreed for one person, or for one role.")
class RateCard(Node):
    person_id: strawberry.Private[UUID | None]
    role: str | None = column("In which role, as the firm calls it; null for a person's own.")
    agreed_at: datetime = column("When the newest rate was agreed.")
    version: int = column("How many facts are recorded of it; give it back as `expectedVersion`.")
    position: Position = column("The position of the newest of them.")
    person: Annotated["Person", strawberry.lazy(".people")] | None = one(
        "people", by="person_id", description="Whose; null for a role's."
    )
    rates: Connection[Rate] = many(
        "rates", by="card_id", filter=RateFilter, order=RateOrder, description="The rates, disputed ones included."
    )


RateCardOrder = order(
    "RateCard",
    "How rate cards are ordered",
    "AGREED_AT",
    AGREED_AT=("agreed_at", "By when their newest rate was agreed."),
)


@strawberry.input(description="Which rate cards.")
class RateCardFilter:
    person: list[strawberry.ID] | None = where("person_id", "in", "Of one of these people.", node="Person")
    role: list[str] | None = where("role", "in", "Of one of these roles.")


@strawberry.type(description="A rate was agreed.")
class RateCardRecorded(Recorded):
    rate_card: RateCard | None = one(
        "rate_cards",
        by="row_id",
        description="The rate card as it is now; null when its first rate was only rehearsed.",
    )


RateCardResult = result("RateCardResult", RateCardRecorded)
