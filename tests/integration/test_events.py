"""Events of a recorder: two states and one event on the bus for each, nothing for repeats."""

import asyncio
from collections import Counter
from datetime import datetime, timedelta
import json
from typing import Any

from homeassistant import config_entries
from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNKNOWN
from homeassistant.core import Context, Event, HomeAssistant, State
from homeassistant.helpers import entity_registry as er, issue_registry as ir
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import async_capture_events

from custom_components.nvr.const import (
    CONF_HOLD_TIME,
    CONF_IGNORED_CHANNELS,
    CONF_IGNORED_DETECTIONS,
    DOMAIN,
    EVENT_DETECTION,
)
from custom_components.nvr.core.models import EventKind, EventPhase, EventStreamState, NvrEvent
from custom_components.nvr.detections import DetectionKey
from custom_components.nvr.hub import NvrHub
from custom_components.nvr.media_ids import ChannelId, MomentId, content_id
from tests.simulators.hikvision import HikvisionSimulator, PathFault

from .conftest import StartSimulator, events_up, every_family, make_entry, set_up, until
from .recorders import Recorder, family_of

MOTION = "binary_sensor.front_door_motion"
EVENTS = "event.front_door_events"


def state(hass: HomeAssistant, entity_id: str) -> State:
    found = hass.states.get(entity_id)
    assert found is not None, entity_id
    return found


@pytest.fixture
def bus(hass: HomeAssistant) -> list[Event[Any]]:
    return async_capture_events(hass, EVENT_DETECTION)


async def ready(hass: HomeAssistant, nvr: Recorder, **options: Any) -> NvrHub:
    hub = await set_up(hass, make_entry(nvr, options=options))
    await events_up(hub)
    await until(lambda: family_of(nvr).open(nvr)["event streams"] == 1)
    return hub


@every_family
async def test_motion_reaches_sensor_event_entity_and_bus_once(
    hass: HomeAssistant, nvr: Recorder, bus: list[Event[Any]]
) -> None:
    hub = await ready(hass, nvr)
    assert state(hass, MOTION).state == STATE_OFF
    began = dt_util.utcnow()
    nvr.motion(1)
    await until(lambda: state(hass, MOTION).state == STATE_ON)
    assert state(hass, EVENTS).attributes["event_type"] == "motion"
    # The recorder repeats it every second; nobody is told again.
    await asyncio.sleep(2.2)
    assert len(bus) == 1
    data = bus[0].data
    assert data["entry_id"] == hub.entry.entry_id
    found = hass.states.get(EVENTS)
    assert found is not None
    assert {found.context.id, bus[0].context.id} == {data["event_id"]}
    assert data["device_id"] == hub.channel_device_id(1)
    assert (data["name"], data["channel"], data["channel_name"]) == ("Test NVR", 1, "Front door")
    assert data["entity_id"] == "camera.front_door"
    assert (data["kind"], data["phase"], data["late"]) == ("motion", "start", False)
    assert data["raw_type"] == family_of(nvr).motion
    assert abs(datetime.fromisoformat(data["occurred_at"]) - began) < timedelta(seconds=3)
    assert len(json.dumps(data)) <= 1000
    moment = datetime.fromisoformat(data["occurred_at"])
    footage = content_id(MomentId(ChannelId(hub.entry.entry_id, 1), moment))
    assert data["media_content_id"] == footage
    nvr.motion(1, on=False)
    await until(lambda: state(hass, MOTION).state == STATE_OFF, 15)
    assert state(hass, EVENTS).attributes["event_type"] == "motion_ended"
    assert [event.data["phase"] for event in bus] == ["start", "stop"]
    assert bus[0].data["event_id"] != bus[1].data["event_id"]


async def test_hold_time_ends_what_the_recorder_never_ends(
    hass: HomeAssistant, nvr: HikvisionSimulator, bus: list[Event[Any]]
) -> None:
    await ready(hass, nvr, **{CONF_HOLD_TIME: 2})
    sensor = "binary_sensor.front_door_line_crossing"
    assert nvr.emit("linedetection", 1)
    await until(lambda: state(hass, sensor).state == STATE_ON)
    await asyncio.sleep(1.0)
    assert state(hass, sensor).state == STATE_ON
    await until(lambda: state(hass, sensor).state == STATE_OFF, 4)
    assert [event.data["phase"] for event in bus] == ["start", "stop"]


