"""Reads: the same operations over HTTP from PET, from a hand-written limit and from its peers, on the same tables.

Before anything is timed, all servers have to give the same answers. The servers take turns within a round, so that a
slow minute is slow for all of them.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from statistics import median
from typing import Any, TypeAlias
from uuid import UUID

import asyncpg
import httpx
import msgspec

from pet_graph.postgres import Lease

from .cases import CASES, NESTED, ONE, PAGES, WALK, Case, given_id, plain
from .load import Measured, Spec
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
    last_line,
    pin,
    postgres,
    postmaster,
    serving,
)
from .worlds import filled

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
COMPARED = (LIMIT, PET, POSTGRAPHILE)
"""Those whose processor time is compared at one rate."""
BEARABLE = 0.8


Cells: TypeAlias = dict[tuple[Case, Server], "list[Measured] | str"]
"""What was found in each round, or why nothing was."""


async def measure(scale: Scale, tell: Tell) -> list[Row]:
    async with postgres() as lease:
        places = await filled(lease, (scale.facts, *scale.growing_facts), tell)
        rows = await compare(lease, places[scale.facts], scale, tell)
        for facts in scale.growing_facts:
            rows += await grow(lease, places[facts], facts, scale, tell)
        return rows


async def compare(lease: Lease, place: Place, scale: Scale, tell: Tell) -> list[Row]:
    """Every case from every server, on the bench's usual data."""
    async with AsyncExitStack() as stack:
        servers, missing = await started(stack, SERVERS, place, tell)
        asked = await ready(servers, place)
        cells = await rounds(servers, CASES, asked, place, lease, scale, tell, {})
        evenly = [server for server in servers if server.peer in COMPARED]
        even = await rounds(evenly, CASES[1:], asked, place, lease, scale, tell, rates(cells))
    told = [row("reads", case, server.peer, scale.facts, found) for (case, server), found in cells.items()]
    told += [row("even", case, server.peer, scale.facts, found) for (case, server), found in even.items()]
    return told + [row("reads", case, peer, scale.facts, why) for peer, why in missing.items() for case in CASES]


async def grow(lease: Lease, place: Place, facts: int, scale: Scale, tell: Tell) -> list[Row]:
    """What the same reads cost with so many facts in the log."""
    async with AsyncExitStack() as stack:
        servers, _ = await started(stack, (LIMIT, PET), place, tell)
        cells = await rounds(servers, GROWING, await ready(servers, place), place, lease, scale, tell, {})
    return [row("growth", case, server.peer, facts, found) for (case, server), found in cells.items()]


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
    per_second: Mapping[Case, float],
) -> Cells:
    """Every case from every server, round by round; a server that fails under load is asked that case no more.

    Each is asked as often as it can answer, unless it is said how often.
    """
    cells: Cells = {(case, server): [] for case in cases for server in servers}
    for number in range(scale.rounds):
        for (case, server), cell in cells.items():
            if isinstance(cell, str):
                continue
            spec = Spec(
                port=server.port,
                bodies=asked[server, case],
                token=place.token,
                connections=CONNECTIONS,
                per_second=per_second.get(case),
                warm_up_seconds=scale.seconds / 8 if number else WARM_UP_SECONDS,
                seconds=scale.seconds,
                server=server.process,
                postmaster=postmaster(lease),
            )
            told = f"reads {number + 1}/{scale.rounds}  {case.key:9} {server.peer.name:17}"
            try:
                cell.append(found := await loaded(spec))
                tell(f"{told} {found.server_ms:8.3f} ms {found.per_second:8,.0f}/s")
            except NotMeasured as failed:
                cells[case, server] = str(failed)
                tell(f"{told} {failed}")
    return cells


def rates(cells: Cells) -> dict[Case, float]:
    """How often all that are compared can be asked: most of what the slowest of them answered at most."""
    found: dict[Case, list[float]] = {}
    for (case, server), cell in cells.items():
        if server.peer in COMPARED and not isinstance(cell, str):
            found.setdefault(case, []).append(median(one.per_second for one in cell))
    return {case: BEARABLE * min(answered) for case, answered in found.items()}


async def loaded(spec: Spec) -> Measured:
    """One measurement, by a process of its own beside PostgreSQL. Raises NotMeasured when an answer is not right."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(PYTHON, "-m", "bench.load", stdin=pipe, stdout=pipe, stderr=pipe)
    pin(process.pid, cores()[1])
    out, said = await process.communicate(msgspec.json.encode(spec))
    if process.returncode:
        raise NotMeasured(last_line(said))
    return msgspec.json.decode(out, type=Measured)


def row(group: str, case: Case, peer: Peer, size: int, found: list[Measured] | str) -> Row:
    """The medians of the rounds, or why there are none."""
    told = {"group": group, "case": case.title, "server": peer.name, "size": size}
    if isinstance(found, str):
        return told | {"why": found}
    return told | {name: median(getattr(one, name) for one in found) for name in Measured.__struct_fields__}
