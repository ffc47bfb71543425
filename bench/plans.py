"""`python -m bench.plans URL`: which of the typical queries take more than 5 ms in that database, each with its plan.

The queries are those of `tests/golden`; what it said last is in `plans.md`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from pathlib import Path

import asyncpg

from pet_graph import database
from pet_graph.app import now
from pet_graph.explain import plan, prepared
from pet_graph.planner import Prepared

QUERIES = Path(__file__).parent.parent / "tests" / "golden"
SLOW_MS, ROUNDS = 5.0, 11


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.plans", description=__doc__)
    parser.add_argument("url", help="the database, with as much in it as you expect")
    print(asyncio.run(measured(parser.parse_args().url)))


async def measured(url: str) -> str:
    """The page: a line a query, and the plans of the slow ones."""
    connection = await database.connect(url)
    lines, plans = ["| query | ms |", "|---|---:|"], []
    for file in sorted(QUERIES.glob("*.graphql")):
        text = file.read_text()
        comment = text.splitlines()[0]
        one = prepared(text, json.loads(comment[1:]) if comment.startswith("#") else {})
        took_ms = await median_ms(connection, one)
        lines.append(f"| {file.stem} | {took_ms:.1f} |")
        if took_ms > SLOW_MS:
            told = "\n".join(await plan(connection, one, now(), analyze=True))
            plans.append(f"## {file.stem}\n\n```\n{told}\n```")
    await connection.close()
    return "\n".join(lines) + "\n\n" + "\n\n".join(plans)


async def median_ms(connection: asyncpg.Connection[object], one: Prepared) -> float:
    took = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        await one.answers(connection, now())
        took.append((time.perf_counter() - began) * 1000)
    return sorted(took)[ROUNDS // 2]


if __name__ == "__main__":
    main()
