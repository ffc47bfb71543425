"""Approval limits: up to which total one pair of eyes is enough, by currency."""

from __future__ import annotations

import msgspec
import pytest
from api import Api
from conftest import NOON, World
from given import given
from sold import GO_LIVE, by, drafted, eur, newest, offer

from pet_graph.decisions import Recorded, Refusal
from pet_graph.events.approval_limits import AdoptApprovalLimit, ApprovalLimitAdopted, limit_of
from pet_graph.events.base import Money
from pet_graph.events.quotes import ApproveQuote, ReviseQuote, SubmitQuote


def adopt(amount: str) -> AdoptApprovalLimit:
    return AdoptApprovalLimit(limit=eur(amount))


def test_a_limit_is_adopted_and_adopted_anew() -> None:
    adopted = ApprovalLimitAdopted(limit=eur("1000"))
    given().when(adopt("1000")).then(adopted)
    given(adopted).when(adopt("2000")).then(ApprovalLimitAdopted(limit=eur("2000")))
    given(adopted).when(adopt("1000")).refused("unchanged", "limit")


async def test_each_currency_has_a_limit_of_its_own(world: World) -> None:
    await world.record(adopt("1000"))
    await world.record(AdoptApprovalLimit(limit=Money(5, "CHF")))
    await world.record(adopt("2000"))
    rows = {row["currency"]: row for row in await world.rows("approval_limits")}
    assert rows["EUR"] == {
        "id": limit_of("EUR"),
        "currency": "EUR",
        "amount_micros": 2_000_000_000,
        "adopted_at": NOON,
        "version": 2,
        "position": 3,
    }
    assert rows["CHF"]["version"] == 1


async def test_a_limit_is_shown(world: World) -> None:
    answer = await Api(world).command(
        "adoptApprovalLimit", "... on ApprovalLimitRecorded { approvalLimit { limit version } }", limit="1000 EUR"
    )
    assert answer["approvalLimit"] == {"limit": "1000.00 EUR", "version": 1}


async def submitted(world: World) -> ApproveQuote:
    """What approves a quote of at most 9,369.48 EUR that the tester wrote and submitted."""
    quote = await drafted(world)
    await world.record(SubmitQuote(quote=quote))
    return ApproveQuote(quote=quote, digest=(await newest(world, quote))["digest"])


@pytest.mark.parametrize("limit", [None, "0", "9369.479999"])
async def test_above_the_limit_nobody_approves_their_own(world: World, limit: str | None) -> None:
    if limit:
        await world.record(adopt(limit))
    command = await submitted(world)
    before = await world.facts()
    refused = await world.ask(command)
    assert isinstance(refused, Refusal)
    assert refused.code == "four_eyes"
    assert await world.facts() == before
    await by("grace", world, command)


async def test_up_to_the_limit_one_pair_of_eyes_is_enough(world: World) -> None:
    await world.record(adopt("9369.48"))
    assert isinstance(await world.ask(await submitted(world)), Recorded)


async def test_who_submits_what_another_wrote_does_not_approve_it_either(world: World) -> None:
    quote = await drafted(world)
    await by("grace", world, SubmitQuote(quote=quote))
    command = ApproveQuote(quote=quote, digest=(await newest(world, quote))["digest"])
    asked = msgspec.structs.replace(world.asked(command), actor="grace")
    outcome = await world.turns.record(asked)
    assert isinstance(outcome, Refusal)
    assert outcome.code == "four_eyes"
    await by("hedy", world, command)


async def test_who_wrote_only_an_earlier_version_may_approve_the_next(world: World) -> None:
    quote = await drafted(world)
    await by("grace", world, ReviseQuote(quote=quote, offer=offer(GO_LIVE)))
    await by("grace", world, SubmitQuote(quote=quote))
    await world.record(ApproveQuote(quote=quote, digest=(await newest(world, quote))["digest"]))
