"""People: who works on what was promised, in roles that overlap."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, assert_never, get_args
from uuid import UUID

import msgspec

from .base import Command, Decider, Event, Fact, Refused, Role, about, own, text


class PersonRegistered(Event, frozen=True):
    """A person became known, with the roles they play."""

    name: str
    email: str | None = None
    roles: tuple[Role, ...] = ()


class RoleGranted(Event, frozen=True):
    """A person plays one more role from now on."""

    role: Role


class RoleRevoked(Event, frozen=True):
    """A person no longer plays a role."""

    role: Role


PersonEvent = PersonRegistered | RoleGranted | RoleRevoked

Person = Annotated[UUID, own("person", "The person.")]


class RegisterPerson(Command, frozen=True):
    """Make a person known. The id of the new person is the command's id."""

    name: Annotated[str, text("What the person is called.")]
    email: Annotated[str, text("Where mail reaches the person.", limit=254)] | None = None
    roles: Annotated[tuple[Role, ...], about("The roles the person plays; several at once are usual.")] = ()


class GrantRole(Command, frozen=True):
    """Let a person play one more role."""

    person: Person
    role: Annotated[Role, about("The role to grant.")]


class RevokeRole(Command, frozen=True):
    """End a role of a person; everything recorded under it stays as it is."""

    person: Person
    role: Annotated[Role, about("The role to revoke.")]


PersonCommand = RegisterPerson | GrantRole | RevokeRole


class PersonState(msgspec.Struct, frozen=True):
    name: str = ""
    email: str | None = None
    roles: tuple[Role, ...] = ()
    registered_at: datetime | None = None


def evolve(state: PersonState, fact: Fact) -> PersonState:
    match fact.event:
        case PersonRegistered(name=name, email=email, roles=roles):
            return PersonState(name, email, roles, fact.occurred_at)
        case RoleGranted(role=role):
            return msgspec.structs.replace(state, roles=tuple(sorted({*state.roles, role})))
        case RoleRevoked(role=role):
            return msgspec.structs.replace(state, roles=tuple(r for r in state.roles if r != role))
    return state


def decide(state: PersonState, command: PersonCommand, at: datetime) -> list[Event]:
    match command:
        case RegisterPerson():
            return register_person(command)
        case GrantRole():
            return grant_role(state, command)
        case RevokeRole():
            return revoke_role(state, command)
        case _:
            assert_never(command)


def register_person(command: RegisterPerson) -> list[Event]:
    if command.email is not None and "@" not in command.email:
        raise Refused("not_an_email", f"{command.email!r} is not an e-mail address.", ["email"])
    return [PersonRegistered(name=command.name, email=command.email, roles=tuple(sorted(set(command.roles))))]


def grant_role(state: PersonState, command: GrantRole) -> list[Event]:
    if command.role in state.roles:
        raise Refused("role_held", f"{state.name} already plays the role {command.role}.", ["role"])
    return [RoleGranted(role=command.role)]


def revoke_role(state: PersonState, command: RevokeRole) -> list[Event]:
    if command.role not in state.roles:
        raise Refused("role_not_held", f"{state.name} does not play the role {command.role}.", ["role"])
    return [RoleRevoked(role=command.role)]


decider = Decider(
    noun="person",
    initial=PersonState(),
    commands=get_args(PersonCommand),
    events=get_args(PersonEvent),
    decide=decide,
    evolve=evolve,
)
