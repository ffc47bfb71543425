"""Whether a command is well formed: what its fields say of themselves, checked before anything is decided."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import cache
from types import UnionType
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import msgspec

from .base import MOST_MICROS, Command, Money, Quantity, Refused, decimal
from .currencies import MINOR_DIGITS


class Field(msgspec.Struct, frozen=True):
    """What a field says of itself: its type without wrapping, whether it may be left out, and its metadata.

    `noun` is the domain whose things it names, `own` whether it names the stream the command is for, `part` whether it
    names a part of a stream.
    """

    name: str
    type: Any
    optional: bool
    meta: msgspec.Meta
    default: Any = msgspec.NODEFAULT
    noun: str | None = None
    own: bool = False
    part: bool = False


@cache
def fields_of(struct: Any) -> tuple[Field, ...]:
    """The fields of a command, or of a struct inside one."""
    hints = get_type_hints(struct, include_extras=True)
    return tuple(_field(field, hints[field.name]) for field in msgspec.structs.fields(struct))


def _field(field: msgspec.structs.FieldInfo, hint: Any) -> Field:
    optional = False
    meta = msgspec.Meta()
    while get_origin(hint) in (Annotated, Union, UnionType):
        if get_origin(hint) is Annotated:
            hint, meta = get_args(hint)[0], get_args(hint)[1]
        else:
            optional = True
            hint = next(part for part in get_args(hint) if part is not type(None))
    extra = meta.extra or {}
    noun, own, part = extra.get("noun"), extra.get("own", False), extra.get("part", False)
    return Field(field.name, hint, optional, meta, field.default, noun, own, part)


@cache
def own_field(command: type[Command]) -> Field | None:
    """The field that names the command's stream; None for a command that starts one."""
    return next((field for field in fields_of(command) if field.own), None)


class Reference(NamedTuple):
    """Another thing that a command names; `path` is the field that names it, as clients write it."""

    noun: str
    id: UUID
    path: tuple[str, ...]


@cache
def _reference_fields(struct: Any) -> tuple[Field, ...]:
    """The fields that name other things, and those that hold structs with such fields."""
    return tuple(
        field for field in fields_of(struct) if (field.noun and not field.own and not field.part) or _inner(field)
    )


def _inner(field: Field) -> bool:
    kind = get_args(field.type)[0] if get_origin(field.type) is tuple else field.type
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct) and bool(_reference_fields(kind))


def references(struct: msgspec.Struct, path: tuple[str, ...] = ()) -> Iterator[Reference]:
    """Every other thing that a command names, also inside its structs and lists of structs."""
    for field in _reference_fields(type(struct)):
        value, here = getattr(struct, field.name), (*path, camel(field.name))
        if isinstance(value, tuple):
            for number, item in enumerate(value):
                yield from references(item, (*here, str(number)))
        elif isinstance(value, msgspec.Struct):
            yield from references(value, here)
        elif value is not None:
            yield Reference(str(field.noun), value, here)


@cache
def camel(name: str) -> str:
    """`waiting_on` as clients write it: `waitingOn`."""
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


def check(struct: msgspec.Struct, path: tuple[str, ...] = ()) -> None:
    """Refuse a text that is blank, too long or not storable, a list of the wrong length, and so on inside.

    Raises `Refused` with the path of the field as clients write it.
    """
    for field in fields_of(type(struct)):
        value = getattr(struct, field.name)
        if value is not None:
            _check_value(field, value, (*path, camel(field.name)))


def _check_value(field: Field, value: Any, path: tuple[str, ...]) -> None:
    if isinstance(value, str) and field.type is str:
        _check_text(field.meta, value, path)
    elif isinstance(value, int):
        _check_number(field, value, path)
    elif isinstance(value, Money):
        _check_money(field.meta, value, path)
    elif isinstance(value, timedelta) and value < timedelta():
        raise Refused("negative", f"{path[-1]} is shorter than nothing.", path)
    elif isinstance(value, msgspec.Struct):
        check(value, path)
    elif isinstance(value, tuple):
        _check_length(field.meta, value, path)
        for number, item in enumerate(value):
            _check_item(item, (*path, str(number)))


def _check_item(value: Any, path: tuple[str, ...]) -> None:
    if isinstance(value, msgspec.Struct):
        check(value, path)
    elif isinstance(value, str):
        _check_storable(value, path)


def _check_text(meta: msgspec.Meta, value: str, path: tuple[str, ...]) -> None:
    limits = meta.extra or {}
    if limits.get("min_length") and not value.strip():
        raise Refused("blank", f"{path[-1]} is blank.", path)
    if len(value) > (most := limits.get("max_length", len(value))):
        raise Refused("too_long", f"{path[-1]} has {len(value)} characters; the limit is {most}.", path)
    _check_storable(value, path)


def _check_storable(value: str, path: tuple[str, ...]) -> None:
    if "\0" in value or not _is_unicode(value):
        raise Refused("not_text", f"{path[-1]} holds characters that are not text (NUL or half a surrogate).", path)


def _check_number(field: Field, value: int, path: tuple[str, ...]) -> None:
    if field.type is Quantity:
        _check_range(*_limits(field.meta, -MOST_MICROS, MOST_MICROS), value, path, decimal)
    else:
        _check_range(*_limits(field.meta), value, path)


def _check_money(meta: msgspec.Meta, value: Money, path: tuple[str, ...]) -> None:
    """The limits of an amount are in micro-units of whichever currency it is in."""
    if value.currency not in MINOR_DIGITS:
        raise Refused("not_a_currency", f"{path[-1]} is in {value.currency!r}; write an ISO 4217 code: EUR.", path)
    limits = _limits(meta, -MOST_MICROS, MOST_MICROS)
    _check_range(*limits, value.amount_micros, path, lambda micros: str(Money(micros, value.currency)))


def _limits(meta: msgspec.Meta, least: int | None = None, most: int | None = None) -> tuple[Any, Any]:
    limits = meta.extra or {}
    return limits.get("ge", least), limits.get("le", most)


def _check_range(
    least: int | None, most: int | None, value: int, path: tuple[str, ...], written: Callable[[int], str] = str
) -> None:
    if least is not None and value < least:
        raise Refused("out_of_range", f"{path[-1]} is {written(value)}; the least is {written(least)}.", path)
    if most is not None and value > most:
        raise Refused("out_of_range", f"{path[-1]} is {written(value)}; the most is {written(most)}.", path)


def _is_unicode(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _check_length(meta: msgspec.Meta, value: tuple[Any, ...], path: tuple[str, ...]) -> None:
    limits = meta.extra or {}
    lowest, highest = limits.get("min_length", 0), limits.get("max_length", 100)
    if not lowest <= len(value) <= highest:
        raise Refused("wrong_length", f"{path[-1]} has {len(value)} items; from {lowest} to {highest} fit.", path)
