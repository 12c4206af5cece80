"""A reader of footage: one session, the frames since the last key frame, and the position reached."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from ..core.errors import NvrResponseError, NvrUnreachableError
from ..core.models import VideoCodec
from .audio import AudioBuffer, AudioFormat, AudioUnit
from .cover import Sample, find_cut, head_of
from .fmp4 import VideoSets
from .rtsp.wallclock import WallClock
from .ticks import RATE, to_seconds

_MAX_BYTES = 64 * 1024 * 1024
_NEAR_END = 3 * RATE
_SEAM = 3 * RATE // 10
AUDIO_AHEAD = 3 * RATE // 10
"""How far behind a segment's end its sound must be heard: frames overlap, and at 8 kHz two of them last that long."""
_AUDIO_LATE = 2 * RATE
_AUDIO_KEPT = RATE


class FrameSource(Protocol):
    """What a reader reads from: an open playback session.

    `correction`: by how many ticks the frames of earlier reads must be moved; the reader sets it back to 0.
    """

    codec: VideoCodec
    clock: WallClock
    correction: int

    @property
    def sets(self) -> VideoSets | None:
        """The newest parameter sets."""

    @property
    def audio(self) -> AudioFormat | None:
        """What sounds; None for silent footage."""

    async def read(self, silence: float | None = None) -> list[Sample]:
        """Return the next frames; an empty list at the end of the footage."""

    def take_audio(self) -> tuple[int, list[AudioUnit]]:
        """Return what was heard since the last time, and by how many ticks that of earlier times must be moved."""

    async def close(self) -> None:
        """End the session on the recorder."""


