"""What a stream reads: downloads that follow a script, behind a search that does."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from custom_components.nvr.core.errors import NvrError, NvrNotFoundError, NvrUnreachableError
from custom_components.nvr.core.models import StreamRole, VideoCodec
from custom_components.nvr.media.audio import AudioFormat, AudioUnit
from custom_components.nvr.media.cover import Sample
from custom_components.nvr.media.footage import Opened
from custom_components.nvr.media.pool import WorkPool
from custom_components.nvr.media.sources.base import Way
from custom_components.nvr.media.sources.choice import SourceMemory
from custom_components.nvr.media.sources.demux import Pieces
from custom_components.nvr.media.sources.download import DownloadedFootage
from custom_components.nvr.media.sources.opener import SourceOpener
from custom_components.nvr.media.sources.pictures import Pictures
from custom_components.nvr.media.streaming.feed import FeedOptions
from custom_components.nvr.media.streaming.playback_feed import Footage, PlaybackFeed
from custom_components.nvr.media.streaming.trick import HopFeed, Run
from custom_components.nvr.media.ticks import RATE

START = 1_795_000_000 * RATE
SECOND = RATE
FOUND = START, START + 60 * SECOND
LATER = START + 3600 * SECOND


def sample(second: float, data: bytes = b"", *, key: bool = True) -> Sample:
    return Sample(START + round(second * RATE), key, data or str(second).encode())


class Parts:
    """Takes nothing apart: each byte stands for what comes next."""

    audio: AudioFormat | None = None

    def __init__(self, pieces: Sequence[Pieces]) -> None:
        self.pictures = Pictures()
        self.pictures.adopt(VideoCodec.H264)
        self._pieces = list(pieces)

    def feed(self, data: bytes) -> Pieces:
        del data
        return self._pieces.pop(0)

    def close(self) -> Pieces:
        return Pieces()


@dataclass
class Rig:
    """What was recorded, and what each download of it brings; `asked`: from where each was."""

    downloads: list[list[Pieces] | NvrError] = field(default_factory=list)
    spans: list[tuple[int, int] | NvrError | None] = field(default_factory=lambda: [FOUND])
    asked: list[int] = field(default_factory=list)
    sources: list[DownloadedFootage] = field(default_factory=list)
    searched: list[int] = field(default_factory=list)
    wanted: bool = False

    async def recorded(self, moment: int) -> tuple[int, int] | None:
        self.searched.append(moment)
        found = self.spans.pop(0) if self.spans else None
        if isinstance(found, NvrError):
            raise found
        return found

    async def open(self, moment: int) -> Opened:
        self.asked.append(moment)
        pieces = self.downloads.pop(0)
        if isinstance(pieces, NvrError):
            raise pieces

        async def chunks() -> AsyncIterator[bytes]:
            for _ in pieces:
                await asyncio.sleep(0)
                yield b"."

        source = DownloadedFootage(chunks(), Parts(pieces), AsyncExitStack())
        source._wanted = lambda: self.wanted
        source._since = -1000.0
        self.sources.append(source)
        return Opened(source, None, Way.DOWNLOAD)

    def footage(self) -> Footage:
        return Footage(
            None,
            cast("Any", None),
            1,
            StreamRole.MAIN,
            self.recorded,
            self.recorded,
            lambda: LATER,
            WorkPool(),
            SourceMemory(),
        )

    def feed(self, start: int = START, *, sound: bool = False) -> PlaybackFeed:
        return PlaybackFeed(self.footage(), start, FeedOptions(sound=sound))


@pytest.fixture(name="rig")
def rig_fixture(monkeypatch: pytest.MonkeyPatch) -> Rig:
    rig = Rig()
    monkeypatch.setattr(SourceOpener, "open", lambda _, moment, __=None: rig.open(moment))
    return rig


async def read_some(feed: PlaybackFeed, count: int) -> list[Sample]:
    found: list[Sample] = []
    while len(found) < count:
        batch = await feed.read()
        assert not batch.ended
        found += batch.samples
    return found


def times(samples: Sequence[Sample]) -> list[float]:
    return [(each.time - START) / RATE for each in samples]


async def test_a_pause_leaves_no_download_that_would_come_from_its_beginning_again(rig: Rig) -> None:
    rig.downloads = [[Pieces([sample(second)]) for second in range(60)]]
    feed = rig.feed(START + 30 * SECOND)
    await feed.open()
    assert times(await read_some(feed, 3)) == [30, 31, 32]
    await feed.pause()
    with suppress(TimeoutError):
        async with asyncio.timeout(0.01):
            await feed.rest()
    await feed.resume()
    assert times(await read_some(feed, 2)) == [33, 34]
    assert len(rig.asked) == 1
    await feed.close()


async def test_a_download_that_rests_makes_room_for_others_and_one_that_begins_anywhere_is_left(rig: Rig) -> None:
    for first in (0, 30):
        rig.spans = [FOUND]
        rig.downloads = [[Pieces([sample(second)]) for second in range(begin, 60)] for begin in (first, 32)]
        feed = rig.feed(START + 30 * SECOND)
        await feed.open()
        assert times(await read_some(feed, 3)) == [30, 31, 32]
        await feed.pause()
        rig.wanted = True
        await feed.rest()
        assert rig.sources[-1]._closed
        rig.wanted = False
        await feed.resume()
        assert times(await read_some(feed, 2)) == [33, 34]
        await feed.close()


async def test_a_search_that_fails_ends_no_stream_that_plays(rig: Rig) -> None:
    rig.spans = [FOUND, NvrUnreachableError("away"), NvrUnreachableError("away"), (START, START + 75 * SECOND)]
    rig.downloads = [[Pieces([sample(second)]) for second in range(50, 90)]]
    feed = rig.feed(START + 50 * SECOND)
    await feed.open()
    assert times(await read_some(feed, 25)) == [float(second) for second in range(50, 75)]
    assert [(moment - START) / RATE for moment in rig.searched] == [50, 60, 65, 70]
    await feed.close()


async def test_what_is_listed_and_not_there_is_passed_over(rig: Rig) -> None:
    ghost = START + 100 * SECOND, START + 110 * SECOND
    there = START + 200 * SECOND, START + 260 * SECOND
    rig.spans = [FOUND, None, ghost, there]
    rig.downloads = [[Pieces([sample(59)]), Pieces([sample(60)])], NvrNotFoundError("404"), [Pieces([sample(200)])]]
    feed = rig.feed(START + 59 * SECOND)
    await feed.open()
    assert times(await read_some(feed, 1)) == [59]
    gaps = []
    while not (batch := await feed.read()).samples:
        assert not batch.ended
        gaps += [batch.gap] if batch.gap is not None else []
    assert times(batch.samples) == [200]
    assert gaps == [(FOUND[1], there[0])]
    await feed.close()


async def test_a_download_that_ends_right_behind_a_seam_keeps_nothing_back(rig: Rig) -> None:
    rig.spans = [(START, START + 13 * SECOND)]
    rig.downloads = [
        [Pieces([sample(second)]) for second in range(8, 10)],
        [Pieces([sample(second, b"apart")]) for second in (8.5, 10, 10.5)],
    ]
    feed = rig.feed(START + 8 * SECOND)
    await feed.open()
    found: list[Sample] = []
    while not (batch := await feed.read()).ended:
        found += batch.samples
    assert times(found) == [8, 9, 10, 10.5]
    await feed.close()


async def test_sound_that_nobody_wants_is_not_kept(rig: Rig) -> None:
    rig.downloads = [[Pieces([sample(second)], [AudioUnit(START, b"sound")]) for second in range(20)]]
    feed = rig.feed()
    await feed.open()
    await read_some(feed, 20)
    assert not rig.sources[0]._units
    await feed.close()


@pytest.mark.parametrize("speed", [16.0, -16.0])
async def test_winding_goes_on_over_what_is_listed_and_not_there(rig: Rig, speed: float) -> None:
    back = speed < 0
    missing = START + 20 * SECOND, START + 40 * SECOND
    begin = START + (50 if back else 10) * SECOND

    class Holed(Rig):
        async def recorded(self, moment: int) -> tuple[int, int] | None:
            return FOUND if (moment > FOUND[0] if back else moment < FOUND[1]) else None

        async def open(self, moment: int) -> Opened:
            if missing[0] <= moment < missing[1]:
                raise NvrNotFoundError("404")
            self.downloads = [[Pieces([Sample(max(moment, START), True, b"key")])]]
            return await super().open(moment)

    holed = Holed()
    rig.open = holed.open  # type: ignore[method-assign]
    feed = HopFeed(holed.footage(), Run(begin, speed), FeedOptions())
    await feed.begin()
    found: list[int] = []
    while not (batch := await feed.read()).ended:
        found += [each.time for each in batch.samples]
    assert any(each < missing[0] for each in found)
    assert any(each >= missing[1] for each in found)
    await feed.close()
