"""What clients may ask about leads."""

from __future__ import annotations

import strawberry

from ..events import leads
from ..schema.connections import Connection
from ..schema.leads import Lead, LeadFilter, LeadOrder, LeadRecorded, LeadResult
from ..schema.links import find, listing
from .base import mutation


@strawberry.type
class LeadQueries:
    lead: Lead | None = find("leads", description="One lead; null when there is none of this id.")
    leads: Connection[Lead] = listing("leads", filter=LeadFilter, order=LeadOrder, description="Leads, page by page.")


@strawberry.type
class LeadCommands:
    capture_lead: LeadResult = mutation(leads.CaptureLead, LeadRecorded, LeadResult)
    qualify_lead: LeadResult = mutation(leads.QualifyLead, LeadRecorded, LeadResult)
    disqualify_lead: LeadResult = mutation(leads.DisqualifyLead, LeadRecorded, LeadResult)
    convert_lead: LeadResult = mutation(leads.ConvertLead, LeadRecorded, LeadResult)
