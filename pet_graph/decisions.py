"""What a turn decides: commands, one after the other, on states that are loaded. Pure: no I/O, no wall clock."""

from __future__ import annotations

import hashlib
import logging
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

import msgspec

from . import log
from .authority import INTERNAL, authority_for
from .events import COMMANDS, EVENTS
from .events.base import Command, Event, Fact, Refused
from .events.checks import Reference, camel, check, own_field, references
from .events.policies import DEFAULT
from .events.reactions import FORESIGHT, REACTIONS, foresee, informed
from .projections import evolved

logger = logging.getLogger(__name__)

MOST_FACTS = 1_000
"""A command whose reactions go on for ever is a bug; it fails alone."""


class Asked(msgspec.Struct, frozen=True, kw_only=True, dict=True):
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

    @cached_property
    def stream(self) -> str:
        return stream_of(self.command, self.command_id)

    @cached_property
    def references(self) -> list[tuple[Reference, str]]:
        """The other things that the command names, with their streams."""
        return [(named, f"{named.noun}-{named.id}") for named in references(self.command)]

    def foreseen(self) -> list[str]:
        """The streams that deciding this will look at, as far as can be known beforehand."""
        return [
            self.stream,
            *[stream for _, stream in self.references],
            *[f"{noun}-{id_}" for noun, id_ in foresee(self.command, self.command_id)],
        ]

    def input(self) -> dict[str, Any]:
        """What was asked: two commands with equal input ask for the same."""
        how = {"expected_version": self.expected_version, "occurred_at": self.occurred_at}
        return {"command": self.name, "actor": self.actor, **msgspec.structs.asdict(self.command), **how}

    @cached_property
    def input_json(self) -> bytes:
        return msgspec.json.encode(self.input(), order="sorted")

    @cached_property
    def input_hash(self) -> bytes:
        return hashlib.sha256(self.input_json).digest()


def stream_of(command: Command, command_id: UUID) -> str:
    """The stream a command is for. A command that starts a stream gives it its own id."""
    decider = COMMANDS[type(command).__name__][1]
    noun = decider.noun
    if noun == "policy":
        return f"policy-{getattr(command, 'customer', None) or DEFAULT}"
    if (key := decider.key(command)) is not None:
        return f"{noun}-{key}"
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


class _Missing(Exception):
    pass


