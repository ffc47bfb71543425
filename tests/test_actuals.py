"""Actuals: the matrix of Dynamics 365 cell by cell, what never changes in any sequence, and what approval posts."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from api import Api, gid
from conftest import NOON, World
from given import Past, given, state_after
from hypothesis import given as any_of
from hypothesis import settings
from hypothesis import strategies as st
from owed import HOURS, RETAINER, SERVERS, owed

from pet_graph.decisions import Refusal
from pet_graph.events.actuals import (
    ActualsCancelled,
    ActualsPosted,
    ActualsRestated,
    ActualState,
    BillingConfirmed,
    BillingCorrected,
    BillMilestone,
    CancelActuals,
    ConfirmBilling,
    CorrectBilling,
    CreditMilestone,
    MilestoneBilled,
    MilestoneCredited,
    PostActuals,
    RestateActuals,
    Share,
    decider,
)
from pet_graph.events.allocations import ReallocateTime, WriteOffTime
from pet_graph.events.base import BurnUnit, Command, Event, Money, Refused, Role
from pet_graph.events.measures import ActualKind, Contract, Line, Measure, Place, Price
from pet_graph.events.obligations import Terms
from pet_graph.events.projects import StartProject
from pet_graph.events.rates import AgreeRate, RateKind
from pet_graph.events.tasks import PlanTask
from pet_graph.events.time_entries import ApproveTime, RecordTime, ReverseTime, SubmitTime, sheet_of
from pet_graph.events.time_policies import AdoptTimePolicy, Overrun

ENTRY, ADA, PROMISE, FIRST, SECOND = UUID(int=1), UUID(int=31), UUID(int=32), UUID(int=51), UUID(int=52)
TODAY = NOON.date()
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
COST, UNBILLED, BILLED = ActualKind.COST, ActualKind.UNBILLED_SALES, ActualKind.BILLED_SALES
HOURLY, FIXED = Contract.TIME_AND_MATERIALS, Contract.FIXED_PRICE


def euros(amount: float) -> Money:
    return Money(int(amount * 1_000_000), "EUR")


def an_hour(amount: float) -> Price:
    return Price(euros(amount), HOUR)


NINETY = an_hour(90)
PLACES = {contract: Place(contract, PROMISE) for contract in Contract}


def share(contract: Contract = HOURLY, chargeable: float = 8, price: Price | None = NINETY, hours: float = 8) -> Share:
    return Share(PLACES[contract], hours * HOUR, chargeable * HOUR, price)


def post(contract: Contract = HOURLY, chargeable: float = 8, price: Price | None = NINETY) -> PostActuals:
    """Eight hours of Ada's, which cost 50 and are sold for 90 an hour."""
    shares = (share(contract, chargeable, price),)
    return PostActuals(actual=ENTRY, person=ADA, worked_on=TODAY, cost=an_hour(50), shares=shares)


def line(
    kind: ActualKind,
    hours: float,
    chargeable: bool = True,
    billing: UUID | None = None,
    contract: Contract = HOURLY,
) -> Line:
    amount = euros(hours * (50 if kind is COST else 90))
    return Line(kind, PLACES[contract], hours * HOUR, amount, chargeable, billing)


def posted(*lines: Line, contract: Contract = HOURLY, chargeable: float = 8) -> ActualsPosted:
    shares = (share(contract, chargeable),)
    return ActualsPosted(person=ADA, worked_on=TODAY, cost=an_hour(50), shares=shares, lines=lines)


def confirmed(*lines: Line) -> BillingConfirmed:
    return BillingConfirmed(billing=FIRST, lines=lines)


def corrected(*lines: Line) -> BillingCorrected:
    return BillingCorrected(billing=FIRST, lines=lines, reason="Agreed by telephone")


def confirm(hours: float, billing: UUID = FIRST) -> ConfirmBilling:
    return ConfirmBilling(actual=ENTRY, obligation=PROMISE, billing=billing, quantity=hours * HOUR)