class FootageReader:
    """Frames of one session in order. `samples` begins with a key frame; those before `taken` were given out."""

    def __init__(self, source: FrameSource, asked: int, monotonic: Callable[[], float]) -> None:
        """`asked`: where the session was told to begin, in ticks since the epoch."""
        self.source = source
        self.asked = asked
        self.position = asked
        self.floor = asked
        self.delivered: int | None = None
        self.ended = False
        self.answered = False
        self.samples: list[Sample] = []
        self.audio = AudioBuffer(source.audio) if source.audio is not None else None
        self._monotonic = monotonic
        self._taken = 0
        self._bytes = 0
        self._reordered = False
        self._seam_broken = False
        self._generation = 0

    @property
    def first_time(self) -> int | None:
        """When the oldest kept frame was recorded."""
        return self.samples[0].time if self.samples else None

    def follows(self, start: int) -> bool:
        """Tell whether a segment that begins here goes on, frame for frame, where the last one ended."""
        return self.delivered == start and not self._seam_broken

    async def measure(self, least: float = 0.7, enough: float = 3.0, factor: float = 2.5) -> bool:
        """Read a little and return whether the recorder delivers in real time only.

        Reads until `enough` seconds of footage behind the asked moment have come, or for `least` seconds from the first
        frame; faster than `factor` is fast. Raises what `read_more` raises.
        """
        await self.read_more()
        begun = self._monotonic()
        while not self.ended:
            elapsed = self._monotonic() - begun
            footage = to_seconds(self.position - max(self.asked, self.first_time or self.asked))
            if footage >= enough:
                return footage < factor * elapsed
            if elapsed >= least:
                return footage < factor * elapsed
            try:
                async with asyncio.timeout(least - elapsed):
                    await self.read_more()
            except TimeoutError:
                continue
        return False

    async def read_until(self, end: int, last: int, start: int | None = None) -> None:
        """Read until a segment that ends at `end` can be cut; `last` is where the recorded interval ends.

        With `start`, where the segment begins, what nobody will want of the way there is not kept: a minute of 4K is
        more than a reader may hold.
        Recorders fall silent or hang up at the end of the footage (hikvision-isapi 9.1): near `last` that is the end,
        elsewhere it raises NvrTimeoutError or NvrUnreachableError.
        """
        while not self.ended and not (self._reaches(end) and self._hears(end)):
            near = bool(self.samples) and self.position >= last - _NEAR_END
            try:
                await self.read_more(2.0 if near else None)
            except NvrUnreachableError:
                if not near:
                    raise
                self.ended = True
            if start is not None and self.position <= start:
                self._pass_over()

    async def read_more(self, silence: float | None = None) -> None:
        """Take the next frames of the session; raises NvrResponseError when far too much came without a cut."""
        fresh = await self.source.read(silence)
        shift, self.source.correction = self.source.correction, 0
        if shift:
            for sample in self.samples:
                sample.time += shift
            self.position += shift if self.samples else 0
            self._seam_broken = self._seam_broken or (self.delivered is not None and abs(shift) > _SEAM)
        moved = self.source.clock.generation != self._generation
        self._generation = self.source.clock.generation
        for sample in fresh:
            self._add(sample, moved=moved)
        self._listen()
        self.ended = not fresh
        if self._bytes > _MAX_BYTES:
            raise NvrResponseError("the recorder sends far more than a recording holds")

    def take(self, start: int, end: int, *, follows: bool) -> tuple[list[Sample], list[Sample]]:
        """Return head and body of the segment `[start, end)` after `read_until`; both empty without a frame yet."""
        begin = self._taken
        if not follows:
            begin = self._cut(0, start)
        stop = self._cut(begin, end)
        body = self.samples[begin:stop]
        head: list[Sample] = []
        if not body or not (follows or body[0].key):
            key = head_of(self.samples, begin)
            head = self.samples[key:begin] if key is not None else []
        self._taken, self.delivered = stop, end
        self._seam_broken = not head and not body
        self._forget()
        return head, body

    def _pass_over(self) -> None:
        """Drop the whole groups of pictures before the newest one."""
        keep = head_of(self.samples, len(self.samples)) or 0
        jumped = keep > self._taken
        self._drop(keep)
        if jumped:
            # What comes next no longer goes on where the last segment ended, whoever asks for that.
            self._seam_broken = True
            self.floor = self.samples[0].time

    def _cut(self, begin: int, moment: int) -> int:
        found = find_cut(self.samples, begin, moment, reordered=self._reordered, complete=True)
        return len(self.samples) if found is None else found

    def _reaches(self, end: int) -> bool:
        if not self._reordered:
            return bool(self.samples) and self.samples[-1].time >= end
        return find_cut(self.samples, self._taken, end, reordered=True) is not None

    def _hears(self, end: int) -> bool:
        """Tell whether the sound of a segment that ends there has come, or is not worth waiting for."""
        if self.audio is None:
            return True
        heard = self.audio.position if self.audio.position is not None else self.samples[0].time
        return heard >= end + AUDIO_AHEAD or self.position > max(heard, self.samples[0].time) + _AUDIO_LATE

    def _listen(self) -> None:
        shift, units = self.source.take_audio()
        if self.audio is not None:
            if shift:
                self.audio.shift(shift)
            self.audio.add(units)

    def _add(self, sample: Sample, *, moved: bool) -> None:
        if self.samples and sample.time < self.samples[-1].time:
            if moved or self.samples[-1].time - sample.time > RATE:
                sample.time = self.samples[-1].time + 1
            else:
                self._reordered = True
        if not self.samples:
            self.floor = min(self.floor, sample.time)
            self.position = sample.time
        self.position = max(self.position, sample.time)
        self.samples.append(sample)
        self._bytes += len(sample.data)

    def _forget(self) -> None:
        """Drop what no later segment can need: all before the last key frame that was given out."""
        self._drop(head_of(self.samples, self._taken) or 0)
        self.floor = min(self.samples[0].time, self.delivered or self.asked) if self.samples else self.asked

    def _drop(self, count: int) -> None:
        """Keep all but the oldest `count` frames."""
        if not count:
            return
        self._bytes -= sum(len(sample.data) for sample in self.samples[:count])
        del self.samples[:count]
        self._taken = max(0, self._taken - count)
        if self.audio is not None and self.samples:
            self.audio.drop_before(self.samples[0].time - _AUDIO_KEPT)
