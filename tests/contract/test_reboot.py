"""A recorder that reboots in the middle of a call: a right answer or an error in words, and all is well afterwards."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from custom_components.nvr.core import errors
from custom_components.nvr.core.driver import Driver
from custom_components.nvr.core.models import EventStreamState

from .helpers import Listener, last, search
from .jumping import jumping, utcnow
from .rig import ROLES, Rig
from .rows import Case, each_family

pytestmark = pytest.mark.usefixtures("socket_enabled")

type Call = Callable[[Rig[Any], Driver], Awaitable[object]]


async def snapshot(rig: Rig[Any], driver: Driver) -> None:
    assert driver.snapshots is not None
    number = rig.pictured([channel.number for channel in driver.channels])[0]
    assert (await driver.snapshots.snapshot(number)).jpeg.startswith(b"\xff\xd8\xff")


async def find(_rig: Rig[Any], driver: Driver) -> None:
    assert await search(driver, driver.channels[0].number, last(30))


async def day_map(rig: Rig[Any], driver: Driver) -> None:
    assert driver.recordings is not None
    day = rig.clock.device_now()
    assert (await driver.recordings.day_map(driver.channels[0].number, day.year, day.month)).days


async def detect(_rig: Rig[Any], driver: Driver) -> None:
    assert driver.detections is not None
    assert [each async for each in driver.detections.find(driver.channels[0].number, last(30))]


async def picture(_rig: Rig[Any], driver: Driver) -> None:
    assert driver.key_frames is not None
    assert (await driver.key_frames.key_frame(driver.channels[0].number, last(2).start)).data


async def play(_rig: Rig[Any], driver: Driver) -> None:
    assert driver.playback is not None
    assert (await driver.playback.request(driver.channels[0].number, last(1))).address.url


async def download(_rig: Rig[Any], driver: Driver) -> None:
    assert driver.downloads is not None
    found = [item for item in await search(driver, driver.channels[0].number, last(8)) if not item.open]
    async with driver.downloads.open(min(found, key=lambda item: item.span.duration)) as coming:
        assert sum([len(chunk) async for chunk in coming]) > 1000


async def disks(_rig: Rig[Any], driver: Driver) -> None:
    assert driver.storage is not None
    assert await driver.storage.disks()


async def clock(_rig: Rig[Any], driver: Driver) -> None:
    assert driver.clock is not None
    assert (await driver.clock.read()).measured


async def status(_rig: Rig[Any], driver: Driver) -> None:
    assert driver.maintenance is not None
    await driver.maintenance.status()


CALLS: dict[str, Call] = {
    "connect": lambda rig, driver: driver.connect(rig.serial),
    "identify": lambda _, driver: driver.identify(),
    "refresh_channels": lambda _, driver: driver.refresh_channels(),
    "ping": lambda _, driver: driver.ping(),
    "snapshots.snapshot": snapshot,
    "recordings.search": find,
    "recordings.day_map": day_map,
    "detections.find": detect,
    "playback.request": play,
    "key_frames.key_frame": picture,
    "downloads.open": download,
    "storage.disks": disks,
    "clock.read": clock,
    "maintenance.status": status,
}


@pytest.mark.parametrize("name", CALLS)
@each_family
@jumping
async def test_a_reboot_during_a_call(case: Case, name: str) -> None:
    call, role = CALLS[name], name.partition(".")[0]
    async with case.recorder(days=2.0) as rig, rig.driving(utcnow=utcnow) as driver:
        if role in ROLES and not case.traits.fills(role):
            assert (getattr(driver, role) is None) is (role in case.traits.lacks)
            return
        rig.simulator.footage.plans = {driver.channels[0].number: rig.short_files()}
        for requests in (0, 1, 3):
            # The recorder goes when it has been asked so many times, and comes back within a minute.
            going = asyncio.ensure_future(go(rig, rig.counts().requests + requests))
            outcome = await asyncio.gather(call(rig, driver), return_exceptions=True)
            going.cancel()
            await asyncio.gather(going, return_exceptions=True)
            assert good(outcome[0]), outcome[0]
            if not rig.simulator.powered:
                gone = await asyncio.gather(call(rig, driver), return_exceptions=True)
                assert good(gone[0]), gone[0]
                await rig.simulator.power_on()
            await well_again(call, rig, driver)
        assert rig.counts().refused == 0
        assert driver.guard.usable
        await driver.close()
        await rig.settled()


async def go(rig: Rig[Any], requests: int) -> None:
    """Pull the plug once the recorder has been asked that often."""
    while rig.counts().requests < requests:
        await asyncio.sleep(0.0005)
    await rig.simulator.power_off()


def good(outcome: object) -> bool:
    """Tell whether it is an answer, or an error that blames no password."""
    wrong = errors.NvrAuthError | errors.NvrLockedError | errors.NvrOtherRecorderError
    if isinstance(outcome, errors.NvrError):
        return bool(str(outcome)) and not isinstance(outcome, wrong)
    return not isinstance(outcome, BaseException)


async def well_again(call: Call, rig: Rig[Any], driver: Driver) -> None:
    """Make the call once more; one that may be refused for a reason of its own is asked what it says at rest."""
    if call is status and not rig.traits.tells_load:
        with pytest.raises(errors.NvrUnsupportedError):
            await call(rig, driver)
        return
    await call(rig, driver)


@each_family
@jumping
async def test_the_event_stream_comes_back_by_itself(case: Case) -> None:
    async with case.connected() as (rig, driver):
        assert driver.events is not None
        listener = Listener()
        running = asyncio.ensure_future(driver.events.run(listener))
        await listener.until(lambda: listener.states[-1:] == [EventStreamState.ALIVE])
        await rig.simulator.power_off()
        await listener.until(lambda: listener.states[-1] is EventStreamState.DOWN, seconds=120)
        await asyncio.sleep(90)
        await rig.simulator.power_on()
        await listener.until(lambda: listener.states[-1] is EventStreamState.ALIVE, seconds=120)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await driver.close()
        await rig.settled()
        assert rig.counts().event_streams == 2


@each_family
@jumping
async def test_a_network_that_stops_is_noticed(case: Case) -> None:
    async with case.connected() as (rig, driver):
        rig.simulator.stall()
        for ask in (driver.ping(), driver.identify()):
            with pytest.raises(errors.NvrTimeoutError):
                await ask
        rig.simulator.stall(on=False)
        await driver.ping()
        await driver.refresh_channels()
        assert rig.counts().refused == 0
