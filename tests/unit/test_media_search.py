"""Which part of a day the media browser's search looks into, also on the days when the recorder's clock changes."""

from datetime import UTC, date, datetime, time, timedelta

from hypothesis import given, strategies as st
import pytest

from custom_components.nvr.core.clock import DeviceClock, parse_posix_zone
from custom_components.nvr.core.models import TimeSpan
from custom_components.nvr.media_query import MediaQuery
from custom_components.nvr.media_search import window_of
from custom_components.nvr.time_parsing import TimeParsingError

MINUTE = timedelta(minutes=1)
SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)


def clock(posix: str, skew: timedelta = timedelta(0)) -> DeviceClock:
    zone = parse_posix_zone(posix)
    assert zone is not None
    return DeviceClock(zone, skew, datetime(2026, 11, 21, tzinfo=UTC))


MADRID = clock("CET-1:00:00DST01:00:00,M3.5.0/02:00:00,M10.5.0/03:00:00")
# Here the clock is put forward at midnight: the day begins at 01:00.
MIDNIGHT = clock("CLT4:00:00DST01:00:00,M9.1.0/00:00:00,M4.1.0/00:00:00")


def asked(day: date, since: str, until: str) -> MediaQuery:
    last = time.max if until == "24:00" else time.fromisoformat(until)
    return MediaQuery(day=day, since=time.fromisoformat(since), until=last)


def utc(day: date, start: str, end: str) -> TimeSpan:
    return TimeSpan(*(datetime.combine(day, time.fromisoformat(text), UTC) for text in (start, end)))


@pytest.mark.parametrize(
    ("day", "since", "until", "start", "end"),
    [
        # 02:00 to 03:00 does not exist: by the time before the change, and by the one after.
        (SPRING, "01:30", "02:30", 90, 150),
        (SPRING, "02:30", "03:30", 90, 150),
        (SPRING, "02:15", "02:45", 75, 165),
        (SPRING, "01:00", "04:00", 60, 180),
        (SPRING, "03:00", "04:00", 120, 180),
        (SPRING, "23:00", "24:00", 1320, 1380),
        # 02:00 to 03:00 exists twice.
        (AUTUMN, "02:00", "02:30", 120, 210),
        (AUTUMN, "01:30", "02:30", 90, 210),
        (AUTUMN, "02:30", "03:30", 150, 270),
        (AUTUMN, "03:00", "04:00", 240, 300),
    ],
)
def test_times_on_the_day_of_a_change_are_searched_in_both_readings(
    day: date, since: str, until: str, start: int, end: int
) -> None:
    begin, window = MADRID.day(day).start, window_of(asked(day, since, until), MADRID)
    assert ((window.start - begin) // MINUTE, (window.end - begin) // MINUTE) == (start, end)


def test_the_search_stays_on_its_day() -> None:
    window = window_of(asked(date(2026, 9, 6), "00:10", "00:40"), MIDNIGHT)
    assert window == utc(date(2026, 9, 6), "04:00", "04:40")


def test_the_skew_of_the_clock_is_taken_off() -> None:
    late = clock("CET-1:00:00", timedelta(minutes=10))
    assert window_of(asked(SPRING, "10:00", "11:00"), late) == utc(SPRING, "08:50", "09:50")
    assert window_of(MediaQuery(day=SPRING), late) == late.day(SPRING)


@given(
    st.sampled_from((MADRID, MIDNIGHT)),
    st.sampled_from((SPRING, AUTUMN, date(2026, 9, 6), date(2026, 4, 5), date(2026, 4, 4))),
    st.tuples(st.integers(0, 1438), st.integers(1, 1439)).filter(lambda pair: pair[0] < pair[1]),
)
def test_every_moment_that_the_clock_shows_so_is_searched(
    recorder: DeviceClock, day: date, minutes: tuple[int, int]
) -> None:
    since, until = (time(*divmod(minute, 60)) for minute in minutes)
    window, whole = window_of(MediaQuery(day=day, since=since, until=until), recorder), recorder.day(day)
    assert whole.start <= window.start < window.end <= whole.end
    moment = whole.start
    while moment < whole.end:
        if since <= recorder.to_wall(moment).time() < until:
            assert moment in window
        moment += MINUTE


@pytest.mark.parametrize("day", [date.max, date.min, date(1969, 12, 31), date(2200, 1, 1)])
def test_a_day_no_recorder_can_have_is_refused(day: date) -> None:
    with pytest.raises(TimeParsingError) as refusal:
        window_of(MediaQuery(day=day), MADRID)
    assert refusal.value.placeholders == {"time": day.isoformat(), "first": "1970", "last": "2199"}
