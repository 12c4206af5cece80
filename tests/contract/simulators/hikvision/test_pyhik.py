"""pyHik, which Home Assistant's own `hikvision` integration uses, takes the simulator for a recorder."""

import asyncio
from datetime import timedelta
import time
from typing import Any

from pyhik.constants import CAM_DEVICE, NVR_DEVICE
from pyhik.hikvision import HikCamera, get_video_channels
import pytest

from tests.simulators.hikvision import PASSWORD, USER, HikvisionSimulator, SimulatorOptions

from .rig import WRONG


def _camera(simulator: HikvisionSimulator, password: str = PASSWORD) -> Any:
    return HikCamera("http://127.0.0.1", simulator.http_port, USER, password)


async def test_channels_identity_and_linked_events(simulator: HikvisionSimulator) -> None:
    simulator.triggers.unlinked.add(("fielddetection", 3))
    camera = await asyncio.to_thread(_camera, simulator)
    assert camera.get_id == simulator.device.device_id
    assert camera.get_name == "NVR Demo"
    assert camera.get_type == NVR_DEVICE
    assert camera.get_channels() == list(range(1, 9))
    watched = {(kind, entry[1]) for kind, entries in camera.current_event_states.items() for entry in entries}
    assert {("Motion", 1), ("Line Crossing", 8), ("Field Detection", 2)} <= watched
    linked = await asyncio.to_thread(camera.get_event_triggers, {"center"})
    assert linked["fielddetection"] == [1, 2, 4, 6, 7, 8], "5 is an ONVIF camera, and 3 tells nobody"
    assert simulator.counters.auth_failures == 0, "its first, preemptive Basic header is not a wrong password"
    channels = await asyncio.to_thread(get_video_channels, "127.0.0.1", simulator.http_port, USER, PASSWORD)
    assert [(one.id, one.name) for one in channels] == [(n, c.name) for n, c in simulator.device.channels.items()]


async def test_wrong_password_is_one(simulator: HikvisionSimulator) -> None:
    camera = await asyncio.to_thread(_camera, simulator, WRONG)
    assert camera.get_name is None
    assert simulator.counters.auth_failures >= 1


async def test_events_arrive(simulator: HikvisionSimulator) -> None:
    simulator.faults.alerts.heartbeat = 0.2  # pyHik reads in pieces of 512 bytes and waits for full ones
    camera = await asyncio.to_thread(_camera, simulator)
    camera.start_stream()
    try:
        async with asyncio.timeout(5):
            while not camera.stream_connected:
                await asyncio.sleep(0.02)
            simulator.emit("linedetection", 6)
            simulator.motion(2)
            while not (camera.fetch_attributes("Line Crossing", 6)[0] and camera.fetch_attributes("Motion", 2)[0]):
                await asyncio.sleep(0.02)
        assert not camera.fetch_attributes("Motion", 1)[0]
        assert not camera.fetch_attributes("Line Crossing", 4)[0]
    finally:
        simulator.motion(2, on=False)
        await asyncio.to_thread(camera.disconnect)


async def test_searches(simulator: HikvisionSimulator) -> None:
    camera = await asyncio.to_thread(_camera, simulator)
    now = simulator.search.wire.encode(simulator.now())
    start = now - timedelta(hours=6)
    found = await asyncio.to_thread(camera.search_recordings, 201, start, now, 50)
    held = simulator.footage.files(2, simulator.now() - timedelta(hours=6), simulator.now())
    assert len(found) == min(50, len(held)) > 10
    assert {item.track_id for item in found} == {201}
    assert all(item.playback_uri.startswith("rtsp://127.0.0.1") for item in found)
    days = await asyncio.to_thread(camera.get_recording_days, 101, now - timedelta(days=3), now)
    assert len(days) >= 3


async def test_snapshot_falls_back_to_the_proxy_path(simulator: HikvisionSimulator) -> None:
    simulator.faults.snapshot.by_proxy = True
    camera = await asyncio.to_thread(_camera, simulator)
    picture = await asyncio.to_thread(camera.get_snapshot, 2)
    assert picture is not None
    assert picture[:3] == b"\xff\xd8\xff"


@pytest.mark.parametrize("options", [SimulatorOptions(profile="ipc", latency_ms=0, rtsp=False)], ids=["ipc"])
async def test_camera_is_taken_for_a_camera(simulator: HikvisionSimulator) -> None:
    camera = await asyncio.to_thread(_camera, simulator)
    assert camera.get_type == CAM_DEVICE
    assert camera.current_motion_detection_state is True
    before = time.monotonic()
    await asyncio.to_thread(camera.disable_motion_detection)
    assert await asyncio.to_thread(camera.get_motion_detection) is False
    assert time.monotonic() - before < 5
    assert simulator.counters.writes == 1
