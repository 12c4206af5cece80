"""The recorder's clock, judged by the zones the operating system knows."""

import copy
from datetime import UTC, date, datetime, timedelta
import pickle
from zoneinfo import ZoneInfo

from hypothesis import given, strategies as st
import pytest

from custom_components.nvr.core.clock import (
    DeviceClock,
    DeviceZone,
    YearDay,
    fixed_zone,
    measure,
    parse_posix_zone,
    parse_wall,
)

BERLIN = "CST-1:00:00DST01:00:00,M3.5.0/02:00:00,M10.5.0/03:00:00"
SYDNEY = "CST-10:00:00DST01:00:00,M10.1.0/02:00:00,M4.1.0/03:00:00"
HAVANA = "CST+5:00:00DST01:00:00,M3.2.0/00:00:00,M11.1.0/01:00:00"
DUBLIN = "IST-1GMT0,M10.5.0,M3.5.0/1"
LORD_HOWE = "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0"
PAIRS = [
    (BERLIN, "Europe/Berlin"),
    (SYDNEY, "Australia/Sydney"),
    (HAVANA, "America/Havana"),
    ("EST5EDT,M3.2.0,M11.1.0", "America/New_York"),
    ("EST5EDT", "America/New_York"),
    (DUBLIN, "Europe/Dublin"),
    (LORD_HOWE, "Australia/Lord_Howe"),
    ("CST-10:30:00DST00:30:00,M10.1.0/02:00:00,M4.1.0/02:00:00", "Australia/Lord_Howe"),
    ("CST-8:00:00", "Asia/Shanghai"),
    ("CST+3:00:00", "America/Sao_Paulo"),
    ("CST-5:45:00", "Asia/Kathmandu"),
    ("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "America/Godthab"),
]
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
WINTER = datetime(2026, 1, 15, 12, tzinfo=UTC)


def zone_of(text: str) -> DeviceZone:
    zone = parse_posix_zone(text)
    assert zone is not None
    return zone


def wall(zone: ZoneInfo | DeviceZone, utc: datetime) -> tuple[datetime, int]:
    local = utc.astimezone(zone)
    return local.replace(tzinfo=None, fold=0), local.fold


@pytest.mark.parametrize(("text", "name"), PAIRS)
def test_zone_agrees_with_the_zone_database_all_year(text: str, name: str) -> None:
    ours, theirs = zone_of(text), ZoneInfo(name)
    for number in range(366):
        day = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=number)
        changes = (day - timedelta(days=1)).astimezone(theirs).utcoffset() != (
            (day + timedelta(days=2)).astimezone(theirs).utcoffset()
        )
        for minutes in range(0, 1440, 15 if changes else 480):
            utc = day + timedelta(minutes=minutes)
            assert wall(ours, utc) == wall(theirs, utc)


@pytest.mark.parametrize(("text", "name"), PAIRS)
@given(data=st.data())
def test_zone_reads_any_wall_time_as_the_zone_database(text: str, name: str, data: st.DataObject) -> None:
    ours, theirs = zone_of(text), ZoneInfo(name)
    digits = data.draw(st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1)))  # noqa: DTZ001
    digits = digits.replace(fold=data.draw(st.integers(0, 1)))
    assert digits.replace(tzinfo=ours).utcoffset() == digits.replace(tzinfo=theirs).utcoffset()


@pytest.mark.parametrize("text", [BERLIN, SYDNEY, HAVANA, DUBLIN, LORD_HOWE])
@given(
    utc=st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    skew=st.integers(-900, 900),
)
def test_clock_round_trip_any_moment(text: str, utc: datetime, skew: int) -> None:
    clock = DeviceClock(zone_of(text), timedelta(seconds=skew), NOON)
    assert clock.to_utc(clock.to_wall(utc)) == utc
    assert utc in clock.day(clock.date_of(utc))


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1)),  # noqa: DTZ001
    st.sampled_from([BERLIN, SYDNEY, HAVANA, DUBLIN, LORD_HOWE, "CST-8"]),
)
def test_days_follow_one_another_without_hole(moment: datetime, text: str) -> None:
    clock = DeviceClock(zone_of(text), timedelta(0), NOON)
    today, tomorrow = clock.day(moment.date()), clock.day(moment.date() + timedelta(days=1))
    assert today.end == tomorrow.start
    assert clock.date_of(today.start) == moment.date()
    assert clock.date_of(today.end - timedelta(microseconds=1)) == moment.date()


