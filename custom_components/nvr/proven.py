"""Roles of a driver that ask only a recorder that has proved who it is, and ask again when that comes into doubt."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime, timedelta

from .core.controls import Control, ControlPage, ControlValue, PtzAbilities, PtzMotion, PtzOrder, PtzPreset
from .core.driver import (
    ControlSource,
    DetectionIndex,
    Download,
    DownloadSource,
    KeyFrameSource,
    PlaybackSource,
    PtzSource,
    RecordingIndex,
)
from .core.models import (
    DayMap,
    Detection,
    EventKind,
    KeyFrame,
    PlaybackRequest,
    RecordingKind,
    RecordingSegment,
    StreamRole,
    TimeSpan,
)
from .recording_search import closing_search

# Returns at once where nothing is in doubt; raises core errors.
type Prove = Callable[[], Awaitable[None]]


class ProvenRecordings:
    """What is stored on this very recorder; answers that came while it was in doubt wait for the proof."""

    def __init__(self, index: RecordingIndex, prove: Prove) -> None:
        """Ask `index`, after `prove`."""
        self._index = index
        self._prove = prove

    @property
    def reading(self) -> Hashable:
        """What answers depend on besides the clock."""
        return self._index.reading

    async def search(
        self,
        channel: int,
        span: TimeSpan,
        *,
        kinds: frozenset[RecordingKind] | None = None,
        role: StreamRole = StreamRole.MAIN,
    ) -> AsyncGenerator[RecordingSegment]:
        """Yield as RecordingIndex.search does."""
        await self._prove()
        async with closing_search(self._index, channel, span, kinds=kinds, role=role) as segments:
            async for segment in segments:
                await self._prove()
                yield segment
        await self._prove()

    async def day_map(self, channel: int, year: int, month: int) -> DayMap:
        """Return as RecordingIndex.day_map does."""
        await self._prove()
        found = await self._index.day_map(channel, year, month)
        await self._prove()
        return found


class ProvenDetections:
    """What happened before this very recorder."""

    def __init__(self, index: DetectionIndex, prove: Prove) -> None:
        """Ask `index`, after `prove`."""
        self._index = index
        self._prove = prove

    @property
    def kinds(self) -> frozenset[EventKind]:
        """The kinds that can be asked for."""
        return self._index.kinds

    async def find(
        self, channel: int, span: TimeSpan, kinds: frozenset[EventKind] | None = None
    ) -> AsyncGenerator[Detection]:
        """Yield as DetectionIndex.find does."""
        await self._prove()
        found = self._index.find(channel, span, kinds)
        try:
            async for detection in found:
                await self._prove()
                yield detection
        finally:
            if isinstance(found, AsyncGenerator):
                await found.aclose()
        await self._prove()


class ProvenPlayback:
    """Footage of this very recorder."""

    def __init__(self, source: PlaybackSource, prove: Prove) -> None:
        """Ask `source`, after `prove`."""
        self._source = source
        self._prove = prove

    async def request(self, channel: int, span: TimeSpan, *, role: StreamRole = StreamRole.MAIN) -> PlaybackRequest:
        """Return as PlaybackSource.request does."""
        await self._prove()
        found = await self._source.request(channel, span, role=role)
        await self._prove()
        return found


class ProvenDownloads:
    """Original bytes of this very recorder."""

    def __init__(self, source: DownloadSource, prove: Prove) -> None:
        """Ask `source`, after `prove`."""
        self._source = source
        self._prove = prove

    @property
    def piece(self) -> timedelta | None:
        """What DownloadSource.piece says."""
        return self._source.piece

    def open(self, segment: RecordingSegment) -> AbstractAsyncContextManager[Download]:
        """Open as DownloadSource.open does."""
        return self._open(segment)

    async def begins(self, segment: RecordingSegment) -> datetime:
        """Return as DownloadSource.begins does."""
        await self._prove()
        return await self._source.begins(segment)

    @asynccontextmanager
    async def _open(self, segment: RecordingSegment) -> AsyncGenerator[Download]:
        await self._prove()
        async with self._source.open(segment) as download:
            await self._prove()
            yield download


class ProvenKeyFrames:
    """Single pictures of this very recorder's past."""

    def __init__(self, source: KeyFrameSource, prove: Prove) -> None:
        """Ask `source`, after `prove`."""
        self._source = source
        self._prove = prove

    async def key_frame(self, channel: int, moment: datetime, *, role: StreamRole = StreamRole.MAIN) -> KeyFrame:
        """Return as KeyFrameSource.key_frame does."""
        await self._prove()
        found = await self._source.key_frame(channel, moment, role=role)
        await self._prove()
        return found


class ProvenPtz:
    """Cameras of this very recorder that move."""

    def __init__(self, source: PtzSource, prove: Prove) -> None:
        """Tell `source`, after `prove`."""
        self._source = source
        self._prove = prove

    async def abilities(self, channel: int) -> PtzAbilities:
        """Return as PtzSource.abilities does."""
        await self._prove()
        found = await self._source.abilities(channel)
        await self._prove()
        return found

    async def move(self, channel: int, motion: PtzMotion) -> None:
        """Move as PtzSource.move does."""
        await self._prove()
        await self._source.move(channel, motion)

    async def presets(self, channel: int) -> Sequence[PtzPreset]:
        """Return as PtzSource.presets does."""
        await self._prove()
        found = await self._source.presets(channel)
        await self._prove()
        return found

    async def order(self, channel: int, order: PtzOrder, number: int, name: str = "") -> None:
        """Tell as PtzSource.order does."""
        await self._prove()
        await self._source.order(channel, order, number, name)


class ProvenControls:
    """Settings of this very recorder."""

    def __init__(self, source: ControlSource, prove: Prove) -> None:
        """Ask `source`, after `prove`."""
        self._source = source
        self._prove = prove

    def pages(self) -> Sequence[ControlPage]:
        """Return as ControlSource.pages does."""
        return self._source.pages()

    def certain(self) -> Sequence[Control]:
        """Return as ControlSource.certain does."""
        return self._source.certain()

    async def read(self, page: ControlPage) -> Sequence[Control]:
        """Return as ControlSource.read does."""
        await self._prove()
        found = await self._source.read(page)
        await self._prove()
        return found

    async def write(self, control: Control, value: ControlValue) -> Sequence[Control]:
        """Write as ControlSource.write does."""
        await self._prove()
        return await self._source.write(control, value)
