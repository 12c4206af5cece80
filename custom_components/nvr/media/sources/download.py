"""Footage out of a download: the recorder's own file, taken apart as it comes.

Nothing is read ahead but one piece, so that a full player holds the recorder back. Whoever closes ends the answer on
the wire at once, whatever is being waited for.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from datetime import datetime
import logging
import time
from typing import Final

from ...core.driver import Download, DownloadSource
from ...core.errors import NvrBusyError, NvrError, NvrTimeoutError, NvrUnsupportedError
from ...core.models import Container, RecordingSegment, VideoCodec
from ..audio import AudioFormat, AudioUnit
from ..cover import Sample
from ..fmp4 import VideoSets
from ..ticks import RATE, from_datetime
from .base import FrameSource, SteadyClock
from .demux import Demuxer, Pieces
from .dhav import DhavDemuxer
from .program_stream import ProgramStreamDemuxer

_LOGGER = logging.getLogger(__name__)
SILENCE: Final = 8.0
"""Seconds without a byte after which a download counts as hanging."""
_PIECE: Final = 128 * 1024
# How much is looked at for sound before a recording counts as silent.
_SOUND_WITHIN: Final = 3 * RATE // 2
# Who waits for the recorder's downloads gets them when a playback had them for so long (s).
_TURN: Final = 10.0
_LEAST_WAIT: Final = 0.05


type Whole = Callable[[Download, datetime, datetime], Awaitable[FrameSource]]
"""Reads a download to its end; takes when its first frame was recorded, and what is wanted of it."""


def demuxer_of(container: Container, begin: datetime) -> Demuxer:
    """Return what takes a container apart; `begin`: when the first frame was recorded. Raises NvrUnsupportedError."""
    match container:
        case Container.MPEG_PS:
            return ProgramStreamDemuxer(from_datetime(begin))
        case Container.DHAV:
            return DhavDemuxer(from_datetime(begin.replace(microsecond=0)))
        case _:
            raise NvrUnsupportedError(f"footage in a container of the kind {container} is not read while it comes")


class DownloadedFootage:
    """A download read as frames. `open` it, `read` until it returns nothing, and `close` it whatever happens."""

    def __init__(self, chunks: AsyncIterator[bytes], demuxer: Demuxer, stack: AsyncExitStack) -> None:
        """Use `open`."""
        self.correction = 0
        self.clock = SteadyClock()
        self.received = 0
        self.waited = 0.0
        self._first: int | None = None
        self._reached = 0
        self._chunks = chunks
        self._demuxer = demuxer
        self._stack = stack
        self._next: asyncio.Task[bytes] | None = None
        self._left = memoryview(b"")
        self._samples: list[Sample] = []
        self._units: list[AudioUnit] = []
        self._ended = False
        self._closed = False
        self._wanted: Callable[[], bool] = lambda: False
        self._since = 0.0
        self._monotonic: Callable[[], float] = time.monotonic

    @classmethod
    async def open(
        cls,
        source: DownloadSource,
        segment: RecordingSegment,
        *,
        silence: float = SILENCE,
        monotonic: Callable[[], float] = time.monotonic,
        whole: Whole | None = None,
    ) -> FrameSource:
        """Return the footage of a segment, once its first pictures are here.

        `whole` reads what cannot be read before all of it has come.

        Raises NvrTimeoutError when nothing comes for `silence` seconds, and what DownloadSource raises; on any way out,
        a cancel too, nothing is left on the recorder.
        """
        async with AsyncExitStack() as stack:
            download = await stack.enter_async_context(source.open(segment))
            begin = download.start or segment.span.start
            if download.container is Container.MP4 and whole is not None:
                return await whole(download, begin, segment.span.start)
            demuxer = demuxer_of(download.container, begin)
            found = cls(aiter(download), demuxer, stack)
            found._wanted = lambda: download.wanted
            found._monotonic, found._since = monotonic, monotonic()
            await found.begin(silence)
            found.keep(stack.pop_all())
        return found

    async def begin(self, silence: float = SILENCE) -> None:
        """Read until the first pictures are here; on any way out nothing is being waited for."""
        try:
            await self._look(silence)
        except BaseException:
            await self._stop_waiting()
            raise

    def keep(self, stack: AsyncExitStack) -> None:
        """Take over what has to be closed in the end."""
        self._stack = stack

    @property
    def wanted(self) -> bool:
        """Whether somebody else has waited for the recorder's downloads, and it is his turn."""
        return self._wanted() and self._monotonic() - self._since > _TURN

    @property
    def codec(self) -> VideoCodec:
        """What the pictures are."""
        return self._demuxer.pictures.codec

    @property
    def speed(self) -> float:
        """How many times faster than real time it comes, as far as it was waited for; 0 while nobody can tell."""
        if self._first is None or self._reached <= self._first:
            return 0.0
        return (self._reached - self._first) / RATE / max(self.waited, _LEAST_WAIT)

    @property
    def sets(self) -> VideoSets | None:
        """The newest parameter sets."""
        return self._demuxer.pictures.sets

    @property
    def audio(self) -> AudioFormat | None:
        """What sounds."""
        return self._demuxer.audio

    async def read(self, silence: float | None = None) -> list[Sample]:
        """Return the next frames; see FrameSource.

        Raises NvrBusyError when somebody else has waited for the recorder's downloads and it is his turn.
        """
        if self.wanted:
            raise NvrBusyError("somebody else waits for the recorder's downloads", retry_after=_TURN)
        while not self._samples and not self._ended:
            await self._advance(SILENCE if silence is None else max(silence, SILENCE))
        samples, self._samples = self._samples, []
        return samples

    def take_audio(self) -> tuple[int, list[AudioUnit]]:
        """Return what was heard since the last time; nothing is ever dated anew."""
        units, self._units = self._units, []
        return 0, units

    async def close(self) -> None:
        """End the answer of the recorder; what is being waited for ends with it."""
        if self._closed:
            return
        self._closed = self._ended = True
        await self._stop_waiting()
        with suppress(NvrError):
            await self._stack.aclose()

    async def _look(self, silence: float) -> None:
        """Read until there are pictures, and sound, if there is any."""
        while not self._ended:
            if self._samples:
                looked = self._samples[-1].time - self._samples[0].time
                if self._demuxer.audio is not None or looked >= _SOUND_WITHIN:
                    return
            await self._advance(silence)

    async def _advance(self, silence: float) -> None:
        """Take the next bytes apart."""
        if not self._left:
            self._left = memoryview(await self._chunk(silence))
            self.received += len(self._left)
        if not self._left:
            self._ended = True
            self._take(self._demuxer.close())
            return
        piece, self._left = self._left[:_PIECE], self._left[_PIECE:]
        self._take(self._demuxer.feed(bytes(piece)))
        if self._left:
            # Whatever else runs gets its turn: a chunk may be half a megabyte.
            await asyncio.sleep(0)

    def _take(self, pieces: Pieces) -> None:
        self._samples += pieces.samples
        if pieces.samples:
            self._first = pieces.samples[0].time if self._first is None else self._first
            self._reached = pieces.samples[-1].time
        self._units += pieces.units

    async def _chunk(self, silence: float) -> bytes:
        """Return what comes next, nothing at the end. A wait that is cancelled leaves the reading as it is."""
        if self._next is None:
            self._next = asyncio.create_task(_next_of(self._chunks))
        asked = self._monotonic()
        done, _ = await asyncio.wait({self._next}, timeout=silence)
        # What came with the first bytes was waited for before.
        self.waited += self._monotonic() - asked if self._first is not None else 0.0
        if not done:
            raise NvrTimeoutError("the recorder has stopped sending the download")
        task, self._next = self._next, None
        return task.result()

    async def _stop_waiting(self) -> None:
        task, self._next = self._next, None
        if task is not None:
            task.cancel()
            await asyncio.wait({task})
            if not task.cancelled() and (error := task.exception()) is not None:
                _LOGGER.debug("A download ended while it was closed: %s", error)


async def _next_of(chunks: AsyncIterator[bytes]) -> bytes:
    """Return the next piece that holds something; nothing at the end."""
    async for chunk in chunks:
        if chunk:
            return chunk
    return b""
