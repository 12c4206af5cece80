"""What stays known when a recorder tells less than before, and what is learned of a clock that was set."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from custom_components.nvr.core import errors
from custom_components.nvr.core.models import StreamRole
from tests.contract.dahua_driver import driving, listening, recorder
from tests.simulators.dahua.simulator import DahuaSimulator
from tests.simulators.switches import PathFault

pytestmark = pytest.mark.usefixtures("socket_enabled")


async def test_what_was_known_before_a_reconnect_is_not_lost_and_not_shown_as_fresh() -> None:
    async with DahuaSimulator(profile="nvr5232") as simulator:
        simulator.faults.rpc.gone = True
        async with driving(simulator, settings={"rtsp_port": None}) as driver:
            assert driver.live is not None
            before = driver.live.address(1, StreamRole.MAIN).url
            assert str(simulator.rtsp_port) in before
            names = [channel.name for channel in driver.channels]
            for page in (
                "storageDevice.cgi*",
                "configManager.cgi?getConfig:RTSP",
                "configManager.cgi?getConfig:Channel*",
            ):
                simulator.faults.paths[page] = PathFault(status=503)
            await driver.connect()
            assert driver.live.address(1, StreamRole.MAIN).url == before
            assert [channel.name for channel in driver.channels] == names
            assert driver.storage is not None
            # What is not told now is not made up of what was told then.
            with pytest.raises(errors.NvrError):
                await driver.storage.disks()
            simulator.faults.paths.clear()
            assert await driver.storage.disks()


async def test_a_recorder_that_does_not_tell_of_its_disks_at_first_is_asked_again() -> None:
    async with DahuaSimulator(profile="nvr5232") as simulator:
        simulator.faults.rpc.gone = True
        simulator.faults.paths["storageDevice.cgi*"] = PathFault(status=503)
        async with driving(simulator) as driver:
            simulator.faults.paths.clear()
            assert driver.storage is not None
            assert await driver.storage.disks()


async def test_a_clock_that_somebody_sets_is_read_again() -> None:
    async with recorder("nvr5232") as (simulator, driver):
        clock = driver.clock
        assert clock is not None
        assert abs(clock.current.skew) < timedelta(seconds=2)
        async with listening(driver):
            before = simulator.counters.requests
            simulator.device.clock.skew += timedelta(minutes=9)
            for _ in range(3):
                simulator.emit("TimeChange", 1)
            async with asyncio.timeout(10):
                while abs(clock.current.skew - timedelta(minutes=9)) > timedelta(seconds=2):
                    await asyncio.sleep(0.02)
            # A jump of that size may be another zone: two readings and its tables, once.
            assert simulator.counters.requests - before <= 4
            assert clock.current.measured


@pytest.mark.parametrize("mode", ["short", "held"])
async def test_a_picture_with_a_length_that_lies_is_an_error_in_time(
    mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with recorder("nvr5232") as (simulator, driver):
        assert driver.snapshots is not None
        assert (await driver.snapshots.snapshot(1)).jpeg
        if mode == "held":
            monkeypatch.setattr("custom_components.nvr.core.drivers.dahua.live._PICTURE_TIMEOUT", 1.5)
        simulator.faults.snapshot.mode = mode
        caught: Any = errors.NvrTimeoutError if mode == "held" else errors.NvrResponseError
        async with asyncio.timeout(10):
            with pytest.raises(caught, match=r"cut off|in time"):
                await driver.snapshots.snapshot(1)
        simulator.faults.snapshot.mode = "ok"
        assert (await driver.snapshots.snapshot(1)).jpeg
