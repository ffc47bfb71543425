"""What clients may ask about actuals. They are posted by the approval of time alone."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import strawberry

from ..projections.actuals import WORK_IN_PROGRESS
from ..projections.answers import Given
from ..schema.actuals import Actual, ActualFilter, ActualOrder, WorkInProgress
from ..schema.connections import Connection
from ..schema.links import find, listing, row
from ..schema.nodes import id_of


def _of(
    project: Annotated[
        strawberry.ID | None, strawberry.argument(description="Of this project; left out, of the whole firm.")
    ] = None,
    on: Annotated[
        date | None, strawberry.argument(description="The day from which ages are counted; left out, today in UTC.")
    ] = None,
) -> Given:
    return Given((None if project is None else id_of("Project", project), on and on.isoformat()))


@strawberry.type
class ActualQueries:
    actual: Actual | None = find("actuals", description="One line of actuals; null when there is none of this id.")
    actuals: Connection[Actual] = listing(
        "actuals", filter=ActualFilter, order=ActualOrder, description="Actuals line by line, page by page."
    )
    work_in_progress: WorkInProgress = row(
        WORK_IN_PROGRESS,
        _of,
        description="Billed against not billed: all time that counts, by what became of it and how old it is.",
    )
