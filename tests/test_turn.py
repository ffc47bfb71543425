"""The write path: every command gets one answer, facts are born one at a time, and what fails fails alone."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID, uuid4

import asyncpg
import msgspec
import pytest
from conftest import NOON, World
from owed import HOURS, QUOTE, owed
from sold import accepting, changed, eur, line, offer, sold
from test_delivery_mutations import LIFE
from test_sales_mutations import LIFE as SALES
from timetables import OFFICE, REPUBLIC

from pet_graph import audit, database, log
from pet_graph.authority import CLIENT_COMMANDS
from pet_graph.decisions import NOT_ALONE, Asked, Conflict, Failed, Invalid, Outcome, Recorded, Refusal
from pet_graph.events import COMMANDS
from pet_graph.events.approval_limits import AdoptApprovalLimit
from pet_graph.events.base import BurnUnit, Command, Event, Fact, Priority, Refused, Role, about
from pet_graph.events.calendars import (
    AddCalendarExceptions,
    AmendCalendar,
    CalendarException,
    RemoveCalendarExceptions,
    RetireCalendar,
)
from pet_graph.events.checks import check
from pet_graph.events.customers import RegisterCustomer, RenameCustomer
from pet_graph.events.holidays import AcceptHolidays, ProposeHolidays, RejectHolidays
from pet_graph.events.messages import AnnotateTicket, ReceiveTicketMessage, RespondToTicket
from pet_graph.events.obligations import FulfilObligation, ReleaseObligation, obligation_of
from pet_graph.events.people import GrantRole, RegisterPerson, RevokeRole
from pet_graph.events.policies import AdoptSlaPolicy, RetireSlaPolicy, SlaTarget
from pet_graph.events.projects import StartProject
from pet_graph.events.quote_versions import canonical, digest_of
from pet_graph.events.quotes import (
    ApproveQuote,
    DeclineQuote,
    DraftQuote,
    ReviseQuote,
    SendQuote,
    SubmitQuote,
    SupersedeQuote,
    WithdrawQuote,
)
from pet_graph.events.reactions import REACTIONS, Look
from pet_graph.events.tickets import (
    AnnulTicket,
    AssignTicket,
    CloseTicket,
    HoldTicket,
    MergeTicket,
    OpenTicket,
    PrioritiseTicket,
    ReopenTicket,
    ResolveTicket,
    ResumeTicket,
    TicketOpened,
)
from pet_graph.events.time_entries import RecordTime
from pet_graph.events.timelines import Party
from pet_graph.projections import PROJECTORS
from pet_graph.projections.base import Put
from pet_graph.rebuild import rebuild
from pet_graph.turn import Turns, Unavailable, take_turn

HOUR = timedelta(hours=1)
CUSTOMER, PERSON, TICKET = UUID(int=1), UUID(int=2), UUID(int=3)


# --- what the tests ask with ------------------------------------------------------------------------------------------


async def journal(world: World) -> list[dict[str, Any]]:
    return [dict(row) for row in await world.pool.fetch("select * from pet.journal order by entry")]


async def everything(world: World) -> tuple[list[Fact], list[dict[str, Any]]]:
    """All that was recorded so far: to be equal before and after what records nothing."""
    return await world.facts(), await journal(world)


async def is_sound(world: World) -> None:
    """Positions and entries without a gap, seals that follow, instants that never go back, replay equal."""
    facts, entries = await everything(world)
    assert [fact.position for fact in facts] == [*range(1, len(facts) + 1)]
    assert [entry["entry"] for entry in entries] == [*range(1, len(entries) + 1)]
    assert [fact.recorded_at for fact in facts] == sorted(fact.recorded_at for fact in facts)
    assert [entry["recorded_at"] for entry in entries] == sorted(entry["recorded_at"] for entry in entries)
    connection = await database.connect(world.url)
    assert (await audit.verify(connection)).findings == ()
    await connection.close()


def recorded(outcomes: Sequence[Outcome]) -> list[Recorded]:
    """Insist on all of them being recorded."""
    assert [one for one in outcomes if not isinstance(one, Recorded)] == []
    return [one for one in outcomes if isinstance(one, Recorded)]


def names(facts: Sequence[Fact]) -> list[Any]:
    """What the customers in these facts are called."""
    return [getattr(fact.event, "name", None) for fact in facts]


@asynccontextmanager
async def turning(turns: Turns) -> AsyncIterator[Turns]:
    task = asyncio.create_task(turns.run())
    try:
        yield turns
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def other_turns(world: World, **settings: str) -> Turns:
    """The turns of another process on the same database."""

    async def connect() -> asyncpg.Connection[Any]:
        connection = await database.connect(world.url)
        for name, value in settings.items():
            await connection.execute(f"set {name} = '{value}'")
        return connection

    return Turns(connect, world.now)


@pytest.fixture
def at_the_first_try(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """A turn that fails is retried one by one, so a mistake in it would show nowhere but here and in the time taken."""
    yield
    said = caplog.get_records("call")
    assert [record.getMessage() for record in said if record.name == "pet_graph.turn"] == []


# --- the same command again -------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("at_the_first_try")
async def test_identical_commands_at_once_record_one_fact_and_get_the_same_answer(world: World) -> None:
    asked = world.asked(RegisterCustomer(name="Crunchy Armchairs"))
    outcomes = recorded(await asyncio.gather(*(world.turns.record(asked) for _ in range(50))))
    [fact] = await world.facts()
    assert {outcome.facts for outcome in outcomes} == {(fact,)}
    assert {outcome.position for outcome in outcomes} == {1}
    assert sorted(outcome.repeated for outcome in outcomes) == [False] + [True] * 49
    assert len(await journal(world)) == 1


async def test_a_command_that_is_sent_again_later_gets_its_first_answer(world: World) -> None:
    asked = world.asked(RegisterCustomer(name="Crunchy Armchairs"))
    first = await world.turns.record(asked)
    await world.customer("Somebody Else")
    world.pass_time(hours=1)
    before = await everything(world)
    again = await world.turns.record(asked)
    assert isinstance(first, Recorded)
    assert again == replace(first, repeated=True)
    assert await everything(world) == before


@pytest.mark.usefixtures("at_the_first_try")
async def test_commands_with_one_id_in_one_batch_record_one_fact(world: World) -> None:
    asked = world.asked(RegisterCustomer(name="Crunchy Armchairs"))
    first, again = recorded(await world.turns.record_all([asked, asked]))
    assert (first.repeated, again.repeated) == (False, True)
    assert [first.facts, again.facts] == [tuple(await world.facts())] * 2


def differing(field: str, asked: Asked) -> Asked:
    """The same command, but for one thing."""
    other: dict[str, dict[str, Any]] = {
        "name": {"command": RenameCustomer(customer=CUSTOMER, name="Soft Armchairs")},
        "customer": {"command": RenameCustomer(customer=PERSON, name="Crunchy Chairs")},
        "command": {"command": AssignTicket(ticket=CUSTOMER, assignee=PERSON)},
        "actor": {"actor": "somebody else"},
        "expectedVersion": {"expected_version": 2},
        "occurredAt": {"occurred_at": NOON - HOUR},
    }
    return msgspec.structs.replace(asked, **other[field])


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("field", ["name", "customer", "command", "actor", "expectedVersion", "occurredAt"])
async def test_an_id_with_another_input_is_a_conflict_that_names_the_field(
    world: World, field: str, at_once: bool
) -> None:
    await world.record(RegisterCustomer(name="Crunchy Armchairs"), id=CUSTOMER)
    first = world.asked(RenameCustomer(customer=CUSTOMER, name="Crunchy Chairs"), expected_version=1)
    second = differing(field, first)
    if at_once:
        outcomes = await world.turns.record_all([first, second])
    else:
        outcomes = [await world.turns.record(first), await world.turns.record(second)]
    assert isinstance(outcomes[0], Recorded)
    assert isinstance(outcomes[1], Conflict)
    assert outcomes[1].path == (field,)
    assert names(await world.facts()) == ["Crunchy Armchairs", "Crunchy Chairs"]
    assert len(await journal(world)) == 2


async def test_an_id_with_another_item_in_a_list_is_a_conflict_that_names_the_list(world: World) -> None:
    first = world.asked(RegisterPerson(name="Ada", roles=(Role.ENGINEER,)))
    await world.turns.record(first)
    before = await everything(world)
    other = msgspec.structs.replace(first, command=RegisterPerson(name="Ada", roles=(Role.ENGINEER, Role.SALES)))
    outcome = await world.turns.record(other)
    assert isinstance(outcome, Conflict)
    assert outcome.path == ("roles",)
    assert await everything(world) == before


# --- refusals ---------------------------------------------------------------------------------------------------------


async def test_a_refused_command_records_no_fact_and_stays_in_the_journal(world: World) -> None:
    outcome = await world.ask(RenameCustomer(customer=CUSTOMER, name="Crunchy Chairs"), id=TICKET)
    assert isinstance(outcome, Refusal)
    assert (outcome.code, outcome.path, outcome.repeated) == ("customer_not_found", ("customer",), False)
    assert await world.facts() == []
    [entry] = await journal(world)
    assert (entry["command_id"], entry["command"], entry["actor"]) == (TICKET, "RenameCustomer", "tester")
    assert (entry["authority"], entry["first_position"], entry["last_position"]) == ("manager", None, None)
    assert msgspec.json.decode(entry["refusal"], type=Refusal) == outcome


async def test_a_refused_command_stays_refused_when_the_state_would_allow_it(world: World) -> None:
    asked = world.asked(RenameCustomer(customer=CUSTOMER, name="Crunchy Chairs"))
    first = await world.turns.record(asked)
    await world.record(RegisterCustomer(name="Crunchy Armchairs"), id=CUSTOMER)
    before = await everything(world)
    again = await world.turns.record(asked)
    assert isinstance(first, Refusal)
    assert again == replace(first, repeated=True)
    assert await everything(world) == before
    await world.record(RenameCustomer(customer=CUSTOMER, name="Crunchy Chairs"))


async def test_another_version_than_expected_is_a_conflict_that_tells_the_current_one(world: World) -> None:
    customer = await world.customer("Crunchy Armchairs")
    await world.record(RenameCustomer(customer=customer, name="Crunchy Chairs"), expected_version=1)
    before = await world.facts()
    outcome = await world.ask(RenameCustomer(customer=customer, name="Soft Chairs"), expected_version=1)
    assert isinstance(outcome, Refusal)
    assert (outcome.code, outcome.current_version, outcome.path) == ("version_conflict", 2, ("expectedVersion",))
    assert await world.facts() == before


async def test_of_two_commands_at_once_that_expect_one_version_one_is_recorded(world: World) -> None:
    customer = await world.customer("Crunchy Armchairs")
    outcomes = await asyncio.gather(
        *(world.ask(RenameCustomer(customer=customer, name=name), expected_version=1) for name in ("Soft", "Hard"))
    )
    assert [type(outcome) for outcome in outcomes] == [Recorded, Refusal]
    assert names(await world.facts()) == ["Crunchy Armchairs", "Soft"]


# --- when it was so ---------------------------------------------------------------------------------------------------


async def test_a_fact_may_have_occurred_before_it_is_recorded(world: World) -> None:
    outcome = await world.record(RegisterCustomer(name="Crunchy Armchairs"), occurred_at=NOON - 10 * HOUR)
    [fact] = outcome.facts
    assert (fact.occurred_at, fact.recorded_at) == (NOON - 10 * HOUR, NOON)
    [row] = await world.rows("customers")
    assert row["registered_at"] == NOON - 10 * HOUR


async def test_a_command_from_the_future_is_invalid_and_leaves_its_id_free(world: World) -> None:
    asked = world.asked(RegisterCustomer(name="Crunchy Armchairs"), occurred_at=NOON + timedelta(microseconds=1))
    outcome = await world.turns.record(asked)
    assert isinstance(outcome, Invalid)
    assert (outcome.code, outcome.path) == ("in_the_future", ("occurredAt",))
    assert await everything(world) == ([], [])
    await world.record(RegisterCustomer(name="Soft Armchairs"), id=asked.command_id, occurred_at=NOON)


async def test_the_instants_of_the_log_never_go_back_though_the_clock_does(world: World) -> None:
    await world.customer("Before")
    world.pass_time(hours=-1)
    await world.customer("After")
    refused = world.asked(RenameCustomer(customer=uuid4(), name="Nobody"))
    await world.turns.record(refused)
    assert [fact.recorded_at for fact in await world.facts()] == [NOON, NOON]
    assert [entry["recorded_at"] for entry in await journal(world)] == [NOON] * 3


# --- what is not well formed ------------------------------------------------------------------------------------------

NOT_TEXT = {
    "blank": ("  \n\t", "blank"),
    "empty": ("", "blank"),
    "too long": ("x" * 201, "too_long"),
    "with a NUL": ("Crunchy\0Armchairs", "not_text"),
    "with half a surrogate": ("Crunchy \ud83d Armchairs", "not_text"),
}


@pytest.mark.parametrize("text", NOT_TEXT)
async def test_what_is_not_a_text_is_invalid_and_leaves_the_id_free(world: World, text: str) -> None:
    name, code = NOT_TEXT[text]
    asked = world.asked(RegisterCustomer(name=name))
    outcome = await world.turns.record(asked)
    assert isinstance(outcome, Invalid)
    assert (outcome.code, outcome.path) == (code, ("name",))
    assert await everything(world) == ([], [])
    await world.record(RegisterCustomer(name="Crunchy Armchairs"), id=asked.command_id)


class Delivery(Command, frozen=True):
    """A command with every kind of field that has limits."""

    boxes: Annotated[int, about("How many.", ge=1, le=20)] = 1
    lead: timedelta = HOUR
    labels: Annotated[tuple[str, ...], about("What is on them.", min_length=1, max_length=2)] = ("Fragile",)
    first: RegisterCustomer = RegisterCustomer(name="A")
    others: tuple[RegisterCustomer, ...] = ()


BLANK = RegisterCustomer(name=" ")


@pytest.mark.parametrize(
    ("command", "code", "path"),
    [
        (Delivery(boxes=0), "out_of_range", ("boxes",)),
        (Delivery(boxes=21), "out_of_range", ("boxes",)),
        (Delivery(lead=-HOUR), "negative", ("lead",)),
        (Delivery(labels=()), "wrong_length", ("labels",)),
        (Delivery(labels=("a", "b", "c")), "wrong_length", ("labels",)),
        (Delivery(labels=("a", "\0")), "not_text", ("labels", "1")),
        (Delivery(first=BLANK), "blank", ("first", "name")),
        (Delivery(others=(RegisterCustomer(name="B"), BLANK)), "blank", ("others", "1", "name")),
    ],
)
def test_every_limit_of_a_field_is_kept_and_the_path_leads_to_it(
    command: Command, code: str, path: tuple[str, ...]
) -> None:
    with pytest.raises(Refused) as refused:
        check(command)
    assert (refused.value.code, refused.value.path) == (code, path)
    check(Delivery(boxes=20, lead=timedelta(), labels=("a", "b"), others=(RegisterCustomer(name="B"),)))


async def test_a_text_of_the_longest_length_and_of_any_script_comes_back_as_it_was(world: World) -> None:
    name = "\\\"'\u2028\u202e\U0001f6cb\x7f\x01\r\n\t{}$1,NULL\\u0041é" + "x" * 100
    await world.customer(name + "y" * (200 - len(name)))
    [row] = await world.rows("customers")
    assert row["name"] == name + "y" * (200 - len(name))
    assert names(await world.facts()) == [row["name"]]
    await is_sound(world)


async def test_of_a_batch_the_well_formed_commands_are_recorded(world: World) -> None:
    texts = ("Crunchy Armchairs", " ", "Soft Armchairs")
    first, blank, last = await world.turns.record_all([world.asked(RegisterCustomer(name=text)) for text in texts])
    assert isinstance(blank, Invalid)
    assert names([*recorded([first])[0].facts, *recorded([last])[0].facts]) == ["Crunchy Armchairs", "Soft Armchairs"]
    assert names(await world.facts()) == ["Crunchy Armchairs", "Soft Armchairs"]


async def test_of_an_atomic_batch_none_is_recorded_when_one_is_not_well_formed(world: World) -> None:
    asked = [world.asked(RegisterCustomer(name=text)) for text in ("Crunchy Armchairs", " ")]
    alone, blank = await world.turns.record_all(asked, atomic=True)
    assert alone == NOT_ALONE
    assert isinstance(blank, Invalid)
    assert await everything(world) == ([], [])


# --- rehearsals -------------------------------------------------------------------------------------------------------

OPEN = OpenTicket(customer=CUSTOMER, subject="It squeaks", reference="A-1")
ANOTHER, OTHER = OpenTicket(customer=CUSTOMER, subject="It creaks"), UUID(int=77)
HOLD = HoldTicket(ticket=TICKET, reason="Which leg?", waiting_on=Party.CUSTOMER)
RESOLVE = ResolveTicket(ticket=TICKET, resolution="Oiled")
STANDARD = AdoptSlaPolicy(name="Standard", targets=tuple(SlaTarget(each, HOUR, 4 * HOUR) for each in Priority))

OFFER = offer(line(8, price="1"))
DIGEST = digest_of(canonical(CUSTOMER, 1, 2, OFFER))
LIMIT = AdoptApprovalLimit(limit=eur("1"))
DRAFT, SECOND = DraftQuote(customer=CUSTOMER, offer=OFFER), DraftQuote(customer=CUSTOMER, offer=offer(line(9)))
APPROVED = [LIMIT, DRAFT, SubmitQuote(quote=QUOTE), ApproveQuote(quote=QUOTE, digest=DIGEST)]
SENT = [*APPROVED, SendQuote(quote=QUOTE, recipient="Cora")]
CALENDAR, THE_DAY = UUID(int=70), (REPUBLIC.on,)
PROPOSE = ProposeHolidays(calendar=CALENDAR, source="Law", holidays=(REPUBLIC,))
EXCEPTIONS = AddCalendarExceptions(calendar=CALENDAR, exceptions=(CalendarException(on=REPUBLIC.on, name="Stock"),))
IDS: dict[Command, UUID] = {OFFICE: CALENDAR, OPEN: TICKET, DRAFT: QUOTE, ANOTHER: OTHER, SECOND: UUID(int=98)}

REHEARSED: dict[type[Command], tuple[Command, list[Command]]] = {
    type(command): (command, before)
    for command, before in (
        (RegisterCustomer(name="Soft Armchairs", reference="S-1"), []),
        (RenameCustomer(customer=CUSTOMER, name="Crunchy Chairs"), []),
        (RegisterPerson(name="Grace", email="grace@example.com", roles=(Role.SALES, Role.ENGINEER)), []),
        (GrantRole(person=PERSON, role=Role.SALES), []),
        (RevokeRole(person=PERSON, role=Role.SALES), [GrantRole(person=PERSON, role=Role.SALES)]),
        (STANDARD, []),
        (RetireSlaPolicy(), [STANDARD]),
        (LIMIT, []),
        (DRAFT, []),
        (ReviseQuote(quote=QUOTE, offer=SECOND.offer), [DRAFT]),
        (SubmitQuote(quote=QUOTE), [DRAFT]),
        (APPROVED[3], APPROVED[:3]),
        (SENT[4], APPROVED),
        (accepting(QUOTE, DIGEST), SENT),
        (DeclineQuote(quote=QUOTE, reason="Too dear"), SENT),
        (WithdrawQuote(quote=QUOTE, reason="Too cheap"), SENT),
        (SupersedeQuote(quote=QUOTE, by=IDS[SECOND]), [DRAFT, SECOND]),
        (FulfilObligation(obligation=obligation_of(QUOTE, 1), evidence="Report 7"), []),
        (ReleaseObligation(obligation=obligation_of(QUOTE, 1), reason="Mutual"), []),
        (OFFICE, []),
        (AmendCalendar(calendar=CALENDAR, hours=OFFICE.hours[:1]), [OFFICE]),
        (EXCEPTIONS, [OFFICE]),
        (RemoveCalendarExceptions(calendar=CALENDAR, dates=THE_DAY), [OFFICE, EXCEPTIONS]),
        (PROPOSE, [OFFICE]),
        (AcceptHolidays(calendar=CALENDAR, dates=THE_DAY), [OFFICE, PROPOSE]),
        (RejectHolidays(calendar=CALENDAR, dates=THE_DAY), [OFFICE, PROPOSE]),
        (RetireCalendar(calendar=CALENDAR, reason="Moved"), [OFFICE]),
        (OPEN, [STANDARD]),
        (AssignTicket(ticket=TICKET, assignee=PERSON), [STANDARD, OPEN]),
        (PrioritiseTicket(ticket=TICKET, priority=Priority.URGENT), [STANDARD, OPEN]),
        (RespondToTicket(ticket=TICKET, person=PERSON, message="We are on it"), [STANDARD, OPEN]),
        (HOLD, [STANDARD, OPEN]),
        (ResumeTicket(ticket=TICKET), [STANDARD, OPEN, HOLD]),
        (RESOLVE, [STANDARD, OPEN]),
        (ReopenTicket(ticket=TICKET, reason="Again"), [STANDARD, OPEN, RESOLVE]),
        (CloseTicket(ticket=TICKET), [STANDARD, OPEN, RESOLVE]),
        (AnnulTicket(ticket=TICKET, reason="It was the door"), [STANDARD, OPEN]),
        (MergeTicket(ticket=TICKET, into=OTHER, reason="The same chair"), [STANDARD, OPEN, ANOTHER]),
        (ReceiveTicketMessage(ticket=TICKET, message="Well?"), [STANDARD, OPEN]),
        (AnnotateTicket(ticket=TICKET, note="He is cross"), [STANDARD, OPEN]),
    )
}


REHEARSED_ON = (
    "streams",
    "quotes",
    "quote_versions",
    "quote_lines",
    "obligations",
    "tickets",
    "sla_clocks",
    "deadlines",
)


def test_every_command_of_clients_is_rehearsed() -> None:
    elsewhere = {name[0].upper() + name[1:] for name, _, _ in (*LIFE, *SALES)}
    assert {command.__name__ for command in REHEARSED} | elsewhere == set(CLIENT_COMMANDS)


@pytest.mark.parametrize("command", REHEARSED.values(), ids=lambda pair: type(pair[0]).__name__)
async def test_a_rehearsal_records_nothing_and_tells_what_will_be_recorded(
    world: World, command: tuple[Command, list[Command]]
) -> None:
    await world.record(RegisterCustomer(name="Crunchy Armchairs"), id=CUSTOMER)
    await world.record(RegisterPerson(name="Ada"), id=PERSON)
    await owed(world, HOURS)
    for past in command[1]:
        await world.record(past, id=IDS.get(past))
        world.pass_time(minutes=10)
    tables = [await world.rows(table) for table in REHEARSED_ON]
    before = await everything(world)
    asked = world.asked(command[0], occurred_at=world.now() - timedelta(minutes=1))

    rehearsed = await world.turns.record(asked, dry_run=True)
    assert await everything(world) == before
    assert [await world.rows(table) for table in REHEARSED_ON] == tables

    real = await world.turns.record(asked)
    assert isinstance(real, Recorded)
    assert rehearsed == replace(real, dry_run=True)
    assert (await world.facts())[len(before[0]) :] == list(real.facts)


async def test_a_rehearsal_that_is_refused_leaves_the_id_free(world: World) -> None:
    asked = world.asked(RenameCustomer(customer=CUSTOMER, name="Crunchy Chairs"))
    outcome = await world.turns.record(asked, dry_run=True)
    assert isinstance(outcome, Refusal)
    assert await everything(world) == ([], [])
    await world.record(RegisterCustomer(name="Crunchy Armchairs"), id=CUSTOMER)
    assert isinstance(await world.turns.record(asked), Recorded)


@pytest.mark.usefixtures("at_the_first_try")
async def test_rehearsals_and_commands_at_once_do_not_see_each_other(world: World) -> None:
    asked = [world.asked(RegisterCustomer(name=str(number))) for number in range(20)]
    outcomes = await asyncio.gather(*(world.turns.record(one, dry_run=n % 2 == 0) for n, one in enumerate(asked)))
    assert [outcome.dry_run for outcome in recorded(outcomes)] == [True, False] * 10
    assert names(await world.facts()) == [str(number) for number in range(1, 20, 2)]
    await is_sound(world)


# --- reactions --------------------------------------------------------------------------------------------------------


async def test_what_a_fact_causes_is_recorded_with_it_and_names_it(world: World) -> None:
    customer = await world.customer()
    await world.policy(response=HOUR)
    correlation = uuid4()
    outcome = await world.record(OpenTicket(customer=customer, subject="It squeaks"), correlation=correlation)
    opened, started = outcome.facts
    assert [opened.type, started.type] == ["TicketOpened", "SlaStarted"]
    assert [opened.causation, started.causation] == [None, opened.position]
    assert {fact.correlation for fact in outcome.facts} == {correlation}
    assert opened.command_id == started.command_id == opened.id
    assert started.authority == opened.authority == "support"
    [entry] = [entry for entry in await journal(world) if entry["command_id"] == opened.command_id]
    assert (entry["first_position"], entry["last_position"]) == (opened.position, started.position)


async def test_a_command_without_a_correlation_is_its_own(world: World) -> None:
    [fact] = (await world.record(RegisterCustomer(name="Crunchy Armchairs"), id=CUSTOMER)).facts
    assert fact.correlation == CUSTOMER


def rename_to_what_it_is_called(fact: Fact, look: Look) -> list[Command]:
    customer = look("ticket", fact.id).customer
    return [RenameCustomer(customer=customer, name=look("customer", customer).name)]


async def test_a_reaction_that_is_refused_takes_its_cause_with_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    customer = await world.customer()
    before = await world.facts()
    monkeypatch.setitem(REACTIONS, TicketOpened, rename_to_what_it_is_called)
    outcome = await world.ask(OpenTicket(customer=customer, subject="It squeaks"))
    assert isinstance(outcome, Refusal)
    assert outcome.code == "unchanged"
    assert await world.facts() == before
    assert await world.rows("tickets") == []
    assert (await journal(world))[-1]["command"] == "OpenTicket"


def open_another(fact: Fact, look: Look) -> list[Command]:
    return [OpenTicket(customer=look("ticket", fact.id).customer, subject="And another")]


async def test_what_one_fact_asks_of_many_streams_is_recorded_in_one_turn(world: World) -> None:
    """However many lines a quote has, its acceptance opens an obligation for each."""
    lines = await owed(world, *[HOURS] * 40)
    assert sorted(row["id"] for row in await world.rows("obligations")) == sorted(lines)


async def test_reactions_without_an_end_fail_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    customer = await world.customer()
    monkeypatch.setitem(REACTIONS, TicketOpened, open_another)
    asked = [world.asked(OpenTicket(customer=customer, subject="It squeaks")), world.asked(RegisterCustomer(name="B"))]
    endless, other = await world.turns.record_all(asked)
    assert isinstance(endless, Failed)
    assert isinstance(other, Recorded)
    assert names(await world.facts()) == ["Crunchy Armchairs", "B"]


# --- failures ---------------------------------------------------------------------------------------------------------


def explode(state: Any, command: Command, at: datetime) -> list[Event]:
    raise ZeroDivisionError("a bug in a decision")


async def test_a_command_whose_decision_crashes_fails_alone_and_leaves_its_id_free(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.record(RegisterCustomer(name="A"), id=CUSTOMER)
    crashing = world.asked(RenameCustomer(customer=CUSTOMER, name="Z"))
    asked = [world.asked(RegisterCustomer(name="B")), crashing, world.asked(RegisterCustomer(name="C"))]
    with monkeypatch.context() as broken:
        command, decider = COMMANDS["RenameCustomer"]
        broken.setitem(COMMANDS, "RenameCustomer", (command, replace(decider, decide=explode)))
        outcomes = await world.turns.record_all(asked)
    assert [type(outcome) for outcome in outcomes] == [Recorded, Failed, Recorded]
    assert names(await world.facts()) == ["A", "B", "C"]
    assert len(await journal(world)) == 3
    assert isinstance(await world.turns.record(crashing), Recorded)


IMPOSSIBLE: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "a value of another type": lambda row: {**row, "version": "many"},
    "a value that cannot be sent": lambda row: {**row, "version": 1j},
    "a column too few": lambda row: {name: value for name, value in row.items() if name != "reference"},
    "a column too many": lambda row: {**row, "colour": "red"},
}


def break_the_row_of_b(monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    """Give the projector of customers a bug: the row of the customer B cannot be stored."""
    project = PROJECTORS["customer"]

    def broken(state: Any, fact: Fact) -> list[Any]:
        [put] = project(state, fact)
        return [Put(put.table, IMPOSSIBLE[how](put.values))] if state.name == "B" else [put]

    monkeypatch.setitem(PROJECTORS, "customer", broken)


def customers(world: World) -> list[Asked]:
    return [world.asked(RegisterCustomer(name=name)) for name in "ABC"]


@pytest.mark.parametrize("how", IMPOSSIBLE)
async def test_a_command_whose_rows_cannot_be_written_fails_alone(
    world: World, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    break_the_row_of_b(monkeypatch, how)
    outcomes = await asyncio.gather(*map(world.turns.record, customers(world)))
    assert [type(outcome) for outcome in outcomes] == [Recorded, Failed, Recorded]
    assert names(await world.facts()) == ["A", "C"]
    assert len(await journal(world)) == 2
    await is_sound(world)


async def test_a_command_whose_rows_cannot_be_written_fails_alone_in_its_batch(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_the_row_of_b(monkeypatch, "a value of another type")
    outcomes = await world.turns.record_all(customers(world))
    assert [type(outcome) for outcome in outcomes] == [Recorded, Failed, Recorded]
    assert names(await world.facts()) == ["A", "C"]


async def test_a_command_whose_rows_cannot_be_written_fails_its_atomic_batch(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = customers(world)
    with monkeypatch.context() as broken:
        break_the_row_of_b(broken, "a value of another type")
        outcomes = await world.turns.record_all(asked, atomic=True)
    assert [type(outcome) for outcome in outcomes] == [Failed, Failed, Failed]
    assert await everything(world) == ([], [])
    recorded(await world.turns.record_all(asked, atomic=True))


# --- many at once -----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("at_the_first_try")
async def test_of_a_batch_each_command_is_answered_for_itself_and_sees_those_before_it(world: World) -> None:
    asked = [
        world.asked(RenameCustomer(customer=CUSTOMER, name="B")),
        world.asked(RegisterCustomer(name="A"), id=CUSTOMER),
        world.asked(RenameCustomer(customer=CUSTOMER, name="B")),
        world.asked(RenameCustomer(customer=CUSTOMER, name="B")),
    ]
    early, registered, renamed, unchanged = await world.turns.record_all(asked)
    assert isinstance(early, Refusal)
    assert isinstance(unchanged, Refusal)
    assert (early.code, unchanged.code) == ("customer_not_found", "unchanged")
    assert [one.position for one in recorded([registered, renamed])] == [1, 2]
    assert names(await world.facts()) == ["A", "B"]


@pytest.mark.usefixtures("at_the_first_try")
async def test_an_atomic_batch_is_recorded_whole(world: World) -> None:
    asked = [world.asked(RegisterCustomer(name="A"), id=CUSTOMER)]
    asked.append(world.asked(RenameCustomer(customer=CUSTOMER, name="B")))
    outcomes = recorded(await world.turns.record_all(asked, atomic=True))
    assert [fact for outcome in outcomes for fact in outcome.facts] == await world.facts()
    assert names(await world.facts()) == ["A", "B"]


@pytest.mark.usefixtures("at_the_first_try")
async def test_of_an_atomic_batch_nothing_is_recorded_when_one_is_refused(world: World) -> None:
    first = world.asked(RegisterCustomer(name="A"))
    refused = world.asked(RenameCustomer(customer=CUSTOMER, name="B"))
    last = world.asked(RegisterCustomer(name="C"))
    outcomes = await world.turns.record_all([first, refused, last], atomic=True)
    assert [outcomes[0], outcomes[2]] == [NOT_ALONE, NOT_ALONE]
    assert isinstance(outcomes[1], Refusal)
    assert outcomes[1].code == "customer_not_found"
    assert await world.facts() == []
    [entry] = await journal(world)
    assert (entry["command_id"], entry["authority"]) == (refused.command_id, "manager")
    recorded(await world.turns.record_all([first, last], atomic=True))


@pytest.mark.usefixtures("at_the_first_try")
async def test_of_a_refused_atomic_batch_what_was_recorded_before_keeps_its_answer(world: World) -> None:
    known, new = world.asked(RegisterCustomer(name="A")), world.asked(RegisterCustomer(name="B"))
    refused = world.asked(RenameCustomer(customer=CUSTOMER, name="C"))
    first = await world.turns.record(known)
    before = await world.facts()
    outcomes = await world.turns.record_all([known, new, new, refused], atomic=True)
    assert isinstance(first, Recorded)
    assert outcomes[:3] == [replace(first, repeated=True), NOT_ALONE, NOT_ALONE]
    assert isinstance(outcomes[3], Refusal)
    assert await world.facts() == before


@pytest.mark.usefixtures("at_the_first_try")
async def test_a_command_refused_in_an_atomic_batch_is_known_to_the_rest_of_the_turn(world: World) -> None:
    refused = world.asked(RenameCustomer(customer=CUSTOMER, name="B"))
    [first], second = await asyncio.gather(world.turns.record_all([refused], atomic=True), world.turns.record(refused))
    assert isinstance(first, Refusal)
    assert second == replace(first, repeated=True)
    assert len(await journal(world)) == 1


@pytest.mark.usefixtures("at_the_first_try")
async def test_between_the_commands_of_a_batch_nothing_else_is_recorded(world: World) -> None:
    async def batch(turns: Turns, size: int) -> list[int]:
        asked = [world.asked(RegisterCustomer(name="A")) for _ in range(size)]
        return [outcome.position for outcome in recorded(await turns.record_all(asked))]

    async with turning(other_turns(world)) as other:
        sizes = [1, 2, 3, 5, 8, 13, 40, 100]
        batches = await asyncio.gather(*(batch(turns, size) for size in sizes for turns in (world.turns, other)))
    assert [positions for positions in batches if positions != [*range(positions[0], positions[-1] + 1)]] == []
    assert sorted(position for positions in batches for position in positions) == [*range(1, 2 * sum(sizes) + 1)]
    await is_sound(world)


@pytest.mark.usefixtures("at_the_first_try")
async def test_a_long_queue_is_recorded_in_the_order_of_asking(world: World) -> None:
    customer = await world.customer("0")
    renames = [world.ask(RenameCustomer(customer=customer, name=str(number + 1))) for number in range(300)]
    recorded(await asyncio.gather(*renames))
    facts = await world.facts()
    assert names(facts) == [str(number) for number in range(301)]
    assert [fact.version for fact in facts] == [*range(1, 302)]
    await is_sound(world)


# --- when the database does not answer --------------------------------------------------------------------------------


async def test_a_command_too_many_is_told_so_at_once_and_the_others_are_recorded(world: World) -> None:
    turns = Turns(lambda: database.connect(world.url), world.now, queue_limit=2)
    waiting = [asyncio.create_task(turns.record(one)) for one in customers(world)]
    await asyncio.sleep(0)
    assert [task.done() for task in waiting] == [False, False, True]
    assert isinstance(waiting[2].exception(), Unavailable)
    async with turning(turns):
        recorded(await asyncio.gather(*waiting[:2]))
        assert names(await world.facts()) == ["A", "B"]
        await turns.record(world.asked(RegisterCustomer(name="C")))


async def test_who_waits_when_a_process_stops_is_told_so(world: World) -> None:
    turns = other_turns(world)
    async with database.pool(world.url, 1) as pool, pool.acquire() as holder, holder.transaction():
        await take_turn(holder)
        async with turning(turns):
            in_turn = asyncio.create_task(turns.record(world.asked(RegisterCustomer(name="A"))))
            await asyncio.sleep(0.1)
            queued = asyncio.create_task(turns.record(world.asked(RegisterCustomer(name="B"))))
            await asyncio.sleep(0)
    for task in (in_turn, queued):
        with pytest.raises(Unavailable):
            await task
    with pytest.raises(Unavailable):
        await turns.record(world.asked(RegisterCustomer(name="C")))
    assert await everything(world) == ([], [])


async def test_a_caller_who_gives_up_does_not_hold_the_others_up(world: World) -> None:
    callers = [asyncio.create_task(world.turns.record(one)) for one in customers(world)]
    await asyncio.sleep(0)
    callers[1].cancel()
    first, _, last = await asyncio.gather(*callers, return_exceptions=True)
    recorded([first, last])  # type: ignore[list-item]
    assert set(names(await world.facts())) >= {"A", "C"}
    await is_sound(world)


async def test_a_turn_that_cannot_be_had_in_time_makes_unavailable_and_records_nothing(world: World) -> None:
    async with turning(other_turns(world, lock_timeout="100ms")) as turns:
        asked = world.asked(RegisterCustomer(name="A"))
        async with world.pool.acquire() as holder, holder.transaction():
            await take_turn(holder)
            with pytest.raises(Unavailable):
                await turns.record(asked)
        assert await everything(world) == ([], [])
        outcome = await turns.record(asked)
    assert isinstance(outcome, Recorded)
    assert not outcome.repeated


async def until_answered(turns: Turns, asked: Asked) -> Recorded:
    """Send the same command until it is answered, as a client would."""
    while True:
        with suppress(Unavailable):
            outcome = await turns.record(asked)
            assert isinstance(outcome, Recorded), outcome
            return outcome
        await asyncio.sleep(0.01)


async def kill_connections(world: World, times: int, dice: random.Random) -> None:
    admin = await asyncpg.connect(world.url)
    for _ in range(times):
        await asyncio.sleep(dice.uniform(0.005, 0.05))
        await admin.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and application_name = 'turns'"
        )
    await admin.close()


async def test_commands_are_recorded_once_though_connections_die_in_mid_turn(world: World) -> None:
    customer = await world.customer()
    await world.policy(response=HOUR)
    asked = [world.asked(OpenTicket(customer=customer, subject=str(number))) for number in range(400)]
    async with turning(other_turns(world, application_name="turns")) as turns:
        killer = asyncio.create_task(kill_connections(world, 20, random.Random(7)))
        answers = await asyncio.gather(*(until_answered(turns, one) for one in asked))
        await killer
        again = recorded([await turns.record(one) for one in asked])
    facts = await world.facts()
    assert len(facts) == 2 + 2 * len(asked)
    assert sorted(fact.event.subject for fact in facts if isinstance(fact.event, TicketOpened)) == sorted(
        str(number) for number in range(400)
    )
    assert [outcome.facts for outcome in again] == [outcome.facts for outcome in answers]
    assert {outcome.repeated for outcome in again} == {True}
    await is_sound(world)


@pytest.mark.usefixtures("at_the_first_try")
async def test_two_processes_on_one_database_record_each_command_once(world: World) -> None:
    customer = await world.customer()
    asked = [world.asked(OpenTicket(customer=customer, subject=str(number))) for number in range(300)]
    async with turning(other_turns(world)) as other:
        both = [turns.record(one) for one in asked for turns in (world.turns, other)]
        outcomes = recorded(await asyncio.gather(*both))
    assert sorted(outcome.repeated for outcome in outcomes) == [False] * 300 + [True] * 300
    assert [first.facts for first in outcomes[::2]] == [second.facts for second in outcomes[1::2]]
    assert len(await world.facts()) == 301
    await is_sound(world)


async def test_recording_goes_on_after_the_tables_were_rebuilt(world: World) -> None:
    customer = await world.customer("A")
    connection = await database.connect(world.url)
    assert await rebuild(connection) == 1
    await connection.close()
    await world.record(RenameCustomer(customer=customer, name="B"))
    [row] = await world.rows("customers")
    assert (row["name"], row["version"]) == ("B", 2)


async def test_what_was_sealed_is_stored_to_the_letter(world: World) -> None:
    await world.policy(response=HOUR, resolution=4 * HOUR)
    [fact] = await world.facts()
    assert await world.pool.fetchval("select data::text from pet.log") == fact.data == log.encode(fact.event)


async def test_a_quote_of_many_lines_is_accepted_delivered_in_a_project_and_worked_on(world: World) -> None:
    """Whatever a fact makes reactions look at is loaded together, however many streams that are."""
    lines = [line(number, BurnUnit.HOURS, effort=timedelta(minutes=1)) for number in range(1, 31)]
    quote = await sold(world, offer(*lines))
    customer = (await world.rows("quotes"))[0]["customer_id"]
    project = (await world.record(StartProject(name="Portal", customer=customer, quote=quote))).facts[0].id
    assert [row["project_id"] for row in await world.rows("obligations")] == [project] * 30
    ada = await world.person("Ada")
    half_an_hour = timedelta(minutes=30)
    await world.record(RecordTime(person=ada, worked_on=NOON.date(), worked=half_an_hour, project=project))
    await changed(world, quote, offer(*lines, line(31)))
    assert [row["project_id"] for row in await world.rows("obligations")] == [project] * 31
