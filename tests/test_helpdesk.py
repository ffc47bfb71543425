"""The helpdesk log judged in office hours: a count of minutes and the algebra of business time find the same."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from uuid import UUID

import helpdesk
import pytest
from conftest import shared_data
from helpdesk import CUSTOMER_ONLY, EVERYBODY, HOLIDAYS, OFFICE_TARGETS, TARGETS, YEARS, Count, Row, Rules
from timetables import a_calendar, with_days

from pet_graph.almanac import ProposeHolidaysOfCountry, of_country
from pet_graph.events import spans
from pet_graph.events.workdays import Calendar, Day


@pytest.fixture(scope="module")
def office_hours() -> Count:
    return helpdesk.office_hours()


@pytest.fixture(scope="module")
def office() -> Calendar:
    """As a person would set it up: the holidays of Italy, as they are proposed, all accepted."""
    proposed = of_country(ProposeHolidaysOfCountry(calendar=UUID(int=1), country="IT", years=tuple(YEARS)))
    days = (Day(holiday.on, (), holiday.name, holiday=True) for holiday in proposed.holidays)
    return with_days(a_calendar("Europe/Rome", "09:00-13:00", "14:00-18:00", weekdays=5), *days)


def algebra(office: Calendar) -> Count:
    def counted(start: float, end: float) -> float:
        begin, until = datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(end, UTC)
        return spans.elapsed(office, begin, (), until) / timedelta(seconds=1)

    return counted


def test_the_holidays_of_the_law_are_those_that_are_proposed(office: Calendar) -> None:
    """Besides Sundays, of which one in November is kept as a holiday too."""
    assert {day.on for day in office.versions[0].days if day.on.weekday() < 6} == {
        on for on in HOLIDAYS if on.weekday() < 6
    }


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        ("2012/06/01 08:00:00.000", "2012/06/01 09:30:00.000", 0.5),
        ("2012/06/01 12:00:00.000", "2012/06/01 15:00:00.000", 2),
        ("2012/06/01 17:00:00.000", "2012/06/04 10:00:00.000", 2),  # a Friday; Saturday is a holiday too
        ("2012/04/06 17:59:59.500", "2012/04/10 09:00:00.250", 0.75 / 3_600),  # over Easter
        ("2012/03/23 17:00:00.000", "2012/03/26 10:00:00.000", 2),  # over the night of the spring change
    ],
)
def test_office_hours_are_those_of_rome(office_hours: Count, start: str, end: str, hours: float) -> None:
    assert office_hours(helpdesk.seconds(start), helpdesk.seconds(end)) == pytest.approx(3_600 * hours, abs=1e-5)


def test_both_counts_agree_to_the_microsecond(office_hours: Count, office: Calendar) -> None:
    dice, counted = random.Random(4), algebra(office)
    first, last = (datetime(year, 1, 1, tzinfo=UTC).timestamp() for year in (2010, 2015))
    for _ in range(2_000):
        start = dice.uniform(first, last)
        end = start + dice.choice((60, 4_000, 90_000, 3e6, 3e7)) * dice.random()
        assert office_hours(start, end) == pytest.approx(counted(start, end), abs=2e-6), (start, end)


@pytest.mark.parametrize("targets", [TARGETS, OFFICE_TARGETS])
@pytest.mark.parametrize("paused_by", [EVERYBODY, CUSTOMER_ONLY])
def test_what_breached_in_office_hours_is_what_the_algebra_says(
    office_hours: Count, office: Calendar, targets: dict[str, dict[str, float]], paused_by: frozenset[str]
) -> None:
    rows: list[Row] = helpdesk.generated(400, seed=7)
    minutes = helpdesk.tally(rows, rules=Rules(office_hours, targets, paused_by))
    said = helpdesk.tally(rows, helpdesk.LAST, Rules(algebra(office), targets, paused_by))
    assert minutes.breaches == said.breaches
    assert minutes.breaches.total() > 100


def test_what_breached_in_the_real_log_is_what_the_algebra_says(office_hours: Count, office: Calendar) -> None:
    rows = helpdesk.read(shared_data("helpdesk/helpdesk_log.csv"))
    rules = Rules(office_hours, OFFICE_TARGETS, CUSTOMER_ONLY)
    found = helpdesk.tally(rows, rules=rules)
    said = helpdesk.tally(rows, helpdesk.LAST, Rules(algebra(office), OFFICE_TARGETS, CUSTOMER_ONLY))
    assert (found.breaches, found.customers) == (said.breaches, said.customers)
    assert found.breaches.total() == 835
