"""A small firm at work: projects with tasks, milestones, bookings, rates and time, in every state there is."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from conftest import World
from sold import drafted
from timetables import an_office

from pet_graph.events.base import Money
from pet_graph.events.bookings import AgreeCapacity, BookingKind, BookPerson, ReleaseBooking
from pet_graph.events.leads import CaptureLead, ConvertLead, Criterion, DisqualifyLead, QualifyLead
from pet_graph.events.milestones import ClaimProgress, PlanMilestone, ReachMilestone
from pet_graph.events.opportunities import CommitOpportunity, ForecastOpportunity, WinOpportunity
from pet_graph.events.projects import CloseProject, RescheduleProject, StartProject
from pet_graph.events.rates import AgreeRate, RateKind
from pet_graph.events.tasks import EstimateTask, FinishTask, PlanTask
from pet_graph.events.time_entries import ApproveTime, RecordTime, ReverseTime, SubmitTime, sheet_of
from pet_graph.events.time_policies import AdoptTimePolicy, Severity

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


async def at_work(world: World, names: tuple[str, ...], people: list[UUID], customers: list[UUID]) -> None:
    """Let people work on projects of these names."""
    today = world.now().date()
    policy = AdoptTimePolicy(name=names[0], daily_cap=4 * HOUR, above_cap=Severity.WARN, overlap=Severity.WARN)
    await world.record(policy)
    for number, name in enumerate(names):
        person, other = people[number % len(people)], people[(number + 1) % len(people)]
        due_on = today + number * DAY if number % 2 else None
        customer = customers[number] if number % 3 else None
        start = StartProject(name=name, customer=customer, owner=person if number % 2 else None, due_on=due_on)
        project = (await world.record(start)).facts[0].id
        await _leads(world, person, customers[number], name, number)
        await _tasks(world, project, person, name, number)
        await _milestones(world, project, person, name)
        await _bookings(world, project, person, today, number)
        await _time(world, project, person, other, today)
        rate = Money(50_000_000 + number * 333_333, "EUR")
        await world.record(AgreeRate(kind=RateKind.COST, per_hour=rate, valid_from=today, person=person))
        later = RescheduleProject(project=project, due_on=today + 30 * DAY, reason=name)
        await world.record(later)
        if number % 2:
            await world.record(CloseProject(project=project, reason=name))
        await an_office(world, name)
    by_role = AgreeRate(kind=RateKind.BILL, per_hour=Money(0, "USD"), valid_from=today, role="Engineer")
    await world.record(by_role)


async def _leads(world: World, person: UUID, customer: UUID, name: str, number: int) -> None:
    """One that is converted, one that is not worth it; the sale is won, if the customer is known."""
    away = (await world.record(CaptureLead(name=name, source=name[:64]))).facts[0].id
    await world.record(DisqualifyLead(lead=away, reason=name))
    lead = (await world.record(CaptureLead(name=name, source="Fair", reference=f"L{number}"))).facts[0].id
    criteria = (Criterion(name, name), Criterion(f"{number}", name))
    await world.record(QualifyLead(lead=lead, person=person, criteria=criteria))
    known = customer if number % 2 == 0 else None
    sale = (await world.record(ConvertLead(lead=lead, name=name, owner=person, customer=known))).facts[1].id
    said: dict[str, Any] = {"person": person, "closes_on": world.now().date() + number * DAY, "basis": name}
    if number % 3 < 2:
        value = Money(number * 333_333, "EUR")
        await world.record(ForecastOpportunity(opportunity=sale, value=value, **said))
    if known:
        await drafted(world, customer=known, opportunity=sale)
        await world.record(CommitOpportunity(opportunity=sale, value=Money(1, "JPY"), **said))
        await world.record(WinOpportunity(opportunity=sale, reason=name))


async def _tasks(world: World, project: UUID, person: UUID, name: str, number: int) -> None:
    for step in range(3):
        estimate = (step + 1) * HOUR if step else None
        plan = PlanTask(project=project, name=name, estimate=estimate, assignee=person if step else None)
        task = (await world.record(plan)).facts[0].id
        if step == 2:
            await world.record(EstimateTask(task=task, estimate=number * HOUR + timedelta(microseconds=1), reason=name))
            await world.record(FinishTask(task=task))


async def _milestones(world: World, project: UUID, person: UUID, name: str) -> None:
    milestone = (await world.record(PlanMilestone(project=project, name=name))).facts[0].id
    await world.record(ClaimProgress(milestone=milestone, person=person, percent=40, basis=name))
    await world.record(ReachMilestone(milestone=milestone, person=person, evidence=name))
    await world.record(PlanMilestone(project=project, name=name, due_on=world.now().date()))


async def _bookings(world: World, project: UUID, person: UUID, today: date, number: int) -> None:
    await world.record(AgreeCapacity(person=person, valid_from=today))
    for kind in BookingKind:
        book = BookPerson(
            person=person, project=project, kind=kind, first_on=today, last_on=today + 3 * DAY, per_day=5 * HOUR
        )
        booking = (await world.record(book)).facts[0].command_id
    if number % 2:
        await world.record(ReleaseBooking(person=person, booking=booking, reason="Moved"))


async def _time(world: World, project: UUID, person: UUID, other: UUID, today: date) -> None:
    day = today - 10 * DAY
    sheet = sheet_of(person, day)
    for hours in (1, 2, 3):
        entry = RecordTime(person=person, worked_on=day, worked=hours * HOUR, starts=hours * HOUR, project=project)
        recorded = await world.record(entry)
    await world.record(ReverseTime(timesheet=sheet, entry=recorded.facts[0].command_id, reason="Wrong"))
    await world.record(SubmitTime(timesheet=sheet))
    await world.record_as("approver", ApproveTime(timesheet=sheet, approver=other))
    await world.record(RecordTime(person=person, worked_on=day, worked=HOUR, began_on=day - DAY))
