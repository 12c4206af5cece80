"""Opens footage at a moment, by the best way a recorder offers, and by the next best where that one fails."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final, Protocol

from ...core.driver import CredentialGuard, DownloadSource, PlaybackSource
from ...core.errors import (
    NvrAuthError,
    NvrBusyError,
    NvrError,
    NvrLockedError,
    NvrNotFoundError,
    NvrOtherRecorderError,
    NvrPermissionError,
)
from ...core.models import RecordingSegment, StreamRole, TimeSpan
from ..footage import Opened
from ..rtsp.connection import SessionLimits
from ..rtsp.session import RtspSession
from ..ticks import from_datetime, to_datetime
from .base import Way
from .choice import SourceMemory
from .download import DownloadedFootage

# How long (s) a download may take to begin where there is another way, and where there is none.
_FIRST_BYTE: Final = 5.0
_LONGEST_WAIT: Final = 15.0
# No other way helps against these.
_FINAL = (NvrAuthError, NvrLockedError, NvrNotFoundError, NvrOtherRecorderError, NvrPermissionError)


class FootageFacts(Protocol):
    """What is played, as far as opening it goes."""

    @property
    def source(self) -> PlaybackSource | None:
        """Playback; None where the recorder plays nothing."""

    @property
    def guard(self) -> CredentialGuard:
        """Guards the login."""

    @property
    def channel(self) -> int:
        """The channel."""

    @property
    def span(self) -> TimeSpan:
        """All that is played."""

    @property
    def role(self) -> StreamRole:
        """The stream."""

    @property
    def downloads(self) -> DownloadSource | None:
        """Downloads; None where the recorder gives out none."""

    @property
    def segments(self) -> Sequence[RecordingSegment]:
        """The files, where downloads need them; in any order."""


class SourceOpener:
    """Opens one footage, again and again. `way` is how the last one was opened."""

    def __init__(
        self,
        footage: FootageFacts,
        memory: SourceMemory,
        *,
        limits: SessionLimits,
        monotonic: Callable[[], float],
        utcnow: Callable[[], datetime] | None = None,
    ) -> None:
        """No I/O."""
        self.memory = memory
        self.opened = 0
        self._footage = footage
        self._limits = limits
        self._monotonic = monotonic
        self._utcnow = utcnow

    async def open(self, start: int) -> Opened:
        """Open what was recorded from a moment on, however far it goes. Raises NvrError subclasses.

        What fails by one way is tried by the other once; the first failure is told when both fail.
        """
        self._footage.guard.check()
        moment = to_datetime(start)
        if moment >= self._footage.span.end:
            raise NvrNotFoundError("the recorder has no footage there")
        segment = self._segment_at(moment)
        ways = self._possible(self.memory.order(await self._reach(segment)))
        problems: dict[Way, NvrError] = {}
        for way in ways:
            try:
                opened = await self._open_by(way, moment, segment, is_last=len(problems) == len(ways) - 1)
            except _FINAL:
                raise
            except NvrError as err:
                problems[way] = err
                continue
            for failed, problem in problems.items():
                self.memory.failed(failed, problem, way)
            self.memory[way].opened += 1
            self.opened += 1
            return opened
        raise next(iter(problems.values()), NvrNotFoundError("the recorder offers no way to its footage"))

    def broke(self, way: Way, error: NvrError, moment: int) -> bool:
        """Note that an open source broke or fell silent; True when there is another way to go on by."""
        others = [each for each in self._possible([Way.PLAYBACK, Way.DOWNLOAD]) if each is not way]
        if not others or (others[0] is Way.DOWNLOAD and self._segment_at(to_datetime(moment)) is None):
            return False
        self.memory.failed(way, error, others[0])
        return True

    async def is_better_downloaded(self, start: int) -> bool:
        """Tell, once playback was measured, whether a download from there is to be preferred now."""
        reach = await self._reach(self._segment_at(to_datetime(start)))
        return reach is not None and self.memory.order(reach)[0] is Way.DOWNLOAD

    async def begins_anywhere(self, start: int) -> bool:
        """Tell whether a download begins near any moment, not only at the beginning of a file."""
        segment = self._segment_at(to_datetime(start))
        if segment is None:
            return False
        middle = segment.span.start + segment.span.duration / 2
        reach = await self._reach(replace(segment, span=TimeSpan(middle, segment.span.end)))
        return reach is not None and self.memory.prefers_download(reach)

    def _possible(self, ways: Sequence[Way]) -> list[Way]:
        footage = self._footage
        have = {Way.PLAYBACK: footage.source is not None, Way.DOWNLOAD: footage.downloads is not None}
        return [way for way in ways if have.get(way)]

    def _segment_at(self, moment: datetime) -> RecordingSegment | None:
        """Return the part of a finished file from a moment on; None where no download can be had."""
        if self._footage.downloads is None:
            return None
        held = [each for each in self._footage.segments if moment in each.span and each.role is self._footage.role]
        best = max(held, key=lambda each: each.span.end, default=None)
        if best is None or best.open:
            return None
        return replace(best, span=TimeSpan(moment, best.span.end))

    async def _reach(self, segment: RecordingSegment | None) -> float | None:
        """Return how many seconds of footage a download would send before the segment's start."""
        downloads = self._footage.downloads
        if segment is None or downloads is None:
            return None
        try:
            begin = await downloads.begins(segment)
        except NvrError:
            return None
        return max(0.0, (segment.span.start - begin).total_seconds())

    async def _open_by(self, way: Way, moment: datetime, segment: RecordingSegment | None, *, is_last: bool) -> Opened:
        self._footage.guard.check()
        if way is Way.DOWNLOAD and segment is not None:
            return await self._download(segment, _LONGEST_WAIT if is_last else _FIRST_BYTE)
        return await self._play(moment)

    async def _play(self, moment: datetime) -> Opened:
        footage = self._footage
        if footage.source is None:
            raise NvrNotFoundError("the recorder plays nothing back")
        span = TimeSpan(moment, footage.span.end)
        request = await footage.source.request(footage.channel, span, role=footage.role)
        session = await RtspSession.open(
            request, footage.guard, limits=self._limits, monotonic=self._monotonic, utcnow=self._utcnow
        )
        self.memory.tell(Way.PLAYBACK, request.real_time)
        return Opened(session, from_datetime(request.end) if request.end < span.end else None)

    async def _download(self, segment: RecordingSegment, patience: float) -> Opened:
        downloads = self._footage.downloads
        if downloads is None:
            raise NvrNotFoundError("the recorder gives out no files")
        try:
            async with asyncio.timeout(patience):
                source = await DownloadedFootage.open(
                    downloads, segment, silence=self._limits.silence, monotonic=self._monotonic
                )
        except TimeoutError:
            raise NvrBusyError("the recorder's downloads are in use", retry_after=patience) from None
        until = from_datetime(segment.span.end) if segment.span.end < self._footage.span.end else None
        return Opened(source, until, Way.DOWNLOAD)
