"""Tickets: what may be asked of one, wherever it stands, and what is remembered of it."""

from __future__ import annotations

from itertools import product
from typing import Any
from uuid import UUID, uuid4

import pytest
from conftest import NOON, World
from given import Past, after, given, state_after

from pet_graph.decisions import Refusal
from pet_graph.events import tickets
from pet_graph.events.base import Command, Event, Priority, Refused
from pet_graph.events.checks import check
from pet_graph.events.messages import (
    AnnotateTicket,
    ReceiveTicketMessage,
    RespondToTicket,
    TicketAnnotated,
    TicketMessageReceived,
    TicketResponded,
)
from pet_graph.events.tickets import (
    AnnulTicket,
    AssignTicket,
    CloseTicket,
    HoldTicket,
    MergeTicket,
    OpenTicket,
    PrioritiseTicket,
    ReopenTicket,
    ResolveTicket,
    ResumeTicket,
    TicketAnnulled,
    TicketAssigned,
    TicketClosed,
    TicketHeld,
    TicketMerged,
    TicketOpened,
    TicketPrioritised,
    TicketReopened,
    TicketResolved,
    TicketResumed,
    TicketStatus,
)
from pet_graph.events.timelines import Party

TICKET, CUSTOMER, ADA, BOB = (UUID(int=number) for number in range(1, 5))

OPENED = TicketOpened(customer=CUSTOMER, subject="The armchair squeaks", priority=Priority.NORMAL)
ASSIGNED = TicketAssigned(assignee=ADA)
PRIORITISED = TicketPrioritised(priority=Priority.URGENT)
RESPONDED = TicketResponded(person=ADA, message="Which leg?")
WROTE = TicketMessageReceived(message="Well?")
NOTED = TicketAnnotated(note="He is cross")
HELD = TicketHeld(reason="Which leg?", waiting_on=Party.CUSTOMER)
MOVED = TicketHeld(reason="Oil is out of stock", waiting_on=Party.SUPPLIER)
RESUMED = TicketResumed()
RESOLVED = TicketResolved(resolution="Oiled")
REOPENED = TicketReopened(reason="It squeaks again")
CLOSED = TicketClosed()
ANNULLED = TicketAnnulled(reason="It was the door")
MERGED = TicketMerged(into=BOB, reason="The same chair")

PASTS: dict[TicketStatus, tuple[Past, ...]] = {
    TicketStatus.OPEN: (OPENED,),
    TicketStatus.ON_HOLD: (OPENED, HELD),
    TicketStatus.RESOLVED: (OPENED, RESOLVED),
    TicketStatus.CLOSED: (OPENED, RESOLVED, CLOSED),
    TicketStatus.ANNULLED: (OPENED, ANNULLED),
    TicketStatus.MERGED: (OPENED, MERGED),
}

# What a command leads to where a ticket is open, on hold, resolved, closed, annulled, merged: an event or a refusal.
NOT_OPEN = ("not_open",) * 4
TABLE: list[tuple[Command, tuple[Event | str, ...]]] = [
    (AssignTicket(ticket=TICKET, assignee=ADA), (ASSIGNED, ASSIGNED, *NOT_OPEN)),
    (PrioritiseTicket(ticket=TICKET, priority=Priority.URGENT), (PRIORITISED, PRIORITISED, *NOT_OPEN)),
    (PrioritiseTicket(ticket=TICKET, priority=Priority.NORMAL), ("unchanged", "unchanged", *NOT_OPEN)),
    (RespondToTicket(ticket=TICKET, person=ADA, message="Which leg?"), (RESPONDED, RESPONDED, *NOT_OPEN)),
    (HoldTicket(ticket=TICKET, reason=HELD.reason, waiting_on=Party.CUSTOMER), (HELD, "already_on_hold", *NOT_OPEN)),
    (HoldTicket(ticket=TICKET, reason=MOVED.reason, waiting_on=Party.SUPPLIER), (MOVED, MOVED, *NOT_OPEN)),
    (ResumeTicket(ticket=TICKET), ("not_on_hold", RESUMED, *["not_on_hold"] * 4)),
    (ResolveTicket(ticket=TICKET, resolution="Oiled"), (RESOLVED, RESOLVED, *NOT_OPEN)),
    (
        ReopenTicket(ticket=TICKET, reason=REOPENED.reason),
        ("not_resolved", "not_resolved", REOPENED, REOPENED, "not_resolved", "not_resolved"),
    ),
    (CloseTicket(ticket=TICKET), ("not_resolved", "not_resolved", CLOSED, *["not_resolved"] * 3)),
    (
        AnnulTicket(ticket=TICKET, reason=ANNULLED.reason),
        (ANNULLED, ANNULLED, ANNULLED, ANNULLED, "already_annulled", ANNULLED),
    ),
    (MergeTicket(ticket=TICKET, into=BOB, reason=MERGED.reason), (MERGED, MERGED, *NOT_OPEN)),
    (MergeTicket(ticket=TICKET, into=TICKET, reason=MERGED.reason), ("same_ticket", "same_ticket", *NOT_OPEN)),
    (ReceiveTicketMessage(ticket=TICKET, message="Well?"), (WROTE,) * 6),
    (AnnotateTicket(ticket=TICKET, note="He is cross"), (NOTED,) * 6),
]

