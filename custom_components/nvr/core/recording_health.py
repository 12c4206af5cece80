"""Whether a channel is recorded, by what its recorder lists and says: pure, and never a guess.

What is listed counts: a recorder that says that it records and has listed nothing for long does not. What was not
looked at lately is unknown, never false. Only what was recorded at the same hour before is missed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from .models import RecordingKind, RecordingSegment, TimeSpan
from .timeline import clip, gaps, merge

# How far back gaps are told, and how far back a search has to go before it can tell what is usual at this hour.
DAY: Final = timedelta(days=1)
LOOK_BACK: Final = timedelta(hours=25)
# What is known of the past is kept so long: a schedule may leave out a day of the week.
WEEK: Final = timedelta(days=7)
_KEPT: Final = WEEK + LOOK_BACK
# Files of one recording follow each other within so much; a shorter hole is none.
SEAM: Final = timedelta(seconds=30)
# Silence that is worth a notice.
LONG: Final = timedelta(minutes=40)
# Files that are listed while they grow end about now; what a recorder writes reaches its list late.
FRESH: Final = timedelta(minutes=2)
# A recorder that lists closed files only lists them this late at most: they roll at least hourly (hikvision-isapi 8.3).
CLOSED_LAG: Final = timedelta(minutes=70)
# What the recorder says of itself holds so long.
TOLD_HOLDS: Final = timedelta(minutes=15)
# How much of an hour must have been recorded all the time for silence at that hour to be missed.
_USUAL: Final = 0.8
_HOUR: Final = timedelta(hours=1)
_ZERO: Final = timedelta(0)

type Spans = tuple[TimeSpan, ...]


@dataclass(frozen=True, slots=True)
class FootageView:
    """What searches showed of one channel: `window` was looked at, up to when it was asked.

    `spans` is what is recorded of it, `steady` what is recorded whatever happens; `longest` is the longest file and
    `growing` says that the newest was being written.
    """

    window: TimeSpan
    spans: Spans = ()
    steady: Spans = ()
    longest: timedelta = _ZERO
    growing: bool = False

    @property
    def asked_at(self) -> datetime:
        """When the recorder was asked last."""
        return self.window.end

    @property
    def newest(self) -> datetime | None:
        """Up to when there is footage; None where there is none in the window."""
        return self.spans[-1].end if self.spans else None


@dataclass(frozen=True, slots=True)
class Told:
    """What the recorder says of itself: whether it records a channel, and when it said so."""

    recording: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class ChannelHealth:
    """How the recording of a channel is; None is what is not known.

    `silent_since` is when a recording that should go on broke off. `gaps` and `missing` are of the last 24 h, of a
    channel that records all the time; what only records events has none to tell.
    """

    recording: bool | None = None
    newest: datetime | None = None
    silent_since: datetime | None = None
    gaps: Spans | None = None
    looked_at: datetime | None = None

    @property
    def missing(self) -> timedelta | None:
        """How much of the last 24 h is missing."""
        return None if self.gaps is None else sum((gap.duration for gap in self.gaps), _ZERO)


def next_span(view: FootageView | None, now: datetime) -> TimeSpan:
    """Return what to search now: a good day at first, then what is new and what may have been listed late."""
    if view is None or now - view.asked_at >= LOOK_BACK:
        return TimeSpan(now - LOOK_BACK, now)
    late = max(view.longest, CLOSED_LAG) + FRESH
    return TimeSpan(max(view.window.start, min(view.asked_at, view.newest or view.asked_at) - late), now)


def looked(view: FootageView | None, asked: TimeSpan, found: Sequence[RecordingSegment]) -> FootageView:
    """Return what is known after a search of a span found these segments, all of them."""
    spans = merge([item.span for item in found], SEAM)
    always = (RecordingKind.CONTINUOUS, RecordingKind.UNKNOWN)
    steady = merge([item.span for item in found if item.kind in always], SEAM)
    longest = max((item.span.duration for item in found), default=_ZERO)
    fresh = asked.end - FRESH
    growing = any(item.open or item.span.end >= fresh for item in found)
    window = asked
    if view is not None and view.asked_at >= asked.start:
        window = TimeSpan(max(view.window.start, asked.end - _KEPT), asked.end)
        # What was searched again is as it was found now: footage may be lost, too.
        before = TimeSpan(min(window.start, asked.start), asked.start)
        spans = merge((*clip(view.spans, before), *spans), SEAM)
        steady = merge((*clip(view.steady, before), *steady), SEAM)
        longest = max(longest, view.longest)
    return FootageView(window, clip(spans, window), clip(steady, window), longest, growing)


def covered(spans: Iterable[TimeSpan], window: TimeSpan) -> float:
    """Return which part of a window the spans cover, 0 to 1; they are disjoint."""
    if not window.duration:
        return 0.0
    return sum((part.duration for part in clip(spans, window)), _ZERO) / window.duration


def is_usual(view: FootageView, now: datetime) -> bool:
    """Tell whether the channel is recorded all the time at this hour: it was yesterday, and a week ago if known."""
    yesterday = TimeSpan(now - DAY - _HOUR, now - DAY)
    if yesterday.start < view.window.start or covered(view.steady, yesterday) < _USUAL:
        return False
    week_ago = TimeSpan(now - WEEK - _HOUR, now - WEEK)
    return week_ago.start < view.window.start or covered(view.steady, week_ago) >= _USUAL


def judge(
    view: FootageView | None,
    told: Told | None,
    now: datetime,
    *,
    holds: timedelta,
    lists_growing: bool,
    missed: bool = False,
) -> ChannelHealth:
    """Return how the recording of a channel is at a moment.

    `holds` is how long an answer is good; `lists_growing` whether this recorder was ever seen to list files that
    are being written; `missed` whether footage was already missed before: then it still is, however long ago.
    """
    said = told.recording if told is not None and now - told.at <= TOLD_HOLDS else None
    if view is None or now - view.asked_at > holds:
        return ChannelHealth(said, newest=None if view is None else view.newest)
    lag = FRESH if lists_growing else max(CLOSED_LAG, view.longest + FRESH)
    newest = view.newest
    silence = view.asked_at - (newest or view.window.start)
    long = max(LONG, lag)
    wanted = missed or is_usual(view, view.asked_at)
    recording = _recording(view, said, silence, lag, long, wanted=wanted)
    silent = recording is False and wanted and silence >= long
    return ChannelHealth(
        recording,
        newest,
        silent_since=(newest or view.window.start) if silent else None,
        gaps=_gaps(view, lag),
        looked_at=view.asked_at,
    )


def _recording(
    view: FootageView, said: bool | None, silence: timedelta, lag: timedelta, long: timedelta, *, wanted: bool
) -> bool | None:
    if view.growing:
        return True
    if said is not None:
        return said and not (wanted and silence >= long)
    if silence > lag:
        return False
    # Within the lag of the list: what records all the time does so, of the rest nothing shows.
    return True if wanted else None


def _gaps(view: FootageView, lag: timedelta) -> Spans | None:
    """Return the gaps of the last 24 h; None for what does not record all the time, or was not looked at so long."""
    day = TimeSpan(view.asked_at - DAY, view.asked_at)
    if view.window.start > day.start or not view.steady:
        return None
    if sum((span.duration for span in view.steady), _ZERO) < sum((span.duration for span in view.spans), _ZERO) / 2:
        return None
    newest = view.newest
    if newest is not None and view.asked_at - newest <= lag:
        # What was recorded last may not be listed yet.
        day = replace(day, end=max(day.start, newest))
    return tuple(gap.span for gap in gaps(view.spans, day, SEAM))
