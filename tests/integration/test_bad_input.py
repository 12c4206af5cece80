"""Hostile, broken, truncated and reordered input from the recorder: a clear error, and nothing else is lost by it."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from aiohttp.test_utils import TestClient
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import async_capture_events
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.nvr.const import DOMAIN, EVENT_DETECTION
from custom_components.nvr.core.drivers.hikvision import HikvisionDriver
from custom_components.nvr.core.errors import NvrResponseError, NvrUnsupportedError
from custom_components.nvr.core.models import TimeSpan
from custom_components.nvr.playback import start_playback
from tests.contract.rig import config_for
from tests.simulators.hikvision import HikvisionSimulator, PathFault

from .conftest import StartSimulator, events_up, make_entry, set_up, until
from .footage_helpers import Player

pytestmark = pytest.mark.usefixtures("nothing_unhandled")

FRONT = "camera.front_door"
LAUGHS = (
    '<!DOCTYPE l [<!ENTITY a "ha">' + "".join(f'<!ENTITY a{n} "{"&a;" * 1000}">' for n in range(9)) + "]><l>&a8;</l>"
)
BAD = {
    "doctype": PathFault(kind="doctype"),
    "laughs": PathFault(kind="body", body=LAUGHS),
    "external": PathFault(kind="body", body='<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>'),
    "deep": PathFault(kind="body", body="<a>" * 20_000 + "</a>" * 20_000),
    "utf-16": PathFault(kind="body", body="<DeviceInfo/>".encode("utf-16").decode("latin-1")),
    "html": PathFault(kind="html", status=200),
    "truncated": PathFault(kind="truncated"),
    "short": PathFault(kind="short"),
    "garbage": PathFault(kind="garbage"),
    "empty": PathFault(kind="empty"),
}
OPTIONAL = (
    "System/capabilities",
    "System/time",
    "System/status",
    "Security/adminAccesses",
    "ContentMgmt/InputProxy/channels/status",
    "Streaming/channels",
    "Event/triggers",
    "ContentMgmt/record/tracks",
    "ContentMgmt/Storage",
)
NEEDED = ("System/deviceInfo", "ContentMgmt/InputProxy/channels")


async def connect(nvr: HikvisionSimulator, path: str, fault: PathFault) -> HikvisionDriver:
    """Connect while one document is bad."""
    nvr.faults.paths = {f"/ISAPI/{path}": PathFault(fault.kind, status=fault.status, body=fault.body)}
    driver = HikvisionDriver(config_for(nvr))
    try:
        await driver.connect()
    finally:
        await driver.close()
    return driver


@pytest.mark.parametrize("path", OPTIONAL)
async def test_setup_does_without_a_document_that_is_bad(start_simulator: StartSimulator, path: str) -> None:
    nvr = await start_simulator(channels=4)
    for name, fault in BAD.items():
        driver = await connect(nvr, path, fault)
        assert [channel.number for channel in driver.channels] == [1, 2, 3, 4], name
        assert any(path in note for note in driver.capabilities.notes), (name, driver.capabilities.notes)
    assert nvr.counters.auth_failures == 0


@pytest.mark.parametrize("path", NEEDED)
async def test_setup_says_what_it_cannot_do_without(start_simulator: StartSimulator, path: str) -> None:
    nvr = await start_simulator(channels=4)
    for fault in BAD.values():
        with pytest.raises((NvrResponseError, NvrUnsupportedError)) as raised:
            await connect(nvr, path, fault)
        assert "127.0.0.1" not in str(raised.value)


async def test_home_assistant_lives_with_a_recorder_whose_answers_turn_bad(
    hass: HomeAssistant, start_simulator: StartSimulator
) -> None:
    nvr = await start_simulator(channels=2)
    for path in OPTIONAL:
        nvr.faults.paths[f"/ISAPI/{path}"] = PathFault(kind="body", body=LAUGHS)
    entry = make_entry(nvr)
    hub = await set_up(hass, entry)
    await events_up(hub)
    assert len(hass.states.async_entity_ids("camera")) == 2
    coordinator = entry.runtime_data.coordinator
    for path, fault in (("ContentMgmt/InputProxy/channels", BAD["deep"]), ("ContentMgmt/search", BAD["html"])):
        nvr.faults.paths[f"/ISAPI/{path}"] = PathFault(fault.kind, status=fault.status, body=fault.body)
    await coordinator.async_refresh()
    assert not coordinator.last_update_success
    assert coordinator.last_exception.translation_key == "response"
    # It answers, so it is not away.
    assert hub.online
    answer = await hass.services.async_call(
        DOMAIN, "search_recordings", {"entity_id": FRONT}, blocking=True, return_response=True
    )
    assert answer is not None
    assert "could not be understood" in str(answer["errors"])
    nvr.faults.paths.clear()
    await coordinator.async_refresh()
    assert coordinator.last_update_success
    answer = await hass.services.async_call(
        DOMAIN, "search_recordings", {"entity_id": FRONT}, blocking=True, return_response=True
    )
    assert answer is not None
    assert answer["errors"] == {}
    assert FRONT in str(answer["cameras"])


async def test_first_setup_with_a_hostile_channel_list_is_tried_again_with_the_reason(
    hass: HomeAssistant, start_simulator: StartSimulator
) -> None:
    nvr = await start_simulator(channels=2)
    nvr.faults.paths["/ISAPI/ContentMgmt/InputProxy/channels"] = PathFault(kind="body", body=LAUGHS)
    entry = make_entry(nvr)
    entry.add_to_hass(hass)
    assert not await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert entry.error_reason_translation_key == "response_to"
    assert "/ISAPI/ContentMgmt/InputProxy/channels" in str(entry.reason)
    nvr.faults.paths.clear()
    await hass.config_entries.async_reload(entry.entry_id)
    await events_up(await set_up(hass, entry))


async def test_bad_alerts_cost_no_other_alert(hass: HomeAssistant, start_simulator: StartSimulator) -> None:
    nvr = await start_simulator(channels=4)
    hub = await set_up(hass, make_entry(nvr))
    await events_up(hub)
    await until(lambda: nvr.counters.alert_streams_active == 1)
    bus = async_capture_events(hass, EVENT_DETECTION)
    part = nvr.alerts.renderer.part
    bad = [fault.body.encode("latin-1") for fault in BAD.values() if fault.kind == "body"]
    for number, body in enumerate([*bad, b"", b"\x00\xff" * 500, b"<EventNotificationAlert><eventType>VMD", b"{]"]):
        nvr.alerts.send(part('application/xml; charset="UTF-8"', body))
        assert nvr.emit("linedetection" if number % 2 else "fielddetection", 1 + number // 2)
    await until(lambda: len(bus) == 8)
    assert hub.link.stream_state == "alive"
    # Then some that lie about their length, each followed by one that does not, and one that is cut inside.
    for number, wrong_by in enumerate((-20, 5, 400), 1):
        nvr.set_faults(alerts__length_error=wrong_by)
        assert nvr.emit("regionEntrance", number)
        nvr.set_faults(alerts__length_error=0)
        assert nvr.emit("regionExiting", number)
    await until(lambda: len(bus) == 14)
    nvr.alerts.cut(inside_part=True)
    await until(lambda: hub.link.stream_state != "alive")
    await events_up(hub)
    await until(lambda: nvr.counters.alert_streams_active == 1)
    assert nvr.emit("regionExiting", 4)
    await until(lambda: bus[-1].data["channel"] == 4)


@dataclass(frozen=True, slots=True)
class Watching:
    """A player, the recorder it plays from, and the moment at its time 0."""

    nvr: HikvisionSimulator
    viewer: Player
    start: datetime


@pytest.fixture(name="player")
async def player_fixture(
    hass: HomeAssistant, start_simulator: StartSimulator, hass_client_no_auth: ClientSessionGenerator
) -> Watching:
    nvr = await start_simulator(channels=1, rtsp=True, h264_only=True)
    nvr.rtsp.faults.delivery = 20.0
    entry = make_entry(nvr)
    await set_up(hass, entry)
    client: TestClient[Any, Any] = await hass_client_no_auth()
    start = nvr.now().replace(microsecond=0) - timedelta(hours=2)
    link = await start_playback(hass, entry, 1, TimeSpan(start, start + timedelta(minutes=10)), None)
    return Watching(nvr, Player(client, link.path), link.span.start)


@pytest.mark.parametrize("faults", [{"reorder_every": 5}, {"drop_every": 23}, {"reorder_every": 7, "drop_every": 41}])
async def test_reordered_and_lost_packets_leave_pictures_at_their_right_time(
    player: Watching, faults: dict[str, int]
) -> None:
    nvr, viewer = player.nvr, player.viewer
    segments = await viewer.segments()
    for name, value in faults.items():
        setattr(nvr.rtsp.faults, name, value)
    at, wrong = 0.0, []
    for number, (name, length) in enumerate(segments):
        if number in {1, 2, 40}:
            shown = [(when, code) for when, code in await viewer.frames(name) if when >= at - 0.001]
            assert shown
            wrong += [abs((code.time - player.start).total_seconds() - when) for when, code in shown]
        at += length
    # A picture that is lost is covered by the one before; most are there, and they are where they belong.
    assert sorted(wrong)[len(wrong) // 2] <= 0.1
    assert nvr.rtsp.counters.sessions_open["playback"] == 1


async def test_stream_that_is_cut_again_and_again_is_told_in_words(hass: HomeAssistant, player: Watching) -> None:
    nvr, viewer = player.nvr, player.viewer
    assert await viewer.status() == 200
    nvr.rtsp.faults.cut_after_packets = 3
    begun = asyncio.get_running_loop().time()
    async with viewer.client.get(f"{viewer.base}/s60.m4s") as response:
        assert response.status == 503
        told = await response.json()
    assert asyncio.get_running_loop().time() - begun < 10
    assert told["code"] == "unreachable"
    assert "Test NVR" in told["message"]
    nvr.rtsp.faults.cut_after_packets = None
    assert await viewer.status("s60.m4s") == 200
    await hass.config_entries.async_unload(hass.config_entries.async_entries(DOMAIN)[0].entry_id)
    await until(lambda: nvr.rtsp.counters.connections_open == 0)
