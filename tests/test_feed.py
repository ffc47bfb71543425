"""The feed: every fact reaches every follower once and in order, whatever is lost on the way."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import asyncpg
import pytest
from conftest import World
from live import PATIENCE_SECONDS, live, running, take, until

from pet_graph import database, metrics
from pet_graph.events.base import Fact
from pet_graph.events.customers import RegisterCustomer
from pet_graph.feed import Feed
from pet_graph.turn import Turns

BELL = "query like 'LISTEN%'"
READERS = "application_name = 'pet-graph' and query like '%from pet.log where position%'"
POOLED = f"({READERS} or application_name = 'pet-graph' and query = 'select')"
"""Readers too that were given back to the pool: the last they were asked is what settles them."""


async def customers(world: World, number: int) -> None:
    """One fact each, in one turn."""
    await world.turns.record_all([world.asked(RegisterCustomer(name=f"Customer {n}")) for n in range(number)])


def positions(facts: list[Fact]) -> list[int]:
    return [fact.position for fact in facts]


async def kill(url: str, which: str) -> int:
    """End the sessions of this database that `which` describes; returns how many there were."""
    owner = await asyncpg.connect(url)
    sql = f"""select count(pg_terminate_backend(pid)) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid() and {which}"""
    killed: int = await owner.fetchval(sql)
    await owner.close()
    return killed


async def listens(url: str) -> bool:
    owner = await asyncpg.connect(url)
    sql = f"select exists (select from pg_stat_activity where datname = current_database() and {BELL})"
    found: bool = await owner.fetchval(sql)
    await owner.close()
    return found


@asynccontextmanager
async def collecting(feed: Feed, after: int | None = None) -> AsyncIterator[list[Fact]]:
    """What one follower gets, as it comes."""
    facts: list[Fact] = []

    async def collect(following: Any) -> None:
        async with aclosing(following):
            async for fact in following:
                facts.append(fact)

    async with running(collect(feed.follow(after))):
        yield facts


# --- where to begin -------------------------------------------------------------------------------------------------


async def test_a_follower_from_the_start_gets_the_whole_log_and_then_what_is_new(world: World) -> None:
    await customers(world, 3)
    async with live(world.feed) as feed, collecting(feed, after=0) as facts:
        await until(lambda: len(facts) == 3)
        await customers(world, 2)
        await until(lambda: len(facts) == 5)
    assert facts == await world.facts()


async def test_a_follower_from_the_middle_gets_the_rest(world: World) -> None:
    await customers(world, 5)
    async with live(world.feed) as feed:
        assert positions(await take(feed, 3, after=2)) == [3, 4, 5]


async def test_a_follower_from_now_gets_what_is_recorded_after_it_asked(world: World) -> None:
    await customers(world, 3)
    async with live(world.feed) as feed:
        following = feed.follow()
        await customers(world, 2)
        await until(lambda: feed.position == 5)
        assert [(await anext(following)).position for _ in range(2)] == [4, 5]
        await following.aclose()


async def test_a_follower_from_a_position_not_reached_yet_gets_what_comes_after_it(world: World) -> None:
    async with live(world.feed) as feed, collecting(feed, after=2) as facts:
        await customers(world, 4)
        await until(lambda: len(facts) == 2)
    assert positions(facts) == [3, 4]


async def test_a_history_longer_than_the_ring_comes_from_the_log(world: World) -> None:
    await customers(world, 30)
    async with live(Feed(world.pool, world.url, ring_size=10)) as feed:
        await customers(world, 30)
        await until(lambda: feed.position == 60)
        assert positions(await take(feed, 60, after=0)) == list(range(1, 61))


async def test_a_feed_that_was_not_started_cannot_be_followed(world: World) -> None:
    with pytest.raises(RuntimeError, match="not started"):
        world.feed.follow()


# --- no loss, no repeat ---------------------------------------------------------------------------------------------


async def test_nothing_is_lost_or_repeated_while_eight_record_and_followers_come_and_go(world: World) -> None:
    chance = random.Random(8)
    writers = [Turns(lambda: database.connect(world.url), world.now) for _ in range(8)]

    async def write(turns: Turns, number: int) -> None:
        for n in range(number):
            await turns.record(world.asked(RegisterCustomer(name=f"Customer {n}")))
            await asyncio.sleep(chance.random() / 500)

    async def follow(after: int) -> list[int]:
        """Leave after a random number of facts and come back with the last cursor, until all are there."""
        got: list[int] = []
        while len(got) < 500 - after:
            some = min(chance.randint(1, 90), 500 - after - len(got))
            got += positions(await take(world.feed, some, after=got[-1] if got else after))
        return got

    async def follow_from_a_random_point() -> tuple[int, list[int]]:
        await until(lambda at=chance.randint(0, 450): world.feed.position >= at)
        after = chance.randint(0, world.feed.position)
        return after, await follow(after)

    async with live(world.feed), running(*(turns.run() for turns in writers)):
        numbers = [63] * 4 + [62] * 4
        writing = [write(turns, number) for turns, number in zip(writers, numbers, strict=True)]
        followed = await asyncio.gather(*(follow_from_a_random_point() for _ in range(12)), *writing)
    for after, got in followed[:12]:
        assert got == list(range(after + 1, 501))


async def test_two_feeds_on_one_database_give_the_same(world: World) -> None:
    async with live(world.feed) as here, live(Feed(world.pool, world.url)) as there:
        async with collecting(here) as facts, collecting(there) as others:
            await customers(world, 20)
            await until(lambda: len(facts) == len(others) == 20)
        assert facts == others == await world.facts()


# --- what breaks ----------------------------------------------------------------------------------------------------


async def test_without_a_bell_facts_arrive_by_the_poll(world: World) -> None:
    nowhere = "postgresql://nobody@localhost:1/nothing"
    async with live(Feed(world.pool, nowhere, poll_seconds=0.05)) as feed, collecting(feed) as facts:
        await customers(world, 3)
        await until(lambda: len(facts) == 3)
    assert positions(facts) == [1, 2, 3]


async def test_with_a_bell_facts_need_no_poll(world: World) -> None:
    async with live(Feed(world.pool, world.url, poll_seconds=10_000)) as feed, collecting(feed) as facts:
        await until(lambda: listens(world.url))
        await customers(world, 3)
        await until(lambda: len(facts) == 3)
    assert positions(facts) == [1, 2, 3]


async def test_a_bell_whose_connection_died_is_set_up_again(world: World) -> None:
    lost = metrics.BELL_LOST._value.get()
    async with live(Feed(world.pool, world.url, poll_seconds=10_000)) as feed, collecting(feed) as facts:
        await until(lambda: listens(world.url))
        assert await kill(world.url, BELL) == 1
        await customers(world, 2)
        await until(lambda: len(facts) == 2)
        await until(lambda: listens(world.url))
        await customers(world, 2)
        await until(lambda: len(facts) == 4)
    assert positions(facts) == [1, 2, 3, 4]
    assert metrics.BELL_LOST._value.get() - lost == 1


async def test_a_feed_whose_connections_were_killed_goes_on_by_itself(world: World) -> None:
    async with live(world.feed) as feed, collecting(feed) as facts:
        for round_ in range(1, 6):
            await customers(world, 4)
            await until(lambda seen=4 * round_: len(facts) == seen)
            assert await kill(world.url, POOLED) >= 1
    assert positions(facts) == list(range(1, 21))


async def test_a_follower_in_history_goes_on_when_its_connection_was_killed(world: World) -> None:
    await customers(world, 3)
    async with live(world.feed) as feed, aclosing(feed.follow(0)) as following:
        owner = await asyncpg.connect(world.url)
        async with owner.transaction():
            await owner.execute("lock table pet.log in access exclusive mode")
            first = asyncio.create_task(anext(following))
            await until(lambda: _kill_those_who_wait(world.url))
        await owner.close()
        assert [(await first).position, *[(await anext(following)).position for _ in range(2)]] == [1, 2, 3]


async def _kill_those_who_wait(url: str) -> bool:
    return await kill(url, f"wait_event_type = 'Lock' and {READERS} and query like '%limit $3'") > 0


async def test_a_feed_goes_on_when_a_fact_could_not_be_read_at_first(world: World) -> None:
    async with live(Feed(world.pool, world.url, poll_seconds=0.05)) as feed, collecting(feed) as facts:
        owner = await asyncpg.connect(world.url)
        await owner.execute("revoke select on pet.log from pet_app")
        sql = "select pg_notify('pet_bell', '')"
        await owner.execute(sql)
        await asyncio.sleep(0.2)
        await owner.execute("grant select on pet.log to pet_app")
        await owner.close()
        await customers(world, 1)
        await until(lambda: len(facts) == 1)
    assert positions(facts) == [1]


# --- the slow -------------------------------------------------------------------------------------------------------


async def test_a_follower_that_falls_behind_goes_on_from_the_log_and_others_do_not_wait(world: World) -> None:
    async with live(Feed(world.pool, world.url, ring_size=40)) as feed, collecting(feed) as facts:
        slow = feed.follow()
        first = asyncio.create_task(anext(slow))
        await until(lambda: feed.followers == 2)
        for _ in range(6):
            await customers(world, 20)
        await until(lambda: len(facts) == 120)
        got = [(await first).position, *[(await anext(slow)).position for _ in range(119)]]
        await slow.aclose()
    assert got == positions(facts) == list(range(1, 121))


async def test_a_follower_that_catches_up_is_told_where_it_stands_and_ends(world: World) -> None:
    await customers(world, 7)
    told: list[tuple[int, int]] = []
    async with live(Feed(world.pool, world.url, ring_size=10)) as feed:
        for after, expected in ((0, [1, 2, 3, 4, 5, 6, 7]), (5, [6, 7]), (None, []), (9, [])):
            catching_up = feed.follow(after, caught_up=lambda position: told.append((position, feed.followers)))
            assert [fact.position async for fact in catching_up] == expected
        assert feed.followers == 0
    assert told == [(7, 1), (7, 1), (7, 1), (9, 1)]


async def test_a_follower_in_history_may_take_its_time(world: World) -> None:
    await customers(world, 30)
    async with live(Feed(world.pool, world.url, ring_size=10)) as feed, aclosing(feed.follow(0)) as following:
        got = [(await anext(following)).position]
        await customers(world, 30)
        await until(lambda: feed.position == 60)
        got += [(await anext(following)).position for _ in range(59)]
    assert got == list(range(1, 61))


# --- leaving --------------------------------------------------------------------------------------------------------


async def test_a_follower_that_leaves_early_is_forgotten(world: World) -> None:
    await customers(world, 3)
    async with live(world.feed) as feed:
        async for fact in feed.follow(0):
            assert (fact.position, feed.followers) == (1, 1)
            break
        await until(lambda: feed.followers == 0)
        assert metrics.FEED_FOLLOWERS._value.get() == 0


async def test_a_follower_that_is_cancelled_while_it_waits_is_forgotten(world: World) -> None:
    async with live(world.feed) as feed:
        async with collecting(feed):
            await until(lambda: feed.followers == 1)
        assert feed.followers == 0
        assert metrics.FEED_FOLLOWERS._value.get() == 0


async def test_a_feed_ends_whenever_it_is_cancelled(world: World) -> None:
    """Also while it sets up its bell: broadcaster then hides the cancellation."""
    for milliseconds in range(40):
        feed = Feed(world.pool, world.url)
        async with asyncio.timeout(PATIENCE_SECONDS), live(feed):
            await asyncio.sleep(milliseconds / 2_000)


async def test_a_feed_that_is_ended_leaves_no_session_behind(world: World) -> None:
    async with live(world.feed):
        await until(lambda: listens(world.url))
    await until(lambda: _nobody_listens(world.url))


async def _nobody_listens(url: str) -> bool:
    return not await listens(url)
