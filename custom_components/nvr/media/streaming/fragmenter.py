"""From frames to fragments: each frame in one of its own at the start of a run, later a few together. Pure.

Frames are sent before it is known how long they last, so decode times are apart from the moments frames are shown at:
a player drops everything up to the next key frame where a decode time lies further behind the one before than twice
the length that one was said to have (Media Source Extensions, coded frame processing).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from ..cover import Sample
from ..fmp4 import TrackRun, TrackSample, fragment
from ..ticks import RATE

_USUAL: Final = RATE // 25
_LONGEST: Final = 2 * RATE
_NEW_GROUP: Final = RATE
_SINGLY: Final = RATE
_TOGETHER: Final = 12 * RATE // 100


@dataclass(frozen=True, slots=True)
class MediaTime:
    """Where in media time a moment is, both in ticks.

    Media time zero is `epoch`. From `anchor` on `factor` seconds of footage are one of media, fewer than 0 backwards.
    """

    epoch: int
    anchor: int = 0
    factor: float = 1.0

    def of(self, moment: int) -> int:
        """Return the media time of a moment."""
        if self.factor == 1.0:
            return moment - self.epoch
        return self.anchor - self.epoch + round((moment - self.anchor) / self.factor)


@dataclass(frozen=True, slots=True)
class Fragment:
    """A piece of fragmented MP4; `moment` of its first frame, `last` of the one that is shown last: all in ticks."""

    key: bool
    moment: int
    last: int
    duration: int
    data: bytes = field(repr=False)


class Sound(Protocol):
    """What gives the sound of a run."""

    def take(self, end: int) -> Sequence[TrackSample]:
        """Return what was heard and not given out yet, at least as far as pictures need it that end at `end`."""


@dataclass(slots=True)
class _Pending:
    sample: Sample
    media: int
    dts: int


class Fragmenter:
    """One run of a stream: frames in decode order, of one codec and one set of parameters."""

    def __init__(self, time: MediaTime, sound: Sound | None = None, *, whole: bool = False) -> None:
        """Begin. `whole`: a group of pictures is one fragment, and the caller ends it."""
        self._whole = whole
        self._time = time
        self._sound = sound
        self._sequence = 0
        self._pending: list[_Pending] = []
        self._first: int | None = None
        self._dts: int | None = None
        self._newest: int | None = None
        self._lag = 0
        self._length = self._declared = _USUAL

    def push(self, sample: Sample) -> list[Fragment]:
        """Take a frame and return the fragments that are ready: none or one, two around a key frame."""
        ready = self.flush() if sample.key else []
        media = self._time.of(sample.time)
        self._pending.append(_Pending(sample, media, self._decode_time(media, key=sample.key)))
        first = self._first = media if self._first is None else self._first
        begun = self._pending[0].media
        if self._whole:
            return ready
        if media - first < _SINGLY or media + self._length - begun >= _TOGETHER or media < begun:
            ready += self.flush()
        return ready

    def flush(self) -> list[Fragment]:
        """Return what is pending as a fragment."""
        pending, self._pending = self._pending, []
        if not pending:
            return []
        self._sequence += 1
        self._declared = self._length
        ends = [following.dts for following in pending[1:]]
        ends.append(pending[-1].dts + self._length)
        samples = [
            TrackSample(item.dts, end - item.dts, item.sample.key, item.sample.data, item.media - item.dts)
            for item, end in zip(pending, ends, strict=True)
        ]
        runs = [TrackRun(1, samples)]
        if self._sound is not None and (heard := self._sound.take(pending[-1].media + self._length)):
            runs.append(TrackRun(2, heard))
        begin = pending[0]
        duration = max(0, pending[-1].media - begin.media) + self._length
        data = fragment(self._sequence, runs)
        last = max(item.sample.time for item in pending)
        return [Fragment(begin.sample.key, begin.sample.time, last, duration, data)]

    def _decode_time(self, media: int, *, key: bool) -> int:
        """Return the decode time of a frame: it grows, in steps no player stumbles over, and not behind the frame."""
        before, newest = self._dts, self._newest
        if before is None or newest is None:
            self._dts = self._newest = media
            return media
        if media < newest:
            self._lag = max(self._lag, newest - media)
        elif media > newest:
            step = media - newest
            self._length = min(step, _LONGEST) if not self._lag else self._length
        self._newest = max(newest, media)
        wanted = media - self._lag
        # What is still pending is said to last until this frame; what was sent is not.
        if not self._pending and not (key and wanted - before > _NEW_GROUP):
            wanted = min(wanted, before + 2 * self._declared - 1)
        self._dts = max(before + 1, wanted)
        return self._dts
