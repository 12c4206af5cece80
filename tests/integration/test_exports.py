"""Exports end to end: ordered by an action, read from a simulated recorder, and judged by the time in every picture."""

import asyncio
from dataclasses import replace
from datetime import timedelta
import itertools
from pathlib import Path
import threading
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator, WebSocketGenerator

from custom_components.nvr.const import DOMAIN
from custom_components.nvr.exports import export_desk
from custom_components.nvr.media.exports import files
from tests.simulators.footage import DailyGap

from .conftest import every_family, until
from .export_helpers import export, failed, files_in, finished, kinds, pictures, watch
from .export_home import media_folder_fixture, nvr_fixture
from .footage_helpers import MediaBrowser, titles
from .recorders import Recorder

__all__ = ["media_folder_fixture", "nvr_fixture"]

FRAME = 0.15


@every_family
async def test_export_begins_and_ends_at_the_very_moments(
    hass: HomeAssistant, nvr: Recorder, entry: MockConfigEntry, media_folder: Path, hass_ws_client: WebSocketGenerator
) -> None:
    told = watch(hass)
    start = nvr.now().replace(microsecond=0) - timedelta(hours=2, milliseconds=300)
    await export(hass, start, 9.5)
    data = await finished(told)
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
    data = await finished(told)
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


