"""The graph as a whole: any thing by its id, who may read, how much may be asked at once, and how errors are told."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from api import Api, counted, gid
from conftest import World
from firm import at_work
from graphql import (
    GraphQLSchema,
    build_client_schema,
    get_introspection_query,
    is_enum_type,
    is_input_object_type,
    is_interface_type,
    is_object_type,
    is_scalar_type,
    is_specified_scalar_type,
    lexicographic_sort_schema,
    print_schema,
)
from promises import SCHEMA
from sold import ADVICE, SERVERS, eur, offer, sold
from wire import serving

from pet_graph.events.approval_limits import AdoptApprovalLimit, limit_of
from pet_graph.events.base import Quantity
from pet_graph.events.deliveries import DeliverObligation
from pet_graph.events.obligations import obligation_of
from pet_graph.events.policies import DEFAULT
from pet_graph.events.tickets import AssignTicket, OpenTicket
from pet_graph.graph import schema
from pet_graph.schema import NODES


@pytest.fixture
def api(world: World) -> Api:
    return Api(world)


async def a_ticket(world: World, customer: UUID, subject: str = "It squeaks") -> UUID:
    ticket = (await world.record(OpenTicket(customer=customer, subject=subject))).facts[0].id
    await world.record(AssignTicket(ticket=ticket, assignee=await world.person(f"For {subject}")))
    return ticket


# --- anything by its id -----------------------------------------------------------------------------------------------


async def one_of_each(world: World) -> dict[str, str]:
    """The id of a thing of every type, by the name of the type."""
    await world.policy(resolution=timedelta(hours=1))
    quote = await sold(world, offer(ADVICE, SERVERS))
    await world.record(AdoptApprovalLimit(limit=eur("1")))
    [customer] = [row["id"] for row in await world.rows("customers")]
    ticket = await a_ticket(world, customer)
    [person], [clock] = await world.rows("people"), await world.rows("sla_clocks")
    handed: dict[str, Any] = {"person": person["id"], "quantity": Quantity(1), "evidence": "Note 7"}
    await world.record(DeliverObligation(obligation=obligation_of(quote, 2), **handed))
    found = {
        "ApprovalLimit": limit_of("EUR"),
        "Customer": customer,
        "Obligation": obligation_of(quote, 1),
        "Person": person["id"],
        "Quote": quote,
        "QuoteLine": (await world.rows("quote_lines"))[0]["id"],
        "QuoteVersion": (await world.rows("quote_versions"))[0]["id"],
        "SlaPolicy": DEFAULT,
        "Ticket": ticket,
        "SlaClock": clock["id"],
    }
    await at_work(world, ("Portal",), [person["id"], await world.person("Approver")], [customer])
    rest = {name: table for name, (table, _) in NODES.items() if name not in found}
    found |= {name: (await world.rows(table))[0]["id"] for name, table in rest.items()}
    return {name: gid(name, id_) for name, id_ in found.items()}


async def test_a_thing_of_every_type_is_found_by_its_id_alone(api: Api) -> None:
    each = await one_of_each(api.world)
    interface: Any = schema._schema.type_map["Node"]
    assert sorted(each) == sorted(kind.name for kind in schema._schema.get_possible_types(interface))
    for name, id_ in each.items():
        data = await api.ask("query ($id: ID!) { node(id: $id) { __typename id } }", id=id_)
        assert data["node"] == {"__typename": name, "id": id_}
    ids = [*each.values(), gid("Ticket", uuid4()), *each.values()]
    nodes = (await api.ask("query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }", ids=ids))["nodes"]
    found = [{"__typename": name, "id": id_} for name, id_ in each.items()]
    assert nodes == [*found, None, *found]


FINDERS = {
    "Booking": "booking",
    "ApprovalLimit": "approvalLimit",
    "Calendar": "calendar",
    "Customer": "customer",
    "Lead": "lead",
    "Milestone": "milestone",
    "Obligation": "obligation",
    "Opportunity": "opportunity",
    "Person": "person",
    "Project": "project",
    "RateCard": "rateCard",
    "Quote": "quote",
    "QuoteLine": "quoteLine",
    "QuoteVersion": "quoteVersion",
    "SlaPolicy": "slaPolicy",
    "Task": "task",
    "Ticket": "ticket",
    "TimeEntry": "timeEntry",
    "Timesheet": "timesheet",
    "SlaClock": "slaClock",
}


async def test_an_id_finds_one_thing_of_one_type(api: Api) -> None:
    each = await one_of_each(api.world)
    for name, field in FINDERS.items():
        document = f"query ($id: ID!) {{ it: {field}(id: $id) {{ id }} }}"
        assert await api.ask(document, id=each[name]) == {"it": {"id": each[name]}}
        assert await api.ask(document, id=gid(name, uuid4())) == {"it": None}
        for other in set(FINDERS) - {name}:
            code, sentence = await api.wrong(document, id=each[other])
            assert (code, sentence) == ("BAD_USER_INPUT", f"{each[other]!r} is the id of a {other}, not of a {name}.")


async def test_what_is_no_id_is_told_and_not_looked_for(api: Api) -> None:
    some, right = str(UUID(int=10)), gid("Ticket", UUID(int=10))
    inside = (
        "",
        ":",
        "Ticket:",
        some,
        f":{some}",
        f"Ticket:{some[:-1]}",
        f"Ticket:{{{some}}}",
        f"Ticket:urn:uuid:{some}",
    )
    inside += (f"Ticket:{some.upper()}", f"{'X' * 1_000}:{some}", f"a b:{some}", f"Ticket\0:{some}")
    wrong = [b64encode(text.encode()).decode() for text in inside]
    for id_ in (*wrong, "?", "é", "\ud800", "a\0b", "Ticket", right[:-4], f"{right}!", f" {right}", "x" * 100_000):
        for document in ("query ($id: ID!) { node(id: $id) { id } }", "query ($id: ID!) { ticket(id: $id) { id } }"):
            code, sentence = await api.wrong(document, id=id_)
            assert (code, sentence.endswith(" is not an id of PET's.")) == ("BAD_USER_INPUT", True), (
                id_[:99],
                sentence,
            )
            assert len(sentence) < 200
    assert await api.wrong("query ($id: ID!) { node(id: $id) { id } }", id=gid("Invoice", uuid4())) == (
        "BAD_USER_INPUT",
        "There is no type 'Invoice'.",
    )


async def test_at_most_100_things_are_found_at_once(api: Api) -> None:
    document = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    assert await api.ask(document, ids=[]) == {"nodes": []}
    assert await api.ask(document, ids=[gid("Ticket", uuid4())] * 100) == {"nodes": [None] * 100}
    assert await api.wrong(document, ids=["?"] * 101) == ("BAD_USER_INPUT", "`ids` has 101 items; at most 100 fit.")


# --- who may read -----------------------------------------------------------------------------------------------------

LISTS = (
    "allocations",
    "approvalLimits",
    "bookings",
    "calendars",
    "customers",
    "leads",
    "milestones",
    "obligations",
    "obligationDeliveries",
    "opportunities",
    "people",
    "projects",
    "quoteLines",
    "quoteVersions",
    "quotes",
    "rateCards",
    "slaClocks",
    "slaPolicies",
    "tasks",
    "tickets",
    "timeEntries",
    "timesheets",
)
READS = (
    "{ position }",
    "{ facts(first: 1) { cursor } }",
    *(f"{{ {field}(first: 1) {{ nodes {{ id }} }} }}" for field in LISTS),
    '{ businessTime(calendar: "", from: "2026-06-01T12:00:00Z", to: "2026-06-01T12:00:00Z") { elapsed } }',
    "{ timePolicy { name } }",
    '{ rate(kind: COST, on: "2026-06-01") { perHour } }',
    '{ overcommitments(firstOn: "2026-06-01", lastOn: "2026-06-02", first: 1) { day } }',
    "{ slaBreachesByCustomer(first: 1) { breaches } }",
    '{ slaAttainment(from: "2026-01-01T00:00:00Z", to: "2027-01-01T00:00:00Z", by: [], first: 1) { met } }',
    '{ slasAtRisk(within: "PT8H", first: 1) { totalCount } }',
    "{ workInProgress { worked } }",
    "{ actuals(first: 1) { nodes { id } } }",
    '{ actual(id: "?") { id } }',
    '{ slaPreview(edit: {adoptSlaPolicy: {commandId: "' + f"{UUID(int=1)}" + '", name: "A", targets: [{}]}})'
    " { __typename } }",
    "{ soldVersusDelivered(by: [PROJECT], first: 1) { sold } }",
    "{ nodes(ids: []) { id } }",
    *(f'{{ {field}(id: "?") {{ id }} }}' for field in (*FINDERS.values(), "node")),
    'query { ticket(id: "?", asOf: {position: "1"}) { id } }',
)


async def test_who_has_no_role_that_reads_is_refused_whatever_they_ask(world: World) -> None:
    fields = {read.replace("query ", "").strip("{ ").partition("(")[0].partition(" ")[0] for read in READS}
    assert fields == set(schema._schema.query_type.fields)  # type: ignore[union-attr]
    for roles in ((), ("partner",), ("clock",), ("Manager",)):
        for document in READS:
            told = await Api(world, roles=roles).wrong(document)
            assert told == ("FORBIDDEN", "Your roles do not let you read this."), (roles, document)


async def test_every_other_role_may_read(world: World) -> None:
    for role in ("sales", "project_manager", "engineer", "support", "finance", "manager", "integration"):
        assert await Api(world, roles=["partner", role]).ask("{ position }") == {"position": "0"}


# --- how many questions -----------------------------------------------------------------------------------------------

NESTED = """{
    customers(first: 100) { totalCount nodes {
        name
        slaPolicy { name }
        tickets(first: 100) { totalCount nodes {
            subject customer { name } assignee { name tickets(first: 1) { nodes { id } } }
            clocks(first: 2) { totalCount nodes { kind policy { name } ticket { subject } customer { name } } }
        } }
    } }
    tickets(first: 100) { nodes { id customer { id } } }
}"""


async def test_a_nested_query_asks_as_often_for_many_things_as_for_one(api: Api) -> None:
    await api.world.policy(resolution=timedelta(hours=1))
    asked = []
    for number in (1, 5):
        for each in range(number):
            customer = await api.world.customer(f"{number}/{each}")
            for ticket in range(number):
                await a_ticket(api.world, customer, f"{number}/{each}/{ticket}")
        async with counted(api) as statements:
            await api.ask(NESTED)
            asked.append(len(statements))
    assert asked == [13, 13]


async def test_many_things_are_found_by_one_question_a_type(api: Api) -> None:
    each = await one_of_each(api.world)
    ids = [gid("Ticket", uuid4()) for _ in range(50)] + list(each.values())
    async with counted(api) as statements:
        await api.ask("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=ids)
        assert len(statements) == len(each)


# --- what is promised -------------------------------------------------------------------------------------------------


def described(served: GraphQLSchema) -> Iterator[tuple[str, str | None]]:
    """Everything that clients can see, by its schema coordinate, with its description."""
    for name, kind in served.type_map.items():
        if name.startswith("__") or (is_scalar_type(kind) and is_specified_scalar_type(kind)):
            continue
        yield name, kind.description
        if is_enum_type(kind):
            yield from ((f"{name}.{value}", one.description) for value, one in kind.values.items())
        if is_object_type(kind) or is_interface_type(kind) or is_input_object_type(kind):
            for field, one in kind.fields.items():
                yield f"{name}.{field}", one.description
                for argument, each in getattr(one, "args", {}).items():
                    yield f"{name}.{field}({argument}:)", each.description
    for directive in served.directives:
        yield f"@{directive.name}", directive.description
        yield from ((f"@{directive.name}({name}:)", each.description) for name, each in directive.args.items())


def test_everything_that_clients_can_see_is_described() -> None:
    everything = dict(described(schema._schema))
    assert len(everything) > 500
    assert [coordinate for coordinate, description in everything.items() if not (description or "").strip()] == []


def test_descriptions_are_sentences() -> None:
    own = {coordinate: text for coordinate, text in described(schema._schema) if text and coordinate[0] != "@"}
    assert [coordinate for coordinate, text in own.items() if text.strip()[-1] not in ".…"] == []


async def test_what_is_served_is_what_was_promised(database_url: str, tmp_path: Path) -> None:
    question = get_introspection_query(specified_by_url=True, input_value_deprecation=True, one_of=True)
    async with serving(database_url, tmp_path) as server:
        served = build_client_schema(await server.ask(question))  # type: ignore[arg-type]
    assert print_schema(lexicographic_sort_schema(served)) == SCHEMA.read_text().strip()
