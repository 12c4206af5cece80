"""Cameras: which one is enabled, its stills, its stream, and what happens when the login is refused."""

import asyncio
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from homeassistant.components.camera import async_get_image, async_get_stream_source
from homeassistant.components.camera.const import DATA_CAMERA_PREFS
from homeassistant.components.camera.helper import get_camera_from_entity_id
from homeassistant.config_entries import RELOAD_AFTER_UPDATE_DELAY, ConfigEntryState
from homeassistant.const import EVENT_HOMEASSISTANT_STARTED, STATE_UNAVAILABLE
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er, issue_registry as ir
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.nvr.const import CONF_CAMERA_PROFILE, CONF_RTSP_PORT, DOMAIN
from tests.simulators.hikvision import HikvisionSimulator, PathFault

from .conftest import StartSimulator, events_up, every_family, make_entry, open_settings, set_up, state, until

FRONT_DOOR = "camera.front_door"


def enabled(registry: er.EntityRegistry, entry_id: str) -> set[str]:
    entries = er.async_entries_for_config_entry(registry, entry_id)
    return {entry.unique_id.rpartition("_")[2] for entry in entries if entry.domain == "camera" and not entry.disabled}


async def test_automatic_profile_is_what_every_browser_plays(
    hass: HomeAssistant, nvr: HikvisionSimulator, entity_registry: er.EntityRegistry
) -> None:
    nvr.set_codec(1, "H.264")
    nvr.set_codec(2, "H.265")
    entry = make_entry(nvr)
    hub = await set_up(hass, entry)
    for number, role in ((1, "main"), (2, "sub")):
        entity_id = hub.camera_entity_id(number)
        assert entity_id is not None
        known = entity_registry.async_get(entity_id)
        assert known is not None
        assert known.unique_id == f"{nvr.serial}_{number}_camera_{role}"


async def test_automatic_choice_stays_when_the_codec_changes(hass: HomeAssistant, nvr: HikvisionSimulator) -> None:
    nvr.set_codec(1, "H.264")
    entry = make_entry(nvr)
    before = (await set_up(hass, entry)).camera_entity_id(1)
    nvr.set_codec(1, "H.265")
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    assert entry.runtime_data.hub.camera_entity_id(1) == before
    assert state(hass, before) != STATE_UNAVAILABLE


async def test_profile_option_moves_the_enabled_camera(
    hass: HomeAssistant, nvr: HikvisionSimulator, entity_registry: er.EntityRegistry
) -> None:
    entry = make_entry(nvr, options={CONF_CAMERA_PROFILE: "main"})
    await set_up(hass, entry)
    assert enabled(entity_registry, entry.entry_id) == {"main"}
    hass.config_entries.async_update_entry(entry, options={CONF_CAMERA_PROFILE: "sub"})
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    assert enabled(entity_registry, entry.entry_id) == {"sub"}
    assert entry.runtime_data.hub.camera_entity_id(1) is not None


async def test_profile_option_reloads_once(
    hass: HomeAssistant, nvr: HikvisionSimulator, entity_registry: er.EntityRegistry
) -> None:
    entry = make_entry(nvr, options={CONF_CAMERA_PROFILE: "main"})
    await set_up(hass, entry)
    flow = await open_settings(hass, entry)
    answers = {
        "channels": {"camera_profile": "sub"},
        "events": {},
        "streams": {"rtsp_transport": "tcp"},
        "connection": {"grace_time": 30},
    }
    await hass.config_entries.options.async_configure(flow["flow_id"], answers)
    await hass.async_block_till_done()
    hub = entry.runtime_data.hub
    assert enabled(entity_registry, entry.entry_id) == {"sub"}
    assert state(hass, hub.camera_entity_id(1)) != STATE_UNAVAILABLE
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=RELOAD_AFTER_UPDATE_DELAY + 1))
    await hass.async_block_till_done()
    # From 2026.11 on the registry does not let an entity be off with an entry that is on: one reload more.
    assert entry.runtime_data.hub is hub or not version("homeassistant").startswith("2026.10.")
    assert enabled(entity_registry, entry.entry_id) == {"sub"}


