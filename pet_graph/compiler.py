"""The compiler: what an operation selects, walked once with the schema beside it, becomes a tree of answers.

It reads what the types declare of themselves (`column`, `computed`, and the links of `schema/links.py`), nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import strawberry
from graphql import (
    ArgumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLObjectType,
    InlineFragmentNode,
    Node,
    SelectionSetNode,
    VariableNode,
    Visitor,
    get_argument_values,
    get_named_type,
    is_abstract_type,
    is_enum_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
    visit,
)
from strawberry.types.arguments import convert_arguments

from .kept import Kept
from .projections import answers
from .projections.answers import Expression, Record, Slot
from .schema import NODES
from .schema.connections import page_of
from .schema.links import Embedded, Link, Many, One, Rows, Scalar, Stretch, Things
from .schema.nodes import written_id

FORMS = {"Position": "text", "Duration": "span", "Money": "money", "Quantity": "quantity"}
"""The forms of scalars whose columns do not read as the scalars do."""

SQL_TYPES = {"Boolean": "boolean", "Duration": "bigint", "Int": "integer", "Money": "bigint", "Quantity": "bigint"}
"""As what a value inside JSON is read; what is not here is text."""

Coerced = Any
"""Variable values as graphql-core coerces them."""


MOST_SLOTS = 64
LONGEST_KEPT = 200
"""Characters of a variable: cursors have to be among those that are kept, or each page is converted anew."""
SMALL = {bool, int, float, type(None), object}
ABSENT = object()


class Uncompiled(Exception):
    """This root field runs on strawberry; the message says why."""


@dataclass(frozen=True)
class Call:
    """A field with arguments, which fill one slot of the statement; `root` is the response key it stands under."""

    definition: GraphQLField
    node: FieldNode
    link: Link
    type_name: str
    root: str
    mentions: tuple[str, ...]
    id_variable: str | None
    known: Kept[tuple[Any, ...], Slot] = field(default_factory=lambda: Kept(MOST_SLOTS))

    def slot(self, schema: strawberry.Schema, variables: Coerced) -> Slot:
        """What this request's arguments ask for. Raises GraphQLError when they are refused, or Uncompiled."""
        if self.id_variable is not None and type(given := variables.coerced.get(self.id_variable)) is str:
            return written_id(self.type_name, given)
        values = tuple([variables.coerced.get(name, ABSENT) for name in self.mentions])
        if not all(map(_is_small, values)):
            return self._slot(schema, variables)
        return self.known.get(values) or self.known.put(values, self._slot(schema, variables))

    def _slot(self, schema: strawberry.Schema, variables: Coerced) -> Slot:
        given = get_argument_values(self.definition, self.node, variables)
        declared = declaration(self.definition)
        arguments = convert_arguments(given, declared.arguments, schema.schema_converter.scalar_registry, schema.config)
        match self.link:
            case One():
                if arguments.get("as_of") is not None:
                    raise Uncompiled("a past state is folded from the facts of its stream")
                return written_id(self.type_name, arguments["id"])
            case Many(table=table):
                defaults = {"order_by": declared.base_resolver.signature.parameters["order_by"].default}
                return page_of(table, {**defaults, **arguments})
            case Rows() | Things() | Stretch() as asking:
                return asking.slot(**arguments)
        raise TypeError(f"{self.link!r} takes no arguments")


def _is_small(value: Any) -> bool:
    """Whether a variable's value may be kept."""
    return len(value) <= LONGEST_KEPT if type(value) is str else type(value) in SMALL


def variables_in(node: Node) -> tuple[str, ...]:
    """The names of the variables that are mentioned there."""
    names: set[str] = set()

    class Finder(Visitor):
        def enter_variable(self, node: VariableNode, *_: Any) -> None:
            names.add(node.name.value)

    visit(node, Finder())
    return tuple(sorted(names))


def declaration(definition: GraphQLField) -> Any:
    """What the field's own module declared."""
    return definition.extensions["strawberry-definition"]


def metadata(definition: GraphQLField) -> Mapping[str, Any]:
    return getattr(declaration(definition), "metadata", {}) if definition.extensions else {}


