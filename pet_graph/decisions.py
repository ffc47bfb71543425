"""What a turn decides: commands, one after the other, on states that are loaded. Pure: no I/O, no wall clock."""

from __future__ import annotations

import hashlib
import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from . import log
from .authority import INTERNAL, authority_for
from .events import COMMANDS, EVENTS
from .events.base import Command, Event, Fact, Refused
from .events.checks import camel, check, own_field, references
from .events.policies import DEFAULT
from .events.reactions import REACTIONS, foresee
from .projections import fold

logger = logging.getLogger(__name__)

MOST_FACTS = 1_000
"""A command whose reactions go on for ever is a bug; it fails alone."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A command with who asks for it and how: everything a turn needs to know."""

    command: Command
    command_id: UUID
    actor: str
    roles: tuple[str, ...]
    origin: str = INTERNAL
    expected_version: int | None = None
    occurred_at: datetime | None = None
    correlation: UUID | None = None

    @property
    def name(self) -> str:
        return type(self.command).__name__

    @property
    def stream(self) -> str:
        return stream_of(self.command, self.command_id)

    def foreseen(self) -> Iterable[str]:
        """The streams that deciding this will look at, as far as can be known beforehand."""
        yield self.stream
        for reference, value in references(self.command):
            yield f"{reference.noun}-{value}"
        yield from (f"{noun}-{id_}" for noun, id_ in foresee(self.command, self.command_id))

    def input(self) -> dict[str, Any]:
        """What was asked, as plain data: two commands with equal input ask for the same."""
        fields = msgspec.to_builtins(self.command)
        how = {"expected_version": self.expected_version, "occurred_at": self.occurred_at}
        return {"command": self.name, "actor": self.actor, **fields, **msgspec.to_builtins(how)}


def stream_of(command: Command, command_id: UUID) -> str:
    """The stream a command is for. A command that starts a stream gives it its own id."""
    noun = COMMANDS[type(command).__name__][1].noun
    if noun == "policy":
        return f"policy-{getattr(command, 'customer', None) or DEFAULT}"
    own = own_field(type(command))
    return f"{noun}-{getattr(command, own.name) if own else command_id}"


# --- outcomes -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Recorded:
    """The command was accepted; `position` is where the log stood after it."""

    facts: tuple[Fact, ...]
    position: int
    repeated: bool = False
    dry_run: bool = False


@dataclass(frozen=True)
class Refusal:
    """The command was decided against; sent again, it gets this answer again."""

    code: str
    message: str
    path: tuple[str, ...] = ()
    current_version: int | None = None
    repeated: bool = False


NOT_ALONE = Refusal("not_alone", "Another command of this atomic request was refused, so this one was not recorded.")


@dataclass(frozen=True)
class Conflict:
    """The command id was used before for something else; `path` names the field that differs."""

    path: tuple[str, ...]
    message: str
    code: str = "command_id_conflict"


@dataclass(frozen=True)
class Invalid:
    """Not well formed, so it was not decided and the command id is still free."""

    code: str
    message: str
    path: tuple[str, ...] = ()


@dataclass(frozen=True)
class Failed:
    """A bug of ours; nothing was recorded."""

    code: str = "internal_error"
    message: str = "This command could not be recorded because of an error on our side; nothing was recorded."
    path: tuple[str, ...] = ()


Outcome = Recorded | Refusal | Conflict | Invalid | Failed


def invalid(asked: Asked, now: datetime) -> Invalid | None:
    """Why a command cannot even be decided, if so."""
    try:
        check(asked.command)
    except Refused as refused:
        return Invalid(refused.code, str(refused), refused.path)
    if asked.occurred_at and asked.occurred_at > now:
        return Invalid("in_the_future", f"occurredAt lies after now ({now:%Y-%m-%dT%H:%M:%S.%fZ}).", ("occurredAt",))
    return None


# --- a turn in the making -------------------------------------------------------------------------------------------


class _Missing(Exception):  # noqa: N818 - a question to the database, not an error
    pass


