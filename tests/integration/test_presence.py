"""Online and offline: told once each way, after the grace time, over restarts, and never for a reload."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNAVAILABLE
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.util import dt as dt_util, slugify
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.nvr import async_remove_config_entry_device
from custom_components.nvr.const import (
    CONF_GRACE_TIME,
    EVENT_CHANNEL_OFFLINE,
    EVENT_CHANNEL_ONLINE,
    EVENT_OFFLINE,
    EVENT_ONLINE,
)
from custom_components.nvr.shared import DATA_SHARED, NvrShared
from tests.simulators.hikvision import HikvisionSimulator

from .conftest import StartSimulator, events_up, every_family, make_entry, set_up, state, until
from .recorders import Recorder, family_of

FRONT_DOOR = "camera.front_door"


@pytest.fixture(autouse=True)
def quick_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a second stand for the minute and half minutes of the real polls."""
    for name in ("POLL_FAILING", "POLL_OFFLINE", "POLL_STEADY", "POLL_WITHOUT_EVENTS"):
        monkeypatch.setattr(f"custom_components.nvr.link.{name}", timedelta(seconds=0.3))


class Edges:
    """What was told on the bus."""

    def __init__(self, hass: HomeAssistant) -> None:
        self.told: list[Event[Any]] = []

        @callback
        def hear(event: Event[Any]) -> None:
            self.told.append(event)

        for name in (EVENT_ONLINE, EVENT_OFFLINE, EVENT_CHANNEL_ONLINE, EVENT_CHANNEL_OFFLINE):
            hass.bus.async_listen(name, hear)

    @property
    def names(self) -> list[str]:
        return [str(event.event_type) for event in self.told]


@pytest.fixture
def edges(hass: HomeAssistant) -> Edges:
    return Edges(hass)


def connected(nvr: Recorder) -> str:
    """Return the entity that shows whether the recorder is there."""
    return f"binary_sensor.{slugify(family_of(nvr).device_name)}_connectivity"


def quick(simulator: Recorder, grace: float = 1) -> MockConfigEntry:
    return make_entry(simulator, options={CONF_GRACE_TIME: grace})


async def test_first_setup_reload_and_options_tell_nothing(
    hass: HomeAssistant, nvr: HikvisionSimulator, edges: Edges
) -> None:
    entry = quick(nvr)
    await events_up(await set_up(hass, entry))
    await hass.config_entries.async_reload(entry.entry_id)
    await events_up(entry.runtime_data.hub)
    hass.config_entries.async_update_entry(entry, options={CONF_GRACE_TIME: 2})
    await hass.config_entries.async_reload(entry.entry_id)
    await events_up(entry.runtime_data.hub)
    await asyncio.sleep(1.2)
    assert edges.names == []


@every_family
async def test_offline_is_told_once_after_the_grace_time_and_online_with_the_downtime(
    hass: HomeAssistant, nvr: HikvisionSimulator, edges: Edges
) -> None:
    entry = quick(nvr)
    hub = await set_up(hass, entry)
    await events_up(hub)
    assert state(hass, connected(nvr)) == STATE_ON
    began = dt_util.utcnow()
    await nvr.power_off()
    await asyncio.sleep(0.5)
    assert edges.names == []
    assert state(hass, FRONT_DOOR) != STATE_UNAVAILABLE
    await until(lambda: edges.names == [EVENT_OFFLINE], 5)
    told = edges.told[0]
    assert timedelta(seconds=0.9) <= told.time_fired - began <= timedelta(seconds=3)
    assert told.data["entry_id"] == entry.entry_id
    assert told.data["device_id"] == hub.device_id
    assert told.data["name"] == "Test NVR"
    assert told.data["reason"] == "unreachable"
    assert datetime.fromisoformat(told.data["since"]) - began < timedelta(seconds=1)
    await hass.async_block_till_done()
    assert state(hass, connected(nvr)) == STATE_OFF
    assert state(hass, FRONT_DOOR) == STATE_UNAVAILABLE
    await asyncio.sleep(1.0)
    await nvr.power_on()
    await until(lambda: edges.names == [EVENT_OFFLINE, EVENT_ONLINE], 15)
    back = edges.told[1].data
    assert back["since"] == told.data["since"]
    assert back["downtime"] >= 2
    await until(lambda: state(hass, FRONT_DOOR) != STATE_UNAVAILABLE)
    assert state(hass, connected(nvr)) == STATE_ON
    await events_up(hub)
    assert edges.names == [EVENT_OFFLINE, EVENT_ONLINE]