@pytest.mark.parametrize(
    ("text", "day", "length"),
    [
        (BERLIN, date(2026, 3, 29), 23),
        (BERLIN, date(2026, 10, 25), 25),
        (BERLIN, date(2026, 6, 1), 24),
        (SYDNEY, date(2026, 10, 4), 23),
        (SYDNEY, date(2026, 4, 5), 25),
        (HAVANA, date(2026, 3, 8), 23),
        (HAVANA, date(2026, 11, 1), 25),
        (LORD_HOWE, date(2026, 10, 4), 23.5),
    ],
)
def test_day_length_on_change_days(text: str, day: date, length: float) -> None:
    assert DeviceClock(zone_of(text), timedelta(0), NOON).day(day).duration == timedelta(hours=length)


def test_day_with_skew_is_shifted_against_it() -> None:
    clock = DeviceClock(fixed_zone(timedelta(hours=8)), timedelta(minutes=3), NOON)
    assert clock.day(date(2026, 7, 2)).start == datetime(2026, 7, 1, 15, 57, tzinfo=UTC)


def test_ambiguous_hour_fold_chooses_the_reading() -> None:
    clock = DeviceClock(zone_of(BERLIN), timedelta(0), NOON)
    twice = datetime(2026, 10, 25, 2, 30)  # noqa: DTZ001
    assert clock.to_utc(twice) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert clock.to_utc(twice, fold=1) == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert clock.to_utc(twice.replace(fold=1)) == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert clock.to_wall(datetime(2026, 10, 25, 1, 30, tzinfo=UTC)).fold == 1


def test_nonexistent_hour_is_read_as_if_the_clock_had_not_been_put_forward() -> None:
    clock = DeviceClock(zone_of(BERLIN), timedelta(0), NOON)
    assert clock.to_utc(datetime(2026, 3, 29, 2, 30)) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)  # noqa: DTZ001


def test_now_is_what_the_recorder_shows() -> None:
    clock = DeviceClock(zone_of(BERLIN), timedelta(minutes=-2), NOON)
    assert clock.now(NOON).isoformat() == "2026-07-01T13:58:00+02:00"


def test_zone_is_a_value() -> None:
    zone = zone_of(BERLIN)
    for twin in (pickle.loads(pickle.dumps(zone)), copy.deepcopy(zone), zone_of(BERLIN)):  # noqa: S301
        assert twin == zone
        assert hash(twin) == hash(zone)
        assert NOON.astimezone(twin).utcoffset() == timedelta(hours=2)
    assert zone != fixed_zone(timedelta(hours=1))
    assert zone != "UTC+01:00"
    assert "UTC+01:00" in repr(zone)


def test_zone_names_and_parts() -> None:
    zone = zone_of(BERLIN)
    assert NOON.astimezone(zone).tzname() == "UTC+02:00"
    assert WINTER.astimezone(zone).tzname() == "UTC+01:00"
    assert zone_of("CST+3:30").tzname(None) == "UTC-03:30"
    assert NOON.astimezone(zone).dst() == timedelta(hours=1)
    assert WINTER.astimezone(zone).dst() == timedelta(0)
    assert zone.utcoffset(None) == timedelta(hours=1)
    assert zone.dst(None) == timedelta(0)
    assert fixed_zone(timedelta(0)).tzname(NOON) == "UTC+00:00"


def test_zone_with_one_rule_only_saves_nothing() -> None:
    zone = DeviceZone(timedelta(hours=1), timedelta(hours=1), YearDay(month=3, week=5))
    assert zone == fixed_zone(timedelta(hours=1))


def test_zone_of_a_day_or_more_is_refused() -> None:
    with pytest.raises(ValueError, match="a day or more"):
        fixed_zone(timedelta(hours=24))


@pytest.mark.parametrize("year", [1, 2, 9998, 9999])
def test_zone_works_at_the_ends_of_time(year: int) -> None:
    moment = datetime(year, 7, 1, tzinfo=UTC)
    assert moment.astimezone(zone_of(BERLIN)).replace(tzinfo=None) - moment.replace(tzinfo=None) in {
        timedelta(hours=1),
        timedelta(hours=2),
    }


@pytest.mark.parametrize(
    ("rule", "year", "expected"),
    [
        (YearDay(day=60, julian=True), 2024, datetime(2024, 3, 1, 2)),  # noqa: DTZ001
        (YearDay(day=60, julian=True), 2025, datetime(2025, 3, 1, 2)),  # noqa: DTZ001
        (YearDay(day=59, julian=True), 2024, datetime(2024, 2, 28, 2)),  # noqa: DTZ001
        (YearDay(day=59), 2024, datetime(2024, 2, 29, 2)),  # noqa: DTZ001
        (YearDay(day=59), 2025, datetime(2025, 3, 1, 2)),  # noqa: DTZ001
        (YearDay(month=2, week=5, weekday=0), 2026, datetime(2026, 2, 22, 2)),  # noqa: DTZ001
        (YearDay(month=11, week=1, weekday=6, at=timedelta(hours=-1)), 2026, datetime(2026, 11, 6, 23)),  # noqa: DTZ001
    ],
)
def test_rule_day(rule: YearDay, year: int, expected: datetime) -> None:
    assert rule.moment(year) == expected


