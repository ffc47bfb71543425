"""Nodes: things with a global id, and the columns of the rows they are made of."""

from __future__ import annotations

import dataclasses
import re
from base64 import b64encode
from binascii import a2b_base64
from collections.abc import Callable
from datetime import date, timedelta
from enum import Enum
from functools import cache, partial
from typing import Any, Self, TypeAlias
from uuid import UUID

import msgspec
import strawberry
from graphql import GraphQLError
from strawberry.types.base import StrawberryContainer, StrawberryList, get_object_definition

from ..events.base import Money

LONGEST_SHOWN = 80
GLOBAL_ID = re.compile(rb"([A-Z][A-Za-z]{0,59}):([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")

Reader: TypeAlias = Callable[[Any, str], Any]
"""What a field is, from the row and the column it is kept in."""


def bad_input(message: str) -> GraphQLError:
    """An error that tells a client how to ask rightly."""
    return GraphQLError(message, extensions={"code": "BAD_USER_INPUT"})


def check_count(name: str, number: int, most: int) -> None:
    """Raises GraphQLError, which names the argument, when the number is not from 1 to `most`."""
    if not 1 <= number <= most:
        raise bad_input(f"`{name}` is {number}; from 1 to {most:,} fit.")


def shown(given: Any) -> str:
    """A client's own words, given back to it, but not at any length."""
    if isinstance(given, str):
        return repr(given if len(given) <= LONGEST_SHOWN else f"{given[:LONGEST_SHOWN]}…")
    return repr(given) if isinstance(given, bool | float | None) else f"a value of the type {type(given).__name__}"


def text(given: str) -> str:
    """A text that may be looked for. Raises GraphQLError when no text can hold it (NUL, half a surrogate)."""
    if "\0" in given or any("\ud800" <= letter <= "\udfff" for letter in given):
        raise bad_input(f"{shown(given)} holds characters that are not text (NUL or half a surrogate).")
    return given


def global_id(name: str, id_: UUID) -> str:
    """The id that clients see: the type and the UUID, so that one id finds anything."""
    return b64encode(f"{name}:{id_}".encode()).decode()


def local_id(global_id: str) -> tuple[str, UUID]:
    """Type and UUID of a global id. Raises ValueError."""
    name, id_ = _written(global_id)
    return name, msgspec.convert(id_, UUID)


def id_of(name: str, global_id: str) -> UUID:
    """The UUID in a global id that must be one of this type. Raises GraphQLError."""
    return msgspec.convert(written_id(name, global_id), UUID)


def written_id(name: str, global_id: str) -> str:
    """The same, as it is written there, which is all that a statement needs of it. Raises GraphQLError."""
    try:
        found, id_ = _written(global_id)
    except ValueError as error:
        raise bad_input(f"{error}.") from error
    if found != name:
        raise bad_input(f"{shown(global_id)} is the id of a {found}, not of a {name}.")
    return id_


def _written(global_id: str) -> tuple[str, str]:
    try:
        written = GLOBAL_ID.fullmatch(a2b_base64(global_id, strict_mode=True))
        if written is None:
            raise ValueError("not the one way to write it")
        return written[1].decode(), written[2].decode()
    except ValueError as error:
        raise ValueError(f"{shown(global_id)} is not an id of PET's") from error


@strawberry.interface(description="Anything with an id of its own; `node` finds it again.")
class Node:
    row_id: strawberry.Private[UUID]
    as_of: strawberry.Private[Any]

    @strawberry.field(
        description="The global id: unique among everything, and stable for ever.", metadata={"global_id": True}
    )
    def id(self) -> strawberry.ID:
        kind: Any = type(self)
        return strawberry.ID(global_id(type_name(kind), self.row_id))

    @classmethod
    def of(cls, row: Any, as_of: Any = None) -> Self:
        """The object that a row becomes."""
        return cls(row_id=row["id"], as_of=as_of, **columns_of(cls, row))


@strawberry.type
class Part:
    """What is shown of a row that has no id for clients: they find it again by what it belongs to."""

    row_id: strawberry.Private[UUID]
    as_of: strawberry.Private[Any]

    @classmethod
    def of(cls, row: Any, as_of: Any = None) -> Self:
        """The object that a row becomes."""
        return cls(row_id=row["id"], as_of=as_of, **columns_of(cls, row))


def columns_of(cls: Any, row: Any) -> dict[str, Any]:
    """What of an object comes straight from its row."""
    return {name: read(row, column) for name, column, read in _columns(cls)}


@cache
def type_name(cls: Any) -> str:
    definition = get_object_definition(cls, strict=True)
    return definition.name


def column(description: str, *, of: str | None = None, form: str | None = None) -> Any:
    """A field that is a column of the row, of the same name unless `of` tells another.

    `form` is one of `projections.forms`, where the field's type does not tell it. Money takes its currency from the
    row's column `currency`: all amounts of a row are in one.
    """
    return strawberry.field(description=description, metadata={"column": of, "form": form})


def computed(name: str, description: str) -> Any:
    """A field made of the row: by the function below it here, by the SQL of that name in `projections`."""
    return strawberry.field(description=description, metadata={"computed": name})


def hidden(*, of: str, span: bool = False) -> Any:
    """A private attribute that is the column `of` (microseconds, if a `span`); clients see what is made of it."""
    return dataclasses.field(metadata={"column": of, "read": _span if span else _same})


@cache
def _columns(cls: Any) -> tuple[tuple[str, str, Reader], ...]:
    """Attribute, column and reader of everything that comes straight from the row."""
    columns: list[tuple[str, str, Reader]] = []
    for field in dataclasses.fields(cls):
        if "column" in field.metadata:
            read = field.metadata.get("read") or _reader(field)
            columns.append((field.name, field.metadata["column"] or field.name, read))
        elif field.name.endswith("_id") and field.name != "row_id":
            columns.append((field.name, field.name, _same))
    return tuple(columns)


def _reader(field: Any) -> Reader:
    """How a field is read: enums from their text, durations from microseconds, money with the row's currency."""
    kind, is_list = field.type, False
    while isinstance(kind, StrawberryContainer):
        is_list = is_list or isinstance(kind, StrawberryList)
        kind = kind.of_type
    if isinstance(kind, type) and issubclass(kind, Enum):
        return partial(_members, kind) if is_list else partial(_member, kind)
    return {timedelta: _span, Money: _money, date: _day}.get(kind, _same)


def _same(row: Any, column: str) -> Any:
    return row[column]


def _span(row: Any, column: str) -> timedelta | None:
    return None if row[column] is None else timedelta(microseconds=row[column])


def _day(row: Any, column: str) -> date | None:
    """A date, as it is or as JSON writes it."""
    return date.fromisoformat(row[column]) if isinstance(row[column], str) else row[column]


def _money(row: Any, column: str) -> Money | None:
    return None if row[column] is None else Money(row[column], row["currency"])


def _member(kind: type[Enum], row: Any, column: str) -> Any:
    return None if row[column] is None else kind(row[column])


def _members(kind: type[Enum], row: Any, column: str) -> list[Any]:
    return [kind(value) for value in row[column]]
