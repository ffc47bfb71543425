"""Whatever several people ask for, in whichever order: hours are conserved, and what was recorded stays as it was.

The courses run through the real turn on PostgreSQL. `PET_TEST_CASES=200` tries more of them; what reproduces a failure
is printed.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Iterator
from contextlib import AsyncExitStack, contextmanager
from datetime import timedelta
from hashlib import sha256
from typing import Any, ClassVar, TypeVar
from unittest.mock import patch
from uuid import UUID, uuid4

import msgspec
from conftest import World, a_world
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from owed import HOURS, RETAINER, owed
from sold import ADVICE, GO_LIVE, SERVERS, accepting, eur, offer

from pet_graph import database, log
from pet_graph.authority import COMMAND_RULES, Rule
from pet_graph.decisions import Outcome, Recorded, Refusal
from pet_graph.events.actuals import ConfirmBilling, CorrectBilling
from pet_graph.events.allocations import ReallocateTime, WriteOffTime
from pet_graph.events.base import BurnUnit, Command, Money, Quantity, Role
from pet_graph.events.obligations import PlaceObligation, Terms, obligation_of
from pet_graph.events.offers import Offer
from pet_graph.events.projects import CloseProject, ReopenProject, StartProject
from pet_graph.events.quotes import ApproveQuote, DraftQuote, QuoteAccepted, ReviseQuote, SendQuote, SubmitQuote
from pet_graph.events.rates import AgreeRate, RateKind
from pet_graph.events.tasks import PlanTask
from pet_graph.events.time_entries import (
    ApproveTime,
    RecordTime,
    ReturnTime,
    ReverseTime,
    SubmitTime,
    TimeApproved,
)
from pet_graph.events.time_policies import AdoptTimePolicy, Overrun
from pet_graph.projections.actuals import WORK_IN_PROGRESS
from pet_graph.rebuild import differences

CASES = int(os.environ.get("PET_TEST_CASES", 8))
HALF_AN_HOUR, DAY = timedelta(minutes=30), timedelta(days=1)
HALF_AN_HOUR_US = 1_800_000_000
NAMES = ("ada", "bela", "cyd")
FEE = Terms("A portal", BurnUnit.MILESTONE, Money(9_000_000_000, "EUR"), quantity_micros=Quantity(1_000_000))
OFFERS = (offer(ADVICE, GO_LIVE), offer(ADVICE, SERVERS), offer(ADVICE, SERVERS, GO_LIVE, discount=eur("7")))
BILLING = {name: Rule((Role.MANAGER,)) for name in ("ConfirmBilling", "CorrectBilling")}
"""Invoices are not open to clients yet; here they are."""

T = TypeVar("T")
actors, numbers = st.sampled_from(NAMES), st.integers(0, 9)


class Told(msgspec.Struct, frozen=True):
    """What was asked for when an entry was recorded: the rows have to say the same for ever."""

    person: UUID
    worked_us: int
    project: UUID | None
    task: UUID | None
    obligation: UUID | None


class Course(RuleBasedStateMachine):
    """Three people, who record, approve, reverse and bill time on projects and promises; noted beside what was said."""

    world: ClassVar[World]
    runner: ClassVar[asyncio.Runner]

    def __init__(self) -> None:
        super().__init__()
        self.entries: dict[UUID, Told] = {}
        self.reversed: set[UUID] = set()
        self.seals: dict[int, bytes] = {}
        self.quotes: list[UUID] = []
        self.accepted: dict[tuple[UUID, str], QuoteAccepted] = {}
        self.last = self.run(log.last_position(self.world.pool))

    def run(self, awaitable: Awaitable[T]) -> T:
        async def awaited() -> T:
            return await awaitable

        return self.runner.run(awaited())

    def ask(self, command: Command, actor: str, id: UUID | None = None) -> Outcome:
        """It is recorded, or refused for a reason; a refusal records nothing, and a repeat gets the first answer."""
        asked = msgspec.structs.replace(self.world.asked(command, id=id), actor=actor, roles=tuple(Role))
        outcome = self.run(self.world.turns.record(asked))
        assert isinstance(outcome, Recorded | Refusal), outcome
        facts = self.run(log.read(self.world.pool, self.last))
        assert facts == (list(outcome.facts) if isinstance(outcome, Recorded) else [])
        for fact in facts:
            self.last, self.seals[fact.position] = fact.position, fact.seal
            if isinstance(fact.event, TimeApproved):
                assert not {fact.event.approver} & {self.entries[one].person for one in fact.event.entries}
        again = self.run(self.world.turns.record(asked))
        assert isinstance(again, Recorded | Refusal)
        assert again.repeated
        return outcome

    @initialize(rate=st.booleans())
    def found(self, rate: bool) -> None:
        world = self.world
        self.people = {name: self.run(world.person(name)) for name in NAMES}
        self.obligations = self.run(owed(world, HOURS, FEE, RETAINER, quote=uuid4()))
        self.customer = self.run(world.customer())
        starts = (StartProject(name="Course", customer=one) for one in (self.customer, None))
        self.projects = [self.run(world.record(start)).facts[0].id for start in starts]
        self.tasks = [self.run(world.record(PlanTask(project=one, name="Step"))).facts[0].id for one in self.projects]
        self.last = self.run(log.last_position(world.pool))
        if rate:
            self.agree("ada", "bela", 5)

    # --- what may be asked for ----------------------------------------------------------------------------------------

    @rule(actor=actors, whose=actors, amount=numbers)
    def agree(self, actor: str, whose: str, amount: int) -> None:
        for kind in RateKind:
            rate = Money(amount * 33_333_333, "JPY")
            since = self.world.now().date() - DAY
            self.ask(AgreeRate(kind=kind, per_hour=rate, valid_from=since, person=self.people[whose]), actor)

    @rule(actor=actors, whose=actors, halves=st.integers(0, 30), ago=st.integers(0, 2), purpose=numbers)
    def work(self, actor: str, whose: str, halves: int, ago: int, purpose: int) -> None:
        purposes: list[dict[str, UUID]] = [
            {},
            *({"project": one} for one in self.projects),
            *({"task": one} for one in self.tasks),
            {"task": self.tasks[0], "project": self.projects[1]},
            *({"obligation": one} for one in self.obligations),
            {"obligation": self.obligations[0], "task": self.tasks[0]},
        ]
        command = RecordTime(
            person=self.people[whose],
            worked_on=self.world.now().date() - ago * DAY,
            worked=halves * HALF_AN_HOUR,
            **purposes[purpose],
        )
        outcome = self.ask(command, actor)
        if isinstance(outcome, Recorded):
            told = Told(command.person, halves * HALF_AN_HOUR_US, command.project, command.task, command.obligation)
            self.entries[outcome.facts[0].command_id] = told

    @rule(actor=actors, approver=actors, number=numbers, returned=st.booleans())
    def decide(self, actor: str, approver: str, number: int, returned: bool) -> None:
        if sheet := self.sheet(number):
            self.ask(SubmitTime(timesheet=sheet), actor)
            how: dict[str, Any] = {"timesheet": sheet, "approver": self.people[approver]}
            self.ask(ReturnTime(**how, reason="Which?") if returned else ApproveTime(**how), actor)

    @rule(actor=actors, number=numbers)
    def reverse(self, actor: str, number: int) -> None:
        if sheet := self.sheet(number):
            entry = self.entry(number)
            outcome = self.ask(ReverseTime(timesheet=sheet, entry=entry, reason="Another day"), actor)
            self.reversed |= {entry} if isinstance(outcome, Recorded) else set()

    @rule(actor=actors, number=numbers, invoice=st.integers(1, 2), quarters=st.integers(0, 4), anew=st.booleans())
    def bill(self, actor: str, number: int, invoice: int, quarters: int, anew: bool) -> None:
        if self.entries:
            entry = self.entry(number)
            quantity = timedelta(microseconds=self.entries[entry].worked_us) * quarters / 4
            how: dict[str, Any] = {"actual": entry, "billing": UUID(int=invoice), "quantity": quantity}
            promise = self.entries[entry].obligation or self.obligations[0]
            confirm = ConfirmBilling(**how, obligation=promise)
            self.ask(confirm if anew else CorrectBilling(**how, reason="Agreed"), actor)

    @rule(actor=actors, number=numbers, halves=st.sampled_from((None, 1, 4)))
    def write_off(self, actor: str, number: int, halves: int | None) -> None:
        if self.entries:
            worked = None if halves is None else halves * HALF_AN_HOUR
            self.ask(WriteOffTime(entry=self.entry(number), reason="A gift", worked=worked), actor)

    @rule(actor=actors, number=numbers, overrun=st.sampled_from(Overrun))
    def allocate_anew(self, actor: str, number: int, overrun: Overrun) -> None:
        if self.entries:
            self.ask(AdoptTimePolicy(name=overrun, overrun=overrun), actor)
            self.ask(ReallocateTime(entry=self.entry(number), reason="By the rules of now"), actor)

    @rule(
        whose=actors,
        halves=st.integers(1, 8),
        purpose=st.sampled_from((6, 8, 9)),
        billed=st.lists(st.integers(0, 4), max_size=3),
    )
    def bring_to_an_invoice(self, whose: str, halves: int, purpose: int, billed: list[int]) -> None:
        """Random steps alone would seldom come as far."""
        other = NAMES[NAMES.index(whose) - 1]
        self.work(whose, whose, halves, 0, purpose)
        newest = len(self.entries) - 1
        self.decide(other, other, newest, False)
        for number, quarters in enumerate(billed):
            self.bill(other, newest, 1, quarters, anew=not number)

    @rule(author=actors, approver=actors, offered=st.sampled_from(OFFERS), anew=st.booleans())
    def sell(self, author: str, approver: str, offered: Offer, anew: bool) -> None:
        """A quote, or a change order to the newest one, on its way to being accepted, which may end early."""
        valid_until = self.world.now().date() + DAY
        offered = msgspec.structs.replace(offered, valid_until=valid_until)
        if anew or not self.quotes:
            self.quotes.append(uuid4())
            self.ask(DraftQuote(customer=self.customer, offer=offered), author, self.quotes[-1])
        else:
            self.ask(ReviseQuote(quote=self.quotes[-1], offer=offered), author)
        quote = self.quotes[-1]
        digest = max(self.versions(quote), key=lambda row: row["number"])["digest"]
        self.ask(SubmitQuote(quote=quote), author)
        self.ask(ApproveQuote(quote=quote, digest=digest), approver)
        self.ask(SendQuote(quote=quote, recipient="Cora"), author)
        outcome = self.ask(accepting(quote, digest), author)
        if isinstance(outcome, Recorded):
            said = next(fact.event for fact in outcome.facts if isinstance(fact.event, QuoteAccepted))
            self.accepted[quote, digest] = said
            self.obligations[:1] = [obligation_of(quote, said.lines[0])]

    def versions(self, quote: UUID) -> list[dict[str, Any]]:
        return [row for row in self.run(self.world.rows("quote_versions")) if row["quote_id"] == quote]

    @rule(actor=actors)
    def deliver(self, actor: str) -> None:
        """What was sold is delivered in the customer's project."""
        self.ask(PlaceObligation(obligation=self.obligations[0], project=self.projects[0]), actor)

    @rule(actor=actors, number=st.integers(0, 1), closed=st.booleans())
    def close(self, actor: str, number: int, closed: bool) -> None:
        project = self.projects[number]
        again = ReopenProject(project=project, reason="More")
        self.ask(CloseProject(project=project, reason="Done") if closed else again, actor)

    @rule()
    def sleep(self) -> None:
        self.world.pass_time(days=1)

    def entry(self, number: int) -> UUID:
        return [*self.entries][number % len(self.entries)]

    def sheet(self, number: int) -> UUID | None:
        """The sheet of an entry, if there is any."""
        found = (row["timesheet_id"] for row in self.rows("time_entries") if row["id"] == self.entry(number))
        return next(found, None)

    def rows(self, table: str) -> list[dict[str, Any]]:
        """The rows of this course; earlier ones left their own."""
        key = "time_entry_id" if table == "actuals" else "id"
        return [row for row in self.run(self.world.rows(table)) if row[key] in self.entries]

    # --- what holds at any time ---------------------------------------------------------------------------------------

    @invariant()
    def what_was_recorded_stays_as_it_was(self) -> None:
        rows = {row["id"]: row for row in self.rows("time_entries")}
        columns = ("person_id", "worked_us", "project_id", "task_id", "obligation_id")
        said = {id_: Told(*(row[column] for column in columns)) for id_, row in rows.items()}
        assert said == self.entries
        assert {id_ for id_, row in rows.items() if row["status"] == "reversed"} == self.reversed

    @invariant()
    def what_was_accepted_stays_as_it_was_and_all_of_it_is_owed(self) -> None:
        rows = {(quote, row["digest"]): row for quote in self.quotes for row in self.versions(quote)}
        owed = {row["id"]: row for row in self.run(self.world.rows("obligations"))}
        for (quote, digest), said in self.accepted.items():
            version = rows[quote, digest]
            assert sha256(version["content"].encode()).hexdigest() == digest
            lines = [owed[obligation_of(quote, line)] for line in said.lines]
            if version["status"] == "accepted":
                assert sum(line["amount_micros"] for line in lines) == said.total.amount_micros
                assert {line["digest"] for line in lines} == {digest}

    @invariant()
    def unbilled_and_billed_and_non_chargeable_are_what_was_approved(self) -> None:
        status = {row["id"]: row["status"] for row in self.rows("time_entries")}
        lines = self.rows("actuals")
        for entry, told in self.entries.items():
            mine = [line for line in lines if line["time_entry_id"] == entry]
            approved = told.worked_us if status[entry] == "approved" else 0
            cost = sum(line["quantity_us"] for line in mine if line["kind"] == "cost")
            sales = sum(line["quantity_us"] for line in mine if line["kind"] != "cost")
            by_the_hour = {line["contract"] for line in mine} == {"time_and_materials"}
            assert (cost, sales) == (approved, approved if by_the_hour else 0)
            assert approved or not sum(line["amount_micros"] or 0 for line in mine)

    @invariant()
    def every_hour_that_counts_is_in_one_part_of_work_in_progress(self) -> None:
        rows = self.run(self.world.rows("time_entries"))
        counting = sum(row["worked_us"] for row in rows if row["status"] != "reversed")
        sql = WORK_IN_PROGRESS.replace("{now}", "$3::timestamptz")
        told = self.run(self.world.pool.fetchrow(sql, None, None, self.world.now()))
        parts = json.loads(told["parts"])
        assert told["worked_us"] == sum(part["worked_us"] for part in parts) == counting

    def check(self) -> None:
        """All that holds at any time."""
        self.what_was_recorded_stays_as_it_was()
        self.what_was_accepted_stays_as_it_was_and_all_of_it_is_owed()
        self.unbilled_and_billed_and_non_chargeable_are_what_was_approved()
        self.every_hour_that_counts_is_in_one_part_of_work_in_progress()

    def teardown(self) -> None:
        """The log has what it had, and a replay gives the same rows."""
        first = min(self.seals, default=self.last + 1) - 1
        facts = self.run(log.read(self.world.pool, first))
        assert {fact.position: fact.seal for fact in facts if fact.position in self.seals} == self.seals
        assert self.run(self.differences()) == {}

    async def differences(self) -> dict[str, int]:
        connection = await database.connect(self.world.url)
        try:
            return await differences(connection)
        finally:
            await connection.close()


