"""The planner: a validated query becomes one SQL statement whose result is the response.

It reads what the types declare of themselves (`column`, `computed`, `one`, `many`, `find`, `listing`) and nothing else.
What it cannot compile, and every request whose arguments are refused, runs on strawberry, so errors are the same ones.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import asyncpg
import strawberry
from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    ValidationRule,
    VariableNode,
    Visitor,
    get_argument_values,
    get_named_type,
    get_operation_ast,
    get_variable_values,
    is_abstract_type,
    is_enum_type,
    is_list_type,
    is_object_type,
    parse,
    specified_rules,
    validate,
    visit,
)
from strawberry.types.arguments import convert_arguments

from .projections import answers
from .projections.answers import Record, Slot, Statement
from .schema.connections import page_of
from .schema.links import Many, One
from .schema.nodes import id_of

MOST_DOCUMENTS = 1_000
MOST_SHAPES = 64
LONGEST_DOCUMENT = 100_000
FORMS = {"Position": "text", "Duration": "span", "Money": "money", "Quantity": "quantity"}

Coerced = Any
"""Variable values as graphql-core coerces them."""


class Uncompiled(Exception):
    """This selection runs on strawberry."""


@dataclass(frozen=True)
class Prepared:
    """A statement and what it is to be run with; the present instant is added when it is needed."""

    statement: Statement
    parameters: tuple[Any, ...]

    async def run(self, connections: asyncpg.Pool[Any], now: datetime) -> bytes:
        """The value of `data` in the response."""
        parameters = (*self.parameters, now) if self.statement.needs_now else self.parameters
        return self.statement.finished(await connections.fetchval(self.statement.sql, *parameters))


@dataclass(frozen=True)
class Call:
    """A field with arguments, which fill one slot of the statement."""

    definition: GraphQLField
    node: FieldNode
    link: One | Many
    type_name: str

    def slot(self, schema: strawberry.Schema, variables: Coerced) -> Slot:
        """What this request's arguments ask for. Raises GraphQLError when they are refused."""
        given = get_argument_values(self.definition, self.node, variables)
        declared = _strawberry(self.definition)
        arguments = convert_arguments(given, declared.arguments, schema.schema_converter.scalar_registry, schema.config)
        if isinstance(self.link, One):
            return id_of(self.type_name, arguments["id"])
        defaults = {"order_by": declared.base_resolver.signature.parameters["order_by"].default}
        return page_of(self.link.table, {**defaults, **arguments})


@dataclass
class Selection:
    """One operation under given @skip and @include: its tree, its calls, and a statement for each shape of slots."""

    record: Record
    calls: list[Call]
    statements: dict[Any, Statement] = field(default_factory=dict)

    def prepared(self, schema: strawberry.Schema, variables: Coerced) -> Prepared:
        slots = [call.slot(schema, variables) for call in self.calls]
        shape = tuple(answers.shape(slot) for slot in slots)
        if shape not in self.statements:
            if len(self.statements) >= MOST_SHAPES:
                self.statements.clear()
            self.statements[shape] = answers.statement(self.record, slots)
        return Prepared(self.statements[shape], tuple(value for slot in slots for value in answers.values(slot)))


@dataclass
class Document:
    """A query's text, parsed and validated once; None stands for what is not compiled."""

    operation: OperationDefinitionNode
    fragments: dict[str, FragmentDefinitionNode]
    conditions: tuple[str, ...]
    selections: dict[tuple[Any, ...], Selection | None] = field(default_factory=dict)


