"""The helpdesk log of an Italian software company, and what its rows become in PET.

`MAPPING` tells all of it, one line for each activity; `python examples/import_helpdesk.py --mapping` prints it.
"""

from __future__ import annotations

import csv
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from sending import CannotImport, Command

POLICY = "Helpdesk"
RESPONSE = {"URGENT": "PT4H", "HIGH": "PT24H", "NORMAL": "P15D", "LOW": "P20D"}
RESOLUTION = {"URGENT": "PT24H", "HIGH": "P5D", "NORMAL": "P20D", "LOW": "P30D"}
WARN_AT_PERCENT = [75]
"""The firm's promise, around the clock. The log states none: these are targets that nine tickets in ten met."""

OFFICE = {
    "name": "Helpdesk hours",
    "zone": "Europe/Rome",
    "hours": [
        {"weekdays": ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY"], "opens": opens, "closes": closes}
        for opens, closes in (("09:00", "13:00"), ("14:00", "18:00"))
    ],
}
YEARS = list(range(2010, 2016))
OFFICE_RESPONSE = {"URGENT": "PT4H", "HIGH": "PT8H", "NORMAL": "PT88H", "LOW": "PT112H"}
OFFICE_RESOLUTION = {"URGENT": "PT8H", "HIGH": "PT32H", "NORMAL": "PT112H", "LOW": "PT168H"}
"""The same promise in weeks of five days of eight hours, without the holidays of Italy."""

WAITS = [
    {"clock": "response", "starts": ["OPENED"], "stops": ["RESPONDED", "RESOLVED"], "pausedBy": ["CUSTOMER"]},
    {"clock": "resolution", "starts": ["OPENED", "REOPENED"], "stops": ["RESOLVED"], "pausedBy": ["CUSTOMER"]},
]
"""In office hours, only what the log calls "Wait" pauses the clocks: a defect is no reason to let a customer wait."""

FOUNDED_AT = "2010-01-01T00:00:00Z"
ZONE = ZoneInfo("Europe/Rome")
IDS = UUID("c2b5f3a6-0f7d-5d0e-8a53-6a1d6f0f2b11")

HEADER = (
    "Case ID,Activity,Resource,Complete Timestamp,Variant,Variant index,Variant,seriousness,customer,product,"
    "responsible_section,seriousness_2,service_level,service_type,support_section,workgroup"
)

# --- the log ----------------------------------------------------------------------------------------------------------


class Row(NamedTuple):
    """One line of the log, as far as it is used."""

    case: str
    activity: str
    resource: str
    at: datetime
    customer: str
    product: str
    seriousness: str
    service: str


def read_cases(file: Path) -> list[list[Row]]:
    """The rows of each case. Rows of one case stand together and in order."""
    try:
        with file.open(newline="", encoding="utf-8-sig") as lines:
            reader = csv.reader(lines)
            if ",".join(next(reader, [])) != HEADER:
                raise CannotImport(f"{file} is not the helpdesk log: its first line has to be {HEADER}")
            rows = [_row(fields, reader.line_num) for fields in reader if fields]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CannotImport(f"{file} cannot be read: {error}") from error
    cases = [list(group) for _, group in groupby(rows, key=lambda row: row.case)]
    if len({case[0].case for case in cases}) < len(cases):
        raise CannotImport(f"{file} is not the helpdesk log: the rows of a case do not stand together.")
    if any(row.activity == "Insert ticket" for case in cases for row in case[1:]):
        raise CannotImport(f"{file} is not the helpdesk log: a case is inserted twice.")
    return cases


def _row(fields: Sequence[str], line: int) -> Row:
    try:
        at = datetime.strptime(fields[3], "%Y/%m/%d %H:%M:%S.%f").replace(tzinfo=ZONE)
        priority = PRIORITIES[fields[11]]
        if fields[1] not in RULES:
            raise KeyError(fields[1])
        return Row(fields[0], fields[1], fields[2], at, fields[8], fields[9], priority, fields[13])
    except (IndexError, KeyError, ValueError) as error:
        raise CannotImport(f"Line {line} is not one of the helpdesk log: {error!r}") from error


# --- what its rows become ---------------------------------------------------------------------------------------------

PRIORITIES = {"Value 1": "LOW", "Value 2": "NORMAL", "Value 3": "HIGH", "Value 4": "URGENT"}
"""`seriousness_2` keeps its order. Which end is grave the log does not say; Value 4 was answered fastest."""


@dataclass
class Ticket:
    """What is known of a case from its rows so far: enough to choose commands. To decide on them is up to PET."""

    id: str
    status: str = "open"
    responded: bool = False


AFTER: dict[str, tuple[set[str], str]] = {
    "holdTicket": ({"open", "on hold"}, "on hold"),
    "resumeTicket": ({"on hold"}, "open"),
    "resolveTicket": ({"open", "on hold"}, "resolved"),
    "reopenTicket": ({"resolved", "closed"}, "open"),
    "closeTicket": ({"resolved"}, "closed"),
}
"""Command -> the statuses in which it does something, and the status it leads to."""

Choice = Callable[[Row, Ticket], Command]


def open_ticket(row: Row, ticket: Ticket) -> Command:
    fields = {"subject": f"Product {_number(row.product)}, service {_number(row.service)}", "reference": row.case}
    customer = global_id("Customer", id_of("customer", row.customer))
    return {"openTicket": {"customer": customer, "priority": row.seriousness, **fields}}


def prioritise(row: Row, ticket: Ticket) -> Command:
    return {"prioritiseTicket": {"ticket": ticket.id, "priority": row.seriousness}}


def take_in_charge(row: Row, ticket: Ticket) -> Command:
    person = global_id("Person", id_of("person", row.resource))
    if ticket.status == "on hold":
        return {"resumeTicket": {"ticket": ticket.id}}
    if ticket.status in ("resolved", "closed"):
        return {"reopenTicket": {"ticket": ticket.id, "reason": _said(row)}}
    if not ticket.responded:
        return {"respondToTicket": {"ticket": ticket.id, "person": person}}
    return {"assignTicket": {"ticket": ticket.id, "assignee": person}}


def hold(waiting_on: str) -> Choice:
    return lambda row, ticket: {
        "holdTicket": {"ticket": ticket.id, "reason": _said(row), "waitingOn": waiting_on},
    }


def resume(row: Row, ticket: Ticket) -> Command:
    return {"resumeTicket": {"ticket": ticket.id}}


def resolve(row: Row, ticket: Ticket) -> Command:
    return {"resolveTicket": {"ticket": ticket.id, "resolution": _said(row)}}


def close(row: Row, ticket: Ticket) -> Command:
    return {"closeTicket": {"ticket": ticket.id}}


def _number(value: str) -> str:
    return value.removeprefix("Value ")


def _said(row: Row) -> str:
    """The activity in its own words, with the resource, which most commands have no other place for."""
    return f"{row.activity} (resource {_number(row.resource)})"


class Rule(NamedTuple):
    """What an activity becomes from the second row of a case on, and why."""

    activity: str
    becomes: str
    reason: str
    choose: Choice


MAPPING = (
    Rule("Assign seriousness", "PrioritiseTicket", "It says how grave the case is.", prioritise),
    Rule("Insert ticket", "OpenTicket", "It takes the request down; it only ever comes first.", open_ticket),
    Rule(
        "Take in charge ticket",
        "ResumeTicket on hold, ReopenTicket once resolved, else RespondToTicket the first time, then AssignTicket",
        "Somebody starts to work: after a wait, after all, for the first time, or in another's place.",
        take_in_charge,
    ),
    Rule("Wait", "HoldTicket, CUSTOMER", "Nothing else is said to be missing, so it is an answer.", hold("CUSTOMER")),
    Rule("Require upgrade", "HoldTicket, SUPPLIER", "The product needs a new version first.", hold("SUPPLIER")),
    Rule("Schedule intervention", "HoldTicket, INTERNAL", "A visit has to take place first.", hold("INTERNAL")),
    Rule("Create SW anomaly", "HoldTicket, INTERNAL", "Development has to mend a defect first.", hold("INTERNAL")),
    Rule("Resolve SW anomaly", "ResumeTicket", "The defect is mended; the desk goes on.", resume),
    Rule("Resolve ticket", "ResolveTicket", "The request is answered.", resolve),
    Rule("RESOLVED", "ResolveTicket", "The request is answered, in the words of development.", resolve),
    Rule("VERIFIED", "ResolveTicket", "The answer was checked, so there is one.", resolve),
    Rule("INVALID", "ResolveTicket", "The answer is that there was no defect.", resolve),
    Rule("DUPLICATE", "ResolveTicket", "The answer stands in another case.", resolve),
    Rule("Closed", "CloseTicket", "Nothing more will be done.", close),
)
RULES = {rule.activity: rule for rule in MAPPING}
FIRST_ROW = ("(first of its case)", "OpenTicket", "It is the first that the log knows of the case.")


# --- commands ---------------------------------------------------------------------------------------------------------


def id_of(*names: object) -> UUID:
    """The same names give the same id, so that whatever is sent twice is recorded once."""
    return uuid5(IDS, "/".join(map(str, names)))


def global_id(kind: str, id_: UUID) -> str:
    return b64encode(f"{kind}:{id_}".encode()).decode()


CALENDAR = global_id("Calendar", id_of("calendar"))


def commands_of(case: list[Row]) -> Iterator[Command]:
    """One command for each row of a case."""
    ticket = Ticket(global_id("Ticket", id_of(case[0].case, 0)))
    for number, row in enumerate(case):
        command = (RULES[row.activity].choose if number else open_ticket)(row, ticket)
        [(name, fields)] = command.items()
        ticket.responded |= name == "respondToTicket"
        accepting, status = AFTER.get(name, (set(), ""))
        if ticket.status in accepting:
            ticket.status = status
        yield {name: {"commandId": str(id_of(row.case, number)), "occurredAt": row.at.isoformat(), **fields}}


def founding(cases: list[list[Row]], *, office: bool = False) -> list[Command]:
    """The policy, with the calendar first if there is one, the people and the customers, from before the first row."""
    rows = [row for case in cases for row in case]
    people = _in_order({row.resource for row in rows})
    customers = _in_order({row.customer for row in rows})
    return [
        *([_founding("defineCalendar", ("calendar",), OFFICE)] if office else []),
        _founding("adoptSlaPolicy", ("policy",), _policy(office)),
        *(
            _founding("registerPerson", ("person", one), {"name": f"Resource {_number(one)}", "roles": ["SUPPORT"]})
            for one in people
        ),
        *(
            _founding("registerCustomer", ("customer", one), {"name": f"Customer {_number(one)}", "reference": one})
            for one in customers
        ),
    ]


def _policy(office: bool) -> dict[str, Any]:
    response, resolution = (OFFICE_RESPONSE, OFFICE_RESOLUTION) if office else (RESPONSE, RESOLUTION)
    targets = [{"priority": name, "response": response[name], "resolution": resolution[name]} for name in response]
    policy: dict[str, Any] = {"name": POLICY, "targets": targets, "warnAtPercent": WARN_AT_PERCENT}
    return {**policy, "calendar": CALENDAR, "clocks": WAITS} if office else policy


def holidays_of(years: list[int]) -> dict[str, Any]:
    """The input of the mutation that proposes the holidays of Italy in these years."""
    [given] = _founding("", ("holidays",), {"calendar": CALENDAR, "country": "IT", "years": years}).values()
    return given


def accept(dates: list[str]) -> Command:
    """Somebody accepts all that were proposed."""
    return _founding("acceptHolidays", ("accepted",), {"calendar": CALENDAR, "dates": dates})


def _founding(name: str, names: tuple[str, ...], fields: dict[str, Any]) -> Command:
    return {name: {"commandId": str(id_of(*names)), "occurredAt": FOUNDED_AT, **fields}}


def _in_order(values: set[str]) -> list[str]:
    return sorted(values, key=lambda value: (len(value), value))
