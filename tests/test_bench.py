"""The bench, as far as it can be wrong without being run: its operations, its comparing, its goals, its picture."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID
from xml.etree import ElementTree

import pytest
from graphql import parse, validate

from bench import goals, load, plot, report, servers
from bench.cases import CASES, NESTED, ONE, SQL, WALK, Case, given_id, plain
from bench.scale import QUICK, Row
from pet_graph.graph import schema

TICKET = UUID("7f0c6a1e-3b52-4e3c-9a6f-1b2c3d4e5f60")


def reading(case: Case, server: str, **figures: float) -> Row:
    return {"group": "reads", "case": case.title, "server": server, "size": 10, **figures}


ROWS = [
    reading(ONE, "limit", server_ms=0.1, postgres_ms=0.05, per_second=9_000.0),
    reading(ONE, "PET", server_ms=0.12, postgres_ms=0.05, per_second=8_000.0),
    reading(ONE, "PostGraphile", server_ms=0.2, postgres_ms=0.05, per_second=3_000.0),
    {"group": "reads", "case": ONE.title, "server": "Mercurius", "size": 10, "why": "npm is not installed"},
    *({"group": "turns", "case": "t", "server": "PET", "size": n, "per_second": 100.0 * n} for n in (1, 64)),
    *({"group": "fanout", "case": "f", "server": "PET", "size": n, "last_ms": 0.1 * n} for n in (10, 5_000)),
]


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="only Linux tells the cores of a process")
def test_a_process_that_keeps_to_one_core_knows_that_there_are_others() -> None:
    """Else whatever is measured after the writers has one core, and PostgreSQL the same one."""
    all_of_them, found = os.sched_getaffinity(0), servers.cores()
    os.sched_setaffinity(0, found[0])
    try:
        assert servers.cores() == found
        assert found[0] | found[1] == all_of_them
    finally:
        os.sched_setaffinity(0, all_of_them)


@pytest.mark.parametrize("case", [*CASES, WALK], ids=lambda case: case.key)
def test_what_pet_is_asked_is_valid(case: Case) -> None:
    assert validate(schema._schema, parse(case.pet)) == []


def test_a_hand_has_written_sql_for_every_case() -> None:
    assert set(SQL) == {case.pet for case in CASES}


def test_answers_are_equal_that_differ_only_in_spelling() -> None:
    pet = {"id": given_id("pet", TICKET), "status": "OPEN", "openedAt": "2026-06-01T12:00:00.5+00:00"}
    other = {"id": str(TICKET), "status": "open", "openedAt": "2026-06-01T12:00:00.500000+00:00"}
    opened_at = datetime(2026, 6, 1, 12, 0, 0, 500_000, tzinfo=UTC)
    assert plain({"n": [pet]}) == plain({"n": [other]})
    assert plain(pet) == {"id": str(TICKET), "status": "OPEN", "openedAt": opened_at}
    assert plain({**pet, "status": "CLOSED"}) != plain(other)


def test_the_length_of_an_answer_is_known_once_its_head_is_there() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nDate: now"
    assert load.answer_length(bytearray(head)) == 0
    assert load.answer_length(bytearray(head + b"\r\n\r\nhe")) == len(head) + 4 + 5
    with pytest.raises(ValueError, match="does not say its length"):
        load.answer_length(bytearray(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"))


@pytest.mark.parametrize("answer", [b"HTTP/1.1 503 Gone\r\n\r\n", b'HTTP/1.1 200 OK\r\n\r\n{"data":null,"errors":[]}'])
def test_an_answer_that_is_not_whole_ends_the_measurement(answer: bytes) -> None:
    with pytest.raises(ValueError, match="not the answer wanted"):
        load.check(answer)


def test_a_goal_is_reached_or_not_or_was_not_measured() -> None:
    verdicts = {(goal.figure, goal.beside, goal.case): goal.verdict(ROWS) for goal in goals.GOALS}
    assert verdicts["server_ms", "limit", ONE.title] == "reached"
    assert verdicts["server_ms", "PostGraphile", ONE.title] == "**below the goal**"
    assert verdicts["server_ms", "limit", NESTED.title] == "not measured"


def test_the_page_says_what_was_found_and_what_was_not() -> None:
    page = report.page(ROWS, QUICK, load_before=99.0)
    assert f"| {ONE.title} | 10 | PET | 8,000 | 0.120 | 0.050 | 1.20 | 0.60 |" in page
    assert "- Mercurius (reads), because npm is not installed" in page
    assert "these figures are a rehearsal" in page
    assert "rehearsal" not in report.page(ROWS, QUICK, load_before=0.1)


def test_the_picture_is_small_and_knows_light_and_dark() -> None:
    svg = plot.picture(report.panels(ROWS), "A < B")
    assert ElementTree.fromstring(svg).tag.endswith("svg")
    assert len(svg) < 60_000
    assert "prefers-color-scheme: dark" in svg
    assert "not measured" in svg, "there are no rows of growth"
    assert all(f">{name}</text>" in svg for name in ("PET", "limit", "PostGraphile"))


def test_names_at_the_ends_of_lines_do_not_lie_on_each_other() -> None:
    assert plot.apart({"a": 10.0, "b": 12.0, "c": 50.0}, 13) == {"a": 10.0, "b": 23.0, "c": 50.0}


@pytest.mark.parametrize(
    ("value", "text"), [(0.045, "0.045"), (1.3, "1.3"), (128, "128"), (5_000, "5,000"), (1e6, "1M")]
)
def test_numbers_are_written_in_few_letters(value: float, text: str) -> None:
    assert plot.short(value) == text


@pytest.mark.parametrize("lock", sorted(servers.PEERS.glob("*/package-lock.json")), ids=lambda lock: lock.parent.name)
def test_peers_are_pinned_and_their_locks_name_no_registry(lock: Path) -> None:
    packages = json.loads(lock.read_text())["packages"]
    assert all("integrity" in package for name, package in packages.items() if name)
    assert not any("resolved" in package for package in packages.values())
    wanted = json.loads((lock.parent / "package.json").read_text())["dependencies"].values()
    assert all(version[0].isdigit() for version in wanted)


PLACE = servers.Place("postgresql://pet@/bench?host=/sockets&port=5432", Path("/data"), "token")


async def test_a_peer_that_cannot_be_installed_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(servers.NotMeasured, match="npm is not installed"):
        await servers.Peer("A peer", "pet", lambda port: ["node"], npm="nowhere").install()


async def test_a_peer_that_ends_instead_of_answering_says_why() -> None:
    broken = servers.Peer("A peer", "pet", lambda port: [servers.PYTHON, "-c", "import sys; sys.exit('no table')"])
    with pytest.raises(servers.NotMeasured, match="it does not answer: no table"):
        async with servers.serving(broken, PLACE):
            pytest.fail("it does not run")


def test_all_servers_are_given_the_same_database() -> None:
    environment = PLACE.environment(port=1)
    assert environment["PET_DATABASE_URL"] == PLACE.url
    assert {environment[name] for name in ("PGHOST", "PGPORT", "PGUSER", "PGDATABASE")} == {
        "/sockets",
        "5432",
        "pet",
        "bench",
    }
