"""Names and presence of channels, read anew for next to nothing."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from custom_components.nvr.core import errors
from custom_components.nvr.core.driver import Driver
from custom_components.nvr.core.models import Channel

from .rig import Rig
from .rows import Case, every_nvr, every_recorder

pytestmark = pytest.mark.usefixtures("socket_enabled")


@every_nvr
async def test_names_and_presence_are_followed_in_two_requests(case: Case) -> None:
    async with case.connected() as (rig, driver):
        online = [channel.number for channel in driver.channels if channel.online]
        lost, renamed = online[0], online[-1]
        profiles = {channel.number: channel.profiles for channel in driver.channels}
        await rig.simulator.set_channel_online(lost, online=False)
        rig.simulator.rename_channel(renamed, "Renamed  here")
        found = await refreshed(rig, driver)
        assert {number: channel.profiles for number, channel in found.items()} == profiles
        assert found[lost].online is False
        assert found[renamed].name == "Renamed here"
        await rig.simulator.set_channel_online(lost, online=True)
        assert (await refreshed(rig, driver))[lost].online is True


async def refreshed(rig: Rig[Any], driver: Driver, most: int = 2) -> dict[int, Channel]:
    """Refresh twice: what has two lists of channels may read them by turns; a slot that changed costs one more."""
    for _ in range(2):
        before = rig.counts().requests
        channels = await driver.refresh_channels()
        assert 1 <= rig.counts().requests - before <= most
        assert driver.channels == channels
    return {channel.number: channel for channel in channels}


@every_recorder
async def test_who_answers_is_there(case: Case) -> None:
    async with case.connected() as (rig, driver):
        before = driver.channels
        found = await refreshed(rig, driver)
        assert tuple(found.values()) == before
        assert any(channel.online is not False for channel in before)


@every_nvr
async def test_profiles_of_a_camera_away_are_known_from_before(case: Case) -> None:
    async with case.recorder() as rig:
        async with rig.driving() as driver:
            memory, first = dict(driver.memory), driver.channels[0]
        await rig.simulator.set_channel_online(first.number, online=False)
        async with rig.driving(memory=memory) as driver:
            assert driver.channels[0].profiles == first.profiles


@every_nvr
async def test_cameras_come_and_go_with_their_slots(case: Case) -> None:
    now = datetime.now(UTC)
    async with case.recorder() as rig, rig.driving(utcnow=lambda: now) as driver:
        gone = max(number for number, one in rig.inputs().items() if one.online)
        kept = {channel.number: channel.id for channel in driver.channels if channel.number != gone}
        await rig.simulator.remove_channel(gone)
        now += timedelta(minutes=20)
        assert gone not in await refreshed(rig, driver, 3)
        free = rig.free_slot()
        rig.simulator.add_channel(free, "Shed")
        now += timedelta(minutes=20)
        found = await refreshed(rig, driver, 3)
        assert found[free].name == "Shed"
        assert found[free].id == f"{rig.serial}_{free}"
        assert {number: found[number].id for number in kept} == kept


@every_recorder
async def test_a_list_that_fails_is_an_error_and_no_empty_list(case: Case) -> None:
    async with case.connected() as (rig, driver):
        before = driver.channels
        rig.disturb("drop")
        with pytest.raises(errors.NvrUnreachableError):
            await driver.refresh_channels()
        assert driver.channels == before
        rig.calm()
        rig.disturb("garbage")
        with pytest.raises(errors.NvrError):
            await driver.refresh_channels()
        assert driver.channels == before
        rig.calm()
        assert await driver.refresh_channels() == before
