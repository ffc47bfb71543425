"""As of a past moment: a ticket as it was, or was known to be, on each of the three axes, with all that it leads to."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from api import Api, Json, gid
from conftest import NOON, World

from pet_graph.events.base import Priority
from pet_graph.events.customers import RegisterCustomer, RenameCustomer
from pet_graph.events.messages import RespondToTicket
from pet_graph.events.people import RegisterPerson
from pet_graph.events.tickets import (
    AnnulTicket,
    AssignTicket,
    HoldTicket,
    OpenTicket,
    PrioritiseTicket,
    ReopenTicket,
    ResolveTicket,
)
from pet_graph.events.timelines import Party

TICKET = """
    query ($id: ID!, $asOf: AsOf) {
        ticket(id: $id, asOf: $asOf) {
            id version status priority respondedAt holdReason customer { name } assignee { name }
            clocks(first: 9, orderBy: {direction: ASC}) {
                totalCount nodes { kind state elapsed remaining dueAt policy { name } ticket { status } }
            }
        }
    }
"""


@pytest.fixture
def api(world: World) -> Api:
    return Api(world)


def at(*clock: int) -> datetime:
    """That time of the day."""
    return NOON.replace(hour=clock[0], minute=clock[1] if clock[1:] else 0)


class Case:
    """A ticket with a past: what was said of 12:30 was recorded at 14:00 only."""

    def __init__(self, api: Api) -> None:
        self.api, self.world, self.positions = api, api.world, {"start": 0}

    async def record(self, name: str, command: Any, hour: int, **how: Any) -> UUID:
        self.world.time[0] = at(hour)
        recorded = await self.world.record(command, **how)
        self.positions[name] = recorded.position
        return recorded.facts[0].id

    async def happen(self) -> None:
        await self.world.policy(response=timedelta(hours=1), resolution=timedelta(hours=8))
        customer = await self.record("registered", RegisterCustomer(name="A"), 11)
        ada = await self.record("known", RegisterPerson(name="Ada"), 11)
        self.ticket = await self.record("opened", OpenTicket(customer=customer, subject="It squeaks"), 12)
        await self.record("assigned", AssignTicket(ticket=self.ticket, assignee=ada), 13)
        answer = RespondToTicket(ticket=self.ticket, person=ada)
        await self.record("answered", answer, 14, occurred_at=at(12, 30))
        await self.record("renamed", RenameCustomer(customer=customer, name="B"), 15)
        held = HoldTicket(ticket=self.ticket, reason="Which one?", waiting_on=Party.CUSTOMER)
        await self.record("held", held, 16)
        await self.record("urgent", PrioritiseTicket(ticket=self.ticket, priority=Priority.URGENT), 17)
        self.world.time[0] = at(20)

    async def seen(self, **moment: Any) -> Json | None:
        """The ticket as of a moment, in short."""
        as_of = {
            name: value.isoformat() if isinstance(value, datetime) else str(value) for name, value in moment.items()
        }
        data = await self.api.ask(TICKET, id=gid("Ticket", self.ticket), asOf=as_of or None)
        ticket: Json | None = data["ticket"]
        return ticket and short(ticket)

    async def on_all_axes(self, name: str, instant: datetime) -> list[Json | None]:
        position = self.positions[name]
        return [
            await self.seen(position=position),
            await self.seen(recordedAt=instant),
            await self.seen(occurredAt=instant),
        ]


def short(ticket: Json) -> Json:
    """What differs from moment to moment; each clock as its state and what it has counted."""
    assert {clock["policy"]["name"] for clock in ticket["clocks"]["nodes"]} == {"Standard"}
    assert {clock["ticket"]["status"] for clock in ticket["clocks"]["nodes"]} == {ticket["status"]}
    assert ticket["clocks"]["totalCount"] == 2
    clocks = {clock["kind"]: f"{clock['state']} {clock['elapsed']}" for clock in ticket["clocks"]["nodes"]}
    return {
        "status": ticket["status"],
        "priority": ticket["priority"],
        "customer": ticket["customer"]["name"],
        "assignee": ticket["assignee"] and ticket["assignee"]["name"],
        "responded": ticket["respondedAt"] and ticket["respondedAt"][11:16],
        **clocks,
    }


OPENED = {
    "status": "OPEN",
    "priority": "NORMAL",
    "customer": "A",
    "assignee": None,
    "responded": None,
    "RESPONSE": "RUNNING PT0S",
    "RESOLUTION": "RUNNING PT0S",
}


# --- the three axes ---------------------------------------------------------------------------------------------------


async def test_before_it_was_opened_there_was_no_ticket(api: Api) -> None:
    case = Case(api)
    await case.happen()
    assert await case.on_all_axes("known", at(11, 59)) == [None, None, None]
    assert await case.on_all_axes("start", at(0)) == [None, None, None]


async def test_where_nothing_is_back_dated_all_axes_agree(api: Api) -> None:
    case = Case(api)
    await case.happen()
    assert await case.on_all_axes("opened", at(12)) == [OPENED, OPENED, OPENED]
    held = {
        **OPENED,
        "status": "ON_HOLD",
        "customer": "B",
        "assignee": "Ada",
        "responded": "12:30",
        "RESPONSE": "MET PT30M",
        "RESOLUTION": "PAUSED PT4H",
    }
    assert await case.on_all_axes("held", at(16)) == [held, held, held]
    urgent = {**held, "priority": "URGENT"}
    assert await case.on_all_axes("urgent", at(20)) == [urgent, urgent, urgent]


async def test_what_was_so_is_not_what_was_known(api: Api) -> None:
    case = Case(api)
    await case.happen()
    half_past = {**OPENED, "RESPONSE": "RUNNING PT45M", "RESOLUTION": "RUNNING PT45M"}
    assert await case.seen(recordedAt=at(12, 45)) == half_past
    assert await case.seen(occurredAt=at(12, 45)) == {**half_past, "responded": "12:30", "RESPONSE": "MET PT30M"}
    assigned = {**OPENED, "assignee": "Ada", "RESPONSE": "RUNNING PT1H", "RESOLUTION": "RUNNING PT1H"}
    known, recorded, so = await case.on_all_axes("assigned", at(13))
    assert known == recorded == assigned
    assert so == {**assigned, "responded": "12:30", "RESPONSE": "MET PT30M"}


async def test_a_moment_to_come_is_the_present(api: Api) -> None:
    case = Case(api)
    await case.happen()
    present = await case.seen()
    assert present is not None
    assert (present["status"], present["priority"], present["customer"]) == ("ON_HOLD", "URGENT", "B")
    assert await case.on_all_axes("urgent", at(23)) == [present, present, present]
    assert await case.seen(position=2**63 - 1) == present


async def test_an_instant_is_the_same_in_every_zone(api: Api) -> None:
    case = Case(api)
    await case.happen()
    data = await api.ask(TICKET, id=gid("Ticket", case.ticket), asOf={"recordedAt": "2026-06-01T14:00:00+02:00"})
    assert short(data["ticket"]) == OPENED


async def test_a_breach_stands_at_its_due_instant_and_is_known_when_recorded(api: Api) -> None:
    await api.world.policy(response=timedelta(hours=1), resolution=timedelta(hours=8))
    customer = await api.world.customer()
    ticket = (await api.world.record(OpenTicket(customer=customer, subject="It squeaks"))).facts[0].id
    api.world.pass_time(hours=3)
    await api.world.record(AnnulTicket(ticket=ticket, reason="Another firm's."))

    async def state(**as_of: str) -> str:
        data = await api.ask(TICKET, id=gid("Ticket", ticket), asOf=as_of)
        found: str = next(clock["state"] for clock in data["ticket"]["clocks"]["nodes"] if clock["kind"] == "RESPONSE")
        return found

    assert await state(occurredAt=at(12, 59).isoformat()) == "RUNNING"
    assert await state(occurredAt=at(13).isoformat()) == "BREACHED"
    assert await state(recordedAt=at(14).isoformat()) == "RUNNING"
    assert await state(recordedAt=at(15).isoformat()) == "BREACHED"


# --- what it leads to -------------------------------------------------------------------------------------------------


async def test_what_a_back_dated_ticket_names_is_as_it_first_was(api: Api) -> None:
    world = api.world
    await world.policy(resolution=timedelta(hours=8))
    customer, ada = await world.customer("A"), await world.person("Ada")
    past = NOON - timedelta(days=2)
    ticket = (await world.record(OpenTicket(customer=customer, subject="Old"), occurred_at=past)).facts[0].id
    await world.record(AssignTicket(ticket=ticket, assignee=ada), occurred_at=past)
    await world.record(RenameCustomer(customer=customer, name="B"))
    as_of = {"occurredAt": (NOON - timedelta(days=1)).isoformat()}
    found = (await api.ask(TICKET, id=gid("Ticket", ticket), asOf=as_of))["ticket"]
    assert (found["customer"], found["assignee"]) == ({"name": "A"}, {"name": "Ada"})
    assert [clock["policy"] for clock in found["clocks"]["nodes"]] == [{"name": "Standard"}]
    own = "query ($id: ID!, $asOf: AsOf) { ticket(id: $id, asOf: $asOf) { customer { slaPolicy { name } } } }"
    assert await api.ask(own, id=gid("Ticket", ticket), asOf=as_of) == {"ticket": {"customer": {"slaPolicy": None}}}


async def test_the_clocks_of_a_past_moment_are_a_list_answered_whole(api: Api) -> None:
    case = Case(api)
    await case.happen()
    await case.record("resolved", ResolveTicket(ticket=case.ticket, resolution="Oil."), 21)
    await case.record("reopened", ReopenTicket(ticket=case.ticket, reason="It squeaks again."), 22)
    shape = "query ($id: ID!, $asOf: AsOf) { ticket(id: $id, asOf: $asOf) { %s } }"
    clocks = "clocks(%s) { totalCount pageInfo { hasNextPage hasPreviousPage } nodes { kind cycle } }"
    variables = {"id": gid("Ticket", case.ticket), "asOf": {"position": str(case.positions["reopened"])}}
    whole = (await api.ask(shape % (clocks % "first: 3"), **variables))["ticket"]["clocks"]
    nodes = whole["nodes"]
    assert nodes[0] == {"kind": "RESOLUTION", "cycle": 2}
    assert {(node["kind"], node["cycle"]) for node in nodes[1:]} == {("RESOLUTION", 1), ("RESPONSE", 1)}
    for asked, left, ahead in (
        ("first: 1", nodes[:1], True),
        ("last: 1", nodes[2:], False),
        ("last: 2", nodes[1:], False),
    ):
        part = (await api.ask(shape % (clocks % asked), **variables))["ticket"]["clocks"]
        assert (part["nodes"], part["totalCount"]) == (left, 3)
        assert part["pageInfo"] == {"hasNextPage": ahead, "hasPreviousPage": not ahead}
    short_list = "The list of a past state is short and answered whole: leave filter, after and before out."
    single = "A past state leads to single things only: ask for this list at the present."
    for selection, sentence in (
        (clocks % 'first: 1, after: "x"', short_list),
        (clocks % "first: 1, filter: {kind: RESPONSE}", short_list),
        (clocks % "first: 0", "`first` is 0; from 1 to 100 fit."),
        ("customer { tickets(first: 1) { nodes { id } } }", single),
        ("assignee { name } customer { slaPolicy { customer { tickets(first: 1) { totalCount } } } }", None),
    ):
        response = await api.execute(shape % selection, **variables)
        errors = [(error["extensions"]["code"], error["message"]) for error in response.get("errors", ())]
        assert errors == ([("BAD_USER_INPUT", sentence)] if sentence else []), selection


async def test_a_moment_is_said_on_one_axis(api: Api) -> None:
    id_ = gid("Ticket", uuid4())
    two = {"position": "1", "recordedAt": NOON.isoformat()}
    for wrong in ({}, two, {"position": None}, {"occurredAt": "2026-06-01T12:00:00"}, {"position": 1}):
        code, _ = await api.wrong(TICKET, id=id_, asOf=wrong)
        assert code == "BAD_USER_INPUT", wrong
    assert await api.ask(TICKET, id=id_, asOf={"position": "0"}) == {"ticket": None}
