"""Obligations without the quotes that bring them about: in these tests a customer's registration does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any
from unittest.mock import patch
from uuid import UUID

from conftest import World

from pet_graph.events.base import BurnUnit, Command, Fact, Money, Quantity
from pet_graph.events.customers import CustomerRegistered, RegisterCustomer
from pet_graph.events.obligations import OpenObligation, Terms, obligation_of
from pet_graph.events.reactions import REACTIONS

QUOTE, DIGEST, NEWER = UUID(int=99), "0" * 63 + "1", "0" * 63 + "2"

HOURS = Terms(
    "Advice",
    BurnUnit.HOURS,
    Money(1_234_500_000, "EUR"),
    effort=timedelta(hours=8, minutes=30),
    role="Senior engineer",
    promised_by=date(2026, 7, 1),
)
SERVERS = Terms("Servers", BurnUnit.HARDWARE_UNITS, Money(-1, "CHF"), quantity_micros=Quantity(2_500_000))
RETAINER = Terms("Retainer", BurnUnit.MONEY, Money(999_999_999_999_999_999, "JPY"), promised_by=date(2026, 6, 15))
SEATS = Terms("Seats", BurnUnit.SOFTWARE_UNITS, Money(0, "USD"), quantity_micros=Quantity(10_000_000))


def causing(event: type, commands: Callable[[Fact], Sequence[Command]]) -> Any:
    """Let an event cause these commands, in place of what it causes otherwise."""
    return patch.dict(REACTIONS, {event: lambda fact, look: list(commands(fact))})


def opening(customer: UUID, quote: UUID, terms: Sequence[Terms]) -> list[OpenObligation]:
    """What the acceptance of a quote with these lines asks for."""
    return [
        OpenObligation(
            obligation=obligation_of(quote, line),
            customer=customer,
            quote=quote,
            digest=DIGEST,
            line=line,
            terms=one,
        )
        for line, one in enumerate(terms, 1)
    ]


async def owed(world: World, *terms: Terms, name: str = "Crunchy Armchairs", quote: UUID = QUOTE) -> list[UUID]:
    """A customer of this name to whom this is owed: the ids of the obligations, line by line."""
    with causing(CustomerRegistered, lambda fact: opening(fact.id, quote, terms)):
        await world.record(RegisterCustomer(name=name))
    return [obligation_of(quote, line) for line in range(1, len(terms) + 1)]
