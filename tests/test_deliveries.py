"""Sold against delivered: exact sums of what was promised and worked, as of now and as of any moment."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from datetime import date, timedelta
from itertools import product
from typing import Any
from uuid import UUID

import pytest
from api import Api, counted, gid
from both import Both
from conftest import NOON, World
from live import PATIENCE_SECONDS, live
from owed import owed
from sold import ADVICE as SOLD_ADVICE
from sold import offer, sold

from pet_graph.events.allocations import ReallocateTime, WriteOffTime
from pet_graph.events.base import BurnUnit, Command, Money, Quantity
from pet_graph.events.bookings import BookingKind, BookPerson, FirmBooking, ReleaseBooking
from pet_graph.events.deliveries import DeliverObligation, ReverseDelivery
from pet_graph.events.obligations import FulfilObligation, PlaceObligation, ReleaseObligation, Terms
from pet_graph.events.projects import StartProject
from pet_graph.events.tasks import EstimateTask, FinishTask, PlanTask
from pet_graph.events.time_entries import RecordTime, ReverseTime, sheet_of
from pet_graph.graph import schema

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TODAY = NOON.date()
PROJECT, SHOP = UUID(int=81), UUID(int=82)
MONEY = Money(1_000_000_000, "EUR")
ADVICE = Terms("Advice", BurnUnit.HOURS, MONEY, effort=10 * HOUR, promised_by=TODAY + 2 * DAY)
CARE = Terms("Care", BurnUnit.HOURS, MONEY, effort=5 * HOUR)
SITE = Terms("Site", BurnUnit.MILESTONE, MONEY, quantity_micros=Quantity(1_000_000))
SHOWN = """
    burnUnit year promises ended late sold booked delivered billable nonBillable writtenOff unattributed remaining
    unitsSold unitsDelivered drift driftDays forecasts { method delivered toCome atCompletion aboveSold }
    obligation { description } project { name }
