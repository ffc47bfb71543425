"""Previews: what an edit would make of clocks is told before it is recorded, and is what happens then."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from api import Api, Json, gid
from conftest import World
from desk import CUSTOMER
from offices import ACCEPT, HOURS, PROPOSE, an_office_world

from pet_graph.decisions import Recorded
from pet_graph.events.base import Command
from pet_graph.events.tickets import ReopenTicket, ResolveTicket
from pet_graph.log import read

STANDING = "state restatedAs target dueAt breachedAt stoppedAt policyVersion calendarVersion"
PREVIEW = """
query ($edit: SlaEditInput!, $first: Int!, $after: String) {
  slaPreview(edit: $edit, first: $first, after: $after) {
    __typename
    ... on SlaPreview {
      tickets hasMore endCursor
      moves { before { ...Standing } after { ...Standing } clock { id } ticket { id } }
    }
    ... on UserError { code path }
  }
}
fragment Standing on SlaStanding { state restatedAs target dueAt breachedAt stoppedAt policyVersion calendarVersion }
"""
CLOCKS = "{ slaClocks(first: 100%s) { pageInfo { hasNextPage endCursor } nodes { id %s } } }"
HOLIDAY: Json = {"acceptHolidays": {"calendar": gid("Calendar", HOURS), "dates": ["2026-06-02"]}}


async def previewed(api: Api, edit: Json, first: int = 1_000, after: str | None = None) -> Json:
    [(name, fields)] = edit.items()
    given = {name: {"commandId": str(uuid4()), **fields}}
    return (await api.ask(PREVIEW, edit=given, first=first, after=after))["slaPreview"]


async def standings(api: Api) -> dict[str, Json]:
    """How all clocks stand, by their ids."""
    found: dict[str, Json] = {}
    after = ""
    while True:
        page = (await api.ask(CLOCKS % (after, STANDING)))["slaClocks"]
        found |= {node.pop("id"): node for node in page["nodes"]}
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = f', after: "{page["pageInfo"]["endCursor"]}"'


async def sweep(world: World) -> int:
    """Let the clock come by until nothing is left to do; how often it recorded."""
    rounds = 0
    while outcomes := await world.turns.record_due():
        assert all(isinstance(one, Recorded) and one.facts for one in outcomes)
        rounds += 1
    return rounds


async def judged(world: World) -> dict[int, Any]:
    """Everything that was said of clocks, to the last byte."""
    facts = await read(world.pool, 0, limit=100_000)
    return {
        fact.position: (fact.type, fact.data, fact.seal) for fact in facts if fact.type in ("SlaMet", "SlaBreached")
    }


async def test_a_calendar_edit_with_a_thousand_open_clocks_does_what_its_preview_says(world: World) -> None:
    """Show 6: half were reopened, so that as many verdicts stand; every tenth was resolved and stays so."""
    api = Api(world)
    tickets = await an_office_world(world, 1_100)
    again: list[Command] = []
    for number, ticket in enumerate(tickets):
        if number % 2 or number % 11 == 0:
            again.append(ResolveTicket(ticket=ticket, resolution="Oiled"))
        if number % 2 and number % 11:
            again.append(ReopenTicket(ticket=ticket, reason="Again"))
    for start in range(0, len(again), 1_000):
        await world.turns.record_all([world.asked(one) for one in again[start : start + 1_000]])
    await world.record(PROPOSE)
    world.pass_time(hours=1)
    before, verdicts = await standings(api), await judged(world)
    told = await previewed(api, HOLIDAY)
    assert (told["tickets"], told["hasMore"], len(told["moves"])) == (1_000, False, 1_000)
    assert await standings(api) == before, "nothing was recorded"
    await world.record(ACCEPT)
    assert await sweep(world) == 5
    moved = {move["clock"]["id"]: move for move in told["moves"]}
    assert {id_: move["before"] for id_, move in moved.items()} == {id_: before[id_] for id_ in moved}
    now = await standings(api)
    assert now == before | {id_: move["after"] for id_, move in moved.items()}
    assert {one["dueAt"] for one in now.values() if one["state"] == "RUNNING"} == {"2026-06-03T09:00:00+00:00"}
    assert {position: said for position, said in (await judged(world)).items() if position in verdicts} == verdicts
    assert len(verdicts) == 600


async def test_a_correction_is_previewed_with_what_it_restates(world: World) -> None:
    api = Api(world)
    [ticket] = await an_office_world(world, 1)
    world.pass_time(hours=22)
    await world.record(ResolveTicket(ticket=ticket, resolution="Oiled"))
    await world.record(PROPOSE)
    world.pass_time(days=1)
    [move] = (await previewed(api, HOLIDAY))["moves"]
    assert (move["before"]["state"], move["before"]["restatedAs"]) == ("BREACHED", None)
    assert (move["after"]["state"], move["after"]["restatedAs"]) == ("BREACHED", "MET")
    await world.record(ACCEPT)
    assert await sweep(world) == 1
    assert await standings(api) == {move["clock"]["id"]: move["after"]}


@pytest.mark.parametrize("mode", ["KEEP", "CARRY_ELAPSED", "RESTART", "RETROACTIVE"])
@pytest.mark.parametrize("response", ["PT1H", None])
async def test_a_policy_edit_does_what_its_preview_says_in_every_mode(
    world: World, mode: str, response: str | None
) -> None:
    api = Api(world)
    await an_office_world(world, 3)
    world.pass_time(hours=3)
    target = {"priority": "NORMAL", "resolution": "PT2H", "response": response}
    edit = {"name": "Strict", "targets": [target], "openClocks": mode, "calendar": gid("Calendar", HOURS)}
    told = await previewed(api, {"adoptSlaPolicy": edit})
    assert (told["tickets"], len(told["moves"])) == ((0, 0) if mode == "KEEP" else (3, 3))
    assert [move["after"]["state"] for move in told["moves"]] == (
        [] if mode == "KEEP" else ["RUNNING" if mode == "RESTART" else "BREACHED"] * 3
    )
    before = await standings(api)
    await api.command("adoptSlaPolicy", **edit)
    await sweep(world)
    assert await standings(api) == before | {move["clock"]["id"]: move["after"] for move in told["moves"]}


async def test_a_preview_is_read_page_by_page(world: World) -> None:
    api = Api(world)
    await an_office_world(world, 5)
    await world.record(PROPOSE)
    pages, after = [], None
    while not pages or pages[-1]["hasMore"]:
        pages.append(await previewed(api, HOLIDAY, first=2, after=after))
        after = pages[-1]["endCursor"]
    assert [page["tickets"] for page in pages] == [2, 2, 1]
    seen = [move["ticket"]["id"] for page in pages for move in page["moves"]]
    assert seen == [gid("Ticket", UUID(int=10_000 + number)) for number in range(5)]


async def test_what_would_be_refused_has_no_preview_and_is_not_kept_as_refused(world: World) -> None:
    api = Api(world)
    await an_office_world(world, 1)
    retire = {"retireSlaPolicy": {"customer": gid("Customer", CUSTOMER)}}
    facts = await world.facts()
    assert await previewed(api, retire) == {"__typename": "Refused", "code": "not_in_force", "path": []}
    support = Api(world, roles=("support",))
    assert (await previewed(support, HOLIDAY))["code"] == "not_permitted"
    taken = {"acceptHolidays": {**HOLIDAY["acceptHolidays"], "commandId": str(HOURS)}}
    assert (await previewed(api, taken))["code"] == "command_id_conflict"
    assert await world.facts() == facts
    assert await world.pool.fetchval("select count(*) from pet.journal where refusal is not null") == 0


@pytest.mark.parametrize(("first", "after"), [(0, None), (1_001, None), (1, "x")])
async def test_a_preview_is_asked_for_rightly(world: World, first: int, after: str | None) -> None:
    api = Api(world)
    await an_office_world(world, 1)
    edit = {"acceptHolidays": {**HOLIDAY["acceptHolidays"], "commandId": str(uuid4())}}
    code, _ = await api.wrong(PREVIEW, edit=edit, first=first, after=after)
    assert code == "BAD_USER_INPUT"
