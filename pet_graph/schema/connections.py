"""Connections: pages of lists, with cursors that stay true while rows come and go (Relay's cursor connections)."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, date, datetime
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

import msgspec
import strawberry

from ..projections import RELATIONS
from ..projections.questions import Order, Page
from .filters import Direction, conditions
from .nodes import bad_input, check_count, shown

T = TypeVar("T")
MOST = 100
KEYS: dict[str, Any] = {
    "VARCHAR": Annotated[str, msgspec.Meta(pattern=r"^[^\0]*$")],
    "INTEGER": Annotated[int, msgspec.Meta(ge=-(2**31), lt=2**31)],
    "BIGINT": Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)],
    "DATE": date,
    "TIMESTAMP WITH TIME ZONE": Annotated[datetime, msgspec.Meta(tz=True)],
}
"""What a cursor may hold for a column that lists are ordered by, by its SQL type."""


@strawberry.type(description="Where a page of a list begins and ends, and whether the list goes on.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether there is more after this page.")
    has_previous_page: bool = strawberry.field(description="Whether there is more before this page.")
    start_cursor: str | None = strawberry.field(description="The cursor of the first edge; `before` it lies the rest.")
    end_cursor: str | None = strawberry.field(description="The cursor of the last edge; `after` it lies the rest.")


@strawberry.type(description="One place in a list.")
class Edge(Generic[T]):
    node: T = strawberry.field(description="What stands here.")
    cursor: str = strawberry.field(description="Its place; give it as `after` or `before`.")


@strawberry.type(description="A page of a list.")
class Connection(Generic[T]):
    edges: list[Edge[T]] = strawberry.field(description="The page, place by place.")
    nodes: list[T] = strawberry.field(description="The page without its cursors.")
    page_info: PageInfo = strawberry.field(description="Whether the list goes on.")
    total: strawberry.Private[Any]

    @strawberry.field(description="How long the whole list is. Counted only when asked for.")
    async def total_count(self) -> int:
        return self.total if isinstance(self.total, int) else await self.total()

    @classmethod
    def of(
        cls,
        node: Any,
        page: Page,
        rows: list[Any],
        arguments: dict[str, Any],
        counted: Any,
        as_of: Any = None,
        total: int | None = None,
    ) -> Any:
        """The page that `rows` make; one row more than asked tells that the list goes on."""
        more = len(rows) > page.count
        rows = rows[-page.count :] if page.backwards else rows[: page.count]
        nodes = [node.of(row, as_of) for row in rows]
        cursors = [encode_cursor(page.table, page.order, row) for row in rows]
        continues = page.key is not None
        info = PageInfo(
            has_next_page=continues if page.backwards else more,
            has_previous_page=more if page.backwards else continues,
            start_cursor=cursors[0] if cursors else None,
            end_cursor=cursors[-1] if cursors else None,
        )
        edges = [Edge(node=node_, cursor=cursor) for node_, cursor in zip(nodes, cursors, strict=True)]
        return cls(edges=edges, nodes=nodes, page_info=info, total=counted if total is None else total)


def encode_cursor(table: str, order: Order, row: Any) -> str:
    key = [table, order.column, order.descending, row[order.column], row["id"]]
    return urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def decode_cursor(table: str, order: Order, cursor: str) -> tuple[Any, UUID]:
    """The key that a cursor of this order stands for. Raises GraphQLError."""
    try:
        raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        *place, value, id_ = msgspec.json.decode(raw, type=tuple[str, str, bool, Any, UUID])
        if place == [table, order.column, order.descending]:
            return _key(RELATIONS[table].type_of(order.column), value), id_
    except (ValueError, OverflowError) as error:
        raise bad_input(f"{shown(cursor)} is not a cursor of this list.") from error
    raise bad_input("This cursor belongs to another list or order; start again without it.")


def _key(sql_type: str, value: Any) -> Any:
    """A value that a column of this type can be compared with. Raises ValueError or OverflowError."""
    key = msgspec.convert(value, KEYS[sql_type])
    return key.astimezone(UTC) if isinstance(key, datetime) else key


def page_of(table: str, arguments: dict[str, Any]) -> Page:
    first, last = arguments.get("first"), arguments.get("last")
    after, before = arguments.get("after"), arguments.get("before")
    if (first is None) == (last is None):
        raise bad_input("Ask for either `first` or `last`, from 1 to 100.")
    count: int = first if last is None else last  # type: ignore[assignment]
    check_count("first" if last is None else "last", count, MOST)
    if (after is not None and last) or (before is not None and first):
        raise bad_input("Use `after` with `first`, and `before` with `last`.")
    order = _order(arguments["order_by"])
    cursor = after if last is None else before
    key = None if cursor is None else decode_cursor(table, order, cursor)
    return Page(table, order, count, conditions(arguments.get("filter")), key, last is not None)


def _order(order_by: Any) -> Order:
    return Order(order_by.field.value, order_by.direction is Direction.DESC)
