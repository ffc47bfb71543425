"""What clients may ask about actuals. They are posted by the approval of time alone."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Any

import strawberry

from ..context import Info
from ..events.base import Money
from ..projections.actuals import work_in_progress
from ..schema.actuals import (
    Actual,
    ActualFilter,
    ActualOrder,
    Age,
    BillingState,
    WorkInProgress,
    WorkInProgressPart,
)
from ..schema.connections import Connection
from ..schema.links import find, listing
from ..schema.nodes import id_of


@strawberry.type
class ActualQueries:
    actual: Actual | None = find("actuals", description="One line of actuals; null when there is none of this id.")
    actuals: Connection[Actual] = listing(
        "actuals", filter=ActualFilter, order=ActualOrder, description="Actuals line by line, page by page."
    )

    @strawberry.field(
        description="Billed against not billed: all time that counts, by what became of it and how old it is."
    )
    async def work_in_progress(
        self,
        info: Info,
        project: Annotated[
            strawberry.ID | None, strawberry.argument(description="Of this project; left out, of the whole firm.")
        ] = None,
        on: Annotated[
            date | None, strawberry.argument(description="The day from which ages are counted; left out, today in UTC.")
        ] = None,
    ) -> WorkInProgress:
        info.context.may_read()
        day = on or info.context.services.now().date()
        which = None if project is None else id_of("Project", project)
        rows = await work_in_progress(info.context.services.pool, which, day)
        parts = [_part(row) for row in rows if row["state"]]
        billed = (part.worked for part in parts if part.state is BillingState.BILLED)
        return WorkInProgress(
            on=day,
            worked=sum((part.worked for part in parts), timedelta()),
            billed=sum(billed, timedelta()),
            uncosted=timedelta(microseconds=sum(row["uncosted_us"] for row in rows)),
            parts=parts,
        )


def _part(row: Any) -> WorkInProgressPart:
    return WorkInProgressPart(
        state=BillingState(row["state"]),
        age=Age(str(row["until_days"])),
        worked=timedelta(microseconds=row["worked_us"]),
        amount=None if row["currency"] is None else Money(row["amount_micros"], row["currency"]),
        entries=row["entries"],
        oldest_on=row["oldest_on"],
    )
