"""What is switched and set from Home Assistant: found out once, read in turns, written for those who may."""

import asyncio
import json
from typing import Any

from homeassistant.auth.const import GROUP_ID_USER
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, Unauthorized
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.entity import Entity
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser

from custom_components.nvr import control_desk
from custom_components.nvr.access_rules import AccessRules, Action, Rights
from custom_components.nvr.const import CONF_ACCESS, DOMAIN
from custom_components.nvr.core.controls import ControlId, ControlKind
from custom_components.nvr.hub import NvrHub

from .conftest import StartSimulator, every_family, make_entry, set_up, state, until
from .recorders import DAHUA, HIKVISION

one_each_day = pytest.mark.parametrize(
    "family",
    [pytest.param(DAHUA, id="dahua"), pytest.param(HIKVISION, id="hikvision", marks=pytest.mark.slow)],
    indirect=True,
)


@pytest.fixture
async def nvr(start_simulator: StartSimulator) -> Any:
    """A recorder with three channels, the last of them a camera that moves."""
    return await start_simulator(channels=3)


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Find out at once what there is; then nothing is read but what a test asks for."""
    monkeypatch.setattr(control_desk, "FIRST", 0.0)
    monkeypatch.setattr(control_desk, "BREATH", 0.0)


@pytest.fixture(autouse=True)
def all_enabled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Switch on what nobody has asked for."""
    monkeypatch.setattr(Entity, "entity_registry_enabled_default", True)


async def surveyed(hass: HomeAssistant, entry: MockConfigEntry) -> NvrHub:
    hub = await set_up(hass, entry)
    await until(lambda: hub.desk.surveyed and hub.desk.known.controls)
    await hass.async_block_till_done()
    return hub


def entity(hass: HomeAssistant, platform: str, hub: NvrHub, key: str, channel: int | None = 1) -> str:
    """Return the entity of a control; fails where there is none."""
    owner = hub.info.serial if channel is None else f"{hub.info.serial}_{channel}"
    found = er.async_get(hass).async_get_entity_id(platform, DOMAIN, f"{owner}_{key}")
    assert found is not None, key
    return found


async def act(hass: HomeAssistant, action: str, entity_id: str, context: Context | None = None, **data: Any) -> None:
    domain = entity_id.partition(".")[0]
    await hass.services.async_call(domain, action, {"entity_id": entity_id, **data}, blocking=True, context=context)


@every_family
async def test_controls_are_set_and_refusals_told(hass: HomeAssistant, nvr: Any) -> None:
    hub = await surveyed(hass, make_entry(nvr))
    await until(lambda: not hub.desk.unread)
    first, second = (entity(hass, "switch", hub, "control_motion_detection", number) for number in (1, 2))
    assert (state(hass, first), state(hass, second)) == ("on", "on")
    await act(hass, "turn_off", first)
    assert (state(hass, first), state(hass, second)) == ("off", "on")
    assert nvr.counters.writes == 1
    relay = entity(hass, "switch", hub, "control_alarm_output_1", None)
    await act(hass, "turn_on", relay)
    assert state(hass, relay) == "on"
    bright = entity(hass, "number", hub, "control_brightness", 2)
    await act(hass, "set_value", bright, value=33)
    assert state(hass, bright) == "33"
    nvr.apply_faults({"rights": frozenset({"live", "config"})})
    with pytest.raises(HomeAssistantError) as refused:
        await act(hass, "turn_on", first)
    assert refused.value.translation_key == "permission"
    assert state(hass, first) == "off"


@every_family
async def test_a_camera_goes_to_a_preset_and_is_pushed(hass: HomeAssistant, nvr: Any) -> None:
    hub = await surveyed(hass, make_entry(nvr))
    head = nvr.device.heads[3]
    preset = entity(hass, "select", hub, "preset", 3)
    found = hass.states.get(preset)
    assert found is not None
    assert found.attributes["options"] == ["Gate", "Street", "Home"]
    await act(hass, "select_option", preset, option="Home")
    assert head.gone_to == [34]
    assert state(hass, preset) == "Home"
    await act(hass, "press", entity(hass, "button", hub, "ptz_left", 3))
    assert head.speeds["pan"] == -0.5
    await until(lambda: not head.moving)
    assert er.async_get(hass).async_get_entity_id("select", DOMAIN, f"{hub.info.serial}_1_preset") is None


