"""Channels that come, go and are renamed while Home Assistant runs; what the user set is never thrown away."""

from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import ATTR_FRIENDLY_NAME, STATE_UNAVAILABLE
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import area_registry as ar, device_registry as dr, entity_registry as er
import pytest

from custom_components.nvr.access_rules import AccessRules, Action, Rights
from custom_components.nvr.const import CONF_ACCESS, CONF_IGNORED_CHANNELS, DOMAIN, EVENT_DETECTION
from custom_components.nvr.core.models import Channel

from .conftest import events_up, every_family, make_entry, open_options, open_settings, set_up, state, until

pytestmark = every_family


async def poll(entry: ConfigEntry[Any]) -> None:
    """Read names and states of the channels, as once a minute."""
    await entry.runtime_data.coordinator.async_refresh()
    assert entry.runtime_data.coordinator.last_update_success


def device_of(hass: HomeAssistant, entry: ConfigEntry, nvr: Any, number: int) -> dr.DeviceEntry:
    found = dr.async_get(hass).async_get_device_by_identifier((DOMAIN, f"{nvr.serial}_{number}"), entry.entry_id)
    assert isinstance(found, dr.DeviceEntry)
    return found


def channel_fields(form: Any) -> set[str]:
    """Return the channels that a form of the options lets one choose for what users may watch."""
    (config,) = [field.config for key, field in form["data_schema"].schema.items() if str(key) == "live"]
    return {option["value"] for option in config["options"]}


async def test_a_new_name_is_seen_everywhere_without_a_restart(hass: HomeAssistant, nvr: Any) -> None:
    entry = make_entry(nvr)
    hub = await set_up(hass, entry)
    await events_up(hub)
    told: list[Event] = []

    @callback
    def tell(event: Event) -> None:
        told.append(event)

    hass.bus.async_listen(EVENT_DETECTION, tell)
    nvr.rename_channel(1, "Porch")
    await poll(entry)
    await hass.async_block_till_done()
    for entity_id in ("camera.front_door", "event.front_door_events", "binary_sensor.front_door_motion"):
        found = hass.states.get(entity_id)
        assert found is not None
        assert found.attributes[ATTR_FRIENDLY_NAME].startswith("Porch"), entity_id
    nvr.motion(1)
    await until(lambda: told)
    assert (told[0].data["channel_name"], told[0].data["entity_id"]) == ("Porch", "camera.front_door")
    form = await open_options(hass, entry, "access_default")
    assert {"all", "1", "2", "3", "4"} == channel_fields(form)


async def test_a_channel_that_is_gone_keeps_what_the_user_set(hass: HomeAssistant, nvr: Any) -> None:
    rights = AccessRules(Rights({Action.LIVE: frozenset({2, 3})})).to_json()
    entry = make_entry(nvr, options={CONF_IGNORED_CHANNELS: ["4"], CONF_ACCESS: rights})
    hub = await set_up(hass, entry)
    registry, devices = er.async_get(hass), dr.async_get(hass)
    area = ar.async_get(hass).async_create("Drive")
    device = device_of(hass, entry, nvr, 2)
    devices.async_update_device(device.id, name_by_user="My drive", area_id=area.id)
    registry.async_update_entity("camera.driveway", new_entity_id="camera.mine", name="Mine")
    motion = registry.async_update_entity("binary_sensor.driveway_motion", disabled_by=er.RegistryEntryDisabler.USER)
    await nvr.remove_channel(2)
    await poll(entry)
    await hass.async_block_till_done()
    assert hub.channel(2) is None
    assert state(hass, "camera.mine") == STATE_UNAVAILABLE
    # Over a new set-up, too.
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    kept = device_of(hass, entry, nvr, 2)
    assert (kept.id, kept.name_by_user, kept.area_id) == (device.id, "My drive", area.id)
    assert registry.async_get("camera.mine") is not None
    assert entry.options == {CONF_IGNORED_CHANNELS: ["4"], CONF_ACCESS: rights}
    # A form that is saved meanwhile still knows it.
    form = await open_options(hass, entry, "access_default")
    assert {"2", "3"} <= channel_fields(form)
    assert (await open_settings(hass, entry))["step_id"] == "settings"
    nvr.add_channel(2)
    await poll(entry)
    await hass.async_block_till_done()
    assert state(hass, "camera.mine") != STATE_UNAVAILABLE
    assert device_of(hass, entry, nvr, 2).name_by_user == "My drive"
    off = registry.async_get(motion.entity_id)
    assert off is not None
    assert off.disabled_by is er.RegistryEntryDisabler.USER


@pytest.mark.slow
async def test_a_channel_that_is_left_out_does_not_come_by_being_plugged_in(hass: HomeAssistant, nvr: Any) -> None:
    entry = make_entry(nvr, options={CONF_IGNORED_CHANNELS: ["5"]})
    hub = await set_up(hass, entry)
    added: list[tuple[Channel, ...]] = []
    hub.channels_added.async_subscribe(added.append)
    nvr.add_channel(5)
    nvr.add_channel(6)
    await poll(entry)
    await hass.async_block_till_done()
    assert [channel.number for channels in added for channel in channels] == [6]
    assert hub.channel(5) is None
    assert entry.options == {CONF_IGNORED_CHANNELS: ["5"]}
