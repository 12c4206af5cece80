"""Recording health and the box's own: what is said, when nothing is said, and what it costs the recorder."""

import asyncio
from datetime import timedelta
from itertools import pairwise

from homeassistant import config_entries
from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator, WebSocketGenerator

from custom_components.nvr import box_health, health as health_module, recording_watch
from custom_components.nvr.const import DOMAIN
from custom_components.nvr.core.models import TimeSpan
from custom_components.nvr.health import Health
from custom_components.nvr.hub import NvrHub
from custom_components.nvr.media_ids import ChannelId
from tests.simulators.footage import ChannelPlan
from tests.simulators.hikvision import HikvisionSimulator

from .conftest import StartSimulator, events_up, every_family, make_entry, set_up, state, until
from .media_viewer import Viewer
from .recorders import Recorder, family_of

STEADY = ChannelPlan("continuous", (600, 600), 0.0, (), incidents_per_hour=0.0)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let moments stand for the minutes between two questions."""
    monkeypatch.setattr(recording_watch, "FIRST", 0.0)
    monkeypatch.setattr(recording_watch, "PACE", 0.02)
    monkeypatch.setattr(recording_watch, "QUIET", 0.3)
    monkeypatch.setattr(recording_watch, "ROUND", timedelta(seconds=0.4))
    monkeypatch.setattr(recording_watch, "TELLING", timedelta(0))
    monkeypatch.setattr(box_health, "FIRST", 0.0)
    monkeypatch.setattr(box_health, "INTERVAL", timedelta(seconds=0.2))
    monkeypatch.setattr(box_health, "_AGAIN", 0.05)


@pytest.fixture
async def recording(start_simulator: StartSimulator) -> Recorder:
    """A recorder with four channels that are recorded all the time."""
    simulator: Recorder = await start_simulator(channels=4)
    simulator.footage.plans.update(dict.fromkeys(range(1, 5), STEADY))
    return simulator


async def started(hass: HomeAssistant, simulator: Recorder) -> tuple[NvrHub, Health]:
    """Set it up and wait until each channel was looked at."""
    entry = make_entry(simulator)
    hub = await set_up(hass, entry)
    await events_up(hub)
    health: Health = entry.runtime_data.health
    await until(lambda: all(health.recording.health(channel.number).looked_at for channel in hub.channels))
    await hass.async_block_till_done()
    return hub, health


def entity(hass: HomeAssistant, simulator: Recorder, platform: str, key: str) -> str:
    """Return the entity of a unique id's end."""
    found = er.async_get(hass).async_get_entity_id(platform, DOMAIN, f"{simulator.serial}_{key}")
    assert found is not None, key
    return found


@every_family
async def test_what_is_recorded_is_shown_and_what_broke_off_too(hass: HomeAssistant, recording: Recorder) -> None:
    hub, _ = await started(hass, recording)
    shown = [entity(hass, recording, "binary_sensor", f"{number}_recording") for number in range(1, 5)]
    problems = entity(hass, recording, "sensor", "channels_with_problems")
    assert [state(hass, one) for one in shown] == [STATE_ON] * 4
    assert state(hass, problems) == "0"
    lost_at = dt_util.utcnow() - timedelta(minutes=50)
    recording.footage.add_gap(2, lost_at, dt_util.utcnow() + timedelta(days=1))
    await until(lambda: state(hass, shown[1]) == STATE_OFF)
    await until(lambda: state(hass, problems) == "1")
    assert [state(hass, one) for one in shown] == [STATE_ON, STATE_OFF, STATE_ON, STATE_ON]
    told = hass.states.get(problems)
    assert told is not None
    assert told.attributes["channels"] == [{"channel": 2, "name": hub.channels[1].name, "problems": ["not_recording"]}]
    recording.footage._extra_gaps.clear()
    await until(lambda: state(hass, shown[1]) == STATE_ON)
    await until(lambda: state(hass, problems) == "0")


