"""A recorder whose footage comes at once, and a media folder of the test's own: what the tests of exports share."""

from pathlib import Path

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from .conftest import StartSimulator, make_entry, set_up
from .export_helpers import media_folder_in
from .recorders import Recorder


@pytest.fixture(name="media_folder", autouse=True)
def media_folder_fixture(hass: HomeAssistant, tmp_path: Path) -> Path:
    """A media folder of the test's own."""
    return media_folder_in(hass, tmp_path)


@pytest.fixture(name="nvr")
async def nvr_fixture(start_simulator: StartSimulator) -> Recorder:
    """A recorder that sends as fast as it can, and says when it is over."""
    nvr: Recorder = await start_simulator(channels=2, rtsp=True)
    nvr.rtsp.faults.delivery = 0
    nvr.rtsp.faults.end = "bye"
    return nvr


@pytest.fixture(name="entry")
async def entry_fixture(hass: HomeAssistant, nvr: Recorder) -> MockConfigEntry:
    """The recorder, set up beside the media browser."""
    assert await async_setup_component(hass, "media_source", {})
    entry = make_entry(nvr)
    await set_up(hass, entry)
    return entry
