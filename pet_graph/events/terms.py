"""Terms: what an obligation owes, and whether that can be measured."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated

import msgspec

from .base import WORK_ROLE, BurnUnit, Money, Quantity, Refused

OF_TIME = (BurnUnit.HOURS, BurnUnit.MONEY)
"""Units that are burnt by the time that people record."""


class Terms(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is owed. Hours burn `effort`, money burns `amount`, every other unit burns `quantity_micros`."""

    description: str
    burn_unit: BurnUnit
    amount: Money
    quantity_micros: Quantity | None = None
    effort: timedelta | None = None
    role: Annotated[str, WORK_ROLE] | None = None
    promised_by: date | None = None


def check_terms(terms: Terms) -> None:
    """Refuse terms that cannot be measured: each unit burns exactly one number, and it is more than nothing."""
    effort, quantity = terms.effort, terms.quantity_micros
    match terms.burn_unit:
        case BurnUnit.HOURS:
            measurable = quantity is None and effort is not None and effort > timedelta()
        case BurnUnit.MONEY:
            measurable = quantity is None and effort is None and terms.amount.amount_micros > 0
        case _:
            measurable = effort is None and quantity is not None and quantity > 0
    if not measurable:
        message = f"What is owed in {terms.burn_unit} needs a number of them, more than nothing, and no other number."
        raise Refused("not_measurable", message, ["terms"])
