"""What every domain is made of: events, commands, refusals, deciders and recorded facts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Any, Generic, NewType, TypeVar
from uuid import UUID

import msgspec


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Something that happened, in the past tense. Its class name is the `type` in the log."""

    def occurred_at(self, at: datetime) -> datetime:
        """When it was so: the instant of the command, unless the event itself knows better (a deadline does)."""
        return at


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """Something asked for, in the imperative. Fields carry their own limits and descriptions (see `text`, `ref`)."""


class Refused(Exception):
    """A decision not to record anything: `code` is for programs, `message` is a sentence for people."""

    def __init__(
        self, code: str, message: str, path: Sequence[str] = (), *, current_version: int | None = None
    ) -> None:
        super().__init__(message)
        self.code, self.message, self.path, self.current_version = code, message, tuple(path), current_version


class Fact(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An event as it stands in the log, with everything that is known of how it came there."""

    position: int
    stream: str
    version: int
    type: str
    schema_version: int
    event: Event
    data: str
    actor: str
    authority: str
    origin: str
    command_id: UUID
    correlation: UUID
    causation: int | None
    occurred_at: datetime
    recorded_at: datetime
    seal: bytes = b""

    @property
    def id(self) -> UUID:
        """The id of the thing that the stream is about."""
        return id_of(self.stream)


@lru_cache(maxsize=4_096)
def id_of(stream: str) -> UUID:
    """`ticket-8d1f…` is about the ticket with the id `8d1f…`; asked for many times while a command is decided."""
    return msgspec.convert(stream.partition("-")[2], UUID)


class Stamp(msgspec.Struct, frozen=True, array_like=True):
    """When something began or ceased to be so: its place in the log, and both its instants."""

    position: int
    occurred_at: datetime
    recorded_at: datetime

    @classmethod
    def of(cls, fact: Fact) -> Stamp:
        return cls(fact.position, fact.occurred_at, fact.recorded_at)


Look = Callable[[str, UUID], Any]
"""`look(noun, id)`: the state of a stream; a stream that never was has the initial state of its domain."""

S = TypeVar("S")


@dataclass(frozen=True)
class Decider(Generic[S]):
    """One domain: what may be asked of it, what may happen, how it decides and how it remembers.

    `decide` may refuse; `evolve` never fails, because what has happened cannot be refused any more.
    """

    noun: str
    initial: S
    commands: tuple[type[Command], ...]
    events: tuple[type[Event], ...]
    decide: Callable[[S, Any, datetime], list[Event]]
    evolve: Callable[[S, Fact], S]
    key: Callable[[Any], UUID | None] = lambda command: None
    """The stream of a command that names it by other means than its id (a person and a day); else None."""


# --- what the fields of commands say of themselves ---------------------------------------------------------------

ONE_LINE = 200
PARAGRAPHS = 10_000


def text(description: str, *, limit: int = ONE_LINE, optional: bool = False) -> Any:
    """Metadata of a text of at most `limit` characters; not blank unless optional."""
    lengths = {"min_length": 0 if optional else 1, "max_length": limit}
    return about(f"{description} At most {limit} characters.", **lengths)


def about(description: str, **limits: Any) -> Any:
    """Metadata of any other field; `limits` are ge, le, min_length, max_length.

    They bind whoever asks, not the log: a fact loads even if it was recorded under wider limits.
    """
    return msgspec.Meta(description=description, extra=limits)


def own(noun: str, description: str) -> Any:
    """Metadata of the field that names the stream a command is for."""
    return msgspec.Meta(description=description, extra={"noun": noun, "own": True})


def ref(noun: str, description: str) -> Any:
    """Metadata of a field that names another thing, which must exist."""
    return msgspec.Meta(description=description, extra={"noun": noun, "own": False})


def part(noun: str, description: str) -> Any:
    """Metadata of a field that names a part of a stream (an entry of a timesheet); the decision looks it up itself."""
    return msgspec.Meta(description=description, extra={"noun": noun, "own": False, "part": True})


class Role(StrEnum):
    """The parts people play; one person may play several at once."""

    SALES = "sales"
    PROJECT_MANAGER = "project_manager"
    ENGINEER = "engineer"
    SUPPORT = "support"
    FINANCE = "finance"
    MANAGER = "manager"
    PARTNER = "partner"
    INTEGRATION = "integration"


class Priority(StrEnum):
    """How pressing a request is."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    URGENT = "urgent"


Reason = Annotated[str, text("Why, in a sentence.", limit=1_000)]


WORK_ROLE: Any = text("The role in which the work is done, as the firm calls it: Senior consultant.", limit=64)
"""What is sold and priced by role; it has nothing to do with the rights that a `Role` gives."""


class BurnUnit(StrEnum):
    """What an obligation is counted in while it is delivered."""

    HOURS = "hours"
    MONEY = "money"
    HARDWARE_UNITS = "hardware_units"
    SOFTWARE_UNITS = "software_units"
    PERIOD = "period"
    MILESTONE = "milestone"
    TICKETS = "tickets"


class BurnRule(StrEnum):
    """Where to look for the promise that hours burn."""

    NAMED = "named"
    TASK = "task"
    PROJECT = "project"


# --- exact numbers ------------------------------------------------------------------------------------------------

MICROS = 1_000_000
MOST_MICROS = 10**18 - 1
"""What amounts and quantities may come to, either way: twelve digits and six decimals."""

Quantity = NewType("Quantity", int)
"""How many, in millionths."""


def decimal(micros: int, places: int = 0) -> str:
    """Millionths as an exact decimal number, with at least so many places: `2.5`, `1234.50`."""
    units, rest = divmod(abs(micros), MICROS)
    decimals = f"{rest:06d}".rstrip("0").ljust(places, "0")
    return f"{'-' if micros < 0 else ''}{units}{'.' if decimals else ''}{decimals}"


class Money(msgspec.Struct, frozen=True):
    """An amount in millionths of a currency unit, and the currency's ISO 4217 code."""

    amount_micros: int
    currency: str

    def __str__(self) -> str:
        return f"{decimal(self.amount_micros, 2)} {self.currency}"
