"""What a language model may ask through Home Assistant's own Assist: for whom, of which cameras, what it is told."""

from datetime import timedelta
from typing import Any

from homeassistant.auth.models import User
from homeassistant.components.homeassistant.exposed_entities import async_expose_entity
from homeassistant.core import Context, HomeAssistant
from homeassistant.helpers import area_registry as ar, device_registry as dr, entity_registry as er, llm
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.nvr import llm as our_llm
from custom_components.nvr.access_rules import AccessRules, Action, Rights
from custom_components.nvr.const import CONF_ACCESS, CONF_ASSIST
from custom_components.nvr.media_ids import MomentId, SpanId, parse
from tests.simulators.footage import Kind

from .conftest import StartSimulator, events_up, make_entry, open_options, set_up, until
from .footage_helpers import READ, person
from .happenings import cross_line, second_family_slow
from .recorders import DAHUA, Recorder

FRONT, DRIVE = "camera.front_door", "camera.driveway"
FIND, STATUS = "nvr__find_events", "nvr__recording_status"
ON = {CONF_ASSIST: True}
VOICE = "no user"


class Assistant:
    """Assist, asked by somebody."""

    def __init__(self, hass: HomeAssistant, entry: MockConfigEntry, nvr: Recorder) -> None:
        self.hass = hass
        self.entry = entry
        self.nvr = nvr

    async def api(self, user: User | str) -> llm.APIInstance:
        context = Context(user_id=user.id if isinstance(user, User) else None)
        asked = llm.LLMContext("test", context, "en", "conversation", None)
        return await llm.async_get_api(self.hass, llm.LLM_API_ASSIST, asked)

    async def tools(self, user: User | str = VOICE) -> set[str]:
        return {tool.name for tool in (await self.api(user)).tools if tool.name.startswith("nvr__")}

    async def ask(self, user: User | str, tool: str = FIND, **arguments: Any) -> llm.ToolResult:
        return await (await self.api(user)).async_call_tool(llm.ToolInput(tool, arguments))

    async def told(self, user: User | str, tool: str = FIND, **arguments: Any) -> Any:
        result = await self.ask(user, tool, **arguments)
        assert not result.error, result.data
        return result.data

    async def refused(self, user: User | str, tool: str = FIND, **arguments: Any) -> str:
        result = await self.ask(user, tool, **arguments)
        assert result.error
        return str(result.data["error"])


@pytest.fixture(name="assistant")
async def assistant_fixture(hass: HomeAssistant, start_simulator: StartSimulator) -> Assistant:
    """A recorder with two cameras, both exposed, that lets Assist ask."""
    for component in ("homeassistant", "llm"):
        assert await async_setup_component(hass, component, {})
    nvr: Recorder = await start_simulator(channels=2)
    entry = make_entry(nvr, options=ON)
    await events_up(await set_up(hass, entry))
    for entity_id in (FRONT, DRIVE):
        async_expose_entity(hass, "conversation", entity_id, True)
    return Assistant(hass, entry, nvr)


async def resident(hass: HomeAssistant) -> User:
    return await person(hass, {"entities": {"all": READ}})


@second_family_slow
async def test_somebody_at_the_door_is_found_and_can_be_played(hass: HomeAssistant, assistant: Assistant) -> None:
    user, nvr = await resident(hass), assistant.nvr
    heard: list[Any] = []
    hass.bus.async_listen("nvr_event", heard.append)
    cross_line(nvr, 1)
    await until(lambda: any(event.data["kind"] == "line_crossing" for event in heard))
    told = await assistant.told(user, camera="front door", kinds=["person"], limit=20)
    assert {event["camera"] for event in told["events"]} == {"Front door"}
    newest = next(event for event in told["events"] if event["kind"] == "line_crossing")
    assert newest["target"] == "person"
    assert abs(dt_util.parse_datetime(newest["start"], raise_on_error=True) - nvr.now()) < timedelta(minutes=2)
    media_id = parse(newest["media_content_id"].removeprefix("media-source://nvr/"))
    assert isinstance(media_id, MomentId | SpanId)
    assert (media_id.channel.entry_id, media_id.channel.channel) == (assistant.entry.entry_id, 1)
    assert "not_searched" not in told
    driveway = await assistant.told(user, camera="driveway", kinds=["person"], limit=20)
    assert all(event["camera"] == "Driveway" for event in driveway["events"])


