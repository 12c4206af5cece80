"""Repairs of a recorder's health: when each is told, when it goes, and what the two that write do write."""

from datetime import timedelta
from typing import Any

from homeassistant.components.repairs import RepairsFlow
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.nvr import box_health, health_issues, recording_watch, repairs
from custom_components.nvr.const import DOMAIN
from custom_components.nvr.core.models import EventKind, SilentEvent
from custom_components.nvr.health_issues import changes, lines
from tests.simulators.footage import ChannelPlan

from .conftest import StartSimulator, every_family, make_entry, set_up, until
from .recorders import Family, Recorder, family_of

STEADY = ChannelPlan("continuous", (600, 600), 0.0, (), incidents_per_hour=0.0)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let moments stand for the minutes between two questions."""
    for name, value in {"FIRST": 0.0, "PACE": 0.02, "QUIET": 0.3, "ROUND": timedelta(seconds=0.2)}.items():
        monkeypatch.setattr(recording_watch, name, value)
    for name, quicker in {"FIRST": 0.0, "INTERVAL": timedelta(seconds=0.2), "_AGAIN": 0.05}.items():
        monkeypatch.setattr(box_health, name, quicker)


@pytest.fixture
async def recording(start_simulator: StartSimulator) -> Recorder:
    """A recorder with two channels that are recorded all the time."""
    simulator: Recorder = await start_simulator(channels=2)
    simulator.footage.plans.update(dict.fromkeys((1, 2), STEADY))
    return simulator


def told(hass: HomeAssistant, key: str) -> ir.IssueEntry | None:
    """Return the issue of a translation key that is told now."""
    found = [issue for issue in ir.async_get(hass).issues.values() if issue.translation_key == key and issue.active]
    assert len(found) <= 1
    return found[0] if found else None


def words(hass: HomeAssistant, key: str) -> dict[str, str]:
    issue = told(hass, key)
    assert issue is not None
    return issue.translation_placeholders or {}


async def fixing(hass: HomeAssistant, key: str) -> RepairsFlow:
    """Return the flow that Home Assistant would open for an issue."""
    issue = told(hass, key)
    assert issue is not None
    assert issue.is_fixable
    flow = await repairs.async_create_fix_flow(hass, issue.issue_id, issue.data)
    flow.hass, flow.data, flow.handler = hass, issue.data, DOMAIN
    flow.context = {"issue_id": issue.issue_id}
    return flow


async def ready(hass: HomeAssistant, simulator: Recorder) -> MockConfigEntry:
    entry = make_entry(simulator)
    await set_up(hass, entry)
    watch = entry.runtime_data.health.recording
    await until(lambda: all(watch.health(number).looked_at for number in (1, 2)))
    return entry


@pytest.mark.slow
@every_family
async def test_a_healthy_recorder_has_none(hass: HomeAssistant, recording: Recorder) -> None:
    entry = await ready(hass, recording)
    await until(lambda: entry.runtime_data.health.box.disks)
    assert [issue.translation_key for issue in ir.async_get(hass).issues.values() if issue.active] == []


@pytest.mark.slow
@every_family
async def test_a_channel_that_is_not_recorded_is_told_and_is_still_missed_after_a_restart(
    hass: HomeAssistant, recording: Recorder
) -> None:
    entry = await ready(hass, recording)
    now = dt_util.utcnow()
    recording.footage.add_gap(2, now - timedelta(minutes=45), now + timedelta(days=1))
    await until(lambda: told(hass, "not_recording"))
    assert words(hass, "not_recording")["channel"] == "2"
    since = dt_util.as_local(now - timedelta(minutes=45))
    assert words(hass, "not_recording")["since"] in {
        f"{moment:%Y-%m-%d %H:%M}" for moment in (since, since - timedelta(minutes=1))
    }
    # The day before is gone, too: nothing says any more that it should be recorded, but that it was missed.
    recording.footage.add_gap(2, now - timedelta(days=9), now)
    await hass.config_entries.async_reload(entry.entry_id)
    watch = entry.runtime_data.health.recording
    await until(lambda: watch.health(2).looked_at)
    assert watch.health(2).silent_since is not None
    assert told(hass, "not_recording")
    recording.footage._extra_gaps.clear()
    await until(lambda: told(hass, "not_recording") is None)
    assert watch.health(2).recording


@pytest.mark.slow
@every_family
async def test_a_broken_disk_is_told_until_it_is_well(hass: HomeAssistant, recording: Recorder) -> None:
    await ready(hass, recording)
    fault = "disk" if family_of(recording).key == "hikvision" else "storage.mode"
    recording.apply_faults({fault: "error"})
    await until(lambda: told(hass, "disk_fault"))
    assert "rror" in words(hass, "disk_fault")["disks"]
    issue = told(hass, "disk_fault")
    assert issue is not None
    assert issue.severity is ir.IssueSeverity.ERROR
    recording.apply_faults({fault: "ok"})
    await until(lambda: told(hass, "disk_fault") is None)


@every_family
@pytest.mark.parametrize("skew", [90, *(pytest.param(skew, marks=pytest.mark.slow) for skew in (4, -90))])
async def test_a_wrong_clock_is_told_and_set_when_the_user_agrees(
    hass: HomeAssistant, recording: Recorder, skew: int
) -> None:
    recording.clock.skew = timedelta(seconds=skew)
    entry = await ready(hass, recording)
    if abs(skew) < 5:
        await until(lambda: entry.runtime_data.health.box._judged)
        assert told(hass, "clock_wrong") is None
        return
    await until(lambda: told(hass, "clock_wrong"))
    assert abs(int(words(hass, "clock_wrong")["seconds"]) - skew) <= 3
    flow: Any = await fixing(hass, "clock_wrong")
    shown = await flow.async_step_init()
    assert shown["type"] is FlowResultType.FORM
    assert shown["description_placeholders"]["name"] == "Test NVR"
    assert recording.counters.writes == 0
    done = await flow.async_step_confirm({})
    assert done["type"] is FlowResultType.CREATE_ENTRY
    assert abs(recording.clock.skew) < timedelta(seconds=3)
    await until(lambda: told(hass, "clock_wrong") is None)


@pytest.mark.slow
@every_family
async def test_a_write_that_is_refused_is_said_and_may_be_tried_again(hass: HomeAssistant, recording: Recorder) -> None:
    recording.clock.skew = timedelta(seconds=60)
    await ready(hass, recording)
    await until(lambda: told(hass, "clock_wrong"))
    flow: Any = await fixing(hass, "clock_wrong")
    recording.apply_faults({"rights": ["live", "playback", "config"]})
    refused = await flow.async_step_confirm({})
    assert refused["errors"] == {"base": "permission"}
    recording.faults.rights = None
    assert (await flow.async_step_confirm({}))["type"] is FlowResultType.CREATE_ENTRY
    assert abs(recording.clock.skew) < timedelta(seconds=3)


@pytest.mark.slow
async def test_nothing_is_written_for_an_entry_that_is_not_set_up(hass: HomeAssistant, recording: Recorder) -> None:
    recording.clock.skew = timedelta(seconds=60)
    entry = await ready(hass, recording)
    await until(lambda: told(hass, "clock_wrong"))
    flow: Any = await fixing(hass, "clock_wrong")
    await hass.config_entries.async_unload(entry.entry_id)
    assert (await flow.async_step_confirm({}))["reason"] == "not_loaded"
    assert told(hass, "clock_wrong") is None


async def test_a_detection_that_is_not_sent_to_us_is_linked_and_nothing_else(
    hass: HomeAssistant, recording: Any
) -> None:
    triggers = recording.triggers
    triggers.unlinked |= {("VMD", 2), ("videoloss", 1)}
    await ready(hass, recording)
    await until(lambda: told(hass, "events_unlinked"))
    # Nobody has set up anything for a lost picture: that is left alone.
    assert words(hass, "events_unlinked")["changes"] == "- 2 Driveway, motion (VMD-2): record → record, center"
    flow: Any = await fixing(hass, "events_unlinked")
    await flow.async_step_init()
    assert recording.counters.writes == 0
    assert (await flow.async_step_confirm({}))["type"] is FlowResultType.CREATE_ENTRY
    assert recording.counters.writes == 1
    assert triggers.linked("VMD", 2)
    assert not triggers.linked("videoloss", 1)
    await until(lambda: told(hass, "events_unlinked") is None)


@pytest.mark.slow
@every_family
async def test_an_event_stream_without_a_place_is_told_until_there_is_one(
    hass: HomeAssistant, recording: Recorder, family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health_issues, "CROWDED", 0.1)
    monkeypatch.setattr(family.back_off, (0.1,))
    monkeypatch.setattr("custom_components.nvr.core.drivers.dahua.client.FULL_TABLE_WAIT", 0.1)
    events = "alerts" if family.key == "hikvision" else "events"
    recording.apply_faults({f"{events}.limit": 0})
    await set_up(hass, make_entry(recording))
    await until(lambda: told(hass, "events_crowded"))
    recording.apply_faults({f"{events}.limit": 4})
    await until(lambda: told(hass, "events_crowded") is None)


@pytest.mark.slow
@every_family
async def test_rtsp_that_is_switched_off_is_told(hass: HomeAssistant, recording: Recorder) -> None:
    switch = "documents.rtsp_off" if family_of(recording).key == "hikvision" else "config.rtsp_off"
    recording.apply_faults({switch: True})
    entry = await ready(hass, recording)
    await until(lambda: told(hass, "rtsp_off"))
    recording.apply_faults({switch: False})
    await hass.config_entries.async_reload(entry.entry_id)
    await until(lambda: told(hass, "rtsp_off") is None)


@pytest.mark.slow
@every_family
async def test_sub_streams_that_browsers_do_not_play_are_told(hass: HomeAssistant, recording: Any) -> None:
    streams = recording.device.channels[2].streams
    sub = 2 if 2 in streams else 1
    streams[sub].codec = "H.265"
    entry = await ready(hass, recording)
    await until(lambda: told(hass, "sub_stream_h265"))
    assert words(hass, "sub_stream_h265")["channels"] == "- 2 Driveway"
    streams[sub].codec = "H.264"
    await hass.config_entries.async_reload(entry.entry_id)
    await until(lambda: told(hass, "sub_stream_h265") is None)


@pytest.mark.slow
@every_family
async def test_a_user_who_may_not_search_is_told_so(hass: HomeAssistant, recording: Recorder) -> None:
    entry = await ready(hass, recording)
    watch = entry.runtime_data.health.recording
    recording.apply_faults({"rights": ["live", "config", "parameters"]})
    await until(lambda: told(hass, "playback_permission"))
    assert watch.health(1).looked_at is not None
    recording.faults.rights = None
    await until(lambda: told(hass, "playback_permission") is None)


def test_long_lists_are_cut() -> None:
    assert lines(["a"]) == "- a"
    assert lines(str(number) for number in range(30)).splitlines()[-1] == "- … (+10)"
    event = SilentEvent("diskfull", EventKind.DISK_FULL, None, ("beep",), ("beep", "center"))
    assert changes([event], ()) == "- disk_full (diskfull): beep → beep, center"


async def test_a_repair_follows_the_name_of_its_nvr(hass: HomeAssistant, recording: Recorder) -> None:
    recording.apply_faults({"documents.rtsp_off": True})
    entry = make_entry(recording)
    await set_up(hass, entry)
    await until(lambda: told(hass, "rtsp_off"))
    assert words(hass, "rtsp_off")["name"] == "Test NVR"
    hass.config_entries.async_update_entry(entry, title="Barn")
    await hass.async_block_till_done()
    entry.runtime_data.hub.changed.async_send()
    await until(lambda: told(hass, "rtsp_off") and words(hass, "rtsp_off")["name"] == "Barn")