class Planner:
    """Documents, their selections and their statements, each made once and kept while they are in use."""

    def __init__(self, schema: strawberry.Schema, rules: Sequence[type[ValidationRule]] = ()) -> None:
        self._schema, self._rules = schema, (*specified_rules, *rules)
        self._documents: OrderedDict[tuple[str, str | None], Document | None] = OrderedDict()

    def prepare(self, query: str, operation_name: str | None, variables: Mapping[str, Any]) -> Prepared | None:
        """The statement that answers a query; None when it has to run on strawberry."""
        document = self._document(query, operation_name)
        if document is None:
            return None
        coerced = get_variable_values(
            self._schema._schema, document.operation.variable_definitions or (), dict(variables)
        )
        if isinstance(coerced, list):
            return None
        try:
            selection = self._selection(document, coerced)
            return selection.prepared(self._schema, coerced) if selection else None
        except GraphQLError:
            return None

    def _document(self, query: str, operation_name: str | None) -> Document | None:
        key = (query, operation_name)
        if key in self._documents:
            self._documents.move_to_end(key)
            return self._documents[key]
        document = self._parsed(query, operation_name) if len(query) <= LONGEST_DOCUMENT else None
        self._documents[key] = document
        if len(self._documents) > MOST_DOCUMENTS:
            self._documents.popitem(last=False)
        return document

    def _parsed(self, query: str, operation_name: str | None) -> Document | None:
        try:
            document = parse(query)
        except GraphQLError:
            return None
        if validate(self._schema._schema, document, self._rules, max_errors=1):
            return None
        operation = get_operation_ast(document, operation_name)
        if operation is None or operation.operation is not OperationType.QUERY:
            return None
        fragments = {one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)}
        return Document(operation, fragments, _conditions(document))

    def _selection(self, document: Document, variables: Coerced) -> Selection | None:
        key = tuple(variables.coerced.get(name) for name in document.conditions)
        if key not in document.selections:
            try:
                document.selections[key] = _Compiler(self._schema, document, variables).selection()
            except Uncompiled:
                document.selections[key] = None
        return document.selections[key]


def _conditions(document: DocumentNode) -> tuple[str, ...]:
    """The variables that @skip and @include look at: for each of their values there is another tree."""
    names: set[str] = set()

    class Finder(Visitor):
        def enter_directive(self, node: DirectiveNode, *_: Any) -> None:
            names.update(one.value.name.value for one in node.arguments or () if isinstance(one.value, VariableNode))

    visit(document, Finder())
    return tuple(sorted(names))


def _strawberry(definition: GraphQLField) -> Any:
    """What the field's own module declared."""
    return definition.extensions["strawberry-definition"]


