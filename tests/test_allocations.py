"""Allocations: which promise hours keep, by rules that leave a trace; restated beside, written off, never edited."""

from __future__ import annotations

from datetime import timedelta
from itertools import product
from typing import Any
from uuid import UUID

import pytest
from conftest import NOON, World
from given import given, state_after
from hypothesis import given as for_all
from hypothesis import strategies as st
from owed import owed
from sold import changed, drafted, line, offer, sold

from pet_graph.decisions import Recorded, Refusal
from pet_graph.events.allocations import (
    AllocateTime,
    AllocationWithdrawn,
    Candidate,
    ReallocateTime,
    Split,
    TimeAllocated,
    TimeClass,
    TimeReallocated,
    TimeWrittenOff,
    TrialResult,
    Work,
    WriteOffTime,
    choose,
    decider,
)
from pet_graph.events.base import BurnRule, BurnUnit, Command, Event, Money, Quantity
from pet_graph.events.obligations import FulfilObligation, PlaceObligation, Terms, obligation_of
from pet_graph.events.projects import StartProject
from pet_graph.events.tasks import PlanTask
from pet_graph.events.time_entries import RecordTime, ReverseTime, sheet_of
from pet_graph.events.time_policies import AdoptTimePolicy, Overrun

ADA, ENTRY, PROMISE, OTHER, PROJECT = (UUID(int=number) for number in range(61, 66))
HOUR = timedelta(hours=1)
NONE = timedelta()
BILLABLE, NON_BILLABLE = TimeClass.BILLABLE, TimeClass.NON_BILLABLE
WRITTEN_OFF, UNATTRIBUTED = TimeClass.WRITTEN_OFF, TimeClass.UNATTRIBUTED
WORK = Work(ADA, NOON.date())
NAMED, TASK, BY_PROJECT = BurnRule


def split(hours: float, kind: TimeClass = BILLABLE, promise: UUID | None = PROMISE) -> Split:
    return Split(hours * HOUR, kind, promise)


def allocated(*splits: Split) -> TimeAllocated:
    return TimeAllocated(work=WORK, splits=splits, trials=(), policy_version=1)


def standing(*past: Any) -> dict[tuple[TimeClass, UUID | None], float]:
    splits = state_after(decider, past).standing()
    return {(one.classification, one.obligation): one.worked / HOUR for one in splits}


# --- choosing ---------------------------------------------------------------------------------------------------------


def candidate(promise: UUID = PROMISE, left: float | None = 8, **how: Any) -> Candidate:
    about = {"project": PROJECT, "is_open": True, "role_fits": True, "fixed": False, **how}
    return Candidate(obligation=promise, left=None if left is None else left * HOUR, **about)


def chosen(
    hours: float, *places: tuple[BurnRule, list[Candidate]], overrun: TimeClass = NON_BILLABLE
) -> tuple[list[tuple[float, TimeClass, UUID | None]], list[tuple[BurnRule, TrialResult]]]:
    otherwise = Split(hours * HOUR, UNATTRIBUTED, None, PROJECT)
    splits, trials = choose(hours * HOUR, places, overrun, otherwise)
    assert all(one.project == PROJECT for one in splits)
    told = [(one.worked / HOUR, one.classification, one.obligation) for one in splits]
    return told, [(trial.rule, trial.result) for trial in trials]


def test_the_first_place_with_a_promise_to_keep_is_the_one() -> None:
    places = (NAMED, []), (TASK, [candidate()]), (BY_PROJECT, [candidate(OTHER)])
    assert chosen(3, *places) == (
        [(3, BILLABLE, PROMISE)],
        [(NAMED, TrialResult.NONE_FOUND), (TASK, TrialResult.CHOSEN)],
    )