async def test_a_short_absence_tells_nothing(hass: HomeAssistant, nvr: HikvisionSimulator, edges: Edges) -> None:
    hub = await set_up(hass, quick(nvr, 3))
    await events_up(hub)
    await nvr.power_off()
    await until(lambda: hub.watch.failing(0))
    await nvr.power_on()
    await until(lambda: not hub.watch.failing(0), 15)
    await asyncio.sleep(3.2)
    assert edges.names == []


async def restart(hass: HomeAssistant, entry: MockConfigEntry) -> MockConfigEntry:
    """Set up anew as after a restart: nothing is left but what is on disk and in the registries."""
    assert await hass.config_entries.async_unload(entry.entry_id)
    await hass.async_block_till_done()
    hass.data[DATA_SHARED] = NvrShared(hass)
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    return entry


@every_family
async def test_start_while_the_recorder_is_away(
    hass: HomeAssistant, nvr: HikvisionSimulator, edges: Edges, hass_storage: dict[str, Any]
) -> None:
    entry = quick(nvr)
    await events_up(await set_up(hass, entry))
    await hass.config_entries.async_unload(entry.entry_id)
    await nvr.power_off()
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    assert f"nvr.{entry.entry_id}" in hass_storage
    assert len(hass.states.async_entity_ids("camera")) == 4
    assert {state(hass, entity) for entity in hass.states.async_entity_ids("camera")} == {STATE_UNAVAILABLE}
    assert edges.names == []
    await until(lambda: edges.names == [EVENT_OFFLINE], 5)
    assert state(hass, connected(nvr)) == STATE_OFF
    # Still away after another start: it has been told.
    await restart(hass, entry)
    await asyncio.sleep(1.5)
    assert edges.names == [EVENT_OFFLINE]
    assert state(hass, connected(nvr)) == STATE_OFF
    await nvr.power_on()
    await until(lambda: edges.names == [EVENT_OFFLINE, EVENT_ONLINE], 10)
    await until(lambda: state(hass, FRONT_DOOR) != STATE_UNAVAILABLE)
    await events_up(entry.runtime_data.hub)
    assert entry.state is ConfigEntryState.LOADED


async def test_online_after_a_restart_names_the_device(
    hass: HomeAssistant, nvr: HikvisionSimulator, edges: Edges
) -> None:
    entry = quick(nvr)
    hub = await set_up(hass, entry)
    await events_up(hub)
    device_id = hub.device_id
    await nvr.power_off()
    await until(lambda: edges.names == [EVENT_OFFLINE], 10)
    assert await hass.config_entries.async_unload(entry.entry_id)
    await nvr.power_on()
    hass.data[DATA_SHARED] = NvrShared(hass)
    await hass.config_entries.async_setup(entry.entry_id)
    await until(lambda: edges.names == [EVENT_OFFLINE, EVENT_ONLINE], 10)
    assert device_id
    assert [event.data["device_id"] for event in edges.told] == [device_id, device_id]


async def test_first_setup_that_succeeds_late_tells_nothing(
    hass: HomeAssistant, nvr: HikvisionSimulator, edges: Edges
) -> None:
    await nvr.power_off()
    entry = quick(nvr)
    entry.add_to_hass(hass)
    assert not await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    await nvr.power_on()
    await hass.config_entries.async_reload(entry.entry_id)
    await events_up(await set_up(hass, entry))
    await asyncio.sleep(1.2)
    assert edges.names == []


async def test_channel_that_was_gone_keeps_its_entities(
    hass: HomeAssistant, nvr: HikvisionSimulator, caplog: pytest.LogCaptureFixture
) -> None:
    entry = quick(nvr)
    hub = await set_up(hass, entry)
    nvr.add_channel(5)
    await until(lambda: hass.states.get("camera.back_yard") is not None, 10)
    await nvr.remove_channel(5)
    await until(lambda: state(hass, "camera.back_yard") == STATE_UNAVAILABLE, 10)
    nvr.add_channel(5)
    await until(lambda: state(hass, "camera.back_yard") != STATE_UNAVAILABLE, 10)
    await hass.async_block_till_done()
    assert "unique IDs" not in caplog.text
    # Only one whose device was deleted comes anew.
    await nvr.remove_channel(5)
    await until(lambda: hub.channel(5) is None, 10)
    devices = dr.async_get(hass)
    gone = devices.async_get_device_by_identifier(("nvr", f"{nvr.serial}_5"), entry.entry_id)
    assert gone is not None
    devices.async_remove_device(gone.id)
    await until(lambda: hass.states.get("camera.back_yard") is None, 10)
    nvr.add_channel(5)
    await until(lambda: hass.states.get("camera.back_yard") is not None, 10)
    assert state(hass, "camera.back_yard") != STATE_UNAVAILABLE
    assert "unique IDs" not in caplog.text


