"""Start here: what runs in a process, and the routes by which it is reached."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import asyncpg
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from . import database, demo
from .clock import Clock
from .config import Settings
from .context import Services
from .events.base import Role
from .feed import Feed
from .postgres import Lease, acquire
from .rebuild import rebuild_if_outdated
from .standing import Standing
from .tokens import Unauthenticated, Verifier, local_key
from .transport import PetGraphQL
from .turn import Turns

SUPERVISE_SECONDS = 0.5
DATABASE = "pet"
GRAPHQL = "/graphql"

logger = logging.getLogger(__name__)

WELCOME = """PET (Plan. Execute. Track.)

GraphQL is at /graphql: POST {"query": "…"} with Authorization: Bearer TOKEN, or a WebSocket (graphql-transport-ws).
A token: pet-graph token --role manager --name you
Health is at /livez and /readyz, metrics at /metrics (with a manager's token).
"""


def now() -> datetime:
    """The wall clock; the only place where PET reads it."""
    return datetime.now(UTC)


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[tuple[str, str, Lease | None]]:
    """The database: its URL, its owner's URL, and the lease on PET's own server if it is PET's own."""
    if settings.database_url:
        yield settings.database_url, settings.database_owner_url or settings.database_url, None
        return
    lease = await asyncio.to_thread(acquire, settings.data)
    try:
        await _ensure_database(lease.server.url())
        url = lease.server.url(DATABASE)
        yield url, url, lease
    finally:
        await asyncio.to_thread(lease.release)


async def _ensure_database(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        with suppress(asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
            if not await connection.fetchval("select exists (select from pg_database where datname = $1)", DATABASE):
                await connection.execute(f"create database {DATABASE}")
    finally:
        await connection.close()


async def prepare(url: str, owner_url: str) -> None:
    """Bring the database to the present shape, and what is derived from the log as well."""
    for name in await database.migrate(owner_url):
        logger.info("migrated: %s", name)
    connection = await database.connect(url)
    try:
        if await rebuild_if_outdated(connection, url=url):
            logger.info("rebuilt what is derived from the log")
    finally:
        await connection.close()


async def supervise(lease: Lease) -> None:
    """Start PET's own server again when it has died; connections find it by themselves."""
    while True:
        await asyncio.sleep(SUPERVISE_SECONDS)
        try:
            if await asyncio.to_thread(lease.ensure_running):
                logger.warning("the database had died and was started again")
        except Exception:
            logger.exception("the database cannot be started")


def settle() -> None:
    """Let the collector of garbage leave alone what is there now: code and schema, which stay as long as the process.

    They are a quarter of a million objects. To look at them all again stopped everything for a fifth of a second, and
    a turn that it caught stopped all other processes too. What comes is looked through once there is much of it:
    nothing that a command or a query leaves behind holds itself, so there is next to nothing to find.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


class Process:
    """Everything that one process runs, from start to stop."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.services: Services | None = None
        self.graphql: PetGraphQL | None = None
        self.verifier: Verifier | None = None
        self._tasks: list[asyncio.Task[None]] = []

    @asynccontextmanager
    async def lifespan(self, app: Any) -> AsyncIterator[None]:
        settings = self.settings
        async with AsyncExitStack() as stack:
            url, owner_url, lease = await stack.enter_async_context(opened(settings))
            await prepare(url, owner_url)
            half = settings.pool_size // 2
            pool = await stack.enter_async_context(database.pool(url, settings.pool_size - half))
            reader = stack.enter_context(database.reader(url, half)) if half else None
            services = self._services(pool, url)
            await services.feed.start()
            await services.standing.start()
            clock = Clock(pool, services.turns, services.feed, now)
            work = [services.turns.run(), services.feed.run(), services.standing.run(), clock.run()]
            work += [supervise(lease)] if lease else []
            work += [demo.keep_busy(services)] if settings.demo else []
            self._tasks = [asyncio.create_task(task) for task in work]
            self._open(services, reader)
            settle()
            try:
                yield
            finally:
                await self._stop()

    def _services(self, pool: asyncpg.Pool[Any], url: str) -> Services:
        settings = self.settings
        turns = Turns(
            lambda: database.connect(url), now, turn_limit=settings.turn_limit, queue_limit=settings.queue_limit
        )
        feed = Feed(pool, url, ring_size=settings.ring_size, poll_seconds=settings.poll_seconds)
        return Services(pool, turns, feed, Standing(pool, feed), now)

    def _open(self, services: Services, reader: database.Reader | None) -> None:
        settings = self.settings
        self.verifier = Verifier(
            None if settings.jwks_url else local_key(settings.data),
            now,
            jwks_url=settings.jwks_url,
            issuer=settings.token_issuer,
            audience=settings.token_audience,
            counted=services.standing.of,
        )
        self.graphql = PetGraphQL(
            services,
            self.verifier,
            body_limit_bytes=settings.body_limit_bytes,
            allowed_origins=settings.allowed_origins,
            reader=reader,
            backlog=settings.ring_size,
        )
        self.services = services

    async def _stop(self) -> None:
        self.services = None
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # --- routes -----------------------------------------------------------------------------------------------------

    def answer(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        assert self.graphql is not None, "no request comes before the lifespan has started"
        return self.graphql(scope, receive, send)

    async def livez(self, request: Request) -> Response:
        """Alive: the event loop turns, and no task has ended that should run for ever."""
        dead = [task for task in self._tasks if task.done()]
        return JSONResponse({"alive": not dead}, status_code=500 if dead else 200)

    async def readyz(self, request: Request) -> Response:
        """Ready: the database answers."""
        if self.services is None:
            return JSONResponse({"ready": False, "why": "starting or stopping"}, status_code=503)
        try:
            async with asyncio.timeout(2):
                await self.services.pool.fetchval("select 1")
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return JSONResponse({"ready": False, "why": "the database does not answer"}, status_code=503)
        return JSONResponse({"ready": True, "position": str(self.services.feed.position)})

    async def metrics(self, request: Request) -> Response:
        assert self.verifier is not None
        try:
            viewer = await self.verifier.viewer(request.headers.get("authorization"))
        except Unauthenticated as unknown:
            return PlainTextResponse(f"{unknown}\n", status_code=401, headers={"WWW-Authenticate": "Bearer"})
        if Role.MANAGER not in viewer.roles:
            return PlainTextResponse("Metrics are for managers.\n", status_code=403)
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


async def welcome(request: Request) -> Response:
    return PlainTextResponse(WELCOME)


class App(Starlette):
    """Starlette, but questions and commands go straight to where they are answered, and so do sockets, of which
    thousands stay open: what is wrapped around one is kept as long."""

    def __init__(self, process: Process, **given: Any) -> None:
        super().__init__(lifespan=process.lifespan, **given)
        self._process = process

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind != "lifespan" and scope["path"] == GRAPHQL and (kind == "websocket" or scope["method"] == "POST"):
            await self._process.answer(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


class _Endpoint:
    """An ASGI app that is not a function, so that starlette passes requests on as they are."""

    def __init__(self, process: Process) -> None:
        self._process = process

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._process.answer(scope, receive, send)


def create_app(settings: Settings | None = None) -> Starlette:
    """The ASGI application; `settings` come from the environment unless given."""
    process = Process(settings or Settings())
    return App(
        process,
        routes=[
            Route("/", welcome),
            Route("/livez", process.livez),
            Route("/readyz", process.readyz),
            Route("/metrics", process.metrics),
            Route(GRAPHQL, _Endpoint(process), methods=["GET", "POST"]),
        ],
    )
