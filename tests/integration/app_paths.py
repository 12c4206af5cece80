"""The ways through the webhook of a companion app, which shows no login: rows for the walk in test_access_paths."""

from typing import Any

from aiohttp.web import Request, Response
from homeassistant.components import media_source, webhook
from homeassistant.components.camera import async_request_stream
from homeassistant.const import CONF_WEBHOOK_ID
from homeassistant.core import Context, HomeAssistant, ServiceCall
from homeassistant.exceptions import HomeAssistantError
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.nvr.access import Action
from custom_components.nvr.camera import NvrCamera
from custom_components.nvr.media_ids import SpanId, content_id

from .access_home import FRONT, Home, Walk


async def post(home: Home, app: str, **asked: Any) -> bool:
    """Ask through the webhook; it answers whether that did something."""
    async with home.client.post(f"/api/webhook/{app}", json=asked) as response:
        return response.status == 200 and bool((await response.json())["done"])


async def register_app(hass: HomeAssistant, user_id: str | None, webhook_id: str, domain: str = "mobile_app") -> None:
    """Do with a webhook what Home Assistant's own `mobile_app` does, which needs its cloud to be imported."""

    async def handle(hass: HomeAssistant, _id: str, request: Request) -> Response:
        asked = await request.json()
        try:
            if asked["type"] == "call_service":
                context = Context(user_id=user_id)
                data = {"media_content_id": asked["media"]}
                await hass.services.async_call("media_player", "play_media", data, blocking=True, context=context)
            else:
                await async_request_stream(hass, FRONT, "hls")
        except HomeAssistantError:
            return Response(text='{"done": false}', content_type="application/json")
        return Response(text='{"done": true}', content_type="application/json")

    async def play(call: ServiceCall) -> None:
        """Do what every player does with an id."""
        await media_source.async_resolve_media(hass, call.data["media_content_id"], "media_player.tablet")

    hass.services.async_register("media_player", "play_media", play)
    webhook.async_unregister(hass, webhook_id)
    webhook.async_register(hass, domain, "App", webhook_id, handle)
    if not any(entry.data.get(CONF_WEBHOOK_ID) == webhook_id for entry in hass.config_entries.async_entries(domain)):
        entry = MockConfigEntry(domain=domain, data={CONF_WEBHOOK_ID: webhook_id, "user_id": user_id})
        entry.add_to_hass(hass)


async def plays(home: Home, app: str) -> bool:
    media_id = content_id(SpanId(home.channel, home.span))
    return await post(home, app, type="call_service", media=media_id)


async def plays_through_his_app(home: Home) -> bool:
    await register_app(home.hass, home.guest.id, "1" * 64)
    return await plays(home, "1" * 64)


async def streams_through_his_app(home: Home) -> bool:
    await register_app(home.hass, home.guest.id, "1" * 64)
    done = await post(home, "1" * 64, type="stream_camera")
    assert isinstance(home.camera, NvrCamera)
    await home.camera.async_stop_stream()
    return done


APP_PATHS: dict[str, tuple[Action, Walk]] = {
    "companion app: play": (Action.PLAYBACK, plays_through_his_app),
    "companion app: stream": (Action.LIVE, streams_through_his_app),
}
