"""Time: recorded on a sheet a person and day, submitted, approved by somebody else, reversed and entered anew."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from api import Api, gid
from conftest import NOON, World
from given import after, given, state_after

from pet_graph.decisions import Recorded, Refusal
from pet_graph.events.base import Command, Event
from pet_graph.events.projects import StartProject
from pet_graph.events.tasks import PlanTask
from pet_graph.events.time_entries import (
    ApproveTime,
    EntryStatus,
    Finding,
    RecordTime,
    ReturnTime,
    ReverseTime,
    SubmitTime,
    TimeApproved,
    TimeFlagged,
    TimeRecorded,
    TimeReturned,
    TimeReversed,
    TimeSubmitted,
    decider,
    findings,
    sheet_of,
)
from pet_graph.events.time_policies import AdoptTimePolicy, Severity

ADA, BELA, PROJECT, TASK = UUID(int=31), UUID(int=32), UUID(int=33), UUID(int=34)
TODAY = NOON.date()
YESTERDAY = TODAY - timedelta(days=1)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SHEET = sheet_of(ADA, TODAY)
FIRST, SECOND = UUID(int=1), UUID(int=2)
"""In these tests an entry's id is the position of its fact."""


def record(hours: float = 2, person: UUID = ADA, on: date = TODAY, **fields: Any) -> RecordTime:
    return RecordTime(person=person, worked_on=on, worked=hours * HOUR, **fields)


def recorded(hours: float = 2, on: date = TODAY, **fields: Any) -> TimeRecorded:
    return TimeRecorded(person=ADA, worked_on=on, worked=hours * HOUR, **fields)


SUBMITTED = TimeSubmitted(entries=(FIRST,))
APPROVED = TimeApproved(entries=(FIRST,), approver=BELA)

# --- recording --------------------------------------------------------------------------------------------------------


def test_time_without_any_purpose_is_recorded_all_the_same() -> None:
    given().when(record(2)).then(recorded(2))


@pytest.mark.parametrize(
    ("command", "code", "field"),
    [
        (record(0), "span_out_of_range", "worked"),
        (record(25), "span_out_of_range", "worked"),
        (record(49, began_on=YESTERDAY), "span_out_of_range", "worked"),
        (record(1, began_on=TODAY + DAY), "ends_before_it_starts", "beganOn"),
        (record(1, on=TODAY + 2 * DAY), "not_worked_yet", "workedOn"),
        (record(2, starts=23 * HOUR), "past_midnight", "starts"),
        (record(2, starts=HOUR, began_on=YESTERDAY), "past_midnight", "starts"),
    ],
)
def test_what_no_day_holds_is_refused(command: RecordTime, code: str, field: str) -> None:
    given().when(command).refused(code, field)


def test_work_over_several_days_is_recorded_as_their_sum() -> None:
    given().when(record(40, began_on=TODAY - 4 * DAY)).then(recorded(40, began_on=TODAY - 4 * DAY))


def test_tomorrow_has_begun_already_where_some_people_work() -> None:
    assert given().when(record(1, on=TODAY + DAY)).events


# --- findings ---------------------------------------------------------------------------------------------------------


def found(*past: Any, cap: int = 8, late_after_days: int = 7) -> list[Finding]:
    """What is said of the newest entry."""
    return findings(state_after(decider, past), UUID(int=len(past)), cap * HOUR, late_after_days)


def test_a_day_up_to_the_cap_is_nothing_to_speak_of() -> None:
    assert found(recorded(5), recorded(3)) == []
    assert found(recorded(5), recorded(4)) == [Finding.ABOVE_CAP]


def test_work_over_several_days_is_held_against_the_cap_of_those_days_alone() -> None:
    assert found(recorded(5), recorded(16, began_on=YESTERDAY)) == []
    assert found(recorded(17, began_on=YESTERDAY)) == [Finding.ABOVE_CAP]
    assert found(recorded(16, began_on=YESTERDAY), recorded(8)) == []


@pytest.mark.parametrize(
    ("starts", "hours", "overlap"), [(9, 1, False), (10, 1, True), (11, 1, True), (12, 1, False), (9, 4, True)]
)
def test_time_overlaps_when_it_shares_an_instant(starts: int, hours: int, overlap: bool) -> None:
    ten_to_twelve = recorded(2, starts=10 * HOUR)
    assert found(ten_to_twelve, recorded(hours, starts=starts * HOUR)) == [Finding.OVERLAP] * overlap


def test_time_without_a_start_overlaps_nothing() -> None:
    assert found(recorded(2, starts=10 * HOUR), recorded(2)) == []


def test_reversed_time_neither_overlaps_nor_counts() -> None:
    gone = TimeReversed(entry=FIRST, reason="Wrong day")
    state = state_after(decider, [recorded(8, starts=HOUR), gone, recorded(8, starts=HOUR)])
    assert findings(state, UUID(int=3), 8 * HOUR, 7) == []


