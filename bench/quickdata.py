"""Rows for trying the bench out: customers and tickets written straight into the tables, without a log."""

from __future__ import annotations

import asyncpg

from pet_graph import database
from pet_graph.rebuild import rebuild_if_outdated


async def fill(admin_url: str, url: str, name: str, facts: int) -> None:
    """A database of this name with a fifth as many tickets, of a hundred each for a customer."""
    admin = await asyncpg.connect(admin_url)
    await admin.execute(f"create database {name}")
    await admin.close()
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
    await owner.close()
