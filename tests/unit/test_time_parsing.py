"""Times people give: zones, changes of the clock, what is missing, what makes no sense."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from custom_components.nvr.time_parsing import TimeParsingError, earliest, latest, span_from

MADRID = ZoneInfo("Europe/Madrid")
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type,misc]


def local(*parts: int) -> datetime:
    return datetime(*parts)  # type: ignore[arg-type] # noqa: DTZ001


def test_time_without_a_zone_is_local() -> None:
    assert earliest(local(2026, 11, 20, 14), MADRID) == utc(2026, 11, 20, 13)


def test_time_with_a_zone_keeps_it() -> None:
    assert earliest(datetime(2026, 11, 20, 14, tzinfo=timezone(timedelta(hours=-5))), MADRID) == utc(2026, 11, 20, 19)


def test_time_the_clock_shows_twice_has_two_readings() -> None:
    shown_twice = local(2026, 10, 25, 2, 30)
    assert (earliest(shown_twice, MADRID), latest(shown_twice, MADRID)) == (
        utc(2026, 10, 25, 0, 30),
        utc(2026, 10, 25, 1, 30),
    )


def test_span_of_a_time_shown_twice_holds_both_readings() -> None:
    span = span_from(local(2026, 10, 25, 2), local(2026, 10, 25, 2, 59), None, zone=MADRID, now=NOW)
    assert (span.start, span.end) == (utc(2026, 10, 25, 0), utc(2026, 10, 25, 1, 59))


def test_span_between_times_that_were_skipped_is_not_empty() -> None:
    span = span_from(local(2026, 3, 29, 2, 10), local(2026, 3, 29, 2, 50), None, zone=MADRID, now=NOW)
    assert span.start <= utc(2026, 3, 29, 1) <= span.end


@pytest.mark.parametrize(
    ("start", "end", "duration", "expected"),
    [
        (None, None, None, (NOW - 24 * HOUR, NOW)),
        (None, None, HOUR, (NOW - HOUR, NOW)),
        (local(2026, 11, 21, 10), None, None, (utc(2026, 11, 21, 9), NOW)),
        (local(2026, 11, 21, 10), None, HOUR, (utc(2026, 11, 21, 9), utc(2026, 11, 21, 10))),
        (None, local(2026, 11, 20, 10), None, (utc(2026, 11, 19, 9), utc(2026, 11, 20, 9))),
        (None, local(2026, 11, 20, 10), HOUR, (utc(2026, 11, 20, 8), utc(2026, 11, 20, 9))),
        (local(2026, 11, 20, 10), local(2026, 11, 20, 11), None, (utc(2026, 11, 20, 9), utc(2026, 11, 20, 10))),
    ],
)
def test_span_is_completed_from_what_is_given(
    start: datetime | None, end: datetime | None, duration: timedelta | None, expected: tuple[datetime, datetime]
) -> None:
    span = span_from(start, end, duration, zone=MADRID, now=NOW)
    assert (span.start, span.end) == expected


@pytest.mark.parametrize(
    ("start", "end", "duration", "key"),
    [
        (local(2026, 11, 20), local(2026, 11, 21), HOUR, "start_end_and_duration"),
        (local(2026, 11, 20), None, timedelta(0), "duration_not_positive"),
        (local(2026, 11, 20), None, timedelta(days=9999), "duration_too_long"),
        (local(2026, 11, 22), None, None, "start_in_the_future"),
        (local(2026, 11, 20), local(2026, 11, 19), None, "end_before_start"),
        (local(2026, 11, 20), local(2026, 11, 20), None, "end_before_start"),
        (local(1, 1, 1), None, None, "time_out_of_range"),
        (None, local(9999, 12, 31), None, "time_out_of_range"),
    ],
)
def test_wrong_times_are_refused_with_the_reason(
    start: datetime | None, end: datetime | None, duration: timedelta | None, key: str
) -> None:
    with pytest.raises(TimeParsingError) as refusal:
        span_from(start, end, duration, zone=MADRID, now=NOW)
    assert refusal.value.key == key


def test_refusal_shows_the_times_in_the_zone_they_were_meant_in() -> None:
    with pytest.raises(TimeParsingError) as refusal:
        span_from(local(2026, 11, 20, 14), local(2026, 11, 20, 13), None, zone=MADRID, now=NOW)
    assert refusal.value.placeholders == {"start": "2026-11-20 14:00:00+01:00", "end": "2026-11-20 13:00:00+01:00"}
