"""The same requests asked of PET twice, with its planner and without, on a desk full of odd data."""

from __future__ import annotations

import gc
import os
import random
import re
from base64 import urlsafe_b64decode
from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, cast
from uuid import UUID

import msgspec
import orjson
import pytest
from api import gid
from conftest import World
from firm import at_work
from operations import Generator, Known
from sold import ADVICE, EVERYTHING, GO_LIVE, changed, drafted, offer, sold

from pet_graph.authority import INTERNAL
from pet_graph.context import Services
from pet_graph.decisions import Asked, Invalid
from pet_graph.events.approval_limits import AdoptApprovalLimit
from pet_graph.events.base import Command, Money, Priority, Quantity, Role
from pet_graph.events.clocks import ClockRule
from pet_graph.events.customers import RegisterCustomer
from pet_graph.events.deliveries import DeliverObligation, ReverseDelivery
from pet_graph.events.messages import RespondToTicket
from pet_graph.events.obligations import ReleaseObligation, obligation_of
from pet_graph.events.people import RegisterPerson
from pet_graph.events.policies import AdoptSlaPolicy, ClockTarget, SlaTarget
from pet_graph.events.tickets import (
    AnnulTicket,
    AssignTicket,
    HoldTicket,
    OpenTicket,
    ReopenTicket,
    ResolveTicket,
)
from pet_graph.events.timelines import Party, Trigger
from pet_graph.graph import checked, schema
from pet_graph.planner import NotPlanned, Planner, Prepared
from pet_graph.schema import NODES
from pet_graph.standing import Standing
from pet_graph.tokens import Viewer
from pet_graph.transport import PetGraphQL

SEED = int(os.environ.get("PET_TEST_SEED", random.randrange(10**6)))
NAMES = (
    "Crunchy Armchairs",
    'Quote "and" \\ slash',
    "Žluťoučký kůň 🐎",
    "~0",
    'tab\tand\nline, \n {"x"',
    "a\u2028b\x7fc",
)


async def fill(world: World) -> None:
    """Customers with odd names, tickets in every state, clocks of every kind, nulls, equal sort values: one turn."""
    dice = random.Random(SEED)
    asked: list[Asked] = []

    def ask(command: Command) -> UUID:
        asked.append(world.asked(command, occurred_at=world.now()))
        return asked[-1].command_id

    customers = [ask(RegisterCustomer(name=name)) for name in NAMES]
    people = [ask(RegisterPerson(name=name, roles=(Role.SUPPORT, Role.ENGINEER))) for name in ("Ada", "Béla")]
    people.append(ask(RegisterPerson(name="Nobody", roles=())))
    targets = tuple(SlaTarget(priority, timedelta(hours=1), timedelta(hours=8)) for priority in Priority)
    ask(AdoptSlaPolicy(name="Standard", targets=targets, warn_at_percent=(50, 90)))
    others = (ClockTarget("callback", timedelta(minutes=5)), ClockTarget("visit", timedelta(days=3)))
    own = (SlaTarget(Priority.URGENT, timedelta(microseconds=1_500_001)), SlaTarget(service="Mail", others=others))
    rules = tuple(ClockRule(one.clock, (Trigger.OPENED,), (Trigger.RESPONDED,)) for one in others)
    ask(AdoptSlaPolicy(name="Own", targets=own, warn_at_percent=(), customer=customers[1], clocks=rules))
    for number in range(60):
        world.pass_time(microseconds=dice.choice((0, 1, 500_000, 3_600_000_000)))
        ticket = ask(
            OpenTicket(
                customer=dice.choice(customers[:-1]),
                subject=dice.choice(NAMES),
                priority=dice.choice(list(Priority)),
                description="\u00e9" * dice.choice((0, 3)),
                reference=dice.choice((None, f"R{number}")),
            )
        )
        for step in (
            AssignTicket(ticket=ticket, assignee=dice.choice(people)),
            RespondToTicket(ticket=ticket),
            HoldTicket(ticket=ticket, reason="Wait", waiting_on=dice.choice(list(Party))),
            ResolveTicket(ticket=ticket, resolution="Done"),
            ReopenTicket(ticket=ticket, reason="Again"),
            AnnulTicket(ticket=ticket, reason="Error"),
        ):
            if dice.random() < 0.4:
                world.pass_time(seconds=dice.choice((0, 1, 4_000)))
                ask(step)
    outcomes = await world.turns.record_all(asked)
    assert not any(isinstance(one, Invalid) for one in outcomes), "a desk that is not well formed"
    await world.turns.record_due()
    await at_work(world, NAMES, people, customers)
    await _sell(world, people[0])


