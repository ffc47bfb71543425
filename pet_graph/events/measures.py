"""Measures: so much work and what it comes to, added, turned and split without losing a micro-unit; lines of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

import msgspec

from .base import Money

MICROSECOND = timedelta(microseconds=1)
NOTHING = timedelta()


class ActualKind(StrEnum):
    COST = "cost"
    UNBILLED_SALES = "unbilled_sales"
    BILLED_SALES = "billed_sales"


class Contract(StrEnum):
    """What decides whether hours are charged one by one."""

    TIME_AND_MATERIALS = "time_and_materials"
    FIXED_PRICE = "fixed_price"
    INTERNAL = "internal"
    UNATTRIBUTED = "unattributed"


class Place(msgspec.Struct, frozen=True, omit_defaults=True):
    """What work was for: the promise and the project, and under which contract."""

    contract: Contract
    obligation: UUID | None = None
    project: UUID | None = None


class Price(msgspec.Struct, frozen=True):
    """So much money for so much work: no rate is rounded before it is applied."""

    amount: Money
    per: timedelta

    def of(self, quantity: timedelta) -> Money:
        """What this much work comes to, to the nearest micro-unit, halves to the even one."""
        micros = _rounded(self.amount.amount_micros * (quantity // MICROSECOND), self.per // MICROSECOND)
        return Money(micros, self.amount.currency)


def _rounded(numerator: int, denominator: int) -> int:
    whole, rest = divmod(numerator, denominator)
    half = 2 * rest - denominator
    return whole + (half > 0 or (half == 0 and whole % 2 == 1))


class Measure(NamedTuple):
    """So much work, and what it comes to; None where nobody knows, which is not nothing."""

    quantity: timedelta
    amount: Money | None

    def __neg__(self) -> Measure:
        return Measure(-self.quantity, self.amount and Money(-self.amount.amount_micros, self.amount.currency))

    def plus(self, other: Measure) -> Measure:
        """Both together; nothing at all has no currency of its own."""
        return Measure(self.quantity + other.quantity, _sum(self.amount, other.amount))

    def split(self, quantity: timedelta) -> tuple[Measure, Measure]:
        """So much of it, and the rest: together they come to exactly what it came to."""
        if self.amount is None or not self.quantity:
            return Measure(quantity, self.amount), Measure(self.quantity - quantity, None)
        part = Price(self.amount, self.quantity).of(quantity)
        rest = Money(self.amount.amount_micros - part.amount_micros, part.currency)
        return Measure(quantity, part), Measure(self.quantity - quantity, rest)


EMPTY = Measure(NOTHING, None)


def priced(quantity: timedelta, price: Price | None) -> Measure:
    """So much work at this price, if it is known."""
    return Measure(quantity, price.of(quantity) if price else None)


def _sum(one: Money | None, other: Money | None) -> Money | None:
    if one is None or other is None:
        return one or other
    return Money(one.amount_micros + other.amount_micros, one.currency)


class Bucket(NamedTuple):
    """What lines are alike in when they are summed; `billing` is the invoice's line that the hours stand on."""

    kind: ActualKind
    place: Place
    chargeable: bool = True
    billing: UUID | None = None


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of the matrix. `quantity` is None for a milestone, `amount` where no price is known."""

    kind: ActualKind
    place: Place
    quantity: timedelta | None = None
    amount: Money | None = None
    chargeable: bool = True
    billing: UUID | None = None

    @property
    def bucket(self) -> Bucket:
        return Bucket(self.kind, self.place, self.chargeable, self.billing)


def line(bucket: Bucket, measure: Measure) -> list[Line]:
    """One line; none for no hours at all."""
    return [Line(bucket.kind, bucket.place, *measure, *bucket[2:])] if measure.quantity else []


def sums(lines: Iterable[Line]) -> dict[Bucket, Measure]:
    """What lines add up to, bucket by bucket, in the order in which they were first posted."""
    found: dict[Bucket, Measure] = {}
    for one in lines:
        found[one.bucket] = found.get(one.bucket, EMPTY).plus(Measure(one.quantity or NOTHING, one.amount))
    return found
