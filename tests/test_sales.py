"""Sales as a whole: whatever people ask of quotes, in whichever order, what was accepted is owed to the coin."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from conftest import NOON
from desk import Desk
from given import fold
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sold import ADVICE, EVERYTHING, GO_LIVE, RETAINER, SEATS, SERVERS, accepting, eur, line, offer

from pet_graph.events.approval_limits import AdoptApprovalLimit
from pet_graph.events.base import BurnUnit, Command, Fact, Quantity, Refused
from pet_graph.events.obligations import FulfilObligation, ObligationState, ReleaseObligation, obligation_of
from pet_graph.events.offers import Offer
from pet_graph.events.quote_versions import QuoteState, QuoteStatus, canonical
from pet_graph.events.quotes import (
    ApproveQuote,
    DeclineQuote,
    DraftQuote,
    ExpireQuote,
    QuoteAccepted,
    ReviseQuote,
    SendQuote,
    SubmitQuote,
    SupersedeQuote,
    WithdrawQuote,
)
from pet_graph.projections import evolved, rows_of
from pet_graph.projections.base import Drop, Put

CUSTOMER = UUID(int=2)
QUOTES = (UUID(int=11), UUID(int=12))
ODD = line(9, BurnUnit.TICKETS, "0.333", quantity=Quantity(7_777_777), discount_percent=Quantity(12_345_678))
OFFERS = (
    EVERYTHING,
    offer(ADVICE, GO_LIVE),
    offer(SEATS, discount=eur("50")),
    offer(ADVICE, SERVERS, RETAINER, ODD, discount_percent=Quantity(7_500_000)),
    offer(ODD, line(1, price="0")),
)

quotes, actors = st.sampled_from(QUOTES), st.sampled_from(("ada", "bela", "cyd"))
choices = st.lists(st.sampled_from((3, 4, 5)), max_size=2).map(tuple)


class Sales(RuleBasedStateMachine):
    """Three people, two quotes, and a clock that goes on; what was accepted is noted beside, to be held against."""

    def __init__(self) -> None:
        super().__init__()
        self.desk, self.now = Desk(), NOON
        self.accepted: dict[str, tuple[UUID, int, str]] = {}
        self.rows: dict[tuple[str, Any], dict[str, Any]] = {}
        self.states: dict[str, Any] = {}

    def ask(self, command: Command, actor: str, id: UUID | None = None) -> None:
        """Ask, and remember rows as a turn would; a refusal changes nothing at all."""
        before, states = len(self.desk.facts), dict(self.desk.states)
        try:
            facts = self.desk.ask(command, self.now, id=id, actor=actor)
        except Refused:
            assert (len(self.desk.facts), self.desk.states) == (before, states)
            return
        for fact in facts:
            self.remember(fact)

    def remember(self, fact: Fact) -> None:
        self.states[fact.stream], changes = fold(self.states.get(fact.stream), fact)
        self.rows |= {key(change): change.values for change in changes if isinstance(change, Put)}
        for change in changes:
            if isinstance(change, Drop):
                self.rows.pop((change.table, change.key), None)
        if isinstance(fact.event, QuoteAccepted):
            state: QuoteState = self.states[fact.stream]
            self.accepted[fact.event.digest] = (fact.id, state.newest.number, content(state, state.newest.number))

    def quote(self, quote: UUID) -> QuoteState:
        state: QuoteState = self.desk.look("quote", quote)
        return state

    def digest(self, quote: UUID) -> str:
        state = self.quote(quote)
        return state.newest.digest if state.versions else ""

    # --- what may be asked for ----------------------------------------------------------------------------------------

    @rule(quote=quotes, actor=actors, offered=st.sampled_from(OFFERS))
    def write(self, quote: UUID, actor: str, offered: Offer) -> None:
        if self.quote(quote).versions:
            self.ask(ReviseQuote(quote=quote, offer=offered), actor)
        else:
            self.ask(DraftQuote(customer=CUSTOMER, offer=offered), actor, quote)

    @rule(quote=quotes, first=actors, second=actors, choice=choices)
    def bring_to_an_end(self, quote: UUID, first: str, second: str, choice: tuple[int, ...]) -> None:
        """Random steps alone would seldom come as far as an acceptance."""
        self.submit(quote, first)
        self.approve(quote, second)
        self.send(quote, first)
        self.accept(quote, first, choice)

    @rule(quote=quotes, actor=actors)
    def submit(self, quote: UUID, actor: str) -> None:
        self.ask_of(quote, SubmitQuote(quote=quote), actor)

    @rule(quote=quotes, actor=actors)
    def approve(self, quote: UUID, actor: str) -> None:
        self.ask_of(quote, ApproveQuote(quote=quote, digest=self.digest(quote)), actor)

    @rule(quote=quotes, actor=actors)
    def send(self, quote: UUID, actor: str) -> None:
        self.ask_of(quote, SendQuote(quote=quote, recipient="Cora"), actor)

    @rule(quote=quotes, actor=actors, choice=choices)
    def accept(self, quote: UUID, actor: str, choice: tuple[int, ...]) -> None:
        self.ask_of(quote, accepting(quote, self.digest(quote), *choice), actor)

    @rule(quote=quotes, actor=actors, other=quotes, way=st.integers(0, 3))
    def end(self, quote: UUID, actor: str, other: UUID, way: int) -> None:
        ways: list[Command] = [
            DeclineQuote(quote=quote, reason="No"),
            WithdrawQuote(quote=quote, reason="No"),
            SupersedeQuote(quote=quote, by=other),
            ExpireQuote(quote=quote),
        ]
        self.ask_of(quote, ways[way], actor)

    @rule(quote=quotes, actor=actors, number=st.sampled_from((1, 2, 9)), delivered=st.booleans())
    def deliver(self, quote: UUID, actor: str, number: int, delivered: bool) -> None:
        obligation = obligation_of(quote, number)
        if f"obligation-{obligation}" in self.desk.states:
            fulfil = FulfilObligation(obligation=obligation, evidence="Report")
            self.ask(fulfil if delivered else ReleaseObligation(obligation=obligation, reason="Agreed"), actor)

    @rule(actor=actors, limit=st.sampled_from(("0", "3", "5000")))
    def limit(self, actor: str, limit: str) -> None:
        self.ask(AdoptApprovalLimit(limit=eur(limit)), actor)

    @rule(days=st.sampled_from((1, 10, 31)))
    def wait(self, days: int) -> None:
        self.now += timedelta(days=days)

    def ask_of(self, quote: UUID, command: Command, actor: str) -> None:
        """The spine refuses what is asked of a quote that is not there."""
        if self.quote(quote).versions:
            self.ask(command, actor)

    # --- what holds at any time ---------------------------------------------------------------------------------------

    @invariant()
    def what_was_accepted_never_changes(self) -> None:
        for digest, (quote, number, text) in self.accepted.items():
            version = self.quote(quote).versions[number - 1]
            assert version.digest == digest == sha256(content(self.quote(quote), number).encode()).hexdigest()
            assert content(self.quote(quote), number) == text
            assert version.status in (QuoteStatus.ACCEPTED, QuoteStatus.SUPERSEDED)

    @invariant()
    def every_accepted_line_is_owed_and_nothing_else(self) -> None:
        owed = {stream for stream in self.desk.states if stream.startswith("obligation-")}
        assert owed == {f"obligation-{one}" for quote in QUOTES for one in self.promised(quote)}
        for quote in QUOTES:
            version = self.quote(quote).in_force
            if version:
                total = version.total(version.lines)
                assert {number: self.owed(quote, number).terms.amount.amount_micros for number in version.lines} == (  # type: ignore[union-attr]
                    total.amounts
                )
                assert sum(total.amounts.values()) == total.total
                assert {self.owed(quote, number).digest for number in version.lines} == {version.digest}

    def promised(self, quote: UUID) -> Iterator[UUID]:
        for version in self.quote(quote).versions:
            yield from (obligation_of(quote, number) for number in version.lines)

    def owed(self, quote: UUID, number: int) -> ObligationState:
        state: ObligationState = self.desk.look("obligation", obligation_of(quote, number))
        return state

    @invariant()
    def nobody_approved_their_own_without_a_limit(self) -> None:
        if not any(stream.startswith("approval_limit") for stream in self.desk.states):
            for quote in QUOTES:
                for version in self.quote(quote).versions:
                    assert version.approved_by not in version.authors

    @invariant()
    def numbers_have_no_gaps(self) -> None:
        numbers = sorted(self.quote(quote).number for quote in QUOTES if self.quote(quote).versions)
        assert numbers == list(range(1, len(numbers) + 1))

    def teardown(self) -> None:
        """A replay, which projects each stream once, leaves the rows that the turns left."""
        states: dict[str, Any] = {}
        last: dict[str, Fact] = {}
        for fact in self.desk.facts:
            states[fact.stream] = evolved(states.get(fact.stream), fact)
            last[fact.stream] = fact
        assert states == self.states
        replayed = {
            key(change): change.values
            for stream, fact in last.items()
            for change in rows_of(states[stream], fact)
            if isinstance(change, Put)
        }
        assert replayed == self.rows


def content(state: QuoteState, number: int) -> str:
    version = state.versions[number - 1]
    assert state.customer is not None
    return canonical(state.customer, number, version.minor_digits, version.offer)


def key(change: Put) -> tuple[str, Any]:
    return change.table, (change.values.get("id") or change.values["stream"],)


TestSales = Sales.TestCase
TestSales.settings = settings(deadline=None, max_examples=100, stateful_step_count=30)


def test_the_courses_come_as_far_as_change_orders() -> None:
    """What the machine is made of does reach what it is to test."""
    sales = Sales()
    sales.write(QUOTES[0], "ada", EVERYTHING)
    sales.bring_to_an_end(QUOTES[0], "ada", "bela", (5,))
    sales.write(QUOTES[0], "bela", OFFERS[1])
    sales.bring_to_an_end(QUOTES[0], "bela", "ada", ())
    assert len(sales.accepted) == 2
    assert sales.owed(QUOTES[0], 2).dropped
    sales.every_accepted_line_is_owed_and_nothing_else()
    sales.teardown()
