"""A demonstration firm: the same at every start, and then kept busy, so that subscriptions move.

Who there is stands in `firm`, its past in `sales`, `desk`, `projects` and `timesheets`.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterable, Iterator

from ..context import Services
from ..database import LOST
from ..decisions import Asked
from ..turn import Unavailable
from . import desk, projects, sales, timesheets
from .firm import BEFORE, CUSTOMERS, DAYS, HASTY_FOR, Past, founding, hasty, id_of

BUSY_SECONDS = 2.0
A_TURN = 250
"""Commands that are recorded together, or some more."""

logger = logging.getLogger(__name__)


async def found(services: Services) -> None:
    """Record the firm and its past, once: ids and instants are the same at every start, also after half a founding."""
    fetchval = services.pool.fetchval
    if await fetchval("select exists (select from policies where id = $1)", id_of(HASTY_FOR)):
        return
    founded_at = await fetchval("select registered_at from customers where id = $1", id_of(CUSTOMERS[-1]))
    past = Past(founded_at + BEFORE if founded_at else services.now())
    for together in turns(past):
        await services.turns.record_all(together)
    logger.info("the demonstration firm has a past of %s days", DAYS)


def turns(past: Past) -> Iterator[list[Asked]]:
    """Everything that happened, in turns. A story stays in one where the clock could find something overdue."""
    yield list(founding(past.now - BEFORE))
    yield from _together(sales.history(past))
    yield from _together(desk.history(past))
    delivered = timesheets.in_order([*projects.plans(past), *timesheets.history(past)], past)
    yield from _together([one] for one in delivered)
    yield [hasty()]


def _together(stories: Iterable[list[Asked]]) -> Iterator[list[Asked]]:
    """Several stories a turn, each of them whole."""
    turn: list[Asked] = []
    for story in stories:
        turn += story
        if len(turn) >= A_TURN:
            yield turn
            turn = []
    yield turn


async def keep_busy(services: Services) -> None:
    """Found the firm, then work on tickets and projects for ever."""
    dice = random.Random()
    await _until_done(lambda: found(services))
    while True:
        await _until_done(lambda: something(services, dice))
        await asyncio.sleep(BUSY_SECONDS)


async def something(services: Services, dice: random.Random) -> None:
    """The next thing that happens: one in three on a project."""
    asked = await timesheets.work(services, dice) if dice.random() < 1 / 3 else None
    await services.turns.record(asked or await desk.work(services, dice))


async def _until_done(work: Callable[[], Awaitable[None]]) -> None:
    """Do it, and again if the database does not answer."""
    while True:
        try:
            return await work()
        except (Unavailable, *LOST) as lost:
            logger.warning("the demonstration waits: %s", lost)
            await asyncio.sleep(BUSY_SECONDS)
