"""What clients may ask about people."""

from __future__ import annotations

import strawberry

from ..events.people import GrantRole, RegisterPerson, RevokeRole
from ..schema.connections import Connection
from ..schema.links import find, listing
from ..schema.people import Person, PersonFilter, PersonOrder, PersonRecorded, PersonResult
from .base import mutation


@strawberry.type
class PersonQueries:
    person: Person | None = find("people", description="One person; null when there is none of this id.")
    people: Connection[Person] = listing(
        "people", filter=PersonFilter, order=PersonOrder, description="People, page by page."
    )


@strawberry.type
class PersonCommands:
    register_person: PersonResult = mutation(RegisterPerson, PersonRecorded, PersonResult)
    grant_role: PersonResult = mutation(GrantRole, PersonRecorded, PersonResult)
    revoke_role: PersonResult = mutation(RevokeRole, PersonRecorded, PersonResult)
