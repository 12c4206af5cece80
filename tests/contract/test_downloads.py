"""Downloads: whole, decodable, of the right time; a broken one is an error, a left one is closed, none fills memory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from custom_components.nvr.core import errors
from custom_components.nvr.core.driver import Driver
from custom_components.nvr.core.models import Container, RecordingSegment, TimeSpan
from tests.simulators.footage import ChannelPlan

from .bench import SHORT, FootageBench
from .helpers import last, search, until
from .judges import fetch
from .rig import PASSWORD, Rig
from .rows import Case, each_family, every_recorder

pytestmark = pytest.mark.usefixtures("socket_enabled")

SMALL: Any = {"main_size": (320, 180), "sub_size": (160, 90), "fps": 5, "h264_only": True}
# An hour in one file of some hundred megabytes.
HUGE = replace(SHORT, file_seconds=(3600, 3600), bytes_per_second=64_000)


@asynccontextmanager
async def stocked(case: Case, plan: ChannelPlan = SHORT) -> AsyncIterator[tuple[Rig[Any], FootageBench[Any], Driver]]:
    """Start a recorder of two days of footage, recorded by a plan, and a driver of it."""
    async with case.recorder(days=2, **SMALL) as rig:
        disk = case.footage(rig)
        disk.record(plan)
        async with rig.driving() as driver:
            yield rig, disk, driver


async def some(driver: Driver, index: int = 3) -> RecordingSegment:
    """Return a closed segment."""
    found = await search(driver, 1, last(2, until=1.5))
    assert not found[index].open
    return found[index]


@every_recorder
async def test_a_segment_comes_whole_and_decodes(case: Case) -> None:
    async with stocked(case) as (rig, _, driver):
        segment = await some(driver)
        found = await fetch(driver, segment)
        assert found.container in {Container.MPEG_PS, Container.DHAV, Container.MP4}
        assert found.size in {None, len(found.data)}
        codes = found.pictures()
        assert {code.channel for code in codes} == {1}
        assert [code.time for code in codes] == sorted({code.time for code in codes})
        # A clock may be read a second wrong, and a cut begins with the key frame before.
        assert timedelta(seconds=-3) <= codes[0].time - segment.span.start <= timedelta(seconds=1)
        assert abs(codes[-1].time - segment.span.end) <= timedelta(seconds=2)
        assert len(codes) >= segment.span.duration.total_seconds() * 5 - 5
        again = await fetch(driver, segment)
        assert (again.container, again.data) == (found.container, found.data)
        await until(lambda: not rig.open_things().downloads)
        assert rig.counts().refused == 0


@each_family
async def test_a_size_that_segments_tell_is_that_of_the_bytes(case: Case) -> None:
    async with stocked(case) as (_, _, driver):
        segment = await some(driver)
        size = len((await fetch(driver, segment)).data)
        assert segment.size is not None
        # Old firmware gives cuts only, without what fills its files up.
        assert size == segment.size if case.is_first else 0 < size <= segment.size


@each_family
async def test_a_download_that_is_cut_is_an_error(case: Case) -> None:
    async with stocked(case) as (rig, disk, driver):
        segment = await some(driver)
        whole = await fetch(driver, segment)
        for share in (3, 1.3):
            disk.downloads(cut_after=int(len(whole.data) / share))
            with pytest.raises(errors.NvrError) as told:
                await fetch(driver, segment)
            assert not isinstance(told.value, errors.NvrAuthError | errors.NvrUnsupportedError)
            assert PASSWORD not in str(told.value)
        disk.downloads()
        assert (await fetch(driver, segment)).data == whole.data
        await until(lambda: not rig.open_things().downloads)


@each_family
async def test_a_download_that_is_left_is_closed(case: Case) -> None:
    async with stocked(case) as (rig, disk, driver):
        assert driver.downloads is not None
        segment = await some(driver)
        disk.downloads(rate=30_000.0)
        async with driver.downloads.open(segment) as download:
            await anext(aiter(download))
            assert rig.open_things().downloads == 1
        await until(lambda: not rig.open_things().downloads)
        disk.downloads()
        assert (await fetch(driver, segment)).data


@each_family
async def test_a_download_that_is_cancelled_anywhere_leaves_nothing(case: Case) -> None:
    async with stocked(case) as (rig, disk, driver):
        segment = await some(driver)
        whole = await fetch(driver, segment)
        disk.downloads(rate=len(whole.data) / 0.2)
        for step in range(8):
            task = asyncio.ensure_future(fetch(driver, segment))
            await asyncio.sleep(0.012 * step)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await until(lambda: not rig.open_things().downloads)
        disk.downloads()
        assert (await fetch(driver, segment)).data == whole.data
        assert rig.counts().refused == 0


@each_family
async def test_a_reader_who_waits_holds_the_recorder_back_and_not_the_bytes(case: Case) -> None:
    async with stocked(case, HUGE) as (rig, _, driver):
        assert driver.downloads is not None
        segment = next(one for one in await search(driver, 1, last(6, until=2)) if one.span.duration.seconds > 3500)
        async with driver.downloads.open(segment) as download:
            received, biggest = 0, 0
            chunks = aiter(download)
            while received < 4_000_000:
                chunk = await anext(chunks)
                received, biggest = received + len(chunk), max(biggest, len(chunk))
            read, still = _sent(rig), -1
            while still != _sent(rig):
                still = _sent(rig)
                await asyncio.sleep(0.3)
            # What the recorder can still send is what fits into sockets and buffers.
            assert still - read < 12_000_000
            assert biggest < 4_000_000
            await chunks.aclose()  # type: ignore[attr-defined]
        await until(lambda: not rig.open_things().downloads)


def _sent(rig: Any) -> int:
    return int(rig.simulator.counters.bytes_out)


@each_family
async def test_a_recorder_that_dies_in_the_middle_is_an_error_and_serves_again(case: Case) -> None:
    async with stocked(case) as (rig, disk, driver):
        segment = await some(driver)
        whole = await fetch(driver, segment)
        disk.downloads(rate=len(whole.data) / 3)
        task = asyncio.ensure_future(fetch(driver, segment))
        await until(lambda: bool(rig.open_things().downloads))
        await asyncio.sleep(0.2)
        await rig.simulator.power_off()
        with pytest.raises(errors.NvrError) as told:
            await task
        assert not isinstance(told.value, errors.NvrAuthError | errors.NvrLockedError)
        with pytest.raises(errors.NvrUnreachableError):
            await fetch(driver, segment)
        await rig.simulator.power_on()
        disk.downloads()
        assert (await fetch(driver, segment)).data == whole.data
        assert rig.counts().refused == 0


@each_family
async def test_downloads_at_once_take_turns(case: Case) -> None:
    async with stocked(case) as (_, _, driver):
        segments = (await search(driver, 1, last(2, until=1.5)))[:3]
        found = await asyncio.gather(*(fetch(driver, segment) for segment in segments))
        for one, segment in zip(found, segments, strict=True):
            assert abs(one.pictures()[0].time - segment.span.start) <= timedelta(seconds=3)


@every_recorder
async def test_footage_that_is_gone_is_an_error(case: Case) -> None:
    async with stocked(case) as (rig, _, driver):
        segment = await some(driver)
        now = rig.clock.now()
        rig.footage.add_gap(1, now - timedelta(days=3), now - timedelta(hours=1))
        with pytest.raises(errors.NvrError) as told:
            await fetch(driver, segment)
        assert not isinstance(told.value, errors.NvrAuthError)
        await until(lambda: not rig.open_things().downloads)


@each_family
async def test_search_goes_on_while_something_is_downloaded(case: Case) -> None:
    async with stocked(case) as (_, disk, driver):
        assert driver.downloads is not None
        segment = await some(driver)
        disk.downloads(rate=50_000.0)
        async with driver.downloads.open(segment) as download:
            await anext(aiter(download))
            async with asyncio.timeout(20):
                assert await search(driver, 1, TimeSpan(segment.span.start, segment.span.end)) == [segment]
                await driver.ping()
