"""Scalars: what each of them reads, what it refuses, and that whatever it writes it reads again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from graphql import GraphQLError
from hypothesis import given, settings
from hypothesis import strategies as st

from pet_graph.events.base import MOST_MICROS, Money, Quantity, decimal
from pet_graph.schema.scalars import (
    LARGEST_POSITION,
    SCALARS,
    format_date,
    format_datetime,
    format_duration,
    parse_date,
    parse_datetime,
    parse_duration,
    parse_money,
    parse_position,
    parse_quantity,
    parse_uuid,
)

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
NO_TEXT: list[Any] = [None, True, 0, 1, 1.5, [], {}, b"x"]
Parser = Callable[[Any], Any]


def refused(parse: Parser, name: str, values: list[Any]) -> None:
    """Each of these is told to be none, in one sentence that is not long."""
    for value in [*NO_TEXT, "", " ", "x", "\0", "\ud800", "x" * 100_000, *values]:
        with pytest.raises(GraphQLError) as told:
            parse(value)
        assert told.value.message.startswith(f"{name} cannot represent "), value
        assert len(told.value.message) < 250, value


# --- DateTime ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "instant", "written"),
    [
        ("2026-06-01T12:00:00Z", NOON, "2026-06-01T12:00:00+00:00"),
        ("2026-06-01t12:00:00z", NOON, "2026-06-01T12:00:00+00:00"),
        ("2026-06-01T14:00:00+02:00", NOON, "2026-06-01T12:00:00+00:00"),
        ("2026-05-31T23:59:00-12:01", NOON, "2026-06-01T12:00:00+00:00"),
        ("2026-06-01T12:00:00-00:00", NOON, "2026-06-01T12:00:00+00:00"),
        ("2026-06-01T12:00:00.5Z", NOON + timedelta(milliseconds=500), "2026-06-01T12:00:00.5+00:00"),
        ("2026-06-01T12:00:00.000001Z", NOON + MICROSECOND, "2026-06-01T12:00:00.000001+00:00"),
        ("2026-06-01T12:00:00.100000Z", NOON + timedelta(milliseconds=100), "2026-06-01T12:00:00.1+00:00"),
        ("2024-02-29T00:00:00Z", datetime(2024, 2, 29, tzinfo=UTC), "2024-02-29T00:00:00+00:00"),
        ("0001-01-01T00:00:00Z", datetime.min.replace(tzinfo=UTC), "0001-01-01T00:00:00+00:00"),
        ("9999-12-31T23:59:59.999999Z", datetime.max.replace(tzinfo=UTC), "9999-12-31T23:59:59.999999+00:00"),
    ],
)
def test_an_instant_is_read_in_any_zone_and_written_in_utc(text: str, instant: datetime, written: str) -> None:
    assert parse_datetime(text) == instant
    assert parse_datetime(text).tzinfo is UTC
    assert format_datetime(instant) == written


def test_what_is_no_instant_is_refused() -> None:
    naive = ["2026-06-01T12:00:00", "2026-06-01T12:00:00.5", "2026-06-01", "12:00:00Z", "now", "1780315200"]
    odd = ["2026-06-01 12:00:00Z", "2026-06-01T12:00Z", "2026-06-01T12:00:00+02", "2026-06-01T12:00:00+0200"]
    odd += ["2026-06-01T12:00:00,5Z", "2026-06-01T12:00:00.Z", "2026-06-01T12:00:00.1234567Z", "+02026-06-01T12:00:00Z"]
    odd += ["2026-06-01T12:00:00Z\n", " 2026-06-01T12:00:00Z", "2026-W23-1T12:00:00Z", "20260601T120000Z"]
    none = ["2026-02-29T12:00:00Z", "2026-13-01T12:00:00Z", "2026-06-31T12:00:00Z", "2026-06-01T24:00:00Z"]
    none += ["2026-06-01T12:60:00Z", "2026-06-01T23:59:60Z", "2026-06-01T12:00:00+24:00", "0000-01-01T00:00:00Z"]
    past_the_end = ["0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01"]
    refused(parse_datetime, "DateTime", [*naive, *odd, *none, *past_the_end, "２０２６-06-01T12:00:00Z"])


def test_an_instant_without_a_zone_is_never_written() -> None:
    with pytest.raises(GraphQLError, match="naive"):
        format_datetime(datetime(2026, 6, 1, 12))  # noqa: DTZ001


@settings(deadline=None)
@given(st.datetimes(timezones=st.just(UTC)), st.integers(-1439, 1439))
def test_every_instant_is_read_as_it_was_written(instant: datetime, minutes: int) -> None:
    assert parse_datetime(format_datetime(instant)) == instant
    elsewhere = timezone(timedelta(minutes=minutes))
    if timedelta(days=1) < instant - datetime.min.replace(tzinfo=UTC) < timedelta(days=3_652_057):
        assert parse_datetime(instant.astimezone(elsewhere).isoformat()) == instant


# --- Duration ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "span", "written"),
    [
        ("PT0S", timedelta(), "PT0S"),
        ("P0D", timedelta(), "PT0S"),
        ("PT8H", timedelta(hours=8), "PT8H"),
        ("P1D", timedelta(days=1), "PT24H"),
        ("P1DT30M", timedelta(days=1, minutes=30), "PT24H30M"),
        ("PT90M", timedelta(minutes=90), "PT1H30M"),
        ("PT1.5S", timedelta(seconds=1.5), "PT1.5S"),
        ("PT0.000001S", MICROSECOND, "PT0.000001S"),
        ("PT1H0.5S", timedelta(hours=1, milliseconds=500), "PT1H0.5S"),
        ("P1DT2H3M4.05S", timedelta(days=1, hours=2, minutes=3, seconds=4, milliseconds=50), "PT26H3M4.05S"),
        ("P999999D", timedelta(days=999_999), "PT23999976H"),
    ],
)
def test_a_span_is_read_in_days_and_less_and_written_in_hours_and_less(
    text: str, span: timedelta, written: str
) -> None:
    assert parse_duration(text) == span
    assert format_duration(span) == written


def test_what_is_no_span_is_refused() -> None:
    empty = ["P", "PT", "P1DT", "PTS", "P1", "1D", "T1H"]
    odd = ["-PT1H", "+PT1H", "PT-1H", "P1W", "P1M", "P1Y", "P1DT1D", "PT1M1H", "PT1H1H", "PT1.5H", "PT1,5S", "PT.5S"]
    odd += [
        "PT1.S",
        "PT1.1234567S",
        "pt1h",
        "PT1H ",
        "PT1H\n",
        "P 1D",
        "PT1e3S",
        "PT٣H",
        "P1000000D",
        "PT1000000000S",
        "8:00",
    ]
    refused(parse_duration, "Duration", [*empty, *odd])


def test_a_span_less_than_nothing_is_written_with_its_sign() -> None:
    assert format_duration(-MICROSECOND) == "-PT0.000001S"
    assert format_duration(timedelta(hours=-1, minutes=-30)) == "-PT1H30M"
    assert format_duration(timedelta(days=-1)) == "-PT24H"


@settings(deadline=None)
@given(st.timedeltas(timedelta(), timedelta(days=999_999)))
def test_every_span_is_read_as_it_was_written(span: timedelta) -> None:
    written = format_duration(span)
    assert parse_duration(written) == span
    assert format_duration(-span) == (f"-{written}" if span else "PT0S")


# --- Position ---------------------------------------------------------------------------------------------------------


def test_a_position_is_a_text_because_it_outgrows_a_number() -> None:
    for text, position in (("0", 0), ("7", 7), ("007", 7), (str(2**31), 2**31), (str(2**63 - 1), 2**63 - 1)):
        assert parse_position(text) == position
    odd = ["-1", "+1", "1.0", "1e3", "0x1", "1_000", " 1", "1 ", "1\n", "٣", str(2**63), "9" * 19, "9" * 20, 7, 2**63]
    refused(parse_position, "Position", odd)


@settings(deadline=None)
@given(st.integers(0, LARGEST_POSITION))
def test_every_position_is_read_as_it_was_written(position: int) -> None:
    assert parse_position(str(position)) == position


# --- Money ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "money", "written"),
    [
        ("0 EUR", Money(0, "EUR"), "0.00 EUR"),
        ("1234.50 EUR", Money(1_234_500_000, "EUR"), "1234.50 EUR"),
        ("-0.01 CHF", Money(-10_000, "CHF"), "-0.01 CHF"),
        ("-0 EUR", Money(0, "EUR"), "0.00 EUR"),
        ("0.000001 JPY", Money(1, "JPY"), "0.000001 JPY"),
        ("7.1 USD", Money(7_100_000, "USD"), "7.10 USD"),
        ("007.123 USD", Money(7_123_000, "USD"), "7.123 USD"),
        ("999999999999.999999 USD", Money(10**18 - 1, "USD"), "999999999999.999999 USD"),
    ],
)
def test_money_is_read_and_written_to_the_last_micro_unit(text: str, money: Money, written: str) -> None:
    assert parse_money(text) == money
    assert str(money) == written


def test_what_is_no_money_is_refused() -> None:
    odd = [
        "1",
        "EUR",
        "1EUR",
        "1  EUR",
        "EUR 1",
        "1 eur",
        "1 EURO",
        "1 EU",
        "1,50 EUR",
        "1.000,50 EUR",
        ".5 EUR",
        "1. EUR",
    ]
    odd += [
        "1.1234567 EUR",
        "1000000000000 EUR",
        "1e3 EUR",
        "NaN EUR",
        "Infinity EUR",
        "+1 EUR",
        "--1 EUR",
        "1 EUR\n",
        "٣ EUR",
    ]
    refused(parse_money, "Money", odd)


@settings(deadline=None)
@given(st.integers(-MOST_MICROS, MOST_MICROS), st.text("ABCXYZ", min_size=3, max_size=3))
def test_all_money_is_read_as_it_was_written(micros: int, currency: str) -> None:
    assert parse_money(str(Money(micros, currency))) == Money(micros, currency)


# --- Quantity ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "micros", "written"),
    [
        ("0", 0, "0"),
        ("-0.0", 0, "0"),
        ("3", 3_000_000, "3"),
        ("2.50", 2_500_000, "2.5"),
        ("-0.000001", -1, "-0.000001"),
        ("010.10", 10_100_000, "10.1"),
        ("999999999999.999999", MOST_MICROS, "999999999999.999999"),
    ],
)
def test_a_quantity_is_read_and_written_to_the_millionth(text: str, micros: int, written: str) -> None:
    assert parse_quantity(text) == micros
    assert decimal(micros) == written


def test_what_is_no_quantity_is_refused() -> None:
    odd = ["1.1234567", "1000000000000", "1e3", "NaN", "+1", "--1", ".5", "1.", "1,5", "1 ", "1\n", "٣", "1 EUR", 2**40]
    refused(parse_quantity, "Quantity", odd)


@settings(deadline=None)
@given(st.integers(-MOST_MICROS, MOST_MICROS))
def test_every_quantity_is_read_as_it_was_written(micros: int) -> None:
    assert parse_quantity(decimal(micros)) == Quantity(micros)


# --- Date -------------------------------------------------------------------------------------------------------------


def test_a_day_is_read_and_written_as_year_month_and_day() -> None:
    for text in ("0001-01-01", "2024-02-29", "2026-06-01", "9999-12-31"):
        assert format_date(parse_date(text)) == text
    assert parse_date("2026-06-01") == date(2026, 6, 1)


def test_what_is_no_day_is_refused() -> None:
    odd = ["2026-6-1", "20260601", "2026-W23-1", "2026-06-01T12:00:00Z", "01.06.2026", "2026-06-01 ", "2026-06-01\n"]
    refused(parse_date, "Date", [*odd, "2026-02-29", "2026-13-01", "2026-06-31", "0000-01-01", "２０２６-06-01", NOON])


def test_an_instant_is_not_written_as_a_day() -> None:
    with pytest.raises(GraphQLError, match="an instant"):
        format_date(NOON)


@settings(deadline=None)
@given(st.dates())
def test_every_day_is_read_as_it_was_written(day: date) -> None:
    assert parse_date(format_date(day)) == day


# --- UUID and the rest ------------------------------------------------------------------------------------------------


def test_a_uuid_is_read_in_its_one_usual_form() -> None:
    some = UUID("0b4f9a0e-1b1c-4f6e-9d0a-1c2d3e4f5a6b")
    assert parse_uuid(str(some)) == parse_uuid(str(some).upper()) == some
    odd = [some.hex, f"{{{some}}}", some.urn, f"{some} ", f"{some}\n", f"{some}0", str(some)[:-1], some]
    refused(parse_uuid, "UUID", odd)


def test_every_scalar_of_ours_says_what_it_is() -> None:
    names = {scalar.name for scalar in SCALARS.values()}
    assert names == {"Date", "DateTime", "Duration", "JSON", "Money", "Position", "Quantity", "UUID"}
