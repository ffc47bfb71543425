"""`python -m bench`: measure PET beside others, and write bench/results.md and its picture."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Awaitable, Callable

import uvloop

from . import fanout, reads, rebuild, report, writes
from .scale import FULL, QUICK, Row, Scale, Tell
from .servers import postgres

GROUPS: dict[str, Callable[[Scale, Tell], Awaitable[list[Row]]]] = {
    "reads": reads.measure,
    "turns": writes.measure,
    "rebuild": rebuild.measure,
    "fanout": fanout.measure,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "groups", nargs="*", metavar="GROUP", help=f"only these, and nothing is written: {', '.join(GROUPS)}"
    )
    parser.add_argument("--quick", action="store_true", help="small and short: does it run? Nothing is written.")
    given = parser.parse_args()
    if unknown := set(given.groups) - set(GROUPS):
        parser.error(f"there is no group {', '.join(sorted(unknown))}: choose from {', '.join(GROUPS)}")
    scale, load_before = QUICK if given.quick else FULL, os.getloadavg()[0]
    started_at = time.monotonic()
    rows = uvloop.run(measure(given.groups or list(GROUPS), scale))
    print(f"\n{report.page(rows, scale, load_before)}\nmeasured in {time.monotonic() - started_at:.0f} s")
    if not given.quick and not given.groups:
        report.write(rows, scale, load_before)
        print(f"written to {os.path.relpath(report.RESULTS)} and {os.path.relpath(report.PICTURE)}")


async def measure(groups: list[str], scale: Scale) -> list[Row]:
    """The rows of these groups, one after the other, on one PostgreSQL and on the same data."""
    async with postgres():
        return [row for group in groups for row in await GROUPS[group](scale, tell)]


def tell(what: str) -> None:
    print(f"  {what}", flush=True)


if __name__ == "__main__":
    main()
