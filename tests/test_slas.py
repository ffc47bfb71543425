"""SLAs: what is promised, what is warned of, kept or broken, and what is remembered. Counting: see test_clocks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid5

import pytest
from conftest import NOON, World
from desk import (
    ANNUL,
    CLOCK,
    CUSTOMER,
    HIGH,
    HOLD,
    HOUR,
    INSTANT,
    NORMAL,
    OPEN,
    REOPEN,
    RESOLUTION,
    RESOLVE,
    RESPOND,
    RESPONSE,
    RESUME,
    TICKET,
    Desk,
    a_desk,
    adopt,
    clock,
    prioritise,
    sla,
    verdicts,
)
from given import after

from pet_graph.decisions import Recorded
from pet_graph.events.base import Priority
from pet_graph.events.clocks import Promise, Target, next_due_at
from pet_graph.events.customers import RegisterCustomer
from pet_graph.events.policies import DEFAULT, AdoptSlaPolicy, RetireSlaPolicy, SlaTarget
from pet_graph.events.spans import Segment, SegmentKind
from pet_graph.events.tickets import OpenTicket, PrioritiseTicket
from pet_graph.events.verdicts import SlaBreached, SlaMet, SlaStopped, SlaWarned

# --- promises ---------------------------------------------------------------------------------------------------------


def test_a_ticket_starts_a_clock_for_each_target_of_its_priority() -> None:
    desk = a_desk(NORMAL, HIGH)
    assert [(one.kind, one.cycle, one.target, one.started_at) for one in sla(desk).clocks] == [
        (RESPONSE, 1, HOUR, NOON),
        (RESOLUTION, 1, 4 * HOUR, NOON),
    ]
    targets = (Target(RESPONSE, HOUR), Target(RESOLUTION, 4 * HOUR))
    assert sla(desk).promises == (Promise(CUSTOMER, Priority.NORMAL, DEFAULT, 1, targets),)


@pytest.mark.parametrize("targets", [(), (HIGH,)])
def test_a_ticket_of_which_nothing_is_promised_has_no_clocks_whatever_happens(targets: tuple[SlaTarget, ...]) -> None:
    desk = a_desk(*targets)
    for command in (RESPOND, HOLD, RESUME, prioritise(Priority.LOW), RESOLVE, REOPEN, ANNUL):
        desk.ask(command)
    assert [fact for fact in desk.facts if fact.stream.startswith("sla-")] == []


def test_the_customers_own_policy_comes_before_the_firms() -> None:
    desk = Desk()
    desk.ask(adopt(NORMAL))
    desk.ask(adopt(SlaTarget(Priority.NORMAL, resolution=2 * HOUR), customer=CUSTOMER))
    desk.ask(OPEN, id=TICKET)
    targets = (Target(RESOLUTION, 2 * HOUR),)
    assert sla(desk).promises == (Promise(CUSTOMER, Priority.NORMAL, CUSTOMER, 1, targets, (75,)),)


def test_the_customers_own_policy_holds_even_where_it_promises_less() -> None:
    desk = Desk()
    desk.ask(adopt(NORMAL, HIGH))
    desk.ask(adopt(HIGH, customer=CUSTOMER))
    desk.ask(OPEN, id=TICKET)
    assert sla(desk).clocks == ()


def test_a_retired_policy_gives_way_to_the_firms() -> None:
    desk = Desk()
    desk.ask(adopt(NORMAL))
    desk.ask(adopt(HIGH, customer=CUSTOMER))
    desk.ask(RetireSlaPolicy(customer=CUSTOMER))
    desk.ask(OPEN, id=TICKET)
    assert sla(desk).promise(clock(desk)).policy == DEFAULT


def test_a_new_version_leaves_open_tickets_on_the_old() -> None:
    desk = a_desk(NORMAL)
    before = sla(desk)
    desk.ask(adopt(SlaTarget(Priority.NORMAL, resolution=HOUR)))
    desk.ask(RetireSlaPolicy())
    assert sla(desk) == before


def test_nothing_happens_to_clocks_that_never_started() -> None:
    desk = a_desk()
    assert desk.ask(CLOCK, at=after(days=1)) == []


# --- verdicts ---------------------------------------------------------------------------------------------------------


def test_a_warning_and_a_breach_carry_the_instants_at_which_they_were_due() -> None:
    desk = Desk()
    for _ in range(3):
        desk.ask(adopt(SlaTarget(Priority.NORMAL, resolution=4 * HOUR), warn_at_percent=(50, 75)))
    desk.ask(OPEN, id=TICKET)
    said = {"kind": RESOLUTION, "cycle": 1, "target": 4 * HOUR, "due_at": after(hours=4), "customer": CUSTOMER}
    said |= {"priority": Priority.NORMAL, "policy": DEFAULT, "policy_version": 3}

    def by(hours: int) -> dict[str, Any]:
        return {"elapsed": hours * HOUR, "segments": (Segment(NOON, after(hours=hours), SegmentKind.BUSINESS),)}

    assert [fact.event for fact in desk.ask(CLOCK, at=after(days=1))] == [
        SlaWarned(**said, **by(2), percent=50, warned_at=after(hours=2)),
        SlaWarned(**said, **by(3), percent=75, warned_at=after(hours=3)),
        SlaBreached(**said, **by(4)),
    ]


def test_whoever_comes_too_late_is_told_all_that_fell_due_oldest_first() -> None:
    desk = a_desk(NORMAL, warn_at_percent=(75,))
    desk.ask(RESOLVE, at=after(hours=9))
    assert verdicts(desk) == [
        (SlaWarned, RESPONSE, 1, after(minutes=45)),
        (SlaBreached, RESPONSE, 1, after(hours=1)),
        (SlaWarned, RESOLUTION, 1, after(hours=3)),
        (SlaBreached, RESOLUTION, 1, after(hours=4)),
        (SlaStopped, RESPONSE, 1, after(hours=9)),
        (SlaStopped, RESOLUTION, 1, after(hours=9)),
    ]


def test_the_order_is_that_of_the_instants_whichever_clock_they_are_of() -> None:
    desk = a_desk(SlaTarget(Priority.NORMAL, response=2 * HOUR, resolution=HOUR), warn_at_percent=(25, 75))
    desk.ask(CLOCK, at=after(days=1))
    assert [said[1:] for said in verdicts(desk)] == [
        (RESOLUTION, 1, after(minutes=15)),
        (RESPONSE, 1, after(minutes=30)),
        (RESOLUTION, 1, after(minutes=45)),
        (RESOLUTION, 1, after(minutes=60)),
        (RESPONSE, 1, after(minutes=90)),
        (RESPONSE, 1, after(minutes=120)),
    ]
    assert (clock(desk, RESPONSE).warned_at, clock(desk).warned_at) == (after(minutes=30), after(minutes=15))


def test_what_is_done_at_the_very_instant_it_is_due_is_in_time() -> None:
    desk = a_desk(NORMAL)
    desk.ask(RESPOND, at=after(hours=1))
    desk.ask(RESOLVE, at=after(hours=4) + INSTANT)
    assert verdicts(desk) == [
        (SlaMet, RESPONSE, 1, after(hours=1)),
        (SlaBreached, RESOLUTION, 1, after(hours=4)),
        (SlaStopped, RESOLUTION, 1, after(hours=4) + INSTANT),
    ]
    assert (clock(desk, RESPONSE).ended_elapsed, clock(desk).ended_elapsed) == (HOUR, 4 * HOUR + INSTANT)


def test_the_clock_records_at_the_very_instant_and_once() -> None:
    desk = a_desk(NORMAL)
    assert desk.ask(CLOCK, at=after(hours=1) - INSTANT) == []
    assert [fact.occurred_at for fact in desk.ask(CLOCK, at=after(hours=1))] == [after(hours=1)]
    assert desk.ask(CLOCK, at=after(hours=1)) == []
    assert next_due_at(sla(desk)) == after(hours=4)


def test_a_second_answer_says_nothing_new_and_a_resolution_answers_both() -> None:
    desk = a_desk(NORMAL)
    desk.ask(RESPOND, at=after(minutes=10))
    assert [fact.type for fact in desk.ask(RESPOND, at=after(minutes=20))] == ["TicketResponded"]
    desk = a_desk(NORMAL)
    desk.ask(RESOLVE, at=after(minutes=10))
    assert [said[:2] for said in verdicts(desk)] == [(SlaMet, RESPONSE), (SlaMet, RESOLUTION)]


# --- remembers --------------------------------------------------------------------------------------------------------


async def open_a_ticket(world: World, *targets: SlaTarget, **how: Any) -> None:
    """With these promises, and the customer and the ticket of the other tests; three facts, if nothing is promised."""
    await world.record(RegisterCustomer(name="Crunchy Armchairs"), id=CUSTOMER)
    await world.record(adopt(*targets), **how)
    await world.record(OPEN, id=TICKET, **how)


def a_row(kind: str, cycle: int, target: timedelta, **rest: Any) -> dict[str, Any]:
    """A clock that has just started, at noon."""
    return {
        "id": uuid5(TICKET, f"{kind}/{cycle}"),
        "ticket_id": TICKET,
        "customer_id": CUSTOMER,
        "policy_id": DEFAULT,
        "policy_version": 1,
        "priority": "normal",
        "kind": kind,
        "name": kind,
        "cycle": cycle,
        "state": "running",
        "restated_as": None,
        "restatements": 0,
        "cancelled_because": None,
        "open": True,
        "paused_us": 0,
        "unheard_us": 0,
        "calendar_id": None,
        "calendar_version": 0,
        "target_us": target // INSTANT,
        "started_at": NOON,
        "due_at": NOON + target,
        "warned_at": None,
        "breached_at": None,
        "stopped_at": None,
        "decided_at": None,
        "counted_us": 0,
        "counting_since": NOON,
        **rest,
    }


async def remembered(world: World) -> tuple[list[dict[str, Any]], list[Any]]:
    """The clocks, oldest first and response before resolution; and the instants of the deadlines."""
    rows = await world.rows("sla_clocks")
    deadlines = await world.rows("deadlines")
    assert {row["stream"] for row in deadlines} <= {f"sla-{TICKET}"}
    return sorted(rows, key=lambda row: (row["cycle"], row["kind"] == RESOLUTION)), [row["due_at"] for row in deadlines]


async def test_the_clocks_and_the_deadline_of_a_ticket_are_remembered_after_each_fact(world: World) -> None:
    await open_a_ticket(world, NORMAL, HIGH)
    response = a_row(RESPONSE, 1, HOUR, position=4)
    resolution = a_row(RESOLUTION, 1, 4 * HOUR, position=4)
    assert await remembered(world) == ([response, resolution], [after(minutes=45)])

    await world.record(RESPOND, occurred_at=NOON)
    ended = {"state": "met", "open": False, "due_at": None, "counting_since": None}
    response |= {**ended, "stopped_at": NOON, "decided_at": NOON, "position": 6}
    assert await remembered(world) == ([response, resolution], [after(hours=3)])

    world.pass_time(hours=1)
    await world.record(HOLD)
    resolution |= {
        "state": "paused",
        "due_at": None,
        "counted_us": HOUR // INSTANT,
        "counting_since": None,
        "position": 8,
    }
    assert await remembered(world) == ([response, resolution], [])

    world.pass_time(hours=1)
    await world.record(RESUME)
    resolution |= {"state": "running", "due_at": after(hours=5), "counting_since": after(hours=2), "position": 10}
    resolution |= {"paused_us": HOUR // INSTANT}
    assert await remembered(world) == ([response, resolution], [after(hours=4)])

    world.pass_time(minutes=15)
    await world.record(prioritise(Priority.HIGH))
    resolution |= {"priority": "high", "target_us": 2 * HOUR // INSTANT, "due_at": after(hours=3), "position": 12}
    resolution |= {"counted_us": 75 * HOUR // 60 // INSTANT, "counting_since": after(hours=2, minutes=15)}
    assert await remembered(world) == ([response, resolution], [after(hours=2, minutes=30)])

    world.pass_time(minutes=30)
    outcome = await world.record(RESOLVE)
    assert [fact.type for fact in outcome.facts] == ["TicketResolved", "SlaWarned", "SlaMet"]
    resolution |= {**ended, "warned_at": after(hours=2, minutes=30), "stopped_at": after(hours=2, minutes=45)}
    resolution |= {"counted_us": 105 * HOUR // 60 // INSTANT, "decided_at": after(hours=2, minutes=45), "position": 15}
    assert await remembered(world) == ([response, resolution], [])


async def test_a_reopened_ticket_gets_a_row_more_and_the_rows_before_stay_to_the_last_byte(world: World) -> None:
    await open_a_ticket(world, NORMAL)
    await world.record(RESOLVE)
    before, _ = await remembered(world)
    world.pass_time(hours=1)
    await world.record(REOPEN)
    row = a_row(RESOLUTION, 2, 4 * HOUR, started_at=after(hours=1), counting_since=after(hours=1), position=9)
    row["due_at"] = after(hours=5)
    assert await remembered(world) == ([*before, row], [after(hours=4)])
    for command in (HOLD, RESUME, RESOLVE):
        world.pass_time(hours=1)
        await world.record(command)
    rows, deadlines = await remembered(world)
    assert (rows[:2], rows[2]["state"], deadlines) == (before, "met", [])


async def test_what_falls_due_is_recorded_once_however_often_the_clock_looks(world: World) -> None:
    await open_a_ticket(world, SlaTarget(Priority.NORMAL, resolution=4 * HOUR))
    world.pass_time(hours=2)
    assert await world.turns.record_due() == []
    world.pass_time(hours=5)
    [outcome] = await world.turns.record_due()
    assert isinstance(outcome, Recorded)
    assert [(fact.type, fact.occurred_at, fact.recorded_at, fact.actor) for fact in outcome.facts] == [
        ("SlaWarned", after(hours=3), after(hours=7), "clock"),
        ("SlaBreached", after(hours=4), after(hours=7), "clock"),
    ]
    before = await world.facts()
    assert await world.turns.record_due() == []
    assert await world.facts() == before
    row = a_row(RESOLUTION, 1, 4 * HOUR, state="breached", warned_at=after(hours=3), breached_at=after(hours=4))
    row |= {"open": False, "decided_at": after(hours=4), "position": 6}
    assert await remembered(world) == ([row], [])


async def test_a_breach_is_recorded_by_the_command_that_arrives_too_late_when_history_is_imported(world: World) -> None:
    await open_a_ticket(world, SlaTarget(Priority.NORMAL, resolution=4 * HOUR), occurred_at=after(days=-2))
    outcome = await world.record(RESOLVE, occurred_at=after(days=-1))
    assert [(fact.type, fact.occurred_at, fact.recorded_at) for fact in outcome.facts] == [
        ("TicketResolved", after(days=-1), NOON),
        ("SlaWarned", after(days=-2, hours=3), NOON),
        ("SlaBreached", after(days=-2, hours=4), NOON),
        ("SlaStopped", after(days=-1), NOON),
    ]
    assert await world.turns.record_due() == []
    [row], deadlines = await remembered(world)
    assert (row["state"], row["breached_at"], row["counted_us"]) == (
        "breached",
        after(days=-2, hours=4),
        24 * HOUR // INSTANT,
    )
    assert deadlines == []


async def test_an_annulled_ticket_cancels_what_runs_and_keeps_what_is_breached(world: World) -> None:
    await open_a_ticket(world, NORMAL)
    world.pass_time(hours=2)
    await world.record(ANNUL)
    rows, deadlines = await remembered(world)
    assert [(row["kind"], row["state"], row["stopped_at"], row["counted_us"]) for row in rows] == [
        ("response", "breached", after(hours=2), 2 * HOUR // INSTANT),
        ("resolution", "cancelled", after(hours=2), 2 * HOUR // INSTANT),
    ]
    assert deadlines == []


async def test_a_fact_told_out_of_order_neither_fails_nor_makes_negative_time(world: World) -> None:
    await open_a_ticket(world, NORMAL)
    world.pass_time(hours=3)
    await world.record(HOLD)
    for command, hours in ((RESUME, 2), (prioritise(Priority.LOW), -1), (RESOLVE, -2), (REOPEN, -3)):
        await world.record(command, occurred_at=after(hours=hours))
    rows, _ = await remembered(world)
    assert [(row["kind"], row["cycle"], row["state"], row["counted_us"]) for row in rows] == [
        ("response", 1, "breached", 0),
        ("resolution", 1, "cancelled", 0),
    ]


async def test_policies_hold_for_tickets_opened_from_then_on(world: World) -> None:
    await open_a_ticket(world, NORMAL)
    await world.record(adopt(HIGH, customer=CUSTOMER))
    later = [UUID(int=11), UUID(int=12)]
    await world.record(OPEN, id=later[0])
    await world.record(RetireSlaPolicy(customer=CUSTOMER))
    await world.record(adopt(SlaTarget(Priority.NORMAL, resolution=HOUR)))
    await world.record(OPEN, id=later[1])
    found = [(row["ticket_id"], row["kind"], row["policy_version"]) for row in await world.rows("sla_clocks")]
    assert sorted(found) == [
        (TICKET, "resolution", 1),
        (TICKET, "response", 1),
        (later[1], "resolution", 2),
    ]


async def test_a_second_deadline_at_the_same_instant_is_recorded_as_well(world: World) -> None:
    """Found as: the command id was made of stream and instant, so the second one was taken for a repeat, for ever."""
    customer = await world.customer()
    await world.record(AdoptSlaPolicy(name="Standard", targets=(NORMAL, HIGH)))
    ticket = (await world.record(OpenTicket(customer=customer, subject="It squeaks"))).facts[0].id
    world.pass_time(hours=3)
    await world.turns.record_due()
    await world.record(PrioritiseTicket(ticket=ticket, priority=Priority.HIGH))
    await world.turns.record_due()
    assert await world.rows("deadlines") == []