STATUS_AFTER: dict[type[Event], TicketStatus] = {
    TicketOpened: TicketStatus.OPEN,
    TicketHeld: TicketStatus.ON_HOLD,
    TicketResumed: TicketStatus.OPEN,
    TicketResolved: TicketStatus.RESOLVED,
    TicketReopened: TicketStatus.OPEN,
    TicketClosed: TicketStatus.CLOSED,
    TicketAnnulled: TicketStatus.ANNULLED,
    TicketMerged: TicketStatus.MERGED,
}
"""Where a ticket stands after an event; any other leaves it where it is."""

CELLS = [(status, command, cell) for command, cells in TABLE for status, cell in zip(PASTS, cells, strict=True)]

# --- decides ----------------------------------------------------------------------------------------------------------


def test_the_table_covers_every_status_and_every_command() -> None:
    asked = {type(command) for command, _ in TABLE}
    assert {(status, type(command)) for status, command, _ in CELLS} == set(product(TicketStatus, asked))
    assert {*asked, OpenTicket} == set(tickets.decider.commands)


@pytest.mark.parametrize("status", TicketStatus)
def test_every_status_is_reached_by_its_past(status: TicketStatus) -> None:
    assert state_after(tickets.decider, PASTS[status]).status is status


@pytest.mark.parametrize(
    ("status", "command", "cell"), CELLS, ids=lambda part: str(part) if isinstance(part, str) else type(part).__name__
)
def test_what_a_ticket_answers(status: TicketStatus, command: Command, cell: Event | str) -> None:
    answer = given(*PASTS[status]).when(command)
    if isinstance(cell, str):
        assert answer.refusal is not None, answer.events
        assert answer.refusal.code == cell
    else:
        answer.then(cell)
        state = state_after(tickets.decider, [*PASTS[status], cell])
        assert state.status is STATUS_AFTER.get(type(cell), status)


def test_a_ticket_is_opened_as_it_was_asked_for() -> None:
    command = OpenTicket(
        customer=CUSTOMER, subject="It squeaks", priority=Priority.HIGH, description="The left one.", reference="T-1"
    )
    given().when(command).then(
        TicketOpened(
            customer=CUSTOMER,
            subject="It squeaks",
            priority=Priority.HIGH,
            description="The left one.",
            reference="T-1",
        )
    )


def test_a_ticket_is_assigned_to_somebody_else_but_not_to_the_same_person_again() -> None:
    past = given(OPENED, ASSIGNED)
    past.when(AssignTicket(ticket=TICKET, assignee=BOB)).then(TicketAssigned(assignee=BOB))
    past.when(AssignTicket(ticket=TICKET, assignee=ADA)).refused("already_assigned", "assignee")


def test_a_priority_that_holds_already_is_refused_by_the_name_of_the_field() -> None:
    given(OPENED, PRIORITISED).when(PrioritiseTicket(ticket=TICKET, priority=Priority.URGENT)).refused(
        "unchanged", "priority"
    )


def test_a_hold_moves_to_another_party_and_back() -> None:
    hold = HoldTicket(ticket=TICKET, reason=HELD.reason, waiting_on=Party.CUSTOMER)
    given(OPENED, HELD).when(hold).refused("already_on_hold", "waitingOn")
    given(OPENED, HELD, MOVED).when(hold).then(HELD)


def test_a_customer_may_get_any_number_of_answers() -> None:
    given(OPENED, RESPONDED, RESPONDED).when(RespondToTicket(ticket=TICKET)).then(TicketResponded())


