"""Previews of edits as clients see them: which clocks would move, and how."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry

from .. import previews
from ..events.clocks import Clock, ClockState, SlaKind, SlaState
from ..projections.slas import clock_id
from .base import Priority
from .errors import result
from .links import one

if TYPE_CHECKING:
    from .slas import SlaClock
    from .tickets import Ticket


@strawberry.type(description="How a clock stands, before an edit or after it.")
class SlaStanding:
    state: ClockState = strawberry.field(description="What became of it; a verdict that was given stays.")
    restated_as: ClockState | None = strawberry.field(description="What would be said of it now, if something else.")
    priority: Priority = strawberry.field(description="The priority that chose the target.")
    target: timedelta = strawberry.field(description="How much time is promised.")
    due_at: datetime | None = strawberry.field(
        description="When the target is, or was, reached; null while it stands still."
    )
    breached_at: datetime | None = strawberry.field(description="When it breached.")
    stopped_at: datetime | None = strawberry.field(description="When it stopped.")
    policy_version: int = strawberry.field(description="The version of the policy that the target comes from.")
    calendar_version: int = strawberry.field(
        description="The newest version of the calendar that was looked at; 0: around the clock."
    )

    @classmethod
    def of(cls, state: SlaState, clock: Clock) -> SlaStanding:
        promise = state.promise(clock)
        return cls(
            state=clock.state,
            restated_as=clock.said.state if clock.restated else None,
            priority=promise.priority,
            target=clock.target,
            due_at=clock.due_at if clock.open else clock.said.due_at,
            breached_at=clock.breached_at,
            stopped_at=clock.stopped_at,
            policy_version=promise.policy_version,
            calendar_version=clock.calendar_version,
        )


@strawberry.type(description="A clock that would move.")
class SlaMove:
    ticket_id: strawberry.Private[UUID]
    clock_id: strawberry.Private[UUID]
    name: str = strawberry.field(description="The name of the clock.")
    kind: SlaKind = strawberry.field(description="What it measures.")
    cycle: int = strawberry.field(description="Which cycle of it.")
    before: SlaStanding | None = strawberry.field(description="How it stands; null if the edit would start it.")
    after: SlaStanding = strawberry.field(description="How it would stand.")
    clock: Annotated["SlaClock", strawberry.lazy(".slas")] | None = one(
        "sla_clocks", by="clock_id", description="The clock as it is now."
    )
    ticket: Annotated["Ticket", strawberry.lazy(".tickets")] = one(
        "tickets", by="ticket_id", description="The ticket whose clock it is."
    )

    @classmethod
    def of(cls, move: previews.Move) -> SlaMove:
        _, clock = move.after
        return cls(
            ticket_id=move.ticket,
            clock_id=clock_id(move.ticket, clock),
            name=clock.kind,
            kind=SlaKind.of(clock.kind),
            cycle=clock.cycle,
            before=SlaStanding.of(*move.before) if move.before else None,
            after=SlaStanding.of(*move.after),
        )


@strawberry.type(
    description="What an edit would make of clocks if it were recorded now. Nothing was recorded. It is worked out by "
    "the decisions that would follow the edit: the same happens once it is recorded, unless something else does first."
)
class SlaPreview:
    moves: list[SlaMove] = strawberry.field(description="The clocks that would move, ticket by ticket.")
    tickets: int = strawberry.field(description="Of how many tickets the clocks were looked at.")
    has_more: bool = strawberry.field(description="Whether the edit concerns tickets after the last of them.")
    end_cursor: str | None = strawberry.field(description="Give it as `after` for those; null when there are none.")


SlaPreviewResult = result("SlaPreviewResult", SlaPreview)
