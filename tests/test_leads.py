"""Leads: qualified by what people state and show, and converted once, with everything that follows, in one turn."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest
from api import Api, gid
from conftest import World
from given import Past, given, state_after

from pet_graph.decisions import Invalid, Recorded, Refusal
from pet_graph.events.base import Command
from pet_graph.events.leads import (
    TRANSITIONS,
    CaptureLead,
    ConvertLead,
    Criterion,
    DisqualifyLead,
    LeadCaptured,
    LeadConverted,
    LeadDisqualified,
    LeadQualified,
    LeadStatus,
    QualifyLead,
    decider,
)
from pet_graph.events.opportunities import OpenOpportunity

LEAD, ADA, CUSTOMER, CONVERSION = (UUID(int=number) for number in range(1, 5))
BUDGET = Criterion("There is a budget", "Their plan for 2027")
CAPTURED = LeadCaptured(name="Crunchy Armchairs", source="Fair")
QUALIFIED = LeadQualified(person=ADA, criteria=(BUDGET,))
DISQUALIFIED = LeadDisqualified(reason="No budget")
CONVERTED = LeadConverted(name="A shop", owner=ADA)
QUALIFY = QualifyLead(lead=LEAD, person=ADA, criteria=(BUDGET,))
DISQUALIFY = DisqualifyLead(lead=LEAD, reason="No budget")
CONVERT = ConvertLead(lead=LEAD, name="A shop", owner=ADA)

PASTS: dict[LeadStatus, tuple[Past, ...]] = {
    LeadStatus.CAPTURED: (CAPTURED,),
    LeadStatus.QUALIFIED: (CAPTURED, QUALIFIED),
    LeadStatus.DISQUALIFIED: (CAPTURED, DISQUALIFIED),
    LeadStatus.CONVERTED: (CAPTURED, QUALIFIED, CONVERTED),
}
STEPS: dict[type[Command], tuple[Command, Any]] = {
    QualifyLead: (QUALIFY, QUALIFIED),
    DisqualifyLead: (DISQUALIFY, DISQUALIFIED),
    ConvertLead: (CONVERT, CONVERTED),
}
ALLOWED = {
    "captured": {"qualified", "disqualified"},
    "qualified": {"disqualified", "converted"},
    "disqualified": {"qualified"},
    "converted": set(),
}
"""Written out a second time: from which status a lead comes to which."""


async def captured(world: World) -> UUID:
    """Ada's lead, of the id LEAD."""
    from_ada = await world.person("Ada")
    await world.record(CaptureLead(name="Crunchy Armchairs", source="Fair"), id=LEAD, roles=("sales",))
    return from_ada


def qualify(person: UUID) -> QualifyLead:
    return QualifyLead(lead=LEAD, person=person, criteria=(BUDGET,))


def convert(owner: UUID, **fields: Any) -> ConvertLead:
    return ConvertLead(lead=LEAD, name="A shop", owner=owner, **fields)


# --- decides ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", LeadStatus)
@pytest.mark.parametrize("kind", STEPS, ids=lambda kind: kind.__name__)
def test_a_lead_goes_the_ways_that_are_allowed_and_no_others(status: LeadStatus, kind: type[Command]) -> None:
    command, event = STEPS[kind]
    assert state_after(decider, PASTS[status]).status is status
    after = state_after(decider, [*PASTS[status], event]).status
    answer = given(*PASTS[status]).when(command)
    if after in ALLOWED[status]:
        answer.then(event)
        assert TRANSITIONS[kind][status] is after
    else:
        answer.refused("wrong_status")
        assert status not in TRANSITIONS[kind]


def test_a_criterion_is_stated_once() -> None:
    twice = QualifyLead(lead=LEAD, person=ADA, criteria=(BUDGET, Criterion("Hurry", "Mail"), BUDGET))
    given(CAPTURED).when(twice).refused("stated_twice", "criteria", "2", "criterion")


def test_a_lead_becomes_a_customer_that_is_known_or_a_new_one_and_not_both() -> None:
    both = convert(ADA, customer=CUSTOMER, customer_name="Crunchy Armchairs")
    given(CAPTURED, QUALIFIED).when(both).refused("two_customers", "customer")


def test_who_qualifies_anew_is_disqualified_no_more_and_what_was_stated_before_stays() -> None:
    state = state_after(decider, [CAPTURED, QUALIFIED, DISQUALIFIED, QUALIFIED])
    assert (state.status, state.reason, state.ended_at) == (LeadStatus.QUALIFIED, None, None)
    assert [one.position for one in state.qualifications] == [2, 4]


@pytest.mark.parametrize(
    ("criteria", "code", "path"),
    [
        ((), "wrong_length", ("criteria",)),
        ((BUDGET, Criterion("Hurry", " ")), "blank", ("criteria", "1", "evidence")),
    ],
)
async def test_nobody_qualifies_by_nothing(
    world: World, criteria: tuple[Criterion, ...], code: str, path: tuple[str, ...]
) -> None:
    ada = await captured(world)
    before = await world.facts()
    outcome = await world.ask(QualifyLead(lead=LEAD, person=ada, criteria=criteria))
    assert isinstance(outcome, Invalid)
    assert (outcome.code, outcome.path) == (code, path)
    assert await world.facts() == before


