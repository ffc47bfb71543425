"""Holidays: told by countries and feeds, proposed, and counted once a person accepts them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from api import Api, Json, gid
from conftest import World
from given import given, state_after
from timetables import OFFICE, OFFICE_WEEK, REPUBLIC, SAINTS, an_office

from pet_graph.almanac import LONGEST_FEED, ProposeHolidaysFromIcal, ProposeHolidaysOfCountry, of_country, of_ical
from pet_graph.decisions import Invalid, Refusal
from pet_graph.events import calendars
from pet_graph.events.base import Refused
from pet_graph.events.calendars import CalendarDefined, CalendarRetired
from pet_graph.events.holidays import (
    MOST_HOLIDAYS,
    AcceptHolidays,
    Holiday,
    HolidaysAccepted,
    HolidaysProposed,
    HolidaysRejected,
    HolidayStatus,
    ProposeHolidays,
    RejectHolidays,
)
from pet_graph.events.workdays import Day

OWN = UUID(int=1)
DEFINED = CalendarDefined(name="Office", zone="Europe/Rome", week=OFFICE_WEEK)
PROPOSED = HolidaysProposed(source="Law", holidays=(REPUBLIC, SAINTS))
ACCEPTED, REJECTED = HolidaysAccepted(dates=(REPUBLIC.on,)), HolidaysRejected(dates=(REPUBLIC.on,))


def propose(*holidays: Holiday) -> ProposeHolidays:
    return ProposeHolidays(calendar=OWN, source="Law", holidays=holidays)


def accept(*dates: date) -> AcceptHolidays:
    return AcceptHolidays(calendar=OWN, dates=dates)


def reject(*dates: date) -> RejectHolidays:
    return RejectHolidays(calendar=OWN, dates=dates)


def state(*past: Any) -> calendars.CalendarState:
    folded = state_after(calendars.decider, past)
    assert isinstance(folded, calendars.CalendarState)
    return folded


# --- decides ----------------------------------------------------------------------------------------------------------


def test_what_is_proposed_does_not_count() -> None:
    """Zammad #390: a feed told of St. Martin, and deadlines moved."""
    given(DEFINED).when(propose(SAINTS, REPUBLIC)).then(PROPOSED)
    assert state(DEFINED, PROPOSED).calendar == state(DEFINED).calendar


def test_what_a_person_accepts_counts() -> None:
    given(DEFINED, PROPOSED).when(accept(REPUBLIC.on)).then(ACCEPTED)
    folded = state(DEFINED, PROPOSED, ACCEPTED)
    assert folded.calendar.versions[0].days == (Day(REPUBLIC.on, (), REPUBLIC.name, holiday=True),)
    assert [one.status for one in folded.proposals] == [HolidayStatus.ACCEPTED, HolidayStatus.PROPOSED]


def test_a_decision_may_be_taken_back() -> None:
    given(DEFINED, PROPOSED, ACCEPTED).when(reject(REPUBLIC.on)).then(REJECTED)
    assert state(DEFINED, PROPOSED, ACCEPTED, REJECTED).calendar.versions == state(DEFINED).calendar.versions
    given(DEFINED, PROPOSED, REJECTED).when(accept(REPUBLIC.on)).then(ACCEPTED)
    assert state(DEFINED, PROPOSED, REJECTED, ACCEPTED).version == 2


def test_a_proposal_that_is_rejected_changes_nothing_that_counts() -> None:
    assert state(DEFINED, PROPOSED, REJECTED).version == 1


def test_what_was_decided_on_stays_as_it_is_when_it_is_proposed_again() -> None:
    other = Holiday(REPUBLIC.on, "Republic Day")
    for decided in (ACCEPTED, REJECTED):
        given(DEFINED, PROPOSED, decided).when(propose(other)).refused("nothing_new", "holidays")
        new = Holiday(date(2026, 12, 25), "Natale")
        given(DEFINED, PROPOSED, decided).when(propose(new, other, SAINTS)).then(
            HolidaysProposed(source="Law", holidays=(new,))
        )


def test_a_proposal_may_get_another_name() -> None:
    other = Holiday(REPUBLIC.on, "Republic Day")
    given(DEFINED, PROPOSED).when(propose(other, SAINTS)).then(HolidaysProposed(source="Law", holidays=(other,)))
    renamed = state(DEFINED, PROPOSED, HolidaysProposed(source="Feed", holidays=(other,)))
    assert [(one.name, one.source) for one in renamed.proposals] == [("Republic Day", "Feed"), (SAINTS.name, "Law")]


