"""The recorder's own clock: its zone, its summer time, and how far it is wrong."""

from datetime import UTC, datetime, timedelta

import pytest

from custom_components.nvr.core import errors

from .rows import Case, each_family, every_recorder

pytestmark = pytest.mark.usefixtures("socket_enabled")

SLACK = timedelta(seconds=3)


@every_recorder
async def test_zone_and_error_are_learned_by_the_connect(case: Case) -> None:
    async with case.recorder(skew=420.0) as rig, rig.driving() as driver:
        assert driver.clock is not None
        clock = driver.clock.current
        assert clock.measured
        assert abs(clock.skew - timedelta(minutes=7)) <= SLACK
        now = datetime.now(UTC)
        for month in range(12):
            moment = now + timedelta(days=30 * month)
            assert moment.astimezone(clock.zone).utcoffset() == moment.astimezone(rig.clock.zone).utcoffset()
        read = await driver.clock.read()
        assert read == driver.clock.current
        assert read.zone == clock.zone
        assert abs(read.skew - clock.skew) <= SLACK


@each_family
@pytest.mark.parametrize(("minutes", "dst"), [(330, False), (-480, False), (0, True), (60, True), (720, False)])
async def test_a_zone_set_meanwhile_is_read_anew(case: Case, minutes: int, *, dst: bool) -> None:
    async with case.connected() as (rig, driver):
        assert driver.clock is not None
        rig.set_zone(minutes, dst=dst)
        moved = await driver.clock.read()
        now = datetime.now(UTC)
        for month in range(0, 12, 2) if dst else (0,):
            moment = now + timedelta(days=30 * month)
            assert moment.astimezone(moved.zone).utcoffset() == moment.astimezone(rig.clock.zone).utcoffset()
        assert abs(moved.skew) <= SLACK
        assert moved == driver.clock.current


@every_recorder
async def test_a_clock_that_drifts_is_followed(case: Case) -> None:
    async with case.connected() as (rig, driver):
        assert driver.clock is not None
        for drift in (timedelta(minutes=-7), timedelta(hours=9), timedelta(days=-4000)):
            rig.drift(drift)
            clock = await driver.clock.read()
            # Hours may be told as another zone: what counts is what its digits mean.
            now = datetime.now(UTC)
            shown = now.astimezone(clock.zone).replace(tzinfo=None) + clock.skew
            assert abs(shown - rig.clock.device_now().replace(tzinfo=None)) <= SLACK


@each_family
async def test_a_clock_that_is_not_told_is_an_error_and_the_old_reading_stays(case: Case) -> None:
    async with case.connected() as (rig, driver):
        assert driver.clock is not None
        known = driver.clock.current
        for trouble in ("drop", "empty", "garbage"):
            rig.disturb(trouble)
            with pytest.raises(errors.NvrError):
                await driver.clock.read()
            rig.calm()
        assert driver.clock.current == known
        assert (await driver.clock.read()).read_at > known.read_at
