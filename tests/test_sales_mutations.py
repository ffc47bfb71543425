"""Mutations and filters of leads and opportunities: what each records, and what each leaves, as clients meet it."""

from __future__ import annotations

from uuid import UUID, uuid4

from api import Api, Json, gid
from conftest import World

ADA, BELA, LEAD, SALE, ACME = (UUID(int=number) for number in range(71, 76))
OF_LEAD, OF_SALE, OF_ADA = (
    {"lead": gid("Lead", LEAD)},
    {"opportunity": gid("Opportunity", SALE)},
    {"person": gid("Person", ADA)},
)
CRITERIA = {"criteria": [{"criterion": "There is a budget", "evidence": "Their plan"}]}
SAID = {**OF_ADA, "value": "1000 EUR", "closesOn": "2026-07-01", "basis": "Their mail"}

LIFE: list[tuple[str, Json, list[str]]] = [
    ("captureLead", {"commandId": f"{LEAD}", "name": "Birch", "source": "Fair", "reference": "L-1"}, ["LeadCaptured"]),
    ("disqualifyLead", {**OF_LEAD, "reason": "No budget"}, ["LeadDisqualified"]),
    ("qualifyLead", {**OF_LEAD, **OF_ADA, **CRITERIA}, ["LeadQualified"]),
    (
        "convertLead",
        {**OF_LEAD, "name": "A site", "owner": gid("Person", ADA), "customerName": "Birch"},
        ["LeadConverted", "CustomerRegistered", "OpportunityOpened"],
    ),
    (
        "openOpportunity",
        {"commandId": f"{SALE}", "name": "A shop", "owner": gid("Person", ADA), "source": "Mail"},
        ["OpportunityOpened"],
    ),
    ("ownOpportunity", {**OF_SALE, "owner": gid("Person", BELA)}, ["OpportunityOwned"]),
    ("placeOpportunity", {**OF_SALE, "customer": gid("Customer", ACME)}, ["OpportunityPlaced"]),
    ("forecastOpportunity", {**OF_SALE, **SAID}, ["OpportunityForecasted"]),
    ("commitOpportunity", {**OF_SALE, **SAID}, ["OpportunityCommitted"]),
    ("loseOpportunity", {**OF_SALE, "reason": "Price"}, ["OpportunityLost"]),
    ("reopenOpportunity", {**OF_SALE, "reason": "A mistake"}, ["OpportunityReopened"]),
    ("winOpportunity", {**OF_SALE, "reason": "Price"}, ["OpportunityWon"]),
]
"""Every mutation of leads and opportunities: what is given, and the facts it records."""


async def a_life(world: World) -> Api:
    """Two people and a customer, before anything is sold."""
    api = Api(world, roles=["manager"])
    for name, id_ in (("Ada", ADA), ("Bela", BELA)):
        await api.command("registerPerson", name=name, commandId=f"{id_}")
    await api.command("registerCustomer", name="Acme", commandId=f"{ACME}")
    return Api(world, roles=["sales"])


async def test_every_mutation_of_sales_records_what_it_says_and_what_its_rehearsal_said(world: World) -> None:
    api = await a_life(world)
    before = len(await world.facts())
    for name, given, types in LIFE:
        given = {"commandId": f"{uuid4()}", **given}
        rehearsed = await api.command(name, dryRun=True, **given)
        assert len(await world.facts()) == before, f"a rehearsal of {name} recorded something"
        answer = await api.command(name, **given)
        assert rehearsed == {**answer, "dryRun": True}, name
        facts = [{"position": f"{before + number}", "type": each} for number, each in enumerate(types, 1)]
        before += len(facts)
        assert answer.pop("__typename").endswith("Recorded"), (name, answer)
        assert answer["facts"] == facts, name


# --- what filters leave -----------------------------------------------------------------------------------------------

BIRCH = UUID(int=76)
FOUND: list[tuple[str, str, Json, list[str]]] = [
    ("LeadFilter.status", "leads", {"status": ["CONVERTED"]}, ["Birch"]),
    ("LeadFilter.source", "leads", {"source": ["Web"]}, ["Cedar"]),
    ("LeadFilter.customer", "leads", {"customer": [gid("Customer", BIRCH)]}, ["Birch"]),
    ("LeadFilter.reference", "leads", {"reference": ["L-1"]}, ["Birch"]),
    ("LeadFilter.capturedFrom", "leads", {"capturedFrom": "2026-06-01T12:00:00Z"}, ["Birch"]),
    ("LeadFilter.capturedBefore", "leads", {"capturedBefore": "2026-06-01T12:00:00Z"}, ["Cedar"]),
    ("OpportunityFilter.status", "opportunities", {"status": ["WON"]}, ["A shop"]),
    ("OpportunityFilter.source", "opportunities", {"source": ["Fair"]}, ["A site"]),
    ("OpportunityFilter.owner", "opportunities", {"owner": [gid("Person", BELA)]}, ["A shop"]),
    ("OpportunityFilter.customer", "opportunities", {"customer": [gid("Customer", BIRCH)]}, ["A site"]),
    ("OpportunityFilter.committed", "opportunities", {"committed": True}, ["A shop"]),
    ("OpportunityFilter.committed", "opportunities", {"committed": False}, ["A site"]),
    ("OpportunityFilter.closesFrom", "opportunities", {"closesFrom": "2026-07-02"}, ["A site"]),
    ("OpportunityFilter.closesBefore", "opportunities", {"closesBefore": "2026-07-02"}, ["A shop"]),
]
"""Input, root field, filter, and what it leaves by name."""

TRIED = {name for name, *_ in FOUND}


async def test_every_field_of_every_filter_of_sales_leaves_what_it_says(world: World) -> None:
    api = await a_life(world)
    await api.command("captureLead", name="Cedar", source="Web", occurredAt="2026-06-01T11:00:00Z")
    for name, given, _ in LIFE:
        command_id = BIRCH if name == "convertLead" else uuid4()
        await api.command(name, **{"commandId": f"{command_id}", **given})
    later = {**SAID, "opportunity": gid("Opportunity", BIRCH), "closesOn": "2026-07-02"}
    await api.command("forecastOpportunity", **later)
    for name, field, filter_, expected in FOUND:
        document = (
            f"query ($f: {name.partition('.')[0]}) {{ page: {field}(first: 9, filter: $f) {{ nodes {{ name }} }} }}"
        )
        nodes = (await api.ask(document, f=filter_))["page"]["nodes"]
        assert [node["name"] for node in nodes] == expected, (name, filter_)
        assert len((await api.ask(document, f={}))["page"]["nodes"]) == 2, name
