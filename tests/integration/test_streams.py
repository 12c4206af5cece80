"""Streams of our own viewer: live and recorded, over one socket, judged by the time painted into the pictures."""

from datetime import UTC, datetime, timedelta
import itertools
from typing import Any

from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.nvr.media.streaming.frames import Kind
from custom_components.nvr.media_ids import ChannelId
from tests.contract.media.rig import late_tones, listen
from tests.simulators.hikvision import HikvisionSimulator

from .conftest import StartSimulator, every_family, until
from .media_viewer import Viewer, viewer_fixture
from .recorders import Recorder

__all__ = ["viewer_fixture"]

FRAME = 1 / 12


@pytest.fixture(name="nvr")
async def nvr_fixture(start_simulator: StartSimulator) -> Recorder:
    simulator: Recorder = await start_simulator(channels=4, rtsp=True)
    simulator.rtsp.faults.delivery = 20.0
    return simulator


def camera(entry: MockConfigEntry, number: int = 1) -> str:
    return ChannelId(entry.entry_id, number).format()


def two_hours_ago(nvr: Recorder) -> float:
    return float((nvr.now().replace(microsecond=0, second=0) - timedelta(hours=2)).timestamp()) + 7.3


def sessions(nvr: Recorder) -> dict[str, int]:
    counters = nvr.rtsp.counters
    return {kind: counters.sessions_open[kind] for kind in ("live", "playback") if counters.sessions_open[kind]}


def judged(pictures: list[Any], epoch: float, moment: float, channel: int = 1) -> None:
    """See that each picture stands where it belongs, and that one of them is the one of the moment."""
    assert pictures
    assert {picture.channel for picture in pictures} == {channel}
    for picture in pictures:
        assert abs(picture.at + epoch - picture.painted) <= FRAME, (picture, epoch)
    assert min(abs(picture.painted - moment) for picture in pictures) <= FRAME
    assert all(a.painted < b.painted for a, b in itertools.pairwise(pictures))


@every_family
async def test_viewer_is_told_what_there_is_to_watch(
    hass: HomeAssistant, entry: MockConfigEntry, nvr: Recorder, viewer: Viewer
) -> None:
    info = (await viewer.ask("info"))["result"]
    assert {"version", "bundle", "api", "features", "limits", "media_path"} == info.keys()
    assert (info["api"], info["limits"]["grid"], info["media_path"]) == (1, 25, "/api/nvr/media")
    cameras = (await viewer.ask("cameras"))["result"]
    assert [row["id"] for row in cameras] == [camera(entry, number) for number in range(1, 5)]
    first = cameras[0]
    assert (first["name"], first["entity_id"], first["online"]) == ("Front door", "camera.front_door", True)
    assert (first["recording"], first["ptz"]) == (None, None), "nobody has asked for today's list"
    assert first["rights"] == {"live": True, "playback": True, "export": True}
    assert {row["id"] for row in first["streams"]} >= {"main", "sub"}
    assert first["streams"][0].keys() == {"id", "codec", "width", "height", "fps", "audio"}
    scale = first["playback"].pop("scale")
    assert 1.0 in scale
    assert first["playback"] == {"reverse": True, "exact_seek": True, "thumbs": True}
    days = {"entity_id": "camera.front_door", "duration": "24:00:00", "limit": 500}  # a list that is cut is not kept
    await hass.services.async_call("nvr", "search_recordings", days, blocking=True, return_response=True)
    assert (await viewer.ask("cameras"))["result"][0]["recording"] in {True, False}
    # Of a recorder that cannot be used now no more is said than is known.
    await hass.config_entries.async_unload(entry.entry_id)
    assert (await viewer.ask("cameras"))["result"] == []


