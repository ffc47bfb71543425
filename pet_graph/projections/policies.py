"""SLA policies as they are now, and the targets of their present version."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import BigInteger, Column
from sqlalchemy.dialects.postgresql import JSON
from sqlmodel import Field, SQLModel

from ..events.base import Fact
from ..events.policies import PolicyState
from .base import Change, Put


class PolicyRow(SQLModel, table=True):
    __tablename__ = "policies"

    id: UUID = Field(primary_key=True)
    name: str
    customer_id: UUID | None = Field(index=True)
    targets: str = Field(sa_column=Column(JSON, nullable=False))
    warn_at_percent: str = Field(sa_column=Column(JSON, nullable=False))
    policy_version: int
    adopted_at: datetime
    retired_at: datetime | None
    version: int
    position: int = Field(sa_type=BigInteger)


def project(state: PolicyState, fact: Fact) -> list[Change]:
    targets = [
        {
            "priority": target.priority,
            "response_seconds": target.response and target.response.total_seconds(),
            "resolution_seconds": target.resolution and target.resolution.total_seconds(),
        }
        for target in state.targets
    ]
    return [
        Put(
            "policies",
            {
                "id": fact.id,
                "name": state.name,
                "customer_id": state.customer,
                "targets": msgspec.json.encode(targets).decode(),
                "warn_at_percent": msgspec.json.encode(state.warn_at_percent).decode(),
                "policy_version": state.policy_version,
                "adopted_at": state.adopted_at,
                "retired_at": state.retired_at,
                "version": fact.version,
                "position": fact.position,
            },
        )
    ]


COMPUTED = {"warn_at_percent": "{row}.warn_at_percent"}
