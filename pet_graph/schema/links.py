"""How types declare what they lead to: `one`, `many`, `find`, `listing`, `embedded`, `rows`, `scalar`.

The declarations stand in each field's metadata, as data, for whatever compiles whole operations. Here they are
executed field by field, with a loader for each kind of question, so that equal questions become one SQL statement.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, get_type_hints

import msgspec
import orjson
import strawberry
from strawberry.types.base import StrawberryContainer, get_object_definition
from strawberry.types.lazy_type import LazyType

from ..context import Info
from ..projections.answers import Facts, Given, Ids
from .connections import Connection, page_of
from .nodes import Node, bad_input, columns_of, id_of, type_name

ROOT: Any = strawberry.Parent[Any]  # type: ignore[misc]


@dataclass(frozen=True)
class One:
    """This row's column `by` is the id of a row of `table`."""

    table: str
    by: str


@dataclass(frozen=True)
class Many:
    """Rows of `table` whose column `by` is this row's id. `noun`: they all come from that stream of this id."""

    table: str
    by: str
    noun: str | None = None


@dataclass(frozen=True)
class Embedded:
    """Values that this row's column keeps as a JSON array of objects."""

    column: str


@dataclass(frozen=True)
class Rows:
    """What a query of SQL answers: rows or, if `alone`, the first row.

    `slot` makes its parameters $1, $2 … of the field's arguments; `{now}` in it is the present instant.
    """

    sql: str
    slot: Callable[..., Given]
    alone: bool = False


@dataclass(frozen=True)
class Scalar:
    """The one value that a query of SQL answers."""

    sql: str


@dataclass(frozen=True)
class Things:
    """Rows of any table, by their global ids: one, or `several`."""

    slot: Callable[..., Ids]
    several: bool = False


@dataclass(frozen=True)
class Stretch:
    """A piece of the log, which is in `relation`."""

    relation: str
    slot: Callable[..., Facts]


Link = One | Many | Embedded | Rows | Scalar | Things | Stretch


def _target(info: Info) -> Any:
    """The Python type that the field answers with, without list, option and laziness."""
    kind = info.return_type
    while isinstance(kind, StrawberryContainer | LazyType):
        kind = kind.of_type if isinstance(kind, StrawberryContainer) else kind.resolve_type()
    return kind


def one(table: str, *, by: str, description: str) -> Any:
    """A link to one row: the one that this row names in its column `by`."""

    async def resolve(root: strawberry.Parent[Any], info: Info) -> Any:
        key = getattr(root, by)
        if key is None:
            return None
        as_of = getattr(root, "as_of", None)
        if as_of:
            row = await info.context.row_as_of(table, key, as_of, named=by != "row_id")
        elif info.context.entities and (made := await info.context.entities.find(info, table, key)):
            return None if made == b"null" else orjson.Fragment(made)
        else:
            row = await info.context.row(table).load(key)
        return row and _target(info).of(row, as_of)

    return strawberry.field(resolver=resolve, description=description, metadata={"link": One(table, by)})


def find(table: str, *, description: str) -> Any:
    """A root field that finds one row by its global id; null when there is none."""

    async def resolve(
        info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Its global id.")]
    ) -> Any:
        target = _target(info)
        info.context.may_read()
        row = await info.context.row(table).load(id_of(type_name(target), id))
        return row and target.of(row)

    return strawberry.field(resolver=resolve, description=description, metadata={"link": One(table, "id")})


def many(
    table: str, *, by: str, order: type, filter: type | None = None, description: str, noun: str | None = None
) -> Any:
    """A link to the rows that name this one in their column `by`, page by page."""

    async def resolve(root: strawberry.Parent[Any], info: Info, **arguments: Any) -> Any:
        if root.as_of:
            return await _page_as_of(root, info, table, noun, arguments)
        page = page_of(table, arguments)
        node = _connection_node(info)
        rows = await info.context.rows(page, by).load(root.row_id)
        return Connection.of(node, page, rows, arguments, lambda: info.context.totals(page, by).load(root.row_id))

    return _list_field(resolve, order, filter, description, Many(table, by, noun), rooted=True)


def listing(table: str, *, order: type, filter: type | None = None, description: str) -> Any:
    """A root field that lists a whole table, page by page."""

    async def resolve(info: Info, **arguments: Any) -> Any:
        info.context.may_read()
        page = page_of(table, arguments)
        rows = await info.context.page(page)
        return Connection.of(_connection_node(info), page, rows, arguments, lambda: info.context.total(page))

    return _list_field(resolve, order, filter, description, Many(table, ""), rooted=False)


