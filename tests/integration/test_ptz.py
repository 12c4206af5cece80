"""Cameras moved by actions: they stop by themselves, whoever is gone, and move for those who may."""

from typing import Any

from homeassistant.auth.const import GROUP_ID_USER
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError, Unauthorized
import pytest
from pytest_homeassistant_custom_component.common import MockUser

from custom_components.nvr.access_rules import AccessRules, Action, Rights
from custom_components.nvr.const import CONF_ACCESS, DOMAIN
from tests.simulators.heads import Head

from .conftest import every_family, make_entry, set_up, until

DOME, FIXED = "camera.garden", "camera.front_door"


async def act(hass: HomeAssistant, action: str, context: Context | None = None, **data: Any) -> None:
    await hass.services.async_call(DOMAIN, action, {"entity_id": DOME, **data}, blocking=True, context=context)


def head_of(nvr: Any) -> Head:
    head: Head = nvr.device.heads[3]
    return head


@every_family
async def test_a_camera_moves_and_stops_by_itself(hass: HomeAssistant, nvr: Any) -> None:
    await set_up(hass, make_entry(nvr))
    head = head_of(nvr)
    await act(hass, "ptz_move", pan=50, tilt=-25, duration=0.2)
    assert (head.speeds["pan"], head.speeds["tilt"]) == (0.5, -0.25)
    await until(lambda: not head.moving)
    assert head.place("pan") > 0


@every_family
async def test_unloading_stops_what_moves(hass: HomeAssistant, nvr: Any) -> None:
    entry = make_entry(nvr)
    await set_up(hass, entry)
    await act(hass, "ptz_move", zoom=100, duration=10)
    assert head_of(nvr).moving
    assert await hass.config_entries.async_unload(entry.entry_id)
    assert not head_of(nvr).moving


@every_family
async def test_stop_presets_and_patrols(hass: HomeAssistant, nvr: Any) -> None:
    await set_up(hass, make_entry(nvr))
    head = head_of(nvr)
    await act(hass, "ptz_move", pan=-100, duration=10)
    await act(hass, "ptz_stop")
    assert not head.moving
    await act(hass, "ptz_go_to_preset", preset="street")
    await act(hass, "ptz_go_to_preset", preset="34")
    assert head.gone_to == [2, 34]
    await act(hass, "ptz_save_preset", number=7, name="Pond")
    assert head.presets[7] == "Pond"
    await act(hass, "ptz_patrol", number=2)
    assert head.patrol == 2
    await act(hass, "ptz_patrol", number=2, run=False)
    assert head.patrol is None


@every_family
async def test_what_cannot_be_is_told(hass: HomeAssistant, nvr: Any) -> None:
    await set_up(hass, make_entry(nvr))
    with pytest.raises(ServiceValidationError) as no_motion:
        await act(hass, "ptz_move")
    assert no_motion.value.translation_key == "no_motion"
    with pytest.raises(ServiceValidationError) as no_preset:
        await act(hass, "ptz_go_to_preset", preset="Nowhere")
    assert no_preset.value.translation_key == "no_preset"
    with pytest.raises(ServiceValidationError) as no_number:
        await act(hass, "ptz_go_to_preset", preset="99")
    assert no_number.value.translation_key == "not_found"
    with pytest.raises(HomeAssistantError):
        await act(hass, "ptz_move", pan=50, entity_id=FIXED)


@every_family
async def test_a_camera_moves_for_those_who_may(hass: HomeAssistant, nvr: Any, hass_admin_user: MockUser) -> None:
    guest = await hass.auth.async_create_user("Guest", group_ids=[GROUP_ID_USER])
    context = Context(user_id=guest.id)
    entry = make_entry(nvr, options={CONF_ACCESS: _rules(guest.id, frozenset({"live"}))})
    await set_up(hass, entry)
    head = head_of(nvr)
    with pytest.raises(Unauthorized):
        await act(hass, "ptz_move", context, pan=50)
    assert head.starts == 0
    hass.config_entries.async_update_entry(entry, options={CONF_ACCESS: _rules(guest.id, frozenset({"ptz"}))})
    await hass.async_block_till_done()
    await act(hass, "ptz_go_to_preset", context, preset="1")
    assert head.gone_to == [1]
    with pytest.raises(Unauthorized):
        await act(hass, "ptz_save_preset", context, number=1)
    await act(hass, "ptz_save_preset", Context(user_id=hass_admin_user.id), number=9, name="Shed")
    assert head.presets[9] == "Shed"


def _rules(user_id: str, actions: frozenset[str]) -> dict[str, Any]:
    return AccessRules().with_user(user_id, Rights({Action(action): None for action in actions})).to_json()
