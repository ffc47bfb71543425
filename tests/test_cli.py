"""The pet-graph command: what each of its commands explains, prints, and refuses in a sentence."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from conftest import a_world
from servers import a_data_folder
from typer.testing import CliRunner

from pet_graph.cli import app
from pet_graph.config import Settings
from pet_graph.events.base import Role
from pet_graph.events.customers import RenameCustomer
from pet_graph.graph import sdl
from pet_graph.tokens import Verifier, Viewer, local_key

Run = Callable[..., Result]
COMMANDS = ("serve", "token", "verify", "rebuild", "export-schema", "facts", "explain")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command on a data folder of its own; nothing that it sets outlives the test."""
    for name in Settings.model_fields:
        monkeypatch.setenv(f"PET_{name.upper()}", "")
        monkeypatch.delenv(f"PET_{name.upper()}")

    def run(*arguments: Any, data: Any = tmp_path / "data", **settings: str) -> Result:
        environment = {**settings, "COLUMNS": "200", "TERM": "dumb", "PET_DATA": str(data)}
        return CliRunner().invoke(app, [str(argument) for argument in arguments], env=environment)

    return run


def printed(result: Result) -> str:
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    return result.stdout


# --- help -------------------------------------------------------------------------------------------------------------


def test_the_command_alone_shows_what_there_is(run: Run) -> None:
    shown = run("--help").stdout
    assert all(re.search(rf"\b{command}\b", shown) for command in COMMANDS)
    assert run().output.split() == run("--help").output.split()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_and_where_its_data_is(run: Run, command: str) -> None:
    shown = printed(run(command, "--help"))
    assert f"Usage: pet-graph {command}" in shown.replace("root ", "pet-graph ")
    if command != "export-schema":
        assert "--data" in shown
        assert "PET_DATA" in shown


def test_serve_names_every_setting_with_what_it_is_for(run: Run) -> None:
    shown = " ".join(printed(run("serve", "--help")).split())
    for name, setting in Settings.model_fields.items():
        assert f"PET_{name.upper()}: " in shown
        assert " ".join(str(setting.description).split())[:60] in shown, name


# --- token ------------------------------------------------------------------------------------------------------------


def seen(token: str, data: Path, now: datetime) -> Viewer:
    return asyncio.run(Verifier(local_key(data), lambda: now).viewer(f"Bearer {token.strip()}"))


def test_a_token_is_printed_that_the_server_believes(run: Run, tmp_path: Path) -> None:
    token = printed(run("token", "--role", "manager", "--role", "sales", "--name", "ada", "--expires", "2h"))
    now = datetime.now(UTC)
    viewer = seen(token, tmp_path / "data", now)
    assert (viewer.actor, viewer.roles, viewer.origin) == ("ada", ("sales", "manager"), "internal")
    assert (
        timedelta(hours=1, minutes=59) < datetime.fromtimestamp(viewer.expires_at or 0, UTC) - now <= timedelta(hours=2)
    )
    assert len(token.splitlines()) == 1


def test_a_token_may_hold_for_ever_and_for_an_outside_system(run: Run, tmp_path: Path) -> None:
    token = printed(run("token", "--role", "integration", "--system", "shop", "--expires", "never"))
    viewer = seen(token, tmp_path / "data", datetime(2099, 1, 1, tzinfo=UTC))
    assert viewer == Viewer("somebody", (Role.INTEGRATION,), "external:shop", None)


def test_the_data_folder_is_given_by_option_too(run: Run, tmp_path: Path) -> None:
    token = printed(run("token", "--role", "manager", "--data", tmp_path / "other"))
    assert seen(token, tmp_path / "other", datetime.now(UTC)).roles == ("manager",)
    assert not (tmp_path / "data").exists()


# --- schema -----------------------------------------------------------------------------------------------------------


def test_the_exported_schema_is_the_served_one(run: Run) -> None:
    assert printed(run("export-schema")) == sdl()


# --- the database -----------------------------------------------------------------------------------------------------


async def a_past(url: str) -> None:
    async with a_world(url) as world:
        customer = await world.customer("Acme")
        world.pass_time(hours=1)
        await world.record(RenameCustomer(customer=customer, name="Birch"))
        await world.ask(RenameCustomer(customer=customer, name="Birch"))


def test_a_database_of_ones_own_is_verified_rebuilt_and_read(run: Run, database_url: str) -> None:
    asyncio.run(a_past(database_url))
    own = {"PET_DATABASE_URL": database_url}
    summary, head = printed(run("verify", **own)).splitlines()
    assert summary == "2 facts and 3 commands: sealed, replay equal"
    anchor = re.fullmatch(r"head (\S+)   \(keep it elsewhere; give it to --anchor later\)", head)
    assert anchor
    assert printed(run("verify", "--anchor", anchor[1], **own)).splitlines()[0] == summary
    assert re.fullmatch(r"2 facts replayed in \d+\.\d s\n", printed(run("rebuild", **own)))
    registered, renamed = printed(run("facts", **own)).splitlines()
    assert re.fullmatch(
        r" +1  2026-06-01 12:00:00  CustomerRegistered +customer-\S+  \{\"name\":\"Acme\"\}", registered
    )
    assert re.fullmatch(r" +2  2026-06-01 13:00:00  CustomerRenamed +customer-\S+  \{\"name\":\"Birch\"\}", renamed)
    assert printed(run("facts", "--after", "1", **own)).splitlines() == [renamed]
    assert printed(run("facts", "--after", "2", **own)) == ""


