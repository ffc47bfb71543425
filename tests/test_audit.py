"""The audit: whatever is done to a copy past the locks is found, said of the right kind, and said once."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import asyncpg
import msgspec
import pytest
from conftest import World, a_world

from pet_graph import database, log
from pet_graph.audit import Anchor, Report, verify
from pet_graph.events.base import Fact
from pet_graph.events.customers import RenameCustomer
from pet_graph.events.messages import RespondToTicket
from pet_graph.events.tickets import AssignTicket, HoldTicket, OpenTicket, ResolveTicket
from pet_graph.events.timelines import Party
from pet_graph.postgres import Embedded
from pet_graph.rebuild import rebuild
from pet_graph.turn import take_turn

Found = list[tuple[str, str, int]]
"""Kind, table and place of each finding."""


async def a_history(world: World) -> None:
    """31 facts of 20 commands, and two refusals: entry 14 of 22 in the middle, and the last."""
    await world.policy(response=timedelta(hours=1), resolution=timedelta(hours=8))
    customers = [await world.customer(name) for name in ("Crunchy Armchairs", "Mighty Teapots", "Silent Drums")]
    person = await world.person("Ada")
    for customer in customers:
        world.pass_time(minutes=7)
        ticket = (await world.record(OpenTicket(customer=customer, subject="It squeaks"))).facts[0].id
        await world.record(AssignTicket(ticket=ticket, assignee=person))
        await world.record(RespondToTicket(ticket=ticket, person=person))
        world.pass_time(minutes=7)
        await world.record(ResolveTicket(ticket=ticket, resolution="Oil"))
        if customer is customers[1]:
            await world.ask(AssignTicket(ticket=ticket, assignee=person))
    await world.record(RenameCustomer(customer=customers[0], name="Cosy Armchairs"))
    last = (await world.record(OpenTicket(customer=customers[0], subject="It creaks"))).facts[0].id
    await world.record(HoldTicket(ticket=last, reason="They look for it", waiting_on=Party.CUSTOMER))
    await world.ask(HoldTicket(ticket=last, reason="They look for it", waiting_on=Party.CUSTOMER))


@dataclass
class Copy:
    """A copy of a database with a history, for its owner to tamper with."""

    url: str
    facts: list[Fact]
    anchor: Anchor

    async def tamper(self, *statements: str) -> None:
        """As the owner, past every trigger."""
        async with self.owner() as owner:
            for statement in statements:
                await owner.execute(statement)

    async def reseal(self, *tables: str) -> None:
        """Forge every seal, so that the chain is whole again."""
        async with self.owner() as owner:
            for table in tables:
                key, sealer = ("position", log.seal_fact) if table == "log" else ("entry", log.seal_entry)
                seal = log.GENESIS
                for row in await owner.fetch(f"select * from {table} order by {key}"):
                    seal = sealer(seal, SimpleNamespace(**dict(row)))
                    await owner.execute(f"update {table} set seal = $1 where {key} = $2", seal, row[key])

    @asynccontextmanager
    async def owner(self) -> AsyncIterator[Any]:
        past_triggers = {"session_replication_role": "replica", "search_path": "pet, projections"}
        owner = await asyncpg.connect(self.url, server_settings=past_triggers)
        try:
            yield owner
        finally:
            await owner.close()

    async def rebuild(self) -> None:
        app = await database.connect(self.url)
        await rebuild(app)
        await app.close()

    async def verify(self, anchor: Anchor | None = None) -> Report:
        app = await database.connect(self.url)
        try:
            return await verify(app, anchor=anchor)
        finally:
            await app.close()

    async def found(self, anchor: Anchor | None = None) -> Found:
        return [(found.kind, found.table, found.at) for found in (await self.verify(anchor)).findings]


Original = tuple[str, list[Fact], Anchor]


@pytest.fixture(scope="session")
def original(server: Embedded, template: str) -> Original:
    """A database with a history, made once for all copies: its name, its facts and its end."""
    name = f"history_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}_{os.getpid()}"
    return asyncio.run(_make_original(server, template, name))


async def _make_original(server: Embedded, template: str, name: str) -> Original:
    admin = await asyncpg.connect(server.url())
    await admin.execute(f"create database {name} template {template} strategy file_copy")
    await admin.close()
    async with a_world(server.url(name)) as world:
        await a_history(world)
        seal = await world.pool.fetchval("select seal from pet.log where position = 31")
        journal_seal = await world.pool.fetchval("select seal from pet.journal where entry = 22")
        return name, await world.facts(), Anchor(31, seal, 22, journal_seal)


@pytest.fixture
async def copy(server: Embedded, original: Original) -> AsyncIterator[Copy]:
    name, facts, anchor = original
    admin = await asyncpg.connect(server.url())
    await admin.execute(f"create database {name}_copy template {name} strategy file_copy")
    yield Copy(server.url(f"{name}_copy"), facts, anchor)
    await admin.execute(f"drop database {name}_copy with (force)")
    await admin.close()


# --- nothing was done ---------------------------------------------------------------------------------------------


async def test_an_untouched_database_is_found_whole(copy: Copy) -> None:
    report = await copy.verify(copy.anchor)
    assert (report.facts, report.entries, report.findings, report.unlisted) == (31, 22, (), 0)
    assert report.head == copy.anchor
    assert (report.head.position, report.head.seal, report.head.entry) == (31, copy.facts[-1].seal, 22)


async def test_an_empty_database_is_found_whole(database_url: str) -> None:
    nothing = Anchor(0, log.GENESIS, 0, log.GENESIS)
    assert await Copy(database_url, [], nothing).verify(nothing) == Report(0, 0, (), 0, nothing)


async def test_verifying_neither_waits_for_the_turn_nor_takes_it(copy: Copy) -> None:
    recorder = await database.connect(copy.url)
    async with recorder.transaction():
        await take_turn(recorder)
        assert (await copy.verify()).findings == ()
    await recorder.close()


def test_an_anchor_is_kept_as_text_and_given_back() -> None:
    anchor = Anchor(31, bytes(range(32)), 22, bytes(32))
    assert str(anchor) == f"31:{bytes(range(32)).hex()}:22:{'0' * 64}"
    assert Anchor.parse(f" {anchor}\n") == anchor


@pytest.mark.parametrize("text", ["", "31", "31:ab:22:cd", f"-1:{'0' * 64}:0:{'0' * 64}", f"1:{'x' * 64}:0:{'0' * 64}"])
def test_what_is_not_an_anchor_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an anchor"):
        Anchor.parse(text)


# --- edits --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "edit",
    [
        "actor = 'somebody else'",
        "authority = 'sales'",
        "origin = 'external:crm'",
        "command_id = gen_random_uuid()",
        "correlation = gen_random_uuid()",
        "causation = 1",
        "occurred_at = occurred_at - interval '1 microsecond'",
        "recorded_at = recorded_at + interval '1 microsecond'",
        "data = (data::text || ' ')::json",
        "seal = sha256('')",
    ],
)
async def test_an_edit_of_a_fact_that_no_row_shows_is_one_finding(copy: Copy, edit: str) -> None:
    await copy.tamper(f"update log set {edit} where position = 15")
    assert await copy.found() == [("edit", "pet.log", 15)]


async def test_an_edit_of_what_happened_is_found_and_shows_in_the_rows(copy: Copy) -> None:
    await copy.tamper("update log set data = replace(data::text, 'Mighty', 'Flimsy')::json where position = 3")
    assert await copy.found() == [
        ("edit", "pet.log", 3),
        ("difference", "projections.customers", 2),
        ("difference", "projections.streams", 2),
    ]


async def test_an_edit_of_the_first_and_of_the_last_fact_is_found(copy: Copy) -> None:
    await copy.tamper("update log set actor = 'somebody else' where position in (1, 31)")
    assert await copy.found() == [("edit", "pet.log", 1), ("edit", "pet.log", 31)]


async def test_data_that_no_longer_decodes_is_found_and_said(copy: Copy) -> None:
    await copy.tamper("update log set data = '{}' where position = 3")
    assert await copy.found() == [("edit", "pet.log", 3), ("difference", "projections", 0)]
    assert "missing required field `name`" in (await copy.verify()).findings[1].sentence


@pytest.mark.parametrize(
    "edit", ["actor = 'x'", "refusal = '{}'", "input = '{}'", "recorded_at = now()", "seal = sha256('')"]
)
async def test_an_edit_of_a_refusal_is_found(copy: Copy, edit: str) -> None:
    await copy.tamper(f"update journal set {edit} where entry = 14")
    assert await copy.found() == [("edit", "pet.journal", 14)]


async def test_a_forged_seal_of_an_edited_fact_is_found_at_the_next(copy: Copy) -> None:
    forged = msgspec.structs.replace(copy.facts[14], occurred_at=copy.facts[0].occurred_at)
    seal = log.seal_fact(copy.facts[13].seal, forged)
    at = forged.occurred_at.isoformat()
    await copy.tamper(f"update log set occurred_at = '{at}', seal = '\\x{seal.hex()}' where position = 15")
    assert await copy.found() == await copy.found(copy.anchor) == [("edit", "pet.log", 16)]


async def test_a_log_forged_whole_disagrees_with_the_journal(copy: Copy) -> None:
    await copy.tamper("update log set actor = 'somebody else' where position = 15")
    await copy.reseal("log")
    assert await copy.found() == [("edit", "pet.log", 15)]


async def test_a_log_and_a_journal_forged_whole_are_found_by_the_anchor_alone(copy: Copy) -> None:
    await copy.tamper(
        "update log set actor = 'somebody else' where position = 15",
        "update journal set actor = 'somebody else' where first_position = 15",
    )
    await copy.reseal("log", "journal")
    assert await copy.found() == []
    assert await copy.found(copy.anchor) == [("edit", "pet.log", 31), ("edit", "pet.journal", 22)]


async def test_an_anchor_from_before_the_forgery_does_not_tell(copy: Copy) -> None:
    before = Anchor(14, copy.facts[13].seal, 0, log.GENESIS)
    await copy.tamper("update log set occurred_at = occurred_at - interval '1 second' where position = 15")
    await copy.reseal("log")
    assert await copy.found(before) == []
    assert await copy.found(Anchor(15, copy.facts[14].seal, 0, log.GENESIS)) == [("edit", "pet.log", 15)]


async def test_of_very_many_edits_the_first_hundred_are_named_and_all_are_counted(copy: Copy) -> None:
    fields = ", ".join(column for column in (*log.FACT_COLUMNS, "seal") if column not in ("position", "stream"))
    await copy.tamper(
        f"insert into log (position, stream, {fields}) select position + 31 * n, stream || n, {fields} "
        "from log, generate_series(1, 4) n",
    )
    report = await copy.verify()
    assert {(found.kind, found.table) for found in report.findings} == {("edit", "pet.log")}
    assert (report.facts, len(report.findings), report.findings[0].at, report.unlisted) == (155, 100, 32, 25)


# --- gaps ---------------------------------------------------------------------------------------------------------


async def test_a_fact_deleted_from_the_middle_is_a_gap(copy: Copy) -> None:
    await copy.tamper("delete from log where position = 15")
    assert await copy.found() == [
        ("gap", "pet.log", 15),
        ("difference", "projections.streams", 2),
        ("difference", "projections.tickets", 2),
    ]


async def test_facts_deleted_from_the_start_are_a_gap(copy: Copy) -> None:
    await copy.tamper("delete from log where position in (1, 2, 27)")
    found = [one for one in await copy.found() if one[0] != "difference"]
    assert found == [("gap", "pet.log", 1), ("gap", "pet.log", 27)]


@pytest.mark.parametrize("entry", [11, 14], ids=["a command", "a refusal"])
async def test_an_entry_deleted_from_the_journal_is_a_gap(copy: Copy, entry: int) -> None:
    await copy.tamper(f"delete from journal where entry = {entry}")
    assert await copy.found() == [("gap", "pet.journal", entry)]


async def test_a_gap_that_was_closed_and_sealed_over_is_known_to_the_journal(copy: Copy) -> None:
    await copy.tamper(
        "delete from log where position = 27",
        *(f"update log set position = {n - 1}, causation = causation - 1 where position = {n}" for n in range(28, 32)),
    )
    await copy.reseal("log")
    await copy.rebuild()
    assert (await copy.found())[:2] == [("gap", "pet.journal", 19), ("reorder", "pet.journal", 20)]


async def test_a_version_left_out_and_sealed_over_is_a_gap(copy: Copy) -> None:
    await copy.tamper("update log set version = 9 where position = 27")
    await copy.reseal("log")
    await copy.rebuild()
    assert await copy.found() == [("gap", "pet.log", 27)]


async def test_a_fact_that_no_command_recorded_is_found(copy: Copy) -> None:
    await copy.tamper("update log set command_id = gen_random_uuid() where position = 15")
    await copy.reseal("log")
    assert await copy.found() == [("gap", "pet.log", 15), ("gap", "pet.journal", 11)]


# --- reorders -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("first", "second"), [(2, 3), (2, 4)])
async def test_two_facts_that_have_exchanged_their_data_are_one_reorder(copy: Copy, first: int, second: int) -> None:
    await copy.tamper(
        f"update log mine set data = other.data from log other where (mine.position, other.position) "
        f"in (({first}, {second}), ({second}, {first}))"
    )
    report = await copy.verify()
    assert report.findings[0].sentence == f"Positions {first} and {second} have exchanged their data."
    found = [(found.kind, found.table, found.at) for found in report.findings if found.kind != "difference"]
    assert found == [("reorder", "pet.log", first)]


@pytest.mark.parametrize(("first", "second"), [(2, 3), (2, 4), (3, 5)])
async def test_two_facts_that_have_exchanged_their_places_are_one_reorder(copy: Copy, first: int, second: int) -> None:
    await copy.tamper(*_exchange("log", "position", first, second))
    report = await copy.verify()
    assert report.findings[0].sentence == f"Positions {first} and {second} have exchanged their places."
    found = [(found.kind, found.table, found.at) for found in report.findings if found.kind != "difference"]
    assert found == [("reorder", "pet.log", first)]


async def test_two_entries_that_have_exchanged_their_places_are_one_reorder(copy: Copy) -> None:
    await copy.tamper(*_exchange("journal", "entry", 14, 22))
    assert await copy.found() == [("reorder", "pet.journal", 14)]


def _exchange(table: str, key: str, first: int, second: int) -> list[str]:
    moves = ((first, 1_000), (second, first), (1_000, second))
    return [f"update {table} set {key} = {there} where {key} = {here}" for here, there in moves]


async def test_versions_of_a_stream_out_of_order_are_a_reorder_though_sealed_over(copy: Copy) -> None:
    ticket = copy.facts[5].stream
    for here, there in ((2, 1_000), (3, 2), (1_000, 3)):
        await copy.tamper(f"update log set version = {there} where stream = '{ticket}' and version = {here}")
    await copy.reseal("log")
    await copy.rebuild()
    assert await copy.found() == [("reorder", "pet.log", 9)]


# --- truncations --------------------------------------------------------------------------------------------------


async def test_a_log_that_was_cut_off_is_known_to_the_journal(copy: Copy) -> None:
    await copy.tamper("delete from log where position > 27")
    await copy.rebuild()
    assert await copy.found() == [("truncation", "pet.log", 28)]


async def test_a_log_and_journal_that_were_cut_off_are_known_to_the_streams(copy: Copy) -> None:
    await copy.tamper("delete from log where position > 29", "delete from journal where entry > 20")
    assert await copy.found() == [
        ("truncation", "pet.log", 30),
        ("difference", "projections.deadlines", 1),
        ("difference", "projections.sla_clocks", 4),
        ("difference", "projections.streams", 4),
        ("difference", "projections.tickets", 2),
        ("difference", "projections.ticket_intervals", 3),
    ]


async def test_a_journal_that_was_cut_off_is_known_to_the_log(copy: Copy) -> None:
    await copy.tamper("delete from journal where entry > 20")
    assert await copy.found() == [("truncation", "pet.journal", 21)]


async def test_what_was_cut_off_everywhere_is_known_to_an_anchor_from_after_alone(copy: Copy) -> None:
    await copy.tamper("delete from log where position > 29", "delete from journal where entry > 20")
    await copy.rebuild()
    assert await copy.found() == []
    before = (await copy.verify()).head
    assert (before.position, before.entry) == (29, 20)
    assert await copy.found(before) == []
    assert await copy.found(copy.anchor) == [("truncation", "pet.log", 30), ("truncation", "pet.journal", 21)]


async def test_a_refusal_cut_off_the_journal_is_known_to_the_anchor_alone(copy: Copy) -> None:
    await copy.tamper("delete from journal where entry = 22")
    assert await copy.found() == []
    assert await copy.found(copy.anchor) == [("truncation", "pet.journal", 22)]


async def test_a_log_and_a_journal_that_were_emptied_are_known_to_the_streams(copy: Copy) -> None:
    await copy.tamper("delete from log", "delete from journal")
    assert (await copy.found())[0] == ("truncation", "pet.log", 1)


async def test_a_row_that_no_fact_accounts_for_is_a_difference(copy: Copy) -> None:
    await copy.tamper("update tickets set subject = 'It sings' where version = 2")
    assert await copy.found() == [("difference", "projections.tickets", 2)]