class _Compiler:
    """Walks a selection once, with the schema beside it."""

    def __init__(self, schema: strawberry.Schema, document: Document, variables: Coerced) -> None:
        self._schema, self._document, self._variables = schema, document, variables
        self._calls: list[Call] = []

    def selection(self) -> Selection:
        root = self._schema._schema.query_type
        assert root is not None
        record = tuple(
            (key, self._root(root, nodes))
            for key, nodes in self._collected(root, [self._document.operation.selection_set]).items()
        )
        return Selection(record, self._calls)

    def _root(self, kind: GraphQLObjectType, nodes: list[FieldNode]) -> answers.Expression:
        name = nodes[0].name.value
        if name == "__typename":
            return answers.Constant(kind.name)
        if name not in kind.fields or not isinstance(_metadata(kind.fields[name]).get("link"), One | Many):
            raise Uncompiled
        return self._expression(kind, nodes, root=True)

    # --- collecting ---------------------------------------------------------------------------------------------------

    def _collected(
        self, kind: GraphQLObjectType, sets: Sequence[SelectionSetNode | None]
    ) -> dict[str, list[FieldNode]]:
        found: dict[str, list[FieldNode]] = {}
        for node in self._fields(kind, sets):
            found.setdefault((node.alias or node.name).value, []).append(node)
        return found

    def _fields(self, kind: GraphQLObjectType, sets: Sequence[SelectionSetNode | None]) -> Iterator[FieldNode]:
        for selections in sets:
            for node in selections.selections if selections else ():
                if not self._included(node):
                    continue
                if isinstance(node, FieldNode):
                    yield node
                elif fragment := self._fragment(kind, node):
                    yield from self._fields(kind, [fragment])

    def _fragment(self, kind: GraphQLObjectType, node: Any) -> SelectionSetNode | None:
        fragment = self._document.fragments[node.name.value] if isinstance(node, FragmentSpreadNode) else node
        assert isinstance(fragment, FragmentDefinitionNode | InlineFragmentNode)
        if fragment.type_condition:
            wanted = self._schema._schema.type_map[fragment.type_condition.name.value]
            if wanted is not kind and not (is_abstract_type(wanted) and self._schema._schema.is_sub_type(wanted, kind)):
                return None
        return fragment.selection_set

    def _included(self, node: Any) -> bool:
        for directive in node.directives or ():
            if directive.name.value in ("skip", "include"):
                definition = next(d for d in self._schema._schema.directives if d.name == directive.name.value)
                condition = get_argument_values(definition, directive, self._variables)["if"]
                if condition is (directive.name.value == "skip"):
                    return False
        return True

    # --- compiling ----------------------------------------------------------------------------------------------------

    def _record(self, kind: GraphQLObjectType, nodes: list[FieldNode]) -> Record:
        collected = self._collected(kind, [node.selection_set for node in nodes])
        return tuple((key, self._expression(kind, found)) for key, found in collected.items())

    def _expression(self, kind: GraphQLObjectType, nodes: list[FieldNode], *, root: bool = False) -> answers.Expression:
        name = nodes[0].name.value
        if name == "__typename":
            return answers.Constant(kind.name)
        definition = kind.fields[name]
        metadata = _metadata(definition)
        if "column" in metadata:
            return answers.Value(metadata["column"] or _strawberry(definition).python_name, _form(definition))
        if "computed" in metadata:
            return answers.Computed(metadata["computed"], _form(definition))
        if metadata.get("global_id"):
            return answers.GlobalId(kind.name)
        match metadata.get("link"):
            case One() as link:
                return self._single(definition, nodes, link, root)
            case Many() as link:
                return self._listing(definition, nodes, link)
        raise Uncompiled

    def _single(self, definition: GraphQLField, nodes: list[FieldNode], link: One, root: bool) -> answers.Single:
        kind = get_named_type(definition.type)
        if not is_object_type(kind):
            raise Uncompiled
        slot = self._call(definition, nodes, link, kind.name) if root else None
        by = None if root else ("id" if link.by == "row_id" else link.by)
        return answers.Single(link.table, self._record(kind, nodes), by, slot)

    def _listing(self, definition: GraphQLField, nodes: list[FieldNode], link: Many) -> answers.Listing:
        kind = get_named_type(definition.type)
        assert is_object_type(kind)
        slot = self._call(definition, nodes, link, kind.name)
        collected = self._collected(kind, [node.selection_set for node in nodes])
        parts = tuple((key, self._part(kind, found)) for key, found in collected.items())
        return answers.Listing(slot, parts, link.by or None)

    def _call(self, definition: GraphQLField, nodes: list[FieldNode], link: One | Many, type_name: str) -> int:
        self._calls.append(Call(definition, nodes[0], link, type_name))
        return len(self._calls) - 1

    def _part(self, kind: GraphQLObjectType, nodes: list[FieldNode]) -> answers.Part:
        name = nodes[0].name.value
        match name:
            case "__typename":
                return answers.Constant(kind.name)
            case "totalCount":
                return answers.Total()
            case "nodes":
                return answers.Nodes(self._record(_object(kind.fields[name]), nodes))
            case "edges":
                return self._edges(_object(kind.fields[name]), nodes)
            case "pageInfo":
                info = _object(kind.fields[name])
                collected = self._collected(info, [node.selection_set for node in nodes])
                told = ((key, found[0].name.value) for key, found in collected.items())
                return answers.PageInfo(tuple((key, info.name if one == "__typename" else one) for key, one in told))
        raise Uncompiled

    def _edges(self, kind: GraphQLObjectType, nodes: list[FieldNode]) -> answers.Edges:
        fields: list[tuple[str, answers.Nodes | answers.Cursor | answers.Constant]] = []
        for key, found in self._collected(kind, [node.selection_set for node in nodes]).items():
            match found[0].name.value:
                case "__typename":
                    fields.append((key, answers.Constant(kind.name)))
                case "cursor":
                    fields.append((key, answers.Cursor()))
                case _:
                    fields.append((key, answers.Nodes(self._record(_object(kind.fields["node"]), found))))
        return answers.Edges(tuple(fields))


def _metadata(definition: GraphQLField) -> Mapping[str, Any]:
    return getattr(_strawberry(definition), "metadata", {}) if definition.extensions else {}


def _object(definition: GraphQLField) -> GraphQLObjectType:
    kind = get_named_type(definition.type)
    if not is_object_type(kind):
        raise Uncompiled
    return kind


def _form(definition: GraphQLField) -> str:
    kind = get_named_type(definition.type)
    if is_enum_type(kind):
        inner = getattr(definition.type, "of_type", definition.type)
        return "enums" if is_list_type(definition.type) or is_list_type(inner) else "enum"
    return FORMS.get(kind.name, "plain")
