"""What a stream reads from: the present of a camera, or its footage across sessions and gaps.

Nothing is read ahead: a viewer who takes nothing holds the recorder back through TCP, and `pause` tells it to wait.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from ...core.driver import CredentialGuard, PlaybackSource
from ...core.errors import (
    NvrError,
    NvrNotFoundError,
    NvrResponseError,
    NvrUnreachableError,
    NvrUnsupportedError,
)
from ...core.models import PlaybackRequest, RtspAddress, StreamRole, TimeSpan, VideoCodec
from ..audio import AudioFormat, AudioUnit
from ..cover import Sample
from ..fmp4 import VideoSets
from ..rtsp.connection import SessionLimits
from ..rtsp.session import RtspSession
from ..ticks import RATE, from_datetime, to_datetime

_NEAR_END: Final = 3 * RATE
_END_SILENCE: Final = 2.0
_SEAM: Final = 2 * RATE
# A list may name the end of a file so much later than the last picture in it.
_LISTED_TOO_LONG: Final = 15 * RATE
_LIVE_SPAN: Final = timedelta(days=30)

type Recorded = Callable[[int], Awaitable[tuple[int, int] | None]]
"""Returns the first recorded span that ends behind a moment (all in ticks), None when there is none (yet)."""


@dataclass(slots=True)
class Batch:
    """What came: frames, or that the footage has a gap (ticks), or that it ended."""

    samples: list[Sample] = field(default_factory=list)
    gap: tuple[int, int] | None = None
    ended: bool = False


@dataclass(frozen=True, slots=True)
class FeedOptions:
    """How to read: with sound or without, at which speed; `fast` where the recorder sends faster than real time."""

    sound: bool = False
    scale: float = 1.0
    fast: bool = False
    limits: SessionLimits = field(default_factory=SessionLimits)


class Feed(Protocol):
    """An open source of frames. `close` it whatever happens."""

    async def read(self) -> Batch:
        """Return what comes next. Raises NvrError subclasses."""

    async def pause(self) -> None:
        """Let the recorder stop sending."""

    async def rest(self) -> None:
        """Keep what is paused alive, until cancelled."""

    async def resume(self) -> None:
        """Go on where it was paused; frames that were read already are left out."""

    async def close(self) -> None:
        """End the session on the recorder."""

    @property
    def codec(self) -> VideoCodec:
        """What the frames are."""

    @property
    def sets(self) -> VideoSets | None:
        """The newest parameter sets."""

    @property
    def audio(self) -> AudioFormat | None:
        """What sounds; None without sound."""

    def take_audio(self) -> tuple[int, list[AudioUnit]]:
        """Return what was heard since the last time, and by how many ticks that of earlier times must be moved."""


class _SessionFeed:
    """One session at a time."""

    def __init__(self, guard: CredentialGuard, options: FeedOptions) -> None:
        self._guard = guard
        self._options = options
        self._session: RtspSession | None = None

    @property
    def codec(self) -> VideoCodec:
        """What the frames are."""
        return self._session.codec if self._session else VideoCodec.UNKNOWN

    @property
    def sets(self) -> VideoSets | None:
        """The newest parameter sets."""
        return self._session.sets if self._session else None

    @property
    def audio(self) -> AudioFormat | None:
        """What sounds; None without sound."""
        return self._session.audio if self._session else None

    @property
    def scale(self) -> float:
        """How much faster than real time the recorder agreed to send."""
        return self._session.scale if self._session else 1.0

    def take_audio(self) -> tuple[int, list[AudioUnit]]:
        """Return what was heard since the last time."""
        return self._session.take_audio() if self._session else (0, [])

    async def close(self) -> None:
        """End the session on the recorder."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _open_session(self, request: PlaybackRequest, *, live: bool = False) -> RtspSession:
        await self.close()
        self._guard.check()
        options = self._options
        self._session = await RtspSession.open(
            request, self._guard, limits=options.limits, sound=options.sound, scale=options.scale, live=live
        )
        return self._session

    def _require(self) -> RtspSession:
        if self._session is None:
            raise NvrUnreachableError("the session is closed")
        return self._session


class LiveFeed(_SessionFeed):
    """The present."""

    def __init__(self, address: RtspAddress, guard: CredentialGuard, options: FeedOptions) -> None:
        """Prepare; no I/O."""
        super().__init__(guard, options)
        self._address = address

    async def open(self) -> None:
        """Begin; raises NvrError subclasses and leaves nothing open then."""
        now = datetime.now(UTC)
        await self._open_session(PlaybackRequest(self._address, now, now + _LIVE_SPAN), live=True)

    async def read(self) -> Batch:
        """Return the next frames; raises NvrUnreachableError when the recorder ends the stream."""
        session = self._require()
        samples = await session.read()
        session.correction = 0
        if not samples:
            raise NvrUnreachableError("the recorder ended the live stream")
        return Batch(samples)

    async def pause(self) -> None:
        """Let go: what is live cannot wait."""
        await self.close()

    async def rest(self) -> None:
        """Nothing is open."""

    async def resume(self) -> None:
        """Begin anew."""
        await self.open()


