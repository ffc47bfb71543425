"""How roots are made: a mutation for each command."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any

import strawberry

from ..context import Info
from ..decisions import Invalid, Outcome, Recorded
from ..events.base import Command, Refused
from ..events.checks import check
from ..schema.errors import error_of
from ..schema.facts import Fact
from ..schema.inputs import command_of, input_for
from ..schema.scalars import Position


class CommandFailed(Exception):
    """A command failed because of an error on our side; clients are told so, without the details."""


def recorded_fields(outcome: Recorded) -> dict[str, Any]:
    """What every type that says that something was recorded says."""
    return {
        "facts": [Fact.of(fact) for fact in outcome.facts],
        "position": Position(outcome.position),
        "repeated": outcome.repeated,
        "dry_run": outcome.dry_run,
    }


Meaning = Callable[[Any], Command]
"""What a client's command stands for, where PET has to look something up first. Raises `Refused`."""


def mutation(command: type[Command], recorded: Any, result: Any, meaning: Meaning | None = None) -> Any:
    """The field that asks for a command, or for its `meaning`, and answers with what it recorded or why it did not."""
    given_type = Annotated[input_for(command), strawberry.argument(description="What to record, and how.")]

    async def resolve(info: Info, input: Any) -> Any:
        outcome = await _outcome(info, command, input, meaning)
        if isinstance(outcome, Recorded):
            return recorded(row_id=outcome.facts[0].id, **recorded_fields(outcome))
        return error_of(outcome)

    resolve.__annotations__ |= {"info": Info, "input": given_type, "return": result}
    return strawberry.field(resolver=resolve, description=command.__doc__, metadata={"command": command})


async def _outcome(info: Info, command: type[Command], given: Any, meaning: Meaning | None) -> Outcome:
    made = command_of(command, given)
    if meaning and not isinstance(made, Invalid):
        made = await asyncio.to_thread(_meant, made, meaning)
    if isinstance(made, Invalid):
        return made
    [outcome] = await info.context.record_all([info.context.asked(made, given)], dry_run=given.dry_run)
    return outcome


def _meant(command: Command, meaning: Meaning) -> Command | Invalid:
    try:
        check(command)
        return meaning(command)
    except Refused as refused:
        return Invalid(refused.code, str(refused), refused.path)
