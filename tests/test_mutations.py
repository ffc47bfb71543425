"""Mutations: what each of them records, and what it answers then."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from api import Api, Json, gid
from conftest import World
from owed import HOURS, owed
from sold import OFFERED, drafted, eur
from test_calendars import LIFE as CALENDARS
from test_delivery_mutations import LIFE
from test_holidays import LIFE as HOLIDAYS
from test_sales_mutations import LIFE as SALES

from pet_graph.authority import CLIENT_COMMANDS
from pet_graph.events.approval_limits import AdoptApprovalLimit
from pet_graph.events.checks import camel
from pet_graph.resolvers.facts import field_name


@pytest.fixture
def api(world: World) -> Api:
    return Api(world)


async def recorded(api: Api) -> int:
    """How many facts there are."""
    return len(await api.world.facts())


# --- recorded ---------------------------------------------------------------------------------------------------------

WHOLE_LIFE: list[tuple[str, str, Json, list[str], Json]] = [
    (
        "registerCustomer",
        "CustomerRecorded { customer { name reference version } }",
        {"commandId": str(UUID(int=1)), "name": "Acme", "reference": "A-1"},
        ["CustomerRegistered"],
        {"customer": {"name": "Acme", "reference": "A-1", "version": 1}},
    ),
    (
        "renameCustomer",
        "CustomerRecorded { customer { name reference version } }",
        {"customer": gid("Customer", UUID(int=1)), "name": "Acme & Daughters", "expectedVersion": 1},
        ["CustomerRenamed"],
        {"customer": {"name": "Acme & Daughters", "reference": "A-1", "version": 2}},
    ),
    (
        "registerPerson",
        "PersonRecorded { person { name email roles } }",
        {"commandId": str(UUID(int=2)), "name": "Ada", "email": "ada@pet.example", "roles": ["SUPPORT"]},
        ["PersonRegistered"],
        {"person": {"name": "Ada", "email": "ada@pet.example", "roles": ["SUPPORT"]}},
    ),
    (
        "grantRole",
        "PersonRecorded { person { roles } }",
        {"person": gid("Person", UUID(int=2)), "role": "ENGINEER"},
        ["RoleGranted"],
        {"person": {"roles": ["ENGINEER", "SUPPORT"]}},
    ),
    (
        "revokeRole",
        "PersonRecorded { person { roles } }",
        {"person": gid("Person", UUID(int=2)), "role": "SUPPORT"},
        ["RoleRevoked"],
        {"person": {"roles": ["ENGINEER"]}},
    ),
    (
        "adoptSlaPolicy",
        "SlaPolicyRecorded { policy { name customer { name } policyVersion warnAtPercent "
        "targets { priority response resolution } } }",
        {
            "name": "Gold",
            "customer": gid("Customer", UUID(int=1)),
            "targets": [{"priority": "NORMAL", "response": "PT1H", "resolution": "P1DT30M"}],
            "warnAtPercent": [90, 50],
            "validFrom": "2026-01-01T00:00:00+01:00",
        },
        ["SlaPolicyAdopted"],
        {
            "policy": {
                "name": "Gold",
                "customer": {"name": "Acme & Daughters"},
                "policyVersion": 1,
                "warnAtPercent": [50, 90],
                "targets": [{"priority": "NORMAL", "response": "PT1H", "resolution": "PT24H30M"}],
            }
        },
    ),
    (
        "openTicket",
        "TicketRecorded { ticket { subject description priority status openedAt customer { name } "
        "clocks(first: 2) { totalCount } } }",
        {
            "commandId": str(UUID(int=3)),
            "customer": gid("Customer", UUID(int=1)),
            "subject": "It squeaks",
            "occurredAt": "2026-06-01T13:59:00+02:00",
        },
        ["TicketOpened", "SlaStarted"],
        {
            "ticket": {
                "subject": "It squeaks",
                "description": "",
                "priority": "NORMAL",
                "status": "OPEN",
                "openedAt": "2026-06-01T11:59:00+00:00",
                "customer": {"name": "Acme & Daughters"},
                "clocks": {"totalCount": 2},
            }
        },
    ),
    (
        "assignTicket",
        "TicketRecorded { ticket { assignee { name } } }",
        {"assignee": gid("Person", UUID(int=2))},
        ["TicketAssigned"],
        {"ticket": {"assignee": {"name": "Ada"}}},
    ),
    (
        "respondToTicket",
        "TicketRecorded { ticket { respondedAt } }",
        {"person": gid("Person", UUID(int=2)), "message": "We look at it."},
        ["TicketResponded", "SlaMet"],
        {"ticket": {"respondedAt": "2026-06-01T12:00:00+00:00"}},
    ),
    (
        "holdTicket",
        "TicketRecorded { ticket { status holdReason waitingOn } }",
        {"reason": "Which one?", "waitingOn": "CUSTOMER"},
        ["TicketHeld", "SlaPaused"],
        {"ticket": {"status": "ON_HOLD", "holdReason": "Which one?", "waitingOn": "CUSTOMER"}},
    ),
    (
        "resumeTicket",
        "TicketRecorded { ticket { status holdReason waitingOn } }",
        {},
        ["TicketResumed", "SlaResumed"],
        {"ticket": {"status": "OPEN", "holdReason": None, "waitingOn": None}},
    ),
    (
        "prioritiseTicket",
        "TicketRecorded { ticket { priority } }",
        {"priority": "URGENT"},
        ["TicketPrioritised", "SlaCancelled"],
        {"ticket": {"priority": "URGENT"}},
    ),
    (
        "resolveTicket",
        "TicketRecorded { ticket { status resolvedAt } }",
        {"resolution": "Oil."},
        ["TicketResolved"],
        {"ticket": {"status": "RESOLVED", "resolvedAt": "2026-06-01T12:00:00+00:00"}},
    ),
    (
        "closeTicket",
        "TicketRecorded { ticket { status closedAt } }",
        {},
        ["TicketClosed"],
        {"ticket": {"status": "CLOSED", "closedAt": "2026-06-01T12:00:00+00:00"}},
    ),
    (
        "reopenTicket",
        "TicketRecorded { ticket { status resolvedAt closedAt } }",
        {"reason": "It squeaks again."},
        ["TicketReopened"],
        {"ticket": {"status": "OPEN", "resolvedAt": None, "closedAt": None}},
    ),
    (
        "receiveTicketMessage",
        "TicketRecorded { ticket { messages status } }",
        {"message": "Well?", "sender": "Bob"},
        ["TicketMessageReceived"],
        {"ticket": {"messages": 1, "status": "OPEN"}},
    ),
    (
        "annotateTicket",
        "TicketRecorded { ticket { version } }",
        {"note": "He is cross.", "person": gid("Person", UUID(int=2))},
        ["TicketAnnotated"],
        {"ticket": {"version": 11}},
    ),
    (
        "mergeTicket",
        "TicketRecorded { ticket { status mergedInto { subject } } }",
        {"into": gid("Ticket", UUID(int=4)), "reason": "The same armchair."},
        ["TicketMerged"],
        {"ticket": {"status": "MERGED", "mergedInto": {"subject": "It creaks"}}},
    ),
    (
        "annulTicket",
        "TicketRecorded { ticket { status version } }",
        {"reason": "Another firm's."},
        ["TicketAnnulled"],
        {"ticket": {"status": "ANNULLED", "version": 13}},
    ),
    (
        "retireSlaPolicy",
        "SlaPolicyRecorded { policy { retiredAt } }",
        {"customer": gid("Customer", UUID(int=1))},
        ["SlaPolicyRetired"],
        {"policy": {"retiredAt": "2026-06-01T12:00:00+00:00"}},
    ),
]
"""Every mutation: what is asked, what is given, the facts it records, and what is answered then."""


OWED = {
    "fulfilObligation": ({"evidence": "Report 7"}, "Fulfilled", {"status": "FULFILLED", "evidence": "Report 7"}),
    "releaseObligation": ({"reason": "Mutual"}, "Released", {"status": "RELEASED", "releaseReason": "Mutual"}),
}


@pytest.mark.parametrize("name", OWED)
async def test_an_obligation_is_ended_by_a_mutation(api: Api, name: str) -> None:
    given, participle, expected = OWED[name]
    [line] = await owed(api.world, HOURS)
    asked = f"... on ObligationRecorded {{ obligation {{ {' '.join(expected)} }} }}"
    answer = await api.command(name, asked, obligation=gid("Obligation", line), **given)
    assert answer["facts"] == [{"position": "3", "type": f"Obligation{participle}"}]
    assert answer["obligation"] == expected


QUOTED = [
    (
        "draftQuote",
        {"offer": {**OFFERED, "title": "A stall"}},
        ["QuoteDrafted", "NumberIssued", "QuoteNumbered"],
        "DRAFT",
    ),
    ("withdrawQuote", {"reason": "Too small"}, ["QuoteWithdrawn"], "WITHDRAWN"),
    ("reviseQuote", {"offer": OFFERED}, ["QuoteRevised"], "DRAFT"),
    ("submitQuote", {}, ["QuoteSubmitted"], "SUBMITTED"),
    ("approveQuote", {"digest": None}, ["QuoteApproved"], "APPROVED"),
    ("sendQuote", {"recipient": "Cora"}, ["QuoteSent"], "SENT"),
]
ENDS = {
    "acceptQuote": ({"digest": None, "acceptedBy": "Cora", "acceptedUnder": "Order 7"}, "ACCEPTED"),
    "declineQuote": ({"reason": "Too dear"}, "DECLINED"),
    "supersedeQuote": ({"by": gid("Quote", UUID(int=5))}, "SUPERSEDED"),
}
"""The way of a quote until it is sent, and how it may end: what is given, the facts, the status then."""


@pytest.mark.parametrize("end", ENDS)
async def test_a_quote_is_brought_to_its_end_by_mutations(api: Api, end: str) -> None:
    customer = await api.world.customer()
    await api.world.record(AdoptApprovalLimit(limit=eur("969")))
    await drafted(api.world, customer=customer, id=UUID(int=5))
    asked = "... on QuoteRecorded { quote { id status newest { digest } } }"
    known = {"customer": gid("Customer", customer), "quote": "", "digest": ""}
    facts = {"acceptQuote": ["QuoteAccepted", "ObligationOpened"]}.get(end, [f"Quote{ENDS[end][1].capitalize()}"])
    for name, given, types, status in [*QUOTED, (end, ENDS[end][0], facts, ENDS[end][1])]:
        named = {"digest", "customer" if name == "draftQuote" else "quote"} & {*given, "customer", "quote"}
        answer = await api.command(name, asked, **{**given, **{key: known[key] for key in named}})
        assert [fact["type"] for fact in answer["facts"]] == types, answer
        assert answer["quote"]["status"] == status
        known |= {"quote": answer["quote"]["id"], "digest": answer["quote"]["newest"]["digest"]}


async def test_every_mutation_answers_with_its_facts_and_what_it_left(api: Api) -> None:
    before = 0
    for name, selection, given, types, expected in WHOLE_LIFE:
        if name == "mergeTicket":
            other = {"customer": gid("Customer", UUID(int=1)), "subject": "It creaks"}
            answer = await api.command(
                "openTicket", "... on Recorded { position }", commandId=str(UUID(int=4)), **other
            )
            before = int(answer["position"])
        if "Ticket" in name and name != "openTicket":
            given = {"ticket": gid("Ticket", UUID(int=3)), **given}
        kind = selection.split()[0]
        answer = await api.command(name, f"... on {selection}", **given)
        facts = [{"position": f"{before + number}", "type": each} for number, each in enumerate(types, 1)]
        before += len(facts)
        said = {"__typename": kind, "position": f"{before}", "repeated": False, "dryRun": False, "facts": facts}
        assert answer == {**said, **expected}, name
    assert await recorded(api) == before
    elsewhere = {"adoptApprovalLimit", *OWED, *ENDS, *(name for name, *_ in QUOTED)}
    assert sorted({*elsewhere, *(name for name, *_ in (*WHOLE_LIFE, *LIFE, *CALENDARS, *HOLIDAYS, *SALES))}) == sorted(
        [*(camel(field_name(name)) for name in CLIENT_COMMANDS), "proposeHolidaysFromIcal"]
    )


async def test_a_mutation_tells_everything_of_the_facts_it_recorded(api: Api) -> None:
    command_id, errand = uuid4(), uuid4()
    said = (
        "position stream version type schemaVersion data actor authority origin commandId correlation causation "
        "occurredAt recordedAt seal"
    )
    given = {
        "name": "Acme",
        "commandId": str(command_id),
        "correlation": str(errand),
        "occurredAt": "2020-02-29T23:59:59.5-01:00",
    }
    answer = await api.command("registerCustomer", f"... on Recorded {{ whole: facts {{ {said} }} }}", **given)
    [fact] = await api.world.facts()
    assert answer["whole"] == [
        {
            "position": "1",
            "stream": f"customer-{command_id}",
            "version": 1,
            "type": "CustomerRegistered",
            "schemaVersion": 1,
            "data": {"name": "Acme"},
            "actor": "tester",
            "authority": "support",
            "origin": "internal",
            "commandId": str(command_id),
            "correlation": str(errand),
            "causation": None,
            "occurredAt": "2020-03-01T00:59:59.5+00:00",
            "recordedAt": "2026-06-01T12:00:00+00:00",
            "seal": fact.seal.hex(),
        }
    ]


RENAME = """
    mutation ($b: RenameCustomerInput!, $c: RenameCustomerInput!) {
        b: renameCustomer(input: $b) { ... on CustomerRecorded { customer { name } } }
        c: renameCustomer(input: $c) { ... on CustomerRecorded { customer { name } } }
    }
