"""Authority: who may assert what, as it is written down and as the database enforces it."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest
from conftest import World

from pet_graph import database
from pet_graph.authority import CLIENT_COMMANDS, CLOCK, COMMAND_RULES, INTERNAL, TABLES, authority_for
from pet_graph.decisions import Recorded, Refusal
from pet_graph.events import COMMANDS
from pet_graph.events.base import Refused, Role
from pet_graph.events.customers import RegisterCustomer, RenameCustomer
from pet_graph.events.tickets import AnnulTicket, OpenTicket

FORBIDDEN = "42501"
DESK = {"support", "engineer", "project_manager", "manager"}
PROJECTS = {"project_manager", "manager"}
STAFF = {*DESK, "sales", "finance"}
SELLERS = {"sales", "project_manager", "manager"}
ALLOWED = {
    "RegisterCustomer": {"sales", "support", "project_manager", "manager"},
    "RenameCustomer": {"sales", "manager"},
    "RegisterPerson": {"manager"},
    "GrantRole": {"manager"},
    "RevokeRole": {"manager"},
    "AdoptSlaPolicy": {"manager"},
    "RetireSlaPolicy": {"manager"},
    "AdoptApprovalLimit": {"manager"},
    "IssueNumber": set(),
    "CaptureLead": {*SELLERS, "support", "integration"},
    **dict.fromkeys(("QualifyLead", "DisqualifyLead", "ConvertLead"), SELLERS),
    **dict.fromkeys((f"{verb}Opportunity" for verb in ["Open", "Own", "Place", "Forecast", "Commit"]), SELLERS),
    **dict.fromkeys(("WinOpportunity", "LoseOpportunity", "ReopenOpportunity"), SELLERS),
    "NumberQuote": set(),
    **dict.fromkeys(("DraftQuote", "ReviseQuote", "SubmitQuote", "SendQuote", "AcceptQuote", "DeclineQuote"), SELLERS),
    **dict.fromkeys(("WithdrawQuote", "SupersedeQuote"), SELLERS),
    "ApproveQuote": {"sales", "finance", "manager"},
    "ExpireQuote": {"clock"},
    "OpenObligation": set(),
    "AmendObligation": set(),
    "DropObligation": set(),
    "BurnObligation": set(),
    "AllocateTime": set(),
    "WithdrawAllocation": set(),
    "PlaceObligation": PROJECTS,
    "ReallocateTime": PROJECTS,
    "WriteOffTime": {"project_manager", "finance", "manager"},
    "FulfilObligation": {"project_manager", "manager"},
    "DeliverObligation": STAFF,
    "ReverseDelivery": PROJECTS,
    "ReleaseObligation": {"project_manager", "manager"},
    "StartProject": {"project_manager", "sales", "manager"},
    "AbandonMilestone": PROJECTS,
    "AgreeCapacity": PROJECTS,
    "BookPerson": PROJECTS,
    "CloseProject": PROJECTS,
    "FirmBooking": PROJECTS,
    "OwnProject": PROJECTS,
    "PlanMilestone": PROJECTS,
    "ReleaseBooking": PROJECTS,
    "ReopenProject": PROJECTS,
    "RescheduleMilestone": PROJECTS,
    "RescheduleProject": PROJECTS,
    "RetractMilestone": PROJECTS,
    "ApproveTime": PROJECTS,
    "ReturnTime": PROJECTS,
    "PlanTask": STAFF,
    "EstimateTask": STAFF,
    "DelegateTask": STAFF,
    "FinishTask": STAFF,
    "ResumeTask": STAFF,
    "AbandonTask": STAFF,
    "ClaimProgress": STAFF,
    "ReachMilestone": STAFF,
    "RecordTime": STAFF,
    "SubmitTime": STAFF,
    "ReverseTime": STAFF,
    "DefineCalendar": {"manager"},
    "AmendCalendar": {"manager"},
    "AddCalendarExceptions": {"manager"},
    "RemoveCalendarExceptions": {"manager"},
    "RetireCalendar": {"manager"},
    "ProposeHolidays": {*STAFF, "integration"},
    "AcceptHolidays": {"manager"},
    "RejectHolidays": {"manager"},
    "AgreeRate": {"finance", "manager"},
    "AdoptTimePolicy": {"manager"},
    "FlagTime": set(),
    "PostActuals": set(),
    "RestateActuals": set(),
    "CancelActuals": set(),
    "ConfirmBilling": set(),
    "CorrectBilling": set(),
    "BillMilestone": set(),
    "CreditMilestone": set(),
    "OpenTicket": {*DESK, "sales", "integration"},
    "AssignTicket": DESK,
    "PrioritiseTicket": DESK,
    "RespondToTicket": DESK,
    "HoldTicket": DESK,
    "ResumeTicket": DESK,
    "ResolveTicket": DESK,
    "ReopenTicket": DESK,
    "CloseTicket": DESK,
    "AnnulTicket": {"manager"},
    "MergeTicket": DESK,
    "ReceiveTicketMessage": {*DESK, "sales", "integration"},
    "AnnotateTicket": DESK,
    "ReckonSla": set(),
    "RecordOverdueSla": {"clock"},
}
"""Written out a second time, so that a change of who may do what is made on purpose."""


# --- tables -----------------------------------------------------------------------------------------------------------


async def test_every_table_is_named_and_none_that_is_not_there(world: World) -> None:
    there = await world.pool.fetch(
        "select schemaname || '.' || tablename from pg_tables where schemaname like 'pet%' or schemaname like 'proj%'"
    )
    assert sorted(table.name for table in TABLES) == sorted(row[0] for row in there)


async def test_the_application_owns_what_can_be_rebuilt_and_nothing_else(world: World) -> None:
    owned = await world.pool.fetch(
        "select schemaname || '.' || tablename from pg_tables where tableowner = $1", database.ROLE
    )
    assert {row[0] for row in owned} == {table.name for table in TABLES if table.mutability == "rebuildable"}


def edits(table: str, key: str) -> list[str]:
    """Every way of SQL to change or remove a row that is there."""
    matched = f"merge into {table} using (select 1) as one on true when matched then"
    return [
        f"update {table} set actor = 'somebody else'",
        f"delete from {table}",
        f"truncate {table}",
        f"truncate {table} cascade",
        f"{matched} update set actor = 'somebody else'",
        f"{matched} delete",
        f"insert into {table} select * from {table} on conflict ({key}) do update set actor = 'somebody else'",
        f"select * from {table} for update",
    ]


EDITS = [*edits("pet.log", "position"), *edits("pet.journal", "entry")]


@pytest.mark.parametrize("edit", EDITS)
async def test_the_application_has_no_right_to_edit(world: World, edit: str) -> None:
    await world.customer()
    before = await kept(world)
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied for table") as refused:
        await world.pool.execute(edit)
    assert refused.value.sqlstate == FORBIDDEN
    assert await kept(world) == before


@pytest.mark.parametrize("edit", [edit for edit in EDITS if "for update" not in edit])
async def test_a_trigger_refuses_an_edit_even_to_the_owner(world: World, edit: str) -> None:
    await world.customer()
    before = await kept(world)
    owner = await asyncpg.connect(world.url)
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match=r"is append-only: \w+ is refused") as refused:
        await owner.execute(edit)
    await owner.close()
    assert refused.value.sqlstate == FORBIDDEN
    assert await kept(world) == before


async def kept(world: World) -> list[Any]:
    return [await world.pool.fetch(f"select * from pet.{table} order by 1") for table in ("log", "journal")]


@pytest.mark.parametrize(
    "statement",
    [
        "alter table pet.log disable trigger all",
        "alter table pet.log disable trigger append_only",
        "drop trigger append_only on pet.log",
        "alter trigger append_only on pet.log rename to anything",
        "create trigger mine before insert on pet.log for each row execute function pet.refuse_change()",
        "create rule mine as on insert to pet.log do instead nothing",
        "create or replace function pet.refuse_change() returns trigger language sql as 'select null::trigger'",
        "drop function pet.refuse_change() cascade",
        "set session_replication_role = replica",
        "alter table pet.log owner to pet_app",
        "alter table pet.log drop column seal",
        "alter table pet.journal drop constraint journal_command_id_key",
        "drop table pet.journal",
        "drop schema pet cascade",
        "create table pet.mine (id int)",
        "insert into pet.migrations values (99, 'mine')",
        "create role mine",
        "alter role pet_app superuser",
    ],
)
async def test_the_application_cannot_remove_the_locks(world: World, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError) as refused:
        await world.pool.execute(statement)
    assert refused.value.sqlstate == FORBIDDEN


@pytest.mark.parametrize("connect", [database.connect, asyncpg.connect], ids=["the application", "the owner"])
@pytest.mark.parametrize(("away", "sqlstate"), [(1, None), (2, "23514"), (7, "23514"), (-1, "23514"), (0, "23505")])
@pytest.mark.parametrize(
    ("table", "key", "another"),
    [("log", "position", {"stream": "'another'"}), ("journal", "entry", {"command_id": "gen_random_uuid()"})],
)
async def test_only_what_follows_on_may_be_added(
    world: World, table: str, key: str, another: dict[str, str], away: int, sqlstate: str | None, connect: Any
) -> None:
    await world.customer()
    columns = [row[0] for row in await world.pool.fetch(COLUMNS, table)]
    copied = ", ".join({key: f"{key} + $1", **another}.get(column, column) for column in columns)
    connection = await connect(world.url)
    transaction = connection.transaction()
    await transaction.start()
    answer = await _sqlstate(connection, f"insert into pet.{table} select {copied} from pet.{table}", away)
    await transaction.rollback()
    await connection.close()
    assert answer == sqlstate


COLUMNS = """
    select column_name from information_schema.columns
    where table_schema = 'pet' and table_name = $1 order by ordinal_position"""


async def _sqlstate(connection: Any, sql: str, *values: Any) -> str | None:
    try:
        await connection.execute(sql, *values)
    except asyncpg.PostgresError as refused:
        return refused.sqlstate
    return None


# --- commands ---------------------------------------------------------------------------------------------------------


def test_every_command_has_a_rule_and_every_rule_a_command() -> None:
    assert sorted(COMMAND_RULES) == sorted(COMMANDS) == sorted(ALLOWED)


def test_clients_may_send_what_some_role_may_ask_for_and_nothing_else() -> None:
    assert set(CLIENT_COMMANDS) == {name for name, roles in ALLOWED.items() if roles - {CLOCK}}


def test_no_person_can_be_granted_the_role_of_the_clock() -> None:
    assert CLOCK not in set(Role)


@pytest.mark.parametrize("command", ALLOWED)
def test_a_role_may_ask_for_what_the_table_says_and_for_nothing_else(command: str) -> None:
    may = {role for role in (*Role, CLOCK) if _authority(command, [role]) == role}
    assert may == ALLOWED[command]
    assert {_authority(command, [role]) for role in (*Role, CLOCK) if role not in may} <= {"not_permitted"}
    assert _authority(command, []) == "not_permitted"


def _authority(command: str, roles: list[str], origin: str = INTERNAL) -> str:
    try:
        return authority_for(command, roles, origin)
    except Refused as refused:
        return refused.code


@pytest.mark.parametrize(
    ("roles", "authority"),
    [(["manager", "support"], "support"), (["engineer", "manager"], "engineer"), (["sales", "manager"], "manager")],
)
def test_of_several_roles_the_first_of_the_rule_is_the_authority(roles: list[str], authority: str) -> None:
    assert authority_for("AssignTicket", roles, INTERNAL) == authority


@pytest.mark.parametrize("command", ALLOWED)
def test_an_outside_system_may_report_what_customers_ask_and_tell_of_holidays_and_nothing_else(command: str) -> None:
    may = {
        "CaptureLead": "sales",
        "OpenTicket": "support",
        "ReceiveTicketMessage": "support",
        "ProposeHolidays": "sales",
    }
    assert _authority(command, [*Role, CLOCK], "external:crm") == may.get(command, "not_permitted")


# --- what comes of a refusal ------------------------------------------------------------------------------------------


async def test_who_may_not_is_refused_and_journaled_with_who_and_what_and_nothing_is_recorded(world: World) -> None:
    customer = await world.customer("Crunchy Armchairs")
    before, rows = await world.facts(), await world.rows("customers")
    asked = world.asked(RenameCustomer(customer=customer, name="Cosy Armchairs"), roles=("partner", "support"))
    outcome = await world.turns.record(asked)
    message = "RenameCustomer may be asked for by sales or manager; your roles: partner, support."
    assert outcome == Refusal("not_permitted", message)
    assert (await world.facts(), await world.rows("customers")) == (before, rows)
    entry = await world.pool.fetchrow("select * from pet.journal where entry = 2")
    assert (entry["command_id"], entry["command"]) == (asked.command_id, "RenameCustomer")
    assert (entry["actor"], entry["authority"], entry["origin"]) == ("tester", "", "internal")
    assert (entry["first_position"], entry["last_position"]) == (None, None)
    assert '"name":"Cosy Armchairs"' in entry["input"]
    assert '"code":"not_permitted"' in entry["refusal"]


async def test_external_input_opens_a_ticket_and_changes_nothing_that_is_there(world: World) -> None:
    customer, outside = await world.customer(), {"roles": ("integration", "manager"), "origin": "external:crm"}
    opened = await world.ask(OpenTicket(customer=customer, subject="It squeaks"), **outside)
    assert isinstance(opened, Recorded)
    assert (opened.facts[0].origin, opened.facts[0].authority) == ("external:crm", "manager")
    before = await world.facts()
    refused = [
        await world.ask(AnnulTicket(ticket=opened.facts[0].id, reason="No"), **outside),
        await world.ask(RenameCustomer(customer=customer, name="Flimsy Armchairs"), **outside),
        await world.ask(RegisterCustomer(name="Mighty Teapots"), **outside),
    ]
    assert [outcome.code for outcome in refused if isinstance(outcome, Refusal)] == ["not_permitted"] * 3
    assert await world.facts() == before
    origins = await world.pool.fetch("select origin from pet.journal where refusal is not null")
    assert [row["origin"] for row in origins] == ["external:crm"] * 3
