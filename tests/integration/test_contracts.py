"""What Home Assistant's checker would ask of descriptions, by Home Assistant's own readers (home-assistant 10.6)."""

from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers import condition, config_validation as cv, selector, service, trigger
from homeassistant.setup import async_setup_component
import probatio
import pytest

from custom_components.nvr.condition import CONDITIONS
from custom_components.nvr.const import DOMAIN
from custom_components.nvr.export_actions import async_setup_export_actions
from custom_components.nvr.ptz_actions import async_setup_ptz_actions
from custom_components.nvr.services import async_setup_services
from custom_components.nvr.talk_actions import async_setup_talk_actions
from custom_components.nvr.trigger import TRIGGERS

TARGET = {str(key) for key in cv.ENTITY_SERVICE_FIELDS}


def fields_of(described: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the fields of an action, trigger or condition, those in sections too."""
    found: dict[str, dict[str, Any]] = {}
    for name, about in (described.get("fields") or {}).items():
        found |= fields_of(about) if "fields" in about else {name: about}
    return found


def faults(name: str, described: dict[str, Any]) -> list[str]:
    """Return what is wrong with the fields of one description."""
    found = []
    for field, about in fields_of(described).items():
        try:
            made: Any = selector.selector(about["selector"])
            if "default" in about:
                made(about["default"])
        except (KeyError, probatio.Invalid) as error:
            found.append(f"{name}.{field}: {error}")
    return found


async def test_actions_are_described_as_they_are_registered(hass: HomeAssistant) -> None:
    registering = (async_setup_services, async_setup_export_actions, async_setup_ptz_actions, async_setup_talk_actions)
    for register in registering:
        register(hass)
    described = (await service.async_get_all_descriptions(hass))[DOMAIN]
    registered = hass.services.async_services_for_domain(DOMAIN)
    assert described.keys() == registered.keys()
    for name, action in registered.items():
        schema = action.schema
        assert isinstance(schema, probatio.Schema), name
        keys = {str(key): key for key in schema.schema}
        own = keys.keys() - TARGET
        about = fields_of(described[name])
        assert about.keys() == own, name
        assert ("target" in described[name]) == ("entity_id" in keys), name
        required = {field for field, told in about.items() if told.get("required")}
        assert required == {field for field in own if isinstance(keys[field], probatio.Required)}, name
        assert ("response" in described[name]) == (action.supports_response.value != "none"), name
        assert faults(name, described[name]) == []


@pytest.mark.parametrize(
    ("helper", "names"), [(trigger, TRIGGERS), (condition, CONDITIONS)], ids=["trigger", "condition"]
)
async def test_triggers_and_conditions_are_described_as_they_are_offered(
    hass: HomeAssistant, helper: Any, names: dict[str, Any]
) -> None:
    assert await async_setup_component(hass, "automation", {})
    assert await async_setup_component(hass, DOMAIN, {})
    await hass.async_block_till_done()
    described = await helper.async_get_all_descriptions(hass)
    ours = {key.partition(".")[2]: about for key, about in described.items() if key.startswith(f"{DOMAIN}.")}
    assert ours.keys() == names.keys()
    for name, about in ours.items():
        assert about is not None, name
        assert about.get("target"), name
        assert faults(name, about) == []


def test_a_field_without_a_selector_is_found() -> None:
    wrong = {
        "fields": {"a": {"selector": {"nonsense": {}}}, "b": {}, "more": {"fields": {"c": {"selector": {"text": {}}}}}}
    }
    assert [fault.partition(":")[0] for fault in faults("x", wrong)] == ["x.a", "x.b"]
    assert fields_of(wrong).keys() == {"a", "b", "c"}
