"""The smoke run: the main job through Home Assistant's public interfaces, one line per check."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
import time
import traceback

import aiohttp

from . import nvr_entry, smoke_checks
from .instance import HomeAssistant
from .processes import DemoError
from .simulator import SimulatedNvr
from .smoke_checks import Scene

LIMIT = 170.0


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


async def run_smoke(folder: Path, channels: int) -> int:
    """Run everything on free ports and return the exit status."""
    report = Report()
    home = HomeAssistant.prepare(folder / "config", None)
    nvr = await SimulatedNvr.start(channels, folder, "--utc-offset", "330", "--no-dst")
    try:
        async with asyncio.timeout(LIMIT):
            await _checks(report, nvr, home, channels)
    except TimeoutError:
        report.failed += 1
        print(f"FAILED  the whole run: not done within {LIMIT:.0f} s", flush=True)
    finally:
        if report.failed:
            print(
                f"--- end of Home Assistant's log\n{home.child.tail(60)}\n"
                f"--- end of the simulator's log\n{nvr.child.tail()}"
            )
        await home.close()
        await nvr.stop()
    print(f"{report.passed} passed, {report.failed} failed", flush=True)
    return 1 if report.failed else 0


async def _checks(report: Report, nvr: SimulatedNvr, home: HomeAssistant, channels: int) -> None:
    async def start() -> str:
        await home.start()
        await home.create_owner()
        return "started and onboarded"

    if not await report.check("Home Assistant", start):
        return
    scene = Scene(home, nvr, channels)

    async def add() -> str:
        scene.entry = await nvr_entry.add_nvr(home.client, nvr)
        await nvr_entry.set_grace(home.client, scene.entry.entry_id, smoke_checks.GRACE)
        return f"'{scene.entry.title}' added by the config flow"

    if not await report.check("NVR", add):
        return
    for name, check in smoke_checks.CHECKS:
        await report.check(name, partial(check, scene))
