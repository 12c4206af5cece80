"""What a camera sends: codecs, sizes, rates and where its groups of pictures begin.

Times are ticks: 1/90000 s since 1970, UTC.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from random import Random
from typing import Literal

TICKS = 90_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RANDOM_SLOT_SECONDS = 20

type VideoCodec = Literal["h264", "h265"]
type AudioCodec = Literal["pcmu", "pcma", "pcm_s16le", "aac"]


def to_ticks(moment: datetime) -> int:
    """Return a moment in ticks."""
    return (moment - _EPOCH) // timedelta(microseconds=1) * 9 // 100


def from_ticks(ticks: int) -> datetime:
    """Return the moment of a tick count, UTC."""
    return _EPOCH + timedelta(microseconds=ticks * 100 // 9)


@dataclass(frozen=True, slots=True)
class GopRule:
    """Length of a group of pictures in seconds: fixed (a divisor of 20), or drawn between two bounds."""

    seconds: float = 2.0
    random: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class AudioProfile:
    """Sound of a stream. `payload` and `rtpmap` overrule what the codec would be announced as."""

    codec: AudioCodec = "pcmu"
    rate: int = 8000
    payload: int | None = None
    rtpmap: str | None = None


@dataclass(frozen=True, slots=True)
class SizeChange:
    """From a moment on the pictures have another size."""

    at: datetime
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class VideoProfile:
    """One stream of a camera. Width must be a multiple of 16, height of 2; 90000 / fps a whole number."""

    codec: VideoCodec = "h264"
    width: int = 960
    height: int = 540
    fps: float = 12.5
    gop: GopRule = GopRule()
    bit_rate: int = 384_000
    b_frames: int = 0
    repeat_headers: bool = True
    audio: AudioProfile | None = None
    changes: tuple[SizeChange, ...] = ()

    @property
    def frame_ticks(self) -> int:
        """Ticks from one picture to the next."""
        return round(TICKS / self.fps)

    def size_at(self, ticks: int) -> tuple[int, int]:
        """Return width and height of a group that begins at `ticks`."""
        size = (self.width, self.height)
        for change in self.changes:
            if ticks >= to_ticks(change.at):
                size = (change.width, change.height)
        return size

    def first_frame(self, ticks: int) -> int:
        """Return the first picture at or after a moment."""
        return -(-ticks // self.frame_ticks) * self.frame_ticks


@dataclass(slots=True)
class Camera:
    """One channel: its name in the picture, its scene and its streams by role (main, sub, third)."""

    number: int
    name: str
    streams: dict[str, VideoProfile] = field(default_factory=lambda: {"main": VideoProfile()})
    scene: str | None = None
    time_code_channel: int | None = None


@lru_cache(maxsize=512)
def _random_borders(rule: GopRule, frame: int, channel: int, slot: int) -> tuple[int, ...]:
    low, high = rule.random or (1.0, 10.0)
    rng = Random(f"gop/{channel}/{slot}")
    position, end = slot * _RANDOM_SLOT_SECONDS * TICKS, (slot + 1) * _RANDOM_SLOT_SECONDS * TICKS
    borders = [position]
    while True:
        position += max(1, round(rng.uniform(low, high) * TICKS / frame)) * frame
        if position >= end - low * TICKS:
            break
        borders.append(position)
    return (*borders, end)


def gop_bounds(profile: VideoProfile, channel: int, ticks: int) -> tuple[int, int]:
    """Return first picture and end of the group that holds a moment, in ticks."""
    rule, frame = profile.gop, profile.frame_ticks
    if rule.random is None:
        length = round(rule.seconds * TICKS / frame) * frame
        start = ticks // length * length
        return start, start + length
    borders = _random_borders(rule, frame, channel, ticks // (_RANDOM_SLOT_SECONDS * TICKS))
    index = next(i for i in range(len(borders) - 1) if borders[i + 1] > ticks)
    return borders[index], borders[index + 1]
