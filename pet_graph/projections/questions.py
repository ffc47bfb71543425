"""The questions asked of the tables: by id, page by page after a key, and how many; one SQL statement each.

Conditions and orders are data, so that one declaration serves a root list, a list under each of many parents, and
whatever compiles whole operations later.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import asyncpg

from . import RELATIONS

Row = Any
"""A row as asyncpg gives it: a mapping by column name."""

Connections: TypeAlias = "asyncpg.Pool[Any]"
Operator = Literal["=", "in", ">=", "<", "is null", "is not null", "holds"]


@dataclass(frozen=True)
class Condition:
    """What must hold of a row. `value` is ignored by the two null tests, and is a tuple for `in`."""

    column: str
    operator: Operator
    value: Any = None


@dataclass(frozen=True)
class Order:
    """By one column that is never null, then by id, so that the order is total."""

    column: str
    descending: bool = False


@dataclass(frozen=True)
class Page:
    """A stretch of an ordered list: `count` rows after `key` (or before it, when `backwards`)."""

    table: str
    order: Order
    count: int
    where: tuple[Condition, ...] = ()
    key: tuple[Any, Any] | None = None
    backwards: bool = False


class Parameters:
    """Collects values and gives each its placeholder, typed by the column it is compared with."""

    def __init__(self, *values: Any) -> None:
        self.values = list(values)

    def add(self, value: Any, sql_type: str) -> str:
        self.values.append(value)
        return f"${len(self.values)}::{sql_type}"


def condition_sql(condition: Condition, table: str, parameters: Parameters, row: str = "t") -> str:
    column, sql_type = f"{row}.{condition.column}", RELATIONS[table].type_of(condition.column)
    match condition.operator:
        case "is null" | "is not null":
            return f"{column} {condition.operator}"
        case "in":
            return f"{column} = any({parameters.add(condition.value, f'{sql_type}[]')})"
        case "holds":
            return f"{parameters.add(condition.value, sql_type.removesuffix('[]'))} = any({column})"
        case _:
            return f"{column} {condition.operator} {parameters.add(condition.value, sql_type)}"


def after_key_sql(page: Page, parameters: Parameters, row: str = "t") -> str:
    assert page.key is not None
    sign = "<" if page.order.descending != page.backwards else ">"
    value = parameters.add(page.key[0], RELATIONS[page.table].type_of(page.order.column))
    return f"({row}.{page.order.column}, {row}.id) {sign} ({value}, {parameters.add(page.key[1], 'uuid')})"


def _where(page: Page, parameters: Parameters, *also: str) -> str:
    parts = [*also, *(condition_sql(condition, page.table, parameters) for condition in page.where)]
    return f" where {' and '.join(parts)}" if parts else ""


def _paged(page: Page, parameters: Parameters, *also: str) -> str:
    keyed = (*also, after_key_sql(page, parameters)) if page.key else also
    direction = "desc" if page.order.descending != page.backwards else "asc"
    return (
        f"{_where(page, parameters, *keyed)} order by t.{page.order.column} {direction}, t.id {direction}"
        f" limit {parameters.add(page.count + 1, 'bigint')}"
    )


@asynccontextmanager
async def snapshot(connections: Connections) -> AsyncIterator[Any]:
    """A connection whose statements all see the database at one moment."""
    async with connections.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        yield connection


async def by_ids(connections: Connections, table: str, ids: Sequence[Any]) -> dict[Any, Row]:
    """The rows with these ids."""
    return {row["id"]: row for row in await connections.fetch(f"select * from {table} where id = any($1)", ids)}


async def page(connections: Connections, page: Page) -> list[Row]:
    """One row more than asked, if there is one, so that the caller knows whether the list goes on."""
    parameters = Parameters()
    sql = f"select t.* from {RELATIONS[page.table].source} t{_paged(page, parameters)}"
    rows: list[Row] = await connections.fetch(sql, *parameters.values)
    return rows[::-1] if page.backwards else rows


async def count(connections: Connections, page: Page) -> int:
    """How many rows the whole list has."""
    parameters = Parameters()
    sql = f"select count(*) from {RELATIONS[page.table].source} t{_where(page, parameters)}"
    return int(await connections.fetchval(sql, *parameters.values))


async def pages(connections: Connections, page: Page, by: str, parents: Sequence[Any]) -> dict[Any, list[Row]]:
    """The same page under each of many parents, in one statement; like `page`, one row more than asked."""
    parameters = Parameters(list(parents))
    inner = f"select t.* from {RELATIONS[page.table].source} t{_paged(page, parameters, f't.{by} = p.parent')}"
    sql = f"select t.* from unnest($1::uuid[]) p(parent) cross join lateral ({inner}) t"
    found: dict[Any, list[Row]] = {parent: [] for parent in parents}
    for row in await connections.fetch(sql, *parameters.values):
        found[row[by]].append(row)
    return {parent: rows[::-1] if page.backwards else rows for parent, rows in found.items()}


async def counts(connections: Connections, page: Page, by: str, parents: Sequence[Any]) -> dict[Any, int]:
    """How many rows the whole list has under each of many parents."""
    parameters = Parameters(list(parents))
    where = _where(page, parameters, f"t.{by} = any($1::uuid[])")
    sql = f"select t.{by} as parent, count(*) as rows from {RELATIONS[page.table].source} t{where} group by 1"
    found = {row["parent"]: row["rows"] for row in await connections.fetch(sql, *parameters.values)}
    return {parent: found.get(parent, 0) for parent in parents}
