"""Messages: what arrives changes nothing of where a ticket stands, and clocks look at some of it only."""

from __future__ import annotations

import pytest
from conftest import World
from desk import NEXT_RESPONSE, TICKET, a_desk
from given import after

from pet_graph.decisions import Recorded, Refusal
from pet_graph.events.base import Command, Priority
from pet_graph.events.messages import (
    AnnotateTicket,
    MessageEvent,
    ReceiveTicketMessage,
    RespondToTicket,
    TicketAnnotated,
    TicketMessageReceived,
    TicketResponded,
)
from pet_graph.events.policies import SlaTarget
from pet_graph.events.tickets import TRIGGERS, AnnulTicket, OpenTicket, ResolveTicket, TicketEvent
from pet_graph.events.timelines import Trigger

WRITE = ReceiveTicketMessage(ticket=TICKET, message="Well?", sender="Ada <ada@example.com>")
NOTE = AnnotateTicket(ticket=TICKET, note="He is cross")
CLASSIFIED = {
    TicketMessageReceived: Trigger.CUSTOMER_WROTE,
    TicketResponded: Trigger.RESPONDED,
    TicketAnnotated: None,
}


@pytest.mark.parametrize("event", MessageEvent.__args__)
def test_every_message_is_classified(event: type) -> None:
    assert TRIGGERS.get(event) == CLASSIFIED[event]


def test_all_that_clocks_look_at_has_a_trigger_of_its_own() -> None:
    assert set(TRIGGERS) <= set(TicketEvent.__args__)
    assert sorted(TRIGGERS.values()) == sorted(Trigger)


def test_a_note_is_no_answer_and_nothing_that_waits_for_one() -> None:
    desk = a_desk(SlaTarget(Priority.NORMAL, response=after(hours=1) - after(), next_response=after(hours=1) - after()))
    for minutes in (5, 10):
        assert [fact.type for fact in desk.ask(NOTE, at=after(minutes=minutes))] == ["TicketAnnotated"]
    assert [clock.running for clock in desk.look("sla", TICKET).clocks] == [True]
    desk.ask(RespondToTicket(ticket=TICKET), at=after(minutes=20))
    assert [fact.type for fact in desk.ask(NOTE, at=after(minutes=30))] == ["TicketAnnotated"]
    assert NEXT_RESPONSE not in [clock.kind for clock in desk.look("sla", TICKET).clocks]


@pytest.mark.parametrize(
    "past",
    [(), (ResolveTicket(ticket=TICKET, resolution="Oiled"),), (AnnulTicket(ticket=TICKET, reason="It was the door"),)],
)
async def test_what_arrives_leaves_a_ticket_where_it_stands(world: World, past: tuple[Command, ...]) -> None:
    await world.record(OpenTicket(customer=await world.customer(), subject="It squeaks"), id=TICKET)
    for command in past:
        await world.record(command)
    [before] = await world.rows("tickets")
    await world.record(WRITE)
    await world.record(NOTE)
    [row] = await world.rows("tickets")
    told = {"messages", "version", "position"}
    assert {name: row[name] for name in row.keys() - told} == {name: before[name] for name in before.keys() - told}
    assert (row["messages"], row["version"]) == (1, before["version"] + 2)


async def test_an_outside_system_may_report_what_a_customer_wrote_and_answer_nothing(world: World) -> None:
    await world.record(OpenTicket(customer=await world.customer(), subject="It squeaks"), id=TICKET)
    reported = await world.ask(WRITE, roles=("integration",), origin="external:mailbox")
    assert isinstance(reported, Recorded)
    assert reported.facts[0].origin == "external:mailbox"
    before = await world.facts()
    for command in (RespondToTicket(ticket=TICKET), NOTE):
        outcome = await world.ask(command, roles=("integration",), origin="external:mailbox")
        assert isinstance(outcome, Refusal)
        assert outcome.code == "not_permitted"
    assert await world.facts() == before
