"""Other ways through footage than forwards at its own pace: key frames only, backwards, one picture at a time.

Recorders offer little of it, so most is done by reading forwards in pieces. Between pieces nothing is open on the
recorder.
"""

from dataclasses import dataclass, replace
import time
from typing import Final

from ...core.errors import NvrNotFoundError, NvrResponseError
from ...core.models import VideoCodec
from ..audio import AudioFormat, AudioUnit
from ..cover import MOST_BYTES, Sample
from ..fmp4 import VideoSets
from ..ticks import RATE
from .feed import Batch, Feed, FeedOptions
from .playback_feed import Footage, PlaybackFeed

KEYS_ABOVE: Final = 4.0
"""Faster than this only key frames are shown: no browser decodes all of them."""
# Scaled further up, some recorders leave out what lies between key frames (hikvision-isapi 9.2).
_WHOLE_SCALE: Final = 2.0
_SEAM: Final = 2 * RATE
_PICTURE_EVERY: Final = 0.25
_SPARE: Final = 1.25
_FIRST_PIECE: Final = RATE
_PIECE: Final = 4 * RATE
_NEAR: Final = RATE // 200
_MOST_TRIES: Final = 8


@dataclass(frozen=True, slots=True)
class Run:
    """What is played from a moment (ticks) on, backwards below a speed of 0. `epoch`: the moment of media time zero.

    `step`: one picture only, the following one (1) or the one before (-1). `stills`: key frames, as JPEG.
    """

    start: int
    speed: float = 1.0
    keys: bool = False
    epoch: int = 0
    step: int = 0
    stills: bool = False

    @property
    def only_keys(self) -> bool:
        """Whether what lies between key frames is left out."""
        return self.keys or self.stills or abs(self.speed) > KEYS_ABOVE

    @property
    def squeezed(self) -> bool:
        """Whether media time is not that of the footage: the viewer plays it at 1x."""
        return abs(self.speed) > KEYS_ABOVE or (self.only_keys and self.speed < 0)

    @property
    def in_groups(self) -> bool:
        """Whether groups of pictures come one by one, the newest first; the viewer steps back through each."""
        return self.step != 0 or (self.speed < 0 and not self.only_keys)


def scale_for(scales: tuple[float, ...], speed: float) -> float:
    """Return how fast the recorder is told to send; 1 where it offers nothing that helps; pure."""
    return max((scale for scale in scales if 1.0 < scale <= speed), default=1.0)


async def open_run(footage: Footage, run: Run, options: FeedOptions) -> Feed:
    """Return what a run reads, open. Raises NvrError subclasses."""
    if run.step:
        return await _opened(StepFeed(footage, run, options))
    scale = 1.0 if options.fast else scale_for(footage.scales, abs(run.speed))
    if run.speed < 0:
        whole = min(scale, _WHOLE_SCALE)
        keys = run.only_keys or (run.speed < -1.0 and not options.fast and whole < -run.speed)
        if keys:
            return await _opened(HopFeed(footage, run, options))
        return await _opened(ReverseFeed(footage, run, replace(options, scale=whole)))
    if run.only_keys and run.speed > 1.0 and scale == 1.0 and not options.fast:
        return await _opened(HopFeed(footage, run, options))
    feed = PlaybackFeed(footage, run.start, replace(options, scale=scale))
    await feed.open()
    if run.only_keys and scale > 1.0 and feed.scale == 1.0:
        await feed.close()  # it agreed to nothing
        return await _opened(HopFeed(footage, run, options))
    return feed


async def _opened(feed: _PieceFeed) -> Feed:
    try:
        await feed.begin()
    except BaseException:
        await feed.close()
        raise
    return feed


class _PieceFeed:
    """Reads in pieces; `codec` and `sets` are those of the newest one."""

    def __init__(self, footage: Footage, run: Run, options: FeedOptions) -> None:
        """Prepare; no I/O."""
        self.codec = VideoCodec.UNKNOWN
        self.sets: VideoSets | None = None
        self.audio: AudioFormat | None = None
        self._footage = footage
        self._run = run
        self._options = replace(options, sound=False)
        self._piece: PlaybackFeed | None = None
        self._waiting: list[Batch] = []

    async def begin(self) -> None:
        """Read the first piece. Raises NvrError subclasses."""
        first: list[Batch] = []
        while self.codec is VideoCodec.UNKNOWN:
            batch = await self._next()
            if batch.ended:
                raise NvrNotFoundError("nothing was recorded there")
            first.append(batch)
        self._waiting = first + self._waiting

    async def read(self) -> Batch:
        """Return what comes next."""
        return self._waiting.pop(0) if self._waiting else await self._next()

    def take_audio(self) -> tuple[int, list[AudioUnit]]:
        """There is no sound."""
        return 0, []

    async def pause(self) -> None:
        """Nothing is open between pieces."""

    async def rest(self) -> None:
        """Nothing is open between pieces."""

    async def resume(self) -> None:
        """The next piece goes on."""

    async def close(self) -> None:
        """End the session of a piece."""
        piece, self._piece = self._piece, None
        if piece is not None:
            await piece.close()

    async def _next(self) -> Batch:
        raise NotImplementedError

    async def _open(self, moment: int) -> PlaybackFeed:
        await self.close()
        piece = self._piece = PlaybackFeed(self._footage, moment, self._options)
        await piece.open()
        return piece

    def _note(self, piece: PlaybackFeed) -> None:
        self.codec, self.sets = piece.codec, piece.sets

    async def _until(self, start: int, end: int) -> list[Sample]:
        """Return the frames from the key frame at or before `start` up to `end`, which is left out."""
        piece = await self._open(start)
        found: list[Sample] = []
        while True:
            batch = await piece.read()
            if batch.gap is not None or batch.ended:
                break
            self._note(piece)
            found += [sample for sample in batch.samples if sample.time < end]
            _check_size(found)
            if batch.samples and batch.samples[-1].time >= end:
                break
        await self.close()
        return found


