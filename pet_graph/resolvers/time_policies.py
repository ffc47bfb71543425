"""What clients may ask about the firm's time policy."""

from __future__ import annotations

import strawberry

from ..context import Info
from ..events.time_policies import FIRM, AdoptTimePolicy
from ..schema.time_policies import TimePolicy, TimePolicyRecorded, TimePolicyResult
from .base import mutation


@strawberry.type
class TimePolicyQueries:
    @strawberry.field(description="The firm's time policy; null until one is adopted.")
    async def time_policy(self, info: Info) -> TimePolicy | None:
        info.context.may_read()
        row = await info.context.row("time_policies").load(FIRM)
        return TimePolicy.of(row) if row else None


@strawberry.type
class TimePolicyCommands:
    adopt_time_policy: TimePolicyResult = mutation(AdoptTimePolicy, TimePolicyRecorded, TimePolicyResult)
