"""Bookings of people, and where they do not fit, as clients see them."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry

from ..events.bookings import BookingKind, BookingStatus
from .base import described
from .connections import Connection
from .errors import result
from .facts import Recorded
from .filters import order, where
from .links import many, one
from .nodes import Node, column
from .scalars import Position

if TYPE_CHECKING:
    from .obligations import Obligation
    from .people import Person
    from .projects import Project

described(
    BookingKind,
    "How settled a booking is.",
    HARD="It is settled.",
    SOFT="It is pencilled in.",
)
described(
    BookingStatus,
    "Whether a booking holds.",
    BOOKED="The person is kept.",
    RELEASED="The person is no longer kept.",
)


@strawberry.type(description="A person is kept for a project on some days.")
class Booking(Node):
    person_id: strawberry.Private[UUID]
    project_id: strawberry.Private[UUID]
    obligation_id: strawberry.Private[UUID | None]
    kind: BookingKind = column("How settled it is.")
    status: BookingStatus = column("Whether it holds.")
    role: str | None = column("In which role, as the firm calls it.")
    first_on: date = column("The first day.")
    last_on: date = column("The last day.")
    per_day: timedelta = column("How much of each day on which the person works.", of="per_day_us")
    total: timedelta = column("How much altogether, by the person's capacity when it was booked.", of="total_us")
    over_days: int = column("On how many days it went beyond the person's capacity when it was booked.")
    excess: timedelta = column("By how much altogether.", of="excess_us")
    booked_at: datetime = column("When it was booked.")
    released_at: datetime | None = column("When it was released.")
    released_reason: str | None = column("Why it was released.")
    position: Position = column("The position of the newest fact about it.")
    person: Annotated["Person", strawberry.lazy(".people")] = one("people", by="person_id", description="Who is kept.")
    project: Annotated["Project", strawberry.lazy(".projects")] = one(
        "projects", by="project_id", description="For which project."
    )
    obligation: Annotated["Obligation", strawberry.lazy(".obligations")] | None = one(
        "obligations", by="obligation_id", description="For which promise, if that is known."
    )


BookingOrder = order(
    "Booking",
    "How bookings are ordered",
    "FIRST_ON",
    descending=False,
    FIRST_ON=("first_on", "By their first day."),
)


@strawberry.input(description="Which bookings.")
class BookingFilter:
    person: list[strawberry.ID] | None = where("person_id", "in", "Of one of these people.", node="Person")
    project: list[strawberry.ID] | None = where("project_id", "in", "For one of these projects.", node="Project")
    kind: BookingKind | None = where("kind", "=", "That are so settled.")
    status: BookingStatus | None = where("status", "=", "That hold, or hold no longer.")
    first_before: date | None = where("first_on", "<", "That begin before this day.")
    last_from: date | None = where("last_on", ">=", "That end on this day or later.")


@strawberry.type(description="A command about a person's bookings was accepted.")
class BookingRecorded(Recorded):
    bookings: Connection[Booking] = many(
        "bookings",
        by="person_id",
        filter=BookingFilter,
        order=BookingOrder,
        description="The person's bookings as they are now; `overDays` and `excess` tell where one does not fit.",
    )
    as_of: strawberry.Private[None] = None


BookingResult = result("BookingResult", BookingRecorded)


@strawberry.type(description="A day on which a person is booked for more than they can work.")
class Overcommitment:
    person_id: strawberry.Private[UUID]
    person: Annotated["Person", strawberry.lazy(".people")] = one("people", by="person_id", description="Who.")
    day: date = column("The day.")
    capacity: timedelta = column("What the person can work on it.", of="capacity_us")
    booked: timedelta = column("What they are booked for, pencilled in or settled.", of="booked_us")
    firm: timedelta = column("What of it is settled.", of="firm_us")
    excess: timedelta = column("What is too much.", of="excess_us")
