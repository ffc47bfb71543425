"""Random valid queries, made from the schema itself: aliases, fragments, conditions, variables, pages, filters."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLInputType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_enum_type,
    is_input_object_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)

DEEPEST = 4
NAMED_BY = {
    "assignee": "Person",
    "customer": "Customer",
    "obligation": "Obligation",
    "owner": "Person",
    "person": "Person",
    "project": "Project",
    "task": "Task",
    "ticket": "Ticket",
}
"""The type of the things that a filter's field names."""


@dataclass
class Known:
    """What queries may ask after, so that some of it is there: global ids by type, texts, instants, cursors."""

    ids: dict[str, list[str]]
    texts: list[str]
    instants: list[str]
    cursors: dict[str, list[str]] = field(default_factory=dict)


@dataclass
class Generator:
    """One query after the other; the same dice give the same queries."""

    schema: GraphQLSchema
    known: Known
    dice: random.Random
    roots: tuple[str, ...]
    variables: dict[str, Any] = field(default_factory=dict)
    declared: list[str] = field(default_factory=list)
    fragments: list[str] = field(default_factory=list)

    def query(self) -> tuple[str, dict[str, Any]]:
        self.variables, self.declared, self.fragments = {}, [], []
        root = self.schema.query_type
        assert root is not None
        names = [self.dice.choice(self.roots) for _ in range(self.dice.choice((1, 1, 1, 2, 3)))]
        fields = [self._field(root, name, 0, alias=f"root{n}") for n, name in enumerate(names)]
        if self.dice.random() < 0.1:
            fields.append("__typename")
        declared = f"({', '.join(self.declared)})" if self.declared else ""
        return f"query Q{declared} {{ {' '.join(fields)} }} {' '.join(self.fragments)}", self.variables

    # --- selections ---------------------------------------------------------------------------------------------------

    def _selection(self, kind: GraphQLObjectType, depth: int) -> str:
        leaves = [name for name, one in kind.fields.items() if is_leaf_type(get_named_type(one.type))]
        links = [name for name in kind.fields if name not in leaves]
        chosen = self.dice.sample(leaves, min(len(leaves), self.dice.randint(1, 6))) if leaves else []
        if links and depth < DEEPEST:
            chosen += self.dice.sample(links, min(len(links), self.dice.choice((0, 1, 1, 2))))
        if not chosen or self.dice.random() < 0.15:
            chosen.append("__typename")
        self.dice.shuffle(chosen)
        return " ".join(self._wrapped(kind, self._field(kind, name, depth + 1)) for name in chosen)

    def _wrapped(self, kind: GraphQLObjectType, text: str) -> str:
        luck = self.dice.random()
        if luck < 0.06:
            return f"... on {kind.name} {{ {text} }}"
        if luck < 0.09:
            return f"... {{ {text} }}"
        if luck < 0.13:
            name = f"F{len(self.fragments)}"
            self.fragments.append(f"fragment {name} on {kind.name} {{ {text} }}")
            return f"...{name}"
        if luck < 0.15 and any(one.name == "Node" for one in kind.interfaces):
            return f"... on Node {{ id }} {text}"
        return text

    def _field(self, kind: GraphQLObjectType, name: str, depth: int, alias: str = "") -> str:
        if name == "__typename":
            return name
        definition = kind.fields[name]
        target = get_named_type(definition.type)
        called = self._alias(alias or self._maybe_alias(name))
        inner = f" {{ {self._selection(target, depth)} }}" if is_object_type(target) else ""
        return f"{called}{name}{self._arguments(definition, target)}{self._condition()}{inner}"

    def _alias(self, alias: str) -> str:
        return f"{alias}: " if alias else ""

    def _maybe_alias(self, name: str) -> str:
        luck = self.dice.random()
        if luck < 0.12:
            return f"{name}_{self.dice.randint(0, 10**6)}"
        return f"{name}_{'long' * 20}{self.dice.randint(0, 10**6)}" if luck < 0.15 else ""

    def _condition(self) -> str:
        if self.dice.random() > 0.06:
            return ""
        word, truth = self.dice.choice(("skip", "include")), self.dice.random() < 0.5
        if self.dice.random() < 0.5:
            return f" @{word}(if: {str(truth).lower()})"
        return f" @{word}(if: {self._variable('Boolean!', truth)})"

    # --- arguments ----------------------------------------------------------------------------------------------------

    def _arguments(self, definition: GraphQLField, target: GraphQLNamedType) -> str:
        given: dict[str, str] = {}
        for name, argument in definition.args.items():
            if name in ("first", "last", "after", "before"):
                continue
            if is_non_null_type(argument.type) and name == "id":
                given[name] = self._written("ID!", self._some_id(target.name))
            elif self.dice.random() < 0.4:
                given[name] = self._value(argument.type)
        if "first" in definition.args:
            given |= self._page(target.name.removesuffix("Connection"))
        return f"({', '.join(f'{name}: {value}' for name, value in given.items())})" if given else ""

    def _page(self, listed: str) -> dict[str, str]:
        size, cursor = self.dice.choice((("first", "after"), ("first", "after"), ("last", "before")))
        count = 0 if self.dice.random() < 0.01 else self.dice.choice((1, 1, 2, 3, 5, 100))
        page = {size: self._written("Int", count)}
        cursors = self.known.cursors.get(listed)
        if cursors and self.dice.random() < 0.3:
            page[cursor] = self._written("String", self.dice.choice(cursors))
        return page

    def _some_id(self, name: str) -> str:
        if self.dice.random() < 0.03:
            name = self.dice.choice(list(self.known.ids))
        return self.dice.choice(self.known.ids.get(name) or ["bm90IGFuIGlk"])

    def _value(self, kind: GraphQLInputType) -> str:
        """A literal, or a variable of the same value."""
        return self._written(str(kind), self._plain(kind))

    def _plain(self, kind: GraphQLInputType, name: str = "") -> Any:
        if is_non_null_type(kind):
            kind = kind.of_type
        if is_list_type(kind):
            return [self._plain(kind.of_type, name) for _ in range(self.dice.choice((0, 1, 1, 2, 3)))]
        if is_input_object_type(kind):
            wanted = self.dice.sample(list(kind.fields), self.dice.randint(0, min(2, len(kind.fields))))
            return {name: self._plain(kind.fields[name].type, name) for name in wanted}
        if is_enum_type(kind):
            return _Enum(self.dice.choice(list(kind.values)))
        return self._scalar(get_named_type(kind).name, NAMED_BY.get(name, name))

    def _scalar(self, kind: str, name: str) -> Any:
        match kind:
            case "ID":
                return self._some_id(name)
            case "DateTime":
                return self.dice.choice(self.known.instants)
            case "Date":
                return self.dice.choice(("0001-01-01", "2026-06-15", "2026-06-16", "2026-07-01", "9999-12-31"))
            case "Boolean":
                return self.dice.random() < 0.5
            case "Int":
                return self.dice.randint(-1, 5)
        return self.dice.choice(self.known.texts)

    def _written(self, kind: str, value: Any) -> str:
        if self.dice.random() < 0.5:
            return self._variable(kind, value)
        return _literal(value)

    def _variable(self, kind: str, value: Any) -> str:
        name = f"v{len(self.variables)}"
        if not kind.endswith("!") and self.dice.random() < 0.2:
            self.declared.append(f"${name}: {kind} = {_literal(value)}")
            if self.dice.random() < 0.5:
                self.variables[name] = _json(value)
            else:
                self.variables[f"{name}_unused"] = None
            return f"${name}"
        self.declared.append(f"${name}: {kind}")
        self.variables[name] = _json(value)
        return f"${name}"


class _Enum(str):
    """A value that is written without quotes."""


def _json(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _json(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_json(item) for item in value]
    return str(value) if isinstance(value, str) else value


def _literal(value: Any) -> str:
    match value:
        case _Enum():
            return str(value)
        case str():
            escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
            return f'"{escaped}"'
        case bool():
            return str(value).lower()
        case None:
            return "null"
        case list():
            return f"[{', '.join(map(_literal, value))}]"
        case dict():
            return f"{{{', '.join(f'{name}: {_literal(item)}' for name, item in value.items())}}}"
    return str(value)
