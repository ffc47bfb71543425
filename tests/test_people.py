"""People: registered, given roles that overlap, relieved of them, and remembered."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from conftest import NOON, World
from given import given

from pet_graph.decisions import Refusal
from pet_graph.events.base import Role
from pet_graph.events.people import GrantRole, PersonRegistered, RegisterPerson, RevokeRole, RoleGranted, RoleRevoked

PERSON = UUID(int=1)
ADA = PersonRegistered(name="Ada", email="ada@example.org", roles=(Role.ENGINEER, Role.SUPPORT))

# --- decides ----------------------------------------------------------------------------------------------------------


def test_a_person_is_registered_with_each_role_once_and_in_order() -> None:
    roles = (Role.SUPPORT, Role.ENGINEER, Role.SUPPORT)
    given().when(RegisterPerson(name="Ada", email="ada@example.org", roles=roles)).then(ADA)


def test_a_person_needs_neither_mail_nor_roles() -> None:
    given().when(RegisterPerson(name="Ada")).then(PersonRegistered(name="Ada"))


def test_mail_cannot_reach_a_person_without_an_at_sign() -> None:
    given().when(RegisterPerson(name="Ada", email="ada.example.org")).refused("not_an_email", "email")


@pytest.mark.parametrize("role", [role for role in Role if role not in ADA.roles])
def test_a_role_that_a_person_does_not_play_is_granted_and_not_revoked(role: Role) -> None:
    given(ADA).when(GrantRole(person=PERSON, role=role)).then(RoleGranted(role=role))
    given(ADA).when(RevokeRole(person=PERSON, role=role)).refused("role_not_held", "role")


@pytest.mark.parametrize("role", ADA.roles)
def test_a_role_that_a_person_plays_is_revoked_and_not_granted(role: Role) -> None:
    given(ADA).when(GrantRole(person=PERSON, role=role)).refused("role_held", "role")
    given(ADA).when(RevokeRole(person=PERSON, role=role)).then(RoleRevoked(role=role))


def test_a_role_that_was_granted_can_be_revoked_and_granted_again() -> None:
    granted, revoked = RoleGranted(role=Role.MANAGER), RoleRevoked(role=Role.MANAGER)
    given(ADA, granted).when(RevokeRole(person=PERSON, role=Role.MANAGER)).then(revoked)
    given(ADA, granted, revoked).when(GrantRole(person=PERSON, role=Role.MANAGER)).then(granted)


# --- remembers --------------------------------------------------------------------------------------------------------


async def test_a_person_is_remembered_with_the_roles_they_play_now(world: World) -> None:
    register = RegisterPerson(name="Ada", email="ada@example.org", roles=(Role.ENGINEER, Role.SUPPORT))
    await world.record(register, id=PERSON)
    await world.record(GrantRole(person=PERSON, role=Role.MANAGER))
    await world.record(RevokeRole(person=PERSON, role=Role.ENGINEER))
    assert await world.rows("people") == [
        {
            "id": PERSON,
            "name": "Ada",
            "email": "ada@example.org",
            "roles": ["manager", "support"],
            "registered_at": NOON,
            "version": 3,
            "position": 3,
        }
    ]


async def test_a_person_without_roles_is_remembered_too(world: World) -> None:
    person = await world.person("Ada")
    [row] = await world.rows("people")
    assert (row["id"], row["email"], row["roles"]) == (person, None, [])


async def test_a_role_is_not_granted_twice(world: World) -> None:
    person = await world.person("Ada", Role.SUPPORT)
    before = await world.facts()
    outcome = await world.ask(GrantRole(person=person, role=Role.SUPPORT))
    assert isinstance(outcome, Refusal)
    assert (outcome.code, outcome.path) == ("role_held", ("role",))
    assert await world.facts() == before


async def test_nobody_gets_a_role_who_is_not_known(world: World) -> None:
    outcome = await world.ask(GrantRole(person=uuid4(), role=Role.SUPPORT))
    assert isinstance(outcome, Refusal)
    assert (outcome.code, outcome.path) == ("person_not_found", ("person",))
    assert await world.facts() == []