@pytest.mark.parametrize("family", [DAHUA], ids=["dahua"], indirect=True)
async def test_what_the_nvr_keeps_a_list_of_is_told_newest_first(hass: HomeAssistant, assistant: Assistant) -> None:
    nvr = assistant.nvr
    start = nvr.now() - timedelta(hours=30)
    end = nvr.now() - timedelta(hours=2)
    told = await assistant.told(
        await resident(hass), kinds=["person"], start=start.isoformat(), end=end.isoformat(), limit=20
    )
    starts = [event["start"] for event in told["events"]]
    assert len(starts) == 20
    assert told["more"] is True
    assert starts == sorted(starts, reverse=True)
    assert {event["camera"] for event in told["events"]} == {"Front door", "Driveway"}
    assert all(event["kind"] == "person" or event["target"] == "person" for event in told["events"])
    assert all(start <= dt_util.parse_datetime(at, raise_on_error=True) < end for at in starts)


async def test_without_a_list_what_was_recorded_is_told_as_a_recording(
    hass: HomeAssistant, assistant: Assistant
) -> None:
    nvr = assistant.nvr
    start, end = nvr.now() - timedelta(hours=20), nvr.now() - timedelta(hours=1)
    told = await assistant.told(
        await resident(hass), camera=FRONT, kinds=["person"], start=start.isoformat(), end=end.isoformat(), limit=5
    )
    files = nvr.footage.files(1, start, end, [Kind.MOTION, Kind.SMART, Kind.ALARM])
    newest = [file for file in files if file.start.replace(microsecond=0) >= start.replace(microsecond=0)][-5:]
    assert [dt_util.parse_datetime(event["start"]) for event in told["events"]] == [
        file.start.replace(microsecond=0) for file in reversed(newest)
    ]
    assert {event["kind"] for event in told["events"]} == {"recording"}
    assert all(event["recorded_because_of"] in {"motion", "smart", "alarm"} for event in told["events"])


async def test_off_until_the_user_enables_it_and_on_at_once(hass: HomeAssistant, assistant: Assistant) -> None:
    hub = assistant.entry.runtime_data.hub
    hass.config_entries.async_update_entry(assistant.entry, options={})
    assert await assistant.tools() == set()
    form = await open_options(hass, assistant.entry, "assist")
    schema = form["data_schema"]
    assert schema is not None
    assert schema({}) == {CONF_ASSIST: False}
    await hass.config_entries.options.async_configure(form["flow_id"], {CONF_ASSIST: True})
    await hass.async_block_till_done()
    assert assistant.entry.options == ON
    assert assistant.entry.runtime_data.hub is hub, "streams were ended for it"
    assert await assistant.tools() == {FIND, STATUS}
    form = await open_options(hass, assistant.entry, "assist")
    await hass.config_entries.options.async_configure(form["flow_id"], {CONF_ASSIST: False})
    assert assistant.entry.options == {}
    cross_line(assistant.nvr, 1)
    await until(lambda: hub.fanout.counters["line_crossing"])
    assert assistant.entry.runtime_data.sightings.of(1) == []


async def test_a_camera_that_is_not_exposed_is_not_known(hass: HomeAssistant, assistant: Assistant) -> None:
    async_expose_entity(hass, "conversation", FRONT, False)
    user = await resident(hass)
    status = await assistant.told(user, STATUS)
    assert [camera["camera"] for camera in status["cameras"]] == ["Driveway"]
    refusal = await assistant.refused(user, camera="front door")
    assert "no camera or area" in refusal
    assert "Front door" not in refusal
    assert "Driveway" in refusal
    async_expose_entity(hass, "conversation", DRIVE, False)
    assert await assistant.tools(user) == set()


async def test_no_answer_without_the_right_to_recordings(hass: HomeAssistant, assistant: Assistant) -> None:
    user = await resident(hass)
    live_only = Rights({Action.LIVE: None, Action.PLAYBACK: frozenset({2})})
    rules = AccessRules().with_user(user.id, live_only)
    hass.config_entries.async_update_entry(assistant.entry, options={**ON, CONF_ACCESS: rules.to_json()})
    for tool in (FIND, STATUS):
        assert "may not see" in await assistant.refused(user, tool, camera="front door")
        assert "Front door" not in str(await assistant.told(user, tool))
    blind = await person(hass, {"entities": {"domains": {"light": True}}}, "blind")
    assert "any camera" in await assistant.refused(blind)
    await hass.auth.async_remove_user(blind)
    assert "does not exist" in await assistant.refused(blind)


