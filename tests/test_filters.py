"""Filters: what every field of every one of them leaves of a list."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID

import pytest
from api import Api, Json, gid
from conftest import NOON, World
from owed import HOURS, RETAINER, owed
from owed import SEATS as OWED_SEATS
from sold import SEATS, SERVERS, drafted, line, newest, offer, sold
from test_calendars import FILTERED
from test_delivery_filters import TRIED
from test_ledger_filters import TRIED as LEDGERS
from test_sales_mutations import TRIED as SOLD

from pet_graph.events.approval_limits import AdoptApprovalLimit
from pet_graph.events.base import BurnUnit, Money, Priority, Role
from pet_graph.events.customers import RegisterCustomer
from pet_graph.events.obligations import FulfilObligation
from pet_graph.events.opportunities import OpenOpportunity
from pet_graph.events.policies import AdoptSlaPolicy, RetireSlaPolicy, SlaTarget
from pet_graph.events.tickets import AssignTicket, HoldTicket, OpenTicket, PrioritiseTicket
from pet_graph.events.timelines import Party
from pet_graph.graph import schema


@pytest.fixture
def api(world: World) -> Api:
    return Api(world)


class Firm:
    """Two customers, two people, three policies and four tickets, and what the fields of filters find of them."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def furnish(self) -> None:
        record = self.world.record
        self.acme = (await record(RegisterCustomer(name="Acme", reference="A-1"))).facts[0].id
        self.birch = (await record(RegisterCustomer(name="Birch"))).facts[0].id
        self.ada = await self.world.person("Ada", Role.ENGINEER, Role.SUPPORT)
        self.bela = await self.world.person("Bela", Role.SUPPORT)
        await self.world.policy(resolution=timedelta(hours=8))
        await self._policy("Gold", self.acme)
        await self._policy("Past", self.birch)
        await record(RetireSlaPolicy(customer=self.birch))
        [hours, _] = await owed(self.world, HOURS, RETAINER, name="Cedar")
        await owed(self.world, OWED_SEATS, name="Dill", quote=UUID(int=98))
        rows = await self.world.rows("customers")
        self.dill = next(row["id"] for row in rows if row["name"] == "Dill")
        await record(FulfilObligation(obligation=hours, evidence="Report 7"))
        await self._quotes()
        await self._tickets()

    async def _quotes(self) -> None:
        """A plan to Acme that is a draft since yesterday, and a shop to Birch that is owed without its option."""
        world, day_before = self.world, NOON - timedelta(days=1)
        plan = offer(SERVERS, title="Plan", valid_until=date(2026, 6, 15))
        pursue = OpenOpportunity(name="A plan", owner=self.ada, source="Fair", customer=self.acme)
        self.sale = (await world.record(pursue)).facts[0].id
        await drafted(world, plan, customer=self.acme, opportunity=self.sale, occurred_at=day_before)
        self.shop = await sold(
            world, offer(line(1, BurnUnit.PERIOD, role="Operator"), SEATS, title="Shop"), customer=self.birch
        )
        self.digest = (await newest(world, self.shop))["digest"]
        for currency in ("EUR", "CHF"):
            await world.record(AdoptApprovalLimit(limit=Money(1_000_000, currency)))

    async def _policy(self, name: str, customer: UUID) -> None:
        targets = (SlaTarget(Priority.NORMAL, timedelta(hours=1), timedelta(hours=4)),)
        await self.world.record(AdoptSlaPolicy(name=name, targets=targets, customer=customer))

    async def _tickets(self) -> None:
        world = self.world
        opened = []
        for number, customer in enumerate([self.acme, self.acme, self.birch, self.birch]):
            world.time[0] = NOON + timedelta(hours=number)
            service, kind = ("Chairs", None) if number == 0 else (None, "Repair" if number == 1 else None)
            command = OpenTicket(
                customer=customer, subject=f"t{number}", reference=f"T-{number}", service=service, kind=kind
            )
            opened.append((await world.record(command)).facts[0].id)
        await world.record(AssignTicket(ticket=opened[0], assignee=self.ada))
        await world.record(AssignTicket(ticket=opened[2], assignee=self.bela))
        await world.record(PrioritiseTicket(ticket=opened[2], priority=Priority.URGENT))
        await world.record(HoldTicket(ticket=opened[1], reason="Wait.", waiting_on=Party.CUSTOMER))

    def found(self) -> list[tuple[str, str, Json, list[str]]]:
        """Input, root field, filter, and the things it leaves, by name; clocks by ticket and kind."""
        acme, birch = gid("Customer", self.acme), gid("Customer", self.birch)
        dill = gid("Customer", self.dill)
        ada, bela = gid("Person", self.ada), gid("Person", self.bela)
        return [
            ("CustomerFilter.name", "customers", {"name": ["Birch", "Nobody"]}, ["Birch"]),
            ("CustomerFilter.reference", "customers", {"reference": ["A-1"]}, ["Acme"]),
            ("ObligationFilter.status", "obligations", {"status": ["FULFILLED"]}, ["Advice"]),
            ("ObligationFilter.burnUnit", "obligations", {"burnUnit": ["MONEY", "HOURS"]}, ["Advice", "Retainer"]),
            ("ObligationFilter.role", "obligations", {"role": ["Senior engineer"]}, ["Advice"]),
            ("ObligationFilter.customer", "obligations", {"customer": [dill]}, ["Seats"]),
            ("ObligationFilter.promisedBefore", "obligations", {"promisedBefore": "2026-07-01"}, ["Retainer"]),
            ("ObligationFilter.promisedFrom", "obligations", {"promisedFrom": "2026-06-16"}, ["Advice"]),
            ("ObligationFilter.quote", "obligations", {"quote": [gid("Quote", self.shop)]}, ["Line 1"]),
            ("ApprovalLimitFilter.currency", "approvalLimits", {"currency": ["CHF"]}, ["1.00 CHF"]),
            ("QuoteFilter.number", "quotes", {"number": ["Q-0002"]}, ["Shop"]),
            ("QuoteFilter.status", "quotes", {"status": ["DRAFT"]}, ["Plan"]),
            ("QuoteFilter.customer", "quotes", {"customer": [birch]}, ["Shop"]),
            ("QuoteFilter.opportunity", "quotes", {"opportunity": [gid("Opportunity", self.sale)]}, ["Plan"]),
            ("QuoteFilter.inForce", "quotes", {"inForce": True}, ["Shop"]),
            ("QuoteFilter.draftedFrom", "quotes", {"draftedFrom": "2026-06-01T12:00:00Z"}, ["Shop"]),
            ("QuoteFilter.draftedBefore", "quotes", {"draftedBefore": "2026-06-01T12:00:00Z"}, ["Plan"]),
            ("QuoteFilter.validBefore", "quotes", {"validBefore": "2026-06-30"}, ["Plan"]),
            ("QuoteVersionFilter.digest", "quoteVersions", {"digest": [self.digest]}, ["Shop"]),
            ("QuoteVersionFilter.status", "quoteVersions", {"status": ["DRAFT"]}, ["Plan"]),
            ("QuoteLineFilter.kind", "quoteLines", {"kind": ["HARDWARE"]}, ["Line 2"]),
            ("QuoteLineFilter.burnUnit", "quoteLines", {"burnUnit": ["PERIOD"]}, ["Line 1"]),
            ("QuoteLineFilter.role", "quoteLines", {"role": ["Operator"]}, ["Line 1"]),
            ("QuoteLineFilter.optional", "quoteLines", {"optional": True}, ["Line 3"]),
            ("QuoteLineFilter.accepted", "quoteLines", {"accepted": False}, ["Line 3"]),
            ("PersonFilter.name", "people", {"name": ["Bela", "Nobody"]}, ["Bela"]),
            ("PersonFilter.role", "people", {"role": "ENGINEER"}, ["Ada"]),
            ("SlaPolicyFilter.customer", "slaPolicies", {"customer": [acme]}, ["Gold"]),
            ("SlaPolicyFilter.retired", "slaPolicies", {"retired": True}, ["Past"]),
            ("SlaPolicyFilter.retired", "slaPolicies", {"retired": False}, ["Gold", "Standard"]),
            ("TicketFilter.status", "tickets", {"status": ["ON_HOLD", "CLOSED"]}, ["t1"]),
            ("TicketFilter.status", "tickets", {"status": []}, []),
            ("TicketFilter.priority", "tickets", {"priority": ["URGENT"]}, ["t2"]),
            ("TicketFilter.customer", "tickets", {"customer": [birch]}, ["t2", "t3"]),
            ("TicketFilter.assignee", "tickets", {"assignee": [ada, bela]}, ["t0", "t2"]),
            ("TicketFilter.assigned", "tickets", {"assigned": True}, ["t0", "t2"]),
            ("TicketFilter.assigned", "tickets", {"assigned": False}, ["t1", "t3"]),
            ("TicketFilter.reference", "tickets", {"reference": ["T-3"]}, ["t3"]),
            ("TicketFilter.service", "tickets", {"service": ["Chairs"]}, ["t0"]),
            ("TicketFilter.kind", "tickets", {"kind": ["Repair"]}, ["t1"]),
            ("TicketFilter.openedFrom", "tickets", {"openedFrom": "2026-06-01T14:00:00Z"}, ["t2", "t3"]),
            ("TicketFilter.openedBefore", "tickets", {"openedBefore": "2026-06-01T14:00:00Z"}, ["t0", "t1"]),
            ("SlaClockFilter.kind", "slaClocks", {"kind": "RESPONSE"}, ["t0 RESPONSE", "t1 RESPONSE"]),
            ("SlaClockFilter.state", "slaClocks", {"state": ["PAUSED"]}, ["t1 RESOLUTION"]),
            ("SlaClockFilter.priority", "slaClocks", {"priority": ["URGENT"]}, ["t2 RESOLUTION"]),
            ("SlaClockFilter.customer", "slaClocks", {"customer": [birch]}, ["t2 RESOLUTION", "t3 RESOLUTION"]),
            ("SlaClockFilter.breached", "slaClocks", {"breached": True}, ["t1 RESPONSE"]),
            ("SlaClockFilter.name", "slaClocks", {"name": ["response"]}, ["t0 RESPONSE", "t1 RESPONSE"]),
            ("SlaClockFilter.policy", "slaClocks", {"policy": [gid("SlaPolicy", self.acme)]},
             ["t0 RESOLUTION", "t0 RESPONSE", "t1 RESOLUTION", "t1 RESPONSE"]),
            ("SlaClockFilter.open", "slaClocks", {"open": False}, ["t1 RESPONSE"]),
            ("SlaClockFilter.restated", "slaClocks", {"restated": True}, []),
            ("SlaClockFilter.dueBefore", "slaClocks", {"dueBefore": "2026-06-01T14:00:01Z"},
             ["t0 RESPONSE", "t1 RESPONSE"]),
            ("SlaClockFilter.dueFrom", "slaClocks", {"dueFrom": "2026-06-01T22:00:00Z"},
             ["t2 RESOLUTION", "t3 RESOLUTION"]),
        ]  # fmt: skip


