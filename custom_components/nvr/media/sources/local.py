"""Footage out of a file on a local disk: a recorder's original in any of its containers, or one of our own clips.

Originals are taken apart as downloads are. MP4 is read with PyAV in the engine's threads, a little at a time; so is one
that a recorder sends, once it is here: its index may stand at the end.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from pathlib import Path
import shutil
import tempfile
from typing import IO, Final, Self

import av
from av.bitstream import BitStreamFilterContext
from av.container import InputContainer
from av.stream import Stream

from ...core.driver import Download
from ...core.errors import NvrBusyError, NvrResponseError, NvrUnsupportedError
from ...core.models import Container, VideoCodec
from ..aac import parse_config
from ..audio import AudioFormat, AudioUnit
from ..byte_source import FileBytes
from ..cover import Sample
from ..fmp4 import VideoSets
from ..pool import WorkPool
from ..ticks import RATE, from_datetime
from .base import FrameSource, SteadyClock
from .demux import Pieces
from .download import DownloadedFootage, demuxer_of
from .pictures import Pictures

_SNIFFED: Final = 4096
_MOST_SPOOLED: Final = 1 << 30
_MOST_AT_ONCE: Final = 2
_LEFT_FREE: Final = 128 << 20
_TOO_LARGE: Final = "the recorder's file is too large to be kept while it is read"
_PACKETS: Final = 64
_FILTERS = {"h264": "h264_mp4toannexb", "hevc": "hevc_mp4toannexb"}
_CODECS = {"h264": VideoCodec.H264, "hevc": VideoCodec.H265, "mjpeg": VideoCodec.MJPEG, "mpeg4": VideoCodec.MPEG4}


class _Spooling:
    """How many files are being fetched."""

    now = 0


_SPOOLING: Final = _Spooling()


def sniff(head: bytes) -> Container:
    """Tell a file's container by its beginning."""
    if head[4:8] == b"ftyp":
        return Container.MP4
    if head.startswith(b"IMKH") or b"\x00\x00\x01\xba" in head[:64]:
        return Container.MPEG_PS
    if head.startswith((b"DAHUA", b"DHII")) or b"DHAV" in head:
        return Container.DHAV
    return Container.UNKNOWN


async def open_file(path: Path, begin: datetime, pool: WorkPool, start: datetime | None = None) -> FrameSource:
    """Return the footage of a file whose first frame was recorded at `begin`, from the key frame before `start` on.

    Originals come from their beginning on. Raises NvrNotFoundError, and NvrUnsupportedError for no footage.
    """
    source = await FileBytes.of(path, pool)
    async with source.open(0, _SNIFFED) as chunks:
        head = b"".join([chunk async for chunk in chunks])
    container = sniff(head)
    if container is Container.MP4:
        file = await pool.run(path.open, "rb")
        return await Mp4Footage.open(file, begin, pool, start)
    demuxer = demuxer_of(container, begin)
    async with AsyncExitStack() as stack:
        found = DownloadedFootage(await stack.enter_async_context(source.open()), demuxer, stack)
        await found.begin()
        found.keep(stack.pop_all())
    return found


async def spooled(download: Download, begin: datetime, pool: WorkPool, start: datetime) -> FrameSource:
    """Return the footage of an MP4 on its way, once all of it is in a file that nobody else sees.

    Raises NvrResponseError for one that is too large to be kept, and what Download raises.
    """
    async with _spooling():
        file = await pool.run(tempfile.TemporaryFile)
        try:
            await _fill(file, download, pool)
        except OSError:
            await pool.run(file.close)
            raise NvrResponseError("there is no room for the recorder's file while it is read") from None
        except BaseException:
            file.close()
            raise
    return await Mp4Footage.open(file, begin, pool, start)


@asynccontextmanager
async def _spooling() -> AsyncIterator[None]:
    """Bound how many files are fetched at once: where they are kept may be memory. Raises NvrBusyError."""
    if _SPOOLING.now >= _MOST_AT_ONCE:
        raise NvrBusyError("other files are being fetched", retry_after=5.0)
    _SPOOLING.now += 1
    try:
        yield
    finally:
        _SPOOLING.now -= 1


async def _fill(file: IO[bytes], download: Download, pool: WorkPool) -> None:
    free = (await pool.run(shutil.disk_usage, tempfile.gettempdir())).free
    if download.size is not None and min(_MOST_SPOOLED, free - _LEFT_FREE) < download.size:
        raise NvrResponseError(_TOO_LARGE)
    size = 0
    async for chunk in download:
        size += len(chunk)
        if size > min(_MOST_SPOOLED, free - _LEFT_FREE):
            raise NvrResponseError(_TOO_LARGE)
        await pool.run(file.write, chunk)
    await pool.run(file.seek, 0)


