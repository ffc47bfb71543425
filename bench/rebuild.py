"""Rebuild: facts a second from which all projections are made again, by the length of the log, and equal each time."""

from __future__ import annotations

import resource
import time
from statistics import median

from pet_graph import database
from pet_graph.rebuild import differences, rebuild

from .scale import Row, Scale, Tell
from .servers import Place, cores, pin, postgres, postmaster
from .worlds import filled

CASE = "All projections are made again"


async def measure(scale: Scale, tell: Tell) -> list[Row]:
    """PostgreSQL and the processes that fold share all cores, as they do when PET starts."""
    async with postgres() as lease:
        places = await filled(lease, scale.growing_facts, tell)
        pin(postmaster(lease), cores()[0] | cores()[1])
        try:
            return [await grown(place, facts, scale, tell) for facts, place in places.items()]
        finally:
            pin(postmaster(lease), cores()[1])


async def grown(place: Place, size: int, scale: Scale, tell: Tell) -> Row:
    """The median of the rounds. Raises AssertionError when a replay does not give the rows that were rebuilt."""
    app = await database.connect(place.url)
    await app.execute("set statement_timeout = 0")
    speeds, python = [], []
    for number in range(scale.rounds):
        began, spent = time.perf_counter(), _python_seconds()
        facts = await rebuild(app, url=place.url)
        speeds.append(facts / (time.perf_counter() - began))
        python.append((_python_seconds() - spent) / facts * 1e6)
        tell(f"rebuild {number + 1}/{scale.rounds}  {facts:>9,} facts  {speeds[-1]:>9,.0f}/s")
    assert await differences(app, url=place.url) == {}
    await app.close()
    peak_mb = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1_000
    figures = {"per_second": median(speeds), "python_us": median(python), "rss_mb": peak_mb}
    return {"group": "rebuild", "case": CASE, "server": "PET", "size": size, **figures}


def _python_seconds() -> float:
    """Processor time that this process has used, and those that it started and that have ended."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)
