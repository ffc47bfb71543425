"""Bookings: which person is kept for which project on which days, held against what the person can work."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, assert_never, get_args
from uuid import UUID

import msgspec

from .base import WORK_ROLE, Command, Decider, Event, Fact, Reason, Refused, Stamp, about, part, ref

DAY = timedelta(days=1)
NONE = timedelta()
USUAL = (timedelta(hours=8),) * 5 + (NONE,) * 2
"""What a person can work on each day of a week, Monday first, until something else is agreed."""

LONGEST_DAYS = 366
MOST_BOOKINGS = 1_000


class BookingKind(StrEnum):
    HARD = "hard"
    SOFT = "soft"


class BookingStatus(StrEnum):
    BOOKED = "booked"
    RELEASED = "released"


class CapacityAgreed(Event, frozen=True):
    """From a day on, the person can work so much on each day of a week."""

    person: UUID
    valid_from: date
    weekdays: tuple[timedelta, ...]


class PersonBooked(Event, frozen=True):
    """The person is kept for a project. The booking's id is that of the command."""

    person: UUID
    project: UUID
    kind: BookingKind
    first_on: date
    last_on: date
    per_day: timedelta
    obligation: UUID | None = None
    role: str | None = None


class PersonOvercommitted(Event, frozen=True):
    """With a booking just made, the person is booked on some days for more than they can work. The booking stands."""

    days: int
    first_on: date
    excess: timedelta


class BookingFirmed(Event, frozen=True):
    """What was only pencilled in counts as settled."""

    booking: UUID


class BookingReleased(Event, frozen=True):
    """The person is no longer kept."""

    booking: UUID
    reason: str


BookingEvent = CapacityAgreed | PersonBooked | PersonOvercommitted | BookingFirmed | BookingReleased

PersonField = Annotated[UUID, ref("person", "The person.")]
BookingField = Annotated[UUID, part("booking", "The booking, one of this person's.")]


class AgreeCapacity(Command, frozen=True):
    """Say how much a person can work on each day of a week."""

    person: PersonField
    valid_from: Annotated[date, about("Since when.")]
    weekdays: Annotated[
        tuple[timedelta, ...], about("Seven spans, Monday first: PT8H.", min_length=7, max_length=7)
    ] = USUAL


class BookPerson(Command, frozen=True):
    """Keep a person for a project on the days that they work. The id of the booking is the command's id.

    What goes beyond the person's capacity is booked all the same, and said so.
    """

    person: PersonField
    project: Annotated[UUID, ref("project", "For which project.")]
    kind: Annotated[BookingKind, about("Whether it is settled or pencilled in.")]
    first_on: Annotated[date, about("The first day.")]
    last_on: Annotated[date, about("The last day.")]
    per_day: Annotated[timedelta, about("How much of each day on which the person works.")]
    obligation: Annotated[UUID, ref("obligation", "For which promise, if that is known.")] | None = None
    role: Annotated[str, WORK_ROLE] | None = None


class FirmBooking(Command, frozen=True):
    """Settle what was pencilled in."""

    person: PersonField
    booking: BookingField


class ReleaseBooking(Command, frozen=True):
    """No longer keep the person, from now on."""

    person: PersonField
    booking: BookingField
    reason: Reason


BookingCommand = AgreeCapacity | BookPerson | FirmBooking | ReleaseBooking


class Capacity(msgspec.Struct, frozen=True, array_like=True):
    """What a person can work on each day of a week, from a day on."""

    valid_from: date
    weekdays: tuple[timedelta, ...]
    position: int


class Booking(msgspec.Struct, frozen=True, omit_defaults=True):
    """One booking of a person."""

    id: UUID
    said: PersonBooked
    since: Stamp
    position: int
    kind: BookingKind
    hours: timedelta
    status: BookingStatus = BookingStatus.BOOKED
    over_days: int = 0
    excess: timedelta = NONE
    firmed: Stamp | None = None
    released: Stamp | None = None
    released_reason: str | None = None