@dataclass(frozen=True, slots=True)
class Footage:
    """What is played: from where, which channel and stream, where it was recorded, and where it has to end.

    `before` returns the last recorded span that begins before a moment. `scales`: speeds the recorder offers.
    """

    source: PlaybackSource
    guard: CredentialGuard
    channel: int
    role: StreamRole
    recorded: Recorded
    before: Recorded
    limit: Callable[[], int]
    scales: tuple[float, ...] = (1.0,)


class PlaybackFeed(_SessionFeed):
    """Footage from a moment on: one session for what was recorded without a break, and a new one behind each gap."""

    def __init__(self, footage: Footage, start: int, options: FeedOptions) -> None:
        """`start` in ticks; no I/O."""
        super().__init__(footage.guard, options)
        self._footage = footage
        self._position = start
        self._span_end = start
        self._until: int | None = None
        self._gap: tuple[int, int] | None = None
        self._last: int | None = None
        self._resumed: int | None = None
        self._crossed = False
        self._late: list[Sample] = []

    @property
    def position(self) -> int:
        """How far it was read."""
        return self._position

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
        session = self._require()
        border = self._span_end if self._until is None else min(self._span_end, self._until)
        near = self._position >= border - _NEAR_END
        try:
            samples = await session.read(_END_SILENCE if near else None)
        except NvrUnreachableError:
            if not near:
                raise
            samples = []
        session.correction = 0
        if not samples:
            return await self._ended(border)
        if samples[-1].time >= self._span_end:
            await self._extend()
        return Batch(self._fresh(samples))

    async def pause(self) -> None:
        """Let the recorder stop sending; one that does not know how is left."""
        try:
            self._late += self._fresh(await self._require().pause())
        except NvrError:
            await self.close()

    async def rest(self) -> None:
        """Keep what is paused alive, until cancelled."""
        if self._session is None:
            return
        try:
            await self._session.rest()
        except NvrUnreachableError:
            await self.close()

    async def resume(self) -> None:
        """Go on where it was paused."""
        self._resumed = self._position
        if self._session is not None:
            try:
                await self._session.resume()
            except NvrError:
                await self.close()
            else:
                return
        await self._open_at(self._position)

    def _fresh(self, samples: list[Sample]) -> list[Sample]:
        """Return the frames that are wanted and were not read before."""
        kept = []
        for sample in samples:
            if sample.time >= self._span_end:
                self._crossed = True
                break
            # Behind a pause, or a session that broke, frames come again from the key frame on.
            if self._resumed is not None and sample.time <= self._resumed:
                continue
            self._resumed = None
            kept.append(sample)
            self._position = max(self._position, sample.time)
        return kept

    async def _extend(self) -> None:
        """See whether it goes on without a break where the known part ends."""
        span = await self._footage.recorded(self._span_end)
        if span is not None and span[0] <= self._span_end + _SEAM and span[1] > self._span_end:
            self._span_end = min(span[1], self._footage.limit())

    async def _ended(self, border: int) -> Batch:
        """Go on where the session ended: what follows, or once more where it ended far too early."""
        if self._position < border - _LISTED_TOO_LONG:
            if self._last is not None and self._position < self._last + _NEAR_END:
                raise NvrResponseError("the recorder ended the playback before the end of the footage")
            self._last = self._position
            await self._open_at(self._position)
            self._resumed = self._position
            return Batch()
        if self._until is not None and self._until < self._span_end:
            begin = max(self._until, self._position)
            await self._open_at(begin)
            self._resumed = self._position
            return Batch()
        return await self._follow()

    async def _follow(self) -> Batch:
        """Go on behind the end of what was recorded without a break."""
        before = self._span_end
        await self.close()
        span = await self._footage.recorded(before) if before < self._footage.limit() else None
        if span is None or span[0] >= self._footage.limit():
            return Batch(ended=True)
        await self._enter(span, before)
        self._resumed = self._position if self._gap is None else None
        return Batch()

    async def _enter(self, span: tuple[int, int], start: int) -> None:
        begin = start
        if span[0] > start + _SEAM:
            self._gap = (start, span[0])
            begin = span[0]
        self._span_end = min(span[1], self._footage.limit())
        self._position = max(self._position, begin)
        await self._open_at(begin)

    async def _open_at(self, moment: int) -> None:
        footage = self._footage
        end = footage.limit()
        if moment >= end:
            raise NvrNotFoundError("nothing is recorded there yet")
        span = TimeSpan(to_datetime(moment), to_datetime(end))
        codec = self.codec
        await self.close()
        request = await footage.source.request(footage.channel, span, role=footage.role)
        session = await self._open_session(request)
        if codec not in {VideoCodec.UNKNOWN, session.codec}:
            raise NvrUnsupportedError("the recording goes on in another codec")
        self._until = from_datetime(request.end) if request.end < span.end else None
