"""What clients may ask about rates."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import strawberry

from ..events.rates import AgreeRate, RateKind, card_of
from ..projections.answers import Given
from ..projections.rates import RATE_ON
from ..schema.connections import Connection
from ..schema.links import find, listing, row
from ..schema.nodes import id_of
from ..schema.rates import Rate, RateCard, RateCardFilter, RateCardOrder, RateCardRecorded, RateCardResult
from ..schema.scalars import Position
from .base import mutation


def _which(
    kind: Annotated[RateKind, strawberry.argument(description="What it says of an hour.")],
    on: Annotated[date, strawberry.argument(description="The day of the hour.")],
    person: Annotated[strawberry.ID | None, strawberry.argument(description="Whose hour.")] = None,
    role: Annotated[str | None, strawberry.argument(description="In which role, as the firm calls it.")] = None,
    known_at: Annotated[
        Position | None,
        strawberry.argument(description="As PET knew it at this position; left out, as it knows now."),
    ] = None,
) -> Given:
    cards = [card_of(id_of("Person", person), None)] if person is not None else []
    cards += [card_of(None, role)] if role else []
    return Given((cards, kind, on, known_at))


@strawberry.type
class RateQueries:
    rate_card: RateCard | None = find("rate_cards", description="One rate card; null when there is none of this id.")
    rate_cards: Connection[RateCard] = listing(
        "rate_cards", filter=RateCardFilter, order=RateCardOrder, description="Rate cards, page by page."
    )

    rate: Rate | None = row(
        RATE_ON,
        _which,
        description="The rate that holds for an hour on a day: the person's own or, without one, the role's. "
        "Null when none was agreed.",
    )


@strawberry.type
class RateCommands:
    agree_rate: RateCardResult = mutation(AgreeRate, RateCardRecorded, RateCardResult)
