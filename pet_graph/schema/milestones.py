"""Milestones and people's claims about them as clients see them."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry

from ..events.milestones import MilestoneStatus
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
    MilestoneStatus,
    "What became of a milestone.",
    PLANNED="The project is on its way to it.",
    REACHED="A person said that it is reached, and what shows it.",
    ABANDONED="The project no longer means to reach it.",
)


@strawberry.type(description="How far a person said that work had come. It is their claim, and never computed.")
class ProgressClaim(Node):
    milestone_id: strawberry.Private[UUID]
    person_id: strawberry.Private[UUID]
    percent: int = column("How much of the work was done, in whole percents.")
    basis: str = column("What made the person think so.")
    claimed_at: datetime = column("When they said so.")
    position: Position = column("The position of the claim.")
    milestone: Annotated["Milestone", strawberry.lazy(".milestones")] = one(
        "milestones", by="milestone_id", description="What it is about."
    )
    person: Annotated["Person", strawberry.lazy(".people")] = one("people", by="person_id", description="Who said so.")


ProgressClaimOrder = order(
    "ProgressClaim",
    "How claims are ordered",
    "CLAIMED_AT",
    CLAIMED_AT=("claimed_at", "By when they were made."),
)


@strawberry.type(description="What a project is to reach, and by when.")
class Milestone(Node):
    project_id: strawberry.Private[UUID]
    obligation_id: strawberry.Private[UUID | None]
    reached_by_id: strawberry.Private[UUID | None]
    name: str = column("What is to be reached.")
    status: MilestoneStatus = column("What became of it.")
    due_on: date | None = column("The day by which it is now to be reached.")
    first_due_on: date | None = column("The day by which it was to be reached at first; it never moves.")
    evidence: str | None = column("What shows that it is reached.")
    planned_at: datetime = column("When the project set out to reach it.")
    reached_at: datetime | None = column("When it was reached, as the person said; null again once that is retracted.")
    version: int = column("How many facts are recorded of the milestone; give it back as `expectedVersion`.")
    position: Position = column("The position of the newest of them.")
    project: Annotated["Project", strawberry.lazy(".projects")] = one(
        "projects", by="project_id", description="The project that is to reach it."
    )
    obligation: Annotated["Obligation", strawberry.lazy(".obligations")] | None = one(
        "obligations", by="obligation_id", description="What was promised, if reaching it keeps a promise."
    )
    reached_by: Annotated["Person", strawberry.lazy(".people")] | None = one(
        "people", by="reached_by_id", description="Who said that it is reached."
    )
    claims: Connection[ProgressClaim] = many(
        "progress_claims",
        by="milestone_id",
        noun="milestone",
        order=ProgressClaimOrder,
        description="How far people said that the work had come.",
    )


MilestoneOrder = order(
    "Milestone",
    "How milestones are ordered",
    "PLANNED_AT",
    descending=False,
    PLANNED_AT=("planned_at", "By when the project set out to reach them."),
)


@strawberry.input(description="Which milestones.")
class MilestoneFilter:
    status: list[MilestoneStatus] | None = where("status", "in", "Of which one of these became.")
    project: list[strawberry.ID] | None = where("project_id", "in", "Of one of these projects.", node="Project")
    obligation: list[strawberry.ID] | None = where(
        "obligation_id", "in", "That keep one of these promises.", node="Obligation"
    )
    due_before: date | None = where("due_on", "<", "Due before this day.")
    due_from: date | None = where("due_on", ">=", "Due on this day or later.")


@strawberry.type(description="A command about a milestone was accepted.")
class MilestoneRecorded(Recorded):
    milestone: Milestone | None = one(
        "milestones", by="row_id", description="The milestone as it is now; null when its planning was only rehearsed."
    )


MilestoneResult = result("MilestoneResult", MilestoneRecorded)