def test_posix_julian_rules() -> None:
    zone = zone_of("AAA-2BBB,J60/2,300/3")
    assert zone.start == YearDay(day=60, julian=True)
    assert zone.end == YearDay(at=timedelta(hours=3), day=300)


def test_posix_reads_the_saving_of_hikvision_and_the_offset_of_posix() -> None:
    assert zone_of("CST+1:30:00DST01:00:00,M3.5.0,M10.5.0").saving == timedelta(hours=1)
    assert zone_of("CST-1:00:00DST02:00:00,M3.5.0,M10.5.0").saving == timedelta(hours=2)
    assert zone_of("EST5DST+4,M3.5.0,M10.5.0").saving == timedelta(hours=1)
    assert zone_of(" CST-1:00:00 DST 00:30:00 , M3.5.0/02:00:00, M10.5.0/03:00:00\n").saving == timedelta(minutes=30)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "CST",
        "CST-99",
        "CST+13",
        "Europe/Berlin",
        "CST-1DST,M13.1.0,M10.5.0",
        "CST-1DST,M3.5.0,M10.5.7",
        "CST-1DST,J0,J100",
        "CST-1DST,J1,366",
        "CST-1SUM-9,M3.5.0,M10.5.0",
        "CST-1DST01:00:00,M3.5.0",
        "\u0661",
    ],
)
def test_posix_that_is_none_gives_none(text: str) -> None:
    assert parse_posix_zone(text) is None


@given(st.text(max_size=60))
def test_posix_never_raises(text: str) -> None:
    parse_posix_zone(text)
    parse_wall(text)
    measure(text, text, NOON)


@pytest.mark.parametrize(
    ("text", "digits", "suffix"),
    [
        ("2026-08-28T13:05:59-03:00", "2026-08-28T13:05:59", -3),
        ("2026-08-28T13:05:59+05:30", "2026-08-28T13:05:59", 5.5),
        ("2026-08-28T13:05:59+0530", "2026-08-28T13:05:59", 5.5),
        ("2026-08-28T13:05:59+08", "2026-08-28T13:05:59", 8),
        ("2026-08-28T13:05:59Z", "2026-08-28T13:05:59", 0),
        ("2026-08-28 13:05:59z", "2026-08-28T13:05:59", 0),
        ("\n2026-8-2T3:05:59\n", "2026-08-02T03:05:59", None),
        ("2026-08-28T13:05", "2026-08-28T13:05:00", None),
        ("2026-08-28T13:05:59.250", "2026-08-28T13:05:59.250000", None),
    ],
)
def test_wall_forms(text: str, digits: str, suffix: float | None) -> None:
    reading = parse_wall(text)
    assert reading is not None
    assert reading.digits.isoformat() == digits
    assert reading.suffix == (None if suffix is None else timedelta(hours=suffix))
    assert reading.exact == ("." in text)


@pytest.mark.parametrize("text", ["", "soon", "2026-13-01T00:00:00", "2026-02-30T00:00:00", "2026-01-01T25:00:00"])
def test_wall_that_is_none_gives_none(text: str) -> None:
    assert parse_wall(text) is None


SUMMER_WALL = "2026-07-01T14:00:00"


