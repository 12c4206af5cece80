"""Recordings on media players: Home Assistant's own demo players, and what each kind is told."""

from datetime import timedelta
from typing import Any

from homeassistant.components.demo.media_player import DemoMusicPlayer, DemoYoutubePlayer
from homeassistant.components.media_player import DATA_COMPONENT, MediaPlayerEntityFeature
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import async_mock_service
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from .conftest import StartSimulator, every_family, make_entry, set_up
from .footage_helpers import Player

BASE = "http://192.0.2.10:8123"
TV = "media_player.living_room"


@every_family
async def test_demo_players_of_home_assistant_play_a_recording(
    hass: HomeAssistant, start_simulator: StartSimulator, hass_client_no_auth: ClientSessionGenerator
) -> None:
    nvr = await start_simulator(channels=1, rtsp=True)
    nvr.rtsp.faults.delivery = 20.0
    await set_up(hass, make_entry(nvr))
    assert await async_setup_component(hass, "media_player", {})
    players = hass.data[DATA_COMPONENT]
    await players.async_add_entities([DemoYoutubePlayer("Living Room", "x", "Fireplace", 300), DemoMusicPlayer()])
    hass.config.internal_url = BASE
    now = nvr.now()
    span = max(
        nvr.footage.recorded(1, now - timedelta(hours=9), now - timedelta(hours=1)), key=lambda it: it[1] - it[0]
    )
    start = span[0].replace(microsecond=0) + timedelta(seconds=60)
    asked: dict[str, Any] = {"camera": "camera.front_door", "start": start.isoformat(), "duration": "00:02:00"}

    async def play(player: str) -> Any:
        data = {**asked, "media_player": player}
        return await hass.services.async_call("nvr", "play_recording", data, blocking=True, return_response=True)

    await play(TV)
    await hass.async_block_till_done()
    url = hass.states.get(TV).attributes["media_content_id"]  # type: ignore[union-attr]
    assert url.startswith(f"{BASE}/api/nvr/vod/")
    player = Player(await hass_client_no_auth(), url.removeprefix(BASE))
    frames = await player.frames((await player.segments())[0][0])
    assert abs(frames[0][1].time - start) <= timedelta(seconds=2.2)
    for name, words in (
        ("media_player.nowhere", "media_player.nowhere is no media player"),
        ("camera.front_door", "camera.front_door is no media player"),
        ("media_player.walkman", "Walkman takes nothing to play"),
    ):
        with pytest.raises(ServiceValidationError, match=words):
            await play(name)
    hass.states.async_set(TV, "unavailable", {"friendly_name": "Living Room"})
    with pytest.raises(ServiceValidationError, match="Living Room is not available"):
        await play(TV)


async def test_cast_device_is_told_what_the_segments_are(
    hass: HomeAssistant, start_simulator: StartSimulator, entity_registry: er.EntityRegistry
) -> None:
    nvr = await start_simulator(channels=1)
    await set_up(hass, make_entry(nvr))
    hass.config.internal_url = BASE
    cast = entity_registry.async_get_or_create("media_player", "cast", "tv", suggested_object_id="cast").entity_id
    for name in (cast, TV):
        hass.states.async_set(name, "idle", {"supported_features": MediaPlayerEntityFeature.PLAY_MEDIA})
    played = async_mock_service(hass, "media_player", "play_media")
    start = (nvr.now() - timedelta(hours=1)).isoformat()
    asked = {"camera": "camera.front_door", "media_player": [cast, TV], "start": start}
    await hass.services.async_call("nvr", "play_recording", asked, blocking=True)
    extras = {call.data["entity_id"]: call.data["extra"] for call in played}
    assert extras[cast]["media_info"] == {"hlsVideoSegmentFormat": "fmp4"}
    assert extras[cast].keys() == {"title", "stream_type", "media_info"}
    assert extras[TV].keys() == {"title"}
