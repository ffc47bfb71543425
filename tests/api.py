"""PET as its clients meet it, without a transport between: operations executed in this process."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from conftest import World

from pet_graph import database
from pet_graph.authority import INTERNAL
from pet_graph.context import Context, Services
from pet_graph.graph import schema
from pet_graph.schema.nodes import global_id
from pet_graph.standing import Standing
from pet_graph.tokens import Viewer

DESK = ("manager", "support")

Json = dict[str, Any]


def gid(name: str, id_: UUID) -> str:
    """The id of a thing as clients write it."""
    return global_id(name, id_)


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Api:
    """Operations of one viewer on a world, without a transport between."""

    world: World
    roles: Sequence[str] = DESK
    origin: str = INTERNAL
    actor: str = "tester"
    services: Services = field(init=False)

    def __post_init__(self) -> None:
        world = self.world
        self.services = Services(world.pool, world.turns, world.feed, Standing(world.pool, world.feed), world.now)

    def context(self) -> Context:
        return Context(self.services, Viewer(self.actor, tuple(self.roles), self.origin, None))

    async def execute(self, document: str, /, **variables: Any) -> Json:
        """The whole response, as it goes over the wire."""
        result: Any = await schema.execute(document, variable_values=variables, context_value=self.context())
        response = {"data": result.data}
        if result.errors:
            response["errors"] = [error.formatted for error in result.errors]
        whole: Json = json.loads(json.dumps(response))
        return whole

    async def ask(self, document: str, /, **variables: Any) -> Json:
        """The data; there are no errors."""
        response = await self.execute(document, **variables)
        assert "errors" not in response, response["errors"]
        data: Json = response["data"]
        return data

    async def wrong(self, document: str, /, **variables: Any) -> tuple[str | None, str]:
        """Code and message of the one error."""
        response = await self.execute(document, **variables)
        [error] = response["errors"]
        return error.get("extensions", {}).get("code"), error["message"]

    async def command(self, name: str, document: str = "", /, **given: Any) -> Json:
        """What a mutation answers to an input; `document` is asked of what it recorded."""
        given.setdefault("commandId", str(uuid4()))
        data = await self.ask(command(name, document), input=given)
        answer: Json = data[name]
        return answer


SAID = """
    __typename
    ... on Recorded { position repeated dryRun facts { position type } }
    ... on UserError { code message path }
    ... on Refused { repeated }
    ... on VersionConflict { currentVersion }
"""


def command(name: str, document: str = "") -> str:
    """A mutation that tells whatever became of a command."""
    kind = name[0].upper() + name[1:]
    return f"mutation ($input: {kind}Input!) {{ {name}(input: $input) {{ {SAID} {document} }} }}"


RECORD_ALL = f"""
    mutation ($commands: [CommandInput!]!, $atomic: Boolean! = false, $dryRun: Boolean! = false) {{
        recordAll(commands: $commands, atomic: $atomic, dryRun: $dryRun) {{
            recorded position outcomes {{ {SAID} ... on CommandRecorded {{ id node {{ id }} }} }}
        }}
    }}
"""


@asynccontextmanager
async def counted(api: Api) -> AsyncIterator[list[str]]:
    """Every statement that the operations of `api` send to the database meanwhile (what asyncpg asks is no matter)."""
    statements: list[str] = []

    def note(record: Any) -> None:
        if record.query.split(maxsplit=1)[0] in ("select", "with"):
            statements.append(record.query)

    async def listen(connection: Any) -> None:
        connection.add_query_logger(note)

    async def keep(connection: Any) -> None:
        pass

    settings = {**database.SESSION, "role": database.ROLE}
    pool = api.services.pool
    async with asyncpg.create_pool(
        api.world.url, min_size=1, max_size=4, server_settings=settings, init=listen, reset=keep
    ) as api.services.pool:
        try:
            yield statements
        finally:
            api.services.pool = pool
