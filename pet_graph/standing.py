"""Which roles people play at present: of the roles in a person's token, only those count that the person plays.

A token whose subject is the UUID of a person known here is such a person's; every other token is taken at its word.
When a role is revoked, in whichever process, what is open under it is ended at once.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing
from dataclasses import replace
from functools import lru_cache
from typing import Any
from uuid import UUID

import asyncpg

from .events.base import Fact
from .events.people import PersonRegistered, RoleGranted, RoleRevoked
from .feed import Feed
from .projections import people
from .tokens import Viewer

REVOKED = "A role of yours was revoked: go on without it, from your last cursor."


class Standing:
    """The roles of everybody, as far as the feed has come. `start` comes after the feed's, then `run`."""

    def __init__(self, pool: asyncpg.Pool[Any], feed: Feed) -> None:
        self._pool, self._feed = pool, feed
        self._after = 0
        self._roles: dict[UUID, frozenset[str]] = {}
        self._watched: dict[UUID, dict[Callable[[], None], Viewer]] = {}

    async def start(self) -> None:
        """Read who plays what."""
        self._after = self._feed.position
        self._roles = await people.roles(self._pool)

    async def run(self) -> None:
        """Hear of every change, until cancelled."""
        async with aclosing(self._feed.follow(self._after)) as facts:
            async for fact in facts:
                self._hear(fact)

    def _hear(self, fact: Fact) -> None:
        before = self._roles.get(fact.id, frozenset())
        match fact.event:
            case PersonRegistered(roles=roles):
                self._roles[fact.id] = frozenset(roles)
            case RoleGranted(role=role):
                self._roles[fact.id] = before | {role}
            case RoleRevoked(role=role):
                self._roles[fact.id] = before - {role}
            case _:
                return
        for ended, viewer in list(self._watched.get(fact.id, {}).items()):
            if self.of(viewer) != viewer:
                ended()

    def of(self, viewer: Viewer) -> Viewer:
        """The same viewer with the roles that count."""
        person = _person(viewer.actor)
        played = None if person is None else self._roles.get(person)
        if played is None or played.issuperset(viewer.roles):
            return viewer
        return replace(viewer, roles=tuple(role for role in viewer.roles if role in played))

    def watch(self, viewer: Viewer, ended: Callable[[], None]) -> Callable[[], None] | None:
        """Have `ended` called as soon as one of the viewer's roles counts no more; returns what ends the watch.

        None for whoever is not a person, whose roles change with their token alone.
        """
        person = _person(viewer.actor)
        if person is None:
            return None
        self._watched.setdefault(person, {})[ended] = viewer

        def unwatch() -> None:
            if self._watched.get(person, {}).pop(ended, None) and not self._watched[person]:
                del self._watched[person]

        return unwatch


@lru_cache(maxsize=10_000)
def _person(actor: str) -> UUID | None:
    try:
        return UUID(actor)
    except ValueError:
        return None