NAMES = {
    "approvalLimits": "limit",
    "quotes": "title",
    "quoteVersions": "title",
    "quoteLines": "description",
    "obligations": "description",
    "tickets": "subject",
    "slaClocks": "kind ticket { subject }",
}


async def test_every_field_of_every_filter_leaves_what_it_says(api: Api) -> None:
    firm = Firm(api.world)
    await firm.furnish()
    for name, field, filter_, expected in firm.found():
        selection = f"nodes {{ {NAMES.get(field, 'name')} }}"
        document = f"query ($f: {name.partition('.')[0]}) {{ page: {field}(first: 100, filter: $f) {{ {selection} }} }}"
        nodes = (await api.ask(document, f=filter_))["page"]["nodes"]
        assert sorted(_named(node) for node in nodes) == expected, (name, filter_)
        everything = (await api.ask(document, f={}))["page"]["nodes"]
        assert len(everything) > len(expected), name


REPORTED = {f"DeliveryFilter.{name}" for name in ("burnUnit", "customer", "obligation", "project")} | {
    "ProjectDriftFilter.above",
    "ProjectDriftFilter.project",
}
REPORTED |= {f"SlaAttainmentFilter.{name}" for name in ("customer", "kind", "name", "policy", "priority")}
REPORTED |= {
    f"SlaAtRiskFilter.{name}" for name in ("assigned", "assignee", "customer", "kind", "name", "policy", "priority")
}
"""Tried with the reports that they are filters of."""

