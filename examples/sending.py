"""Sends commands to PET with patience, many in a call; what the importers of this folder share."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import typer
from gql import Client, GraphQLRequest
from gql.client import AsyncClientSession
from gql.transport.exceptions import (
    TransportConnectionFailed,
    TransportError,
    TransportProtocolError,
    TransportQueryError,
    TransportServerError,
)
from gql.transport.httpx import HTTPXAsyncTransport
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

MOST_COMMANDS = 200
PATIENCE_SECONDS = 60.0
ANSWER_SECONDS = 60.0

Command = dict[str, dict[str, Any]]
"""One field, the name of a command, and under it the command's input: what `recordAll` takes."""


class CannotImport(Exception):
    """Why the import cannot go on, in one sentence for whoever runs it."""


@contextmanager
def explained() -> Iterator[None]:
    """Say why an import cannot go on, and exit with 1."""
    try:
        yield
    except CannotImport as reason:
        Console(stderr=True, soft_wrap=True).print(str(reason), style="red", markup=False, highlight=False)
        raise typer.Exit(1) from None


def check_failed(refused: Mapping[tuple[str, str], int], what: str) -> None:
    """Raises CannotImport when something was refused not because of what it is; `refused` counts by kind and code."""
    if failed := sum(count for (_, code), count in refused.items() if code == "internal_error"):
        raise CannotImport(f"{failed:,} {what} failed because of an error on PET's side. Run the import again.")


RECORD_ALL = """
mutation Import($commands: [CommandInput!]!, $dryRun: Boolean!) {
  recordAll(commands: $commands, dryRun: $dryRun) {
    outcomes {
      __typename
      ... on CommandRecorded { repeated facts { type stream data } }
      ... on UserError { code message path }
    }
  }
}
"""
POSITION = "{ position }"

Outcome = dict[str, Any]


class Server:
    """PET, asked with patience: what may be sent again is sent again, with the same ids."""

    def __init__(self, session: AsyncClientSession, url: str) -> None:
        self._session, self._url = session, url

    async def rehearse(self, commands: list[Command]) -> None:
        """Ask without recording, so that a wrong token is found out before PET has refused anything for good."""
        for outcome in await self._record_all(commands, dry_run=True):
            insist(outcome)

    async def record_all(self, commands: list[Command]) -> list[Outcome]:
        outcomes: list[Outcome] = await self._patiently(lambda: self._record_all(commands))
        return outcomes

    async def ask(self, document: str, variables: dict[str, Any] | None = None) -> Any:
        """The data that an operation is answered with."""
        return await self._patiently(lambda: self._ask(document, variables))

    async def position(self) -> int:
        return int((await self.ask(POSITION))["position"])

    async def _record_all(self, commands: list[Command], *, dry_run: bool = False) -> list[Outcome]:
        data = await self._ask(RECORD_ALL, {"commands": commands, "dryRun": dry_run})
        outcomes: list[Outcome] = data["recordAll"]["outcomes"]
        return outcomes

    async def _ask(self, document: str, variables: dict[str, Any] | None = None) -> Any:
        try:
            return await self._session.execute(GraphQLRequest(document, variable_values=variables))
        except TransportError as error:
            raise _explained(error, self._url) from error

    async def _patiently(self, ask: Callable[[], Any]) -> Any:
        give_up_at, pause_seconds = time.monotonic() + PATIENCE_SECONDS, 0.25
        while True:
            try:
                return await ask()
            except TryAgain as lost:
                if time.monotonic() + pause_seconds > give_up_at:
                    raise CannotImport(f"{lost} Run the import again: it goes on where it stopped.") from lost
            await asyncio.sleep(pause_seconds)
            pause_seconds = min(2 * pause_seconds, 5.0)


class TryAgain(CannotImport):
    """It may go well the next time."""


def _explained(error: TransportError, url: str) -> CannotImport:
    if isinstance(error, TransportConnectionFailed):
        return TryAgain(f"{url} does not answer ({error or 'no reason given'}).")
    if isinstance(error, TransportQueryError):
        first = (error.errors or [{}])[0]
        code, message = (first.get("extensions") or {}).get("code"), first.get("message") or str(error)
        if code == "UNAVAILABLE":
            return TryAgain(message)
        if code == "UNAUTHENTICATED":
            return CannotImport(f"{url} does not know this token. {message}")
        return CannotImport(f"{url} answers: {message}")
    if isinstance(error, TransportServerError) and (error.code or 0) >= 500:
        return TryAgain(f"{url} answers with HTTP {error.code}.")
    if isinstance(error, TransportServerError | TransportProtocolError):
        return CannotImport(f"{url} is not PET's GraphQL: {error}")
    return CannotImport(f"{url} cannot be asked: {error}")


def insist(outcome: Outcome) -> None:
    if outcome["__typename"] == "CommandConflict":
        raise CannotImport(
            f"The log was imported before, with another {outcome['path'][-1]}. {outcome['message']}"
            " Import again with the same token and policy, or into an empty PET."
        )
    if outcome.get("code") == "not_permitted":
        raise CannotImport(f"PET does not let this token import: {outcome['message']} A manager's token may.")
    if outcome["__typename"] not in ("CommandRecorded", "CalendarRecorded"):
        raise CannotImport(f"PET does not record what the import begins with: {outcome['message']}")


@asynccontextmanager
async def connected(url: str, token: str) -> AsyncIterator[Server]:
    """A connection to PET, closed with the block."""
    transport = HTTPXAsyncTransport(url, headers={"Authorization": f"Bearer {token}"}, timeout=ANSWER_SECONDS)
    async with Client(transport=transport, execute_timeout=None) as session:
        yield Server(session, url)


def progress(what: str) -> Progress:
    """A bar that moves where somebody looks at it."""
    terminal = Console(stderr=True)
    columns = (BarColumn(bar_width=None), MofNCompleteColumn(), TextColumn(f"{what}, left:"), TimeRemainingColumn())
    return Progress(*columns, console=terminal, transient=True, disable=not terminal.is_terminal)
