"""Writers: commands a second through the turn, with a transaction for each command, and through another's library."""

from __future__ import annotations

import asyncio
import json
import os
from statistics import median
from typing import Any

from . import turns
from .scale import Row, Scale, Tell
from .servers import PYTHON, Place, cores, last_line, postgres
from .worlds import created, migrated

CASE = "A ticket is opened"
NAMES = {turns.TURN.name: "PET"}
LIBRARY = "eventsourcing"


async def measure(scale: Scale, tell: Tell) -> list[Row]:
    async with postgres() as lease:
        url = (await migrated(lease, "turns")).url
        async with turns.turning(url, turns.TURN, 0) as [one]:
            await turns.found(one)
        os.sched_setaffinity(0, cores()[0])
        try:
            cells = await turns.compare(
                url, scale.writers, scale.rounds, scale.seconds, lambda what: tell(f"turns {what}")
            )
        finally:
            os.sched_setaffinity(0, cores()[0] | cores()[1])
        rows = [row(writers, NAMES.get(way, way), vars(turns.middle(cell))) for (writers, way), cell in cells.items()]
        place = await created(lease, "library")
        return rows + [await library(place, writers, scale, tell) for writers in scale.writers]


def row(writers: int, server: str, figures: dict[str, Any]) -> Row:
    return {"group": "turns", "case": CASE, "server": server, "size": writers, **figures}


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
