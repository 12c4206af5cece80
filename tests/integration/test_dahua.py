"""A Dahua NVR in a real Home Assistant: nothing there knows which family it is."""

from datetime import datetime, timedelta
from typing import Any

from homeassistant.components.camera import async_get_image
from homeassistant.config_entries import SOURCE_USER, ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import device_registry as dr
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import async_capture_events
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator, WebSocketGenerator

from custom_components.nvr.const import CONF_FAMILY, EVENT_DETECTION
from custom_components.nvr.media_ids import ChannelId, DayId, content_id
from tests.contract.media.rig import late_tones
from tests.simulators.dahua.simulator import DahuaSimulator
from tests.simulators.footage import Incident, Kind

from .conftest import events_up, make_entry, set_up, until
from .footage_helpers import MediaBrowser, Player, child

# What the session's own renewal costs at rest: one request in 50 s.
_KEEP_ALIVE_PER_MINUTE = 1.2


@pytest.mark.parametrize("channels", [4, 32])
async def test_set_up_and_rest_keep_within_the_budget(
    hass: HomeAssistant, real_integration: None, channels: int
) -> None:
    async with DahuaSimulator(profile="nvr5232", channels=channels) as simulator:
        entry = make_entry(simulator, **{CONF_FAMILY: "dahua"})
        hub = await set_up(hass, entry)
        await events_up(hub)
        assert entry.state is ConfigEntryState.LOADED
        assert simulator.counters.requests <= 15
        assert simulator.counters.unauthorized <= 2
        assert len(hub.channels) >= channels
        devices = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
        assert len(devices) == 1 + len(hub.channels)
        cameras = [state for state in hass.states.async_all("camera") if state.state != "unavailable"]
        assert len(cameras) >= channels
        before = simulator.counters.requests
        polls = 10
        for _ in range(polls):
            await entry.runtime_data.coordinator.async_refresh()
        per_poll = (simulator.counters.requests - before) / polls
        polls_per_minute = timedelta(minutes=1) / hub.link.poll_interval
        assert per_poll * polls_per_minute + _KEEP_ALIVE_PER_MINUTE <= 4
        assert await hass.config_entries.async_unload(entry.entry_id)
        await hass.async_block_till_done()
        assert simulator.counters.rpc_sessions == 0
        assert simulator.counters.event_streams_active == 0


async def added(hass: HomeAssistant, simulator: DahuaSimulator) -> ConfigEntry[Any]:
    """Add it as a person does: address and login, nothing of its family."""
    made = await hass.config_entries.flow.async_init("nvr", context={"source": SOURCE_USER})
    login = {"host": f"127.0.0.1:{simulator.http_port}", "username": "admin", "password": "nvr-test-pass"}
    made = await hass.config_entries.flow.async_configure(made["flow_id"], login)
    assert made["type"] is FlowResultType.CREATE_ENTRY, made
    await hass.async_block_till_done()
    entry = hass.config_entries.async_entries("nvr")[0]
    assert entry.data[CONF_FAMILY] == "dahua"
    return entry