@pytest.mark.parametrize(
    ("wall_text", "posix", "utc", "offset", "skew", "rule"),
    [
        # All agree.
        (SUMMER_WALL + "+02:00", BERLIN, NOON, 2, 0, True),
        ("2026-01-15T13:00:00+01:00", BERLIN, WINTER, 1, 0, True),
        # The suffix stays at standard time (V4.84).
        (SUMMER_WALL + "+01:00", BERLIN, NOON, 2, 0, True),
        # No suffix, no zone: the wall clock alone.
        (SUMMER_WALL, "", NOON, 2, 0, False),
        ("2026-07-01T17:45:00", "", NOON, 5.75, 0, False),
        # A frozen suffix and no zone: the wall clock counts.
        (SUMMER_WALL + "+01:00", "", NOON, 2, 0, False),
        # Minutes of skew, below and above what rounds to the next quarter of an hour.
        ("2026-07-01T14:03:00", BERLIN, NOON, 2, 180, True),
        ("2026-07-01T13:48:00", BERLIN, NOON, 2, -720, True),
        ("2026-07-01T14:10:00+02:00", "", NOON, 2, 600, False),
        ("2026-07-01T14:04:00", "", NOON, 2, 240, False),
        # Seven minutes and a half and no zone to hold on to.
        ("2026-07-01T14:07:20", "", NOON, 2, 440, False),
        # The zone is named with summer time, the clock does not follow.
        ("2026-07-01T13:00:00", BERLIN, NOON, 1, 0, False),
        # The clock follows a summer time the zone does not name.
        (SUMMER_WALL, "CST-1:00:00", NOON, 2, 0, False),
        # The sign of POSIX.
        ("2026-08-28T13:05:59-03:00", "CST+3:00:00", datetime(2026, 8, 28, 16, 5, 59, tzinfo=UTC), -3, 0, False),
        # Between two zones: the named one, and the rest is skew.
        ("2026-07-01T15:22:30", "CST-1:00:00", NOON, 1, 8550, False),
        # A named offset nobody has.
        (SUMMER_WALL + "+23:00", "", NOON, 2, 0, False),
        # Not readable at all.
        ("", BERLIN, NOON, 2, 0, True),
        ("garbage", "garbage", NOON, 0, 0, False),
    ],
)
def test_measure(*, wall_text: str, posix: str, utc: datetime, offset: float, skew: int, rule: bool) -> None:
    clock = measure(wall_text, posix, utc)
    assert utc.astimezone(clock.zone).utcoffset() == timedelta(hours=offset)
    assert abs(clock.skew - timedelta(seconds=skew)) <= timedelta(seconds=1)
    assert isinstance(clock.zone, DeviceZone)
    assert bool(clock.zone.saving) is rule
    assert clock.read_at == utc


@pytest.mark.parametrize("posix", [BERLIN, "CST-8:00:00", ""])
def test_measure_clock_of_2004_takes_the_named_zone_and_the_rest_is_skew(posix: str) -> None:
    clock = measure("2004-01-03T10:00:00", posix, NOON)
    zone = parse_posix_zone(posix) or fixed_zone(timedelta(0))
    assert clock.zone == zone
    assert abs(clock.now(NOON).replace(tzinfo=None) - datetime(2004, 1, 3, 10)) <= timedelta(seconds=1)  # noqa: DTZ001
    assert abs(clock.to_utc(datetime(2004, 1, 3, 10)) - NOON) <= timedelta(seconds=1)  # noqa: DTZ001


def test_measure_clock_of_2004_with_a_suffix_takes_it() -> None:
    assert measure("2004-01-03T10:00:00+08:00", "", NOON).zone == fixed_zone(timedelta(hours=8))


def test_measure_noise_leaves_the_last_skew() -> None:
    first = measure("2026-07-01T14:00:30", BERLIN, NOON)
    assert first.skew in {timedelta(seconds=30), timedelta(seconds=31)}
    later = NOON + timedelta(hours=1)
    assert measure("2026-07-01T15:00:32", BERLIN, later, previous=first).skew == first.skew
    assert measure("2026-07-01T15:00:40", BERLIN, later, previous=first).skew > first.skew
    assert measure("2026-07-01T15:00:02", "", later, previous=first).skew == timedelta(0)


def test_a_time_that_cannot_be_read_leaves_the_last_reading() -> None:
    first = measure("2026-07-01T14:00:30", BERLIN, NOON)
    assert first.measured
    later = measure("soon", "CST-8:00:00", NOON + timedelta(hours=1), previous=first)
    assert (later.zone, later.skew, later.read_at, later.measured) == (first.zone, first.skew, NOON, False)
    alone = measure("soon", BERLIN, NOON)
    assert (alone.zone, alone.skew, alone.measured) == (zone_of(BERLIN), timedelta(0), False)
    assert not measure("soon", "later", NOON, previous=alone).measured
    assert measure("2026-07-01T14:00:30", BERLIN, NOON, previous=later) == first


@given(st.integers(-7199, 7199), st.sampled_from([BERLIN, SYDNEY, "CST+3:00:00"]))
def test_measure_always_explains_what_the_recorder_shows(seconds: int, posix: str) -> None:
    shown = (NOON + timedelta(seconds=seconds)).astimezone(zone_of(posix)).replace(tzinfo=None)
    clock = measure(shown.isoformat(), posix, NOON)
    assert abs(clock.to_wall(NOON) - shown) <= timedelta(seconds=3)