class ScheduleState(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one person can work, and what they are kept for."""

    capacities: tuple[Capacity, ...] = ()
    bookings: tuple[Booking, ...] = ()

    def capacity_on(self, day: date) -> timedelta:
        """The capacity agreed for a day: of those valid by then, the one valid from the latest day."""
        valid = [one for one in self.capacities if one.valid_from <= day]
        return max(valid, key=lambda one: one.valid_from).weekdays[day.weekday()] if valid else USUAL[day.weekday()]

    def booked_on(self, day: date) -> timedelta:
        return sum((one.said.per_day for one in self.bookings if _covers(one, day)), NONE)

    def booking(self, id_: UUID) -> Booking | None:
        return next((one for one in self.bookings if one.id == id_), None)


def _covers(booking: Booking, day: date) -> bool:
    return booking.status is BookingStatus.BOOKED and booking.said.first_on <= day <= booking.said.last_on


def days_of(first_on: date, last_on: date) -> Iterator[date]:
    return (first_on + number * DAY for number in range((last_on - first_on).days + 1))


def excess_by_day(state: ScheduleState, first_on: date, last_on: date, more: timedelta = NONE) -> dict[date, timedelta]:
    """On which days the person, booked for so much `more` a day, is kept for more than they can work, by how much."""
    over = ((day, state.booked_on(day) + more - state.capacity_on(day)) for day in days_of(first_on, last_on))
    # On a day off nobody is kept: a booking holds for the days on which the person works.
    return {day: excess for day, excess in over if excess > NONE and state.capacity_on(day) > NONE}


def evolve(state: ScheduleState, fact: Fact) -> ScheduleState:
    replace = msgspec.structs.replace
    match fact.event:
        case CapacityAgreed(valid_from=valid_from, weekdays=weekdays):
            others = (one for one in state.capacities if one.valid_from != valid_from)
            return replace(state, capacities=(*others, Capacity(valid_from, weekdays, fact.position)))
        case PersonBooked() as said:
            working = sum(state.capacity_on(day) > NONE for day in days_of(said.first_on, said.last_on))
            hours = working * said.per_day
            booking = Booking(fact.command_id, said, Stamp.of(fact), fact.position, said.kind, hours=hours)
            return replace(state, bookings=(*state.bookings, booking))
        case PersonOvercommitted(days=days, excess=excess):
            return _with(state, fact, fact.command_id, over_days=days, excess=excess)
        case BookingFirmed(booking=id_):
            return _with(state, fact, id_, kind=BookingKind.HARD, firmed=Stamp.of(fact))
        case BookingReleased(booking=id_, reason=reason):
            released = BookingStatus.RELEASED
            return _with(state, fact, id_, status=released, released=Stamp.of(fact), released_reason=reason)
    return state


def _with(state: ScheduleState, fact: Fact, id_: UUID, **changes: object) -> ScheduleState:
    changes["position"] = fact.position
    changed = (msgspec.structs.replace(one, **changes) if one.id == id_ else one for one in state.bookings)
    return msgspec.structs.replace(state, bookings=tuple(changed))


# --- decisions --------------------------------------------------------------------------------------------------------


def decide(state: ScheduleState, command: BookingCommand, at: datetime) -> list[Event]:
    match command:
        case AgreeCapacity():
            return agree_capacity(command)
        case BookPerson():
            return book_person(state, command)
        case FirmBooking():
            return firm_booking(state, command)
        case ReleaseBooking():
            return release_booking(state, command)
        case _:
            assert_never(command)


def agree_capacity(command: AgreeCapacity) -> list[Event]:
    if not all(NONE <= span <= DAY for span in command.weekdays):
        raise Refused("span_out_of_range", "A day takes from nothing to 24 hours.", ["weekdays"])
    return [CapacityAgreed(person=command.person, valid_from=command.valid_from, weekdays=command.weekdays)]


def book_person(state: ScheduleState, command: BookPerson) -> list[Event]:
    if command.last_on < command.first_on:
        raise Refused("ends_before_it_starts", "The last day lies before the first.", ["lastOn"])
    if (command.last_on - command.first_on).days >= LONGEST_DAYS:
        raise Refused("too_long", f"A booking lasts at most {LONGEST_DAYS} days.", ["lastOn"])
    if not NONE < command.per_day <= DAY:
        raise Refused("span_out_of_range", "A day takes more than nothing and at most 24 hours.", ["perDay"])
    if len(state.bookings) >= MOST_BOOKINGS:
        raise Refused("too_many_bookings", f"A person takes {MOST_BOOKINGS} bookings.")
    booked = PersonBooked(**msgspec.structs.asdict(command))
    over = excess_by_day(state, command.first_on, command.last_on, more=command.per_day)
    if not over:
        return [booked]
    excess = sum(over.values(), NONE)
    return [booked, PersonOvercommitted(days=len(over), first_on=min(over), excess=excess)]


def firm_booking(state: ScheduleState, command: FirmBooking) -> list[Event]:
    if _booked(state, command.booking).kind is BookingKind.HARD:
        raise Refused("already_firm", "The booking is settled already.", ["booking"])
    return [BookingFirmed(booking=command.booking)]


def release_booking(state: ScheduleState, command: ReleaseBooking) -> list[Event]:
    _booked(state, command.booking)
    return [BookingReleased(booking=command.booking, reason=command.reason)]


def _booked(state: ScheduleState, id_: UUID) -> Booking:
    booking = state.booking(id_)
    if booking is None:
        raise Refused("booking_not_found", "The person has no such booking.", ["booking"])
    if booking.status is not BookingStatus.BOOKED:
        raise Refused("already_released", "The booking is released already.", ["booking"])
    return booking


decider = Decider(
    noun="schedule",
    initial=ScheduleState(),
    commands=get_args(BookingCommand),
    events=get_args(BookingEvent),
    decide=decide,
    evolve=evolve,
    key=lambda command: command.person,
)
