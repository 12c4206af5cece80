"""Closing: twice, before anything, in the middle of everything; nothing is left on the recorder or on our side."""

import asyncio
from typing import Any

import pytest

from custom_components.nvr.core import errors
from custom_components.nvr.core.driver import DetectionIndex, Driver
from custom_components.nvr.core.models import Detection

from .helpers import Listener, last, search
from .rig import Rig
from .rows import Case, each_family, every_recorder

pytestmark = pytest.mark.usefixtures("socket_enabled")


@every_recorder
async def test_closing_twice_leaves_nothing(case: Case) -> None:
    async with case.recorder() as rig:
        driver = rig.driver()
        await driver.connect()
        await driver.close()
        await driver.close()
        await rig.settled()
        assert no_tasks()


@each_family
async def test_what_is_asked_after_the_close_is_an_error(case: Case) -> None:
    async with case.recorder() as rig:
        driver = rig.driver()
        await driver.connect()
        await driver.close()
        before = rig.counts().requests
        for ask in (driver.ping(), driver.refresh_channels(), driver.identify()):
            with pytest.raises(errors.NvrError):
                await ask
        assert rig.counts().requests == before
        await rig.settled()


@each_family
@pytest.mark.parametrize("delay", [0.0, 0.004, 0.015, 0.04])
async def test_closing_in_the_middle_of_everything_leaves_nothing(case: Case, delay: float) -> None:
    async with case.recorder() as rig:
        driver = rig.driver()
        await driver.connect()
        tasks = [asyncio.ensure_future(work) for work in works(rig, driver)]
        await asyncio.sleep(delay)
        await driver.close()
        outcome = await asyncio.wait_for(asyncio.gather(*tasks[1:], return_exceptions=True), 60)
        for one in outcome:
            assert not isinstance(one, BaseException) or isinstance(one, errors.NvrError), one
        tasks[0].cancel()
        ended = await asyncio.gather(tasks[0], return_exceptions=True)
        assert isinstance(ended[0], errors.NvrError | asyncio.CancelledError), ended
        await driver.close()
        await rig.settled()
        assert rig.counts().refused == 0
        assert no_tasks()


@each_family
@pytest.mark.parametrize("delay", [0.0, 0.004, 0.015, 0.04])
async def test_cancelling_everything_leaves_nothing_and_harms_nothing(case: Case, delay: float) -> None:
    async with case.connected() as (rig, driver):
        tasks = [asyncio.ensure_future(work) for work in works(rig, driver)]
        await asyncio.sleep(delay)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await driver.ping()
        assert await search(driver, driver.channels[0].number, last(2))
        assert await driver.identify() == rig.serial
        await driver.close()
        await rig.settled()
        assert rig.counts().refused == 0
        assert no_tasks()


def works(rig: Rig[Any], driver: Driver) -> list[Any]:
    """Return the event stream first, and one of everything else that takes a while."""
    numbers = rig.pictured([channel.number for channel in driver.channels])
    assert driver.events is not None
    assert driver.snapshots is not None
    assert driver.storage is not None
    assert driver.clock is not None
    return [
        driver.events.run(Listener()),
        *(driver.snapshots.snapshot(number) for number in numbers[:4]),
        *(search(driver, number, last(30)) for number in numbers[:2]),
        driver.refresh_channels(),
        *past(driver, numbers[0]),
        driver.storage.disks(),
        driver.clock.read(),
        driver.identify(),
        driver.connect(),
        driver.ping(),
    ]


def past(driver: Driver, number: int) -> list[Any]:
    """Return what only some recorders tell of the past."""
    calls: list[Any] = []
    if driver.detections is not None:
        calls.append(listed(driver.detections, number))
    if driver.key_frames is not None:
        calls.append(driver.key_frames.key_frame(number, last(1).start))
    return calls


async def listed(index: DetectionIndex, number: int) -> list[Detection]:
    return [each async for each in index.find(number, last(30))]


def no_tasks() -> bool:
    """Tell whether nothing of the package runs on."""
    alive = [task for task in asyncio.all_tasks() if "custom_components" in repr(task.get_coro())]
    return not alive
