"""What the README says of events and actions is what happens: it is the public interface."""

from datetime import datetime
import json
from pathlib import Path
import re
from typing import Any

from homeassistant.core import HomeAssistant, SupportsResponse
from homeassistant.helpers import area_registry as ar, config_validation as cv, device_registry as dr
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import probatio
import pytest
from pytest_homeassistant_custom_component.common import async_capture_events, async_mock_service
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator
import yaml

from custom_components.nvr import const
from custom_components.nvr.condition import CONDITIONS
from custom_components.nvr.const import CONF_GRACE_TIME, DOMAIN
from custom_components.nvr.core.models import DetectionTarget, EventKind, EventPhase, TimeSpan
from custom_components.nvr.export_actions import async_setup_export_actions
from custom_components.nvr.playback import start_playback
from custom_components.nvr.ptz_actions import async_setup_ptz_actions
from custom_components.nvr.services import async_setup_services
from custom_components.nvr.talk_actions import async_setup_talk_actions
from custom_components.nvr.trigger import TRIGGERS
from tests.simulators.hikvision import HikvisionSimulator

from .conftest import StartSimulator, events_up, make_entry, set_up, until
from .footage_helpers import Player

OF_PLAYBACK = ("nvr_media_accessed", "nvr_stream_started", "nvr_stream_stopped")
OF_EXPORTS = ("nvr_export_failed", "nvr_export_finished")
PACKAGE = Path(const.__file__).parent
README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the table below a heading."""
    part = README.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line.strip("|").split("|") for line in part.splitlines() if line.startswith("| `")]
    assert lines, heading
    return [[cell.strip() for cell in line] for line in lines]


def names(cell: str) -> list[str]:
    return re.findall(r"`([\w.]+)`", cell)


def documented() -> dict[str, set[str]]:
    """Return what the README says each event carries."""
    return {event: set(names(data)) for events, _, data in rows("Automations") for event in names(events)}


def automations() -> list[dict[str, Any]]:
    """Return the README's automations."""
    blocks = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)]
    return [{"alias": f"readme {number}", **block} for number, block in enumerate(blocks) if "triggers" in block]


def test_every_event_is_documented() -> None:
    assert documented().keys() == {value for name, value in vars(const).items() if name.startswith("EVENT_")}


def test_every_word_of_the_vocabulary_is_documented() -> None:
    words = set(names(README.partition("\n## Automations\n")[2].partition("```")[0]))
    assert {*EventKind, *EventPhase, *DetectionTarget} <= words