def test_a_date_is_named_once() -> None:
    given(DEFINED).when(propose(REPUBLIC, SAINTS, REPUBLIC)).refused("date_repeated", "holidays", "2")
    given(DEFINED, PROPOSED).when(accept(REPUBLIC.on, REPUBLIC.on)).refused("date_repeated", "dates", "1")
    given(DEFINED, PROPOSED).when(reject(REPUBLIC.on, REPUBLIC.on)).refused("date_repeated", "dates", "1")


def test_only_what_was_proposed_is_decided_on_and_only_once() -> None:
    given(DEFINED, PROPOSED).when(accept(SAINTS.on, date(2026, 6, 3))).refused("not_proposed", "dates", "1")
    given(DEFINED, PROPOSED).when(reject(date(2026, 6, 3))).refused("not_proposed", "dates", "0")
    given(DEFINED, PROPOSED, ACCEPTED).when(accept(SAINTS.on, REPUBLIC.on)).refused("already_accepted", "dates", "1")
    given(DEFINED, PROPOSED, REJECTED).when(reject(SAINTS.on, REPUBLIC.on)).refused("already_rejected", "dates", "1")


def test_a_calendar_has_so_many_holidays_and_no_more() -> None:
    many = tuple(Holiday(date(1970, 1, 1) + timedelta(days=day), "Sunday") for day in range(MOST_HOLIDAYS - 2))
    full = HolidaysProposed(source="Law", holidays=many)
    given(DEFINED, full).when(propose(REPUBLIC, SAINTS)).then(PROPOSED)
    third = Holiday(date(2026, 12, 25), "Natale")
    given(DEFINED, full).when(propose(REPUBLIC, SAINTS, third)).refused("too_many_days", "holidays")


def test_of_a_retired_calendar_nothing_is_decided() -> None:
    over = given(DEFINED, PROPOSED, CalendarRetired(reason="Moved"))
    over.when(accept(REPUBLIC.on)).refused("retired")
    over.when(propose(Holiday(date(2026, 12, 25), "Natale"))).refused("retired")


# --- remembers --------------------------------------------------------------------------------------------------------


async def test_holidays_are_remembered_with_what_became_of_them(world: World) -> None:
    calendar = await an_office(world)
    rows = sorted(await world.rows("holidays"), key=lambda row: row["held_on"])
    assert {row["calendar_id"] for row in rows} == {calendar}
    told = ("held_on", "name", "source", "status", "position")
    assert [tuple(row[each] for each in told) for row in rows] == [
        (REPUBLIC.on, REPUBLIC.name, "Office", "accepted", 3),
        (SAINTS.on, SAINTS.name, "Office", "rejected", 4),
        (date(2026, 12, 7), "Office", "Office", "proposed", 2),
    ]
    assert [row["decided_at"] is None for row in rows] == [False, False, True]


async def test_whoever_works_here_may_propose_and_only_managers_decide(world: World) -> None:
    calendar = await an_office(world)
    outcome = await world.ask(AcceptHolidays(calendar=calendar, dates=(SAINTS.on,)), roles=("support", "finance"))
    assert isinstance(outcome, Refusal)
    assert outcome.code == "not_permitted"
    natale = ProposeHolidays(calendar=calendar, source="Feed", holidays=(Holiday(date(2026, 12, 25), "Natale"),))
    await world.record(natale, roles=("integration",), origin="external:hr")
    assert (await world.facts())[-1].authority == "integration"


# --- those of a country -----------------------------------------------------------------------------------------------


def of(country: str, *years: int, **fields: Any) -> dict[date, str]:
    command = ProposeHolidaysOfCountry(calendar=OWN, country=country, years=years or (2026,), **fields)
    return {holiday.on: holiday.name for holiday in of_country(command).holidays}


def test_a_country_has_holidays_in_its_own_language() -> None:
    found = of("it")
    assert len(found) == 13
    assert found[date(2026, 1, 6)] == "Epifania del Signore" or found[date(2026, 1, 6)] == "Epifania"
    assert of("IT", language="en_US")[date(2026, 1, 6)] == "Epiphany"


def test_a_part_of_a_country_has_holidays_of_its_own() -> None:
    assert set(of("IT", subdivision="BZ")) - set(of("IT")) == {date(2026, 5, 25)}


def test_the_environment_does_not_name_holidays(monkeypatch: pytest.MonkeyPatch) -> None:
    names = of("DE")
    monkeypatch.setenv("LANGUAGE", "th")
    assert of("DE") == names


