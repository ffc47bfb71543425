"""People as clients see them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from .base import Role
from .connections import Connection
from .errors import result
from .facts import Recorded
from .filters import order, where
from .links import many, one
from .nodes import Node, column
from .scalars import Position
from .tickets import TicketFilter, TicketOrder

if TYPE_CHECKING:
    from .tickets import Ticket


@strawberry.type(description="Somebody who works on what was promised.")
class Person(Node):
    name: str = column("What the person is called.")
    email: str | None = column("Where mail reaches the person.")
    roles: list[Role] = column("The roles the person plays.")
    registered_at: datetime = column("When the person became known.")
    version: int = column("How many facts are recorded of the person; give it back as `expectedVersion`.")
    position: Position = column("The position of the newest of them.")
    tickets: Connection[Annotated["Ticket", strawberry.lazy(".tickets")]] = many(
        "tickets",
        by="assignee_id",
        filter=TicketFilter,
        order=TicketOrder,
        description="The tickets that the person looks after.",
    )


PersonOrder = order(
    "Person",
    "How people are ordered",
    "NAME",
    descending=False,
    NAME=("name", "By name."),
    REGISTERED_AT=("registered_at", "By when they became known."),
)


@strawberry.input(description="Which people.")
class PersonFilter:
    name: list[str] | None = where("name", "in", "Called one of these.")
    role: Role | None = where("roles", "holds", "Who play this role.")


@strawberry.type(description="A command about a person was accepted.")
class PersonRecorded(Recorded):
    person: Person | None = one(
        "people", by="row_id", description="The person as they are now; null when it was only rehearsed."
    )


PersonResult = result("PersonResult", PersonRecorded)
