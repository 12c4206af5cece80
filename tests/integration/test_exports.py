"""Exports end to end: ordered by an action, read from a simulated recorder, and judged by the time in every picture."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import av
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import numpy as np
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_capture_events
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator, WebSocketGenerator

from custom_components.nvr.const import DOMAIN
from custom_components.nvr.exports import export_desk
from tests.contract.media.rig import boxes
from tests.simulators.video.timecode import TimeCode, read_timecode

from .conftest import StartSimulator, every_family, make_entry, set_up, until
from .footage_helpers import MediaBrowser, titles
from .recorders import Recorder

FRONT = "camera.front_door"
FRAME = 0.15


@pytest.fixture(name="media_folder", autouse=True)
def media_folder_fixture(hass: HomeAssistant, tmp_path: Path) -> Path:
    """A media folder of the test's own."""
    folder = tmp_path / "media"
    folder.mkdir()
    hass.config.media_dirs = {"local": str(folder)}
    return folder


@pytest.fixture(name="nvr")
async def nvr_fixture(start_simulator: StartSimulator) -> Recorder:
    nvr: Recorder = await start_simulator(channels=2, rtsp=True)
    nvr.rtsp.faults.delivery = 0
    nvr.rtsp.faults.end = "bye"
    return nvr


@pytest.fixture(name="entry")
async def entry_fixture(hass: HomeAssistant, nvr: Recorder) -> MockConfigEntry:
    entry = make_entry(nvr)
    await set_up(hass, entry)
    return entry


def files_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


async def files_in(hass: HomeAssistant, folder: Path) -> list[Path]:
    return await hass.async_add_executor_job(files_of, folder)


async def export(hass: HomeAssistant, start: datetime, seconds: float, **more: Any) -> str:
    """Order an export and return its id."""
    data = {"entity_id": FRONT, "start": start.isoformat(), "duration": {"seconds": seconds}, **more}
    answer = await hass.services.async_call(DOMAIN, "export_recording", data, blocking=True, return_response=True)
    assert answer is not None
    assert answer["errors"] == {}
    exports: Any = answer["exports"]
    return str(exports[FRONT]["export_id"])


async def finished(hass: HomeAssistant, told: list[Any]) -> dict[str, Any]:
    """Wait until the one export is over, and return what was told."""
    await until(lambda: told, 30)
    assert told[0].event_type == "nvr_export_finished", told[0].data
    return dict(told[0].data)


def watch(hass: HomeAssistant) -> list[Any]:
    """Capture both ends of an export in one list."""
    told = async_capture_events(hass, "nvr_export_finished")
    hass.bus.async_listen("nvr_export_failed", told.append)
    return told


def pictures(path: str) -> list[tuple[float, TimeCode]]:
    """Decode a film as a player does that heeds its edit list."""
    found = []
    with av.open(path) as film:
        for frame in film.decode(video=0):
            code = read_timecode(np.asarray(frame.to_ndarray(format="gray"), dtype=np.uint8))
            assert code is not None
            assert frame.time is not None
            found.append((frame.time, code))
    return found


def kinds(path: str) -> list[str]:
    return [kind for kind, _ in boxes(Path(path).read_bytes())]


@every_family
async def test_export_begins_and_ends_at_the_very_moments(
    hass: HomeAssistant, nvr: Recorder, entry: MockConfigEntry, media_folder: Path, hass_ws_client: WebSocketGenerator
) -> None:
    told = watch(hass)
    start = nvr.now().replace(microsecond=0) - timedelta(hours=2, milliseconds=300)
    await export(hass, start, 9.5)
    data = await finished(hass, told)
    end = start + timedelta(seconds=9.5)
    found = await hass.async_add_executor_job(pictures, data["path"])
    shown = [(at, (code.time - start).total_seconds()) for at, code in found if at >= 0.0]
    # What is only there to be decoded is not shown, or for less time than a picture lasts.
    told_times = [seconds for at, seconds in shown if at > 0.02 or seconds >= 0]
    assert -FRAME <= told_times[0] <= FRAME
    assert abs((found[-1][1].time - end).total_seconds()) <= FRAME
    assert max(abs(at - seconds) for at, seconds in shown if at > 0.5) <= 0.07
    assert {code.channel for _, code in found} == {1}
    assert abs(data["duration"] - 9.5) < 0.001
    assert (await hass.async_add_executor_job(kinds, data["path"]))[:2] == ["ftyp", "moov"]
    assert await files_in(hass, media_folder) == [Path(data["path"])]
    assert nvr.rtsp.counters.sessions_open["playback"] == 0
    assert nvr.rtsp.counters.teardowns["playback"] == nvr.rtsp.counters.sessions_opened["playback"]
    assert export_desk(hass).queue.jobs[data["export_id"]].state == "done"


async def test_clip_is_in_the_media_browser_and_plays(
    hass: HomeAssistant,
    nvr: Recorder,
    entry: MockConfigEntry,
    hass_ws_client: WebSocketGenerator,
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    assert await async_setup_component(hass, "media_source", {})
    told = watch(hass)
    await export(hass, nvr.now() - timedelta(hours=2), 4, title="The parcel")
    data = await finished(hass, told)
    media = MediaBrowser(await hass_ws_client(hass))
    clips = await media.path("Clips")
    assert titles(clips) == ["The parcel (4 s)"]
    answer = await media.ask("resolve_media", data["media_content_id"])
    assert answer["result"]["mime_type"] == "video/mp4"
    client = await hass_client_no_auth()
    async with client.get(answer["result"]["url"], headers={"Range": "bytes=4-7"}) as response:
        assert (response.status, await response.read()) == (206, b"ftyp")


async def test_cancelled_export_leaves_nothing(
    hass: HomeAssistant, nvr: Recorder, entry: MockConfigEntry, media_folder: Path
) -> None:
    nvr.rtsp.faults.delivery = 1.0
    told = watch(hass)
    export_id = await export(hass, nvr.now() - timedelta(hours=2), 60)
    desk = export_desk(hass)
    await until(lambda: desk.queue.jobs[export_id].written > 0)
    assert len(await files_in(hass, media_folder)) == 1
    await hass.services.async_call(DOMAIN, "cancel_export", {"export_id": export_id}, blocking=True)
    assert desk.queue.jobs[export_id].state == "cancelled"
    assert await files_in(hass, media_folder) == []
    await until(lambda: not nvr.rtsp.counters.sessions_open["playback"])
    assert not told