@contextmanager
def courses(url: str) -> Iterator[type[Course]]:
    """Courses on this database, where invoices may be written."""
    with asyncio.Runner() as runner, patch.dict(COMMAND_RULES, BILLING):
        stack = AsyncExitStack()
        world = runner.run(stack.enter_async_context(a_world(url)))
        try:
            yield type("OnDatabase", (Course,), {"world": world, "runner": runner})
        finally:
            runner.run(stack.aclose())


def test_the_courses_come_as_far_as_a_corrected_invoice(database_url: str) -> None:
    """What the machine is made of does reach what it is to test."""
    with courses(database_url) as kind:
        course = kind()
        course.found(True)
        course.sell("ada", "bela", OFFERS[0], True)
        course.sell("ada", "ada", OFFERS[1], False)
        course.sell("ada", "cyd", OFFERS[2], False)
        assert len(course.accepted) == 2
        for _ in range(2):
            course.bring_to_an_invoice("ada", 8, 6, [3])
        course.bill("bela", 0, 1, 2, False)
        course.reverse("cyd", 0)
        course.bill("bela", 0, 1, 0, False)
        course.reverse("cyd", 0)
        course.check()
        assert [fact.type for fact in course.run(course.world.facts())][-4:-1] == [
            "TimeReversed",
            "AllocationWithdrawn",
            "ActualsCancelled",
        ]
        course.teardown()


def test_in_any_course_hours_are_conserved_and_nothing_said_is_changed(database_url: str) -> None:
    phases = [phase for phase in Phase if phase is not Phase.shrink]  # each step is slow
    how = settings(max_examples=CASES, stateful_step_count=25, deadline=None, print_blob=True, phases=phases)
    with courses(database_url) as kind:
        run_state_machine_as_test(kind, settings=settings(how, suppress_health_check=[*HealthCheck]))  # type: ignore[no-untyped-call]