def test_only_what_can_be_reopened_is_said_to_be() -> None:
    sentences = [
        str(given(*PASTS[status]).when(ResolveTicket(ticket=TICKET, resolution="Oiled")).refusal)
        for status in (TicketStatus.RESOLVED, TicketStatus.CLOSED, TicketStatus.ANNULLED)
    ]
    assert sentences == [
        "The ticket is resolved; reopen it first.",
        "The ticket is closed; reopen it first.",
        "The ticket is annulled.",
    ]


# --- evolves ----------------------------------------------------------------------------------------------------------


def test_the_first_answer_counts_in_whichever_order_answers_are_recorded() -> None:
    state = state_after(tickets.decider, [OPENED, (after(hours=2), RESPONDED), (after(hours=3), RESPONDED)])
    assert state.responded_at == after(hours=2)
    state = state_after(tickets.decider, [OPENED, (after(hours=2), RESPONDED), (after(hours=1), RESPONDED)])
    assert state.responded_at == after(hours=1)


def test_a_resolution_is_an_answer_too() -> None:
    resolved = (after(hours=2), RESOLVED)
    assert state_after(tickets.decider, [OPENED, resolved]).responded_at == after(hours=2)
    assert state_after(tickets.decider, [OPENED, (after(hours=1), RESPONDED), resolved]).responded_at == after(hours=1)
    assert state_after(tickets.decider, [OPENED, resolved, REOPENED]).responded_at == after(hours=2)


@pytest.mark.parametrize("end", [RESUMED, RESOLVED, ANNULLED])
def test_a_hold_ends_with_the_wait_the_work_or_the_ticket(end: Event) -> None:
    state = state_after(tickets.decider, [OPENED, HELD, end])
    assert (state.hold_reason, state.waiting_on) == (None, None)


def test_a_reopened_ticket_is_neither_resolved_nor_closed() -> None:
    state = state_after(tickets.decider, [OPENED, RESOLVED, CLOSED, REOPENED])
    assert (state.resolved_at, state.closed_at) == (None, None)


def test_an_annulled_ticket_keeps_what_was_done() -> None:
    past = [OPENED, (after(hours=1), RESPONDED), (after(hours=2), RESOLVED), (after(hours=3), ANNULLED)]
    state = state_after(tickets.decider, past)
    assert (state.responded_at, state.resolved_at) == (after(hours=1), after(hours=2))


# --- limits -----------------------------------------------------------------------------------------------------------

TEXTS: list[tuple[type[Command], str, int, bool, dict[str, Any]]] = [
    (OpenTicket, "subject", 200, False, {"customer": CUSTOMER}),
    (OpenTicket, "description", 10_000, True, {"customer": CUSTOMER, "subject": "It squeaks"}),
    (OpenTicket, "reference", 64, False, {"customer": CUSTOMER, "subject": "It squeaks"}),
    (RespondToTicket, "message", 10_000, True, {"ticket": TICKET}),
    (HoldTicket, "reason", 1_000, False, {"ticket": TICKET, "waiting_on": Party.CUSTOMER}),
    (ResolveTicket, "resolution", 10_000, False, {"ticket": TICKET}),
    (ReopenTicket, "reason", 1_000, False, {"ticket": TICKET}),
    (AnnulTicket, "reason", 1_000, False, {"ticket": TICKET}),
    (MergeTicket, "reason", 1_000, False, {"ticket": TICKET, "into": BOB}),
    (ReceiveTicketMessage, "message", 10_000, True, {"ticket": TICKET}),
    (AnnotateTicket, "note", 10_000, False, {"ticket": TICKET}),
]


@pytest.mark.parametrize(("command", "name", "limit", "optional", "rest"), TEXTS)
def test_texts_have_limits(command: type[Command], name: str, limit: int, optional: bool, rest: dict[str, Any]) -> None:
    check(command(**rest, **{name: "x" * limit}))
    with pytest.raises(Refused) as too_long:
        check(command(**rest, **{name: "x" * (limit + 1)}))
    assert (too_long.value.code, too_long.value.path) == ("too_long", (name,))
    if optional:
        check(command(**rest, **{name: ""}))
    else:
        with pytest.raises(Refused) as blank:
            check(command(**rest, **{name: " \n"}))
        assert (blank.value.code, blank.value.path) == ("blank", (name,))


# --- remembers --------------------------------------------------------------------------------------------------------


