"""Customers: the firms that PET's owner has made promises to."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, assert_never, get_args
from uuid import UUID

import msgspec

from .base import Command, Decider, Event, Fact, Refused, own, text


class CustomerRegistered(Event, frozen=True):
    """A customer became known."""

    name: str
    reference: str | None = None


class CustomerRenamed(Event, frozen=True):
    """A customer is called otherwise from now on."""

    name: str


CustomerEvent = CustomerRegistered | CustomerRenamed

Name = Annotated[str, text("What the customer is called.")]


class RegisterCustomer(Command, frozen=True):
    """Make a customer known. The id of the new customer is the command's id."""

    name: Name
    reference: Annotated[str, text("How another system calls this customer.", limit=64)] | None = None


class RenameCustomer(Command, frozen=True):
    """Call a customer otherwise from now on."""

    customer: Annotated[UUID, own("customer", "The customer.")]
    name: Name


CustomerCommand = RegisterCustomer | RenameCustomer


class CustomerState(msgspec.Struct, frozen=True):
    name: str = ""
    reference: str | None = None
    registered_at: datetime | None = None


def evolve(state: CustomerState, fact: Fact) -> CustomerState:
    match fact.event:
        case CustomerRegistered(name=name, reference=reference):
            return CustomerState(name, reference, fact.occurred_at)
        case CustomerRenamed(name=name):
            return msgspec.structs.replace(state, name=name)
    return state


def decide(state: CustomerState, command: CustomerCommand, at: datetime) -> list[Event]:
    match command:
        case RegisterCustomer():
            return [CustomerRegistered(name=command.name, reference=command.reference)]
        case RenameCustomer():
            return rename_customer(state, command)
        case _:
            assert_never(command)


def rename_customer(state: CustomerState, command: RenameCustomer) -> list[Event]:
    if command.name == state.name:
        raise Refused("unchanged", f"The customer is already called {state.name!r}.", ["name"])
    return [CustomerRenamed(name=command.name)]


decider = Decider(
    noun="customer",
    initial=CustomerState(),
    commands=get_args(CustomerCommand),
    events=get_args(CustomerEvent),
    decide=decide,
    evolve=evolve,
)
