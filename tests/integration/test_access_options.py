"""Rights and the audit's days in the options: chosen by people, kept by ids, valid at once."""

from typing import Any

from homeassistant.auth.const import GROUP_ID_ADMIN, GROUP_ID_USER
from homeassistant.auth.models import User
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, InvalidData
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.components.diagnostics import get_diagnostics_for_config_entry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.nvr.access import Action, authorize
from custom_components.nvr.access_rules import AccessRules, Rights
from custom_components.nvr.access_watch import async_forget_users
from custom_components.nvr.audit_rows import AuditFilter
from custom_components.nvr.const import CONF_ACCESS, CONF_AUDIT_DAYS, CONF_GRACE_TIME, CONF_IGNORED_CHANNELS
from custom_components.nvr.shared import shared

from .conftest import StartSimulator, make_entry, open_options, open_settings, set_up

EVERYTHING = {action.value: ["all"] for action in Action}
SETTINGS: dict[str, Any] = {
    "channels": {"camera_profile": "auto"},
    "events": {},
    "streams": {"rtsp_transport": "tcp"},
    "connection": {"grace_time": 45},
}


@pytest.fixture(name="entry")
async def entry_fixture(hass: HomeAssistant, start_simulator: StartSimulator) -> MockConfigEntry:
    entry = make_entry(await start_simulator(channels=2))
    await set_up(hass, entry)
    return entry


@pytest.fixture(name="anna")
async def anna_fixture(hass: HomeAssistant) -> User:
    await hass.auth.async_create_user("owner")
    return await hass.auth.async_create_user("Anna", group_ids=[GROUP_ID_USER])


async def choose(hass: HomeAssistant, entry: MockConfigEntry, step: str, *answers: dict[str, Any]) -> Any:
    """Answer the forms of a step one after the other."""
    shown: Any = await open_options(hass, entry, step)
    for answer in answers:
        assert shown["type"] is FlowResultType.FORM
        shown = await hass.config_entries.options.async_configure(shown["flow_id"], answer)
    await hass.async_block_till_done()
    return shown


def may(hass: HomeAssistant, user: User, entry: MockConfigEntry) -> dict[int, set[str]]:
    """Return what somebody may do on each of the two channels."""
    return {
        number: {action.value for action in Action if authorize(hass, user, action, entry, number)} for number in (1, 2)
    }


async def test_default_counts_at_once_and_without_a_reload(
    hass: HomeAssistant, entry: MockConfigEntry, anna: User
) -> None:
    hub = entry.runtime_data.hub
    assert may(hass, anna, entry) == {1: set(Action), 2: set(Action)}
    form = await open_options(hass, entry, "access_default")
    assert form["data_schema"] is not None
    suggested = {str(key): key.description["suggested_value"] for key in form["data_schema"].schema}
    assert suggested == EVERYTHING
    done = await choose(hass, entry, "access_default", {"live": ["all", "1"], "playback": ["2"]})
    assert done["type"] is FlowResultType.CREATE_ENTRY
    assert may(hass, anna, entry) == {1: {"live"}, 2: {"live", "playback"}}
    assert entry.runtime_data.hub is hub
    kept = {"live": "all", "playback": [2], "export": [], "ptz": [], "settings": [], "talk": []}
    assert entry.options[CONF_ACCESS]["default"] == kept
    await choose(hass, entry, "access_default", EVERYTHING)
    assert CONF_ACCESS not in entry.options
    assert may(hass, anna, entry) == {1: set(Action), 2: set(Action)}


