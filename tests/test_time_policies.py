"""The firm's time policy: adopted, version by version."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from api import Api
from conftest import World
from given import given

from pet_graph.events.base import BurnRule
from pet_graph.events.time_policies import (
    AdoptTimePolicy,
    Overrun,
    Severity,
    TimePolicyAdopted,
)

HOUR = timedelta(hours=1)


def test_a_policy_says_how_strict_it_is_and_where_to_look_for_promises() -> None:
    given().when(AdoptTimePolicy(name="Strict")).then(
        TimePolicyAdopted(
            name="Strict",
            daily_cap=16 * HOUR,
            above_cap=Severity.REFUSE,
            overlap=Severity.REFUSE,
            late=Severity.WARN,
            late_after_days=7,
            burn=(BurnRule.NAMED, BurnRule.TASK, BurnRule.PROJECT),
            overrun=Overrun.NON_BILLABLE,
        )
    )


@pytest.mark.parametrize("cap", [timedelta(), 25 * HOUR])
def test_a_day_has_24_hours(cap: timedelta) -> None:
    given().when(AdoptTimePolicy(name="Odd", daily_cap=cap)).refused("span_out_of_range", "dailyCap")


def test_each_place_to_look_is_named_once() -> None:
    twice = AdoptTimePolicy(name="Odd", burn=(BurnRule.TASK, BurnRule.TASK))
    given().when(twice).refused("rule_repeated", "burn")


async def test_the_next_version_takes_the_place_of_the_one_before(world: World) -> None:
    api = Api(world)
    assert await api.ask("{ timePolicy { name } }") == {"timePolicy": None}
    await world.record(AdoptTimePolicy(name="Strict"))
    await world.record(AdoptTimePolicy(name="Loose", above_cap=Severity.ALLOW, burn=(BurnRule.NAMED,)))
    shown = await api.ask("{ timePolicy { name policyVersion dailyCap aboveCap burn overrun } }")
    assert shown["timePolicy"] == {
        "name": "Loose",
        "policyVersion": 2,
        "dailyCap": "PT16H",
        "aboveCap": "ALLOW",
        "burn": ["NAMED"],
        "overrun": "NON_BILLABLE",
    }
    assert [row["id"] for row in await world.rows("time_policies")] == [UUID(int=0)]
