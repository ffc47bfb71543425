"""Fan-out: one fact to every subscriber of one feed, by PET, by a limit that only writes, and by Node's graphql-ws.

A publish is a command over a socket of its own; for PET this is a turn with its commit, the bell and the read of the
log. The last delivery is counted from asking for it. The load is one process on a core of its own.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any
from uuid import uuid4

import httpx
import msgspec

from .listen import Measured, Spec
from .scale import Row, Scale, Tell
from .servers import PEERS, PET_GRAPH, PYTHON, NotMeasured, Peer, Place, Server, cores, postgres, serving
from .worlds import migrated

ROUNDS = 2
PUBLISHES = 12
SMALL = 40
STALLED, STALLED_PUBLISHES, LARGE, TIMES = 10, 120, 10_000, 8
"""As many that do not read, as many publishes, and so many characters told so often, that too much waits for them."""

SUBSCRIPTION = """subscription { facts(types: ["TicketOpened"]) {
    cursor fact { position stream version type data actor recordedAt seal } } }"""
LARGE_SUBSCRIPTION = f"""subscription {{ facts(types: ["TicketOpened"]) {{
    cursor fact {{ {" ".join(f"data{number}: data" for number in range(TIMES))} }} }} }}"""
REGISTER = """mutation ($input: RegisterCustomerInput!) {
    registerCustomer(input: $input) { ... on CustomerRecorded { customer { id } } } }"""
PUBLISH = "mutation ($input: OpenTicketInput!) { openTicket(input: $input) { __typename } }"
PUBLISH_AT_NODE = "mutation { publish }"


def _node(port: int) -> list[str]:
    folder = PEERS / "graphql_ws"
    return [str(folder / "node_modules" / ".bin" / "node"), str(folder / "server.mjs")]


LIMIT = Peer("limit", "limit", lambda port: [PYTHON, "-m", "bench.peers.broadcast"])
PET = Peer("PET", "pet", lambda port: [PET_GRAPH, "serve", "--port", str(port)])
NODE = Peer("graphql-ws (Node)", "node", _node, npm="graphql_ws")


@dataclass(frozen=True)
class Load:
    """One cell of the table."""

    group: str
    case: str
    subscribers: int
    publishes: int
    characters: int
    stalled: int = 0


async def measure(scale: Scale, tell: Tell) -> list[Row]:
    """Every server with every number of subscribers, in turns; and PET while some stop reading."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    async with postgres() as lease:
        place = await migrated(lease, "fanout")
        rows: list[Row] = []
        for number in scale.subscribers:
            load = Load("fanout", "one fact to everybody", number, PUBLISHES, SMALL)
            rows += await compare((LIMIT, PET, NODE), load, place, min(ROUNDS, scale.rounds), tell)
        for case, stalled in (("everybody reads", 0), (f"{STALLED} more stop reading", STALLED)):
            load = Load("stalled", case, 100, STALLED_PUBLISHES, LARGE, stalled)
            rows += await compare((PET,), load, place, 1, tell)
        return rows


async def compare(peers: Sequence[Peer], load: Load, place: Place, rounds: int, tell: Tell) -> list[Row]:
    """A server is started anew for each measurement: its memory is that of its subscribers alone."""
    found: dict[Peer, list[Measured]] = {peer: [] for peer in peers}
    missing: dict[Peer, str] = {}
    for number in range(rounds):
        for peer in peers:
            try:
                found[peer].append(await one(peer, load, place))
            except NotMeasured as reason:
                missing[peer] = str(reason)
                tell(f"fanout: {peer.name} is not measured, because {reason}")
                continue
            last = found[peer][-1]
            tell(
                f"fanout: round {number + 1}/{rounds}  {load.subscribers:>5} subscribers  {peer.name:17} "
                f"last {last.last_ms:7.1f} ms  {last.server_us:5.1f} µs each  {last.kb_each:5.1f} KB  "
                f"client {last.client_us:.1f} µs  {last.bytes_each} B"
            )
    rows: list[Row] = [row(load, peer, cells) for peer, cells in found.items() if cells]
    about = {"group": load.group, "case": load.case, "size": load.subscribers}
    return rows + [{**about, "server": peer.name, "why": why} for peer, why in missing.items() if not found[peer]]


async def one(peer: Peer, load: Load, place: Place) -> Measured:
    """One server, one load. Raises NotMeasured."""
    os.environ["BENCH_CHARACTERS"] = str(load.characters)
    async with serving(peer, place) as server:
        spec = Spec(
            port=server.port,
            token=place.token,
            server=server.process,
            subscription=LARGE_SUBSCRIPTION if load.group == "stalled" else SUBSCRIPTION,
            publish=PUBLISH if peer is PET else PUBLISH_AT_NODE,
            variables=await _variables(server, place, load) if peer is PET else {},
            subscribers=load.subscribers,
            publishes=load.publishes,
            stalled=load.stalled,
        )
        return await listened(spec)


async def _variables(server: Server, place: Place, load: Load) -> dict[str, Any]:
    """A ticket to open; each time under another command id."""
    body = {"query": REGISTER, "variables": {"input": {"commandId": str(uuid4()), "name": "Crunchy Armchairs"}}}
    async with httpx.AsyncClient(headers={"authorization": f"Bearer {place.token}"}) as client:
        answer = await client.post(f"http://127.0.0.1:{server.port}/graphql", json=body)
    customer = answer.json()["data"]["registerCustomer"]["customer"]["id"]
    ticket = {
        "commandId": "COMMAND",
        "customer": customer,
        "subject": "It squeaks",
        "description": "x" * load.characters,
    }
    return {"input": ticket}


async def listened(spec: Spec) -> Measured:
    """What the load has found, in its own process. Raises NotMeasured."""
    process = await asyncio.create_subprocess_exec(
        *(PYTHON, "-m", "bench.listen"),
        cwd=PEERS.parent.parent,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        preexec_fn=lambda: os.sched_setaffinity(0, cores()[1]),
    )
    said, wrong = await process.communicate(msgspec.json.encode(spec))
    if process.returncode:
        lines = wrong.decode().strip().splitlines()
        raise NotMeasured(lines[-1] if lines else "the load has ended without a word")
    return msgspec.json.decode(said, type=Measured)


def row(load: Load, peer: Peer, cells: Sequence[Measured]) -> Row:
    hidden = (
        {"client_us"} | (set() if load.stalled else {"closed_as_too_slow"}) | ({"kb_each"} if load.stalled else set())
    )
    figures = {
        name: median(getattr(one, name) for one in cells) for name in Measured.__struct_fields__ if name not in hidden
    }
    return {"group": load.group, "case": load.case, "server": peer.name, "size": load.subscribers, **figures}


def sample(characters: int) -> str:
    """A message as PET sends it, for those who only repeat it."""
    data = {
        "customer": str(uuid4()),
        "subject": "It squeaks",
        "description": "x" * characters,
        "priority": "normal",
        "reference": None,
    }
    fact = {
        "position": "1000001",
        "stream": f"ticket-{uuid4()}",
        "version": 1,
        "type": "TicketOpened",
        "data": data,
        "actor": "bench",
        "recordedAt": "2026-11-21T12:00:00.123456+00:00",
        "seal": "0" * 64,
    }
    payload = {"data": {"facts": {"cursor": "1000001", "fact": fact}}}
    return json.dumps({"id": "1", "type": "next", "payload": payload}, separators=(",", ":"))
