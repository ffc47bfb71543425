"""Offers: what a version of a quote offers, what that comes to, and whether it can be offered at all.

The arithmetic is in whole numbers. Each line comes to price times quantity, rounded once to the currency's minor unit;
a percentage taken off is rounded the same way. What is taken off the whole quote is shared out among the lines that
are accepted, by largest remainder, so that the lines add up to the total exactly.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Annotated, NamedTuple

import msgspec

from .base import MICROS, MOST_MICROS, WORK_ROLE, BurnUnit, Money, Quantity, Refused, about, text
from .currencies import MINOR_DIGITS

HOUR_US, MICROSECOND = 3_600 * MICROS, timedelta(microseconds=1)
WHOLE = 100 * MICROS
"""A hundred percent, in millionths of a percent."""


class LineKind(StrEnum):
    SOFTWARE = "software"
    HARDWARE = "hardware"
    TIME = "time"


class Rounding(StrEnum):
    HALF_UP = "half_up"
    HALF_EVEN = "half_even"


Percent = Annotated[Quantity, about("Percent taken off, from 0 to 100; or give `discount`.", ge=0, le=WHOLE)]
Discount = Annotated[Money, about("An amount taken off, in whole minor units; or give `discountPercent`.", ge=0)]


class QuoteLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of a quote. Accepted, it becomes an obligation."""

    number: Annotated[int, about("Its number; a change order calls the same promise by the same one.", ge=1, le=9_999)]
    description: Annotated[str, text("What is offered.", limit=1_000)]
    kind: Annotated[LineKind, about("Whether software, hardware or time is sold.")]
    burn_unit: Annotated[BurnUnit, about("What it will be counted in while it is delivered.")]
    unit_price: Annotated[Money, about("The price of one unit: of an hour for HOURS, of the whole for MONEY.", ge=0)]
    quantity: Annotated[Quantity, about("How many units; left out for HOURS and MONEY.", ge=1)] | None = None
    effort: Annotated[timedelta, about("How much working time; for HOURS only.")] | None = None
    role: Annotated[str, WORK_ROLE] | None = None
    discount_percent: Percent | None = None
    discount: Discount | None = None
    optional: Annotated[bool, about("Whether it may be left out when the quote is accepted.")] = False
    alternative: Annotated[str, text("A group of lines of which exactly one is accepted.", limit=64)] | None = None
    tax_label: Annotated[str, text("How it is taxed, for those who compute tax: VAT 20 %.", limit=64)] | None = None
    promised_by: Annotated[date, about("The day by which it is promised.")] | None = None

    @property
    def is_choice(self) -> bool:
        """Whether it is accepted only if it is chosen."""
        return self.optional or self.alternative is not None


class Offer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is offered: the content of one version of a quote."""

    title: Annotated[str, text("The offer in a line.")]
    currency: Annotated[str, text("The ISO 4217 code of all its amounts.", limit=3)]
    valid_until: Annotated[date, about("The last day, in UTC, on which it can be accepted.")]
    lines: Annotated[tuple[QuoteLine, ...], about("What is offered, line by line.", min_length=1, max_length=200)]
    discount_percent: Percent | None = None
    discount: Discount | None = None
    rounding: Annotated[Rounding, about("How products are rounded to the currency's minor unit.")] = Rounding.HALF_UP
    terms: Annotated[str, text("Conditions, in words.", limit=10_000, optional=True)] = ""

    @property
    def expires_at(self) -> datetime:
        """The first instant at which it can be accepted no more."""
        return datetime.combine(self.valid_until, time(tzinfo=UTC)) + timedelta(days=1)

    @property
    def groups(self) -> dict[str, set[int]]:
        """The numbers of the lines that are alternatives to each other, by group."""
        groups: dict[str, set[int]] = {}
        for line in self.lines:
            if line.alternative is not None:
                groups.setdefault(line.alternative, set()).add(line.number)
        return groups


class LinePrice(NamedTuple):
    """In micro-units: price times quantity, and what is left of it after the line's own discount."""

    gross: int
    net: int


class Total(NamedTuple):
    """In micro-units: the lines' sum, what is taken off it, what is left, and what is left of each line by number."""

    subtotal: int
    discount: int
    total: int
    amounts: dict[int, int]


# --- what it comes to ---------------------------------------------------------------------------------------------


def nets_of(offer: Offer, minor_digits: int) -> dict[int, int]:
    """In micro-units, by number: what each line comes to without a discount on the whole."""
    return {line.number: line_price(line, offer.rounding, minor_digits).net for line in offer.lines}


def cheapest(offer: Offer, nets: dict[int, int], including: QuoteLine | None = None) -> set[int]:
    """The cheapest lines that can be accepted together; with one that has to be among them, if it is given."""
    needed = {line.number for line in offer.lines if not line.is_choice}
    taken = {including.number} if including else set()
    groups = (group for group in offer.groups.values() if not group & taken)
    return needed | taken | {min(sorted(group), key=nets.__getitem__) for group in groups}


