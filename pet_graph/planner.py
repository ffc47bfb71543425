"""The planner: a validated query becomes one SQL statement whose columns are the response's root fields.

What is not compiled runs on strawberry, root field by root field. Every request whose arguments are refused runs there
as a whole, so errors are the same ones. So does every request that meets what only the program can work out: business
time (`pet.not_in_sql`).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import Any, TypeAlias

import asyncpg
import msgspec
import strawberry
from graphql import (
    DirectiveNode,
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    NamedTypeNode,
    Node,
    NonNullTypeNode,
    OperationDefinitionNode,
    OperationType,
    VariableDefinitionNode,
    Visitor,
    get_operation_ast,
    get_variable_values,
    visit,
)
from graphql.execution.values import VariableValues

from .compiler import Call, Coerced, Compiler, Uncompiled, variables_in
from .database import Reader
from .kept import Kept
from .projections import answers
from .projections.answers import Constant, Expression, Slot
from .projections.statements import Statement, statement

MOST_DOCUMENTS, MOST_LETTERS = 1_000, 1_000_000
"""How many documents are kept, and how long they may be altogether."""
LONGEST_DOCUMENT = 20_000
MOST_SELECTIONS = 16
MOST_SHAPES = 64

PLAIN = {"Boolean": bool, "ID": str, "Int": int, "String": str}
"""Types whose values need no coercion when they come as this type of JSON."""
INTS = range(-(2**31), 2**31)
Connections: TypeAlias = "asyncpg.Pool[Any] | asyncpg.Connection[Any] | Reader"


class NotPlanned(Exception):
    """The operation runs on strawberry as a whole; the message says why."""


@dataclass(frozen=True)
class Plan:
    """A statement, and what becomes of its columns; serves all requests of one shape.

    `columns` are the response keys that it answers, `constants` what needs no asking, `left` the keys that strawberry
    has to answer and why, `keys` all of them in order. `frame` is the JSON around the columns.
    """

    statement: Statement
    keys: tuple[str, ...]
    columns: tuple[str, ...]
    constants: Mapping[str, bytes]
    left: Mapping[str, str]
    frame: tuple[bytes, ...]


class Prepared(msgspec.Struct, frozen=True):
    """A plan and the values of one request."""

    plan: Plan
    slots: Sequence[Slot | None]

    @property
    def left(self) -> Mapping[str, str]:
        return self.plan.left

    async def run(self, connections: Connections, now: datetime) -> list[bytes]:
        """The value of `data` in the response, in pieces, when nothing is left."""
        first, *others = self.plan.frame
        if not others:
            return [first]
        row = await connections.fetchrow(*self._question(now))
        columns = self.plan.statement.finished(row)
        return [first, *chain.from_iterable(zip(columns, others, strict=True))]

    async def answers(self, connections: Connections, now: datetime) -> dict[str, bytes]:
        """The JSON of each root field that is not left, by response key."""
        if not self.plan.columns:
            return dict(self.plan.constants)
        row = await connections.fetchrow(*self._question(now))
        columns = self.plan.statement.finished(row)
        return {**self.plan.constants, **dict(zip(self.plan.columns, columns, strict=True))}

    def _question(self, now: datetime) -> tuple[Any, ...]:
        """All as of one instant, and of one snapshot of the database."""
        made = self.plan.statement
        return made.sql, *made.parameters(self.slots, now)


@dataclass
class Selection:
    """What an operation selects under given @skip and @include: its roots, and a plan for each shape of slots."""

    roots: list[tuple[str, Expression | str]]
    calls: list[Call]
    plans: Kept[Any, Plan] = field(default_factory=lambda: Kept(MOST_SHAPES))

    def prepare(self, schema: strawberry.Schema, variables: Coerced, *also: Slot) -> Prepared:
        """`also` are the slots that no call of the operation fills. Raises GraphQLError when arguments are refused."""
        slots: list[Slot | None] = []
        left: dict[str, str] = {}
        for call in self.calls:
            try:
                slots.append(call.slot(schema, variables))
            except Uncompiled as why:
                slots.append(None)
                left[call.root] = str(why)
        slots.extend(also)
        shape = (tuple(left), *map(answers.shape, slots))
        plan = self.plans.get(shape) or self.plans.put(shape, self._plan(slots, left))
        return Prepared(plan, slots)

    def _plan(self, slots: Sequence[Slot | None], left: Mapping[str, str]) -> Plan:
        left = {**{key: root for key, root in self.roots if isinstance(root, str)}, **left}
        compiled = {key: root for key, root in self.roots if not isinstance(root, str) and key not in left}
        constants = {key: f'"{root.text}"'.encode() for key, root in compiled.items() if isinstance(root, Constant)}
        columns = {key: root for key, root in compiled.items() if key not in constants}
        keys = tuple(key for key, _ in self.roots)
        return Plan(
            statement([*columns.values()], slots),
            keys,
            tuple(columns),
            constants,
            left,
            _frame(keys, constants),
        )


def _frame(keys: Sequence[str], constants: Mapping[str, bytes]) -> tuple[bytes, ...]:
    """The JSON of an object with these keys: constants, and gaps between the pieces for the other values."""
    pieces, comma = [b"{"], b""
    for key in keys:
        pieces[-1] += b'%b"%b":' % (comma, key.encode())
        if key in constants:
            pieces[-1] += constants[key]
        else:
            pieces.append(b"")
        comma = b","
    pieces[-1] += b"}"
    return tuple(pieces)


@dataclass
class Document:
    """A query's text, parsed and validated once; in its place may stand why there is none."""

    operation: OperationDefinitionNode
    fragments: dict[str, FragmentDefinitionNode]
    conditions: tuple[str, ...]
    plain: dict[str, type] | None
    selections: Kept[tuple[Any, ...], Selection] = field(default_factory=lambda: Kept(MOST_SELECTIONS))