@dataclass
class Draft:
    """What a turn is going to write, and the states as they will be then. Drafts nest: a refused one is left out.

    Facts and entries are sealed as they are made, because one follows on the other.
    """

    loaded: dict[str, tuple[Any, int]]
    now: datetime
    position: int = 0
    seal: bytes = log.GENESIS
    entry: int = 0
    journal_seal: bytes = log.GENESIS
    parent: Draft | None = None
    states: dict[str, tuple[Any, int]] = field(default_factory=dict)
    facts: list[Fact] = field(default_factory=list)
    entries: list[log.Entry] = field(default_factory=list)
    answered: dict[UUID, tuple[Asked, Outcome]] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)

    @classmethod
    def after(cls, head: log.Head, loaded: dict[str, tuple[Any, int]], now: datetime) -> Draft:
        """An empty draft that follows on the log as it is."""
        return cls(loaded, max(now, head.recorded_at), head.position, head.seal, head.entry, head.journal_seal)

    def nested(self) -> Draft:
        ends = (self.position, self.seal, self.entry, self.journal_seal)
        return Draft(self.loaded, self.now, *ends, self, missing=self.missing)

    def absorb(self, other: Draft) -> None:
        self.states |= other.states
        self.facts += other.facts
        self.entries += other.entries
        self.answered |= other.answered
        self.position, self.seal = other.position, other.seal
        self.entry, self.journal_seal = other.entry, other.journal_seal

    def answer(self, command_id: UUID) -> tuple[Asked, Outcome] | None:
        """The command that came with this id earlier in the turn, and its answer."""
        draft: Draft | None = self
        while draft is not None:
            if command_id in draft.answered:
                return draft.answered[command_id]
            draft = draft.parent
        return None

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

    def look_ahead(self, streams: Iterable[str]) -> None:
        """Note together all of these that are missing."""
        for stream in streams:
            with suppress(_Missing):
                self.state(stream)

    def add(self, event: Event, stream: str, at: datetime, asked: Asked, authority: str, cause: int | None) -> Fact:
        state, version = self.state(stream)
        name = type(event).__name__
        unsealed = Fact(
            position=self.position + 1,
            stream=stream,
            version=version + 1,
            type=name,
            schema_version=EVENTS[name][1],
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
        fact = log.sealed_fact(self.seal, unsealed)
        self.position, self.seal = fact.position, fact.seal
        self.states[stream] = (evolved(state, fact), fact.version)
        self.facts.append(fact)
        return fact

    def note(self, entry: log.Entry) -> None:
        """Add an entry to the journal, at its end."""
        if entry.entry != self.entry + 1:
            entry = msgspec.structs.replace(entry, entry=self.entry + 1)
        sealed = log.sealed_entry(self.journal_seal, entry)
        self.entry, self.journal_seal = sealed.entry, sealed.seal
        self.entries.append(sealed)


Prior = dict[UUID, tuple[log.Entry, list[Fact]]]


def decide_all(draft: Draft, asked: Sequence[Asked], prior: Prior, *, atomic: bool) -> list[Outcome]:
    """Decide commands in order, later ones seeing what earlier ones recorded. What is missing is noted in the draft."""
    if not atomic:
        return [_answer(draft, one, prior) for one in asked]
    together = draft.nested()
    outcomes = [_answer(together, one, prior) for one in asked]
    if all(isinstance(outcome, Recorded) for outcome in outcomes):
        draft.absorb(together)
        return outcomes
    before = {one.command_id for one in asked if one.command_id in prior or draft.answer(one.command_id)}
    _keep_refusals(draft, together)
    return [
        NOT_ALONE if isinstance(outcome, Recorded) and one.command_id not in before else outcome
        for one, outcome in zip(asked, outcomes, strict=True)
    ]


def _keep_refusals(draft: Draft, together: Draft) -> None:
    """What an atomic request that failed leaves behind: its refusals in the journal, and nothing else."""
    for entry in together.entries:
        if entry.refusal is not None:
            draft.note(entry)
            draft.answered[entry.command_id] = together.answered[entry.command_id]


def _answer(draft: Draft, asked: Asked, prior: Prior) -> Outcome:
    if asked.command_id in prior:
        return _again(asked, *prior[asked.command_id])
    if earlier := draft.answer(asked.command_id):
        return _again_in_turn(asked, *earlier)
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
    draft.note(_entry(draft, asked, authority, outcome))
    draft.answered[asked.command_id] = (asked, outcome)
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
        stream = asked.stream if cause is None else stream_of(command, asked.command_id)
        decider = COMMANDS[type(command).__name__][1]
        for event in decider.decide(draft.state(stream)[0], informed(command, draft.look), at):
            fact = draft.add(event, stream, at, asked, authority, cause)
            todo.extend((reaction, at, fact.position) for reaction in _reactions(fact, draft))
        if len(draft.facts) > MOST_FACTS:
            raise RuntimeError(f"{asked.name} records more than {MOST_FACTS} facts")
    return Recorded(tuple(draft.facts), draft.position)


def _reactions(fact: Fact, draft: Draft) -> list[Command]:
    """What a fact asks of others. Streams that its reaction looks at, or asks something of, are loaded together."""
    kind = type(fact.event)
    if kind in FORESIGHT:
        draft.look_ahead(f"{noun}-{id_}" for noun, id_ in FORESIGHT[kind](fact, draft.look))
    commands = REACTIONS[kind](fact, draft.look) if kind in REACTIONS else []
    draft.look_ahead(stream_of(command, fact.command_id) for command in commands)
    return commands


def _exists(draft: Draft, asked: Asked, version: int) -> None:
    """Everything a command names must be there; what it starts must not."""
    own = own_field(type(asked.command))
    if own and version == 0:
        raise Refused(f"{own.noun}_not_found", f"There is no such {own.noun}.", [camel(own.name)])
    for named, stream in asked.references:
        if draft.state(stream)[1] == 0:
            raise Refused(f"{named.noun}_not_found", f"There is no such {named.noun}.", named.path)


# --- the same command again -----------------------------------------------------------------------------------------


def _again(asked: Asked, entry: log.Entry, facts: list[Fact]) -> Outcome:
    if asked.input_hash != entry.input_hash:
        return _conflict(asked, entry.input)
    if entry.refusal is not None:
        return replace(msgspec.json.decode(entry.refusal, type=Refusal), repeated=True)
    return Recorded(tuple(facts), entry.last_position or 0, repeated=True)


def _again_in_turn(asked: Asked, first: Asked, outcome: Outcome) -> Outcome:
    if asked.input_hash != first.input_hash:
        return _conflict(asked, first.input_json)
    return replace(outcome, repeated=True) if isinstance(outcome, Recorded | Refusal) else outcome


def _conflict(asked: Asked, first: str | bytes) -> Conflict:
    now, before = msgspec.json.decode(asked.input_json), msgspec.json.decode(first)
    name = next(key for key in (*asked.input(), *before) if now.get(key) != before.get(key))
    return Conflict((camel(name),), f"This command id was used before with another {camel(name)}.")


def _entry(draft: Draft, asked: Asked, authority: str, outcome: Outcome) -> log.Entry:
    recorded = outcome if isinstance(outcome, Recorded) else None
    positions = [fact.position for fact in recorded.facts] if recorded else []
    return log.Entry(
        entry=draft.entry + 1,
        command_id=asked.command_id,
        command=asked.name,
        input=asked.input_json.decode(),
        input_hash=asked.input_hash,
        stream=asked.stream,
        actor=asked.actor,
        authority=authority,
        origin=asked.origin,
        first_position=positions[0] if positions else None,
        last_position=positions[-1] if positions else None,
        refusal=None if recorded else msgspec.json.encode(outcome).decode(),
        recorded_at=draft.now,
    )