def dearest(offer: Offer, nets: dict[int, int]) -> set[int]:
    """The dearest lines that can be accepted together: with everything that is optional."""
    wanted = {line.number for line in offer.lines if line.alternative is None}
    return wanted | {max(sorted(group), key=nets.__getitem__) for group in offer.groups.values()}


def line_price(line: QuoteLine, rounding: Rounding, minor_digits: int) -> LinePrice:
    price = line.unit_price.amount_micros
    if line.effort is not None:
        gross = rounded(price * (line.effort // MICROSECOND), HOUR_US, rounding, minor_digits)
    else:
        gross = rounded(price * (MICROS if line.quantity is None else line.quantity), MICROS, rounding, minor_digits)
    return LinePrice(gross, gross - _taken_off(gross, line.discount_percent, line.discount, rounding, minor_digits))


def total(offer: Offer, minor_digits: int, numbers: Collection[int]) -> Total:
    nets = {number: net for number, net in nets_of(offer, minor_digits).items() if number in numbers}
    subtotal = sum(nets.values())
    discount = min(subtotal, _taken_off(subtotal, offer.discount_percent, offer.discount, offer.rounding, minor_digits))
    shares = shared_out(discount, nets, 10 ** (6 - minor_digits))
    amounts = {number: net - shares[number] for number, net in nets.items()}
    return Total(subtotal, discount, subtotal - discount, amounts)


def _taken_off(amount: int, percent: int | None, discount: Money | None, rounding: Rounding, minor_digits: int) -> int:
    if discount is not None:
        return discount.amount_micros
    return rounded(amount * (percent or 0), WHOLE, rounding, minor_digits)


def rounded(numerator: int, denominator: int, rounding: Rounding, minor_digits: int) -> int:
    """A fraction of micro-units, not less than nothing, as the nearest whole number of minor units; in micro-units."""
    unit: int = 10 ** (6 - minor_digits)
    units, rest = divmod(numerator, denominator * unit)
    half = 2 * rest - denominator * unit
    if half > 0 or (half == 0 and (rounding is Rounding.HALF_UP or units % 2)):
        units += 1
    return units * unit


def shared_out(amount: int, among: dict[int, int], unit: int) -> dict[int, int]:
    """`amount` in shares like `among`, in whole units, exactly: what is left goes to the largest remainders."""
    whole = sum(among.values())
    if not whole:
        return dict.fromkeys(among, 0)
    quotients = {key: divmod(amount * part, whole * unit) for key, part in among.items()}
    left = amount // unit - sum(units for units, _ in quotients.values())
    first = sorted(quotients, key=lambda key: (-quotients[key][1], key))[:left]
    return {key: (units + (key in first)) * unit for key, (units, _) in quotients.items()}


def accepted(offer: Offer, chosen: Iterable[int]) -> tuple[int, ...]:
    """The numbers of the lines that are accepted when these are chosen, in the order of the offer."""
    wanted = set(chosen)
    return tuple(line.number for line in offer.lines if not line.is_choice or line.number in wanted)


# --- whether it can be offered ------------------------------------------------------------------------------------

LONGEST_EFFORT = timedelta(days=36_525)

_KIND_OF_UNIT = {
    BurnUnit.HOURS: LineKind.TIME,
    BurnUnit.HARDWARE_UNITS: LineKind.HARDWARE,
    BurnUnit.SOFTWARE_UNITS: LineKind.SOFTWARE,
}
"""Units that only one kind of line is counted in; the others fit any."""


def check_offer(offer: Offer, at: datetime) -> int:
    """The decimals of the offer's currency. Raises `Refused` when it could not be accepted, or not be measured."""
    digits = MINOR_DIGITS.get(offer.currency)
    if digits is None:
        raise Refused("not_a_currency", f"{offer.currency!r} is no ISO 4217 code: EUR.", ["offer", "currency"])
    if at >= offer.expires_at:
        raise Refused("expired", "The last day of validity is over already.", ["offer", "validUntil"])
    for place, line in enumerate(offer.lines):
        _check_line(offer, line, digits, ["offer", "lines", str(place)])
    _check_discount(offer, offer.currency, digits, ["offer"])
    _check_numbers(offer)
    _check_totals(offer, digits)
    return digits


def check_choice(offer: Offer, chosen: tuple[int, ...]) -> None:
    """Refuse a choice that names no choices, not one line of each alternative, or nothing at all."""
    choices = {line.number for line in offer.lines if line.is_choice}
    if wrong := [number for number, times in Counter(chosen).items() if times > 1 or number not in choices]:
        raise Refused("not_a_choice", f"Line {wrong[0]} is chosen twice, or there is no choice about it.", ["chosen"])
    for name, group in offer.groups.items():
        if len(group & set(chosen)) != 1:
            numbers = ", ".join(map(str, sorted(group)))
            raise Refused("not_one_of", f"Choose exactly one of the alternatives {name!r}: {numbers}.", ["chosen"])
    if not chosen and len(choices) == len(offer.lines):
        raise Refused("nothing_chosen", "Every line is optional; choose at least one.", ["chosen"])


def _check_line(offer: Offer, line: QuoteLine, digits: int, path: list[str]) -> None:
    if line.unit_price.currency != offer.currency:
        message = f"The offer is in {offer.currency}, this price in {line.unit_price.currency}."
        raise Refused("currency_differs", message, [*path, "unitPrice"])
    _check_measure(line, path)
    if _KIND_OF_UNIT.get(line.burn_unit, line.kind) is not line.kind:
        raise Refused("kind_differs", f"A line of {line.kind} is not counted in {line.burn_unit}.", [*path, "burnUnit"])
    if line.role is not None and line.kind is not LineKind.TIME:
        raise Refused("kind_differs", f"A line of {line.kind} has no role.", [*path, "role"])
    if line.optional and line.alternative is not None:
        message = "An alternative is not optional as well: exactly one line of its group is accepted."
        raise Refused("optional_alternative", message, [*path, "optional"])
    _check_discount(line, offer.currency, digits, path)
    gross, net = line_price(line, offer.rounding, digits)
    if gross > MOST_MICROS:
        raise Refused("out_of_range", "The line comes to more than can be written.", path)
    if net < 0:
        raise Refused("discount_too_great", "More is taken off than the line comes to.", [*path, "discount"])


def _check_measure(line: QuoteLine, path: list[str]) -> None:
    """Each unit is measured by exactly one number, as in an obligation."""
    match line.burn_unit:
        case BurnUnit.HOURS:
            fits = line.quantity is None and line.effort is not None and timedelta() < line.effort <= LONGEST_EFFORT
            needed = "effort, more than nothing and at most a hundred years, and no quantity"
        case BurnUnit.MONEY:
            fits = line.quantity is None and line.effort is None
            needed = "its price alone, without quantity or effort"
        case _:
            fits, needed = line.quantity is not None and line.effort is None, "a quantity, and no effort"
    if not fits:
        raise Refused("not_measurable", f"What is counted in {line.burn_unit} is measured by {needed}.", path)


def _check_discount(part: Offer | QuoteLine, currency: str, digits: int, path: list[str]) -> None:
    if part.discount is None:
        return
    if part.discount_percent is not None:
        raise Refused("two_discounts", "Take off a percentage or an amount, not both.", [*path, "discount"])
    if part.discount.currency != currency:
        message = f"The offer is in {currency}, this discount in {part.discount.currency}."
        raise Refused("currency_differs", message, [*path, "discount"])
    if part.discount.amount_micros % 10 ** (6 - digits):
        smallest = Money(10 ** (6 - digits), currency)
        raise Refused("not_payable", f"The smallest amount of this currency is {smallest}.", [*path, "discount"])


def _check_numbers(offer: Offer) -> None:
    for number, times in Counter(line.number for line in offer.lines).items():
        if times > 1:
            raise Refused("number_repeated", f"{times} lines have the number {number}.", ["offer", "lines"])
    for name, group in offer.groups.items():
        if len(group) == 1:
            raise Refused("no_alternative", f"{name!r} has one line only; it needs another one.", ["offer", "lines"])


def _check_totals(offer: Offer, digits: int) -> None:
    """What is counted in money must come to some, however the rest is chosen; and the whole to what can be written."""
    everything = [line.number for line in offer.lines]
    if total(offer, digits, everything).subtotal > MOST_MICROS:
        raise Refused("out_of_range", "The offer comes to more than can be written.", ["offer", "lines"])
    for place, line in enumerate(offer.lines):
        if line.burn_unit is BurnUnit.MONEY and _may_come_to_nothing(offer, line, digits):
            raise Refused("nothing_left", "Discounts may leave nothing of this amount.", ["offer", "lines", str(place)])


def _may_come_to_nothing(offer: Offer, line: QuoteLine, digits: int) -> bool:
    """Whether there is a choice that leaves less than one coin of the line. It errs on the side of refusing."""
    unit: int = 10 ** (6 - digits)
    nets = nets_of(offer, digits)
    net = nets[line.number]
    if offer.discount is not None:
        least = sum(nets[number] for number in cheapest(offer, nets, line))
        return net * min(offer.discount.amount_micros, least) > (net - unit) * least
    percent = offer.discount_percent or 0
    return net < unit or (percent > 0 and 2 * net * percent + unit * WHOLE > 2 * (net - unit) * WHOLE)