class Mp4Footage:
    """An MP4 that is read as frames; closing closes its file."""

    def __init__(self, file: IO[bytes], begin: datetime, pool: WorkPool) -> None:
        """Use `open`."""
        self.correction = 0
        self.clock = SteadyClock()
        self.audio: AudioFormat | None = None
        self._file = file
        self._begin = from_datetime(begin)
        self._pool = pool
        self._pictures = Pictures()
        self._units: list[AudioUnit] = []
        self._reading: asyncio.Task[Pieces] | None = None
        self._ended = False
        self._container: InputContainer | None = None
        self._demuxed: Iterator[av.Packet[Stream]] = iter(())
        self._filter: BitStreamFilterContext | None = None

    @classmethod
    async def open(cls, file: IO[bytes], begin: datetime, pool: WorkPool, start: datetime | None = None) -> Self:
        """Return the footage from the key frame before `start` on. Raises NvrUnsupportedError for what is no MP4."""
        found = cls(file, begin, pool)
        opening = asyncio.ensure_future(pool.run(found._open, None if start is None else from_datetime(start)))
        try:
            await asyncio.shield(opening)
        except av.FFmpegError:
            file.close()
            raise NvrUnsupportedError("the file is no MP4 that can be read") from None
        except BaseException:
            await asyncio.wait({opening})
            await found.close()
            raise
        return found

    @property
    def codec(self) -> VideoCodec:
        """What the pictures are."""
        return self._pictures.codec

    @property
    def sets(self) -> VideoSets | None:
        """The newest parameter sets."""
        return self._pictures.sets

    async def read(self, silence: float | None = None) -> list[Sample]:
        """Return the next frames; see FrameSource. A file is never silent."""
        del silence
        while self._container is not None:
            # A read that was given up goes on: what it brings is for the next one.
            self._reading = self._reading or asyncio.create_task(self._pool.run(self._some))
            try:
                pieces = await asyncio.shield(self._reading)
            except av.FFmpegError, ValueError:
                self._reading = None
                raise NvrResponseError("the file is damaged, or goes on in a way that cannot be read") from None
            self._reading = None
            self._units += pieces.units
            if pieces.samples or self._ended:
                return pieces.samples
        return []

    def take_audio(self) -> tuple[int, list[AudioUnit]]:
        """Return what was heard since the last time."""
        units, self._units = self._units, []
        return 0, units

    async def close(self) -> None:
        """Close the file."""
        reading, self._reading = self._reading, None
        if reading is not None:
            await asyncio.wait({reading})
        container, self._container = self._container, None
        if container is not None:
            await self._pool.run(container.close)
        self._file.close()

    def _open(self, start: int | None) -> None:
        container = self._container = av.open(self._file, "r", format="mp4")
        if not container.streams.video:
            raise NvrUnsupportedError("the file holds no video")
        video = container.streams.video[0]
        name = video.codec_context.name
        self._pictures.adopt(_CODECS.get(name, VideoCodec.UNKNOWN))
        if name not in _FILTERS:
            raise NvrUnsupportedError(f"the recording is {name}")
        self._filter = BitStreamFilterContext(_FILTERS[name], video)
        streams: list[Stream] = [video]
        if container.streams.audio and (sound := container.streams.audio[0]).codec_context.name == "aac":
            config = parse_config(bytes(sound.codec_context.extradata or b""))
            self.audio = AudioFormat("aac", config.rate, config.channels, config=config)
            streams.append(sound)
        if start is not None and start > self._begin:
            container.seek((start - self._begin) * av.time_base // RATE)
        self._demuxed = container.demux(*streams)

    def _some(self) -> Pieces:
        """Read some packets; in a thread."""
        pieces = Pieces()
        for _ in range(_PACKETS):
            packet = next(self._demuxed, None)
            if packet is None:
                self._ended = True
                break
            if packet.pts is None or packet.time_base is None:
                continue
            moment = self._begin + round(packet.pts * packet.time_base * RATE)
            if packet.stream.type == "audio":
                pieces.units.append(AudioUnit(moment, bytes(packet)))
                continue
            parts = self._filter.filter(packet) if self._filter is not None else []
            data = b"".join(bytes(part) for part in parts)
            sample = self._pictures.sample(moment, data)
            if sample is not None:
                pieces.samples.append(sample)
        return pieces
