"""Recordings on media players, by the action."""

from datetime import datetime, timedelta
from types import SimpleNamespace

from homeassistant.components.media_player import DOMAIN as MEDIA_PLAYER
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.exceptions import HomeAssistantError, Unauthorized
import pytest
from pytest_homeassistant_custom_component.common import async_mock_service
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.nvr.shared import shared
from tests.simulators.hikvision import HikvisionSimulator

from .action_home import DRIVE, FRONT, Call, call_fixture, nvr_fixture, whole, yesterday
from .footage_helpers import READ, Player, person

__all__ = ["call_fixture", "nvr_fixture"]


async def test_recording_plays_on_a_media_player_by_a_link_of_the_caller(
    hass: HomeAssistant, nvr: HikvisionSimulator, call: Call, hass_client_no_auth: ClientSessionGenerator
) -> None:
    played = async_mock_service(hass, MEDIA_PLAYER, "play_media")
    hass.config.internal_url = "http://192.0.2.10:8123"
    guest = await person(hass, {"entities": {"entity_ids": {FRONT: READ}}})
    start = whole(yesterday(nvr, 7))
    answer = await call(
        "play_recording",
        guest,
        camera=FRONT,
        media_player=["media_player.tv", "media_player.hall"],
        start=start.isoformat(),
        duration="00:10:00",
    )
    assert datetime.fromisoformat(answer["start"]) == start
    assert datetime.fromisoformat(answer["end"]) == start + timedelta(minutes=10)
    assert [item.data["entity_id"] for item in played] == ["media_player.tv", "media_player.hall"]
    urls = [item.data["media_content_id"] for item in played]
    assert len(set(urls)) == 2
    assert all(item.context.user_id == guest.id for item in played)
    assert all(item.data["media_content_type"] == "application/vnd.apple.mpegurl" for item in played)
    assert all(url.startswith("http://192.0.2.10:8123/api/nvr/vod/") for url in urls)
    player = Player(await hass_client_no_auth(), urls[0].removeprefix("http://192.0.2.10:8123"))
    frames = await player.frames((await player.segments())[0][0])
    assert abs(frames[-1][1].time - start) < timedelta(seconds=6)
    await hass.auth.async_update_user(guest, group_ids=[])
    assert await player.status() == 403


async def test_recording_without_an_end_plays_for_an_hour(
    hass: HomeAssistant, nvr: HikvisionSimulator, call: Call
) -> None:
    async_mock_service(hass, MEDIA_PLAYER, "play_media")
    start = whole(yesterday(nvr, 5))
    answer = await call("play_recording", camera=FRONT, media_player="media_player.tv", start=start.isoformat())
    assert datetime.fromisoformat(answer["end"]) == start + timedelta(hours=1)


async def test_recording_of_just_now_is_waited_for(
    hass: HomeAssistant, nvr: HikvisionSimulator, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    played = async_mock_service(hass, MEDIA_PLAYER, "play_media")
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr("custom_components.nvr.fresh_footage.asyncio", SimpleNamespace(sleep=sleep))
    start = nvr.now() - timedelta(seconds=20)
    nvr.footage.add_gap(2, start - timedelta(hours=1), start + timedelta(hours=1))
    with pytest.raises(HomeAssistantError, match="has not listed this moment yet"):
        await call("play_recording", camera=DRIVE, media_player="media_player.tv", start=start.isoformat())
    assert waits == [0, 2.0, 4.0]
    assert not played


async def test_recording_that_cannot_be_played_is_told(
    hass: HomeAssistant, nvr: HikvisionSimulator, call: Call
) -> None:
    played = async_mock_service(hass, MEDIA_PLAYER, "play_media")
    start = whole(yesterday(nvr, 7))
    asked = {"media_player": "media_player.tv", "start": start.isoformat()}
    nvr.footage.add_gap(2, start - timedelta(hours=1), start + timedelta(hours=1))
    with pytest.raises(HomeAssistantError, match="Driveway recorded nothing"):
        await call("play_recording", camera=DRIVE, **asked)
    guest = await person(hass, {"entities": {"entity_ids": {DRIVE: READ}}})
    with pytest.raises(Unauthorized):
        await call("play_recording", guest, camera=FRONT, **asked)
    await nvr.power_off()
    with pytest.raises(HomeAssistantError, match="Test NVR"):
        await call("play_recording", camera=FRONT, **asked)
    assert not played


async def test_player_that_refuses_leaves_no_link(hass: HomeAssistant, nvr: HikvisionSimulator, call: Call) -> None:
    async def refuse(_call: ServiceCall) -> None:
        raise HomeAssistantError("no such player")

    hass.services.async_register(MEDIA_PLAYER, "play_media", refuse)
    with pytest.raises(HomeAssistantError, match="no such player"):
        await call(
            "play_recording", camera=FRONT, media_player="media_player.tv", start=whole(yesterday(nvr, 7)).isoformat()
        )
    assert len(shared(hass).links) == 0


async def test_recording_is_not_played_where_home_assistant_does_not_know_its_address(
    hass: HomeAssistant, nvr: HikvisionSimulator, call: Call
) -> None:
    async_mock_service(hass, MEDIA_PLAYER, "play_media")
    hass.config.api = None
    with pytest.raises(HomeAssistantError, match="does not know its own address"):
        await call("play_recording", camera=FRONT, media_player="media_player.tv", start=yesterday(nvr, 7).isoformat())
