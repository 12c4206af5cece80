"""Entries that an earlier release stored: set up by this one they are what they were.

The files hold what that release wrote: the row of the config entry, the memory of the recorder, and the entities.
"""

import json
from pathlib import Path
from typing import Any

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.const import CONF_PORT, STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
import pytest

from custom_components.nvr.const import DOMAIN

from .conftest import StartSimulator, events_up, every_family, state
from .recorders import Family

STORED = Path(__file__).parents[1] / "fixtures" / "stored"
RELEASES = sorted(path.name for path in STORED.iterdir())

pytestmark = [every_family, pytest.mark.parametrize("release", RELEASES)]


@pytest.fixture
def stored(release: str, family: Family) -> dict[str, Any]:
    """Return what the release left behind."""
    found: dict[str, Any] = json.loads((STORED / release / f"{family.key}.json").read_text(encoding="utf-8"))
    return found


async def restore(
    hass: HomeAssistant, hass_storage: dict[str, Any], stored: dict[str, Any], port: int, **changes: Any
) -> ConfigEntry:
    """Put it where Home Assistant reads it from, with the port of today's simulator, and let it be read."""
    row = {**stored["entry"], "data": {**stored["entry"]["data"], CONF_PORT: port}, **changes}
    key = f"{DOMAIN}.{row['entry_id']}"
    hass_storage["core.config_entries"] = {"version": 1, "minor_version": 5, "data": {"entries": [row]}}
    hass_storage[key] = {"version": 1, "minor_version": 1, "key": key, "data": stored["memory"]}
    await hass.config_entries.async_initialize()
    entry = hass.config_entries.async_get_entry(row["entry_id"])
    assert entry is not None
    registry = er.async_get(hass)
    for unique_id, (platform, entity_id, disabled_by) in stored["entities"].items():
        # The user has called each of them something else since.
        registry.async_get_or_create(
            platform,
            DOMAIN,
            unique_id,
            config_entry=entry,
            disabled_by=er.RegistryEntryDisabler(disabled_by) if disabled_by else None,
            suggested_object_id=f"my_{entity_id.partition('.')[2]}",
        )
    return entry


async def test_an_entry_of_an_earlier_release_goes_on(
    hass: HomeAssistant, hass_storage: dict[str, Any], start_simulator: StartSimulator, stored: dict[str, Any]
) -> None:
    nvr = await start_simulator(channels=3)
    entry = await restore(hass, hass_storage, stored, nvr.http_port)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    hub = entry.runtime_data.hub
    await events_up(hub)
    assert (entry.state, entry.title, entry.unique_id) == (ConfigEntryState.LOADED, "My NVR", nvr.serial)
    assert entry.options == stored["entry"]["options"]
    # Everything that was there is still made, under the name that the user gave it.
    left_out = set(entry.options["ignored_detections"])
    registry = er.async_get(hass)
    for unique_id, (platform, entity_id, disabled_by) in stored["entities"].items():
        mine = f"{platform}.my_{entity_id.partition('.')[2]}"
        assert registry.async_get_entity_id(platform, DOMAIN, unique_id) == mine
        if disabled_by is None and not unique_id.endswith(tuple(f"_{kind}" for kind in left_out)):
            assert state(hass, mine) != STATE_UNAVAILABLE, mine
    # What the options say still holds.
    assert [channel.number for channel in hub.channels] == [1, 3]
    assert hub.playback_slots == 2


async def test_an_entry_of_an_earlier_release_starts_while_the_nvr_is_away(
    hass: HomeAssistant, hass_storage: dict[str, Any], start_simulator: StartSimulator, stored: dict[str, Any]
) -> None:
    nvr = await start_simulator(channels=3)
    await nvr.power_off()
    entry = await restore(hass, hass_storage, stored, nvr.http_port)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED
    assert [channel.name for channel in entry.runtime_data.hub.channels] == ["Front door", "Garden"]
    assert state(hass, "camera.my_front_door_sub_stream") == STATE_UNAVAILABLE


async def test_an_entry_of_a_later_release_is_left_alone(
    hass: HomeAssistant, hass_storage: dict[str, Any], start_simulator: StartSimulator, stored: dict[str, Any]
) -> None:
    nvr = await start_simulator(channels=3)
    entry = await restore(hass, hass_storage, stored, nvr.http_port, version=99)
    before = dict(entry.data)
    assert not await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.MIGRATION_ERROR
    assert (dict(entry.data), entry.version) == (before, 99)
    assert nvr.counters.requests == 0
