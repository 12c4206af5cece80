"""Opens footage at a moment, by the best way a recorder offers, and by the next best where that one fails."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final, Protocol

from ...core.driver import CredentialGuard, Download, DownloadSource, PlaybackSource
from ...core.errors import (
    NvrAuthError,
    NvrBusyError,
    NvrError,
    NvrLockedError,
    NvrNotFoundError,
    NvrOtherRecorderError,
    NvrPermissionError,
    NvrResponseError,
    NvrTimeoutError,
    NvrUnreachableError,
    NvrUnsupportedError,
)
from ...core.models import RecordingSegment, StreamRole, TimeSpan
from ..footage import Opened
from ..pool import WorkPool
from ..rtsp.connection import SessionLimits
from ..rtsp.session import RtspSession
from ..ticks import from_datetime, to_datetime
from .base import FrameSource, Way
from .choice import SourceMemory
from .download import DownloadedFootage
from .local import spooled

# How long (s) a download may take to begin where there is another way, and where there is none.
_FIRST_BYTE: Final = 5.0
_LONGEST_WAIT: Final = 9.0
# A download that begins so many seconds early begins where it should.
_LITTLE: Final = 5.0
# No other way helps against these.
_FINAL = (NvrAuthError, NvrLockedError, NvrOtherRecorderError)
# Playback's word counts more than that of a download: what is recorded, who may see it, whether a slot is free.
_FINAL_OF_PLAYBACK = (*_FINAL, NvrNotFoundError, NvrPermissionError, NvrBusyError)


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
        pool: WorkPool,
        monotonic: Callable[[], float],
        utcnow: Callable[[], datetime] | None = None,
        sound: bool = True,
        scale: float = 1.0,
        at_once: bool = False,
    ) -> None:
        """No I/O. `sound` and `scale`: how it is to be played, where it is.

        `at_once`: each picture is shown as it comes, so that playback is preferred however slowly it goes.
        """
        self._sound = sound
        self._scale = scale
        self._at_once = at_once
        self._pool = pool
        self.memory = memory
        self.opened = 0
        self._footage = footage
        self._limits = limits
        self._monotonic = monotonic
        self._utcnow = utcnow

    async def open(self, start: int, without: Way | None = None) -> Opened:
        """Open what was recorded from a moment on, however far it goes. Raises NvrError subclasses.

        What fails by one way is tried by the other once; the first failure is told when both fail. `without`: the way
        that has just failed.
        """
        self._footage.guard.check()
        moment = to_datetime(start)
        if moment >= self._footage.span.end:
            raise NvrNotFoundError("the recorder has no footage there")
        ways = [way for way in await self._ways(moment) if way is not without]
        problems: dict[Way, NvrError] = {}
        for way in ways:
            try:
                opened = await self._open_by(way, moment, is_last=len(problems) == len(ways) - 1)
            except NvrError as err:
                if self._is_final(way, err):
                    raise
                problems[way] = err
                continue
            for failed, problem in problems.items():
                self.memory.failed(failed, problem, way)
            self.memory[way].opened += 1
            self.opened += 1
            return opened
        raise next(iter(problems.values()), NvrNotFoundError("the recorder offers no way to its footage"))

    def broke(self, way: Way, error: NvrError, moment: int, *, sent: bool) -> bool:
        """Note that an open source broke or fell silent; True when there is another way to go on by.

        `sent`: it had sent footage before. Playback that breaks later says nothing against playback: the recorder may
        be on its way down, and comes back.
        """
        if way is Way.PLAYBACK and (sent or not isinstance(error, NvrTimeoutError | NvrResponseError)):
            return False
        others = [each for each in self._possible([Way.PLAYBACK, Way.DOWNLOAD]) if each is not way]
        if not others or (others[0] is Way.DOWNLOAD and self._file_at(to_datetime(moment)) is None):
            return False
        self.memory.failed(way, error, others[0])
        return True

    async def is_better_downloaded(self, start: int) -> bool:
        """Tell, once playback was measured, whether a download from there is to be preferred now."""
        _, reach = await self._piece_at(to_datetime(start))
        return reach is not None and self.memory.order(reach)[0] is Way.DOWNLOAD

    async def begins_anywhere(self, start: int) -> bool:
        """Tell whether a download begins near any moment, not only at the beginning of a file."""
        file = self._file_at(to_datetime(start))
        if file is None:
            return False
        _, reach = await self._piece_at(max(to_datetime(start), file.span.start + file.span.duration / 2))
        return reach is not None and self.memory.prefers_download(reach)

    def _is_final(self, way: Way, error: NvrError) -> bool:
        """Tell whether what failed one way need not be tried another."""
        if way is not Way.PLAYBACK:
            return isinstance(error, _FINAL)
        if isinstance(error, NvrUnreachableError) and not isinstance(error, NvrTimeoutError):
            # One that has played is away; of another one nobody knows whether it takes connections there at all.
            return self.memory[Way.PLAYBACK].opened > 0
        return isinstance(error, _FINAL_OF_PLAYBACK)

    async def _ways(self, moment: datetime) -> list[Way]:
        """Return the ways to try, best first; a recorder is asked about its downloads only where that may matter."""
        playback = self.memory[Way.PLAYBACK]
        if (self._at_once or playback.real_time is not True) and not self.memory.is_avoided(Way.PLAYBACK):
            reach = 0.0 if self._file_at(moment) is not None else None
        else:
            _, reach = await self._piece_at(moment)
        return self._possible(self.memory.order(reach, at_once=self._at_once))

    def _possible(self, ways: Sequence[Way]) -> list[Way]:
        footage = self._footage
        have = {Way.PLAYBACK: footage.source is not None, Way.DOWNLOAD: footage.downloads is not None}
        return [way for way in ways if have.get(way)]

    def _file_at(self, moment: datetime) -> RecordingSegment | None:
        """Return the finished file that holds a moment; None where no download can be had."""
        if self._footage.downloads is None:
            return None
        held = [each for each in self._footage.segments if moment in each.span and each.role is self._footage.role]
        best = max(held, key=lambda each: each.span.end, default=None)
        return None if best is None or best.open else best

    async def _piece_at(self, moment: datetime) -> tuple[RecordingSegment | None, float | None]:
        """Return what to download from a moment on, and how many seconds of footage would come before that.

        Parts of files are short where recorders do not bear to be left in the middle, if they come by themselves.
        """
        file, downloads = self._file_at(moment), self._footage.downloads
        if file is None or downloads is None:
            return None, None
        rest = replace(file, span=TimeSpan(moment, file.span.end))
        try:
            if downloads.piece is not None and rest.span.duration > downloads.piece:
                piece = replace(file, span=TimeSpan(moment, moment + downloads.piece))
                if not (reach := _before(moment, await downloads.begins(piece))):
                    return piece, reach
            return rest, _before(moment, await downloads.begins(rest))
        except NvrError:
            return None, None

    async def _open_by(self, way: Way, moment: datetime, *, is_last: bool) -> Opened:
        self._footage.guard.check()
        if way is not Way.DOWNLOAD:
            return await self._play(moment)
        segment, _ = await self._piece_at(moment)
        if segment is None:
            raise NvrUnsupportedError("there is no file to download of that moment")
        return await self._download(segment, is_last=is_last)

    async def _play(self, moment: datetime) -> Opened:
        footage = self._footage
        if footage.source is None:
            raise NvrNotFoundError("the recorder plays nothing back")
        span = TimeSpan(moment, footage.span.end)
        request = await footage.source.request(footage.channel, span, role=footage.role)
        session = await RtspSession.open(
            request,
            footage.guard,
            limits=self._limits,
            monotonic=self._monotonic,
            utcnow=self._utcnow,
            sound=self._sound,
            scale=self._scale,
        )
        self.memory.tell(Way.PLAYBACK, request.real_time)
        return Opened(session, from_datetime(request.end) if request.end < span.end else None)

    async def _download(self, segment: RecordingSegment, *, is_last: bool) -> Opened:
        downloads = self._footage.downloads
        if downloads is None:
            raise NvrNotFoundError("the recorder gives out no files")
        try:
            async with asyncio.timeout(_LONGEST_WAIT if is_last else _FIRST_BYTE) as waiting:

                async def whole(download: Download, begin: datetime, start: datetime) -> FrameSource:
                    if is_last:
                        # It has begun, and takes as long as it takes; that it goes on is watched where it comes from.
                        waiting.reschedule(None)
                    return await spooled(download, begin, self._pool, start)

                source = await DownloadedFootage.open(
                    downloads,
                    segment,
                    silence=self._limits.silence,
                    monotonic=self._monotonic,
                    whole=whole,
                )
        except TimeoutError:
            raise NvrTimeoutError("the download did not begin in time") from None
        until = from_datetime(segment.span.end) if segment.span.end < self._footage.span.end else None
        return Opened(source, until, Way.DOWNLOAD)


def _before(moment: datetime, begin: datetime) -> float:
    """Return how many seconds a beginning lies before a moment; a little is none."""
    seconds = (moment - begin).total_seconds()
    return seconds if seconds > _LITTLE else 0.0
