"""What a channel is: the NVR's serial and its own number, whatever its name, its place in lists, or its camera."""

from typing import Any

from homeassistant.components.repairs import DOMAIN as REPAIRS_DOMAIN, ConfirmRepairFlow
from homeassistant.config_entries import SOURCE_RECONFIGURE
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import device_registry as dr, entity_registry as er, issue_registry as ir
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.nvr.const import CONF_IGNORED_CHANNELS, DOMAIN
from custom_components.nvr.repairs import async_create_fix_flow
from custom_components.nvr.shared import shared

from .conftest import HOST, StartSimulator, every_family, make_entry, set_up, state
from .recorders import Recorder

pytestmark = every_family


def known(hass: HomeAssistant, entry: MockConfigEntry) -> dict[str, tuple[str, str | None]]:
    """Return unique id, entity id and device of all entities."""
    found = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    return {entity.unique_id: (entity.entity_id, entity.device_id) for entity in found}


def device(hass: HomeAssistant, nvr: Recorder, entry: MockConfigEntry, number: int) -> dr.DeviceEntry:
    identifier = (DOMAIN, f"{nvr.serial}_{number}")
    found = dr.async_get(hass).async_get_device_by_identifier(identifier, entry.entry_id)
    assert isinstance(found, dr.DeviceEntry)
    return found


def notice(hass: HomeAssistant, entry: MockConfigEntry, number: int) -> dict[str, str] | None:
    issue = ir.async_get(hass).async_get_issue(DOMAIN, f"{entry.entry_id}_camera_changed_{number}")
    return None if issue is None else issue.translation_placeholders


async def refresh(entry: MockConfigEntry, *, anew: bool = False) -> None:
    """Poll, or read all that is known anew as after an absence."""
    if anew:
        entry.runtime_data.hub.link.async_learn_anew()
    await entry.runtime_data.coordinator.async_refresh()
    assert entry.runtime_data.coordinator.last_update_success