def test_holidays_of_several_years_are_proposed_with_where_they_come_from() -> None:
    command = ProposeHolidaysOfCountry(calendar=OWN, country="IT", years=(2027, 2026), subdivision="BZ")
    proposed = of_country(command)
    assert proposed.source.startswith("Public holidays of IT-BZ, by holidays ")
    assert [holiday.on for holiday in proposed.holidays] == sorted(holiday.on for holiday in proposed.holidays)
    assert {holiday.on.year for holiday in proposed.holidays} == {2026, 2027}


@pytest.mark.parametrize(
    ("fields", "code", "path"),
    [
        ({"country": "XX"}, "unknown_country", ("country",)),
        ({"country": "IT", "subdivision": "ZZ"}, "unknown_subdivision", ("subdivision",)),
        ({"country": "IT", "language": "tlh"}, "unknown_language", ("language",)),
        ({"country": "IT", "years": (2026, 2100)}, "out_of_range", ("years", "1")),
        ({"country": "IT", "years": (1969,)}, "out_of_range", ("years", "0")),
    ],
)
def test_of_what_nothing_is_known_nothing_is_proposed(fields: Json, code: str, path: tuple[str, ...]) -> None:
    with pytest.raises(Refused) as refused:
        of_country(ProposeHolidaysOfCountry(**{"calendar": OWN, "years": (2026,), **fields}))
    assert (refused.value.code, refused.value.path) == (code, path)


# --- those of a feed --------------------------------------------------------------------------------------------------


def feed(*events: str) -> str:
    said = "".join(f"BEGIN:VEVENT\nUID:{number}\n{event}\nEND:VEVENT\n" for number, event in enumerate(events))
    return f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//test//EN\n{said}END:VCALENDAR\n".replace("\n", "\r\n")


def found(*events: str, years: tuple[int, ...] = (2026,)) -> dict[str, str]:
    command = ProposeHolidaysFromIcal(calendar=OWN, source="Feed", ical=feed(*events), years=years)
    return {
        f"{holiday.on:%m-%d}" if len(years) == 1 else str(holiday.on): holiday.name
        for holiday in of_ical(command).holidays
    }


def test_all_day_events_are_holidays_and_appointments_are_none() -> None:
    assert found(
        "DTSTART;VALUE=DATE:20261111\nSUMMARY:San Martino",
        "DTSTART:20260602T090000Z\nSUMMARY:Meeting",
        "DTSTART;VALUE=DATE:20261208\nSUMMARY:Immacolata\\, Roma\nSTATUS:CONFIRMED",
        "DTSTART;VALUE=DATE:20261209\nSUMMARY:Not at all\nSTATUS:CANCELLED",
        "DTSTART;VALUE=DATE:20250101\nSUMMARY:Of another year",
        "DTSTART;VALUE=DATE:20260101",
    ) == {"01-01": "Holiday", "11-11": "San Martino", "12-08": "Immacolata, Roma"}


def test_an_event_of_several_days_is_a_holiday_on_each() -> None:
    assert found(
        "DTSTART;VALUE=DATE:20251231\nDTEND;VALUE=DATE:20260103\nSUMMARY:Ferie",
        "DTSTART;VALUE=DATE:20260102\nDURATION:P2D\nSUMMARY:Neve",
        "DTSTART;VALUE=DATE:20260103\nSUMMARY:Neve",
    ) == {"01-01": "Ferie", "01-02": "Ferie; Neve", "01-03": "Neve"}


def test_a_yearly_event_comes_again() -> None:
    assert found(
        "DTSTART;VALUE=DATE:20001225\nRRULE:FREQ=YEARLY\nEXDATE;VALUE=DATE:20271225\nSUMMARY:Natale",
        "DTSTART;VALUE=DATE:20200229\nRRULE:FREQ=YEARLY\nSUMMARY:Leap",
        "DTSTART;VALUE=DATE:20101125\nRRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=4TH\nSUMMARY:Thanksgiving",
        "DTSTART;VALUE=DATE:20100531\nRRULE:FREQ=YEARLY;BYMONTH=5;BYDAY=-1MO\nSUMMARY:Memorial",
        "DTSTART;VALUE=DATE:20250109\nRRULE:FREQ=YEARLY;INTERVAL=2\nSUMMARY:Odd",
        "DTSTART;VALUE=DATE:20260110\nRRULE:FREQ=YEARLY;COUNT=2\nSUMMARY:Twice",
        "DTSTART;VALUE=DATE:20260111\nRRULE:FREQ=YEARLY;UNTIL=20270110\nSUMMARY:Once",
        "DTSTART;VALUE=DATE:20280112\nRRULE:FREQ=YEARLY\nSUMMARY:Later",
        years=(2026, 2027, 2028),
    ) == {
        "2026-01-10": "Twice", "2026-01-11": "Once", "2026-05-25": "Memorial", "2026-11-26": "Thanksgiving",
        "2026-12-25": "Natale", "2027-01-09": "Odd", "2027-01-10": "Twice", "2027-05-31": "Memorial",
        "2027-11-25": "Thanksgiving", "2028-01-12": "Later", "2028-02-29": "Leap", "2028-05-29": "Memorial",
        "2028-11-23": "Thanksgiving", "2028-12-25": "Natale",
    }  # fmt: skip


