"""Layout and playlists (hls-vod 3, rules 1-7): where segments begin is known before a byte is read."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
import re
from typing import Literal, overload, override

from ..core.models import TimeSpan
from .ticks import RATE, from_datetime, to_datetime

MASTER_TYPE = "application/x-mpegURL"
"""What the view must answer for a playlist: Home Assistant compares this case-sensitively (rule 7)."""

MASTER_URI = "master.m3u8"
_FILE = re.compile(
    r"(?:(?P<playlist>video)(?P<a>-1)?\.m3u8|(?P<init>init)(?P<b>-1)?\.mp4|s(?P<index>0|[1-9]\d{0,6})(?P<c>-1)?\.m4s)",
    re.ASCII,
)
_BRIDGE = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class LayoutSegment:
    """One entry of the playlist; `start` and `end` in ticks since the epoch. A gap is one entry, however long.

    `interval` is the recorded span, or the gap, that the segment is a part of.
    """

    index: int
    start: int
    end: int
    gap: bool
    interval: tuple[int, int]

    @property
    def duration(self) -> int:
        """The length in ticks."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class _Part:
    """A recorded span or a gap, in ticks since the epoch: the index of its first segment, and how many it has."""

    first: int
    count: int
    start: int
    end: int
    gap: bool
    step: int

    def segment(self, number: int) -> LayoutSegment:
        """Return one of its segments; the last one has what remains."""
        start = self.start + number * self.step
        end = self.end if number == self.count - 1 else start + self.step
        return LayoutSegment(self.first + number, start, end, self.gap, (self.start, self.end))


class Segments(Sequence[LayoutSegment]):
    """The segments, made when they are looked at: a day in steps of two seconds would be megabytes of them."""

    def __init__(self, parts: Sequence[_Part]) -> None:
        """`parts`: one after the other, without holes; at least one."""
        self._parts = tuple(parts)

    @override
    def __len__(self) -> int:
        last = self._parts[-1]
        return last.first + last.count

    @overload
    def __getitem__(self, index: int) -> LayoutSegment: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[LayoutSegment, ...]: ...

    @override
    def __getitem__(self, index: int | slice) -> LayoutSegment | tuple[LayoutSegment, ...]:
        if isinstance(index, slice):
            return tuple(self[number] for number in range(*index.indices(len(self))))
        number = range(len(self))[index]
        part = self._parts[bisect_right(self._parts, number, key=lambda part: part.first) - 1]
        return part.segment(number - part.first)

    @override
    def __iter__(self) -> Iterator[LayoutSegment]:
        return (part.segment(number) for part in self._parts for number in range(part.count))


@dataclass(frozen=True, slots=True)
class Layout:
    """All segments of one playback, without holes between them; the first start is the origin of media time."""

    segments: Segments

    @property
    def origin(self) -> int:
        """Media time zero, in ticks since the epoch."""
        return self.segments[0].start

    @property
    def end(self) -> int:
        """The end of the last segment, in ticks since the epoch."""
        return self.segments[-1].end

    def at(self, moment: int) -> LayoutSegment:
        """Return the segment of a moment in ticks since the epoch; the nearest when it lies outside."""
        index = bisect_right(self.segments, moment, key=lambda segment: segment.start) - 1
        return self.segments[max(0, index)]


@dataclass(frozen=True, slots=True)
class VariantInfo:
    """What the master playlist says of one variant; `bandwidth` in bit/s, `size` in pixels."""

    codecs: str
    bandwidth: int
    size: tuple[int, int]


@dataclass(frozen=True, slots=True)
class PlaybackFile:
    """What a name of a playback's file means; `index` counts segments."""

    kind: Literal["master", "media", "init", "segment"]
    variant: int = 0
    index: int = 0


def parse_name(name: str) -> PlaybackFile | None:
    """Return what a file name means, or None when there is no such file."""
    if name == MASTER_URI:
        return PlaybackFile("master")
    found = _FILE.fullmatch(name)
    if found is None:
        return None
    variant = 1 if found["a"] or found["b"] or found["c"] else 0
    if found["index"] is not None:
        return PlaybackFile("segment", variant, int(found["index"]))
    return PlaybackFile("media" if found["playlist"] else "init", variant)