@dataclass
class Draft:
    """What a turn is going to write, and the states as they will be then. Drafts nest: a refused one is left out."""

    loaded: dict[str, tuple[Any, int]]
    position: int
    entry: int
    now: datetime
    parent: Draft | None = None
    states: dict[str, tuple[Any, int]] = field(default_factory=dict)
    facts: list[Fact] = field(default_factory=list)
    entries: list[log.Entry] = field(default_factory=list)
    changes: list[Any] = field(default_factory=list)
    answered: dict[UUID, tuple[bytes, Asked, Outcome]] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)

    def nested(self) -> Draft:
        return Draft(
            self.loaded, self.position, self.entry, self.now, self, answered=self.answered, missing=self.missing
        )

    def absorb(self, other: Draft) -> None:
        self.states |= other.states
        self.facts += other.facts
        self.entries += other.entries
        self.changes += other.changes
        self.position, self.entry = other.position, other.entry

    def state(self, stream: str) -> tuple[Any, int]:
        """State and version as of this moment in the turn."""
        draft: Draft | None = self
        while draft is not None:
            if stream in draft.states:
                return draft.states[stream]
            draft = draft.parent
        if stream not in self.loaded:
            self.missing.add(stream)
            raise _Missing(stream)
        return self.loaded[stream]

    def look(self, noun: str, id_: UUID) -> Any:
        return self.state(f"{noun}-{id_}")[0]

    def add(self, event: Event, stream: str, at: datetime, asked: Asked, authority: str, cause: int | None) -> Fact:
        state, version = self.state(stream)
        self.position += 1
        fact = Fact(
            position=self.position,
            stream=stream,
            version=version + 1,
            type=type(event).__name__,
            schema_version=EVENTS[type(event).__name__][1],
            event=event,
            data=log.encode(event),
            actor=asked.actor,
            authority=authority,
            origin=asked.origin,
            command_id=asked.command_id,
            correlation=asked.correlation or asked.command_id,
            causation=cause,
            occurred_at=event.occurred_at(at),
            recorded_at=self.now,
        )
        state, changes = fold(state, fact)
        self.states[stream] = (state, fact.version)
        self.facts.append(fact)
        self.changes += changes
        return fact


Prior = dict[UUID, tuple[log.Entry, list[Fact]]]


def decide_all(draft: Draft, asked: Sequence[Asked], prior: Prior, *, atomic: bool) -> list[Outcome]:
    """Decide commands in order, later ones seeing what earlier ones recorded. What is missing is noted in the draft."""
    if not atomic:
        return [_answer(draft, one, prior) for one in asked]
    together = draft.nested()
    together.answered = dict(draft.answered)
    outcomes = [_answer(together, one, prior) for one in asked]
    if all(isinstance(outcome, Recorded) for outcome in outcomes):
        draft.absorb(together)
        draft.answered = together.answered
        return outcomes
    return [_alone(draft, one, outcome) for one, outcome in zip(asked, outcomes, strict=True)]


def _alone(draft: Draft, asked: Asked, outcome: Outcome) -> Outcome:
    """What an atomic request that failed leaves behind: its refusals in the journal, and nothing else."""
    if isinstance(outcome, Recorded) and not outcome.repeated:
        return NOT_ALONE
    if isinstance(outcome, Refusal) and not outcome.repeated:
        _journal(draft, asked, "", outcome)
    return outcome


def _answer(draft: Draft, asked: Asked, prior: Prior) -> Outcome:
    digest = _digest(asked)
    if asked.command_id in prior:
        return _again(asked, digest, *prior[asked.command_id])
    if asked.command_id in draft.answered:
        return _again_in_turn(asked, digest, *draft.answered[asked.command_id])
    attempt = draft.nested()
    authority = ""
    try:
        authority = authority_for(asked.name, asked.roles, asked.origin)
        outcome: Outcome = _record(attempt, asked, authority)
    except Refused as refused:
        outcome = Refusal(refused.code, str(refused), refused.path, refused.current_version)
    except _Missing:
        return Failed()
    except Exception:
        logger.exception("%s failed", asked.name)
        return Failed()
    if isinstance(outcome, Recorded):
        draft.absorb(attempt)
    _journal(draft, asked, authority, outcome)
    draft.answered[asked.command_id] = (digest, asked, outcome)
    return outcome


