"""The recorder's zone, and digits of its wall clock."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from custom_components.nvr.core.clock import DeviceClock, fixed_zone, measure
from custom_components.nvr.core.drivers.dahua import mapping_time
from custom_components.nvr.core.drivers.dahua.mapping_time import Passes, WallClock
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


# Berlin: 02:00 to 03:00 occurs twice; Lord Howe, half an hour: 01:30 to 02:00.
CHANGE = datetime(2026, 10, 25, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
TWICE = WallClock(DeviceClock(BERLIN, timedelta(0), NOW))
HALF = WallClock(DeviceClock(ZoneInfo("Australia/Lord_Howe"), timedelta(0), NOW))


def wall(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-10-25T{text}")


def around(start: float, end: float) -> TimeSpan:
    """Return a span in minutes from the change."""
    return TimeSpan(CHANGE + start * MINUTE, CHANGE + end * MINUTE)


@pytest.mark.parametrize(
    ("start", "end", "part", "whole"),
    [
        ("02:00", "03:00", (0, 60), (0, 60)),
        ("02:00", "02:00", (-60, 0), (-60, 0)),
        ("02:00", "02:00", (-3, 0), (-60, 0)),
        ("02:10", "02:40", (10, 40), (10, 40)),
        ("02:10", "02:40", (-30, -25), (-50, -20)),
        ("02:40", "02:20", (5, 10), (-20, 20)),
        ("01:50", "02:20", (-65, -40), (-70, -40)),
        ("02:50", "03:20", (50, 80), (50, 80)),
        # Two hours in one file, known whole.
        ("02:00", "03:00", (-60, 60), (-60, 60)),
        # The clock was read anew: two seconds off.
        ("02:10", "02:40", (9.96, 39.96), (10, 40)),
        # None of both.
        ("02:10", "02:40", (200, 210), (-50, -20)),
    ],
)
def test_the_file_of_which_a_part_is_known(
    start: str, end: str, part: tuple[float, float], whole: tuple[float, float]
) -> None:
    assert TWICE.span_of(wall(start), wall(end), around(*part)) == around(*whole)


def test_the_file_of_a_part_on_other_days_and_where_half_an_hour_is_saved() -> None:
    start, end = (each.replace(tzinfo=None) for each in (NOW, NOW + 30 * MINUTE))
    part = TimeSpan(NOW + 4 * MINUTE - timedelta(hours=1), NOW + 5 * MINUTE - timedelta(hours=1))
    assert TWICE.span_of(start, end, part) == TimeSpan(NOW - 60 * MINUTE, NOW - 30 * MINUTE)
    change = datetime(2026, 4, 4, 15, tzinfo=UTC)
    digits = HALF.to_wall(change + 10 * MINUTE), HALF.to_wall(change + 40 * MINUTE)
    truth = TimeSpan(change + 10 * MINUTE, change + 40 * MINUTE)
    assert HALF.span_of(*digits, TimeSpan(truth.start + MINUTE, truth.end)) == truth
    first = TimeSpan(change - 20 * MINUTE, change)
    assert HALF.span_of(HALF.to_wall(first.start), HALF.to_wall(first.end), first) == first


def test_the_ends_of_a_span_that_mean_one_moment_each() -> None:
    assert TWICE.is_plain(around(-90, -61))
    assert TWICE.is_plain(around(60, 90))
    assert not TWICE.is_plain(around(-90, -50))
    assert not TWICE.is_plain(around(50, 90))


@pytest.mark.parametrize("minutes", [1, 60, 61, 110])
def test_a_window_behind_the_hour_begins_before_it(minutes: int) -> None:
    start, _ = TWICE.window(around(minutes, 200))
    assert start < wall("02:00")
    assert TWICE.window(around(181, 200))[0] == wall("05:01")
    change = datetime(2026, 4, 4, 15, tzinfo=UTC)
    start, _ = HALF.window(TimeSpan(change + minutes * MINUTE, change + 200 * MINUTE))
    assert start < HALF.to_wall(change) - MINUTE


def test_what_stands_in_a_list_is_read_in_order() -> None:
    passes = Passes(TWICE)
    # Half a minute out of order is no clock that was put back.
    told = ["01:50:00", "02:10:00", "02:09:30", "02:40:00", "02:10:00", "02:10:00", "02:50:00", "03:10:00"]
    minutes = [(passes.read(wall(each)) - CHANGE) / MINUTE for each in told]
    assert minutes == [-70, -50, -50.5, -20, 10, 10, 50, 70]


@pytest.mark.parametrize("skew", [0, 7, -9])
def test_a_recorder_that_tells_its_utc_is_believed_the_pass(skew: int) -> None:
    clock = WallClock(DeviceClock(BERLIN, skew * MINUTE, NOW))
    for minutes in (-30, 30):
        moment = CHANGE + minutes * MINUTE
        digits = clock.to_wall(moment)
        assert Passes(clock).read(digits, moment + skew * MINUTE) == moment
        # A UTC that is none of both tells nothing.
        assert Passes(clock).read(digits, moment + 5 * 60 * MINUTE) == CHANGE - 30 * MINUTE


def test_a_window_covers_its_span_in_whole_seconds() -> None:
    wall = WallClock(DeviceClock(fixed_zone(timedelta(hours=-5)), timedelta(0), NOW))
    span = TimeSpan(NOW + timedelta(milliseconds=400), NOW + timedelta(seconds=9, milliseconds=1))
    start, end = wall.window(span)
    assert (start.second, start.microsecond, end.second) == (0, 0, 10)
    assert wall.window(TimeSpan(NOW, NOW + timedelta(seconds=9)))[1].second == 9
