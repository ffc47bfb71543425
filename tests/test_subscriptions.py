"""Subscriptions: what is recorded arrives, once and in order, over WebSockets and as server-sent events."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from api import Json, gid, now
from httpx_sse import aconnect_sse
from wire import (
    BREACHES,
    FACTS,
    PATIENCE_SECONDS,
    VERDICT,
    Server,
    following,
    named,
    opening,
    over_sse,
    over_websocket,
    promised,
    serving,
    taken,
)

from pet_graph.events.policies import DEFAULT

OWN = gid("SlaPolicy", DEFAULT)
Over = Callable[..., AbstractAsyncContextManager[AsyncGenerator[Json, None]]]
each_way = pytest.mark.parametrize("over", [over_websocket, over_sse])

WARNINGS = f"""
    subscription ($after: Position, $filter: SlaVerdictFilter) {{
        slaWarnings(after: $after, filter: $filter) {{ {VERDICT} percent }}
    }}
"""
TICKET = """
    subscription ($id: ID!) {
        ticket(id: $id) {
            cursor
            fact { version type stream }
            ticket { version position status clocks(first: 2) { nodes { state } } }
        }
    }
"""


@pytest.fixture
async def pet(database_url: str, tmp_path: Path) -> AsyncIterator[Server]:
    async with serving(database_url, tmp_path) as server:
        yield server


def ago(**span: float) -> str:
    return (now() - timedelta(**span)).isoformat()


# --- every fact -------------------------------------------------------------------------------------------------------


@each_way
async def test_facts_arrive_from_the_beginning_and_then_as_they_are_recorded(pet: Server, over: Over) -> None:
    await pet.record(*named("Acme", "Birch"))
    async with over(pet, FACTS, after="0") as messages:
        assert [message["facts"]["cursor"] for message in await taken(messages, 2)] == ["1", "2"]
        [recorded] = await pet.record(*named("Crunchy"))
        [message] = await taken(messages, 1)
    assert recorded["facts"] == [{"position": "3", "type": "CustomerRegistered"}]
    assert message["facts"]["cursor"] == message["facts"]["fact"]["position"] == "3"


@each_way
async def test_facts_without_a_cursor_arrive_from_now_on(pet: Server, over: Over) -> None:
    await pet.record(*named("Acme", "Birch"))
    async with over(pet, FACTS) as messages:
        ahead = asyncio.create_task(taken(messages, 1))
        await following(1)
        await pet.record(*named("Crunchy"))
        assert [message["facts"]["cursor"] for message in await ahead] == ["3"]


async def test_facts_are_chosen_by_type_and_stream(pet: Server) -> None:
    [one, other] = await pet.record(*named("Acme", "Birch"))
    for customer, name in ((one, "A"), (other, "B"), (one, "C")):
        await pet.record({"renameCustomer": {"customer": customer["id"], "name": name}})
    async with over_websocket(pet, FACTS, after="0", types=["CustomerRenamed"]) as messages:
        assert [message["facts"]["cursor"] for message in await taken(messages, 3)] == ["3", "4", "5"]
        stream = (await pet.ask("{ facts(first: 1) { facts { stream } } }"))["facts"]["facts"][0]["stream"]
    async with over_sse(pet, FACTS, after="1", types=["CustomerRenamed"], streams=[stream]) as messages:
        assert [message["facts"]["cursor"] for message in await taken(messages, 2)] == ["3", "5"]


async def test_a_subscription_that_cannot_be_is_told_why(pet: Server) -> None:
    await pet.record(*named("Acme"))
    none = gid("Ticket", UUID(int=7))
    for document, variables, code, sentence in (
        (FACTS, {"after": "2"}, "BAD_USER_INPUT", "`after` is 2, but the newest fact has the position 1."),
        (BREACHES, {"after": "2"}, "BAD_USER_INPUT", "`after` is 2, but the newest fact has the position 1."),
        (FACTS, {"types": ["TicketEdited"]}, "BAD_USER_INPUT", "There is no fact of the type 'TicketEdited'."),
        (BREACHES, {"filter": {"customer": ["?"]}}, "BAD_USER_INPUT", "'?' is not an id of PET's."),
        (TICKET, {"id": none}, "BAD_USER_INPUT", "There is no ticket of this id."),
        (TICKET, {"id": "?"}, "BAD_USER_INPUT", "'?' is not an id of PET's."),
    ):
        async with pet.socket() as socket:
            await socket.subscribe(document, **variables)
            assert told(await socket.next()) == (code, sentence), (document, variables)
            assert (await socket.next())["type"] == "complete"
    await following(0)


async def test_who_may_not_read_may_not_follow(pet: Server) -> None:
    for document, variables in ((FACTS, {}), (BREACHES, {}), (WARNINGS, {}), (TICKET, {"id": gid("Ticket", uuid4())})):
        async with pet.socket(headers=pet.bearer("partner")) as socket:
            await socket.subscribe(document, **variables)
            assert told(await socket.next()) == ("FORBIDDEN", "Your roles do not let you read this.")


async def test_a_subscription_ends_when_the_client_says_so(pet: Server) -> None:
    async with pet.socket() as socket:
        await socket.subscribe(FACTS)
        await following(1)
        await socket.send(type="complete", id="1")
        await following(0)


def told(message: Json) -> tuple[str, str]:
    """Code and message of the error that a message brings, before or while the operation runs."""
    errors = message["payload"] if message["type"] == "error" else message["payload"]["errors"]
    [error] = errors
    return error["extensions"]["code"], error["message"]


# --- verdicts ---------------------------------------------------------------------------------------------------------


@each_way
async def test_breaches_and_warnings_arrive_with_what_they_are_about(pet: Server, over: Over) -> None:
    customer = await promised(pet, resolution="PT1H")
    async with over(pet, BREACHES, after="0") as breaches, over(pet, WARNINGS, after="0") as warnings:
        opened_at = now() - timedelta(hours=2)
        await pet.record(opening(customer, "It squeaks", occurredAt=opened_at.isoformat()))
        [breach] = [message["slaBreaches"] for message in await taken(breaches, 1)]
        [warning] = [message["slaWarnings"] for message in await taken(warnings, 1)]
    assert (warning.pop("percent"), warning["fact"]["type"], breach["fact"]["type"]) == (50, "SlaWarned", "SlaBreached")
    assert int(warning.pop("cursor")) < int(breach.pop("cursor"))
    assert warning.pop("fact") != breach.pop("fact")
    assert datetime.fromisoformat(breach["dueAt"]) == opened_at + timedelta(hours=1)
    assert (
        breach
        == warning
        == {
            "kind": "RESOLUTION",
            "cycle": 1,
            "priority": "NORMAL",
            "target": "PT1H",
            "dueAt": breach["dueAt"],
            "customer": {"name": "Acme"},
            "ticket": {"subject": "It squeaks"},
            "clock": {"state": "BREACHED"},
        }
    )


async def test_verdicts_are_chosen_by_all_that_a_filter_names(pet: Server) -> None:
    acme = await promised(pet, response="PT1H", resolution="PT1H")
    [birch] = [outcome["id"] for outcome in await pet.record(*named("Birch"))]
    past = ago(hours=2)
    for customer, priority in ((acme, "NORMAL"), (birch, "URGENT"), (acme, "URGENT")):
        await pet.record(opening(customer, f"{customer == acme} {priority}", priority=priority, occurredAt=past))
    for filter_, expected in (
        ({"kind": "RESPONSE"}, ["True NORMAL RESPONSE", "False URGENT RESPONSE", "True URGENT RESPONSE"]),
        ({"priority": ["NORMAL"]}, ["True NORMAL RESOLUTION", "True NORMAL RESPONSE"]),
        ({"customer": [birch]}, ["False URGENT RESOLUTION", "False URGENT RESPONSE"]),
        ({"customer": [acme], "priority": ["URGENT"], "kind": "RESOLUTION"}, ["True URGENT RESOLUTION"]),
        (
            {"policy": [gid("SlaPolicy", DEFAULT)], "name": ["response"], "priority": ["NORMAL"]},
            ["True NORMAL RESPONSE"],
        ),
    ):
        for field, document in (("slaBreaches", BREACHES), ("slaWarnings", WARNINGS)):
            async with over_websocket(pet, document, after="0", filter=filter_) as messages:
                found = [message[field] for message in await taken(messages, len(expected))]
            verdicts = [f"{verdict['ticket']['subject']} {verdict['kind']}" for verdict in found]
            assert sorted(verdicts) == sorted(expected), (field, filter_)


VERDICTS = """
    subscription ($after: Position, $filter: SlaVerdictFilter) {
        slaVerdicts(after: $after, filter: $filter) {
            __typename cursor name assignee { name } policy { name } elapsed segments { kind }
            ... on SlaCancellation { reason }
            ... on SlaRestatement { was state }
        }
    }
