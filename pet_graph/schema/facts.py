"""Facts as clients see them: what happened, and how it came into the log."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec
import strawberry

from ..events import base
from .nodes import column
from .scalars import Json, Position


@strawberry.type(description="Something that happened, exactly as it stands in the log. It never changes.")
class Fact:
    position: Position = column("Its place among all facts.")
    stream: str = column("What it is about: the domain and the UUID, ticket-1b9d….")
    version: int = column("Its place among the facts of its stream, from 1.")
    type: str = column("What happened: TicketOpened, SlaBreached….")
    schema_version: int = column("The version of the shape in which it was written.")
    data: Json = column("What is known of it.")
    actor: str = column("Who asked for it: the subject of a token, or the clock.")
    authority: str = column("The role under which it was accepted.")
    origin: str = column("`internal`, or `external:` and the system that reported it.")
    command_id: UUID = column("The command that recorded it.")
    correlation: UUID = column("The errand that the command belonged to.")
    causation: Position | None = column("The fact that brought it about, if one did.")
    occurred_at: datetime = column("When it was so.")
    recorded_at: datetime = column("When PET learned of it.")
    seal: str = column("SHA-256 over all of this and the seal before it, in hexadecimal.", form="hex")

    @classmethod
    def of(cls, fact: base.Fact) -> Fact:
        return cls(
            position=Position(fact.position),
            stream=fact.stream,
            version=fact.version,
            type=fact.type,
            schema_version=fact.schema_version,
            data=Json(msgspec.json.decode(fact.data)),
            actor=fact.actor,
            authority=fact.authority,
            origin=fact.origin,
            command_id=fact.command_id,
            correlation=fact.correlation,
            causation=None if fact.causation is None else Position(fact.causation),
            occurred_at=fact.occurred_at,
            recorded_at=fact.recorded_at,
            seal=fact.seal.hex(),
        )


@strawberry.type(description="A page of the log.")
class FactPage:
    facts: list[Fact] = strawberry.field(description="Facts, oldest first.")
    cursor: Position = strawberry.field(description="Give it as `after` for the next page, or to a subscription.")
    has_more: bool = strawberry.field(description="Whether the log went on after this page.")


@strawberry.type(description="A fact, as it is recorded.")
class FactMessage:
    cursor: Position = strawberry.field(
        description="Give it as `after` to go on from here: nothing lost, nothing twice."
    )
    fact: Fact = strawberry.field(description="What happened.")


@strawberry.interface(description="A command was accepted, and this was recorded.")
class Recorded:
    facts: list[Fact] = strawberry.field(description="Everything the command recorded, reactions included.")
    position: Position = strawberry.field(description="Where the log stood then; reads from here on show it.")
    repeated: bool = strawberry.field(description="Whether this is the answer to an earlier command of the same id.")
    dry_run: bool = strawberry.field(description="Whether it was only rehearsed, and nothing was recorded.")
    row_id: strawberry.Private[UUID]
