"""What an entry asks of its NVR while nothing happens, in a Home Assistant whose clock jumps over the waiting."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
import time
from typing import Any

from homeassistant import loader
from homeassistant.core import HomeAssistant
from homeassistant.helpers import frame
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import async_test_home_assistant

from custom_components.nvr import control_desk
from custom_components.nvr.core.models import EventStreamState
from tests.contract.jumping import JumpingLoop, jumping
from tests.simulators.dahua import DahuaSimulator

from .conftest import every_family, make_entry, set_up
from .recorders import Family, Recorder

# A minute, by any recorder.
MOST = 4
# What recording health asks is counted apart: methods and pages begin so.
HEALTH = (
    *("/ISAPI/ContentMgmt/search", "/ISAPI/ContentMgmt/record/tracks/", "/ISAPI/System/workingstatus"),
    *("mediaFileFind.", "recordManager.", "workDirectory."),
)


def asked(nvr: Recorder) -> tuple[int, int]:
    """Return how many requests were about the state of the NVR, and how many about what it records."""
    seen: Mapping[str, Any] = nvr.counters.snapshot()
    named = {**seen.get("by_path", {}), **seen.get("by_call", {}), **seen.get("by_method", {})}
    health = sum(count for name, count in named.items() if name.startswith(HEALTH))
    return seen["requests"] - health, health


@asynccontextmanager
async def jumping_home(folder: Path, patch: pytest.MonkeyPatch) -> AsyncIterator[HomeAssistant]:
    """Run a Home Assistant on the jumping loop; its time of day jumps too."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, JumpingLoop)
    patch.setattr(dt_util, "utcnow", lambda: datetime.now(UTC) + timedelta(seconds=loop.skipped))
    async with async_test_home_assistant(config_dir=str(folder)) as hass:
        hass.data.pop(loader.DATA_CUSTOM_COMPONENTS)
        frame.async_setup(hass)  # what it says of integrations it looks up in the home it knows
        try:
            yield hass
        finally:
            await hass.async_stop(force=True)


def keep_time(nvr: Recorder) -> None:
    """Let the NVR's time jump with ours."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, JumpingLoop)
    nvr.login.now = loop.time
    if isinstance(nvr, DahuaSimulator):
        nvr.rpc.now = loop.time
    nvr.device.clock._epoch = lambda: time.time() + loop.skipped


async def rest(folder: Path, patch: pytest.MonkeyPatch, family: Family, channels: int, minutes: int) -> None:
    """Set an NVR up, wait until all of it is known, and count what it is asked in so many minutes."""
    async with family.simulator(rtsp=False, latency_ms=0.0, channels=channels) as nvr:
        keep_time(nvr)
        async with jumping_home(folder, patch) as hass:
            entry = make_entry(nvr)
            hub = await set_up(hass, entry)
            health = entry.runtime_data.health
            while not (
                hub.desk.surveyed
                and not hub.desk.unread
                and all(health.recording.health(channel.number).looked_at for channel in hub.channels)
            ):
                await asyncio.sleep(60)
            assert hub.link.stream_state is EventStreamState.ALIVE
            before = asked(nvr)
            begun = asyncio.get_running_loop().time()
            await asyncio.sleep(minutes * 60)
            took = (asyncio.get_running_loop().time() - begun) / 60
            state, recording = (after - first for after, first in zip(asked(nvr), before, strict=True))
            assert minutes <= took < minutes + 1
            assert 0 < state <= MOST * minutes
            # One search for each channel in half an hour, and never more than six a minute.
            assert recording > 0
            assert hub.link.stream_state is EventStreamState.ALIVE
            assert nvr.counters.auth_failures == 0


@every_family
def test_at_rest_it_is_asked_four_times_a_minute_at_most(
    family: Family, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_desk, "FIRST", 0.0)
    monkeypatch.setattr(control_desk, "BREATH", 0.0)
    jumping(rest)(tmp_path, monkeypatch, family, 4, 10)


@pytest.mark.slow
@pytest.mark.timeout(900)  # some thousand requests, where the machine has other work
@pytest.mark.parametrize("channels", [4, 32])
@every_family
def test_nor_is_it_in_an_hour_whatever_the_number_of_channels(
    family: Family, channels: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jumping(rest)(tmp_path, monkeypatch, family, channels, 60)
