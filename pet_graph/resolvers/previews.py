"""What clients may ask about edits of policies and calendars before they record them."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import strawberry

from ..context import Info
from ..decisions import Invalid, Recorded
from ..events.base import Command
from ..events.calendars import AddCalendarExceptions, AmendCalendar, RemoveCalendarExceptions
from ..events.holidays import AcceptHolidays, RejectHolidays
from ..events.policies import AdoptSlaPolicy, RetireSlaPolicy
from ..previews import preview
from ..schema.errors import error_of
from ..schema.inputs import command_of, field_name, input_for
from ..schema.nodes import bad_input, check_count, shown
from ..schema.previews import SlaMove, SlaPreview, SlaPreviewResult

MOST_TICKETS = 1_000
EDITS: dict[str, type[Command]] = {
    field_name(command.__name__): command
    for command in (
        AdoptSlaPolicy,
        RetireSlaPolicy,
        AmendCalendar,
        AddCalendarExceptions,
        RemoveCalendarExceptions,
        AcceptHolidays,
        RejectHolidays,
    )
}


def _edit_input() -> Any:
    namespace: dict[str, Any] = {"__annotations__": {name: input_for(edit) | None for name, edit in EDITS.items()}}
    for name, edit in EDITS.items():
        namespace[name] = strawberry.field(default=strawberry.UNSET, description=edit.__doc__)
    made = type("SlaEditInput", (), namespace)
    return strawberry.input(made, one_of=True, description="An edit that clocks may follow: give exactly one.")


SlaEditInput = _edit_input()


@strawberry.type
class PreviewQueries:
    @strawberry.field(
        description="Which clocks an edit of a policy or a calendar would move, and how, before it is recorded. "
        "Whoever may record the edit may ask. The command id stays free."
    )
    async def sla_preview(
        self,
        info: Info,
        edit: Annotated[SlaEditInput, strawberry.argument(description="The edit, as it would be recorded.")],
        first: Annotated[int, strawberry.argument(description="Look at so many tickets, 1 to 1,000.")] = 100,
        after: Annotated[str | None, strawberry.argument(description="Begin after this cursor.")] = None,
    ) -> SlaPreviewResult:
        info.context.may_read()
        check_count("first", first, MOST_TICKETS)
        begin = _cursor(after)
        [(name, given)] = [(name, value) for name, value in vars(edit).items() if value is not strawberry.UNSET]
        made = command_of(EDITS[name], given)
        if isinstance(made, Invalid):
            return error_of(made)
        [outcome] = await info.context.record_all([info.context.asked(made, given)], dry_run=True)
        if not isinstance(outcome, Recorded):
            return error_of(outcome)
        if outcome.repeated:
            return error_of(Invalid("recorded_already", "This edit is recorded already.", ("commandId",)))
        services = info.context.services
        found = await preview(services.pool, outcome.facts, services.now(), first, begin)
        return SlaPreview(
            moves=[SlaMove.of(move) for move in found.moves],
            tickets=len(found.tickets),
            has_more=found.more,
            end_cursor=str(found.tickets[-1]) if found.tickets else None,
        )


def _cursor(after: str | None) -> str:
    try:
        return str(UUID(after)) if after else ""
    except ValueError as error:
        raise bad_input(f"{shown(after)} is no cursor of a preview.") from error