async def test_user_gets_rights_of_his_own_by_name_and_loses_them_again(
    hass: HomeAssistant, entry: MockConfigEntry, anna: User
) -> None:
    hub = entry.runtime_data.hub
    bert = await hass.auth.async_create_user("Bert", group_ids=[GROUP_ID_USER])
    await hass.auth.async_create_user("Chief", group_ids=[GROUP_ID_ADMIN])
    form = await open_options(hass, entry, "access_user")
    (field,) = form["data_schema"].schema.values()  # type: ignore[union-attr]
    assert [option["label"] for option in field.config["options"]] == ["Anna", "Bert"]
    assert form["description_placeholders"] == {"names": "-"}
    await choose(hass, entry, "access_user", {"user": anna.id}, {"playback": ["1"], "as_default": False})
    assert may(hass, anna, entry) == {1: {"playback"}, 2: set()}
    assert may(hass, bert, entry) == {1: set(Action), 2: set(Action)}
    form = await open_options(hass, entry, "access_user")
    assert form["description_placeholders"] == {"names": "Anna"}
    await choose(hass, entry, "access_user", {"user": anna.id}, {"playback": ["1"], "as_default": True})
    assert may(hass, anna, entry) == {1: set(Action), 2: set(Action)}
    assert entry.runtime_data.hub is hub
    page = await shared(hass).audit.async_query(AuditFilter(kinds=frozenset({"rights_changed"})), limit=9)
    assert [(row["subject"], row["name"]) for row in page.rows] == [("Anna", "Test NVR")] * 2


async def test_where_everybody_is_an_administrator_there_is_nobody_to_choose(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    done = await open_options(hass, entry, "access_user")
    assert (done["type"], done["reason"]) == (FlowResultType.ABORT, "no_users")


async def test_channel_that_is_gone_can_be_chosen_still_but_nothing_else(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    rules = AccessRules(Rights({Action.LIVE: frozenset({9})}))
    hass.config_entries.async_update_entry(entry, options={CONF_ACCESS: rules.to_json()})
    done = await choose(hass, entry, "access_default", {"live": ["9", "1"]})
    assert done["type"] is FlowResultType.CREATE_ENTRY
    with pytest.raises(InvalidData):
        await choose(hass, entry, "access_default", {"live": ["7"]})


async def test_forms_leave_one_another_alone(hass: HomeAssistant, entry: MockConfigEntry, anna: User) -> None:
    hub = entry.runtime_data.hub
    await choose(hass, entry, "audit", {"audit_days": 30})
    await choose(hass, entry, "access_default", {"live": ["all"]})
    assert entry.runtime_data.hub is hub
    assert entry.options[CONF_AUDIT_DAYS] == 30
    await choose(hass, entry, "settings", SETTINGS)
    assert entry.runtime_data.hub is not hub
    assert (entry.options[CONF_GRACE_TIME], entry.options[CONF_AUDIT_DAYS]) == (45, 30)
    assert may(hass, anna, entry) == {1: {"live"}, 2: {"live"}}
    await choose(hass, entry, "access_default", EVERYTHING)
    assert entry.options.keys() >= {CONF_GRACE_TIME, CONF_IGNORED_CHANNELS, CONF_AUDIT_DAYS}
    form = await open_settings(hass, entry)
    assert form["step_id"] == "settings"


async def test_users_that_are_gone_leave_the_table(hass: HomeAssistant, entry: MockConfigEntry, anna: User) -> None:
    rules = AccessRules(users={anna.id: Rights({Action.LIVE: None}), "gone while we were off": Rights({})})
    hass.config_entries.async_update_entry(entry, options={CONF_ACCESS: rules.to_json(), CONF_AUDIT_DAYS: 30})
    await async_forget_users(hass)
    assert entry.options[CONF_ACCESS]["users"].keys() == {anna.id}
    await hass.auth.async_remove_user(anna)
    await hass.async_block_till_done()
    assert entry.options[CONF_ACCESS]["users"] == {}
    assert entry.options[CONF_AUDIT_DAYS] == 30


async def test_diagnostics_count_and_name_nobody(
    hass: HomeAssistant, entry: MockConfigEntry, anna: User, hass_client: ClientSessionGenerator
) -> None:
    assert await async_setup_component(hass, "diagnostics", {})
    rules = AccessRules(users={anna.id: Rights({Action.LIVE: None})})
    hass.config_entries.async_update_entry(entry, options={CONF_ACCESS: rules.to_json()})
    authorize(hass, anna, Action.PTZ, entry, 1)
    shared(hass).audit.record_denial({"user_id": anna.id})
    found: Any = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    assert found["entry"]["options"][CONF_ACCESS] == {"default": dict.fromkeys(Action, "all"), "exceptions": 1}
    assert found["audit"]["waiting"] == 1
    assert anna.id not in str(found)
