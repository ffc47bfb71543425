"""The log of facts and the journal of commands: append and read. The only module that names their tables.

Each row is sealed: SHA-256 over a domain tag, the previous seal, and every field, each with its length before it, so
that no two different rows have one encoding. `audit` walks the seals.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from .events import EVENTS, UPCASTS
from .events.base import Event, Fact

GENESIS = bytes(32)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
READ_LIMIT = 1_000

FACT_COLUMNS = {
    "position": "bigint",
    "stream": "text",
    "version": "int",
    "type": "text",
    "schema_version": "smallint",
    "data": "json",
    "actor": "text",
    "authority": "text",
    "origin": "text",
    "command_id": "uuid",
    "correlation": "uuid",
    "causation": "bigint",
    "occurred_at": "timestamptz",
    "recorded_at": "timestamptz",
}
JOURNAL_COLUMNS = {
    "entry": "bigint",
    "command_id": "uuid",
    "command": "text",
    "input": "json",
    "input_hash": "bytea",
    "stream": "text",
    "actor": "text",
    "authority": "text",
    "origin": "text",
    "first_position": "bigint",
    "last_position": "bigint",
    "refusal": "json",
    "recorded_at": "timestamptz",
}


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A decided command as it stands in the journal; `input` and `refusal` are JSON texts."""

    entry: int
    command_id: UUID
    command: str
    input: str
    input_hash: bytes
    stream: str
    actor: str
    authority: str
    origin: str
    first_position: int | None
    last_position: int | None
    refusal: str | None
    recorded_at: datetime
    seal: bytes = b""


class Head(msgspec.Struct, frozen=True):
    """Where the log and the journal end: the next row follows on this."""

    position: int
    seal: bytes
    entry: int
    journal_seal: bytes
    recorded_at: datetime


# --- sealing ------------------------------------------------------------------------------------------------------


