"""Answers: what an operation selects, as one SQL statement whose result is the JSON of the answer.

A selection is a tree of records, values and lists. What differs from request to request (ids, filter values, cursors,
page sizes) stands in *slots* beside it, so that one statement serves all requests whose slots have the same shape.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, TypeAlias
from uuid import UUID

from . import TABLES, policies, slas
from .questions import Page, Parameters, after_key_sql, condition_sql

COMPUTED = {**slas.COMPUTED, **policies.COMPUTED}

LONGEST_NAME = 63
"""PostgreSQL cuts longer names, so a longer alias travels under a short one that no JSON text can hold."""


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
    """One row of a table: the one whose id this row names in `by`, or whose id stands in a slot."""

    table: str
    record: Record
    by: str | None = None
    slot: int | None = None


@dataclass(frozen=True)
class Listing:
    """A page of rows: of the whole table, or of those that name this row in `by`. The page stands in a slot."""

    slot: int
    parts: tuple[tuple[str, Part], ...]
    by: str | None = None


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
class PageInfo:
    fields: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Total:
    pass


Expression: TypeAlias = Constant | Value | GlobalId | Computed | Single | Listing
Record: TypeAlias = tuple[tuple[str, Expression], ...]
Part: TypeAlias = Nodes | Edges | PageInfo | Total | Constant
Slot: TypeAlias = Page | UUID


def shape(slot: Slot) -> Any:
    """What of a slot the statement depends on."""
    if isinstance(slot, UUID):
        return None
    where = tuple((condition.column, condition.operator) for condition in slot.where)
    return slot.table, slot.order, slot.backwards, slot.key is not None, where


def values(slot: Slot) -> list[Any]:
    """What of a slot goes in as parameters, in the order of the statement."""
    if isinstance(slot, UUID):
        return [slot]
    given = [
        list(condition.value) if condition.operator == "in" else condition.value
        for condition in slot.where
        if condition.operator not in ("is null", "is not null")
    ]
    return [*given, *(slot.key or ()), slot.count]


@dataclass(frozen=True)
class Statement:
    """The SQL; whether its last parameter is the present instant; and aliases that were too long, by stand-in."""

    sql: str
    needs_now: bool
    long_names: tuple[tuple[bytes, bytes], ...]

    def finished(self, text: str) -> bytes:
        """The answer's bytes: without the line breaks that PostgreSQL puts between records, with the long aliases."""
        answer = text.encode().replace(b", \n ", b",")
        for stand_in, name in self.long_names:
            answer = answer.replace(stand_in, name)
        return answer


def statement(record: Record, slots: Sequence[Slot]) -> Statement:
    """Compile the selection of a root: its fields are `Single` and `Listing` with slots."""
    writer = _Writer(slots)
    sql = f"select row_to_json(r)::text from (select {writer.record(record, '')}) r"
    return Statement(sql, writer.needs_now, tuple(writer.long_names))


@dataclass
class _Bound:
    """A slot's placeholders."""

    where: list[str] = field(default_factory=list)
    key: str | None = None
    last: str = ""