def _record(draft: Draft, asked: Asked, authority: str) -> Recorded:
    _, version = draft.state(asked.stream)
    _exists(draft, asked, version)
    if asked.expected_version is not None and asked.expected_version != version:
        message = f"You expected version {asked.expected_version}; the current one is {version}."
        raise Refused("version_conflict", message, ["expectedVersion"], current_version=version)
    todo: deque[tuple[Command, datetime, int | None]] = deque([(asked.command, asked.occurred_at or draft.now, None)])
    while todo:
        command, at, cause = todo.popleft()
        stream = stream_of(command, asked.command_id)
        decider = COMMANDS[type(command).__name__][1]
        for event in decider.decide(draft.state(stream)[0], command, at):
            fact = draft.add(event, stream, at, asked, authority, cause)
            todo.extend((reaction, at, fact.position) for reaction in _reactions(fact, draft.look))
        if len(draft.facts) > MOST_FACTS:
            raise RuntimeError(f"{asked.name} records more than {MOST_FACTS} facts")
    return Recorded(tuple(draft.facts), draft.position)


def _reactions(fact: Fact, look: Callable[[str, UUID], Any]) -> list[Command]:
    react = REACTIONS.get(type(fact.event))
    return react(fact, look) if react else []


def _exists(draft: Draft, asked: Asked, version: int) -> None:
    """Everything a command names must be there; what it starts must not."""
    own = own_field(type(asked.command))
    if own and version == 0:
        raise Refused(f"{own.noun}_not_found", f"There is no such {own.noun}.", [camel(own.name)])
    for reference, value in references(asked.command):
        if draft.state(f"{reference.noun}-{value}")[1] == 0:
            raise Refused(f"{reference.noun}_not_found", f"There is no such {reference.noun}.", [camel(reference.name)])


# --- the same command again -----------------------------------------------------------------------------------------


def _digest(asked: Asked) -> bytes:
    return hashlib.sha256(msgspec.json.encode(asked.input(), order="sorted")).digest()


def _again(asked: Asked, digest: bytes, entry: log.Entry, facts: list[Fact]) -> Outcome:
    if digest != entry.input_hash:
        return _conflict(asked.input(), msgspec.json.decode(entry.input))
    if entry.refusal is not None:
        return replace(msgspec.json.decode(entry.refusal, type=Refusal), repeated=True)
    return Recorded(tuple(facts), entry.last_position or 0, repeated=True)


def _again_in_turn(asked: Asked, digest: bytes, first: bytes, first_asked: Asked, outcome: Outcome) -> Outcome:
    if digest != first:
        return _conflict(asked.input(), first_asked.input())
    return replace(outcome, repeated=True) if isinstance(outcome, Recorded | Refusal) else outcome


def _conflict(now: dict[str, Any], before: dict[str, Any]) -> Conflict:
    name = next(key for key in (*now, *before) if now.get(key) != before.get(key))
    return Conflict((camel(name),), f"This command id was used before with another {camel(name)}.")


def _journal(draft: Draft, asked: Asked, authority: str, outcome: Outcome) -> None:
    recorded = outcome if isinstance(outcome, Recorded) else None
    positions = [fact.position for fact in recorded.facts] if recorded else []
    draft.entry += 1
    draft.entries.append(
        log.Entry(
            entry=draft.entry,
            command_id=asked.command_id,
            command=asked.name,
            input=msgspec.json.encode(asked.input()).decode(),
            input_hash=_digest(asked),
            stream=asked.stream,
            actor=asked.actor,
            authority=authority,
            origin=asked.origin,
            first_position=positions[0] if positions else None,
            last_position=positions[-1] if positions else None,
            refusal=None if recorded else msgspec.json.encode(outcome).decode(),
            recorded_at=draft.now,
        )
    )