async def test_a_kind_first_seen_brings_its_sensor_and_stays_after_a_restart(
    hass: HomeAssistant, nvr: HikvisionSimulator, bus: list[Event[Any]], entity_registry: er.EntityRegistry
) -> None:
    hub = await ready(hass, nvr)
    sensor = "binary_sensor.front_door_loitering"
    assert hass.states.get(sensor) is None
    assert DetectionKey(EventKind.LOITERING) not in hub.roster.detections(1)
    hub.fanout.on_event(occurrence(EventKind.LOITERING))
    await hass.async_block_till_done()
    known = entity_registry.async_get(sensor)
    assert known is not None
    # Five detections are enabled already; this one is there, and the user's to enable.
    assert known.disabled_by is er.RegistryEntryDisabler.INTEGRATION
    assert "loitering" in state(hass, EVENTS).attributes["event_types"]
    assert bus[-1].data["kind"] == "loitering"
    entity_registry.async_update_entity(sensor, disabled_by=None)
    await hass.config_entries.async_reload(hub.entry.entry_id)
    await hass.async_block_till_done()
    again = hub.entry.runtime_data.hub
    await events_up(again)
    assert DetectionKey(EventKind.LOITERING) in again.roster.detections(1)
    await until(lambda: state(hass, sensor).state == STATE_OFF)
    again.fanout.on_event(occurrence(EventKind.LOITERING))
    assert state(hass, sensor).state == STATE_ON


async def test_no_sensor_is_lost_by_a_start_while_the_recorder_is_away(
    hass: HomeAssistant, nvr: HikvisionSimulator
) -> None:
    hub = await ready(hass, nvr)
    sensors = set(hass.states.async_entity_ids("binary_sensor"))
    assert "binary_sensor.nvr_demo_disk_full" in sensors
    await hass.config_entries.async_unload(hub.entry.entry_id)
    await nvr.power_off()
    await hass.config_entries.async_setup(hub.entry.entry_id)
    await hass.async_block_till_done()
    lost = {sensor for sensor in sensors if "restored" in state(hass, sensor).attributes}
    assert lost == set()
    await nvr.power_on()
    again = hub.entry.runtime_data.hub
    await again.link.refresh_soon()
    await events_up(again)
    await hass.async_block_till_done()
    assert state(hass, "binary_sensor.nvr_demo_disk_full").state == STATE_OFF


async def test_no_sensor_is_lost_when_the_recorder_mentions_it_no_longer(
    hass: HomeAssistant, nvr: HikvisionSimulator
) -> None:
    hub = await ready(hass, nvr)
    sensors = set(hass.states.async_entity_ids("binary_sensor"))
    nvr.faults.paths["/ISAPI/Event/triggers"] = PathFault(kind="status", status=404)
    await hass.config_entries.async_reload(hub.entry.entry_id)
    await hass.async_block_till_done()
    again = hub.entry.runtime_data.hub
    await events_up(again)
    await hass.async_block_till_done()
    assert EventKind.LINE_CROSSING not in again.channels[0].detections
    assert {sensor for sensor in sensors if "restored" in state(hass, sensor).attributes} == set()
    assert nvr.emit("linedetection", 1)
    await until(lambda: state(hass, "binary_sensor.front_door_line_crossing").state == STATE_ON)


async def test_sensors_are_unknown_until_the_event_stream_is_up(hass: HomeAssistant, nvr: HikvisionSimulator) -> None:
    nvr.faults.paths["/ISAPI/Event/notification/alertStream"] = PathFault(
        kind="status", status=503, code=2, sub="deviceBusy", count=1
    )
    hub = await set_up(hass, make_entry(nvr))
    assert state(hass, MOTION).state == STATE_UNKNOWN
    await until(lambda: hub.link.stream_state is EventStreamState.ALIVE, 30)
    await hass.async_block_till_done()
    assert state(hass, MOTION).state == STATE_OFF


async def test_left_out_channels_and_kinds_reach_nobody(
    hass: HomeAssistant, nvr: HikvisionSimulator, bus: list[Event[Any]]
) -> None:
    await ready(hass, nvr, **{CONF_IGNORED_CHANNELS: ["2"], CONF_IGNORED_DETECTIONS: ["line_crossing"]})
    assert hass.states.get("camera.driveway") is None
    assert hass.states.get("binary_sensor.front_door_line_crossing") is None
    nvr.emit("linedetection", 1)
    nvr.emit("fielddetection", 2)
    nvr.emit("fielddetection", 3)
    await until(lambda: bus)
    assert [(event.data["channel"], event.data["kind"]) for event in bus] == [(3, "intrusion")]


async def test_recorder_events_belong_to_the_recorder(
    hass: HomeAssistant, nvr: HikvisionSimulator, bus: list[Event[Any]]
) -> None:
    hub = await ready(hass, nvr)
    hub.fanout.on_event(occurrence(EventKind.DISK_ERROR, channel=None))
    await hass.async_block_till_done()
    assert state(hass, "binary_sensor.nvr_demo_disk_error").state == STATE_ON
    assert state(hass, "event.nvr_demo_events").attributes["event_type"] == "disk_error"
    assert bus[-1].data["device_id"] == hub.device_id
    assert "channel" not in bus[-1].data


