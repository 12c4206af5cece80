"""What a viewer gets who does not decode what a camera records: its sub stream, single pictures, or the reason."""

from io import BytesIO

import av
import numpy as np
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.nvr.media.streaming.frames import Frame, Kind
from tests.simulators.video.timecode import read_timecode

from .conftest import StartSimulator, every_family, until
from .media_viewer import Viewer, Watched, viewer_fixture
from .recorders import Recorder
from .test_streams import FRAME, camera, sessions, two_hours_ago

__all__ = ["viewer_fixture"]


@pytest.fixture(name="nvr")
async def nvr_fixture(start_simulator: StartSimulator) -> Recorder:
    simulator: Recorder = await start_simulator(channels=1, rtsp=True)
    simulator.rtsp.faults.delivery = 20.0
    simulator.set_codec(1, "H.265")
    return simulator


def painted(still: Frame) -> float:
    """Return the time painted into a JPEG."""
    with av.open(BytesIO(still.payload), mode="r", format="mjpeg") as container:
        frame = next(container.decode(video=0))
    code = read_timecode(np.asarray(frame.to_ndarray(format="gray"), dtype=np.uint8))
    assert code is not None, "a picture without its time"
    return code.time.timestamp()


def stills(watched: Watched) -> list[Frame]:
    return [message for message in watched.messages if message.kind is Kind.JPEG]


@every_family
async def test_stills_of_footage_that_the_viewer_does_not_decode(
    entry: MockConfigEntry, nvr: Recorder, viewer: Viewer
) -> None:
    start = two_hours_ago(nvr)
    told = await viewer.ask("session/open", kind="playback", camera_id=camera(entry), start=start, accept=["mp4a"])
    assert told["error"]["code"] == "unsupported"
    assert "sends H.26" in told["error"]["message"]
    await until(lambda: not sessions(nvr))
    watched = await viewer.open("playback", camera(entry), start=start, accept=["jpeg"])
    assert (watched.opened["codec"], watched.opened["mime"]) == ("jpeg", "image/jpeg")
    assert watched.opened["refused"] in {"avc1", "hvc1"}
    await watched.until(lambda: len(stills(watched)) >= 3)
    assert {message.kind for message in watched.messages} == {Kind.INIT, Kind.JPEG}
    assert all(abs(painted(still) - still.moment / 1000) <= FRAME for still in stills(watched))
    # One step shows the very next picture, key frame or not.
    at = stills(watched)[0].moment / 1000
    step = await viewer.control(watched, "step", 1, at=at)
    await watched.until(lambda: watched.messages[-1].kind is Kind.JPEG and watched.since(step["actual_start"]))
    assert 0 < painted(watched.messages[-1]) - at <= 2 * FRAME
    assert abs(painted(watched.messages[-1]) - step["actual_start"]) <= FRAME


@every_family
async def test_live_turns_to_the_sub_stream(entry: MockConfigEntry, nvr: Recorder, viewer: Viewer) -> None:
    watched = await viewer.open("live", camera(entry), accept=["avc1", "jpeg"])
    assert watched.opened["stream"] == "sub"
    assert watched.opened["codec"].startswith("avc1")
    await watched.media(3)
    assert watched.pictures()
