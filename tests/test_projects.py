"""Projects: started, answered for, rescheduled, closed and reopened."""

from __future__ import annotations

from datetime import date
from uuid import UUID, uuid4

import pytest
from api import Api, gid
from conftest import World
from given import after, given, state_after

from pet_graph.decisions import Refusal
from pet_graph.events.projects import (
    CloseProject,
    OwnProject,
    ProjectClosed,
    ProjectOwned,
    ProjectReopened,
    ProjectRescheduled,
    ProjectStarted,
    ReopenProject,
    RescheduleProject,
    StartProject,
    decider,
)
from pet_graph.events.time_entries import RecordTime

PROJECT, ADA = UUID(int=1), UUID(int=2)
MAY, JUNE, JULY = date(2026, 5, 1), date(2026, 6, 1), date(2026, 7, 1)
STARTED = ProjectStarted(name="Portal", starts_on=MAY, due_on=JUNE)
CLOSED = ProjectClosed(reason="Delivered")

# --- decides ----------------------------------------------------------------------------------------------------------


def test_a_project_needs_only_a_name() -> None:
    given().when(StartProject(name="Tidy up")).then(ProjectStarted(name="Tidy up"))


def test_a_project_is_not_due_before_it_starts() -> None:
    given().when(StartProject(name="Portal", starts_on=JUNE, due_on=MAY)).refused("ends_before_it_starts", "dueOn")
    earlier = RescheduleProject(project=PROJECT, due_on=date(2026, 4, 1), reason="Hurry")
    given(STARTED).when(earlier).refused("ends_before_it_starts", "dueOn")


def test_another_person_answers_for_it_from_now_on() -> None:
    own = OwnProject(project=PROJECT, owner=ADA)
    given(STARTED).when(own).then(ProjectOwned(owner=ADA))
    given(STARTED, ProjectOwned(owner=ADA)).when(own).refused("unchanged", "owner")


def test_it_is_rescheduled_with_a_reason_and_its_first_due_day_stays() -> None:
    reschedule = RescheduleProject(project=PROJECT, due_on=JULY, reason="Scope grew")
    moved = ProjectRescheduled(due_on=JULY, reason="Scope grew")
    given(STARTED).when(reschedule).then(moved)
    given(STARTED, moved).when(reschedule).refused("unchanged", "dueOn")
    state = state_after(decider, [STARTED, moved])
    assert (state.first_due_on, state.due_on) == (JUNE, JULY)


@pytest.mark.parametrize(
    "command",
    [
        OwnProject(project=PROJECT, owner=ADA),
        RescheduleProject(project=PROJECT, due_on=JULY, reason="Late"),
        CloseProject(project=PROJECT, reason="Again"),
    ],
)
def test_a_closed_project_stays_as_it_is_until_it_is_reopened(command: object) -> None:
    given(STARTED, CLOSED).when(command).refused("project_closed")  # type: ignore[arg-type]


def test_only_a_closed_project_is_reopened() -> None:
    reopen = ReopenProject(project=PROJECT, reason="A defect")
    given(STARTED).when(reopen).refused("not_closed")
    given(STARTED, CLOSED).when(reopen).then(ProjectReopened(reason="A defect"))
    state = state_after(decider, [STARTED, (after(hours=1), CLOSED), ProjectReopened(reason="A defect")])
    assert state.closed_at is None


# --- remembers --------------------------------------------------------------------------------------------------------


async def test_a_project_is_remembered_with_customer_owner_and_both_due_days(world: World) -> None:
    customer, ada = await world.customer("Crunchy"), await world.person("Ada")
    start = StartProject(name="Portal", customer=customer, owner=ada, due_on=JUNE, reference="PC2")
    await world.record(start, id=PROJECT)
    await world.record(RescheduleProject(project=PROJECT, due_on=JULY, reason="Scope"))
    api = Api(world)
    shown = await api.ask(
        "query ($id: ID!) { project(id: $id) { name reference status dueOn firstDueOn"
        " customer { name } owner { name } } }",
        id=gid("Project", PROJECT),
    )
    assert shown["project"] == {
        "name": "Portal",
        "reference": "PC2",
        "status": "OPEN",
        "dueOn": "2026-07-01",
        "firstDueOn": "2026-06-01",
        "customer": {"name": "Crunchy"},
        "owner": {"name": "Ada"},
    }


async def test_a_project_for_nobody_known_is_not_started(world: World) -> None:
    outcome = await world.ask(StartProject(name="Portal", customer=uuid4()))
    assert isinstance(outcome, Refusal)
    assert (outcome.code, outcome.path) == ("customer_not_found", ("customer",))
    assert await world.facts() == []


async def test_no_time_is_recorded_on_a_closed_project(world: World) -> None:
    ada = await world.person("Ada")
    await world.record(StartProject(name="Portal"), id=PROJECT)
    await world.record(CloseProject(project=PROJECT, reason="Delivered"))
    before = await world.facts()
    work = RecordTime(person=ada, worked_on=world.now().date(), worked=after(hours=1) - after(), project=PROJECT)
    outcome = await world.ask(work)
    assert isinstance(outcome, Refusal)
    assert (outcome.code, outcome.path) == ("project_closed", ("project",))
    assert await world.facts() == before