async def restart(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Set the entry up from what is on the disk."""
    assert await hass.config_entries.async_unload(entry.entry_id)
    shared(hass).stores.clear()
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()


async def acknowledge(hass: HomeAssistant, entry: MockConfigEntry, number: int) -> None:
    """Read the notice and press the button, as the page of repairs does."""
    issue_id = f"{entry.entry_id}_camera_changed_{number}"
    flow = await async_create_fix_flow(hass, issue_id, None)
    assert isinstance(flow, ConfirmRepairFlow)
    flow.hass, flow.handler, flow.context = hass, DOMAIN, {"issue_id": issue_id}
    assert (await flow.async_step_init())["type"] is FlowResultType.FORM
    assert (await flow.async_step_confirm({}))["type"] is FlowResultType.CREATE_ENTRY
    # What the manager of these flows does with one that has come to its end.
    ir.async_delete_issue(hass, DOMAIN, issue_id)


async def test_another_order_of_the_lists_changes_nothing(hass: HomeAssistant, nvr: Any) -> None:
    entry = make_entry(nvr)
    hub = await set_up(hass, entry)
    before, names = known(hass, entry), {channel.id: channel.name for channel in hub.channels}
    for seed in (1, 2):
        nvr.shuffle_lists(seed)
        await refresh(entry, anew=seed == 2)
        assert {channel.id: channel.name for channel in hub.channels} == names
    await restart(hass, entry)
    hub = entry.runtime_data.hub
    assert {channel.id: channel.name for channel in hub.channels} == names
    assert known(hass, entry) == before
    assert [f"{nvr.serial}_{number}" for number in range(1, 5)] == sorted(names)
    assert all(notice(hass, entry, number) is None for number in range(1, 5))


async def test_device_follows_another_name_unless_the_user_gave_one(hass: HomeAssistant, nvr: Any) -> None:
    entry = make_entry(nvr)
    await set_up(hass, entry)
    before = known(hass, entry)
    dr.async_get(hass).async_update_device(device(hass, nvr, entry, 2).id, name_by_user="My drive")
    nvr.rename_channel(1, "Porch")
    nvr.rename_channel(2, "Lane")
    await refresh(entry)
    await hass.async_block_till_done()
    assert (device(hass, nvr, entry, 1).name, device(hass, nvr, entry, 1).name_by_user) == ("Porch", None)
    assert (device(hass, nvr, entry, 2).name, device(hass, nvr, entry, 2).name_by_user) == ("Lane", "My drive")
    assert known(hass, entry) == before


async def test_another_address_keeps_entities_and_options(hass: HomeAssistant, start_simulator: StartSimulator) -> None:
    nvr = await start_simulator(channels=4)
    entry = make_entry(nvr, options={CONF_IGNORED_CHANNELS: ["4"]})
    await set_up(hass, entry)
    before = known(hass, entry)
    er.async_get(hass).async_update_entity("camera.front_door", new_entity_id="camera.my_door")
    await nvr.power_off()
    moved = await start_simulator(channels=4)
    assert (moved.serial, moved.http_port != nvr.http_port) == (nvr.serial, True)
    flow = await hass.config_entries.flow.async_init(
        DOMAIN, context={"source": SOURCE_RECONFIGURE, "entry_id": entry.entry_id}
    )
    typed = {"host": f"{HOST}:{moved.http_port}", "username": "admin"}
    done = await hass.config_entries.flow.async_configure(flow["flow_id"], typed)
    assert done["reason"] == "reconfigure_successful"
    await hass.async_block_till_done()
    assert entry.data["port"] == moved.http_port
    assert entry.options == {CONF_IGNORED_CHANNELS: ["4"]}
    door = f"{nvr.serial}_1_camera_main"
    assert known(hass, entry) == {**before, door: ("camera.my_door", before[door][1])}
    assert state(hass, "camera.my_door") != "unavailable"
    assert len(dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)) == 4


async def test_another_camera_keeps_the_entities_and_is_told_once(hass: HomeAssistant, nvr: Any) -> None:
    assert await async_setup_component(hass, REPAIRS_DOMAIN, {})
    entry = make_entry(nvr)
    hub = await set_up(hass, entry)
    before, old = known(hass, entry), hub.channel(2)
    assert old is not None
    nvr.replace_camera(2, "IPC-NEW-8MP", "NEW0000000001")
    await refresh(entry, anew=True)
    words = {"name": "Test NVR", "channel": "2", "channel_name": "Driveway"}
    words |= {"old_model": old.model or "", "new_model": "IPC-NEW-8MP"}
    assert notice(hass, entry, 2) == words
    assert old.model
    await hass.async_block_till_done()
    assert known(hass, entry) == before
    assert device(hass, nvr, entry, 2).model == "IPC-NEW-8MP"
    await restart(hass, entry)
    assert notice(hass, entry, 2) == words
    await acknowledge(hass, entry, 2)
    await refresh(entry, anew=True)
    await restart(hass, entry)
    assert notice(hass, entry, 2) is None
    assert known(hass, entry) == before
    assert all(notice(hass, entry, number) is None for number in (1, 3, 4))


async def test_camera_that_is_away_or_not_named_is_no_other_one(hass: HomeAssistant, nvr: Any) -> None:
    entry = make_entry(nvr)
    hub = await set_up(hass, entry)
    camera = hub.channel(2)
    assert camera is not None
    serial, model = camera.camera_serial or "", camera.model or ""
    assert serial
    for told in ((model, ""), ("", ""), ("IPC", ""), (model, serial)):
        nvr.replace_camera(2, *told)
        await nvr.set_channel_online(2, online=bool(told[1]))
        await refresh(entry, anew=True)
        assert notice(hass, entry, 2) is None
    await nvr.remove_channel(2)
    await refresh(entry, anew=True)
    assert hub.channel(2) is None
    # The camera that comes into the empty slot is looked at as any other.
    nvr.add_channel(2)
    nvr.replace_camera(2, "IPC-NEW-8MP", "NEW0000000001")
    await refresh(entry, anew=True)
    told_now = notice(hass, entry, 2)
    assert told_now is not None
    assert (told_now["old_model"], told_now["new_model"]) == (model, "IPC-NEW-8MP")
