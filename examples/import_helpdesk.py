"""Imports a helpdesk's log of four years through PET's public API, with the instants at which things happened.

    python examples/import_helpdesk.py helpdesk_log.csv --token TOKEN
    python examples/import_helpdesk.py --mapping

Each row becomes one command, whose id follows from the row's place in its case. So the import can be stopped and
started again: what is recorded already gets its first answer. What PET refuses is counted by its code, never dropped.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer
from helpdesk_log import FIRST_ROW, MAPPING, YEARS, Row, accept, commands_of, founding, holidays_of, read_cases
from rich.console import Console
from rich.table import Table
from sending import MOST_COMMANDS, CannotImport, Outcome, Server, check_failed, connected, explained, insist, progress

CALLS_IN_FLIGHT = 4

console = Console()


HOLIDAYS = """
mutation Holidays($input: ProposeHolidaysOfCountryInput!) {
  proposeHolidaysOfCountry(input: $input) {
    __typename
    ... on CalendarRecorded { facts { data } }
    ... on UserError { code message path }
  }
}
"""


async def propose_holidays(server: Server) -> list[str]:
    """Let PET propose the holidays of Italy; the dates."""
    data = await server.ask(HOLIDAYS, {"input": holidays_of(YEARS)})
    insist(outcome := data["proposeHolidaysOfCountry"])
    return [holiday["on"] for holiday in outcome["facts"][0]["data"]["holidays"]]


# --- importing --------------------------------------------------------------------------------------------------------


@dataclass
class Report:
    """What became of the rows."""

    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    recorded: int = 0
    repeated: int = 0
    facts: int = 0

    def add(self, rows: list[Row], outcomes: list[Outcome]) -> None:
        for row, outcome in zip(rows, outcomes, strict=True):
            if outcome["__typename"] == "CommandRecorded":
                self.recorded += 1
                self.repeated += outcome["repeated"]
            else:
                self.refused[row.activity, outcome["code"]] += 1


def batches(cases: Iterable[list[Row]]) -> Iterator[list[list[Row]]]:
    """As many cases as fit into one call, each of them whole.

    One call is one turn. Deadlines of imported cases have passed long ago: were a case split, the clock could take its
    turn between two rows and record a breach that a later row tells never was.
    """
    batch: list[list[Row]] = []
    for case in cases:
        if batch and sum(map(len, batch)) + len(case) > MOST_COMMANDS:
            yield batch
            batch = []
        batch.append(case)
    if batch:
        yield batch


async def import_all(cases: list[list[Row]], url: str, token: str, *, office: bool = False) -> Report:
    async with connected(url, token) as server:
        founders = founding(cases, office=office)
        await server.rehearse(founders[:2])
        if office:
            [outcome] = await server.record_all(founders[:1])
            insist(outcome)
            founders.insert(1, accept(await propose_holidays(server)))
        for start in range(0, len(founders), MOST_COMMANDS):
            for outcome in await server.record_all(founders[start : start + MOST_COMMANDS]):
                insist(outcome)
        report = await _import_cases(server, cases)
        report.facts = await server.position()
    return report


async def _import_cases(server: Server, cases: list[list[Row]]) -> Report:
    report, todo = Report(), batches(cases)
    with progress("rows") as bars:
        bar = bars.add_task("rows", total=sum(map(len, cases)))

        async def work() -> None:
            for batch in todo:
                rows = [row for case in batch for row in case]
                commands = [command for case in batch for command in commands_of(case)]
                report.add(rows, await server.record_all(commands))
                bars.advance(bar, len(rows))

        await asyncio.gather(*(work() for _ in range(CALLS_IN_FLIGHT)))
    return report


def print_mapping() -> None:
    table = Table("Activity", "Becomes", "Because", title="What the rows of the log become")
    table.columns[0].no_wrap = True
    table.add_row(*FIRST_ROW, end_section=True)
    for rule in MAPPING:
        table.add_row(rule.activity, rule.becomes, rule.reason)
    console.print(table)


def print_report(report: Report, cases: list[list[Row]], seconds: float) -> None:
    refused = report.refused.total()
    table = Table("Activity", "Code", "Rows", title="Refused")
    table.columns[2].justify = "right"
    for (activity, code), count in report.refused.most_common():
        table.add_row(activity, code, f"{count:,}")
    if refused:
        console.print(table)
    rows = sum(map(len, cases))
    console.print(f"recorded {report.recorded:,} + refused {refused:,} = {rows:,} rows", highlight=False)
    console.print(f"{report.repeated:,} of the recorded ones were there before", highlight=False)
    console.print(f"{len(cases):,} tickets; PET holds {report.facts:,} facts", highlight=False)
    console.print(f"{seconds:.1f} s, {rows / seconds:,.0f} rows/s", highlight=False)


def main(
    file: Annotated[Path | None, typer.Argument(help="The log: helpdesk_log.csv.")] = None,
    url: Annotated[str, typer.Option(help="Where PET's GraphQL is.")] = "http://127.0.0.1:8000/graphql",
    token: Annotated[str, typer.Option(envvar="PET_TOKEN", help="A manager's token.")] = "",
    calendar: Annotated[
        bool,
        typer.Option(
            "--calendar", help="Promise in office hours: weekdays 9-13 and 14-18 in Rome, without Italian holidays."
        ),
    ] = False,
    mapping: Annotated[bool, typer.Option("--mapping", help="Print what rows become, and import nothing.")] = False,
) -> None:
    """Import the helpdesk log."""
    if mapping:
        print_mapping()
        return
    with explained():
        if file is None or not token.isascii() or not token.strip():
            raise CannotImport("Say which FILE to import, and give a manager's token with --token.")
        cases = read_cases(file)
        started = time.monotonic()
        report = asyncio.run(import_all(cases, url, token.strip(), office=calendar))
        print_report(report, cases, time.monotonic() - started)
        check_failed(report.refused, "rows")


if __name__ == "__main__":
    typer.run(main)
