"""Milestones: reached by evidence and a person; how far the work has come is a claim, and nothing else."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import pytest
from api import Api, gid
from conftest import World
from given import after, given, state_after

from pet_graph.decisions import Invalid
from pet_graph.events.base import Command
from pet_graph.events.milestones import (
    MOST_CLAIMS,
    AbandonMilestone,
    ClaimProgress,
    MilestoneAbandoned,
    MilestonePlanned,
    MilestoneReached,
    MilestoneRescheduled,
    MilestoneRetracted,
    MilestoneStatus,
    PlanMilestone,
    ProgressClaimed,
    ReachMilestone,
    RescheduleMilestone,
    RetractMilestone,
    decider,
)
from pet_graph.events.projects import StartProject

MILESTONE, PROJECT, ADA, BELA = (UUID(int=number) for number in range(1, 5))
JUNE, JULY = date(2026, 6, 1), date(2026, 7, 1)
PLANNED = MilestonePlanned(project=PROJECT, name="Go live", due_on=JUNE)
REACH = ReachMilestone(milestone=MILESTONE, person=ADA, evidence="Sign-off of 30 May")
REACHED = MilestoneReached(person=ADA, evidence="Sign-off of 30 May")


def claim(percent: int, person: UUID = ADA) -> ClaimProgress:
    return ClaimProgress(milestone=MILESTONE, person=person, percent=percent, basis="Half of the screens work")


def claimed(percent: int, person: UUID = ADA) -> ProgressClaimed:
    return ProgressClaimed(person=person, percent=percent, basis="Half of the screens work")


# --- decides ----------------------------------------------------------------------------------------------------------


def test_it_is_reached_by_evidence_and_a_person() -> None:
    given(PLANNED).when(REACH).then(REACHED)


async def test_without_evidence_nothing_is_reached(world: World) -> None:
    outcome = await world.ask(ReachMilestone(milestone=MILESTONE, person=ADA, evidence=" "))
    assert isinstance(outcome, Invalid)
    assert (outcome.code, outcome.path) == ("blank", ("evidence",))
    assert await world.facts() == []


def test_a_claim_is_taken_down_as_it_is_made_even_when_it_goes_back() -> None:
    given(PLANNED, claimed(80)).when(claim(50)).then(claimed(50))


def test_a_claim_of_all_of_it_reaches_nothing() -> None:
    assert state_after(decider, [PLANNED, claimed(100)]).status is MilestoneStatus.PLANNED


def test_claims_of_several_people_stand_side_by_side() -> None:
    state = state_after(decider, [PLANNED, claimed(50, ADA), (after(hours=1), claimed(20, BELA))])
    assert [(one.person, one.percent, one.position) for one in state.claims] == [(ADA, 50, 2), (BELA, 20, 3)]


def test_a_milestone_takes_so_many_claims_and_no_more() -> None:
    given(PLANNED, *[claimed(1)] * MOST_CLAIMS).when(claim(2)).refused("too_many_claims")


def test_a_milestone_is_rescheduled_and_its_first_day_stays() -> None:
    moved = MilestoneRescheduled(due_on=JULY, reason="Holidays")
    move = RescheduleMilestone(milestone=MILESTONE, due_on=JULY, reason="Holidays")
    given(PLANNED).when(move).then(moved)
    given(PLANNED, moved).when(move).refused("unchanged", "dueOn")
    assert state_after(decider, [PLANNED, moved]).first_due_on == JUNE


@pytest.mark.parametrize("ended", [REACHED, MilestoneAbandoned(reason="Moot")])
@pytest.mark.parametrize(
    "command",
    [REACH, claim(1), AbandonMilestone(milestone=MILESTONE, reason="So"),
     RescheduleMilestone(milestone=MILESTONE, due_on=JULY, reason="So")],
)  # fmt: skip
def test_what_is_reached_or_abandoned_takes_nothing_more(
    ended: MilestoneReached | MilestoneAbandoned, command: Command
) -> None:
    given(PLANNED, ended).when(command).refused("not_planned")


def test_only_what_was_reached_is_retracted_and_may_be_reached_again() -> None:
    retract = RetractMilestone(milestone=MILESTONE, reason="It fell over")
    given(PLANNED).when(retract).refused("not_reached")
    given(PLANNED, REACHED).when(retract).then(MilestoneRetracted(reason="It fell over"))
    given(PLANNED, REACHED, MilestoneRetracted(reason="It fell over")).when(REACH).then(REACHED)


# --- remembers --------------------------------------------------------------------------------------------------------


async def test_a_milestone_shows_its_evidence_and_every_claim(world: World) -> None:
    ada, bela = await world.person("Ada"), await world.person("Bela")
    await world.record(StartProject(name="Portal"), id=PROJECT)
    await world.record(PlanMilestone(project=PROJECT, name="Go live", due_on=JUNE), id=MILESTONE)
    await world.record(claim(50, ada))
    await world.record(claim(40, bela))
    await world.record(ReachMilestone(milestone=MILESTONE, person=bela, evidence="Protocol 7"))
    shown = await Api(world).ask(
        "query ($id: ID!) { milestone(id: $id) { status evidence reachedBy { name } project { name }"
        " claims(first: 9) { nodes { percent person { name } } } } }",
        id=gid("Milestone", MILESTONE),
    )
    claims = shown["milestone"].pop("claims")["nodes"]
    assert sorted((one["percent"], one["person"]["name"]) for one in claims) == [(40, "Bela"), (50, "Ada")]
    assert shown["milestone"] == {
        "status": "REACHED",
        "evidence": "Protocol 7",
        "reachedBy": {"name": "Bela"},
        "project": {"name": "Portal"},
    }
