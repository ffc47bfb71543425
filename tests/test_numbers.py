"""Numbers: given without a gap, in the turn of what they are for."""

from __future__ import annotations

from uuid import UUID

import pytest
from conftest import World
from given import given
from sold import drafted, offer

from pet_graph.decisions import Refusal
from pet_graph.events.numbers import QUOTES, IssueNumber, NumberIssued
from pet_graph.events.quotes import DraftQuote, NumberQuote

HOLDER = UUID(int=7)
ISSUE = IssueNumber(series=QUOTES, holder=HOLDER)


def test_the_first_number_is_one_and_each_next_is_one_more() -> None:
    first = NumberIssued(number=1, holder=HOLDER)
    given().when(ISSUE).then(first)
    given(first).when(ISSUE).then(NumberIssued(number=2, holder=HOLDER))


async def test_what_is_refused_or_rehearsed_takes_no_number(world: World) -> None:
    customer = await world.customer()
    await world.ask(DraftQuote(customer=customer, offer=offer(currency="XAU")))
    await world.ask(DraftQuote(customer=HOLDER, offer=offer()))
    outcome = await world.ask(DraftQuote(customer=customer, offer=offer(valid_until=world.now().date())), dry_run=True)
    assert [await drafted(world, name=name) for name in "AB"]
    assert [row["number"] for row in sorted(await world.rows("quotes"), key=lambda row: row["sequence"])] == [
        "Q-0001",
        "Q-0002",
    ], outcome


@pytest.mark.parametrize("command", [ISSUE, NumberQuote(quote=HOLDER, number=9)])
async def test_nobody_asks_for_a_number(world: World, command: IssueNumber) -> None:
    outcome = await world.ask(command)
    assert isinstance(outcome, Refusal)
    assert outcome.code == "not_permitted"
    assert await world.facts() == []