def test_a_query_is_explained(run: Run, database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "tickets.graphql"
    file.write_text(
        "query Q($n: Int!) { tickets(first: $n) { totalCount } __schema { description } } query R { position }"
    )
    own = {"PET_DATABASE_URL": database_url}
    shown = printed(run("explain", file, "--variables", '{"n": 1}', "--operation", "Q", **own))
    assert shown.startswith("-- __schema runs on strawberry: introspection is answered from the schema\n")
    assert "(select count(*)" in shown
    assert "Seq Scan on tickets" in shown
    analyzed = printed(run("explain", file, "--variables", '{"n": 1}', "--operation", "Q", "--analyze", **own))
    assert "Execution Time" in analyzed
    for arguments, sentence in (
        ((tmp_path / "no.graphql",), "cannot be read"),
        ((file, "--variables", "{"), "--variables is no JSON object"),
        ((file,), "it does not say which operation of the document is meant"),
        ((file, "--operation", "Q"), "Variable '$n' has invalid value"),
    ):
        assert sentence in told(run("explain", *arguments, **own))


def test_a_head_that_is_not_this_logs_is_found_out(run: Run, database_url: str) -> None:
    asyncio.run(a_past(database_url))
    own = {"PET_DATABASE_URL": database_url}
    head = printed(run("verify", **own)).splitlines()[1].split()[1]
    longer = re.sub(r"^2:", "3:", head)
    result = run("verify", "--anchor", longer, **own)
    assert result.exit_code == 1
    assert "places where the seals do not hold" in result.stdout


@pytest.mark.slow
def test_a_fresh_data_folder_is_furnished_and_found_whole(run: Run) -> None:
    with a_data_folder() as data:
        lines = printed(run("verify", data=data / "pet")).splitlines()
        assert lines[0] == "0 facts and 0 commands: sealed, replay equal"
        assert printed(run("facts", data=data / "pet")) == ""


# --- refusals ---------------------------------------------------------------------------------------------------------


def told(result: Result) -> str:
    """The one sentence on which a command ended."""
    assert isinstance(result.exception, SystemExit), result.exception
    assert (result.exit_code, result.stdout, len(result.stderr.splitlines())) == (1, "", 1), result.output
    return result.stderr.strip()


def test_a_wrong_value_is_told_in_a_sentence(run: Run) -> None:
    for expires in ("5y", "", "-1d", "1.5h", "30", "d", "999999d"):
        sentence = f"--expires {expires} is not understood: write 30m, 12h, 30d, or never."
        assert told(run("token", "--role", "manager", f"--expires={expires}")) == sentence
    together = "The role integration and --system belong together."
    assert told(run("token", "--role", "integration")) == together
    assert told(run("token", "--role", "manager", "--system", "shop")) == together
    assert told(run("verify", "--anchor", "x")).startswith("--anchor is not a head that verify printed: ")


def test_a_database_that_cannot_be_used_is_told_in_a_sentence(run: Run, tmp_path: Path) -> None:
    for url in ("postgresql://nobody@127.0.0.1:1/x", "postgresql:///x?host=/nonexistent"):
        for command in ("verify", "rebuild", "facts"):
            assert told(run(command, PET_DATABASE_URL=url)).startswith("The database cannot be used: ")
    (tmp_path / "file").touch()
    assert told(run("verify", data=tmp_path / "file")).startswith("The database cannot be used: ")


@pytest.mark.parametrize(
    ("arguments", "settings"),
    [
        (("token", "--role", "manager", "--name", ""), {}),
        (("token", "--role", "manager", "--name", "x" * 201), {}),
        (("token", "--role", "manager", "--data", __file__), {}),
        (("verify",), {"PET_DATABASE_URL": "nonsense"}),
        (("verify",), {"PET_DATABASE_URL": "postgresql://nobody@127.0.0.1:x/x"}),
        (("verify",), {"PET_POOL_SIZE": "0"}),
        (("verify",), {"PET_ALLOWED_ORIGINS": "x"}),
    ],
    ids=str,
)
def test_a_setting_that_cannot_be_is_told_in_a_sentence(
    run: Run, arguments: tuple[str, ...], settings: dict[str, str]
) -> None:
    assert told(run(*arguments, **settings)).endswith(".")


def test_an_option_that_is_none_is_a_usage_error(run: Run) -> None:
    for arguments in (
        ("nothing",),
        ("token",),
        ("token", "--role", "nobody"),
        ("facts", "--after", "-1"),
        ("facts", "--after", "x"),
        ("serve", "--workers", "0"),
        ("serve", "--port", "x"),
    ):
        result = run(*arguments)
        assert (result.exit_code, result.stdout) == (2, ""), arguments
        assert "Usage: " in result.stderr
