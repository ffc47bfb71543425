"""What clients may ask of the log itself: facts of every domain, by id, page by page, recorded many at once, live."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from functools import cache
from typing import Annotated, Any
from uuid import UUID

import strawberry
from strawberry.types.arguments import InputContext
from strawberry.types.base import get_object_definition

from .. import log
from ..authority import CLIENT_COMMANDS
from ..context import Info
from ..decisions import Asked, Invalid, Outcome, Recorded
from ..events import COMMANDS, EVENTS
from ..events.checks import camel
from ..projections.answers import Facts, Ids
from ..projections.streams import noun_of
from ..schema import NODES, facts
from ..schema.errors import error_of, result
from ..schema.facts import FactPage
from ..schema.inputs import NODE_NAMES, command_of, field_name, input_for
from ..schema.links import Stretch, Things, scalar
from ..schema.nodes import Node, bad_input, check_count, global_id, local_id, shown, text
from ..schema.scalars import Position
from .base import recorded_fields
from .verdicts import After

MOST_COMMANDS = 200
MOST_THINGS = 100
MOST_FACTS = 1_000
Types = Annotated[
    list[str] | None, strawberry.argument(description="Only facts of these types: TicketOpened, SlaBreached…")
]
Streams = Annotated[
    list[str] | None, strawberry.argument(description="Only facts of these streams: ticket-1b9d…, sla-1b9d…")
]


# --- reading ----------------------------------------------------------------------------------------------------------


@strawberry.type
class FactQueries:
    @strawberry.field(
        description="Anything by its global id; null when there is nothing of this id.",
        metadata={"link": Things(lambda id: _asked([id]))},
    )
    async def node(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Its global id.")]
    ) -> Node | None:
        info.context.may_read()
        [found] = await _things(info, _asked([id]))
        return found

    @strawberry.field(
        description="Many things by their global ids, in the order asked; null where there is nothing.",
        metadata={"link": Things(lambda ids: _asked(ids), several=True)},
    )
    async def nodes(
        self,
        info: Info,
        ids: Annotated[list[strawberry.ID], strawberry.argument(description="Their global ids, at most 100.")],
    ) -> list[Node | None]:
        info.context.may_read()
        return await _things(info, _asked(ids))

    position: Position = scalar(log.LAST_POSITION, description="The position of the newest fact.")

    @strawberry.field(
        description="The log itself, page by page, oldest first.",
        metadata={"link": Stretch(log.RELATION, lambda **given: _stretch(**given))},
    )
    async def facts(
        self,
        info: Info,
        first: Annotated[int, strawberry.argument(description="At most so many facts, 1 to 1,000.")],
        after: Annotated[Position | None, strawberry.argument(description="Begin after this cursor.")] = None,
        types: Types = None,
        streams: Streams = None,
    ) -> FactPage:
        info.context.may_read()
        asked = _stretch(first, after, types, streams)
        found = await log.read(
            info.context.services.pool, asked.after, limit=first + 1, types=asked.types, streams=asked.streams
        )
        page = found[:first]
        cursor = page[-1].position if page else asked.after
        return FactPage(
            facts=[facts.Fact.of(fact) for fact in page], cursor=Position(cursor), has_more=len(found) > first
        )


def _asked(ids: Sequence[str]) -> Ids:
    """Type and UUID of each. Raises GraphQLError."""
    if len(ids) > MOST_THINGS:
        raise bad_input(f"`ids` has {len(ids)} items; at most {MOST_THINGS} fit.")
    return Ids(tuple(map(_thing, ids)))


def _thing(id_: str) -> tuple[str, UUID]:
    try:
        name, row_id = local_id(id_)
    except ValueError as error:
        raise bad_input(f"{error}.") from error
    if name not in NODES:
        raise bad_input(f"There is no type {name!r}.")
    return name, row_id


async def _things(info: Info, asked: Ids) -> list[Node | None]:
    rows = await asyncio.gather(*(info.context.row(NODES[name][0]).load(id_) for name, id_ in asked.things))
    return [row and NODES[name][1].of(row) for row, (name, _) in zip(rows, asked.things, strict=True)]


def _stretch(
    first: int,
    after: int | None = None,
    types: Sequence[str] | None = None,
    streams: Sequence[str] | None = None,
) -> Facts:
    """Which facts are asked for. Raises GraphQLError."""
    check_count("first", first, MOST_FACTS)
    _known(types)
    wanted = None if streams is None else tuple(text(stream) for stream in streams)
    return Facts(after or 0, first, None if types is None else tuple(types), wanted)


def _known(types: Sequence[str] | None) -> None:
    for name in types or ():
        if name not in EVENTS:
            raise bad_input(f"There is no fact of the type {shown(name)}.")


# --- recording --------------------------------------------------------------------------------------------------------


@strawberry.type(description="A command was accepted.")
class CommandRecorded(facts.Recorded):
    id: strawberry.ID = strawberry.field(description="The global id of what the command is about.")

    @strawberry.field(description="What the command is about, as it is now; null when its start was only rehearsed.")
    async def node(self, info: Info) -> Node | None:
        [found] = await _things(info, _asked([self.id]))
        return found


CommandOutcome = result("CommandOutcome", CommandRecorded)


def _command_input() -> Any:
    """One field a command; a client gives exactly one of them."""
    namespace: dict[str, Any] = {"__annotations__": {}}
    for name in CLIENT_COMMANDS:
        python_name = field_name(name)
        namespace["__annotations__"][python_name] = input_for(COMMANDS[name][0]) | None
        namespace[python_name] = strawberry.field(default=strawberry.UNSET, description=COMMANDS[name][0].__doc__)
    made = type("CommandInput", (), namespace)
    declared: Any = strawberry.input(made, one_of=True, description="Any command: give exactly one.")
    get_object_definition(declared, strict=True).from_input = _the_one_given
    return declared


def _the_one_given(declared: Any, value: Mapping[str, Any], how: InputContext) -> Any:
    """The input of a command. Strawberry would look for every command that there is, for each one that is given."""
    [(name, given)] = value.items()
    python_name, kind = _inputs_by_name(declared)[name]
    return declared(**{python_name: how.convert(given, kind, name)})


@cache
def _inputs_by_name(declared: Any) -> dict[str, tuple[str, Any]]:
    definition = get_object_definition(declared, strict=True)
    return {
        camel(field.python_name): (field.python_name, field.resolve_type(type_definition=definition))
        for field in definition.fields
    }


CommandInput = _command_input()
COMMANDS_BY_FIELD = {field_name(name): COMMANDS[name][0] for name in CLIENT_COMMANDS}


@strawberry.type(description="What became of many commands.")
class RecordAllResult:
    outcomes: list[CommandOutcome] = strawberry.field(description="One for each command, in order.")
    recorded: int = strawberry.field(description="How many were recorded, now or before.")
    position: Position = strawberry.field(description="Where the log stood after them; reads from here on show them.")


@strawberry.type
class FactCommands:
    @strawberry.mutation(
        description="Record many commands in one turn: nothing else is recorded between them, and each is answered "
        "for itself. The door for scripts and for importing history."
    )
    async def record_all(
        self,
        info: Info,
        commands: Annotated[
            list[CommandInput], strawberry.argument(description="The commands, in order; at most 200.")
        ],
        atomic: Annotated[
            bool, strawberry.argument(description="Record all or, if one of them is not accepted, none.")
        ] = False,
        dry_run: Annotated[
            bool, strawberry.argument(description="Answer what would be recorded, and record nothing.")
        ] = False,
    ) -> RecordAllResult:
        if len(commands) > MOST_COMMANDS:
            raise bad_input(f"`commands` has {len(commands)} items; at most {MOST_COMMANDS} fit.")
        made = [_made(info, command) for command in commands]
        outcomes = await _record(info, made, atomic=atomic, dry_run=dry_run)
        positions = [outcome.position for outcome in outcomes if isinstance(outcome, Recorded)]
        position = max(positions, default=0) or await log.last_position(info.context.services.pool)
        return RecordAllResult(
            outcomes=[_outcome(outcome) for outcome in outcomes],
            recorded=len(positions),
            position=Position(position),
        )


async def _record(info: Info, made: list[Asked | Invalid], *, atomic: bool, dry_run: bool) -> list[Outcome]:
    """Well-formed commands go to the turn together; the others are answered without it."""
    if atomic and any(isinstance(one, Invalid) for one in made):
        alone = Invalid("not_alone", "Another command of this atomic request is not well formed.")
        return [one if isinstance(one, Invalid) else alone for one in made]
    asked = [one for one in made if isinstance(one, Asked)]
    answers = iter(await info.context.record_all(asked, atomic=atomic, dry_run=dry_run))
    return [one if isinstance(one, Invalid) else next(answers) for one in made]


def _made(info: Info, given: Any) -> Asked | Invalid:
    [(name, input_)] = [(name, value) for name, value in vars(given).items() if value is not strawberry.UNSET]
    command = COMMANDS_BY_FIELD[name]
    if input_.dry_run:
        return Invalid("dry_run_of_one", "Rehearse all commands or none: use dryRun of recordAll.", ("dryRun",))
    made = command_of(command, input_)
    return made if isinstance(made, Invalid) else info.context.asked(made, input_)


def _outcome(outcome: Outcome) -> Any:
    if not isinstance(outcome, Recorded):
        return error_of(outcome)
    first = outcome.facts[0]
    name = NODE_NAMES[noun_of(first.stream)]
    id_ = strawberry.ID(global_id(name, first.id))
    return CommandRecorded(row_id=first.id, id=id_, **recorded_fields(outcome))


# --- following --------------------------------------------------------------------------------------------------------


@strawberry.type
class FactSubscriptions:
    @strawberry.subscription(description="Every fact, as it is recorded.")
    async def facts(
        self, info: Info, after: After = None, types: Types = None, streams: Streams = None
    ) -> AsyncGenerator[facts.FactMessage, None]:
        _known(types)
        async for fact in info.context.follow(after):
            if (types is None or fact.type in types) and (streams is None or fact.stream in streams):
                yield facts.FactMessage(cursor=Position(fact.position), fact=facts.Fact.of(fact))
