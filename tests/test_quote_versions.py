"""Versions of quotes: what they come to, to the last coin, and the digest that they are called by."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest
from api import Api
from conftest import NOON, World
from given import given as past
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from sold import ADVICE, EVERYTHING, LAST_DAY, RETAINER, SEATS, changed, drafted, eur, line, newest, offer, sold

from pet_graph.events.base import MICROS, BurnUnit, Money, Quantity
from pet_graph.events.currencies import MINOR_DIGITS
from pet_graph.events.offers import (
    LineKind,
    Offer,
    Rounding,
    cheapest,
    dearest,
    line_price,
    nets_of,
    rounded,
    shared_out,
    total,
)
from pet_graph.events.quote_versions import canonical, digest_of
from pet_graph.events.quotes import DraftQuote

CUSTOMER = UUID(int=2)
HALF_UP, HALF_EVEN = Rounding

# --- what it comes to -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("thousandths", "digits", "up", "even"),
    [(1_005, 2, 1_010, 1_000), (1_015, 2, 1_020, 1_020), (1_004, 2, 1_000, 1_000), (500, 0, 1_000, 0), (7, 3, 7, 7)],
)
def test_half_a_unit_goes_up_or_to_the_even_one(thousandths: int, digits: int, up: int, even: int) -> None:
    assert rounded(thousandths * 1_000, 1, HALF_UP, digits) == up * 1_000
    assert rounded(thousandths * 1_000, 1, HALF_EVEN, digits) == even * 1_000


@settings(deadline=None)
@given(st.integers(0, 10**30), st.integers(1, 10**10), st.sampled_from(Rounding), st.sampled_from(range(5)))
def test_rounding_takes_the_nearest(numerator: int, denominator: int, rounding: Rounding, digits: int) -> None:
    unit, exact = 10 ** (6 - digits), Fraction(numerator, denominator)
    result = rounded(numerator, denominator, rounding, digits)
    assert result % unit == 0
    assert abs(result - exact) <= Fraction(unit, 2)
    if rounding is HALF_EVEN:
        assert result == round(exact / unit) * unit


def test_hours_are_paid_to_the_microsecond() -> None:
    odd = line(1, BurnUnit.HOURS, "100", effort=timedelta(minutes=20))
    assert line_price(odd, HALF_UP, 2) == (33_330_000, 33_330_000)
    tenth_of_a_cent = line(1, BurnUnit.TICKETS, "0.001", quantity=Quantity(1_234 * MICROS))
    assert line_price(tenth_of_a_cent, HALF_UP, 2).gross == 1_230_000


def test_what_is_taken_off_a_line_is_taken_off_the_line() -> None:
    assert line_price(RETAINER, HALF_UP, 2) == (500_000_000, 450_000_000)
    assert line_price(line(1, discount=eur("0.01")), HALF_UP, 2) == (100_000_000, 99_990_000)


def test_everything_adds_up() -> None:
    all_of_it = total(EVERYTHING, 2, [1, 2, 3, 5, 6, 7])
    assert (all_of_it.subtotal, all_of_it.discount, all_of_it.total) == (9_469_480_000, 100_000_000, 9_369_480_000)
    assert sum(all_of_it.amounts.values()) == all_of_it.total
    nets = nets_of(EVERYTHING, 2)
    assert cheapest(EVERYTHING, nets) == {1, 2, 4, 6, 7}
    assert dearest(EVERYTHING, nets) == {1, 2, 3, 5, 6, 7}


def test_a_discount_is_never_more_than_what_is_accepted() -> None:
    assert total(offer(SEATS, line(1), discount=eur("120")), 2, [1]) == (100_000_000, 100_000_000, 0, {1: 0})


@settings(deadline=None)
@given(st.lists(st.integers(0, 10**12), max_size=30), st.integers(0, 100))
def test_shares_are_exact_and_none_is_more_than_its_part(parts: list[int], percent: int) -> None:
    unit = 10_000
    among = {number: part * unit for number, part in enumerate(parts)}
    amount = rounded(sum(among.values()) * percent, 100, HALF_UP, 2)
    shares = shared_out(amount, among, unit)
    assert sum(shares.values()) == amount
    for number, share in shares.items():
        assert share % unit == 0
        assert 0 <= share <= among[number]
        assert abs(share - Fraction(amount * among[number], sum(among.values()) or 1)) < unit


def test_the_currencies_are_those_that_can_be_paid() -> None:
    assert {MINOR_DIGITS[code] for code in ("EUR", "JPY", "KWD", "CLF")} == {2, 0, 3, 4}
    assert all(len(code) == 3 and code.isascii() and code.isupper() for code in MINOR_DIGITS)
    assert not {"XDR", "XAU", "XTS", "EURO"} & set(MINOR_DIGITS)


# --- whether it can be offered ----------------------------------------------------------------------------------------

HOURS, MONEY, MILESTONE = BurnUnit.HOURS, BurnUnit.MONEY, BurnUnit.MILESTONE
ONE, PERCENT, HOUR = Quantity(MICROS), Quantity(MICROS), timedelta(hours=1)
ONLY_LINE = ("offer", "lines", "0")


@pytest.mark.parametrize(
    ("offered", "code", "path"),
    [
        (offer(line(1), currency="XAU"), "not_a_currency", ("offer", "currency")),
        (offer(line(1), valid_until=date(2026, 5, 31)), "expired", ("offer", "validUntil")),
        (offer(line(1, unit_price=Money(1, "CHF"))), "currency_differs", (*ONLY_LINE, "unitPrice")),
        (offer(line(1, HOURS, effort=None)), "not_measurable", ONLY_LINE),
        (offer(line(1, HOURS, effort=timedelta())), "not_measurable", ONLY_LINE),
        (offer(line(1, HOURS, effort=timedelta(days=40_000))), "not_measurable", ONLY_LINE),
        (offer(line(1, HOURS, quantity=ONE)), "not_measurable", ONLY_LINE),
        (offer(line(1, MONEY, quantity=ONE)), "not_measurable", ONLY_LINE),
        (offer(line(1, MONEY, effort=HOUR)), "not_measurable", ONLY_LINE),
        (offer(line(1, MILESTONE, quantity=None)), "not_measurable", ONLY_LINE),
        (offer(line(1, MILESTONE, effort=HOUR)), "not_measurable", ONLY_LINE),
        (offer(line(1, HOURS, kind=LineKind.HARDWARE)), "kind_differs", (*ONLY_LINE, "burnUnit")),
        (offer(line(1, kind=LineKind.SOFTWARE, role="Tester")), "kind_differs", (*ONLY_LINE, "role")),
        (offer(line(1, optional=True, alternative="A")), "optional_alternative", (*ONLY_LINE, "optional")),
        (offer(line(1, discount=eur("1"), discount_percent=PERCENT)), "two_discounts", (*ONLY_LINE, "discount")),
        (offer(line(1, discount=Money(1, "CHF"))), "currency_differs", (*ONLY_LINE, "discount")),
        (offer(line(1, discount=eur("0.001"))), "not_payable", (*ONLY_LINE, "discount")),
        (offer(line(1, discount=eur("100.01"))), "discount_too_great", (*ONLY_LINE, "discount")),
        (offer(line(1), discount=eur("0.001")), "not_payable", ("offer", "discount")),
        (offer(line(1, price="999999999999", quantity=Quantity(2 * MICROS))), "out_of_range", ONLY_LINE),
        (offer(line(1, price="999999999999"), line(2)), "out_of_range", ("offer", "lines")),
        (offer(line(1), line(1)), "number_repeated", ("offer", "lines")),
        (offer(line(1), line(2, alternative="A")), "no_alternative", ("offer", "lines")),
        (offer(line(1, MONEY, "0")), "nothing_left", ONLY_LINE),
        (offer(line(1, MONEY), discount_percent=Quantity(100 * MICROS)), "nothing_left", ONLY_LINE),
        (offer(line(1, MONEY), line(2, optional=True), discount=eur("100")), "nothing_left", ONLY_LINE),
    ],
)
def test_what_could_not_be_accepted_is_not_drafted(offered: Offer, code: str, path: tuple[str, ...]) -> None:
    past().when(DraftQuote(customer=CUSTOMER, offer=offered)).refused(code, *path)


@pytest.mark.parametrize(
    "offered",
    [
        EVERYTHING,
        offer(line(1), valid_until=NOON.date()),
        offer(line(1, HOURS, effort=timedelta(microseconds=1))),
        offer(line(1, discount=eur("100"))),
        offer(line(1, discount_percent=Quantity(100 * MICROS)), discount_percent=Quantity(100 * MICROS)),
        offer(line(1, MONEY), discount_percent=Quantity(99 * MICROS - 1)),
        offer(line(1, MONEY), discount=eur("99.99")),
        offer(line(1, unit_price=Money(MICROS, "JPY")), currency="JPY"),
        offer(line(1, price="999999999999")),
    ],
)
def test_what_can_be_accepted_is_drafted(offered: Offer) -> None:
    assert past().when(DraftQuote(customer=CUSTOMER, offer=offered)).refusal is None


# --- its name ---------------------------------------------------------------------------------------------------------


def test_a_version_is_called_by_the_digest_of_its_text() -> None:
    """Written out, because quotes that were accepted are called by it for ever."""
    text = (
        '{"customer":"00000000-0000-0000-0000-000000000002","minor_digits":2,"offer":{"currency":"EUR","lines":['
        '{"burn_unit":"hours","description":"Line 1","effort":"PT30600S","kind":"time","number":1,'
        '"role":"Senior consultant","unit_price":{"amount_micros":120000000,"currency":"EUR"}}],'
        '"title":"A shop","valid_until":"2026-06-30"},"version":1}'
    )
    assert canonical(CUSTOMER, 1, 2, offer(ADVICE)) == text
    assert digest_of(text) == "78f283c9bb53c697a49a4e258f5bc0a54d98f242126db02fb5494bce9ce68b16"


def test_whatever_is_offered_otherwise_is_called_otherwise() -> None:
    one = line(1, discount=eur("1"), tax_label="VAT")
    others: list[Any] = [
        (CUSTOMER, 1, 2, offer(one)),
        (UUID(int=3), 1, 2, offer(one)),
        (CUSTOMER, 2, 2, offer(one)),
        (CUSTOMER, 1, 3, offer(one)),
        *((CUSTOMER, 1, 2, offer(one, **{name: value})) for name, value in OTHER_OFFERS.items()),
        *((CUSTOMER, 1, 2, offer(structs.replace(one, **{name: value}))) for name, value in OTHER_LINES.items()),
    ]
    assert len({digest_of(canonical(*other)) for other in others}) == len(others)


OTHER_OFFERS = {
    "title": "Shop",
    "valid_until": LAST_DAY + timedelta(days=1),
    "rounding": HALF_EVEN,
    "discount": eur("1"),
    "discount_percent": PERCENT,
    "terms": "Net 30",
}
OTHER_LINES = {
    "number": 2,
    "description": "Other",
    "kind": LineKind.SOFTWARE,
    "unit_price": eur("2"),
    "quantity": Quantity(1),
    "effort": HOUR,
    "role": "Tester",
    "discount_percent": PERCENT,
    "discount": eur("2"),
    "optional": True,
    "alternative": "A",
    "tax_label": "GST",
    "promised_by": LAST_DAY,
}


# --- remembers and shows ----------------------------------------------------------------------------------------------


async def test_a_version_and_its_lines_are_remembered_as_they_were_offered(world: World) -> None:
    quote = await drafted(world)
    version = await newest(world, quote)
    assert sha256(version["content"].encode()).hexdigest() == version["digest"]
    assert (version["number"], version["status"], version["minor_digits"]) == (1, "draft", 2)
    assert (version["least_micros"], version["most_micros"]) == (8_969_980_000, 9_369_480_000)
    lines = sorted(await world.rows("quote_lines"), key=lambda row: row["number"])
    assert [row["net_micros"] // 10_000 for row in lines] == [102_000, 399_998, 9_950, 60_000, 90_000, 45_000, 300_000]
    assert {row["accepted"] for row in lines} == {None}
    assert {row["quote_version_id"] for row in lines} == {version["id"]}


async def test_what_was_accepted_is_told_of_each_line(world: World) -> None:
    await sold(world, EVERYTHING, 5)
    lines = sorted(await world.rows("quote_lines"), key=lambda row: row["number"])
    assert [row["accepted"] for row in lines] == [True, True, False, False, True, True, True]
    accepted = {row["obligation_id"]: row["accepted_micros"] for row in lines if row["accepted"]}
    owed = {row["id"]: row["amount_micros"] for row in await world.rows("obligations")}
    assert accepted == owed
    assert sum(owed.values()) == 9_269_980_000


SHOWN = """
    query ($digest: [String!]) {
        quoteVersions(first: 9, filter: {digest: $digest}) { nodes {
            number digest status rounding minorDigits validUntil discount discountPercent least most acceptedTotal
            draftedBy approvedBy sentTo acceptedBy acceptedUnder quote { number inForce { number } }
            lines(first: 9, filter: {accepted: true, kind: [SOFTWARE, TIME]}) { totalCount nodes {
                number unitPrice quantity effort role gross net discountPercent acceptedAmount taxLabel
                obligation { status amount quote { number } quoteLines(first: 9) { nodes { number } } }
            } }
        } }
    }