def embedded(column: str, *, description: str) -> Any:
    """A list of values that a column keeps as JSON: objects with what the columns of the field's type name.

    The column's text has to stand in the private attribute `stored_` and its name; see `hidden`. Values are enums,
    texts, numbers, durations in microseconds, money, and lists of values again.
    """

    def resolve(root: strawberry.Parent[Any], info: Info) -> Any:
        target = _target(info)
        stored: Any = getattr(root, f"stored_{column}")
        values = stored if isinstance(stored, list) else msgspec.json.decode(stored)
        return [target(**columns_of(target, value)) for value in values]

    return strawberry.field(resolver=resolve, description=description, metadata={"link": Embedded(column)})


def rows(sql: str, slot: Callable[..., Given], *, description: str) -> Any:
    """A root field: the rows that a query of SQL answers.

    The parameters of `slot` are the field's arguments; it answers with those of the query, or refuses.
    """
    return _asking(Rows(sql, slot), description)


def row(sql: str, slot: Callable[..., Given], *, description: str) -> Any:
    """The same of a query that answers one row or none."""
    return _asking(Rows(sql, slot, alone=True), description)


def _asking(link: Rows, description: str) -> Any:
    slot = link.slot

    async def resolve(info: Info, **arguments: Any) -> Any:
        info.context.may_read()
        target = _target(info)
        found = await info.context.fetch(link.sql, slot(**arguments))
        made = [target.of(row) if issubclass(target, Node) else target(**columns_of(target, row)) for row in found]
        return next(iter(made), None) if link.alone else made

    hints = get_type_hints(slot, include_extras=True)
    parameters = [
        parameter.replace(annotation=hints[parameter.name]) for parameter in inspect.signature(slot).parameters.values()
    ]
    asking = inspect.Parameter("info", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Info)
    resolve.__signature__ = inspect.Signature([asking, *parameters])  # type: ignore[attr-defined]
    return strawberry.field(resolver=resolve, description=description, metadata={"link": link})


def scalar(sql: str, *, description: str) -> Any:
    """A root field: the one value that a query of SQL answers."""

    async def resolve(info: Info) -> Any:
        info.context.may_read()
        return await info.context.services.pool.fetchval(sql)

    return strawberry.field(resolver=resolve, description=description, metadata={"link": Scalar(sql)})


async def _page_as_of(root: Any, info: Info, table: str, noun: str | None, arguments: dict[str, Any]) -> Any:
    if noun is None:
        raise bad_input("A past state leads to single things only: ask for this list at the present.")
    if arguments.get("filter") or arguments.get("after") or arguments.get("before"):
        raise bad_input("The list of a past state is short and answered whole: leave filter, after and before out.")
    page = page_of(table, arguments)
    rows = await info.context.rows_as_of(f"{noun}-{root.row_id}", table, root.as_of)
    rows.sort(key=lambda row: (row[page.order.column], row["id"]), reverse=page.order.descending)
    return Connection.of(_connection_node(info), page, rows, arguments, None, root.as_of, total=len(rows))


def _connection_node(info: Info) -> Any:
    """The type of the things in the connection that the field answers with."""
    connection = _target(info)
    kind = get_object_definition(connection, strict=True).type_var_map["T"]
    return kind.resolve_type() if isinstance(kind, LazyType) else kind


def _list_field(resolve: Any, order: Any, filter: Any, description: str, link: Many, *, rooted: bool) -> Any:
    about = strawberry.argument
    arguments = {
        "first": Annotated[int | None, about(description="The first so many, 1 to 100.")],
        "after": Annotated[str | None, about(description="Begin after this cursor; with `first`.")],
        "last": Annotated[int | None, about(description="The last so many, 1 to 100.")],
        "before": Annotated[str | None, about(description="End before this cursor; with `last`.")],
        "order_by": Annotated[order, about(description="In which order.")],
    }
    if filter:
        arguments["filter"] = Annotated[filter | None, about(description="Only those of which all of this holds.")]
    keyword = inspect.Parameter.POSITIONAL_OR_KEYWORD
    root = [inspect.Parameter("root", keyword, annotation=ROOT)] if rooted else []
    defaults = {"order_by": order()}
    resolve.__signature__ = inspect.Signature(
        [
            *root,
            inspect.Parameter("info", keyword, annotation=Info),
            *(
                inspect.Parameter(name, keyword, annotation=kind, default=defaults.get(name))
                for name, kind in arguments.items()
            ),
        ]
    )
    return strawberry.field(resolver=resolve, description=description, metadata={"link": link})
