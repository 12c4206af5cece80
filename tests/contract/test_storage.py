"""Disks: all of them, in words that hold for every brand; a refusal is no empty list."""

import pytest

from custom_components.nvr.core import errors
from custom_components.nvr.core.models import DiskState, RecorderKind

from .rows import Case, each_family, every_recorder

pytestmark = pytest.mark.usefixtures("socket_enabled")


@every_recorder
async def test_disks_are_told(case: Case) -> None:
    async with case.connected() as (rig, driver):
        assert driver.storage is not None
        before = rig.counts().requests
        disks = await driver.storage.disks()
        # The connect has just read them.
        assert rig.counts().requests == before
        assert {disk.state for disk in disks} <= {DiskState.OK, DiskState.SLEEPING, DiskState.EMPTY_BAY}
        assert DiskState.OK in {disk.state for disk in disks}
        assert len({disk.id for disk in disks}) == len(disks)
        for disk in disks:
            if disk.state is DiskState.OK:
                assert disk.name
                assert disk.capacity is not None
                assert disk.capacity > 1000
                assert disk.free is not None
                assert 0 <= disk.free <= disk.capacity
        again = await driver.storage.disks()
        assert rig.counts().requests > before
        assert [disk.id for disk in again] == [disk.id for disk in disks]


@every_recorder
async def test_a_broken_disk_is_told(case: Case) -> None:
    async with case.recorder() as rig:
        rig.break_disk()
        async with rig.driving() as driver:
            assert driver.storage is not None
            assert DiskState.ERROR in {disk.state for disk in await driver.storage.disks()}


@each_family
async def test_how_hot_a_disk_is_is_told_or_not_to_be_had(case: Case) -> None:
    async with case.connected() as (rig, driver):
        assert driver.storage is not None
        disk = next(disk for disk in await driver.storage.disks() if disk.state is DiskState.OK)
        if rig.family == "hikvision" and driver.info.kind is not RecorderKind.CAMERA:
            assert await driver.storage.temperature(disk.id) == 38
            for nothing in (0, None, 200):
                rig.simulator.device.disk_heat = nothing
                with pytest.raises(errors.NvrUnsupportedError):
                    await driver.storage.temperature(disk.id)
        else:
            with pytest.raises(errors.NvrUnsupportedError):
                await driver.storage.temperature(disk.id)


@each_family
async def test_a_refusal_is_no_empty_list(case: Case) -> None:
    async with case.connected() as (rig, driver):
        assert driver.storage is not None
        await driver.storage.disks()
        for trouble in ("drop", "empty", "garbage"):
            rig.disturb(trouble)
            with pytest.raises(errors.NvrError):
                await driver.storage.disks()
            rig.calm()
        assert await driver.storage.disks()
