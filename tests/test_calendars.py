"""Calendars: hours in versions, exceptions by date, and what counts then; as decided, remembered and shown."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from api import Api, Json, gid
from conftest import NOON, World
from given import Given, after, given, state_after
from timetables import OFFICE, OFFICE_HOURS, OFFICE_WEEK, REPUBLIC, WORKDAYS, a_window, an_office

from pet_graph.decisions import Invalid, Refusal
from pet_graph.events import calendars, spans
from pet_graph.events.base import Event
from pet_graph.events.calendars import (
    MOST_EXCEPTIONS,
    AddCalendarExceptions,
    AmendCalendar,
    CalendarAmended,
    CalendarDefined,
    CalendarException,
    CalendarExceptionsAdded,
    CalendarExceptionsRemoved,
    CalendarRetired,
    CalendarState,
    DefineCalendar,
    OpenHours,
    RemoveCalendarExceptions,
    RetireCalendar,
    WeeklyHours,
)
from pet_graph.events.holidays import HolidaysAccepted, HolidaysProposed, HolidaysRejected
from pet_graph.events.workdays import DAY_MINUTES, Calendar, CalendarVersion, Day, Weekday, Window, local_time, window

OWN = UUID(int=1)
DEFINED = CalendarDefined(name="Office", zone="Europe/Rome", week=OFFICE_WEEK)
FRIDAY, SATURDAY, TUESDAY = date(2026, 6, 5), date(2026, 6, 6), date(2026, 6, 9)
CLOSED = Day(FRIDAY, (), "Stocktaking")
NIGHT = Day(TUESDAY, (a_window("09:00-12:00"), a_window("22:00-30:00")), "Move")
NARROW = (WeeklyHours(WORKDAYS, "10:00", "12:00"),)
NARROW_WEEK = (*((a_window("10:00-12:00"),),) * 5, (), ())
PROPOSED = HolidaysProposed(source="Law", holidays=(REPUBLIC,))


def define(*hours: WeeklyHours, zone: str = "Europe/Rome") -> DefineCalendar:
    return DefineCalendar(name="Office", zone=zone, hours=hours)


def amend(**fields: Any) -> AmendCalendar:
    return AmendCalendar(**{"calendar": OWN, "hours": NARROW, **fields})


def add(*exceptions: CalendarException) -> AddCalendarExceptions:
    return AddCalendarExceptions(calendar=OWN, exceptions=exceptions)


def remove(*dates: date) -> RemoveCalendarExceptions:
    return RemoveCalendarExceptions(calendar=OWN, dates=dates)


def state(*past: Any) -> CalendarState:
    folded = state_after(calendars.decider, past)
    assert isinstance(folded, CalendarState)
    return folded


# --- hours ------------------------------------------------------------------------------------------------------------


def test_a_calendar_is_defined_by_the_windows_of_a_week() -> None:
    given().when(OFFICE).then(DEFINED)


def test_windows_may_be_stated_in_any_order_and_for_any_weekdays() -> None:
    night = WeeklyHours((Weekday.SUNDAY, Weekday.SUNDAY), "22:00", "06:00")
    whole = WeeklyHours((Weekday.WEDNESDAY,), "00:00", "24:00")
    evening = WeeklyHours((Weekday.SUNDAY,), "18:30", "20:00")
    week = ((), (), (Window(0, 1440),), (), (), (), (Window(1110, 1200), Window(1320, 1800)))
    given().when(define(night, whole, evening)).then(CalendarDefined(name="Office", zone="Europe/Rome", week=week))


def test_a_calendar_without_working_time_is_refused() -> None:
    answer = given().when(define())
    answer.refused("no_working_time", "hours")
    assert str(answer.refusal) == "No weekday has working time, so no deadline could ever be reached."


def test_a_calendar_has_a_zone_that_exists() -> None:
    given().when(define(*OFFICE_HOURS, zone="Europe/Roma")).refused("unknown_zone", "zone")


@pytest.mark.parametrize("time", ["9:00", "09:60", "24:01", "25:00", "09.00", "０9:00", "09:0", "0900"])
def test_a_time_has_hours_and_minutes(time: str) -> None:
    given().when(define(WeeklyHours(WORKDAYS, time, "13:00"))).refused("not_a_time", "hours", "0", "opens")
    given().when(define(*OFFICE_HOURS, WeeklyHours(WORKDAYS, "19:00", time))).refused(
        "not_a_time", "hours", "2", "closes"
    )


def test_a_day_opens_at_its_first_minute_and_not_at_its_end() -> None:
    given().when(define(WeeklyHours(WORKDAYS, "24:00", "06:00"))).refused("not_a_time", "hours", "0", "opens")


def test_a_window_is_neither_nothing_nor_perhaps_a_day() -> None:
    given().when(define(WeeklyHours(WORKDAYS, "09:00", "09:00"))).refused("empty_window", "hours", "0")


def test_windows_of_one_day_do_not_overlap() -> None:
    two = (WeeklyHours(WORKDAYS, "09:00", "13:00"), WeeklyHours((Weekday.FRIDAY,), "12:59", "14:00"))
    given().when(define(*two)).refused("windows_overlap", "hours")


@pytest.mark.parametrize("text", ["00:00-00:01", "09:00-13:00", "00:00-24:00", "22:00-24:00"])
def test_a_window_is_written_as_it_was_stated(text: str) -> None:
    stated = window(*text.split("-"))
    assert (stated, f"{local_time(stated.from_minute)}-{local_time(stated.to_minute)}") == (a_window(text), text)


def test_a_night_shift_closes_on_the_next_date() -> None:
    assert window("22:00", "06:00") == Window(1320, DAY_MINUTES + 360)
    assert window("23:59", "00:00") == Window(1439, DAY_MINUTES)
    assert local_time(DAY_MINUTES + 360) == "06:00"


# --- versions ---------------------------------------------------------------------------------------------------------


def test_an_amendment_holds_from_now_on_unless_told_otherwise() -> None:
    told = CalendarAmended(valid_from=after(days=1), zone="Europe/Rome", week=NARROW_WEEK)
    given(DEFINED).when(amend(), at=after(days=1)).then(told)
    given(DEFINED).when(amend(valid_from=after(days=1))).then(told)
    moved = msgspec.structs.replace(told, zone="Asia/Tokyo")
    given(DEFINED).when(amend(valid_from=after(days=1), zone="Asia/Tokyo")).then(moved)


def test_hours_hold_until_those_that_were_stated_for_later() -> None:
    later = CalendarAmended(valid_from=after(days=9), zone="Europe/Rome", week=NARROW_WEEK)
    sooner = CalendarAmended(valid_from=after(days=5), zone="Asia/Tokyo", week=OFFICE_WEEK)
    folded = state(DEFINED, (after(hours=1), later), (after(hours=2), sooner))
    assert folded.calendar == Calendar(
        (
            CalendarVersion(1, NOON, "Europe/Rome", OFFICE_WEEK),
            CalendarVersion(3, after(days=5), "Asia/Tokyo", OFFICE_WEEK),
            CalendarVersion(2, after(days=9), "Europe/Rome", NARROW_WEEK),
        ),
        version=3,
    )


def test_hours_for_the_same_instant_take_each_others_place() -> None:
    wrong = CalendarAmended(valid_from=after(days=9), zone="Europe/Rome", week=NARROW_WEEK)
    right = msgspec.structs.replace(wrong, zone="Asia/Tokyo")
    folded = state(DEFINED, wrong, right)
    assert [one.version for one in folded.calendar.versions] == [1, 3]
    assert [one.version for one in folded.at(2).versions] == [1, 2]


def test_hours_that_hold_then_are_not_stated_again() -> None:
    later = CalendarAmended(valid_from=after(days=9), zone="Europe/Rome", week=NARROW_WEEK)
    given(DEFINED).when(amend(hours=OFFICE_HOURS)).refused("unchanged", "hours")
    given(DEFINED).when(amend(hours=OFFICE_HOURS, valid_from=after(days=-9))).refused("unchanged", "hours")
    given(DEFINED, later).when(amend(valid_from=after(days=10))).refused("unchanged", "hours")
    given(DEFINED, later).when(amend(hours=OFFICE_HOURS, valid_from=after(days=10))).then(
        CalendarAmended(valid_from=after(days=10), zone="Europe/Rome", week=OFFICE_WEEK)
    )


def test_an_amendment_is_checked_like_a_definition() -> None:
    given(DEFINED).when(amend(hours=())).refused("no_working_time", "hours")
    given(DEFINED).when(amend(zone="Mars/Base")).refused("unknown_zone", "zone")


def test_whatever_changes_what_counts_is_a_version_and_each_can_be_asked_again() -> None:
    removed = CalendarExceptionsRemoved(dates=(FRIDAY,))
    accepted, rejected = HolidaysAccepted(dates=(REPUBLIC.on,)), HolidaysRejected(dates=(REPUBLIC.on,))
    past: list[Event] = [DEFINED, PROPOSED, accepted, CalendarExceptionsAdded(days=(CLOSED,)), rejected, removed]
    folded = state(*past)
    assert (folded.version, folded.told) == (5, (1, 3, 4, 5, 6))
    holiday = Day(REPUBLIC.on, (), REPUBLIC.name, holiday=True)
    days = [(), (holiday,), (holiday, CLOSED), (CLOSED,), ()]
    assert [folded.at(version).versions[0].days for version in range(1, 6)] == days
    assert [folded.at(version).version for version in range(1, 6)] == [1, 2, 3, 4, 5]
    assert folded.calendar is folded.at(5)
    assert [folded.known(position).version for position in range(8)] == [1, 1, 1, 2, 3, 4, 5, 5]


def test_a_calendar_that_never_was_has_no_hours() -> None:
    assert (CalendarState().calendar, CalendarState().version) == (Calendar(()), 0)


def test_a_state_that_was_stored_says_the_same() -> None:
    folded = state(DEFINED, PROPOSED, HolidaysAccepted(dates=(REPUBLIC.on,)), CalendarExceptionsAdded(days=(NIGHT,)))
    stored = msgspec.json.decode(msgspec.json.encode(folded), type=CalendarState)
    assert stored == folded
    assert stored.calendar == folded.calendar


# --- exceptions -------------------------------------------------------------------------------------------------------


def test_a_date_is_closed_or_has_other_hours() -> None:
    night = CalendarException(TUESDAY, "Move", (OpenHours("22:00", "06:00"), OpenHours("09:00", "12:00")))
    given(DEFINED).when(add(night, CalendarException(FRIDAY, "Stocktaking"))).then(
        CalendarExceptionsAdded(days=(CLOSED, NIGHT))
    )


def test_an_exception_takes_the_place_of_another_and_of_a_holiday() -> None:
    works = Day(REPUBLIC.on, (a_window("09:00-11:00"),), "On call")
    accepted = HolidaysAccepted(dates=(REPUBLIC.on,))
    past = (DEFINED, PROPOSED, accepted, CalendarExceptionsAdded(days=(CLOSED,)))
    folded = state(*past, CalendarExceptionsAdded(days=(works, msgspec.structs.replace(NIGHT, on=FRIDAY))))
    assert folded.calendar.versions[0].days == (works, msgspec.structs.replace(NIGHT, on=FRIDAY))
    freed = state(*past, CalendarExceptionsAdded(days=(works,)), CalendarExceptionsRemoved(dates=(REPUBLIC.on,)))
    assert freed.calendar.versions[0].days == (Day(REPUBLIC.on, (), REPUBLIC.name, holiday=True), CLOSED)


def test_an_exception_is_checked() -> None:
    wrong = CalendarException(SATURDAY, "Move", (OpenHours("09:00", "12:00"), OpenHours("11:00", "13:00")))
    one = CalendarException(FRIDAY, "Stocktaking")
    given(DEFINED).when(add(one, wrong)).refused("windows_overlap", "exceptions", "1")
    given(DEFINED).when(add(one, one)).refused("date_repeated", "exceptions", "1")
    at = msgspec.structs.replace(wrong, hours=(OpenHours("09:00", "noon"),))
    given(DEFINED).when(add(at)).refused("not_a_time", "exceptions", "0", "hours", "0", "closes")
    given(DEFINED, CalendarExceptionsAdded(days=(CLOSED,))).when(add(one)).refused("unchanged", "exceptions")


def test_only_an_exception_that_holds_is_removed() -> None:
    added, removed = CalendarExceptionsAdded(days=(CLOSED, NIGHT)), CalendarExceptionsRemoved(dates=(FRIDAY,))
    given(DEFINED, added).when(remove(TUESDAY, FRIDAY)).then(CalendarExceptionsRemoved(dates=(FRIDAY, TUESDAY)))
    given(DEFINED, added).when(remove(FRIDAY, FRIDAY)).refused("date_repeated", "dates", "1")
    given(DEFINED, added, removed).when(remove(TUESDAY, FRIDAY)).refused("no_exception", "dates", "1")
    given(DEFINED, PROPOSED).when(remove(REPUBLIC.on)).refused("no_exception", "dates", "0")


def test_a_calendar_holds_so_many_statements_about_dates_and_no_more() -> None:
    full = CalendarExceptionsAdded(days=(CLOSED,) * (MOST_EXCEPTIONS - 1))
    one, other = CalendarException(SATURDAY, "Move"), CalendarException(TUESDAY, "Move")
    given(DEFINED, full).when(add(one)).then(CalendarExceptionsAdded(days=(Day(SATURDAY, (), "Move"),)))
    given(DEFINED, full).when(add(one, other)).refused("too_many_days", "exceptions")


# --- the end ----------------------------------------------------------------------------------------------------------

RETIRED = CalendarRetired(reason="Moved")


def test_a_retired_calendar_stays_as_it_is() -> None:
    given(DEFINED).when(RetireCalendar(calendar=OWN, reason="Moved")).then(RETIRED)
    over: Given = given(DEFINED, PROPOSED, RETIRED)
    over.when(amend()).refused("retired")
    over.when(add(CalendarException(FRIDAY, "Stocktaking"))).refused("retired")
    over.when(RetireCalendar(calendar=OWN, reason="Moved")).refused("retired")
    folded = state(DEFINED, (after(days=1), RETIRED))
    assert (folded.retired_at, folded.calendar.versions) == (after(days=1), state(DEFINED).calendar.versions)


# --- remembers --------------------------------------------------------------------------------------------------------


async def test_hours_are_remembered_as_they_hold_one_after_the_other(world: World) -> None:
    calendar = await an_office(world)
    [row] = await world.rows("calendars")
    assert row == {
        "id": calendar,
        "name": "Office",
        "calendar_version": 4,
        "defined_at": NOON,
        "retired_at": None,
        "retirement_reason": None,
        "version": 6,
        "position": 6,
    }
    rows = sorted(await world.rows("calendar_versions"), key=lambda row: row["valid_from"])
    told = ("calendar_version", "zone", "valid_from", "valid_until", "position")
    assert [tuple(row[each] for each in told) for row in rows] == [
        (1, "Europe/Rome", NOON, after(days=30), 6),
        (4, "Asia/Tokyo", after(days=30), None, 6),
    ]
    windows = [row for row in await world.rows("calendar_windows") if row["version_id"] == rows[1]["id"]]
    assert sorted((row["weekday"], row["opens"], row["closes"], row["place"], row["position"]) for row in windows) == [
        ("monday", "00:00", "24:00", 0, 6),
        ("saturday", "00:00", "24:00", 5 * DAY_MINUTES, 6),
    ]


async def test_an_exception_that_holds_no_longer_leaves_no_rows(world: World) -> None:
    calendar = await an_office(world)
    other = CalendarException(TUESDAY, "Move", (OpenHours("12:00", "13:00"),))
    await world.record(AddCalendarExceptions(calendar=calendar, exceptions=(other,)))
    [first, second] = sorted(await world.rows("calendar_exceptions"), key=lambda row: row["held_on"])
    assert (first["held_on"], first["name"], first["calendar_version"]) == (FRIDAY, "Stocktaking", 3)
    assert (second["held_on"], second["name"], second["calendar_version"]) == (TUESDAY, "Move", 5)
    [window] = [row for row in await world.rows("calendar_windows") if row["exception_id"]]
    assert (window["exception_id"], window["opens"], window["closes"]) == (second["id"], "12:00", "13:00")
    await world.record(RemoveCalendarExceptions(calendar=calendar, dates=(FRIDAY, TUESDAY)))
    assert await world.rows("calendar_exceptions") == []
    assert [row for row in await world.rows("calendar_windows") if row["exception_id"]] == []


async def test_hours_in_whose_place_others_were_stated_hold_for_nothing(world: World) -> None:
    calendar = await an_office(world)
    await world.record(AmendCalendar(calendar=calendar, hours=NARROW, valid_from=after(days=30)))
    rows = sorted(await world.rows("calendar_versions"), key=lambda row: row["calendar_version"])
    assert [(row["valid_from"], row["valid_until"], row["position"]) for row in rows] == [
        (NOON, after(days=30), 6),
        (after(days=30), after(days=30), 7),
        (after(days=30), None, 7),
    ]


@pytest.mark.parametrize("roles", [("support",), ("project_manager", "sales", "finance"), ()])
async def test_only_managers_state_hours(world: World, roles: tuple[str, ...]) -> None:
    outcome = await world.ask(OFFICE, roles=roles)
    assert isinstance(outcome, Refusal)
    assert outcome.code == "not_permitted"
    assert await world.facts() == []


async def test_what_is_too_much_is_not_even_decided(world: World) -> None:
    calendar = await an_office(world)
    before = await world.facts()
    many = tuple(CalendarException(FRIDAY + timedelta(days=day), "Closed") for day in range(401))
    for wrong in (
        define(*OFFICE_HOURS * 51),
        define(WeeklyHours((), "09:00", "10:00")),
        AddCalendarExceptions(calendar=calendar, exceptions=many),
        AddCalendarExceptions(calendar=calendar, exceptions=()),
    ):
        outcome = await world.ask(wrong)
        assert isinstance(outcome, Invalid), wrong
        assert outcome.code == "wrong_length"
    assert await world.facts() == before


async def test_nothing_is_stated_of_a_calendar_that_never_was(world: World) -> None:
    outcome = await world.ask(AmendCalendar(calendar=uuid4(), hours=NARROW))
    assert isinstance(outcome, Refusal)
    assert (outcome.code, outcome.path) == ("calendar_not_found", ("calendar",))
    assert await world.facts() == []


# --- shows ------------------------------------------------------------------------------------------------------------

SHOWN = """
    name calendarVersion definedAt retiredAt retirementReason version position
    versions(first: 9) { nodes {
        calendarVersion zone validFrom validUntil statedAt position
        windows(first: 3) { nodes { weekday opens closes } totalCount }
    } }
    exceptions(first: 9) { nodes { on name calendarVersion windows(first: 9) { nodes { weekday opens closes } } } }
