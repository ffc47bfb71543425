"""Clocks that fall due while a process is killed: each is recorded once, and none is lost."""

from __future__ import annotations

import pytest

from bench.clock import run


@pytest.mark.slow
async def test_of_two_processes_one_is_killed_and_every_deadline_is_recorded_once(database_url: str) -> None:
    found = await run(database_url, 200, 2.0, kill=True, lead_seconds=20.0)
    assert (len(found.lateness_ms), found.twice, found.lost) == (200, 0, 0)
    assert found.lateness_ms[0] >= 0
