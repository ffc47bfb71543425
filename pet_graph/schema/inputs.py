"""Inputs made from commands: what a command says of its fields is said once, and clients see it here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from types import UnionType
from typing import Any, Union, get_args, get_origin
from uuid import UUID

import msgspec
import strawberry

from ..decisions import Invalid
from ..events.base import Command, Refused
from ..events.checks import Field, camel, fields_of
from .nodes import local_id
from .scalars import SCALARS

NODE_NAMES = {
    "approval_limit": "ApprovalLimit",
    "allocation": "TimeEntry",
    "calendar": "Calendar",
    "customer": "Customer",
    "lead": "Lead",
    "obligation": "Obligation",
    "obligation_delivery": "ObligationDelivery",
    "opportunity": "Opportunity",
    "person": "Person",
    "policy": "SlaPolicy",
    "quote": "Quote",
    "sla": "Ticket",
    "ticket": "Ticket",
    "actual": "TimeEntry",
    "booking": "Booking",
    "milestone": "Milestone",
    "project": "Project",
    "rate_card": "RateCard",
    "schedule": "Person",
    "task": "Task",
    "time_entry": "TimeEntry",
    "time_policy": "TimePolicy",
    "timesheet": "Timesheet",
}
"""The GraphQL type of the things that a domain's streams are about."""


def field_name(command: str) -> str:
    """`ResolveTicket` as Python writes it: `resolve_ticket`."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in command).lstrip("_")


@cache
def input_for(command: type[Command]) -> Any:
    """The input type of a command: its own fields, and how it is asked for."""
    how: dict[str, tuple[Any, Any]] = {
        "command_id": (
            UUID,
            strawberry.field(
                description="A UUID that you choose. The same command sent again with the same id is recorded once "
                "and gets its first answer. It becomes the id of what the command starts, if it starts something."
            ),
        ),
        "expected_version": (
            int | None,
            strawberry.field(default=None, description="Refuse unless the thing is at this version, as you read it."),
        ),
        "occurred_at": (
            datetime | None,
            strawberry.field(default=None, description="When it was so, if that is not now. Never in the future."),
        ),
        "dry_run": (
            bool,
            strawberry.field(default=False, description="Answer what would be recorded, and record nothing."),
        ),
        "correlation": (
            UUID | None,
            strawberry.field(
                default=None, description="Ties commands of one errand together; the command id otherwise."
            ),
        ),
    }
    return _input(f"{command.__name__}Input", str(command.__doc__), {**_declared(command), **how})


@cache
def _struct_input(struct: Any) -> Any:
    return _input(f"{struct.__name__}Input", str(struct.__doc__), _declared(struct))


def _declared(struct: type[msgspec.Struct]) -> dict[str, tuple[Any, Any]]:
    return {field.name: (_type(field), _strawberry_field(field)) for field in fields_of(struct)}


def _input(name: str, description: str, fields: dict[str, tuple[Any, Any]]) -> Any:
    namespace: dict[str, Any] = {name: field for name, (_, field) in fields.items()}
    namespace["__annotations__"] = kinds = {name: kind for name, (kind, _) in fields.items()}
    made: Any = strawberry.input(type(name, (), namespace), description=description)
    made.__strawberry_definition__.from_input = _from_client(kinds)
    return made


def _from_client(kinds: Mapping[str, Any]) -> Callable[[Any, Mapping[str, Any], Any], Any]:
    """What makes an input of what a client wrote, which graphql-core has read and checked by then.

    Strawberry would look up the type of each field anew with each request, at four times the cost.
    """
    makers = [(camel(name), name, _maker(kind)) for name, kind in kinds.items()]

    def made(kind: Any, given: Mapping[str, Any], context: Any) -> Any:
        values = {name: _made(make, given[key]) for key, name, make in makers if key in given}
        return kind(**values)

    return made


def _made(make: Callable[[Any], Any] | None, value: Any) -> Any:
    return value if make is None or value is None else make(value)


def _maker(kind: Any) -> Callable[[Any], Any] | None:
    """What makes a field's value of what a client wrote; None where it is that value already."""
    if get_origin(kind) in (Union, UnionType):
        return _maker(next(part for part in get_args(kind) if part is not type(None)))
    if get_origin(kind) is list:
        make = _maker(get_args(kind)[0])
        return (lambda items: [_made(make, item) for item in items]) if make else list
    definition = getattr(kind, "__strawberry_definition__", None)
    from_input = getattr(definition, "from_input", None)
    return (lambda given: from_input(kind, given, None)) if from_input else None


def _type(field: Field) -> Any:
    kind = _plain_type(field.type, field.noun)
    return kind | None if field.optional else kind


def _plain_type(kind: Any, noun: str | None) -> Any:
    if get_origin(kind) is tuple:
        return list[_plain_type(get_args(kind)[0], None)]  # type: ignore[misc]
    if noun:
        return strawberry.ID
    return _struct_input(kind) if _is_input(kind) else kind


def _is_input(kind: Any) -> bool:
    """Whether clients write it as an input object; money is a struct too, and they write it as a text."""
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind not in SCALARS


def _strawberry_field(field: Field) -> Any:
    if field.default is msgspec.NODEFAULT:
        return strawberry.field(description=field.meta.description)
    default = field.default
    if isinstance(default, tuple):
        return strawberry.field(default_factory=lambda: list(default), description=field.meta.description)
    return strawberry.field(default=default, description=field.meta.description)


def command_of(command: type[Command], given: Any) -> Command | Invalid:
    """The command that a client's input stands for, or why it stands for none."""
    try:
        made: Command = _struct_of(command, given, ())
    except Refused as refused:
        return Invalid(refused.code, str(refused), refused.path)
    return made


def _struct_of(struct: Any, given: Any, path: tuple[str, ...]) -> Any:
    return struct(
        **{
            field.name: _value_of(field, getattr(given, field.name), (*path, camel(field.name)))
            for field in fields_of(struct)
        }
    )


def _value_of(field: Field, value: Any, path: tuple[str, ...]) -> Any:
    if value is None:
        return None
    if field.noun:
        return _id_of(field.noun, value, path)
    if get_origin(field.type) is tuple:
        item = get_args(field.type)[0]
        if _is_input(item):
            return tuple(_struct_of(item, one, (*path, str(number))) for number, one in enumerate(value))
        return tuple(value)
    return _struct_of(field.type, value, path) if _is_input(field.type) else value


def _id_of(noun: str, global_id: str, path: tuple[str, ...]) -> UUID:
    expected = NODE_NAMES[noun]
    try:
        name, id_ = local_id(global_id)
    except ValueError as error:
        raise Refused("not_an_id", f"{error}.", path) from error
    if name != expected:
        raise Refused(
            "wrong_type", f"{camel(path[-1])} is the id of a {name}; it has to be that of a {expected}.", path
        )
    return id_