async def _sell(world: World, person: UUID) -> None:
    """Quotes in several states, one with a change order, and what is owed and handed over for them."""
    quotes = [await sold(world, EVERYTHING, choice, name="Owed") for choice in (4, 5)]
    await changed(world, quotes[1], offer(ADVICE, GO_LIVE, discount_percent=Quantity(7)))
    for quantity, evidence in ((Quantity(1), NAMES[1]), (Quantity(2_500_000), NAMES[2])):
        owed = obligation_of(quotes[0], 2)
        said = DeliverObligation(obligation=owed, person=person, quantity=quantity, evidence=evidence)
        delivery = (await world.record(said)).facts[0].command_id
    await world.record(ReverseDelivery(obligation=owed, delivery=delivery, reason=NAMES[4]))
    await world.record(ReleaseObligation(obligation=obligation_of(quotes[0], 1), reason=NAMES[1]))
    await drafted(world, offer(ADVICE, currency="EUR", title=NAMES[2], valid_until=date(9999, 12, 30)))
    await world.record(AdoptApprovalLimit(limit=Money(-0, "JPY")))


# --- asking both ways -------------------------------------------------------------------------------------------------


class Somebody:
    """Believes everybody to be the same viewer."""

    def __init__(self, *roles: str) -> None:
        self._viewer = Viewer("tester", roles, INTERNAL, None)

    def believed(self, authorization: str | None) -> Viewer:
        return self._viewer

    async def viewer(self, authorization: str | None) -> Viewer:
        return self._viewer


class NoPlanner:
    """Leaves everything to strawberry."""

    def planned(self, *asked: Any) -> Prepared:
        raise NotPlanned("there is no planner")


class Counting(Planner):
    """Counts what is planned wholly, what in part, and what is left to strawberry."""

    def __init__(self) -> None:
        super().__init__(schema, checked)
        self.counts: Counter[str] = Counter()

    def planned(self, *asked: Any) -> Prepared:
        try:
            prepared = super().planned(*asked)
        except NotPlanned:
            self.counts["nothing"] += 1
            raise
        self.counts["a part" if prepared.left else "all"] += 1
        return prepared


Answer = tuple[int, list[tuple[bytes, bytes]], bytes]


async def over_asgi(app: PetGraphQL, body: bytes, method: str = "POST", **headers: str) -> Answer:
    """Status, headers and body of the answer to a request, without a socket between."""
    sent: list[Any] = []
    given = {"content-type": "application/json", **headers}
    scope = {
        "type": "http",
        "method": method,
        "path": "/graphql",
        "query_string": body if method == "GET" else b"",
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in given.items()],
    }
    messages = iter([{"type": "http.request", "body": body if method == "POST" else b"", "more_body": False}])

    async def receive() -> Any:
        return next(messages, {"type": "http.disconnect"})

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent[0]["status"], sent[0]["headers"], b"".join(message.get("body", b"") for message in sent[1:])


@dataclass
class Both:
    """PET twice: with its planner, and without."""

    fast: PetGraphQL
    slow: PetGraphQL
    planner: Counting

    @classmethod
    def of(cls, world: World, *roles: str) -> Both:
        services = Services(world.pool, world.turns, world.feed, Standing(world.pool, world.feed), world.now)
        verifier: Any = Somebody(*roles)
        fast, slow = (PetGraphQL(services, verifier, body_limit_bytes=10**6, allowed_origins=[]) for _ in range(2))
        planner, none = Counting(), cast(Any, NoPlanner())
        fast.planner, slow.planner = planner, none
        slow.entities = slow.groups.entities = cast(Any, None)
        return cls(fast, slow, planner)

    async def ask(self, body: bytes, method: str = "POST", **headers: str) -> tuple[Answer, Answer]:
        return await over_asgi(self.fast, body, method, **headers), await over_asgi(self.slow, body, method, **headers)

    async def same(self, query: str, name: str | None = None, **variables: Any) -> Any:
        """The answer to a query, which is the same both ways."""
        body = orjson.dumps({"query": query, "operationName": name, "variables": variables})
        fast, slow = await self.ask(body)
        assert fast == slow
        return orjson.loads(fast[2])


