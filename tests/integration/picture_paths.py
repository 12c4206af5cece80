"""The ways to pictures of recordings: rows for the walk in test_access_paths."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from homeassistant.components import media_source
from homeassistant.components.http import KEY_HASS_USER
from homeassistant.helpers.http import current_request

from custom_components.nvr.access import Action
from custom_components.nvr.media_ids import MediaId, MomentId, SpanId, content_id
from custom_components.nvr.pictures import picture_path
from custom_components.nvr.shared import shared

from .access_home import HAS_IMAGES, NUMBER, Home, Walk, action, done


def picture(**options: Any) -> Callable[[Home], Awaitable[bool]]:
    """Fetch a picture of the footage, as a tile of the media browser or somebody who typed the address."""

    async def walk(home: Home) -> bool:
        return await home.fetch(picture_path(home.entry.entry_id, NUMBER, home.span.start, **options), logged_in=True)

    return walk


async def picture_of_a_day(home: Home) -> bool:
    yesterday = home.nvr.now().date() - timedelta(days=1)
    return await home.fetch(picture_path(home.entry.entry_id, NUMBER, yesterday), logged_in=True)


async def asks(home: Home, command: str, **values: Any) -> dict[str, Any]:
    """Send one of our own websocket commands as the guest."""
    await home.media.socket.send_json_auto_id({"type": command, "camera_id": home.channel.format(), **values})
    answer: dict[str, Any] = await home.media.socket.receive_json()
    return answer


async def frame_action(home: Home) -> bool:
    return await action("snapshot_at", time=home.span.start.isoformat())(home)


async def thumbs(home: Home) -> bool:
    answer = await asks(home, "nvr/thumbs", times=[home.span.start.timestamp()])
    return bool(answer["success"]) and await home.fetch(answer["result"][0]["url"])


async def snapshot(home: Home) -> bool:
    answer = await asks(home, "nvr/snapshot", t=home.span.start.timestamp(), width=160)
    return bool(answer["success"]) and await home.fetch(answer["result"]["url"])


async def present_snapshot(home: Home) -> bool:
    answer = await asks(home, "nvr/snapshot")
    return bool(answer["success"]) and await home.fetch(answer["result"]["url"])


async def plays_an_event(home: Home) -> bool:
    """Play by the media id that every event on the bus carries."""
    answer = await home.media.ask("resolve_media", content_id(MomentId(home.channel, home.span.start)))
    if not answer["success"]:
        return False
    got = await home.fetch(answer["result"]["url"])
    token = answer["result"]["url"].split("/")[4]
    links = shared(home.hass).links
    await links.revoke(await links.follow(token))
    return got


def looks_at(media_id_of: Callable[[Home], MediaId]) -> Callable[[Home], Awaitable[bool]]:
    """Have a picture made as an AI task of the guest would, by Home Assistant's own helper (2026.11)."""

    async def walk(home: Home) -> bool:
        token = current_request.set({KEY_HASS_USER: home.guest})  # type: ignore[arg-type]
        try:
            asked = content_id(media_id_of(home))
            found = await done(media_source.async_get_media_image(home.hass, asked))  # type: ignore[attr-defined]
        finally:
            current_request.reset(token)
        assert found is None or found.content.startswith(b"\xff\xd8")
        return found is not None

    return walk


IMAGE_PATHS: dict[str, tuple[Action, Walk]] = {
    "picture of an event": (Action.PLAYBACK, looks_at(lambda home: MomentId(home.channel, home.span.start))),
    "picture of a span": (Action.PLAYBACK, looks_at(lambda home: SpanId(home.channel, home.span))),
}

PICTURE_PATHS: dict[str, tuple[Action, Walk]] = {
    "thumbnail": (Action.PLAYBACK, picture()),
    "thumbnail of a day": (Action.PLAYBACK, picture_of_a_day),
    "frame": (Action.PLAYBACK, picture(exact=True, width=0)),
    "thumbnails for a timeline": (Action.PLAYBACK, thumbs),
    "frame for a timeline": (Action.PLAYBACK, snapshot),
    "still for a timeline": (Action.LIVE, present_snapshot),
    "media id of an event": (Action.PLAYBACK, plays_an_event),
    **(IMAGE_PATHS if HAS_IMAGES else {}),
    "action: frame": (Action.PLAYBACK, frame_action),
}