@pytest.mark.slow
@every_family
async def test_a_camera_that_is_away_has_no_footage_and_still_a_state(hass: HomeAssistant, recording: Recorder) -> None:
    await started(hass, recording)
    shown = entity(hass, recording, "binary_sensor", "1_recording")
    recording.footage.add_gap(1, dt_util.utcnow() - timedelta(minutes=5), dt_util.utcnow() + timedelta(days=1))
    await until(lambda: state(hass, shown) == STATE_OFF)


@pytest.mark.slow
@every_family
async def test_unknown_and_never_off_while_nothing_can_be_asked(
    hass: HomeAssistant, recording: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, health = await started(hass, recording)
    shown = entity(hass, recording, "binary_sensor", "3_recording")
    assert state(hass, shown) == STATE_ON
    monkeypatch.setattr("custom_components.nvr.recording_watch.RecordingWatch._search", _busy)
    monkeypatch.setattr("custom_components.nvr.recording_watch.RecordingWatch._ask_status", _nothing)
    later = dt_util.utcnow() + timedelta(hours=2)
    monkeypatch.setattr("custom_components.nvr.recording_watch.dt_util.utcnow", lambda: later)
    await until(lambda: state(hass, shown) == STATE_UNKNOWN)
    assert health.problems(3) == ()


async def _busy(*_: object, **__: object) -> None:
    return None


async def _nothing(*_: object) -> None:
    return None


@pytest.mark.slow
@every_family
async def test_people_go_first(hass: HomeAssistant, recording: Recorder) -> None:
    hub, health = await started(hass, recording)
    index = hub.recordings
    assert index is not None
    now = dt_util.utcnow()
    searching = index.search(1, TimeSpan(now - timedelta(days=6), now - timedelta(days=2)))
    await anext(searching)
    assert index.busy
    await until(lambda: health.recording.counters["gave_way"] > 0)
    asked = health.recording.counters["searches"]
    await asyncio.sleep(0.2)
    assert health.recording.counters["searches"] == asked
    await searching.aclose()
    await until(lambda: health.recording.counters["searches"] > asked)


async def test_six_searches_a_minute_at_most_and_each_channel_twice_an_hour(
    hass: HomeAssistant, recording: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    entry = make_entry(recording)
    await set_up(hass, entry)
    watch = entry.runtime_data.health.recording
    assert recording_watch.PACE >= 10
    assert watch.spacing == 450
    assert watch.holds == timedelta(minutes=45)
    hub = entry.runtime_data.hub
    many = tuple(hub.channels) * 100
    monkeypatch.setattr("custom_components.nvr.hub.NvrHub.channels", many)
    assert watch.spacing == recording_watch.PACE
    assert watch.holds > timedelta(seconds=watch.spacing * len(many))
    await asyncio.sleep(0.2)
    assert watch.counters["searches"] == 0


@pytest.mark.slow
async def test_searches_keep_their_distance(
    hass: HomeAssistant, recording: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording_watch, "PACE", 0.2)
    begun: list[float] = []
    wait = recording_watch.RecordingWatch._before_asking

    async def noted(watch: recording_watch.RecordingWatch) -> None:
        await wait(watch)
        begun.append(hass.loop.time())

    monkeypatch.setattr(recording_watch.RecordingWatch, "_before_asking", noted)
    await started(hass, recording)
    await until(lambda: len(begun) >= 6)
    assert min(later - earlier for earlier, later in pairwise(begun)) > 0.19


@pytest.mark.slow
@every_family
async def test_the_next_search_asks_only_for_what_is_new(hass: HomeAssistant, recording: Recorder) -> None:
    _, health = await started(hass, recording)
    asked: list[TimeSpan] = []
    search = health.recording._search

    async def noted(number: int, span: TimeSpan, **more: int) -> object:
        asked.append(span)
        return await search(number, span, **more)

    health.recording._search = noted  # type: ignore[method-assign, assignment]
    await until(lambda: asked)
    assert all(span.duration < timedelta(hours=2) for span in asked)
    assert health.recording.health(1).gaps == ()


@pytest.mark.slow
@every_family
async def test_oldest_footage_is_looked_for_where_somebody_wants_it(hass: HomeAssistant, recording: Recorder) -> None:
    entry = make_entry(recording)
    registry = er.async_get(hass)
    for key in ("1_oldest_footage", "1_footage_kept", "1_missing_footage", "1_newest_footage"):
        registry.async_get_or_create("sensor", DOMAIN, f"{recording.serial}_{key}", config_entry=None)
    entry.add_to_hass(hass)
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    health: Health = entry.runtime_data.health
    await until(lambda: health.recording.oldest(1) is not None)
    assert health.recording.oldest(2) is None
    found = health.recording.oldest(1)
    assert found is not None
    assert abs(found - recording.footage.oldest()) < timedelta(minutes=11)
    kept = entity(hass, recording, "sensor", "1_footage_kept")
    await until(lambda: state(hass, kept) not in {STATE_UNKNOWN, STATE_UNAVAILABLE})
    assert abs(float(state(hass, kept)) - 8 * 24) < 0.5
    missing = entity(hass, recording, "sensor", "1_missing_footage")
    assert float(state(hass, missing)) == 0
    now = dt_util.utcnow()
    recording.footage.add_gap(1, now - timedelta(minutes=40), now - timedelta(minutes=20))
    await until(lambda: abs(float(state(hass, missing)) - 20) < 0.1)
    told = hass.states.get(missing)
    assert told is not None
    assert len(told.attributes["gaps"]) == 1


@pytest.mark.slow
async def test_a_disk_tells_how_hot_it_is_where_somebody_wants_to_know(
    hass: HomeAssistant, recording: HikvisionSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config_entries, "RELOAD_AFTER_UPDATE_DELAY", 0)
    hub, health = await started(hass, recording)
    path = "/ISAPI/ContentMgmt/Storage/hdd/1/SMARTTest/status"
    await until(lambda: health.box.temperatures == {"1": 38})
    await hass.async_block_till_done()
    shown, registry = entity(hass, recording, "sensor", "disk_1_temperature"), er.async_get(hass)
    found = registry.async_get(shown)
    assert found is not None
    assert found.disabled
    await asyncio.sleep(0.5)
    assert recording.counters.by_path[path] == 1, "nobody wants to know"
    registry.async_update_entity(shown, disabled_by=None)
    await hass.config_entries.async_reload(hub.entry.entry_id)
    await hass.async_block_till_done()
    await until(lambda: state(hass, shown) == "38.0")
    recording.device.disk_heat = 51
    await until(lambda: state(hass, shown) == "51.0")
    recording.faults.disk = "sleeping"
    await until(lambda: state(hass, shown) == STATE_UNKNOWN)
    asked = recording.counters.by_path[path]
    await asyncio.sleep(0.5)
    assert recording.counters.by_path[path] == asked, "a sleeping disk is left alone"


@every_family
async def test_the_box_tells_how_it_feels(hass: HomeAssistant, recording: Recorder) -> None:
    _, health = await started(hass, recording)
    # The newer firmware of one family says nothing of its load.
    if family_of(recording).key == "hikvision":
        await until(lambda: health.box.status is not None)
        await hass.async_block_till_done()
        for key in ("cpu", "memory", "last_restart"):
            assert entity(hass, recording, "sensor", key)
    await until(lambda: health.box.disks)
    await hass.async_block_till_done()
    disks = list(health.box.known_disks)
    assert disks
    assert entity(hass, recording, "sensor", "storage_capacity")
    problem = entity(hass, recording, "binary_sensor", "storage_problem")
    first = entity(hass, recording, "sensor", f"disk_{disks[0]}")
    assert (state(hass, problem), state(hass, first)) == (STATE_OFF, "ok")
    fault = "disk" if hasattr(recording.faults, "disk") else "storage.mode"
    recording.apply_faults({fault: "error"})
    await until(lambda: state(hass, problem) == STATE_ON)
    assert "error" in {state(hass, entity(hass, recording, "sensor", f"disk_{disk}")) for disk in disks}
    recording.apply_faults({fault: "ok"})
    await until(lambda: state(hass, problem) == STATE_OFF)


@pytest.mark.slow
@every_family
async def test_the_clock_is_set_when_somebody_presses_the_button_and_never_else(
    hass: HomeAssistant, recording: Recorder
) -> None:
    recording.clock.skew = timedelta(seconds=70)
    hub, _ = await started(hass, recording)
    assert recording.counters.writes == 0
    assert hub.clock is not None
    assert abs(hub.clock.skew.total_seconds() - 70) < 3
    button = entity(hass, recording, "button", "set_clock")
    await hass.services.async_call("button", "press", {"entity_id": button}, blocking=True)
    assert abs(recording.clock.skew.total_seconds()) < 3
    assert abs(hub.clock.skew.total_seconds()) < 3


@pytest.mark.slow
@every_family
@pytest.mark.parametrize("kind", ["garbage", "empty", "status"])
async def test_a_bad_answer_about_the_state_takes_nothing_else_down(
    hass: HomeAssistant, recording: Recorder, kind: str
) -> None:
    bad = ("recordManager.getState", "/ISAPI/System/workingstatus", "storage*", "/ISAPI/ContentMgmt/Storage")
    recording.apply_faults({f"paths.{path}": {"kind": kind, "status": 500, "code": 3, "sub": "x"} for path in bad})
    _, health = await started(hass, recording)
    assert health.recording.health(1).recording
    assert health.problems(1) == ()
    # What is not told is no fault.
    assert not health.box.faulty
    for path in bad:
        recording.faults.paths.pop(path)
    if health.box.known_disks:
        await until(lambda: health.box.faulty == ())


@pytest.mark.slow
@every_family
async def test_unload_ends_it(hass: HomeAssistant, recording: Recorder) -> None:
    hub, _ = await started(hass, recording)
    assert await hass.config_entries.async_unload(hub.entry.entry_id)
    await asyncio.sleep(0.1)
    before = recording.counters.requests
    await asyncio.sleep(0.6)
    assert recording.counters.requests == before


@pytest.mark.slow
@every_family
async def test_a_stream_is_measured_while_somebody_watches_it(
    hass: HomeAssistant,
    start_simulator: StartSimulator,
    hass_ws_client: WebSocketGenerator,
    hass_client_no_auth: ClientSessionGenerator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(health_module, "METERED", 0.2)
    simulator: Recorder = await start_simulator(channels=1, rtsp=True, h264_only=True)
    registry = er.async_get(hass)
    for key in ("health", "frame_rate", "bitrate"):
        registry.async_get_or_create("sensor", DOMAIN, f"{simulator.serial}_1_main_stream_{key}")
    entry = make_entry(simulator)
    await set_up(hass, entry)
    shown = {
        key: entity(hass, simulator, "sensor", f"1_main_stream_{key}") for key in ("health", "frame_rate", "bitrate")
    }
    assert {state(hass, one) for one in shown.values()} == {STATE_UNKNOWN}
    viewer = Viewer(await hass_ws_client(hass), await hass_client_no_auth())
    try:
        await viewer.open("live", ChannelId(entry.entry_id, 1).format(), stream="main", accept=["avc1", "hvc1"])
        await until(lambda: state(hass, shown["frame_rate"]) != STATE_UNKNOWN, 15)
        assert 5 < float(state(hass, shown["frame_rate"])) < 20
        assert float(state(hass, shown["bitrate"])) > 0
        assert float(state(hass, shown["health"])) > 50
    finally:
        await viewer.close()
    await until(lambda: state(hass, shown["health"]) == STATE_UNKNOWN)
