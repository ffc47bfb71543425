"""Tickets as they are now."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Index
from sqlmodel import Field, SQLModel

from ..events.base import Fact
from ..events.tickets import TicketState
from ..events.timelines import Trigger
from .base import Change, Put
from .durations import interval_rows


class TicketRow(SQLModel, table=True):
    __tablename__ = "tickets"
    __table_args__ = (
        Index("tickets_opened_at", "opened_at", "id"),
        Index("tickets_customer", "customer_id", "opened_at", "id"),
        Index("tickets_assignee", "assignee_id", "opened_at", "id"),
        Index("tickets_status", "status", "opened_at", "id"),
    )

    id: UUID = Field(primary_key=True)
    customer_id: UUID
    subject: str
    description: str
    reference: str | None = Field(index=True)
    service: str | None
    kind: str | None
    priority: str
    status: str
    assignee_id: UUID | None
    hold_reason: str | None
    waiting_on: str | None
    opened_at: datetime
    responded_at: datetime | None
    resolved_at: datetime | None
    closed_at: datetime | None
    merged_into_id: UUID | None
    messages: int
    version: int
    position: int = Field(sa_type=BigInteger)


def project(state: TicketState, fact: Fact) -> list[Change]:
    return [
        Put(
            "tickets",
            {
                "id": fact.id,
                "customer_id": state.customer,
                "subject": state.subject,
                "description": state.description,
                "reference": state.reference,
                "service": state.service,
                "kind": state.kind,
                "priority": state.priority,
                "status": state.status,
                "assignee_id": state.assignee,
                "hold_reason": state.hold_reason,
                "waiting_on": state.waiting_on,
                "opened_at": state.opened_at,
                "responded_at": state.responded_at,
                "resolved_at": state.resolved_at,
                "closed_at": state.closed_at,
                "merged_into_id": state.merged_into,
                "messages": sum(moment.trigger is Trigger.CUSTOMER_WROTE for moment in state.timeline),
                "version": fact.version,
                "position": fact.position,
            },
        ),
        *interval_rows(state.timeline, fact.id),
    ]