def correct(hours: float, billing: UUID = FIRST) -> CorrectBilling:
    return CorrectBilling(actual=ENTRY, billing=billing, quantity=hours * HOUR, reason="Agreed by telephone")


APPROVED = posted(line(COST, 8), line(UNBILLED, 8))
APPROVED_REDUCED = posted(line(COST, 8), line(UNBILLED, 6), line(UNBILLED, 2, False), chargeable=6)
APPROVED_FIXED = posted(line(COST, 8, contract=FIXED), contract=FIXED)
CONFIRMED = confirmed(line(UNBILLED, -8), line(BILLED, 8, billing=FIRST))
CONFIRMED_REDUCED = confirmed(line(UNBILLED, -8), line(BILLED, 6, billing=FIRST), line(BILLED, 2, False, FIRST))
CORRECTED_DOWN = corrected(line(BILLED, -8, billing=FIRST), line(BILLED, 5, billing=FIRST), line(UNBILLED, 3))
CREDITED = corrected(line(BILLED, -8, billing=FIRST), line(UNBILLED, 8))

# --- the matrix, cell by cell -----------------------------------------------------------------------------------------


def test_approved_time_and_materials_is_cost_and_unbilled_sales() -> None:
    given().when(post()).then(APPROVED)


def test_approved_time_and_materials_of_which_less_is_billable_has_the_difference_as_non_chargeable() -> None:
    given().when(post(chargeable=6)).then(APPROVED_REDUCED)


@pytest.mark.parametrize("contract", [FIXED, Contract.INTERNAL, Contract.UNATTRIBUTED])
@pytest.mark.parametrize("chargeable", [8, 6])
def test_approved_time_that_is_not_sold_by_the_hour_is_cost_only(contract: Contract, chargeable: float) -> None:
    then = posted(line(COST, 8, contract=contract), contract=contract, chargeable=chargeable)
    given().when(post(contract, chargeable)).then(then)


def test_confirmed_time_and_materials_is_billed_in_place_of_unbilled() -> None:
    given(APPROVED).when(confirm(8)).then(CONFIRMED)


def test_confirmed_time_and_materials_of_which_less_is_billed_has_the_difference_as_non_chargeable() -> None:
    given(APPROVED).when(confirm(6)).then(CONFIRMED_REDUCED)


def test_confirmed_time_that_was_reduced_at_approval_leaves_what_was_given_away_alone() -> None:
    then = confirmed(line(UNBILLED, -6), line(BILLED, 6, billing=FIRST))
    given(APPROVED_REDUCED).when(confirm(6)).then(then)


def test_corrected_up_time_and_materials_is_billed_anew_at_the_higher_quantity() -> None:
    whole = corrected(line(BILLED, -6, billing=FIRST), line(BILLED, 8, billing=FIRST), line(BILLED, -2, False, FIRST))
    given(APPROVED, CONFIRMED_REDUCED).when(correct(8)).then(whole)
    part = corrected(
        line(BILLED, -6, billing=FIRST),
        line(BILLED, 7, billing=FIRST),
        line(BILLED, -2, False, FIRST),
        line(BILLED, 1, False, FIRST),
    )
    given(APPROVED, CONFIRMED_REDUCED).when(correct(7)).then(part)


def test_corrected_up_after_down_takes_the_hours_that_wait() -> None:
    then = corrected(
        line(BILLED, -5, billing=FIRST), line(BILLED, 7, billing=FIRST), line(UNBILLED, -3), line(UNBILLED, 1)
    )
    given(APPROVED, CONFIRMED, CORRECTED_DOWN).when(correct(7)).then(then)


def test_corrected_down_time_and_materials_waits_again_for_the_difference() -> None:
    given(APPROVED, CONFIRMED).when(correct(5)).then(CORRECTED_DOWN)
    given(APPROVED, CONFIRMED).when(correct(0)).then(CREDITED)