"""
ASKED = "soldVersusDelivered(by: $by, first: 9, orderBy: $order, asOf: $as)"
NOTHING = dict.fromkeys(("booked", "nonBillable", "writtenOff", "unattributed", "remaining", "drift"), "PT0S")


async def asked(world: World, *by: str, **arguments: Any) -> list[dict[str, Any]]:
    query = (
        "query ($by: [DeliveryDimension!]!, $first: Int!, $as: AsOf, $only: DeliveryFilter, $order: DeliveryOrder!) {"
        " soldVersusDelivered(by: $by, first: $first, asOf: $as, filter: $only, orderBy: $order)"
        f" {{ {SHOWN} }} }}"
    )
    given = {"by": by, "first": 1_000, "order": "DRIFT", **arguments}
    found: list[dict[str, Any]] = (await Api(world).ask(query, **given))["soldVersusDelivered"]
    return found


def picked(groups: list[dict[str, Any]], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(group[name] for name in names) for group in groups]


async def ask_for(world: World, command: Command, **how: Any) -> UUID:
    return (await world.record(command, **how)).facts[0].command_id


class Firm:
    """One project with three promises, one person, and steps to take."""

    world: World
    ada: UUID
    advice: UUID
    care: UUID
    site: UUID

    @classmethod
    async def at(cls, world: World) -> Firm:
        firm = cls()
        firm.world = world
        firm.advice, firm.care, firm.site = await owed(world, ADVICE, CARE, SITE)
        [customer] = await world.rows("customers")
        firm.ada = await world.person("Ada")
        await world.record(StartProject(name="Portal", customer=customer["id"]), id=PROJECT)
        return firm

    async def placed(self) -> Firm:
        for promise in (self.advice, self.care, self.site):
            await self.world.record(PlaceObligation(obligation=promise, project=PROJECT))
        return self

    async def work(self, hours: float, on: date = TODAY, **purpose: Any) -> UUID:
        return await ask_for(self.world, self.worked(hours, on, **purpose))

    async def deliver(self, units: int) -> UUID:
        quantity = Quantity(units * 1_000_000)
        said = DeliverObligation(obligation=self.site, person=self.ada, quantity=quantity, evidence="Protocol")
        return await ask_for(self.world, said)

    def worked(self, hours: float, on: date = TODAY, **purpose: Any) -> RecordTime:
        return RecordTime(person=self.ada, worked_on=on, worked=hours * HOUR, **purpose)


@pytest.fixture
async def firm(world: World) -> Firm:
    return await (await Firm.at(world)).placed()


# --- the numbers ------------------------------------------------------------------------------------------------------


async def test_a_promise_says_what_was_sold_worked_and_is_left(firm: Firm) -> None:
    await firm.work(4, obligation=firm.advice)
    await firm.work(7, obligation=firm.care)
    await firm.work(3, obligation=firm.site)
    found = {one["obligation"]["description"]: one for one in await asked(firm.world, "OBLIGATION")}
    names = "sold", "delivered", "billable", "nonBillable", "remaining", "drift"
    assert picked([found["Advice"]], *names) == [("PT10H", "PT4H", "PT4H", "PT0S", "PT6H", "PT0S")]
    assert picked([found["Care"]], *names) == [("PT5H", "PT7H", "PT5H", "PT2H", "PT0S", "PT2H")]
    assert picked([found["Site"]], *names) == [("PT0S", "PT3H", "PT0S", "PT3H", "PT0S", "PT0S")]


async def test_units_are_told_beside_hours_as_of_any_moment(firm: Firm) -> None:
    before = len(await firm.world.facts())
    first = await firm.deliver(1)
    firm.world.pass_time(hours=1)
    await firm.deliver(2)
    await firm.world.record(ReverseDelivery(obligation=firm.site, delivery=first, reason="Not in use yet"))
    for position, delivered in ((before, "0"), (before + 1, "1"), (before + 2, "3"), (before + 3, "2"), (None, "2")):
        moment = {"position": f"{position}"} if position else None
        found = {one["burnUnit"]: one for one in await asked(firm.world, "BURN_UNIT", **{"as": moment})}
        assert picked([found["MILESTONE"]], "unitsSold", "unitsDelivered") == [("1", delivered)]
        assert picked([found["HOURS"]], "unitsSold", "unitsDelivered") == [("0", "0")]


async def test_groups_are_made_by_anything_together(firm: Firm) -> None:
    await firm.work(4, obligation=firm.advice)
    await firm.work(2, date(2025, 12, 31), obligation=firm.site)
    await firm.work(1)
    by_unit = await asked(firm.world, "BURN_UNIT", order="DELIVERED")
    assert picked(by_unit, "burnUnit", "promises", "sold", "delivered", "unattributed") == [
        ("HOURS", 2, "PT15H", "PT4H", "PT0S"),
        ("MILESTONE", 1, "PT0S", "PT2H", "PT0S"),
        (None, 0, "PT0S", "PT1H", "PT1H"),
    ]
    by_year = await asked(firm.world, "PROJECT", "YEAR", order="YEAR")
    assert [
        (one["project"] and one["project"]["name"], *picked([one], "year", "sold", "delivered")) for one in by_year
    ] == [
        ("Portal", (2026, "PT15H", "PT4H")),
        (None, (2026, "PT0S", "PT1H")),
        ("Portal", (2025, "PT0S", "PT2H")),
    ]
    assert picked(await asked(firm.world), "promises", "sold", "delivered") == [(3, "PT15H", "PT7H")]


async def test_forecasts_stand_side_by_side_with_what_they_are_made_of(firm: Firm) -> None:
    world, ada = firm.world, firm.ada
    task = await ask_for(world, PlanTask(project=PROJECT, name="Advise", estimate=12 * HOUR, obligation=firm.advice))
    await firm.work(4, task=task)
    monday, friday = TODAY + 7 * DAY, TODAY + 11 * DAY
    for kind, hours in ((BookingKind.HARD, 1), (BookingKind.SOFT, 2)):
        book = BookPerson(person=ada, project=PROJECT, kind=kind, first_on=TODAY, last_on=friday, per_day=hours * HOUR)
        await world.record(book)
    assert monday.isoweekday() == 1
    [portal] = [one for one in await asked(world, "PROJECT") if one["project"]]
    assert picked(portal["forecasts"], "method", "delivered", "toCome", "atCompletion", "aboveSold") == [
        ("AS_SOLD", "PT4H", "PT11H", "PT15H", "PT0S"),
        ("TASK_ESTIMATES", "PT4H", "PT8H", "PT12H", "-PT3H"),
        ("FIRM_BOOKINGS", "PT4H", "PT9H", "PT13H", "-PT2H"),
        ("ALL_BOOKINGS", "PT4H", "PT27H", "PT31H", "PT16H"),
    ]
    assert portal["booked"] == "PT30H"
    world.pass_time(days=8)
    [portal] = await asked(world, "PROJECT")
    assert [one["toCome"] for one in portal["forecasts"]] == ["PT11H", "PT8H", "PT3H", "PT9H"]


async def test_drift_in_days_is_that_of_the_latest_promise(firm: Firm) -> None:
    world = firm.world
    assert picked(await asked(world, "PROJECT"), "driftDays", "late") == [(0, 0)]
    book = BookPerson(
        person=firm.ada,
        project=PROJECT,
        obligation=firm.advice,
        kind=BookingKind.SOFT,
        first_on=TODAY,
        last_on=TODAY + 7 * DAY,
        per_day=HOUR,
    )
    booking = await ask_for(world, book)
    assert picked(await asked(world, "PROJECT"), "driftDays", "late") == [(5, 1)]
    await world.record(ReleaseBooking(person=firm.ada, booking=booking, reason="Quicker"))
    world.pass_time(days=5)
    assert picked(await asked(world, "PROJECT"), "driftDays", "late", "ended") == [(3, 1, 0)]
    fulfil = FulfilObligation(obligation=firm.advice, evidence="Report")
    await world.record(fulfil, occurred_at=NOON + DAY)
    assert picked(await asked(world, "PROJECT"), "driftDays", "late", "ended") == [(-1, 0, 1)]


async def test_an_ended_promise_leaves_nothing_to_come(firm: Firm) -> None:
    await firm.work(4, obligation=firm.advice)
    await firm.world.record(FulfilObligation(obligation=firm.advice, evidence="Report"))
    await firm.world.record(ReleaseObligation(obligation=firm.care, reason="Not wanted any more"))
    [portal] = await asked(firm.world, "PROJECT")
    names = "sold", "delivered", "remaining", "drift", "ended", "promises"
    assert picked([portal], *names) == [("PT15H", "PT4H", "PT0S", "-PT11H", 2, 3)]


async def test_only_what_is_asked_for_is_counted(firm: Firm) -> None:
    [customer] = await firm.world.rows("customers")
    await firm.work(4, obligation=firm.advice)
    await firm.work(2)
    narrowed = {
        "project": [gid("Project", PROJECT)],
        "obligation": [gid("Obligation", firm.advice)],
        "customer": [gid("Customer", customer["id"])],
        "burnUnit": ["HOURS"],
    }
    for name, value in narrowed.items():
        [found] = await asked(firm.world, only={name: value})
        assert found["delivered"] == "PT4H", name
        assert found["promises"] == {"obligation": 1, "burnUnit": 2}.get(name, 3), name
    for name, other in (("project", gid("Project", UUID(int=1))), ("customer", gid("Customer", UUID(int=1)))):
        assert await asked(firm.world, only={name: [other]}) == []


async def test_one_question_is_one_statement(firm: Firm) -> None:
    await firm.work(4, obligation=firm.advice)
    api = Api(firm.world)
    async with counted(api) as statements:
        await api.ask("{ soldVersusDelivered(by: [PROJECT, YEAR], first: 9) { sold delivered forecasts { toCome } } }")
    assert len(statements) == 1


MOMENTS: list[dict[str, Any] | None] = [
    None,
    {"position": "0"},
    {"position": "9"},
    {"position": "999"},
    {"recordedAt": "2026-06-01T12:00:00Z"},
    {"occurredAt": "9999-12-31T00:00:00Z"},
]


async def test_every_question_is_planned_and_gets_the_same_bytes_from_both_executions(firm: Firm) -> None:
    await firm.work(4, obligation=firm.advice)
    await firm.work(7)
    await firm.deliver(1)
    task = await ask_for(firm.world, PlanTask(project=PROJECT, name="Mend", estimate=9 * HOUR, obligation=firm.care))
    await ask_for(firm.world, EstimateTask(task=task, estimate=4 * HOUR, reason="Easy"))
    await firm.world.record(ReleaseObligation(obligation=firm.care, reason="Mutual"))
    both = Both.of(firm.world, "manager")
    query = f"query ($by: [DeliveryDimension!]!, $order: DeliveryOrder!, $as: AsOf) {{ {ASKED} {{ {SHOWN} }} }}"
    dimensions = [[], ["PROJECT"], ["OBLIGATION", "BURN_UNIT"], ["YEAR", "PROJECT"]]
    asked = list(product(dimensions, ("DRIFT", "SOLD", "DELIVERED", "YEAR"), MOMENTS))
    told = {}
    for by, order, moment in asked:
        answer = await both.same(query, by=by, order=order, **{"as": moment})
        told[*by, order, str(moment)] = answer["data"]["soldVersusDelivered"]
    for by, order in product(dimensions, ("DRIFT", "YEAR")):
        # Without a moment rows are read in place of ledgers.
        assert told[*by, order, "None"] == told[*by, order, str({"position": "999"})] != []
    assert both.planner.counts == {"all": len(asked)}


@pytest.mark.parametrize("first", [0, 1_001])
async def test_no_answer_is_longer_than_can_be_read(world: World, first: int) -> None:
    query = f"{{ soldVersusDelivered(by: [], first: {first}) {{ sold }} }}"
    assert (await Api(world).wrong(query))[0] == "BAD_USER_INPUT"


async def test_only_those_who_may_read_are_answered(world: World) -> None:
    api = Api(world, roles=("partner",))
    assert (await api.wrong("{ soldVersusDelivered(by: [], first: 1) { sold } }"))[0] == "FORBIDDEN"


# --- any past moment --------------------------------------------------------------------------------------------------


async def test_any_past_moment_is_answered_as_it_was_answered_then(world: World) -> None:
    """After each step what is answered now is noted; in the end each moment is asked for again, on all three axes."""
    firm = await Firm.at(world)
    ada, advice, care = firm.ada, firm.advice, firm.care
    task, book, soft, first, second = (UUID(int=number) for number in range(901, 906))
    kept: dict[str, Any] = {"person": ada, "project": PROJECT, "first_on": TODAY, "last_on": TODAY + 20 * DAY}
    steps: list[tuple[Command, UUID | None]] = [
        (PlaceObligation(obligation=advice, project=PROJECT), None),
        (PlanTask(project=PROJECT, name="Advise", estimate=7 * HOUR, obligation=advice), task),
        (BookPerson(kind=BookingKind.HARD, per_day=HOUR, obligation=advice, **kept), book),
        (BookPerson(kind=BookingKind.SOFT, per_day=2 * HOUR, **kept), soft),
        (firm.worked(4, task=task), first),
        (EstimateTask(task=task, estimate=9 * HOUR, reason="More to it"), None),
        (firm.worked(8, obligation=advice), second),
        (FirmBooking(person=ada, booking=soft), None),
        (WriteOffTime(entry=second, worked=HOUR, reason="Goodwill"), None),
        (ReallocateTime(entry=first, reason="To be sure"), None),
        (PlaceObligation(obligation=care, project=PROJECT), None),
        (firm.worked(2, obligation=care), None),
        (ReverseTime(timesheet=sheet_of(ada, TODAY), entry=second, reason="Wrong"), None),
        (ReleaseBooking(person=ada, booking=book, reason="Enough"), None),
        (FinishTask(task=task), None),
        (FulfilObligation(obligation=advice, evidence="Report"), None),
    ]
    groupings = (), ("PROJECT",), ("OBLIGATION",), ("PROJECT", "YEAR")
    answers = []
    for command, id_ in steps:
        world.pass_time(days=1, microseconds=1)
        recorded = await world.record(command, id=id_)
        now = {by: await asked(world, *by) for by in groupings}
        answers.append((recorded.position, world.now().isoformat(), now))
    world.pass_time(days=9)
    for position, at, then in answers:
        for as_of in ({"position": str(position)}, {"recordedAt": at}, {"occurredAt": at}):
            for by in groupings:
                assert await asked(world, *by, **{"as": as_of}) == then[by], (as_of, by)


async def test_hours_recorded_late_are_known_late_and_were_worked_then(firm: Firm) -> None:
    before = firm.world.now()
    firm.world.pass_time(days=10)
    await firm.world.record(firm.worked(3, obligation=firm.advice), occurred_at=NOON)
    then = {"occurredAt": before.isoformat()}, {"recordedAt": before.isoformat()}
    delivered = [(await asked(firm.world, **{"as": as_of}))[0]["delivered"] for as_of in then]
    assert delivered == ["PT3H", "PT0S"]


async def followed(world: World, query: str, number: int) -> list[dict[str, Any]]:
    """So many messages of a subscription."""
    found: list[dict[str, Any]] = []
    async with live(world.feed), asyncio.timeout(PATIENCE_SECONDS):
        results: Any = await schema.subscribe(query, context_value=Api(world).context())
        async with aclosing(results):
            async for result in results:
                assert not result.errors, result.errors
                found.append(next(iter(result.data.values())))
                if len(found) == number:
                    break
    return found


# --- following --------------------------------------------------------------------------------------------------------


async def test_a_project_is_followed_and_read_again_alike(firm: Firm, world: World) -> None:
    after = (await world.facts())[-1].position
    await firm.work(4, obligation=firm.advice)
    await firm.work(2)
    await firm.work(9, obligation=firm.care)
    await world.record(StartProject(name="Shop"), id=SHOP)
    await firm.work(1, project=SHOP)
    query = (
        f'subscription {{ projectDrift(after: "{after}")'
        " { cursor fact { type } hours { delivered drift project { name } } project { name } } }"
    )
    told = await followed(world, query, 3)
    assert await followed(world, query, 3) == told
    assert [(one["project"]["name"], one["hours"]["delivered"], one["hours"]["drift"]) for one in told] == [
        ("Portal", "PT4H", "PT0S"),
        ("Portal", "PT13H", "PT4H"),
        ("Shop", "PT1H", "PT0S"),
    ]
    assert {one["fact"]["type"] for one in told} == {"TimeAllocated"}
    above = query.replace(f'after: "{after}"', f'after: "{after}", filter: {{above: "PT1H"}}')
    assert await followed(world, above, 1) == told[1:2]
    for project, theirs in ((PROJECT, told[:2]), (SHOP, told[2:])):
        only = query.replace(
            f'after: "{after}"', f'after: "{after}", filter: {{project: ["{gid("Project", project)}"]}}'
        )
        assert await followed(world, only, len(theirs)) == theirs


async def test_a_promise_is_at_risk_once_each_time_a_share_is_crossed(firm: Firm, world: World) -> None:
    after = (await world.facts())[-1].position
    entries = [await firm.work(hours, obligation=firm.advice) for hours in (4, 4, 1)]
    today = sheet_of(firm.ada, TODAY)
    await world.record(ReverseTime(timesheet=today, entry=entries[1], reason="Wrong"))
    await firm.work(5, obligation=firm.advice)
    query = (
        f'subscription {{ obligationsAtRisk(after: "{after}", percent: 80)'
        " { percent burnt sold obligation { description left } } }"
    )
    told = await followed(world, query, 2)
    assert picked(told, "burnt", "sold", "percent") == [("PT8H", "PT10H", 80), ("PT10H", "PT10H", 80)]
    assert told[1]["obligation"] == {"description": "Advice", "left": "PT0S"}


# --- a project on one page --------------------------------------------------------------------------------------------

PAGE = """query ($id: ID!) { project(id: $id) {
  name owner { name } customer { name }
  obligations(first: 20) { nodes { description effort delivered burnt left promisedBy status } }
  weeks(first: 60) { nodes { startsOn worked billable unattributed } }
  people(first: 20) { nodes { person { name } worked firstOn lastOn } }
  tasks(first: 20, filter: {status: [OPEN]}) { totalCount nodes { name estimate dueOn assignee { name } } }
} }"""


async def test_a_project_on_one_page_is_one_statement(firm: Firm) -> None:
    """The project, its promises, burn by week, people, and open tasks."""
    world = firm.world
    bela = await world.person("Béla")
    open_task = PlanTask(project=PROJECT, name="Advise", estimate=12 * HOUR, assignee=bela)
    done = await ask_for(world, PlanTask(project=PROJECT, name="Meet"))
    await world.record(open_task)
    await world.record(FinishTask(task=done))
    await firm.work(4, obligation=firm.advice)
    wrong = await firm.work(1, obligation=firm.advice)
    await world.record(ReverseTime(timesheet=sheet_of(firm.ada, TODAY), entry=wrong, reason="Wrong"))
    sunday = TODAY - DAY
    await world.record(RecordTime(person=bela, worked_on=sunday, worked=3 * HOUR, project=PROJECT))
    both = Both.of(world, "manager")
    answer = (await both.same(PAGE, id=gid("Project", PROJECT)))["data"]["project"]
    assert both.planner.counts == {"all": 1}
    monday = sunday - 6 * DAY
    assert answer["weeks"]["nodes"] == [
        {"startsOn": str(monday), "worked": "PT3H", "billable": "PT0S", "unattributed": "PT3H"},
        {"startsOn": str(TODAY), "worked": "PT4H", "billable": "PT4H", "unattributed": "PT0S"},
    ]
    assert picked(answer["people"]["nodes"], "worked", "firstOn") == [("PT4H", str(TODAY)), ("PT3H", str(sunday))]
    assert ("Advice", "PT4H", "PT6H") in picked(answer["obligations"]["nodes"], "description", "delivered", "left")
    assert answer["tasks"] == {
        "totalCount": 1,
        "nodes": [{"name": "Advise", "estimate": "PT12H", "dueOn": None, "assignee": {"name": "Béla"}}],
    }


PROVENANCE = """query ($id: ID!) { quote(id: $id) { number newest { lines(first: 9) { nodes {
  number description obligation { project { name } allocations(first: 9) { nodes {
    worked classification entry { workedOn note } person { name }
  } } }
} } } } }"""


async def test_from_a_line_of_a_quote_to_the_people_in_one_query(world: World) -> None:
    """Quote line → obligation → allocation → hours → people, in one statement."""
    quote = await sold(world, offer(SOLD_ADVICE))
    [customer] = await world.rows("customers")
    await world.record(StartProject(name="Portal", customer=customer["id"], quote=quote), id=PROJECT)
    ada = await world.person("Ada")
    await world.record(RecordTime(person=ada, worked_on=TODAY, worked=3 * HOUR, project=PROJECT, note="Advised"))
    both = Both.of(world, "manager")
    answer = (await both.same(PROVENANCE, id=gid("Quote", quote)))["data"]["quote"]
    assert both.planner.counts == {"all": 1}
    [line] = answer["newest"]["lines"]["nodes"]
    assert line["obligation"]["project"] == {"name": "Portal"}
    assert line["obligation"]["allocations"]["nodes"] == [
        {
            "worked": "PT3H",
            "classification": "BILLABLE",
            "entry": {"workedOn": str(TODAY), "note": "Advised"},
            "person": {"name": "Ada"},
        }
    ]