"""


@each_way
async def test_everything_that_is_said_of_clocks_arrives_and_goes_on_from_a_cursor(pet: Server, over: Over) -> None:
    customer = await promised(pet, response="PT1H", resolution="PT4H")
    [ada] = await pet.record({"registerPerson": {"name": "Ada", "roles": ["SUPPORT"]}})
    [ticket] = await pet.record(opening(customer, "It squeaks", occurredAt=ago(hours=3)))
    of = {"ticket": ticket["id"]}
    await pet.record({"assignTicket": {**of, "assignee": ada["id"]}})
    await pet.record({"respondToTicket": {**of, "occurredAt": ago(hours=2, minutes=30)}})
    await pet.record({"annulTicket": {**of, "reason": "It was the door"}})
    said = {"assignee": {"name": "Ada"}, "policy": {"name": "Standard"}, "segments": [{"kind": "BUSINESS"}]}
    async with over(pet, VERDICTS, after="0") as messages:
        everything = [message["slaVerdicts"] for message in await taken(messages, 6)]
    assert [(verdict["__typename"], verdict["name"]) for verdict in everything] == [
        ("SlaWarning", "response"),
        ("SlaBreach", "response"),
        ("SlaWarning", "resolution"),
        ("SlaLateEnd", "response"),
        ("SlaRestatement", "response"),
        ("SlaCancellation", "resolution"),
    ]
    restatement, cancellation = everything[4:]
    assert {**said, "was": "BREACHED", "state": "MET"}.items() <= restatement.items()
    assert {**said, "reason": "annulled"}.items() <= cancellation.items()
    filter_ = {"assignee": [ada["id"]]}
    async with over(pet, VERDICTS, after=everything[3]["cursor"], filter=filter_) as messages:
        assert [message["slaVerdicts"] for message in await taken(messages, 2)] == [restatement, cancellation]


@each_way
async def test_a_breach_arrives_when_it_falls_due(pet: Server, over: Over, capsys: pytest.CaptureFixture[str]) -> None:
    customer = await promised(pet, resolution="PT2S")
    async with over(pet, BREACHES) as messages:
        ahead = asyncio.create_task(taken(messages, 1))
        await following(1)
        await pet.record(opening(customer, "It squeaks"))
        [message] = await ahead
        lateness = now() - datetime.fromisoformat(message["slaBreaches"]["dueAt"])
    with capsys.disabled():
        print(f"\nthe breach was heard of {lateness / timedelta(milliseconds=1):.0f} ms after it fell due ")  # noqa: T201
    assert timedelta() < lateness < timedelta(seconds=2)
    assert message["slaBreaches"]["ticket"] == {"subject": "It squeaks"}
    [fact] = (await pet.ask('{ facts(first: 9, types: ["SlaBreached"]) { facts { seal } } }'))["facts"]["facts"]
    assert message["slaBreaches"]["fact"]["seal"] == fact["seal"]


# --- one ticket -------------------------------------------------------------------------------------------------------


@each_way
async def test_a_ticket_is_shown_first_and_then_each_change_of_it(pet: Server, over: Over) -> None:
    customer = await promised(pet, resolution="PT1H")
    [ticket, other] = await pet.record(opening(customer, "It squeaks"), opening(customer, "Another"))
    async with over(pet, TICKET, id=ticket["id"]) as messages:
        [first] = await taken(messages, 1)
        await pet.record(
            {"prioritiseTicket": {"ticket": other["id"], "priority": "URGENT"}},
            {"holdTicket": {"ticket": ticket["id"], "reason": "Wait.", "waitingOn": "CUSTOMER"}},
        )
        then = [message["ticket"] for message in await taken(messages, 2)]
    assert first["ticket"]["fact"] is None
    assert first["ticket"]["cursor"] == other["position"]
    assert first["ticket"]["ticket"] == {
        "version": 1,
        "position": ticket["facts"][0]["position"],
        "status": "OPEN",
        "clocks": {"nodes": [{"state": "RUNNING"}]},
    }
    assert [change["fact"]["type"] for change in then] == ["TicketHeld", "SlaPaused"]
    held = {"version": 2, "status": "ON_HOLD", "clocks": {"nodes": [{"state": "PAUSED"}]}}
    assert [{**held, "position": change["ticket"]["position"]} == change["ticket"] for change in then] == [True, True]
    assert int(then[0]["cursor"]) + 1 == int(then[1]["cursor"])


async def test_no_change_of_a_ticket_is_lost_between_its_state_and_what_follows(pet: Server) -> None:
    customer = await promised(pet, resolution="PT1H")
    [ticket] = await pet.record(opening(customer, "It squeaks"))

    async def change() -> None:
        for number in range(20):
            priority = "URGENT" if number % 2 == 0 else "NORMAL"
            await pet.record({"prioritiseTicket": {"ticket": ticket["id"], "priority": priority}})

    async def watch(wait_seconds: float) -> None:
        await asyncio.sleep(wait_seconds)
        async with over_sse(pet, TICKET, id=ticket["id"]) as messages:
            [first] = await taken(messages, 1)
            shown, heard = first["ticket"]["ticket"]["version"], [0]
            while max(shown, heard[-1]) < 21:
                fact = (await taken(messages, 1))[0]["ticket"]["fact"]
                heard += [fact["version"]] if fact["type"] == "TicketPrioritised" else []
        assert set(range(shown + 1, 22)) <= set(heard)
        assert heard == sorted(set(heard))

    await asyncio.gather(change(), *(watch(number / 40) for number in range(5)))


# --- server-sent events -----------------------------------------------------------------------------------------------


async def events(pet: Server, document: str, **how: Any) -> list[tuple[str, str, Any]]:
    """Media type, name and data of the events of a stream that ends by itself."""
    async with (
        pet.http() as client,
        aconnect_sse(client, "POST", "/graphql", json={"query": document}, **how) as source,
    ):
        kind = source.response.headers["content-type"]
        return [(kind, event.event, event.data and event.json()) async for event in source.aiter_sse()]


async def test_any_operation_may_be_streamed_and_ends_by_itself(pet: Server) -> None:
    kind = "text/event-stream"
    complete = (kind, "complete", "")
    assert await events(pet, "{ position }") == [(kind, "next", {"data": {"position": "0"}}), complete]
    [(_, name, answer), end] = await events(pet, "{")
    assert (name, [error["extensions"]["code"] for error in answer["errors"]], end) == (
        "next",
        ["BAD_USER_INPUT"],
        complete,
    )
    [(_, name, answer), end] = await events(pet, 'subscription { facts(after: "9") { cursor } }')
    assert answer["errors"][0]["message"] == "`after` is 9, but the newest fact has the position 0."
    assert (name, end) == ("next", complete)


async def test_a_stream_may_be_opened_by_get_as_browsers_do(pet: Server) -> None:
    await pet.record(*named("Acme"))
    parameters = {"query": 'subscription { facts(after: "0") { cursor } }'}
    async with pet.http() as client, aconnect_sse(client, "GET", "/graphql", params=parameters) as source:
        event = await anext(source.aiter_sse())
    assert (event.event, event.json()) == ("next", {"data": {"facts": {"cursor": "1"}}})
    await following(0)


async def test_a_stream_ends_when_its_token_has_expired(pet: Server) -> None:
    pet.process.services.now = lambda: now() + timedelta(hours=1)
    await pet.record(*named("Acme"))
    headers = {"Authorization": f"Bearer {pet.token(lifetime=timedelta(minutes=10))}"}
    body = {"query": 'subscription { facts(after: "0") { cursor } }'}
    async with pet.http(headers=headers) as client, aconnect_sse(client, "POST", "/graphql", json=body) as source:
        async with asyncio.timeout(PATIENCE_SECONDS):
            told, end = [event async for event in source.aiter_sse()]
    assert told.json()["errors"] == [
        {
            "message": "The token has expired: subscribe again with a new one and your last cursor.",
            "extensions": {"code": "UNAUTHENTICATED"},
        }
    ]
    assert end.event == "complete"
    await following(0)


async def test_who_goes_while_much_is_on_its_way_leaves_nothing_behind(
    pet: Server, caplog: pytest.LogCaptureFixture
) -> None:
    [customer] = await pet.record(*named("Acme"))
    for _ in range(20):
        await pet.record(*[opening(customer["id"], "It is long", description="x" * 10_000)] * 10)
    document = 'subscription { facts(after: "0") { cursor fact { data } } }'
    for number in range(30):
        async with over_sse(pet, document) as messages:
            assert [message["facts"]["cursor"] for message in await taken(messages, number % 3)] == ["1", "2"][
                : number % 3
            ]
    await following(0)
    gc.collect()
    assert [record.message for record in caplog.records if record.levelno >= logging.ERROR] == []
