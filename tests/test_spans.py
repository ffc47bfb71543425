"""Spans and clocks under every circumstance: known vectors, and properties of any calendar, any pauses, any course.

`PET_TEST_CASES=10000` tries more of them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate, pairwise
from typing import Any
from zoneinfo import ZoneInfo

import minutes
import msgspec
import pytest
from conftest import NOON
from desk import (
    ANNUL,
    CLOCK,
    HOLD,
    HOUR,
    INSTANT,
    MOVE,
    REOPEN,
    RESOLUTION,
    RESOLVE,
    RESPOND,
    RESPONSE,
    RESUME,
    TICKET,
    Desk,
    a_desk,
    prioritise,
    sla,
)
from given import after
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_tickets import STATUS_AFTER
from timetables import a_calendar, with_days

from pet_graph.events.base import Command, Priority, Refused
from pet_graph.events.clocks import next_due_at
from pet_graph.events.policies import SlaTarget
from pet_graph.events.spans import Segment, SegmentKind, Span, business, elapsed, reached, remaining, segments
from pet_graph.events.tickets import CloseTicket, TicketStatus
from pet_graph.events.verdicts import (
    SlaBreached,
    SlaCancelled,
    SlaMet,
    SlaRestated,
    SlaStopped,
    SlaWarned,
    Verdict,
)
from pet_graph.events.workdays import Calendar, CalendarVersion, Day, Window, check_version

CASES = int(os.environ.get("PET_TEST_CASES", 500))
often = settings(max_examples=max(1, CASES * 2 // 5), print_blob=True, derandomize=False, deadline=None)
"""On failure hypothesis prints what reproduces it; each run tries other examples."""

in_each_case = settings(often, max_examples=CASES, suppress_health_check=[HealthCheck.too_slow])
in_some_cases = settings(in_each_case, max_examples=max(1, CASES // 5))

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
BUSINESS = SegmentKind.BUSINESS

# --- around the clock -------------------------------------------------------------------------------------------------

instants = st.integers(-300, 600).map(lambda seconds: after(seconds=seconds))
spans = st.integers(1, 600).map(lambda seconds: timedelta(seconds=seconds))
closed = st.tuples(instants, st.integers(-5, 200)).map(lambda one: Span(one[0], one[0] + one[1] * SECOND))
closed_pauses = st.lists(closed, max_size=6)
pauses = st.tuples(closed_pauses, st.none() | instants.map(Span)).map(lambda both: [*both[0], *filter(None, both[1:])])


def is_paused(pauses: list[Span], second: datetime) -> bool:
    return any(pause.start <= second and (pause.end is None or second < pause.end) for pause in pauses)


def count_seconds(pauses: list[Span], until: datetime) -> int:
    """From noon, one by one."""
    seconds = (NOON + number * SECOND for number in range(max(0, int((until - NOON) / SECOND))))
    return sum(not is_paused(pauses, second) for second in seconds)


@often
@given(pauses, instants)
def test_elapsed_is_what_counting_the_seconds_gives(pauses: list[Span], until: datetime) -> None:
    assert elapsed(None, NOON, pauses, until) == count_seconds(pauses, until) * SECOND


@often
@given(pauses, spans)
def test_reached_is_the_first_instant_at_which_the_target_is_counted(pauses: list[Span], target: timedelta) -> None:
    instant = reached(None, NOON, pauses, target)
    if instant is None:
        assert count_seconds(pauses, after(seconds=3_000)) * SECOND < target
    else:
        assert count_seconds(pauses, instant) * SECOND == target
        assert count_seconds(pauses, instant - SECOND) * SECOND == target - SECOND


def test_a_target_is_reached_at_the_beginning_of_the_pause_that_follows_it_and_never_after_an_open_one() -> None:
    assert reached(None, NOON, [Span(after(hours=1))], HOUR) == after(hours=1)
    assert reached(None, NOON, [Span(after(hours=1))], HOUR + SECOND) is None
    assert reached(None, NOON, [Span(after(hours=1), after(hours=3))], HOUR + SECOND) == after(hours=3) + SECOND


def test_around_the_clock_all_time_is_business_or_paused() -> None:
    pause = Span(after(hours=1), after(hours=2), "waiting for the customer")
    assert segments(None, NOON, [pause], after(hours=3)) == (
        Segment(NOON, after(hours=1), BUSINESS),
        Segment(after(hours=1), after(hours=2), SegmentKind.PAUSED, "waiting for the customer"),
        Segment(after(hours=2), after(hours=3), BUSINESS),
    )


# --- the vectors: known cases, to the second --------------------------------------------------------------------------

NEW_YORK, BERLIN, LORD_HOWE = "America/New_York", "Europe/Berlin", "Australia/Lord_Howe"
OFFICE = a_calendar(NEW_YORK, "09:00-17:00", weekdays=5)
NIGHTS = a_calendar(BERLIN, "22:00-30:00", weekdays=7)


def local(zone: str, text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


def due(calendar: Calendar, start: str, hours: float, *pauses: tuple[str, str]) -> str:
    """When so many hours from a local time are reached, as that place writes it."""
    zone = calendar.versions[-1].zone
    spans = [Span(local(zone, begin), local(zone, end)) for begin, end in pauses]
    instant = reached(calendar, local(zone, start), spans, hours * HOUR)
    assert instant is not None
    assert elapsed(calendar, local(zone, start), spans, instant) == hours * HOUR
    return instant.astimezone(ZoneInfo(zone)).isoformat()


def test_vector_1_an_hour_that_spans_a_weekend() -> None:
    assert due(OFFICE, "2026-01-30T16:30", 1) == "2026-02-02T09:30:00-05:00"


def test_vector_2_around_the_clock_in_the_night_of_spring() -> None:
    assert due(a_calendar(BERLIN, "00:00-24:00"), "2026-03-28T22:00", 8) == "2026-03-29T07:00:00+02:00"


def test_vector_3_around_the_clock_in_the_night_of_autumn() -> None:
    assert due(a_calendar(BERLIN, "00:00-24:00"), "2026-10-24T22:00", 8) == "2026-10-25T05:00:00+01:00"


def test_vector_4_the_night_shift_of_spring_has_seven_hours() -> None:
    assert due(NIGHTS, "2026-03-28T22:00", 8) == "2026-03-29T23:00:00+02:00"


def test_vector_5_the_night_shift_of_autumn_has_nine_hours() -> None:
    assert due(NIGHTS, "2026-10-24T22:00", 8) == "2026-10-25T05:00:00+01:00"


def test_vector_6_a_holiday_after_a_weekend() -> None:
    memorial_day = Day(date(2026, 5, 25), name="Memorial Day", holiday=True)
    assert due(with_days(OFFICE, memorial_day), "2026-05-22T16:00", 2) == "2026-05-26T10:00:00-04:00"


def test_vector_7_a_split_shift() -> None:
    shifts = a_calendar(BERLIN, "08:00-12:00", "13:30-18:00", weekdays=5)
    assert due(shifts, "2026-06-01T11:30", 1) == "2026-06-01T14:00:00+02:00"


def test_vector_8_a_pause_over_a_weekend_costs_business_hours_only() -> None:
    pause = ("2026-06-05T16:00", "2026-06-08T10:00")
    assert due(OFFICE, "2026-06-05T15:00", 4, pause) == "2026-06-08T13:00:00-04:00"


def test_vector_9_two_pauses_in_one_day() -> None:
    pauses = ("2026-06-01T10:00", "2026-06-01T11:00"), ("2026-06-01T13:00", "2026-06-01T15:00")
    assert due(OFFICE, "2026-06-01T09:00", 6, *pauses) == "2026-06-02T10:00:00-04:00"


def test_vector_10_a_target_that_ends_exactly_at_closing_time() -> None:
    assert due(OFFICE, "2026-06-01T09:00", 8) == "2026-06-01T17:00:00-04:00"


def test_vector_11_a_change_of_half_an_hour() -> None:
    assert due(a_calendar(LORD_HOWE, "00:00-24:00"), "2026-04-04T22:00", 8) == "2026-04-05T05:30:00+10:30"


def test_vector_12_a_calendar_without_working_time_is_refused_and_never_loops() -> None:
    never = a_calendar(BERLIN)
    with pytest.raises(Refused, match="No weekday has working time"):
        check_version(never.versions[0])
    assert reached(never, NOON, [], SECOND) is None
    assert elapsed(never, NOON, [], after(days=9_999)) == timedelta()


# --- single rules -----------------------------------------------------------------------------------------------------


def told(calendar: Calendar, start: str, until: str, *pauses: Span) -> list[str]:
    """The segments between two local times, each in a line."""
    zone = calendar.versions[-1].zone
    return [
        f"{one.start.astimezone(ZoneInfo(zone)):%d %H:%M}-{one.end.astimezone(ZoneInfo(zone)):%d %H:%M} "
        f"{one.kind} {one.name} {one.calendar_version}".replace("  ", " ")
        for one in segments(calendar, local(zone, start), pauses, local(zone, until))
    ]


def test_segments_tell_of_business_closing_holidays_and_pauses() -> None:
    days = (
        Day(date(2026, 5, 25), name="Memorial Day", holiday=True),
        Day(date(2026, 5, 26), (Window(720, 1020),), "Team day"),
    )
    zone = ZoneInfo(NEW_YORK)
    pause = Span(datetime(2026, 5, 26, 16, tzinfo=zone), datetime(2026, 5, 27, 10, tzinfo=zone), "customer")
    assert told(with_days(OFFICE, *days), "2026-05-22T16:00", "2026-05-27T10:30", pause) == [
        "22 16:00-22 17:00 business 1",
        "22 17:00-25 09:00 closed 1",
        "25 09:00-25 17:00 holiday Memorial Day 1",
        "25 17:00-26 09:00 closed 1",
        "26 09:00-26 12:00 closed Team day 1",
        "26 12:00-26 16:00 business 1",
        "26 16:00-26 17:00 paused customer 1",
        "26 17:00-27 09:00 closed 1",
        "27 09:00-27 10:00 paused customer 1",
        "27 10:00-27 10:30 business 1",
    ]


def test_of_two_pauses_at_once_the_one_that_began_first_gives_its_reason() -> None:
    zone = ZoneInfo(NEW_YORK)
    noon = datetime(2026, 6, 1, 12, tzinfo=zone)
    first, second = Span(noon, noon + HOUR, "customer"), Span(noon + HOUR / 2, noon + 2 * HOUR, "supplier")
    assert told(OFFICE, "2026-06-01T12:00", "2026-06-01T14:00", second, first) == [
        "01 12:00-01 13:00 paused customer 1",
        "01 13:00-01 14:00 paused supplier 1",
    ]


def test_each_version_counts_in_its_own_time() -> None:
    summer = a_calendar(NEW_YORK, "08:00-12:00", weekdays=5, version=2, valid_from=local(NEW_YORK, "2026-06-03T00:00"))
    both = Calendar(OFFICE.versions + summer.versions)
    assert due(both, "2026-06-02T16:00", 2) == "2026-06-03T09:00:00-04:00"
    assert due(both, "2026-06-01T09:00", 24) == "2026-06-04T12:00:00-04:00"
    assert told(both, "2026-06-02T16:00", "2026-06-03T09:00") == [
        "02 16:00-02 17:00 business 1",
        "02 17:00-03 00:00 closed 1",
        "03 00:00-03 08:00 closed 2",
        "03 08:00-03 09:00 business 2",
    ]


def test_the_first_version_holds_before_it_was_stated() -> None:
    assert (
        due(a_calendar(NEW_YORK, "09:00-17:00", valid_from=NOON), "1999-01-04T09:00", 1) == "1999-01-04T10:00:00-05:00"
    )


def test_a_holiday_takes_the_night_shift_that_begins_on_it_and_not_the_one_that_ends_on_it() -> None:
    calendar = with_days(NIGHTS, Day(date(2026, 6, 2), name="Republic Day", holiday=True))
    assert told(calendar, "2026-06-02T00:00", "2026-06-03T23:00") == [
        "02 00:00-02 06:00 business 1",
        "02 06:00-02 22:00 closed 1",
        "02 22:00-03 06:00 holiday Republic Day 1",
        "03 06:00-03 22:00 closed 1",
        "03 22:00-03 23:00 business 1",
    ]


def test_a_window_that_the_clocks_jump_over_is_nothing() -> None:
    calendar = a_calendar(BERLIN, "02:15-03:05")
    assert business(calendar, local(BERLIN, "2026-03-29T00:00"), local(BERLIN, "2026-03-30T00:00")) == []


def test_a_date_that_a_zone_never_had_has_no_hours() -> None:
    friday_only = Calendar((CalendarVersion(1, NOON, "Pacific/Apia", ((),) * 4 + ((Window(540, 1020),),) + ((),) * 2),))
    assert due(friday_only, "2011-12-29T12:00", 1) == "2012-01-06T10:00:00+14:00"


def test_little_working_time_is_counted_to_the_end_or_given_up_with_none() -> None:
    minute_a_week = Calendar((CalendarVersion(1, NOON, BERLIN, ((Window(0, 1),),) + ((),) * 6),))
    assert due(minute_a_week, "2026-06-02T00:00", 1) == "2027-07-26T00:01:00+02:00"
    assert reached(minute_a_week, NOON, [], timedelta(days=366)) is None
    assert elapsed(OFFICE, datetime.min.replace(tzinfo=UTC), [], datetime(1970, 1, 1, tzinfo=UTC)) == timedelta()
    assert elapsed(OFFICE, datetime(2099, 12, 31, tzinfo=UTC), [], datetime.max.replace(tzinfo=UTC)) == 8 * HOUR


def test_a_target_of_years_is_exact() -> None:
    assert due(OFFICE, "2026-01-05T09:00", 52 * 5 * 8 * 3) == "2028-12-29T17:00:00-05:00"


def test_a_warning_is_counted_backwards_on_the_same_clock() -> None:
    start, target = local(NEW_YORK, "2026-06-05T15:00"), 4 * HOUR
    assert due(OFFICE, "2026-06-05T15:00", 4) == "2026-06-08T11:00:00-04:00"
    warning = reached(OFFICE, start, [], target - 3 * HOUR)
    assert warning == local(NEW_YORK, "2026-06-05T16:00"), "three business hours before, not three hours"
    assert remaining(OFFICE, start, [], target, warning) == 3 * HOUR
    assert remaining(OFFICE, start, [], target, local(NEW_YORK, "2026-06-08T12:00")) == -HOUR


def test_nothing_is_reached_at_once_and_nothing_has_segments() -> None:
    assert reached(OFFICE, NOON, [], timedelta()) == NOON
    assert segments(OFFICE, NOON, [], NOON) == segments(OFFICE, NOON, [], after(hours=-1)) == ()


# --- any calendar, any pauses -----------------------------------------------------------------------------------------

PLACES = [
    (BERLIN, date(2026, 3, 29)),
    (BERLIN, date(2026, 10, 25)),
    (NEW_YORK, date(2026, 3, 8)),
    (NEW_YORK, date(2026, 11, 1)),
    (LORD_HOWE, date(2026, 4, 5)),
    (LORD_HOWE, date(2026, 10, 4)),
    ("America/Sao_Paulo", date(2018, 11, 4)),
    ("Pacific/Apia", date(2011, 12, 30)),
    ("Asia/Kathmandu", date(2026, 1, 1)),
    ("UTC", date(2028, 2, 29)),
]
"""Zones whose clocks are moved by an hour, by half an hour, at midnight, by a day, and not at all; and when."""

USUAL = [((540, 1020),), ((480, 720), (810, 1080)), ((1320, 1800),), ((0, 1440),), ((120, 180),)]
any_window = st.builds(lambda begin, length: (begin, begin + length), st.integers(0, 1439), st.integers(1, 1440))
some_windows = st.sampled_from(USUAL) | st.lists(any_window, min_size=1, max_size=2).map(tuple)
a_minute = st.integers(0, minutes.LENGTH)


@dataclass(frozen=True)
class Case:
    """A calendar twice: as PET knows it, and as it is counted minute by minute."""

    origin: datetime
    calendar: Calendar | None
    plain: list[tuple[int, minutes.Hours]] = field(repr=False)

    @property
    def counted(self) -> list[bool]:
        return minutes.business(self.plain, self.origin)

    def at(self, minute: int) -> datetime:
        return self.origin + minute * MINUTE


@st.composite
def cases(draw: st.DrawFn) -> Case:
    zone, on = draw(st.sampled_from(PLACES))
    origin = datetime(on.year, on.month, on.day, tzinfo=UTC) - timedelta(days=4)
    nearby = st.integers(-1, minutes.DAYS).map(lambda days: origin.date() + timedelta(days=days))
    versions, plain = [], []
    for number, since in enumerate([-1, *sorted(draw(st.sets(a_minute, max_size=2)))], 1):
        one, other, weekdays = draw(some_windows), draw(st.just(()) | some_windows), draw(st.integers(1, 127))
        week = [one if weekdays >> number & 1 else other for number in range(7)]
        days = draw(st.dictionaries(nearby, st.sampled_from([(), one, other, ((600, 700),)]), max_size=2))
        plain.append((since, minutes.Hours(zone, week, days)))
        dated = [Day(on, tuple(Window(*one) for one in given), "Feast", not given) for on, given in days.items()]
        stated = tuple(tuple(Window(*one) for one in given) for given in week)
        versions.append(CalendarVersion(number, origin + since * MINUTE, zone, stated, tuple(dated)))
    return Case(origin, Calendar(tuple(versions)), plain)


ended = st.tuples(a_minute, st.integers(0, 3_000)).map(lambda one: (one[0], one[0] + one[1]))
pauses_in_minutes = st.lists(ended | st.tuples(a_minute, st.none()), max_size=12)
microseconds = st.integers(0, minutes.LENGTH * 60_000_000)


def as_spans(case: Case, pauses: list[tuple[int, int | None]]) -> list[Span]:
    return [Span(case.at(begin), None if end is None else case.at(end)) for begin, end in pauses]


@in_each_case
@given(cases(), pauses_in_minutes, a_minute, a_minute)
def test_elapsed_is_what_counting_the_minutes_gives(case: Case, pauses: Any, start: int, until: int) -> None:
    counted = minutes.without(case.counted, pauses)
    spent = elapsed(case.calendar, case.at(start), as_spans(case, pauses), case.at(until))
    assert spent == sum(counted[start:until]) * MINUTE


@in_each_case
@given(cases(), pauses_in_minutes, a_minute, st.integers(1, 4_000))
def test_reached_is_the_minute_that_counting_gives(case: Case, pauses: Any, start: int, target: int) -> None:
    minute = minutes.minute_reached(minutes.without(case.counted, pauses), start, target)
    instant = reached(case.calendar, case.at(start), as_spans(case, pauses), target * MINUTE)
    assert instant == case.at(minute) if minute is not None else instant is None or instant > case.at(minutes.LENGTH)


@in_each_case
@given(cases(), pauses_in_minutes, a_minute, a_minute)
def test_segments_leave_no_microsecond_out_and_say_what_counting_says(
    case: Case, pauses: Any, start: int, until: int
) -> None:
    told = segments(case.calendar, case.at(start), as_spans(case, pauses), case.at(until))
    if start < until:
        assert (told[0].start, told[-1].end) == (case.at(start), case.at(until))
    assert all(one.end == other.start for one, other in pairwise(told))
    open_minutes = case.counted
    left = minutes.without(open_minutes, pauses)
    for one in told:
        begin, end = (int((instant - case.origin) / MINUTE) for instant in (one.start, one.end))
        is_business, is_counted = one.kind in (BUSINESS, SegmentKind.PAUSED), one.kind is BUSINESS
        assert set(open_minutes[begin:end]) == {is_business}
        assert not is_business or set(left[begin:end]) == {is_counted}


@in_each_case
@given(cases(), pauses_in_minutes, st.lists(a_minute, max_size=8, unique=True))
def test_what_is_reopened_counts_the_minutes_of_its_cycles(case: Case, pauses: Any, points: list[int]) -> None:
    """Opened, resolved, reopened, resolved ...: each cycle counts for itself, and together they are what was open."""
    points.sort()
    cycles = [*zip(points[::2], points[1::2], strict=False)]
    spans = as_spans(case, pauses)
    spent = [elapsed(case.calendar, case.at(start), spans, case.at(stop)) for start, stop in cycles]
    left = minutes.without(case.counted, pauses)
    assert spent == [sum(left[start:stop]) * MINUTE for start, stop in cycles]
    resolved = [Span(case.at(stop), case.at(start)) for stop, start in zip(points[1::2], points[2::2], strict=False)]
    if len(points) >= 2:
        last = case.at(points[len(cycles) * 2 - 1])
        assert elapsed(case.calendar, case.at(points[0]), [*spans, *resolved], last) == sum(spent, timedelta())


@in_each_case
@given(cases(), st.lists(st.tuples(microseconds, microseconds), max_size=6), microseconds, st.integers(1, 10**11))
def test_what_has_elapsed_when_a_target_is_reached_is_the_target(
    case: Case, pauses: list[tuple[int, int]], start: int, target: int
) -> None:
    begin, spans = case.origin + start * INSTANT, [Span(*(case.origin + one * INSTANT for one in p)) for p in pauses]
    instant = reached(case.calendar, begin, spans, target * INSTANT)
    if instant is None:
        assert elapsed(case.calendar, begin, spans, datetime(2100, 1, 1, tzinfo=UTC)) < target * INSTANT
    else:
        assert elapsed(case.calendar, begin, spans, instant) == target * INSTANT
        assert elapsed(case.calendar, begin, spans, instant - INSTANT) == (target - 1) * INSTANT


@in_each_case
@given(st.none() | cases(), pauses_in_minutes, a_minute, st.lists(microseconds, min_size=2, max_size=6))
def test_time_never_runs_backwards_nor_faster_than_the_clock_and_is_the_sum_of_its_parts(
    case: Case | None, pauses: Any, start: int, points: list[int]
) -> None:
    case = case or AROUND_THE_CLOCK
    spans, begin = as_spans(case, pauses), case.at(start)
    instants = [case.origin + point * INSTANT for point in sorted(points)]
    spent = [elapsed(case.calendar, begin, spans, instant) for instant in instants]
    for (one, other), (earlier, later) in zip(pairwise(spent), pairwise(instants), strict=True):
        assert timedelta() <= other - one <= later - earlier
        if earlier >= begin:
            assert elapsed(case.calendar, earlier, spans, later) == other - one


@in_each_case
@given(st.none() | cases(), pauses_in_minutes, a_minute, st.integers(1, 4_000), st.tuples(a_minute, a_minute))
def test_a_pause_never_moves_a_deadline_earlier(
    case: Case | None, pauses: Any, start: int, target: int, pause: tuple[int, int]
) -> None:
    case = case or AROUND_THE_CLOCK
    without = reached(case.calendar, case.at(start), as_spans(case, pauses), target * MINUTE)
    with_it = reached(case.calendar, case.at(start), as_spans(case, [*pauses, pause]), target * MINUTE)
    assert with_it is None or (without is not None and without <= with_it)


@in_each_case
@given(cases(), pauses_in_minutes, a_minute, st.integers(1, 4_000), a_minute, st.integers(1, 2_000))
def test_a_pause_outside_business_time_moves_nothing(
    case: Case, pauses: Any, start: int, target: int, begin: int, length: int
) -> None:
    idle = [
        Span(one.start, one.end)
        for one in segments(case.calendar, case.at(begin), [], case.at(begin + length))
        if one.kind is not BUSINESS
    ]
    spans = as_spans(case, pauses)
    assert reached(case.calendar, case.at(start), [*idle, *spans], target * MINUTE) == reached(
        case.calendar, case.at(start), spans, target * MINUTE
    )


@in_some_cases
@given(cases(), pauses_in_minutes, a_minute, a_minute, st.randoms(use_true_random=False))
def test_neither_order_nor_overlap_of_pauses_nor_the_zone_of_an_instant_matters(
    case: Case, pauses: Any, start: int, until: int, random: Any
) -> None:
    spans = as_spans(case, pauses)
    mixed = [*spans, *spans]
    random.shuffle(mixed)
    zone = ZoneInfo(case.calendar.versions[0].zone)
    assert elapsed(case.calendar, case.at(start), spans, case.at(until)) == elapsed(
        case.calendar, case.at(start).astimezone(zone), mixed, case.at(until).astimezone(zone)
    )


@in_some_cases
@given(cases(), a_minute, a_minute)
def test_a_calendar_is_the_same_after_it_was_stored(case: Case, start: int, until: int) -> None:
    stored = msgspec.json.decode(msgspec.json.encode(case.calendar), type=Calendar)
    assert stored == case.calendar
    assert segments(stored, case.at(start), [], case.at(until)) == segments(
        case.calendar, case.at(start), [], case.at(until)
    )


AROUND_THE_CLOCK = Case(NOON, None, [])

# --- courses of a ticket ----------------------------------------------------------------------------------------------

TARGETS = {
    Priority.LOW: {RESOLUTION: 90},
    Priority.NORMAL: {RESPONSE: 20, RESOLUTION: 80},
    Priority.HIGH: {RESPONSE: 10, RESOLUTION: 40},
}
"""Minutes that are promised; for urgent tickets, nothing."""

COMMANDS: list[Command] = [
    RESPOND,
    HOLD,
    MOVE,
    RESUME,
    RESOLVE,
    REOPEN,
    CloseTicket(ticket=TICKET),
    ANNUL,
    CLOCK,
    *map(prioritise, Priority),
]
some = st.sampled_from(COMMANDS)
in_order = st.lists(st.tuples(some, st.integers(0, 40)), max_size=25).map(
    lambda steps: list(zip([one for one, _ in steps], accumulate(gap for _, gap in steps), strict=True))
)
in_any_order = st.lists(st.tuples(some, st.integers(-60, 300)), max_size=25)
Steps = list[tuple[Command, int]]


def a_firm() -> Desk:
    minutes = timedelta(minutes=1)
    targets = (
        SlaTarget(priority, *(kinds[kind] * minutes if kind in kinds else None for kind in (RESPONSE, RESOLUTION)))
        for priority, kinds in TARGETS.items()
    )
    return a_desk(*targets, warn_at_percent=(50, 75))


def play(steps: Steps) -> Desk:
    """Ask for everything at its minute, and check what must hold after every step; refusals are passed over."""
    desk = a_firm()
    for command, minute in steps:
        status = desk.look("ticket", TICKET).status
        try:
            facts = desk.ask(command, at=after(minutes=minute))
        except Refused:
            assert desk.look("ticket", TICKET).status is status
            continue
        of_the_ticket = [fact for fact in facts if fact.stream.startswith("ticket-")]
        expected = STATUS_AFTER.get(type(of_the_ticket[0].event), status) if of_the_ticket else status
        assert desk.look("ticket", TICKET).status is expected
        check_clocks(desk)
    return desk


def check_clocks(desk: Desk) -> None:
    state = sla(desk)
    on_hold = desk.look("ticket", TICKET).status is TicketStatus.ON_HOLD
    assert {clock.paused for clock in state.running} <= {on_hold}
    assert len({clock.kind for clock in state.running}) == len(state.running)
    for clock in state.clocks:
        assert clock.elapsed >= timedelta()
        assert clock.ended_elapsed is None or clock.ended_elapsed >= timedelta()
        assert clock.stopped_at is None or clock.stopped_at >= clock.started_at


def said_of_each_clock(desk: Desk) -> dict[tuple[Any, int], list[type]]:
    said: dict[tuple[Any, int], list[type]] = {}
    for fact in desk.facts:
        if isinstance(fact.event, Verdict):
            said.setdefault((fact.event.kind, fact.event.cycle), []).append(type(fact.event))
    return said


@often
@given(in_order | in_any_order)
def test_each_clock_gets_one_verdict_at_most_and_none_after_its_end(steps: Steps) -> None:
    for said in said_of_each_clock(play(steps)).values():
        verdict = [one for one in said if one not in (SlaWarned, SlaRestated)]
        assert verdict in ([], [SlaMet], [SlaCancelled], [SlaBreached], [SlaBreached, SlaStopped])
        before_it = said.index(verdict[0]) if verdict else len(said)
        assert SlaRestated not in said[:before_it]


@often
@given(in_order)
def test_what_is_told_in_order_is_never_restated_and_nothing_falls_due_before_it(steps: Steps) -> None:
    desk = play(steps)
    assert SlaRestated not in {type(fact.event) for fact in desk.facts}
    instants = [fact.occurred_at for fact in desk.facts if isinstance(fact.event, SlaWarned | SlaBreached)]
    assert instants == sorted(instants)
    due_at = next_due_at(sla(desk))
    assert due_at is None or not instants or due_at >= instants[-1]


class Minutes:
    """The same promises, counted minute by minute by somebody who has never heard of spans."""

    def __init__(self) -> None:
        self.priority, self.status, self.responded = Priority.NORMAL, "open", False
        self.counts: dict[Any, int] = {}
        self.cycles: dict[Any, int] = {}
        self.breached: dict[Any, int] = {}
        self.broken: set[Any] = set()
        self.promised: dict[Any, int] = {}
        self.begin(RESPONSE, RESOLUTION)

    def begin(self, *kinds: Any) -> None:
        for kind in kinds:
            if kind in TARGETS.get(self.priority, {}) and kind not in self.counts:
                self.counts[kind] = 0
                self.cycles[kind] = self.cycles.get(kind, 0) + 1
                self.promised[kind] = TARGETS[self.priority][kind]

    def end(self, *kinds: Any) -> None:
        for kind in kinds:
            self.counts.pop(kind, None)
            self.broken.discard(kind)

    def happens(self, event: str, priority: Priority | None = None) -> None:
        if event == "TicketPrioritised" and priority:
            self.priority = priority
            targets = TARGETS.get(priority, {})
            self.end(*(kind for kind in [*self.counts] if kind not in targets and kind not in self.broken))
            self.promised |= {kind: span for kind, span in targets.items() if kind not in self.broken}
            self.begin(*([RESOLUTION] if self.responded else [RESPONSE, RESOLUTION]))
        elif event == "TicketReopened":
            self.begin(RESOLUTION)
        elif event in ("TicketResponded", "TicketResolved", "TicketAnnulled"):
            self.responded = True
            self.end(RESPONSE, *([] if event == "TicketResponded" else [RESOLUTION]))
        changes = {"TicketHeld": "held", "TicketResumed": "open", "TicketResolved": "done", "TicketReopened": "open"}
        self.status = changes.get(event, self.status)

    def judge(self, minute: int) -> None:
        for kind, count in self.counts.items():
            if kind not in self.broken and count >= self.promised[kind]:
                self.breached[kind, self.cycles[kind]] = minute
                self.broken.add(kind)

    def tick(self) -> None:
        if self.status == "open":
            self.counts = {kind: count + 1 for kind, count in self.counts.items()}


@often
@given(in_order)
def test_the_breaches_are_those_that_counting_the_minutes_gives(steps: Steps) -> None:
    desk = play([*steps, (CLOCK, 2_000)])
    by_minute = Minutes()
    happened = [fact for fact in desk.facts if fact.stream.startswith("ticket-") and fact.type != "TicketOpened"]
    for minute in range(2_001):
        for fact in happened:
            if fact.occurred_at == after(minutes=minute):
                by_minute.happens(fact.type, getattr(fact.event, "priority", None))
        by_minute.judge(minute)
        by_minute.tick()
    breaches = [fact for fact in desk.facts if isinstance(fact.event, SlaBreached)]
    assert {(fact.event.kind, fact.event.cycle): fact.occurred_at for fact in breaches} == {
        which: after(minutes=minute) for which, minute in by_minute.breached.items()
    }
    assert len(breaches) == len(by_minute.breached)


def test_the_courses_reach_every_verdict() -> None:
    """A precondition of the properties above: what they are asked about does occur."""
    desk = play([(HOLD, 5), (RESUME, 10), (RESPOND, 21), (prioritise(Priority.HIGH), 30), (RESOLVE, 60), (REOPEN, 70)])
    assert set(said_of_each_clock(desk)) == {(RESPONSE, 1), (RESOLUTION, 1)}
    assert said_of_each_clock(desk)[RESOLUTION, 1] == [SlaWarned, SlaWarned, SlaBreached, SlaStopped]
    assert said_of_each_clock(desk)[RESPONSE, 1] == [SlaWarned, SlaWarned, SlaMet]