VERDICTS_BY = ("assignee", "customer", "kind", "name", "policy", "priority")


async def test_no_field_of_a_filter_is_left_untried(api: Api) -> None:
    firm = Firm(api.world)
    await firm.furnish()
    filters = {name: kind for name, kind in schema._schema.type_map.items() if name.endswith("Filter")}
    fields = {f"{name}.{field}" for name, kind in filters.items() for field in kind.fields}  # type: ignore[attr-defined]
    of_subscriptions_and_reports = {f"SlaVerdictFilter.{name}" for name in VERDICTS_BY} | REPORTED
    tried = TRIED | SOLD | FILTERED | LEDGERS | {name for name, *_ in firm.found()}
    assert fields - tried == of_subscriptions_and_reports


def _named(node: Json) -> str:
    if "ticket" in node:
        return f"{node['ticket']['subject']} {node['kind']}"
    [name] = node.values()
    return str(name)


async def test_all_that_a_filter_says_has_to_hold(api: Api) -> None:
    firm = Firm(api.world)
    await firm.furnish()
    document = "query ($f: TicketFilter) { tickets(first: 9, filter: $f) { nodes { subject } } }"
    acme = gid("Customer", firm.acme)
    both = await api.ask(document, f={"customer": [acme], "assigned": True})
    assert both["tickets"]["nodes"] == [{"subject": "t0"}]
    either = await api.ask(document, f={"customer": [acme, gid("Customer", firm.birch)]})
    assert [node["subject"] for node in either["tickets"]["nodes"]] == ["t3", "t2", "t1", "t0"]
    nothing = await api.ask(document, f={"customer": None, "assigned": None})
    assert len(nothing["tickets"]["nodes"]) == 4
    for wrong in ({"customer": [gid("Person", firm.ada)]}, {"assignee": ["?"]}):
        assert (await api.wrong(document, f=wrong))[0] == "BAD_USER_INPUT"


async def test_a_filter_holds_under_every_parent(api: Api) -> None:
    firm = Firm(api.world)
    await firm.furnish()
    tickets = "tickets(first: 9, filter: {assigned: true}) { totalCount nodes { subject } }"
    data = await api.ask(f"{{ customers(first: 9) {{ nodes {{ name {tickets} }} }} }}")
    assert data["customers"]["nodes"] == [
        {"name": "Acme", "tickets": {"totalCount": 1, "nodes": [{"subject": "t0"}]}},
        {"name": "Birch", "tickets": {"totalCount": 1, "nodes": [{"subject": "t2"}]}},
        {"name": "Cedar", "tickets": {"totalCount": 0, "nodes": []}},
        {"name": "Dill", "tickets": {"totalCount": 0, "nodes": []}},
    ]


async def test_text_that_no_row_can_hold_is_told_and_not_looked_for(api: Api) -> None:
    document = "query ($n: [String!]) { customers(first: 1, filter: {name: $n}) { nodes { id } } }"
    for given in ("a\0b", "a\ud800b"):
        code, sentence = await api.wrong(document, n=[given])
        assert (code, sentence) == (
            "BAD_USER_INPUT",
            f"{given!r} holds characters that are not text (NUL or half a surrogate).",
        )