@one_each_day
async def test_what_was_found_out_is_known_at_the_next_start(hass: HomeAssistant, nvr: Any) -> None:
    entry = make_entry(nvr)
    hub = await surveyed(hass, entry)
    before = {item.entity_id for item in er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)}
    asked = set(hub.desk.known.asked)
    await hass.config_entries.async_reload(entry.entry_id)
    hub = await set_up(hass, entry)
    assert hub.desk.surveyed
    assert hub.desk.known.asked >= asked
    await until(lambda: not hub.desk.unread)
    before_rest = nvr.counters.requests
    await asyncio.sleep(0.3)
    assert nvr.counters.requests - before_rest <= 3
    there = {item.entity_id for item in er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)}
    assert there == before
    assert all(hass.states.get(entity_id) is not None for entity_id in before)


@every_family
async def test_settings_are_for_those_who_may(hass: HomeAssistant, nvr: Any, hass_admin_user: MockUser) -> None:
    guest = await hass.auth.async_create_user("Guest", group_ids=[GROUP_ID_USER])
    rules = AccessRules().with_user(guest.id, Rights({Action.LIVE: None, Action.PTZ: None}))
    hub = await surveyed(hass, make_entry(nvr, options={CONF_ACCESS: rules.to_json()}))
    context = Context(user_id=guest.id)
    with pytest.raises(Unauthorized):
        await act(hass, "turn_off", entity(hass, "switch", hub, "control_motion_detection"), context)
    with pytest.raises(Unauthorized):
        await act(hass, "press", entity(hass, "button", hub, "reboot", None), context)
    assert nvr.counters.writes == 0
    await act(hass, "select_option", entity(hass, "select", hub, "preset", 3), context, option="Gate")
    assert nvr.device.heads[3].gone_to == [1]
    told = json.dumps(hub.desk.statistics)
    assert "motion_detection" in told
    assert "Gate" not in told


@one_each_day
async def test_a_new_channel_is_read_at_once_and_a_recorder_restarted(
    hass: HomeAssistant, nvr: Any, family: Any
) -> None:
    hub = await surveyed(hass, make_entry(nvr))
    (nvr.device.add_channel if family is HIKVISION else nvr.device.add_camera)(5)
    await act(hass, "press", entity(hass, "button", hub, "refresh", None))
    assert hub.channel(5) is not None
    before = nvr.counters.reboots
    await act(hass, "press", entity(hass, "button", hub, "reboot", None))
    await until(lambda: nvr.counters.reboots == before + 1)


@pytest.mark.parametrize("family", [HIKVISION], indirect=True)
async def test_a_conflict_is_told(hass: HomeAssistant, nvr: Any) -> None:
    hub = await surveyed(hass, make_entry(nvr))
    line, scene = (
        entity(hass, "switch", hub, f"control_{kind}_detection") for kind in ("line_crossing", "scene_change")
    )
    await act(hass, "turn_on", line)
    with pytest.raises(HomeAssistantError) as conflict:
        await act(hass, "turn_on", scene)
    assert conflict.value.translation_key == "conflict"


@pytest.mark.parametrize("family", [DAHUA], indirect=True)
async def test_light_siren_and_recording(hass: HomeAssistant, start_simulator: StartSimulator) -> None:
    nvr = await start_simulator(profile="nvr5464", channels=2)
    hub = await surveyed(hass, make_entry(nvr))
    light, siren = entity(hass, "light", hub, "control_white_light"), entity(hass, "siren", hub, "control_siren")
    await act(hass, "turn_on", light)
    await act(hass, "turn_on", siren)
    assert (state(hass, light), state(hass, siren)) == ("on", "on")
    assert nvr.coaxial.on == {(1, "WhiteLight"), (1, "Speaker")}
    await act(hass, "turn_off", light)
    assert state(hass, light) == "off"
    mode = entity(hass, "select", hub, "control_record_mode")
    await act(hass, "select_option", mode, option="off")
    assert state(hass, mode) == "off"


@one_each_day
async def test_what_somebody_else_changes_shows(hass: HomeAssistant, nvr: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_desk, "TURN", 0.0)
    hub = await surveyed(hass, make_entry(nvr))
    motion = entity(hass, "switch", hub, "control_motion_detection")
    await until(lambda: state(hass, motion) == "on")
    which = ControlId(ControlKind.MOTION_DETECTION, 1)
    known = hub.desk.get(which)
    assert known is not None
    assert hub.driver.controls is not None
    await hub.driver.controls.write(known, value=False)
    await until(lambda: state(hass, motion) == "off")