def test_hours_beyond_those_sold_become_what_the_policy_says() -> None:
    for overrun in (NON_BILLABLE, WRITTEN_OFF):
        places = (NAMED, [candidate(left=2)])
        assert chosen(3, places, overrun=overrun)[0] == [(2, BILLABLE, PROMISE), (1, overrun, PROMISE)]
    assert chosen(3, (NAMED, [candidate(left=2)]), overrun=BILLABLE)[0] == [(3, BILLABLE, PROMISE)]
    assert chosen(3, (NAMED, [candidate(left=0)])) == ([(3, NON_BILLABLE, PROMISE)], [(NAMED, TrialResult.SPENT)])
    assert chosen(3, (NAMED, [candidate(left=-2)]))[0] == [(3, NON_BILLABLE, PROMISE)]


def test_a_project_fills_one_promise_after_the_other() -> None:
    places = (BY_PROJECT, [candidate(left=2), candidate(OTHER, left=4)])
    assert chosen(5, places)[0] == [(2, BILLABLE, PROMISE), (3, BILLABLE, OTHER)]
    assert chosen(7, places)[0] == [(2, BILLABLE, PROMISE), (4, BILLABLE, OTHER), (1, NON_BILLABLE, PROMISE)]


def test_what_has_ended_or_is_for_another_role_takes_nothing_and_is_told() -> None:
    ended, other_role = candidate(is_open=False), candidate(role_fits=False)
    places = (NAMED, [ended]), (TASK, [other_role]), (BY_PROJECT, [])
    tried = [(NAMED, TrialResult.NOT_OPEN), (TASK, TrialResult.OTHER_ROLE), (BY_PROJECT, TrialResult.NONE_FOUND)]
    assert chosen(3, *places) == ([(3, UNATTRIBUTED, None)], tried)


def test_what_is_sold_at_a_price_takes_all_hours() -> None:
    """Under a fixed price they are its cost; under a retainer they are charged to it."""
    assert chosen(9, (NAMED, [candidate(left=None, fixed=True)]))[0] == [(9, NON_BILLABLE, PROMISE)]
    assert chosen(9, (NAMED, [candidate(left=None)]))[0] == [(9, BILLABLE, PROMISE)]


CANDIDATES = st.builds(
    candidate,
    st.sampled_from([UUID(int=number) for number in range(3)]),
    st.one_of(st.none(), st.integers(-3, 12)),
    is_open=st.booleans(),
    role_fits=st.booleans(),
    fixed=st.booleans(),
)
PLACES = st.lists(
    st.tuples(st.sampled_from(list(BurnRule)), st.lists(CANDIDATES, max_size=3, unique_by=lambda one: one.obligation)),
    max_size=3,
)


@for_all(hours=st.integers(1, 30), places=PLACES, overrun=st.sampled_from([BILLABLE, NON_BILLABLE, WRITTEN_OFF]))
def test_every_hour_stands_somewhere_and_no_promise_pays_for_more_than_is_left(
    hours: int, places: list[tuple[BurnRule, list[Candidate]]], overrun: TimeClass
) -> None:
    splits, _ = choose(hours * HOUR, places, overrun, Split(hours * HOUR, UNATTRIBUTED, None, PROJECT))
    assert sum((one.worked for one in splits), NONE) == hours * HOUR
    assert all(one.worked > NONE for one in splits)
    if overrun is not BILLABLE:
        left = {one.obligation: one.left for _, candidates in places for one in reversed(candidates)}
        for one in splits:
            if one.classification is BILLABLE and len(places) == 1 and left[one.obligation] is not None:  # type: ignore[index]
                assert one.worked <= left[one.obligation]  # type: ignore[index, operator]


# --- the ledger -------------------------------------------------------------------------------------------------------


def test_a_later_run_stands_beside_the_first() -> None:
    state = state_after(decider, [allocated(split(3)), allocated(split(2), split(1, NON_BILLABLE))])
    lines = [(line.run, line.worked / HOUR, line.classification) for line in state.lines]
    assert lines == [(1, 3, BILLABLE), (2, -3, BILLABLE), (2, 2, BILLABLE), (2, 1, NON_BILLABLE)]


