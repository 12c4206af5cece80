"""The picture of the last event: taken when something begins, seldom, and for those who may watch."""

from http import HTTPStatus
from typing import Any

from aiohttp.test_utils import TestClient
from homeassistant import config_entries
from homeassistant.auth.const import GROUP_ID_USER
from homeassistant.core import HomeAssistant, State
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.nvr.access_rules import AccessRules, Rights
from custom_components.nvr.const import CONF_ACCESS
from custom_components.nvr.hub import NvrHub
from tests.simulators.hikvision import HikvisionSimulator, PathFault
from tests.simulators.hikvision.xmlout import el

from .conftest import events_up, make_entry, set_up, until
from .footage_helpers import token_of
from .happenings import cross_line, second_family_slow
from .picture_helpers import look
from .recorders import Recorder, family_of

PICTURE = "image.front_door_last_event"


async def ready(hass: HomeAssistant, nvr: Recorder, monkeypatch: pytest.MonkeyPatch) -> NvrHub:
    """Set the NVR up, and enable the picture as a person does."""
    monkeypatch.setattr(config_entries, "RELOAD_AFTER_UPDATE_DELAY", 0)
    entry = make_entry(nvr)
    await set_up(hass, entry)
    registry = er.async_get(hass)
    known = registry.async_get(PICTURE)
    assert known is not None
    assert known.disabled_by is er.RegistryEntryDisabler.INTEGRATION
    registry.async_update_entity(PICTURE, disabled_by=None)
    assert await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    hub: NvrHub = entry.runtime_data.hub
    await events_up(hub)
    await until(lambda: family_of(nvr).open(nvr)["event streams"] == 1)
    return hub


def shown(hass: HomeAssistant) -> State:
    found = hass.states.get(PICTURE)
    assert found is not None
    return found


async def picture(client: TestClient[Any, Any]) -> tuple[int, bytes]:
    async with client.get(f"/api/image_proxy/{PICTURE}") as answer:
        return answer.status, await answer.read()


@second_family_slow
async def test_a_picture_is_taken_when_something_begins(
    hass: HomeAssistant, nvr: Recorder, hass_client: ClientSessionGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ready(hass, nvr, monkeypatch)
    assert await async_setup_component(hass, "http", {})
    client = await hass_client()
    assert shown(hass).state == "unknown"
    cross_line(nvr, 2)
    cross_line(nvr, 1)
    await until(lambda: shown(hass).state != "unknown")
    told = shown(hass).attributes
    assert (told["kind"], told["target"]) == ("line_crossing", "person")
    status, jpeg = await picture(client)
    assert status == HTTPStatus.OK
    assert look(jpeg).code.channel == 1


async def test_a_picture_of_the_nvrs_own_stands_in_for_a_still(
    hass: HomeAssistant, nvr: HikvisionSimulator, hass_client: ClientSessionGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ready(hass, nvr, monkeypatch)
    assert await async_setup_component(hass, "http", {})
    client = await hass_client()
    path = "/ISAPI/Streaming/channels/101/picture"
    own = b"\xff\xd8" + b"taken by the NVR" * 4096 + b"\xff\xd9"
    monkeypatch.setattr("custom_components.nvr.image._PATIENCE", 0.3)
    assert nvr.emit("linedetection", 1, region=1, target="human", picture=own)
    await until(lambda: shown(hass).state != "unknown")
    told = shown(hass).attributes
    assert (told["kind"], told["target"]) == ("line_crossing", "person")
    assert await picture(client) == (HTTPStatus.OK, own)
    assert nvr.counters.by_path[path] == 0
    # One that is announced and does not come is not waited for.
    monkeypatch.setattr("custom_components.nvr.image._PAUSE", 0.0)
    assert nvr.emit("regionEntrance", 1, extra=[el("detectionPicturesNumber", 1)])
    await until(lambda: shown(hass).attributes["kind"] == "region_enter")
    assert nvr.counters.by_path[path] == 1
    assert (await picture(client))[1] != own


@pytest.mark.slow
async def test_pictures_of_a_row_of_events_are_few(
    hass: HomeAssistant, nvr: HikvisionSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ready(hass, nvr, monkeypatch)
    path = "/ISAPI/Streaming/channels/101/picture"
    cross_line(nvr, 1)
    await until(lambda: shown(hass).state != "unknown")
    before = nvr.counters.by_path[path]
    for kind in ("fielddetection", "regionEntrance", "facedetection"):
        nvr.emit(kind, 1)
    await until(lambda: hass.states.get("event.front_door_events").attributes["event_type"] == "face")  # type: ignore[union-attr]
    await hass.async_block_till_done(wait_background_tasks=False)
    assert nvr.counters.by_path[path] == before
    assert shown(hass).attributes["kind"] == "line_crossing"


@pytest.mark.slow
async def test_an_nvr_that_gives_no_picture_harms_nothing(
    hass: HomeAssistant, nvr: HikvisionSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ready(hass, nvr, monkeypatch)
    path = "/ISAPI/Streaming/channels/101/picture"
    nvr.faults.paths[path] = PathFault(kind="status", status=503, code=2, sub="deviceBusy")
    cross_line(nvr, 1)
    await until(lambda: nvr.counters.by_path[path])
    await until(lambda: hass.states.get("event.front_door_events").attributes["event_type"] == "line_crossing")  # type: ignore[union-attr]
    assert shown(hass).state == "unknown"


async def test_who_may_not_watch_gets_none(
    hass: HomeAssistant,
    nvr: Recorder,
    hass_client_no_auth: ClientSessionGenerator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hub = await ready(hass, nvr, monkeypatch)
    await hass.auth.async_create_user("owner")
    guest = await hass.auth.async_create_user("guest", group_ids=[GROUP_ID_USER])
    client = await hass_client_no_auth()
    headers = {"Authorization": f"Bearer {await token_of(hass, guest)}"}
    cross_line(nvr, 1)
    await until(lambda: shown(hass).state != "unknown")
    async with client.get(f"/api/image_proxy/{PICTURE}", headers=headers) as answer:
        assert answer.status == HTTPStatus.OK
    rules = AccessRules().with_user(guest.id, Rights())
    hass.config_entries.async_update_entry(hub.entry, options={CONF_ACCESS: rules.to_json()})
    await hass.async_block_till_done()
    async with client.get(f"/api/image_proxy/{PICTURE}", headers=headers) as answer:
        assert answer.status == HTTPStatus.INTERNAL_SERVER_ERROR
        assert b"\xff\xd8" not in await answer.read()
