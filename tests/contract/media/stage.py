"""A recorder of any family, its driver, and an engine that knows both ways to its footage."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from custom_components.nvr.core.driver import Driver
from custom_components.nvr.core.models import RecordingSegment, StreamRole, TimeSpan
from custom_components.nvr.media.engine import MediaEngine, Playback, PlaybackLimits
from custom_components.nvr.media.maker import MakerLimits
from custom_components.nvr.media.rtsp.connection import SessionLimits
from tests.contract.bench import STEADY, FootageBench
from tests.contract.helpers import last, search, until
from tests.contract.rig import Rig
from tests.contract.rows import Case

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
