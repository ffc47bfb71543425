"""Rows for trying the bench out: customers and tickets written straight into the tables, without a log."""

from __future__ import annotations

import asyncpg

from pet_graph import database
from pet_graph.postgres import Lease
from pet_graph.rebuild import rebuild_if_outdated

from .servers import Place


async def filled(lease: Lease, facts: int) -> Place:
    """A database with a fifth as many tickets as facts, made unless it is there; a hundred tickets a customer."""
    name = f"facts_{facts}"
    place = Place.of(lease, name)
    admin = await asyncpg.connect(lease.server.url())
    try:
        if await admin.fetchval("select exists (select from pg_database where datname = $1)", name):
            return place
        await admin.execute(f"create database {name}")
    finally:
        await admin.close()
    await _fill(place.url, facts)
    return place


async def _fill(url: str, facts: int) -> None:
    await database.migrate(url)
    connection = await database.connect(url)
    await rebuild_if_outdated(connection)
    tickets = facts // 5
    await connection.execute(f"""
        insert into customers
        select md5('c' || n)::uuid, 'Customer ' || n, 'C-' || n, '2026-01-01'::timestamptz, 1, n
        from generate_series(1, {max(tickets // 100, 60)}) n;
        insert into tickets
        select md5('t' || n)::uuid, md5('c' || 1 + n % {max(tickets // 100, 60)})::uuid, 'The armchair squeaks ' || n,
            'It squeaks.', 'Case ' || n, (array['low', 'normal', 'high', 'urgent'])[1 + n % 4],
            (array['open', 'resolved', 'closed'])[1 + n % 3], null, null, null,
            '2026-01-01'::timestamptz + n * interval '61.5 seconds',
            case when n % 3 > 0 then '2026-01-01'::timestamptz + n * interval '61.5 seconds' + interval '1 hour' end,
            null, null, 5, n * 5
        from generate_series(1, {tickets}) n;
    """)
    await connection.close()
    owner = await asyncpg.connect(url)
    await owner.execute("vacuum analyze")
    await owner.execute("checkpoint")
    await owner.close()
