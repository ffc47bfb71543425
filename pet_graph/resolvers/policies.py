"""What clients may ask about SLA policies."""

from __future__ import annotations

import strawberry

from ..events.policies import AdoptSlaPolicy, RetireSlaPolicy
from ..schema.connections import Connection
from ..schema.links import find, listing
from ..schema.policies import SlaPolicy, SlaPolicyFilter, SlaPolicyOrder, SlaPolicyRecorded, SlaPolicyResult
from .base import mutation


@strawberry.type
class PolicyQueries:
    sla_policy: SlaPolicy | None = find("policies", description="One SLA policy; null when there is none of this id.")
    sla_policies: Connection[SlaPolicy] = listing(
        "policies", filter=SlaPolicyFilter, order=SlaPolicyOrder, description="SLA policies, page by page."
    )


@strawberry.type
class PolicyCommands:
    adopt_sla_policy: SlaPolicyResult = mutation(AdoptSlaPolicy, SlaPolicyRecorded, SlaPolicyResult)
    retire_sla_policy: SlaPolicyResult = mutation(RetireSlaPolicy, SlaPolicyRecorded, SlaPolicyResult)
