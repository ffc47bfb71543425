"""Tasks: planned, estimated again and again, done by somebody, finished, resumed or abandoned."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from conftest import World
from given import after, given, state_after

from pet_graph.decisions import Refusal
from pet_graph.events.base import Command
from pet_graph.events.projects import StartProject
from pet_graph.events.tasks import (
    AbandonTask,
    DelegateTask,
    EstimateTask,
    FinishTask,
    PlanTask,
    ResumeTask,
    TaskAbandoned,
    TaskDelegated,
    TaskEstimated,
    TaskFinished,
    TaskPlanned,
    TaskResumed,
    decider,
)

TASK, PROJECT, ADA = UUID(int=1), UUID(int=2), UUID(int=3)
HOUR = timedelta(hours=1)
PLANNED = TaskPlanned(project=PROJECT, name="Mend it", estimate=8 * HOUR)
ESTIMATE = EstimateTask(task=TASK, estimate=12 * HOUR, reason="It is rotten inside")
ESTIMATED = TaskEstimated(estimate=12 * HOUR, reason="It is rotten inside")

# --- decides ----------------------------------------------------------------------------------------------------------


def test_a_task_may_wait_for_its_estimate() -> None:
    given().when(PlanTask(project=PROJECT, name="Mend it")).then(TaskPlanned(project=PROJECT, name="Mend it"))


@pytest.mark.parametrize("estimate", [timedelta(), timedelta(hours=100_001)])
def test_an_estimate_is_more_than_nothing_and_less_than_a_life(estimate: timedelta) -> None:
    given().when(PlanTask(project=PROJECT, name="Mend it", estimate=estimate)).refused(
        "estimate_out_of_range", "estimate"
    )
    command = EstimateTask(task=TASK, estimate=estimate, reason="So")
    given(PLANNED).when(command).refused("estimate_out_of_range", "estimate")


def test_every_estimate_is_a_fact_and_the_first_one_stays() -> None:
    given(PLANNED).when(ESTIMATE).then(ESTIMATED)
    given(PLANNED, ESTIMATED).when(ESTIMATE).refused("unchanged", "estimate")
    state = state_after(decider, [PLANNED, ESTIMATED])
    assert (state.first_estimate, state.estimate, state.estimates) == (8 * HOUR, 12 * HOUR, 2)


def test_a_task_that_was_planned_without_one_gets_its_first_estimate_later() -> None:
    state = state_after(decider, [TaskPlanned(project=PROJECT, name="Mend it"), ESTIMATED])
    assert (state.first_estimate, state.estimate, state.estimates) == (12 * HOUR, 12 * HOUR, 1)


def test_a_person_does_it_until_another_one_does() -> None:
    delegate = DelegateTask(task=TASK, assignee=ADA)
    given(PLANNED).when(delegate).then(TaskDelegated(assignee=ADA))
    given(PLANNED, TaskDelegated(assignee=ADA)).when(delegate).refused("unchanged", "assignee")


@pytest.mark.parametrize("ended", [TaskFinished(), TaskAbandoned(reason="No need")])
@pytest.mark.parametrize(
    "command",
    [ESTIMATE, DelegateTask(task=TASK, assignee=ADA), FinishTask(task=TASK), AbandonTask(task=TASK, reason="Moot")],
)
def test_what_has_ended_stays_as_it_is_until_it_is_resumed(
    ended: TaskFinished | TaskAbandoned, command: Command
) -> None:
    given(PLANNED, ended).when(command).refused("task_ended")
    given(PLANNED, ended).when(ResumeTask(task=TASK, reason="More")).then(TaskResumed(reason="More"))


def test_an_open_task_is_finished_or_abandoned_and_not_resumed() -> None:
    given(PLANNED).when(FinishTask(task=TASK)).then(TaskFinished())
    given(PLANNED).when(AbandonTask(task=TASK, reason="Moot")).then(TaskAbandoned(reason="Moot"))
    given(PLANNED).when(ResumeTask(task=TASK, reason="More")).refused("not_ended")


# --- remembers --------------------------------------------------------------------------------------------------------


async def test_a_task_is_remembered_with_its_first_and_its_present_estimate(world: World) -> None:
    await world.record(StartProject(name="Portal"), id=PROJECT)
    await world.record(PlanTask(project=PROJECT, name="Mend it", estimate=8 * HOUR, kind="Bug"), id=TASK)
    await world.record(ESTIMATE)
    world.time[0] = after(hours=3)
    await world.record(FinishTask(task=TASK))
    [row] = await world.rows("tasks")
    assert (row["project_id"], row["kind"], row["status"]) == (PROJECT, "Bug", "finished")
    assert (row["first_estimate_us"], row["estimate_us"], row["estimates"]) == (28_800_000_000, 43_200_000_000, 2)
    assert row["ended_at"] == after(hours=3)


async def test_a_task_belongs_to_a_project_that_there_is(world: World) -> None:
    outcome = await world.ask(PlanTask(project=uuid4(), name="Mend it"))
    assert isinstance(outcome, Refusal)
    assert (outcome.code, outcome.path) == ("project_not_found", ("project",))
    assert await world.facts() == []
