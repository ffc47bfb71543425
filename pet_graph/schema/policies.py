"""SLA policies as clients see them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import msgspec
import strawberry

from .base import Priority
from .errors import result
from .facts import Recorded
from .filters import order, where
from .links import one
from .nodes import Node, column, computed, hidden
from .scalars import Position

if TYPE_CHECKING:
    from .customers import Customer


@strawberry.type(description="What is promised for one priority.")
class SlaTarget:
    priority: Priority = strawberry.field(description="The priority it holds for.")
    response: timedelta | None = strawberry.field(description="From opening to the first answer; null: not promised.")
    resolution: timedelta | None = strawberry.field(description="From opening to the resolution; null: not promised.")


def _span(seconds: float | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)


@strawberry.type(
    description="How soon the firm promises to respond and to resolve, around the clock. Tickets keep the version "
    "that they were promised."
)
class SlaPolicy(Node):
    customer_id: strawberry.Private[UUID | None]
    stored_targets: strawberry.Private[str] = hidden(of="targets")
    stored_warnings: strawberry.Private[str] = hidden(of="warn_at_percent")
    name: str = column("What the policy is called.")
    customer: Annotated["Customer", strawberry.lazy(".customers")] | None = one(
        "customers", by="customer_id", description="Whose policy it is; null for the firm's own."
    )
    policy_version: int = column("The version in force, from 1.")
    adopted_at: datetime = column("Since when this version holds.")
    retired_at: datetime | None = column("Since when it holds for no new ticket.")
    version: int = column("How many facts are recorded of the policy; give it back as `expectedVersion`.")
    position: Position = column("The position of the newest of them.")

    @strawberry.field(description="What is promised, by priority.")
    def targets(self) -> list[SlaTarget]:
        stored: list[dict[str, Any]] = msgspec.json.decode(self.stored_targets)
        return [
            SlaTarget(
                priority=Priority(target["priority"]),
                response=_span(target["response_seconds"]),
                resolution=_span(target["resolution_seconds"]),
            )
            for target in stored
        ]

    @computed("warn_at_percent", "How much of a target is used up when a warning is recorded, in percent.")
    def warn_at_percent(self) -> list[int]:
        return msgspec.json.decode(self.stored_warnings, type=list[int])


SlaPolicyOrder = order(
    "SlaPolicy",
    "How policies are ordered",
    "NAME",
    descending=False,
    NAME=("name", "By name."),
    ADOPTED_AT=("adopted_at", "By when the present version was adopted."),
)


@strawberry.input(description="Which policies.")
class SlaPolicyFilter:
    customer: list[strawberry.ID] | None = where("customer_id", "in", "Of one of these customers.", node="Customer")
    retired: bool | None = where("retired_at", "is not null", "Whether they are retired.")


@strawberry.type(description="A command about an SLA policy was accepted.")
class SlaPolicyRecorded(Recorded):
    policy: SlaPolicy | None = one(
        "policies", by="row_id", description="The policy as it is now; null when it was only rehearsed."
    )


SlaPolicyResult = result("SlaPolicyResult", SlaPolicyRecorded)
