"""What helps when something is wrong: diagnostics without secrets, health, logbook, repairs, words for everything."""

import ast
from collections.abc import Callable
import json
from pathlib import Path
import re
from typing import Any

from homeassistant.components.repairs import DOMAIN as REPAIRS_DOMAIN, ConfirmRepairFlow
from homeassistant.core import Event, HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import device_registry as dr, entity_registry as er, issue_registry as ir
from homeassistant.helpers.translation import async_get_translations
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import get_system_health_info
from pytest_homeassistant_custom_component.components.diagnostics import (
    get_diagnostics_for_config_entry,
    get_diagnostics_for_device,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.nvr import async_remove_entry, issues
from custom_components.nvr.const import (
    DOMAIN,
    EVENT_CHANNEL_OFFLINE,
    EVENT_DETECTION,
    EVENT_MEDIA_ACCESSED,
    EVENT_ONLINE,
    EVENT_STREAM_STARTED,
    EVENT_STREAM_STOPPED,
)
from custom_components.nvr.core.models import EventKind
from custom_components.nvr.errors import KEYS
from custom_components.nvr.logbook import async_describe_events
from custom_components.nvr.repairs import async_create_fix_flow
from tests.simulators.hikvision import PASSWORD, USER, HikvisionSimulator

from .conftest import WRONG_PASSWORD, events_up, every_family, make_entry, set_up
from .recorders import Recorder, family_of

PACKAGE = Path(__file__).parents[2] / "custom_components" / "nvr"
LANGUAGES = ("en", "es")


def secrets(nvr: Recorder) -> list[str]:
    """Return what must be in no text: of the login, of the recorder, of its cameras."""
    device = nvr.device
    texts = [
        PASSWORD,
        f'"{USER}"',
        nvr.serial,
        device.mac,
        device.mac.replace(":", ""),
        "127.0.0.1",
        f'"{device.name}"',
    ]
    for channel in device.channels.values():
        texts += [channel.serial, channel.address]
    return [*filter(None, texts), "Front door"]


@every_family
async def test_diagnostics_help_and_hold_no_secret(
    hass: HomeAssistant, nvr: Recorder, hass_client: ClientSessionGenerator
) -> None:
    assert await async_setup_component(hass, "diagnostics", {})
    entry = make_entry(nvr)
    hub = await set_up(hass, entry)
    await events_up(hub)
    found: Any = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    text = json.dumps(found)
    for secret in secrets(nvr):
        assert secret not in text, secret
    assert found["recorder"]["model"] == family_of(nvr).model
    assert found["statistics"]["requests"] == nvr.counters.requests
    assert found["event_stream"] == "alive"
    assert found["edges"]["0"]["online"] is True
    assert [channel["number"] for channel in found["channels"]] == [1, 2, 3, 4]
    identifier = (DOMAIN, f"{nvr.serial}_2")
    device = dr.async_get(hass).async_get_device_by_identifier(identifier, entry.entry_id)
    assert device is not None
    one: Any = await get_diagnostics_for_device(hass, hass_client, entry, device)
    assert [channel["number"] for channel in one["channels"]] == [2]
    assert nvr.serial not in json.dumps(one)


async def test_diagnostics_of_a_recorder_that_is_away(
    hass: HomeAssistant, nvr: HikvisionSimulator, hass_client: ClientSessionGenerator
) -> None:
    assert await async_setup_component(hass, "diagnostics", {})
    entry = make_entry(nvr)
    await set_up(hass, entry)
    await hass.config_entries.async_unload(entry.entry_id)
    await nvr.power_off()
    await hass.config_entries.async_setup(entry.entry_id)
    found: Any = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    assert found["connected"] is False
    assert found["edges"]["0"]["failing_since"] is not None
    assert nvr.serial not in json.dumps(found)


@every_family
async def test_diagnostics_of_a_recorder_that_is_not_set_up(
    hass: HomeAssistant, nvr: Recorder, hass_client: ClientSessionGenerator
) -> None:
    assert await async_setup_component(hass, "diagnostics", {})
    entry = make_entry(nvr)
    await events_up(await set_up(hass, entry))
    identifier = (DOMAIN, f"{nvr.serial}_2")
    device = dr.async_get(hass).async_get_device_by_identifier(identifier, entry.entry_id)
    assert device is not None
    await hass.config_entries.async_unload(entry.entry_id)
    hass.config_entries.async_update_entry(entry, data={**entry.data, "password": WRONG_PASSWORD})
    assert not await hass.config_entries.async_setup(entry.entry_id)
    found: Any = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    assert (found["entry"]["state"], found["entry"]["reason"]) == ("setup_error", "auth")
    assert found["remembered"]["info"]["model"] == family_of(nvr).model
    assert [channel["number"] for channel in found["remembered"]["channels"]] == [1, 2, 3, 4]
    one: Any = await get_diagnostics_for_device(hass, hass_client, entry, device)
    assert [channel["number"] for channel in one["remembered"]["channels"]] == [2]
    text = json.dumps([found, one])
    for secret in (WRONG_PASSWORD, *secrets(nvr)):
        assert secret not in text, secret


async def test_diagnostics_of_a_recorder_that_was_never_reached(
    hass: HomeAssistant, nvr: HikvisionSimulator, hass_client: ClientSessionGenerator
) -> None:
    assert await async_setup_component(hass, "diagnostics", {})
    await nvr.power_off()
    entry = make_entry(nvr)
    entry.add_to_hass(hass)
    assert not await hass.config_entries.async_setup(entry.entry_id)
    found: Any = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    assert (found["entry"]["state"], found["entry"]["reason"]) == ("setup_retry", "unreachable")
    assert (found["remembered"]["info"], found["remembered"]["channels"]) == (None, [])


async def test_system_health_counts(hass: HomeAssistant, nvr: HikvisionSimulator) -> None:
    assert await async_setup_component(hass, "system_health", {})
    hub = await set_up(hass, make_entry(nvr))
    await events_up(hub)
    assert await get_system_health_info(hass, DOMAIN) == {
        "recorders": 1,
        "recorders_online": 1,
        "event_streams_alive": 1,
        "channels": 4,
        "channels_online": 4,
    }


@pytest.mark.parametrize(
    ("language", "messages"),
    [
        (
            "en",
            [
                *("is online again", "went offline", "Line crossing", "Line crossing ended", "plays a recording"),
                *("is watched live", "was watched live for 0:00:09"),
                *("played a recording for 0:03:20", "showed its recording of 2026-11-20 04:00:00 to ?"),
            ],
        ),
        (
            "es",
            [
                *(
                    "vuelve a estar en l\u00ednea",
                    "se ha desconectado",
                    "Cruce de l\u00ednea",
                    "Cruce de l\u00ednea: fin",
                ),
                *("reproduce una grabaci\u00f3n", "se ve en directo", "se vio en directo durante 0:00:09"),
                "reprodujo una grabaci\u00f3n durante 0:03:20",
                "mostr\u00f3 su grabaci\u00f3n de 2026-11-20 04:00:00 a ?",
            ],
        ),
    ],
)
async def test_logbook_speaks_as_the_entities_do(hass: HomeAssistant, language: str, messages: list[str]) -> None:
    hass.config.language = language
    # Home Assistant does so itself when it loads an integration.
    await async_get_translations(hass, language, "entity", {DOMAIN})
    described: dict[str, Callable[[Event[Any]], dict[str, Any]]] = {}

    def describe(domain: str, event_type: str, to_words: Callable[[Event[Any]], dict[str, Any]]) -> None:
        assert domain == DOMAIN
        described[event_type] = to_words

    async_describe_events(hass, describe)
    driveway = {"name": "Test NVR", "channel_name": "Driveway", "entity_id": "camera.driveway"}
    line = {"name": "Test NVR", "channel_name": "Garden", "kind": "line_crossing", "phase": "start"}
    told = [
        described[name](Event(name, data))
        for name, data in (
            (EVENT_ONLINE, {"name": "Test NVR"}),
            (EVENT_CHANNEL_OFFLINE, driveway),
            (EVENT_DETECTION, line),
            (EVENT_DETECTION, {**line, "phase": "stop"}),
            (EVENT_STREAM_STARTED, driveway),
            (EVENT_STREAM_STARTED, {**driveway, "kind": "live"}),
            (EVENT_STREAM_STOPPED, {**driveway, "kind": "live", "duration": 9.1}),
            (EVENT_STREAM_STOPPED, {**driveway, "duration": 200.4}),
            (EVENT_MEDIA_ACCESSED, {**driveway, "start": "2026-11-20T13:00:00+01:00", "end": None}),
        )
    ]
    assert [entry["name"] for entry in told] == ["Test NVR", "Driveway", "Garden", "Garden", *["Driveway"] * 5]
    assert [entry["message"] for entry in told] == messages
    assert told[1]["entity_id"] == "camera.driveway"


@pytest.mark.parametrize(
    ("language", "messages"),
    [
        (
            "en",
            [
                "is online again after 0:03:20",
                "went offline: the NVR has lost the camera",
                "went offline: auth",
                "Line crossing (person, rule IVS-1)",
                "Number plate AB 123",
            ],
        ),
        (
            "es",
            [
                "vuelve a estar en línea tras 0:03:20",
                "se ha desconectado: el NVR ha perdido la cámara",
                "se ha desconectado: auth",
                "Cruce de línea (persona, regla IVS-1)",
                "Matrícula AB 123",
            ],
        ),
    ],
)
async def test_logbook_says_why_how_long_and_who(hass: HomeAssistant, language: str, messages: list[str]) -> None:
    hass.config.language = language
    for category in ("common", "entity"):
        await async_get_translations(hass, language, category, {DOMAIN})
    described: dict[str, Callable[[Event[Any]], dict[str, Any]]] = {}
    async_describe_events(hass, lambda _domain, name, to_words: described.update({name: to_words}))
    line = {"name": "Test NVR", "channel_name": "Garden", "kind": "line_crossing", "phase": "start"}
    told = [
        described[name](Event(name, data))
        for name, data in (
            (EVENT_ONLINE, {"name": "Test NVR", "downtime": 200, "reason": "timeout"}),
            (EVENT_CHANNEL_OFFLINE, {"channel_name": "Garden", "reason": "camera_offline"}),
            (EVENT_CHANNEL_OFFLINE, {"channel_name": "Garden", "reason": "auth"}),
            (EVENT_DETECTION, {**line, "target": "person", "rule": "IVS-1"}),
            (EVENT_DETECTION, {**line, "kind": "plate", "phase": "pulse", "plate": "AB 123", "target": None}),
        )
    ]
    assert [entry["message"] for entry in told] == messages


async def test_notice_of_another_camera_is_settled_by_reading_it(
    hass: HomeAssistant, nvr: HikvisionSimulator, issue_registry: ir.IssueRegistry
) -> None:
    assert await async_setup_component(hass, REPAIRS_DOMAIN, {})
    entry = make_entry(nvr)
    hub = await set_up(hass, entry)
    issues.async_camera_changed(hass, entry, hub.channels[0], "IPC-OLD")
    issue_id = f"{entry.entry_id}_camera_changed_1"
    flow = await async_create_fix_flow(hass, issue_id, None)
    assert isinstance(flow, ConfirmRepairFlow)
    flow.hass, flow.handler, flow.context = hass, DOMAIN, {"issue_id": issue_id}
    shown = await flow.async_step_init()
    assert (shown["type"], shown["step_id"]) == (FlowResultType.FORM, "confirm")
    assert shown["description_placeholders"] == {
        "name": "Test NVR",
        "channel": "1",
        "channel_name": "Front door",
        "old_model": "IPC-OLD",
        "new_model": hub.channels[0].model,
    }
    assert (await flow.async_step_confirm({}))["type"] is FlowResultType.CREATE_ENTRY


async def test_removing_the_entry_forgets_everything(
    hass: HomeAssistant, nvr: HikvisionSimulator, hass_storage: dict[str, Any], issue_registry: ir.IssueRegistry
) -> None:
    entry = make_entry(nvr)
    hub = await set_up(hass, entry)
    issues.async_camera_changed(hass, entry, hub.channels[0], "IPC-OLD")
    await hass.config_entries.async_remove(entry.entry_id)
    assert f"nvr.{entry.entry_id}" not in hass_storage
    assert [issue for (domain, issue) in issue_registry.issues if domain == DOMAIN] == []
    await async_remove_entry(hass, entry)


def load(language: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((PACKAGE / "translations" / f"{language}.json").read_text(encoding="utf-8"))
    return found


def flat(node: Any, path: str = "") -> dict[str, str]:
    if isinstance(node, str):
        return {path: node}
    return {key: text for name, child in node.items() for key, text in flat(child, f"{path}.{name}").items()}


def test_languages_say_the_same_things() -> None:
    english, *others = (flat(load(language)) for language in LANGUAGES)
    for other in others:
        assert other.keys() == english.keys()
        for key, text in english.items():
            assert set(re.findall(r"{(\w+)}", other[key])) == set(re.findall(r"{(\w+)}", text)), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_texts_follow_the_rules_for_translations(language: str) -> None:
    for key, text in flat(load(language)).items():
        assert text == text.strip(), key
        assert text, key
        assert not re.search(r"<[a-zA-Z/]|https?://|\[%key|'{\w+}'", text), key
    for path in flat(load(language)):
        assert all(re.fullmatch(r"[a-z0-9_-]+", part) for part in path.split(".")[1:]), path


def test_every_field_of_every_form_is_described() -> None:
    def check(step: dict[str, Any], where: str) -> None:
        assert step.get("data", {}).keys() == step.get("data_description", {}).keys(), where
        for name, section in step.get("sections", {}).items():
            assert section["name"], name
            check(section, f"{where}.{name}")

    texts = load("en")
    for part in ("config", "options"):
        for name, step in texts[part]["step"].items():
            assert step["title"], name
            assert step["description"], name
            check(step, f"{part}.{name}")


def test_every_error_has_words() -> None:
    texts = load("en")
    keys = {key for _, key in KEYS} | {"locked_unknown"}
    assert keys <= texts["exceptions"].keys()
    form = (keys - {"conflict", "unsupported", "other_recorder"}) | {"not_an_nvr", "invalid_host"}
    form |= {"certificate_changed", "certificate_unverified"}
    assert form <= texts["config"]["error"].keys()
    keys_of_issues = {issues.LOCKED, issues.PERMISSION, issues.EVENTS_PERMISSION, issues.OTHER_RECORDER}
    assert keys_of_issues | {issues.CAMERA_CHANGED} <= texts["issues"].keys()


def test_every_abort_of_the_flow_has_words() -> None:
    source = (PACKAGE / "config_flow.py").read_text(encoding="utf-8")
    reasons = {
        keyword.value.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "reason" and isinstance(keyword.value, ast.Constant)
    }
    assert reasons
    assert reasons <= load("en")["config"]["abort"].keys()


def test_every_event_kind_has_words() -> None:
    states = load("en")["entity"]["event"]["events"]["state_attributes"]["event_type"]["state"]
    assert states.keys() == {name for kind in EventKind for name in (kind.value, f"{kind.value}_ended")}


async def test_every_entity_has_a_name_and_an_icon(
    hass: HomeAssistant, nvr: HikvisionSimulator, entity_registry: er.EntityRegistry
) -> None:
    entry = make_entry(nvr)
    await set_up(hass, entry)
    names = await async_get_translations(hass, "en", "entity", [DOMAIN])
    icons = json.loads((PACKAGE / "icons.json").read_text(encoding="utf-8"))["entity"]
    for entity in er.async_entries_for_config_entry(entity_registry, entry.entry_id):
        if entity.translation_key is None:
            assert entity.domain == "camera"
            continue
        key = f"component.{DOMAIN}.entity.{entity.domain}.{entity.translation_key}.name"
        assert key in names, key
        assert entity.translation_key in icons[entity.domain]
    assert all(icon.startswith("mdi:") for icon in flat(icons).values())
