"""Single pictures of the past: decoded by a stranger, judged by the time painted into them."""

from datetime import timedelta

import av
from av.video.codeccontext import VideoCodecContext
import numpy as np
import pytest

from custom_components.nvr.core import errors
from custom_components.nvr.core.models import KeyFrame, StreamRole, VideoCodec
from tests.contract.dahua_driver import driving, last, recorder, search
from tests.simulators.dahua.simulator import DahuaSimulator
from tests.simulators.video.timecode import TimeCode, read_timecode

pytestmark = pytest.mark.usefixtures("socket_enabled")

SECOND = timedelta(seconds=1)
NAMES = {VideoCodec.H264: "h264", VideoCodec.H265: "hevc"}


def shown(frame: KeyFrame) -> TimeCode:
    """Decode the one picture."""
    decoder = av.CodecContext.create(NAMES[frame.codec], "r")
    assert isinstance(decoder, VideoCodecContext)
    pictures = [*decoder.decode(av.Packet(frame.data)), *decoder.decode(None)]
    assert len(pictures) == 1
    code = read_timecode(pictures[0].to_ndarray(format="gray").astype(np.uint8))
    assert code is not None
    return code


@pytest.mark.parametrize("form", ["json", "base64", "multipart"])
@pytest.mark.parametrize("wrapped", [False, True])
async def test_a_picture_of_a_moment_is_of_its_group(form: str, *, wrapped: bool) -> None:
    async with DahuaSimulator(profile="nvr5232", utc_offset=480, skew=420.0) as simulator:
        simulator.set_faults(file__iframe=form, file__iframe_dhav=wrapped)
        async with driving(simulator) as driver:
            segment = next(each for each in await search(driver, 1, last(5)) if not each.open)
            moment = segment.span.start + 33 * SECOND
            assert driver.key_frames is not None
            for role in (StreamRole.MAIN, StreamRole.SUB):
                frame = await driver.key_frames.key_frame(1, moment, role=role)
                code = shown(frame)
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
            assert -3 * SECOND <= shown(frame).time - segment.span.start - 9 * SECOND <= SECOND


async def test_what_has_no_picture_is_not_found_and_teaches_nothing() -> None:
    async with recorder("nvr5232") as (simulator, driver):
        source = driver.key_frames
        assert source is not None
        with pytest.raises(errors.NvrNotFoundError):
            await source.key_frame(1, last(24 * 600).start)
        with pytest.raises(errors.NvrNotFoundError):
            await source.key_frame(60, last(1).start)
        assert driver.key_frames is not None
        # A session that ended meanwhile is made anew.
        segment = next(each for each in await search(driver, 1, last(5)) if not each.open)
        simulator.end_sessions()
        assert shown(await source.key_frame(1, segment.span.start + 9 * SECOND)).channel == 1


async def test_a_recorder_without_pictures_is_asked_once() -> None:
    async with DahuaSimulator(profile="nvr5232") as simulator:
        simulator.set_faults(without=frozenset({"StorageAssistant"}))
        async with driving(simulator) as driver:
            source = driver.key_frames
            assert source is not None
            with pytest.raises(errors.NvrUnsupportedError):
                await source.key_frame(1, last(3).start)
            assert driver.key_frames is None
        async with driving(simulator, memory=driver.memory) as again:
            assert again.key_frames is None
