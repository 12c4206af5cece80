"""Makes the segments of one variant: opens the recorder when needed, reads on when it can, cuts, and writes MP4."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
import time
from typing import Protocol

from ..core.driver import CredentialGuard, DownloadSource, PlaybackSource
from ..core.errors import (
    NvrBusyError,
    NvrError,
    NvrNoSessionError,
    NvrNotFoundError,
    NvrResponseError,
    NvrUnreachableError,
)
from ..core.models import RecordingSegment, StreamRole, TimeSpan, VideoCodec
from .audio import AudioFormat, AudioUnit
from .audio_maker import AROUND, UNHEARD, AudioMaker
from .cover import Sample, cover
from .fmp4 import AudioTrack, TrackRun, TrackSample, VideoSets, VideoTrack, fragment, init_segment
from .footage import FootageReader, Opened
from .hls import Layout, LayoutSegment, VariantInfo, lay_out, usable_spans
from .pace import OpenBudget
from .pool import WorkPool
from .rtsp.connection import SessionLimits
from .sessions import Lease
from .sources.base import Way
from .sources.choice import SourceMemory
from .sources.opener import SourceOpener
from .ticks import RATE, to_seconds

_LEAST_BANDWIDTH = 64_000
_LATE = RATE // 2
_LATE_AT_START = 3 * RATE // 2
_AUDIO_BANDWIDTH = 64_000


@dataclass(frozen=True, slots=True)
class MakerLimits:
    """The numbers of hls-vod 3, in seconds: segment length (2), read on rather than reopen (15), hold (table 2)."""

    segment_real_time: int = 2
    segment_fast: int = 6
    ahead_real_time: float = 6.0
    ahead_fast: float = 60.0
    hold: float = 1.5
    measure: float = 0.7
    most_lead: float = 12.0
    session: SessionLimits = field(default_factory=SessionLimits)


@dataclass(frozen=True, slots=True)
class Footage:
    """What is played: from where, which channel, which part, and which of its streams.

    `segments`: the files that can be downloaded instead. `sounds`: the camera has a microphone, so that a beginning
    without sound may not be all.
    """

    source: PlaybackSource
    guard: CredentialGuard
    channel: int
    span: TimeSpan
    recorded: Sequence[TimeSpan]
    role: StreamRole
    refresh: Callable[[], Awaitable[Sequence[TimeSpan]]] | None = None
    downloads: DownloadSource | None = None
    segments: Sequence[RecordingSegment] = ()
    sounds: bool = False


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is known once the recorder was opened; it never changes afterwards. `bandwidth` in bit/s."""

    layout: Layout
    codec: VideoCodec
    sets: VideoSets
    bandwidth: int
    real_time: bool
    audio: AudioTrack | None = None

    @property
    def init_segment(self) -> bytes:
        """The init segment."""
        return init_segment([VideoTrack(self.sets), *([self.audio] if self.audio else [])])

    @property
    def info(self) -> VariantInfo:
        """What the master playlist says of it."""
        info = self.sets.info
        codecs = (info.codec, *([self.audio.config.codec] if self.audio else []))
        return VariantInfo(",".join(codecs), self.bandwidth, (info.width, info.height))


class LeaseGiver(Protocol):
    """Gives slots of the recorder."""

    async def __call__(self) -> Lease:
        """Return a lease; raises SlotsBusyError."""


