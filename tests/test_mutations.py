"""Mutations: what each answers when it records, and every way in which it says that it does not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from api import RECORD_ALL, Api, Json, gid
from conftest import NOON, World

from pet_graph.authority import CLIENT_COMMANDS
from pet_graph.events.base import Role
from pet_graph.events.checks import camel
from pet_graph.events.tickets import OpenTicket
from pet_graph.resolvers.facts import field_name


@pytest.fixture
def api(world: World) -> Api:
    return Api(world)


async def recorded(api: Api) -> int:
    """How many facts there are."""
    return len(await api.world.facts())


# --- recorded -----------------------------------------------------------------------------------------------------------

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
                "openedAt": "2026-06-01T11:59:00Z",
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
        {"ticket": {"respondedAt": "2026-06-01T12:00:00Z"}},
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
        ["TicketPrioritised", "SlaRetargeted"],
        {"ticket": {"priority": "URGENT"}},
    ),
    (
        "resolveTicket",
        "TicketRecorded { ticket { status resolvedAt } }",
        {"resolution": "Oil."},
        ["TicketResolved"],
        {"ticket": {"status": "RESOLVED", "resolvedAt": "2026-06-01T12:00:00Z"}},
    ),
    (
        "closeTicket",
        "TicketRecorded { ticket { status closedAt } }",
        {},
        ["TicketClosed"],
        {"ticket": {"status": "CLOSED", "closedAt": "2026-06-01T12:00:00Z"}},
    ),
    (
        "reopenTicket",
        "TicketRecorded { ticket { status resolvedAt closedAt } }",
        {"reason": "It squeaks again."},
        ["TicketReopened"],
        {"ticket": {"status": "OPEN", "resolvedAt": None, "closedAt": None}},
    ),
    (
        "annulTicket",
        "TicketRecorded { ticket { status version } }",
        {"reason": "Another firm's."},
        ["TicketAnnulled"],
        {"ticket": {"status": "ANNULLED", "version": 10}},
    ),
    (
        "retireSlaPolicy",
        "SlaPolicyRecorded { policy { retiredAt } }",
        {"customer": gid("Customer", UUID(int=1))},
        ["SlaPolicyRetired"],
        {"policy": {"retiredAt": "2026-06-01T12:00:00Z"}},
    ),
]
"""Every mutation: what is asked, what is given, the facts it records, and what is answered then."""


async def test_every_mutation_answers_with_its_facts_and_what_it_left(api: Api) -> None:
    before = 0
    for name, selection, given, types, expected in WHOLE_LIFE:
        if name.endswith("Ticket") and name != "openTicket":
            given = {"ticket": gid("Ticket", UUID(int=3)), **given}
        kind = selection.split()[0]
        answer = await api.command(name, f"... on {selection}", **given)
        facts = [{"position": f"{before + number}", "type": each} for number, each in enumerate(types, 1)]
        before += len(facts)
        said = {"__typename": kind, "position": f"{before}", "repeated": False, "dryRun": False, "facts": facts}
        assert answer == {**said, **expected}, name
    assert await recorded(api) == before
    assert sorted(name for name, *_ in WHOLE_LIFE) == sorted(camel(field_name(name)) for name in CLIENT_COMMANDS)


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
            "occurredAt": "2020-03-01T00:59:59.500000Z",
            "recordedAt": "2026-06-01T12:00:00Z",
            "seal": fact.seal.hex(),
        }
    ]


async def test_mutations_of_one_document_see_what_those_before_them_left(api: Api) -> None:
    customer = await api.world.customer("A")
    one = 'renameCustomer(input: {commandId: "%s", customer: "%s", name: "%s"}) { ... on CustomerRecorded { customer { name } } }'
    document = " ".join(
        f"{alias}: " + one % (uuid4(), gid("Customer", customer), name) for alias, name in (("b", "B"), ("c", "C"))
    )
    assert await api.ask(f"mutation {{ {document} }}") == {
        "b": {"customer": {"name": "B"}},
        "c": {"customer": {"name": "C"}},
    }


# --- not recorded -------------------------------------------------------------------------------------------------------


async def test_a_refusal_is_told_and_told_again(api: Api) -> None:
    customer = gid("Customer", await api.world.customer("Acme"))
    command_id = str(uuid4())
    refusal = {
        "__typename": "Refused",
        "code": "unchanged",
        "message": "The customer is already called 'Acme'.",
        "path": ["name"],
        "repeated": False,
    }
    assert await api.command("renameCustomer", commandId=command_id, customer=customer, name="Acme") == refusal
    again = await api.command("renameCustomer", commandId=command_id, customer=customer, name="Acme")
    assert again == {**refusal, "repeated": True}
    assert await recorded(api) == 1


async def test_a_repeated_command_gets_its_first_answer(api: Api) -> None:
    given = {"commandId": str(uuid4()), "name": "Acme"}
    first = await api.command("registerCustomer", **given)
    assert await api.command("registerCustomer", **given) == {**first, "repeated": True}
    assert await recorded(api) == 1


async def test_a_version_that_is_not_the_present_one_is_a_conflict(api: Api) -> None:
    customer = gid("Customer", await api.world.customer("Acme"))
    for expected in (0, 2, -1, 2**31 - 1):
        assert await api.command("renameCustomer", customer=customer, name="B", expectedVersion=expected) == {
            "__typename": "VersionConflict",
            "code": "version_conflict",
            "message": f"You expected version {expected}; the current one is 1.",
            "path": ["expectedVersion"],
            "currentVersion": 1,
        }
    assert await recorded(api) == 1


async def test_a_command_id_used_for_something_else_is_a_conflict_that_names_it(api: Api) -> None:
    command_id = str(uuid4())
    await api.command("registerCustomer", commandId=command_id, name="Acme")
    for name, given, path in (
        ("registerCustomer", {"name": "Birch"}, "name"),
        ("registerCustomer", {"name": "Acme", "reference": "A-1"}, "reference"),
        ("registerCustomer", {"name": "Acme", "occurredAt": "2020-01-01T00:00:00Z"}, "occurredAt"),
        ("registerCustomer", {"name": "Acme", "expectedVersion": 0}, "expectedVersion"),
        ("registerPerson", {"name": "Acme"}, "command"),
    ):
        assert await api.command(name, commandId=command_id, **given) == {
            "__typename": "CommandConflict",
            "code": "command_id_conflict",
            "message": f"This command id was used before with another {path}.",
            "path": [path],
        }, path
    assert await recorded(api) == 1


NOT_WELL_FORMED: list[tuple[str, Json, str, str, list[str]]] = [
    ("registerCustomer", {"name": ""}, "blank", "name is blank.", ["name"]),
    ("registerCustomer", {"name": "x" * 201}, "too_long", "name has 201 characters; the limit is 200.", ["name"]),
    (
        "registerCustomer",
        {"name": "a\0b"},
        "not_text",
        "name holds characters that are not text (NUL or half a surrogate).",
        ["name"],
    ),
    (
        "registerCustomer",
        {"name": "A", "occurredAt": "2026-06-01T12:00:01Z"},
        "in_the_future",
        "occurredAt lies after now (2026-06-01T12:00:00.000000Z).",
        ["occurredAt"],
    ),
    ("renameCustomer", {"customer": "?", "name": "A"}, "not_an_id", "'?' is not an id of PET's.", ["customer"]),
    (
        "renameCustomer",
        {"customer": gid("Person", UUID(int=1)), "name": "A"},
        "wrong_type",
        "customer is the id of a Person; it has to be that of a Customer.",
        ["customer"],
    ),
    ("registerPerson", {"name": "A", "roles": ["SALES"] * 101}, "wrong_length", "roles has 101 items; from 0 to 100 fit.", ["roles"]),
    ("adoptSlaPolicy", {"name": "A", "targets": []}, "wrong_length", "targets has 0 items; from 1 to 4 fit.", ["targets"]),
    (
        "adoptSlaPolicy",
        {"name": "A", "targets": [{"priority": "LOW", "response": "PT1H"}], "warnAtPercent": [1, 2, 3, 4, 5, 6]},
        "wrong_length",
        "warnAtPercent has 6 items; from 0 to 5 fit.",
        ["warnAtPercent"],
    ),
    (
        "adoptSlaPolicy",
        {"name": "A", "customer": "?", "targets": [{"priority": "LOW", "response": "PT1H"}]},
        "not_an_id",
        "'?' is not an id of PET's.",
        ["customer"],
    ),
]  # fmt: skip


async def test_what_is_not_well_formed_is_told_by_field_and_leaves_the_command_id_free(api: Api) -> None:
    for name, given, code, message, path in NOT_WELL_FORMED:
        command_id = str(uuid4())
        answer = await api.command(name, commandId=command_id, **given)
        expected = {"__typename": "InvalidInput", "code": code, "message": message, "path": path}
        assert answer == expected, (name, given)
        assert await recorded(api) == 0
        freed = await api.command("registerCustomer", commandId=command_id, name="Acme", dryRun=True)
        assert freed["__typename"] == "CustomerRecorded"
    assert await recorded(api) == 0


async def test_what_is_named_has_to_be_there(api: Api) -> None:
    customer = await api.world.customer()
    ticket = gid("Ticket", (await api.world.record(OpenTicket(customer=customer, subject="It squeaks"))).facts[0].id)
    nobody, nothing = gid("Person", uuid4()), gid("Ticket", uuid4())
    for name, given, code, path in (
        ("openTicket", {"customer": gid("Customer", uuid4()), "subject": "A"}, "customer_not_found", ["customer"]),
        ("assignTicket", {"ticket": nothing, "assignee": nobody}, "ticket_not_found", ["ticket"]),
        ("assignTicket", {"ticket": ticket, "assignee": nobody}, "person_not_found", ["assignee"]),
        ("retireSlaPolicy", {}, "not_in_force", []),
    ):
        answer = await api.command(name, **given)
        assert (answer["__typename"], answer["code"], answer["path"]) == ("Refused", code, path)
    assert await recorded(api) == 2


async def test_a_role_that_may_not_is_told_which_may(world: World) -> None:
    customer = gid("Customer", await world.customer("Acme"))
    answer = await Api(world, roles=["finance", "engineer"]).command("renameCustomer", customer=customer, name="B")
    assert answer == {
        "__typename": "Refused",
        "code": "not_permitted",
        "message": "RenameCustomer may be asked for by sales or manager; your roles: engineer, finance.",
        "path": [],
        "repeated": False,
    }
    for roles in ((), ("partner",)):
        refused = await Api(world, roles=roles).command("renameCustomer", customer=customer, name="B")
        assert (refused["__typename"], refused["code"]) == ("Refused", "not_permitted")
    assert await recorded(Api(world)) == 1


async def test_an_outside_system_may_open_a_ticket_and_nothing_else(world: World) -> None:
    customer = gid("Customer", await world.customer("Acme"))
    shop = Api(world, roles=[Role.INTEGRATION, Role.MANAGER], origin="external:shop")
    opened = await shop.command("openTicket", customer=customer, subject="It squeaks")
    assert opened["__typename"] == "TicketRecorded"
    assert [fact.origin for fact in await world.facts()] == ["internal", "external:shop"]
    refused = await shop.command("renameCustomer", customer=customer, name="B")
    assert refused["code"] == "not_permitted"
    assert refused["message"] == "RenameCustomer cannot be asked for by external:shop: PET owns what it decides."


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


# --- many at once -------------------------------------------------------------------------------------------------------


def registering(name: str, **more: Any) -> Json:
    return {"registerCustomer": {"commandId": str(uuid4()), "name": name, **more}}


async def record_all(api: Api, *commands: Json, **how: bool) -> Json:
    answer: Json = (await api.ask(RECORD_ALL, commands=list(commands), **how))["recordAll"]
    return answer


def codes(answer: Json) -> list[str]:
    return [outcome.get("code") or outcome["__typename"] for outcome in answer["outcomes"]]


async def test_many_commands_are_answered_one_by_one_in_their_order(api: Api) -> None:
    acme = registering("Acme")
    made = acme["registerCustomer"]["commandId"]
    renaming = {"commandId": str(uuid4()), "customer": gid("Customer", UUID(made)), "name": "Acme"}
    answer = await record_all(
        api,
        acme,
        {"renameCustomer": renaming},
        registering(" "),
        acme,
        {"registerCustomer": {"commandId": made, "name": "Other"}},
        {"renameCustomer": {**renaming, "commandId": str(uuid4()), "name": "B", "expectedVersion": 7}},
        registering("Birch"),
    )
    assert codes(answer) == [
        "CommandRecorded",
        "unchanged",
        "blank",
        "CommandRecorded",
        "command_id_conflict",
        "version_conflict",
        "CommandRecorded",
    ]
    assert (answer["recorded"], answer["position"]) == (3, "2")
    assert [outcome.get("path") for outcome in answer["outcomes"][1:3]] == [["name"], ["name"]]
    assert answer["outcomes"][3] == {**answer["outcomes"][0], "repeated": True}
    assert answer["outcomes"][0]["node"] == {"id": gid("Customer", UUID(made))} == {"id": answer["outcomes"][0]["id"]}


async def test_all_or_none_are_recorded_when_that_is_asked(api: Api) -> None:
    unnamed, acme = registering(" "), registering("Acme")
    assert codes(await record_all(api, acme, unnamed, atomic=True)) == ["not_alone", "blank"]
    nobody = {"renameCustomer": {"commandId": str(uuid4()), "customer": gid("Customer", uuid4()), "name": "A"}}
    assert codes(await record_all(api, acme, nobody, atomic=True)) == ["not_alone", "customer_not_found"]
    assert await recorded(api) == 0
    whole = await record_all(api, acme, registering("Birch"), atomic=True)
    assert (codes(whole), whole["recorded"]) == (["CommandRecorded", "CommandRecorded"], 2)


async def test_many_commands_are_rehearsed_together_or_not_at_all(api: Api) -> None:
    answer = await record_all(api, registering("Acme"), registering("Birch"), dryRun=True)
    assert [(one["position"], one["dryRun"], one["node"]) for one in answer["outcomes"]] == [
        ("1", True, None),
        ("2", True, None),
    ]
    [one, other] = (await record_all(api, registering("Acme", dryRun=True), registering("Birch")))["outcomes"]
    assert one == {
        "__typename": "InvalidInput",
        "code": "dry_run_of_one",
        "message": "Rehearse all commands or none: use dryRun of recordAll.",
        "path": ["dryRun"],
    }
    assert (other["__typename"], await recorded(api)) == ("CommandRecorded", 1)


async def test_at_most_200_commands_are_taken_at_once(api: Api) -> None:
    assert (await record_all(api))["outcomes"] == []
    answer = await record_all(api, *(registering(f"{number}") for number in range(200)))
    assert answer["recorded"] == 200
    assert await api.wrong(RECORD_ALL, commands=[registering("A")] * 201) == (
        "BAD_USER_INPUT",
        "`commands` has 201 items; at most 200 fit.",
    )
    assert await recorded(api) == 200


async def test_each_of_many_commands_is_exactly_one(api: Api) -> None:
    two = {**registering("Acme"), "registerPerson": {"commandId": str(uuid4()), "name": "Ada"}}
    for wrong in ({}, two, {"registerCustomer": None}, {"registerTicket": {}}, None):
        code, _ = await api.wrong(RECORD_ALL, commands=[wrong])
        assert code == "BAD_USER_INPUT", wrong
    assert await recorded(api) == 0


async def test_what_many_commands_are_about_is_loaded_together(api: Api) -> None:
    before = NOON - timedelta(days=1)
    api.world.time[0] = before
    answer = await record_all(api, *(registering(f"{number}") for number in range(20)))
    assert len({outcome["node"]["id"] for outcome in answer["outcomes"]}) == 20
