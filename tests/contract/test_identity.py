"""A recorder is its serial, a channel is that and its own number, whatever else changes."""

from datetime import UTC, datetime, timedelta

import pytest

from custom_components.nvr.core import errors
from custom_components.nvr.core.driver import Driver
from custom_components.nvr.core.models import ChannelKind, RecorderKind

from .rows import Case, every_recorder

pytestmark = pytest.mark.usefixtures("socket_enabled")


def ids(driver: Driver) -> dict[int, str]:
    return {channel.number: channel.id for channel in driver.channels}


async def refreshed(driver: Driver) -> None:
    """Refresh twice: what has two lists of channels may read them by turns."""
    for _ in range(2):
        await driver.refresh_channels()


@every_recorder
async def test_a_channel_is_serial_and_number_in_whatever_order_lists_tell_them(case: Case) -> None:
    async with case.recorder() as rig:
        async with rig.driving() as driver:
            plain, channels = ids(driver), driver.channels
        assert plain == {number: f"{rig.serial}_{number}" for number in rig.inputs()}
        for seed in (1, 2):
            rig.simulator.shuffle_lists(seed)
            async with rig.driving() as driver:
                assert ids(driver) == plain
                assert driver.channels == channels
                assert await driver.refresh_channels() == channels
                rig.simulator.shuffle_lists(None)
                assert await driver.refresh_channels() == channels


@every_recorder
async def test_a_new_name_changes_the_name_alone(case: Case) -> None:
    async with case.connected() as (rig, driver):
        before = ids(driver)
        number = max(before)
        rig.simulator.rename_channel(number, "Renamed  here")
        await refreshed(driver)
        if driver.channels[-1].name != "Renamed here":
            # A name that no list tells is learned by the next connect.
            assert driver.info.kind is RecorderKind.CAMERA
            await driver.connect()
        assert driver.channels[-1].name == "Renamed here"
        assert ids(driver) == before


@every_recorder
async def test_another_address_changes_nothing(case: Case) -> None:
    async with case.connected() as (rig, driver):
        before, memory, port = ids(driver), dict(driver.memory), rig.simulator.http_port
    async with case.recorder() as moved:
        assert moved.simulator.http_port != port
        async with moved.driving(serial=rig.serial, memory=memory) as driver:
            assert ids(driver) == before


@every_recorder
async def test_another_camera_in_the_slot_keeps_the_channel_and_shows_itself(case: Case) -> None:
    now = datetime.now(UTC)
    async with case.recorder() as rig, rig.driving(utcnow=lambda: now) as driver:
        attached = [channel for channel in driver.channels if channel.kind is ChannelKind.IP and channel.online]
        if driver.info.kind is RecorderKind.CAMERA:
            assert not attached
            return
        before, old = ids(driver), attached[0]
        real = rig.inputs()[old.number]
        told = rig.traits.names_cameras
        assert (old.camera_serial, old.model) == ((real.camera, real.model) if told else (None, None))
        rig.simulator.replace_camera(old.number)
        now += timedelta(minutes=20)
        await refreshed(driver)
        new = next(channel for channel in driver.channels if channel.number == old.number)
        real = rig.inputs()[old.number]
        assert ids(driver) == before
        assert new.name == old.name
        assert (new.camera_serial, new.model) == ((real.camera, real.model) if told else (None, None))
        assert not told or new.camera_serial != old.camera_serial


@every_recorder
async def test_who_answers_is_told_in_one_request_and_nothing_is_learned(case: Case) -> None:
    async with case.connected() as (rig, driver):
        before, memory = rig.counts().requests, dict(driver.memory)
        channels, info = driver.channels, driver.info
        rig.simulator.rename_channel(channels[0].number, "Not read")
        assert await driver.identify() == rig.serial
        assert rig.counts().requests - before == 1
        assert (driver.channels, driver.info, dict(driver.memory)) == (channels, info, memory)
        fresh = rig.driver()
        assert await fresh.identify() == rig.serial
        assert fresh.channels == ()
        await fresh.close()


@every_recorder
async def test_another_recorder_is_known_before_anything_is_learned_of_it(case: Case) -> None:
    async with case.recorder(number=2) as other:
        driver = other.driver()
        memory = dict(driver.memory)
        async with case.recorder() as ours:
            serial = ours.serial
        with pytest.raises(errors.NvrOtherRecorderError):
            await driver.connect(serial)
        assert driver.channels == ()
        assert serial != other.serial not in repr(driver.info)
        assert not set(map(str, driver.memory.values())) - set(map(str, memory.values()))
        assert other.counts().requests <= 4
        await driver.close()
        await other.settled()


@every_recorder
async def test_a_recorder_that_takes_anothers_address_changes_nothing_of_ours(case: Case) -> None:
    async with case.connected() as (rig, driver):
        channels, info, port = driver.channels, driver.info, rig.simulator.http_port
        await rig.simulator.power_off()
        async with case.recorder(number=2, http_port=port) as other:
            with pytest.raises(errors.NvrOtherRecorderError):
                await driver.connect(rig.serial)
            assert await driver.identify() == other.serial
        assert (driver.channels, driver.info) == (channels, info)
