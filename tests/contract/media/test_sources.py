"""Which way footage comes, of recorders of all families, and that nobody who watches can tell by the picture."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from custom_components.nvr.core.driver import Driver
from custom_components.nvr.core.errors import NvrError
from custom_components.nvr.core.models import RecordingSegment, StreamRole, TimeSpan
from custom_components.nvr.media.engine import MediaEngine, Playback, PlaybackLimits
from custom_components.nvr.media.maker import MakerLimits
from custom_components.nvr.media.rtsp.connection import SessionLimits
from custom_components.nvr.media.sources import download as download_module
from tests.contract.bench import STEADY, FootageBench
from tests.contract.helpers import last, search, until
from tests.contract.rig import Rig
from tests.contract.rows import Case, each_family

from .rig import decode, errors, parse_run

FPS = 10
SMALL: Any = {"main_size": (320, 180), "sub_size": (160, 90), "fps": FPS, "h264_only": True, "days": 1}
# What is read by way of trial may be little, and nothing is held back: these tests look at pictures, not at clocks.
QUICK = PlaybackLimits(
    free_lead=1e6, idle=60.0, maker=MakerLimits(hold=0.1, measure=0.5, session=SessionLimits(silence=1.5))
)


@dataclass
class Stage:
    """A recorder, its driver, and an engine that knows both ways."""

    rig: Rig[Any]
    disk: FootageBench[Any]
    driver: Driver
    engine: MediaEngine
    files: list[RecordingSegment]

    def play(self, start: datetime, seconds: float = 60) -> Playback:
        assert self.driver.playback is not None
        span = TimeSpan(start, start + timedelta(seconds=seconds))
        return self.engine.create(
            "recorder", 4, self.driver.playback, self.driver.guard, 1, span, [span], "anna", StreamRole.MAIN,
            downloads=self.driver.downloads, segments=self.files,
        )  # fmt: skip

    def facts(self) -> dict[str, Any]:
        return {key: dict(value) for key, value in self.engine.sources("recorder").items()}  # type: ignore[call-overload]

    async def see(self, playback: Playback, *indices: int) -> None:
        """Fetch segments; each must cover its time exactly and show the right frames."""
        init = await playback.init_segment()
        layout = (await playback.variants[0].prepare()).layout
        for index in indices:
            data = await playback.segment(index)
            run, segment = parse_run(data), layout.segments[index]
            assert run.end == segment.end - layout.origin
            assert run.start == segment.start - layout.origin - run.head or not index
            wrong = errors(decode(init, data), playback.span.start)
            assert wrong
            assert max(map(abs, wrong)) <= 1 / FPS + 0.002, (index, min(wrong), max(wrong))


@asynccontextmanager
async def stage(case: Case) -> AsyncIterator[Stage]:
    async with case.recorder(**SMALL) as rig:
        disk = case.footage(rig)
        disk.record(STEADY)
        disk.cuts()
        async with rig.driving() as driver:
            engine = MediaEngine(limits=QUICK)
            try:
                yield Stage(rig, disk, driver, engine, await search(driver, 1, last(3, until=1)))
            finally:
                await engine.aclose()
            await until(lambda: not rig.open_things().downloads)
            assert not rig.open_things().rtsp_sessions


def inside(file: RecordingSegment, seconds: float = 400) -> datetime:
    """Return a moment in the last third of a file of ten minutes."""
    return file.span.start + timedelta(seconds=seconds)


@each_family
async def test_a_recorder_that_plays_in_real_time_is_downloaded_from(case: Case) -> None:
    async with stage(case) as on:
        first = on.play(inside(on.files[2]))
        assert "EXTINF:6.0," in await first.media_playlist()
        await on.see(first, 0, 1, 7, 3)
        assert on.facts()["playback"]["real_time"] is True
        assert on.facts()["download"]["real_time"] is False
        await first.close()
        # Known by now: the next one opens no playback session at all.
        sessions = on.facts()["playback"]["opened"]
        second = on.play(inside(on.files[3]))
        await on.see(second, 0, 5)
        assert on.facts()["playback"]["opened"] == sessions


@each_family
async def test_a_recorder_that_plays_fast_is_played(case: Case) -> None:
    async with stage(case) as on:
        on.disk.play_fast()
        await on.see(on.play(inside(on.files[2])), 0, 6)
        assert on.facts()["download"]["opened"] == 0


@each_family
async def test_a_download_goes_on_in_the_next_file(case: Case) -> None:
    async with stage(case) as on:
        playback = on.play(on.files[2].span.end - timedelta(seconds=13), 40)
        await on.see(playback, 0, 1, 2, 3)


@each_family
async def test_playback_that_hangs_is_replaced_by_a_download(case: Case, caplog: pytest.LogCaptureFixture) -> None:
    async with stage(case) as on:
        on.disk.playback_hangs()
        playback = on.play(inside(on.files[2]))
        await on.see(playback, 0, 4)
        facts = on.facts()
        assert facts["playback"]["failed"] == 1
        assert facts["playback"]["stands_back_for"] > 0
        assert "footage is had by download" in caplog.text
        # Nobody waits for it again soon.
        await playback.close()
        await on.see(on.play(inside(on.files[3])), 0)
        assert on.facts()["playback"]["failed"] == 1


@each_family
@pytest.mark.parametrize("trouble", ["silent", "cut"])
async def test_a_download_that_fails_is_replaced_by_playback(
    case: Case, trouble: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download_module, "SILENCE", 1.5)
    async with stage(case) as on:
        first = on.play(inside(on.files[2], 20))
        await on.see(first, 0)
        assert on.facts()["download"]["opened"] == 1
        on.disk.play_fast()
        on.disk.downloads(silent=trouble == "silent", cut_after=20_000 if trouble == "cut" else 0)
        await on.see(first, 7, 8)
        assert on.facts()["download"]["failed"] == 1
        assert on.facts()["playback"]["stands_back_for"] == 0


@each_family
async def test_when_both_fail_it_is_told_and_not_tried_for_ever(case: Case) -> None:
    async with stage(case) as on:
        on.disk.playback_hangs()
        on.disk.downloads(silent=True)
        playback = on.play(inside(on.files[2]))
        for _ in range(7):
            with pytest.raises(NvrError):
                await playback.master_playlist()
        assert on.facts()["playback"]["opened"] <= 6


@each_family
async def test_who_leaves_ends_the_download(case: Case) -> None:
    async with stage(case) as on:
        on.disk.downloads(rate=400_000)
        playback = on.play(inside(on.files[2]), 300)
        await playback.init_segment()
        await playback.segment(0)
        assert on.rig.open_things().downloads == 1
        waiting = asyncio.create_task(playback.segment(4))
        await asyncio.sleep(0.05)
        await playback.close()
        await until(lambda: not on.rig.open_things().downloads)
        with pytest.raises(NvrError):
            await waiting


@each_family
async def test_who_waits_for_the_downloads_gets_them(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download_module, "_TURN", 0.0)
    async with stage(case) as on:
        playback = on.play(inside(on.files[2], 5))
        await on.see(playback, 0)
        assert on.facts()["download"]["opened"] == 1
        assert on.driver.downloads is not None

        async def export() -> int:
            assert on.driver.downloads is not None
            span = TimeSpan(on.files[3].span.start, on.files[3].span.start + timedelta(seconds=20))
            async with on.driver.downloads.open(replace(on.files[3], span=span)) as download:
                return sum([len(chunk) async for chunk in download])

        exporting = asyncio.create_task(export())
        on.disk.play_fast()
        for index in range(1, 9):
            await on.see(playback, index)
        assert await exporting > 10_000
        assert on.facts()["playback"]["opened"] == 2
