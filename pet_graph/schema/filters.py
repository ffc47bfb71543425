"""Filters and orders: inputs that say which rows of a list, and in which order; what they demand of columns is data."""

from __future__ import annotations

from enum import Enum
from typing import Any

import strawberry
from strawberry.types.base import get_object_definition

from ..projections.questions import Condition, Operator
from .nodes import id_of, text


@strawberry.enum(description="Which way round.")
class Direction(Enum):
    ASC = strawberry.enum_value("asc", description="Smallest, earliest or first in the alphabet at the top.")
    DESC = strawberry.enum_value("desc", description="Largest, latest or last in the alphabet at the top.")


def where(column: str, operator: Operator, description: str, *, node: str | None = None) -> Any:
    """A field of a filter: what it demands of a column. `node`: the values are global ids of that type."""
    return strawberry.field(default=None, description=description, metadata={"where": (column, operator, node)})


def conditions(filter: Any) -> tuple[Condition, ...]:
    """What a filter that a client gave demands."""
    if filter is None:
        return ()
    fields = get_object_definition(type(filter), strict=True).fields
    given = ((getattr(filter, field.python_name), *field.metadata["where"]) for field in fields)
    return tuple(_demand(value, *rest) for value, *rest in given if value is not None)


def _demand(value: Any, column: str, operator: Operator, node: str | None) -> Condition:
    if operator in ("is null", "is not null"):
        return Condition(column, "is not null" if value is (operator == "is not null") else "is null")
    if isinstance(value, list):
        return Condition(column, operator, tuple(_plain(item, node) for item in value))
    return Condition(column, operator, _plain(value, node))


def _plain(value: Any, node: str | None) -> Any:
    if node:
        return id_of(node, value)
    if isinstance(value, Enum):
        return value.value
    return text(value) if isinstance(value, str) else value


def order(name: str, description: str, default: str, descending: bool = True, **columns: tuple[str, str]) -> Any:
    """The input by which clients choose an order: NAME=(column, description) for each; columns that are never null."""
    values = {key: strawberry.enum_value(column, description=text) for key, (column, text) in columns.items()}
    columns_enum: Any = Enum(f"{name}OrderField", values)  # type: ignore[misc]
    field: Any = strawberry.enum(columns_enum, description=f"{description}: by what.")
    direction = Direction.DESC if descending else Direction.ASC
    namespace = {
        "__annotations__": {"field": field, "direction": Direction},
        "field": strawberry.field(default=field[default], description="By what."),
        "direction": strawberry.field(default=direction, description="Which way round."),
        "__hash__": lambda self: hash((self.field, self.direction)),  # a default of a parameter has to be hashable
    }
    return strawberry.input(type(f"{name}Order", (), namespace), description=f"{description}.")