def test_time_is_late_by_the_days_between_the_work_and_its_being_entered() -> None:
    assert found((after(days=7), recorded())) == []
    assert found((after(days=8), recorded())) == [Finding.LATE]
    assert state_after(decider, [(after(days=8), recorded())]).entries[0].late_days == 8


async def test_by_policy_a_finding_is_let_be_flagged_or_refused(world: World) -> None:
    ada = await world.person("Ada")
    outcomes = {}
    for severity in Severity:
        await world.record(AdoptTimePolicy(name=severity, daily_cap=HOUR, above_cap=severity))
        before = await world.facts()
        outcome = await world.ask(record(2, ada))
        if isinstance(outcome, Recorded):
            outcomes[severity] = [fact.type for fact in outcome.facts]
        else:
            assert isinstance(outcome, Refusal)
            assert await world.facts() == before
            outcomes[severity] = [outcome.code]
    assert outcomes == {
        Severity.ALLOW: ["TimeRecorded", "TimeAllocated"],
        Severity.WARN: ["TimeRecorded", "TimeFlagged", "TimeAllocated"],
        Severity.REFUSE: ["time_above_cap"],
    }
    [flag] = [fact.event for fact in await world.facts() if isinstance(fact.event, TimeFlagged)]
    assert (flag.findings, flag.policy_version) == ((Finding.ABOVE_CAP,), 2)


async def test_without_a_policy_a_person_is_in_one_place_and_a_day_has_24_hours(world: World) -> None:
    ada = await world.person("Ada")
    await world.record(record(2, ada, starts=9 * HOUR))
    for command, code in ((record(1, ada, starts=10 * HOUR), "time_overlap"), (record(23, ada), "time_above_cap")):
        before = await world.facts()
        outcome = await world.ask(command)
        assert isinstance(outcome, Refusal)
        assert (outcome.code, outcome.path) == (code, ("worked",))
        assert await world.facts() == before


# --- submitting, approving, returning ---------------------------------------------------------------------------------

SUBMIT = SubmitTime(timesheet=SHEET)
APPROVE = ApproveTime(timesheet=SHEET, approver=BELA)
RETURN = ReturnTime(timesheet=SHEET, approver=BELA, reason="Which ticket?")


def test_a_whole_sheet_or_one_entry_is_submitted() -> None:
    given(recorded(), recorded()).when(SUBMIT).then(TimeSubmitted(entries=(FIRST, SECOND)))
    one = SubmitTime(timesheet=SHEET, entry=SECOND)
    given(recorded(), recorded()).when(one).then(TimeSubmitted(entries=(SECOND,)))


def test_what_was_submitted_is_approved_or_returned_and_may_then_be_submitted_again() -> None:
    returned = TimeReturned(entries=(FIRST,), approver=BELA, reason="Which ticket?")
    given(recorded(), SUBMITTED).when(APPROVE).then(APPROVED)
    given(recorded(), SUBMITTED).when(RETURN).then(returned)
    given(recorded(), SUBMITTED, returned).when(SUBMIT).then(SUBMITTED)


@pytest.mark.parametrize(
    ("past", "command", "code"),
    [
        ((recorded(), SUBMITTED), SubmitTime(timesheet=SHEET, entry=FIRST), "not_recorded"),
        ((recorded(), SUBMITTED), SUBMIT, "nothing_waits"),
        ((recorded(),), ApproveTime(timesheet=SHEET, approver=BELA, entry=FIRST), "not_submitted"),
        ((recorded(),), APPROVE, "nothing_waits"),
        ((recorded(), SUBMITTED, APPROVED), APPROVE, "nothing_waits"),
        ((recorded(), SUBMITTED, APPROVED), RETURN, "nothing_waits"),
        ((recorded(), TimeReversed(entry=FIRST, reason="Wrong")), SUBMIT, "nothing_waits"),
        ((recorded(),), SubmitTime(timesheet=SHEET, entry=SECOND), "time_entry_not_found"),
    ],
)
def test_what_does_not_wait_for_it_is_refused(past: tuple[Event, ...], command: Command, code: str) -> None:
    answer = given(*past).when(command)
    assert answer.refusal is not None
    assert answer.refusal.code == code


def test_nobody_decides_about_their_own_time() -> None:
    for command in (
        ApproveTime(timesheet=SHEET, approver=ADA),
        ReturnTime(timesheet=SHEET, approver=ADA, reason="Hm"),
    ):
        given(recorded(), SUBMITTED).when(command).refused("own_time", "approver")


