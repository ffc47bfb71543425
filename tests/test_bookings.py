"""Bookings: people kept for projects, held against what they can work; what does not fit is booked and said."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest
from api import Api, gid
from conftest import World
from given import given

from pet_graph.decisions import Refusal
from pet_graph.events.bookings import (
    USUAL,
    AgreeCapacity,
    BookingFirmed,
    BookingKind,
    BookingReleased,
    BookPerson,
    CapacityAgreed,
    FirmBooking,
    PersonBooked,
    PersonOvercommitted,
    ReleaseBooking,
)
from pet_graph.events.projects import StartProject

ADA, PROJECT = UUID(int=21), UUID(int=22)
HARD, SOFT = BookingKind.HARD, BookingKind.SOFT
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MONDAY, FRIDAY, SUNDAY = date(2026, 6, 1), date(2026, 6, 5), date(2026, 6, 7)


def booked(hours: int, first_on: date = MONDAY, last_on: date = FRIDAY, kind: BookingKind = HARD) -> PersonBooked:
    return PersonBooked(
        person=ADA, project=PROJECT, kind=kind, first_on=first_on, last_on=last_on, per_day=hours * HOUR
    )


def book(hours: int, first_on: date = MONDAY, last_on: date = FRIDAY, kind: BookingKind = HARD) -> BookPerson:
    return BookPerson(person=ADA, project=PROJECT, kind=kind, first_on=first_on, last_on=last_on, per_day=hours * HOUR)


def over(days: int, hours: int, first_on: date = MONDAY) -> PersonOvercommitted:
    return PersonOvercommitted(days=days, first_on=first_on, excess=hours * HOUR)


# --- decides ----------------------------------------------------------------------------------------------------------


def test_a_booking_that_fits_says_nothing_more() -> None:
    given().when(book(8)).then(booked(8))
    given(booked(4)).when(book(4)).then(booked(4))


def test_a_booking_that_does_not_fit_is_booked_and_the_excess_said() -> None:
    given().when(book(10)).then(booked(10), over(5, 10))
    given(booked(6)).when(book(4)).then(booked(4), over(5, 10))


def test_only_the_days_that_do_not_fit_count() -> None:
    wednesday = date(2026, 6, 3)
    given(booked(6, last_on=wednesday)).when(book(4, first_on=wednesday)).then(
        booked(4, first_on=wednesday), over(1, 2, wednesday)
    )


def test_pencilled_in_time_counts_against_capacity_too() -> None:
    given(booked(8, kind=SOFT)).when(book(1)).then(booked(1), over(5, 5))


def test_nobody_is_kept_on_a_day_off() -> None:
    given().when(book(8, last_on=SUNDAY)).then(booked(8, last_on=SUNDAY))


def test_capacity_is_the_one_agreed_for_the_day() -> None:
    half = CapacityAgreed(person=ADA, valid_from=date(2026, 6, 4), weekdays=(4 * HOUR,) * 5 + (timedelta(),) * 2)
    given(half).when(book(6)).then(booked(6), over(2, 4, date(2026, 6, 4)))


def test_capacity_agreed_anew_for_the_same_day_takes_the_place_of_the_other() -> None:
    none = CapacityAgreed(person=ADA, valid_from=MONDAY, weekdays=(HOUR,) * 7)
    given(none, CapacityAgreed(person=ADA, valid_from=MONDAY, weekdays=USUAL)).when(book(8)).then(booked(8))


def test_what_was_released_leaves_room() -> None:
    released = BookingReleased(booking=UUID(int=1), reason="Delayed")
    given(booked(8), released).when(book(8)).then(booked(8))


@pytest.mark.parametrize(
    ("command", "code", "field"),
    [
        (book(8, FRIDAY, MONDAY), "ends_before_it_starts", "lastOn"),
        (book(8, MONDAY, MONDAY + 366 * DAY), "too_long", "lastOn"),
        (book(0), "span_out_of_range", "perDay"),
        (book(25), "span_out_of_range", "perDay"),
        (AgreeCapacity(person=ADA, valid_from=MONDAY, weekdays=(25 * HOUR,) * 7), "span_out_of_range", "weekdays"),
    ],
)
def test_what_no_calendar_holds_is_refused(command: BookPerson | AgreeCapacity, code: str, field: str) -> None:
    given().when(command).refused(code, field)


def test_a_booking_is_settled_once_and_released_once() -> None:
    first = UUID(int=1)
    firm, release = FirmBooking(person=ADA, booking=first), ReleaseBooking(person=ADA, booking=first, reason="Delayed")
    given(booked(8, kind=SOFT)).when(firm).then(BookingFirmed(booking=first))
    given(booked(8)).when(firm).refused("already_firm", "booking")
    given(booked(8)).when(release).then(BookingReleased(booking=first, reason="Delayed"))
    for command in (firm, release):
        given(booked(8), BookingReleased(booking=first, reason="Delayed")).when(command).refused(
            "already_released", "booking"
        )
        given().when(command).refused("booking_not_found", "booking")


# --- remembers --------------------------------------------------------------------------------------------------------


async def test_over_commitment_is_shown_when_booking_and_as_a_query(world: World) -> None:
    ada = await world.person("Ada")
    await world.record(StartProject(name="Portal"), id=PROJECT)
    api = Api(world, roles=("manager",))
    given_ = {
        "person": gid("Person", ada),
        "project": gid("Project", PROJECT),
        "firstOn": "2026-06-01",
        "lastOn": "2026-06-02",
        "perDay": "PT6H",
    }
    shown = "... on BookingRecorded { bookings(last: 1) { nodes { kind total overDays excess } } }"
    first = await api.command("bookPerson", shown, **given_, kind="HARD")
    assert first["bookings"]["nodes"] == [{"kind": "HARD", "total": "PT12H", "overDays": 0, "excess": "PT0S"}]
    second = await api.command("bookPerson", shown, **{**given_, "firstOn": "2026-06-02"}, kind="SOFT")
    assert [fact["type"] for fact in second["facts"]] == ["PersonBooked", "PersonOvercommitted"]
    assert second["bookings"]["nodes"] == [{"kind": "SOFT", "total": "PT6H", "overDays": 1, "excess": "PT4H"}]
    found = await api.ask(
        '{ overcommitments(firstOn: "2026-05-01", lastOn: "2026-07-01", first: 5)'
        " { person { name } day capacity booked firm excess } }"
    )
    assert found["overcommitments"] == [
        {
            "person": {"name": "Ada"},
            "day": "2026-06-02",
            "capacity": "PT8H",
            "booked": "PT12H",
            "firm": "PT6H",
            "excess": "PT4H",
        }
    ]


async def test_over_commitment_is_held_against_the_capacity_agreed(world: World) -> None:
    ada = await world.person("Ada")
    await world.record(StartProject(name="Portal"), id=PROJECT)
    await world.record(
        BookPerson(person=ada, project=PROJECT, kind=HARD, first_on=MONDAY, last_on=FRIDAY, per_day=6 * HOUR)
    )
    weekdays = (8 * HOUR, 2 * HOUR, 8 * HOUR, 8 * HOUR, timedelta(), timedelta(), timedelta())
    await world.record(AgreeCapacity(person=ada, valid_from=MONDAY, weekdays=weekdays))
    found = await Api(world).ask(
        'query ($who: [ID!]) { overcommitments(firstOn: "2026-06-01", lastOn: "2026-06-30", first: 5, person: $who)'
        " { day excess } }",
        who=[gid("Person", ada)],
    )
    assert found["overcommitments"] == [{"day": "2026-06-02", "excess": "PT4H"}]


async def test_nobody_is_booked_who_is_not_known(world: World) -> None:
    await world.record(StartProject(name="Portal"), id=PROJECT)
    before = await world.facts()
    outcome = await world.ask(
        BookPerson(person=uuid4(), project=PROJECT, kind=HARD, first_on=MONDAY, last_on=FRIDAY, per_day=HOUR)
    )
    assert isinstance(outcome, Refusal)
    assert (outcome.code, outcome.path) == ("person_not_found", ("person",))
    assert await world.facts() == before
