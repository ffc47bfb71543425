"""Imports ten years of a small software company through PET's public API, with the days on which things happened.

    python examples/import_sip.py FOLDER --token TOKEN

FOLDER holds `task_info.csv` and `dates.csv` of the SiP data set; `sip_tasks.py` tells what they become. The ids of the
commands follow from the data, so the import can be stopped and started again. What PET refuses is counted by its code,
never dropped.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.table import Table
from sending import (
    MOST_COMMANDS,
    CannotImport,
    Command,
    Outcome,
    Server,
    check_failed,
    connected,
    explained,
    insist,
    progress,
)
from sip_tasks import Row, Sale, Task, accepting, drafting, founding, read_tasks, sales_of, working

CALLS_IN_FLIGHT = 4
console = Console()
T = TypeVar("T")

Part = list[tuple[Row | None, Command]]
"""Commands that are sent together, each with the row of the file that it is made of, if it is one row's."""


@dataclass
class Report:
    """What became of everything."""

    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    rows: int = 0
    rows_refused: int = 0
    commands: int = 0
    repeated: int = 0
    facts: int = 0
    facts_before: int = 0

    def add(self, part: Part, outcomes: list[Outcome]) -> None:
        for (row, command), outcome in zip(part, outcomes, strict=True):
            recorded = outcome["__typename"] == "CommandRecorded"
            self.commands += 1
            self.rows += row is not None
            if recorded:
                self.repeated += outcome["repeated"]
            else:
                self.rows_refused += row is not None
                self.refused[next(iter(command)), outcome["code"]] += 1


def batches(parts: Iterable[Part]) -> Iterator[list[Part]]:
    """As many parts as fit into one call, each of them whole."""
    batch: list[Part] = []
    for part in parts:
        if batch and sum(map(len, batch)) + len(part) > MOST_COMMANDS:
            yield batch
            batch = []
        batch.append(part)
    if batch:
        yield batch


async def send(server: Server, report: Report, what: str, parts: list[Part], told: Callable[[Outcome], None]) -> None:
    """Send all parts, some calls at a time; `told` is given each outcome."""
    todo = batches(parts)
    with progress(what) as bars:
        bar = bars.add_task(what, total=len(parts))

        async def work() -> None:
            for batch in todo:
                together = [one for part in batch for one in part]
                outcomes = await server.record_all([command for _, command in together])
                report.add(together, outcomes)
                for outcome in outcomes:
                    told(outcome)
                bars.advance(bar, len(batch))

        await asyncio.gather(*(work() for _ in range(CALLS_IN_FLIGHT)))


def without_rows(commands: Iterable[Command]) -> Part:
    return [(None, command) for command in commands]


async def import_all(tasks: list[Task], url: str, token: str) -> Report:
    report, sales = Report(), sales_of(tasks)
    digests: dict[str, str] = {}
    obligations: dict[tuple[str, int], str] = {}

    def note(outcome: Outcome) -> None:
        """The digest of each quote and the obligation of each line, which later commands call by their names."""
        for fact in outcome.get("facts", ()):
            id_ = fact["stream"].partition("-")[2]
            if fact["type"] == "QuoteDrafted":
                digests[id_] = fact["data"]["digest"]
            elif fact["type"] == "ObligationOpened":
                obligations[fact["data"]["quote"], fact["data"]["line"]] = id_

    async with connected(url, token) as server:
        report.facts_before = await server.position()
        founders = founding(tasks)
        await server.rehearse(founders[:3])
        for start in range(0, len(founders), MOST_COMMANDS):
            for outcome in await server.record_all(founders[start : start + MOST_COMMANDS]):
                insist(outcome)
        await send(server, report, "offers", [without_rows(drafting(sale)) for sale in sales], note)
        accepted = [without_rows(accepting(sale, digests[str(sale.id)])) for sale in sales if str(sale.id) in digests]
        await send(server, report, "acceptances", accepted, note)
        await send(server, report, "tasks", list(_works(sales, obligations)), note)
        report.facts = await server.position()
    return report


def _works(sales: list[Sale], obligations: dict[tuple[str, int], str]) -> Iterator[Part]:
    for sale in sales:
        for number, task in enumerate(sale.tasks, 1):
            if (str(sale.id), number) not in obligations:
                raise CannotImport(f"PET did not record what the import begins with: the quote of {sale.on}.")
            yield list(working(task, obligations[str(sale.id), number]))


def print_report(report: Report, tasks: list[Task], seconds: float) -> None:
    if report.refused:
        table = Table("Command", "Code", "Commands", title="Refused")
        table.columns[2].justify = "right"
        for (name, code), count in report.refused.most_common():
            table.add_row(name, code, f"{count:,}")
        console.print(table)
    recorded = report.rows - report.rows_refused
    lines = [
        f"recorded {recorded:,} + refused {report.rows_refused:,} = {report.rows:,} rows",
        f"{report.commands:,} commands, {report.repeated:,} of them there before",
        f"{len(tasks):,} tasks; PET holds {report.facts:,} facts",
        f"{seconds:.1f} s, {(report.facts - report.facts_before) / seconds:,.0f} facts/s",
    ]
    for line in lines:
        console.print(line, highlight=False)


def main(
    folder: Annotated[Path | None, typer.Argument(help="Where task_info.csv and dates.csv are.")] = None,
    url: Annotated[str, typer.Option(help="Where PET's GraphQL is.")] = "http://127.0.0.1:8000/graphql",
    token: Annotated[str, typer.Option(envvar="PET_TOKEN", help="A manager's token.")] = "",
) -> None:
    """Import the SiP data set."""
    with explained():
        if folder is None or not token.isascii() or not token.strip():
            raise CannotImport("Say in which FOLDER the data set is, and give a manager's token with --token.")
        tasks = read_tasks(folder)
        started = time.monotonic()
        report = asyncio.run(import_all(tasks, url, token.strip()))
        print_report(report, tasks, time.monotonic() - started)
        check_failed(report.refused, "commands")


if __name__ == "__main__":
    typer.run(main)
