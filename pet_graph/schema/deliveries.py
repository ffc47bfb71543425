"""What was sold against what was delivered, as clients see it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry

from ..projections.deliveries import DeliveryDimension, DeliveryOrder, ForecastMethod
from .base import BurnUnit, Quantity, described
from .facts import Fact
from .filters import order
from .links import embedded, one
from .nodes import Part, column, hidden
from .scalars import Position

if TYPE_CHECKING:
    from .obligations import Obligation
    from .people import Person
    from .projects import Project


described(
    DeliveryDimension,
    "What groups are made by.",
    OBLIGATION="By promise.",
    PROJECT="By project.",
    BURN_UNIT="By the kind of contract, which is what promises are counted in.",
    YEAR="By year: what was sold in it, and what was worked in it. A year has no forecast.",
)
described(
    DeliveryOrder,
    "In which order, largest or latest at the top.",
    DRIFT="By drift in hours.",
    SOLD="By hours sold.",
    DELIVERED="By hours worked.",
    YEAR="By year.",
)
described(
    ForecastMethod,
    "How hours yet to come are foreseen. The methods stand side by side; none is preferred.",
    AS_SOLD="What is left of the hours sold of each open promise; what is overdrawn gives nothing.",
    TASK_ESTIMATES="What is left of the newest estimate of each open task.",
    FIRM_BOOKINGS="What people are firmly booked for after the day.",
    ALL_BOOKINGS="What people are booked for after the day, pencilled in or settled.",
)


@strawberry.input(description="Of which promises and hours.")
class DeliveryFilter:
    project: list[strawberry.ID] | None = strawberry.field(default=None, description="In one of these projects.")
    obligation: list[strawberry.ID] | None = strawberry.field(default=None, description="One of these promises.")
    customer: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Owed to one of these customers; hours that keep no promise are left out."
    )
    burn_unit: list[BurnUnit] | None = strawberry.field(default=None, description="Counted in one of these units.")


@strawberry.type(description="The hours that it will have taken in the end, by one method, with what it is made of.")
class Forecast:
    method: ForecastMethod = column("How the hours yet to come are foreseen.")
    delivered: timedelta = column("Worked so far.")
    to_come: timedelta = column("Yet to come.")
    at_completion: timedelta = column("Both together.")
    above_sold: timedelta = column("By how much that is more than was sold.")


@strawberry.type(
    description="What was sold against what was delivered, of a group. worked = billable + nonBillable + writtenOff + "
    "unattributed, always."
)
class SoldVersusDelivered:
    obligation_id: strawberry.Private[UUID | None]
    project_id: strawberry.Private[UUID | None]
    burn_unit: BurnUnit | None = column(
        "The unit of its promises; null when groups are not made by it, or the hours keep no promise."
    )
    year: int | None = column("The year; null when groups are not made by it.")
    promises: int = column("How many promises there are.")
    ended: int = column("How many of them were fulfilled or released.")
    late: int = column("How many of them ended, or will end, after the day promised.")
    sold: timedelta = column("Hours sold by the hour.")
    booked: timedelta = column("Hours for which people were kept, past and to come.")
    delivered: timedelta = column("Hours worked.", of="worked")
    billable: timedelta = column("What of them the promises pay for.")
    non_billable: timedelta = column("What of them the firm pays for.")
    written_off: timedelta = column("What of them could have been billed, and will not be.")
    unattributed: timedelta = column("What of them keeps no promise that is known: incomplete.")
    remaining: timedelta = column(
        "What is left of the hours sold of promises that are open; zero for years.", of="as_sold"
    )
    units_sold: Quantity = column(
        "Units sold of promises that are counted in neither hours nor money. They add up to something where groups are "
        "made by promise or by unit."
    )
    units_delivered: Quantity = column("Units handed over, as people said.")
    drift: timedelta = column(
        "Hours beyond those sold by the hour: worked and remaining, less sold. Less than nothing where "
        "promises ended with hours to spare."
    )
    drift_days: int | None = column(
        "Of the promise that is latest: days between the one promised and the one on which it ended or, "
        "while it is open, will end at the earliest (the last day booked, or the day of asking). Null without any."
    )
    stored_forecasts: strawberry.Private[str] = hidden(of="forecasts")
    forecasts: list[Forecast] = embedded(
        "forecasts", description="What it will have taken in the end; empty for years."
    )
    obligation: Annotated["Obligation", strawberry.lazy(".obligations")] | None = one(
        "obligations", by="obligation_id", description="The promise; null when groups are not made by it."
    )
    project: Annotated["Project", strawberry.lazy(".projects")] | None = one(
        "projects", by="project_id", description="The project; null when groups are not made by it, or it has none."
    )


@strawberry.type(description="What was worked in one week of a project.")
class ProjectWeek(Part):
    starts_on: date = column("The Monday with which the week begins.")
    worked: timedelta = column("Hours worked.", of="worked_us")
    billable: timedelta = column("What of them promises pay for.", of="billable_us")
    unattributed: timedelta = column("What of them keeps no promise that is known.", of="unattributed_us")


ProjectWeekOrder = order(
    "ProjectWeek",
    "How weeks are ordered",
    "STARTS_ON",
    descending=False,
    STARTS_ON=("starts_on", "By date."),
)


@strawberry.type(description="What one person worked in a project.")
class ProjectPerson(Part):
    person_id: strawberry.Private[UUID]
    first_on: date = column("The first day of work.")
    last_on: date = column("The last day of work.")
    worked: timedelta = column("Hours worked.", of="worked_us")
    billable: timedelta = column("What of them promises pay for.", of="billable_us")
    unattributed: timedelta = column("What of them keeps no promise that is known.", of="unattributed_us")
    person: Annotated["Person", strawberry.lazy(".people")] = one("people", by="person_id", description="Who.")


ProjectPersonOrder = order(
    "ProjectPerson",
    "How people are ordered",
    "WORKED",
    WORKED=("worked_us", "By what they worked."),
    LAST_ON=("last_on", "By their last day of work."),
)


@strawberry.type(description="A project's hours, each time something changes what was sold or delivered in it.")
class ProjectDrift:
    project_id: strawberry.Private[UUID]
    cursor: Position = strawberry.field(
        description="Give it as `after` to go on from here: nothing lost, nothing twice."
    )
    fact: Fact = strawberry.field(description="What changed it.")
    hours: SoldVersusDelivered = strawberry.field(description="The project's hours as of this fact.")
    project: Annotated["Project", strawberry.lazy(".projects")] = one(
        "projects", by="project_id", description="The project as it is now."
    )


@strawberry.type(description="More of the hours sold was burnt than a share that somebody watches.")
class ObligationAtRisk:
    obligation_id: strawberry.Private[UUID]
    cursor: Position = strawberry.field(
        description="Give it as `after` to go on from here: nothing lost, nothing twice."
    )
    percent: int = strawberry.field(description="The share that was reached, in percent of the hours sold.")
    burnt: timedelta = strawberry.field(description="The hours burnt, with those that reached it.")
    sold: timedelta = strawberry.field(description="The hours sold.")
    fact: Fact = strawberry.field(description="The hours that reached it.")
    obligation: Annotated["Obligation", strawberry.lazy(".obligations")] = one(
        "obligations", by="obligation_id", description="The promise as it is now."
    )