async def test_a_ticket_is_remembered_as_it_stands_after_each_fact(world: World) -> None:
    customer, ada = await world.customer(), await world.person("Ada")
    await world.record(OpenTicket(customer=customer, subject="It squeaks", reference="T-1"), id=TICKET)
    expected: dict[str, Any] = {
        "id": TICKET,
        "customer_id": customer,
        "subject": "It squeaks",
        "description": "",
        "reference": "T-1",
        "service": None,
        "kind": None,
        "priority": "normal",
        "status": "open",
        "assignee_id": None,
        "hold_reason": None,
        "waiting_on": None,
        "opened_at": NOON,
        "responded_at": None,
        "resolved_at": None,
        "closed_at": None,
        "merged_into_id": None,
        "messages": 0,
        "version": 1,
        "position": 3,
    }
    assert await world.rows("tickets") == [expected]
    held = {"hold_reason": "Which leg?", "waiting_on": "customer"}
    steps: list[tuple[Command, dict[str, Any]]] = [
        (AssignTicket(ticket=TICKET, assignee=ada), {"assignee_id": ada}),
        (PrioritiseTicket(ticket=TICKET, priority=Priority.LOW), {"priority": "low"}),
        (RespondToTicket(ticket=TICKET, person=ada), {"responded_at": after(hours=3)}),
        (ReceiveTicketMessage(ticket=TICKET, message="Well?"), {"messages": 1}),
        (AnnotateTicket(ticket=TICKET, note="He is cross"), {}),
        (HoldTicket(ticket=TICKET, reason="Which leg?", waiting_on=Party.CUSTOMER), {"status": "on_hold", **held}),
        (ResumeTicket(ticket=TICKET), {"status": "open", "hold_reason": None, "waiting_on": None}),
        (ResolveTicket(ticket=TICKET, resolution="Oiled"), {"status": "resolved", "resolved_at": after(hours=8)}),
        (CloseTicket(ticket=TICKET), {"status": "closed", "closed_at": after(hours=9)}),
        (ReopenTicket(ticket=TICKET, reason="Again"), {"status": "open", "resolved_at": None, "closed_at": None}),
        (AnnulTicket(ticket=TICKET, reason="It was the door"), {"status": "annulled"}),
    ]
    for command, changes in steps:
        world.pass_time(hours=1)
        await world.record(command)
        expected |= {**changes, "version": expected["version"] + 1, "position": expected["position"] + 1}
        assert await world.rows("tickets") == [expected]


async def test_a_back_dated_fact_is_so_from_then_on(world: World) -> None:
    customer = await world.customer()
    await world.record(OpenTicket(customer=customer, subject="It squeaks"), id=TICKET, occurred_at=after(days=-2))
    await world.record(ResolveTicket(ticket=TICKET, resolution="Oiled"), occurred_at=after(days=-1))
    [row] = await world.rows("tickets")
    assert (row["opened_at"], row["resolved_at"]) == (after(days=-2), after(days=-1))
    assert {fact.recorded_at for fact in await world.facts()} == {NOON}


@pytest.mark.parametrize(
    ("command", "code", "field"),
    [
        (OpenTicket(customer=uuid4(), subject="It squeaks"), "customer_not_found", "customer"),
        (AssignTicket(ticket=uuid4(), assignee=TICKET), "ticket_not_found", "ticket"),
        (AssignTicket(ticket=TICKET, assignee=uuid4()), "person_not_found", "assignee"),
        (RespondToTicket(ticket=TICKET, person=uuid4()), "person_not_found", "person"),
        (ResumeTicket(ticket=TICKET), "not_on_hold", None),
    ],
)
async def test_what_is_refused_records_nothing(world: World, command: Command, code: str, field: str | None) -> None:
    await world.record(OpenTicket(customer=await world.customer(), subject="It squeaks"), id=TICKET)
    facts, rows = await world.facts(), await world.rows("tickets")
    outcome = await world.ask(command)
    assert isinstance(outcome, Refusal)
    assert (outcome.code, outcome.path) == (code, (field,) if field else ())
    assert (await world.facts(), await world.rows("tickets")) == (facts, rows)


async def test_an_engineer_may_resolve_a_ticket_and_not_annul_it(world: World) -> None:
    await world.record(OpenTicket(customer=await world.customer(), subject="It squeaks"), id=TICKET)
    before = await world.facts()
    outcome = await world.ask(AnnulTicket(ticket=TICKET, reason="It was the door"), roles=("engineer",))
    assert isinstance(outcome, Refusal)
    assert outcome.code == "not_permitted"
    assert await world.facts() == before
    recorded = await world.record(ResolveTicket(ticket=TICKET, resolution="Oiled"), roles=("engineer",))
    assert [(fact.type, fact.authority) for fact in recorded.facts] == [("TicketResolved", "engineer")]
