"""Streams of our viewer read footage by whatever way works, of recorders of all families."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
import itertools

import pytest

from custom_components.nvr.core.driver import PlaybackSource
from custom_components.nvr.core.errors import NvrUnreachableError
from custom_components.nvr.core.models import StreamRole
from custom_components.nvr.core.timeline import merge
from custom_components.nvr.media.rtsp.connection import SessionLimits
from custom_components.nvr.media.sources import download as download_module
from custom_components.nvr.media.sources.base import Way
from custom_components.nvr.media.streaming.feed import Feed, FeedOptions
from custom_components.nvr.media.streaming.frames import Frame, Kind, unpack
from custom_components.nvr.media.streaming.playback_feed import Footage
from custom_components.nvr.media.streaming.stream import Ending, MediaStream, Opened, Wanted
from custom_components.nvr.media.streaming.trick import Run, open_run
from custom_components.nvr.media.ticks import from_datetime, to_seconds
from tests.contract.helpers import until
from tests.contract.rows import CASES, Case

from .rig import decode
from .stage import FPS, Stage, inside, stage

FRAME = 1 / FPS + 0.002
LITTLE = timedelta(seconds=2)
both = pytest.mark.parametrize("case", [case for case in CASES if case.is_first], ids=str)
PICTURES = {Kind.KEY, Kind.FRAGMENT}


@dataclass
class Watching:
    """A stream and what came of it."""

    on: Stage
    stream: MediaStream
    frames: list[Frame] = field(default_factory=list)

    def take(self) -> None:
        while (message := self.stream.outbox.take()) is not None:
            self.frames.append(unpack(message.data))

    async def reach(self, moment: datetime) -> None:
        """Take what comes until a moment is there."""

        def there() -> bool:
            self.take()
            return self.frames[-1].moment / 1000 >= moment.timestamp() or self.frames[-1].kind is Kind.END

        await until(there, 60)
        assert self.frames[-1].kind is not Kind.END, self.frames[-1].payload

    def judge(self, opened: Opened, start: datetime) -> list[float]:
        """See that all that came since the last INIT shows its moment, without a hole; return the painted times."""
        init = max(index for index, frame in enumerate(self.frames) if frame.kind is Kind.INIT)
        parts = [frame.payload for frame in self.frames[init:] if frame.kind in PICTURES]
        shown = decode(self.frames[init].payload, *parts)
        painted = [code.time.timestamp() for _, code in shown]
        late = [at + to_seconds(opened.epoch) - when for (at, _), when in zip(shown, painted, strict=True)]
        assert max(map(abs, late)) <= FRAME, (min(late), max(late))
        assert all(0 < b - a <= 2 * FRAME for a, b in itertools.pairwise(painted)), "a hole, or a picture twice"
        assert min(abs(when - start.timestamp()) for when in painted) <= FRAME
        return painted


@asynccontextmanager
async def watch(on: Stage, start: datetime, *, playback: bool = True) -> AsyncIterator[tuple[Watching, Opened]]:
    """Play from a moment on, as our viewer does."""
    spans = [(from_datetime(span.start), from_datetime(span.end)) for span in merge([f.span for f in on.files], LITTLE)]

    async def recorded(moment: int) -> tuple[int, int] | None:
        return next((span for span in spans if span[1] > moment), None)

    async def before(moment: int) -> tuple[int, int] | None:
        return next((span for span in reversed(spans) if span[0] < moment), None)

    source: PlaybackSource | None = on.driver.playback if playback else None

    async def open_feed(role: StreamRole, run: Run, options: FeedOptions) -> Feed:
        footage = Footage(
            source,
            on.driver.guard,
            1,
            role,
            recorded,
            before,
            lambda: spans[-1][1],
            on.engine.pool,
            on.engine.memory("recorder"),
            downloads=on.driver.downloads,
            files=lambda: on.files,
        )
        limits = SessionLimits(silence=1.5)
        return await open_run(footage, run, FeedOptions(options.sound, options.fast, options.parting, limits=limits))

    wanted = Wanted("playback", 1, (StreamRole.MAIN,), frozenset({"avc1"}), from_datetime(start))
    stream = MediaStream(
        1,
        "recorder",
        "anna",
        wanted,
        open_feed=open_feed,
        slots=(on.engine.slots, 4),
        pool=on.engine.pool,
        describe=lambda err: Ending(type(err).__name__, str(err)),
    )
    watching = Watching(on, stream)
    try:
        yield watching, await stream.open()
    finally:
        await stream.close(Ending("left"))


@both
async def test_playback_that_hangs_gives_way_to_a_download(case: Case) -> None:
    async with stage(case) as on:
        on.disk.playback_hangs()
        start = inside(on.files[2])
        async with watch(on, start) as (watching, opened):
            await watching.reach(start + timedelta(seconds=6))
            watching.judge(opened, start)
            assert to_seconds(opened.actual_start) <= start.timestamp()
            assert on.engine.memory("recorder").is_avoided(Way.PLAYBACK)
            # A jump, and pictures backwards, come that way at once.
            failed = on.engine.memory("recorder")[Way.PLAYBACK].failed
            moment = inside(on.files[1], 200)
            again = await watching.stream.seek(from_datetime(moment))
            await watching.reach(moment + timedelta(seconds=2))
            watching.judge(again, moment)
            back = await watching.stream.set_speed(-1.0, from_datetime(moment))
            assert moment - timedelta(seconds=2 * FRAME) <= datetime.fromtimestamp(to_seconds(back.actual_start), UTC)
            assert on.engine.memory("recorder")[Way.PLAYBACK].failed == failed == 1


@both
async def test_a_recorder_that_only_gives_out_files_is_watched_across_them(case: Case) -> None:
    async with stage(case) as on:
        start = on.files[2].span.end - timedelta(seconds=5)
        async with watch(on, start, playback=False) as (watching, opened):
            await watching.reach(start + timedelta(seconds=9))
            watching.judge(opened, start)


@pytest.mark.slow
@both
async def test_a_download_that_breaks_gives_way_to_playback_without_a_seam(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download_module, "SILENCE", 1.5)
    async with stage(case) as on:
        on.disk.play_fast()
        on.disk.downloads(cut_after=20_000)
        start = inside(on.files[2])
        on.engine.memory("recorder").failed(Way.PLAYBACK, NvrUnreachableError("it hung before"), Way.DOWNLOAD)
        async with watch(on, start) as (watching, opened):
            await watching.reach(start + timedelta(seconds=9))
            watching.judge(opened, start)
            facts = on.facts()
            assert facts["download"]["failed"] >= 1
            assert facts["playback"]["opened"] >= 1


@pytest.mark.slow
@both
async def test_playback_that_is_cut_off_goes_on_where_it_was(case: Case) -> None:
    async with stage(case) as on:
        on.disk.play_fast()
        on.rig.simulator.apply_faults({"rtsp.cut_after_packets": 60, "rtsp.cut_once": True})
        start = inside(on.files[2])
        async with watch(on, start) as (watching, opened):
            await watching.reach(start + timedelta(seconds=9))
            watching.judge(opened, start)
            assert on.facts()["download"]["opened"] == 0


@both
async def test_playback_is_preferred_however_slow_it_is(case: Case) -> None:
    """The first picture is there at once, and no download is begun that has to be broken off."""
    async with stage(case) as on:
        on.engine.memory("recorder").tell(Way.PLAYBACK, real_time=True)
        start = inside(on.files[2])
        async with watch(on, start) as (watching, opened):
            await watching.reach(start + timedelta(seconds=1))
            watching.judge(opened, start)
            assert on.facts()["download"]["opened"] == 0