class SegmentMaker:
    """One at a time: the caller sees to it that no two coroutines of a maker run together."""

    def __init__(
        self,
        footage: Footage,
        lease: LeaseGiver,
        pool: WorkPool,
        *,
        limits: MakerLimits | None = None,
        memory: SourceMemory | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        utcnow: Callable[[], datetime] | None = None,
    ) -> None:
        """Prepare; no I/O. `memory`: what was learned of the recorder's ways."""
        self.prepared: Prepared | None = None
        self._footage = footage
        self._take_lease = lease
        self._pool = pool
        self._limits = limits or MakerLimits()
        self._monotonic = monotonic
        self._memory = memory or SourceMemory()
        self._opener = SourceOpener(
            footage, self._memory, limits=self._limits.session, pool=pool, monotonic=monotonic, utcnow=utcnow
        )
        self._budget = OpenBudget(monotonic)
        self._reader: FootageReader | None = None
        self._lease: Lease | None = None
        self._last_key: Sample | None = None
        self._audio: AudioMaker | None = None
        self._heard: list[tuple[AudioFormat, list[AudioUnit]]] = []
        self._lead = 0

    @property
    def opened(self) -> int:
        """How many sessions it has opened on the recorder so far."""
        return self._opener.opened

    @property
    def real_time(self) -> bool:
        """Whether footage comes in real time only now: by the open session, else by what was learned first."""
        known = None if self._reader is None else self._memory[self._reader.way].real_time
        return known if known is not None else self.prepared is None or self.prepared.real_time

    @property
    def reading(self) -> bool:
        """Whether a session is open on the recorder."""
        return self._reader is not None

    @property
    def ahead(self) -> int:
        """How far behind the position reading on beats reopening, in ticks (rule 15)."""
        return round((self._limits.ahead_real_time if self.real_time else self._limits.ahead_fast) * RATE)

    async def prepare(self) -> Prepared:
        """Open the recorder once, learn codec and speed, and lay the segments out. Raises NvrError subclasses."""
        if self.prepared is not None:
            return self.prepared
        recorded = self._footage.recorded
        if self._footage.refresh is not None:
            recorded = await self._footage.refresh()
        spans = usable_spans(self._footage.span, recorded)
        if not spans:
            raise NvrNotFoundError("nothing was recorded in that span")
        first = lay_out(spans, self._limits.segment_fast).origin
        try:
            reader, real_time = await self._begin(first)
        except BaseException as err:
            if self._reader is not None:
                await self.close_reader()
                if isinstance(err, NvrError):
                    self._budget.failed()
            raise
        sets = reader.source.sets
        if sets is None or not reader.samples:
            await self.close_reader()
            raise NvrNotFoundError("the recorder has no footage there")
        length = self._limits.segment_real_time if real_time else self._limits.segment_fast
        layout = lay_out(spans, length)
        if reader.audio is not None:
            heard = reader.audio.units[0].time if reader.audio.units else None
            self._audio = await AudioMaker.open(reader.audio.source, heard, layout.origin, self._pool)
        elif self._footage.sounds:
            # A track that is not told of at the beginning can never come.
            self._audio = await AudioMaker.open(UNHEARD, None, layout.origin, self._pool)
        track = self._audio.track if self._audio else None
        self.prepared = Prepared(layout, reader.source.codec, sets, _bandwidth(reader), real_time, track)
        return self.prepared

    async def _begin(self, first: int) -> tuple[FootageReader, bool]:
        """Open the beginning by the fastest way; return it, and whether seeks will be in real time only."""
        reader, real_time = await self._measured(first)
        if not real_time and self._began_late(reader, _LATE_AT_START):
            await self.close_reader()
            reader = await self._open(first, self._lead)
            await reader.measure(self._limits.measure)
        if real_time and reader.way is Way.PLAYBACK and await self._opener.is_better_downloaded(first):
            await self.close_reader()
            reader, real_time = await self._measured(first)
            if real_time and reader.way is Way.DOWNLOAD:
                await self.close_reader()
                reader, real_time = await self._measured(first)
        if not real_time and reader.way is Way.DOWNLOAD:
            real_time = not await self._opener.begins_anywhere(first)
        return reader, real_time

    async def _measured(self, first: int) -> tuple[FootageReader, bool]:
        """Open the beginning and measure how fast it comes; one that is silent gives way to another, once."""
        reader = await self._open(first)
        try:
            measured = await reader.measure(self._limits.measure)
        except (NvrUnreachableError, NvrResponseError) as err:
            if not self._opener.broke(reader.way, err, first, sent=reader.sent):
                raise
            await self.close_reader()
            reader = await self._open(first, without=reader.way)
            measured = await reader.measure(self._limits.measure)
        self._memory.measured(reader.way, measured, reader.speed)
        return reader, self._memory[reader.way].real_time is not False

    def reaches(self, segment: LayoutSegment) -> bool:
        """Tell whether the segment can be read with the open session (rules 15 and 16)."""
        reader = self._reader
        if reader is None:
            return False
        if reader.ended and segment.start > reader.position + RATE:
            return False
        mark = reader.asked if reader.delivered is None else reader.delivered
        # A recorder jumps over a gap without notice: only a new session says what time it is behind it.
        if mark < segment.interval[0]:
            return False
        return reader.floor <= segment.start <= max(reader.position, mark) + self.ahead

    def follows(self, segment: LayoutSegment) -> bool:
        """Tell whether the segment would go on where the session's last one ended."""
        return self._reader is not None and self._reader.follows(segment.start)

    async def make(self, segment: LayoutSegment, *, follows: bool) -> tuple[bytes, bool]:
        """Return the bytes of a segment and whether they can be decoded alone.

        `follows`: the player has the segment before this one. A session that breaks is opened anew once.
        Raises NvrError subclasses.
        """
        prepared = await self.prepare()
        try:
            samples = await self._samples(segment, prepared.layout.origin, follows=follows)
        except (NvrUnreachableError, NvrResponseError, NvrBusyError) as err:
            reader = self._reader
            if reader is None:  # it is the opening that failed
                raise
            await self.close_reader()
            self._budget.failed()
            # A session that broke is opened anew; one that sends what it should not, only where there is another way.
            goes_on = self._opener.broke(reader.way, err, segment.start, sent=reader.sent)
            if not goes_on and not isinstance(err, NvrUnreachableError):
                raise
            samples = await self._samples(segment, prepared.layout.origin, follows=False)
        self._budget.succeeded()
        runs = [TrackRun(1, samples)]
        if self._audio is not None:
            sound = await self._audio.samples(segment.start, segment.end, self._heard)
            runs += [TrackRun(2, sound)] if sound else []
        return fragment(segment.index + 1, runs), samples[0].key

    async def close_reader(self) -> None:
        """End the session on the recorder and give the slot back."""
        reader, self._reader = self._reader, None
        lease, self._lease = self._lease, None
        try:
            if reader is not None:
                await reader.source.close()
        finally:
            if lease is not None:
                lease.release()

    async def _samples(self, segment: LayoutSegment, origin: int, *, follows: bool) -> list[TrackSample]:
        follows = follows and self.follows(segment)
        self._heard = []
        try:
            reader = await self._reader_for(segment)
            await self._read(reader, segment)
        except NvrNotFoundError:
            if self._last_key is None or self._budget.spent:
                raise
            return cover([], [self._last_key], segment.start, segment.end, origin)
        self._heard = reader.heard(segment.start - AROUND, segment.end + AROUND)
        upcoming = reader.samples[0] if reader.samples else self._last_key
        head, body = reader.take(segment.start, segment.end, follows=follows)
        self._last_key = next((sample for sample in reversed(head + body) if sample.key), self._last_key)
        if head or body:
            return cover(head, body, segment.start, segment.end, origin)
        if upcoming is None:
            raise NvrNotFoundError("the recorder has no footage there")
        # Rule 9: the frame that comes next, or the last one seen, stands still.
        return cover([], [upcoming], segment.start, segment.end, origin)

    async def _read(self, reader: FootageReader, segment: LayoutSegment) -> None:
        last = segment.interval[1]
        until = segment.end
        if not reader.answered and self.prepared is not None and self.real_time:
            until = min(until + round(self._limits.hold * RATE), last)
        await reader.read_until(until, last, segment.start)
        reader.answered = True

    async def _reader_for(self, segment: LayoutSegment) -> FootageReader:
        if self._reader is not None and self.reaches(segment):
            return self._reader
        await self.close_reader()
        reader = await self._open(segment.start, self._lead_into(segment))
        if self._lead or (self.prepared is not None and self.real_time):
            return reader
        await reader.read_until(segment.start, segment.interval[1])
        if segment.start > segment.interval[0] and self._began_late(reader, _LATE):
            await self.close_reader()
            reader = await self._open(segment.start, self._lead_into(segment))
        return reader

    def _began_late(self, reader: FootageReader, tolerance: int) -> bool:
        """Learn whether this recorder begins at the key frame after the asked moment: then it is asked earlier."""
        if reader.first_time is None or reader.first_time <= reader.asked + tolerance:
            return False
        self._lead = round(self._limits.most_lead * RATE)
        return True

    def _lead_into(self, segment: LayoutSegment) -> int:
        """Return how much earlier to ask; never from before a known gap, where frames would be dated wrongly."""
        if self.prepared is None or segment.interval[0] == self.prepared.layout.origin:
            return self._lead
        return min(self._lead, segment.start - segment.interval[0])

    async def _open(self, start: int, lead: int = 0, without: Way | None = None) -> FootageReader:
        if self._budget.spent:
            raise NvrNotFoundError("this playback was given up after repeated failures")
        self._footage.guard.check()
        lease = await self._take_lease()
        try:
            opened = await self._opened_in(lease, start - lead, without)
        except NvrNoSessionError:
            if not lease.crowded:
                raise
            # The limit is lower now: the owner's own idle playback gives way, or he is told who has the sessions.
            lease = await self._take_lease()
            opened = await self._opened_in(lease, start - lead, without)
        self._lease = lease
        self._reader = FootageReader(
            opened.source, start, self._monotonic, until=opened.until, follow=self._opener.open, way=opened.way
        )
        return self._reader

    async def _opened_in(self, lease: Lease, start: int, without: Way | None) -> Opened:
        """Open a source in a slot, which is given back when that fails."""
        try:
            await asyncio.sleep(self._budget.take())
            with lease.opening():
                return await self._opener.open(start, without)
        except BaseException as err:
            lease.release()
            if isinstance(err, NvrError):
                self._budget.failed()
            raise


def _bandwidth(reader: FootageReader) -> int:
    seconds = max(1.0, to_seconds(reader.position - (reader.first_time or reader.position)))
    size = sum(len(sample.data) for sample in reader.samples)
    return max(_LEAST_BANDWIDTH, round(8 * size / seconds)) + (_AUDIO_BANDWIDTH if reader.audio is not None else 0)
