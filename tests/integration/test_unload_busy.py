"""Unload, removal and stop while everything runs: afterwards nothing of ours runs here, and nothing is open there."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from datetime import timedelta
import inspect
import threading
from typing import Any

from homeassistant.components.camera import async_get_image
from homeassistant.components.camera.helper import get_camera_from_entity_id
from homeassistant.config_entries import SOURCE_RECONFIGURE, ConfigEntryState
from homeassistant.const import CONF_HOST, CONF_USERNAME
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.nvr.const import DOMAIN
from custom_components.nvr.core.models import TimeSpan
from custom_components.nvr.hub import NvrHub
from custom_components.nvr.media.sources.base import Way
from custom_components.nvr.playback import start_playback
from custom_components.nvr.shared import shared
from tests.simulators.hikvision import USER, PathFault

from .conftest import HOST, StartSimulator, events_up, every_family, make_entry, set_up, until
from .footage_helpers import Player
from .recorders import Family, Recorder, family_of

FRONT, DRIVE = "camera.front_door", "camera.driveway"
PACKAGE = "custom_components/nvr/"
LIMIT = 2.0


def frames(work: object) -> Iterator[str]:
    """Yield the files of what a task is waiting in, from the outside to the inside."""
    while work is not None:
        for name in ("cr", "ag", "gi"):
            if (code := getattr(work, f"{name}_code", None)) is not None:
                yield code.co_filename
                work = getattr(work, f"{name}_await", None)
                break
        else:
            return


def left_over(nvr: Recorder) -> list[str]:
    """Name what is still there: tasks, timers, threads and sockets of ours, sessions on the recorder."""
    loop = asyncio.get_running_loop()
    found = [repr(task) for task in asyncio.all_tasks() if any(PACKAGE in file for file in frames(task.get_coro()))]
    timers = [handle for handle in loop._scheduled if not handle.cancelled()]  # type: ignore[attr-defined]
    found += [text for text in map(repr, timers) if PACKAGE in text or "custom_components.nvr" in text]
    found += [thread.name for thread in threading.enumerate() if thread.name == "stream_worker"]
    ports = {nvr.http_port, nvr.rtsp_port}
    for transport in loop._transports.values():  # type: ignore[attr-defined]
        peer = transport.get_extra_info("peername")
        if peer and peer[1] in ports and not transport.is_closing():
            found.append(f"a socket to port {peer[1]}")
    rtsp = nvr.rtsp.counters
    there = {
        "RTSP sessions": rtsp.sessions_open.total(),
        "RTSP connections": rtsp.connections_open,
        **family_of(nvr).open(nvr),
    }
    return found + [f"{count} {what} on the recorder" for what, count in there.items() if count]


class Bustle:
    """A recorder of which everything is wanted at once, and nothing is ready yet."""

    def __init__(self, hass: HomeAssistant, nvr: Recorder, entry: MockConfigEntry) -> None:
        self.hass = hass
        self.nvr = nvr
        self.entry = entry
        self.work: dict[str, asyncio.Task[object]] = {}

    async def begin(self, connect: ClientSessionGenerator) -> None:
        hub = await set_up(self.hass, self.entry)
        await events_up(hub)
        # Both playbacks are to be sessions: footage is not to come from downloads, which are put to work apart.
        shared(self.hass).engine.memory(self.entry.entry_id).measured(Way.DOWNLOAD, real_time=True)
        client = await connect()
        await self._play(client)
        await self._stream()
        self._download(hub)
        await self._hang(hub)
        await until(lambda: self.nvr.rtsp.counters.sessions_open == {"live": 2, "playback": 2}, 20)
        await until(lambda: self.downloads == 1)
        assert not [name for name, task in self.work.items() if task.done()]
        assert len(left_over(self.nvr)) > 10

    async def _play(self, client: Any) -> None:
        """Two people watch what the recorder sends no faster than it was recorded."""
        start = self.nvr.now().replace(microsecond=0) - timedelta(hours=2)
        for channel in (1, 2):
            span = TimeSpan(start, start + timedelta(minutes=10))
            link = await start_playback(self.hass, self.entry, channel, span, None)
            player = Player(client, link.path)
            assert await player.status() == 200
            self._run(f"segment of {channel}", player.status("s3.m4s"))

    async def _stream(self) -> None:
        for entity_id in (FRONT, DRIVE):
            stream = await get_camera_from_entity_id(self.hass, entity_id).async_create_stream()
            assert stream is not None
            stream.add_provider("hls")
            await stream.start()

    def _download(self, hub: NvrHub) -> None:
        async def fetch() -> None:
            end = self.nvr.now() - timedelta(hours=1)
            driver = hub.driver
            assert driver.recordings is not None
            assert driver.downloads is not None
            found = [item async for item in driver.recordings.search(1, TimeSpan(end - timedelta(hours=1), end))]
            async with driver.downloads.open(found[0]) as download:
                async for _ in download:
                    pass

        self.nvr.set_faults(**self.family.slow_download)
        self._run("download", fetch())

    async def _hang(self, hub: NvrHub) -> None:
        """Ask for what the recorder takes and never answers."""
        await until(lambda: self.downloads == 1)
        asked, calls = self.family.hang, self.family.calls
        before = {path: calls(self.nvr, path) for path in asked.values()}
        self.nvr.faults.paths |= {path: PathFault(kind="hang") for path in asked.values()}
        start = (self.nvr.now() - timedelta(days=3)).isoformat()
        data = {"entity_id": FRONT, "start": start, "duration": {"hours": 9}}
        people: dict[str, Callable[[], Coroutine[Any, Any, object]]] = {
            "poll": self.entry.runtime_data.coordinator.async_refresh,
            "still": lambda: async_get_image(self.hass, FRONT),
            "search": lambda: self.hass.services.async_call(
                DOMAIN, "search_recordings", data, blocking=True, return_response=True
            ),
        }
        for name in asked:
            self._run(name, people[name]())
        hub.link.async_check_soon()
        await until(lambda: all(calls(self.nvr, path) > count for path, count in before.items()))

    @property
    def family(self) -> Family:
        return family_of(self.nvr)

    @property
    def downloads(self) -> int:
        return self.family.open(self.nvr)["downloads"]

    def _run(self, name: str, work: Coroutine[Any, Any, object]) -> None:
        self.work[name] = asyncio.create_task(work)

    async def everybody_heard(self) -> dict[str, object]:
        """Return how each one who waited was answered."""
        answers = await asyncio.gather(*self.work.values(), return_exceptions=True)
        return dict(zip(self.work, answers, strict=True))


@pytest.fixture(name="bustle")
async def bustle_fixture(
    hass: HomeAssistant, start_simulator: StartSimulator, hass_client_no_auth: ClientSessionGenerator
) -> Bustle:
    nvr = await start_simulator(channels=2, rtsp=True, h264_only=True)
    bustle = Bustle(hass, nvr, make_entry(nvr))
    await bustle.begin(hass_client_no_auth)
    return bustle


async def unload(bustle: Bustle) -> None:
    assert await bustle.hass.config_entries.async_unload(bustle.entry.entry_id)
    assert bustle.entry.state is ConfigEntryState.NOT_LOADED


async def remove(bustle: Bustle) -> None:
    await bustle.hass.config_entries.async_remove(bustle.entry.entry_id)
    assert er.async_entries_for_config_entry(er.async_get(bustle.hass), bustle.entry.entry_id) == []


async def stop(bustle: Bustle) -> None:
    await bustle.hass.async_stop(force=True)


@every_family
@pytest.mark.parametrize("end", [unload, remove, stop])
async def test_nothing_is_left_after(bustle: Bustle, end: Callable[[Bustle], Awaitable[None]]) -> None:
    nvr = bustle.nvr
    async with asyncio.timeout(LIMIT + 8):
        await end(bustle)
    try:
        await until(lambda: not left_over(nvr), LIMIT)
    except AssertionError:
        pytest.fail("\n".join(left_over(nvr)))
    # A recorder that is told goodbye has its session back at once; those of playback are ours to end.
    assert nvr.rtsp.counters.teardowns == {"live": 2, "playback": 2}
    async with asyncio.timeout(LIMIT):
        heard = await bustle.everybody_heard()
    assert not [name for name, answer in heard.items() if isinstance(answer, asyncio.CancelledError)]
    assert (heard["segment of 1"], heard["segment of 2"]) == (404, 404)
    assert isinstance(heard["still"], Exception)
    sent = (nvr.counters.requests, nvr.rtsp.counters.requests.total())
    await asyncio.sleep(1.2)
    assert (nvr.counters.requests, nvr.rtsp.counters.requests.total()) == sent
    assert nvr.counters.auth_failures == 0


async def test_flow_that_is_left_while_it_connects_leaves_nothing(
    hass: HomeAssistant, start_simulator: StartSimulator
) -> None:
    nvr = await start_simulator(channels=2)
    entry = make_entry(nvr)
    entry.add_to_hass(hass)
    path = "/ISAPI/Event/triggers"
    nvr.faults.paths[path] = PathFault(kind="hang")
    flow = await hass.config_entries.flow.async_init(
        DOMAIN, context={"source": SOURCE_RECONFIGURE, "entry_id": entry.entry_id}
    )
    typed = {CONF_HOST: f"{HOST}:{nvr.http_port}", CONF_USERNAME: USER}
    asking = asyncio.create_task(hass.config_entries.flow.async_configure(flow["flow_id"], typed))
    await until(lambda: nvr.counters.by_path[path] == 1)
    assert left_over(nvr)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await until(lambda: not left_over(nvr), LIMIT)


def test_frames_sees_through_what_is_awaited() -> None:
    async def inner() -> None:
        await asyncio.sleep(1)

    async def outer() -> None:
        await inner()

    work = outer()
    assert inspect.iscoroutine(work)
    assert list(frames(work)) == [__file__]
    work.close()