class HopFeed(_PieceFeed):
    """Key frames far apart, each by a session of its own, forwards or backwards: any recorder can do that."""

    def __init__(self, footage: Footage, run: Run, options: FeedOptions) -> None:
        """Prepare; no I/O."""
        super().__init__(footage, run, options)
        self._moment = run.start
        self._last: int | None = None
        self._took = _PICTURE_EVERY
        self._hole = _SEAM

    async def _next(self) -> Batch:
        back = self._run.speed < 0
        for _ in range(_MOST_TRIES * 4):
            if back and (gap := await self._gap_before()) is not None:
                return gap
            begun = time.monotonic()
            try:
                found = await self._key(self._moment)
            except NvrNotFoundError:
                if self._last is None:
                    raise
                if not await self._pass_over():
                    return Batch(ended=True)
                continue
            self._hole = _SEAM
            self._took = max(_PICTURE_EVERY, (time.monotonic() - begun) * _SPARE)
            self._moment += round(self._took * self._run.speed * RATE)
            if found.gap is not None:
                self._moment = found.gap[1]
                return found
            (sample,) = found.samples
            new = self._last is None or (sample.time < self._last if back else sample.time > self._last)
            if new:
                self._last = sample.time
                return found
        raise NvrResponseError("the recorder shows the same picture again and again")

    async def _pass_over(self) -> bool:
        """Go on behind what is listed and not there, further each time; False where nothing more is listed."""
        hole, self._hole = self._hole, self._hole * 2
        if self._run.speed < 0:
            self._moment -= hole
            return True
        span = await self._footage.recorded(self._moment)
        end = self._footage.limit()
        if span is None or max(self._moment, span[0]) >= end:
            return False
        # What is missing may be much less than what is listed in one piece.
        self._moment = min(max(self._moment, span[0]) + hole, span[1])
        return self._moment < end

    async def _gap_before(self) -> Batch | None:
        """Go over a gap backwards; the end, where nothing was recorded before."""
        span = await self._footage.before(self._moment)
        if span is None:
            return Batch(ended=True)
        if span[1] >= self._moment - _SEAM:
            return None
        gap = Batch(gap=(span[1], self._moment))
        self._moment = max(span[0], span[1] - _SEAM)
        return gap

    async def _key(self, moment: int) -> Batch:
        piece = await self._open(moment)
        try:
            while True:
                batch = await piece.read()
                if batch.gap is not None:
                    return batch
                if batch.ended:
                    raise NvrNotFoundError("there is no picture behind that moment")
                if batch.samples:
                    self._note(piece)
                    return Batch(batch.samples[:1])
        finally:
            await self.close()


class ReverseFeed(_PieceFeed):
    """Whole groups of pictures, the newest first."""

    def __init__(self, footage: Footage, run: Run, options: FeedOptions) -> None:
        """Prepare; no I/O."""
        super().__init__(footage, run, options)
        self._end = run.start
        self._length = _FIRST_PIECE

    async def _next(self) -> Batch:
        for _ in range(_MOST_TRIES):
            span = await self._footage.before(self._end)
            if span is None:
                return Batch(ended=True)
            if span[1] < self._end - _SEAM:
                gap, self._end = (span[1], self._end), span[1]
                return Batch(gap=gap)
            start = max(span[0], self._end - self._length)
            self._length = min(self._length * 2, _PIECE)
            groups = _groups(await self._until(start, self._end))
            if groups:
                self._end = groups[0][0].time
                following = [Batch(group) for group in reversed(groups)]
                self._waiting += following[1:]
                return following[0]
            self._end = start
        raise NvrResponseError("the recorder has no pictures where it says it recorded")


class StepFeed(_PieceFeed):
    """One picture and those it is made of; the last of the batch is the one to show."""

    async def _next(self) -> Batch:
        at, self_step = self._run.start, self._run.step
        if self_step < 0:
            for reach in (RATE // 2, 4 * RATE):
                found = await self._until(at - reach, at - _NEAR)
                if found:
                    return Batch(_groups(found)[-1])
            raise NvrNotFoundError("there is no picture before that moment")
        piece = await self._open(at)
        group: list[Sample] = []
        while True:
            batch = await piece.read()
            if batch.ended or batch.gap is not None:
                raise NvrNotFoundError("there is no picture behind that moment")
            self._note(piece)
            for sample in batch.samples:
                if sample.key:
                    group.clear()
                group.append(sample)
                if sample.time > at + _NEAR:
                    await self.close()
                    return Batch(group)
            _check_size(group)


def _check_size(samples: list[Sample]) -> None:
    """Raise NvrResponseError where a recorder whose clock stands still would fill all memory there is."""
    if sum(len(sample.data) for sample in samples) > MOST_BYTES:
        raise NvrResponseError("the recorder sends far more than a recording holds")


def _groups(samples: list[Sample]) -> list[list[Sample]]:
    """Return whole groups of pictures, in order."""
    groups: list[list[Sample]] = []
    for sample in samples:
        if sample.key:
            groups.append([sample])
        elif groups:
            groups[-1].append(sample)
    return groups
