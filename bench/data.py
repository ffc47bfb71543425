"""A log to measure with: the lives of tickets over four years, as a firm with SLA policies would have recorded them.

Every command is decided by PET's own deciders, at its own instant, with what fell due before it; facts and journal are
sealed and copied, and the rows are made by a rebuild. So `pet-graph verify` finds nothing. The same scale gives the
same log.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from typing import Any
from uuid import UUID

import asyncpg

from pet_graph import database, log
from pet_graph.authority import CLOCK
from pet_graph.decisions import Asked, Draft, Recorded, Refusal, decide_all
from pet_graph.events import DECIDERS
from pet_graph.events.base import Command, Priority, Role
from pet_graph.events.clocks import next_due_at
from pet_graph.events.customers import RegisterCustomer
from pet_graph.events.messages import RespondToTicket
from pet_graph.events.people import RegisterPerson
from pet_graph.events.policies import AdoptSlaPolicy, SlaTarget
from pet_graph.events.slas import RecordOverdueSla
from pet_graph.events.tickets import (
    AssignTicket,
    CloseTicket,
    HoldTicket,
    OpenTicket,
    PrioritiseTicket,
    ReopenTicket,
    ResolveTicket,
    ResumeTicket,
)
from pet_graph.events.timelines import Party
from pet_graph.projections.streams import noun_of
from pet_graph.rebuild import rebuild
from pet_graph.replay import Progress, quiet

FROM, UNTIL = datetime(2022, 1, 3, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
PEOPLE = 60
FACTS_A_TICKET = 5
CHUNK = 20_000
"""Facts that are copied while the next are decided."""

SENTENCE = "the nightly export is empty and printing stops after the first page of invoices for größer account scanner"
WORDS = SENTENCE.split()


@dataclass(frozen=True)
class Scale:
    """How much of a firm: as many tickets as asked for, and about five facts a ticket."""

    tickets: int
    customers: int

    @property
    def facts(self) -> int:
        return self.tickets * FACTS_A_TICKET

    @classmethod
    def of(cls, facts: int) -> Scale:
        return cls(facts // FACTS_A_TICKET, max(10, min(1_000, facts // 100)))


TEN_THOUSAND, HUNDRED_THOUSAND, HALF_A_MILLION, A_MILLION = map(Scale.of, (10_000, 100_000, 500_000, 1_000_000))


@dataclass(frozen=True)
class Filled:
    """What stands in a database now."""

    facts: int
    commands: int
    tickets: int
    customers: int
    seconds: float


# --- lives ------------------------------------------------------------------------------------------------------------

Step = tuple[datetime, Asked]


class Firm:
    """Who there is, and what happens to each ticket; all of it drawn from one seed."""

    def __init__(self, scale: Scale, seed: int) -> None:
        self._draw = random.Random(seed)
        self.customers = [self.id() for _ in range(scale.customers)]
        self.people = [self.id() for _ in range(PEOPLE)]
        self.openings = sorted(self._working_instant() for _ in range(scale.tickets))

    def id(self) -> UUID:
        return UUID(int=self._draw.getrandbits(128), version=4)

    def _working_instant(self) -> datetime:
        day = FROM + timedelta(days=self._draw.randrange((UNTIL - FROM).days))
        day -= timedelta(days=max(0, day.weekday() - 4))
        return day + timedelta(microseconds=int(min(max(self._draw.gauss(13, 2.5), 6), 22) * 3_600_000_000))

    def founding(self) -> Iterator[Step]:
        """Everybody is made known, and promises are made: to all when it is pressing, to some customers always."""
        for number, customer in enumerate(self.customers):
            yield FROM, asked(RegisterCustomer(name=f"{self._words(2).title()} {number}"), customer)
        for number, person in enumerate(self.people):
            command = RegisterPerson(name=f"Person {number}", email=f"p{number}@example.com", roles=(Role.SUPPORT,))
            yield FROM, asked(command, person)
        pressing = (_target(Priority.URGENT, 1), _target(Priority.HIGH, 4))
        yield FROM, asked(AdoptSlaPolicy(name="Pressing", targets=pressing), self.id())
        always = (*pressing, _target(Priority.NORMAL, 8), _target(Priority.LOW, 24))
        for customer in self.customers[::8]:
            policy = AdoptSlaPolicy(name="Always", targets=always, customer=customer, warn_at_percent=(50, 90))
            yield FROM, asked(policy, self.id())

    def life(self, opened_at: datetime) -> Iterator[Step]:
        """What is done for one ticket, in order; each step begins some time after the one before."""
        draw, ticket, person = self._draw, self.id(), self._draw.choice(self.people)
        [priority] = draw.choices(tuple(Priority), (20, 55, 20, 5))
        yield opened_at, asked(self._opening(priority), ticket)
        at = opened_at
        for chance, mean_hours, command in (
            (0.30, 0.5, AssignTicket(ticket=ticket, assignee=person)),
            (0.45, 1.5, RespondToTicket(ticket=ticket, person=person, message=self._words(30))),
            (0.03, 2.0, PrioritiseTicket(ticket=ticket, priority=_next(priority))),
            (0.12, 3.0, HoldTicket(ticket=ticket, reason=self._words(6), waiting_on=draw.choice(tuple(Party)))),
            (0.88, 9.0, ResolveTicket(ticket=ticket, resolution=self._words(20))),
            (0.03, 20.0, ReopenTicket(ticket=ticket, reason=self._words(6))),
            (0.40, 72.0, CloseTicket(ticket=ticket)),
        ):
            if draw.random() < chance:
                at += timedelta(microseconds=int(draw.expovariate(1 / mean_hours) * 3_600_000_000))
                yield at, asked(command, self.id(), f"agent-{person.hex[:4]}")
                if isinstance(command, HoldTicket) and draw.random() < 0.7:
                    at += timedelta(microseconds=int(draw.expovariate(1 / 20) * 3_600_000_000))
                    yield at, asked(ResumeTicket(ticket=ticket), self.id(), f"agent-{person.hex[:4]}")

    def _opening(self, priority: Priority) -> OpenTicket:
        # Few customers ask for much, many for little.
        customer = self.customers[int(len(self.customers) * self._draw.random() ** 2)]
        reference = f"MAIL-{self._draw.getrandbits(32)}" if self._draw.random() < 0.3 else None
        return OpenTicket(
            customer=customer,
            subject=self._words(5),
            priority=priority,
            description=self._words(self._draw.randrange(60)),
            reference=reference,
        )

    def _words(self, count: int) -> str:
        return " ".join(self._draw.choices(WORDS, k=count))


def _target(priority: Priority, hours: float) -> SlaTarget:
    return SlaTarget(priority, timedelta(hours=hours), timedelta(hours=hours * 8))


def _next(priority: Priority) -> Priority:
    every = tuple(Priority)
    return every[(every.index(priority) + 1) % len(every)]


def asked(command: Command, command_id: UUID, actor: str = "bench") -> Asked:
    return Asked(command=command, command_id=command_id, actor=actor, roles=(Role.MANAGER, Role.SUPPORT))


# --- what is recorded of them -----------------------------------------------------------------------------------------


class _States(dict[str, tuple[Any, int]]):
    """The states of all streams; one that never was has its initial state."""

    def __contains__(self, stream: object) -> bool:
        return True

    def __missing__(self, stream: str) -> tuple[Any, int]:
        return DECIDERS[noun_of(stream)].initial, 0


class Case:
    """A ticket with the step that comes next."""

    def __init__(self, life: Iterator[Step]) -> None:
        self._life = life
        self.coming: Step | None = next(life)
        self.ticket = self.coming[1].command_id

    def advance(self) -> Asked:
        """The step that has come; another takes its place, or none."""
        assert self.coming
        _, step = self.coming
        self.coming = next(self._life, None)
        return step


NOTHING_YET = log.Head(position=0, seal=log.GENESIS, entry=0, journal_seal=log.GENESIS, recorded_at=FROM)


class Recorder:
    """Decides step after step as turns would, and keeps what they recorded until it is taken away."""

    def __init__(self, firm: Firm) -> None:
        self._firm = firm
        self._states = _States()
        self._head = NOTHING_YET
        self.facts: list[Any] = []
        self.entries: list[Any] = []

    def run(self) -> Iterator[int]:
        """Record everything; after every chunk, and at the end, the position."""
        for at, one in self._firm.founding():
            self._record(at, one)
        cases = [Case(self._firm.life(opened_at)) for opened_at in self._firm.openings]
        queue = [(case.coming[0], number, case) for number, case in enumerate(cases) if case.coming]
        while queue:
            at, number, case = heappop(queue)
            self._record(at, self._next(case, at))
            if then := self._continues_at(case, at):
                heappush(queue, (then, number, case))
            if len(self.facts) >= CHUNK:
                yield self._head.position
        yield self._head.position

    def _next(self, case: Case, at: datetime) -> Asked:
        """The next step of a ticket, or before it what the clock asks for."""
        if case.coming and case.coming[0] <= at:
            return case.advance()
        return Asked(command=RecordOverdueSla(case.ticket), command_id=self._firm.id(), actor=CLOCK, roles=(CLOCK,))

    def _continues_at(self, case: Case, at: datetime) -> datetime | None:
        """When there is something to record of a ticket again; what has come to its end is forgotten."""
        streams = f"ticket-{case.ticket}", f"sla-{case.ticket}"
        due_at = next_due_at(self._states[streams[1]][0])
        instants = [max(due_at, at)] if due_at else []
        if case.coming and case.coming[0] < UNTIL:
            instants.append(case.coming[0])
        if not instants:
            for stream in streams:
                self._states.pop(stream, None)
        return min(instants, default=None)

    def _record(self, at: datetime, one: Asked) -> None:
        draft = Draft.after(self._head, self._states, at)
        [outcome] = decide_all(draft, [one], {}, atomic=False)
        assert isinstance(outcome, Recorded | Refusal), (one, outcome)
        self._states.update(draft.states)
        self._head = log.Head(
            position=draft.position,
            seal=draft.seal,
            entry=draft.entry,
            journal_seal=draft.journal_seal,
            recorded_at=draft.now,
        )
        self.facts += draft.facts
        self.entries += draft.entries


# --- into the database ------------------------------------------------------------------------------------------------

FACT, ENTRY = (*log.FACT_COLUMNS, "seal"), (*log.JOURNAL_COLUMNS, "seal")


async def fill(url: str, scale: Scale, progress: Progress = quiet, seed: int = 1) -> Filled:
    """Fill an empty, migrated database (`url` is its owner's) and make its rows; returns what stands there then."""
    began = time.perf_counter()
    recorder = Recorder(Firm(scale, seed))
    owner = await asyncpg.connect(url)
    position = entries = 0
    for position in recorder.run():
        facts, recorder.facts = recorder.facts, []
        journal, recorder.entries = recorder.entries, []
        entries += len(journal)
        await copy(owner, facts, journal)
        progress(position)
    await owner.close()
    app = await database.connect(url)
    await rebuild(app, progress, url=url)
    await app.close()
    return Filled(position, entries, scale.tickets, scale.customers, time.perf_counter() - began)


async def copy(owner: asyncpg.Connection[Any], facts: Sequence[Any], entries: Sequence[Any]) -> None:
    for table, columns, rows in (("log", FACT, facts), ("journal", ENTRY, entries)):
        records = [tuple([getattr(row, column) for column in columns]) for row in rows]
        await owner.copy_records_to_table(table, schema_name="pet", columns=columns, records=records)
