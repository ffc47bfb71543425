"""The replay: rows survive their way as text, and many processes make the same rows as one, or none at all."""

from __future__ import annotations

import asyncio
import os
import string
import sys
from asyncio.subprocess import PIPE
from collections.abc import Sequence
from datetime import UTC, datetime
from signal import SIGCONT, SIGSTOP
from typing import Any
from uuid import UUID, uuid5

import asyncpg
import pytest
from conftest import World
from hypothesis import given, settings
from hypothesis import strategies as st

from bench import stages
from bench.data import Scale, fill
from pet_graph import database, replay
from pet_graph.projections import TABLES
from pet_graph.projections.base import CSV, _with_characters_themselves, part_id
from pet_graph.rebuild import differences, rebuild

AWKWARD = string.whitespace + string.punctuation + "\b\x01\x1f\x7f nulltre\u00e9\u2028\U0001f6e0"
texts = st.text(st.sampled_from(AWKWARD)) | st.text(st.characters(codec="utf-8", exclude_characters="\0"))


@given(texts)
@settings(max_examples=500, deadline=None, print_blob=True)
def test_a_text_is_quoted_as_itself(text: str) -> None:
    """By the rules of PostgreSQL's CSV: in quotes a backslash stands before a quote or a backslash that is meant."""
    line = TABLES["streams"].lines([{"stream": text, "version": 1, "position": 2, "state": "{}"}]).decode()
    assert line.endswith(',1,2,"{}"\n')
    quoted = line.removesuffix(',1,2,"{}"\n')[1:-1]
    assert quoted.replace("\\\\", "\0").replace('\\"', '"').replace("\0", "\\") == text


def test_a_backslash_before_an_n_is_no_new_line() -> None:
    assert _with_characters_themselves(rb'"\\n\n\\\n"') == b'"\\\\n\n\\\\\n"'


def person(name: str, email: str | None, roles: Sequence[str]) -> dict[str, Any]:
    at = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)
    return {
        "id": UUID(int=7),
        "name": name,
        "email": email,
        "roles": list(roles),
        "registered_at": at,
        "version": 1,
        "position": 2**40,
    }


NAMES = ("", "null", "\\", '"', "a\\nb", "a\nb\tc\rd\be\ff\x01\x1f", '{"a": "\\n,"}', "\\.", "é\u2028\U0001f6e0", "  ")


async def test_awkward_values_come_back_from_the_database(world: World) -> None:
    rows = [person(name, email, [name, "b", name]) for name in NAMES for email in (None, "null", "")]
    table = TABLES["people"]
    app = await database.connect(world.url)
    async with app.transaction():
        await database.create_tables(app, "pg_temp")
        lines = memoryview(table.lines(rows))
        await app.copy_to_table("people", source=lines, columns=table.columns, **CSV)
        assert [dict(row) for row in await app.fetch("select * from people")] == rows
    await app.close()


@given(st.uuids(), st.text())
def test_the_id_of_a_part_is_its_name_based_uuid(whole: UUID, name: str) -> None:
    assert part_id(whole, name) == uuid5(whole, name)


def test_a_row_that_lacks_a_column_is_refused() -> None:
    with pytest.raises(KeyError, match="email"):
        TABLES["people"].lines([{key: value for key, value in person("Ada", None, []).items() if key != "email"}])


# --- many processes ---------------------------------------------------------------------------------------------------


@pytest.fixture
async def filled(database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of a database with some 300 facts, which is much for this test: three processes take a share each."""
    await fill(database_url, Scale(tickets=60, customers=16))
    monkeypatch.setattr(replay, "MANY", 0)
    monkeypatch.setattr(replay, "PAGE", 20)
    monkeypatch.setattr(replay, "CHUNK_BYTES", 10_000)
    monkeypatch.setattr(replay, "processors", lambda: 3)
    return database_url


async def test_many_processes_make_the_rows_that_one_makes(filled: str) -> None:
    app = await database.connect(filled)
    told: list[int] = []
    assert await differences(app, told.append, url=filled) == {}
    assert (told[-1], sorted(told)) == (await app.fetchval("select max(position) from pet.log"), told)
    await app.execute("delete from people; update tickets set version = 9 where reference is null")
    assert (await differences(app, url=filled)).keys() == {"people", "tickets"}
    await rebuild(app, url=filled)
    assert await differences(app) == {}
    await app.close()


async def test_a_share_that_cannot_be_folded_leaves_the_tables_as_they_were(filled: str) -> None:
    app = await database.connect(filled)
    owner = await asyncpg.connect(filled, server_settings={"session_replication_role": "replica"})
    last = await owner.fetchval("select max(position) from pet.log where type = 'TicketClosed'")
    await owner.execute("update pet.log set type = 'Nonsense' where position = $1", last)
    with pytest.raises((replay.ReplayFailed, KeyError), match="Nonsense"):
        await rebuild(app, url=filled)
    await owner.execute("update pet.log set type = 'TicketClosed' where position = $1", last)
    await owner.close()
    assert await differences(app, url=filled) == {}
    await app.close()


async def test_a_process_that_dies_fails_the_whole(filled: str, monkeypatch: pytest.MonkeyPatch) -> None:
    app = await database.connect(filled)
    monkeypatch.setattr(replay.sys, "executable", "/bin/false")
    with pytest.raises(replay.ReplayFailed, match="ended, with 1"):
        await rebuild(app, url=filled)
    monkeypatch.undo()
    assert await differences(app) == {}
    await app.close()


async def test_a_process_that_is_stopped_in_the_middle_of_a_message_goes_on_with_it() -> None:
    code = "from pet_graph import replay; replay._say(replay.output(), ('people', bytes(300_000)))"
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-c", code]
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, env=environment, limit=4_096)
    assert process.stdout
    length = int.from_bytes(await process.stdout.readexactly(4))
    for signal in (SIGSTOP, SIGCONT):  # it waits until somebody reads on
        process.send_signal(signal)
        await asyncio.sleep(0.05)
    assert replay._said(await process.stdout.read(length) + await process.stdout.read()) == ("people", bytes(300_000))
    assert await process.wait() == 0


async def test_the_bench_tells_every_stage_of_a_rebuild_and_leaves_nothing(filled: str) -> None:
    told = "\n".join((await stages.measure(filled)).table())
    for stage in ("wire", "JSON", "facts", "fold", "rows", "lines", "reads and sorts", "copies", "makes keys"):
        assert stage in told
    app = await database.connect(filled)
    assert await differences(app) == {}
    assert await app.fetchval("select count(*) from pg_tables where schemaname = 'projections_beside'") == 0
    await app.close()
