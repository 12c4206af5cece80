"""Another recorder takes the address and the same login: nothing of it is taken for ours, and ours comes back."""

import asyncio
from datetime import timedelta
from typing import Any

from homeassistant.components.camera import async_get_image, async_get_stream_source
from homeassistant.components.camera.const import DATA_COMPONENT
from homeassistant.components.camera.helper import get_camera_from_entity_id
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import Event, HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.nvr.const import CONF_GRACE_TIME, DOMAIN, EVENT_DETECTION, EVENT_OFFLINE, EVENT_ONLINE
from custom_components.nvr.core.models import TimeSpan
from custom_components.nvr.hub import NvrHub
from custom_components.nvr.playback import start_playback
from custom_components.nvr.relocation import async_answers
from tests.simulators.hikvision import HikvisionSimulator, PathFault

from .conftest import StartSimulator, events_up, make_entry, set_up, state, until
from .footage_helpers import Player

FRONT = "camera.front_door"
DEVICE_INFO = "/ISAPI/System/deviceInfo"
POLLS = ("POLL_FAILING", "POLL_OFFLINE", "POLL_STEADY", "POLL_WITHOUT_EVENTS")


def polls(monkeypatch: pytest.MonkeyPatch, **seconds: float) -> None:
    for name, value in seconds.items():
        monkeypatch.setattr(f"custom_components.nvr.link.{name}", timedelta(seconds=value))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let polls and the event stream come back in tenths of seconds."""
    polls(monkeypatch, **dict.fromkeys(POLLS, 0.3))
    monkeypatch.setattr("custom_components.nvr.core.drivers.hikvision.events.BACK_OFF", (0.1, 0.2))


class Address:
    """One address and who is there: ours, or a stranger with more channels in which something moves all the time."""

    def __init__(self, start: StartSimulator, ours: HikvisionSimulator) -> None:
        self._start = start
        self.ours = ours
        self.other: HikvisionSimulator | None = None

    async def passes_to_another(self) -> HikvisionSimulator:
        if self.ours.powered:
            await self.ours.power_off()
        self.other = await self._start(
            channels=4,
            number=2,
            rtsp=self.ours.options.rtsp,
            h264_only=True,
            http_port=self.ours.http_port,
            rtsp_port=self.ours.rtsp_port,
        )
        for number in (1, 2):
            self.other.motion(number)
        return self.other

    async def comes_back(self) -> None:
        assert self.other is not None
        await self.other.power_off()
        await self.ours.power_on()


@pytest.fixture(name="address")
async def address_fixture(start_simulator: StartSimulator) -> Address:
    return Address(start_simulator, await start_simulator(channels=2))


def the_issue(hass: HomeAssistant, entry: MockConfigEntry) -> ir.IssueEntry | None:
    return ir.async_get(hass).async_get_issue(DOMAIN, f"{entry.entry_id}_other_recorder")


def announced(hass: HomeAssistant) -> list[Event[Any]]:
    events: list[Event[Any]] = []
    for name in (EVENT_ONLINE, EVENT_OFFLINE, EVENT_DETECTION):
        hass.bus.async_listen(name, events.append)
    return events


def entry_of(simulator: HikvisionSimulator, grace: float) -> MockConfigEntry:
    return make_entry(simulator, options={CONF_GRACE_TIME: grace})


async def assert_shut_out(hass: HomeAssistant, hub: NvrHub, other: HikvisionSimulator) -> None:
    """Try everything; the stranger hears nothing but the question who it is."""
    assert not hub.link.connected
    assert state(hass, FRONT) == STATE_UNAVAILABLE
    assert await async_get_stream_source(hass, FRONT) is None
    # By whoever holds the camera itself: its entity is unavailable.
    camera = hass.data[DATA_COMPONENT].get_entity(FRONT)
    assert camera is not None
    with pytest.raises(HomeAssistantError) as raised:
        await camera.async_camera_image()
    assert raised.value.translation_key == "other_recorder"
    for action in ("search_recordings", "list_recording_days"):
        data: dict[str, Any] = {"entity_id": FRONT}
        if action == "search_recordings":
            data |= {"start": "2026-01-01 00:00", "duration": {"hours": 1}}
        answer = await hass.services.async_call(DOMAIN, action, data, blocking=True, return_response=True)
        assert answer is not None
        assert "other_recorder" in str(answer["errors"])
    assert [channel.number for channel in hub.channels] == [1, 2]
    asked = {path for path in other.counters.by_path if "alertStream" not in path}
    assert asked == {DEVICE_INFO}
    await until(lambda: other.counters.alert_streams_active == 0)


async def test_swap_within_the_grace_time_is_found_and_undone(hass: HomeAssistant, address: Address) -> None:
    entry = entry_of(address.ours, 60)
    hub = await set_up(hass, entry)
    await events_up(hub)
    events = announced(hass)
    await address.ours.power_off()
    await until(lambda: hub.watch.failing(0))
    other = await address.passes_to_another()
    await until(lambda: the_issue(hass, entry) is not None)
    await asyncio.sleep(1.0)
    await assert_shut_out(hass, hub, other)
    assert hub.info.serial == address.ours.serial
    assert events == []
    await address.comes_back()
    await until(lambda: hub.link.connected)
    await events_up(hub)
    await hass.async_block_till_done()
    assert the_issue(hass, entry) is None
    assert (await async_get_image(hass, FRONT)).content[:2] == b"\xff\xd8"
    assert [channel.number for channel in hub.channels] == [1, 2]
    await until(lambda: address.ours.counters.alert_streams_active == 1)
    assert address.ours.emit("linedetection", 1)
    await until(lambda: events)
    assert [event.data.get("kind") for event in events] == ["line_crossing"]


async def test_swap_is_offline_until_ours_is_back(hass: HomeAssistant, address: Address) -> None:
    entry = entry_of(address.ours, 0.5)
    hub = await set_up(hass, entry)
    await events_up(hub)
    events = announced(hass)
    await address.ours.power_off()
    await until(lambda: [event.event_type for event in events] == [EVENT_OFFLINE], 5)
    other = await address.passes_to_another()
    await until(lambda: the_issue(hass, entry) is not None)
    await asyncio.sleep(1.0)
    await assert_shut_out(hass, hub, other)
    assert [event.event_type for event in events] == [EVENT_OFFLINE]
    await address.comes_back()
    await until(lambda: len(events) == 2)
    assert events[1].event_type == EVENT_ONLINE
    await until(lambda: state(hass, FRONT) != STATE_UNAVAILABLE)


async def test_event_stream_that_reconnects_to_another_is_not_believed(
    hass: HomeAssistant, address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Polls take no part: the event stream is the first to be back.
    polls(monkeypatch, **dict.fromkeys(POLLS, 300.0))
    entry = entry_of(address.ours, 60)
    hub = await set_up(hass, entry)
    await events_up(hub)
    events = announced(hass)
    await address.ours.power_off()
    await until(lambda: hub.watch.failing(0))
    assert not hub.link.connected
    other = await address.passes_to_another()
    await until(lambda: other.counters.alert_streams > 0)
    await until(lambda: the_issue(hass, entry) is not None)
    await asyncio.sleep(1.5)
    assert events == []
    assert hub.watch.failing(0)
    await assert_shut_out(hass, hub, other)


async def test_events_that_come_while_it_proves_itself_are_not_lost(
    hass: HomeAssistant, address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    polls(monkeypatch, **dict.fromkeys(POLLS, 300.0))
    hub = await set_up(hass, entry_of(address.ours, 60))
    await events_up(hub)
    await until(lambda: address.ours.counters.alert_streams_active == 1)
    events = announced(hass)
    address.ours.faults.paths[DEVICE_INFO] = PathFault(kind="hang")
    address.ours.alerts.cut()
    await until(lambda: address.ours.counters.alert_streams == 2)
    await until(lambda: address.ours.counters.alert_streams_active == 1)
    await asyncio.sleep(0.2)
    assert address.ours.emit("linedetection", 1)
    await asyncio.sleep(0.3)
    assert events == []
    assert not hub.link.connected
    address.ours.faults.paths.clear()
    hub.link.async_check_soon()
    await hub.link.async_prove()
    await until(lambda: events)
    assert [event.data["kind"] for event in events] == ["line_crossing"]


async def test_start_while_another_is_at_the_address(hass: HomeAssistant, address: Address) -> None:
    entry = entry_of(address.ours, 60)
    await events_up(await set_up(hass, entry))
    assert await hass.config_entries.async_unload(entry.entry_id)
    other = await address.passes_to_another()
    events = announced(hass)
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED
    hub: NvrHub = entry.runtime_data.hub
    await asyncio.sleep(1.0)
    await assert_shut_out(hass, hub, other)
    assert other.counters.alert_streams == 0
    assert events == []
    await address.comes_back()
    await until(lambda: hub.link.connected)
    assert (await async_get_image(hass, FRONT)).content[:2] == b"\xff\xd8"


async def test_what_plays_ends_with_the_swap(
    hass: HomeAssistant, start_simulator: StartSimulator, hass_client_no_auth: ClientSessionGenerator
) -> None:
    ours = await start_simulator(channels=2, rtsp=True, h264_only=True)
    address = Address(start_simulator, ours)
    entry = entry_of(ours, 60)
    hub = await set_up(hass, entry)
    await events_up(hub)
    camera: Any = get_camera_from_entity_id(hass, FRONT)
    stream = await camera.async_create_stream()
    stream.add_provider("hls")
    await stream.start()
    start = ours.now().replace(microsecond=0) - timedelta(hours=2)
    link = await start_playback(hass, entry, 1, TimeSpan(start, start + timedelta(minutes=30)), None)
    player = Player(await hass_client_no_auth(), link.path)
    assert await player.status() == 200
    await until(lambda: ours.rtsp.counters.sessions_open["live"] == 1, 20)
    await ours.power_off()
    await until(lambda: hub.watch.failing(0))
    other = await address.passes_to_another()
    await until(lambda: the_issue(hass, entry) is not None)
    await until(lambda: camera.stream is None)
    assert await player.status() in {403, 404, 410}
    await asyncio.sleep(2.0)
    assert other.rtsp.counters.requests["PLAY"] == 0
    assert other.rtsp.counters.sessions_open.total() == 0
    await assert_shut_out(hass, hub, other)


async def test_the_proof_is_cheap(hass: HomeAssistant, address: Address) -> None:
    hub = await set_up(hass, entry_of(address.ours, 60))
    await events_up(hub)
    ours = address.ours
    await until(lambda: ours.counters.alert_streams_active == 1)
    polled = "/ISAPI/ContentMgmt/InputProxy/channels"
    asked, before = ours.counters.by_path[DEVICE_INFO], ours.counters.by_path[polled]
    await until(lambda: ours.counters.by_path[polled] >= before + 3)
    # Polls of a recorder that was never away cost what they always did.
    assert ours.counters.by_path[DEVICE_INFO] == asked
    ours.alerts.cut()
    await until(lambda: ours.counters.alert_streams == 2)
    await until(lambda: hub.link.connected)
    await asyncio.sleep(1.0)
    # Once because the event stream was lost, once because it was made anew, and once more for a poll in between.
    assert asked + 2 <= ours.counters.by_path[DEVICE_INFO] <= asked + 3


async def test_another_at_the_old_address_does_not_answer_for_ours(
    hass: HomeAssistant, address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    polls(monkeypatch, **dict.fromkeys(POLLS, 300.0))
    monkeypatch.setattr("custom_components.nvr.core.drivers.hikvision.events.BACK_OFF", (300.0,))
    entry = entry_of(address.ours, 60)
    hub = await set_up(hass, entry)
    await events_up(hub)
    assert await async_answers(entry)
    await address.passes_to_another()
    assert hub.link.reached
    assert not await async_answers(entry)
