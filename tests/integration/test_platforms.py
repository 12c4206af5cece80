"""Every entity of an NVR of each family as people find it: name, icon, category, whether it is on, and its state.

One line for each entity. After a change that is meant, `pytest --snapshot-update` writes them anew; look at
the difference.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
import json
from pathlib import Path
import time
from typing import Any, Final

import freezegun
from homeassistant.const import STATE_UNKNOWN, Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.entity import Entity
from homeassistant.helpers.entity_platform import async_get_platforms
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from syrupy.assertion import SnapshotAssertion

from custom_components.nvr import box_health, control_desk, recording_watch
from custom_components.nvr.const import CONF_IGNORED_CHANNELS, DOMAIN, PLATFORMS
from tests.simulators.footage import ChannelPlan
from tests.simulators.hikvision import HikvisionSimulator

from .conftest import StartSimulator, events_up, every_family, make_entry, set_up, until
from .happenings import cross_line, second_family_slow
from .recorders import HIKVISION, Family, Recorder

# All is as it was then, by every clock; footage follows the simulators' own.
MOMENT: Final = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
STEADY: Final = ChannelPlan("continuous", (600, 600), 0.0, (), incidents_per_hour=0.0)
# Different at each start, or told in the columns before.
VOLATILE: Final = frozenset({"access_token", "entity_picture", "friendly_name", "icon", "device_class"})
FOLDER: Final = Path(__file__).parents[2] / "custom_components" / "nvr"
OFF_UNTIL_WANTED: Final = Entity.entity_registry_enabled_default


@pytest.fixture(autouse=True)
def that_moment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Stop the clock on the wall; what waits, waits as long as ever."""
    monkeypatch.setattr(freezegun.api, "fake_monotonic", time.monotonic)
    with freezegun.freeze_time(MOMENT):
        yield


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask at once for what is asked for seldom."""
    for module, name, value in (
        (control_desk, "FIRST", 0.0),
        (control_desk, "BREATH", 0.0),
        (recording_watch, "FIRST", 0.0),
        (recording_watch, "PACE", 0.02),
        (recording_watch, "QUIET", 0.0),
        (box_health, "FIRST", 0.0),
    ):
        monkeypatch.setattr(module, name, value)


@pytest.fixture
def all_enabled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Enable what nobody has asked for."""
    monkeypatch.setattr(Entity, "entity_registry_enabled_default", True)


@pytest.fixture
async def nvr(start_simulator: StartSimulator, family: Family) -> Any:
    """A recorder with as much as its family has; the third camera moves."""
    profile = "nvr8" if family is HIKVISION else "nvr5464"
    simulator = await start_simulator(channels=3, profile=profile)
    simulator.clock._epoch = MOMENT.timestamp
    if family is HIKVISION:
        # It was started at the end of a minute, so that the seconds that a test takes do not show.
        simulator.device.uptime_base = 315_661.0
    simulator.footage.plans.update(dict.fromkeys(range(1, 4), STEADY))
    return simulator


async def known(hass: HomeAssistant, nvr: Recorder) -> MockConfigEntry:
    """Set it up without its second camera, which is like the first; return its entry when all of it is known."""
    entry = make_entry(nvr, options={CONF_IGNORED_CHANNELS: ["2"]})
    hub = await set_up(hass, entry)
    await events_up(hub)
    health = entry.runtime_data.health
    await until(lambda: hub.desk.surveyed and hub.desk.known.controls and not hub.desk.unread, 20)
    await until(lambda: health.box.disks is not None and (health.box.status is not None or health.box._tells_nothing))
    await until(lambda: all(health.recording.oldest(channel.number) for channel in hub.channels), 20)
    for channel in hub.channels:
        cross_line(nvr, channel.number)
    await until(lambda: all(state.state != STATE_UNKNOWN for state in hass.states.async_all(Platform.IMAGE)), 20)
    await hass.async_block_till_done()
    return entry


def icon_of(platform: str, translation_key: str | None) -> str:
    icons: Mapping[str, Any] = json.loads((FOLDER / "icons.json").read_text(encoding="utf-8"))["entity"]
    return str(icons.get(platform, {}).get(translation_key, {}).get("default", "-"))


def line_of(hass: HomeAssistant, entity: Entity) -> str:
    """Return all that people see of an entity, and what must stay as it is: its ids."""
    entry = entity.registry_entry
    assert entry is not None
    state = hass.states.get(entry.entity_id)
    assert state is not None, entry.entity_id
    told = {name: value for name, value in sorted(state.attributes.items()) if name not in VOLATILE}
    return " | ".join(
        (
            f"{entry.entity_id} ({entry.unique_id})",
            str(state.attributes["friendly_name"]),
            entry.entity_category or "-",
            "on" if OFF_UNTIL_WANTED.__get__(entity) else "off",
            entry.original_device_class or "-",
            icon_of(entry.domain, entry.translation_key),
            state.state[:16] if entry.original_device_class == "timestamp" else state.state,
            json.dumps(told, default=str, ensure_ascii=False),
        )
    )


def device_line(device: dr.DeviceEntry) -> str:
    """Return what people see of a device."""
    made = (device.name, device.manufacturer, device.model, device.sw_version, device.hw_version, device.serial_number)
    return " | ".join(str(part) for part in (*made, "a part" if device.via_device_id else "the NVR"))


@every_family
@pytest.mark.usefixtures("all_enabled")
async def test_entities_are_as_they_were(hass: HomeAssistant, nvr: Any, snapshot: SnapshotAssertion) -> None:
    entry = await known(hass, nvr)
    shown: dict[str, list[str]] = {platform.value: [] for platform in PLATFORMS}
    for platform in async_get_platforms(hass, DOMAIN):
        shown[platform.domain] += [line_of(hass, entity) for entity in platform.entities.values()]
    for name, lines in shown.items():
        assert sorted(lines) == snapshot(name=name)
    devices = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    assert [device_line(device) for device in devices] == snapshot(name="devices")


def much_happens(nvr: Recorder, channel: int) -> None:
    """Tell of many things that happen for the first time."""
    if isinstance(nvr, HikvisionSimulator):
        for kind in ("linedetection", "fielddetection", "regionEntrance", "regionExiting"):
            nvr.emit(kind, channel)
    else:
        for code in ("CrossLineDetection", "CrossRegionDetection", "WanderDetection", "FaceDetection"):
            nvr.emit(code, channel, action="Start")


@second_family_slow
async def test_a_channel_has_at_most_eight_entities_that_nobody_asked_for(hass: HomeAssistant, nvr: Any) -> None:
    hub = await set_up(hass, make_entry(nvr))
    await events_up(hub)
    await until(lambda: hub.desk.surveyed and hub.desk.known.presets, 20)
    before = hub.fanout.counters.total()
    for channel in hub.channels:
        much_happens(nvr, channel.number)
    await until(lambda: hub.fanout.counters.total() >= before + 12)
    await hass.async_block_till_done()
    enabled: dict[int, list[str]] = {}
    for channel in hub.channels:
        device_id = hub.channel_device_id(channel.number)
        assert device_id is not None
        found = er.async_entries_for_device(er.async_get(hass), device_id)
        enabled[channel.number] = [entity.entity_id for entity in found]
        assert len(found) <= 8, enabled
    # What a camera turned out to send, and where it can be turned to, come before what all have and none sends.
    assert {"binary_sensor.front_door_line_crossing", "binary_sensor.front_door_motion"} <= {*enabled[1]}
    assert {"select.garden_preset", "binary_sensor.garden_motion"} <= {*enabled[3]}
    assert "binary_sensor.garden_tampering" not in enabled[3]
