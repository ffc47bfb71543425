"""The pet-graph command."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import asyncpg
import msgspec
import typer
import uvicorn
from pydantic import ValidationError
from pydantic_settings import SettingsError

from . import audit, database, log
from .app import create_app, now, opened, prepare
from .config import Settings
from .events.base import Fact, Role
from .explain import described, plan, prepared
from .frames import Protocol as WebSocketProtocol
from .graph import sdl
from .planner import NotPlanned
from .postgres import PostgresFailed
from .rebuild import rebuild as rebuild_tables
from .responses import Protocol as HttpProtocol
from .tokens import LONGEST_NAME, issue, local_key

app = typer.Typer(
    help="PET (Plan. Execute. Track.): the operational truth of a services firm, as a GraphQL API.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
Data = Annotated[
    Path,
    typer.Option(envvar="PET_DATA", help="The folder of the embedded database and of the local signing key."),
]
HERE = Path(".pet")
GRACE_SECONDS = 5


def _settings(data: Path) -> Settings:
    """What was said on the command line goes to the environment, where worker processes find it too."""
    os.environ["PET_DATA"] = str(data.absolute())
    try:
        return Settings()
    except (ValidationError, SettingsError) as wrong:
        first = wrong.errors()[0] if isinstance(wrong, ValidationError) else None
        setting = f"PET_{str(first['loc'][0]).upper()}: {first['msg']}" if first else str(wrong)
        raise _fail(f"A setting cannot be used. {setting}") from wrong


def _fail(message: str) -> typer.Exit:
    """Say in a sentence what is wrong, and end with exit code 1."""
    typer.secho(message if message.endswith(".") else f"{message}.", err=True, fg="red")
    return typer.Exit(1)


def _with_database(data: Path, work: Callable[[asyncpg.Connection[Any], str], Awaitable[int]]) -> None:
    """Run `work` on the prepared database, a connection and its URL, and exit with what it returns."""

    async def run() -> int:
        async with opened(_settings(data)) as (url, owner_url, _):
            await prepare(url, owner_url)
            connection = await database.connect(url)
            try:
                await connection.execute("set statement_timeout = 0")
                return await work(connection, url)
            finally:
                await connection.close()

    try:
        code = asyncio.run(run())
    except (PostgresFailed, OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as failed:
        raise _fail(f"The database cannot be used: {failed}") from failed
    raise typer.Exit(code)


def _settings_help() -> str:
    fields = Settings.model_fields.items()
    return "\n\n".join(f"PET_{name.upper()}: {field.description} [{field.default}]" for name, field in fields)


@app.command(epilog=f"Settings, from the environment:\n\n{_settings_help()}")
def serve(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on.")] = 8000,
    data: Data = HERE,
    demo: Annotated[bool, typer.Option("--demo", help="With a demonstration firm that keeps busy.")] = False,
    workers: Annotated[int, typer.Option(min=1, help="How many processes.")] = 1,
    access_log: Annotated[
        bool, typer.Option("--access-log", help="Write a line for each request; it costs a quarter of a small query.")
    ] = False,
) -> None:
    """Run PET."""
    settings = _settings(data)
    logging.basicConfig(level=logging.INFO, format="%(levelname)-7s %(name)s: %(message)s")
    if demo:
        os.environ["PET_DEMO"] = "true"
        _greet(settings, host, port)
    try:
        uvicorn.run(
            f"{create_app.__module__}:create_app",
            factory=True,
            host=host,
            port=port,
            workers=workers,
            http=HttpProtocol,
            ws=WebSocketProtocol,
            ws_per_message_deflate=False,
            ws_max_size=settings.body_limit_bytes,
            timeout_graceful_shutdown=GRACE_SECONDS,
            log_level="warning" if demo else "info",
            access_log=access_log,
            server_header=False,
        )
    except KeyboardInterrupt:
        return


def _greet(settings: Settings, host: str, port: int) -> None:
    name = "you"
    token = issue(local_key(settings.data), name, [Role.MANAGER, Role.SUPPORT], now=now(), lifetime=timedelta(days=30))
    typer.echo(
        f"""
PET serves a demonstration firm. Ctrl-C ends it; its data stays in {settings.data}.

GraphQL   http://{host}:{port}/graphql   (subscriptions: ws://{host}:{port}/graphql)
Token     {token}

A first query, to paste into another terminal:

  curl -s http://{host}:{port}/graphql -H 'Authorization: Bearer {token}' \\
    -H 'Content-Type: application/json' \\
    -d '{{"query": "{{ tickets(first: 3) {{ totalCount nodes {{ subject status customer {{ name }} }} }} }}"}}'

A first subscription, SLA breaches as they happen:

  curl -sN http://{host}:{port}/graphql -H 'Authorization: Bearer {token}' \\
    -H 'Content-Type: application/json' -H 'Accept: text/event-stream' \\
    -d '{{"query": "subscription {{ slaBreaches {{ cursor kind dueAt customer {{ name }} ticket {{ subject }} }} }}"}}'
