"""Quotes for tests: an offer with a line of every sort, and the way of a quote through the hands of two people."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from conftest import World
from msgspec import structs

from pet_graph.decisions import Recorded
from pet_graph.events.base import MICROS, BurnUnit, Money, Quantity
from pet_graph.events.offers import LineKind, Offer, QuoteLine
from pet_graph.events.quotes import AcceptQuote, ApproveQuote, DraftQuote, ReviseQuote, SendQuote, SubmitQuote

LAST_DAY = date(2026, 6, 30)


def eur(amount: str) -> Money:
    units, _, decimals = amount.partition(".")
    return Money(int(units) * MICROS + int(decimals.ljust(6, "0")), "EUR")


def line(number: int, burn_unit: BurnUnit = BurnUnit.MILESTONE, price: str = "100", **fields: Any) -> QuoteLine:
    """A line that costs 100 EUR unless told otherwise, counted in one unit."""
    measure: dict[str, Any] = {"quantity": Quantity(MICROS)}
    if burn_unit is BurnUnit.HOURS:
        measure = {"effort": timedelta(hours=1)}
    elif burn_unit is BurnUnit.MONEY:
        measure = {}
    kinds = {BurnUnit.HARDWARE_UNITS: LineKind.HARDWARE, BurnUnit.SOFTWARE_UNITS: LineKind.SOFTWARE}
    said = {"description": f"Line {number}", "kind": kinds.get(burn_unit, LineKind.TIME), "unit_price": eur(price)}
    return QuoteLine(number=number, burn_unit=burn_unit, **{**said, **measure, **fields})


def offer(*lines: QuoteLine, **fields: Any) -> Offer:
    return Offer(**{"title": "A shop", "currency": "EUR", "valid_until": LAST_DAY, "lines": lines, **fields})


ADVICE = line(1, BurnUnit.HOURS, "120", effort=timedelta(hours=8, minutes=30), role="Senior consultant")
SERVERS = line(2, BurnUnit.HARDWARE_UNITS, "1999.99", quantity=Quantity(2 * MICROS), promised_by=date(2026, 7, 1))
SEATS = line(3, BurnUnit.SOFTWARE_UNITS, "9.95", quantity=Quantity(10 * MICROS), optional=True, tax_label="VAT 20 %")
BASIC = line(4, BurnUnit.PERIOD, "50", quantity=Quantity(12 * MICROS), alternative="Support")
FULL = line(5, BurnUnit.TICKETS, "75", quantity=Quantity(12 * MICROS), alternative="Support")
RETAINER = line(6, BurnUnit.MONEY, "500", discount_percent=Quantity(10 * MICROS))
GO_LIVE = line(7, BurnUnit.MILESTONE, "3000")
EVERYTHING = offer(ADVICE, SERVERS, SEATS, BASIC, FULL, RETAINER, GO_LIVE, discount=eur("100"))
"""1,020 + 3,999.98 + [99.50] + (600 | 900) + 450 + 3,000, less 100."""


OFFERED = {
    "title": "A shop",
    "currency": "EUR",
    "validUntil": "2026-06-30",
    "discountPercent": "5",
    "lines": [
        {
            "number": 1,
            "description": "Advice",
            "kind": "TIME",
            "burnUnit": "HOURS",
            "unitPrice": "120 EUR",
            "effort": "PT8H30M",
            "role": "Senior consultant",
        }
    ],
}
"""An offer of 969 EUR as clients write it."""


async def drafted(
    world: World,
    offered: Offer = EVERYTHING,
    *,
    name: str = "Crunchy Armchairs",
    customer: UUID | None = None,
    opportunity: UUID | None = None,
    **how: Any,
) -> UUID:
    """A quote to a new customer of this name, or to one who is there."""
    customer = customer or await world.customer(name)
    draft = DraftQuote(customer=customer, offer=offered, opportunity=opportunity)
    return (await world.record(draft, **how)).facts[0].id


async def newest(world: World, quote: UUID) -> dict[str, Any]:
    """The row of the newest version."""
    [row] = [row for row in await world.rows("quotes") if row["id"] == quote]
    return next(one for one in await world.rows("quote_versions") if one["id"] == row["newest_id"])


async def sent(world: World, quote: UUID) -> str:
    """The digest of the newest version, which was submitted, approved by another person, and sent."""
    digest: str = (await newest(world, quote))["digest"]
    await world.record(SubmitQuote(quote=quote))
    await by("grace", world, ApproveQuote(quote=quote, digest=digest))
    await world.record(SendQuote(quote=quote, recipient="Cora"))
    return digest


async def by(actor: str, world: World, command: Any) -> Recorded:
    """Recorded for somebody else than the tester."""
    outcome = await world.turns.record(structs.replace(world.asked(command), actor=actor))
    assert isinstance(outcome, Recorded), outcome
    return outcome


def accepting(quote: UUID, digest: str, *chosen: int) -> AcceptQuote:
    return AcceptQuote(quote=quote, digest=digest, accepted_by="Cora", accepted_under="Order 7", chosen=chosen)


async def sold(world: World, offered: Offer = EVERYTHING, *chosen: int, **to: Any) -> UUID:
    """A quote that was accepted with these choices."""
    quote = await drafted(world, offered, **to)
    await world.record(accepting(quote, await sent(world, quote), *chosen))
    return quote


async def changed(world: World, quote: UUID, offered: Offer, *chosen: int) -> None:
    """A change order that was accepted with these choices."""
    await world.record(ReviseQuote(quote=quote, offer=offered))
    await world.record(accepting(quote, await sent(world, quote), *chosen))