async def test_the_main_job(
    hass: HomeAssistant,
    real_integration: None,
    hass_ws_client: WebSocketGenerator,
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    assert await async_setup_component(hass, "media_source", {})
    bus = async_capture_events(hass, EVENT_DETECTION)
    async with DahuaSimulator(profile="nvr5464", channels=3, h264_only=True) as simulator:
        simulator.rtsp.faults.delivery = 20.0
        entry = await added(hass, simulator)
        hub = entry.runtime_data.hub
        await events_up(hub)
        camera = hub.camera_entity_id(1)
        assert (await async_get_image(hass, camera)).content.startswith(b"\xff\xd8")
        simulator.motion(1)
        await until(lambda: any(event.data["kind"] == "motion" for event in bus))
        assert bus[0].data["phase"] == "start"
        assert bus[0].data["entity_id"] == camera
        found: Any = await hass.services.async_call(
            "nvr", "search_recordings", {"entity_id": camera}, blocking=True, return_response=True
        )
        assert found["cameras"][camera]["segments"]
        media = MediaBrowser(await hass_ws_client(hass))
        name = hub.channel(3).name  # the one with a microphone
        item = child(await media.path(entry.title, name, "Yesterday"), "All day")
        player = Player(await hass_client_no_auth(), await media.resolve(item["media_content_id"]))
        segments = await player.segments()
        start = simulator.clock.day_start(simulator.clock.date_of(simulator.now()) - timedelta(days=1))
        for number in (0, len(segments) * 2 // 3, 5):
            frames = await player.frames(segments[number][0])
            first = await player.frames(segments[0][0])
            origin = first[0][1].time - timedelta(seconds=first[0][0])
            assert origin - start < timedelta(hours=2)
            assert max(abs((code.time - origin).total_seconds() - at) for at, code in frames) <= 0.12
            tones = [tone for tone in await player.tones(segments[number][0]) if tone.at > frames[0][0] + 0.13]
            assert tones
            assert max(map(abs, late_tones(tones, origin, 3))) <= 0.15


async def test_what_happened_is_found_and_played(
    hass: HomeAssistant,
    real_integration: None,
    hass_ws_client: WebSocketGenerator,
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    assert await async_setup_component(hass, "media_source", {})
    async with DahuaSimulator(profile="nvr5464", channels=1, h264_only=True, incidents=0.0) as simulator:
        simulator.rtsp.faults.delivery = 20.0
        start = simulator.clock.day_start(simulator.clock.date_of(simulator.now()) - timedelta(days=1))
        moments = [start + timedelta(hours=hour, minutes=7, seconds=20) for hour in (9, 15)]
        for moment, subject in zip(moments, ("person", "car"), strict=True):
            incident = Incident(1, Kind.MOTION, moment, moment + timedelta(seconds=20), subject)
            simulator.footage.add_incident(incident)
        entry = await added(hass, simulator)
        hub = entry.runtime_data.hub
        camera = hub.camera_entity_id(1)
        asked = {"start": start.isoformat(), "duration": {"hours": 24}, "events": ["person", "vehicle"], "limit": 1}
        found: Any = await hass.services.async_call(
            "nvr", "search_recordings", {"entity_id": camera, **asked}, blocking=True, return_response=True
        )
        told = found["cameras"][camera]
        assert [(event["kind"], event["target"]) for event in told["events"]] == [("person", "person")]
        assert told["events_truncated"]
        begin = datetime.fromisoformat(told["events"][0]["start"])
        assert abs(begin - moments[0]) <= timedelta(seconds=1)
        following: Any = await hass.services.async_call(
            "nvr", "search_recordings", {"cursor": found["next"]}, blocking=True, return_response=True
        )
        assert "events" not in following["cameras"][camera]
        media = MediaBrowser(await hass_ws_client(hass))
        for text, kind, moment in (("person", "Person", moments[0]), ("vehicles yesterday", "Vehicle", moments[1])):
            if text == "person":
                day = content_id(DayId(ChannelId(entry.entry_id, 1), simulator.clock.date_of(moment)))
                (item,) = await media.find(text, day)
            else:
                (item,) = await media.find(text)
            assert f"{simulator.clock.to_device(moment):%H:%M:%S} {kind}" in item["title"]
        assert any("Motion" in item["title"] for item in await media.find("motion yesterday"))
        assert await media.find("nobody yesterday") == []
        path = (entry.title, hub.channel(1).name, "Yesterday", "Events")
        kinds = [each["title"] for each in (await media.path(*path))["children"]]
        assert [title.partition(" ")[0] for title in kinds] == ["Motion", "Person", "Vehicle"]
        shown = f"{simulator.clock.to_device(moments[1]):%H:%M:%S} Vehicle"
        item = child(await media.path(*path, "Vehicle"), shown)
        player = Player(await hass_client_no_auth(), await media.resolve(item["media_content_id"]))
        frames = await player.frames((await player.segments())[0][0])
        assert abs(frames[0][1].time - (moments[1] - timedelta(seconds=5))) <= timedelta(seconds=1.2)