PLACE = Place(FIXED)
BILL = BillMilestone(actual=ENTRY, billing=FIRST, amount=euros(5_000))
CREDIT = CreditMilestone(actual=ENTRY, reason="Agreed by telephone")
MILESTONE_BILLED = MilestoneBilled(billing=FIRST, lines=(Line(BILLED, PLACE, amount=euros(5_000), billing=FIRST),))
MILESTONE_CREDITED = MilestoneCredited(
    billing=FIRST, lines=(Line(BILLED, PLACE, amount=euros(-5_000), billing=FIRST),), reason="Agreed by telephone"
)


def test_confirmed_fixed_price_is_billed_by_its_milestone() -> None:
    given().when(BILL).then(MILESTONE_BILLED)
    given(MILESTONE_BILLED).when(BILL).refused("already_billed", "actual")


@pytest.mark.parametrize("amount", [6_000, 4_000])
def test_corrected_fixed_price_up_or_down_is_taken_back_and_the_milestone_is_ready_again(amount: int) -> None:
    given(MILESTONE_BILLED).when(CREDIT).then(MILESTONE_CREDITED)
    given(MILESTONE_BILLED, MILESTONE_CREDITED).when(CREDIT).refused("not_billed", "actual")
    again = BillMilestone(actual=ENTRY, billing=SECOND, amount=euros(amount))
    anew = MilestoneBilled(billing=SECOND, lines=(Line(BILLED, PLACE, amount=euros(amount), billing=SECOND),))
    given(MILESTONE_BILLED, MILESTONE_CREDITED).when(again).then(anew)


@pytest.mark.parametrize("command", [confirm(8), confirm(6)])
def test_hours_of_a_fixed_price_are_not_billed(command: Command) -> None:
    given(APPROVED_FIXED).when(command).refused("nothing_unbilled")


# --- reversal ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("past", "lines"),
    [
        ((APPROVED,), (line(COST, -8), line(UNBILLED, -8))),
        ((APPROVED_REDUCED,), (line(COST, -8), line(UNBILLED, -6), line(UNBILLED, -2, False))),
        ((APPROVED_FIXED,), (line(COST, -8, contract=FIXED),)),
        ((APPROVED, CONFIRMED, CREDITED), (line(COST, -8), line(UNBILLED, -8))),
    ],
)
def test_reversed_time_comes_to_nothing(past: tuple[Event, ...], lines: tuple[Line, ...]) -> None:
    cancelled = ActualsCancelled(lines=lines)
    given(*past).when(CancelActuals(actual=ENTRY)).then(cancelled)
    state: ActualState = state_after(decider, (*past, cancelled))
    assert set(state.buckets.values()) <= {Measure(timedelta(), euros(0))}
    assert state.approved == timedelta()


def test_time_that_a_customer_was_billed_for_is_not_reversed() -> None:
    given(APPROVED, CONFIRMED).when(CancelActuals(actual=ENTRY)).refused("billed", "entry")


# --- restatement ------------------------------------------------------------------------------------------------------


def restate(*shares: Share) -> RestateActuals:
    return RestateActuals(actual=ENTRY, shares=shares)


def test_hours_that_are_written_off_later_are_given_away_at_the_price_that_they_had() -> None:
    taken_back, anew = (
        (line(COST, -8), line(UNBILLED, -8)),
        (line(COST, 8), line(UNBILLED, 5), line(UNBILLED, 3, False)),
    )
    then = ActualsRestated(shares=(share(chargeable=5),), lines=(*taken_back, *anew))
    given(APPROVED).when(restate(share(chargeable=5, price=an_hour(100)))).then(then)


def test_hours_may_turn_out_to_keep_several_promises() -> None:
    shares = (share(hours=6, chargeable=6), share(FIXED, 0, None, hours=2))
    anew = (line(COST, 6), line(UNBILLED, 6), line(COST, 2, contract=FIXED))
    then = ActualsRestated(shares=shares, lines=(line(COST, -8), line(UNBILLED, -8), *anew))
    given(APPROVED).when(restate(*shares)).then(then)


