"""Answers: what an operation selects, as a tree from which `statements` writes the SQL whose result is the JSON.

What differs from request to request (ids, filter values, cursors, page sizes) stands in *slots* beside the tree, so
that one statement serves all requests whose slots have the same shape.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import UUID

from .questions import Page


@dataclass(frozen=True)
class Constant:
    """The same text for every row: `__typename`."""

    text: str


@dataclass(frozen=True)
class Value:
    """A column, in the text form of its GraphQL type."""

    column: str
    form: str = "plain"


@dataclass(frozen=True)
class GlobalId:
    """The row's global id."""

    type_name: str


@dataclass(frozen=True)
class Computed:
    """A value that SQL computes from the row and, for some, from the present instant."""

    name: str
    form: str = "plain"


@dataclass(frozen=True)
class Single:
    """One row of a table: the one whose id this row names in `by`, or whose id stands in a slot.

    What is `required` and not there is an error of the statement: strawberry tells it in the client's words.
    """

    table: str
    record: Record
    by: str | None = None
    slot: int | None = None
    required: bool = False


@dataclass(frozen=True)
class Things:
    """Rows of any table: one, or `several` as a list. A slot tells their types and ids; `kinds` is by type name."""

    slot: int
    kinds: dict[str, Single]
    several: bool = False


@dataclass(frozen=True)
class Listing:
    """A page of rows: of the whole table, or of those that name this row in `by`. The page stands in a slot."""

    slot: int
    parts: tuple[tuple[str, Part], ...]
    by: str | None = None


@dataclass(frozen=True)
class Rows:
    """What a query of SQL answers, row by row or its one row `alone`. Its parameters $1, $2 … stand in a slot.

    `{now}` in the query is the present instant.
    """

    sql: str
    record: Record
    slot: int
    alone: bool = False


@dataclass(frozen=True)
class Scalar:
    """What a query of SQL answers: one value, as text."""

    sql: str


@dataclass(frozen=True)
class Embedded:
    """A list of values that a column keeps as JSON: an array of objects with these keys, each of this SQL type."""

    column: str
    record: Record
    types: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Stretch:
    """A piece of the log in `relation`, oldest fact first: `Nodes`, the cursor, and whether the log goes on."""

    relation: str
    slot: int
    parts: tuple[tuple[str, Nodes | Cursor | More | Constant], ...]


@dataclass(frozen=True)
class Nodes:
    record: Record


@dataclass(frozen=True)
class Edges:
    fields: tuple[tuple[str, Nodes | Cursor | Constant], ...]


@dataclass(frozen=True)
class Cursor:
    pass


@dataclass(frozen=True)
class More:
    pass


@dataclass(frozen=True)
class PageInfo:
    fields: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Total:
    pass


Expression: TypeAlias = (
    Constant | Value | GlobalId | Computed | Single | Things | Listing | Rows | Scalar | Embedded | Stretch
)
Record: TypeAlias = tuple[tuple[str, Expression], ...]
Part: TypeAlias = Nodes | Edges | PageInfo | Total | Constant


@dataclass(frozen=True)
class Ids:
    """Which things are asked for: the name of the type and the id of each."""

    things: tuple[tuple[str, UUID], ...]


@dataclass(frozen=True)
class Given:
    """The parameters of a query of SQL."""

    values: tuple[Any, ...]


@dataclass(frozen=True)
class Facts:
    """At most `count` facts after a position; of these types and streams, unless that is None."""

    after: int
    count: int
    types: tuple[str, ...] | None = None
    streams: tuple[str, ...] | None = None


Slot: TypeAlias = Page | str | Ids | Given | Facts
"""A page, an id as it is written, or one of these."""


def shape(slot: Slot | None) -> Any:
    """What of a slot the statement depends on."""
    match slot:
        case str():
            return None
        case Page():
            where = tuple((condition.column, condition.operator) for condition in slot.where)
            return slot.table, slot.order, slot.backwards, slot.key is not None, where
        case Ids():
            return tuple(sorted({name for name, _ in slot.things}))
        case Facts():
            return slot.types is None, slot.streams is None
    return None


def values(slot: Slot | None) -> list[Any]:
    """What of a slot goes in as parameters."""
    match slot:
        case str():
            return [slot]
        case Page():
            return [*(condition.value for condition in slot.where), *(slot.key or ()), slot.count]
        case Ids():
            return [[name for name, _ in slot.things], [id_ for _, id_ in slot.things]]
        case Given():
            return [*slot.values]
        case Facts():
            return [slot.after, slot.count, slot.types, slot.streams]
    return []
