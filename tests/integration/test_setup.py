"""Set-up and unload of one recorder: what exists, what it costs, and that nothing stays behind."""

import asyncio
from datetime import timedelta

from homeassistant.config_entries import ConfigEntryDisabler, ConfigEntryState
from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er, issue_registry as ir
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.nvr import async_remove_config_entry_device, issues
from custom_components.nvr.const import CONF_IGNORED_CHANNELS, DOMAIN
from custom_components.nvr.shared import shared
from tests.simulators.hikvision import HikvisionSimulator

from .conftest import WRONG_PASSWORD, StartSimulator, events_up, every_family, make_entry, set_up, until
from .recorders import family_of


@every_family
async def test_setup_registers_recorder_first_and_channels_below_it(
    hass: HomeAssistant, nvr: HikvisionSimulator, device_registry: dr.DeviceRegistry
) -> None:
    entry = make_entry(nvr)
    hub = await set_up(hass, entry)
    recorder = device_registry.async_get_device_by_identifier((DOMAIN, nvr.serial), entry.entry_id)
    assert recorder is not None
    assert recorder.id == hub.device_id
    assert (recorder.name, recorder.serial_number) == (family_of(nvr).device_name, nvr.serial)
    channel = device_registry.async_get_device_by_identifier((DOMAIN, f"{nvr.serial}_1"), entry.entry_id)
    assert channel is not None
    assert (channel.name, channel.via_device_id) == ("Front door", recorder.id)
    assert len(dr.async_entries_for_config_entry(device_registry, entry.entry_id)) == 5


@pytest.mark.parametrize("channels", [4, 32])
async def test_setup_requests_do_not_grow_with_channels(
    hass: HomeAssistant, start_simulator: StartSimulator, channels: int
) -> None:
    simulator = await start_simulator(channels=channels)
    hub = await set_up(hass, make_entry(simulator))
    await events_up(hub)
    assert len(hass.states.async_entity_ids("camera")) == channels
    assert simulator.counters.requests <= 14
    assert simulator.counters.unauthorized <= 2
    assert simulator.counters.auth_failures == 0


@every_family
async def test_setup_enables_at_most_eight_entities_per_channel(
    hass: HomeAssistant, nvr: HikvisionSimulator, entity_registry: er.EntityRegistry
) -> None:
    entry = make_entry(nvr)
    hub = await set_up(hass, entry)
    entities = er.async_entries_for_config_entry(entity_registry, entry.entry_id)
    for number in range(1, 5):
        device = hub.channel_device_id(number)
        own = [entity for entity in entities if entity.device_id == device]
        enabled = [entity for entity in own if not entity.disabled]
        assert len(enabled) <= 8
        assert [entity.domain for entity in enabled].count("camera") == 1
        assert len(own) > len(enabled)


@every_family
async def test_unload_leaves_no_session_and_no_socket(hass: HomeAssistant, nvr: HikvisionSimulator) -> None:
    entry = make_entry(nvr)
    hub = await set_up(hass, entry)
    await events_up(hub)
    await until(lambda: family_of(nvr).open(nvr)["event streams"] == 1)
    assert await hass.config_entries.async_unload(entry.entry_id)
    await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.NOT_LOADED
    await until(lambda: not any(family_of(nvr).open(nvr).values()))
    before = nvr.counters.requests
    assert hub.link.driver.guard.usable
    assert nvr.counters.requests == before


@every_family
async def test_first_setup_without_recorder_is_retried_with_the_reason(
    hass: HomeAssistant, nvr: HikvisionSimulator
) -> None:
    await nvr.power_off()
    entry = make_entry(nvr)
    entry.add_to_hass(hass)
    assert not await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert entry.error_reason_translation_key == "unreachable"


@every_family
async def test_wrong_password_is_sent_twice_at_most_over_reloads(hass: HomeAssistant, nvr: HikvisionSimulator) -> None:
    entry = make_entry(nvr, password=WRONG_PASSWORD)
    entry.add_to_hass(hass)
    for _ in range(4):
        await hass.config_entries.async_reload(entry.entry_id)
        await hass.async_block_till_done()
        assert entry.state is ConfigEntryState.SETUP_ERROR
    assert nvr.counters.auth_failures <= 2
    assert [flow["context"]["source"] for flow in hass.config_entries.flow.async_progress()] == ["reauth"]


