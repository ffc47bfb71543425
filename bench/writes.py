"""Writers: commands a second through the turn, through HTTP, and with a transaction each in three other ways."""

from __future__ import annotations

import asyncio
import json
import os
from functools import partial
from statistics import median
from typing import Any
from uuid import uuid4

from pet_graph.app import settle
from pet_graph.postgres import Lease

from . import pgbench, turns
from .cases import global_id
from .load import Measured, Spec
from .reads import PET, WARM_UP_SECONDS, body_of, loaded
from .scale import Row, Scale, Tell
from .servers import PYTHON, NotMeasured, Place, cores, last_line, postgres, postmaster, serving
from .worlds import created, migrated

CASE = "A ticket is opened"
NAMES = {turns.TURN.name: "PET"}
LIBRARY = "eventsourcing"
THROUGH_HTTP = "PET over HTTP"
MOST_PER_SECOND = 4_000
"""More commands than this process could ask for: each has an id of its own, and none is sent twice."""

OPEN = """mutation($id: UUID!, $customer: ID!) {
  openTicket(input: { commandId: $id, customer: $customer, subject: "The armchair squeaks" }) { __typename }
}"""


async def measure(scale: Scale, tell: Tell) -> list[Row]:
    settle()
    async with postgres() as lease:
        place = await migrated(lease, "turns")
        async with turns.turning(place.url, turns.TURN, 0) as [one]:
            await turns.found(one)
        rows = await in_turns(place, scale, tell)
        rows += [await through_http(lease, place, writers, scale, tell) for writers in scale.writers]
        library_place = await created(lease, "library")
        return rows + [await library(library_place, writers, scale, tell) for writers in scale.writers]


async def in_turns(place: Place, scale: Scale, tell: Tell) -> list[Row]:
    """PET's own write path in three ways, from this process, and pgbench beside it."""
    ways = {NAMES.get(way.name, way.name): partial(turns.measure, place.url, way, scale.seconds) for way in turns.WAYS}
    why: list[Row] = []
    try:
        pgbench.program()
        script = await pgbench.prepare(place)
        ways[pgbench.NAME] = partial(pgbench.measure, place, script, scale.seconds)
    except NotMeasured as reason:
        why = [row(0, pgbench.NAME, {"why": str(reason)})]
    os.sched_setaffinity(0, cores()[0])
    try:
        cells = await turns.compare(ways, scale.writers, scale.rounds, lambda what: tell(f"turns {what}"))
    finally:
        os.sched_setaffinity(0, cores()[0] | cores()[1])
    return [row(writers, name, figures) for (writers, name), figures in cells.items()] + why


def row(writers: int, server: str, figures: dict[str, Any]) -> Row:
    return {"group": "turns", "case": CASE, "server": server, "size": writers, **figures}


async def through_http(lease: Lease, place: Place, writers: int, scale: Scale, tell: Tell) -> Row:
    """The same commands as mutations, to PET's own server; `server_ms` over that of the turn is what HTTP adds."""
    found: list[Measured] = []
    try:
        async with serving(PET, place) as server:
            for number in range(scale.rounds):
                spec = Spec(
                    port=server.port,
                    bodies=openings(int(MOST_PER_SECOND * (scale.seconds + WARM_UP_SECONDS))),
                    token=place.token,
                    connections=writers,
                    warm_up_seconds=WARM_UP_SECONDS,
                    seconds=scale.seconds,
                    server=server.process,
                    postmaster=postmaster(lease),
                )
                found.append(await loaded(spec))
                told = f"turns {number + 1}/{scale.rounds}  {writers:>3} callers  {THROUGH_HTTP}"
                tell(f"{told}  {found[-1].per_second:,.0f}/s, {found[-1].server_ms:.3f} ms")
    except NotMeasured as reason:
        return row(writers, THROUGH_HTTP, {"why": str(reason)})
    names = ("per_second", "p50_ms", "p99_ms", "server_ms", "postgres_ms", "busy")
    return row(writers, THROUGH_HTTP, {name: median(getattr(one, name) for one in found) for name in names})


def openings(number: int) -> list[str]:
    """So many requests to open a ticket, none like another."""
    customer = global_id("Customer", turns.CUSTOMER)
    return [body_of(OPEN, {"id": str(uuid4()), "customer": customer}) for _ in range(number)]


async def library(place: Place, writers: int, scale: Scale, tell: Tell) -> Row:
    """The `eventsourcing` library, in a process of its own."""
    found = []
    for number in range(scale.rounds):
        process = await asyncio.create_subprocess_exec(
            *(PYTHON, "-m", "bench.peers.eventsourced", str(writers), str(scale.seconds)),
            env=place.environment(port=0),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            preexec_fn=lambda: os.sched_setaffinity(0, cores()[0]),
        )
        out, said = await process.communicate()
        if process.returncode:
            return row(writers, LIBRARY, {"why": last_line(said)})
        found.append(json.loads(out))
        tell(f"turns {number + 1}/{scale.rounds}  {writers:>3} callers  {LIBRARY}  {found[-1]['per_second']:,.0f}/s")
    return row(writers, LIBRARY, {name: median(one[name] for one in found) for name in found[0]})