"""
    )


@app.command()
def token(
    role: Annotated[list[Role], typer.Option(help="A role the token holds; give it several times for several.")],
    name: Annotated[str, typer.Option(help="Who will be asking: it stands as `actor` in every fact.")] = "somebody",
    expires: Annotated[str, typer.Option(help="How long it holds: 30m, 12h, 30d, or never.")] = "30d",
    system: Annotated[str | None, typer.Option(help="The outside system it is for; role integration only.")] = None,
    data: Data = HERE,
) -> None:
    """Print a bearer token signed by the local key."""
    if (system is not None) != (Role.INTEGRATION in role):
        raise _fail("The role integration and --system belong together.")
    if not 0 < len(name) <= LONGEST_NAME:
        raise _fail(f"--name has from 1 to {LONGEST_NAME} characters.")
    try:
        key = local_key(_settings(data).data)
    except OSError as failed:
        raise _fail(f"The local key cannot be used: {failed}") from failed
    typer.echo(issue(key, name, role, now=now(), lifetime=_lifetime(expires), system=system))


def _lifetime(expires: str) -> timedelta | None:
    if expires == "never":
        return None
    match = re.fullmatch(r"(\d{1,5})([smhd])", expires)
    if not match:
        raise _fail(f"--expires {expires} is not understood: write 30m, 12h, 30d, or never.")
    return timedelta(**{{"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}[match[2]]: int(match[1])})


@app.command()
def verify(
    data: Data = HERE,
    anchor: Annotated[
        str | None, typer.Option(help="A head that `verify` printed before and you kept elsewhere.")
    ] = None,
) -> None:
    """Walk every seal, look for edits, gaps, reorders and truncation, and compare a replay with what is remembered."""

    try:
        kept = audit.Anchor.parse(anchor) if anchor else None
    except ValueError as error:
        raise _fail(f"--anchor is not a head that verify printed: {error}") from error

    async def work(connection: asyncpg.Connection[Any], url: str) -> int:
        report = await audit.verify(connection, anchor=kept, progress=_progress("verified"), url=url)
        for finding in report.findings:
            typer.secho(f"{finding.kind}: {finding.sentence}", fg="red")
        if report.unlisted:
            typer.secho(f"… and {report.unlisted:,} more", fg="red")
        broken = [finding for finding in report.findings if finding.kind != "difference"]
        seals = "sealed" if not broken else f"{len(broken) + report.unlisted:,} places where the seals do not hold"
        replay = "replay equal" if len(broken) == len(report.findings) else "replay differs"
        typer.echo(f"{report.facts:,} facts and {report.entries:,} commands: {seals}, {replay}")
        typer.echo(f"head {report.head}   (keep it elsewhere; give it to --anchor later)")
        return 1 if report.findings else 0

    _with_database(data, work)


@app.command()
def rebuild(data: Data = HERE) -> None:
    """Replay the log into fresh tables and put them in the place of the present ones."""

    async def work(connection: asyncpg.Connection[Any], url: str) -> int:
        started = now()
        count = await rebuild_tables(connection, _progress("replayed"), url=url)
        typer.echo(f"{count:,} facts replayed in {(now() - started).total_seconds():.1f} s")
        return 0

    _with_database(data, work)


@app.command()
def explain(
    file: Annotated[Path, typer.Argument(help="A file with a GraphQL query.")],
    variables: Annotated[str, typer.Option(help="Its variables, as a JSON object.")] = "{}",
    operation: Annotated[str | None, typer.Option(help="Which operation, if the file has several.")] = None,
    analyze: Annotated[bool, typer.Option("--analyze", help="Run it, and tell real times and rows.")] = False,
    data: Data = HERE,
) -> None:
    """Print the SQL that a query becomes, what of it runs on strawberry and why, and PostgreSQL's plan."""
    try:
        given = msgspec.json.decode(variables, type=dict[str, Any])
    except msgspec.MsgspecError as wrong:
        raise _fail(f"--variables is no JSON object: {wrong}") from wrong
    try:
        one = prepared(file.read_text(), given, operation)
    except (OSError, UnicodeDecodeError) as unread:
        raise _fail(f"{file} cannot be read: {unread}") from unread
    except NotPlanned as why:
        raise _fail(f"The query runs on strawberry as a whole: {why}") from why
    typer.echo(described(one))

    async def work(connection: asyncpg.Connection[Any], url: str) -> int:
        if one.plan.columns:
            typer.echo("\n".join(await plan(connection, one, now(), analyze=analyze)))
        return 0

    _with_database(data, work)


@app.command("export-schema")
def export_schema() -> None:
    """Print the GraphQL schema, sorted."""
    sys.stdout.write(sdl())


@app.command()
def facts(
    data: Data = HERE,
    follow: Annotated[bool, typer.Option("--follow", help="Go on with new facts as they are recorded.")] = False,
    after: Annotated[int, typer.Option(min=0, help="Begin after this position.")] = 0,
) -> None:
    """Print facts, oldest first."""

    async def work(connection: asyncpg.Connection[Any], url: str) -> int:
        position = after
        while True:
            for fact in await log.read(connection, position):
                typer.echo(_line(fact))
                position = fact.position
            if await log.last_position(connection) <= position:
                if not follow:
                    return 0
                await asyncio.sleep(0.5)

    try:
        _with_database(data, work)
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


def _line(fact: Fact) -> str:
    return f"{fact.position:>8}  {fact.occurred_at:%Y-%m-%d %H:%M:%S}  {fact.type:<20}  {fact.stream}  {fact.data}"


def _progress(what: str) -> Callable[[int], None]:
    """Says how far it is, on a terminal only."""

    def say(position: int) -> None:
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{what} up to {position:,} ")

    return say
