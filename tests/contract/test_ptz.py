"""Cameras that move: what they can do, that they stop, and who is told when they do not."""

import asyncio
import time
from typing import Any

import pytest

from custom_components.nvr.core import errors
from custom_components.nvr.core.controls import PtzMotion, PtzOrder
from custom_components.nvr.core.driver import Driver, PtzSource
from custom_components.nvr.core.pilot import Pilot
from tests.simulators.heads import Head

from .rig import Rig
from .rows import Case, each_family

pytestmark = pytest.mark.usefixtures("socket_enabled")

DOME, FIXED = 3, 1
MOTIONS = (
    PtzMotion(pan=0.5),
    PtzMotion(pan=-1.0),
    PtzMotion(tilt=0.25),
    PtzMotion(pan=-0.5, tilt=1.0),
    PtzMotion(zoom=-0.75),
    PtzMotion(focus=0.5),
    PtzMotion(iris=-0.5),
)


def of(rig: Rig[Any], driver: Driver) -> tuple[Head, PtzSource]:
    assert driver.ptz is not None
    head: Head = rig.simulator.device.heads[DOME]
    return head, driver.ptz


async def until(condition: Any, seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        await asyncio.sleep(0.005)


@each_family
async def test_only_a_head_that_moves_has_abilities(case: Case) -> None:
    async with case.connected() as (rig, driver):
        _, ptz = of(rig, driver)
        found = await ptz.abilities(DOME)
        assert (found.pan_tilt, found.zoom, found.focus, found.presets) == (True, True, True, 300)
        assert found.patrols == 8
        with pytest.raises(errors.NvrUnsupportedError):
            await ptz.abilities(FIXED)
        with pytest.raises(errors.NvrNotFoundError):
            await ptz.abilities(99)


@each_family
async def test_motions_go_their_way_until_they_are_stopped(case: Case) -> None:
    async with case.connected() as (rig, driver):
        head, ptz = of(rig, driver)
        for motion in MOTIONS:
            await ptz.move(DOME, motion)
            assert head.speeds == {axis: getattr(motion, axis) for axis in head.speeds}
            await ptz.move(DOME, PtzMotion())
            assert not head.moving
        # Another motion takes the place of the one before.
        await ptz.move(DOME, PtzMotion(pan=0.5))
        await ptz.move(DOME, PtzMotion(tilt=-0.5))
        assert {axis: speed for axis, speed in head.speeds.items() if speed} == {"tilt": -0.5}
        await ptz.move(DOME, PtzMotion())
        # What somebody else began is stopped as well.
        head.drive(pan=1.0, zoom=0.5)
        await ptz.move(DOME, PtzMotion())
        assert not head.moving


@each_family
async def test_presets_and_patrols(case: Case) -> None:
    async with case.connected() as (rig, driver):
        head, ptz = of(rig, driver)
        await ptz.abilities(DOME)
        assert [(preset.number, preset.name) for preset in await ptz.presets(DOME)] == [
            (1, "Gate"),
            (2, "Street"),
            (34, "Home"),
        ]
        await ptz.order(DOME, PtzOrder.GO_TO_PRESET, 34)
        assert head.gone_to == [34]
        await ptz.order(DOME, PtzOrder.SAVE_PRESET, 5, "Back & gate")
        assert head.presets[5] == "Back & gate" or case.row.family == "dahua"
        await ptz.order(DOME, PtzOrder.SAVE_PRESET, 1, "Entrance")
        assert (await ptz.presets(DOME))[0].name == "Entrance"
        with pytest.raises(errors.NvrNotFoundError):
            await ptz.order(DOME, PtzOrder.GO_TO_PRESET, 77)
        await ptz.order(DOME, PtzOrder.START_PATROL, 2)
        assert (head.patrol or 0) == 2
        await ptz.order(DOME, PtzOrder.STOP_PATROL, 2)
        assert head.patrol is None
        with pytest.raises(errors.NvrNotFoundError):
            await ptz.order(DOME, PtzOrder.START_PATROL, 200)


@each_family
async def test_a_motion_ends_by_itself_and_when_all_ends(case: Case) -> None:
    async with case.connected() as (rig, driver):
        head, ptz = of(rig, driver)
        pilot = Pilot(ptz)
        await pilot.move(DOME, PtzMotion(pan=1.0), 0.2)
        assert any(head.speeds.values())
        await until(lambda: not head.moving)
        await until(lambda: not pilot.moving)
        assert head.place("pan") >= 0.19
        await pilot.move(DOME, PtzMotion(tilt=1.0), 10.0)
        await pilot.close()
        assert not head.moving


@each_family
async def test_a_motion_ends_though_nobody_heard_that_it_began(case: Case) -> None:
    async with case.connected() as (rig, driver):
        head, ptz = of(rig, driver)
        pilot = Pilot(ptz)
        asked = asyncio.ensure_future(pilot.move(DOME, PtzMotion(pan=1.0), 10.0))
        await until(lambda: head.starts)
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
        if not asked.cancelled():
            await pilot.close()
        await until(lambda: not head.moving)
        await pilot.close()


@each_family
async def test_a_stop_waits_for_nothing_slow(case: Case) -> None:
    async with case.connected() as (rig, driver):
        head, ptz = of(rig, driver)
        await ptz.move(DOME, PtzMotion(pan=1.0))
        rig.disturb("hang", "channels")
        slow = [asyncio.ensure_future(driver.refresh_channels()) for _ in range(6)]
        await asyncio.sleep(0)
        async with asyncio.timeout(3.0):
            await ptz.move(DOME, PtzMotion())
        assert not head.moving
        for task in slow:
            task.cancel()
        await asyncio.gather(*slow, return_exceptions=True)
