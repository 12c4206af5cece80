"""Pictures out of the recorder's own files, for recorders that play badly, or not at all."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from ...core.driver import DownloadSource
from ...core.errors import NvrBusyError, NvrNotFoundError, NvrUnsupportedError
from ...core.models import RecordingSegment, TimeSpan
from ..sources.base import FrameSource
from ..sources.download import DownloadedFootage
from ..ticks import from_datetime
from .picture import Coded, Pictures, annexb
from .reader import Kept, Wanted, jumped

# What is asked for of a file; recorders cut it to their groups of pictures.
_BEFORE: Final = timedelta(seconds=2)
_BEHIND: Final = timedelta(seconds=8)
# So much of a file is not read for one picture.
_TOO_FAR: Final = timedelta(seconds=60)
# How long (s) people's downloads are waited for, and the bytes.
_PATIENCE: Final = 15.0

type Segments = Callable[[Wanted], Awaitable[Sequence[RecordingSegment]]]
"""Returns the files around a wanted moment, as the recorder lists them."""


@dataclass(frozen=True, slots=True)
class DownloadedPictures:
    """Pictures by the download of a few seconds. It takes no playback session; there is one lane for downloads."""

    source: DownloadSource
    segments: Segments

    async def pictures(self, wanted: Wanted) -> Pictures:
        """Return as PictureSource.pictures does; NvrBusyError where others' downloads take too long."""
        piece = self._piece(wanted, await self.segments(wanted))
        try:
            async with asyncio.timeout(_PATIENCE):
                if wanted.moment - await self.source.begins(piece) > _TOO_FAR:
                    raise NvrUnsupportedError("the download would begin too far before the picture")
                source = await DownloadedFootage.open(self.source, piece)
                try:
                    return await _read(source, wanted)
                finally:
                    await source.close()
        except TimeoutError:
            raise NvrBusyError("no download of a picture in time", retry_after=5.0) from None

    @staticmethod
    def _piece(wanted: Wanted, segments: Sequence[RecordingSegment]) -> RecordingSegment:
        """Return what to download; pure."""
        held = [each for each in segments if wanted.moment in each.span and each.role is wanted.role]
        file = max(held, key=lambda each: each.span.end, default=None)
        if file is None:
            raise NvrNotFoundError("nothing is recorded at that moment")
        if file.open:
            raise NvrUnsupportedError("the file is still being written")
        start = max(file.span.start, wanted.moment - _BEFORE)
        end = min(file.span.end, wanted.moment + _BEHIND)
        return replace(file, span=TimeSpan(start, max(end, start + timedelta(seconds=1))))


async def _read(source: FrameSource, wanted: Wanted) -> Pictures:
    """Read up to the moment and a little more; an exact picture is the last one shown before it."""
    moment = from_datetime(wanted.moment)
    kept = Kept(moment)
    while not (kept.passed if wanted.exact else kept.behind):
        fresh = await source.read()
        if not fresh:
            break
        kept.take(fresh, 0)
    if not kept.samples or jumped(kept.samples, moment):
        raise NvrNotFoundError("nothing is recorded at that moment")
    samples = kept.samples if wanted.exact else kept.samples[:1]
    return Pictures(source.codec, [Coded(sample.time, annexb(sample.data)) for sample in samples])