"""


async def test_a_calendar_is_shown_with_its_hours_and_its_exceptions(world: World) -> None:
    calendar = await an_office(world)
    asked = f"query ($id: ID!) {{ calendar(id: $id) {{ {SHOWN} }} }}"
    shown = (await Api(world).ask(asked, id=gid("Calendar", calendar)))["calendar"]
    now, then = "2026-06-01T12:00:00+00:00", "2026-07-01T12:00:00+00:00"
    [first, second] = shown.pop("versions")["nodes"]
    windows = first.pop("windows")
    assert windows["totalCount"] == 10
    assert windows["nodes"] == [
        {"weekday": "MONDAY", "opens": "09:00", "closes": "13:00"},
        {"weekday": "MONDAY", "opens": "14:00", "closes": "18:00"},
        {"weekday": "TUESDAY", "opens": "09:00", "closes": "13:00"},
    ]
    rest: Json = {"zone": "Europe/Rome", "validFrom": now, "validUntil": then, "statedAt": now}
    assert first == {"calendarVersion": 1, "position": "6", **rest}
    assert (second["zone"], second["validUntil"], second["windows"]["totalCount"]) == ("Asia/Tokyo", None, 2)
    [closed, night] = shown.pop("exceptions")["nodes"]
    assert closed == {"on": "2026-06-05", "name": "Stocktaking", "calendarVersion": 3, "windows": {"nodes": []}}
    assert [window.pop("weekday") for window in night["windows"]["nodes"]] == [None, None]
    assert night["windows"]["nodes"] == [{"opens": "12:00", "closes": "13:30"}, {"opens": "22:00", "closes": "06:00"}]
    assert shown == {
        "name": "Office",
        "calendarVersion": 4,
        "definedAt": now,
        "retiredAt": None,
        "retirementReason": None,
        "version": 6,
        "position": "6",
    }


BUSINESS_TIME = """query ($calendar: ID!, $from: DateTime!, $to: DateTime!, $version: Int) {
    businessTime(calendar: $calendar, from: $from, to: $to, calendarVersion: $version) {
        calendarVersion elapsed segments { start end kind name calendarVersion }
    }
}"""


async def test_business_time_is_told_with_what_became_of_each_part_of_it(world: World) -> None:
    api, calendar = Api(world), await an_office(world)
    of = {"calendar": gid("Calendar", calendar), "from": "2026-06-01T15:00:00Z", "to": "2026-06-03T08:00:00Z"}
    told = (await api.ask(BUSINESS_TIME, **of))["businessTime"]
    assert (told["calendarVersion"], told["elapsed"]) == (4, "PT2H")
    assert [(segment["kind"], segment["start"][5:16], segment["name"]) for segment in told["segments"]] == [
        ("BUSINESS", "06-01T15:00", ""),
        ("CLOSED", "06-01T16:00", ""),
        ("HOLIDAY", "06-02T07:00", "Festa della Repubblica"),
        ("CLOSED", "06-02T11:00", ""),
        ("HOLIDAY", "06-02T12:00", "Festa della Repubblica"),
        ("CLOSED", "06-02T16:00", ""),
        ("BUSINESS", "06-03T07:00", ""),
    ]
    assert {segment["calendarVersion"] for segment in told["segments"]} == {1}
    assert (await api.ask(BUSINESS_TIME, **of, version=1))["businessTime"]["elapsed"] == "PT10H"


async def test_business_time_is_what_the_algebra_says(world: World) -> None:
    calendar = await an_office(world)
    hours = state_after(calendars.decider, [fact.event for fact in await world.facts()]).calendar
    start, end = NOON, datetime(2027, 6, 1, tzinfo=UTC)
    of = {"calendar": gid("Calendar", calendar), "from": f"{start.isoformat()}", "to": f"{end.isoformat()}"}
    told = (await Api(world).ask(BUSINESS_TIME, **of))["businessTime"]
    assert len(told["segments"]) == len(spans.segments(hours, start, (), end)) > 100


async def test_business_time_of_too_much_or_of_nothing_is_told_in_a_sentence(world: World) -> None:
    api, calendar = Api(world), await an_office(world)
    of = {"calendar": gid("Calendar", calendar), "from": "2026-06-01T12:00:00Z"}
    code = "BAD_USER_INPUT"
    fits = "from nothing to 366 days fit."
    wrong = api.wrong
    assert await wrong(BUSINESS_TIME, **of, to="2026-06-01T11:59:59Z") == (
        code, f"From `from` to `to` it is -1 day, 23:59:59; {fits}",
    )  # fmt: skip
    assert await wrong(BUSINESS_TIME, **of, to="2027-06-02T12:00:01Z") == (
        code, f"From `from` to `to` it is 366 days, 0:00:01; {fits}",
    )  # fmt: skip
    for version in (0, 5):
        assert await wrong(BUSINESS_TIME, **of, to="2026-06-01T12:00:00Z", version=version) == (
            code, f"`calendarVersion` is {version}; the calendar has the versions 1 to 4.",
        )  # fmt: skip
    nobody = {**of, "calendar": gid("Calendar", uuid4()), "to": "2026-06-01T12:00:00Z"}
    assert await api.ask(BUSINESS_TIME, **nobody) == {"businessTime": None}


FILTERED = {
    *("CalendarFilter.name", "CalendarFilter.retired"),
    *("CalendarExceptionFilter.onFrom", "CalendarExceptionFilter.onBefore"),
    *("HolidayFilter.status", "HolidayFilter.onFrom", "HolidayFilter.onBefore"),
}
"""The fields of filters that are tried here, and in test_holidays."""


async def test_calendars_are_filtered_by_name_and_by_whether_they_are_retired(world: World) -> None:
    api = Api(world)
    await an_office(world, "Office")
    night = await an_office(world, "Night")
    await world.record(RetireCalendar(calendar=night, reason="Moved"))
    document = "query ($f: CalendarFilter) { calendars(first: 9, filter: $f) { nodes { name } } }"
    for filter_, names in (
        ({}, ["Night", "Office"]),
        ({"name": ["Office", "None"]}, ["Office"]),
        ({"retired": True}, ["Night"]),
        ({"retired": False}, ["Office"]),
    ):
        nodes = (await api.ask(document, f=filter_))["calendars"]["nodes"]
        assert [node["name"] for node in nodes] == names


async def test_exceptions_are_filtered_by_date(world: World) -> None:
    api, calendar = Api(world), await an_office(world)
    asked = """query ($id: ID!, $f: CalendarExceptionFilter) {
        calendar(id: $id) { exceptions(first: 9, filter: $f) { nodes { on calendar { name } } } }
    }"""
    for filter_, dates in (
        ({}, ["2026-06-05", "2026-06-09"]),
        ({"onFrom": "2026-06-09"}, ["2026-06-09"]),
        ({"onBefore": "2026-06-09"}, ["2026-06-05"]),
    ):
        data = await api.ask(asked, id=gid("Calendar", calendar), f=filter_)
        nodes = data["calendar"]["exceptions"]["nodes"]
        assert nodes == [{"on": on, "calendar": {"name": "Office"}} for on in dates]


# --- asks -------------------------------------------------------------------------------------------------------------

OF = {"calendar": gid("Calendar", OWN)}
HOURS = [{"weekdays": ["MONDAY", "FRIDAY"], "opens": "09:00", "closes": "13:00"}]
LIFE: list[tuple[str, Json, str, Json]] = [
    (
        "defineCalendar",
        {"commandId": f"{OWN}", "name": "Office", "zone": "Europe/Rome", "hours": HOURS},
        "CalendarDefined",
        {"name": "Office", "calendarVersion": 1},
    ),
    (
        "amendCalendar",
        {**OF, "hours": HOURS, "zone": "Asia/Tokyo", "validFrom": "2027-01-01T00:00:00+09:00"},
        "CalendarAmended",
        {"name": "Office", "calendarVersion": 2},
    ),
    (
        "addCalendarExceptions",
        {**OF, "exceptions": [{"on": "2026-06-05", "name": "Stocktaking"}]},
        "CalendarExceptionsAdded",
        {"name": "Office", "calendarVersion": 3},
    ),
    (
        "removeCalendarExceptions",
        {**OF, "dates": ["2026-06-05"]},
        "CalendarExceptionsRemoved",
        {"name": "Office", "calendarVersion": 4},
    ),
    (
        "retireCalendar",
        {**OF, "reason": "Moved"},
        "CalendarRetired",
        {"name": "Office", "calendarVersion": 4},
    ),
]
"""Every mutation of calendars: what is given, the fact it records, and what it answers."""


async def test_every_mutation_of_calendars_records_what_it_says(world: World) -> None:
    api = Api(world)
    for number, (name, fields, type_, expected) in enumerate(LIFE, 1):
        answer = await api.command(name, "... on CalendarRecorded { calendar { name calendarVersion } }", **fields)
        assert answer["facts"] == [{"position": f"{number}", "type": type_}]
        assert answer["calendar"] == expected
