"""What a projection is made of: tables declared by SQLModel, rows to put and to drop, and the SQL that writes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import JSON
from sqlalchemy import Table as SqlTable
from sqlalchemy.dialects.postgresql.asyncpg import dialect as asyncpg_dialect
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlalchemy.sql.expression import ClauseElement

SCHEMA = "projections"
DIALECT = asyncpg_dialect()  # type: ignore[no-untyped-call]


Row = dict[str, Any]

_ENCODER = msgspec.json.Encoder()


class Put(NamedTuple):
    """Write a row whole, in place of the one with the same key."""

    table: str
    values: Row


class Drop(NamedTuple):
    """Remove the row with this key."""

    table: str
    key: tuple[Any, ...]


Change = Put | Drop


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

    def record(self, row: Row) -> tuple[Any, ...]:
        """The row as `copy_records_to_table` takes it: its values in the order of `columns`."""
        self._check(row)
        texts = {c: _ENCODER.encode(row[c]).decode() for c in self._json if not isinstance(row[c], str | None)}
        return tuple([texts.get(c, row[c]) for c in self.columns])

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

    def ddl(self) -> list[str]:
        """The statements that make the table and its indexes."""
        indexes = sorted(self.sql.indexes, key=lambda index: str(index.name))
        statements: list[ClauseElement] = [CreateTable(self.sql), *(CreateIndex(index) for index in indexes)]
        return [str(statement.compile(dialect=DIALECT)) for statement in statements]


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
