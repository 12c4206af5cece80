"""The trigger and the condition for a camera that is not recorded, on what its own sensor shows."""

from datetime import timedelta

from homeassistant.const import STATE_ON
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import async_mock_service

from custom_components.nvr import recording_watch
from tests.simulators.footage import ChannelPlan

from .conftest import StartSimulator, events_up, make_entry, set_up, until
from .happenings import second_family_slow
from .test_trigger import holds

STEADY = ChannelPlan("continuous", (600, 600), 0.0, (), incidents_per_hour=0.0)


@second_family_slow
async def test_a_camera_that_is_not_recorded_any_more_triggers_once(
    hass: HomeAssistant, start_simulator: StartSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"FIRST": 0.0, "PACE": 0.02, "QUIET": 0.3, "TELLING": timedelta(0)}.items():
        monkeypatch.setattr(recording_watch, name, value)
    monkeypatch.setattr(recording_watch, "ROUND", timedelta(seconds=0.4))
    nvr = await start_simulator(channels=2)
    nvr.footage.plans.update(dict.fromkeys((1, 2), STEADY))
    entry = make_entry(nvr)
    hub = await set_up(hass, entry)
    await events_up(hub)
    sensors = [f"binary_sensor.{name}_recording" for name in ("front_door", "driveway")]
    await until(lambda: all(hass.states.is_state(sensor, STATE_ON) for sensor in sensors))
    noted = async_mock_service(hass, "test", "note")
    automation = {
        "alias": "ours",
        "triggers": [{"trigger": "nvr.not_recording"}],
        "actions": [{"action": "test.note", "data": {"said": "{{ trigger.channel_name }} {{ trigger.downtime }}"}}],
    }
    assert await async_setup_component(hass, "automation", {"automation": [automation]})
    await hass.async_block_till_done()
    drive = {"device_id": hub.channel_device_id(2)}
    assert await holds(hass, "is_recording", target=drive)
    nvr.footage.add_gap(2, dt_util.utcnow() - timedelta(minutes=50), dt_util.utcnow() + timedelta(days=1))
    await until(lambda: noted)
    assert noted[0].data["said"].startswith("Driveway ")
    assert await holds(hass, "is_not_recording", target=drive)
    assert not await holds(hass, "is_not_recording", target={"device_id": hub.channel_device_id(1)})
    nvr.footage._extra_gaps.clear()
    await until(lambda: hass.states.is_state(sensors[1], STATE_ON))
    assert await holds(hass, "is_recording", target=drive)
    assert len(noted) == 1
