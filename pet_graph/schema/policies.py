"""SLA policies as clients see them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import msgspec
import strawberry

from ..events.clocks import Change
from ..events.timelines import Trigger
from .base import Priority, described
from .errors import result
from .facts import Recorded
from .filters import order, where
from .links import embedded, one
from .nodes import Node, column, computed, hidden
from .scalars import Position

if TYPE_CHECKING:
    from .calendars import Calendar
    from .customers import Customer


described(
    Change,
    "What an open clock makes of another promise or of other working hours.",
    KEEP="Nothing: what was promised when it started stays promised.",
    CARRY_ELAPSED="What was counted stays counted; from then on the new holds. It is never due before that.",
    RESTART="It counts anew from then on.",
    RETROACTIVE="It is as if the new had held from its start; it may have been due already.",
)
described(
    Trigger,
    "What happens to a ticket, as far as clocks look at it.",
    OPENED="TicketOpened.",
    CUSTOMER_WROTE="TicketMessageReceived: the customer wrote.",
    RESPONDED="TicketResponded: the customer got an answer from a person.",
    HELD="TicketHeld: work waits for somebody else.",
    RESUMED="TicketResumed: the wait is over.",
    PRIORITISED="TicketPrioritised.",
    RESOLVED="TicketResolved.",
    REOPENED="TicketReopened.",
    CLOSED="TicketClosed.",
    ANNULLED="TicketAnnulled: it was recorded in error.",
    MERGED="TicketMerged: it is the same request as another ticket.",
)


@strawberry.type(description="What is promised by a clock of the policy's own.")
class SlaOtherTarget:
    clock: str = column("The name of the clock.")
    span: timedelta = column("From its start to its stop.", of="span_us")


@strawberry.type(description="What is promised of some tickets; a target that is null is not promised.")
class SlaTarget:
    priority: Priority | None = column("The priority it holds for; null: for all.")
    service: str | None = column("The service it holds for; null: for all.")
    kind: str | None = column("The kind of ticket it holds for; null: for all.")
    response: timedelta | None = column("From opening to the first answer.", of="response_us")
    next_response: timedelta | None = column(
        "From what the customer writes after the first answer to the next answer.", of="next_response_us"
    )
    update: timedelta | None = column("From one answer to the next, until the resolution.", of="update_us")
    resolution: timedelta | None = column("From opening, or reopening, to the resolution.", of="resolution_us")
    stored_others: strawberry.Private[list[object]] = hidden(of="others")
    others: list[SlaOtherTarget] = embedded("others", description="Targets of the policy's own clocks.")


@strawberry.type(
    description="How soon the firm promises to respond and to resolve. Unless `openClocks` tells otherwise, clocks "
    "keep the version that they were promised."
)
class SlaPolicy(Node):
    customer_id: strawberry.Private[UUID | None]
    calendar_id: strawberry.Private[UUID | None]
    stored_targets: strawberry.Private[str] = hidden(of="targets")
    stored_warnings: strawberry.Private[str] = hidden(of="warn_at_percent")
    name: str = column("What the policy is called.")
    customer: Annotated["Customer", strawberry.lazy(".customers")] | None = one(
        "customers", by="customer_id", description="Whose policy it is; null for the firm's own."
    )
    policy_version: int = column("The newest version, from 1.")
    valid_from: datetime = column("From when on this version holds.")
    adopted_at: datetime = column("When it was adopted.")
    open_clocks: Change = column("What clocks that were open when it came to hold made of it.")
    on_priority: Change = column("What open clocks make of another priority.")
    on_calendar: Change = column("What open clocks make of a new version of the calendar.")
    calendar: Annotated["Calendar", strawberry.lazy(".calendars")] | None = one(
        "calendars", by="calendar_id", description="The working hours in which clocks count; null: they always do."
    )
    retired_at: datetime | None = column("Since when it holds for no new ticket.")
    version: int = column("How many facts are recorded of the policy; give it back as `expectedVersion`.")
    position: Position = column("The position of the newest of them.")

    targets: list[SlaTarget] = embedded(
        "targets", description="What is promised of which tickets; of those that fit the most specific holds."
    )

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
