"""The triggers and conditions of our own, in automations, on what simulated NVRs tell."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from homeassistant.const import STATE_ON
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.helpers import condition, entity_registry as er, trigger
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed, async_mock_service

from custom_components.nvr.condition import CONDITIONS
from custom_components.nvr.const import CONF_GRACE_TIME, POLL_FAILING
from custom_components.nvr.core.models import EventKind, EventPhase, NvrEvent
from custom_components.nvr.hub import NvrHub
from custom_components.nvr.trigger import TRIGGERS

from .conftest import events_up, every_family, make_entry, set_up, until
from .happenings import cross_line, read_plate, second_family_slow
from .recorders import HIKVISION, Recorder, family_of

MOTION = "binary_sensor.front_door_motion"

type Automate = Callable[..., Awaitable[list[ServiceCall]]]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("POLL_FAILING", "POLL_OFFLINE", "POLL_STEADY", "POLL_WITHOUT_EVENTS"):
        monkeypatch.setattr(f"custom_components.nvr.link.{name}", POLL_FAILING / 20)


@pytest.fixture
def automate(hass: HomeAssistant) -> Automate:
    """Set one automation up; what it runs is an action that is only noted."""
    noted = async_mock_service(hass, "test", "note")

    async def start(triggers: Any, conditions: Any = (), **data: str) -> list[ServiceCall]:
        automation = {
            "alias": "ours",
            "triggers": triggers,
            "conditions": list(conditions),
            "actions": [{"action": "test.note", "data": data or {"kind": "{{ trigger.kind }}"}}],
        }
        assert await async_setup_component(hass, "automation", {"automation": [automation]})
        await hass.async_block_till_done()
        found = hass.states.get("automation.ours")
        assert found is not None
        assert found.state == STATE_ON
        return noted

    return start


async def ready(hass: HomeAssistant, nvr: Recorder, **options: Any) -> NvrHub:
    hub = await set_up(hass, make_entry(nvr, options=options))
    await events_up(hub)
    await until(lambda: family_of(nvr).open(nvr)["event streams"] == 1)
    return hub


def happened(kind: EventKind, channel: int | None = 1, **facts: Any) -> NvrEvent:
    now = dt_util.utcnow()
    return NvrEvent(kind, facts.pop("phase", EventPhase.START), channel, now, now, **facts)


async def test_the_editor_is_told_of_each(hass: HomeAssistant, nvr: Recorder) -> None:
    await ready(hass, nvr)
    for platform, own in ((trigger, TRIGGERS), (condition, CONDITIONS)):
        assert await async_setup_component(hass, "automation", {})
        described = await platform.async_get_all_descriptions(hass)
        assert {f"nvr.{key}" for key in own} == {key for key in described if key.startswith("nvr.")}
        assert all(described[f"nvr.{key}"] for key in own)


@every_family
async def test_a_line_crossed_by_a_person(hass: HomeAssistant, nvr: Recorder, automate: Automate) -> None:
    await ready(hass, nvr)
    rule = "1" if family_of(nvr) is HIKVISION else "ivs-1"
    options = {"kind": ["line_crossing"], "object": "person", "rule": rule}
    noted = await automate(
        {"trigger": "nvr.detected", "target": {"entity_id": "camera.front_door"}, "options": options},
        what="{{ trigger.channel_name }}: {{ trigger.kind }} {{ trigger.target }}",
        description="{{ trigger.description }}",
    )
    cross_line(nvr, 2)
    cross_line(nvr, 3, by="vehicle")
    cross_line(nvr, 1)
    await until(lambda: noted)
    await hass.async_block_till_done()
    assert [call.data for call in noted] == [
        {"what": "Front door: line_crossing person", "description": "detection of Front door"}
    ]


@every_family
async def test_a_person_is_a_person_whatever_the_brand(hass: HomeAssistant, nvr: Recorder, automate: Automate) -> None:
    hub = await ready(hass, nvr)
    noted = await automate({"trigger": "nvr.detected", "options": {"kind": "person"}})
    hub.fanout.on_event(happened(EventKind.MOTION))
    nvr.motion(1, target="human")
    await until(lambda: noted)
    kinds = {"motion"} if family_of(nvr) is HIKVISION else {"person"}
    assert {call.data["kind"] for call in noted} == kinds


@every_family
async def test_plates_on_the_list_and_others(hass: HomeAssistant, nvr: Recorder, automate: Automate) -> None:
    await ready(hass, nvr)
    noted = await automate(
        [
            {"trigger": "nvr.plate_seen", "id": "any"},
            {"trigger": "nvr.plate_seen", "id": "ours", "options": {"plates": ["ab-12*"]}},
            {"trigger": "nvr.plate_seen", "id": "guest", "options": {"plates": ["AB 12*"], "which": "not_listed"}},
        ],
        said="{{ trigger.id }} {{ trigger.plate }}",
    )
    read_plate(nvr, 1, "AB 123")
    await until(lambda: len(noted) == 2)
    read_plate(nvr, 1, "XY 1")
    await until(lambda: len(noted) == 4)
    read_plate(nvr, 1, "unknown")
    await hass.async_block_till_done()
    assert [call.data["said"] for call in noted] == ["any AB 123", "ours AB 123", "any XY 1", "guest XY 1"]


async def test_what_is_late_over_or_elsewhere_triggers_nothing(
    hass: HomeAssistant, nvr: Recorder, automate: Automate
) -> None:
    hub = await ready(hass, nvr)
    noted = await automate(
        [
            {"trigger": "nvr.detected", "target": {"device_id": hub.channel_device_id(2)}},
            {"trigger": "nvr.detection_ended", "target": {"device_id": hub.device_id}, "options": {"kind": "face"}},
            {"trigger": "nvr.disk_fault"},
            {"trigger": "nvr.recording_failed"},
        ],
        said="{{ trigger.kind }} {{ trigger.phase }}",
    )
    for event in (
        happened(EventKind.FACE, 1),
        happened(EventKind.FACE, 2, late=True),
        happened(EventKind.FACE, 2, phase=EventPhase.STOP),
        happened(EventKind.LOITERING, 2, phase=EventPhase.STOP),
        happened(EventKind.FIRE, 2),
        happened(EventKind.DISK_ERROR, None),
        happened(EventKind.DISK_ERROR, None, phase=EventPhase.STOP),
        happened(EventKind.RECORDING_FAILED, None),
    ):
        hub.fanout.on_event(event)
        await hass.async_block_till_done()
    said = [call.data["said"] for call in noted]
    assert said == ["face stop", "fire start", "disk_error start", "recording_failed start"]


@second_family_slow
@pytest.mark.usefixtures("quick")
async def test_an_nvr_and_a_camera_that_go_and_come(hass: HomeAssistant, nvr: Recorder, automate: Automate) -> None:
    hub = await ready(hass, nvr, **{CONF_GRACE_TIME: 1})
    keys = ("went_offline", "came_online", "channel_lost", "channel_restored")
    triggers = [{"trigger": f"nvr.{key}", "id": key} for key in keys]
    noted = await automate(triggers, said="{{ trigger.id }} {{ trigger.reason }}", away="{{ trigger.downtime }}")

    def said() -> list[str]:
        return [call.data["said"] for call in noted]

    await nvr.set_channel_online(2, online=False)
    await until(lambda: "channel_lost camera_offline" in said(), 15)
    await nvr.set_channel_online(2, online=True)
    await until(lambda: "channel_restored camera_offline" in said(), 15)
    await nvr.power_off()
    await until(lambda: said()[-1].startswith("went_offline"), 20)
    absence = hub.watch.absence(0)
    assert absence is not None
    (away,) = (found for found in hass.states.async_all("binary_sensor") if found.attributes.get("reason"))
    assert away.state == "off"
    assert (away.attributes["reason"], away.attributes["since"]) == (
        said()[-1].partition(" ")[2],
        absence.since.isoformat(),
    )
    await nvr.power_on()
    await until(lambda: any(text.startswith("came_online") for text in said()), 20)
    assert all(int(call.data["away"]) >= 1 for call in noted if "offline" in call.data["said"])


@pytest.mark.usefixtures("quick")
async def test_who_is_away_for_long_outlives_a_restart(hass: HomeAssistant, nvr: Recorder, automate: Automate) -> None:
    hub = await ready(hass, nvr, **{CONF_GRACE_TIME: 1})
    ours = {"entity_id": "automation.ours"}
    noted = await automate(
        {"trigger": "nvr.went_offline", "options": {"for": {"minutes": 5}}}, said="{{ trigger.reason }}"
    )

    async def wait(minutes: float) -> None:
        async_fire_time_changed(hass, dt_util.utcnow() + timedelta(minutes=minutes))
        await hass.async_block_till_done()

    await nvr.power_off()
    await until(lambda: hub.watch.absence(0), 20)
    await wait(4.5)
    assert not noted
    # Home Assistant starts again: first the automation, which finds no NVR, then the NVR, which is still away.
    await hass.services.async_call("automation", "turn_off", ours, blocking=True)
    assert await hass.config_entries.async_unload(hub.entry.entry_id)
    await hass.services.async_call("automation", "turn_on", ours, blocking=True)
    await hass.config_entries.async_setup(hub.entry.entry_id)
    await hass.async_block_till_done()
    await wait(4.5)
    assert not noted
    await wait(6)
    assert [call.data["said"] for call in noted] == ["unreachable"]
    await wait(60)
    assert len(noted) == 1


@pytest.mark.usefixtures("quick")
async def test_who_comes_back_in_time_triggers_nothing(hass: HomeAssistant, nvr: Recorder, automate: Automate) -> None:
    hub = await ready(hass, nvr, **{CONF_GRACE_TIME: 1})
    noted = await automate({"trigger": "nvr.channel_lost", "options": {"for": "00:05:00"}}, said="{{ trigger.reason }}")
    await nvr.set_channel_online(2, online=False)
    await until(lambda: hub.watch.absence(2), 15)
    await hass.async_block_till_done()
    await nvr.set_channel_online(2, online=True)
    await until(lambda: hub.watch.online(2), 15)
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(minutes=6))
    await hass.async_block_till_done()
    assert not noted


async def test_a_camera_that_is_not_recorded(
    hass: HomeAssistant, nvr: Recorder, automate: Automate, entity_registry: er.EntityRegistry
) -> None:
    hub = await ready(hass, nvr)
    sensors = [
        entity_registry.async_get_or_create(
            *("binary_sensor", "nvr", f"{channel.id}_recording"),
            config_entry=hub.entry,
            device_id=hub.channel_device_id(channel.number),
        ).entity_id
        for channel in hub.channels[:2]
    ]
    door = {"device_id": hub.channel_device_id(1)}
    noted = await automate(
        {"trigger": "nvr.not_recording", "target": door, "options": {"for": {"minutes": 40}}},
        said="{{ trigger.channel_name }} {{ trigger.entity_id }}",
    )

    async def wait(minutes: int) -> int:
        async_fire_time_changed(hass, dt_util.utcnow() + timedelta(minutes=minutes))
        await hass.async_block_till_done()
        return len(noted)

    for sensor in (*sensors, "binary_sensor.of_others", MOTION):
        hass.states.async_set(sensor, "off")
    await hass.async_block_till_done()
    assert await holds(hass, "is_not_recording", target=door)
    assert not await holds(hass, "is_not_recording", target=door, options={"for": "01:00:00"})
    assert await wait(39) == 0
    hass.states.async_set(sensors[0], "unknown")
    assert await wait(41) == 0
    assert not await holds(hass, "is_not_recording", target=door)
    assert not await holds(hass, "is_recording", target=door)
    hass.states.async_set(sensors[0], "off")
    await hass.async_block_till_done()
    assert await wait(41) == 1
    assert noted[0].data["said"] == "Front door camera.front_door"
    hass.states.async_set(sensors[0], "on")
    assert await holds(hass, "is_recording", target=door)
    assert await wait(41) == 1


async def holds(hass: HomeAssistant, key: str, **config: Any) -> bool | None:
    """Check one condition of ours."""
    checked = await condition.async_validate_condition_config(hass, {"condition": f"nvr.{key}", **config})
    checker = await condition.async_from_config(hass, checked)
    try:
        return checker.async_check()
    finally:
        checker.async_unload()


@every_family
async def test_conditions(hass: HomeAssistant, nvr: Recorder) -> None:
    hub = await ready(hass, nvr)
    door = {"device_id": hub.channel_device_id(1)}
    assert await holds(hass, "is_online")
    assert not await holds(hass, "is_offline")
    assert await holds(hass, "is_channel_online", target=door)
    assert not await holds(hass, "is_channel_offline", target={"device_id": hub.device_id})
    detecting = {"target": door, "options": {"kind": ["line_crossing"]}}
    assert not await holds(hass, "is_detecting", **detecting)
    cross_line(nvr, 1)
    await until(lambda: hub.fanout.active)
    assert await holds(hass, "is_detecting", **detecting)
    assert await holds(hass, "is_detecting", target={"entity_id": "camera.front_door"})
    assert not await holds(hass, "is_detecting", target={"entity_id": "camera.garage"})
    assert not await holds(hass, "is_detecting", options={"behavior": "all"})
    assert not await holds(hass, "is_online", target={"entity_id": "camera.garage"})
