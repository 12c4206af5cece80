"""Downloads in the dialects of this family's firmware."""

import asyncio
from dataclasses import replace
import time
from typing import Any

import pytest

from custom_components.nvr.core import errors
from custom_components.nvr.core.drivers.hikvision import HikvisionDriver
from custom_components.nvr.core.drivers.hikvision.downloads import Downloads
from custom_components.nvr.core.models import Container, RecordingSegment
from tests.simulators.hikvision.simulator import HikvisionSimulator

from ..helpers import last, search
from ..rigs.hikvision import driving, recorder

pytestmark = pytest.mark.usefixtures("socket_enabled")


async def fetch(driver: HikvisionDriver, segment: RecordingSegment) -> tuple[Container, int]:
    assert driver.downloads is not None
    received = 0
    async with driver.downloads.open(segment) as download:
        async for chunk in download:
            received += len(chunk)
        assert download.size in {None, received}
        return download.container, received


async def short(driver: HikvisionDriver) -> RecordingSegment:
    """Return the shortest closed segment of the last hours."""
    found = [item for item in await search(driver, 1, last(30)) if not item.open]
    return min(found, key=lambda item: item.span.duration)


@pytest.mark.parametrize(
    ("changes", "container"),
    [
        ({}, Container.MPEG_PS),
        ({"download__verbs": "post"}, Container.MPEG_PS),
        ({"download__verbs": "query"}, Container.MPEG_PS),
        ({"download__container": "ps"}, Container.MPEG_PS),
        ({"download__container": "mp4"}, Container.MP4),
        ({"download__length": False}, Container.MPEG_PS),
        ({"search__uri_host": "10.99.99.99", "search__uri_break": True}, Container.MPEG_PS),
        ({"download__by_name": False, "download__by_time": True, "download__need_size": False}, Container.MPEG_PS),
    ],
    ids=str,
)
async def test_download_dialects(changes: dict[str, Any], container: Container) -> None:
    async with recorder(channels=2) as (simulator, driver):
        simulator.set_faults(**changes)
        segment = await short(driver)
        first = await fetch(driver, segment)
        assert first[0] is container
        assert first[1] > 1000
        before = simulator.counters.requests
        assert await fetch(driver, segment) == first
        assert simulator.counters.requests - before == 1


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"download__ok_status": 3}, errors.NvrResponseError),
        ({"download__status": 503}, errors.NvrBusyError),
        ({"download__status": 403}, errors.NvrError),
    ],
    ids=str,
)
async def test_download_faults_are_told(changes: dict[str, Any], error: type[errors.NvrError]) -> None:
    async with recorder(channels=2) as (simulator, driver):
        segment = await short(driver)
        simulator.set_faults(**changes)
        with pytest.raises(error):
            await fetch(driver, segment)
        simulator.set_faults(download__ok_status=0, download__status=0)
        await asyncio.sleep(0.05)
        assert (await fetch(driver, segment))[1] > 1000
        assert simulator.counters.downloads_active == 0


@pytest.mark.parametrize("length", [True, False])
async def test_a_download_that_drops_before_its_first_byte_is_tried_once_more(length: bool) -> None:
    async with recorder(channels=2) as (simulator, driver):
        segment = await short(driver)
        simulator.set_faults(download__drops=1, download__length=length)
        assert (await fetch(driver, segment))[1] > 1000
        simulator.set_faults(download__drops=2)
        with pytest.raises((errors.NvrResponseError, errors.NvrUnreachableError)):
            await fetch(driver, segment)
        assert simulator.faults.download.drops == 0
        assert (await fetch(driver, segment))[1] > 1000


async def test_a_download_that_trickles_or_falls_silent_ends() -> None:
    async with recorder(channels=2) as (simulator, driver):
        segment = await short(driver)
        driver.downloads = Downloads(driver._context, idle=1.0, grace=0.5)
        simulator.set_faults(download__trickle=True)
        began = time.monotonic()
        with pytest.raises(errors.NvrTimeoutError, match="trickles"):
            await fetch(driver, segment)
        assert 0.5 <= time.monotonic() - began < 5
        simulator.set_faults(download__trickle=False, download__first_byte=20.0)
        began = time.monotonic()
        with pytest.raises(errors.NvrTimeoutError):
            await fetch(driver, segment)
        assert time.monotonic() - began < 5
        simulator.set_faults(download__first_byte=0.0)
        async with asyncio.timeout(5):
            while simulator.counters.downloads_active:
                await asyncio.sleep(0.02)


async def test_a_reader_that_takes_its_time_is_no_trickle() -> None:
    async with recorder(channels=2) as (_, driver):
        segment = await short(driver)
        _, size = await fetch(driver, segment)
        later, received = 0.0, 0
        slow = Downloads(driver._context, monotonic=lambda: time.monotonic() + later, grace=0.0)
        async with slow.open(segment) as download:
            async for chunk in download:
                received += len(chunk)
                later += 100.0
        assert received == size


async def test_a_download_right_after_another_is_tried_again() -> None:
    async with HikvisionSimulator(profile="nvr8", channels=2) as simulator, driving(simulator) as driver:
        segment = await short(driver)
        simulator.set_faults(download__fail_soon=1.0)
        await fetch(driver, segment)
        assert (await fetch(driver, segment))[1] > 1000


async def test_download_of_a_file_whose_name_is_no_address_goes_by_its_time() -> None:
    async with recorder(channels=1) as (simulator, driver):
        simulator.set_faults(download__by_time=True, download__need_size=False)
        assert driver.downloads is not None
        found = [item for item in await search(driver, 1, last(6)) if not item.open]
        segment = min(found, key=lambda item: item.span.duration)
        async with driver.downloads.open(replace(segment, locator="rtsp://[bad/Streaming/tracks/101/")) as download:
            received = sum([len(chunk) async for chunk in download])
            assert download.container is Container.MPEG_PS
        assert received > 1000
