"""Verdicts that clients may follow, as they are recorded."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from typing import Annotated, Any
from uuid import UUID

import strawberry

from ..context import Info
from ..events.clocks import SlaKind
from ..events.verdicts import SlaBreached, SlaWarned, Verdict
from ..schema.nodes import id_of
from ..schema.scalars import Position
from ..schema.verdicts import SlaBreach, SlaVerdict, SlaVerdictFilter, SlaWarning, verdict_of

After = Annotated[
    Position | None,
    strawberry.argument(description='Begin after this cursor: "0" for all that ever was; left out, from now on.'),
]
Which = Annotated[SlaVerdictFilter | None, strawberry.argument(description="Only those of which all of this holds.")]


@strawberry.type
class VerdictSubscriptions:
    @strawberry.subscription(
        description="Every breach, as it is recorded, at whatever hour. Quiet hours belong to whoever delivers alerts."
    )
    async def sla_breaches(
        self, info: Info, after: After = None, filter: Which = None
    ) -> AsyncGenerator[SlaBreach, None]:
        async with aclosing(_followed(info, after, filter, SlaBreached)) as verdicts:
            async for verdict in verdicts:
                yield verdict

    @strawberry.subscription(
        description="Every warning, as it is recorded, at whatever hour. Quiet hours belong to whoever delivers alerts."
    )
    async def sla_warnings(
        self, info: Info, after: After = None, filter: Which = None
    ) -> AsyncGenerator[SlaWarning, None]:
        async with aclosing(_followed(info, after, filter, SlaWarned)) as verdicts:
            async for verdict in verdicts:
                yield verdict

    @strawberry.subscription(description="Everything that is said of clocks, as it is recorded: restatements as well.")
    async def sla_verdicts(
        self, info: Info, after: After = None, filter: Which = None
    ) -> AsyncGenerator[SlaVerdict, None]:
        async with aclosing(_followed(info, after, filter, Verdict)) as verdicts:
            async for verdict in verdicts:
                yield verdict


async def _followed(
    info: Info, after: int | None, filter: SlaVerdictFilter | None, kind: type[Verdict]
) -> AsyncGenerator[Any, None]:
    wanted = _wanted(filter)
    async with aclosing(info.context.follow(after)) as facts:
        async for fact in facts:
            if isinstance(fact.event, kind) and wanted(fact.event):
                yield verdict_of(fact)


def _wanted(filter: SlaVerdictFilter | None) -> Callable[[Verdict], bool]:
    if filter is None:
        return lambda verdict: True
    customers, assignees = _ids("Customer", filter.customer), _ids("Person", filter.assignee)
    policies = _ids("SlaPolicy", filter.policy)
    return lambda verdict: (
        (customers is None or verdict.customer in customers)
        and (assignees is None or verdict.assignee in assignees)
        and (policies is None or verdict.policy in policies)
        and (filter.priority is None or verdict.priority in filter.priority)
        and (filter.kind is None or SlaKind.of(verdict.kind) is filter.kind)
        and (filter.name is None or verdict.kind in filter.name)
    )


def _ids(name: str, ids: Iterable[strawberry.ID] | None) -> set[UUID] | None:
    return None if ids is None else {id_of(name, id_) for id_ in ids}
