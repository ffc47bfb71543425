"""Holidays as clients see them."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry

from ..events.holidays import HolidayStatus
from .base import described
from .filters import order, where
from .links import one
from .nodes import Node, column
from .scalars import Position

if TYPE_CHECKING:
    from .calendars import Calendar

described(
    HolidayStatus,
    "Whether a holiday counts.",
    PROPOSED="Somebody told of it; it does not count yet.",
    ACCEPTED="A person accepted it: no working hours on that date.",
    REJECTED="A person rejected it: an ordinary date, also if it is proposed again.",
)


@strawberry.type(description="A date on which the firm may be closed. It counts once a person accepted it.")
class Holiday(Node):
    calendar_id: strawberry.Private[UUID]
    on: date = column("The date, in the zone of the calendar.", of="held_on")
    name: str = column("What it is called.")
    source: str = column("Where it comes from, as it was told with the proposal.")
    status: HolidayStatus = column("Whether it counts.")
    proposed_at: datetime = column("When it was proposed.")
    decided_at: datetime | None = column("When a person last accepted or rejected it; null: nobody did yet.")
    position: Position = column("The position of the newest fact about it.")
    calendar: Annotated["Calendar", strawberry.lazy(".calendars")] = one(
        "calendars", by="calendar_id", description="The calendar to which it was proposed."
    )


HolidayOrder = order("Holiday", "How holidays are ordered", "ON", descending=False, ON=("held_on", "By their dates."))


@strawberry.input(description="Which holidays.")
class HolidayFilter:
    status: list[HolidayStatus] | None = where("status", "in", "Of one of these states.")
    on_from: date | None = where("held_on", ">=", "On this date or later.")
    on_before: date | None = where("held_on", "<", "Before this date.")
