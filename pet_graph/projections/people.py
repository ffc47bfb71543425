"""People as they are now, with the roles they play."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import BigInteger, Column, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from ..events.base import Fact
from ..events.people import PersonState
from .base import Change, Put


class PersonRow(SQLModel, table=True):
    __tablename__ = "people"

    id: UUID = Field(primary_key=True)
    name: str = Field(index=True)
    email: str | None
    roles: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    registered_at: datetime
    version: int
    position: int = Field(sa_type=BigInteger)


def project(state: PersonState, fact: Fact) -> list[Change]:
    return [
        Put(
            "people",
            {
                "id": fact.id,
                "name": state.name,
                "email": state.email,
                "roles": state.roles,
                "registered_at": state.registered_at,
                "version": fact.version,
                "position": fact.position,
            },
        )
    ]


async def roles(connection: asyncpg.Pool[Any]) -> dict[UUID, frozenset[str]]:
    """The roles that each person plays."""
    return {row["id"]: frozenset(row["roles"]) for row in await connection.fetch("select id, roles from people")}
