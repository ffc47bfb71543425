"""What clients may ask about bookings of people."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated

import strawberry

from ..events import bookings
from ..projections.answers import Given
from ..projections.bookings import OVERCOMMITMENTS
from ..schema.bookings import Booking, BookingFilter, BookingOrder, BookingRecorded, BookingResult, Overcommitment
from ..schema.connections import MOST, Connection
from ..schema.links import find, listing, rows
from ..schema.nodes import bad_input, check_count, id_of
from .base import mutation

LONGEST = timedelta(days=366)


def _days(
    first_on: Annotated[date, strawberry.argument(description="The first day to look at.")],
    last_on: Annotated[date, strawberry.argument(description="The last day, at most 366 days later.")],
    first: Annotated[int, strawberry.argument(description="The first so many days, 1 to 100.")],
    person: Annotated[list[strawberry.ID] | None, strawberry.argument(description="Only of these people.")] = None,
) -> Given:
    check_count("first", first, MOST)
    if last_on - first_on > LONGEST:
        raise bad_input(f"From {first_on} to {last_on} it is more than {LONGEST.days} days.")
    return Given((first_on, last_on, None if person is None else [id_of("Person", one) for one in person], first))


@strawberry.type
class BookingQueries:
    booking: Booking | None = find("bookings", description="One booking; null when there is none of this id.")
    bookings: Connection[Booking] = listing(
        "bookings", filter=BookingFilter, order=BookingOrder, description="Bookings of all people, page by page."
    )

    overcommitments: list[Overcommitment] = rows(
        OVERCOMMITMENTS,
        _days,
        description="Days on which people are booked for more than they can work, the worst first.",
    )


@strawberry.type
class BookingCommands:
    agree_capacity: BookingResult = mutation(bookings.AgreeCapacity, BookingRecorded, BookingResult)
    book_person: BookingResult = mutation(bookings.BookPerson, BookingRecorded, BookingResult)
    firm_booking: BookingResult = mutation(bookings.FirmBooking, BookingRecorded, BookingResult)
    release_booking: BookingResult = mutation(bookings.ReleaseBooking, BookingRecorded, BookingResult)
