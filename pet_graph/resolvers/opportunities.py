"""What clients may ask about opportunities."""

from __future__ import annotations

import strawberry

from ..events import opportunities
from ..schema.connections import Connection
from ..schema.links import find, listing
from ..schema.opportunities import (
    Opportunity,
    OpportunityFilter,
    OpportunityOrder,
    OpportunityRecorded,
    OpportunityResult,
)
from .base import mutation


@strawberry.type
class OpportunityQueries:
    opportunity: Opportunity | None = find(
        "opportunities", description="One opportunity; null when there is none of this id."
    )
    opportunities: Connection[Opportunity] = listing(
        "opportunities", filter=OpportunityFilter, order=OpportunityOrder, description="Opportunities, page by page."
    )


@strawberry.type
class OpportunityCommands:
    open_opportunity: OpportunityResult = mutation(
        opportunities.OpenOpportunity, OpportunityRecorded, OpportunityResult
    )
    own_opportunity: OpportunityResult = mutation(opportunities.OwnOpportunity, OpportunityRecorded, OpportunityResult)
    place_opportunity: OpportunityResult = mutation(
        opportunities.PlaceOpportunity, OpportunityRecorded, OpportunityResult
    )
    forecast_opportunity: OpportunityResult = mutation(
        opportunities.ForecastOpportunity, OpportunityRecorded, OpportunityResult
    )
    commit_opportunity: OpportunityResult = mutation(
        opportunities.CommitOpportunity, OpportunityRecorded, OpportunityResult
    )
    win_opportunity: OpportunityResult = mutation(opportunities.WinOpportunity, OpportunityRecorded, OpportunityResult)
    lose_opportunity: OpportunityResult = mutation(
        opportunities.LoseOpportunity, OpportunityRecorded, OpportunityResult
    )
    reopen_opportunity: OpportunityResult = mutation(
        opportunities.ReopenOpportunity, OpportunityRecorded, OpportunityResult
    )
