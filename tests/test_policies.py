"""SLA policies: adopted, adopted anew, retired, and remembered. What they do to tickets stands in test_slas."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from conftest import NOON, World
from given import after, given, state_after

from pet_graph.decisions import Refusal
from pet_graph.events import policies
from pet_graph.events.base import Priority
from pet_graph.events.policies import (
    DEFAULT,
    LONGEST,
    AdoptSlaPolicy,
    RetireSlaPolicy,
    SlaPolicyAdopted,
    SlaPolicyRetired,
    SlaTarget,
)

HOUR = timedelta(hours=1)
NORMAL = SlaTarget(Priority.NORMAL, response=HOUR, resolution=4 * HOUR)
URGENT = SlaTarget(Priority.URGENT, response=HOUR / 2)
STANDARD = SlaPolicyAdopted(name="Standard", targets=(NORMAL, URGENT), warn_at_percent=(75,))

SPANS = ("response_us", "next_response_us", "update_us", "resolution_us")
NOTHING = {"service": None, "kind": None, "others": [], **dict.fromkeys(SPANS)}
MODES = {"open_clocks": "keep", "on_priority": "carry_elapsed", "on_calendar": "carry_elapsed", "calendar_id": None}


def adopt(*targets: SlaTarget, **fields: Any) -> AdoptSlaPolicy:
    return AdoptSlaPolicy(name="Standard", targets=targets, **fields)


# --- decides ----------------------------------------------------------------------------------------------------------


def test_a_policy_is_adopted_and_warns_at_75_percent_unless_told_otherwise() -> None:
    given().when(adopt(NORMAL, URGENT)).then(STANDARD)


def test_each_warning_is_kept_once_and_in_order() -> None:
    warned = SlaPolicyAdopted(name="Standard", targets=(NORMAL,), warn_at_percent=(1, 50, 99))
    given().when(adopt(NORMAL, warn_at_percent=(99, 50, 1, 50))).then(warned)


def test_a_policy_may_warn_of_nothing() -> None:
    given().when(adopt(NORMAL, warn_at_percent=())).then(SlaPolicyAdopted(name="Standard", targets=(NORMAL,)))


def test_a_policy_is_adopted_over_another_and_again_after_it_was_retired() -> None:
    given(STANDARD).when(adopt(NORMAL, URGENT)).then(STANDARD)
    given(STANDARD, SlaPolicyRetired()).when(adopt(NORMAL, URGENT)).then(STANDARD)


@pytest.mark.parametrize("percent", [-1, 0, 100, 101])
def test_a_warning_comes_before_the_end_and_after_the_start(percent: int) -> None:
    given().when(adopt(NORMAL, warn_at_percent=(50, percent))).refused("not_a_percentage", "warnAtPercent")


def test_a_priority_has_one_target() -> None:
    given().when(adopt(NORMAL, URGENT, SlaTarget(Priority.NORMAL, response=HOUR))).refused(
        "priority_repeated", "targets"
    )


def test_a_target_promises_something() -> None:
    given().when(adopt(NORMAL, SlaTarget(Priority.LOW))).refused("nothing_promised", "targets", "1")


@pytest.mark.parametrize("span", [timedelta(), LONGEST + timedelta(microseconds=1)])
@pytest.mark.parametrize("kind", ["response", "resolution"])
def test_a_target_is_longer_than_nothing_and_at_most_a_leap_year(kind: str, span: timedelta) -> None:
    given().when(adopt(SlaTarget(Priority.LOW, **{kind: span}))).refused("span_out_of_range", "targets", "0")


@pytest.mark.parametrize("span", [timedelta(microseconds=1), LONGEST])
def test_a_target_may_be_as_short_as_a_microsecond_and_as_long_as_a_leap_year(span: timedelta) -> None:
    given().when(adopt(SlaTarget(Priority.LOW, resolution=span), warn_at_percent=())).then(
        SlaPolicyAdopted(name="Standard", targets=(SlaTarget(Priority.LOW, resolution=span),))
    )


def test_a_policy_in_force_is_retired_once() -> None:
    given(STANDARD).when(RetireSlaPolicy()).then(SlaPolicyRetired())
    given(STANDARD, SlaPolicyRetired()).when(RetireSlaPolicy()).refused("not_in_force")


def test_a_policy_that_never_was_is_not_retired() -> None:
    given().when(RetireSlaPolicy()).refused("not_in_force")


def test_each_adoption_is_a_version_and_a_retirement_is_none() -> None:
    state = state_after(
        policies.decider, [STANDARD, SlaPolicyRetired(), STANDARD, (after(hours=1), SlaPolicyRetired())]
    )
    assert (state.newest.version, state.in_force, state.versions[-1].valid_from) == (2, False, after(hours=1))


# --- remembers --------------------------------------------------------------------------------------------------------


async def test_the_firms_own_policy_is_remembered_under_an_id_of_its_own(world: World) -> None:
    await world.record(adopt(NORMAL, URGENT))
    [row] = await world.rows("policies")
    assert json.loads(row.pop("targets")) == [
        {**NOTHING, "priority": "normal", "response_us": 3_600_000_000, "resolution_us": 14_400_000_000},
        {**NOTHING, "priority": "urgent", "response_us": 1_800_000_000},
    ]
    assert json.loads(row.pop("warn_at_percent")) == [75]
    assert row == {
        "id": DEFAULT,
        "name": "Standard",
        "customer_id": None,
        "policy_version": 1,
        "valid_from": NOON,
        **MODES,
        "adopted_at": NOON,
        "retired_at": None,
        "version": 1,
        "position": 1,
    }


async def test_a_customers_policy_is_remembered_under_the_customers_id_in_its_newest_version(world: World) -> None:
    customer = await world.customer()
    await world.record(adopt(NORMAL, customer=customer))
    world.pass_time(days=1)
    await world.record(adopt(URGENT, customer=customer, warn_at_percent=(50, 90)))
    [row] = await world.rows("policies")
    assert json.loads(row.pop("targets")) == [{**NOTHING, "priority": "urgent", "response_us": 1_800_000_000}]
    assert json.loads(row.pop("warn_at_percent")) == [50, 90]
    assert row == {
        "id": customer,
        "name": "Standard",
        "customer_id": customer,
        "policy_version": 2,
        "valid_from": after(days=1),
        **MODES,
        "adopted_at": after(days=1),
        "retired_at": None,
        "version": 2,
        "position": 3,
    }


async def test_a_retired_policy_stays_visible_until_it_is_adopted_anew(world: World) -> None:
    await world.record(adopt(NORMAL))
    world.pass_time(days=1)
    await world.record(RetireSlaPolicy())
    [row] = await world.rows("policies")
    assert (row["retired_at"], row["policy_version"], row["version"]) == (after(days=1), 1, 2)
    await world.record(adopt(NORMAL))
    [row] = await world.rows("policies")
    assert (row["retired_at"], row["policy_version"], row["version"]) == (None, 2, 3)


async def test_there_is_no_policy_for_a_customer_that_never_was(world: World) -> None:
    outcome = await world.ask(adopt(NORMAL, customer=uuid4()))
    assert isinstance(outcome, Refusal)
    assert (outcome.code, outcome.path) == ("customer_not_found", ("customer",))
    assert await world.facts() == []


@pytest.mark.parametrize("roles", [("support",), ("sales", "engineer"), ()])
async def test_only_managers_promise(world: World, roles: tuple[str, ...]) -> None:
    outcome = await world.ask(adopt(NORMAL), roles=roles)
    assert isinstance(outcome, Refusal)
    assert outcome.code == "not_permitted"
    assert await world.facts() == []


async def test_a_policy_is_not_retired_twice(world: World) -> None:
    await world.record(adopt(NORMAL))
    await world.record(RetireSlaPolicy())
    before = await world.facts()
    outcome = await world.ask(RetireSlaPolicy())
    assert isinstance(outcome, Refusal)
    assert outcome.code == "not_in_force"
    assert await world.facts() == before


def test_the_firms_own_policy_is_no_customers() -> None:
    assert UUID(int=0) == DEFAULT
