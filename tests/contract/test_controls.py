"""What is switched and set: whole elements go back, ranges are the recorder's, refusals say why."""

from collections.abc import Sequence
from typing import Any

import pytest

from custom_components.nvr.core import errors
from custom_components.nvr.core.controls import Control, ControlKind, ControlShape, ControlValue
from custom_components.nvr.core.driver import Driver

from .rows import CASES, Case, each_family, every_nvr

pytestmark = pytest.mark.usefixtures("socket_enabled")

CAMERAS = pytest.mark.parametrize("case", [case for case in CASES if case.profile in {"ipc", "ipc_sd"}], ids=str)


async def everything(driver: Driver) -> list[Control]:
    """Read all pages there are."""
    assert driver.controls is not None
    found: list[Control] = []
    for page in driver.controls.pages():
        try:
            found += await driver.controls.read(page)
        except errors.NvrUnsupportedError, errors.NvrNotFoundError:
            continue
    return found


def one(controls: Sequence[Control], kind: ControlKind, channel: int | None = 1, index: int | None = None) -> Control:
    return next(item for item in controls if (item.id.kind, item.id.channel, item.id.index) == (kind, channel, index))


async def put(driver: Driver, control: Control, value: ControlValue) -> ControlValue:
    """Write, and return what the recorder then tells."""
    assert driver.controls is not None
    page = await driver.controls.write(control, value)
    return next(item.value for item in page if item.id == control.id)


@each_family
async def test_whatever_is_told_can_be_written_back(case: Case) -> None:
    async with case.connected() as (rig, driver):
        found = await everything(driver)
        assert len({item.id for item in found}) == len(found)
        assert any(item.id.kind is ControlKind.MOTION_DETECTION for item in found)
        pages = {item.page: item for item in found if item.shape is not ControlShape.PUSH}
        for item in pages.values():
            before = rig.counts().writes
            assert await put(driver, item, item.value) == item.value, item
            assert rig.counts().writes == before + 1


@every_nvr
async def test_motion_detection_is_switched_and_nothing_else(case: Case) -> None:
    async with case.connected() as (_, driver):
        before = await everything(driver)
        motion = one(before, ControlKind.MOTION_DETECTION)
        assert motion.shape is ControlShape.SWITCH
        assert motion.value is True
        assert await put(driver, motion, value=False) is False
        after = {item.id: item.value for item in await everything(driver)}
        assert {item.id for item in before if after[item.id] != item.value} == {motion.id}


@each_family
async def test_a_relay_is_drawn_and_given_back(case: Case) -> None:
    async with case.connected() as (_, driver):
        relay = one(await everything(driver), ControlKind.ALARM_OUTPUT, None, 1)
        assert relay.value is False
        assert await put(driver, relay, value=True) is True
        assert await put(driver, relay, value=False) is False


@CAMERAS
async def test_the_picture_of_a_camera_is_set_within_its_ranges(case: Case) -> None:
    async with case.connected() as (_, driver):
        found = await everything(driver)
        bright = one(found, ControlKind.BRIGHTNESS)
        assert (bright.low, bright.high) == (0, 100)
        assert await put(driver, bright, 61) == 61
        filtered = one(found, ControlKind.DAY_NIGHT)
        assert set(filtered.choices) >= {"auto", "day", "night"}
        assert "event" not in filtered.choices
        assert await put(driver, filtered, "night") == "night"
        with pytest.raises(errors.NvrResponseError):
            await put(driver, filtered, "dusk")


@CAMERAS
async def test_a_privacy_mask_is_switched(case: Case) -> None:
    async with case.connected() as (_, driver):
        masks = [item for item in await everything(driver) if item.id.kind is ControlKind.PRIVACY_MASK]
        assert masks
        assert await put(driver, masks[0], value=not masks[0].value) is not masks[0].value


