"""Rows are a function of the folded state: made after every fact, as turns do, or once a stream, as a rebuild does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import uuid5

import pytest
from conftest import World
from desk import (
    ANNUL,
    CLOCK,
    HIGH,
    HOLD,
    MERGE,
    MOVE,
    NORMAL,
    REOPEN,
    RESOLVE,
    RESPOND,
    RESUME,
    WRITE,
    a_desk,
    prioritise,
)
from given import after, fold
from hypothesis import given, settings
from hypothesis import strategies as st

from pet_graph import database
from pet_graph.events.base import Command, Fact, Priority, Refused
from pet_graph.events.clocks import SlaState
from pet_graph.events.customers import RenameCustomer
from pet_graph.projections import PROJECTORS, TABLES, evolved, rows_of
from pet_graph.projections.base import Change, Put
from pet_graph.rebuild import differences

Rows = dict[tuple[str, tuple[Any, ...]], dict[str, Any]]
Step = tuple[Command, int]

COMMANDS: list[Command] = [
    *(RESPOND, WRITE, HOLD, MOVE, RESUME, RESOLVE, REOPEN, ANNUL, MERGE, CLOCK),
    *map(prioritise, Priority),
]
courses = st.lists(st.tuples(st.sampled_from(COMMANDS), st.integers(-60, 600)), max_size=20)
THROUGH_EVERYTHING: list[Step] = [
    (HOLD, 5),
    (RESUME, 10),
    (RESPOND, 21),
    (prioritise(Priority.HIGH), 30),
    (CLOCK, 130),
    (RESOLVE, 160),
    (REOPEN, 170),
    (HOLD, 180),
    (ANNUL, 190),
]


def play(steps: Sequence[Step]) -> list[Fact]:
    """The facts of a ticket to which these commands were given at these minutes; refusals are passed over."""
    desk = a_desk(NORMAL, HIGH, warn_at_percent=(50, 75))
    for command, minute in steps:
        try:
            desk.ask(command, at=after(minutes=minute))
        except Refused:
            continue
    return desk.facts


def write(rows: Rows, changes: Sequence[Change]) -> None:
    for change in changes:
        if isinstance(change, Put):
            key = tuple([change.values[column] for column in TABLES[change.table].key])
            rows[change.table, key] = change.values
        else:
            rows.pop((change.table, change.key), None)


def after_each_fact(facts: Sequence[Fact]) -> Rows:
    states: dict[str, Any] = {}
    rows: Rows = {}
    for fact in facts:
        states[fact.stream], changes = fold(states.get(fact.stream), fact)
        write(rows, changes)
    return rows


def once_a_stream(facts: Sequence[Fact]) -> Rows:
    ends: dict[str, tuple[Any, Fact]] = {}
    for fact in facts:
        state, _ = ends.get(fact.stream, (None, None))
        ends[fact.stream] = evolved(state, fact), fact
    rows: Rows = {}
    for state, last in ends.values():
        write(rows, rows_of(state, last))
    return rows


@settings(max_examples=200, deadline=None, print_blob=True)
@given(courses)
def test_rows_made_after_each_fact_are_those_made_once_a_stream_at_every_position(steps: list[Step]) -> None:
    facts = play(steps)
    for position in range(len(facts) + 1):
        assert after_each_fact(facts[:position]) == once_a_stream(facts[:position])


def test_the_course_through_everything_reaches_every_kind_of_row() -> None:
    """A precondition of the tests above and below: what they are asked about does occur."""
    facts = play(THROUGH_EVERYTHING)
    rows = after_each_fact(facts)
    states = [row["state"] for (table, _), row in rows.items() if table == "sla_clocks"]
    assert states == ["met", "breached", "cancelled"]
    assert {table for table, _ in rows} == {
        "policies",
        "tickets",
        "ticket_intervals",
        "sla_clocks",
        "sla_reviews",
        "streams",
    }
    assert any(table == "deadlines" for table, _ in after_each_fact(facts[:3]))


# --- planted ----------------------------------------------------------------------------------------------------------


def the_two_ways_differ() -> bool:
    facts = play(THROUGH_EVERYTHING)
    return any(after_each_fact(facts[:at]) != once_a_stream(facts[:at]) for at in range(len(facts) + 1))


def test_a_projector_that_writes_only_what_the_last_fact_is_about_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    ordinary = PROJECTORS["sla"]

    def hasty(state: SlaState, fact: Fact) -> list[Change]:
        return [] if fact.type == "SlaWarned" else ordinary(state, fact)

    assert not the_two_ways_differ()
    monkeypatch.setitem(PROJECTORS, "sla", hasty)
    assert the_two_ways_differ()


def test_a_projector_that_leaves_what_has_ended_alone_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    ordinary = PROJECTORS["sla"]

    def hasty(state: SlaState, fact: Fact) -> list[Change]:
        ended = {uuid5(fact.id, f"{clock.kind}/{clock.cycle}") for clock in state.clocks if not clock.running}
        return [change for change in ordinary(state, fact) if not ended & {*_values(change)}]

    monkeypatch.setitem(PROJECTORS, "sla", hasty)
    assert the_two_ways_differ()


def _values(change: Change) -> list[Any]:
    return [*change.values.values()] if isinstance(change, Put) else [*change.key]


async def test_a_row_that_only_an_earlier_fact_can_tell_is_found_by_the_replay_law(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ordinary = PROJECTORS["customer"]

    def forgetful(state: Any, fact: Fact) -> list[Change]:
        [put] = ordinary(state, fact)
        return [put] if fact.type == "CustomerRegistered" else []

    customer = await world.customer("Crunchy Armchairs")
    await world.record(RenameCustomer(customer=customer, name="Cosy Armchairs"))
    app = await database.connect(world.url)
    assert await differences(app) == {}
    monkeypatch.setitem(PROJECTORS, "customer", forgetful)
    assert await differences(app) == {"customers": 1}
    await app.close()
    monkeypatch.undo()
