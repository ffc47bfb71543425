"""Roles that were revoked: they count no more in any token of the person, and what is open under them ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from api import Json
from conftest import World
from httpx_sse import aconnect_sse
from live import live, running, until
from wire import FACTS, PATIENCE_SECONDS, Server, following, named, serving

from pet_graph.authority import INTERNAL
from pet_graph.events.base import Role
from pet_graph.events.people import GrantRole, RegisterPerson, RevokeRole
from pet_graph.standing import REVOKED, Standing
from pet_graph.tokens import Viewer

SUPPORT, MANAGER, PARTNER = Role.SUPPORT, Role.MANAGER, Role.PARTNER


@pytest.fixture
async def pet(database_url: str, tmp_path: Path) -> AsyncIterator[Server]:
    async with serving(database_url, tmp_path) as server:
        yield server


async def registered(pet: Server, *roles: Role) -> tuple[str, str]:
    """UUID and global id of a new person."""
    id_ = str(uuid4())
    command = {"commandId": id_, "name": "Ada", "roles": [role.upper() for role in roles]}
    [outcome] = await pet.record({"registerPerson": command})
    return id_, outcome["id"]


async def revoke(pet: Server, person: str, role: Role) -> None:
    await pet.record({"revokeRole": {"person": person, "role": role.upper()}})


def a_viewer(actor: object, *roles: Role) -> Viewer:
    return Viewer(str(actor), roles, INTERNAL, None)


# --- what counts ------------------------------------------------------------------------------------------------------


async def test_a_persons_token_counts_for_the_roles_that_the_person_plays(world: World) -> None:
    ada = await world.person("Ada", SUPPORT, MANAGER)
    async with live(world.feed) as feed:
        standing = Standing(world.pool, feed)
        await standing.start()
        async with running(standing.run()):
            both = a_viewer(ada, SUPPORT, MANAGER)
            assert standing.of(both) == both
            assert standing.of(a_viewer(ada, SUPPORT, Role.SALES)) == a_viewer(ada, SUPPORT)
            await world.record(RevokeRole(person=ada, role=SUPPORT))
            await until(lambda: standing.of(both) == a_viewer(ada, MANAGER))
            await world.record(GrantRole(person=ada, role=SUPPORT))
            await until(lambda: standing.of(both) == both)
            newcomer = uuid4()
            assert standing.of(a_viewer(newcomer, MANAGER)) == a_viewer(newcomer, MANAGER)
            await world.record(RegisterPerson(name="Bob", roles=(SUPPORT,)), id=newcomer)
            await until(lambda: standing.of(a_viewer(newcomer, MANAGER)).roles == ())
        assert feed.followers == 0


@pytest.mark.parametrize("actor", ["tester", "you@firm.example", "", str(UUID(int=7))])
async def test_whoever_is_not_known_here_is_taken_at_the_tokens_word(world: World, actor: str) -> None:
    await world.person("Ada", SUPPORT)
    await world.feed.start()
    standing = Standing(world.pool, world.feed)
    await standing.start()
    assert standing.of(a_viewer(actor, MANAGER)) == a_viewer(actor, MANAGER)


async def test_a_watch_is_told_of_the_roles_it_holds_and_of_no_others(world: World) -> None:
    ada, bob = await world.person("Ada", SUPPORT, MANAGER), await world.person("Bob", SUPPORT)
    async with live(world.feed) as feed:
        standing = Standing(world.pool, feed)
        await standing.start()
        told: list[str] = []
        held = {
            "both": a_viewer(ada, SUPPORT, MANAGER),
            "support": a_viewer(ada, SUPPORT),
            "bob": a_viewer(bob, SUPPORT),
        }
        watches = [standing.watch(viewer, lambda name=name: told.append(name)) for name, viewer in held.items()]
        async with running(standing.run()):
            await world.record(RevokeRole(person=ada, role=MANAGER))
            await until(lambda: told == ["both"])
            for unwatch in watches:
                assert unwatch
                unwatch()
            await world.record(RevokeRole(person=ada, role=SUPPORT))
            await until(lambda: standing.of(held["support"]).roles == ())
        assert told == ["both"]
        assert standing._watched == {}
        assert standing.watch(a_viewer("tester", SUPPORT), lambda: None) is None


# --- what is open -----------------------------------------------------------------------------------------------------


async def test_sockets_of_whoever_lost_a_role_close_and_others_stay(pet: Server) -> None:
    (ada, ada_id), (bob, _) = await registered(pet, SUPPORT, MANAGER), await registered(pet, SUPPORT)
    bearer = pet.bearer(SUPPORT, MANAGER, name=ada)
    async with pet.socket(headers=bearer) as one, pet.socket(headers=pet.bearer(SUPPORT, name=bob)) as other:
        for socket in (one, other):
            await socket.subscribe(FACTS)
        await following(2)
        await revoke(pet, ada_id, SUPPORT)
        assert await one.closed() == (4403, REVOKED)
        assert (await other.data())["facts"]["fact"]["type"] == "RoleRevoked"
        await following(1)
    async with pet.socket(headers=bearer) as again:
        await again.subscribe(FACTS, after="0")
        assert (await again.data())["facts"]["cursor"] == "1"
        await revoke(pet, ada_id, MANAGER)
        assert await again.closed() == (4403, REVOKED)
    async with pet.socket(headers=bearer) as at_last:
        await at_last.subscribe(FACTS)
        assert (await at_last.next())["payload"]["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    await following(0)


async def test_a_stream_of_events_ends_with_the_role_and_says_why(pet: Server) -> None:
    ada, ada_id = await registered(pet, SUPPORT)
    body = {"query": "subscription { facts { cursor } }"}
    async with (
        pet.http(headers=pet.bearer(SUPPORT, name=ada)) as client,
        aconnect_sse(client, "POST", "/graphql", json=body) as source,
        asyncio.timeout(PATIENCE_SECONDS),
    ):
        await following(1)
        await revoke(pet, ada_id, SUPPORT)
        events = [event async for event in source.aiter_sse()]
    assert [event.event for event in events[-2:]] == ["next", "complete"]
    error = {"message": REVOKED, "extensions": {"code": "FORBIDDEN", "retryable": True}}
    assert events[-2].json() == {"data": None, "errors": [error]}
    await following(0)


async def test_requests_and_commands_count_the_same_roles(pet: Server) -> None:
    ada, ada_id = await registered(pet, SUPPORT, MANAGER)
    headers = pet.bearer(SUPPORT, MANAGER, name=ada)
    await revoke(pet, ada_id, MANAGER)
    standing = pet.process.services.standing
    await until(lambda: standing.of(a_viewer(ada, MANAGER)).roles == ())
    rename = {"query": RENAME, "variables": {"input": await customer_renamed(pet)}}
    async with pet.http(headers=headers) as client:
        answer = (await client.post("/graphql", json=rename)).json()["data"]["renameCustomer"]
        assert (answer["__typename"], answer["code"]) == ("Refused", "not_permitted")
        assert (await client.get("/metrics")).status_code == 403


RENAME = """mutation ($input: RenameCustomerInput!) {
    renameCustomer(input: $input) { __typename ... on UserError { code } } }"""


async def customer_renamed(pet: Server) -> Json:
    [customer] = await pet.record(*named("Acme"))
    return {"commandId": str(uuid4()), "customer": customer["id"], "name": "Birch"}
