"""Single pictures of the past in the shapes this family answers them in."""

from datetime import timedelta

import pytest

from custom_components.nvr.core.models import VideoCodec
from tests.simulators.dahua.simulator import DahuaSimulator

from ..helpers import last, search
from ..judges import painted
from ..rigs.dahua import driving

pytestmark = pytest.mark.usefixtures("socket_enabled")

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize("form", ["json", "base64", "multipart"])
@pytest.mark.parametrize("wrapped", [False, True])
async def test_each_shape_of_an_answer_is_the_picture(form: str, *, wrapped: bool) -> None:
    async with DahuaSimulator(profile="nvr5232", utc_offset=480, skew=420.0) as simulator:
        simulator.set_faults(file__iframe=form, file__iframe_dhav=wrapped)
        async with driving(simulator) as driver:
            segment = next(each for each in await search(driver, 1, last(5)) if not each.open)
            moment = segment.span.start + 33 * SECOND
            assert driver.key_frames is not None
            frame = await driver.key_frames.key_frame(1, moment)
            code = painted(frame)
            # The longest group is two seconds, and the wire has whole ones.
            assert -3 * SECOND <= code.time - moment <= SECOND
            assert code.channel == 1
            assert frame.dated is wrapped
            assert abs(frame.recorded_at - (code.time if wrapped else moment)) <= SECOND


async def test_another_codec_is_told() -> None:
    async with DahuaSimulator(profile="nvr5232") as simulator:
        simulator.set_codec(1, "H.265")
        async with driving(simulator) as driver:
            segment = next(each for each in await search(driver, 1, last(5)) if not each.open)
            assert driver.key_frames is not None
            frame = await driver.key_frames.key_frame(1, segment.span.start + 9 * SECOND)
            assert frame.codec is VideoCodec.H265
            assert -3 * SECOND <= painted(frame).time - segment.span.start - 9 * SECOND <= SECOND