class _Writer:
    def __init__(self, slots: Sequence[Slot]) -> None:
        self._slots = slots
        self._parameters = Parameters()
        self._bound = [self._bind(slot) for slot in slots]
        self._now = f"${len(self._parameters.values) + 1}::timestamptz"
        self._numbers = count(1)
        self.needs_now = False
        self.long_names: list[tuple[bytes, bytes]] = []

    def _bind(self, slot: Slot) -> _Bound:
        if isinstance(slot, UUID):
            return _Bound(last=self._parameters.add(slot, "uuid"))
        where = [condition_sql(condition, slot.table, self._parameters) for condition in slot.where]
        key = after_key_sql(slot, self._parameters) if slot.key else None
        return _Bound(where, key, self._parameters.add(slot.count, "bigint"))

    # --- records ------------------------------------------------------------------------------------------------------

    def record(self, record: Record, row: str) -> str:
        return ", ".join(f"{self._expression(part, row)} as {self._name(key)}" for key, part in record)

    def _name(self, key: str) -> str:
        if len(key) <= LONGEST_NAME:
            return f'"{key}"'
        stand_in = f"~{len(self.long_names)}"
        self.long_names.append((f'"{stand_in}":'.encode(), f'"{key}":'.encode()))
        return f'"{stand_in}"'

    def _expression(self, part: Expression, row: str) -> str:
        match part:
            case Constant(text=text):
                return f"'{text}'::text"
            case GlobalId(type_name=name):
                return f"replace(encode(convert_to('{name}:' || {row}.id, 'UTF8'), 'base64'), e'\\n', '')"
            case Value(column=column, form=form):
                return FORMS[form].format(f"{row}.{column}", row=row)
            case Computed(name=name, form=form):
                self.needs_now = self.needs_now or "{now}" in COMPUTED[name]
                return FORMS[form].format(f"({COMPUTED[name].format(row=row, now=self._now)})", row=row)
            case Single():
                return self._single(part, row)
            case Listing():
                return self._listing(part, row)

    def _single(self, single: Single, row: str) -> str:
        inner = f"r{next(self._numbers)}"
        id_ = f"{row}.{single.by}" if single.slot is None else self._bound[single.slot].last
        columns = self.record(single.record, inner)
        return _as_json(f"select {columns} from {single.table} {inner} where {inner}.id = {id_}")

    # --- lists --------------------------------------------------------------------------------------------------------

    def _listing(self, listing: Listing, row: str) -> str:
        page, bound = self._slots[listing.slot], self._bound[listing.slot]
        assert isinstance(page, Page)
        also = [f"t.{listing.by} = {row}.id"] if listing.by else []
        where = _where([*also, *bound.where])
        keyed = _where([*also, *bound.where, *([bound.key] if bound.key else [])])
        ordered = f"order by t.{page.order.column} {_direction(page)}, t.id {_direction(page)}"
        found = f"from {page.table} t{keyed} {ordered}"
        rows = f"p{next(self._numbers)}"
        parts = ", ".join(
            f"{self._part(part, page, rows, where, bound.last)} as {self._name(key)}" for key, part in listing.parts
        )
        counted = f"select t.*, row_number() over ({ordered}) as place {found} limit {bound.last} + 1"
        return f"(with {rows} as materialized ({counted}) select row_to_json(c) from (select {parts}) c)"

    def _part(self, part: Part, page: Page, rows: str, where: str, last: str) -> str:
        shown = f"where place <= {last} order by place{' desc' if page.backwards else ''}"
        match part:
            case Constant(text=text):
                return f"'{text}'::text"
            case Nodes(record=record):
                inner = f"r{next(self._numbers)}"
                return _as_list(f"select {self.record(record, inner)} from {rows} {inner} {shown}")
            case Edges(fields=fields):
                inner = f"r{next(self._numbers)}"
                columns = ", ".join(f"{self._edge(part, page, inner)} as {self._name(key)}" for key, part in fields)
                return _as_list(f"select {columns} from {rows} {inner} {shown}")
            case PageInfo(fields=fields):
                told = ", ".join(f"{_told(name, page, rows, last)} as {self._name(key)}" for key, name in fields)
                return _as_json(f"select {told}")
            case Total():
                return f"(select count(*) from {page.table} t{where})"

    def _edge(self, part: Nodes | Cursor | Constant, page: Page, row: str) -> str:
        match part:
            case Constant(text=text):
                return f"'{text}'::text"
            case Cursor():
                return _cursor(page, row)
            case Nodes(record=record):
                return _as_json(f"select {self.record(record, row)}")


def _as_json(select: str) -> str:
    return f"(select row_to_json(y) from ({select}) y)"


def _as_list(select: str) -> str:
    return f"(select coalesce(json_agg(y), '[]') from ({select}) y)"


def _where(parts: list[str]) -> str:
    return f" where {' and '.join(parts)}" if parts else ""


def _direction(page: Page) -> str:
    return "desc" if page.order.descending != page.backwards else "asc"


def _told(name: str, page: Page, rows: str, last: str) -> str:
    """A field of `PageInfo`."""
    more = f"exists (select from {rows} where place > {last})"
    continues = "true" if page.key is not None else "false"
    ends = f"select {_cursor(page, rows)} from {rows} where place <= {last} order by place"
    match name:
        case "hasNextPage":
            return continues if page.backwards else more
        case "hasPreviousPage":
            return more if page.backwards else continues
        case "startCursor":
            return f"({ends}{' desc' if page.backwards else ''} limit 1)"
        case "endCursor":
            return f"({ends}{'' if page.backwards else ' desc'} limit 1)"
        case _:
            return f"'{name}'::text"


def _cursor(page: Page, row: str) -> str:
    """The same text as `connections.encode_cursor` makes of the row."""
    column = f"{row}.{page.order.column}"
    if TABLES[page.table].type_of(page.order.column).startswith("TIMESTAMP"):
        column = f"'\"' || {_instant(column)} || '\"'"
    else:
        column = f"to_json({column})::text"
    place = f'["{page.table}","{page.order.column}",{str(page.order.descending).lower()},'
    text = f"'{place}' || {column} || ',\"' || {row}.id || '\"]'"
    return f"rtrim(translate(encode(convert_to({text}, 'UTF8'), 'base64'), e'+/\\n', '-_'), '=')"


def _instant(column: str) -> str:
    """RFC 3339 as msgspec writes it: microseconds in six digits, or none."""
    seconds = f"to_char({column}, 'YYYY-MM-DD\"T\"HH24:MI:SS')"
    micros = f"extract(microseconds from {column})::bigint % 1000000"
    return f"({seconds} || case when {micros} = 0 then '' else to_char({column}, '.US') end || 'Z')"


FORMS = {
    "plain": "{0}",
    "text": "{0}::text",
    "enum": "upper({0})",
    "enums": "(select coalesce(array_to_json(array_agg(upper(e) order by o)), '[]')"
    " from unnest({0}) with ordinality as u(e, o))",
    "span": "pet.duration({0})",
    "quantity": "trim_scale({0} * 0.000001)::text",
    "money": "round({0} * 0.000001, greatest(min_scale({0} * 0.000001), 2))::text || ' ' || {row}.currency",
}
"""How a column becomes what the GraphQL type shows, exactly as its scalar would write it."""