@every_family
async def test_end_that_the_recorder_does_not_give_is_a_failure_and_leaves_nothing(
    hass: HomeAssistant, nvr: Recorder, entry: MockConfigEntry, media_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("custom_components.nvr.media.exports.reading._WAIT", 0.01)
    desk = export_desk(hass)
    monkeypatch.setattr(desk.queue, "_delays", (0.05,))
    start = nvr.now().replace(microsecond=0) - timedelta(hours=2)
    # It lists all of it, and has lost all but the first five seconds.
    footage = nvr.footage
    lost = (start + timedelta(seconds=5)).astimezone(footage.clock.zone)
    hole = DailyGap(lost.time(), 3600, hole=True, today=True)
    footage.plans[1] = replace(footage.plans[1], gaps=(*footage.plans[1].gaps, hole))
    nvr.rtsp.faults.gap = "stop"
    told = watch(hass)
    await export(hass, start, 60)
    data = await failed(told)
    assert data["reason"] == "incomplete"
    assert desk.queue.jobs[data["export_id"]].attempts == 3
    assert await files_in(hass, media_folder) == []
    assert not desk.library.all()
    await until(lambda: not nvr.rtsp.counters.sessions_open["playback"])


@every_family
async def test_recorder_that_goes_away_midway_is_waited_for(
    hass: HomeAssistant, nvr: Recorder, entry: MockConfigEntry, media_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("custom_components.nvr.media.exports.reading._WAIT", 0.01)
    desk = export_desk(hass)
    monkeypatch.setattr(desk.queue, "_delays", (0.5,))
    nvr.rtsp.faults.delivery = 4.0
    told = watch(hass)
    export_id = await export(hass, nvr.now() - timedelta(hours=2), 6)
    await until(lambda: desk.queue.jobs[export_id].covered > 0)
    await nvr.power_off()
    await until(lambda: desk.queue.jobs[export_id].state == "waiting", 20)
    assert await files_in(hass, media_folder) == []
    assert not told
    nvr.rtsp.faults.delivery = 0
    await nvr.power_on()
    data = await finished(told)
    assert desk.queue.jobs[export_id].attempts >= 2
    assert abs(data["duration"] - 6) < 0.001
    assert await files_in(hass, media_folder) == [Path(data["path"])]


@pytest.mark.slow
async def test_sessions_that_break_are_taken_up_where_they_stopped(
    hass: HomeAssistant, nvr: Recorder, entry: MockConfigEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("custom_components.nvr.media.exports.reading._WAIT", 0.01)
    nvr.rtsp.faults.cut_after_packets = 150
    nvr.rtsp.faults.cut_once = False
    told = watch(hass)
    start = nvr.now().replace(microsecond=0) - timedelta(hours=2)
    await export(hass, start, 12)
    data = await finished(told)
    assert nvr.rtsp.counters.sessions_opened["playback"] > 1
    found = await hass.async_add_executor_job(pictures, data["path"])
    shown = sorted({round((code.time - start).total_seconds(), 2) for _, code in found})
    inside = [seconds for seconds in shown if 0 <= seconds < 12]
    assert max(after - before for before, after in itertools.pairwise(inside)) <= FRAME
    # A recorder that falls silent within the last half second is taken to have ended.
    assert inside[-1] >= 11.5 - FRAME


async def test_restart_begins_what_was_under_way_anew(
    hass: HomeAssistant, nvr: Recorder, entry: MockConfigEntry, media_folder: Path
) -> None:
    nvr.rtsp.faults.delivery = 1.0
    told = watch(hass)
    export_id = await export(hass, nvr.now() - timedelta(hours=2), 5, title="Again")
    desk = export_desk(hass)
    await until(lambda: desk.queue.jobs[export_id].written > 0)
    await desk.async_close()
    assert await files_in(hass, media_folder) == []
    # What a crash would have left.
    left = media_folder / ".nvr" / ".front_door.mp4.nvr-part"
    await hass.async_add_executor_job(left.write_bytes, b"half")
    nvr.rtsp.faults.delivery = 0
    hass.data.pop(f"{DOMAIN}_exports")
    again = export_desk(hass)
    await again.async_start()
    assert again is not desk
    data = await finished(told)
    assert (data["export_id"], again.library.all()[0].title) == (export_id, "Again")
    assert await files_in(hass, media_folder) == [Path(data["path"])]
    await again.async_close()


async def test_folder_that_does_not_answer_holds_up_no_recorder_and_no_export_is_lost(
    hass: HomeAssistant, nvr: Recorder, entry: MockConfigEntry, media_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nvr.rtsp.faults.delivery = 1.0
    told = watch(hass)
    export_id = await export(hass, nvr.now() - timedelta(hours=2), 2)
    await export_desk(hass).async_close()
    answers, real = threading.Event(), files.sweep

    def sweep(*arguments: Any) -> int:
        answers.wait(60)
        return real(*arguments)

    monkeypatch.setattr(files, "sweep", sweep)
    nvr.rtsp.faults.delivery = 0
    opened = nvr.rtsp.counters.sessions_opened["playback"]
    hass.data.pop(f"{DOMAIN}_exports")
    desk = export_desk(hass)
    try:
        async with asyncio.timeout(30):
            await desk.async_start()
        await export(hass, nvr.now() - timedelta(hours=3), 2)
        # Neither what was left nor what is new begins before the folder was looked through; both are kept.
        assert [job.state for job in desk.queue.jobs.values()] == ["waiting", "waiting"]
        assert nvr.rtsp.counters.sessions_opened["playback"] == opened
    finally:
        answers.set()
    await finished(told, 2)
    assert desk.queue.jobs[export_id].state == "done"
    await desk.async_close()


@pytest.mark.parametrize("when", ["before", "midway"])
async def test_full_disk_is_told_and_leaves_nothing(  # noqa: PLR0917
    hass: HomeAssistant,
    nvr: Recorder,
    entry: MockConfigEntry,
    media_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    when: str,
) -> None:
    real = Path.open

    class Full:
        """A file on a disk that takes a kilobyte."""

        def __init__(self, file: Any) -> None:
            self._file = file

        def write(self, data: bytes) -> int:
            if self._file.tell() > 30_000:
                raise OSError(28, "No space left on device")
            return int(self._file.write(data))

        def __getattr__(self, name: str) -> Any:
            return getattr(self._file, name)

    def opened(path: Path, *arguments: Any, **more: Any) -> Any:
        file = real(path, *arguments, **more)
        return Full(file) if "nvr-part" in path.name else file

    if when == "before":
        monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 257 * 1024 * 1024})())
    else:
        monkeypatch.setattr(Path, "open", opened)
    told = watch(hass)
    seconds = 600 if when == "before" else 60
    await export(hass, nvr.now() - timedelta(hours=2), seconds)
    data = await failed(told)
    assert data["reason"] == ("disk_full" if when == "before" else "disk_ran_full")
    assert "disk" in data["message"]
    assert await files_in(hass, media_folder) == []
    if when == "before":
        assert nvr.rtsp.counters.sessions_opened["playback"] == 0


@pytest.mark.slow
async def test_two_exports_of_one_recorder_follow_one_another(
    hass: HomeAssistant, nvr: Recorder, entry: MockConfigEntry
) -> None:
    told = watch(hass)
    start = (nvr.now() - timedelta(hours=2)).isoformat()
    answer = await hass.services.async_call(
        DOMAIN,
        "export_recording",
        {"entity_id": ["camera.front_door", "camera.driveway"], "start": start, "duration": 3},
        blocking=True,
        return_response=True,
    )
    assert answer is not None
    exports: Any = answer["exports"]
    desk = export_desk(hass)
    ids = [item["export_id"] for item in exports.values()]
    await asyncio.sleep(0)
    states = sorted(desk.queue.jobs[export_id].state for export_id in ids)
    assert states == ["running", "waiting"]
    await until(lambda: len(told) == 2, 30)
    assert {event.data["channel"] for event in told} == {1, 2}
    assert nvr.rtsp.counters.sessions_peak["playback"] == 1


async def test_unload_puts_an_export_off_until_the_recorder_is_set_up_again(
    hass: HomeAssistant, nvr: Recorder, entry: MockConfigEntry, media_folder: Path
) -> None:
    nvr.rtsp.faults.delivery = 1.0
    told = watch(hass)
    export_id = await export(hass, nvr.now() - timedelta(hours=2), 5)
    job = export_desk(hass).queue.jobs[export_id]
    await until(lambda: job.written > 0)
    assert await hass.config_entries.async_unload(entry.entry_id)
    assert (job.state, job.reason) == ("waiting", "unreachable")
    assert await files_in(hass, media_folder) == []
    await until(lambda: not nvr.rtsp.counters.sessions_open["playback"])
    nvr.rtsp.faults.delivery = 0
    assert await hass.config_entries.async_setup(entry.entry_id)
    assert (await finished(told))["export_id"] == export_id
    # One that is deleted ends what is ordered of it.
    nvr.rtsp.faults.delivery = 1.0
    other = export_desk(hass).queue.jobs[await export(hass, nvr.now() - timedelta(hours=2), 5)]
    await hass.config_entries.async_remove(entry.entry_id)
    await until(lambda: not other.active)
    assert (other.state, other.reason) == ("failed", "no_recorder")
