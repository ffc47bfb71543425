"""Every node by its GraphQL name: the table it is a row of, and its type."""

from __future__ import annotations

from typing import Any

from . import customers, obligations, people, policies, slas, tickets

NODES: dict[str, tuple[str, Any]] = {
    "Customer": ("customers", customers.Customer),
    "Obligation": ("obligations", obligations.Obligation),
    "Person": ("people", people.Person),
    "SlaClock": ("sla_clocks", slas.SlaClock),
    "SlaPolicy": ("policies", policies.SlaPolicy),
    "Ticket": ("tickets", tickets.Ticket),
}
