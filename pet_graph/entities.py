"""Entities: what strawberry's execution meets by its id is answered by one statement, however deep the selection.

So a message of a subscription, and the answer to a mutation, cost what a query of the same fields does.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import strawberry
from asyncpg import PostgresError
from graphql import FieldNode, GraphQLError, GraphQLObjectType, GraphQLResolveInfo, get_named_type
from graphql.execution.values import VariableValues
from graphql.pyutils import Path

from .authority import scope_of
from .compiler import Compiler, Uncompiled
from .context import Info
from .database import LOST, NOT_IN_SQL
from .kept import Kept
from .planner import MOST_SELECTIONS, Connections, Selection, conditions

MOST_PLACES = 1_000
ENTITY = "entity"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Place:
    """Where a document selects of an entity, and what it selects there, by rights, table and the values of conditions.

    A text says why it is not compiled. A place is known by its nodes, which it keeps: no others can take their ids.
    """

    nodes: Sequence[FieldNode]
    conditions: tuple[str, ...]
    selections: Kept[tuple[Any, ...], Selection | str] = field(default_factory=lambda: Kept(MOST_SELECTIONS))


class Entities:
    """Rows by their ids; what documents select of them is compiled once, and kept while it is in use."""

    def __init__(self, schema: strawberry.Schema, connections: Connections) -> None:
        self._schema, self._connections = schema, connections
        self._places: Kept[tuple[int, ...], Place] = Kept(MOST_PLACES)

    async def find(self, info: Info, table: str, id_: UUID) -> bytes | None:
        """The JSON of what the field selects of a row, `null` if there is none; None when strawberry has to look.

        It has to when something is not compiled, when arguments are refused, when only the program can work it out, and
        within a list, where its loaders ask once for all.
        Raises what asyncpg raises when the database does not answer.
        """
        scope = scope_of(info.context.known_viewer.roles)
        if scope is None or _in_list(info.path):
            return None
        variables = VariableValues({}, info.variable_values)
        selection = self._selection(info._raw_info, table, scope, variables)
        if isinstance(selection, str):
            return None
        try:
            prepared = selection.prepare(self._schema, variables, str(id_))
            return (await prepared.answers(self._connections, info.context.services.now()))[ENTITY]
        except (GraphQLError, NOT_IN_SQL):
            return None
        except LOST:
            raise
        except PostgresError:
            logger.exception("the statement of an entity failed")
            return None

    def _selection(
        self, info: GraphQLResolveInfo[Any], table: str, scope: str, variables: VariableValues
    ) -> Selection | str:
        key = tuple(map(id, info.field_nodes))
        place = self._places.get(key) or self._places.put(key, _place(info))
        values = scope, table, *(variables.coerced.get(name) for name in place.conditions)
        return place.selections.get(values) or place.selections.put(values, self._compiled(info, table, variables))

    def _compiled(self, info: GraphQLResolveInfo[Any], table: str, variables: VariableValues) -> Selection | str:
        compiler, kind = Compiler(self._schema, info.fragments, variables), get_named_type(info.return_type)
        assert isinstance(kind, GraphQLObjectType)
        try:
            root = compiler.entity(kind, table, info.field_nodes)
        except (GraphQLError, Uncompiled) as why:
            return str(why)
        return Selection([(ENTITY, root)], compiler.calls)


def _in_list(path: Path | None) -> bool:
    return path is not None and (isinstance(path.key, int) or _in_list(path.prev))


def _place(info: GraphQLResolveInfo[Any]) -> Place:
    return Place(info.field_nodes, conditions(*info.field_nodes, *info.fragments.values()))
