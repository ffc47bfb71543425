"""What clients may ask about approval limits."""

from __future__ import annotations

import strawberry

from ..events.approval_limits import AdoptApprovalLimit
from ..schema.approval_limits import (
    ApprovalLimit,
    ApprovalLimitFilter,
    ApprovalLimitOrder,
    ApprovalLimitRecorded,
    ApprovalLimitResult,
)
from ..schema.connections import Connection
from ..schema.links import find, listing
from .base import mutation


@strawberry.type
class ApprovalLimitQueries:
    approval_limit: ApprovalLimit | None = find("approval_limits", description="One limit; null when none has this id.")
    approval_limits: Connection[ApprovalLimit] = listing(
        "approval_limits",
        filter=ApprovalLimitFilter,
        order=ApprovalLimitOrder,
        description="Approval limits, page by page.",
    )


@strawberry.type
class ApprovalLimitCommands:
    adopt_approval_limit: ApprovalLimitResult = mutation(AdoptApprovalLimit, ApprovalLimitRecorded, ApprovalLimitResult)
