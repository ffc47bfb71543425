"""What clients may ask about SLA clocks at risk."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime, timedelta
from typing import Annotated

import msgspec
import strawberry

from ..context import Info
from ..projections.risks import Risk, at_risk
from ..schema.connections import MOST, Connection, Edge, PageInfo
from ..schema.filters import conditions
from ..schema.nodes import bad_input, check_count, shown
from ..schema.risks import SlaAtRisk, SlaAtRiskFilter

LONGEST = timedelta(days=366)
about = strawberry.argument


class Place(msgspec.Struct, array_like=True, frozen=True):
    """What a cursor holds: as of when the list is, and after which clock the next page begins.

    All pages of a list are as of one instant: what is left of a clock changes with time, and the places with it.
    """

    at: Annotated[datetime, msgspec.Meta(tz=True)]
    after: Risk

    def cursor(self) -> str:
        return urlsafe_b64encode(msgspec.json.encode(self)).decode().rstrip("=")

    @classmethod
    def of(cls, cursor: str, now: datetime) -> Place:
        """Raises GraphQLError."""
        try:
            place = msgspec.json.decode(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), type=cls)
            if place.at <= now:
                return place
        except (ValueError, TypeError, OverflowError):
            pass
        raise bad_input(f"{shown(cursor)} is not a cursor of this list.")


@strawberry.type
class RiskQueries:
    @strawberry.field(
        description="Open clocks that breach within so much working time, counted from now on each clock's own "
        "calendar, unless what was promised is done: those with the least working time left first. A clock that "
        "stands still is not due; what is breached is no risk any more. All pages are as of the first one's instant."
    )
    async def slas_at_risk(
        self,
        info: Info,
        within: Annotated[timedelta, about(description="How much working time: PT8H. At most 366 days.")],
        first: Annotated[int, about(description="The first so many, 1 to 100.")],
        after: Annotated[str | None, about(description="Begin after this cursor.")] = None,
        filter: Annotated[SlaAtRiskFilter | None, about(description="Only those of which all of this holds.")] = None,
    ) -> Connection[SlaAtRisk]:
        info.context.may_read()
        if not timedelta() < within <= LONGEST:
            raise bad_input(f"`within` is {within}; more than nothing and at most {LONGEST.days} days fit.")
        check_count("first", first, MOST)
        now = info.context.instant()
        place = None if after is None else Place.of(after, now)
        at = place.at if place else now
        found = await at_risk(info.context.services.pool, within, at, conditions(filter))
        left = [risk for risk in found if place is None or risk > place.after]
        return _page(left[:first], at, len(found), goes_on=len(left) > first, continues=place is not None)


def _page(risks: list[Risk], at: datetime, total: int, *, goes_on: bool, continues: bool) -> Connection[SlaAtRisk]:
    edges = [
        Edge(
            node=SlaAtRisk(row_id=risk.clock, due_at=risk.due_at, remaining_business=risk.remaining),
            cursor=Place(at, risk).cursor(),
        )
        for risk in risks
    ]
    info = PageInfo(
        has_next_page=goes_on,
        has_previous_page=continues,
        start_cursor=edges[0].cursor if edges else None,
        end_cursor=edges[-1].cursor if edges else None,
    )
    return Connection(edges=edges, nodes=[edge.node for edge in edges], page_info=info, total=total)