def _bytes(value: object) -> bytes:
    match value:
        case str():
            return value.encode()
        case int():
            return b"%d" % value
        case bytes():
            return value
        case UUID():
            return value.bytes
        case datetime():
            return b"%d" % ((value - EPOCH) // MICROSECOND)
    raise TypeError(f"no canonical bytes for {type(value).__name__}")


MICROSECOND = datetime.resolution


def seal(domain: bytes, previous: bytes, values: Iterable[object]) -> bytes:
    """The seal of a row: `values` in their fixed order, each preceded by its length (all ones for None)."""
    parts = [domain, previous]
    for value in values:
        if value is None:
            parts.append(b"\xff\xff\xff\xff")
        else:
            encoded = _bytes(value)
            parts += (len(encoded).to_bytes(4), encoded)
    return hashlib.sha256(b"".join(parts)).digest()


def seal_fact(previous: bytes, fact: Any) -> bytes:
    return seal(b"pet.fact.1\0", previous, (getattr(fact, field) for field in FACT_COLUMNS))


def seal_entry(previous: bytes, entry: Any) -> bytes:
    return seal(b"pet.command.1\0", previous, (getattr(entry, field) for field in JOURNAL_COLUMNS))


# --- writing ------------------------------------------------------------------------------------------------------


def _insert(table: str, columns: dict[str, str]) -> str:
    sealed = {**columns, "seal": "bytea"}
    names = ", ".join(sealed)
    arrays = ", ".join(f"${number}::{kind}[]" for number, kind in enumerate(sealed.values(), 1))
    return f"insert into {table} ({names}) select * from unnest({arrays})"


INSERT_FACTS = _insert("pet.log", FACT_COLUMNS)
INSERT_ENTRIES = _insert("pet.journal", JOURNAL_COLUMNS)


async def append(
    connection: asyncpg.Connection[Any], head: Head, facts: Sequence[Fact], entries: Sequence[Entry]
) -> list[Fact]:
    """Seal and write facts and journal entries, which must follow on `head`; returns the sealed facts.

    Two statements, whatever the number of rows. The caller holds the turn and the transaction.
    """
    sealed = _sealed(facts, head.seal, seal_fact)
    await _write(connection, INSERT_FACTS, sealed, FACT_COLUMNS)
    await _write(connection, INSERT_ENTRIES, _sealed(entries, head.journal_seal, seal_entry), JOURNAL_COLUMNS)
    return sealed


def _sealed(rows: Sequence[Any], previous: bytes, sealer: Any) -> list[Any]:
    sealed = []
    for row in rows:
        previous = sealer(previous, row)
        sealed.append(msgspec.structs.replace(row, seal=previous))
    return sealed


async def _write(connection: asyncpg.Connection[Any], sql: str, rows: Sequence[Any], columns: Iterable[str]) -> None:
    if rows:
        await connection.execute(sql, *([getattr(row, column) for row in rows] for column in (*columns, "seal")))


# --- reading ------------------------------------------------------------------------------------------------------

_ENCODER = msgspec.json.Encoder()
_DECODERS = {name: msgspec.json.Decoder(event) for name, (event, _) in EVENTS.items()}

SELECT = f"select {', '.join(FACT_COLUMNS)}, seal from pet.log"


def encode(event: Event) -> str:
    """The exact text that is stored and sealed."""
    return _ENCODER.encode(event).decode()


def decode(name: str, schema_version: int, data: str) -> Event:
    """The event that was stored as `data`, brought to its present shape; the stored text never changes."""
    current = EVENTS[name][1]
    if schema_version == current:
        return _DECODERS[name].decode(data)
    shape = json.loads(data)
    for version in range(schema_version, current):
        shape = UPCASTS[name, version](shape)
    return msgspec.convert(shape, EVENTS[name][0], strict=False)


def fact_of(row: Any) -> Fact:
    values = dict(row)
    return Fact(event=decode(values["type"], values["schema_version"], values["data"]), **values)


async def read_head(connection: asyncpg.Connection[Any]) -> Head:
    """Where log and journal end. Only true until somebody else takes a turn."""
    fact = await connection.fetchrow("select position, seal, recorded_at from pet.log order by position desc limit 1")
    entry = await connection.fetchrow("select entry, seal from pet.journal order by entry desc limit 1")
    return Head(
        position=fact["position"] if fact else 0,
        seal=fact["seal"] if fact else GENESIS,
        entry=entry["entry"] if entry else 0,
        journal_seal=entry["seal"] if entry else GENESIS,
        recorded_at=fact["recorded_at"] if fact else EPOCH,
    )


async def read(
    connection: asyncpg.Connection[Any] | asyncpg.Pool[Any],
    after: int,
    *,
    limit: int = READ_LIMIT,
    until: int | None = None,
    types: Sequence[str] | None = None,
    streams: Sequence[str] | None = None,
) -> list[Fact]:
    """At most `limit` facts with positions over `after` (and up to `until`), of these types and streams, in order."""
    conditions, values = ["position > $1", "position <= $2"], [after, until or 2**62, limit]
    for column, wanted in (("type", types), ("stream", streams)):
        if wanted is not None:
            values.append(wanted)
            conditions.append(f"{column} = any(${len(values)})")
    rows = await connection.fetch(f"{SELECT} where {' and '.join(conditions)} order by position limit $3", *values)
    return [fact_of(row) for row in rows]


async def read_stream(connection: asyncpg.Connection[Any] | asyncpg.Pool[Any], stream: str) -> list[Fact]:
    """Every fact of one stream, in order."""
    return [fact_of(row) for row in await connection.fetch(f"{SELECT} where stream = $1 order by version", stream)]


async def read_commands(
    connection: asyncpg.Connection[Any] | asyncpg.Pool[Any], command_ids: Sequence[UUID]
) -> dict[UUID, Entry]:
    """The journal entries of those commands that were decided before."""
    rows = await connection.fetch(
        f"select {', '.join(JOURNAL_COLUMNS)}, seal from pet.journal where command_id = any($1)", command_ids
    )
    return {row["command_id"]: Entry(**dict(row)) for row in rows}


async def read_recorded(connection: asyncpg.Connection[Any] | asyncpg.Pool[Any], command_id: UUID) -> list[Fact]:
    """What one command recorded, reactions included."""
    rows = await connection.fetch(f"{SELECT} where command_id = $1 order by position", command_id)
    return [fact_of(row) for row in rows]


async def last_position(connection: asyncpg.Connection[Any] | asyncpg.Pool[Any]) -> int:
    """The position of the newest fact; 0 for an empty log."""
    return int(await connection.fetchval("select coalesce(max(position), 0) from pet.log"))
