"""A reader of footage: one session, the frames since the last key frame, and the position reached."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from ..core.errors import NvrError, NvrNotFoundError, NvrResponseError, NvrUnreachableError, NvrUnsupportedError
from .audio import AudioBuffer, AudioFormat, AudioUnit
from .cover import Sample, find_cut, head_of
from .joint import Joint
from .sources.base import FrameSource, Measured, Way
from .ticks import RATE, to_seconds

_MAX_BYTES = 64 * 1024 * 1024
_NEAR_END = 3 * RATE
_SEAM = 3 * RATE // 10
_END_SILENCE = 2.0
AUDIO_AHEAD = 3 * RATE // 10
"""How far behind a segment's end its sound must be heard: frames overlap, and at 8 kHz two of them last that long."""
_AUDIO_LATE = 2 * RATE
_AUDIO_KEPT = RATE
# A list may name the end of a file so much later than the last picture in it.
_LISTED_TOO_LONG = 15 * RATE
_CUT_SHORT = "the recorder ended the playback before the end of the footage"


class Opened(NamedTuple):
    """A source that was opened; it holds footage up to `until` (ticks), None for all that is asked for."""

    source: FrameSource
    until: int | None = None
    way: Way = Way.PLAYBACK


type Follow = Callable[[int], Awaitable[Opened]]
"""Opens what is recorded from a moment (ticks) on; raises NvrNotFoundError when nothing is."""