# --- brings about -----------------------------------------------------------------------------------------------------


async def test_a_conversion_opens_the_opportunity_and_registers_the_customer_in_one_turn(world: World) -> None:
    ada = await captured(world)
    await world.record(qualify(ada))
    turn = await world.record(convert(ada, customer_name="Crunchy Armchairs"), id=CONVERSION)
    assert [fact.type for fact in turn.facts] == ["LeadConverted", "CustomerRegistered", "OpportunityOpened"]
    assert {fact.causation for fact in turn.facts[1:]} == {turn.facts[0].position}
    [lead], [customer], [opportunity] = [await world.rows(each) for each in ("leads", "customers", "opportunities")]
    assert (lead["status"], lead["customer_id"]) == ("converted", CONVERSION)
    assert (customer["id"], customer["name"]) == (CONVERSION, "Crunchy Armchairs")
    named = {"id": CONVERSION, "lead_id": LEAD, "customer_id": CONVERSION, "owner_id": ada, "source": "Fair"}
    assert named.items() <= opportunity.items()


async def test_a_conversion_may_name_a_customer_who_is_there_or_none(world: World) -> None:
    ada, customer = await captured(world), await world.customer()
    await world.record(qualify(ada))
    before = await world.facts()
    missing = await world.ask(convert(ada, customer=CUSTOMER))
    assert isinstance(missing, Refusal)
    assert (missing.code, missing.path) == ("customer_not_found", ("customer",))
    assert await world.facts() == before
    await world.record(convert(ada, customer=customer))
    assert [row["customer_id"] for row in await world.rows("opportunities")] == [customer]
    await world.record(CaptureLead(name="Birch", source="Mail"), id=CUSTOMER)
    await world.record(QualifyLead(lead=CUSTOMER, person=ada, criteria=(BUDGET,)))
    await world.record(ConvertLead(lead=CUSTOMER, name="A site", owner=ada))
    assert {row["customer_id"] for row in await world.rows("opportunities")} == {customer, None}
    assert len(await world.rows("customers")) == 1


async def test_ten_conversions_at_once_make_one_opportunity(world: World) -> None:
    ada = await captured(world)
    await world.record(qualify(ada))
    before = len(await world.facts())
    asked = [world.ask(convert(ada, customer_name=f"Name {number}")) for number in range(10)]
    outcomes = await asyncio.gather(*asked)
    assert [type(one) for one in outcomes] == [Recorded] + [Refusal] * 9
    assert {one.code for one in outcomes[1:] if isinstance(one, Refusal)} == {"wrong_status"}
    assert len(await world.facts()) == before + 3
    assert [row["name"] for row in await world.rows("customers")] == ["Name 0"]


async def test_a_lead_that_was_not_converted_leads_to_no_opportunity(world: World) -> None:
    ada = await captured(world)
    before = await world.facts()
    outcome = await world.ask(OpenOpportunity(name="A shop", owner=ada, source="Fair", lead=LEAD))
    assert isinstance(outcome, Refusal)
    assert (outcome.code, outcome.path) == ("lead_not_converted", ("lead",))
    assert (await world.facts(), await world.rows("opportunities")) == (before, [])


# --- asked for and shown ----------------------------------------------------------------------------------------------


async def test_a_web_form_captures_leads_and_says_nothing_of_their_worth(world: World) -> None:
    form = Api(world, roles=["integration"], origin="external:web-form")
    captured = await form.command("captureLead", "... on LeadRecorded { lead { id } }", name="Acme", source="Web")
    answer = await form.command("disqualifyLead", lead=captured["lead"]["id"], reason="Spam")
    assert (answer["code"], len(await world.facts())) == ("not_permitted", 1)


async def test_a_lead_shows_what_it_meets_who_said_so_and_what_it_led_to(world: World) -> None:
    ada = await captured(world)
    await world.record(qualify(ada))
    await world.record(convert(ada, customer_name="Crunchy Armchairs"))
    asked = """query ($id: ID!) { lead(id: $id) { status customer { name opportunities(first: 9) { nodes { name } } }
        criteria(first: 9) { nodes { number criterion evidence person { name } lead { name } } }
        opportunities(first: 9, filter: {status: OPEN}) { nodes { name owner { name } lead { name } } } } }"""
    assert (await Api(world).ask(asked, id=gid("Lead", LEAD)))["lead"] == {
        "status": "CONVERTED",
        "customer": {"name": "Crunchy Armchairs", "opportunities": {"nodes": [{"name": "A shop"}]}},
        "criteria": {
            "nodes": [
                {
                    "number": 1,
                    "criterion": "There is a budget",
                    "evidence": "Their plan for 2027",
                    "person": {"name": "Ada"},
                    "lead": {"name": "Crunchy Armchairs"},
                }
            ]
        },
        "opportunities": {
            "nodes": [{"name": "A shop", "owner": {"name": "Ada"}, "lead": {"name": "Crunchy Armchairs"}}]
        },
    }
