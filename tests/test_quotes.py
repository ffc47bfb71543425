"""Quotes: which way they may go, what acceptance brings about in the same turn, and when they are over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from api import Api, gid
from conftest import World
from given import Past, given
from sold import (
    ADVICE,
    BASIC,
    EVERYTHING,
    GO_LIVE,
    LAST_DAY,
    OFFERED,
    SEATS,
    SERVERS,
    accepting,
    changed,
    drafted,
    eur,
    line,
    newest,
    offer,
    sent,
    sold,
)

from pet_graph.decisions import Recorded, Refusal
from pet_graph.events.base import Command
from pet_graph.events.obligations import FulfilObligation, ReleaseObligation, obligation_of
from pet_graph.events.quote_versions import QuoteStatus, canonical, digest_of
from pet_graph.events.quotes import (
    TRANSITIONS,
    ApproveQuote,
    DeclineQuote,
    DraftQuote,
    ExpireQuote,
    QuoteAccepted,
    QuoteApproved,
    QuoteDeclined,
    QuoteDrafted,
    QuoteExpired,
    QuoteRevised,
    QuoteSent,
    QuoteSubmitted,
    QuoteSuperseded,
    QuoteWithdrawn,
    ReviseQuote,
    SendQuote,
    SubmitQuote,
    SupersedeQuote,
    WithdrawQuote,
)
from pet_graph.graph import schema

CUSTOMER, QUOTE, OTHER = UUID(int=2), UUID(int=1), UUID(int=3)
OFFER, NEXT = offer(ADVICE), offer(ADVICE, GO_LIVE)
DIGEST, NEWER = digest_of(canonical(CUSTOMER, 1, 2, OFFER)), digest_of(canonical(CUSTOMER, 2, 2, NEXT))
OVER = datetime(2026, 7, 1, tzinfo=UTC)
INSTANT = timedelta(microseconds=1)

DRAFTED = QuoteDrafted(customer=CUSTOMER, offer=OFFER, minor_digits=2, digest=DIGEST)
REVISED = QuoteRevised(offer=NEXT, minor_digits=2, digest=NEWER)
SUBMITTED, APPROVED = QuoteSubmitted(), QuoteApproved(digest=DIGEST)
SENT = QuoteSent(digest=DIGEST, recipient="Cora")
ACCEPTED = QuoteAccepted(digest=DIGEST, lines=(1,), accepted_by="Cora", accepted_under="Order 7", total=eur("1020"))
DECLINED, WITHDRAWN = QuoteDeclined(reason="Too dear"), QuoteWithdrawn(reason="Too cheap")
EXPIRED, SUPERSEDED = QuoteExpired(expired_at=OVER), QuoteSuperseded(by=OTHER)

OUT = (DRAFTED, SUBMITTED, APPROVED, SENT)
PASTS: dict[QuoteStatus, tuple[Past, ...]] = {
    QuoteStatus.DRAFT: OUT[:1],
    QuoteStatus.SUBMITTED: OUT[:2],
    QuoteStatus.APPROVED: OUT[:3],
    QuoteStatus.SENT: OUT,
    QuoteStatus.ACCEPTED: (*OUT, ACCEPTED),
    QuoteStatus.DECLINED: (*OUT, DECLINED),
    QuoteStatus.EXPIRED: (*OUT, EXPIRED),
    QuoteStatus.WITHDRAWN: (*OUT, WITHDRAWN),
    QuoteStatus.SUPERSEDED: (*OUT, SUPERSEDED),
}
COMMANDS: dict[type[Command], tuple[Command, Any]] = {
    ReviseQuote: (ReviseQuote(quote=QUOTE, offer=NEXT), REVISED),
    SubmitQuote: (SubmitQuote(quote=QUOTE), SUBMITTED),
    ApproveQuote: (ApproveQuote(quote=QUOTE, digest=DIGEST), APPROVED),
    SendQuote: (SendQuote(quote=QUOTE, recipient="Cora"), SENT),
    type(accepting(QUOTE, DIGEST)): (accepting(QUOTE, DIGEST), ACCEPTED),
    DeclineQuote: (DeclineQuote(quote=QUOTE, reason="Too dear"), DECLINED),
    WithdrawQuote: (WithdrawQuote(quote=QUOTE, reason="Too cheap"), WITHDRAWN),
    SupersedeQuote: (SupersedeQuote(quote=QUOTE, by=OTHER), SUPERSEDED),
}
ALLOWED = {
    "draft": "revise submit withdraw supersede",
    "submitted": "revise approve withdraw supersede",
    "approved": "revise send withdraw supersede",
    "sent": "revise accept decline withdraw supersede",
    "accepted": "revise",
    "declined": "revise supersede",
    "expired": "revise accept supersede",
    "withdrawn": "revise supersede",
    "superseded": "",
}
"""Written out a second time, so that a way is opened or closed on purpose."""

# --- which way they may go --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", QuoteStatus)
@pytest.mark.parametrize("kind", COMMANDS)
def test_every_status_meets_every_command(status: QuoteStatus, kind: type[Command]) -> None:
    command, event = COMMANDS[kind]
    answer = given(*PASTS[status]).when(command)
    if kind.__name__.removesuffix("Quote").lower() in ALLOWED[status].split():
        answer.then(event)
    else:
        answer.refused("wrong_status")


def test_the_table_of_transitions_is_complete() -> None:
    assert set(TRANSITIONS) == {*COMMANDS, ExpireQuote}
    for kind, ways in TRANSITIONS.items():
        for status, after in ways.items():
            if kind is not ExpireQuote:
                event = COMMANDS[kind][1]
                assert PASTS[after][-1] == event or kind is ReviseQuote, status
                assert after is QuoteStatus.DRAFT or kind is not ReviseQuote


def test_an_offer_that_is_the_same_is_no_revision() -> None:
    given(DRAFTED).when(ReviseQuote(quote=QUOTE, offer=OFFER)).refused("unchanged", "offer")
    other = ReviseQuote(quote=QUOTE, offer=offer(line(1, unit_price=eur("1")), currency="CHF"))
    given(DRAFTED).when(other).refused("currency_differs", "offer", "lines", "0", "unitPrice")


def test_what_is_approved_and_accepted_is_the_newest_version_by_its_digest() -> None:
    again = (REVISED, SUBMITTED)
    given(*OUT[:2], *again).when(ApproveQuote(quote=QUOTE, digest=DIGEST)).refused("digest_differs", "digest")
    sent_again = (QuoteApproved(digest=NEWER), QuoteSent(digest=NEWER, recipient="Cora"))
    given(*OUT, *again, *sent_again).when(accepting(QUOTE, DIGEST)).refused("digest_differs", "digest")


def test_a_quote_under_which_something_is_owed_is_not_superseded() -> None:
    given(*OUT, ACCEPTED, REVISED).when(SupersedeQuote(quote=QUOTE, by=OTHER)).refused("in_force")
    given(DRAFTED).when(SupersedeQuote(quote=UUID(int=1), by=UUID(int=1))).refused("by_itself", "by")


@pytest.mark.parametrize(
    ("chosen", "code"),
    [
        ((1, 4), "not_a_choice"),
        ((9, 4), "not_a_choice"),
        ((4, 4), "not_a_choice"),
        ((), "not_one_of"),
        ((3,), "not_one_of"),
        ((4, 5), "not_one_of"),
        ((4,), None),
        ((5, 3), None),
    ],
)
def test_a_choice_takes_one_of_each_alternative_and_any_option(chosen: tuple[int, ...], code: str | None) -> None:
    digest = digest_of(canonical(CUSTOMER, 1, 2, EVERYTHING))
    past = (QuoteDrafted(customer=CUSTOMER, offer=EVERYTHING, minor_digits=2, digest=digest), *OUT[1:])
    answer = given(*past).when(accepting(QUOTE, digest, *chosen))
    if code:
        answer.refused(code, "chosen")
    else:
        assert answer.refusal is None


def test_of_options_alone_something_is_chosen() -> None:
    options = offer(SEATS)
    digest = digest_of(canonical(CUSTOMER, 1, 2, options))
    past = (QuoteDrafted(customer=CUSTOMER, offer=options, minor_digits=2, digest=digest), *OUT[1:])
    given(*past).when(accepting(QUOTE, digest)).refused("nothing_chosen", "chosen")


# --- when they are over -----------------------------------------------------------------------------------------------


def test_a_quote_can_be_accepted_until_its_last_day_is_over() -> None:
    given(*OUT).when(accepting(QUOTE, DIGEST), OVER - INSTANT).then(ACCEPTED)
    given(*OUT).when(accepting(QUOTE, DIGEST), OVER).refused("expired")
    given(*OUT, EXPIRED).when(accepting(QUOTE, DIGEST), OVER).refused("expired")


def test_what_was_accepted_in_time_and_heard_of_late_is_accepted() -> None:
    given(*OUT, EXPIRED).when(accepting(QUOTE, DIGEST), OVER - INSTANT).then(ACCEPTED)


def test_who_comes_too_late_is_told_by_the_log() -> None:
    late = offer(ADVICE, valid_until=LAST_DAY.replace(month=8))
    digest = digest_of(canonical(CUSTOMER, 2, 2, late))
    revised = QuoteRevised(offer=late, minor_digits=2, digest=digest)
    given(*OUT).when(ReviseQuote(quote=QUOTE, offer=late), OVER).then(EXPIRED, revised)
    given(*OUT).when(DeclineQuote(quote=QUOTE, reason="Late"), OVER).refused("wrong_status")


def test_the_clock_records_what_is_over_once() -> None:
    given(*OUT).when(ExpireQuote(quote=QUOTE), OVER).then(EXPIRED)
    given(*OUT).when(ExpireQuote(quote=QUOTE), OVER - INSTANT).nothing()
    given(*OUT, EXPIRED).when(ExpireQuote(quote=QUOTE), OVER).nothing()


def test_what_is_over_is_not_sent() -> None:
    given(*OUT[:3]).when(SendQuote(quote=QUOTE, recipient="Cora"), OVER).refused("expired")


async def test_a_quote_expires_at_its_instant_by_the_clock(world: World) -> None:
    quote = await drafted(world)
    assert await world.rows("deadlines") == []
    await sent(world, quote)
    assert await world.rows("deadlines") == [{"stream": f"quote-{quote}", "due_at": OVER}]
    world.pass_time(days=40)
    [outcome] = await world.turns.record_due()
    assert isinstance(outcome, Recorded)
    [fact] = outcome.facts
    assert (fact.type, fact.occurred_at, fact.authority) == ("QuoteExpired", OVER, "clock")
    [row] = await world.rows("quotes")
    assert (row["status"], await world.rows("deadlines"), await world.turns.record_due()) == ("expired", [], [])


# --- what acceptance brings about -------------------------------------------------------------------------------------


async def test_every_accepted_line_is_owed_in_the_turn_of_the_acceptance(world: World) -> None:
    quote = await drafted(world)
    digest = await sent(world, quote)
    recorded = await world.record(accepting(quote, digest, 5))
    accepted, *opened = recorded.facts
    assert isinstance(accepted.event, QuoteAccepted)
    assert accepted.event.lines == (1, 2, 5, 6, 7)
    assert {fact.causation for fact in opened} == {accepted.position}
    assert {fact.id for fact in opened} == {obligation_of(quote, number) for number in accepted.event.lines}
    rows = await world.rows("obligations")
    assert {(row["quote_id"], row["digest"], row["status"]) for row in rows} == {(quote, digest, "open")}
    assert sum(row["amount_micros"] for row in rows) == accepted.event.total.amount_micros
    units = {row["line"]: (row["burn_unit"], row["quantity_micros"], row["effort_us"]) for row in rows}
    assert units == {
        1: ("hours", None, 30_600_000_000),
        2: ("hardware_units", 2_000_000, None),
        5: ("tickets", 12_000_000, None),
        6: ("money", None, None),
        7: ("milestone", 1_000_000, None),
    }


async def test_a_change_order_amends_opens_and_drops(world: World) -> None:
    quote = await sold(world, offer(ADVICE, SERVERS, GO_LIVE))
    await changed(world, quote, offer(ADVICE, line(2, price="1"), line(8)))
    rows = {row["line"]: row for row in await world.rows("obligations")}
    digest = (await newest(world, quote))["digest"]
    assert {row["digest"] for row in rows.values()} == {digest}
    assert {number: row["status"] for number, row in rows.items()} == {1: "open", 2: "open", 7: "released", 8: "open"}
    assert (rows[2]["description"], rows[7]["release_reason"]) == ("Line 2", "A change order left it out.")
    await changed(world, quote, offer(ADVICE, GO_LIVE))
    rows = {row["line"]: row for row in await world.rows("obligations")}
    statuses = {number: row["status"] for number, row in rows.items()}
    assert statuses == {1: "open", 2: "released", 7: "open", 8: "released"}
    assert rows[7]["release_reason"] is None
    versions = sorted(await world.rows("quote_versions"), key=lambda row: row["number"])
    assert [row["status"] for row in versions] == ["superseded", "superseded", "accepted"]


async def test_a_change_order_leaves_alone_what_was_delivered_or_released(world: World) -> None:
    quote = await sold(world, offer(ADVICE, SERVERS, GO_LIVE, BASIC_ALONE))
    await world.record(FulfilObligation(obligation=obligation_of(quote, 1), evidence="Report"))
    await world.record(FulfilObligation(obligation=obligation_of(quote, 2), evidence="Note"))
    await world.record(ReleaseObligation(obligation=obligation_of(quote, 7), reason="Agreed"))
    await changed(world, quote, offer(ADVICE, GO_LIVE, line(9)))
    statuses = {row["line"]: row["status"] for row in await world.rows("obligations")}
    assert statuses == {1: "fulfilled", 2: "fulfilled", 4: "released", 7: "released", 9: "open"}


BASIC_ALONE = line(4, BASIC.burn_unit)


async def test_a_withdrawn_change_order_changes_nothing_that_is_owed(world: World) -> None:
    quote = await sold(world, OFFER)
    owed = await world.rows("obligations")
    await world.record(ReviseQuote(quote=quote, offer=NEXT))
    await world.record(WithdrawQuote(quote=quote, reason="No"))
    [row] = await world.rows("quotes")
    assert (row["status"], row["accepted_micros"]) == ("withdrawn", 1_020_000_000)
    assert await world.rows("obligations") == owed


async def test_a_refused_step_is_kept_and_records_nothing(world: World) -> None:
    quote = await drafted(world)
    before, rows = await world.facts(), await world.rows("quotes")
    refused = await world.ask(SendQuote(quote=quote, recipient="Cora"))
    assert isinstance(refused, Refusal)
    assert refused.message == "The newest version is draft; this needs one that is approved."
    assert (await world.facts(), await world.rows("quotes")) == (before, rows)
    kept = await world.pool.fetchval("select refusal->>'code' from pet.journal order by entry desc limit 1")
    assert kept == "wrong_status"


async def test_a_draft_is_for_a_customer_who_is_there(world: World) -> None:
    refused = await world.ask(DraftQuote(customer=CUSTOMER, offer=OFFER))
    assert isinstance(refused, Refusal)
    assert refused.code == "customer_not_found"


# --- asked for and shown ----------------------------------------------------------------------------------------------

SAID = "... on QuoteRecorded { quote { id number status least most version newest { digest } } }"


async def test_a_quote_goes_its_way_through_the_api(world: World) -> None:
    seller, manager = Api(world, roles=["sales"]), Api(world, roles=["manager"])
    customer = gid("Customer", await world.customer())
    await manager.command("adoptApprovalLimit", limit="5000 EUR")
    answer = await seller.command("draftQuote", SAID, customer=customer, offer=OFFERED)
    quote = answer["quote"]
    digest, id_ = quote["newest"].pop("digest"), quote.pop("id")
    assert quote == {
        "number": "Q-0001",
        "status": "DRAFT",
        "least": "969.00 EUR",
        "most": "969.00 EUR",
        "version": 2,
        "newest": {},
    }
    steps: list[tuple[str, dict[str, Any]]] = [
        ("submitQuote", {}),
        ("approveQuote", {"digest": digest}),
        ("sendQuote", {"recipient": "cora@example.org"}),
        ("acceptQuote", {"digest": digest, "acceptedBy": "Cora", "acceptedUnder": "Order 7"}),
    ]
    for name, fields in steps:
        answer = await seller.command(name, SAID, quote=id_, **fields)
        assert "quote" in answer, answer
    assert [fact["type"] for fact in answer["facts"]] == ["QuoteAccepted", "ObligationOpened"]
    asked = """query ($id: ID!) { customer(id: $id) { quotes(first: 9, filter: {status: ACCEPTED}) { nodes {
        acceptedTotal inForce { number acceptedUnder } obligations(first: 9) { nodes { amount role } } } } } }"""
    assert (await seller.ask(asked, id=customer))["customer"]["quotes"]["nodes"] == [
        {
            "acceptedTotal": "969.00 EUR",
            "inForce": {"number": 1, "acceptedUnder": "Order 7"},
            "obligations": {"nodes": [{"amount": "969.00 EUR", "role": "Senior consultant"}]},
        }
    ]


@pytest.mark.parametrize("name", ["expireQuote", "numberQuote"])
def test_nobody_expires_or_numbers_a_quote_by_hand(name: str) -> None:
    assert schema._schema.mutation_type is not None
    assert name not in schema._schema.mutation_type.fields
