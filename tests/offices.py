"""An office in Rome with tickets: at noon (UTC) it opens after lunch, and the day after is a holiday, if accepted."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from conftest import World
from desk import CUSTOMER, HOUR, adopt
from timetables import OFFICE, REPUBLIC

from pet_graph.decisions import Recorded
from pet_graph.events.base import Command, Priority
from pet_graph.events.customers import RegisterCustomer
from pet_graph.events.holidays import AcceptHolidays, ProposeHolidays
from pet_graph.events.policies import SlaTarget
from pet_graph.events.tickets import OpenTicket

HOURS = UUID(int=7)
SIX, FIVE = (SlaTarget(Priority.NORMAL, resolution=hours * HOUR) for hours in (6, 5))
PROPOSE = ProposeHolidays(calendar=HOURS, source="Italy", holidays=(REPUBLIC,))
ACCEPT = AcceptHolidays(calendar=HOURS, dates=(REPUBLIC.on,))
HOLIDAY: tuple[Command, ...] = (PROPOSE, ACCEPT)


async def an_office_world(world: World, tickets: int, **fields: object) -> list[UUID]:
    """Tickets that were opened at noon, each to be resolved within six working hours: by nine the day after."""
    await world.record(RegisterCustomer(name="Crunchy Armchairs"), id=CUSTOMER)
    await world.record(OFFICE, id=HOURS)
    await world.record(adopt(SIX, warn_at_percent=(), calendar=HOURS, **fields))
    ids = [UUID(int=10_000 + number) for number in range(tickets)]
    asked = [world.asked(OpenTicket(customer=CUSTOMER, subject="It squeaks"), id=id_) for id_ in ids]
    assert all(isinstance(one, Recorded) for one in await world.turns.record_all(asked))
    return ids


async def due(world: World) -> list[tuple[int, datetime | None, int]]:
    """How many clocks are due when, by which version of the calendar."""
    rows = await world.pool.fetch("select count(*), due_at, calendar_version from sla_clocks group by 2, 3 order by 2")
    return [tuple(row) for row in rows]