def test_a_restatement_that_changes_nothing_posts_nothing_and_billed_hours_are_not_restated() -> None:
    given(APPROVED).when(restate(share())).nothing()
    given(APPROVED, CONFIRMED).when(restate(share(chargeable=5))).refused("billed", "entry")


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("past", "command", "code", "field"),
    [
        ((APPROVED,), post(), "already_posted", None),
        ((), post(chargeable=9), "more_than_approved", "chargeable"),
        ((APPROVED,), confirm(9), "more_than_unbilled", "quantity"),
        ((APPROVED_REDUCED,), confirm(8), "more_than_unbilled", "quantity"),
        ((APPROVED, CONFIRMED), confirm(8), "already_billed", "billing"),
        ((APPROVED, CONFIRMED), confirm(8, SECOND), "nothing_unbilled", None),
        ((APPROVED,), correct(5), "not_billed", "billing"),
        ((APPROVED, CONFIRMED), correct(8), "unchanged", "quantity"),
        ((APPROVED, CONFIRMED), correct(9), "more_than_approved", "quantity"),
    ],
)
def test_what_cannot_be_is_refused(past: tuple[Past, ...], command: Command, code: str, field: str | None) -> None:
    given(*past).when(command).refused(code, *([field] if field else []))


# --- in any sequence --------------------------------------------------------------------------------------------------

steps = st.lists(
    st.tuples(
        st.sampled_from(["confirm", "correct", "restate", "cancel"]), st.integers(0, 12), st.sampled_from([1, 2, 3])
    ),
    max_size=12,
)
odd_hours = st.timedeltas(timedelta(microseconds=1), timedelta(hours=24))


def command_of(step: tuple[str, int, int], share: Share) -> Command:
    """A twelfth of the time is the unit, so that steps fit together now and then."""
    kind, twelfths, number = step
    quantity = share.approved * twelfths // 12
    if kind == "restate":
        return restate(msgspec.structs.replace(share, chargeable=quantity))
    if kind == "confirm":
        return ConfirmBilling(actual=ENTRY, obligation=PROMISE, billing=UUID(int=number), quantity=quantity)
    if kind == "correct":
        return CorrectBilling(actual=ENTRY, billing=UUID(int=number), quantity=quantity, reason="So be it")
    return CancelActuals(actual=ENTRY)


