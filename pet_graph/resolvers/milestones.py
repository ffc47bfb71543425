"""What clients may ask about milestones."""

from __future__ import annotations

import strawberry

from ..events import milestones
from ..schema.connections import Connection
from ..schema.links import find, listing
from ..schema.milestones import Milestone, MilestoneFilter, MilestoneOrder, MilestoneRecorded, MilestoneResult
from .base import mutation


@strawberry.type
class MilestoneQueries:
    milestone: Milestone | None = find("milestones", description="One milestone; null when there is none of this id.")
    milestones: Connection[Milestone] = listing(
        "milestones", filter=MilestoneFilter, order=MilestoneOrder, description="Milestones of all projects."
    )


@strawberry.type
class MilestoneCommands:
    plan_milestone: MilestoneResult = mutation(milestones.PlanMilestone, MilestoneRecorded, MilestoneResult)
    reschedule_milestone: MilestoneResult = mutation(milestones.RescheduleMilestone, MilestoneRecorded, MilestoneResult)
    claim_progress: MilestoneResult = mutation(milestones.ClaimProgress, MilestoneRecorded, MilestoneResult)
    reach_milestone: MilestoneResult = mutation(milestones.ReachMilestone, MilestoneRecorded, MilestoneResult)
    retract_milestone: MilestoneResult = mutation(milestones.RetractMilestone, MilestoneRecorded, MilestoneResult)
    abandon_milestone: MilestoneResult = mutation(milestones.AbandonMilestone, MilestoneRecorded, MilestoneResult)