"""


async def test_mutations_of_one_document_see_what_those_before_them_left(api: Api) -> None:
    customer = gid("Customer", await api.world.customer("A"))
    b, c = ({"commandId": str(uuid4()), "customer": customer, "name": name} for name in "BC")
    assert await api.ask(RENAME, b=b, c=c) == {"b": {"customer": {"name": "B"}}, "c": {"customer": {"name": "C"}}}


async def test_a_rehearsal_answers_what_would_be_recorded_and_records_nothing(api: Api) -> None:
    command_id = str(uuid4())
    asked = "... on CustomerRecorded { customer { name } }"
    answer = await api.command("registerCustomer", asked, commandId=command_id, name="Acme", dryRun=True)
    assert answer == {
        "__typename": "CustomerRecorded",
        "position": "1",
        "repeated": False,
        "dryRun": True,
        "facts": [{"position": "1", "type": "CustomerRegistered"}],
        "customer": None,
    }
    assert await recorded(api) == 0
    real = await api.command("registerCustomer", asked, commandId=command_id, name="Birch")
    assert (real["repeated"], real["customer"]) == (False, {"name": "Birch"})
    refused = await api.command("renameCustomer", customer=gid("Customer", UUID(command_id)), name="Birch", dryRun=True)
    assert (refused["__typename"], refused["code"]) == ("Refused", "unchanged")
