"""Single pictures of the past: decoded by a stranger, judged by the time painted into them."""

from datetime import timedelta
from typing import Any

import pytest

from custom_components.nvr.core import errors
from custom_components.nvr.core.driver import Driver
from custom_components.nvr.core.models import RecordingSegment, StreamRole

from .bench import STEADY
from .helpers import last, search
from .judges import GROUP, painted
from .rig import Rig
from .rows import Case, each_family_with, every_recorder_denying, every_recorder_with

pytestmark = pytest.mark.usefixtures("socket_enabled")

SECOND = timedelta(seconds=1)


def closed(found: list[RecordingSegment]) -> RecordingSegment:
    return next(segment for segment in found if not segment.open)


@every_recorder_with("key_frames")
async def test_a_picture_of_a_moment_is_of_its_group(case: Case) -> None:
    async with case.connected(utc_offset=480, skew=420.0) as (rig, driver):
        number = rig.pictured(rig.inputs())[0]
        case.footage(rig).record(STEADY, number)
        moment = closed(await search(driver, number, last(5))).span.start + 33 * SECOND
        assert driver.key_frames is not None
        for role in (StreamRole.MAIN, StreamRole.SUB):
            frame = await driver.key_frames.key_frame(number, moment, role=role)
            code = painted(frame)
            # The wire has whole seconds.
            assert -GROUP - SECOND <= code.time - moment <= SECOND
            assert code.channel == frame.channel == number
            assert abs(frame.recorded_at - (code.time if frame.dated else moment)) <= SECOND
        await driver.close()
        await rig.settled()


@every_recorder_with("key_frames")
async def test_what_has_no_picture_is_not_found_and_teaches_nothing(case: Case) -> None:
    async with case.connected() as (rig, driver):
        number = rig.pictured(rig.inputs())[0]
        case.footage(rig).record(STEADY, number)
        source = driver.key_frames
        assert source is not None
        for channel, moment in ((number, last(24 * 600).start), (999, last(1).start)):
            with pytest.raises(errors.NvrNotFoundError):
                await source.key_frame(channel, moment)
        assert driver.key_frames is not None
        # Who is logged out meanwhile logs in anew.
        rig.end_logins()
        assert painted(await source.key_frame(number, last(1).start)).channel == number
        assert rig.counts().refused == 0


async def denied_once(rig: Rig[Any], driver: Driver) -> None:
    """Ask a recorder that has no such pictures; neither this driver nor the next one asks again."""
    source, number = driver.key_frames, rig.pictured(rig.inputs())[0]
    assert source is not None
    with pytest.raises(errors.NvrUnsupportedError):
        await source.key_frame(number, last(3).start)
    assert driver.key_frames is None
    async with rig.driving(memory=driver.memory) as again:
        assert again.key_frames is None


@every_recorder_denying("key_frames")
async def test_a_recorder_without_pictures_is_asked_once(case: Case) -> None:
    async with case.connected() as (rig, driver):
        await denied_once(rig, driver)


@each_family_with("key_frames")
async def test_one_that_has_them_no_more_is_asked_once(case: Case) -> None:
    async with case.connected() as (rig, driver):
        case.footage(rig).refuse_key_frames()
        await denied_once(rig, driver)
