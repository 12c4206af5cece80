"""Hundreds of viewers who come and go, and a recorder that reboots under them: nothing is left, here or there.

A kind of viewer is one row of CYCLES: how often he comes, and what he does from opening to leaving.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import (
    ClientSessionGenerator,
    MockHAClientWebSocket,
    WebSocketGenerator,
)

from custom_components.nvr.core.models import TimeSpan
from custom_components.nvr.exports import export_desk
from custom_components.nvr.media.engine import PlaybackLimits
from custom_components.nvr.media_ids import ChannelId
from custom_components.nvr.playback import start_playback
from custom_components.nvr.playback_links import PlaybackLink
from custom_components.nvr.shared import shared

from .conftest import StartSimulator, every_family, make_entry, set_up, until
from .export_helpers import export, media_folder_in
from .footage_helpers import Player
from .media_viewer import Viewer
from .recorders import Family, Recorder
from .soak import GROWTH, WARM, Census, left_over, soak, take_census

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@dataclass
class World:
    """A recorder in Home Assistant, and whoever watches."""

    hass: HomeAssistant
    nvr: Recorder
    entry: MockConfigEntry
    client: Any  # a session of its own: the client of tests keeps every answer
    commands: MockHAClientWebSocket
    start: datetime
    at_first: Census

    async def open(self, number: int) -> tuple[PlaybackLink, Player]:
        """Open ten minutes of one camera after the other; always the same: what was painted once is kept there."""
        span = TimeSpan(self.start, self.start + timedelta(minutes=10))
        link = await start_playback(self.hass, self.entry, 1 + number % 2, span, None)
        return link, Player(self.client, link.path)

    async def left_over(self) -> dict[str, int]:
        """Return what there is more of than before the recorder was set up, once it is unloaded again."""
        assert await self.hass.config_entries.async_unload(self.entry.entry_id)
        return await left_over(self.hass, self.nvr, self.at_first)

    @property
    def at_rest(self) -> bool:
        """Whether no session is open on the recorder and no slot is held."""
        used = shared(self.hass).engine.slots.used(self.entry.entry_id)
        return not used and not self.nvr.rtsp.counters.sessions_open["playback"]


async def plays_and_closes(world: World, number: int) -> None:
    """Play, seek, and have it ended."""
    link, player = await world.open(number)
    assert await player.master()
    for name in ("init.mp4", "s0.m4s", "s20.m4s"):
        assert await player.fetch(name)
    await shared(world.hass).links.revoke(link)
    assert world.at_rest


async def plays_and_leaves(world: World, number: int) -> None:
    """Play, and go without a word, as players do."""
    _, player = await world.open(number)
    assert await player.master()
    assert await player.fetch("s0.m4s")
    await until(lambda: world.at_rest)


async def leaves_while_it_opens(world: World, number: int) -> None:
    """Go before the first picture has come, a little later each time."""
    link, player = await world.open(number)
    opening = world.hass.async_create_task(player.status("s0.m4s"))
    _, _ = await asyncio.wait({opening}, timeout=0.01 * (number % 20))
    opening.cancel()
    await asyncio.wait({opening})
    await shared(world.hass).links.revoke(link)
    await until(lambda: world.at_rest)


async def streams_and_goes(world: World, number: int) -> None:
    """Watch over the media socket and close the stream, or the socket."""
    viewer = Viewer(world.commands, world.client)
    camera_id = ChannelId(world.entry.entry_id, 1 + number % 2).format()
    watched = await viewer.open("playback", camera_id, start=world.start.timestamp())
    await watched.media()
    if number % 2:
        answer = await viewer.ask("session/control", session_id=watched.opened["session_id"], action="close")
        assert answer["success"], answer
    await viewer.close()
    await until(lambda: world.at_rest)


async def exports_and_calls_off(world: World, number: int) -> None:
    """Order an export and call it off midway, a little later each time."""
    world.nvr.rtsp.faults.delivery = 1.0
    export_id = await export(world.hass, world.start, 60)
    queue = export_desk(world.hass).queue
    await until(lambda: queue.jobs[export_id].written > 0)
    await asyncio.sleep(0.02 * (number % 5))
    await queue.cancel(export_id)
    assert queue.jobs[export_id].state == "cancelled"
    await until(lambda: world.at_rest)


async def is_rebooted_under(world: World, number: int) -> None:
    """Play while the recorder goes, at another moment each time; it comes back, and so does the picture."""
    link, player = await world.open(number)
    assert await player.fetch("s0.m4s")
    world.nvr.rtsp.faults.delivery = 2.0
    asking = world.hass.async_create_task(player.status("s4.m4s"))
    await asyncio.sleep(0.05 * (number % 4))
    await world.nvr.power_off()
    assert await asking in {200, 503}
    world.nvr.rtsp.faults.delivery = 0.0
    await world.nvr.power_on()
    hub = world.entry.runtime_data.hub
    await until(lambda: hub.online and hub.link.stream_state == "alive", 60)
    async with asyncio.timeout(60):
        while await player.status("s5.m4s") != 200:
            await asyncio.sleep(0.2)
    await shared(world.hass).links.revoke(link)
    assert world.at_rest


type Cycle = Callable[[World, int], Awaitable[None]]
CYCLES: dict[str, tuple[int, Cycle]] = {
    "playback that is closed": (200, plays_and_closes),
    "playback that is left": (200, plays_and_leaves),
    "playback that is left while it opens": (200, leaves_while_it_opens),
    "stream over the media socket": (200, streams_and_goes),
    "export that is called off": (50, exports_and_calls_off),
}


@pytest.fixture(autouse=True)
def enable_event_loop_debug() -> None:
    """Leave the loop as it is in use: its debug mode takes most of the time, and keeps where everything came from."""


@pytest.fixture(name="world")
async def world_fixture(
    hass: HomeAssistant,
    start_simulator: StartSimulator,
    hass_client_no_auth: ClientSessionGenerator,
    hass_ws_client: WebSocketGenerator,
    tmp_path: Path,
) -> AsyncIterator[World]:
    media_folder_in(hass, tmp_path)
    nvr = await start_simulator(channels=2, rtsp=True, h264_only=True, main_size=(320, 180), days=1)
    nvr.rtsp.faults.delivery = 0.0
    entry = make_entry(nvr)
    await set_up(hass, entry)
    # Twelve seconds of silence in each of hundreds of cycles would be most of the run.
    shared(hass).engine._limits = PlaybackLimits(idle=0.2)
    start = nvr.now().replace(microsecond=0, second=0) - timedelta(hours=3)
    server = await hass_client_no_auth()
    lonely = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(server.make_url("/"), connector=lonely) as viewer:
        world = World(hass, nvr, entry, viewer, await hass_ws_client(hass), start, take_census(hass, nvr))
        # What is loaded with the first recorder and the first viewer stays with Home Assistant.
        await plays_and_closes(world, 0)
        assert await hass.config_entries.async_unload(entry.entry_id)
        await hass.async_block_till_done()
        world.at_first = take_census(hass, nvr)
        assert await hass.config_entries.async_setup(entry.entry_id)
        await hass.async_block_till_done()
        yield world


@every_family
async def test_reboots_during_playback_leave_nothing(
    world: World, family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("POLL_FAILING", "POLL_OFFLINE", "POLL_STEADY", "POLL_WITHOUT_EVENTS"):
        monkeypatch.setattr(f"custom_components.nvr.link.{name}", timedelta(seconds=0.3))
    monkeypatch.setattr(family.back_off, (0.1, 0.2))
    await is_rebooted_under(world, 0)
    found = await soak(lambda number: is_rebooted_under(world, number), 50, warm=10)
    print(f"reboots: {found}")  # noqa: T201 - what the long run is asked for
    assert found.growth <= GROWTH
    assert await world.left_over() == {}
    assert world.nvr.rtsp.counters.auth_failures == 0


@pytest.mark.parametrize("name", CYCLES)
@every_family
async def test_whoever_comes_and_goes_leaves_nothing(world: World, name: str) -> None:
    count, cycle = CYCLES[name]
    found = await soak(lambda number: cycle(world, number), count, warm=min(WARM, count // 4))
    print(f"{name}: {found}")  # noqa: T201 - what the long run is asked for
    assert found.growth <= GROWTH
    assert await world.left_over() == {}
    counters = world.nvr.rtsp.counters
    assert counters.teardowns["playback"] == counters.sessions_opened["playback"]
    assert counters.timeouts == 0
    assert counters.auth_failures == 0