def test_hours_are_written_off_with_a_reason() -> None:
    past = allocated(split(3), split(2, promise=OTHER), split(1, NON_BILLABLE))
    off = TimeWrittenOff(splits=(split(3), split(1, promise=OTHER)), reason="Goodwill")
    given(past).when(WriteOffTime(entry=ENTRY, worked=4 * HOUR, reason="Goodwill")).then(off)
    assert standing(past, off) == {
        (BILLABLE, OTHER): 1,
        (NON_BILLABLE, PROMISE): 1,
        (WRITTEN_OFF, PROMISE): 3,
        (WRITTEN_OFF, OTHER): 1,
    }
    everything = TimeWrittenOff(splits=(split(3), split(2, promise=OTHER)), reason="All")
    given(past).when(WriteOffTime(entry=ENTRY, reason="All")).then(everything)


@pytest.mark.parametrize("hours", [0, 3.5, 100])
def test_only_what_is_billable_is_written_off(hours: float) -> None:
    write_off = WriteOffTime(entry=ENTRY, worked=hours * HOUR, reason="Goodwill")
    given(allocated(split(3), split(1, NON_BILLABLE))).when(write_off).refused("not_billable", "worked")


def test_what_was_written_off_is_not_allocated_anew() -> None:
    anew = ReallocateTime(entry=ENTRY, reason="New policy")
    given(allocated(split(3))).when(anew).then(TimeReallocated(reason="New policy"))
    off = TimeWrittenOff(splits=(split(1),), reason="Goodwill")
    given(allocated(split(3)), off).when(anew).refused("written_off", "entry")


def test_what_was_reversed_counts_for_nothing() -> None:
    past = allocated(split(3)), AllocationWithdrawn()
    assert standing(*past) == {}
    given(*past).when(ReallocateTime(entry=ENTRY, reason="Why not")).refused("already_reversed", "entry")
    given(*past).when(WriteOffTime(entry=ENTRY, reason="Why not")).refused("already_reversed", "entry")


STEPS = st.lists(
    st.one_of(
        st.builds(lambda run: ("run", run), st.lists(st.tuples(st.sampled_from(list(TimeClass)), st.integers(1, 9)))),
        st.builds(lambda hours: ("off", hours), st.integers(0, 9)),
        st.just(("withdraw", None)),
    ),
    max_size=8,
)


@for_all(steps=STEPS)
def test_the_lines_always_add_up_to_the_hours_of_the_last_run(steps: list[tuple[str, Any]]) -> None:
    past: list[Event] = [allocated(split(5))]
    hours = 5.0
    for kind, value in steps:
        if kind == "run":
            past.append(allocated(*(split(one, classification) for classification, one in value)))
            hours = sum(one for _, one in value)
        elif kind == "off":
            past += given(*past).when(WriteOffTime(entry=ENTRY, worked=value * HOUR, reason="-")).events
        else:
            past.append(AllocationWithdrawn())
            hours = 0
        state = state_after(decider, past)
        assert state.worked() / HOUR == hours
        assert all(one.worked > NONE for one in state.standing())


# --- in the turn of the time ------------------------------------------------------------------------------------------

TEN_HOURS = Terms("Advice", BurnUnit.HOURS, Money(1_000_000_000, "EUR"), effort=10 * HOUR)
FIXED = Terms("Web site", BurnUnit.MILESTONE, Money(1_000_000_000, "EUR"), quantity_micros=Quantity(1_000_000))


async def worked(world: World, person: UUID, hours: float, **purpose: Any) -> UUID:
    """An entry of so many hours, today."""
    command = RecordTime(person=person, worked_on=world.now().date(), worked=hours * HOUR, **purpose)
    return (await world.record(command)).facts[0].command_id