class Compiler:
    """Walks selections of one document; `calls` are the fields with arguments that it met."""

    def __init__(
        self, schema: strawberry.Schema, fragments: Mapping[str, FragmentDefinitionNode], variables: Coerced
    ) -> None:
        self._schema, self._fragments, self._variables = schema, fragments, variables
        self._root = ""
        self.calls: list[Call] = []

    def roots(self, kind: GraphQLObjectType, selection: SelectionSetNode) -> list[tuple[str, Expression | str]]:
        """The root fields by response key, in order; with the reason of those that run on strawberry."""
        collected = self._collected(kind, [selection])
        return [(key, self._compiled_root(kind, key, nodes)) for key, nodes in collected.items()]

    def _compiled_root(self, kind: GraphQLObjectType, key: str, nodes: list[FieldNode]) -> Expression | str:
        met, self._root = len(self.calls), key
        try:
            return self._expression(kind, nodes)
        except Uncompiled as why:
            del self.calls[met:]
            return str(why)

    def entity(self, kind: GraphQLObjectType, table: str, nodes: Sequence[FieldNode]) -> Expression:
        """One row of a table, whose id stands in the slot after those of the calls. Raises Uncompiled."""
        record = self._record(kind, nodes)
        return answers.Single(table, record, slot=len(self.calls))

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
        fragment = self._fragments[node.name.value] if isinstance(node, FragmentSpreadNode) else node
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

    # --- fields -------------------------------------------------------------------------------------------------------

    def _record(self, kind: GraphQLObjectType, nodes: Sequence[FieldNode]) -> Record:
        collected = self._collected(kind, [node.selection_set for node in nodes])
        return tuple((key, self._expression(kind, found)) for key, found in collected.items())

    def _expression(self, kind: GraphQLObjectType, nodes: list[FieldNode]) -> Expression:
        name = nodes[0].name.value
        if name == "__typename":
            return answers.Constant(kind.name)
        if name not in kind.fields:
            raise Uncompiled("introspection is answered from the schema")
        definition = kind.fields[name]
        declared = metadata(definition)
        if "column" in declared:
            return answers.Value(_column(definition), declared["form"] or _form(definition))
        if "computed" in declared:
            return answers.Computed(declared["computed"], _form(definition))
        if declared.get("global_id"):
            return answers.GlobalId(kind.name)
        return self._linked(kind, definition, nodes, declared.get("link"))

    def _linked(
        self, kind: GraphQLObjectType, definition: GraphQLField, nodes: list[FieldNode], link: Link | None
    ) -> Expression:
        match link:
            case One():
                return self._single(kind, definition, nodes, link)
            case Many():
                slot = self._call(definition, nodes, link)
                return answers.Listing(slot, self._parts(_object(definition), nodes), link.by or None)
            case Embedded(column=column):
                return self._embedded(_object(definition), nodes, column)
            case Scalar(sql=sql):
                return answers.Scalar(sql)
            case Rows(sql=sql, alone=alone):
                slot = self._call(definition, nodes, link)
                return answers.Rows(sql, self._record(_object(definition), nodes), slot, alone)
            case Things(several=several):
                slot = self._call(definition, nodes, link)
                return answers.Things(slot, self._kinds(nodes), several)
            case Stretch(relation=relation):
                slot = self._call(definition, nodes, link)
                return answers.Stretch(relation, slot, self._stretch(_object(definition), nodes))
        raise Uncompiled(f"{kind.name}.{nodes[0].name.value} does not declare what it leads to")

    def _call(self, definition: GraphQLField, nodes: list[FieldNode], link: Link) -> int:
        [node, *_], kind = nodes, get_named_type(definition.type)
        mentions = {name for argument in node.arguments or () for name in variables_in(argument)}
        self.calls.append(
            Call(definition, node, link, kind.name, self._root, tuple(sorted(mentions)), _id_variable(node, link))
        )
        return len(self.calls) - 1

    def _single(
        self, kind: GraphQLObjectType, definition: GraphQLField, nodes: list[FieldNode], link: One
    ) -> answers.Single:
        if kind is self._schema._schema.query_type:
            slot = self._call(definition, nodes, link)
            return answers.Single(link.table, self._record(_object(definition), nodes), slot=slot)
        by, required = "id" if link.by == "row_id" else link.by, is_non_null_type(definition.type)
        return answers.Single(link.table, self._record(_object(definition), nodes), by, required=required)

    def _kinds(self, nodes: list[FieldNode]) -> dict[str, answers.Single]:
        types: Any = self._schema._schema.type_map
        return {name: answers.Single(table, self._record(types[name], nodes)) for name, (table, _) in NODES.items()}

    def _embedded(self, kind: GraphQLObjectType, nodes: list[FieldNode], column: str) -> answers.Embedded:
        wanted = tuple(_column_inside(definition) for definition in kind.fields.values())
        if any(_form(definition) == "money" for definition in kind.fields.values()):
            wanted = (*wanted, ("currency", "text"))
        return answers.Embedded(column, self._record(kind, nodes), wanted)

    # --- lists --------------------------------------------------------------------------------------------------------

    def _parts(self, kind: GraphQLObjectType, nodes: list[FieldNode]) -> tuple[tuple[str, answers.Part], ...]:
        collected = self._collected(kind, [node.selection_set for node in nodes])
        return tuple((key, self._part(kind, found)) for key, found in collected.items())

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
        raise Uncompiled(f"{kind.name}.{name} is no part of a list that can be planned")

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

    def _stretch(self, kind: GraphQLObjectType, nodes: list[FieldNode]) -> Any:
        parts: list[tuple[str, Any]] = []
        for key, found in self._collected(kind, [node.selection_set for node in nodes]).items():
            match found[0].name.value:
                case "__typename":
                    parts.append((key, answers.Constant(kind.name)))
                case "cursor":
                    parts.append((key, answers.Cursor()))
                case "hasMore":
                    parts.append((key, answers.More()))
                case name:
                    parts.append((key, answers.Nodes(self._record(_object(kind.fields[name]), found))))
        return tuple(parts)


def _id_variable(node: FieldNode, link: Link) -> str | None:
    """The variable that alone says which row is asked for, if it is one that does."""
    match node.arguments:
        case [ArgumentNode(value=VariableNode(name=name))] if isinstance(link, One):
            return name.value
    return None


def _column(definition: GraphQLField) -> str:
    name: str = metadata(definition).get("column") or declaration(definition).python_name
    return name


def _column_inside(definition: GraphQLField) -> tuple[str, str]:
    """A key of an embedded value, and the SQL type that it is read as."""
    link = metadata(definition).get("link")
    if isinstance(link, Embedded):
        return link.column, "json"
    return _column(definition), SQL_TYPES.get(get_named_type(definition.type).name, "text")


def _object(definition: GraphQLField) -> GraphQLObjectType:
    kind = get_named_type(definition.type)
    if not is_object_type(kind):
        raise Uncompiled(f"{kind.name} is not one type")
    return kind


def _form(definition: GraphQLField) -> str:
    kind = get_named_type(definition.type)
    if is_enum_type(kind):
        inner = getattr(definition.type, "of_type", definition.type)
        return "enums" if is_list_type(definition.type) or is_list_type(inner) else "enum"
    return FORMS.get(kind.name, "plain")
