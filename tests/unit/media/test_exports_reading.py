"""How an export is read: what breaks it off is no reason to read again what was read."""

import pytest

from custom_components.nvr.core.errors import NvrBusyError, NvrError
from custom_components.nvr.core.models import VideoCodec
from custom_components.nvr.media.audio import AudioUnit
from custom_components.nvr.media.cover import Sample
from custom_components.nvr.media.exports import reading
from custom_components.nvr.media.footage import Opened
from custom_components.nvr.media.sources.base import SteadyClock, Way
from custom_components.nvr.media.ticks import RATE

LENGTH = 20 * RATE
STEP = RATE // 10


class Footage:
    """A source of key pictures from a moment on; `until` is where somebody else's turn comes."""

    sets = None
    audio = None
    codec = VideoCodec.H264

    def __init__(self, start: int, until: int | None) -> None:
        self.clock = SteadyClock()
        self.correction = 0
        self.at = -(-start // STEP) * STEP
        self.until = until

    async def read(self, silence: float | None = None) -> list[Sample]:  # noqa: ARG002 - what a source is given
        if self.until is not None and self.at >= self.until:
            raise NvrBusyError("somebody else waits for the recorder's downloads")
        if self.at >= LENGTH:
            return []
        self.at += STEP
        return [Sample(self.at - STEP, key=True, data=b"picture")]

    def take_audio(self) -> tuple[int, list[AudioUnit]]:
        return 0, []

    async def close(self) -> None:
        pass


class Opener:
    """Downloads until that broke, and plays then; `busy_from`: from there on it has nothing free at all."""

    def __init__(self, busy_from: int = LENGTH) -> None:
        self.way = Way.DOWNLOAD
        self.busy_from = busy_from
        self.asked: list[tuple[Way, int]] = []

    async def open(self, start: int) -> Opened:
        self.asked.append((self.way, start))
        if start >= self.busy_from:
            raise NvrBusyError("no session is free")
        return Opened(Footage(start, 7 * RATE if self.way is Way.DOWNLOAD else None), None, self.way)

    def broke(self, way: Way, error: NvrError, moment: int, *, sent: bool) -> bool:
        assert isinstance(error, NvrBusyError)
        assert (way, sent) == (Way.DOWNLOAD, True)
        assert moment <= 7 * RATE
        self.way = Way.PLAYBACK
        return True


async def read(opener: Opener) -> list[int]:
    reader = reading.PartReader(lambda _: opener, wait=0.001)
    part = reading.Part(0, LENGTH, (0, LENGTH))
    try:
        return [sample.time async for piece in reader.read(part) for sample in piece.body]
    finally:
        await reader.close()


async def test_export_whose_download_makes_room_goes_on_by_playback_where_it_was() -> None:
    opener = Opener()
    assert await read(opener) == list(range(0, LENGTH, STEP))
    (first, begin), (second, resumed) = opener.asked
    assert (first, begin, second) == (Way.DOWNLOAD, 0, Way.PLAYBACK)
    assert 6 * RATE < resumed <= 7 * RATE


async def test_recorder_that_stays_busy_is_told_as_busy() -> None:
    opener = Opener(busy_from=RATE)
    with pytest.raises(NvrBusyError):
        await read(opener)
    assert len(opener.asked) > 2
    # Where nothing was read yet, nobody tries again: the queue does.
    opener = Opener(busy_from=0)
    with pytest.raises(NvrBusyError):
        await read(opener)
    assert opener.asked == [(Way.DOWNLOAD, 0)]
