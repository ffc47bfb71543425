"""What a projection is made of: tables declared by SQLModel, rows to put and to drop, and the SQL that writes them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha1
from operator import itemgetter
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, JSON
from sqlalchemy import Table as SqlTable
from sqlalchemy.dialects.postgresql.asyncpg import dialect as asyncpg_dialect
from sqlalchemy.schema import AddConstraint, CreateColumn, CreateIndex
from sqlalchemy.sql.expression import ClauseElement

SCHEMA = "projections"
DIALECT = asyncpg_dialect()  # type: ignore[no-untyped-call]


Row = dict[str, Any]

_ENCODER = msgspec.json.Encoder()


class Put(msgspec.Struct, frozen=True):
    """Write a row whole, in place of the one with the same key."""

    table: str
    values: Row


class Drop(msgspec.Struct, frozen=True):
    """Remove the row with this key."""

    table: str
    key: tuple[Any, ...]


Change = Put | Drop


def part_id(whole: UUID, name: str) -> UUID:
    """What `uuid5` makes, in a third of its time: the id of a part of something, by its name there."""
    digest = bytearray(sha1(whole.bytes + name.encode(), usedforsecurity=False).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50  # the version: by SHA-1 of a name
    digest[8] = digest[8] & 0x3F | 0x80  # the variant
    return msgspec.convert(bytes(digest), UUID)


def as_json(rows: Sequence[Row]) -> str:
    """Rows as one parameter of a statement."""
    return _ENCODER.encode(rows).decode()


@dataclass(frozen=True)
class Table:
    """The statements by which many rows of one table are written at once; made from its SQLModel class.

    Rows travel as one JSON array: PostgreSQL gives every value the type of its column.
    """

    sql: SqlTable

    @property
    def name(self) -> str:
        return self.sql.name

    @property
    def source(self) -> str:
        """What stands after `from`."""
        return self.name

    @cached_property
    def columns(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.sql.columns)

    @cached_property
    def _column_set(self) -> frozenset[str]:
        return frozenset(self.columns)

    @cached_property
    def key(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.sql.primary_key)

    @cached_property
    def _json(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.sql.columns if isinstance(column.type, JSON))

    def type_of(self, column: str) -> str:
        return str(self.sql.columns[column].type.compile(DIALECT))

    @cached_property
    def _rows(self) -> str:
        return f"json_populate_recordset(null::{self.name}, $1)"

    @cached_property
    def upsert(self) -> str:
        columns = ", ".join(self.columns)
        rest = ", ".join(f"{c} = excluded.{c}" for c in self.columns if c not in self.key)
        return (
            f"insert into {self.name} ({columns}) select {columns} from {self._rows} "
            f"on conflict ({', '.join(self.key)}) do update set {rest}"
        )

    @cached_property
    def delete(self) -> str:
        match = " and ".join(f"{self.name}.{c} = gone.{c}" for c in self.key)
        return f"delete from {self.name} using {self._rows} as gone where {match}"

    def lines(self, rows: Sequence[Row]) -> bytes:
        """The rows as lines of CSV, as a `COPY` of `columns` takes them with the options `CSV`."""
        if {*map(len, rows)} != {len(self.columns)}:
            for row in rows:
                self._check(row)
        lists = [[*self._values(row)] for row in rows]
        for place, as_text in self._as_texts:
            for values in lists:
                values[place] = as_text(values[place])
        arrays = _ENCODER.encode_lines(lists).split(b"\n")  # a new line in a text is not one in JSON
        lines = b"\n".join([array[1:-1] for array in arrays])
        return lines if b"\\" not in lines or self._are_printable(lists) else _with_characters_themselves(lines)

    @cached_property
    def _values(self) -> Callable[[Row], tuple[Any, ...]]:
        return itemgetter(*self.columns)

    @cached_property
    def _as_texts(self) -> list[tuple[int, Callable[[Any], Any]]]:
        """The places of columns whose values are not written as they are, with what makes their texts."""
        kinds: list[tuple[type, Callable[[Any], Any]]] = [(JSON, _json_text), (ARRAY, _array_text)]
        columns = enumerate(self.sql.columns)
        return [(n, as_text) for n, column in columns for kind, as_text in kinds if isinstance(column.type, kind)]

    @cached_property
    def _plain(self) -> list[int]:
        """The places of columns that may hold control characters; JSON has none."""
        return [n for n, column in enumerate(self.sql.columns) if not isinstance(column.type, JSON)]

    def _are_printable(self, rows: Sequence[Sequence[Any]]) -> bool:
        return "".join([text for n in self._plain for row in rows if isinstance(text := row[n], str)]).isprintable()

    def _check(self, row: Row) -> None:
        if row.keys() != self._column_set:
            raise KeyError(f"{self.name}: {sorted(self._column_set ^ row.keys())}")  # PostgreSQL would write null

    def _wire(self, row: Row) -> Row:
        """A column of JSON is given as JSON text, or as anything that can be written as such."""
        self._check(row)
        texts = {c: msgspec.Raw(row[c].encode()) for c in self._json if isinstance(row[c], str)}
        return {**row, **texts} if texts else row

    def statements(self, by_key: dict[tuple[Any, ...], Change]) -> Iterator[tuple[str, list[Row]]]:
        """What writes these changes, each statement with its rows: one, and one more if rows leave the table."""
        rows = [self._wire(change.values) for change in by_key.values() if isinstance(change, Put)]
        gone = [key for key, change in by_key.items() if isinstance(change, Drop)]
        if rows:
            yield self.upsert, rows
        if gone:
            yield self.delete, [dict(zip(self.key, key, strict=True)) for key in gone]

    def ddl(self) -> str:
        """The statement that makes the table, with neither keys nor indexes: rows that are copied need none."""
        columns = (str(CreateColumn(column).compile(dialect=DIALECT)) for column in self.sql.columns)
        return f"create table {self.name} ({', '.join(columns)})"

    def ddl_when_filled(self) -> list[str]:
        """The statements that make its keys and indexes."""
        constraints: list[Any] = sorted(self.sql.constraints, key=lambda constraint: str(constraint.name))
        indexes = sorted(self.sql.indexes, key=lambda index: str(index.name))
        statements: list[ClauseElement] = [*map(AddConstraint, constraints), *map(CreateIndex, indexes)]
        return [str(statement.compile(dialect=DIALECT)) for statement in statements]


@dataclass(frozen=True)
class View:
    """Rows that a query makes of tables whenever they are asked for, and the SQL types of its columns."""

    name: str
    sql: str
    types: dict[str, str]

    @property
    def source(self) -> str:
        """What stands after `from`."""
        return f"({self.sql})"

    def type_of(self, column: str) -> str:
        return self.types[column]


def _json_text(value: Any) -> str | None:
    """A value of a column of JSON, which may be JSON text already."""
    return value if value is None or isinstance(value, str) else _ENCODER.encode(value).decode()


def _array_text(values: Sequence[Any] | None) -> str | None:
    """A PostgreSQL array of texts."""
    if values is None:
        return None
    quoted = (str(value).replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return "{" + ",".join(f'"{value}"' for value in quoted) + "}"


CSV = {"format": "csv", "escape": "\\", "null": "null"}
"""A JSON array without its brackets is such a line, but for the control characters, which CSV has as themselves."""

_CONTROLS = [(b"\\n", b"\n"), (b"\\t", b"\t"), (b"\\r", b"\r"), (b"\\b", b"\b"), (b"\\f", b"\f")]
_RARE = re.compile(rb"\\u00([01][0-9a-f])")


def _with_characters_themselves(lines: bytes) -> bytes:
    """A NUL, which is not storable, stands meanwhile for a backslash that is one."""
    lines = lines.replace(b"\\\\", b"\0")
    for escape, character in _CONTROLS:
        if escape in lines:
            lines = lines.replace(escape, character)
    if b"\\u00" in lines:
        lines = _RARE.sub(lambda match: bytes([int(match[1], 16)]), lines)
    return lines.replace(b"\0", b"\\\\")


def table_of(model: Any) -> Table:
    """The table that a SQLModel class declares."""
    return Table(model.__table__)


def last_of_each(changes: Iterable[Change], tables: dict[str, Table]) -> dict[str, dict[tuple[Any, ...], Change]]:
    """By table and key, the change that stands at the end."""
    latest: dict[str, dict[tuple[Any, ...], Change]] = {}
    for change in changes:
        if isinstance(change, Put):
            key = tuple([change.values[column] for column in tables[change.table].key])
        else:
            key = change.key
        latest.setdefault(change.table, {})[key] = change
    return latest


def statements(changes: Iterable[Change], tables: dict[str, Table]) -> list[tuple[str, list[Row]]]:
    """What writes all changes, each statement with its rows; no table is named by two of a kind."""
    latest = last_of_each(changes, tables)
    return [statement for name in tables if name in latest for statement in tables[name].statements(latest[name])]
