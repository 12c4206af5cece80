"""What a recorder says of its recording, and its clock, which is set when a person asks for it."""

from datetime import timedelta

import pytest

from custom_components.nvr.core import errors

from .rows import Case, each_family, every_recorder

pytestmark = pytest.mark.usefixtures("socket_enabled")

SLACK = timedelta(seconds=3)


@each_family
async def test_the_recorder_says_which_channels_it_records(case: Case) -> None:
    async with case.connected(channels=4, incidents=0.0) as (rig, driver):
        assert driver.recording_status is not None
        if not case.is_first and not await driver.recording_status.recording([1]):
            return  # firmware that does not say
        # The fourth records events only, and nothing happens.
        assert await driver.recording_status.recording([1, 2, 4]) == {1: True, 2: True, 4: False}
        rig.footage.stop_recording(2)
        rig.clock.shift += timedelta(seconds=2)
        assert await driver.recording_status.recording([1, 2]) == {1: True, 2: False}
        asked = rig.counts().requests
        await driver.recording_status.recording([1, 2, 3, 4])
        assert rig.counts().requests - asked == (1 if driver.recording_status.at_once else 4)


@each_family
async def test_a_failure_says_nothing_of_the_recording(case: Case) -> None:
    async with case.connected() as (rig, driver):
        assert driver.recording_status is not None
        if not case.is_first and not await driver.recording_status.recording([1]):
            return
        for trouble in ("drop", "garbage"):
            rig.disturb(trouble)
            with pytest.raises(errors.NvrError):
                await driver.recording_status.recording([1])
            rig.calm()


@every_recorder
@pytest.mark.parametrize("skew", [95.0, -400.0])
async def test_the_clock_is_set_in_its_own_zone(case: Case, skew: float) -> None:
    async with case.connected(skew=skew) as (rig, driver):
        assert driver.clock is not None
        assert driver.clock_setter is not None
        zone = driver.clock.current.zone
        assert abs(driver.clock.current.skew - timedelta(seconds=skew)) <= SLACK
        clock = await driver.clock_setter.set_now()
        assert abs(rig.clock.skew) <= SLACK
        assert abs(clock.skew) <= SLACK
        assert clock.zone == zone
        assert driver.clock.current == clock


@each_family
async def test_a_clock_that_may_not_be_set_says_so(case: Case) -> None:
    async with case.connected(skew=60.0) as (rig, driver):
        assert driver.clock_setter is not None
        rig.simulator.apply_faults({"rights": ["live", "playback"]})
        with pytest.raises(errors.NvrPermissionError):
            await driver.clock_setter.set_now()
        assert rig.clock.skew == timedelta(seconds=60)
