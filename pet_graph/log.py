"""The log of facts and the journal of commands: append and read. Besides `audit`, nothing else names their tables.

Each row is sealed: SHA-256 over a domain tag, the previous seal, and every field, each with its length before it, so
that no two different rows have one encoding. `audit` walks the seals.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from operator import attrgetter
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from .events import EVENTS, UPCASTS
from .events.base import Event, Fact

GENESIS = bytes(32)
EPOCH, MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
READ_LIMIT = 1_000

NOTHING = b"\xff\xff\xff\xff"
"""What stands in a seal for a column without a value, in place of its length."""


_SMALL = [length.to_bytes(4) for length in range(256)]


def _sized(encoded: bytes) -> bytes:
    length = len(encoded)
    return (_SMALL[length] if length < 256 else length.to_bytes(4)) + encoded


def _integer(value: int) -> bytes:
    return _sized(b"%d" % value)


def _text(value: str) -> bytes:
    return _sized(value.encode())


_number = lru_cache(maxsize=1_024)(_integer)
_word = lru_cache(maxsize=1_024)(_text)
"""For values that many rows share."""


@lru_cache(maxsize=256)
def _instant(value: datetime) -> bytes:
    since = value - EPOCH
    return _integer((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds)


def _uuid(value: UUID) -> bytes:
    return _SMALL[16] + value.int.to_bytes(16)


AsBytes = Callable[[Any], bytes]
Columns = dict[str, AsBytes]

FACT_COLUMNS: Columns = {
    "position": _integer,
    "stream": _text,
    "version": _number,
    "type": _word,
    "schema_version": _number,
    "data": _text,
    "actor": _word,
    "authority": _word,
    "origin": _word,
    "command_id": _uuid,
    "correlation": _uuid,
    "causation": _integer,
    "occurred_at": _instant,
    "recorded_at": _instant,
}
"""The columns of the log in their order, each with what makes the bytes of it that are sealed, their length first."""

JOURNAL_COLUMNS: Columns = {
    "entry": _integer,
    "command_id": _uuid,
    "command": _word,
    "input": _text,
    "input_hash": _sized,
    "stream": _text,
    "actor": _word,
    "authority": _word,
    "origin": _word,
    "first_position": _integer,
    "last_position": _integer,
    "refusal": _text,
    "recorded_at": _instant,
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


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """Where the log and the journal end: the next row follows on this. `known` are command ids decided before."""

    position: int
    seal: bytes
    entry: int
    journal_seal: bytes
    recorded_at: datetime
    known: tuple[UUID, ...] = ()


# --- sealing ------------------------------------------------------------------------------------------------------


def _seal(start: bytes, as_bytes: Sequence[AsBytes], values: Sequence[Any]) -> bytes:
    """The seal of a row: its values in their fixed order, each preceded by its length."""
    parts = [NOTHING if value is None else make(value) for make, value in zip(as_bytes, values, strict=True)]
    return hashlib.sha256(start + b"".join(parts)).digest()


_FACT_BYTES, _ENTRY_BYTES = tuple(FACT_COLUMNS.values()), tuple(JOURNAL_COLUMNS.values())
_fact_values = attrgetter(*FACT_COLUMNS)
_entry_values = attrgetter(*JOURNAL_COLUMNS)


def seal_fact(previous: bytes, fact: Any) -> bytes:
    return _seal(b"pet.fact.1\0" + previous, _FACT_BYTES, _fact_values(fact))


def seal_entry(previous: bytes, entry: Any) -> bytes:
    return _seal(b"pet.command.1\0" + previous, _ENTRY_BYTES, _entry_values(entry))


# --- writing ------------------------------------------------------------------------------------------------------

Rows = list[dict[str, Any]]

INSERT_FACTS = "insert into pet.log select * from json_populate_recordset(null::pet.log, $1)"
INSERT_ENTRIES = "insert into pet.journal select * from json_populate_recordset(null::pet.journal, $1)"


def sealed_fact(previous: bytes, fact: Fact) -> Fact:
    """The fact itself, which nobody else has seen yet, with its seal."""
    msgspec.structs.force_setattr(fact, "seal", seal_fact(previous, fact))
    return fact


def sealed_entry(previous: bytes, entry: Entry) -> Entry:
    """The entry itself, which nobody else has seen yet, with its seal."""
    msgspec.structs.force_setattr(entry, "seal", seal_entry(previous, entry))
    return entry


def statements(facts: Sequence[Fact], entries: Sequence[Entry]) -> list[tuple[str, Rows]]:
    """What appends these sealed rows, each statement with its rows; only the holder of the turn may run it."""
    appending = (INSERT_FACTS, [*map(_fact_row, facts)]), (INSERT_ENTRIES, [*map(_entry_row, entries)])
    return [statement for statement in appending if statement[1]]


def _fact_row(fact: Fact) -> dict[str, Any]:
    row = dict(zip(FACT_COLUMNS, _fact_values(fact), strict=True))
    return {**row, "data": _json(fact.data), "seal": _hex(fact.seal)}


def _entry_row(entry: Entry) -> dict[str, Any]:
    row = dict(zip(JOURNAL_COLUMNS, _entry_values(entry), strict=True))
    refusal = entry.refusal and _json(entry.refusal)
    texts = {"input": _json(entry.input), "refusal": refusal}
    return {**row, **texts, "input_hash": _hex(entry.input_hash), "seal": _hex(entry.seal)}


def _json(text: str) -> msgspec.Raw:
    """A JSON text inside another one, which PostgreSQL stores to the letter."""
    return msgspec.Raw(text.encode())


def _hex(value: bytes) -> str:
    return f"\\x{value.hex()}"


# --- reading ------------------------------------------------------------------------------------------------------

_ENCODER = msgspec.json.Encoder()
_DECODERS = {name: msgspec.json.Decoder(event) for name, (event, _) in EVENTS.items()}

RELATION = "pet.log"
SELECT = f"select {', '.join(FACT_COLUMNS)}, seal from pet.log"
LAST_POSITION = "select coalesce(max(position), 0) from pet.log"


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


HEAD = """
    select position, log.seal, entry, journal.seal as journal_seal,
        greatest(log.recorded_at, journal.recorded_at) as recorded_at,
        array(select command_id from pet.journal where command_id = any($1)) as known
    from (select position, seal, recorded_at from pet.log order by position desc limit 1) log
    full join (select entry, seal, recorded_at from pet.journal order by entry desc limit 1) journal on true"""
"""Where log and journal end, and which of these commands were decided before; true as long as one has the turn."""


def head_of(row: Any) -> Head:
    """What `HEAD` found; all of it is null where nothing was recorded yet."""
    if row["recorded_at"] is None:
        return Head(position=0, seal=GENESIS, entry=0, journal_seal=GENESIS, recorded_at=EPOCH)
    return Head(
        position=row["position"] or 0,
        seal=row["seal"] or GENESIS,
        entry=row["entry"] or 0,
        journal_seal=row["journal_seal"] or GENESIS,
        recorded_at=row["recorded_at"],
        known=tuple(row["known"]),
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
    conditions = ["position > $1", "position <= $2"]
    values: list[Any] = [after, until or 2**62, limit]
    for column, wanted in (("type", types), ("stream", streams)):
        if wanted is not None:
            values.append(wanted)
            conditions.append(f"{column} = any(${len(values)})")
    rows = await connection.fetch(f"{SELECT} where {' and '.join(conditions)} order by position limit $3", *values)
    return [fact_of(row) for row in rows]


REPLAYED = """
    select position, stream, version, type, schema_version, data, actor, command_id,
        (extract(epoch from occurred_at) * 1000000)::bigint,
        case when recorded_at > occurred_at then (extract(epoch from recorded_at) * 1000000)::bigint end
    from pet.log where position <= $1{share} order by hashtext(stream), stream, version"""
"""Instants come as microseconds: asyncpg takes longer to make one of a timestamp than to read all the rest of a row."""

SHARE = " and (hashtext(stream) & 2147483647) % $2 = $3"

FETCHED = 2_000
"""Rows of a share that are asked for at once; of fewer, the asking shows."""

_UNREAD: Any = msgspec.UNSET
"""What a replay does not read, because no state may depend on it."""


async def read_streams_whole(connection: asyncpg.Connection[Any], until: int) -> list[Fact]:
    """The facts up to the position `until`, all of one stream before all of another; only for a short log."""
    return [replayed(row) for row in await connection.fetch(REPLAYED.format(share=""), until)]


async def read_share(
    connection: asyncpg.Connection[Any], until: int, number: int, of: int, limit: int
) -> AsyncGenerator[list[Fact], None]:
    """The same of one share of the streams, at most `limit` facts at a time."""
    async with connection.transaction(readonly=True):
        cursor = await connection.cursor(REPLAYED.format(share=SHARE), until, of, number)
        while rows := await cursor.fetch(FETCHED):
            for start in range(0, len(rows), limit):
                yield [replayed(row) for row in rows[start : start + limit]]


def replayed(row: Any) -> Fact:
    """Of a fact there is what a state may depend on: not its text, authority, origin, correlation, cause and seal."""
    position, stream, version, name, schema_version, data, actor, command_id, occurred, recorded = row
    occurred_at = EPOCH + occurred * MICROSECOND
    return Fact(
        position=position,
        stream=stream,
        version=version,
        type=name,
        schema_version=schema_version,
        event=decode(name, schema_version, data),
        data=_UNREAD,
        actor=actor,
        authority=_UNREAD,
        origin=_UNREAD,
        command_id=command_id,
        correlation=_UNREAD,
        causation=_UNREAD,
        occurred_at=occurred_at,
        recorded_at=occurred_at if recorded is None else EPOCH + recorded * MICROSECOND,
    )


async def read_stream(connection: asyncpg.Connection[Any] | asyncpg.Pool[Any], stream: str) -> list[Fact]:
    """Every fact of one stream, in order."""
    return [fact_of(row) for row in await connection.fetch(f"{SELECT} where stream = $1 order by version", stream)]


async def read_streams(
    connection: asyncpg.Connection[Any] | asyncpg.Pool[Any], streams: Sequence[str], types: Sequence[str]
) -> list[Fact]:
    """Every fact of these types in these streams, in order."""
    sql = f"{SELECT} where stream = any($1) and type = any($2) order by position"
    return [fact_of(row) for row in await connection.fetch(sql, streams, types)]


async def read_commands(
    connection: asyncpg.Connection[Any] | asyncpg.Pool[Any], command_ids: Sequence[UUID]
) -> dict[UUID, Entry]:
    """The journal entries of those commands that were decided before."""
    rows = await connection.fetch(
        f"select {', '.join(JOURNAL_COLUMNS)}, seal from pet.journal where command_id = any($1)", command_ids
    )
    return {row["command_id"]: Entry(**dict(row)) for row in rows}


async def read_recorded(
    connection: asyncpg.Connection[Any] | asyncpg.Pool[Any], command_ids: Sequence[UUID]
) -> list[Fact]:
    """What these commands recorded, reactions included, in order."""
    rows = await connection.fetch(f"{SELECT} where command_id = any($1) order by position", command_ids)
    return [fact_of(row) for row in rows]


async def last_position(connection: asyncpg.Connection[Any] | asyncpg.Pool[Any]) -> int:
    """The position of the newest fact; 0 for an empty log."""
    return int(await connection.fetchval(LAST_POSITION))
