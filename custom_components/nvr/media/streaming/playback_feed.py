"""The footage of a camera, as a stream reads it: across sources, files and gaps.

Nothing is read ahead: a viewer who takes nothing holds the recorder back through TCP, and `pause` tells it to wait.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
import time
from typing import Final

from ...core.driver import CredentialGuard, DownloadSource, PlaybackSource
from ...core.errors import (
    NvrBusyError,
    NvrError,
    NvrNoSessionError,
    NvrNotFoundError,
    NvrResponseError,
    NvrTimeoutError,
    NvrUnreachableError,
    NvrUnsupportedError,
)
from ...core.models import RecordingSegment, StreamRole, TimeSpan, VideoCodec
from ..audio import AudioFormat, AudioUnit
from ..cover import MOST_BYTES, Sample
from ..fmp4 import VideoSets
from ..footage import Opened
from ..joint import Joint
from ..pool import WorkPool
from ..rtsp.session import RtspSession
from ..seam import END_SILENCE, Seam
from ..sources.base import FrameSource, Way
from ..sources.choice import SourceMemory
from ..sources.download import DownloadedFootage
from ..sources.local import Mp4Footage
from ..sources.opener import SourceOpener
from ..ticks import RATE, to_datetime
from .feed import Batch, FeedOptions

_BREAK: Final = 2 * RATE
_ASK_AGAIN: Final = 0.3
# A download that begins so far before what was asked for does so each time.
_FAR: Final = 5 * RATE
_LOOK_AGAIN: Final = 1.0
# How much further it is read where the search for what follows failed.
_BLIND: Final = 5 * RATE
# What opens a source looks at the end alone; a span has to begin somewhere.
_ALL: Final = timedelta(days=30)

type Recorded = Callable[[int], Awaitable[tuple[int, int] | None]]
"""Returns the first recorded span that ends behind a moment (all in ticks), None when there is none (yet)."""


@dataclass(frozen=True, slots=True)
class Footage:
    """What is played: from where, which channel and stream, where it was recorded, and where it has to end.

    `before` returns the last recorded span that begins before a moment. `files`: what `recorded` and `before` have come
    across, for downloads. `memory`: what was learned of the recorder's ways. `scales`: speeds the recorder offers.
    """

    source: PlaybackSource | None
    guard: CredentialGuard
    channel: int
    role: StreamRole
    recorded: Recorded
    before: Recorded
    limit: Callable[[], int]
    pool: WorkPool
    memory: SourceMemory
    downloads: DownloadSource | None = None
    files: Callable[[], Sequence[RecordingSegment]] = tuple
    scales: tuple[float, ...] = (1.0,)

    @property
    def segments(self) -> Sequence[RecordingSegment]:
        """The files as far as they are known."""
        return self.files()

    @property
    def span(self) -> TimeSpan:
        """All there is by now."""
        end = to_datetime(self.limit())
        return TimeSpan(end - _ALL, end)


class PlaybackFeed:
    """Footage from a moment on, by the best way the recorder offers: its playback, or a download.

    One source for what was recorded without a break, where the recorder has it in one piece; a new one behind each gap.
    """

    def __init__(self, footage: Footage, start: int, options: FeedOptions) -> None:
        """`start` in ticks; no I/O."""
        self.codec = VideoCodec.UNKNOWN
        self.sets: VideoSets | None = None
        self.audio: AudioFormat | None = None
        self._footage = footage
        self._options = options
        self._opener = SourceOpener(
            footage,
            footage.memory,
            limits=options.limits,
            pool=footage.pool,
            monotonic=time.monotonic,
            sound=options.sound,
            scale=options.scale,
            at_once=True,
        )
        self._source: FrameSource | None = None
        self._way = Way.PLAYBACK
        self._sent = False
        self._seam = Seam()
        self._position = start
        self._span_end = start
        self._gap: tuple[int, int] | None = None
        self._newest: Sample | None = None
        self._reached: int | None = None
        self._skip_to: int | None = None
        self._crossed = False
        self._late: list[Sample] = []
        self._joint: Joint | None = None
        self._lead_in: list[Sample] | None = None
        self._asked = start
        self._began: int | None = None
        self._heard: int | None = None
        self._repeats = False

    @property
    def position(self) -> int:
        """How far it was read."""
        return self._position

    @property
    def scale(self) -> float:
        """How much faster than real time the recorder agreed to send; downloads come as fast as they can."""
        return self._source.scale if isinstance(self._source, RtspSession) else self._options.scale

    async def open(self) -> None:
        """Begin at the first footage; raises NvrNotFoundError when there is none, and other NvrError subclasses."""
        start = self._position
        span = await self._footage.recorded(start)
        if span is None:
            raise NvrNotFoundError("nothing was recorded there")
        try:
            await self._enter(span, start)
        except BaseException:
            await self.close()
            raise

    async def read(self) -> Batch:
        """Return frames of what was recorded without a break, a gap before those behind it, or the end."""
        if self._gap is not None:
            gap, self._gap = self._gap, None
            return Batch(gap=gap)
        if self._late:
            late, self._late = self._late, []
            return Batch(late)
        if self._crossed:
            self._crossed = False
            return await self._follow()
        if self._source is None:
            raise NvrUnreachableError("the session is closed")
        near = self._seam.is_near(self._position, self._span_end)
        try:
            samples = await self._source.read(END_SILENCE if near else None)
        except (NvrUnreachableError, NvrResponseError, NvrBusyError) as err:
            if isinstance(err, NvrTimeoutError) and self._seam.may_be_over(self._position, self._span_end):
                return await self._ended(over=True)
            if not near or not isinstance(err, NvrUnreachableError):
                await self._recover(err)
                return Batch()
            samples = []
        self._source.correction = 0
        if not self._options.sound:
            self._source.take_audio()  # a download brings it all the same
        if not samples:
            # What was held to find the seam comes first; the source ends once more then.
            held = self._joint.flush() if self._joint is not None else []
            return Batch(self._fresh(held)) if held else await self._ended()
        if not self._sent:
            self._sent = True
            self._footage.memory.worked(self._way)
        self.sets = self._source.sets
        if samples[-1].time >= self._span_end:
            await self._extend()
        return Batch(self._fresh(self._joined(samples)))

    def take_audio(self) -> tuple[int, list[AudioUnit]]:
        """Return what was heard since the last time; what another source sounds like is left out."""
        if self._source is None:
            return 0, []
        shift, units = self._source.take_audio()
        if self._source.audio != self.audio:
            return 0, []
        if self._joint is not None:
            for unit in units:
                unit.time += self._joint.shift
        if self._heard is not None:
            self._heard += shift
            # A source that was opened anew, or resumed, repeats what was heard.
            units = [unit for unit in units if not self._repeats or unit.time > self._heard]
        if units:
            self._repeats = False
            self._heard = units[-1].time
        return shift, units

    async def pause(self) -> None:
        """Let the recorder stop sending; one that does not know how is left, as is a download that begins anywhere."""
        if isinstance(self._source, RtspSession):
            try:
                self._late += self._fresh(await self._source.pause())
            except NvrError:
                pass
            else:
                return
        if not self._holds_back:
            await self.close()

    async def rest(self) -> None:
        """Keep what is paused alive, until cancelled; a download only while nobody else waits for one."""
        while isinstance(self._source, DownloadedFootage):
            if self._source.wanted:
                await self.close()
                return
            await asyncio.sleep(_LOOK_AGAIN)
        if isinstance(self._source, RtspSession):
            try:
                await self._source.rest()
            except NvrError:
                await self.close()

    async def resume(self) -> None:
        """Go on where it was paused."""
        if self._holds_back:
            return
        self._skip_to, self._repeats = self._reached, True
        if isinstance(self._source, RtspSession):
            try:
                await self._source.resume()
            except NvrError:
                await self.close()
            else:
                return
        try:
            await self._reopen(self._position)
        except NvrNotFoundError:
            # It was paused at its very end.
            self._crossed = True

    async def close(self) -> None:
        """End the session on the recorder."""
        source, self._source = self._source, None
        if source is not None:
            await source.close()
            self._options.parting.note()

    @property
    def _holds_back(self) -> bool:
        """Whether the source just waits where nobody reads: what would come again from its beginning is not left."""
        if isinstance(self._source, DownloadedFootage):
            return self._began is not None and self._began < self._asked - _FAR
        return isinstance(self._source, Mp4Footage)

    def _joined(self, samples: list[Sample]) -> list[Sample]:
        """Return what is new of a download: it begins at a key frame, however far before the asked moment."""
        self._began = samples[0].time if self._began is None else self._began
        if self._joint is not None:
            samples = self._joint.push(samples)
        if self._lead_in is None:
            return samples
        for sample in samples:
            if sample.key and sample.time <= self._asked:
                self._lead_in.clear()
            self._lead_in.append(sample)
        if sum(len(sample.data) for sample in self._lead_in) > MOST_BYTES:
            raise NvrResponseError("the recorder sends far more than a recording holds")
        if not samples or samples[-1].time < self._asked:
            return []
        found, self._lead_in = self._lead_in, None
        return found

    def _fresh(self, samples: list[Sample]) -> list[Sample]:
        """Return the frames that are wanted and were not read before."""
        kept = []
        for sample in samples:
            if sample.time >= self._span_end:
                self._crossed = True
                break
            # Behind a pause, or a session that broke, frames come again from the key frame on.
            if self._skip_to is not None and sample.time <= self._skip_to:
                continue
            self._skip_to = None
            kept.append(sample)
            self._position = max(self._position, sample.time)
            self._reached = sample.time if self._reached is None else max(self._reached, sample.time)
            self._newest = sample
        return kept

    async def _extend(self) -> None:
        """See whether it goes on without a break where the known part ends; where nobody can tell, what comes does."""
        limit = self._footage.limit()
        try:
            span = await self._footage.recorded(self._span_end)
        except NvrUnreachableError, NvrBusyError, NvrResponseError:
            self._span_end = max(self._span_end, min(self._span_end + _BLIND, limit))
            return
        if span is not None and span[0] <= self._span_end + _BREAK and span[1] > self._span_end:
            self._span_end = min(span[1], limit)

    async def _recover(self, err: NvrBusyError | NvrResponseError | NvrUnreachableError) -> None:
        """Go on behind a source that broke: by another way, where that helps, else once more; raises what broke it."""
        elsewhere = self._opener.broke(self._way, err, self._position, sent=self._sent)
        again = self._sent and isinstance(err, NvrUnreachableError) and not self._seam.stands_still(self._position)
        if not elsewhere and not again:
            raise err
        await self._reopen(self._position, without=self._way if elsewhere else None)
        self._seam.resumed = self._position

    async def _ended(self, *, over: bool = False) -> Batch:
        """Go on where the source ended: what follows, or once more where it ended too early."""
        begin = self._seam.next_begin(self._position, self._span_end, over=over)
        if begin is None:
            return await self._follow()
        try:
            await self._reopen(begin)
        except NvrNotFoundError:
            # The list says more than there is.
            return await self._follow()
        return Batch()

    async def _reopen(self, begin: int, without: Way | None = None) -> None:
        opened = await self._open_at(begin, without)
        self._seam.opened(begin, opened.until)
        self._skip_to, self._repeats = self._reached, True

    async def _follow(self) -> Batch:
        """Go on behind the end of what was recorded without a break."""
        since = before = self._span_end
        await self.close()
        while True:
            span = await self._footage.recorded(before) if before < self._footage.limit() else None
            if span is None or span[0] >= self._footage.limit() or span[1] <= before:
                return Batch(ended=True)
            try:
                await self._enter(span, since)
            except NvrNotFoundError:
                # The list says more than there is.
                before = span[1]
                continue
            self._skip_to, self._repeats = self._reached, True
            return Batch()

    async def _enter(self, span: tuple[int, int], start: int) -> None:
        begin = start
        if span[0] > start + _BREAK:
            self._gap = (start, span[0])
            self._newest = self._reached = None
            begin = span[0]
        self._span_end = min(span[1], self._footage.limit())
        self._position = max(self._position, begin)
        self._seam = Seam((await self._open_at(begin)).until)

    async def _open_at(self, moment: int, without: Way | None = None) -> Opened:
        await self.close()
        while True:
            try:
                opened = await self._opener.open(moment, without)
                break
            except NvrNoSessionError:
                if not self._options.parting.is_recent:
                    raise
                await asyncio.sleep(_ASK_AGAIN)
        source = self._source = opened.source
        if self.codec not in {VideoCodec.UNKNOWN, source.codec}:
            raise NvrUnsupportedError("the recording goes on in another codec")
        if self.codec is VideoCodec.UNKNOWN:
            self.codec, self.audio = source.codec, source.audio if self._options.sound else None
        self.sets = source.sets or self.sets
        self._way, self._sent, self._asked, self._began = opened.way, False, moment, None
        download = opened.way is not Way.PLAYBACK
        self._joint = Joint(self._newest) if download and self._newest is not None else None
        self._lead_in = [] if download and self._newest is None else None
        return opened
