"""Statements: the SQL of a tree of answers. Its columns are the JSON of the operation's root fields.

They come as bytes, so that a driver need not make texts of them that would become bytes again at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, TypeAlias, cast

from . import RELATIONS, policies, slas
from .answers import (
    Computed,
    Constant,
    Cursor,
    Edges,
    Embedded,
    Expression,
    Facts,
    GlobalId,
    Ids,
    Listing,
    More,
    Nodes,
    PageInfo,
    Part,
    Record,
    Rows,
    Scalar,
    Single,
    Slot,
    Stretch,
    Things,
    Total,
    Value,
    values,
)
from .forms import FORMS, cursor, global_id
from .questions import Page, Parameters, after_key_sql, condition_sql

COMPUTED = {**slas.COMPUTED, **policies.COMPUTED}

LONGEST_NAME = 63
"""PostgreSQL cuts longer names, so a longer alias travels under a short one that no JSON text can hold."""

Place: TypeAlias = tuple[int, int]
"""Where the value of a parameter stands: in which slot, and which of its values it is."""

NOW: Place = (-1, 0)


@dataclass(frozen=True)
class Statement:
    """The SQL, where its parameters stand, and aliases that were too long, by stand-in."""

    sql: str
    places: tuple[Place, ...]
    long_names: tuple[tuple[bytes, bytes], ...]

    def parameters(self, slots: Sequence[Slot | None], now: Any) -> list[Any]:
        """What the statement is run with. The last place of all is that of the present instant."""
        given = [*map(values, slots), [now]]
        return [given[slot][index] for slot, index in self.places]

    def finished(self, row: Iterable[bytes | None]) -> list[bytes]:
        """Its columns as JSON, with the long aliases in place of their stand-ins."""
        columns = [b"null" if column is None else column for column in row]
        for stand_in, name in self.long_names:
            columns = [column.replace(stand_in, name) for column in columns]
        return columns


def statement(roots: Sequence[Expression], slots: Sequence[Slot | None]) -> Statement:
    """Compile the root fields of an operation, each to a column."""
    writer = _Writer(slots)
    sql = f"select {', '.join(writer.root(root) for root in roots)}"
    return Statement(sql, tuple(writer.parameters.values), tuple(writer.long_names))


class _Places(Parameters):
    """Gives each place one placeholder, when it is first needed."""

    def add(self, value: Any, sql_type: str = "") -> str:
        if value not in self.values:
            self.values.append(value)
        return f"${self.values.index(value) + 1}{sql_type and '::'}{sql_type}"


def _placed(page: Page, slot: int) -> Page:
    """The same page with places where its values are, in the order of `answers.values`."""
    places = ((slot, index) for index in count())
    where = tuple(replace(condition, value=next(places)) for condition in page.where)
    key = (next(places), next(places)) if page.key else None
    return replace(page, where=where, key=key, count=cast(Any, next(places)))


@dataclass(frozen=True)
class _Found:
    """The rows of a page: `belongs` is what makes them their parent's, with `{}` for the row."""

    page: Page
    belongs: str
    parameters: _Places

    @property
    def last(self) -> str:
        return self.parameters.add(self.page.count, "bigint")

    def where(self, row: str) -> str:
        """The condition of the whole list."""
        page = self.page
        conditions = (condition_sql(condition, page.table, self.parameters, row) for condition in page.where)
        return _where([*([self.belongs.format(row)] if self.belongs else []), *conditions])

    def _ordered(self, row: str) -> str:
        """The table, and the order in which the page is read."""
        page, where = self.page, self.where(row)
        if page.key:
            where += f"{' and' if where else ' where'} {after_key_sql(page, self.parameters, row)}"
        return f"{RELATIONS[page.table].source} {row}{where} order by {_order(row, page, backwards=page.backwards)}"

    def rows(self, row: str) -> str:
        """No more of them than are shown, in the order in which they are shown."""
        if not self.page.backwards:
            return f"{self._ordered(row)} limit {self.last}"
        order = _order(row, self.page, backwards=False)
        return f"(select t.* from {self._ordered('t')} limit {self.last}) {row} order by {order}"

    @property
    def numbered(self) -> str:
        """With their places, and one row more than are shown; no column is called `_place`."""
        number = f"row_number() over (order by {_order('t', self.page, backwards=self.page.backwards)}) as _place"
        return f"select t.*, {number} from {self._ordered('t')} limit {self.last} + 1"