def test_a_yearly_event_reaches_over_the_end_of_the_year() -> None:
    assert found("DTSTART;VALUE=DATE:20201231\nDTEND;VALUE=DATE:20210102\nRRULE:FREQ=YEARLY\nSUMMARY:Eve") == {
        "01-01": "Eve",
        "12-31": "Eve",
    }


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=DAILY", "FREQ=WEEKLY;BYDAY=MO", "FREQ=YEARLY;BYDAY=MO", "FREQ=YEARLY;BYDAY=1MO", "FREQ=YEARLY;INTERVAL=0",
        "FREQ=YEARLY;BYMONTHDAY=-1", "FREQ=YEARLY;BYMONTH=1,2", "FREQ=YEARLY;BYYEARDAY=100",
        "FREQ=YEARLY;BYMONTH=5;BYDAY=5MO", "FREQ=YEARLY;BYMONTH=5;BYMONTHDAY=3;BYDAY=1MO",
    ],
)  # fmt: skip
def test_a_rule_that_is_not_understood_is_told_and_not_guessed(rule: str) -> None:
    with pytest.raises(Refused) as refused:
        found(f"DTSTART;VALUE=DATE:20260101\nRRULE:{rule}\nSUMMARY:Odd")
    assert (refused.value.code, refused.value.path) in {
        ("rule_not_understood", ("ical",)),
        ("not_ical", ("ical",)),
    }


@pytest.mark.parametrize(
    ("ical", "code"),
    [
        ("", "not_ical"),
        ("hello", "not_ical"),
        ("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:No date\r\nEND:VEVENT\r\nEND:VCALENDAR", "not_ical"),
        ("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART;VALUE=DATE:2026\r\nEND:VEVENT\r\nEND:VCALENDAR", "not_ical"),
        ("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n", "not_ical"),
        (feed("DTSTART;VALUE=DATE:20260101\nDTEND:20260102T000000Z"), "not_ical"),
        (feed("DTSTART;VALUE=DATE:20260101\nDTEND;VALUE=DATE:20260301\nSUMMARY:Long"), "too_long_an_event"),
        (feed("DTSTART;VALUE=DATE:20250101\nSUMMARY:Past"), "no_holidays"),
    ],
)
def test_a_text_without_holidays_is_told_in_a_sentence(ical: str, code: str) -> None:
    with pytest.raises(Refused) as refused:
        of_ical(ProposeHolidaysFromIcal(calendar=OWN, source="Feed", ical=ical, years=(2026,)))
    assert refused.value.code == code
    assert str(refused.value).endswith(".")


# --- asks -------------------------------------------------------------------------------------------------------------

OF = {"calendar": gid("Calendar", OWN)}
NATALE = {"on": "2026-12-25", "name": "Natale"}
LIFE: list[tuple[str, Json, str, Json]] = [
    ("proposeHolidays", {**OF, "source": "Law", "holidays": [NATALE]}, "HolidaysProposed", {"2026-12-25": "PROPOSED"}),
    (
        "proposeHolidaysFromIcal",
        {**OF, "source": "Feed", "ical": feed("DTSTART;VALUE=DATE:20261111\nSUMMARY:San Martino"), "years": [2026]},
        "HolidaysProposed",
        {"2026-11-11": "PROPOSED", "2026-12-25": "PROPOSED"},
    ),
    (
        "acceptHolidays",
        {**OF, "dates": ["2026-12-25"]},
        "HolidaysAccepted",
        {"2026-11-11": "PROPOSED", "2026-12-25": "ACCEPTED"},
    ),
    (
        "rejectHolidays",
        {**OF, "dates": ["2026-11-11"]},
        "HolidaysRejected",
        {"2026-11-11": "REJECTED", "2026-12-25": "ACCEPTED"},
    ),
]
"""The mutations of holidays: what is given, the fact that is recorded, and the holidays then."""