async def lines(world: World, entry: UUID) -> list[tuple[float, str, UUID | None]]:
    rows = await world.pool.fetch("select * from allocations where entry_id = $1 order by position, id", entry)
    return [(row["worked_us"] / 3.6e9, row["classification"], row["obligation_id"]) for row in rows]


async def sums(world: World, entry: UUID) -> dict[tuple[str, UUID | None], float]:
    found: dict[tuple[str, UUID | None], float] = {}
    for hours, kind, promise in await lines(world, entry):
        found[kind, promise] = found.get((kind, promise), 0) + hours
    return {key: hours for key, hours in found.items() if hours}


async def burnt(world: World, promise: UUID) -> tuple[float, float]:
    """Delivered and burnt hours."""
    row = await world.pool.fetchrow("select * from obligations where id = $1", promise)
    return row["delivered_us"] / 3.6e9, row["burnt_us"] / 3.6e9


async def test_hours_keep_the_promise_that_the_entry_names(world: World) -> None:
    [promise] = await owed(world, TEN_HOURS)
    ada = await world.person()
    entry = await worked(world, ada, 4, obligation=promise)
    assert await lines(world, entry) == [(4, "billable", promise)]
    assert await burnt(world, promise) == (4, 4)
    entry = await worked(world, ada, 8, obligation=promise)
    assert await sums(world, entry) == {("billable", promise): 6, ("non_billable", promise): 2}
    assert await burnt(world, promise) == (12, 10)
    [trial] = await world.pool.fetch("select * from allocation_trials where entry_id = $1", entry)
    assert (trial["rule"], trial["result"], trial["left_us"] / 3.6e9) == ("named", "chosen", 6)


async def test_hours_keep_the_promise_of_their_task(world: World) -> None:
    [promise] = await owed(world, TEN_HOURS)
    ada, project = await world.person(), (await world.record(StartProject(name="Ours"))).facts[0].id
    task = (await world.record(PlanTask(project=project, name="Advise", obligation=promise))).facts[0].id
    assert await sums(world, await worked(world, ada, 2, task=task)) == {("billable", promise): 2}
    [row] = await world.rows("allocations")
    assert (row["project_id"], row["task_id"], row["person_id"]) == (project, task, ada)


async def test_hours_without_a_promise_are_incomplete_unless_they_are_the_firms_own(world: World) -> None:
    ada, customer = await world.person(), await world.customer()
    ours = (await world.record(StartProject(name="Ours"))).facts[0].id
    theirs = (await world.record(StartProject(name="Theirs", customer=customer))).facts[0].id
    assert await sums(world, await worked(world, ada, 1)) == {("unattributed", None): 1}
    assert await sums(world, await worked(world, ada, 1, project=theirs)) == {("unattributed", None): 1}
    assert await sums(world, await worked(world, ada, 1, project=ours)) == {("non_billable", None): 1}


async def test_what_has_been_fulfilled_takes_no_more_hours(world: World) -> None:
    [promise] = await owed(world, TEN_HOURS)
    await world.record(FulfilObligation(obligation=promise, evidence="Report"))
    entry = await worked(world, await world.person(), 1, obligation=promise)
    assert await sums(world, entry) == {("unattributed", None): 1}
    assert await burnt(world, promise) == (0, 0)


async def test_reversed_hours_are_given_back(world: World) -> None:
    [promise] = await owed(world, TEN_HOURS)
    ada = await world.person()
    entry = await worked(world, ada, 12, obligation=promise)
    await world.record(ReverseTime(timesheet=sheet_of(ada, world.now().date()), entry=entry, reason="Wrong"))
    assert await sums(world, entry) == {}
    assert await burnt(world, promise) == (0, 0)


