"""Reads: the same operations over HTTP from PET, from a hand-written limit and from its peers, on the same tables.

Before anything is timed, all servers have to give the same answers. The servers take turns within a round, so that a
slow minute is slow for all of them.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from statistics import median
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import msgspec

from pet_graph.postgres import Lease

from .cases import CASES, NESTED, ONE, PAGES, WALK, Case, given_id, plain
from .load import Measured, Spec
from .quickdata import filled
from .scale import Row, Scale, Tell
from .servers import (
    PEERS,
    PET_GRAPH,
    PYTHON,
    NotMeasured,
    Peer,
    Place,
    Server,
    cores,
    pin,
    postgres,
    postmaster,
    serving,
)

CONNECTIONS = 32
IDS = 500
GROWING = (ONE, NESTED)
WARM_UP_SECONDS = 1.0
"""Before the first round: engines that compile while they run are compared warm."""


def _node(name: str) -> Any:
    return lambda port: [str(PEERS / name / "node_modules" / ".bin" / "node"), str(PEERS / name / "server.mjs")]


LIMIT = Peer("limit", "pet", lambda port: [PYTHON, "-m", "bench.peers.limit"])
PET = Peer("PET", "pet", lambda port: [PET_GRAPH, "serve", "--port", str(port)])
PLAIN = Peer("PET, planner off", "pet", lambda port: [PYTHON, "-m", "bench.peers.plain"])
POSTGRAPHILE = Peer("PostGraphile", "postgraphile", _node("postgraphile"), npm="postgraphile")
MERCURIUS = Peer("Mercurius", "pet", _node("mercurius"), npm="mercurius")
SERVERS = (LIMIT, PET, PLAIN, POSTGRAPHILE, MERCURIUS)


@dataclass(frozen=True)
class Asked:
    """A case as one server is asked: the bodies of its requests, told one after the other."""

    case: Case
    bodies: list[str]


async def measure(scale: Scale, tell: Tell) -> list[Row]:
    async with postgres() as lease:
        rows = await compare(lease, scale, tell)
        return rows + await grow(lease, scale, tell)


async def compare(lease: Lease, scale: Scale, tell: Tell) -> list[Row]:
    """Every case from every server, on the bench's usual data."""
    tell(f"reads: {scale.facts:,} facts are laid out")
    place = await filled(lease, scale.facts)
    async with AsyncExitStack() as stack:
        servers, missing = await started(stack, SERVERS, place, tell)
        asked = await ready(servers, place)
        cells = await rounds(servers, CASES, asked, place, lease, scale, tell)
    told = [row("reads", case, server.peer, scale.facts, found) for (case, server), found in cells.items()]
    return told + [
        {"group": "reads", "case": case.title, "server": peer.name, "size": scale.facts, "why": why}
        for peer, why in missing.items()
        for case in CASES
    ]


async def grow(lease: Lease, scale: Scale, tell: Tell) -> list[Row]:
    """How the cost of a read grows with the log behind it."""
    rows = []
    for facts in scale.growing_facts:
        tell(f"reads: {facts:,} facts are laid out")
        place = await filled(lease, facts)
        async with AsyncExitStack() as stack:
            servers, _ = await started(stack, (LIMIT, PET), place, tell)
            cells = await rounds(servers, GROWING, await ready(servers, place), place, lease, scale, tell)
        rows += [row("growth", case, server.peer, facts, found) for (case, server), found in cells.items()]
    return rows


async def started(
    stack: AsyncExitStack, peers: Sequence[Peer], place: Place, tell: Tell
) -> tuple[list[Server], dict[Peer, str]]:
    """The servers that run, and why the others do not."""
    servers: list[Server] = []
    missing: dict[Peer, str] = {}
    for peer in peers:
        tell(f"reads: {peer.name} starts")
        try:
            servers.append(await stack.enter_async_context(serving(peer, place)))
        except NotMeasured as reason:
            missing[peer] = str(reason)
            tell(f"reads: {peer.name} is not measured, because {reason}")
    return servers, missing


# --- the same answers -------------------------------------------------------------------------------------------------


async def ready(servers: Sequence[Server], place: Place) -> dict[tuple[Server, Case], list[str]]:
    """What each server is asked in each case, once all of them have given equal answers. Raises AssertionError."""
    ids = await some_ids(place)
    bodies: dict[tuple[Server, Case], list[str]] = {}
    cursors: dict[str, Any] = {}
    async with httpx.AsyncClient(timeout=60, headers={"authorization": f"Bearer {place.token}"}) as client:
        for server in servers:
            cursors[server.peer.name] = {} if server.peer is LIMIT else await walked(client, server)
            for case in CASES:
                bodies[server, case] = list(bodies_of(case, server.peer, ids, cursors[server.peer.name]))
        for case in CASES:
            await compared(client, case, servers, bodies)
    return bodies