def usable_spans(span: TimeSpan, recorded: Sequence[TimeSpan], bridge: timedelta = _BRIDGE) -> list[TimeSpan]:
    """Return the recorded parts of the span, in order, joined over holes of at most `bridge`.

    Search answers have whole seconds: shorter holes say nothing, and a frozen frame fills what is truly missing.
    """
    parts = sorted(part for part in (spot.clip(span) for spot in recorded) if part is not None)
    joined: list[TimeSpan] = []
    for part in parts:
        if joined and part.start - joined[-1].end <= bridge:
            joined[-1] = TimeSpan(joined[-1].start, max(joined[-1].end, part.end))
        else:
            joined.append(part)
    # What is shorter than a tick cannot hold a frame.
    return [part for part in joined if from_datetime(part.start) < from_datetime(part.end)]


def lay_out(spans: Sequence[TimeSpan], seconds: int) -> Layout:
    """Return the layout: each span in steps of `seconds` plus what remains, each gap between spans as one entry.

    A remainder shorter than half a second is added to the segment before it. Raises ValueError without spans.
    """
    if not spans:
        msg = "nothing to lay out"
        raise ValueError(msg)
    step = seconds * RATE
    parts: list[_Part] = []
    number = 0
    for span in spans:
        begin, end = from_datetime(span.start), from_datetime(span.end)
        if parts:
            parts.append(_Part(number, 1, parts[-1].end, begin, True, 0))
            number += 1
        count = max(1, (end - begin - RATE // 2) // step + 1)
        parts.append(_Part(number, count, begin, end, False, step))
        number += count
    return Layout(Segments(parts))


def _mark(variant: int) -> str:
    return f"-{variant}" if variant else ""


def media_uri(variant: int = 0) -> str:
    """Return the relative name of a media playlist."""
    return f"video{_mark(variant)}.m3u8"


def init_uri(variant: int = 0) -> str:
    """Return the relative name of an init segment."""
    return f"init{_mark(variant)}.mp4"


def segment_uri(index: int, variant: int = 0) -> str:
    """Return the relative name of a segment."""
    return f"s{index}{_mark(variant)}.m4s"


def master_playlist(variants: Sequence[tuple[int, VariantInfo]]) -> str:
    """Return the master playlist of numbered variants, best first.

    A single one stands there twice: Home Assistant's player drops a master with one variant and with it CODECS, and a
    browser without the codec then asks for segment 0 for ever (rule 6). All have the bandwidth of the largest: the
    others are for players that cannot decode it, not for those that measure how fast a recorder sends.
    """
    bandwidth = max(info.bandwidth for _, info in variants)
    entries = [
        f'#EXT-X-STREAM-INF:BANDWIDTH={bandwidth},CODECS="{info.codecs}",RESOLUTION={info.size[0]}x{info.size[1]}\n'
        f"{media_uri(number)}\n"
        for number, info in variants
    ]
    return "".join(("#EXTM3U\n#EXT-X-VERSION:7\n", *entries, *(entries if len(entries) == 1 else ())))


def _seconds(ticks: int) -> str:
    text = f"{ticks / RATE:.6f}".rstrip("0")
    return text + "0" if text.endswith(".") else text


def _date(ticks: int) -> str:
    return to_datetime(ticks).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def media_playlist(layout: Layout, variant: int = 0) -> str:
    """Return the media playlist of the whole span; its length does not change while it plays."""
    longest = max(segment.duration for segment in layout.segments)
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        f"#EXT-X-TARGETDURATION:{-(-longest // RATE)}",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        "#EXT-X-MEDIA-SEQUENCE:0",
        f'#EXT-X-MAP:URI="{init_uri(variant)}"',
    ]
    dated = True
    for segment in layout.segments:
        if dated:
            lines.append(f"#EXT-X-PROGRAM-DATE-TIME:{_date(segment.start)}")
        if segment.gap:
            lines.append("#EXT-X-GAP")
        dated = segment.gap
        lines += (f"#EXTINF:{_seconds(segment.duration)},", segment_uri(segment.index, variant))
    return "\n".join((*lines, "#EXT-X-ENDLIST", ""))