"""


async def test_a_version_is_found_by_its_digest_with_all_that_it_leads_to(world: World) -> None:
    quote = await sold(world, EVERYTHING, 5, 3)
    digest = (await newest(world, quote))["digest"]
    await changed(world, quote, offer(ADVICE))
    [shown] = (await Api(world).ask(SHOWN, digest=[digest]))["quoteVersions"]["nodes"]
    lines = shown.pop("lines")
    assert shown == {
        "number": 1,
        "digest": digest,
        "status": "SUPERSEDED",
        "rounding": "HALF_UP",
        "minorDigits": 2,
        "validUntil": "2026-06-30",
        "discount": "100.00 EUR",
        "discountPercent": None,
        "least": "8969.98 EUR",
        "most": "9369.48 EUR",
        "acceptedTotal": "9369.48 EUR",
        "draftedBy": "tester",
        "approvedBy": "grace",
        "sentTo": "Cora",
        "acceptedBy": "Cora",
        "acceptedUnder": "Order 7",
        "quote": {"number": "Q-0001", "inForce": {"number": 2}},
    }
    assert lines["totalCount"] == 5
    assert lines["nodes"][0] == {
        "number": 1,
        "unitPrice": "120.00 EUR",
        "quantity": None,
        "effort": "PT8H30M",
        "role": "Senior consultant",
        "gross": "1020.00 EUR",
        "net": "1020.00 EUR",
        "discountPercent": None,
        "acceptedAmount": "1009.23 EUR",
        "taxLabel": None,
        "obligation": {
            "status": "OPEN",
            "amount": "1020.00 EUR",
            "quote": {"number": "Q-0001"},
            "quoteLines": {"nodes": [{"number": 1}, {"number": 1}]},
        },
    }