async def test_who_recorded_time_does_not_approve_it_under_another_name(world: World) -> None:
    """The token, not only the name given, has to be somebody else's."""
    ada, bela = await world.person("Ada"), await world.person("Bela")
    await world.record(record(2, ada))
    sheet = sheet_of(ada, TODAY)
    await world.record(SubmitTime(timesheet=sheet))
    before = await world.facts()
    outcome = await world.ask(ApproveTime(timesheet=sheet, approver=bela))
    assert isinstance(outcome, Refusal)
    assert (outcome.code, outcome.path) == ("own_time", ("approver",))
    assert await world.facts() == before
    await world.record_as("bela", ApproveTime(timesheet=sheet, approver=bela))


# --- correcting -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("past", [(recorded(),), (recorded(), SUBMITTED), (recorded(), SUBMITTED, APPROVED)])
def test_an_entry_is_reversed_whatever_its_status_and_only_once(past: tuple[Event, ...]) -> None:
    reverse, reversed_ = (
        ReverseTime(timesheet=SHEET, entry=FIRST, reason="Two hours"),
        TimeReversed(entry=FIRST, reason="Two hours"),
    )
    given(*past).when(reverse).then(reversed_)
    given(*past, reversed_).when(reverse).refused("already_reversed", "entry")


def test_what_was_recorded_stays_as_it_was_whatever_follows() -> None:
    first = state_after(decider, [recorded(3, note="Cabling")]).entries[0]
    later = state_after(
        decider, [recorded(3, note="Cabling"), SUBMITTED, APPROVED, TimeReversed(entry=FIRST, reason="Wrong")]
    ).entries[0]
    assert later.said == first.said
    assert later.status is EntryStatus.REVERSED


async def test_a_correction_is_a_reversal_and_a_new_entry_that_names_it(world: World) -> None:
    ada = await world.person("Ada")
    wrong, right = UUID(int=41), UUID(int=42)
    await world.record(record(8, ada, note="Cabling"), id=wrong)
    sheet = sheet_of(ada, TODAY)
    await world.record(ReverseTime(timesheet=sheet, entry=wrong, reason="It was six"))
    await world.record(record(6, ada, note="Cabling", corrects=wrong), id=right)
    shown = await Api(world).ask(
        "query ($id: ID!) { timesheet(id: $id) { worked person { name }"
        " entries(first: 9) { nodes { id status worked reversedReason corrects { id worked } } } } }",
        id=gid("Timesheet", sheet),
    )
    assert shown["timesheet"]["worked"] == "PT6H"
    by_id = {one.pop("id"): one for one in shown["timesheet"]["entries"]["nodes"]}
    assert by_id == {
        gid("TimeEntry", wrong): {
            "status": "REVERSED",
            "worked": "PT8H",
            "reversedReason": "It was six",
            "corrects": None,
        },
        gid("TimeEntry", right): {
            "status": "RECORDED",
            "worked": "PT6H",
            "reversedReason": None,
            "corrects": {"id": gid("TimeEntry", wrong), "worked": "PT8H"},
        },
    }


# --- remembers --------------------------------------------------------------------------------------------------------


async def test_an_entry_tells_what_it_was_for_and_how_late_it_came(world: World) -> None:
    ada = await world.person("Ada")
    await world.record(StartProject(name="Portal"), id=PROJECT)
    await world.record(PlanTask(project=PROJECT, name="Mend it"), id=TASK)
    await world.record(record(1.5, ada, TODAY - 10 * DAY, task=TASK, note="Cabling"), id=FIRST)
    [row] = await world.rows("time_entries")
    expected = {"id": FIRST, "task_id": TASK, "worked_us": 5_400_000_000, "late_days": 10, "status": "recorded"}
    assert {name: row[name] for name in expected} == expected
    assert (row["since_position"], row["until_position"]) == (4, None)


async def test_a_task_and_a_project_named_together_belong_together(world: World) -> None:
    ada = await world.person("Ada")
    await world.record(StartProject(name="Portal"), id=PROJECT)
    await world.record(StartProject(name="Other"), id=SECOND)
    await world.record(PlanTask(project=PROJECT, name="Mend it"), id=TASK)
    before = await world.facts()
    outcome = await world.ask(record(1, ada, task=TASK, project=SECOND))
    assert isinstance(outcome, Refusal)
    assert (outcome.code, outcome.path) == ("task_of_another_project", ("task",))
    assert await world.facts() == before
    await world.record(record(1, ada, task=TASK, project=PROJECT))


async def test_entries_recorded_at_once_share_no_minute(world: World) -> None:
    """A race with an exact outcome: of ten entries for the same hour one is recorded."""
    ada = await world.person("Ada")
    asked = [world.asked(record(1, ada, starts=9 * HOUR)) for _ in range(10)]
    outcomes = await world.turns.record_all(asked)
    assert [type(outcome) for outcome in outcomes] == [Recorded, *[Refusal] * 9]
    assert len(await world.rows("time_entries")) == 1
