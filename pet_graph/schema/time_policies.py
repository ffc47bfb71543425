"""The firm's time policy as clients see it."""

from __future__ import annotations

from datetime import datetime, timedelta

import strawberry

from ..events.time_policies import Overrun, Severity
from .base import BurnRule, described
from .errors import result
from .facts import Recorded
from .links import one
from .nodes import Node, column
from .scalars import Position

described(
    Severity,
    "What becomes of time that breaks a rule.",
    ALLOW="It is recorded.",
    WARN="It is recorded, and the finding is kept with it.",
    REFUSE="It is refused.",
)
described(
    Overrun,
    "What becomes of hours beyond those that were sold.",
    BILLABLE="They are charged.",
    NON_BILLABLE="They are not charged.",
    WRITTEN_OFF="They are written off.",
)


@strawberry.type(description="How strictly time is taken down, and which promise hours burn.")
class TimePolicy(Node):
    name: str = column("What this version is called.")
    policy_version: int = column("The version in force, from 1.")
    daily_cap: timedelta = column("The most that one person may record for one day.", of="daily_cap_us")
    above_cap: Severity = column("What becomes of time above the daily cap.")
    overlap: Severity = column("What becomes of time that overlaps other time of the person.")
    late: Severity = column("What becomes of time that is recorded late.")
    late_after_days: int = column("So many days after the work, time is late.")
    burn: list[BurnRule] = column("Where to look for the promise that hours burn, in this order.")
    overrun: Overrun = column("What becomes of hours beyond those that were sold by the hour.")
    adopted_at: datetime = column("Since when this version holds.")
    version: int = column("How many facts are recorded of the policy; give it back as `expectedVersion`.")
    position: Position = column("The position of the newest of them.")


@strawberry.type(description="A time policy was adopted.")
class TimePolicyRecorded(Recorded):
    time_policy: TimePolicy | None = one(
        "time_policies", by="row_id", description="The policy as it is now; null when its first was only rehearsed."
    )


TimePolicyResult = result("TimePolicyResult", TimePolicyRecorded)