async def test_a_pulse_shows_for_a_moment(
    hass: HomeAssistant, nvr: HikvisionSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("custom_components.nvr.binary_sensor._PULSE_SECONDS", 0.3)
    hub = await ready(hass, nvr)
    hub.fanout.on_event(occurrence(EventKind.MOTION, phase=EventPhase.PULSE))
    assert state(hass, MOTION).state == STATE_ON
    await until(lambda: state(hass, MOTION).state == STATE_OFF)


async def test_the_first_pulse_of_its_kind_shows_on_the_sensor_it_brings(
    hass: HomeAssistant, nvr: HikvisionSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("custom_components.nvr.binary_sensor._PULSE_SECONDS", 1.0)
    hub = await ready(hass, nvr)
    before = set(hass.states.async_entity_ids("binary_sensor"))
    now = dt_util.utcnow()
    hub.fanout.on_event(NvrEvent(EventKind.IO_INPUT, EventPhase.PULSE, None, now, now, port=3))
    await hass.async_block_till_done()
    (sensor,) = set(hass.states.async_entity_ids("binary_sensor")) - before
    assert state(hass, sensor).state == STATE_ON
    await until(lambda: state(hass, sensor).state == STATE_OFF, 3)


async def test_events_that_are_allowed_again_take_their_repair_back(
    hass: HomeAssistant, nvr: HikvisionSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("custom_components.nvr.link.POLL_REFUSED", timedelta(seconds=0.3))
    path = "/ISAPI/Event/notification/alertStream"
    nvr.faults.paths[path] = PathFault(kind="status", status=403, code=4, sub="lowPrivilege")
    hub = await set_up(hass, make_entry(nvr))
    repair = f"{hub.entry.entry_id}_events_permission"
    await until(lambda: ir.async_get(hass).async_get_issue(DOMAIN, repair) is not None)
    nvr.faults.paths.clear()
    await events_up(hub)
    await until(lambda: hub.link.connected)
    assert ir.async_get(hass).async_get_issue(DOMAIN, repair) is None


async def test_a_late_copy_is_told_as_late_and_changes_no_state(
    hass: HomeAssistant, nvr: HikvisionSimulator, bus: list[Event[Any]]
) -> None:
    hub = await ready(hass, nvr)
    hub.fanout.on_event(occurrence(EventKind.MOTION, late=True))
    assert state(hass, MOTION).state == STATE_OFF
    assert bus[-1].data["late"] is True


async def test_a_broken_listener_harms_no_other(
    hass: HomeAssistant, nvr: HikvisionSimulator, caplog: pytest.LogCaptureFixture
) -> None:
    hub = await ready(hass, nvr)

    def broken(_event: NvrEvent, _context: Context) -> None:
        raise RuntimeError

    hub.fanout.async_add_listener(broken)
    hub.fanout.on_event(occurrence(EventKind.MOTION))
    assert state(hass, MOTION).state == STATE_ON
    assert "Handling an event of kind motion failed" in caplog.text


async def enable_detections(hass: HomeAssistant, hub: NvrHub, monkeypatch: pytest.MonkeyPatch) -> None:
    # Home Assistant sets an entry up anew some time after an entity of it was enabled.
    monkeypatch.setattr(config_entries, "RELOAD_AFTER_UPDATE_DELAY", 0)
    registry = er.async_get(hass)
    for known in er.async_entries_for_config_entry(registry, hub.entry.entry_id):
        if known.domain == "binary_sensor":
            registry.async_update_entity(known.entity_id, disabled_by=None)
    await asyncio.sleep(0.5)
    await hass.async_block_till_done()


async def test_each_event_costs_two_state_writes_and_one_bus_event(
    hass: HomeAssistant, start_simulator: StartSimulator, bus: list[Event[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    nvr = await start_simulator(channels=8)
    hub = await ready(hass, nvr)
    nvr.alerts.send(nvr.burst(400))
    await until(lambda: len(bus) == 400, 20)
    await enable_detections(hass, hub, monkeypatch)
    # What the sensors say once the stream is up is over then.
    await events_up(hub.entry.runtime_data.hub)
    bus.clear()
    changes = async_capture_events(hass, "state_changed")
    nvr.alerts.send(nvr.burst(400))
    await until(lambda: len(bus) >= 400, 20)
    await asyncio.sleep(0.2)
    assert len(bus) == 400
    assert nvr.counters.events == 800
    kinds = {(event.data["channel"], event.data["kind"], event.data["phase"]) for event in bus}
    assert {phase for _, _, phase in kinds} == {"start", "stop"}
    written = Counter(event.data["entity_id"].partition(".")[0] for event in changes)
    assert written == {"event": 400, "binary_sensor": 400}


async def test_unloading_while_events_come_leaves_nothing(hass: HomeAssistant, nvr: HikvisionSimulator) -> None:
    hub = await ready(hass, nvr)
    for number in range(1, 5):
        nvr.motion(number)
    await until(lambda: state(hass, MOTION).state == STATE_ON)
    assert await hass.config_entries.async_unload(hub.entry.entry_id)
    await until(lambda: nvr.counters.alert_streams_active == 0)


def occurrence(
    kind: EventKind, *, channel: int | None = 1, phase: EventPhase = EventPhase.START, late: bool = False
) -> NvrEvent:
    now = dt_util.utcnow()
    return NvrEvent(kind, phase, channel, now, now, late=late)
