"""PET's own scalars: exact, bounded, and the same text in every execution."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any, NewType
from uuid import UUID

import strawberry
from graphql import GraphQLError

from ..events.base import MICROS, Money, Quantity, decimal
from .nodes import shown

Position = NewType("Position", int)
Json = NewType("Json", object)

RFC_3339_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
ISO_8601_DURATION = re.compile(
    r"P(?=\d|T\d)(?:(?P<days>\d{1,6})D)?"
    r"(?:T(?=\d)(?:(?P<hours>\d{1,9})H)?(?:(?P<minutes>\d{1,9})M)?(?:(?P<seconds>\d{1,9}(?:\.\d{1,6})?)S)?)?",
    re.ASCII,
)
RFC_9562 = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
DECIMAL = r"(?P<sign>-?)(?P<units>\d{1,12})(?:\.(?P<micros>\d{1,6}))?"
MONEY = re.compile(DECIMAL + " (?P<currency>[A-Z]{3})", re.ASCII)
QUANTITY = re.compile(DECIMAL, re.ASCII)
LARGEST_POSITION = 2**63 - 1


def parse_datetime(value: Any) -> datetime:
    """An RFC 3339 text with its offset, as an instant in UTC. Raises GraphQLError."""
    if not isinstance(value, str) or not RFC_3339.fullmatch(value):
        raise GraphQLError(
            f"DateTime cannot represent {shown(value)}: write RFC 3339 with an offset, 2026-06-01T12:00:00Z."
        )
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise GraphQLError(f"DateTime cannot represent {shown(value)}: {error}.") from error


def format_datetime(value: datetime) -> str:
    """RFC 3339 in UTC, with as many decimals as it needs: as PostgreSQL writes it. Raises on a naive instant."""
    if value.tzinfo is None:
        raise GraphQLError("DateTime cannot represent a naive instant.")
    seconds, _, micros = value.astimezone(UTC).replace(tzinfo=None).isoformat().partition(".")
    fraction = f".{micros}".rstrip("0") if micros else ""
    return f"{seconds}{fraction}+00:00"


def parse_date(value: Any) -> date:
    """A day of the calendar, RFC 3339. Raises GraphQLError."""
    if not isinstance(value, str) or not RFC_3339_DATE.fullmatch(value):
        raise GraphQLError(f"Date cannot represent {shown(value)}: write year, month and day, 2026-06-01.")
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise GraphQLError(f"Date cannot represent {shown(value)}: {error}.") from error


def format_date(value: date) -> str:
    """Raises GraphQLError on an instant, because its day depends on where one is."""
    if isinstance(value, datetime):
        raise GraphQLError("Date cannot represent an instant.")
    return value.isoformat()


def parse_duration(value: Any) -> timedelta:
    """An ISO 8601 duration of days, hours, minutes and seconds. Raises GraphQLError."""
    match = ISO_8601_DURATION.fullmatch(value) if isinstance(value, str) else None
    if not match:
        raise GraphQLError(
            f"Duration cannot represent {shown(value)}: write ISO 8601 in days and less, PT8H or P1DT30M."
        )
    days, hours, minutes = (int(match[name] or 0) for name in ("days", "hours", "minutes"))
    whole, _, fraction = (match["seconds"] or "0").partition(".")
    micros = int(fraction.ljust(6, "0")) if fraction else 0
    try:
        return timedelta(days=days, hours=hours, minutes=minutes, seconds=int(whole), microseconds=micros)
    except OverflowError as error:
        raise GraphQLError(f"Duration cannot represent {shown(value)}: it is too long.") from error


def format_duration(value: timedelta) -> str:
    """Hours, minutes and seconds, each only where it is not zero: PT8H, PT1M30.5S, PT0S."""
    micros = value // timedelta(microseconds=1)
    sign, micros = ("-", -micros) if micros < 0 else ("", micros)
    seconds, micros = divmod(micros, MICROS)
    hours, minutes, seconds = seconds // 3600, seconds // 60 % 60, seconds % 60
    fraction = f".{micros:06d}".rstrip("0") if micros else ""
    last = f"{seconds}{fraction}S" if seconds or fraction else ""
    parts = f"{f'{hours}H' if hours else ''}{f'{minutes}M' if minutes else ''}{last}"
    return f"{sign}PT{parts or '0S'}"


def parse_uuid(value: Any) -> UUID:
    """A UUID in its one usual form. Raises GraphQLError."""
    if isinstance(value, str) and RFC_9562.fullmatch(value):
        return UUID(value)
    raise GraphQLError(f"UUID cannot represent {shown(value)}: write 32 hexadecimal digits as 8-4-4-4-12.")


def parse_position(value: Any) -> int:
    """A position in the log, as text because it outgrows a GraphQL Int. Raises GraphQLError."""
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,19}", value) and int(value) <= LARGEST_POSITION:
        return int(value)
    raise GraphQLError(
        f'Position cannot represent {shown(value)}: use one that PET has given you, or "0" for the start.'
    )


def parse_money(value: Any) -> Money:
    """An amount and its currency: `1234.50 EUR`. Raises GraphQLError."""
    match = MONEY.fullmatch(value) if isinstance(value, str) else None
    if not match:
        raise GraphQLError(f"Money cannot represent {shown(value)}: write an amount and an ISO 4217 code, 1234.50 EUR.")
    return Money(_micros(match), match["currency"])


def parse_quantity(value: Any) -> Quantity:
    """How many, to the millionth: `2.5`. Raises GraphQLError."""
    match = QUANTITY.fullmatch(value) if isinstance(value, str) else None
    if not match:
        raise GraphQLError(f"Quantity cannot represent {shown(value)}: write a decimal number as text, 2.5.")
    return Quantity(_micros(match))


def _micros(match: re.Match[str]) -> int:
    micros = int(match["units"]) * MICROS + int((match["micros"] or "").ljust(6, "0"))
    return -micros if match["sign"] else micros


SCALARS: dict[object, Any] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description="An instant, RFC 3339 with an offset; answered in UTC. Without an offset it is refused.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
        serialize=format_datetime,
        parse_value=parse_datetime,
    ),
    date: strawberry.scalar(
        name="Date",
        description="A day of the calendar, RFC 3339: 2026-06-01.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
        serialize=format_date,
        parse_value=parse_date,
    ),
    timedelta: strawberry.scalar(
        name="Duration",
        description="A span of time, ISO 8601 in days, hours, minutes and seconds: PT8H, P1DT30M, PT1.5S.",
        specified_by_url="https://www.iso.org/iso-8601-date-and-time-format.html",
        serialize=format_duration,
        parse_value=parse_duration,
    ),
    UUID: strawberry.scalar(
        name="UUID",
        description="A universally unique identifier.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc9562",
        serialize=str,
        parse_value=parse_uuid,
    ),
    Position: strawberry.scalar(
        name="Position",
        description="A place in the log of facts, as text. Later facts have greater positions; none is left out.",
        serialize=str,
        parse_value=parse_position,
    ),
    Json: strawberry.scalar(name="JSON", description="Any JSON value.", serialize=lambda value: value),
    Money: strawberry.scalar(
        name="Money",
        description="An amount to the micro-unit and its ISO 4217 currency: 1234.50 EUR.",
        serialize=str,
        parse_value=parse_money,
    ),
    Quantity: strawberry.scalar(
        name="Quantity",
        description="How many, as text because it is exact to the millionth: 3, 2.5.",
        serialize=decimal,
        parse_value=parse_quantity,
    ),
}
