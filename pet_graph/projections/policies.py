"""SLA policies as they are now, and the targets of their present version."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import BigInteger, Column
from sqlalchemy.dialects.postgresql import JSON
from sqlmodel import Field, SQLModel

from ..events.base import Fact
from ..events.policies import PolicyState, SlaTarget
from .base import Change, Put
from .slas import policy_edits

MICROSECOND = timedelta(microseconds=1)


class PolicyRow(SQLModel, table=True):
    __tablename__ = "policies"

    id: UUID = Field(primary_key=True)
    name: str
    customer_id: UUID | None = Field(index=True)
    targets: str = Field(sa_column=Column(JSON, nullable=False))
    warn_at_percent: str = Field(sa_column=Column(JSON, nullable=False))
    policy_version: int
    valid_from: datetime
    open_clocks: str
    on_priority: str
    on_calendar: str
    calendar_id: UUID | None
    adopted_at: datetime
    retired_at: datetime | None
    version: int
    position: int = Field(sa_type=BigInteger)


def project(state: PolicyState, fact: Fact) -> list[Change]:
    newest, last = state.newest, state.versions[-1]
    assert newest is not None, "what is retired was adopted"
    return [
        Put(
            "policies",
            {
                "id": fact.id,
                "name": newest.name,
                "customer_id": state.customer,
                "targets": msgspec.json.encode([*map(_target, newest.targets)]).decode(),
                "warn_at_percent": msgspec.json.encode(newest.warn_at_percent).decode(),
                "policy_version": newest.version,
                "valid_from": newest.valid_from,
                "open_clocks": newest.open_clocks,
                "on_priority": newest.on_priority,
                "on_calendar": newest.on_calendar,
                "calendar_id": newest.calendar,
                "adopted_at": newest.adopted_at,
                "retired_at": last.valid_from if last.retired else None,
                "version": fact.version,
                "position": fact.position,
            },
        ),
        *policy_edits(state, fact.id),
    ]


def _target(target: SlaTarget) -> dict[str, Any]:
    return {
        "service": target.service,
        "kind": target.kind,
        "priority": target.priority,
        "response_us": _micros(target.response),
        "next_response_us": _micros(target.next_response),
        "update_us": _micros(target.update),
        "resolution_us": _micros(target.resolution),
        "others": [{"clock": other.clock, "span_us": _micros(other.span)} for other in target.others],
    }


def _micros(span: timedelta | None) -> int | None:
    return None if span is None else span // MICROSECOND


COMPUTED = {"warn_at_percent": "{row}.warn_at_percent"}