@settings(max_examples=300, deadline=None, print_blob=True)
@any_of(
    odd_hours, st.integers(0, 12), st.sampled_from(Contract), st.sampled_from([None, 0, 90_000_000, 33_333_333]), steps
)
def test_unbilled_billed_and_non_chargeable_are_what_was_approved_after_any_sequence(
    approved: timedelta, chargeable: int, contract: Contract, price: int | None, sequence: list[tuple[str, int, int]]
) -> None:
    sale = None if price is None else Price(Money(price, "EUR"), HOUR)
    shares = (Share(PLACES[contract], approved, approved * chargeable // 12, sale),)
    first = msgspec.structs.replace(post(), shares=shares)
    past = decider.decide(decider.initial, first, NOON)
    worth = None if sale is None else sale.of(approved)
    for step in sequence:
        before: ActualState = state_after(decider, past)
        try:
            past += decider.decide(before, command_of(step, shares[0]), NOON)
        except Refused:
            continue
        state: ActualState = state_after(decider, past)
        assert state.unbilled + state.billed + state.non_chargeable == state.approved
        assert min(state.unbilled, state.billed, state.non_chargeable) >= timedelta()
        assert state.hours(COST) == state.approved == (timedelta() if step[0] == "cancel" else approved)
        if contract is HOURLY:
            assert money_of(state) == (euros(0) if step[0] == "cancel" and worth else worth)
        if step[0] == "cancel":
            return


def money_of(state: ActualState) -> Money | None:
    """What all sales add up to: not a micro-unit is lost or found."""
    amounts = [one.line.amount for one in state.lines if one.line.kind is not COST]
    known = [amount for amount in amounts if amount is not None]
    assert not known or len(known) == len(amounts), "either all of it has a price or none"
    return Money(sum(amount.amount_micros for amount in known), "EUR") if known else None


@pytest.mark.parametrize(
    ("per", "quantity", "micros"),
    [(3, 1, 1), (2, 1, 2), (2, 3, 4), (2, -1, -2), (4, 1, 1), (4, 3, 2)],
    ids=["third", "half to even", "half to even above", "negative half", "quarter", "three quarters"],
)
def test_a_price_is_rounded_once_and_to_even(per: int, quantity: int, micros: int) -> None:
    """Of 3 micro-units: a third is 1, a half 1.5."""
    price = Price(Money(3, "EUR"), timedelta(microseconds=per))
    assert price.of(timedelta(microseconds=quantity)) == Money(micros, "EUR")


# --- what approval posts ----------------------------------------------------------------------------------------------

FEE = Terms("A portal", BurnUnit.MILESTONE, euros(9_000), quantity_micros=1_000_000)  # type: ignore[arg-type]
EUR_RETAINER = msgspec.structs.replace(RETAINER, amount=euros(2_000))


async def approved(world: World, ada: UUID, bela: UUID, *entries: RecordTime) -> list[UUID]:
    """Recorded, submitted and approved: the ids of the entries."""
    ids = [(await world.record(entry)).facts[0].command_id for entry in entries]
    for sheet in {sheet_of(ada, entry.worked_on) for entry in entries}:
        await world.record(SubmitTime(timesheet=sheet))
        await world.record_as("bela", ApproveTime(timesheet=sheet, approver=bela))
    return ids


def two_hours(person: UUID, on: date = TODAY, **fields: Any) -> RecordTime:
    return RecordTime(person=person, worked_on=on, worked=2 * HOUR, **fields)


async def lines_of(world: World, entry: UUID) -> list[tuple[Any, ...]]:
    columns = ("kind", "contract", "quantity_us", "amount_micros", "currency")
    rows = [row for row in await world.rows("actuals") if row["time_entry_id"] == entry]
    rows.sort(key=lambda row: (row["position"], row["kind"]))
    return [tuple(row[column] for column in columns) for row in rows]


HOUR_US, TWO_HOURS_US = 3_600_000_000, 7_200_000_000


async def test_the_promise_tells_the_contract_and_the_price(world: World) -> None:
    ada, bela = await world.person("Ada"), await world.person("Bela")
    hours, fee, servers, retainer = await owed(world, HOURS, FEE, SERVERS, EUR_RETAINER)
    for kind, amount in ((RateKind.COST, 50), (RateKind.BILL, 120)):
        await world.record(AgreeRate(kind=kind, per_hour=euros(amount), valid_from=TODAY, person=ada))
    entries = [two_hours(ada, obligation=one) for one in (hours, fee, servers, retainer)]
    ids = await approved(world, ada, bela, *entries)
    cost = ("cost", "fixed_price", TWO_HOURS_US, 100_000_000, "EUR")
    sold = Price(HOURS.amount, 8.5 * HOUR).of(2 * HOUR).amount_micros
    assert sold == 290_470_588
    assert [await lines_of(world, one) for one in ids] == [
        [
            ("cost", "time_and_materials", TWO_HOURS_US, 100_000_000, "EUR"),
            ("unbilled_sales", "time_and_materials", TWO_HOURS_US, sold, "EUR"),
        ],
        [cost],
        [cost],
        [
            ("cost", "time_and_materials", TWO_HOURS_US, 100_000_000, "EUR"),
            ("unbilled_sales", "time_and_materials", TWO_HOURS_US, 240_000_000, "EUR"),
        ],
    ]


async def test_the_rate_is_that_of_the_day_of_the_work_as_known_at_approval(world: World) -> None:
    ada, bela = await world.person("Ada"), await world.person("Bela")
    yesterday = TODAY - DAY
    by_role = AgreeRate(kind=RateKind.COST, per_hour=euros(40), valid_from=yesterday, role="Engineer")
    await world.record(by_role)
    [before] = await approved(world, ada, bela, two_hours(ada, yesterday, role="Engineer"))
    own = AgreeRate(kind=RateKind.COST, per_hour=euros(55), valid_from=TODAY, person=ada)
    await world.record(own)
    [late] = await approved(world, ada, bela, two_hours(ada, yesterday, role="Engineer"))
    [now, unknown] = await approved(world, ada, bela, two_hours(ada), two_hours(ada))
    [roleless] = await approved(world, ada, bela, two_hours(ada, yesterday))
    await world.record(msgspec.structs.replace(own, per_hour=euros(99), valid_from=yesterday))
    amounts = [(await lines_of(world, one))[0][3] for one in (before, late, now, unknown, roleless)]
    assert amounts == [80_000_000, 80_000_000, 110_000_000, 110_000_000, None]


async def test_time_without_a_promise_is_cost_of_the_firm_or_waits_for_a_promise(world: World) -> None:
    ada, bela = await world.person("Ada"), await world.person("Bela")
    internal = (await world.record(StartProject(name="Tidy up"))).facts[0].id
    customer = await world.customer()
    sold = (await world.record(StartProject(name="Portal", customer=customer))).facts[0].id
    task = (await world.record(PlanTask(project=internal, name="Sweep"))).facts[0].id
    entries = (
        two_hours(ada, project=internal),
        two_hours(ada, project=sold),
        two_hours(ada),
        two_hours(ada, task=task),
    )
    ids = await approved(world, ada, bela, *entries)
    rows = {row["time_entry_id"]: row for row in await world.rows("actuals")}
    assert [(rows[one]["contract"], rows[one]["project_id"]) for one in ids] == [
        ("internal", internal),
        ("unattributed", sold),
        ("unattributed", None),
        ("internal", internal),
    ]


async def test_a_rate_in_another_currency_than_the_promise_prices_nothing(world: World) -> None:
    ada, bela = await world.person("Ada"), await world.person("Bela")
    [retainer] = await owed(world, EUR_RETAINER)
    dollars = Money(120_000_000, "USD")
    await world.record(AgreeRate(kind=RateKind.BILL, per_hour=dollars, valid_from=TODAY, person=ada))
    [entry] = await approved(world, ada, bela, two_hours(ada, obligation=retainer))
    assert [line[3:] for line in await lines_of(world, entry)] == [(None, None), (None, None)]


async def test_a_sheet_of_forty_purposes_is_approved_in_one_turn(world: World) -> None:
    """What a reaction looks at is loaded together, however much it is."""
    ada, bela = await world.person("Ada"), await world.person("Bela")
    projects = [(await world.record(StartProject(name=f"Project {n}"))).facts[0].id for n in range(40)]
    tasks = [(await world.record(PlanTask(project=one, name="Sweep"))).facts[0].id for one in projects]
    minute = timedelta(minutes=1)
    entries = [RecordTime(person=ada, worked_on=TODAY, worked=minute, task=task) for task in tasks]
    await approved(world, ada, bela, *entries)
    assert sorted(row["project_id"] for row in await world.rows("actuals")) == sorted(projects)


async def test_a_reversed_entry_nets_to_zero(world: World) -> None:
    ada, bela = await world.person("Ada"), await world.person("Bela")
    [hours] = await owed(world, HOURS)
    [entry] = await approved(world, ada, bela, two_hours(ada, obligation=hours))
    reverse = ReverseTime(timesheet=sheet_of(ada, TODAY), entry=entry, reason="Another day")
    recorded = await world.record(reverse)
    assert [fact.type for fact in recorded.facts] == [
        "TimeReversed",
        "AllocationWithdrawn",
        "ActualsCancelled",
        "ObligationBurned",
    ]
    rows = await world.rows("actuals")
    assert len(rows) == 4
    for kind in ("cost", "unbilled_sales"):
        mine = [row for row in rows if row["kind"] == kind]
        assert sum(row["quantity_us"] for row in mine) == 0
        assert sum(row["amount_micros"] or 0 for row in mine) == 0


async def test_hours_beyond_those_sold_and_those_written_off_are_given_away(world: World) -> None:
    ada, bela = await world.person("Ada"), await world.person("Bela")
    [hours] = await owed(world, HOURS)
    ten = RecordTime(person=ada, worked_on=TODAY, worked=10 * HOUR, obligation=hours)
    [entry] = await approved(world, ada, bela, ten)
    assert await sales(world, entry) == {True: 8.5, False: 1.5}
    await world.record(WriteOffTime(entry=entry, reason="A gift", worked=2 * HOUR))
    assert await sales(world, entry) == {True: 6.5, False: 3.5}


async def test_hours_allocated_anew_come_to_what_the_rules_of_now_say(world: World) -> None:
    ada, bela = await world.person("Ada"), await world.person("Bela")
    [hours] = await owed(world, HOURS)
    await approved(world, ada, bela, RecordTime(person=ada, worked_on=TODAY, worked=8 * HOUR, obligation=hours))
    [late] = await approved(world, ada, bela, two_hours(ada, obligation=hours))
    assert await sales(world, late) == {True: 0.5, False: 1.5}
    before = len(await lines_of(world, late))
    await world.record(AdoptTimePolicy(name="All is paid", overrun=Overrun.BILLABLE))
    assert len(await lines_of(world, late)) == before
    await world.record(ReallocateTime(entry=late, reason="Agreed"))
    assert await sales(world, late) == {True: 2, False: 0}


async def sales(world: World, entry: UUID) -> dict[bool, float]:
    """The hours that wait to be billed, and those given away."""
    mine = [row for row in await world.rows("actuals") if row["time_entry_id"] == entry and row["kind"] != "cost"]
    return {one: sum(row["quantity_us"] for row in mine if row["chargeable"] is one) / HOUR_US for one in (True, False)}


async def test_nobody_bills_through_the_door_of_clients_yet(world: World) -> None:
    ada, bela = await world.person("Ada"), await world.person("Bela")
    [hours] = await owed(world, HOURS)
    [entry] = await approved(world, ada, bela, two_hours(ada, obligation=hours))
    before = await world.facts()
    outcome = await world.ask(
        ConfirmBilling(actual=entry, obligation=hours, billing=FIRST, quantity=HOUR), roles=tuple(Role)
    )
    assert isinstance(outcome, Refusal)
    assert outcome.code == "not_permitted"
    assert await world.facts() == before


# --- shows ------------------------------------------------------------------------------------------------------------

SHOWN = """query ($entry: ID!, $project: ID!) {
    timeEntry(id: $entry) { actuals(first: 9) { nodes { kind amount quantity contract obligation { description } } } }
    project(id: $project) { actuals(first: 9, filter: {kind: COST}) { totalCount nodes { person { name } amount } } }
}"""


async def test_the_actuals_of_an_entry_and_of_a_project(world: World) -> None:
    ada, bela = await world.person("Ada"), await world.person("Bela")
    [hours] = await owed(world, HOURS)
    project = (await world.record(StartProject(name="Portal"))).facts[0].id
    [entry] = await approved(world, ada, bela, two_hours(ada, project=project, obligation=hours))
    shown = await Api(world).ask(SHOWN, entry=gid("TimeEntry", entry), project=gid("Project", project))
    about = {"quantity": "PT2H", "contract": "TIME_AND_MATERIALS", "obligation": {"description": "Advice"}}
    nodes = sorted(shown["timeEntry"]["actuals"]["nodes"], key=lambda one: one["kind"])
    assert nodes == [
        {"kind": "COST", "amount": None, **about},
        {"kind": "UNBILLED_SALES", "amount": "290.470588 EUR", **about},
    ]
    assert shown["project"]["actuals"] == {"totalCount": 1, "nodes": [{"person": {"name": "Ada"}, "amount": None}]}
