"""What clients may ask about obligations. They are opened and amended by the acceptance of quotes alone."""

from __future__ import annotations

import strawberry

from ..events.deliveries import DeliverObligation, ReverseDelivery
from ..events.obligations import FulfilObligation, PlaceObligation, ReleaseObligation
from ..schema.connections import Connection
from ..schema.links import find, listing
from ..schema.obligations import (
    Obligation,
    ObligationDelivery,
    ObligationDeliveryFilter,
    ObligationDeliveryOrder,
    ObligationFilter,
    ObligationOrder,
    ObligationRecorded,
    ObligationResult,
)
from .base import mutation


@strawberry.type
class ObligationQueries:
    obligation: Obligation | None = find("obligations", description="One obligation; null when none has this id.")
    obligations: Connection[Obligation] = listing(
        "obligations", filter=ObligationFilter, order=ObligationOrder, description="Obligations, page by page."
    )
    obligation_deliveries: Connection[ObligationDelivery] = listing(
        "obligation_deliveries",
        filter=ObligationDeliveryFilter,
        order=ObligationDeliveryOrder,
        description="Units that people said were handed over, page by page.",
    )


@strawberry.type
class ObligationCommands:
    deliver_obligation: ObligationResult = mutation(DeliverObligation, ObligationRecorded, ObligationResult)
    reverse_delivery: ObligationResult = mutation(ReverseDelivery, ObligationRecorded, ObligationResult)
    fulfil_obligation: ObligationResult = mutation(FulfilObligation, ObligationRecorded, ObligationResult)
    place_obligation: ObligationResult = mutation(PlaceObligation, ObligationRecorded, ObligationResult)
    release_obligation: ObligationResult = mutation(ReleaseObligation, ObligationRecorded, ObligationResult)