@each_family
async def test_a_missing_right_is_told(case: Case) -> None:
    async with case.connected() as (rig, driver):
        motion = one(await everything(driver), ControlKind.MOTION_DETECTION)
        rig.simulator.apply_faults({"rights": frozenset({"live", "config"})})
        with pytest.raises(errors.NvrPermissionError):
            await put(driver, motion, value=False)


async def test_what_cannot_be_on_together_says_so() -> None:
    case: Any = next(case for case in CASES if case.profile == "nvr8")
    async with case.connected() as (_, driver):
        found = await everything(driver)
        line, scene = (
            one(found, kind) for kind in (ControlKind.LINE_CROSSING_DETECTION, ControlKind.SCENE_CHANGE_DETECTION)
        )
        assert await put(driver, line, value=True) is True
        with pytest.raises(errors.NvrConflictError):
            await put(driver, scene, value=True)
        await put(driver, line, value=False)
        assert await put(driver, scene, value=True) is True


async def test_recording_is_put_to_another_mode_with_what_belongs_to_it() -> None:
    case: Any = next(case for case in CASES if case.profile == "nvr5232")
    async with case.connected() as (rig, driver):
        mode = one(await everything(driver), ControlKind.RECORD_MODE, 2)
        assert (mode.value, mode.choices) == ("auto", ("auto", "manual", "off"))
        assert await put(driver, mode, "off") == "off"
        assert rig.simulator.config.tables.table("RecordMode")[1] == {"Mode": 2, "ModeExtra1": 2, "ModeExtra2": 2}


@pytest.mark.parametrize("profile", ["nvr8", pytest.param("nvr-old", marks=pytest.mark.slow)])
async def test_a_recording_is_begun_and_ended_by_hand(profile: str) -> None:
    case: Any = next(case for case in CASES if case.profile == profile)
    async with case.connected() as (rig, driver):
        assert driver.controls is not None
        start, stop = (
            one(driver.controls.certain(), kind, 2)
            for kind in (ControlKind.MANUAL_RECORDING_START, ControlKind.MANUAL_RECORDING_STOP)
        )
        before = rig.counts()
        assert {start, stop} <= set(await driver.controls.read(start.page))
        assert rig.counts().requests == before.requests, "nothing tells whether it is recorded by hand"
        await driver.controls.write(start, value=True)
        assert rig.simulator.device.manual == {201}
        await driver.controls.write(start, value=True)
        await driver.controls.write(stop, value=True)
        assert rig.simulator.device.manual == set()
        assert rig.counts().writes == before.writes + 3


async def test_light_and_siren_of_a_camera_are_switched() -> None:
    case: Any = next(case for case in CASES if case.profile == "nvr5464")
    async with case.connected() as (rig, driver):
        found = await everything(driver)
        light, siren = one(found, ControlKind.WHITE_LIGHT), one(found, ControlKind.SIREN)
        assert not [item for item in found if item.id.kind is ControlKind.SIREN and item.id.channel == 2]
        assert await put(driver, light, value=True) is True
        assert rig.simulator.coaxial.on == {(1, "WhiteLight")}
        assert await put(driver, siren, value=True) is True
        assert await put(driver, light, value=False) is False
        assert rig.simulator.coaxial.on == {(1, "Speaker")}


async def test_a_picture_is_put_back_and_an_alarm_sounds_once() -> None:
    case: Any = next(case for case in CASES if case.profile == "ipc")
    async with case.connected() as (rig, driver):
        found = await everything(driver)
        await put(driver, one(found, ControlKind.BRIGHTNESS), 10)
        await put(driver, one(found, ControlKind.IMAGE_RESET), value=True)
        assert one(await everything(driver), ControlKind.BRIGHTNESS).value == 50
        alarm = one(found, ControlKind.AUDIO_ALARM)
        await put(driver, alarm, value=True)
        assert rig.simulator.pages.audio_playing
        with pytest.raises(errors.NvrBusyError):
            await put(driver, alarm, value=True)
