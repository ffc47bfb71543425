"""Random queries, made from the schema itself: most are valid, and some are refused in one of the many ways."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLInputType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_enum_type,
    is_input_object_type,
    is_interface_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)

INTROSPECTION = ("__schema { queryType { name } }", '__type(name: "Ticket") { name kind }')
NO_IDS = ("bm90IGFuIGlk", "?", "", "Tm90aGluZzowMDAwMDAwMC0wMDAwLTAwMDAtMDAwMC0wMDAwMDAwMDAwMDA=")
NO_VALUES: list[Any] = [None, "?", -1, 10**30, 1.5, [], {}, [[None]], {"no": 1}, True]
BAD_CURSORS = ("", "?", "WyJ0aWNrZXRzIl0", "WyJ0aWNrZXRzIiwib3BlbmVkX2F0Iix0cnVlLCJ4IiwieSJd", "\u017e")
ZONES = ["UTC", "Europe/Rome", "Pacific/Apia", "Rome"]
NAMED_BY = {
    "assignee": "Person",
    "customer": "Customer",
    "obligation": "Obligation",
    "owner": "Person",
    "person": "Person",
    "policy": "SlaPolicy",
    "project": "Project",
    "quote": "Quote",
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
    streams: list[str]
    types: list[str]
    cursors: dict[str, list[str]] = field(default_factory=dict)


@dataclass
class Generator:
    """One query after the other; the same dice give the same queries."""

    schema: GraphQLSchema
    known: Known
    dice: random.Random
    roots: tuple[str, ...]
    variables: dict[str, Any] = field(default_factory=dict)
    deepest: int = 0
    declared: list[str] = field(default_factory=list)
    fragments: list[str] = field(default_factory=list)

    def query(self) -> tuple[str, dict[str, Any]]:
        """The text of an operation called Q, and its variables."""
        self.variables, self.declared, self.fragments = {}, [], []
        self.deepest = self.dice.choice((1, 2, 2, 3, 3, 4))
        root = self.schema.query_type
        assert root is not None
        names = [self.dice.choice(self.roots) for _ in range(self.dice.choice((1, 1, 1, 2, 3)))]
        fields = [self._field(root, name, 0, alias=f"root{n}") for n, name in enumerate(names)]
        if self.dice.random() < 0.25:
            fields.append(self.dice.choice(("__typename", *INTROSPECTION)))
        if self.dice.random() < 0.01:
            fields.append("nothing")
        self.dice.shuffle(fields)
        declared = f"({', '.join(self.declared)})" if self.declared else ""
        return f"query Q{declared} {{ {' '.join(fields)} }} {' '.join(self.fragments)}", self._given()

    def _given(self) -> dict[str, Any]:
        """The variables; now and then one is missing, or is nothing that it could be."""
        given = dict(self.variables)
        if given and self.dice.random() < 0.03:
            name = self.dice.choice(list(given))
            if self.dice.random() < 0.2:
                del given[name]
            else:
                given[name] = self.dice.choice(NO_VALUES)
        return given

    # --- selections ---------------------------------------------------------------------------------------------------

    def _selection(self, kind: GraphQLObjectType, depth: int) -> str:
        leaves = [name for name, one in kind.fields.items() if is_leaf_type(get_named_type(one.type))]
        links = [name for name in kind.fields if name not in leaves]
        chosen = self.dice.sample(leaves, min(len(leaves), self.dice.randint(1, 6))) if leaves else []
        if links and depth < self.deepest:
            chosen += self.dice.sample(links, min(len(links), self.dice.choice((0, 1, 1, 2))))
        if not chosen or self.dice.random() < 0.15:
            chosen.append("__typename")
        self.dice.shuffle(chosen)
        return " ".join(self._wrapped(kind, self._field(kind, name, depth + 1)) for name in chosen)

    def _things(self, kind: GraphQLInterfaceType, depth: int) -> str:
        """What is selected of something of a type that only its id tells."""
        of = self.dice.sample(list(self.schema.get_possible_types(kind)), self.dice.randint(0, 3))
        chosen = [f"... on {one.name} {{ {self._selection(one, depth)} }}" for one in of]
        chosen += self.dice.sample(["__typename", "id", "it: id", "... on Node { id }"], self.dice.randint(0, 2))
        self.dice.shuffle(chosen)
        return " ".join(chosen) or "__typename"

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
        inner = ""
        if is_object_type(target):
            inner = f" {{ {self._selection(target, depth)} }}"
        elif is_interface_type(target):
            inner = f" {{ {self._things(target, depth)} }}"
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
        pages = "last" in definition.args
        for name, argument in definition.args.items():
            if pages and name in ("first", "last", "after", "before"):
                continue
            if name in ("id", "ids"):
                given[name] = self._written(str(argument.type), self._ids(target.name, name))
            elif is_non_null_type(argument.type) or self.dice.random() < (0.1 if name == "asOf" else 0.4):
                given[name] = self._written(str(argument.type), self._plain(argument.type, name))
        if pages:
            given |= self._page(target.name.removesuffix("Connection"))
        return f"({', '.join(f'{name}: {value}' for name, value in given.items())})" if given else ""

    def _ids(self, kind: str, name: str) -> Any:
        wanted = list(self.known.ids) if kind == "Node" else [kind]
        if name == "id":
            return self._some_id(self.dice.choice(wanted))
        return [self._some_id(self.dice.choice(wanted)) for _ in range(self.dice.choice((0, 1, 2, 5, 9)))]

    def _page(self, listed: str) -> dict[str, str]:
        size, cursor = self.dice.choice((("first", "after"), ("first", "after"), ("last", "before")))
        count = self.dice.choice((0, 101, -1)) if self.dice.random() < 0.005 else self.dice.choice((1, 1, 2, 3, 5, 100))
        page = {size: self._written("Int", count)}
        cursors = self.known.cursors.get(listed)
        luck = self.dice.random()
        if luck < 0.005:
            page["last" if luck < 0.002 else cursor] = self._written("Int", 1)
        elif luck < 0.01:
            page[cursor] = self._written("String", self.dice.choice(BAD_CURSORS))
        elif cursors and luck < 0.3:
            page[cursor] = self._written("String", self.dice.choice(cursors))
        return page

    def _some_id(self, name: str) -> str:
        """An id of this type, mostly; some are of nothing, of another type, of no type, or no ids."""
        luck = self.dice.random()
        if luck < 0.003:
            return self.dice.choice(NO_IDS)
        if luck < 0.01:
            name = self.dice.choice(list(self.known.ids))
        return self.dice.choice(self.known.ids.get(name) or NO_IDS)

    def _plain(self, kind: GraphQLInputType, name: str = "") -> Any:
        if is_non_null_type(kind):
            kind = kind.of_type
        if is_list_type(kind):
            return [self._plain(kind.of_type, name) for _ in range(self.dice.choice((0, 1, 1, 2, 3)))]
        if is_input_object_type(kind):
            wanted = self.dice.sample(list(kind.fields), self.dice.randint(0, min(2, len(kind.fields))))
            if kind.is_one_of:
                wanted = [self.dice.choice(list(kind.fields))]
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
            case "Duration":
                return self.dice.choice(("PT1H", "PT8H", "P3DT0.5S", "P366D"))
            case "Boolean":
                return self.dice.random() < 0.5
            case "Int":
                return 0 if self.dice.random() < 0.005 else self.dice.randint(1, 20)
            case "Position":
                return str(self.dice.choice((0, 1, 7, 100, 10**6, 2**63 - 1)))
        words = {"types": self.known.types, "streams": self.known.streams, "zone": ZONES}
        return self.dice.choice(words.get(name, self.known.texts))

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
