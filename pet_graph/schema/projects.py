"""Projects as clients see them."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry

from ..events.projects import ProjectStatus
from .actuals import Actual, ActualFilter, ActualOrder
from .base import described
from .bookings import Booking, BookingFilter, BookingOrder
from .connections import Connection
from .deliveries import ProjectPerson, ProjectPersonOrder, ProjectWeek, ProjectWeekOrder
from .errors import result
from .facts import Recorded
from .filters import order, where
from .links import many, one
from .milestones import Milestone, MilestoneFilter, MilestoneOrder
from .nodes import Node, column
from .obligations import Obligation, ObligationFilter, ObligationOrder
from .scalars import Position
from .tasks import Task, TaskFilter, TaskOrder

if TYPE_CHECKING:
    from .customers import Customer
    from .people import Person
    from .quotes import Quote

described(
    ProjectStatus,
    "Whether a project goes on.",
    OPEN="It goes on.",
    CLOSED="Nothing more will be delivered, and no time can be recorded on it.",
)


@strawberry.type(description="Something that the firm set out to deliver: for a customer, or for itself.")
class Project(Node):
    customer_id: strawberry.Private[UUID | None]
    owner_id: strawberry.Private[UUID | None]
    quote_id: strawberry.Private[UUID | None]
    name: str = column("What the project is called.")
    reference: str | None = column("How another system calls this project.")
    status: ProjectStatus = column("Whether it goes on.")
    starts_on: date | None = column("The first day of work.")
    due_on: date | None = column("The day by which it is now to be delivered.")
    first_due_on: date | None = column("The day by which it was to be delivered at first; it never moves.")
    started_at: datetime = column("When the firm set out to deliver it.")
    closed_at: datetime | None = column("When it was closed; null again once it is reopened.")
    version: int = column("How many facts are recorded of the project; give it back as `expectedVersion`.")
    position: Position = column("The position of the newest of them.")
    customer: Annotated["Customer", strawberry.lazy(".customers")] | None = one(
        "customers", by="customer_id", description="For whom; null when it is internal."
    )
    quote: Annotated["Quote", strawberry.lazy(".quotes")] | None = one(
        "quotes", by="quote_id", description="The accepted quote that it was started from."
    )
    owner: Annotated["Person", strawberry.lazy(".people")] | None = one(
        "people", by="owner_id", description="Who answers for it."
    )
    tasks: Connection[Task] = many(
        "tasks", by="project_id", filter=TaskFilter, order=TaskOrder, description="Its pieces of work."
    )
    milestones: Connection[Milestone] = many(
        "milestones",
        by="project_id",
        filter=MilestoneFilter,
        order=MilestoneOrder,
        description="What it is to reach.",
    )
    obligations: Connection[Obligation] = many(
        "obligations",
        by="project_id",
        filter=ObligationFilter,
        order=ObligationOrder,
        description="What was promised and is delivered in it.",
    )
    weeks: Connection[ProjectWeek] = many(
        "project_weeks", by="project_id", order=ProjectWeekOrder, description="What was worked in it, week by week."
    )
    people: Connection[ProjectPerson] = many(
        "project_people", by="project_id", order=ProjectPersonOrder, description="Who worked in it."
    )
    bookings: Connection[Booking] = many(
        "bookings",
        by="project_id",
        filter=BookingFilter,
        order=BookingOrder,
        description="Who is kept for it, and when.",
    )
    actuals: Connection[Actual] = many(
        "actuals",
        by="project_id",
        filter=ActualFilter,
        order=ActualOrder,
        description="What its approved time cost and comes to.",
    )


ProjectOrder = order(
    "Project",
    "How projects are ordered",
    "NAME",
    descending=False,
    NAME=("name", "By name."),
    STARTED_AT=("started_at", "By when the firm set out to deliver them."),
)


@strawberry.input(description="Which projects.")
class ProjectFilter:
    status: list[ProjectStatus] | None = where("status", "in", "Standing at one of these.")
    customer: list[strawberry.ID] | None = where("customer_id", "in", "For one of these customers.", node="Customer")
    internal: bool | None = where("customer_id", "is null", "Whether they are for the firm itself.")
    owner: list[strawberry.ID] | None = where("owner_id", "in", "Answered for by one of these.", node="Person")
    reference: list[str] | None = where("reference", "in", "Called one of these by another system.")
    due_before: date | None = where("due_on", "<", "Due before this day.")
    due_from: date | None = where("due_on", ">=", "Due on this day or later.")


@strawberry.type(description="A command about a project was accepted.")
class ProjectRecorded(Recorded):
    project: Project | None = one(
        "projects", by="row_id", description="The project as it is now; null when its start was only rehearsed."
    )


ProjectResult = result("ProjectResult", ProjectRecorded)