async def test_another_recorder_at_the_address_is_not_mixed_in(
    hass: HomeAssistant, start_simulator: StartSimulator
) -> None:
    first = await start_simulator(channels=2)
    other = await start_simulator(channels=2, number=2)
    entry = MockConfigEntry(domain=DOMAIN, title="Test NVR", data=make_entry(other).data, unique_id=first.serial)
    entry.add_to_hass(hass)
    assert not await hass.config_entries.async_setup(entry.entry_id)
    assert entry.error_reason_translation_key == "other_recorder"
    assert not hass.states.async_entity_ids("camera")


@pytest.mark.parametrize("loaded", [True, False])
async def test_what_is_wrong_now_is_not_said_of_an_entry_that_is_disabled(
    hass: HomeAssistant, start_simulator: StartSimulator, *, loaded: bool
) -> None:
    first = await start_simulator(channels=2)
    other = await start_simulator(channels=2, number=2)
    at = make_entry(first if loaded else other).data
    entry = MockConfigEntry(domain=DOMAIN, title="Test NVR", data=at, unique_id=first.serial)
    if loaded:
        hub = await set_up(hass, entry)
        await events_up(hub)
        shared(hass).lock_notice(entry).async_show(dt_util.utcnow() + timedelta(minutes=5))
        for key in ("permission", "events_permission", "other_recorder"):
            issues.async_raise(hass, entry, key)
        issues.async_camera_changed(hass, entry, hub.channels[0], "IPC-OLD")
    else:
        entry.add_to_hass(hass)
        assert not await hass.config_entries.async_setup(entry.entry_id)
    told = {issue.translation_key for issue in ir.async_get(hass).issues.values()}
    assert "other_recorder" in told
    await hass.config_entries.async_set_disabled_by(entry.entry_id, ConfigEntryDisabler.USER)
    await hass.async_block_till_done()
    left = {issue.translation_key for issue in ir.async_get(hass).issues.values() if issue.active}
    assert left == ({"camera_changed"} if loaded else set())


async def test_home_assistant_that_stops_during_the_setup_leaves_nothing_running(
    hass: HomeAssistant, nvr: HikvisionSimulator
) -> None:
    entry = make_entry(nvr)
    entry.add_to_hass(hass)
    nvr.faults.load.latency_ms = 200.0
    setup = hass.async_create_task(hass.config_entries.async_setup(entry.entry_id))
    await until(lambda: nvr.counters.requests > 1)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STOP)
    assert not await setup
    before = nvr.counters.requests
    await asyncio.sleep(0.5)
    assert nvr.counters.requests == before
    assert nvr.counters.alert_streams_active == 0


async def test_device_can_be_removed_while_the_recorder_is_not_set_up_and_one_it_has_cannot(
    hass: HomeAssistant, nvr: HikvisionSimulator, device_registry: dr.DeviceRegistry
) -> None:
    entry = make_entry(nvr)
    await set_up(hass, entry)
    await hass.config_entries.async_unload(entry.entry_id)

    def device(identifier: str) -> dr.DeviceEntry:
        return device_registry.async_get_or_create(config_entry_id=entry.entry_id, identifiers={(DOMAIN, identifier)})

    async def removable(identifier: str) -> bool:
        return await async_remove_config_entry_device(hass, entry, device(identifier))

    assert not await removable(nvr.serial)
    assert not await removable(f"{nvr.serial}_1")
    assert await removable(f"{nvr.serial}_9")
    hass.config_entries.async_update_entry(entry, options={CONF_IGNORED_CHANNELS: ["1"]})
    assert await removable(f"{nvr.serial}_1")
    never = make_entry(nvr)
    assert not await async_remove_config_entry_device(hass, never, device(f"{nvr.serial}_9"))