async def test_a_new_policy_restates_only_what_is_asked_for(world: World) -> None:
    [promise] = await owed(world, TEN_HOURS)
    ada = await world.person()
    first = await worked(world, ada, 12, obligation=promise)
    await world.record(AdoptTimePolicy(name="All is charged", overrun=Overrun.BILLABLE))
    before = await lines(world, first)
    recorded = await world.record(ReallocateTime(entry=first, reason="The customer agreed"))
    assert [fact.type for fact in recorded.facts] == ["TimeReallocated", "TimeAllocated", "ObligationBurned"]
    assert (await lines(world, first))[: len(before)] == before
    assert await sums(world, first) == {("billable", promise): 12}
    assert await burnt(world, promise) == (12, 12)
    assert [row["policy_version"] for row in await world.rows("allocation_trials")] in ([0, 1], [1, 0])


async def test_a_run_anew_finds_its_own_hours_free_again(world: World) -> None:
    [promise] = await owed(world, TEN_HOURS)
    entry = await worked(world, await world.person(), 10, obligation=promise)
    await world.record(ReallocateTime(entry=entry, reason="To be sure"))
    assert await sums(world, entry) == {("billable", promise): 10}
    assert await burnt(world, promise) == (10, 10)


async def test_written_off_hours_are_given_back_to_the_promise(world: World) -> None:
    [promise] = await owed(world, TEN_HOURS)
    entry = await worked(world, await world.person(), 10, obligation=promise)
    await world.record(WriteOffTime(entry=entry, worked=4 * HOUR, reason="Goodwill"))
    assert await sums(world, entry) == {("billable", promise): 6, ("written_off", promise): 4}
    assert await burnt(world, promise) == (10, 6)


async def test_time_under_a_fixed_price_is_its_cost(world: World) -> None:
    [promise] = await owed(world, FIXED)
    entry = await worked(world, await world.person(), 10, obligation=promise)
    assert await sums(world, entry) == {("non_billable", promise): 10}


async def test_what_is_delivered_in_one_project_takes_no_hours_of_another(world: World) -> None:
    [promise] = await owed(world, TEN_HOURS)
    one, other = [(await world.record(StartProject(name=name))).facts[0].id for name in ("One", "Other")]
    await world.record(PlaceObligation(obligation=promise, project=one))
    again = await world.ask(PlaceObligation(obligation=promise, project=one))
    assert isinstance(again, Refusal)
    assert again.code == "unchanged"
    facts = await world.facts()
    command = RecordTime(
        person=await world.person(), worked_on=NOON.date(), worked=HOUR, project=other, obligation=promise
    )
    refused = await world.ask(command)
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.path) == ("owed_in_another_project", ("obligation",))
    assert len(await world.facts()) == len(facts) + 1
    entry = await worked(world, command.person, 1, obligation=promise)
    [row] = await world.pool.fetch("select project_id from allocations where entry_id = $1", entry)
    assert row["project_id"] == one


async def test_all_that_was_worked_stands_in_one_class(world: World) -> None:
    """Worked = billable + non-billable + written off + unattributed, whatever happens."""
    [promise, fixed] = await owed(world, TEN_HOURS, FIXED)
    ada = await world.person()
    purposes: list[dict[str, Any]] = [{}, {"obligation": promise}, {"obligation": fixed}]
    entries = [await worked(world, ada, hours, **purpose) for hours, purpose in product((1, 2, 3), purposes)]
    steps: list[Command] = [WriteOffTime(entry=entry, worked=HOUR, reason="Goodwill") for entry in entries[::2]]
    steps += [ReallocateTime(entry=entry, reason="To be sure") for entry in entries[1::2]]
    steps += [
        ReverseTime(timesheet=sheet_of(ada, world.now().date()), entry=entry, reason="Wrong") for entry in entries[::4]
    ]
    for step in steps:
        outcome = await world.ask(step)
        assert isinstance(outcome, Recorded | Refusal)
        by_entry = await world.pool.fetch(
            "select e.id, case when e.reversed_at is null then e.worked_us else 0 end as worked,"
            " (select sum(a.worked_us) from allocations a where a.entry_id = e.id) as allocated from time_entries e"
        )
        assert all(row["worked"] == row["allocated"] for row in by_entry)
        burned = await world.pool.fetch(
            "select o.delivered_us, o.burnt_us, sum(a.worked_us) as delivered,"
            " coalesce(sum(a.worked_us) filter (where a.classification = 'billable'), 0) as burnt"
            " from obligations o join allocations a on a.obligation_id = o.id group by o.id"
        )
        assert all((row["delivered_us"], row["burnt_us"]) == (row["delivered"], row["burnt"]) for row in burned)