async def test_a_voice_without_a_user_has_the_rights_of_everybody_and_gets_nothing_to_play(
    hass: HomeAssistant, assistant: Assistant
) -> None:
    told = await assistant.told(VOICE, limit=20)
    assert told["events"]
    assert all("media_content_id" not in event for event in told["events"])
    rules = AccessRules().with_default(Rights({Action.PLAYBACK: frozenset({2})}))
    hass.config_entries.async_update_entry(assistant.entry, options={**ON, CONF_ACCESS: rules.to_json()})
    told = await assistant.told(VOICE, limit=20)
    assert {event["camera"] for event in told["events"]} == {"Driveway"}
    assert "may not see" in await assistant.refused(VOICE, camera="front door")


@pytest.mark.slow
async def test_an_nvr_that_does_not_answer_is_told_and_the_other_is_searched(
    hass: HomeAssistant, assistant: Assistant, start_simulator: StartSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = await start_simulator(channels=1, number=2)
    other.rename_channel(1, "Gate")
    second = make_entry(other, options=ON)
    await set_up(hass, second)
    async_expose_entity(hass, "conversation", second.runtime_data.hub.camera_entity_id(1), True)
    user = await resident(hass)
    assistant.nvr.set_faults(search__status=500)
    told = await assistant.told(user, limit=20)
    assert {event["camera"] for event in told["events"]} == {"Gate"}
    assert {row["camera"] for row in told["not_searched"]} == {"Front door", "Driveway"}
    assert all("Test NVR" in row["reason"] for row in told["not_searched"])
    assistant.nvr.set_faults(search__status=None)
    monkeypatch.setattr(our_llm, "PATIENCE", 0.2)
    assistant.nvr.stall()
    told = await assistant.told(user, camera="front door")
    assert "in time" in told["not_searched"][0]["reason"]


@pytest.mark.slow
async def test_cameras_go_by_their_names_aliases_and_areas(hass: HomeAssistant, assistant: Assistant) -> None:
    user, registry = await resident(hass), er.async_get(hass)
    garden = ar.async_get(hass).async_create("Jardín")
    known = registry.async_update_entity(DRIVE, aliases=["Where the car stands"])
    assert known.device_id is not None
    dr.async_get(hass).async_update_device(known.device_id, area_id=garden.id)
    for called in ("Driveway", "jardin", "where the CAR stands", DRIVE, "car"):
        status = await assistant.told(user, STATUS, camera=called)
        assert [camera["camera"] for camera in status["cameras"]] == ["Driveway"], called
    assert len((await assistant.told(user, STATUS, camera="Test NVR"))["cameras"]) == 2


async def test_recording_status_asks_the_nvr_nothing(hass: HomeAssistant, assistant: Assistant) -> None:
    user, before = await resident(hass), assistant.entry.runtime_data.hub.driver.statistics["requests"]
    (front, _) = (await assistant.told(user, STATUS))["cameras"]
    assert front["nvr_online"] is True
    assert front["recording"] in {"unknown", True}
    assert front["problems"] == []
    assert assistant.entry.runtime_data.hub.driver.statistics["requests"] == before


async def test_what_cannot_be_asked_is_refused_in_words(hass: HomeAssistant, assistant: Assistant) -> None:
    user = await resident(hass)
    wrong: tuple[tuple[dict[str, Any], str], ...] = (
        ({"kinds": ["ghost"]}, "Invalid arguments"),
        ({"limit": 21}, "Invalid arguments"),
        ({"delete": True}, "Invalid arguments"),
        ({"start": "yesterday"}, "ISO 8601"),
        ({"start": "2026-11-20T10:00", "end": "2026-11-19T10:00"}, "time span"),
        ({"start": "2025-01-01T00:00", "end": "2025-12-31T00:00"}, "31 days"),
        ({"start": "0001-01-01T00:00:00"}, "time span"),
    )
    for arguments, words in wrong:
        assert words in await assistant.refused(user, FIND, **arguments), arguments


async def test_tools_say_that_they_change_nothing(assistant: Assistant) -> None:
    api = await assistant.api(VOICE)
    tools = [tool for tool in api.tools if tool.name.startswith("nvr__")]
    assert {(tool.integration, tool.annotations.read_only, tool.annotations.destructive) for tool in tools} == {
        ("nvr", True, False)
    }
    assert "nvr__find_events" in api.api_prompt
    assert len(our_llm._PROMPT.split()) < 60