async def compared(
    client: httpx.AsyncClient, case: Case, servers: Sequence[Server], bodies: dict[tuple[Server, Case], list[str]]
) -> None:
    for number in range(min(20, len(bodies[servers[0], case]))):
        answers = [await ask(client, server, bodies[server, case][number]) for server in servers]
        for server, answer in zip(servers, answers, strict=True):
            assert answer == answers[0], f"{case.key}: {server.peer.name} answers\n{answer}\ninstead of\n{answers[0]}"


async def ask(client: httpx.AsyncClient, server: Server, body: str) -> Any:
    response = await client.post(
        f"http://127.0.0.1:{server.port}/graphql", content=body, headers={"content-type": "application/json"}
    )
    answer = response.json()
    assert response.status_code == 200, (server.peer.name, answer)
    assert "errors" not in answer, (server.peer.name, answer)
    return plain(answer["data"])


async def walked(client: httpx.AsyncClient, server: Server) -> dict[str, str]:
    """The cursors at which this server's pages begin, under the names of their variables."""
    cursors: dict[str, str] = {}
    after = None
    for number in range(1, PAGES):
        data = await ask(client, server, body_of(WALK.text(server.peer.dialect), {"after": after}))
        after = cursors[f"c{number}"] = data["tickets"]["pageInfo"]["endCursor"]
    return cursors


def bodies_of(case: Case, peer: Peer, ids: Sequence[UUID], cursors: dict[str, str]) -> Sequence[str]:
    text = case.text(peer.dialect)
    if case is ONE:
        return [body_of(text, {"id": given_id(peer.dialect, id_)}) for id_ in ids]
    return [body_of(text, cursors if "$c1" in text else {})]


def body_of(text: str, variables: dict[str, Any]) -> str:
    return msgspec.json.encode({"query": text, "variables": variables}).decode()


async def some_ids(place: Place) -> list[UUID]:
    connection = await asyncpg.connect(place.url)
    ids = [record["id"] for record in await connection.fetch("select id from projections.tickets order by id")]
    await connection.close()
    return random.Random(3).sample(ids, min(IDS, len(ids)))


# --- measuring --------------------------------------------------------------------------------------------------------


async def rounds(
    servers: Sequence[Server],
    cases: Sequence[Case],
    asked: dict[tuple[Server, Case], list[str]],
    place: Place,
    lease: Lease,
    scale: Scale,
    tell: Tell,
) -> dict[tuple[Case, Server], list[Measured]]:
    """Every case from every server, round by round. Raises RuntimeError when a server fails under load."""
    cells: dict[tuple[Case, Server], list[Measured]] = {}
    for number in range(scale.rounds):
        for case in cases:
            for server in servers:
                spec = Spec(
                    port=server.port,
                    bodies=asked[server, case],
                    token=place.token,
                    connections=CONNECTIONS,
                    warm_up_seconds=scale.seconds / 8 if number else WARM_UP_SECONDS,
                    seconds=scale.seconds,
                    server=server.process,
                    postmaster=postmaster(lease),
                )
                found = await loaded(spec)
                cells.setdefault((case, server), []).append(found)
                tell(
                    f"reads {number + 1}/{scale.rounds}  {case.key:9} {server.peer.name:17}"
                    f" {found.server_ms:8.3f} ms {found.per_second:8,.0f}/s"
                )
    return cells


async def loaded(spec: Spec) -> Measured:
    """One measurement, by a process of its own beside PostgreSQL."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(PYTHON, "-m", "bench.load", stdin=pipe, stdout=pipe, stderr=pipe)
    pin(process.pid, cores()[1])
    out, said = await process.communicate(msgspec.json.encode(spec))
    if process.returncode:
        raise RuntimeError(said.decode()[-2_000:])
    return msgspec.json.decode(out, type=Measured)


def row(group: str, case: Case, peer: Peer, size: int, found: Sequence[Measured]) -> Row:
    """The medians of the rounds."""
    figures = {name: median(getattr(one, name) for one in found) for name in Measured.__struct_fields__}
    return {"group": group, "case": case.title, "server": peer.name, "size": size, **figures}