async def test_profile_option_leaves_alone_what_the_user_enabled(
    hass: HomeAssistant, nvr: HikvisionSimulator, entity_registry: er.EntityRegistry
) -> None:
    nvr.set_codec(1, "H.264")
    entry = make_entry(nvr, options={CONF_CAMERA_PROFILE: "main"})
    await set_up(hass, entry)

    def camera(role: str) -> er.RegistryEntry:
        entity_id = entity_registry.async_get_entity_id("camera", DOMAIN, f"{nvr.serial}_1_camera_{role}")
        assert entity_id is not None
        return entity_registry.entities[entity_id]

    entity_registry.async_update_entity(camera("sub").entity_id, disabled_by=None)
    for profile, disabled in (("auto", ""), ("sub", "main"), ("main", "sub")):
        hass.config_entries.async_update_entry(entry, options={CONF_CAMERA_PROFILE: profile})
        await hass.config_entries.async_reload(entry.entry_id)
        await hass.async_block_till_done()
        assert "".join(role for role in ("main", "sub") if camera(role).disabled) == disabled, profile
    entity_registry.async_update_entity(camera("sub").entity_id, disabled_by=er.RegistryEntryDisabler.USER)
    hass.config_entries.async_update_entry(entry, options={CONF_CAMERA_PROFILE: "sub"})
    await hass.config_entries.async_reload(entry.entry_id)
    assert camera("sub").disabled_by is er.RegistryEntryDisabler.USER


@every_family
async def test_stills_are_shared_for_a_second(hass: HomeAssistant, nvr: HikvisionSimulator) -> None:
    await set_up(hass, make_entry(nvr))
    images = await asyncio.gather(*(async_get_image(hass, FRONT_DOOR) for _ in range(8)))
    assert {image.content[:2] for image in images} == {b"\xff\xd8"}
    assert nvr.counters.snapshots == 1
    await asyncio.sleep(1.1)
    await async_get_image(hass, FRONT_DOOR)
    assert nvr.counters.snapshots == 2


async def test_a_refused_still_says_why(hass: HomeAssistant, nvr: HikvisionSimulator) -> None:
    await set_up(hass, make_entry(nvr))
    nvr.faults.snapshot.mode = "lowPrivilege"
    with pytest.raises(HomeAssistantError) as raised:
        await async_get_image(hass, FRONT_DOOR)
    assert raised.value.translation_key == "permission"


async def test_stream_source_is_stable_and_holds_the_login_encoded(
    hass: HomeAssistant, start_simulator: StartSimulator
) -> None:
    password = "p:a/s@s%?#"
    nvr = await start_simulator(channels=1, password=password)
    await set_up(hass, make_entry(nvr, password=password, options={CONF_RTSP_PORT: 8554}))
    source = await async_get_stream_source(hass, FRONT_DOOR)
    assert source is not None
    parts = urlsplit(source)
    assert (parts.scheme, parts.hostname, parts.port) == ("rtsp", "127.0.0.1", 8554)
    assert unquote(parts.password or "") == password
    assert await async_get_stream_source(hass, FRONT_DOOR) == source
    requests = nvr.counters.requests
    await async_get_stream_source(hass, FRONT_DOOR)
    assert nvr.counters.requests == requests


async def stream(hass: HomeAssistant) -> Any:
    """Start the live stream of the front door, as a browser would."""
    camera = get_camera_from_entity_id(hass, FRONT_DOOR)
    found = await camera.async_create_stream()
    assert found is not None
    found.add_provider("hls")
    await found.start()
    return found


@every_family
async def test_live_stream_plays_and_unload_ends_it(hass: HomeAssistant, start_simulator: StartSimulator) -> None:
    nvr = await start_simulator(channels=1, rtsp=True, h264_only=True)
    entry = make_entry(nvr)
    await set_up(hass, entry)
    running = await stream(hass)
    await until(lambda: nvr.rtsp.counters.sessions_open.total() > 0, 20)
    assert running.available
    assert await hass.config_entries.async_unload(entry.entry_id)
    await until(lambda: nvr.rtsp.counters.sessions_open.total() == 0, 20)


