"""The writers' case of the bench: what pgbench inserts is what a command of PET causes."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import asyncpg
from conftest import World

from bench import pgbench
from bench.servers import Place
from pet_graph.events.tickets import OpenTicket

ROWS = {
    "log": 2,
    "journal": 1,
    "tickets": 1,
    "ticket_intervals": 1,
    "sla_clocks": 2,
    "sla_reviews": 1,
    "deadlines": 1,
    "streams": 2,
}


async def test_pgbench_inserts_what_an_opened_ticket_has(world: World) -> None:
    await world.policy(response=timedelta(hours=1), resolution=timedelta(hours=8))
    await world.record(OpenTicket(customer=await world.customer(), subject="It squeaks"))
    setting, *script = (await pgbench.prepare(Place(world.url, Path("/"), ""))).splitlines()
    assert setting.startswith("\\set n ")
    owner = await asyncpg.connect(world.url)
    for n in (5, 6):
        await owner.execute("\n".join(script).replace(":n::", f"{n}::"))
    assert {name: await owner.fetchval(f"select count(*) from pgbench.{name}") / 2 for name in ROWS} == ROWS
    ends = "select (select min(position) from pgbench.log) - (select max(position) from pet.log)"
    assert await owner.fetchval(ends) == 1, "a fact whose cause has a later position would be refused"
    tables = await owner.fetch("select tablename from pg_tables where schemaname = 'pgbench'")
    assert {row[0] for row in tables} == set(ROWS)
    await owner.close()


def test_transactions_in_which_pgbench_warms_up_are_not_counted(tmp_path: Path) -> None:
    (tmp_path / "log.1").write_text("0 0 9000 0 100 500000\n1 0 8000 0 101 400000\n")
    (tmp_path / "log.1.1").write_text("0 1 3000 0 101 500000\n1 1 2000 0 102 0\n")
    assert pgbench.latencies_ms(tmp_path) == [2.0, 3.0]


def test_the_rate_of_a_closed_loop_follows_from_its_latencies() -> None:
    assert pgbench.figures([1.0, 3.0], clients=4) == {"per_second": 2_000.0, "p50_ms": 3.0, "p99_ms": 3.0}
