"""HLS: how long until the first segment is there, and whether the first minute plays without a stall.

Three recorders: one that plays faster than real time, one that plays in real time and gives out downloads, one that
does nothing but play in real time. Our own part is what is left when the recorder's is taken off: the time it takes to
send the picture of the asked moment to a bare reader. Of downloads nothing is taken off. The browser's part, some 50 ms
of decoding, is not in it. The reference is PyAV, which opens the same address in the same run and reads to its first
picture.
"""

import asyncio
from collections.abc import AsyncIterator
import contextlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
import time

import av

from custom_components.nvr.core.driver import Driver
from custom_components.nvr.core.models import RecordingSegment, StreamRole, TimeSpan
from custom_components.nvr.media.engine import MediaEngine, Playback
from custom_components.nvr.media.rtsp.session import RtspSession
from custom_components.nvr.media.ticks import from_datetime
from scripts.benchmarks._common import driver_of, figure, median, percentile, recorder, run
from scripts.benchmarks._families import Family, chosen

ROUNDS = 5
WATCHED = 60.0
BUFFER = 30.0
OPTIONS = (
    *("--channels", "1", "--days", "1", "--segments", "24", "--latency-ms", "0"),
    *("--main-size", "640x360", "--fps", "15", "--gop", "2", "--h264-only"),
)
# What lets a recorder give out parts of files by time.
CUTS = {"hikvision": ("--fault", "download.by_time=true"), "dahua": ()}


@dataclass(frozen=True)
class Kind:
    """A recorder to measure; `limit` (s) is on the first segment."""

    name: str
    delivery: float
    downloads: bool
    limit: float


KINDS = (
    Kind("fast", 0.0, downloads=False, limit=1.0),
    Kind("download", 1.0, downloads=True, limit=1.0),
    Kind("real_time", 1.0, downloads=False, limit=4.5),
)


@dataclass
class Scene:
    """A driver, an engine, and what is recorded."""

    driver: Driver
    engine: MediaEngine
    files: list[RecordingSegment]
    kind: Kind

    def play(self, start: datetime, seconds: float = 300) -> Playback:
        """Return a playback as the integration makes it."""
        assert self.driver.playback is not None
        span = TimeSpan(start, start + timedelta(seconds=seconds))
        return self.engine.create(
            "bench",
            4,
            self.driver.playback,
            self.driver.guard,
            1,
            span,
            [span],
            "bench",
            StreamRole.MAIN,
            downloads=self.driver.downloads if self.kind.downloads else None,
            segments=self.files,
        )

    def moment(self, number: int) -> datetime:
        """Return a moment in the middle of a file, another one for each number."""
        file = self.files[number % (len(self.files) - 2)]
        return file.span.start + file.span.duration / 2 + timedelta(seconds=7 * number)


@contextlib.asynccontextmanager
async def scene(family: Family, kind: Kind) -> AsyncIterator[Scene]:
    """Run a recorder of a kind, its driver and an engine."""
    options = (*OPTIONS, *CUTS[family.name], "--fault", f"rtsp.delivery={kind.delivery}")
    async with recorder(family, *options) as nvr, driver_of(family, nvr.http_port) as driver:
        assert driver.recordings is not None
        now = datetime.now(UTC)
        found = [each async for each in driver.recordings.search(1, TimeSpan(now - timedelta(hours=20), now))]
        engine = MediaEngine()
        try:
            yield Scene(driver, engine, [each for each in found if not each.open], kind)
        finally:
            await engine.aclose()


async def first_segment(playback: Playback) -> float:
    """Ask as a player does, and return how long it took until the first segment was there."""
    begun = time.perf_counter()
    await playback.master_playlist()
    await playback.media_playlist()
    await playback.init_segment()
    await playback.segment(0)
    return time.perf_counter() - begun


async def watch(playback: Playback, seconds: float) -> float:
    """Play as a player does that keeps half a minute in its buffer; return for how long (s) the picture stood still."""
    await first_segment(playback)
    layout = (await playback.variants[0].prepare()).layout
    shown_at, stalled = time.perf_counter(), 0.0
    for segment in layout.segments[1:]:
        position = time.perf_counter() - shown_at - stalled
        buffered = (segment.start - layout.origin) / 90_000
        if position >= seconds:
            break
        if buffered - position > BUFFER:
            await asyncio.sleep(buffered - position - BUFFER)
        asked = time.perf_counter() - shown_at - stalled
        await playback.segment(segment.index)
        stalled += max(0.0, time.perf_counter() - shown_at - stalled - max(buffered, asked))
    return stalled


def bare(url: str) -> float:
    """Return how long PyAV takes to open an address and read its first picture."""
    begun = time.perf_counter()
    with av.open(url, "r", options={"rtsp_transport": "tcp"}, timeout=20.0) as container:
        next(packet for packet in container.demux(video=0) if packet.dts is not None)
    return time.perf_counter() - begun


async def reference(found: Scene, number: int) -> float:
    """Measure PyAV on the recorder's own playback."""
    assert found.driver.playback is not None
    start = found.moment(number)
    request = await found.driver.playback.request(1, TimeSpan(start, start + timedelta(minutes=5)))
    return await asyncio.to_thread(bare, request.address.with_credentials())


async def answer_time(found: Scene, number: int) -> float:
    """Return how long the recorder takes to play the asked moment."""
    if found.kind.downloads:
        return 0.0
    assert found.driver.playback is not None
    start = found.moment(number)
    begun = time.perf_counter()
    request = await found.driver.playback.request(1, TimeSpan(start, start + timedelta(minutes=5)))
    session = await RtspSession.open(request, found.driver.guard)
    try:
        while (await session.read())[-1].time < from_datetime(start):
            pass
    finally:
        await session.close()
    return time.perf_counter() - begun


async def measure(family: Family) -> None:
    """Measure one family and print its figures."""
    for kind in KINDS:
        async with scene(family, kind) as found:
            # What is learned of a recorder is learned once.
            first = found.play(found.moment(0))
            learning = await first_segment(first)
            await first.close()
            ours: list[float] = []
            own: list[float] = []
            theirs: list[float] = []
            for number in range(1, ROUNDS + 1):
                theirs.append(await reference(found, number))
                recorders = await answer_time(found, number)
                playback = found.play(found.moment(number))
                ours.append(await first_segment(playback))
                own.append(max(0.0, ours[-1] - recorders))
                await playback.close()
            name = f"playback.hls.{family.name}.{kind.name}"
            figure(f"{name}.own_part", median(own), "s", limit=kind.limit)
            figure(f"{name}.own_part_p95", percentile(own, 0.95), "s", limit=None)
            figure(f"{name}.first_of_all", learning, "s", limit=None)
            figure(f"{name}.against_pyav", median(ours), "s", reference=median(theirs), limit=None)
            playback = found.play(found.moment(ROUNDS + 1))
            figure(f"{name}.stalled_in_first_minute", await watch(playback, WATCHED), "s", limit=0.1)
            await playback.close()


async def main() -> None:
    """Measure the chosen families."""
    for family in chosen():
        await measure(family)


if __name__ == "__main__":
    run(main())
