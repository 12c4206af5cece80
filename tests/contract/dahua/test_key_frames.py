"""Single pictures of the past in the shapes this family answers them in."""

from datetime import timedelta

import pytest

from custom_components.nvr.core import errors
from custom_components.nvr.core.drivers.dahua.key_frames import KeyFrames
from custom_components.nvr.core.drivers.dahua.wire_picture import PAGE
from custom_components.nvr.core.models import VideoCodec
from tests.simulators.dahua.simulator import DahuaSimulator
from tests.simulators.switches import PathFault

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


async def test_a_recorder_that_gave_pictures_is_asked_again_after_a_refusal() -> None:
    async with DahuaSimulator(profile="nvr5232") as simulator, driving(simulator) as driver:
        segment = next(each for each in await search(driver, 1, last(5)) if not each.open)
        moment = segment.span.start + 9 * SECOND
        pictures = driver.key_frames
        assert isinstance(pictures, KeyFrames)
        await pictures.key_frame(1, moment)
        simulator.faults.without = frozenset({"StorageAssistant"})
        with pytest.raises(errors.NvrUnsupportedError):
            await pictures.key_frame(1, moment)
        # It is starting, perhaps: it has it, as it showed.
        simulator.faults.without = frozenset()
        assert pictures.offered
        assert (await pictures.key_frame(1, moment)).data
        simulator.faults.paths[PAGE] = PathFault(kind="html", status=500)
        with pytest.raises(errors.NvrBusyError):
            await pictures.key_frame(1, moment)


async def test_a_recorder_that_never_gave_one_is_not_asked_again() -> None:
    async with DahuaSimulator(profile="nvr5232") as simulator, driving(simulator) as driver:
        simulator.faults.without = frozenset({"StorageAssistant"})
        pictures = driver.key_frames
        assert isinstance(pictures, KeyFrames)
        for _ in range(2):
            with pytest.raises(errors.NvrUnsupportedError):
                await pictures.key_frame(1, last(1).start)
            simulator.faults.without = frozenset()
        assert not pictures.offered