class FootageReader:
    """Frames of one session in order. `samples` begins with a key frame; those before `taken` were given out.

    Where a session ends before the footage does, the one that follows is read on from: `source` is the present one.
    """

    def __init__(
        self,
        source: FrameSource,
        asked: int,
        monotonic: Callable[[], float],
        *,
        until: int | None = None,
        follow: Follow | None = None,
        way: Way = Way.PLAYBACK,
    ) -> None:
        """`asked`: where the session was told to begin, in ticks since the epoch; `until` and `way` as in `Opened`."""
        self.source = source
        self.way = way
        self.until = until if follow is not None else None
        self.asked = asked
        self.position = asked
        self.floor = asked
        self.delivered: int | None = None
        self.ended = False
        self.answered = False
        self.samples: list[Sample] = []
        self.audio = AudioBuffer(source.audio) if source.audio is not None else None
        self._before: list[AudioBuffer] = []
        self._monotonic = monotonic
        self._follow = follow
        self._older = 0
        self._taken = 0
        self._bytes = 0
        self._reordered = False
        self._seam_broken = False
        self._generation = 0
        self._resumed: int | None = None
        self._joint: Joint | None = None

    @property
    def first_time(self) -> int | None:
        """When the oldest kept frame was recorded."""
        return self.samples[0].time if self.samples else None

    @property
    def sent(self) -> bool:
        """Whether anything came of the present source."""
        return self.delivered is not None or len(self.samples) > self._older

    @property
    def speed(self) -> float:
        """How many times faster than real time a download comes; 0 where that is not known."""
        return self.source.speed if isinstance(self.source, Measured) else 0.0

    def follows(self, start: int) -> bool:
        """Tell whether a segment that begins here goes on, frame for frame, where the last one ended."""
        return self.delivered == start and not self._seam_broken

    async def measure(self, least: float = 0.7, enough: float = 3.0, factor: float = 2.5) -> bool:
        """Read a little and return whether the recorder delivers in real time only.

        Reads until `enough` seconds of footage behind the asked moment have come, or for `least` seconds from the first
        frame; faster than `factor` is fast. Raises what `read_more` raises.
        """
        await self._advance()
        begun = self._monotonic()
        # A file may come from its beginning on, however far before the asked moment that is.
        since = self.asked if self.way is Way.PLAYBACK else 0
        while not self.ended:
            elapsed = self._monotonic() - begun
            footage = to_seconds(self.position - max(since, self.first_time or self.asked))
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
        while not (self._reaches(end) and self._hears(end)) and (not self.ended or await self._goes_on(end, last)):
            await self._advance(last)
            if start is not None and self.position <= start:
                self._pass_over()

    async def _advance(self, last: int | None = None) -> None:
        """Take the next frames, of the session that follows where the present one has no more.

        `last`: where the footage ends that is wanted, in ticks. A session ends by silence or by hanging up.
        """
        borders = [border for border in (last, self.until) if border is not None]
        known = bool(self.samples) or self.until is not None
        near = known and bool(borders) and self.position >= min(borders) - _NEAR_END
        try:
            await self.read_more(_END_SILENCE if near else None)
        except NvrUnreachableError:
            if not near:
                raise
            self.ended = True
        if self.ended and not self.samples:
            await self._go_on(last)

    async def _goes_on(self, end: int, last: int) -> bool:
        """Open the session that follows; where only sound is wanting, it may fail: whoever wants pictures is told."""
        try:
            return await self._go_on(last)
        except NvrError:
            if not self._reaches(end):
                raise
            return False

    async def _go_on(self, last: int | None) -> bool:
        """Open the session that follows where the present one ended; False when there is none, or it is not wanted.

        One that ended early is opened once more where it ended; raises NvrResponseError when that brings nothing.
        """
        until = self.until
        if self._follow is None or until is None:
            return False
        wanted = until if last is None else min(until, last)
        early = self._ended_early(wanted)
        if not early and last is not None and until >= last:
            return False
        self._listen()  # a session that hung up may have left something
        await self.source.close()
        # Set first: whoever is cancelled or refused here goes on here the next time.
        self.ended = True
        # One that was still being written may have gone on.
        begin = self.position if early else max(until, self.position)
        try:
            following = await self._follow(begin)
        except NvrNotFoundError:
            if early and begin < wanted - _LISTED_TOO_LONG:
                raise NvrResponseError(_CUT_SHORT) from None
            self.until = None
            return False
        if following.source.codec is not self.source.codec:
            await following.source.close()
            raise NvrUnsupportedError("the recording goes on in another codec")
        self.source, self.until, self.way = following
        # Downloads begin at a key frame, before the asked moment.
        self._joint = Joint(self.samples[-1]) if self.way is Way.DOWNLOAD and self.samples else None
        if self.until is not None and self.until <= (begin if early else until):
            self.until = None
        self._resumed = begin if early else None
        self.ended = False
        self.position = begin
        self._older = len(self.samples)
        self._sound_on()
        self._generation = self.source.clock.generation
        return True

    def _ended_early(self, wanted: int) -> bool:
        """Tell whether the session ended well before `wanted`, and has not yet been opened again where it did.

        Twice at the same place is the end, as far as a list may err; beyond that raises NvrResponseError.
        """
        if self.position >= wanted - _NEAR_END:
            return False
        if self._resumed is None or self.position >= self._resumed + _NEAR_END:
            return True
        if self.position < wanted - _LISTED_TOO_LONG:
            raise NvrResponseError(_CUT_SHORT)
        return False

    async def read_more(self, silence: float | None = None) -> None:
        """Take the next frames of the session; raises NvrResponseError when far too much came without a cut."""
        came = await self.source.read(silence)
        fresh = came if self._joint is None else self._joint.push(came)
        shift, self.source.correction = self.source.correction, 0
        if shift:
            own = self.samples[self._older :]
            for sample in own:
                sample.time += shift
            self.position += shift if own else 0
            self._seam_broken = self._seam_broken or (self.delivered is not None and abs(shift) > _SEAM)
        moved = self.source.clock.generation != self._generation
        self._generation = self.source.clock.generation
        for sample in fresh:
            self._add(sample, moved=moved)
        self._listen()
        self.ended = not came
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

    def heard(self, start: int, end: int) -> list[tuple[AudioFormat, list[AudioUnit]]]:
        """Return what begins in `[start, end)`, in order, apart where a file sounds in another format than before."""
        buffers = [*self._before, *([self.audio] if self.audio is not None else [])]
        found = [(buffer.source, buffer.between(start, end)) for buffer in buffers]
        return [(source, units) for source, units in found if units]

    def _sound_on(self) -> None:
        """Let the sound of the session that follows stand behind what was heard; silence needs nothing."""
        source = self.source.audio
        if source is None:
            return
        if self.audio is not None and source == self.audio.source:
            self.audio.go_on()
            return
        since = None
        if self.audio is not None:
            since = self.audio.position
            self._before.append(self.audio)
        self.audio = AudioBuffer(source, since)

    def _listen(self) -> None:
        shift, units = self.source.take_audio()
        if self._joint is not None and self._joint.shift:
            for unit in units:
                unit.time += self._joint.shift
        if self.audio is not None:
            if shift:
                self.audio.shift(shift)
            self.audio.add(units)

    def _add(self, sample: Sample, *, moved: bool) -> None:
        if self.samples and sample.time < self.samples[-1].time:
            # Files of one recording may overlap by a second.
            overlap = self._older and sample.time <= self.samples[self._older - 1].time
            if moved or overlap or self.samples[-1].time - sample.time > RATE:
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
        self._older = max(0, self._older - count)
        self._taken = max(0, self._taken - count)
        if self.audio is not None and self.samples:
            for buffer in (*self._before, self.audio):
                buffer.drop_before(self.samples[0].time - _AUDIO_KEPT)
            self._before = [buffer for buffer in self._before if buffer.units]
