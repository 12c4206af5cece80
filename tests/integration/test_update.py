"""The firmware of an NVR that can find out what there is: told, never installed, and asked for seldom."""

from datetime import timedelta

from homeassistant import config_entries
from homeassistant.components.update import UpdateEntityFeature
from homeassistant.const import ATTR_SUPPORTED_FEATURES, STATE_OFF, STATE_ON, STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.nvr import box_health, update
from custom_components.nvr.const import DOMAIN
from tests.simulators.dahua import DahuaSimulator

from .conftest import make_entry, set_up, state, until
from .recorders import DAHUA

NEW = "4.004.0000001.0,build:2026-10-01"


@pytest.mark.parametrize("family", [DAHUA], ids=["dahua"], indirect=True)
async def test_new_firmware_is_told_once_somebody_wants_to_know(
    hass: HomeAssistant, nvr: DahuaSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config_entries, "RELOAD_AFTER_UPDATE_DELAY", 0)
    monkeypatch.setattr(box_health, "FIRST", 0.0)
    entry = make_entry(nvr)
    await set_up(hass, entry)
    registry = er.async_get(hass)

    def known() -> str | None:
        return registry.async_get_entity_id("update", DOMAIN, f"{nvr.serial}_firmware_update")

    await until(known)
    await hass.async_block_till_done()
    shown = known()
    assert shown is not None
    found = registry.async_get(shown)
    assert found is not None
    assert found.disabled
    registry.async_update_entity(shown, disabled_by=None)
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    assert state(hass, shown) == STATE_UNKNOWN
    assert nvr.device.maker_asked == 0

    async def wait(pause: timedelta, asked: int) -> None:
        async_fire_time_changed(hass, dt_util.utcnow() + pause + timedelta(seconds=1))
        await until(lambda: nvr.device.maker_asked == asked)
        await hass.async_block_till_done()

    await wait(update.FIRST, 1)
    await until(lambda: state(hass, shown) == STATE_OFF)
    nvr.device.new_version = NEW
    await wait(update.INTERVAL, 2)
    await until(lambda: state(hass, shown) == STATE_ON)
    told = hass.states.get(shown)
    assert told is not None
    assert told.attributes["latest_version"] == NEW
    assert told.attributes["installed_version"] == entry.runtime_data.hub.info.firmware
    assert told.attributes["release_summary"] == "Mends the event list."
    assert not told.attributes[ATTR_SUPPORTED_FEATURES] & UpdateEntityFeature.INSTALL
    assert await hass.config_entries.async_unload(entry.entry_id)
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(days=3))
    await hass.async_block_till_done()
    assert nvr.device.maker_asked == 2