async def test_events_carry_exactly_what_is_documented(
    hass: HomeAssistant, start_simulator: StartSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("POLL_FAILING", "POLL_OFFLINE", "POLL_STEADY", "POLL_WITHOUT_EVENTS"):
        monkeypatch.setattr(f"custom_components.nvr.link.{name}", const.POLL_FAILING / 20)
    nvr = await start_simulator(channels=2)
    told = {name: async_capture_events(hass, name) for name in documented()}
    hub = await set_up(hass, make_entry(nvr, options={CONF_GRACE_TIME: 1}))
    await events_up(hub)
    nvr.emit("linedetection", 1)
    await until(lambda: told["nvr_event"])
    await nvr.set_channel_online(2, online=False)
    await until(lambda: told["nvr_channel_offline"])
    await nvr.set_channel_online(2, online=True)
    await until(lambda: told["nvr_channel_online"])
    await nvr.power_off()
    await until(lambda: told["nvr_offline"])
    await nvr.power_on()
    await until(lambda: told["nvr_online"], 20)
    for name, keys in documented().items():
        if name not in {*OF_PLAYBACK, *OF_EXPORTS}:
            assert told[name][0].data.keys() == keys, name


async def test_events_of_playback_carry_exactly_what_is_documented(
    hass: HomeAssistant, start_simulator: StartSimulator, hass_client_no_auth: ClientSessionGenerator
) -> None:
    nvr = await start_simulator(channels=1, rtsp=True)
    nvr.rtsp.faults.delivery = 20.0
    entry = make_entry(nvr)
    await set_up(hass, entry)
    told = {name: async_capture_events(hass, name) for name in OF_PLAYBACK}
    start = nvr.now().replace(microsecond=0) - 2 * const.POLL_STEADY * 60
    link = await start_playback(hass, entry, 1, TimeSpan(start, start + const.POLL_STEADY), None)
    player = Player(await hass_client_no_auth(), link.path)
    await player.fetch((await player.segments())[0][0])
    await link.playback.close()
    await until(lambda: all(told.values()))
    for name, events in told.items():
        assert [event.data.keys() for event in events] == [documented()[name]], name


async def test_payloads_stay_below_a_kilobyte(hass: HomeAssistant, nvr: HikvisionSimulator) -> None:
    entry = make_entry(nvr)
    hub = await set_up(hass, entry)
    await events_up(hub)
    hass.config_entries.async_update_entry(entry, title="N" * 300)
    hub.fanout.async_forget_payloads()
    told = async_capture_events(hass, "nvr_event")
    nvr.emit("linedetection", 1)
    await until(lambda: told)
    assert told[0].data["name"] == "N" * 64
    assert len(json.dumps(told[0].data)) <= 1000


async def test_automations_of_the_readme_run(
    hass: HomeAssistant,
    nvr: HikvisionSimulator,
    area_registry: ar.AreaRegistry,
    device_registry: dr.DeviceRegistry,
) -> None:
    hub = await set_up(hass, make_entry(nvr))
    await events_up(hub)
    notified = async_mock_service(hass, "notify", "notify")
    played = async_mock_service(hass, "nvr", "play_recording")
    own, first, second, third, _ = automations()
    garden = area_registry.async_create("Garden")
    device_registry.async_update_device(hub.channel_device_id(3) or "", area_id=garden.id)
    switched = async_mock_service(hass, "light", "turn_on")
    assert second["actions"].pop(0) == {"delay": "00:01:00"}
    pictured = async_mock_service(
        hass, "nvr", "snapshot_at", response={"cameras": {"camera.front_door": {"public_url": "/local/nvr/x.jpg"}}}
    )
    third["triggers"][0]["event_data"]["kind"] = "face"
    assert await async_setup_component(hass, "automation", {"automation": [own, first, second, third]})
    await hass.async_block_till_done()
    nvr.emit("linedetection", 1)
    await until(lambda: notified)
    assert notified[0].data["message"] == "Front door: someone crossed the line"
    assert not switched
    nvr.emit("linedetection", 3, region=1, target="human")
    await until(lambda: switched)
    await until(lambda: len(notified) == 2)
    notified.pop()
    nvr.emit("fielddetection", 1)
    await until(lambda: played)
    assert played[0].data["camera"] == "camera.front_door"
    start = datetime.fromisoformat(played[0].data["start"])
    assert abs((dt_util.utcnow() - start).total_seconds() - 10) < 5
    nvr.emit("facedetection", 1)
    await until(lambda: len(notified) > 1)
    asked, told = pictured[0].data, notified[1].data
    assert asked["entity_id"] == ["camera.front_door"]
    assert abs((dt_util.utcnow() - datetime.fromisoformat(asked["time"])).total_seconds()) < 5
    assert told["data"]["image"] == "/local/nvr/x.jpg"


async def test_notification_of_the_readme_waits_for_its_own_clip(hass: HomeAssistant, nvr: HikvisionSimulator) -> None:
    hub = await set_up(hass, make_entry(nvr))
    await events_up(hub)
    ordered = async_mock_service(
        hass, "nvr", "export_recording", response={"exports": {"camera.front_door": {"export_id": "mine"}}}
    )
    linked = async_mock_service(hass, "nvr", "create_clip_link", response={"url": "https://home.example/clip"})
    notified = async_mock_service(hass, "notify", "notify")
    automation = automations()[-1]
    automation["triggers"][0]["event_data"]["kind"] = "line_crossing"
    assert await async_setup_component(hass, "automation", {"automation": [automation]})
    await hass.async_block_till_done()
    waiting = hass.bus.async_listeners().get("nvr_export_finished", 0)
    nvr.emit("linedetection", 1)
    await until(lambda: hass.bus.async_listeners().get("nvr_export_finished", 0) > waiting)
    assert ordered[0].data["entity_id"] == ["camera.front_door"]
    for name in ("other", "mine"):
        hass.bus.async_fire("nvr_export_finished", {"export_id": name, "clip_id": f"clip of {name}"})
    await until(lambda: notified)
    assert [call.data["clip_id"] for call in linked] == ["clip of mine"]
    assert notified[0].data["message"] == "The parcel is here: https://home.example/clip"


def test_actions_that_answer_and_those_without_a_target_are_documented(hass: HomeAssistant) -> None:
    async_setup_services(hass)
    async_setup_export_actions(hass)
    registered = hass.services.async_services_for_domain(DOMAIN)
    part = README.partition("\n## Actions\n")[2].partition("\n|")[0]
    answering, targeting = part.strip().splitlines()
    documented_answers = [set(names(words)) for words in answering.split(";")]
    for kind, told in zip(
        (SupportsResponse.ONLY, SupportsResponse.OPTIONAL, SupportsResponse.NONE), documented_answers, strict=True
    ):
        assert {name for name, action in registered.items() if action.supports_response is kind} == told - {
            "response_variable"
        }
    without = {
        name
        for name, action in registered.items()
        if isinstance(action.schema, probatio.Schema) and "entity_id" not in {str(key) for key in action.schema.schema}
    }
    assert without <= set(names(targeting.partition("; all others")[0]))


def test_events_that_are_kept_out_of_the_database_are_all_that_may_come_often() -> None:
    blocks = [text for text in re.findall(r"```yaml\n(.*?)```", README, re.DOTALL) if text.startswith("recorder:")]
    (block,) = [text for text in blocks if "event_types" in text]
    left_out = set(yaml.safe_load(block)["recorder"]["exclude"]["event_types"])
    assert documented().keys() - left_out == {
        "nvr_online",
        "nvr_offline",
        "nvr_channel_online",
        "nvr_channel_offline",
    }


async def test_actions_take_what_is_documented(hass: HomeAssistant) -> None:
    async_setup_services(hass)
    async_setup_export_actions(hass)
    async_setup_ptz_actions(hass)
    async_setup_talk_actions(hass)
    registered = hass.services.async_services_for_domain(DOMAIN)
    table = {names(action)[0].partition(".")[2]: set(names(data)) for action, _, data in rows("Actions")}
    assert table.keys() == registered.keys()
    for name, fields in table.items():
        schema = registered[name].schema
        assert isinstance(schema, probatio.Schema)
        own = {str(key) for key in schema.schema} - {str(key) for key in cv.ENTITY_SERVICE_FIELDS}
        assert fields == own, name


def test_every_trigger_and_condition_is_documented() -> None:
    table = {
        name.partition(".")[2]: set(names(options))
        for key, _, options in rows("Triggers and conditions")
        for name in names(key)
    }
    assert table.keys() == TRIGGERS.keys() | CONDITIONS.keys()
    described = {
        key: set(about.get("fields", {}))
        for file in ("triggers.yaml", "conditions.yaml")
        for key, about in yaml.safe_load((PACKAGE / file).read_text(encoding="utf-8")).items()
        if not key.startswith(".")
    }
    assert [key for key, options in described.items() if not options <= table[key]] == []
