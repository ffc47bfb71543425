"""kill -9 of PET and of its PostgreSQL under load: nothing that was answered is lost, and nothing is there twice."""

from __future__ import annotations

import re
import threading
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from os import kill
from pathlib import Path
from signal import SIGKILL
from typing import Any
from uuid import uuid4

import helpdesk
import httpx
import pytest
from conftest import shared_data
from servers import Server, a_server, until

pytestmark = pytest.mark.slow

Command = dict[str, dict[str, Any]]

# --- the server is killed ---------------------------------------------------------------------------------------------

CASES = 600


@pytest.fixture
def log_file(tmp_path: Path) -> Path:
    """The first cases of the real log or, where it is not, as many that never were."""
    try:
        rows = helpdesk.first_cases(helpdesk.read(shared_data("helpdesk/helpdesk_log.csv")), CASES)
    except pytest.skip.Exception:
        rows = helpdesk.generated(CASES)
    return helpdesk.write(tmp_path / "part.csv", rows)


def test_a_server_killed_during_the_import_has_lost_nothing_and_repeats_nothing(log_file: Path) -> None:
    expected = helpdesk.tally(helpdesk.read(log_file))
    with a_server() as server:
        with server.importing(log_file):
            _kill_once_there_are(server, CASES * 3 // 10)
            server.start()
            assert CASES * 3 // 10 <= server.count("tickets") < CASES, "it was to be killed in the middle"
            _kill_once_there_are(server, CASES * 6 // 10)
        server.start()
        assert CASES * 6 // 10 <= server.count("tickets") < CASES
        _rerun(server, log_file, expected)
        position = server.position
        _rerun(server, log_file, expected)
        assert server.position == position
        _is_as_expected(server, expected)
        assert " commands: sealed, replay equal" in server.run("verify").stdout


def _kill_once_there_are(server: Server, tickets: int) -> None:
    until(lambda: server.count("tickets") >= tickets)
    server.kill()


def _rerun(server: Server, log_file: Path, expected: helpdesk.Tally) -> None:
    said = server.import_log(log_file)
    assert said.returncode == 0, said.stderr
    assert f"recorded {expected.recorded:,} + refused {expected.refused.total():,}" in said.stdout
    until(lambda: server.count("slaClocks", state=["RUNNING"]) == 0)


def _is_as_expected(server: Server, expected: helpdesk.Tally) -> None:
    statuses = {status: server.count("tickets", status=[status]) for status in expected.statuses}
    assert statuses == expected.statuses
    breaches = {
        (kind, priority): server.count("slaClocks", breached=True, kind=kind, priority=[priority])
        for kind, priority in expected.breaches
    }
    assert breaches == expected.breaches
    assert server.refused_by_code() == expected.refused_by_code


# --- either is killed, again and again, while many write --------------------------------------------------------------

WRITERS, REQUESTS, KILL_AFTER = 4, 25, (20, 40, 60)
PATIENCE_SECONDS = 60.0
NO_CONNECTION, UNAVAILABLE = "no connection", "UNAVAILABLE"
RECORD_ALL = """
mutation ($commands: [CommandInput!]!) {
  recordAll(commands: $commands) {
    outcomes {
      __typename
      ... on CommandRecorded { position repeated facts { position type } }
      ... on UserError { code message }
    }
  }
}
"""
PAGE = "query ($after: Position) { facts(first: 1000, after: $after) { facts { position type commandId } } }"


@dataclass
class Load:
    """What several writers have sent and been answered."""

    server: Server
    answered: list[tuple[Sequence[Command], list[dict[str, Any]]]] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def write(self) -> None:
        for _ in range(REQUESTS):
            commands = _some_commands()
            outcomes = self._send(commands)
            with self.lock:
                self.answered.append((commands, outcomes))

    def _send(self, commands: Sequence[Command]) -> list[dict[str, Any]]:
        """Send, with the same ids, until it is answered. An answer that does not come in time fails the test."""
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < give_up_at:
            answer = self._post(commands)
            if isinstance(answer, list):
                return answer
            with self.lock:
                self.errors[answer] += 1
            time.sleep(0.05)
        raise AssertionError(f"no answer within {PATIENCE_SECONDS:.0f} s, only {self.errors}")

    def _post(self, commands: Sequence[Command]) -> list[dict[str, Any]] | str:
        """Outcomes, or what came instead of them."""
        try:
            answer = self.server.post(RECORD_ALL, {"commands": commands})
        except (httpx.NetworkError, httpx.RemoteProtocolError):
            return NO_CONNECTION
        if answer.status_code >= 500:
            return f"HTTP {answer.status_code}"
        if errors := answer.json().get("errors"):
            return str(errors[0]["extensions"]["code"])
        outcomes: list[dict[str, Any]] = answer.json()["data"]["recordAll"]["outcomes"]
        return outcomes


def _some_commands() -> list[Command]:
    """A customer and some tickets of theirs, which begin to count against a promise."""
    customer = uuid4()
    opened_at = datetime.now(UTC).isoformat()
    first = {"registerCustomer": {"commandId": str(customer), "name": f"Customer {customer}"}}
    ticket = {
        "customer": b64encode(f"Customer:{customer}".encode()).decode(),
        "subject": "It stands",
        "occurredAt": opened_at,
    }
    return [first, *({"openTicket": {"commandId": str(uuid4()), **ticket}} for _ in range(9))]


def _facts(server: Server) -> list[dict[str, Any]]:
    facts: list[dict[str, Any]] = []
    while page := server.ask(PAGE, {"after": facts[-1]["position"] if facts else "0"})["facts"]["facts"]:
        facts += page
    return facts


def _adopt_a_policy(server: Server) -> None:
    targets = [{"priority": "NORMAL", "response": "P30D", "resolution": "P30D"}]
    policy = {"commandId": str(uuid4()), "name": "Standard", "targets": targets}
    server.ask(RECORD_ALL, {"commands": [{"adoptSlaPolicy": policy}]})


def _kill_postgres(server: Server) -> None:
    """PET starts it again by itself."""
    killed = server.postmaster()
    kill(killed, SIGKILL)
    until(lambda: server.postmaster() not in (0, killed))


def _kill_pet(server: Server) -> None:
    server.kill()
    server.start()


@pytest.mark.parametrize(("kill_it", "error"), [(_kill_postgres, UNAVAILABLE), (_kill_pet, NO_CONNECTION)])
def test_whatever_is_killed_under_load_every_answer_holds(kill_it: Callable[[Server], None], error: str) -> None:
    with a_server() as server:
        _adopt_a_policy(server)
        load = Load(server)
        with ThreadPoolExecutor(WRITERS) as writers:
            writing = [writers.submit(load.write) for _ in range(WRITERS)]
            for answers in KILL_AFTER:
                until(lambda answers=answers: len(load.answered) >= answers or any(one.done() for one in writing))
                kill_it(server)
            for one in writing:
                one.result()
        assert load.errors.keys() == {error}
        assert server.is_alive()
        _every_answer_holds(server, load)
        verified = server.run("verify").stdout
        assert re.match(rf"{server.position:,} facts and .* commands: sealed, replay equal\n", verified)


def _every_answer_holds(server: Server, load: Load) -> None:
    """What was answered is in the log, once, where it was said to be; and there is nothing else but the policy."""
    outcomes = list(chain.from_iterable(outcomes for _, outcomes in load.answered))
    assert {outcome["__typename"] for outcome in outcomes} == {"CommandRecorded"}
    answered = {
        fact["position"]: (fact["type"], _command_id(command))
        for commands, outcomes in load.answered
        for command, outcome in zip(commands, outcomes, strict=True)
        for fact in outcome["facts"]
    }
    in_the_log = {fact["position"]: (fact["type"], fact["commandId"]) for fact in _facts(server)}
    assert in_the_log.pop("1")[0] == "SlaPolicyAdopted"
    assert in_the_log == answered
    assert len(answered) == WRITERS * REQUESTS * (1 + 9 * 2)
    for commands, first in load.answered[::10]:
        again = server.ask(RECORD_ALL, {"commands": commands})["recordAll"]["outcomes"]
        assert again == [{**outcome, "repeated": True} for outcome in first]


def _command_id(command: Command) -> str:
    [fields] = command.values()
    return str(fields["commandId"])
