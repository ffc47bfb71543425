"""What a projection is made of: tables declared by SQLModel, rows to put and to drop, and how a turn writes them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import asyncpg
from sqlalchemy import Table as SqlTable
from sqlalchemy.dialects.postgresql import ARRAY, JSON
from sqlalchemy.dialects.postgresql.asyncpg import dialect as asyncpg_dialect
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlalchemy.sql.expression import ClauseElement

SCHEMA = "projections"
DIALECT = asyncpg_dialect()  # type: ignore[no-untyped-call]


class Put(NamedTuple):
    """Write a row whole, in place of the one with the same key."""

    table: str
    values: dict[str, Any]


class Drop(NamedTuple):
    """Remove the row with this key."""

    table: str
    key: tuple[Any, ...]


Change = Put | Drop


@dataclass(frozen=True)
class Table:
    """The statements by which many rows of one table are written at once; made from its SQLModel class."""

    sql: SqlTable

    @property
    def name(self) -> str:
        return self.sql.name

    @cached_property
    def columns(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.sql.columns)

    @cached_property
    def key(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.sql.primary_key)

    def type_of(self, column: str) -> str:
        return str(self.sql.columns[column].type.compile(DIALECT))

    def _is_text_on_the_wire(self, column: str) -> bool:
        """`unnest` flattens arrays of arrays, so arrays and JSON travel as their text."""
        return isinstance(self.sql.columns[column].type, (ARRAY, JSON))

    def _unnested(self, columns: Sequence[str]) -> str:
        arrays = (
            f"${n}::{'text' if self._is_text_on_the_wire(c) else self.type_of(c)}[]" for n, c in enumerate(columns, 1)
        )
        return f"unnest({', '.join(arrays)}) as a ({', '.join(columns)})"

    @cached_property
    def upsert(self) -> str:
        columns = ", ".join(self.columns)
        values = ", ".join(
            f"a.{c}::{self.type_of(c)}" if self._is_text_on_the_wire(c) else f"a.{c}" for c in self.columns
        )
        rest = ", ".join(f"{c} = excluded.{c}" for c in self.columns if c not in self.key)
        return (
            f"insert into {self.name} ({columns}) select {values} from {self._unnested(self.columns)} "
            f"on conflict ({', '.join(self.key)}) do update set {rest}"
        )

    @cached_property
    def delete(self) -> str:
        match = " and ".join(f"{self.name}.{c} = a.{c}" for c in self.key)
        return f"delete from {self.name} using {self._unnested(self.key)} where {match}"

    def arrays(self, rows: Sequence[dict[str, Any]]) -> list[list[Any]]:
        """One array a column, in the order of `columns`."""
        return [[self._wire(column, row[column]) for row in rows] for column in self.columns]

    def _wire(self, column: str, value: Any) -> Any:
        if isinstance(value, (list, tuple)) and self._is_text_on_the_wire(column):
            return "{" + ",".join(value) + "}"
        return value

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
            key = tuple(change.values[column] for column in tables[change.table].key)
        else:
            key = change.key
        latest.setdefault(change.table, {})[key] = change
    return latest


async def write(connection: asyncpg.Connection[Any], changes: Iterable[Change], tables: dict[str, Table]) -> None:
    """Write all changes, each table in one statement (and one more if rows leave it)."""
    for name, by_key in last_of_each(changes, tables).items():
        table = tables[name]
        rows = [change.values for change in by_key.values() if isinstance(change, Put)]
        gone = [key for key, change in by_key.items() if isinstance(change, Drop)]
        if rows:
            await connection.execute(table.upsert, *table.arrays(rows))
        if gone:
            await connection.execute(table.delete, *([key[n] for key in gone] for n in range(len(table.key))))
