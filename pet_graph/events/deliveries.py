"""Deliveries: how many units of what is owed a person handed over, and what shows it; taken back, never edited.

They stand in the obligation's stream. What is counted in hours or money is delivered by the time that people record.
"""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec

from .base import MOST_MICROS, Command, Event, Fact, Quantity, Reason, Refused, Stamp, about, own, part, ref, text
from .terms import OF_TIME, Terms

MOST_DELIVERIES = 500


class ObligationDelivered(Event, frozen=True):
    """A person said how many units were handed over, and what shows it. The delivery's id is that of the command."""

    person: UUID
    quantity_micros: Quantity
    evidence: str


class DeliveryReversed(Event, frozen=True):
    """A delivery counts for nothing from now on. It stays visible, and what is right is recorded anew."""

    delivery: UUID
    reason: str


Obligation = Annotated[UUID, own("obligation", "The obligation.")]


class DeliverObligation(Command, frozen=True):
    """Say, as a person, that units of what is owed were handed over. The id of the delivery is the command's id.

    More than was owed can be delivered. What is counted in hours or money is delivered by recording time.
    """

    obligation: Obligation
    person: Annotated[UUID, ref("person", "Who says so.")]
    quantity: Annotated[Quantity, about("How many units.", ge=1, le=MOST_MICROS)]
    evidence: Annotated[str, text("What shows it: a delivery note, a protocol, the numbers of tickets.", limit=1_000)]


class ReverseDelivery(Command, frozen=True):
    """Take a delivery back, also of an obligation that has ended. Record what is right as a new one."""

    obligation: Obligation
    delivery: Annotated[UUID, part("obligation_delivery", "The delivery.")]
    reason: Reason


class Delivery(msgspec.Struct, frozen=True, omit_defaults=True):
    """One delivery, as it was said, in the project in which it was then delivered, and what became of it."""

    id: UUID
    project: UUID | None
    said: ObligationDelivered
    since: Stamp
    position: int
    until: Stamp | None = None
    reason: str | None = None


def delivered_of(deliveries: tuple[Delivery, ...]) -> int:
    """In millionths: how many units were handed over, without what was taken back."""
    return sum(one.said.quantity_micros for one in deliveries if one.until is None)


def made(fact: Fact, said: ObligationDelivered, project: UUID | None) -> Delivery:
    return Delivery(fact.command_id, project, said, Stamp.of(fact), fact.position)


def without(deliveries: tuple[Delivery, ...], fact: Fact, gone: DeliveryReversed) -> tuple[Delivery, ...]:
    ended = {"until": Stamp.of(fact), "reason": gone.reason, "position": fact.position}
    return tuple(msgspec.structs.replace(one, **ended) if one.id == gone.delivery else one for one in deliveries)


def deliver_obligation(terms: Terms, deliveries: tuple[Delivery, ...], command: DeliverObligation) -> list[Event]:
    if terms.burn_unit in OF_TIME:
        message = f"What is counted in {terms.burn_unit} is delivered by the time that people record."
        raise Refused("delivered_by_time", message, ["quantity"])
    if len(deliveries) >= MOST_DELIVERIES:
        raise Refused("too_many_deliveries", f"An obligation takes {MOST_DELIVERIES} deliveries.")
    quantity = command.quantity
    return [ObligationDelivered(person=command.person, quantity_micros=quantity, evidence=command.evidence)]


def reverse_delivery(deliveries: tuple[Delivery, ...], command: ReverseDelivery) -> list[Event]:
    delivery = next((one for one in deliveries if one.id == command.delivery), None)
    if delivery is None:
        raise Refused("delivery_not_found", "Nothing of the obligation was delivered under this id.", ["delivery"])
    if delivery.until:
        raise Refused("already_reversed", "The delivery is reversed already.", ["delivery"])
    return [DeliveryReversed(delivery=command.delivery, reason=command.reason)]
