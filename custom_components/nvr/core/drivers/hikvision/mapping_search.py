"""Search matches to recording segments, and which kinds may be asked for (hikvision-isapi 8.2). Pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from operator import attrgetter

from ...models import RecordingKind, RecordingSegment, StreamRole, TimeSpan, VideoCodec
from .mapping import video_codec
from .mapping_time import WireClock
from .tables import RECORDING_KINDS, SEARCH_KINDS
from .wire_search import Match, uri_size

_KEEP = {"lock": True, "locked": True, "unlock": False, "unlocked": False}


def recording_kind(word: str) -> RecordingKind:
    """Return the kind of a recordType word; unknown ones keep their word in the segment."""
    return RECORDING_KINDS.get(word.lower(), RecordingKind.UNKNOWN)


def typed_word(kinds: frozenset[RecordingKind] | None, known: frozenset[RecordingKind]) -> str | None:
    """Return the word that asks for just these kinds, None when only a search of everything will do."""
    if kinds is None or len(kinds) != 1:
        return None
    (kind,) = kinds
    return SEARCH_KINDS[kind][0] if kind in known and kind in SEARCH_KINDS else None


class SegmentMapper:
    """Turns the matches of one search into segments, in order; remembers where the last one began."""

    def __init__(
        self,
        wire: WireClock,
        channel: int,
        role: StreamRole,
        span: TimeSpan,
        *,
        now: datetime,
        kinds: frozenset[RecordingKind] | None = None,
    ) -> None:
        """Hold what is the same for every match; `now` (UTC) ends what is still being written."""
        self._wire = wire
        self._channel = channel
        self._role = role
        self._span = span
        self._now = now
        self._kinds = kinds
        self._last: TimeSpan | None = None
        self._codecs: dict[str, VideoCodec] = {}
        self._words: dict[str, RecordingKind] = {}

    def map(self, matches: Iterable[Match]) -> list[RecordingSegment]:
        """Return the segments that share more than a border with the span and are of the wanted kinds."""
        segments = []
        span_of, now, kinds = self._wire.span_of, self._now, self._kinds
        window_start, window_end = self._span.start, self._span.end
        for match in matches:
            start, end = span_of(match.start, match.end, match.shift, self._last)
            if start < end:
                whole = self._last = TimeSpan(start, end)
            # A file being written has a planned end (hikvision-isapi 8.2).
            growing = end > now
            if growing:
                end = now
            if start >= end or start >= window_end or end <= window_start:
                continue
            kind = self._kind(match.kind)
            if kinds is not None and kind not in kinds:
                continue
            segments.append(
                RecordingSegment(
                    self._channel,
                    TimeSpan(start, end) if growing else whole,
                    kind,
                    self._role,
                    match.kind,
                    uri_size(match.uri),
                    growing,
                    _KEEP.get(match.lock),
                    self._codec(match.codec),
                    match.uri,
                )
            )
        return segments

    def _kind(self, word: str) -> RecordingKind:
        kind = self._words.get(word)
        if kind is None:
            kind = self._words[word] = recording_kind(word)
        return kind

    def _codec(self, word: str) -> VideoCodec:
        codec = self._codecs.get(word)
        if codec is None:
            codec = self._codecs[word] = video_codec(word)
        return codec


def begins_in_future(matches: Sequence[Match], wire: WireClock, limit: datetime) -> bool:
    """Tell whether a match begins after `limit`: then Z was read the wrong way."""
    if not matches:
        return False
    newest = max(matches, key=attrgetter("start"))
    return wire.from_wire(newest.start, newest.shift) > limit