async def test_every_mutation_of_holidays_records_what_it_says(world: World) -> None:
    api = Api(world)
    await world.record(OFFICE, id=OWN)
    selection = "... on CalendarRecorded { calendar { holidays(first: 9) { nodes { on status } } } }"
    for number, (name, fields, type_, expected) in enumerate(LIFE, 2):
        answer = await api.command(name, selection, **fields)
        assert answer["facts"] == [{"position": f"{number}", "type": type_}], answer
        assert {node["on"]: node["status"] for node in answer["calendar"]["holidays"]["nodes"]} == expected
    answer = await api.command("proposeHolidaysOfCountry", selection, **OF, country="IT", years=[2026])
    statuses = [node["status"] for node in answer["calendar"]["holidays"]["nodes"]]
    assert len(statuses) == 9
    assert (await world.rows("calendars"))[0]["calendar_version"] == 2


async def test_the_same_proposal_sent_again_is_recorded_once(world: World) -> None:
    api = Api(world)
    await world.record(OFFICE, id=OWN)
    given = {**OF, "country": "IT", "years": [2026], "commandId": f"{UUID(int=7)}"}
    first = await api.command("proposeHolidaysOfCountry", **given)
    again = await api.command("proposeHolidaysOfCountry", **given)
    assert (first["repeated"], again["repeated"], again["facts"]) == (False, True, first["facts"])
    rehearsed = await api.command("proposeHolidaysOfCountry", **OF, country="IT", years=[2027], dryRun=True)
    assert (rehearsed["dryRun"], len(await world.facts())) == (True, 2)


@pytest.mark.parametrize(
    ("name", "fields", "code", "path"),
    [
        ("proposeHolidaysOfCountry", {"country": "XX", "years": [2026]}, "unknown_country", ["country"]),
        ("proposeHolidaysOfCountry", {"country": "IT", "years": []}, "wrong_length", ["years"]),
        ("proposeHolidaysOfCountry", {"country": " ", "years": [2026]}, "blank", ["country"]),
        ("proposeHolidaysFromIcal", {"source": "x", "ical": "hello", "years": [2026]}, "not_ical", ["ical"]),
        (
            "proposeHolidaysFromIcal",
            {"source": "x", "ical": "x" * (LONGEST_FEED + 1), "years": [2026]},
            "too_long",
            ["ical"],
        ),
    ],
)
async def test_what_is_not_well_formed_leaves_the_command_id_free(
    world: World, name: str, fields: Json, code: str, path: list[str]
) -> None:
    await world.record(OFFICE, id=OWN)
    answer = await Api(world).command(name, **OF, **fields)
    assert (answer["__typename"], answer["code"], answer["path"]) == ("InvalidInput", code, path)
    assert len(await world.facts()) == 1


async def test_too_many_dates_are_not_even_decided(world: World) -> None:
    await world.record(OFFICE, id=OWN)
    many = tuple(Holiday(date(2026, 1, 1) + timedelta(days=day), "Sunday") for day in range(401))
    assert isinstance(await world.ask(propose(*many)), Invalid)
    assert isinstance(await world.ask(accept()), Invalid)
    assert len(await world.facts()) == 1


async def test_holidays_are_shown_as_they_were_told_and_filtered(world: World) -> None:
    api, calendar = Api(world), await an_office(world)
    asked = """query ($id: ID!, $filter: HolidayFilter) { calendar(id: $id) {
        holidays(first: 9, filter: $filter) { nodes { on name source status proposedAt decidedAt calendar { name } } }
    } }"""

    async def shown(filter_: Json | None = None) -> list[Json]:
        data = await api.ask(asked, id=gid("Calendar", calendar), filter=filter_)
        nodes: list[Json] = data["calendar"]["holidays"]["nodes"]
        return nodes

    assert (await shown())[0] == {
        "on": "2026-06-02",
        "name": "Festa della Repubblica",
        "source": "Office",
        "status": "ACCEPTED",
        "proposedAt": "2026-06-01T12:00:00+00:00",
        "decidedAt": "2026-06-01T12:00:00+00:00",
        "calendar": {"name": "Office"},
    }
    for filter_, dates in (
        ({"status": ["REJECTED", "PROPOSED"]}, ["2026-11-01", "2026-12-07"]),
        ({"onFrom": "2026-11-01"}, ["2026-11-01", "2026-12-07"]),
        ({"onBefore": "2026-11-01"}, ["2026-06-02"]),
    ):
        assert [node["on"] for node in await shown(filter_)] == dates
