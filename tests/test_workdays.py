"""Working hours as people may state them, and how they are stored."""

from __future__ import annotations

from datetime import date
from typing import Any
from zoneinfo import available_timezones

import msgspec
import pytest
from timetables import a_calendar, with_days

from pet_graph.events.base import Refused
from pet_graph.events.workdays import Calendar, Day, Window, check_version, zones

OFFICE = a_calendar("Europe/Rome", "09:00-13:00", "14:00-18:00", weekdays=5)
EPIPHANY = Day(date(2026, 1, 6), name="Epiphany", holiday=True)


def stated(**changes: Any) -> None:
    check_version(msgspec.structs.replace(OFFICE.versions[0], **changes))


def week(*windows: tuple[int, int]) -> tuple[tuple[Window, ...], ...]:
    return (tuple(Window(*window) for window in windows), *((),) * 6)


@pytest.mark.parametrize(
    ("changes", "code", "path"),
    [
        ({"zone": "Europe/Roma"}, "unknown_zone", ("zone",)),
        ({"zone": "../../etc/passwd"}, "unknown_zone", ("zone",)),
        ({"zone": ""}, "unknown_zone", ("zone",)),
        ({"week": ()}, "wrong_length", ("hours",)),
        ({"week": week((540, 540))}, "window_out_of_range", ("hours",)),
        ({"week": week((1440, 1500))}, "window_out_of_range", ("hours",)),
        ({"week": week((60, 1501))}, "window_out_of_range", ("hours",)),
        ({"week": week((-1, 60))}, "window_out_of_range", ("hours",)),
        ({"week": week((600, 700), (540, 601))}, "windows_overlap", ("hours",)),
        ({"days": (EPIPHANY, EPIPHANY)}, "date_repeated", ("exceptions", "1")),
        ({"days": (Day(date(2026, 1, 2), (Window(3, 2),)),)}, "window_out_of_range", ("exceptions", "0")),
        ({"week": week()}, "no_working_time", ("hours",)),
        ({"week": week(), "days": (Day(date(2026, 1, 2), (Window(1, 2),)),)}, "no_working_time", ("hours",)),
    ],
)
def test_hours_that_mean_nothing_are_refused(changes: dict[str, Any], code: str, path: tuple[str, ...]) -> None:
    with pytest.raises(Refused) as refused:
        stated(**changes)
    assert (refused.value.code, refused.value.path) == (code, path)


def test_split_shifts_night_shifts_and_the_whole_day_may_be_stated() -> None:
    stated()
    stated(week=week((0, 1440)))
    stated(week=week((540, 600), (600, 660), (1320, 1800)), days=(EPIPHANY, Day(date(2026, 1, 7), (Window(0, 1440),))))


def test_a_calendar_is_stored_in_few_characters() -> None:
    stored = msgspec.json.encode(with_days(OFFICE, EPIPHANY))
    assert stored == (
        b'{"versions":[{"version":1,"valid_from":"2026-06-01T12:00:00Z","zone":"Europe/Rome","week":'
        b"[[[540,780],[840,1080]],[[540,780],[840,1080]],[[540,780],[840,1080]],[[540,780],[840,1080]],"
        b'[[540,780],[840,1080]],[],[]],"days":[["2026-01-06",[],"Epiphany",true]]}]}'
    )
    assert msgspec.json.decode(stored, type=Calendar) == with_days(OFFICE, EPIPHANY)


def test_the_zones_are_those_that_everybody_knows() -> None:
    assert {"Europe/Rome", "Australia/Lord_Howe", "UTC"} <= zones()
    assert not zones() - available_timezones()
