"""What clients may ask about customers."""

from __future__ import annotations

import strawberry

from ..events.customers import RegisterCustomer, RenameCustomer
from ..schema.connections import Connection
from ..schema.customers import Customer, CustomerFilter, CustomerOrder, CustomerRecorded, CustomerResult
from ..schema.links import find, listing
from .base import mutation


@strawberry.type
class CustomerQueries:
    customer: Customer | None = find("customers", description="One customer; null when there is none of this id.")
    customers: Connection[Customer] = listing(
        "customers", filter=CustomerFilter, order=CustomerOrder, description="Customers, page by page."
    )


@strawberry.type
class CustomerCommands:
    register_customer: CustomerResult = mutation(RegisterCustomer, CustomerRecorded, CustomerResult)
    rename_customer: CustomerResult = mutation(RenameCustomer, CustomerRecorded, CustomerResult)
