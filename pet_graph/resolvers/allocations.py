"""What clients may ask of the ledger between hours and promises."""

from __future__ import annotations

import strawberry

from ..events import allocations
from ..schema.allocations import Allocation, AllocationFilter, AllocationOrder, AllocationRecorded, AllocationResult
from ..schema.connections import Connection
from ..schema.links import listing
from .base import mutation


@strawberry.type
class AllocationQueries:
    allocations: Connection[Allocation] = listing(
        "allocations",
        filter=AllocationFilter,
        order=AllocationOrder,
        description="The ledger between hours and promises, line by line.",
    )


@strawberry.type
class AllocationCommands:
    reallocate_time: AllocationResult = mutation(allocations.ReallocateTime, AllocationRecorded, AllocationResult)
    write_off_time: AllocationResult = mutation(allocations.WriteOffTime, AllocationRecorded, AllocationResult)
