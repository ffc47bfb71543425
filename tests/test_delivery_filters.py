"""Filters of projects, tasks, milestones, bookings, rates and time: what every field of every one leaves of a list."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid5

import pytest
from api import Api, Json, gid
from conftest import NOON, World
from owed import HOURS, owed

from pet_graph.events.base import Command, Money
from pet_graph.events.bookings import BookingKind, BookPerson, ReleaseBooking
from pet_graph.events.milestones import PlanMilestone, ReachMilestone
from pet_graph.events.people import RegisterPerson
from pet_graph.events.projects import CloseProject, StartProject
from pet_graph.events.rates import AgreeRate, RateKind
from pet_graph.events.tasks import FinishTask, PlanTask
from pet_graph.events.tickets import OpenTicket
from pet_graph.events.time_entries import RecordTime, SubmitTime, sheet_of
from pet_graph.events.time_policies import AdoptTimePolicy, Severity

TODAY = NOON.date()
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NAMES = UUID(int=77)


def named(name: str) -> UUID:
    return uuid5(NAMES, name)


def ids(kind: str, *names: str) -> list[str]:
    return [gid(kind, named(name)) for name in names]


MONEY = Money(1_000_000, "EUR")
ON = {"person": named("Ada"), "worked_on": TODAY, "worked": HOUR}
BOOKED = {"person": named("Ada"), "project": named("Portal"), "per_day": HOUR}
LIFE: list[tuple[str, Command]] = [
    (
        "Portal",
        StartProject(
            name="Portal", customer=named("Acme"), owner=named("Ada"), reference="P-1", due_on=TODAY + 9 * DAY
        ),
    ),
    ("Tidy", StartProject(name="Tidy", due_on=TODAY + 5 * DAY)),
    ("Past", StartProject(name="Past")),
    ("past is over", CloseProject(project=named("Past"), reason="Done")),
    ("Mend", PlanTask(project=named("Portal"), name="Mend", estimate=HOUR, assignee=named("Ada"), kind="Bug")),
    ("Sweep", PlanTask(project=named("Tidy"), name="Sweep", reference="S-1")),
    ("sweep is done", FinishTask(task=named("Sweep"))),
    ("Live", PlanMilestone(project=named("Portal"), name="Live", due_on=TODAY + 9 * DAY)),
    ("Clean", PlanMilestone(project=named("Tidy"), name="Clean", due_on=TODAY + 5 * DAY)),
    ("clean is reached", ReachMilestone(milestone=named("Clean"), person=named("Ada"), evidence="Look")),
    ("Squeak", OpenTicket(customer=named("Acme"), subject="Squeak")),
    ("firm", BookPerson(**BOOKED, kind=BookingKind.HARD, first_on=TODAY, last_on=TODAY + DAY)),
    (
        "soft",
        BookPerson(
            **{**BOOKED, "person": named("Bela"), "project": named("Tidy")},
            kind=BookingKind.SOFT,
            first_on=TODAY + 5 * DAY,
            last_on=TODAY + 6 * DAY,
        ),
    ),
    ("gone", BookPerson(**BOOKED, kind=BookingKind.HARD, first_on=TODAY + DAY, last_on=TODAY + DAY)),
    ("gone is released", ReleaseBooking(person=named("Ada"), booking=named("gone"), reason="Moved")),
    ("cost", AgreeRate(kind=RateKind.COST, per_hour=MONEY, valid_from=TODAY, person=named("Ada"))),
    ("bill", AgreeRate(kind=RateKind.BILL, per_hour=MONEY, valid_from=TODAY, role="Engineer")),
    ("strict", AdoptTimePolicy(name="Strict", daily_cap=2 * HOUR, above_cap=Severity.WARN)),
    ("on task", RecordTime(**ON, task=named("Mend"))),
    ("on ticket", RecordTime(**ON, ticket=named("Squeak"))),
    ("too much", RecordTime(**ON, project=named("Portal"))),
    ("late", RecordTime(person=named("Bela"), worked_on=TODAY - 30 * DAY, worked=HOUR, project=named("Tidy"))),
    ("late is submitted", SubmitTime(timesheet=sheet_of(named("Bela"), TODAY - 30 * DAY))),
]
"""What a small firm records, each thing with the id of its name."""

ADA, BELA = ids("Person", "Ada", "Bela")
FOUND: list[tuple[str, str, Json, set[str]]] = [
    ("ProjectFilter.status", "projects", {"status": ["CLOSED"]}, {"Past"}),
    ("ProjectFilter.customer", "projects", {"customer": ids("Customer", "Acme")}, {"Portal"}),
    ("ProjectFilter.internal", "projects", {"internal": True}, {"Tidy", "Past"}),
    ("ProjectFilter.owner", "projects", {"owner": [ADA]}, {"Portal"}),
    ("ProjectFilter.reference", "projects", {"reference": ["P-1"]}, {"Portal"}),
    ("ProjectFilter.dueBefore", "projects", {"dueBefore": f"{TODAY + 9 * DAY}"}, {"Tidy"}),
    ("ProjectFilter.dueFrom", "projects", {"dueFrom": f"{TODAY + 9 * DAY}"}, {"Portal"}),
    ("TaskFilter.status", "tasks", {"status": ["FINISHED"]}, {"Sweep"}),
    ("TaskFilter.project", "tasks", {"project": ids("Project", "Portal")}, {"Mend", "Keep"}),
    ("TaskFilter.obligation", "tasks", {"obligation": ["owed"]}, {"Keep"}),
    ("TaskFilter.promised", "tasks", {"promised": True}, {"Keep"}),
    ("TaskFilter.assignee", "tasks", {"assignee": [ADA]}, {"Mend"}),
    ("TaskFilter.reference", "tasks", {"reference": ["S-1"]}, {"Sweep"}),
    ("TaskFilter.kind", "tasks", {"kind": ["Bug"]}, {"Mend"}),
    ("TaskFilter.estimated", "tasks", {"estimated": False}, {"Sweep", "Keep"}),
    ("MilestoneFilter.status", "milestones", {"status": ["REACHED"]}, {"Clean"}),
    ("MilestoneFilter.project", "milestones", {"project": ids("Project", "Portal")}, {"Live", "Kept"}),
    ("MilestoneFilter.obligation", "milestones", {"obligation": ["owed"]}, {"Kept"}),
    ("MilestoneFilter.dueBefore", "milestones", {"dueBefore": f"{TODAY + 9 * DAY}"}, {"Clean"}),
    ("MilestoneFilter.dueFrom", "milestones", {"dueFrom": f"{TODAY + 9 * DAY}"}, {"Live"}),
    ("BookingFilter.person", "bookings", {"person": [BELA]}, {"soft"}),
    ("BookingFilter.project", "bookings", {"project": ids("Project", "Portal")}, {"firm", "gone"}),
    ("BookingFilter.kind", "bookings", {"kind": "SOFT"}, {"soft"}),
    ("BookingFilter.status", "bookings", {"status": "RELEASED"}, {"gone"}),
    ("BookingFilter.firstBefore", "bookings", {"firstBefore": f"{TODAY + DAY}"}, {"firm"}),
    ("BookingFilter.lastFrom", "bookings", {"lastFrom": f"{TODAY + 2 * DAY}"}, {"soft"}),
    ("RateCardFilter.person", "rateCards", {"person": [ADA]}, {"of Ada"}),
    ("RateCardFilter.role", "rateCards", {"role": ["Engineer"]}, {"of engineers"}),
    ("TimesheetFilter.person", "timesheets", {"person": [BELA]}, {"of Bela"}),
    ("TimesheetFilter.workedFrom", "timesheets", {"workedFrom": f"{TODAY}"}, {"of Ada"}),
    ("TimesheetFilter.workedBefore", "timesheets", {"workedBefore": f"{TODAY}"}, {"of Bela"}),
    ("TimeEntryFilter.person", "timeEntries", {"person": [BELA]}, {"late"}),
    ("TimeEntryFilter.status", "timeEntries", {"status": ["SUBMITTED"]}, {"late"}),
    ("TimeEntryFilter.project", "timeEntries", {"project": ids("Project", "Portal")}, {"too much"}),
    ("TimeEntryFilter.task", "timeEntries", {"task": ids("Task", "Mend")}, {"on task"}),
    ("TimeEntryFilter.ticket", "timeEntries", {"ticket": ids("Ticket", "Squeak")}, {"on ticket"}),
    ("TimeEntryFilter.workedFrom", "timeEntries", {"workedFrom": f"{TODAY}"}, {"on task", "on ticket", "too much"}),
    ("TimeEntryFilter.workedBefore", "timeEntries", {"workedBefore": f"{TODAY}"}, {"late"}),
    ("TimeEntryFilter.finding", "timeEntries", {"finding": "ABOVE_CAP"}, {"too much"}),
    ("TimeEntryFilter.lateDaysFrom", "timeEntries", {"lateDaysFrom": 1}, {"late"}),
]
"""Input, root field, filter, and what it leaves by name."""

TRIED = {name for name, *_ in FOUND} | {"RateFilter.kind"}
SHOWN = {
    "rateCards": ("role", lambda node: "of engineers" if node["role"] else "of Ada"),
    "timesheets": ("person { name }", lambda node: f"of {node['person']['name']}"),
}


@pytest.fixture
async def api(world: World) -> Api:
    for name in ("Ada", "Bela"):
        await _people(world, name)
    [line] = await owed(world, HOURS, name="Acme")
    [customer] = [row["id"] for row in await world.rows("customers")]
    for name, command in LIFE:
        fields = {field: customer for field in ("customer",) if getattr(command, field, None)}
        await world.record(_with(command, fields), id=named(name))
    await world.record(PlanTask(project=named("Portal"), name="Keep", obligation=line), id=named("Keep"))
    await world.record(PlanMilestone(project=named("Portal"), name="Kept", obligation=line), id=named("Kept"))
    return Api(world)


async def test_every_field_of_every_filter_of_delivery_leaves_what_it_says(api: Api) -> None:
    [line] = [row["id"] for row in await api.world.rows("obligations")]
    [customer] = [row["id"] for row in await api.world.rows("customers")]
    for name, field, filter_, expected in FOUND:
        if "obligation" in filter_:
            filter_ = {"obligation": [gid("Obligation", line)]}
        if "customer" in filter_:
            filter_ = {"customer": [gid("Customer", customer)]}
        assert await _left(api, name, field, filter_) == expected, (name, filter_)
        assert len(await _left(api, name, field, {})) > len(expected), name


async def test_rates_of_one_card_are_filtered_by_what_they_say(api: Api) -> None:
    data = await api.ask("{ rateCards(first: 9) { nodes { rates(first: 9, filter: {kind: COST}) { totalCount } } } }")
    assert sorted(card["rates"]["totalCount"] for card in data["rateCards"]["nodes"]) == [0, 1]


async def _left(api: Api, name: str, field: str, filter_: Json) -> set[str]:
    selection, shown = SHOWN.get(field, ("id", None))
    page = f"page: {field}(first: 100, filter: $f) {{ nodes {{ {selection} }} }}"
    document = f"query ($f: {name.partition('.')[0]}) {{ {page} }}"
    nodes = (await api.ask(document, f=filter_))["page"]["nodes"]
    if shown:
        return {shown(node) for node in nodes}
    kinds = {"timeEntries": "TimeEntry"}
    kind = kinds.get(field) or field[0].upper() + field[1:-1]
    by_id = {gid(kind, named(one)): one for one in [*dict(LIFE), "Keep", "Kept"]}
    return {by_id[node["id"]] for node in nodes}


def _with(command: Command, fields: dict[str, Any]) -> Command:
    return type(command)(**{**{f: getattr(command, f) for f in command.__struct_fields__}, **fields})


async def _people(world: World, name: str) -> None:
    await world.record(RegisterPerson(name=name), id=named(name))