def test_nothing_asks_for_a_command_that_only_reactions_send() -> None:
    given().when(AllocateTime(entry=ENTRY, work=WORK, splits=(split(1),), trials=(), policy_version=0)).then(
        TimeAllocated(work=WORK, splits=(split(1),), trials=(), policy_version=0)
    )


# --- from the quote of a project --------------------------------------------------------------------------------------


async def a_project_of(world: World, quote: UUID) -> UUID:
    [customer] = await world.rows("customers")
    return (await world.record(StartProject(name="Portal", customer=customer["id"], quote=quote))).facts[0].id


async def places_of(world: World) -> set[UUID | None]:
    return {row["project_id"] for row in await world.rows("obligations")}


async def test_what_a_quote_of_any_length_promises_is_delivered_in_the_project_started_from_it(world: World) -> None:
    """Acceptance and start look at a hundred obligations each; a turn decides anew only a few times."""
    quote = await sold(world, offer(*(line(number) for number in range(1, 101))))
    project = await a_project_of(world, quote)
    assert len(await world.rows("obligations")) == 100
    assert await places_of(world) == {project}


async def test_hours_of_a_project_keep_the_promises_of_its_quote_in_the_role_that_fits(world: World) -> None:
    by_hours: dict[str, Any] = {"burn_unit": BurnUnit.HOURS, "price": "100"}
    lines = line(1, role="Tester", effort=9 * HOUR, **by_hours), line(2, effort=2 * HOUR, **by_hours)
    quote = await sold(world, offer(*lines, line(3, effort=9 * HOUR, role="Coder", **by_hours)))
    project, ada = await a_project_of(world, quote), await world.person()
    entry = await worked(world, ada, 5, project=project, role="Coder")
    second, third = obligation_of(quote, 2), obligation_of(quote, 3)
    assert await sums(world, entry) == {("billable", second): 2, ("billable", third): 3}
    tried = "select rule, result from allocation_trials where entry_id = $1 order by place"
    trials = await world.pool.fetch(tried, entry)
    assert [tuple(trial) for trial in trials] == [
        ("named", "none_found"),
        ("task", "none_found"),
        ("project", "other_role"),
        ("project", "chosen"),
        ("project", "chosen"),
    ]


async def test_what_a_change_order_adds_is_delivered_beside_the_rest(world: World) -> None:
    quote = await sold(world, offer(line(1)))
    project = await a_project_of(world, quote)
    await changed(world, quote, offer(line(1), line(2)))
    assert len(await world.rows("obligations")) == 2
    assert await places_of(world) == {project}


async def test_a_project_is_started_from_what_its_own_customer_accepted(world: World) -> None:
    open_quote, quote = await drafted(world, offer(line(1))), await sold(world, offer(line(1)), name="Another")
    facts = await world.facts()
    ours = await world.pool.fetchval("select customer_id from quotes where id = $1", open_quote)
    for customer, of, code, path in (
        (ours, open_quote, "quote_not_accepted", ("quote",)),
        (ours, quote, "another_customer", ("customer",)),
        (None, quote, "another_customer", ("customer",)),
    ):
        refused = await world.ask(StartProject(name="Portal", customer=customer, quote=of))
        assert isinstance(refused, Refusal)
        assert (refused.code, refused.path) == (code, path)
    assert await world.facts() == facts
