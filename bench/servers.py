"""Servers that are measured: each a process of its own, on a core that PostgreSQL and the load do not use."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from pet_graph.app import now
from pet_graph.events.base import Role
from pet_graph.postgres import Lease, acquire
from pet_graph.tokens import issue, local_key

PEERS = Path(__file__).parent / "peers"
PYTHON, PET_GRAPH = sys.executable, str(Path(sys.executable).with_name("pet-graph"))
START_SECONDS, STOP_SECONDS, INSTALL_SECONDS = 60.0, 10.0, 300.0


class NotMeasured(Exception):
    """A server cannot be measured here; the message says why, in the words that the report shows."""


@cache
def cores() -> tuple[set[int], set[int]]:
    """The core of the server, and those of PostgreSQL and the load; the same ones where there is only one.

    Of those that this process had at first: while it keeps to one of them it must not take that for all there are.
    """
    if not hasattr(os, "sched_getaffinity"):
        raise NotMeasured("processor time is read from /proc, which only Linux has")
    first, *rest = sorted(os.sched_getaffinity(0))
    return {first}, set(rest) or {first}


def pin(process: int, to: set[int]) -> None:
    """Keep a process that runs already, and whatever it will start, on some cores."""
    for one in (process, *children(process)):
        with suppress(ProcessLookupError):
            os.sched_setaffinity(one, to)


def children(process: int) -> list[int]:
    with suppress(FileNotFoundError):
        return [int(one) for one in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    return []


_running: list[Lease] = []


@asynccontextmanager
async def postgres() -> AsyncIterator[Lease]:
    """PET's own PostgreSQL in a temporary folder, with PET's settings, on its cores; the one that runs, if one does."""
    if _running:
        yield _running[0]
        return
    with tempfile.TemporaryDirectory(prefix="pet-bench-") as folder:
        os.chmod(folder, 0o755)  # as root the server runs under another account, which has to get in
        lease = await asyncio.to_thread(acquire, Path(folder) / "data")
        _running.append(lease)
        try:
            pin(postmaster(lease), cores()[1])
            yield lease
        finally:
            _running.clear()
            await asyncio.to_thread(lease.release)


def postmaster(lease: Lease) -> int:
    return int((lease.server.cluster / "postmaster.pid").read_text().splitlines()[0])


@dataclass(frozen=True)
class Place:
    """Where a server finds its data and its key, and what a client shows to be let in."""

    url: str
    data: Path
    token: str

    @classmethod
    def of(cls, lease: Lease, database: str) -> Place:
        token = issue(local_key(lease.server.data), "bench", [Role.MANAGER], now=now(), lifetime=timedelta(days=1))
        return cls(lease.server.url(database), lease.server.data, token)

    def environment(self, port: int) -> dict[str, str]:
        """For PET and for the others: the same database, by the same socket."""
        parts = urlsplit(self.url)
        options = parse_qs(parts.query)
        own = {name: value for name, value in os.environ.items() if not name.startswith(("PET_", "PG"))}
        return own | {
            "PORT": str(port),
            "PET_DATABASE_URL": self.url,
            "PET_DATA": str(self.data),
            "PGHOST": options["host"][0],
            "PGPORT": options["port"][0],
            "PGUSER": str(parts.username),
            "PGDATABASE": parts.path.removeprefix("/"),
            "PGOPTIONS": "-c search_path=projections,pet",
            "NODE_ENV": "production",
        }


@dataclass(frozen=True)
class Peer:
    """A server that can be measured: how the report calls it, in which words it is asked, and how it is started."""

    name: str
    dialect: str
    command: Callable[[int], list[str]]
    npm: str | None = None

    async def install(self) -> None:
        """Bring its packages, if it is of another house. Raises NotMeasured."""
        if self.npm is None or _is_installed(PEERS / self.npm):
            return
        if not shutil.which("npm"):
            raise NotMeasured("npm is not installed")
        process = await asyncio.create_subprocess_exec(
            *("npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"),
            cwd=PEERS / self.npm,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(INSTALL_SECONDS):
                _, said = await process.communicate()
        except TimeoutError:
            process.kill()
            raise NotMeasured(f"npm did not install it within {INSTALL_SECONDS:.0f} s") from None
        if process.returncode:
            shutil.rmtree(PEERS / self.npm / "node_modules", ignore_errors=True)
            raise NotMeasured(f"npm could not install it: {last_line(said)}")


@dataclass(frozen=True)
class Server:
    """A peer that runs and answers."""

    peer: Peer
    process: int
    port: int


@asynccontextmanager
async def serving(peer: Peer, place: Place) -> AsyncIterator[Server]:
    """The peer as a process on the server's core, from its first answer on. Raises NotMeasured."""
    await peer.install()
    port = free_port()
    with tempfile.TemporaryFile() as log:
        try:
            process = await asyncio.create_subprocess_exec(
                *peer.command(port), cwd=PEERS.parent.parent, env=place.environment(port), stdout=log, stderr=log
            )
        except OSError as error:
            raise NotMeasured(f"it does not start: {error}") from error
        pin(process.pid, cores()[0])
        try:
            await _answering(process, port)
            yield Server(peer, process.pid, port)
        except TimeoutError:
            log.seek(0)
            raise NotMeasured(f"it does not answer: {last_line(log.read())}") from None
        finally:
            await stop(process)


async def _answering(process: asyncio.subprocess.Process, port: int) -> None:
    """Wait until something listens. Raises TimeoutError, also when the process has ended."""
    async with asyncio.timeout(START_SECONDS):
        while process.returncode is None:
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.05)
    raise TimeoutError


async def stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_installed(folder: Path) -> bool:
    """Whether npm has been here since its lock file was last written."""
    done = folder / "node_modules" / ".package-lock.json"
    return done.exists() and done.stat().st_mtime >= (folder / "package-lock.json").stat().st_mtime


def last_line(said: bytes) -> str:
    lines = [line.strip() for line in said.decode(errors="replace").splitlines() if line.strip()]
    return lines[-1][:200] if lines else "it says nothing"
