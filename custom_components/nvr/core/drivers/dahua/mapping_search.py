"""Files as listed to recording segments (dahua-cgi 9.2). Pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from ...models import RecordingKind, RecordingSegment, StreamRole, TimeSpan
from .mapping import VIDEO_STREAMS
from .mapping_time import WallClock
from .tables import EVENT_KINDS, FILE_KINDS, FLAG_KINDS
from .wire_find import FoundFile, locator

# The end of a file that is being written moves with the clock, on some firmware in steps.
_GROWING: Final = timedelta(seconds=60)


def file_kind(file: FoundFile) -> tuple[RecordingKind, str]:
    """Return why a file was recorded and the word that said so: its name, else its events, else its flags."""
    letter = file.letter
    if letter in FILE_KINDS:
        return FILE_KINDS[letter], letter
    for event in file.events:
        return EVENT_KINDS.get(event, RecordingKind.SMART), event
    for flag, kind in FLAG_KINDS.items():
        if flag in file.flags:
            return kind, flag
    return RecordingKind.UNKNOWN, letter


def wanted(files: Iterable[FoundFile], channel: int, role: StreamRole) -> list[FoundFile]:
    """Return the files of a channel and stream, each once; filters are not to be relied on (dahua-cgi 9.1).

    A file that names no stream is of the main one.
    """
    stream = VIDEO_STREAMS[role]
    found: dict[tuple[object, ...], FoundFile] = {}
    for file in files:
        if file.index0 not in (None, channel - 1) or (file.stream or VIDEO_STREAMS[StreamRole.MAIN]) != stream:
            continue
        # The two files of a repeated hour may have one name; where they lie tells them apart.
        key = (file.path, file.start, file.place)
        known = found.get(key)
        # Listed twice while it grows: the later end is the newer one.
        if known is None or known.end < file.end:
            found[key] = file
    return list(found.values())


def came_falling(digits: Sequence[datetime]) -> bool:
    """Tell whether a list came newest first; a single fall may be the clock that was put back."""
    falling = sum(later < earlier for earlier, later in pairwise(digits))
    return falling > 1 and falling * 2 > len(digits) - 1


def in_order(files: Sequence[FoundFile]) -> list[FoundFile]:
    """Return the files oldest first if they came newest first; else as they came, which tells the pass of an hour."""
    return list(reversed(files)) if came_falling([file.start for file in files]) else list(files)


class SegmentMapper:
    """Turns the files of one search, window by window, into segments: in order, each once."""

    def __init__(
        self,
        wall: WallClock,
        channel: int,
        role: StreamRole,
        span: TimeSpan,
        *,
        now: datetime,
        kinds: frozenset[RecordingKind] | None = None,
    ) -> None:
        """Hold what is the same for every file; `now` (UTC) tells which one is still being written."""
        self._wall = wall
        self._channel = channel
        self._role = role
        self._span = span
        self._now = now
        self._kinds = kinds
        self._told: set[tuple[datetime, RecordingKind]] = set()
        self._last: dict[RecordingKind, TimeSpan] = {}

    def spans(self, files: Iterable[FoundFile]) -> list[tuple[TimeSpan, FoundFile]]:
        """Return when each file was recorded, oldest first, the longest first; nothing lies in the future."""
        found: list[tuple[TimeSpan, FoundFile]] = []
        last: TimeSpan | None = None
        begin_of, end_of, now = self._wall.begin_of, self._wall.end_of, self._now
        for file in in_order(wanted(files, self._channel, self._role)):
            start = begin_of(file.start, last)
            end = min(end_of(file.end, start), now)
            if start < end:
                last = TimeSpan(start, end)
                found.append((last, file))
        # Of copies that begin at once the longest holds what the others do.
        found.sort(key=lambda item: item[0].end, reverse=True)
        found.sort(key=lambda item: item[0].start)
        return found

    def map(self, files: Iterable[FoundFile]) -> list[RecordingSegment]:
        """Return the segments that share more than a border with the span and are of the wanted kinds."""
        found = self.spans(files)
        newest = max((span.end for span, _ in found), default=self._now)
        segments: list[RecordingSegment] = []
        window_start, window_end = self._span.start, self._span.end
        for span, file in found:
            if span.start >= window_end or span.end <= window_start:
                continue
            kind, word = file_kind(file)
            growing = span.end == newest and span.end >= self._now - _GROWING
            if (self._kinds is not None and kind not in self._kinds) or self._is_copy(span, kind):
                continue
            segments.append(
                RecordingSegment(self._channel, span, kind, self._role, word, file.size, growing, locator=locator(file))
            )
        return segments

    def _is_copy(self, span: TimeSpan, kind: RecordingKind) -> bool:
        """Tell whether a file was told before: by another window, or as the copy on a second disk (dahua-cgi 9.2)."""
        key = (span.start, kind)
        last = self._last.get(kind)
        if key in self._told or (last is not None and last.start <= span.start and span.end <= last.end):
            return True
        self._told.add(key)
        self._last[kind] = span
        return False
