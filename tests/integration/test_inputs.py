"""Alarm inputs that were on before anything was heard of them: their sensors show it, and nothing else happens."""

from typing import Any

from homeassistant.const import STATE_OFF, STATE_ON
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import async_capture_events

from custom_components.nvr import input_watch
from custom_components.nvr.const import DOMAIN, EVENT_DETECTION
from tests.simulators.dahua.events import SimEvent
from tests.simulators.hikvision import HikvisionSimulator

from .conftest import events_up, every_family, make_entry, set_up, until
from .recorders import Recorder, family_of


def switch(nvr: Recorder, port: int, *, on: bool = True) -> None:
    """Close or open the contact at an alarm input."""
    if isinstance(nvr, HikvisionSimulator):
        nvr.emit("IO", 0, io=port, state="active" if on else "inactive")
    else:
        nvr.events.emit(SimEvent("AlarmLocal", port - 1, "Start" if on else "Stop"))


def shows(hass: HomeAssistant, nvr: Recorder, port: int) -> str | None:
    """Return what the sensor of an input shows; None where there is none."""
    known = er.async_get(hass).async_get_entity_id("binary_sensor", DOMAIN, f"{nvr.serial}_io_input_{port}")
    found = hass.states.get(known) if known is not None else None
    return None if found is None else found.state


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let moments stand for the seconds after the set-up, and for the minutes between two questions."""
    monkeypatch.setattr(input_watch, "FIRST", 0.1)
    monkeypatch.setattr(input_watch, "LOOK", 0.05)
    monkeypatch.setattr(input_watch, "AGAIN", 0.2)


@every_family
async def test_a_door_that_stands_open_at_the_start_is_shown(hass: HomeAssistant, nvr: Any) -> None:
    switch(nvr, 2)
    bus = async_capture_events(hass, EVENT_DETECTION)
    entry = make_entry(nvr)
    for again in (False, True):  # known or not, its sensor shows it
        if again:
            assert await hass.config_entries.async_reload(entry.entry_id)
        hub = await set_up(hass, entry)
        await events_up(hub)
        await until(lambda: family_of(nvr).open(nvr)["event streams"] == 1)
        await until(lambda: shows(hass, nvr, 2) == STATE_ON)
    assert bus == []
    switch(nvr, 2, on=False)
    await until(lambda: shows(hass, nvr, 2) == STATE_OFF)
    assert [(event.data["kind"], event.data["phase"], event.data["port"]) for event in bus] == [("io_input", "stop", 2)]
    assert nvr.counters.writes == 0


async def test_an_end_that_nobody_tells_is_found_out(hass: HomeAssistant, nvr: HikvisionSimulator) -> None:
    switch(nvr, 1)
    hub = await set_up(hass, make_entry(nvr))
    await events_up(hub)
    await until(lambda: shows(hass, nvr, 1) == STATE_ON)
    nvr.device.inputs.clear()
    await until(lambda: shows(hass, nvr, 1) == STATE_OFF)
    path = "/ISAPI/System/IO/status"
    asked = nvr.counters.by_path[path]
    nvr.cut_events()
    await until(lambda: nvr.counters.by_path[path] > asked)
