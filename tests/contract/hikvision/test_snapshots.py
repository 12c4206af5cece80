"""Stills by the paths and with the refusals of this family's firmware."""

import pytest

from custom_components.nvr.core import errors
from custom_components.nvr.core.models import ChannelKind

from ..rigs.hikvision import recorder

pytestmark = pytest.mark.usefixtures("socket_enabled")


async def test_stills_come_by_the_path_of_their_kind() -> None:
    async with recorder("dvr4") as (simulator, driver):
        assert driver.snapshots is not None
        simulator.set_faults(snapshot__by_proxy=True)
        analog, ip = (
            next(channel.number for channel in driver.channels if channel.kind is kind)
            for kind in (ChannelKind.ANALOG, ChannelKind.IP)
        )
        for number, requests in ((analog, 1), (ip, 2), (analog, 1), (ip, 1)):
            before = simulator.counters.requests
            assert (await driver.snapshots.snapshot(number)).jpeg
            assert simulator.counters.requests - before == requests


async def test_a_path_for_stills_that_moved_is_found() -> None:
    async with recorder() as (simulator, driver):
        assert driver.snapshots is not None
        for by_proxy in (False, True):
            simulator.set_faults(snapshot__by_proxy=by_proxy, snapshot__as_ok=by_proxy)
            assert (await driver.snapshots.snapshot(1)).jpeg
        before = simulator.counters.requests
        assert (await driver.snapshots.snapshot(1)).jpeg
        assert simulator.counters.requests - before == 1


async def test_stills_that_fail() -> None:
    async with recorder() as (simulator, driver):
        assert driver.snapshots is not None
        for as_ok in (False, True):
            simulator.set_faults(snapshot__mode="deviceError", snapshot__count=2, snapshot__as_ok=as_ok)
            assert (await driver.snapshots.snapshot(1)).jpeg
        simulator.set_faults(snapshot__mode="deviceError", snapshot__count=0)
        with pytest.raises(errors.NvrResponseError):
            await driver.snapshots.snapshot(1)
        simulator.set_faults(snapshot__mode="garbage")
        with pytest.raises(errors.NvrResponseError):
            await driver.snapshots.snapshot(1)
        simulator.set_faults(snapshot__mode="empty")
        with pytest.raises(errors.NvrNotFoundError):
            await driver.snapshots.snapshot(1)
        simulator.set_faults(snapshot__mode="ok", snapshot__refuse_query=True)
        assert (await driver.snapshots.snapshot(1, width=1000, height=600)).jpeg
        await simulator.set_channel_online(2, online=False)
        await driver.refresh_channels()
        with pytest.raises(errors.NvrNotFoundError):
            await driver.snapshots.snapshot(2)
        simulator.set_faults(snapshot__mode="lowPrivilege")
        with pytest.raises(errors.NvrPermissionError):
            await driver.snapshots.snapshot(1)
