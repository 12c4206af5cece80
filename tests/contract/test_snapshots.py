"""Stills: one request for all who ask at once, and an error in words instead of a picture that is none."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest

from custom_components.nvr.core import errors

from .helpers import until
from .jumping import jumping
from .rig import Trouble
from .rows import Case, each_family, every_recorder

pytestmark = pytest.mark.usefixtures("socket_enabled")


@every_recorder
async def test_a_still_is_a_whole_jpeg_of_now(case: Case) -> None:
    async with case.connected() as (rig, driver):
        assert driver.snapshots is not None
        number = rig.pictured([channel.number for channel in driver.channels])[0]
        asked = datetime.now(UTC)
        still = await driver.snapshots.snapshot(number)
        assert still.jpeg.startswith(b"\xff\xd8\xff")
        assert still.jpeg.rstrip(b"\0").endswith(b"\xff\xd9")
        assert abs(still.taken_at - asked) < timedelta(seconds=30)
        assert still.taken_at.tzinfo is not None
        assert (await driver.snapshots.snapshot(number, width=320, height=180)).jpeg.startswith(b"\xff\xd8\xff")


@every_recorder
async def test_a_channel_without_a_picture_is_told_so(case: Case) -> None:
    async with case.connected() as (rig, driver):
        assert driver.snapshots is not None
        with pytest.raises(errors.NvrNotFoundError):
            await driver.snapshots.snapshot(999)
        number = rig.pictured([channel.number for channel in driver.channels])[-1]
        await rig.simulator.set_channel_online(number, online=False)
        with pytest.raises(errors.NvrError) as told:
            await driver.snapshots.snapshot(number)
        assert not isinstance(told.value, errors.NvrAuthError | errors.NvrLockedError | errors.NvrUnreachableError)


@each_family
async def test_who_asks_at_once_shares_one_request(case: Case) -> None:
    async with case.connected() as (rig, driver):
        assert driver.snapshots is not None
        numbers = rig.pictured([channel.number for channel in driver.channels])[:3]
        stills = await asyncio.gather(*(driver.snapshots.snapshot(number) for number in (*numbers, *numbers)))
        assert rig.counts().snapshots == len(numbers)
        assert all(one is other for one, other in zip(stills, stills[len(numbers) :], strict=False))


@each_family
async def test_one_who_leaves_takes_nobody_elses_picture(case: Case) -> None:
    async with case.connected() as (rig, driver):
        assert driver.snapshots is not None
        number = rig.pictured([channel.number for channel in driver.channels])[0]
        leaving = asyncio.ensure_future(driver.snapshots.snapshot(number))
        staying = asyncio.ensure_future(driver.snapshots.snapshot(number))
        await asyncio.sleep(0.01)
        leaving.cancel()
        assert (await staying).jpeg
        alone = asyncio.ensure_future(driver.snapshots.snapshot(number))
        await asyncio.sleep(0.005)
        alone.cancel()
        await asyncio.gather(leaving, alone, return_exceptions=True)
        assert (await driver.snapshots.snapshot(number)).jpeg
    await rig.settled()


@each_family
async def test_who_waits_while_it_is_closed_is_told_so(case: Case) -> None:
    async with case.connected() as (rig, driver):
        assert driver.snapshots is not None
        number = rig.pictured([channel.number for channel in driver.channels])[0]
        rig.disturb("hang", "snapshots")
        before = rig.counts().requests
        waiting = [asyncio.ensure_future(driver.snapshots.snapshot(number)) for _ in range(2)]
        await until(lambda: rig.counts().requests > before)
        await driver.close()
        for task in waiting:
            with pytest.raises(errors.NvrUnreachableError):
                await task
        await rig.settled()


@each_family
@pytest.mark.parametrize("how", ["refused", "empty", "garbage"])
async def test_what_is_no_picture_is_an_error(case: Case, how: Literal["refused", "empty", "garbage"]) -> None:
    async with case.connected() as (rig, driver):
        assert driver.snapshots is not None
        number = rig.pictured([channel.number for channel in driver.channels])[0]
        rig.spoil_snapshots(how)
        with pytest.raises(errors.NvrError) as told:
            await driver.snapshots.snapshot(number)
        assert not isinstance(told.value, errors.NvrAuthError | errors.NvrLockedError)
        rig.spoil_snapshots("ok")
        assert (await driver.snapshots.snapshot(number)).jpeg


@each_family
@pytest.mark.parametrize("trouble", ["drop", "hang", "html", "short", "slow"])
@jumping
async def test_a_picture_that_does_not_come_whole_is_an_error(case: Case, trouble: Trouble) -> None:
    async with case.connected() as (rig, driver):
        assert driver.snapshots is not None
        number = rig.pictured([channel.number for channel in driver.channels])[0]
        rig.disturb(trouble, "snapshots", delay=120.0 if trouble == "slow" else 0.0)
        with pytest.raises(errors.NvrError) as told:
            await driver.snapshots.snapshot(number)
        assert not isinstance(told.value, errors.NvrAuthError | errors.NvrLockedError)
        assert isinstance(told.value, errors.NvrTimeoutError) == (trouble in {"hang", "slow"})
        rig.calm()
        assert (await driver.snapshots.snapshot(number)).jpeg
