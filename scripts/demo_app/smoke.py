"""The smoke run: the main job through Home Assistant's public interfaces, one line per check and NVR."""

import asyncio
from collections.abc import Awaitable, Callable
import contextlib
from functools import partial
from pathlib import Path
import time
import traceback

import aiohttp

from . import smoke_checks, smoke_home, smoke_media
from .instance import HomeAssistant
from .processes import DemoError
from .recorders import NEGLECTED
from .simulator import SimulatedNvr, simulated_nvrs
from .smoke_checks import Scene

# What all checks may take together; ending what was started comes on top.
LIMIT = 300.0
# Cameras of an NVR with faults.
FEW = 2

type Check = tuple[str, Callable[[Scene], Awaitable[str]]]

# What stands in one row runs at once: no more than the two playbacks that a recorder may be sparing with.
CHECKS: tuple[tuple[Check, ...], ...] = (
    (("Cameras", smoke_checks.cameras_exist),),
    (("Still images", smoke_checks.still_images),),
    (("Detection event", smoke_checks.detection_event),),
    (("Blueprints", smoke_home.blueprints),),
    (("Live streams", smoke_checks.live_streams),),
    (("search_recordings", smoke_checks.recordings_found), ("Pictures of tiles", smoke_media.tiles)),
    (("Own viewer", smoke_media.own_viewer), ("Export and clip", smoke_media.exported_clip)),
    (("Media browser", smoke_checks.media_browser),),
    (("snapshot_at", smoke_media.frame_of_a_moment),),
    (("PTZ", smoke_home.ptz), ("Controls", smoke_home.controls), ("Health", smoke_home.health)),
    (("Power cycle", partial(smoke_checks.power_cycle, told=smoke_home.told_away)),),
)


class Report:
    """Runs checks and prints a line for each."""

    def __init__(self) -> None:
        """Start with nothing failed."""
        self.failed = 0
        self.passed = 0

    async def check(self, name: str, work: Callable[[], Awaitable[str]]) -> bool:
        """Run one check; its answer is printed behind its name."""
        started = time.monotonic()
        try:
            words = await work()
        except (
            DemoError,
            AssertionError,
            TimeoutError,
            OSError,
            LookupError,
            ValueError,
            StopIteration,
            aiohttp.ClientError,
        ) as err:
            self.failed += 1
            reason = str(err) or "".join(traceback.format_exception_only(err)).strip()
            place = traceback.extract_tb(err.__traceback__)[-1]
            print(
                f"FAILED  {name}: {reason} ({Path(place.filename).name}:{place.lineno})",
                flush=True,
            )
            return False
        self.passed += 1
        print(f"ok      {name}: {words} [{time.monotonic() - started:.1f} s]", flush=True)
        return True

    async def check_each(self, name: str, work: Callable[[Scene], Awaitable[str]], scenes: list[Scene]) -> list[Scene]:
        """Run one check on all NVRs at once; return those that passed."""
        passed = await asyncio.gather(*(self.check(f"{scene.name}: {name}", partial(work, scene)) for scene in scenes))
        return [scene for scene, ok in zip(scenes, passed, strict=True) if ok]


async def run_smoke(folder: Path, channels: int) -> int:
    """Run everything on free ports and return the exit status."""
    report = Report()
    started = time.monotonic()
    async with contextlib.AsyncExitStack() as stack:
        nvrs = await stack.enter_async_context(simulated_nvrs(channels, folder, smoke=True))
        old = await stack.enter_async_context(simulated_nvrs(FEW, folder, smoke=True, kinds=NEGLECTED))
        home = HomeAssistant.prepare(folder / "config", None)
        stack.push_async_callback(home.close)
        try:
            async with asyncio.timeout(LIMIT):
                scenes = [Scene(home, nvr, channels) for nvr in nvrs]
                await _checks(report, home, scenes, [Scene(home, nvr, FEW) for nvr in old])
        except TimeoutError:
            report.failed += 1
            print(f"FAILED  the whole run: not done within {LIMIT:.0f} s", flush=True)
        finally:
            if report.failed:
                _last_words(home, [*nvrs, *old])
    print(f"{report.passed} passed, {report.failed} failed in {time.monotonic() - started:.0f} s", flush=True)
    return 1 if report.failed else 0


def _last_words(home: HomeAssistant, nvrs: list[SimulatedNvr]) -> None:
    print(f"--- end of Home Assistant's log\n{home.child.tail(60)}")
    for nvr in nvrs:
        print(f"--- end of the log of {nvr.child.name}\n{nvr.child.tail()}", flush=True)


async def _rows(report: Report, scenes: list[Scene]) -> None:
    for row in CHECKS:
        await asyncio.gather(*(report.check_each(name, check, scenes) for name, check in row))


async def _checks(report: Report, home: HomeAssistant, scenes: list[Scene], old: list[Scene]) -> None:
    async def start() -> str:
        await home.start()
        await home.create_owner()
        return "started and onboarded"

    if not await report.check("Home Assistant", start):
        return
    await report.check_each("Discovery", smoke_home.discovered, scenes)
    scenes = await report.check_each("Config flow", smoke_checks.added, scenes)
    old = await report.check_each("Config flow", smoke_checks.added, old)
    # They are told of in their own time.
    async with asyncio.TaskGroup() as group:
        group.create_task(report.check_each("Repairs", smoke_home.repairs, old))
        group.create_task(_rows(report, scenes))
    if await report.check("Home Assistant", partial(smoke_checks.restart_while_off, home, scenes)):
        await report.check_each("Start while the NVR is off", smoke_checks.found_off_and_back, scenes)
