"""Words that several domains share, with what clients are told of them."""

from __future__ import annotations

from enum import Enum
from typing import Any

import strawberry

from ..events.base import BurnRule, BurnUnit, Money, Priority, Quantity, Role
from ..events.spans import SegmentKind

__all__ = ["BurnRule", "BurnUnit", "Money", "Priority", "Quantity", "Role", "SegmentKind", "described"]


def described(enum: type[Enum], description: str, **values: str) -> Any:
    """Let clients see an enum of the domain, with a description of each value."""
    strawberry.enum(enum, description=description)
    for value in enum.__strawberry_definition__.values:  # type: ignore[attr-defined]
        value.description = values[value.name]
    return enum


described(
    Priority,
    "How pressing a request is.",
    LOW="It can wait.",
    NORMAL="It takes its turn.",
    HIGH="It goes before others.",
    URGENT="Everything else waits.",
)
described(
    BurnRule,
    "Where to look for the promise that hours burn.",
    NAMED="The promise that the entry names.",
    TASK="The promise that its task keeps.",
    PROJECT="Those promises of the quote that its project was started from that fit the role, line by line.",
)
described(
    BurnUnit,
    "What an obligation is counted in while it is delivered.",
    HOURS="Working time.",
    MONEY="An amount of money, as under a retainer.",
    HARDWARE_UNITS="Pieces of hardware.",
    SOFTWARE_UNITS="Pieces of software: licences, seats.",
    PERIOD="Periods of a service: months of support.",
    MILESTONE="Milestones that are reached.",
    TICKETS="Tickets that are dealt with.",
)
described(
    Role,
    "A part that people play; one person may play several at once.",
    SALES="Makes promises to customers.",
    PROJECT_MANAGER="Sees to it that projects deliver what was promised.",
    ENGINEER="Does the work.",
    SUPPORT="Works at the support desk.",
    FINANCE="Looks after money.",
    MANAGER="Sets policies and grants roles.",
    PARTNER="Works for another firm.",
    INTEGRATION="Is a program of an outside system.",
)
described(
    SegmentKind,
    "What becomes of a stretch of time.",
    BUSINESS="It counts.",
    CLOSED="It is outside working hours.",
    HOLIDAY="It would count on that weekday, but the date is a holiday.",
    PAUSED="It would count, but work waits for somebody else.",
)
