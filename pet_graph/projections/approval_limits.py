"""Approval limits as they are now, one for each currency that has one."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel

from ..events.approval_limits import ApprovalLimitState
from ..events.base import Fact
from .base import Change, Put


class ApprovalLimitRow(SQLModel, table=True):
    __tablename__ = "approval_limits"

    id: UUID = Field(primary_key=True)
    currency: str = Field(index=True)
    amount_micros: int = Field(sa_type=BigInteger)
    adopted_at: datetime
    version: int
    position: int = Field(sa_type=BigInteger)


def project(state: ApprovalLimitState, fact: Fact) -> list[Change]:
    assert state.limit is not None, "a limit that was adopted is one"
    return [
        Put(
            "approval_limits",
            {
                "id": fact.id,
                "currency": state.limit.currency,
                "amount_micros": state.limit.amount_micros,
                "adopted_at": state.adopted_at,
                "version": fact.version,
                "position": fact.position,
            },
        )
    ]
