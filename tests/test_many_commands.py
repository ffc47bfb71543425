"""Many commands at once: one answer each, in their order, all or none when that is asked."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from api import RECORD_ALL, Api, Json, counted, gid
from conftest import World


@pytest.fixture
def api(world: World) -> Api:
    return Api(world)


async def recorded(api: Api) -> int:
    """How many facts there are."""
    return len(await api.world.facts())


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
    document = RECORD_ALL.replace("node { id }", "node { id ... on Customer { name slaPolicy { name } } }")
    reads = []
    for number in (2, 20):
        async with counted(api) as statements:
            await api.ask(document, commands=[registering(f"{number}/{each}") for each in range(number)])
            reads.append(len(statements))
    assert reads == [2, 2]
