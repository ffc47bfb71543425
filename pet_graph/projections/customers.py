"""Customers as they are now."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel

from ..events.base import Fact
from ..events.customers import CustomerState
from .base import Change, Put


class CustomerRow(SQLModel, table=True):
    __tablename__ = "customers"

    id: UUID = Field(primary_key=True)
    name: str = Field(index=True)
    reference: str | None
    registered_at: datetime
    version: int
    position: int = Field(sa_type=BigInteger)


def project(state: CustomerState, fact: Fact) -> list[Change]:
    return [
        Put(
            "customers",
            {
                "id": fact.id,
                "name": state.name,
                "reference": state.reference,
                "registered_at": state.registered_at,
                "version": fact.version,
                "position": fact.position,
            },
        )
    ]
