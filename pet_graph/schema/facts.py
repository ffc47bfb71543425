"""Facts as clients see them: what happened, and how it came into the log."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec
import strawberry

from ..events import base
from .scalars import Json, Position


@strawberry.type(description="Something that happened, exactly as it stands in the log. It never changes.")
class Fact:
    position: Position = strawberry.field(description="Its place among all facts.")
    stream: str = strawberry.field(description="What it is about: the domain and the UUID, ticket-1b9d….")
    version: int = strawberry.field(description="Its place among the facts of its stream, from 1.")
    type: str = strawberry.field(description="What happened: TicketOpened, SlaBreached….")
    schema_version: int = strawberry.field(description="The version of the shape in which it was written.")
    data: Json = strawberry.field(description="What is known of it.")
    actor: str = strawberry.field(description="Who asked for it: the subject of a token, or the clock.")
    authority: str = strawberry.field(description="The role under which it was accepted.")
    origin: str = strawberry.field(description="`internal`, or `external:` and the system that reported it.")
    command_id: UUID = strawberry.field(description="The command that recorded it.")
    correlation: UUID = strawberry.field(description="The errand that the command belonged to.")
    causation: Position | None = strawberry.field(description="The fact that brought it about, if one did.")
    occurred_at: datetime = strawberry.field(description="When it was so.")
    recorded_at: datetime = strawberry.field(description="When PET learned of it.")
    seal: str = strawberry.field(description="SHA-256 over all of this and the seal before it, in hexadecimal.")

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
