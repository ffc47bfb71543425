"""Approval limits as clients see them."""

from __future__ import annotations

from datetime import datetime

import strawberry

from .base import Money
from .errors import result
from .facts import Recorded
from .filters import order, where
from .links import one
from .nodes import Node, column
from .scalars import Position


@strawberry.type(
    description="Up to which total somebody may approve a quote that they wrote or submitted themselves. In a currency "
    "without a limit nobody may."
)
class ApprovalLimit(Node):
    limit: Money = column("The greatest total, in the currency that it holds for.", of="amount_micros")
    adopted_at: datetime = column("Since when it holds.")
    version: int = column("How many facts are recorded of the limit; give it back as `expectedVersion`.")
    position: Position = column("The position of the newest of them.")


ApprovalLimitOrder = order(
    "ApprovalLimit",
    "How approval limits are ordered",
    "CURRENCY",
    descending=False,
    CURRENCY=("currency", "By the code of the currency."),
)


@strawberry.input(description="Which approval limits.")
class ApprovalLimitFilter:
    currency: list[str] | None = where("currency", "in", "In one of these currencies, by ISO 4217 code.")


@strawberry.type(description="A command about an approval limit was accepted.")
class ApprovalLimitRecorded(Recorded):
    approval_limit: ApprovalLimit | None = one(
        "approval_limits", by="row_id", description="The limit as it is now; null when it was only rehearsed."
    )


ApprovalLimitResult = result("ApprovalLimitResult", ApprovalLimitRecorded)
