"""Subscribers of the same operation, with the same variables and the same rights, share one execution and one encoding.

A subscriber begins alone and gets what it has missed. When it has every fact that the feed has, it joins its group:
the group is never ahead of the feed, so nothing is lost, and a member is not given what it had when it joined, so
nothing comes twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from dataclasses import replace
from functools import lru_cache
from math import inf
from typing import Any, NamedTuple, Protocol

import orjson
from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    VariableNode,
    Visitor,
    get_operation_ast,
    visit,
)
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType

from . import metrics
from .authority import scope_of
from .context import Context, Entities, Place, Services
from .graph import KEPT, checked, schema
from .requests import Operation
from .tokens import Viewer

logger = logging.getLogger(__name__)

LONGEST_QUERY = 20_000
"""Of a longer text the cursor is not looked for."""

BURST = 250
"""Members that are served before others of the process get their turn."""


class Key(NamedTuple):
    """What two subscriptions must have in common to be shown the same."""

    query: str
    operation_name: str | None
    variables: bytes
    scope: str | None
    """What the viewer's rights let them see."""


class Member(Protocol):
    """One subscription of one client."""

    group: Group | None
    since: int
    """It has everything up to this position."""

    def deliver(self, body: bytes) -> None:
        """Take one result, as JSON; returns at once, however slowly the client reads."""

    def end(self) -> None:
        """No more results will come."""


class Group:
    """One operation that is executed once for all its members, for as long as it has any."""

    def __init__(self, key: Key, asked: Operation, context: Context) -> None:
        self.key = key
        self.members: dict[Member, None] = {}
        self.begins_now = False
        """Whether who gives no cursor begins with the next fact, and with nothing before it."""
        self._asked, self._context = asked, context
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        place = self._context.place
        try:
            async with aclosing(await _stream(self._asked, self._context)) as results:
                async for result in results:
                    await self._tell(place.at or inf, encoded(result))
        except Exception:
            logger.exception("a group of subscriptions has failed")
        for member in list(self.members):
            member.end()

    async def _tell(self, position: float, body: bytes) -> None:
        for number, member in enumerate(list(self.members), 1):
            if member.group is self and member.since < position:
                member.deliver(body)
            if number % BURST == 0:
                await asyncio.sleep(0)


class Groups:
    """The groups of one process."""

    def __init__(self, services: Services, entities: Entities | None = None) -> None:
        self._services, self.entities = services, entities
        self.open: dict[Key, Group] = {}

    def join_at_once(self, asked: Operation, viewer: Viewer, member: Member) -> bool:
        """Join without an execution of its own, if the group is there and the member has missed nothing."""
        variable = cursor_variable(asked.query, asked.operation_name)
        if variable and (asked.variables or {}).get(variable) is not None:
            return False
        group = self.open.get(_key(asked, viewer))
        if group is None or group.task.done() or not group.begins_now:
            return False
        self._add(group, member, self._services.feed.position)
        return True

    async def alone(
        self, asked: Operation, viewer: Viewer, member: Member, allowed: Iterable[OperationType] = OperationType
    ) -> AsyncGenerator[ExecutionResult, None]:
        """The results of any operation until it ends, or until the member has caught up: `member.group` is set then."""

        def join(position: int, begins_now: bool) -> None:
            group = self._group(asked, viewer, position)
            group.begins_now |= begins_now
            self._add(group, member, position)

        context = Context(self._services, viewer, Place(join=join), entities=self.entities)
        async with aclosing(await _stream(asked, context, allowed)) as results:
            async for result in results:
                yield result

    def _group(self, asked: Operation, viewer: Viewer, position: int) -> Group:
        key = _key(asked, viewer)
        group = self.open.get(key)
        if group is None or group.task.done():
            everyone = replace(viewer, actor="", expires_at=None)
            context = Context(self._services, everyone, Place(begin=position), entities=self.entities)
            group = self.open[key] = Group(key, asked, context)
        return group

    def _add(self, group: Group, member: Member, position: int) -> None:
        member.group, member.since = group, position
        group.members[member] = None
        metrics.SUBSCRIBERS.inc()

    def leave(self, member: Member) -> None:
        """Give a member nothing more. A group ends when the last member has left."""
        group, member.group = member.group, None
        if group is None:
            return
        group.members.pop(member, None)
        metrics.SUBSCRIBERS.dec()
        if not group.members:
            group.task.cancel()
            if self.open.get(group.key) is group:
                del self.open[group.key]


async def _stream(
    asked: Operation, context: Context, allowed: Iterable[OperationType] = (OperationType.SUBSCRIPTION,)
) -> Any:
    return await schema.stream(
        asked.query,
        asked.variables,
        context,
        operation_name=asked.operation_name,
        allowed_operation_types=allowed,
    )


def encoded(result: ExecutionResult) -> bytes:
    """A result as GraphQL writes it in a response, in JSON."""
    said: dict[str, Any] = {"data": result.data}
    if result.errors:
        said["errors"] = [error.formatted for error in result.errors]
    return orjson.dumps(said)


def _key(asked: Operation, viewer: Viewer) -> Key:
    return Key(asked.query, asked.operation_name, shared_variables(asked), scope_of(viewer.roles))


def shared_variables(asked: Operation) -> bytes:
    """The variables that equal subscriptions have in common: all but the cursor."""
    variable = cursor_variable(asked.query, asked.operation_name)
    variables = {name: value for name, value in (asked.variables or {}).items() if name != variable}
    return orjson.dumps(variables, option=orjson.OPT_SORT_KEYS)


def cursor_variable(query: str, operation_name: str | None) -> str | None:
    """The variable that says nothing but where a subscription begins, which no two members have in common."""
    return _cursor_variable(query, operation_name) if len(query) <= LONGEST_QUERY else None


@lru_cache(maxsize=KEPT)
def _cursor_variable(query: str, operation_name: str | None) -> str | None:
    try:
        document = checked(query)
    except (GraphQLError, RecursionError):
        return None
    operation = get_operation_ast(document, operation_name)
    if operation is None or operation.operation.value != "subscription":
        return None
    roots = [field for field in operation.selection_set.selections if isinstance(field, FieldNode)]
    given = [argument.value for root in roots for argument in root.arguments or () if argument.name.value == "after"]
    names = [value.name.value for value in given if isinstance(value, VariableNode)]
    # One use beside its definition; a default would give the same variables two meanings.
    if len(names) != 1 or _uses(document, names[0]) != 2:
        return None
    has_default = any(
        one.variable.name.value == names[0] and one.default_value for one in operation.variable_definitions or ()
    )
    return None if has_default else names[0]


def _uses(document: DocumentNode, name: str) -> int:
    found = 0

    class Counter(Visitor):
        def enter_variable(self, node: VariableNode, *_: Any) -> None:
            nonlocal found
            found += node.name.value == name

    visit(document, Counter())
    return found
