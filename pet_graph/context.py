"""What one operation carries: who asks, what time it is, its loaders, and the hands to record and to follow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Hashable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Protocol, TypeAlias, get_args
from uuid import UUID

import asyncpg
import msgspec
import strawberry
from aiodataloader import DataLoader
from graphql import GraphQLError

from . import log
from .authority import scope_of
from .cases import load_cases
from .decisions import Asked, Outcome
from .events.base import Fact
from .events.verdicts import SlaEvent, Verdict
from .feed import Feed
from .projections import questions, rows_of, state_after, streams
from .projections.answers import Given
from .projections.base import Put
from .projections.durations import intervals_of
from .projections.questions import Page
from .standing import Standing
from .tokens import Viewer
from .turn import Turns

SLA_VERDICTS = tuple(event.__name__ for event in get_args(SlaEvent) if issubclass(event, Verdict))

NOUN_OF_TABLE = {
    "approval_limits": "approval_limit",
    "calendars": "calendar",
    "customers": "customer",
    "leads": "lead",
    "obligations": "obligation",
    "opportunities": "opportunity",
    "people": "person",
    "policies": "policy",
    "milestones": "milestone",
    "projects": "project",
    "tasks": "task",
    "quotes": "quote",
    "tickets": "ticket",
}
EXPIRED = "The token has expired: subscribe again with a new one and your last cursor."


class AsOf(msgspec.Struct, frozen=True):
    """A past moment, on one of the axes: a position, an instant of recording, or an instant of occurrence.

    `reached_at` is when the log reached the position.
    """

    position: int | None = None
    recorded_at: datetime | None = None
    occurred_at: datetime | None = None
    reached_at: datetime | None = None

    def of(self, facts: Sequence[Fact]) -> list[Fact]:
        """The facts that this moment knows, in the order that its axis tells them."""
        if self.position is not None:
            return [fact for fact in facts if fact.position <= self.position]
        if self.recorded_at is not None:
            return [fact for fact in facts if fact.recorded_at <= self.recorded_at]
        assert self.occurred_at is not None
        so_then = [fact for fact in facts if fact.occurred_at <= self.occurred_at]
        return sorted(so_then, key=lambda fact: (fact.occurred_at, fact.position))


class Loader(DataLoader[Any, Any]):
    """A loader whose answer survives a caller that is cancelled: other branches may wait for the same one."""

    def load(self, key: Any) -> asyncio.Future[Any]:
        return asyncio.shield(super().load(key))


class Entities(Protocol):
    """Answers with a row by its id in one statement, whatever is selected of it."""

    async def find(self, info: Info, table: str, id_: UUID) -> bytes | None:
        """The JSON of what the field selects; `null` if there is no such row, None when it cannot be answered so."""


@dataclass
class Services:
    """What a process has once, for all operations."""

    pool: asyncpg.Pool[Any]
    turns: Turns
    feed: Feed
    standing: Standing
    now: Callable[[], datetime]


@dataclass
class Place:
    """Where a subscription stands in the log.

    One subscriber catches up and then is handed on by `join`, with its position and whether it began with the next
    fact. A group, which is many, begins after `begin` whatever its members gave as `after`.
    """

    begin: int | None = None
    join: Callable[..., None] | None = None
    at: int = 0
    """The position of the fact that is being shown; 0 before the first."""


@dataclass
class Context:
    """Made anew for every operation; a subscription gets new loaders for every event."""

    services: Services
    viewer: Viewer | None = None
    place: Place = field(default_factory=Place)
    answered: frozenset[str] = frozenset()
    """The response keys of root fields that are answered already."""
    entities: Entities | None = None
    """Who answers with rows by their ids in one statement each; without it they are loaded field by field."""
    loaders: dict[Hashable, DataLoader[Any, Any]] = field(default_factory=dict)

    def fork(self) -> Context:
        """The same asker, with nothing loaded yet."""
        return Context(self.services, self.viewer, self.place, self.answered, self.entities)

    def may_read(self) -> None:
        """Refuse those who may not read. Raises GraphQLError."""
        if scope_of(self.known_viewer.roles) is None:
            raise GraphQLError("Your roles do not let you read this.", extensions={"code": "FORBIDDEN"})

    @property
    def known_viewer(self) -> Viewer:
        if self.viewer is None:
            raise GraphQLError("Send a token: Authorization: Bearer …", extensions={"code": "UNAUTHENTICATED"})
        return self.viewer

    def _still_known(self) -> None:
        """Refuse to go on once the token has expired. Raises GraphQLError."""
        expires_at = self.known_viewer.expires_at
        if expires_at is not None and self.services.now().timestamp() >= expires_at:
            raise GraphQLError(EXPIRED, extensions={"code": "UNAUTHENTICATED"})

    # --- reading ----------------------------------------------------------------------------------------------------

    def instant(self, as_of: AsOf | None = None) -> datetime:
        """Now, or the instant that a past moment stands for."""
        now = self.services.now()
        return min(now, (as_of and (as_of.reached_at or as_of.recorded_at or as_of.occurred_at)) or now)

    async def fetch(self, sql: str, given: Given) -> list[Any]:
        """What a query of SQL answers; `{now}` in it is the present instant."""
        parameters = [*given.values]
        if "{now}" in sql:
            parameters.append(self.instant())
            sql = sql.replace("{now}", f"${len(parameters)}::timestamptz")
        rows: list[Any] = await self.services.pool.fetch(sql, *parameters)
        return rows

    def row(self, table: str) -> DataLoader[Any, Any]:
        """Loads rows of a table by id."""

        async def load(ids: list[Any]) -> list[Any]:
            found = await questions.by_ids(self.services.pool, table, ids)
            return [found.get(id_) for id_ in ids]

        return self._loader(("row", table), load)

    def rows(self, page: Page, by: str) -> DataLoader[Any, Any]:
        """Loads the same page under each of many parents."""

        async def load(parents: list[Any]) -> list[Any]:
            found = await questions.pages(self.services.pool, page, by, parents)
            return [found[parent] for parent in parents]

        return self._loader(("rows", page, by), load)

    def totals(self, page: Page, by: str) -> DataLoader[Any, Any]:
        """Loads the lengths of the same list under each of many parents."""

        async def load(parents: list[Any]) -> list[Any]:
            found = await questions.counts(self.services.pool, page, by, parents)
            return [found[parent] for parent in parents]

        return self._loader(("totals", page.table, page.where, by), load)

    def state(self, noun: str) -> DataLoader[Any, Any]:
        """Loads the folded states of a domain's streams."""

        async def load(ids: list[UUID]) -> list[Any]:
            names = [f"{noun}-{id_}" for id_ in ids]
            found = await streams.load(self.services.pool, names)
            return [found[name][0] for name in names]

        return self._loader(("state", noun), load)

    def case(self) -> DataLoader[Any, Any]:
        """Loads what the clocks of tickets were worked out from, as it is now."""

        async def load(tickets: list[UUID]) -> list[Any]:
            found = await load_cases(self.services.pool, tickets)
            return [found.get(ticket) for ticket in tickets]

        return self._loader("case", load)

    def intervals(self) -> DataLoader[Any, Any]:
        """Loads the intervals of tickets, in order."""

        async def load(tickets: list[UUID]) -> list[Any]:
            found = await intervals_of(self.services.pool, tickets)
            return [found[ticket] for ticket in tickets]

        return self._loader("intervals", load)

    def verdicts(self, as_of: AsOf | None) -> DataLoader[Any, Any]:
        """Loads what was said of the clocks of tickets, oldest first, as far as a past moment knows."""

        async def load(tickets: list[UUID]) -> list[Any]:
            said = await log.read_streams(self.services.pool, [f"sla-{ticket}" for ticket in tickets], SLA_VERDICTS)
            found: dict[UUID, list[Fact]] = {ticket: [] for ticket in tickets}
            for fact in said:
                found[fact.id].append(fact)
            return [as_of.of(facts) if as_of else facts for facts in found.values()]

        return self._loader(("verdicts", as_of), load)

    def _loader(
        self, key: Hashable, load: Callable[[list[Any]], Coroutine[Any, Any, list[Any]]]
    ) -> DataLoader[Any, Any]:
        if key not in self.loaders:
            self.loaders[key] = Loader(load)
        return self.loaders[key]

    async def page(self, page: Page) -> list[Any]:
        return await questions.page(self.services.pool, page)

    async def total(self, page: Page) -> int:
        return await questions.count(self.services.pool, page)

    async def reached(self, as_of: AsOf) -> AsOf:
        """The same moment, with the instant at which the log reached its position."""
        if not as_of.position:
            return as_of
        facts = await log.read(self.services.pool, as_of.position - 1, limit=1)
        return msgspec.structs.replace(as_of, reached_at=facts[0].recorded_at if facts else None)

    async def rows_as_of(self, stream: str, table: str, as_of: AsOf) -> list[dict[str, Any]]:
        """The rows of a table that one stream had made by a past moment."""
        return _rows_of(as_of.of(await log.read_stream(self.services.pool, stream)), table)

    async def row_as_of(self, table: str, id_: UUID, as_of: AsOf, *, named: bool = False) -> dict[str, Any] | None:
        """What a row was at a past moment.

        What was `named` then was there, even if it is only said to have begun later: it is as it first was.
        """
        facts = await log.read_stream(self.services.pool, f"{NOUN_OF_TABLE[table]}-{id_}")
        rows = _rows_of(as_of.of(facts) or (facts[:1] if named else []), table)
        return rows[0] if rows else None

    # --- recording and following -------------------------------------------------------------------------------------

    def asked(self, command: Any, how: Any) -> Asked:
        """A client's command with who asks for it."""
        viewer = self.known_viewer
        return Asked(
            command=command,
            command_id=how.command_id,
            actor=viewer.actor,
            roles=viewer.roles,
            origin=viewer.origin,
            expected_version=how.expected_version,
            occurred_at=how.occurred_at,
            correlation=how.correlation,
        )

    async def record_all(self, asked: Sequence[Asked], *, atomic: bool = False, dry_run: bool = False) -> list[Outcome]:
        """Ask for commands in one turn. The turn goes on even when the client goes away meanwhile."""
        outcomes = await asyncio.shield(self.services.turns.record_all(asked, atomic=atomic, dry_run=dry_run))
        # What an earlier mutation of the same document has loaded may be past now.
        self.loaders.clear()
        return outcomes

    @property
    def is_group(self) -> bool:
        """Whether this is executed for subscribers who have caught up, and want to hear of new facts alone."""
        return self.place.begin is not None

    async def follow(self, after: int | None) -> AsyncGenerator[Fact, None]:
        """New facts, each with new loaders, so that what is shown with it is as new as itself."""
        self.may_read()
        place = self.place
        if place.begin is not None:
            after = place.begin
        elif after:
            await self._must_have_come(after)
        caught_up = partial(place.join, begins_now=after is None) if place.join else None
        async with aclosing(self.services.feed.follow(after, caught_up=caught_up)) as facts:
            async for fact in facts:
                self._still_known()
                self.loaders.clear()
                place.at = fact.position
                yield fact

    async def _must_have_come(self, after: int) -> None:
        """Refuse a cursor that the log has not reached. Raises GraphQLError."""
        newest = await log.last_position(self.services.pool)
        if after > newest:
            raise GraphQLError(
                f"`after` is {after}, but the newest fact has the position {newest}.",
                extensions={"code": "BAD_USER_INPUT"},
            )


def _rows_of(facts: Sequence[Fact], table: str) -> list[dict[str, Any]]:
    """The rows of a table that facts of one stream leave behind."""
    changes = rows_of(state_after(facts), facts[-1]) if facts else []
    return [change.values for change in changes if isinstance(change, Put) and change.table == table]


Info: TypeAlias = strawberry.Info[Context, None]
