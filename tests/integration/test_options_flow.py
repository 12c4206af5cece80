"""The options: what is shown, what is kept, and that the recorder is set up anew with them."""

from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, InvalidData
from homeassistant.helpers import device_registry as dr, entity_registry as er
import pytest

from custom_components.nvr.const import CONF_GRACE_TIME, CONF_IGNORED_CHANNELS, CONF_PLAYBACK_SLOTS, CONF_RTSP_PORT
from custom_components.nvr.core.models import EventKind
from tests.simulators.hikvision import HikvisionSimulator

from .conftest import make_entry, open_settings, set_up

ANSWERS: dict[str, dict[str, Any]] = {
    "channels": {"ignored_channels": ["2", "4"], "camera_profile": "sub"},
    "events": {"ignored_detections": ["tamper"], "hold_time": 7.0},
    "streams": {"rtsp_transport": "udp", "rtsp_port": 8554.0, "playback_slots": 2.0},
    "connection": {"grace_time": 45.0},
}


async def test_options_are_kept_flat_and_applied(hass: HomeAssistant, nvr: HikvisionSimulator) -> None:
    entry = make_entry(nvr)
    hub = await set_up(hass, entry)
    result = await open_settings(hass, entry)
    assert (result["type"], result["step_id"]) == (FlowResultType.FORM, "settings")
    result = await hass.config_entries.options.async_configure(result["flow_id"], ANSWERS)
    await hass.async_block_till_done()
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert entry.options == {key: value for part in ANSWERS.values() for key, value in part.items()}
    assert isinstance(entry.options[CONF_RTSP_PORT], int)
    assert entry.state is ConfigEntryState.LOADED
    again = entry.runtime_data.hub
    assert again is not hub
    assert [channel.number for channel in again.channels] == [1, 3]
    assert again.playback_slots == 2
    assert again.driver.events.hold[EventKind.MOTION] == 7.0
    assert again.driver.live.address(1, again.channels[0].profiles[0].role).url.startswith("rtsp://127.0.0.1:8554/")


async def test_left_out_fields_fall_back(hass: HomeAssistant, nvr: HikvisionSimulator) -> None:
    entry = make_entry(nvr, options={CONF_RTSP_PORT: 8554, CONF_PLAYBACK_SLOTS: 2, CONF_IGNORED_CHANNELS: ["1"]})
    await set_up(hass, entry)
    result = await open_settings(hass, entry)
    answers = {
        "channels": {"camera_profile": "auto"},
        "events": {},
        "streams": {"rtsp_transport": "tcp"},
        "connection": {"grace_time": 30},
    }
    result = await hass.config_entries.options.async_configure(result["flow_id"], answers)
    await hass.async_block_till_done()
    assert CONF_RTSP_PORT not in entry.options
    assert entry.options[CONF_GRACE_TIME] == 30
    hub = entry.runtime_data.hub
    assert len(hub.channels) == 4
    assert hub.playback_slots == hub.driver.capabilities.playback_sessions


async def test_options_out_of_range_are_refused(hass: HomeAssistant, nvr: HikvisionSimulator) -> None:
    entry = make_entry(nvr)
    await set_up(hass, entry)
    result = await open_settings(hass, entry)
    with pytest.raises(InvalidData):
        await hass.config_entries.options.async_configure(
            result["flow_id"], {**ANSWERS, "connection": {"grace_time": -1}}
        )


async def test_a_channel_left_out_goes_with_its_device_and_comes_back_as_it_was(
    hass: HomeAssistant, nvr: HikvisionSimulator, entity_registry: er.EntityRegistry
) -> None:
    entry = make_entry(nvr)
    hub = await set_up(hass, entry)
    device, other = hub.channel_device_id(2), hub.channel_device_id(1)
    assert device is not None
    assert other is not None
    entity_registry.async_update_entity("camera.driveway", new_entity_id="camera.my_driveway")
    hass.config_entries.async_update_entry(entry, options={CONF_IGNORED_CHANNELS: ["2"]})
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    registry = dr.async_get(hass)
    assert registry.async_get(device) is None
    assert entity_registry.async_get("camera.my_driveway") is None
    assert registry.async_get(other) is not None
    hass.config_entries.async_update_entry(entry, options={})
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    assert hass.states.get("camera.my_driveway") is not None


async def test_options_can_be_saved_when_a_channel_left_out_is_gone(
    hass: HomeAssistant, nvr: HikvisionSimulator
) -> None:
    entry = make_entry(nvr, options={CONF_IGNORED_CHANNELS: ["9"]})
    await set_up(hass, entry)
    result = await open_settings(hass, entry)
    answers = {**ANSWERS, "channels": {"ignored_channels": ["2", "9"], "camera_profile": "auto"}}
    result = await hass.config_entries.options.async_configure(result["flow_id"], answers)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()
