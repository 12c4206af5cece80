"""What is said of a channel's recording, by what its recorder lists and says: unknown rather than false."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from custom_components.nvr.core.models import RecordingKind, RecordingSegment, TimeSpan
from custom_components.nvr.core.recording_health import (
    CLOSED_LAG,
    LOOK_BACK,
    ChannelHealth,
    FootageView,
    Told,
    covered,
    is_usual,
    judge,
    looked,
    next_span,
)

NOW = datetime(2026, 6, 10, 12, 0, tzinfo=UTC)
HOLDS = timedelta(minutes=45)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def files(
    start: datetime,
    end: datetime,
    *,
    kind: RecordingKind = RecordingKind.CONTINUOUS,
    length: float = 30,
    growing: bool = False,
) -> list[RecordingSegment]:
    """Return files without a hole between them; the last one may be open."""
    found = []
    while start < end:
        stop = min(start + minutes(length), end)
        found.append(RecordingSegment(1, TimeSpan(start, stop), kind, open=growing and stop == end))
        start = stop
    return found


def view_of(
    until: float | None, *, asked: datetime = NOW, kind: RecordingKind = RecordingKind.CONTINUOUS
) -> FootageView:
    """Return what a first search shows of a channel recorded until so many minutes ago; None: nothing."""
    span = next_span(None, asked)
    found = [] if until is None else files(span.start - minutes(10), asked - minutes(until), kind=kind)
    return looked(None, span, found)


def health(view: FootageView | None, told: Told | None = None, now: datetime = NOW, **more: bool) -> ChannelHealth:
    return judge(view, told, now, holds=HOLDS, **{"lists_growing": True, **more})


def said(*, recording: bool, ago: float = 0) -> Told:
    return Told(recording, NOW - minutes(ago))


def test_the_first_search_is_a_good_day_and_the_next_what_is_new() -> None:
    assert next_span(None, NOW) == TimeSpan(NOW - LOOK_BACK, NOW)
    view = view_of(0)
    later = NOW + minutes(30)
    asked = next_span(view, later)
    assert asked.end == later
    # A file that is listed once it is closed began before the last search.
    assert NOW - asked.start >= CLOSED_LAG
    assert asked.duration < timedelta(hours=3)
    assert next_span(view, NOW + timedelta(hours=30)).duration == LOOK_BACK


def test_searches_add_up_and_the_newer_one_is_right() -> None:
    view = looked(None, TimeSpan(NOW - LOOK_BACK, NOW), files(NOW - LOOK_BACK, NOW - minutes(90)))
    later = NOW + minutes(30)
    asked = next_span(view, later)
    # What was not listed before is now; a file that was listed before is lost.
    view = looked(view, asked, files(asked.start + minutes(10), later, growing=True))
    assert view.window == TimeSpan(NOW - LOOK_BACK, later)
    assert [
        part.duration for part in (TimeSpan(a.end, b.start) for a, b in zip(view.spans, view.spans[1:], strict=False))
    ] == [minutes(10)]
    assert view.growing
    assert view.newest == later


def test_a_search_after_a_long_absence_begins_anew() -> None:
    old = view_of(0)
    now = NOW + timedelta(days=2)
    span = next_span(old, now)
    assert looked(old, span, files(span.start, now)).window == span


def test_what_is_known_of_the_past_is_kept_for_a_week_and_a_day() -> None:
    view, now = view_of(0), NOW
    for _ in range(24 * 12):
        now += timedelta(hours=1)
        span = next_span(view, now)
        view = looked(view, span, files(span.start, now, growing=True))
    assert timedelta(days=8) < view.window.duration < timedelta(days=9)
    assert len(view.spans) == 1


@pytest.mark.parametrize(
    ("until", "told", "recording"),
    [
        pytest.param(0, None, True, id="growing"),
        pytest.param(1, None, True, id="listed a moment ago"),
        pytest.param(5, None, False, id="broke off"),
        pytest.param(5, True, True, id="broke off, but the recorder says it goes on"),
        pytest.param(5, False, False, id="broke off, and it says so"),
        pytest.param(0, False, True, id="a file grows, whatever it says"),
        pytest.param(120, True, False, id="it says so and has listed nothing for hours"),
        pytest.param(None, None, False, id="nothing in a day"),
        pytest.param(None, True, True, id="nothing in a day, and nothing is usual"),
    ],
)
def test_recording(until: float | None, told: bool | None, recording: bool) -> None:
    answer = None if told is None else said(recording=told)
    assert health(view_of(until), answer).recording is recording


def test_unknown_and_never_false_while_stale() -> None:
    view = view_of(120)
    assert health(view).recording is False
    stale = health(view, now=NOW + HOLDS + minutes(1))
    assert (stale.recording, stale.silent_since, stale.gaps, stale.looked_at) == (None, None, None, None)
    assert stale.newest == NOW - minutes(120)
    assert health(None) == ChannelHealth()
    assert health(None, said(recording=False)).recording is False
    assert health(None, said(recording=True, ago=16)).recording is None


@pytest.mark.parametrize(("until", "missed"), [(39, False), (41, True), (60 * 30, False)])
def test_long_silence_is_missed_where_the_channel_was_recorded_yesterday(until: float, *, missed: bool) -> None:
    view = view_of(until)
    since = health(view).silent_since
    assert since == (view.newest if missed else None)


def test_what_was_missed_stays_missed_for_days() -> None:
    view = view_of(None)
    assert health(view).silent_since is None
    assert health(view, missed=True).silent_since == view.window.start
    assert health(view_of(0), missed=True).silent_since is None


def test_events_are_not_missed() -> None:
    seldom = [
        item
        for at in range(1, 25)
        for item in files(NOW - timedelta(hours=at), NOW - timedelta(hours=at) + minutes(2), kind=RecordingKind.MOTION)
    ]
    view = looked(None, next_span(None, NOW), seldom)
    found = health(view)
    assert (found.recording, found.silent_since, found.gaps) == (False, None, None)
    # A street where something moves all the time records events only, too.
    busy = view_of(60, kind=RecordingKind.MOTION)
    assert health(busy).silent_since is None


def test_a_recorder_that_lists_closed_files_only_is_given_time() -> None:
    assert health(view_of(60), lists_growing=False).recording is True
    assert health(view_of(60), lists_growing=False).gaps == ()
    assert health(view_of(75), lists_growing=False).recording is False
    seldom = looked(None, next_span(None, NOW), files(NOW - minutes(65), NOW - minutes(60), kind=RecordingKind.MOTION))
    assert health(seldom, lists_growing=False).recording is None
    # Files of three hours are listed every three hours.
    span = next_span(None, NOW)
    long = looked(None, span, files(span.start - minutes(5), NOW - minutes(100), length=180))
    assert health(long, lists_growing=False).recording is True


def test_a_schedule_that_leaves_out_an_hour_or_a_day_of_the_week_is_respected() -> None:
    span = next_span(None, NOW)
    nightly = looked(
        None,
        span,
        files(span.start, NOW - timedelta(hours=24, minutes=50))
        + files(NOW - timedelta(hours=16), NOW - timedelta(hours=6)),
    )
    assert not is_usual(nightly, NOW)
    assert health(nightly).silent_since is None

    def weekdays(today: datetime) -> FootageView:
        window = TimeSpan(today - timedelta(days=8, hours=1), today)
        free = TimeSpan(today - timedelta(days=7, hours=12), today - timedelta(days=6, hours=12))
        found = files(window.start, free.start) + files(free.end, today - timedelta(hours=12))
        return looked(None, window, found)

    assert health(weekdays(NOW)).silent_since is None


def lost(count: float, before: float) -> Callable[[TimeSpan], list[RecordingSegment]]:
    return lambda span: (
        files(span.start, NOW - minutes(before + count)) + files(NOW - minutes(before), NOW, growing=True)
    )


@pytest.mark.parametrize(
    ("hole", "before", "told"), [(0.4, 60, 0), (10, 60, 10), (10, 23.9 * 60, 6), (10, 24.5 * 60, 0)]
)
def test_gaps_of_the_last_24_hours(hole: float, before: float, told: float) -> None:
    span = next_span(None, NOW)
    found = health(looked(None, span, lost(hole, before)(span)))
    assert found.missing == minutes(told)
    assert found.gaps is not None
    assert len(found.gaps) == (1 if told else 0)


def test_the_end_that_is_missing_is_a_gap_too() -> None:
    assert health(view_of(50)).missing == minutes(50)
    assert health(view_of(1)).missing == timedelta(0)


def test_a_window_of_no_length_is_not_covered() -> None:
    assert covered((), TimeSpan(NOW, NOW)) == 0