class _Writer:
    def __init__(self, slots: Sequence[Slot | None]) -> None:
        self._slots = [_placed(slot, n) if isinstance(slot, Page) else slot for n, slot in enumerate(slots)]
        self._numbers = count(1)
        self.parameters = _Places()
        self.long_names: list[tuple[bytes, bytes]] = []

    def root(self, part: Expression) -> str:
        written = self._expression(part, "")
        json = f"to_json({written})" if isinstance(part, Constant | Scalar) else written
        return f"convert_to({json}::text, 'UTF8')"

    # --- records ------------------------------------------------------------------------------------------------------

    def _record(self, record: Record, row: str) -> str:
        return ", ".join(f"{self._expression(part, row)} as {self._name(key)}" for key, part in record)

    def _name(self, key: str) -> str:
        if len(key) <= LONGEST_NAME:
            return f'"{key}"'
        stand_in = f"~{len(self.long_names)}"
        self.long_names.append((f'"{stand_in}":'.encode(), f'"{key}":'.encode()))
        return f'"{stand_in}"'

    def _row(self) -> str:
        return f"r{next(self._numbers)}"

    def _expression(self, part: Expression, row: str) -> str:
        match part:
            case Constant(text=text):
                return f"'{text}'::text"
            case GlobalId(type_name=name):
                return global_id(name, row)
            case Value(column=column, form=form):
                return FORMS[form].format(f"{row}.{column}", row=row)
            case Computed(name=name, form=form):
                return FORMS[form].format(f"({self._computed(COMPUTED[name], row)})", row=row)
            case Scalar(sql=sql):
                return f"({sql})::text"
            case Single():
                return self._single(part, row)
            case Things():
                return self._several(part) if part.several else self._thing(part)
            case Listing():
                return self._listing(part, row)
            case Rows():
                return self._rows(part)
            case Embedded():
                return self._embedded(part, row)
            case Stretch():
                return self._stretch(part)

    def _computed(self, sql: str, row: str) -> str:
        now = self.parameters.add(NOW, "timestamptz") if "{now}" in sql else ""
        return sql.format(row=row, now=now)

    # --- single rows --------------------------------------------------------------------------------------------------

    def _single(self, single: Single, row: str) -> str:
        id_ = f"{row}.{single.by}" if single.slot is None else self.parameters.add((single.slot, 0), "uuid")
        found = self._found(single, id_)
        return f"coalesce({found}, ('no ' || {id_})::json)" if single.required else found

    def _found(self, single: Single, id_: str) -> str:
        inner = self._row()
        columns = self._record(single.record, inner)
        return _as_json(f"select {columns} from {single.table} {inner} where {inner}.id = {id_}")

    def _thing(self, things: Things) -> str:
        ids = self._slots[things.slot]
        assert isinstance(ids, Ids)
        [(name, _)] = ids.things
        return self._found(things.kinds[name], f"({self.parameters.add((things.slot, 1), 'uuid[]')})[1]")

    def _several(self, things: Things) -> str:
        ids = self._slots[things.slot]
        assert isinstance(ids, Ids)
        asked = self._row()
        names = sorted({name for name, _ in ids.things})
        found = " ".join(f"when '{name}' then {self._found(things.kinds[name], f'{asked}.id')}" for name in names)
        lists = f"{self.parameters.add((things.slot, 0), 'text[]')}, {self.parameters.add((things.slot, 1), 'uuid[]')}"
        each = f"coalesce(case {asked}.type {found} end::text, 'null')" if names else "''"
        listed = f"coalesce(string_agg({each}, ',' order by {asked}.place), '')"
        return f"(select '[' || {listed} || ']' from unnest({lists}) with ordinality {asked}(type, id, place))::json"

    # --- lists --------------------------------------------------------------------------------------------------------

    def _listing(self, listing: Listing, parent: str) -> str:
        page = self._slots[listing.slot]
        assert isinstance(page, Page)
        found = _Found(page, f"{{}}.{listing.by} = {parent}.id" if listing.by else "", self.parameters)
        lists = [part for _, part in listing.parts if isinstance(part, Nodes | Edges | PageInfo)]
        write = self._alone if len(lists) < 2 and PageInfo not in map(type, lists) else self._shared
        return write(listing, found)

    def _alone(self, listing: Listing, found: _Found) -> str:
        """At most one part needs the rows, and no more of them than are shown.

        Its columns and the limit stand in one select: PostgreSQL would mix them into the aggregate otherwise, which is
        slower.
        """
        parts = []
        for key, part in listing.parts:
            row = self._row()
            source = found.rows(row) if isinstance(part, Nodes | Edges) else ""
            parts.append(f"{self._part(part, found, row, source)} as {self._name(key)}")
        return _as_json(f"select {', '.join(parts)}")

    def _shared(self, listing: Listing, found: _Found) -> str:
        """Several parts show the same rows; one row more than is shown tells whether the list goes on."""
        rows, last, page = f"p{next(self._numbers)}", found.last, found.page
        shown = f"where _place <= {last} order by _place{' desc' if page.backwards else ''}"
        parts = []
        for key, part in listing.parts:
            row = self._row()
            if isinstance(part, PageInfo):
                told = ", ".join(f"{_told(name, page, rows, last)} as {self._name(key)}" for key, name in part.fields)
                written = _as_json(f"select {told}")
            else:
                written = self._part(part, found, row, f"{rows} {row} {shown}")
            parts.append(f"{written} as {self._name(key)}")
        return f"(with {rows} as ({found.numbered}) select row_to_json(c) from (select {', '.join(parts)}) c)"

    def _part(self, part: Part, found: _Found, row: str, source: str) -> str:
        """`source` is where the rows come from, under the name of `row`."""
        match part:
            case Constant(text=text):
                return f"'{text}'::text"
            case Nodes(record=record):
                return _as_list(f"select {self._record(record, row)} from {source}")
            case Edges(fields=fields):
                columns = ", ".join(f"{self._edge(one, found.page, row)} as {self._name(key)}" for key, one in fields)
                return _as_list(f"select {columns} from {source}")
            case Total():
                return f"(select count(*) from {RELATIONS[found.page.table].source} {row}{found.where(row)})"
        raise TypeError(f"{part!r} has no rows of its own")

    def _edge(self, part: Nodes | Cursor | Constant, page: Page, row: str) -> str:
        match part:
            case Constant(text=text):
                return f"'{text}'::text"
            case Cursor():
                return cursor(page, row)
            case Nodes(record=record):
                return _as_json(f"select {self._record(record, row)}")

    # --- other sources ------------------------------------------------------------------------------------------------

    def _rows(self, rows: Rows) -> str:
        row = self._row()
        sql = re.sub(r"\$(\d+)", lambda match: self.parameters.add((rows.slot, int(match[1]) - 1)), rows.sql)
        sql = sql.replace("{now}", self.parameters.add(NOW, "timestamptz")) if "{now}" in sql else sql
        write = _as_json if rows.alone else _as_list
        return write(f"select {self._record(rows.record, row)} from ({sql}) {row}")

    def _embedded(self, embedded: Embedded, row: str) -> str:
        inner = self._row()
        types = ", ".join(f"{key} {sql_type}" for key, sql_type in embedded.types)
        source = f"json_to_recordset({row}.{embedded.column}) {inner}({types})"
        return _as_list(f"select {self._record(embedded.record, inner)} from {source}")

    def _stretch(self, stretch: Stretch) -> str:
        facts = self._slots[stretch.slot]
        assert isinstance(facts, Facts)
        rows = f"p{next(self._numbers)}"
        after, last = (self.parameters.add((stretch.slot, index), "bigint") for index in (0, 1))
        where = [f"t.position > {after}"]
        for index, column, wanted in ((2, "type", facts.types), (3, "stream", facts.streams)):
            if wanted is not None:
                where.append(f"t.{column} = any({self.parameters.add((stretch.slot, index), 'text[]')})")
        found = f"from {stretch.relation} t{_where(where)} order by t.position limit {last} + 1"
        parts = []
        for key, part in stretch.parts:
            match part:
                case Constant(text=text):
                    written = f"'{text}'::text"
                case Nodes(record=record):
                    row = self._row()
                    shown = f"{rows} {row} where _place <= {last} order by _place"
                    written = _as_list(f"select {self._record(record, row)} from {shown}")
                case Cursor():
                    written = f"coalesce((select max(position) from {rows} where _place <= {last}), {after})::text"
                case More():
                    written = f"exists (select from {rows} where _place > {last})"
            parts.append(f"{written} as {self._name(key)}")
        counted = f"select t.*, row_number() over (order by t.position) as _place {found}"
        return f"(with {rows} as ({counted}) select row_to_json(c) from (select {', '.join(parts)}) c)"


def _as_json(select: str) -> str:
    return f"(select row_to_json(y) from ({select}) y)"


def _as_list(select: str) -> str:
    """All in one line, as `json_agg` would not have it."""
    return f"(select coalesce(array_to_json(array_agg(y)), '[]') from ({select}) y)"


def _where(parts: list[str]) -> str:
    return f" where {' and '.join(parts)}" if parts else ""


def _order(row: str, page: Page, *, backwards: bool) -> str:
    """The order of a page by its column and by id, in the direction of the list or the other one."""
    direction = "desc" if page.order.descending != backwards else "asc"
    return f"{row}.{page.order.column} {direction}, {row}.id {direction}"


def _told(name: str, page: Page, rows: str, last: str) -> str:
    """A field of `PageInfo`."""
    more = f"exists (select from {rows} where _place > {last})"
    continues = "true" if page.key is not None else "false"
    ends = f"select {cursor(page, rows)} from {rows} where _place <= {last} order by _place"
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