class Planner:
    """Documents, their selections and their plans, each made once and kept while they are in use."""

    def __init__(self, schema: strawberry.Schema, checked: Callable[[str], DocumentNode]) -> None:
        """`checked` makes of a text the document that it is; it raises GraphQLError if that may not be executed."""
        self._schema, self._checked = schema, checked
        self._documents: OrderedDict[tuple[str, str | None], Document | str] = OrderedDict()
        self._letters = 0

    def planned(
        self, query: str, operation_name: str | None, variables: Mapping[str, Any], scope: str | None
    ) -> Prepared:
        """The statement that answers a query. Raises `NotPlanned` when it has to run on strawberry as a whole.

        `scope` is what the viewer may see (`authority.scope_of`): it is a part of the key of whatever is kept.
        """
        if scope is None:
            raise NotPlanned("there is nothing that the viewer may see")
        document = self._document(query, operation_name)
        if isinstance(document, str):
            raise NotPlanned(document)
        try:
            coerced = self._coerced(document, variables)
            if isinstance(coerced, list):
                raise coerced[0]
            prepared = self._selection(document, coerced, scope).prepare(self._schema, coerced)
        except (GraphQLError, RecursionError) as refused:
            raise NotPlanned(getattr(refused, "message", "it is nested too deep")) from refused
        if len(prepared.left) == len(prepared.plan.keys):
            raise NotPlanned("; ".join(f"{key}: {why}" for key, why in prepared.left.items()))
        return prepared

    def _coerced(self, document: Document, variables: Mapping[str, Any]) -> Coerced:
        """The values of the variables, or a list of errors."""
        values = None if document.plain is None else _plain_values(document.plain, variables)
        if values is not None:
            return VariableValues({}, values)
        defined = document.operation.variable_definitions or ()
        return get_variable_values(self._schema._schema, defined, dict(variables))

    def _document(self, query: str, operation_name: str | None) -> Document | str:
        key = (query, operation_name)
        known = self._documents.get(key)
        if known is not None:
            self._documents.move_to_end(key)
            return known
        if len(query) > LONGEST_DOCUMENT:
            return f"it is longer than {LONGEST_DOCUMENT} letters"
        document = self._documents[key] = self._parsed(query, operation_name)
        self._letters += len(query)
        while len(self._documents) > MOST_DOCUMENTS or self._letters > MOST_LETTERS:
            (oldest, _), _ = self._documents.popitem(last=False)
            self._letters -= len(oldest)
        return document

    def _parsed(self, query: str, operation_name: str | None) -> Document | str:
        try:
            document = self._checked(query)
        except (GraphQLError, RecursionError) as wrong:
            return str(getattr(wrong, "message", "it is nested too deep"))
        operation = get_operation_ast(document, operation_name)
        if operation is None:
            return "it does not say which operation of the document is meant"
        if operation.operation is not OperationType.QUERY:
            return f"it is a {operation.operation.value}"
        fragments = {one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)}
        return Document(operation, fragments, conditions(document), _plain(operation.variable_definitions or ()))

    def _selection(self, document: Document, variables: Coerced, scope: str) -> Selection:
        key = (scope, *[variables.coerced.get(name) for name in document.conditions])
        return document.selections.get(key) or document.selections.put(key, self._selected(document, variables))

    def _selected(self, document: Document, variables: Coerced) -> Selection:
        root = self._schema._schema.query_type
        assert root is not None
        compiler = Compiler(self._schema, document.fragments, variables)
        return Selection(compiler.roots(root, document.operation.selection_set), compiler.calls)


def conditions(*nodes: Node) -> tuple[str, ...]:
    """The variables that @skip and @include look at: for each of their values there is another tree."""
    names: set[str] = set()

    class Finder(Visitor):
        def enter_directive(self, node: DirectiveNode, *_: Any) -> None:
            names.update(variables_in(node))

    for node in nodes:
        visit(node, Finder())
    return tuple(sorted(names))


def _plain_values(plain: Mapping[str, type], variables: Mapping[str, Any]) -> dict[str, Any] | None:
    """The values of the variables, when each came as the type that it has; else None."""
    values: dict[str, Any] = {}
    for name, kind in plain.items():
        value = values[name] = variables.get(name)
        if type(value) is not kind or (kind is int and value not in INTS):
            return None
    return values


def _plain(definitions: Sequence[VariableDefinitionNode]) -> dict[str, type] | None:
    """The types of JSON that all variables have, if what is given is what they are; None when they are not so plain."""
    plain: dict[str, type] = {}
    for definition in definitions:
        kind = definition.type.type if isinstance(definition.type, NonNullTypeNode) else definition.type
        if not isinstance(kind, NamedTypeNode) or kind.name.value not in PLAIN:
            return None
        plain[definition.variable.name.value] = PLAIN[kind.name.value]
    return plain