# --- any query --------------------------------------------------------------------------------------------------------


async def known(world: World) -> Known:
    ids = {name: [gid(name, row["id"]) for row in await world.rows(table)] for name, (table, _) in NODES.items()}
    texts = [*NAMES, "R1", "R2", "", "Q-0001", "EUR", "Senior consultant"]
    instants = [row["opened_at"].isoformat() for row in (await world.rows("tickets"))[:5]]
    facts = await world.facts()
    streams = [*{fact.stream for fact in facts[:40]}, "ticket-1", ""]
    types = [*{fact.type for fact in facts}, "NothingHappened"]
    return Known(ids, texts, [*instants, "2026-06-01T14:00:00.5+02:00"], streams, types)


UNTIDY = pytest.mark.filterwarnings(
    "ignore:coroutine .GraphQLCoreConverter.* was never awaited:RuntimeWarning",
    "ignore:Exception ignored in. <coroutine object GraphQLCoreConverter:pytest.PytestUnraisableExceptionWarning",
)
"""Where a field fails, graphql-core cancels its neighbours, now and then before they have awaited what they hold."""


AGAIN = 10
"""How often two answers may differ in which errors they tell, and in nothing else, before that is no matter of time."""


class Different(AssertionError):
    """The two ways do not agree; tells the query."""


async def compare(both: Both, generator: Generator, queries: int, seed: int) -> None:
    """Ask so many random queries both ways. Raises `Different`."""
    for number in range(queries):
        query, variables = generator.query()
        body = orjson.dumps({"query": query, "operationName": "Q", "variables": _floats(variables)})
        fast, slow = await both.ask(body)
        for _ in range(AGAIN):
            if _agree(fast, slow) or not _the_same_but_for_errors(fast, slow):
                break
            fast, slow = await both.ask(body)
        if not _agree(fast, slow):
            raise Different(
                f"PET_TEST_SEED={seed}, query {number}:\n{query}\n{variables}\nfast {fast[2]!r}\nslow {slow[2]!r}"
            )
        _collect_cursors(generator.known.cursors, slow[2])
    gc.collect()  # while its warnings are known to be none


def _agree(fast: Answer, slow: Answer) -> bool:
    return _in_order(fast) == _in_order(slow)


def _the_same_but_for_errors(*answers: Answer) -> bool:
    """Of fields that fail side by side below one null, those are told that had failed when it was made: the one that
    made it always, and others if they were quicker. Asked again, it may come out otherwise."""
    fast, slow = [(status, *body.rpartition(b',"errors":')[:2]) for status, _, body in answers]
    return fast == slow and fast[-1] != b""


def _in_order(answer: Answer) -> Answer:
    """The errors of fields that are executed side by side come in any order."""
    status, headers, body = answer
    whole, found, errors = body.rpartition(b',"errors":')
    if not found:
        return answer
    said = sorted(msgspec.json.decode(errors.removesuffix(b"}"), type=list[msgspec.Raw]), key=bytes)
    return status, headers, whole + found + b",".join(map(bytes, said))


def _floats(value: Any) -> Any:
    """Integers that JSON libraries differ over, as floats."""
    if isinstance(value, dict):
        return {name: _floats(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_floats(item) for item in value]
    return float(value) if isinstance(value, int) and abs(value) >= 2**63 else value


CONNECTIONS = {table: name for name, (table, _) in NODES.items()}


def _collect_cursors(cursors: dict[str, list[str]], answer: bytes) -> None:
    """Cursors of real answers, by what they are cursors of, for later queries to go on from."""
    for cursor in re.findall(rb'"(WyJ[\w-]+)"', answer)[:3]:
        table = orjson.loads(urlsafe_b64decode(cursor + b"=" * (-len(cursor) % 4)))[0]
        found = cursors.setdefault(CONNECTIONS.get(table, table), [])
        if len(found) < 50:
            found.append(cursor.decode())
