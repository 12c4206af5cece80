"""Each family's words for the same happening become the same event, with all that is known of it."""

from typing import Any

from homeassistant.core import Event, HomeAssistant
from homeassistant.util import dt as dt_util
import orjson
import pytest
from pytest_homeassistant_custom_component.common import async_capture_events

from custom_components.nvr.const import EVENT_DETECTION
from custom_components.nvr.core.models import DetectionTarget, EventDirection, EventKind, EventPhase, NvrEvent
from custom_components.nvr.hub import NvrHub
from tests.simulators.hikvision import HikvisionSimulator

from .conftest import events_up, every_family, make_entry, set_up, until
from .happenings import cross_line, read_plate
from .recorders import DAHUA, HIKVISION, Recorder, family_of

EVENTS = "event.front_door_events"


@pytest.fixture
def bus(hass: HomeAssistant) -> list[Event[Any]]:
    return async_capture_events(hass, EVENT_DETECTION)


async def ready(hass: HomeAssistant, nvr: Recorder) -> NvrHub:
    hub = await set_up(hass, make_entry(nvr))
    await events_up(hub)
    await until(lambda: family_of(nvr).open(nvr)["event streams"] == 1)
    return hub


def attributes(hass: HomeAssistant) -> dict[str, Any]:
    found = hass.states.get(EVENTS)
    assert found is not None
    return dict(found.attributes)


@every_family
async def test_a_plate_comes_with_its_text(hass: HomeAssistant, nvr: Recorder, bus: list[Event[Any]]) -> None:
    await ready(hass, nvr)
    read_plate(nvr, 1, "AB 123")
    await until(lambda: bus)
    data = bus[0].data
    assert (data["kind"], data["phase"], data["plate"], data["direction"]) == ("plate", "pulse", "AB 123", "reverse")
    shown = attributes(hass)
    assert (shown["event_type"], shown["plate"], shown["direction"]) == ("plate", "AB 123", "reverse")
    read_plate(nvr, 1, "unknown")
    await until(lambda: len(bus) == 2)
    assert bus[1].data["plate"] is None
    assert "plate" not in attributes(hass)


@pytest.mark.parametrize("family", [DAHUA], indirect=True)
async def test_a_face_comes_with_whose_it_is(hass: HomeAssistant, nvr: Any, bus: list[Event[Any]]) -> None:
    await ready(hass, nvr)
    known = {"Person": {"UID": "0012", "Name": "Ada  Lovelace", "Sex": "Female"}, "Similarity": 91}
    other = {"Person": {"UID": "0014", "Name": "Grace Hopper"}, "Similarity": 64}
    nvr.emit("FaceRecognition", 1, action="Pulse", data={"Candidates": [known, other], "Face": {"Age": 36}})
    await until(lambda: bus)
    assert (bus[0].data["kind"], bus[0].data["face"]) == ("face", "Ada Lovelace")
    assert attributes(hass)["face"] == "Ada Lovelace"
    nvr.emit("FaceRecognition", 1, action="Pulse", data={"Candidates": [], "Face": {"Age": 36}})
    await until(lambda: len(bus) == 2)
    assert bus[1].data["face"] is None


@every_family
async def test_a_line_comes_with_who_crossed_it_and_its_rule(
    hass: HomeAssistant, nvr: Recorder, bus: list[Event[Any]]
) -> None:
    await ready(hass, nvr)
    rule = "1" if family_of(nvr) is HIKVISION else "IVS-1"
    cross_line(nvr, 1)
    await until(lambda: bus)
    data = bus[0].data
    assert (data["kind"], data["target"], data["rule"]) == ("line_crossing", "person", rule)
    assert {name: attributes(hass)[name] for name in ("target", "rule")} == {"target": "person", "rule": rule}
    cross_line(nvr, 1, on=False)
    await until(lambda: len(bus) == 2)
    assert (bus[1].data["phase"], bus[1].data["rule"]) == ("stop", rule)


async def test_the_longest_payload_stays_below_a_kilobyte(
    hass: HomeAssistant, nvr: HikvisionSimulator, bus: list[Event[Any]]
) -> None:
    hub = await ready(hass, nvr)
    now = dt_util.utcnow()
    for character in ("x", "車", "\U0001f4f7", '"', "\x01"):
        long = character * 300
        nvr.device.channels[1].name = long
        await hub.link.async_refresh()
        hass.config_entries.async_update_entry(hub.entry, title=long)
        hub.fanout.async_forget_payloads()
        hub.fanout.on_event(
            NvrEvent(
                *(EventKind.ADDRESS_CONFLICT, EventPhase.START, 1, now, now),
                raw_type=long,
                region=long,
                rule=long,
                plate=long,
                face=long,
                text=long,
                target=DetectionTarget.VEHICLE,
                direction=EventDirection.LEFT_TO_RIGHT,
                port=65535,
            )
        )
        size = len(orjson.dumps(bus[-1].data))
        assert 400 < size <= 1000, character
    assert len(bus) == 5
