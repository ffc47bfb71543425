"""What clients may ask about the firm's time policy."""

from __future__ import annotations

import strawberry

from ..events.time_policies import FIRM, AdoptTimePolicy
from ..projections.answers import Given
from ..projections.time_policies import TIME_POLICY
from ..schema.links import row
from ..schema.time_policies import TimePolicy, TimePolicyRecorded, TimePolicyResult
from .base import mutation


@strawberry.type
class TimePolicyQueries:
    time_policy: TimePolicy | None = row(
        TIME_POLICY, lambda: Given((FIRM,)), description="The firm's time policy; null until one is adopted."
    )


@strawberry.type
class TimePolicyCommands:
    adopt_time_policy: TimePolicyResult = mutation(AdoptTimePolicy, TimePolicyRecorded, TimePolicyResult)
