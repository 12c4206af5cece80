"""Hundreds of viewers who come and go, and a recorder that reboots under them: nothing is left, here or there."""

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import aiohttp
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator, WebSocketGenerator

from custom_components.nvr.media.engine import PlaybackLimits
from custom_components.nvr.media.thumbnails.maker import PictureLimits
from custom_components.nvr.shared import shared

from .conftest import StartSimulator, every_family, make_entry, set_up
from .export_helpers import media_folder_in
from .recorders import Family
from .soak import GROWTH, Census, count_kinds, left_over, more_kinds, soak, take_census
from .soak_rows import ROWS, World, plays_and_closes


@dataclass
class Begun:
    """A world, and what there was before it."""

    world: World
    census: Census
    kinds: Counter[str]

    async def left_over(self) -> dict[str, int]:
        """Return what there is more of than before the recorder was set up, once it is unloaded again."""
        world = self.world
        assert await world.hass.config_entries.async_unload(world.entry.entry_id)
        await world.hass.async_block_till_done()
        return await left_over(world.hass, world.nvr, self.census) or more_kinds(self.kinds)


@pytest.fixture(autouse=True)
def enable_event_loop_debug() -> None:
    """Leave the loop as it is in use: its debug mode takes most of the time, and keeps where everything came from."""


@pytest.fixture(name="begun")
async def begun_fixture(  # noqa: PLR0917
    hass: HomeAssistant,
    start_simulator: StartSimulator,
    hass_client_no_auth: ClientSessionGenerator,
    hass_ws_client: WebSocketGenerator,
    tmp_path: Path,
    family: Family,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Begun]:
    for name in ("POLL_FAILING", "POLL_OFFLINE"):
        monkeypatch.setattr(f"custom_components.nvr.link.{name}", timedelta(seconds=0.15))
    monkeypatch.setattr(family.back_off, (0.1, 0.2))
    # As much as is kept of exports has to be there before memory is looked at.
    monkeypatch.setattr("custom_components.nvr.media.exports.queue._MOST_ENDED", 8)
    media_folder_in(hass, tmp_path)
    nvr = await start_simulator(channels=2, rtsp=True, h264_only=True, main_size=(320, 180), days=1)
    nvr.rtsp.faults.delivery = 0.0
    entry = make_entry(nvr)
    await set_up(hass, entry)
    # Twelve seconds of silence in each of hundreds of cycles would be most of the run.
    shared(hass).engine._limits = PlaybackLimits(idle=0.1)
    shared(hass).pictures._limits = PictureLimits(every=0.001)
    start = nvr.now().replace(microsecond=0, second=0) - timedelta(hours=3)
    server = await hass_client_no_auth()
    lonely = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(server.make_url("/"), connector=lonely) as viewer:
        world = World(hass, nvr, entry, viewer, await hass_ws_client(hass), start)
        # What is loaded with the first recorder and the first viewer stays with Home Assistant.
        await plays_and_closes(world, 0)
        assert await hass.config_entries.async_unload(entry.entry_id)
        await hass.async_block_till_done()
        census, kinds = take_census(hass, nvr), count_kinds()
        assert await hass.config_entries.async_setup(entry.entry_id)
        await hass.async_block_till_done()
        yield Begun(world, census, kinds)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", ROWS)
@every_family
async def test_whoever_comes_and_goes_leaves_nothing(begun: Begun, name: str) -> None:
    row, world = ROWS[name], begun.world
    found = await soak(lambda number: row.cycle(world, number), row.count, warm=row.warm)
    print(f"{name}: {found}")  # noqa: T201 - what the long run is asked for
    assert found.growth <= GROWTH, str(found)
    assert await begun.left_over() == {}
    counters = world.nvr.rtsp.counters
    assert counters.timeouts == 0
    assert counters.auth_failures == 0
    if row.polite:
        assert counters.teardowns == counters.sessions_opened


@every_family
async def test_a_few_of_each_leave_nothing(begun: Begun) -> None:
    for row in ROWS.values():
        if row.polite:
            await row.cycle(begun.world, 1)
    assert await begun.left_over() == {}
    assert begun.world.nvr.rtsp.counters.auth_failures == 0
