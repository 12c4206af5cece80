"""Spans on a time line: merge, find gaps, clip, split into hours and days. Pure; everything is UTC inside."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Final

from .models import DayMap, Gap, RecordingSegment, TimeSpan

_ZERO: Final = timedelta(0)
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
# The end of a span does not belong to it.
_INSTANT: Final = timedelta(microseconds=1)


def _spans(items: Iterable[RecordingSegment | TimeSpan]) -> list[TimeSpan]:
    return sorted(item if isinstance(item, TimeSpan) else item.span for item in items)


def merge(items: Iterable[RecordingSegment | TimeSpan], tolerance: timedelta = _ZERO) -> tuple[TimeSpan, ...]:
    """Return what the items cover, in order and disjoint; holes of at most `tolerance` are closed."""
    merged: list[TimeSpan] = []
    for span in _spans(items):
        if merged and span.start <= merged[-1].end + tolerance:
            merged[-1] = TimeSpan(merged[-1].start, max(merged[-1].end, span.end))
        else:
            merged.append(span)
    return tuple(merged)


def gaps(
    items: Iterable[RecordingSegment | TimeSpan], window: TimeSpan, tolerance: timedelta = _ZERO
) -> tuple[Gap, ...]:
    """Return the holes longer than `tolerance` that the items leave in the window, in order."""
    found: list[Gap] = []
    reached = window.start
    for span in merge(items):
        if span.end <= window.start:
            continue
        if span.start >= window.end:
            break
        if span.start - reached > tolerance:
            found.append(Gap(TimeSpan(reached, span.start)))
        reached = span.end
    if window.end - reached > tolerance:
        found.append(Gap(TimeSpan(reached, window.end)))
    return tuple(found)


def clip(spans: Iterable[TimeSpan], window: TimeSpan) -> tuple[TimeSpan, ...]:
    """Return the parts of the spans that lie in the window."""
    return tuple(part for span in spans if (part := span.clip(window)) is not None)


def clip_segments(segments: Iterable[RecordingSegment], window: TimeSpan) -> tuple[RecordingSegment, ...]:
    """Return the segments cut to the window; locator and size stay those of the whole segment."""
    return tuple(
        segment if part == segment.span else replace(segment, span=part)
        for segment in segments
        if (part := segment.span.clip(window)) is not None
    )


def hours(day: TimeSpan) -> tuple[TimeSpan, ...]:
    """Return the hours of a day as the recorder counts them: 23, 24 or 25, the last one shorter if need be."""
    found: list[TimeSpan] = []
    start = day.start
    while start < day.end:
        end = min(start + _HOUR, day.end)
        found.append(TimeSpan(start, end))
        start = end
    return tuple(found)


def dates(span: TimeSpan, date_of: Callable[[datetime], date]) -> Iterator[date]:
    """Yield the recorder's days that the span touches; none for an empty span."""
    if span.start == span.end:
        return
    day, last = date_of(span.start), date_of(max(span.start, span.end - _INSTANT))
    while day <= last:
        yield day
        day += _DAY


def day_map(
    items: Iterable[RecordingSegment | TimeSpan],
    date_of: Callable[[datetime], date],
    channel: int,
    year: int,
    month: int,
) -> DayMap:
    """Return the days of that month the items touch; `date_of` gives the recorder's own day of a moment."""
    days = {day.day for span in merge(items) for day in dates(span, date_of) if (day.year, day.month) == (year, month)}
    return DayMap(channel, year, month, frozenset(days))
