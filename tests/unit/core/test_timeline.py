"""Spans on a time line."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from hypothesis import given, strategies as st

from custom_components.nvr.core.clock import DeviceClock, fixed_zone, parse_posix_zone
from custom_components.nvr.core.models import DayMap, RecordingKind, RecordingSegment, TimeSpan
from custom_components.nvr.core.timeline import clip, clip_segments, dates, day_map, gaps, hours, merge

T0 = datetime(2026, 5, 4, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def span(start: float, end: float) -> TimeSpan:
    return TimeSpan(T0 + timedelta(minutes=start), T0 + timedelta(minutes=end))


def segment(start: float, end: float) -> RecordingSegment:
    return RecordingSegment(1, span(start, end), RecordingKind.CONTINUOUS, locator="x", size=5)


spans = st.lists(
    st.tuples(st.integers(0, 500), st.integers(0, 60)).map(lambda pair: span(pair[0], pair[0] + pair[1])), max_size=30
)


def test_merge_joins_overlaps_and_small_holes() -> None:
    items: list[RecordingSegment | TimeSpan] = [segment(10, 20), span(0, 10), span(15, 30), span(31, 40), span(12, 13)]
    assert merge(items) == (span(0, 30), span(31, 40))
    assert merge(items, timedelta(minutes=1)) == (span(0, 40),)
    assert merge([]) == ()


def test_gaps_are_what_is_left() -> None:
    items: list[RecordingSegment | TimeSpan] = [
        span(-20, -10),
        span(-5, 5),
        segment(10, 20),
        span(55, 70),
        span(80, 90),
    ]
    assert [gap.span for gap in gaps(items, span(0, 60))] == [span(5, 10), span(20, 55)]
    assert [gap.span for gap in gaps(items, span(0, 60), timedelta(minutes=5))] == [span(20, 55)]
    assert [gap.span for gap in gaps([], span(0, 60))] == [span(0, 60)]
    assert [gap.span for gap in gaps([span(5, 10)], span(0, 60))] == [span(0, 5), span(10, 60)]


@given(spans)
def test_merge_and_gaps_fill_the_window_exactly(items: list[TimeSpan]) -> None:
    window = span(30, 400)
    parts = sorted([*clip(merge(items), window), *(gap.span for gap in gaps(items, window))])
    assert sum((part.duration for part in parts), timedelta(0)) == window.duration
    assert all(first.end == second.start for first, second in pairwise(parts))


def test_clip_keeps_what_lies_inside() -> None:
    assert clip([span(0, 10), span(20, 30)], span(5, 20)) == (span(5, 10),)
    whole, cut = segment(5, 10), segment(15, 30)
    clipped = clip_segments([segment(0, 5), whole, cut], span(5, 20))
    assert clipped[0] is whole
    assert clipped[1].span == span(15, 20)
    assert clipped[1].locator == "x"


def test_hours_of_days_of_every_length() -> None:
    zone = parse_posix_zone("CST-1:00:00DST01:00:00,M3.5.0/02:00:00,M10.5.0/03:00:00")
    assert zone is not None
    clock = DeviceClock(zone, timedelta(0), T0)
    for day, count in ((datetime(2026, 3, 29), 23), (datetime(2026, 10, 25), 25), (datetime(2026, 5, 4), 24)):  # noqa: DTZ001
        found = hours(clock.day(day.date()))
        assert len(found) == count
        assert all(hour.duration == timedelta(hours=1) for hour in found)
    assert hours(span(0, 90)) == (span(0, 60), span(60, 90))


def test_dates_end_before_the_end() -> None:
    clock = DeviceClock(fixed_zone(timedelta(0)), timedelta(0), T0)
    assert [day.day for day in dates(span(0, 24 * 60), clock.date_of)] == [4]
    assert [day.day for day in dates(TimeSpan(T0, T0 + timedelta(days=1) + SECOND), clock.date_of)] == [4, 5]
    assert list(dates(span(5, 5), clock.date_of)) == []


def test_day_map_counts_the_recorders_days() -> None:
    clock = DeviceClock(fixed_zone(timedelta(hours=8)), timedelta(0), T0)
    items = [TimeSpan(datetime(2026, 4, 29, 17, tzinfo=UTC), datetime(2026, 4, 30, 16, 0, 1, tzinfo=UTC)), span(0, 60)]
    found = day_map(items, clock.date_of, 3, 2026, 5)
    assert found.days == {1, 4}
    assert found.channel == 3
    assert [day.isoformat() for day in found.dates()] == ["2026-05-01", "2026-05-04"]
    assert day_map(items, clock.date_of, 3, 2026, 4).days == {30}


def test_days_that_a_month_does_not_have_are_left_out() -> None:
    assert DayMap(1, 2026, 2, frozenset({0, 1, 28, 29, 31})).dates() == (date(2026, 2, 1), date(2026, 2, 28))
    assert DayMap(1, 2028, 2, frozenset({29, 30})).dates() == (date(2028, 2, 29),)
