"""The firm's time policy as it is now."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import BigInteger, Column, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from ..events.base import Fact
from ..events.time_policies import TimePolicyState
from .base import Change, Put


class TimePolicyRow(SQLModel, table=True):
    __tablename__ = "time_policies"

    id: UUID = Field(primary_key=True)
    name: str
    policy_version: int
    daily_cap_us: int = Field(sa_type=BigInteger)
    above_cap: str
    overlap: str
    late: str
    late_after_days: int
    burn: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    overrun: str
    adopted_at: datetime
    version: int
    position: int = Field(sa_type=BigInteger)


def project(state: TimePolicyState, fact: Fact) -> list[Change]:
    return [
        Put(
            "time_policies",
            {
                "id": fact.id,
                "name": state.name,
                "policy_version": state.policy_version,
                "daily_cap_us": state.daily_cap // timedelta(microseconds=1),
                "above_cap": state.above_cap,
                "overlap": state.overlap,
                "late": state.late,
                "late_after_days": state.late_after_days,
                "burn": state.burn,
                "overrun": state.overrun,
                "adopted_at": state.adopted_at,
                "version": fact.version,
                "position": fact.position,
            },
        )
    ]


TIME_POLICY = "select * from time_policies where id = $1::uuid"