async def test_recorder_that_went_and_came_while_home_assistant_was_down_tells_nothing(
    hass: HomeAssistant, nvr: HikvisionSimulator, edges: Edges
) -> None:
    entry = quick(nvr)
    await events_up(await set_up(hass, entry))
    await hass.config_entries.async_unload(entry.entry_id)
    await nvr.power_off()
    await nvr.power_on()
    await hass.config_entries.async_setup(entry.entry_id)
    await events_up(entry.runtime_data.hub)
    await asyncio.sleep(1.2)
    assert edges.names == []


@every_family
async def test_channel_edges(hass: HomeAssistant, nvr: HikvisionSimulator, edges: Edges) -> None:
    hub = await set_up(hass, quick(nvr))
    await events_up(hub)
    await nvr.set_channel_online(2, online=False)
    await until(lambda: edges.names == [EVENT_CHANNEL_OFFLINE], 10)
    data = edges.told[0].data
    assert (data["channel"], data["channel_name"], data["reason"]) == (2, "Driveway", "camera_offline")
    assert data["device_id"] == hub.channel_device_id(2)
    assert data["entity_id"] == "camera.driveway"
    await hass.async_block_till_done()
    assert state(hass, "camera.driveway") == STATE_UNAVAILABLE
    assert state(hass, "binary_sensor.driveway_connectivity") == STATE_OFF
    assert state(hass, FRONT_DOOR) != STATE_UNAVAILABLE
    await nvr.set_channel_online(2, online=True)
    await until(lambda: edges.names == [EVENT_CHANNEL_OFFLINE, EVENT_CHANNEL_ONLINE], 10)
    assert edges.told[1].data["channel"] == 2


async def test_channel_that_is_offline_at_the_first_setup_tells_nothing(
    hass: HomeAssistant, start_simulator: StartSimulator, edges: Edges
) -> None:
    simulator = await start_simulator(channels=3, offline=(3,))
    hub = await set_up(hass, quick(simulator))
    await asyncio.sleep(1.5)
    assert edges.names == []
    assert hub.channel_online(3) is False
    assert state(hass, "binary_sensor.garden_connectivity") == STATE_OFF
    await simulator.set_channel_online(3, online=True)
    await until(lambda: edges.names == [EVENT_CHANNEL_ONLINE], 10)


@every_family
async def test_new_channel_appears_and_a_removed_one_can_be_deleted(
    hass: HomeAssistant, nvr: HikvisionSimulator, edges: Edges, entity_registry: er.EntityRegistry
) -> None:
    entry = quick(nvr)
    hub = await set_up(hass, entry)
    nvr.add_channel(5)
    await until(lambda: hass.states.get("camera.back_yard") is not None, 10)
    assert state(hass, "camera.back_yard") != STATE_UNAVAILABLE
    assert hass.states.get("binary_sensor.back_yard_motion") is not None
    await nvr.remove_channel(5)
    await until(lambda: state(hass, "camera.back_yard") == STATE_UNAVAILABLE, 10)
    assert entity_registry.async_get("camera.back_yard") is not None
    devices = dr.async_get(hass)
    gone = devices.async_get_device_by_identifier(("nvr", f"{nvr.serial}_5"), entry.entry_id)
    there = devices.async_get_device_by_identifier(("nvr", f"{nvr.serial}_1"), entry.entry_id)
    recorder = devices.async_get(hub.device_id)
    assert gone is not None
    assert there is not None
    assert recorder is not None
    assert await async_remove_config_entry_device(hass, entry, gone)
    assert not await async_remove_config_entry_device(hass, entry, there)
    assert not await async_remove_config_entry_device(hass, entry, recorder)
    assert edges.names == []


async def test_a_recorder_that_still_sends_events_is_not_away(
    hass: HomeAssistant, nvr: HikvisionSimulator, edges: Edges, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Polls take no part: they must not be what clears it.
    for name in ("POLL_FAILING", "POLL_OFFLINE", "POLL_STEADY", "POLL_WITHOUT_EVENTS"):
        monkeypatch.setattr(f"custom_components.nvr.link.{name}", timedelta(minutes=5))
    hub = await set_up(hass, quick(nvr))
    await events_up(hub)
    await asyncio.sleep(0.5)
    hub.watch.async_down(0, "timeout")
    assert hub.watch.failing(0)
    assert nvr.emit("linedetection", 1)
    await until(lambda: not hub.watch.failing(0), 0.9)
    await asyncio.sleep(1.2)
    assert edges.names == []
