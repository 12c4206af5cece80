"""The way from another integration that docs/migrating.md describes: entity ids go over, and stay."""

from typing import Any

from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.nvr.const import DOMAIN, EVENT_DETECTION

from .conftest import events_up, every_family, make_entry, set_up, state, until


@every_family
async def test_entity_ids_of_another_integration_are_taken_over(hass: HomeAssistant, nvr: Any) -> None:
    registry = er.async_get(hass)
    old = MockConfigEntry(domain="another_nvr")
    old.add_to_hass(hass)
    for platform, name in (("camera", "yard"), ("binary_sensor", "yard_motion")):
        registry.async_get_or_create(platform, "another_nvr", name, config_entry=old, suggested_object_id=name)
    entry = make_entry(nvr)
    hub = await set_up(hass, entry)
    # Both may run side by side; an id is free when the other integration is gone.
    with pytest.raises(ValueError, match="already"):
        registry.async_update_entity("camera.front_door", new_entity_id="camera.yard")
    registry.async_clear_config_entry(old.entry_id)
    registry.async_update_entity("camera.front_door", new_entity_id="camera.yard")
    registry.async_update_entity("binary_sensor.front_door_motion", new_entity_id="binary_sensor.yard_motion")
    await hass.async_block_till_done()
    assert hub.camera_entity_id(1) == "camera.yard"
    # They hold over a new set-up and another name of the channel, and events tell them.
    nvr.rename_channel(1, "Porch")
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    await events_up(entry.runtime_data.hub)
    told: list[Event] = []

    @callback
    def tell(event: Event) -> None:
        told.append(event)

    hass.bus.async_listen(EVENT_DETECTION, tell)
    nvr.motion(1)
    await until(lambda: told)
    assert (told[0].data["entity_id"], told[0].data["channel_name"]) == ("camera.yard", "Porch")
    await until(lambda: state(hass, "binary_sensor.yard_motion") == "on")
    found = registry.async_get("camera.yard")
    assert found is not None
    assert (found.platform, hass.states.get("camera.front_door")) == (DOMAIN, None)