async def test_stream_that_cannot_be_begun_ends_no_preload_of_others_and_is_told_to_who_asks(
    hass: HomeAssistant, start_simulator: StartSimulator, hass_ws_client: WebSocketGenerator, tmp_path: Path
) -> None:
    away = await start_simulator(channels=1)
    other = await start_simulator(channels=1, number=2, rtsp=True, h264_only=True)
    # The loop of Home Assistant over the cameras waits for its start.
    hass.set_state(CoreState.starting)
    for nvr in (away, other):
        await set_up(hass, make_entry(nvr))
    for entity_id in (FRONT_DOOR, "camera.front_door_2"):
        await hass.data[DATA_CAMERA_PREFS].async_update(entity_id, preload_stream=True)
    await away.power_off()
    await asyncio.sleep(2.1)  # until the recorder's last yes to the login is too old
    hass.set_state(CoreState.running)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STARTED)
    await until(lambda: other.rtsp.counters.sessions_open.total() > 0, 20)
    assert get_camera_from_entity_id(hass, FRONT_DOOR).stream is None
    client = await hass_ws_client(hass)
    await client.send_json_auto_id({"type": "camera/stream", "entity_id": FRONT_DOOR})
    answer = await client.receive_json()
    assert not answer["success"]
    assert "Nothing answers at Test NVR" in answer["error"]["message"]
    film = {"entity_id": FRONT_DOOR, "filename": str(tmp_path / "film.mp4")}
    with pytest.raises(HomeAssistantError, match="Nothing answers at Test NVR"):
        await hass.services.async_call("camera", "record", film, blocking=True)


async def test_changed_password_ends_streams_before_they_are_tried_again(
    hass: HomeAssistant, start_simulator: StartSimulator
) -> None:
    nvr = await start_simulator(channels=2, rtsp=True, h264_only=True)
    entry = make_entry(nvr)
    hub = await set_up(hass, entry)
    await events_up(hub)
    await stream(hass)
    await until(lambda: nvr.rtsp.counters.sessions_open.total() > 0, 20)
    nvr.change_password("another-fake-pass")
    nvr.login.forget_nonces()
    await nvr.rtsp.drop_channel(1)
    await until(lambda: hub.link.login_refused, 30)
    await until(lambda: get_camera_from_entity_id(hass, FRONT_DOOR).stream is None)
    await until(lambda: nvr.counters.alert_streams_active == 0)
    await hass.async_block_till_done()
    assert await async_get_stream_source(hass, FRONT_DOOR) is None
    assert state(hass, FRONT_DOOR) == STATE_UNAVAILABLE
    assert [flow["context"]["source"] for flow in hass.config_entries.flow.async_progress()] == ["reauth"]
    before = nvr.counters.auth_failures
    assert before <= 2
    await asyncio.sleep(3)
    assert nvr.counters.auth_failures == before
    assert entry.state is ConfigEntryState.LOADED


async def test_missing_right_is_a_repair_issue_and_no_new_password(
    hass: HomeAssistant, nvr: HikvisionSimulator, issue_registry: ir.IssueRegistry
) -> None:
    entry = make_entry(nvr)
    await set_up(hass, entry)
    nvr.faults.paths["/ISAPI/ContentMgmt/InputProxy/*"] = PathFault(kind="status", status=403, sub="lowPrivilege")
    await entry.runtime_data.coordinator.async_refresh()
    assert issue_registry.async_get_issue(DOMAIN, f"{entry.entry_id}_permission") is not None
    assert hass.config_entries.flow.async_progress() == []
    nvr.faults.paths.clear()
    await entry.runtime_data.coordinator.async_refresh()
    assert issue_registry.async_get_issue(DOMAIN, f"{entry.entry_id}_permission") is None