@every_family
async def test_recording_plays_from_the_asked_moment_and_from_those_that_are_jumped_to(
    entry: MockConfigEntry, nvr: Recorder, viewer: Viewer
) -> None:
    start = two_hours_ago(nvr)
    watched = await viewer.open("playback", camera(entry), start=start, accept=["avc1", "hvc1"])
    assert start - 15 <= watched.opened["actual_start"] <= start + FRAME
    assert watched.opened["mime"] == f'video/mp4; codecs="{watched.opened["codec"]}"'
    epoch = watched.opened["epoch"]
    await watched.until(lambda: watched.run and watched.run[-1].moment / 1000 >= start + 0.2)
    judged(watched.pictures(), epoch, start)
    for moment in (start + 3, start + 2400.5, start - 3000.25, start + 0.9):
        judged(watched.pictures(await viewer.seek(watched, moment)), epoch, moment)
    assert sessions(nvr) == {"playback": 1}
    assert viewer.socket is not None
    await viewer.socket.close()
    await until(lambda: not sessions(nvr))
    counters = nvr.rtsp.counters
    assert counters.teardowns["playback"] == counters.sessions_opened["playback"] == 5


@every_family
async def test_live_and_recorded_streams_share_one_socket(
    entry: MockConfigEntry, nvr: Recorder, viewer: Viewer
) -> None:
    start = two_hours_ago(nvr)
    live = await viewer.open("live", camera(entry), stream="sub", accept=["avc1", "hvc1"])
    played = await viewer.open("playback", camera(entry, 2), start=start, accept=["avc1", "hvc1"])
    await live.media(5)
    await played.media(5)
    now = nvr.now().timestamp()
    judged(played.pictures(), played.opened["epoch"], played.opened["actual_start"], 2)
    for picture in live.pictures():
        assert picture.channel == 1
        assert now - 10 < picture.painted < now + 1
        assert abs(picture.at + live.opened["epoch"] - picture.painted) < FRAME
    assert sessions(nvr) == {"live": 1, "playback": 1}
    await viewer.control(played, "close")
    assert (await played.ended())["reason"] == "closed"
    assert sessions(nvr) == {"live": 1}
    count = len(live.messages)
    await live.until(lambda: len(live.messages) > count + 3)
    await viewer.close()
    await until(lambda: not sessions(nvr))
    assert nvr.rtsp.counters.teardowns == {"live": 1, "playback": 1}


@pytest.mark.parametrize(
    ("number", "kind"), [(3, "playback"), pytest.param(3, "live", marks=pytest.mark.slow), (4, "playback")]
)
@every_family
async def test_sound_travels_with_the_pictures(
    entry: MockConfigEntry, nvr: Recorder, viewer: Viewer, number: int, kind: str
) -> None:
    start = {"start": two_hours_ago(nvr)} if kind == "playback" else {}
    watched = await viewer.open(kind, camera(entry, number), accept=["avc1", "hvc1", "mp4a"], **start)
    begin = watched.opened["actual_start"]
    await watched.until(lambda: watched.run and watched.run[-1].moment / 1000 >= begin + 4)
    assert len(watched.pictures()) > 20
    silent = ",mp4a.40" not in watched.opened["codec"]
    assert silent == (nvr_audio(nvr, number) is None)
    if not silent:
        payloads = [message.payload for message in watched.run if message.kind is not Kind.GAP]
        tones = listen(payloads[0], *payloads[1:])
        origin = datetime.fromtimestamp(watched.opened["epoch"], UTC)
        late = late_tones([tone for tone in tones if tone.at + watched.opened["epoch"] > begin + 1], origin, number)
        assert len(late) >= 2
        assert all(abs(seconds) < 0.1 for seconds in late), late


def nvr_audio(nvr: Recorder, number: int) -> str | None:
    """Return the sound of a channel as the recorder is set."""
    stream = (
        nvr.device.stream(number * 100 + 1) if isinstance(nvr, HikvisionSimulator) else nvr.device.stream(number, 0)
    )
    assert stream is not None
    audio: str | None = stream[1].audio
    return audio
