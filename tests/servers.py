"""Real PET processes for tests: each on a port of its own, on a data folder of its own, and always stopped."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from pet_graph.postgres import acquire

PET_GRAPH = Path(sys.executable).with_name("pet-graph")
EXAMPLES = Path(__file__).parent.parent / "examples"
IMPORTER = EXAMPLES / "import_helpdesk.py"
START_SECONDS = STOP_SECONDS = 60.0
ANSWER_SECONDS = 15.0
COMMAND_SECONDS = 300.0


def until(condition: Callable[[], Any], seconds: float = 60.0) -> None:
    """Wait for something that will happen soon."""
    give_up_at = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up_at, f"it did not happen within {seconds:.0f} s"
        time.sleep(0.02)


def _environment() -> dict[str, str]:
    """This process's own, without what somebody has set for another PET."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PET_")}


class Server:
    """One PET on one data folder; it may be killed and started again, on the same port."""

    def __init__(self, data: Path) -> None:
        self.data, self.port = data, _free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=ANSWER_SECONDS)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/graphql"

    # --- its life -----------------------------------------------------------------------------------------------------

    def start(self, settings: Mapping[str, str] | None = None) -> None:
        command = [PET_GRAPH, "serve", "--port", str(self.port), "--data", self.data]
        with (self.data / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=subprocess.STDOUT, env=_environment() | {**(settings or {})}
            )
        until(self._is_ready, START_SECONDS)

    def _is_ready(self) -> bool:
        assert self.process
        assert self.process.poll() is None, f"the server has ended:\n{self.log()[-4_000:]}"
        with suppress(httpx.TransportError):
            return self._client.get("/readyz").is_success
        return False

    def is_alive(self) -> bool:
        """Whether everything in it that should run for ever still runs."""
        return self._client.get("/livez").is_success

    def kill(self) -> None:
        """kill -9. Its PostgreSQL lives on."""
        assert self.process
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """End whatever is left of it, its PostgreSQL included."""
        self._client.close()
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
        if postmaster := self.postmaster():
            os.kill(postmaster, signal.SIGINT)
            until(lambda: not self.postmaster(), STOP_SECONDS)

    def postmaster(self) -> int:
        """The process id of its PostgreSQL; 0 when that does not run."""
        cluster = (self.data / "cluster").resolve()
        with suppress(FileNotFoundError, ProcessLookupError, ValueError, IndexError):
            pid = int((cluster / "postmaster.pid").read_text().splitlines()[0])
            command = subprocess.run(["ps", "-ww", "-o", "args=", "-p", str(pid)], capture_output=True, text=True)
            return pid if f"-D {cluster}" in command.stdout else 0
        return 0

    def log(self) -> str:
        return (self.data / "server.log").read_text()

    # --- asking it ----------------------------------------------------------------------------------------------------

    @cached_property
    def token(self) -> str:
        return self.token_of("manager", "support")

    def token_of(self, *roles: str, name: str = "tester") -> str:
        arguments = [argument for role in roles for argument in ("--role", role)]
        return self.run("token", *arguments, "--name", name).stdout.strip()

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The pet-graph command on the same data folder."""
        command = [PET_GRAPH, *arguments, "--data", self.data]
        return subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_SECONDS, env=_environment())

    def post(self, document: str, variables: Mapping[str, Any] | None = None) -> httpx.Response:
        return self._client.post(
            "/graphql",
            json={"query": document, "variables": variables or {}},
            headers={"Authorization": f"Bearer {self.token}"},
        )

    def ask(self, document: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The data of an answer that has no errors."""
        answer = self.post(document, variables).json()
        assert "errors" not in answer, answer
        data: dict[str, Any] = answer["data"]
        return data

    @property
    def position(self) -> int:
        return int(self.ask("{ position }")["position"])

    def count(self, of: str, **filter: Any) -> int:
        """How many tickets or slaClocks there are of which all of this holds."""
        kind = {"tickets": "TicketFilter", "slaClocks": "SlaClockFilter"}[of]
        document = f"query ($filter: {kind}) {{ {of}(first: 1, filter: $filter) {{ totalCount }} }}"
        return int(self.ask(document, {"filter": filter})[of]["totalCount"])

    def refused_by_code(self) -> Counter[str]:
        """From the journal itself, which holds every command that was decided."""
        return Counter(row[0] for row in asyncio.run(self._refusals()))

    async def _refusals(self) -> list[Any]:
        with acquire(self.data) as lease:
            connection = await asyncpg.connect(lease.server.url("pet"))
            try:
                return await connection.fetch("select refusal->>'code' from pet.journal where refusal is not null")
            finally:
                await connection.close()

    # --- importing into it --------------------------------------------------------------------------------------------

    @contextmanager
    def importing(
        self, file: Path, token: str | None = None, *options: str, importer: Path = IMPORTER
    ) -> Iterator[subprocess.Popen[str]]:
        """An importer at work; it ends with the block at the latest."""
        command = [sys.executable, importer, file, "--url", self.url, "--token", token or self.token, *options]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=_environment()
        ) as at_work:
            try:
                yield at_work
            finally:
                at_work.kill()

    def import_log(
        self,
        file: Path,
        token: str | None = None,
        *options: str,
        importer: Path = IMPORTER,
        seconds: float = COMMAND_SECONDS,
    ) -> subprocess.CompletedProcess[str]:
        with self.importing(file, token, *options, importer=importer) as at_work:
            out, err = at_work.communicate(timeout=seconds)
        return subprocess.CompletedProcess(at_work.args, at_work.returncode, out, err)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def a_data_folder() -> Iterator[Path]:
    """A folder that the account of a PostgreSQL started by root can reach too, unlike those of pytest."""
    folder = Path(tempfile.mkdtemp(prefix="pet-test-")).resolve()
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def a_server(settings: Mapping[str, str] | None = None) -> Iterator[Server]:
    with a_data_folder() as data:
        server = Server(data)
        try:
            server.start(settings)
            yield server
        finally:
            server.stop()
