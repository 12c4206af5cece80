"""The recorder's zone, and digits of its wall clock."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from custom_components.nvr.core.clock import DeviceClock, fixed_zone, measure
from custom_components.nvr.core.drivers.dahua import mapping_time
from custom_components.nvr.core.drivers.dahua.mapping_time import WallClock
from custom_components.nvr.core.models import TimeSpan

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def rules(start: dict[str, int], end: dict[str, int], *, on: bool = True) -> dict[str, Any]:
    return {"DSTEnable": on, "DSTStart": start, "DSTEnd": end}


BY_WEEK = rules(
    {"Month": 3, "Week": -1, "Day": 0, "Hour": 2, "Minute": 0},
    {"Month": 10, "Week": -1, "Day": 0, "Hour": 3, "Minute": 0},
)


def test_zone_names_and_city_labels() -> None:
    assert mapping_time.load_zone("Europe/Berlin") == BERLIN
    assert mapping_time.load_zone("UTC") is not None
    for label in ("Berlin", "", "No/Where", "../../etc/passwd", "Newyork"):
        assert mapping_time.load_zone(label) is None
    assert mapping_time.zone_description({"TimeZoneDesc": " Europe/Berlin "}) == "Europe/Berlin"
    assert mapping_time.zone_description(None) == ""


@pytest.mark.parametrize(
    ("index", "minutes"), [("0", 0), ("4", 210), ("9", 345), ("19", 780), ("20", -60), ("25", -300), ("32", -720)]
)
def test_offsets_are_places_in_a_list(index: str, minutes: int) -> None:
    assert mapping_time.stated_offset({"TimeZone": index}) == timedelta(minutes=minutes)


@pytest.mark.parametrize("index", ["33", "-1", "x", ""])
def test_an_offset_that_is_none(index: str) -> None:
    assert mapping_time.stated_offset({"TimeZone": index}) is None
    assert mapping_time.ruled_zone(None, BY_WEEK) is None


def test_rules_of_summer_time_by_week_and_by_day() -> None:
    zone = mapping_time.ruled_zone(timedelta(hours=1), BY_WEEK)
    assert zone is not None
    moment = datetime(2026, 1, 1, 0, 30, tzinfo=UTC)
    while moment.year == 2026:
        assert moment.astimezone(zone).utcoffset() == moment.astimezone(BERLIN).utcoffset(), moment
        moment += timedelta(hours=7)
    dated = rules(
        {"Month": 3, "Week": 0, "Day": 29, "Hour": 2, "Minute": 0},
        {"Month": 10, "Week": 0, "Day": 25, "Hour": 3, "Minute": 0},
    )
    by_day = mapping_time.ruled_zone(timedelta(hours=1), dated)
    assert by_day is not None
    for moment in (datetime(2026, 3, 29, 0, 59, tzinfo=UTC), datetime(2026, 3, 29, 1, tzinfo=UTC)):
        assert moment.astimezone(by_day).utcoffset() == moment.astimezone(BERLIN).utcoffset()


@pytest.mark.parametrize(
    "broken",
    [
        {"Month": 13, "Week": 1, "Day": 0},
        {"Month": 3, "Week": 0, "Day": 0},
        {"Month": 3, "Week": 0, "Day": 32},
        {"Month": 3, "Week": 1, "Day": 7},
        {"Month": 3, "Week": 6, "Day": 0},
        {"Month": 3, "Week": -2, "Day": 0},
        {"Month": 3},
        {},
    ],
)
def test_rules_that_are_none_leave_the_offset(broken: dict[str, int]) -> None:
    assert mapping_time.ruled_zone(timedelta(hours=1), rules(broken, broken)) == fixed_zone(timedelta(hours=1))


def test_summer_time_switched_off() -> None:
    off = BY_WEEK | {"DSTEnable": False}
    assert mapping_time.ruled_zone(timedelta(hours=1), off) == fixed_zone(timedelta(hours=1))
    assert mapping_time.ruled_zone(timedelta(hours=1), None) == fixed_zone(timedelta(hours=1))


def test_the_clock_is_measured_in_the_zone_it_names() -> None:
    clock = measure("2026-11-21 13:07:00", BERLIN, NOW)
    assert (clock.zone, clock.skew) == (BERLIN, timedelta(minutes=7))
    assert measure("2026-11-21 12:00:00", BERLIN, NOW).zone == fixed_zone(timedelta(0))
    assert measure("", BERLIN, NOW) == DeviceClock(BERLIN, timedelta(0), NOW, measured=False)
    assert measure("", None, NOW).zone == fixed_zone(timedelta(0))


def test_digits_there_and_back() -> None:
    wall = WallClock(DeviceClock(BERLIN, timedelta(minutes=7), NOW))
    for utc in (NOW, datetime(2026, 7, 1, 12, tzinfo=UTC), datetime(2026, 3, 29, 5, tzinfo=UTC)):
        digits = wall.to_wall(utc)
        assert digits.tzinfo is None
        assert wall.from_wall(digits) == utc
    assert wall.to_wall(NOW) == datetime(2026, 11, 21, 13, 7)  # noqa: DTZ001 - wall digits have no zone
    assert wall.from_wall(wall.to_wall(NOW)) == NOW


def test_the_hour_that_occurs_twice() -> None:
    wall = WallClock(DeviceClock(BERLIN, timedelta(0), NOW))
    twice = datetime(2026, 10, 25, 2, 30)  # noqa: DTZ001 - wall digits have no zone
    first, second = datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert wall.from_wall(twice) == first
    assert wall.from_wall(twice, first) == first
    assert wall.from_wall(twice, first + timedelta(minutes=5)) == second
    assert wall.is_doubtful(twice)
    assert not wall.is_doubtful(twice + timedelta(hours=2))
    start, end = wall.window(TimeSpan(first, second + timedelta(milliseconds=1)))
    assert start == twice - timedelta(hours=1)
    assert end == twice + timedelta(hours=1, seconds=1)


def test_a_window_covers_its_span_in_whole_seconds() -> None:
    wall = WallClock(DeviceClock(fixed_zone(timedelta(hours=-5)), timedelta(0), NOW))
    span = TimeSpan(NOW + timedelta(milliseconds=400), NOW + timedelta(seconds=9, milliseconds=1))
    start, end = wall.window(span)
    assert (start.second, start.microsecond, end.second) == (0, 0, 10)
    assert wall.window(TimeSpan(NOW, NOW + timedelta(seconds=9)))[1].second == 9
