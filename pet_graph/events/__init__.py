"""Every domain, event and command by name; a stored name is looked up here and nowhere else."""

from __future__ import annotations

from typing import Any

from . import (
    actuals,
    allocations,
    approval_limits,
    bookings,
    calendars,
    customers,
    leads,
    milestones,
    numbers,
    obligations,
    opportunities,
    people,
    policies,
    projects,
    quotes,
    rates,
    slas,
    tasks,
    tickets,
    time_entries,
    time_policies,
)
from .base import Command, Decider, Event
from .upcasts import UPCASTS as UPCASTS

ROWS = (
    actuals,
    approval_limits,
    allocations,
    bookings,
    calendars,
    customers,
    leads,
    milestones,
    numbers,
    obligations,
    opportunities,
    people,
    policies,
    projects,
    quotes,
    rates,
    slas,
    tasks,
    tickets,
    time_entries,
    time_policies,
)

DECIDERS: dict[str, Decider[Any]] = {row.decider.noun: row.decider for row in ROWS}

EVENTS: dict[str, tuple[type[Event], int]] = {
    event.__name__: (event, 1 + sum(name == event.__name__ for name, _ in UPCASTS))
    for decider in DECIDERS.values()
    for event in decider.events
}
"""Stored type -> the class that reads it and the schema version it is written in."""

COMMANDS: dict[str, tuple[type[Command], Decider[Any]]] = {
    command.__name__: (command, decider) for decider in DECIDERS.values() for command in decider.commands
}
