"""The action that speaks through cameras: speech, or a sound of the media browser, for those who may (`talk`)."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Final

import aiohttp
from homeassistant.auth.models import User
from homeassistant.components.media_player import async_process_play_media_url
from homeassistant.components.media_source import async_resolve_media, is_media_source_id
from homeassistant.components.media_source.error import Unresolvable
from homeassistant.core import HomeAssistant, ServiceCall, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.aiohttp_client import async_get_clientsession
import probatio

from .access import Action, authorize, facts_of, user_of
from .action_targets import Camera, permitted_cameras
from .audit_rows import AuditKind
from .const import ATTR_MEDIA_CONTENT_ID, ATTR_USER_ID, DOMAIN
from .errors import translated_errors
from .footage import RefusedError
from .hub import NvrHub
from .runtime import NvrConfigEntry
from .shared import shared
from .talks import Talks

SPEAK: Final = "speak"
ATTR_TAKE_OVER: Final = "take_over"

# More than two minutes of any sound there is in files people keep; a stream that does not end ends here.
_MOST: Final = 32 * 1024 * 1024
_PATIENCE: Final = 30.0

SPEAK_SCHEMA: Final = probatio.Schema(
    {
        **cv.ENTITY_SERVICE_FIELDS,
        probatio.Required(ATTR_MEDIA_CONTENT_ID): cv.string,
        probatio.Optional(ATTR_TAKE_OVER, default=False): cv.boolean,
    }
)


@callback
def async_setup_talk_actions(hass: HomeAssistant) -> None:
    """Register the action; once, from `async_setup`."""
    hass.services.async_register(DOMAIN, SPEAK, partial(_speak, hass), schema=SPEAK_SCHEMA)


@callback
def make_talks(hass: HomeAssistant, entry: NvrConfigEntry, hub: NvrHub) -> Talks:
    """Return a recorder's talks: by the right to talk, and told in the audit."""

    def may(user: User | None, number: int) -> bool:
        return authorize(hass, user, Action.TALK, entry, number)

    def tell(user: User | None, number: int) -> None:
        facts = {ATTR_USER_ID: user.id if user else None, "action": Action.TALK.value, "via": SPEAK}
        shared(hass).audit.record(AuditKind.TALKED, {**facts_of(entry, number), **facts})

    return Talks(hass, entry, hub, may=may, tell=tell)


async def _speak(hass: HomeAssistant, call: ServiceCall) -> None:
    """Say it through all cameras at once; of several that fail the first is told, and none is left out for it."""
    targets = await permitted_cameras(hass, call, Action.TALK)
    for refused in targets.refused.values():
        raise refused.translate(HomeAssistantError)
    user = await user_of(hass, call.context.user_id, context=call.context)
    sound = await _read(hass, call.data[ATTR_MEDIA_CONTENT_ID])

    async def say(camera: Camera) -> None:
        talks = camera.entry.runtime_data.talks
        take_over = call.data[ATTR_TAKE_OVER]
        try:
            with translated_errors(camera.entry.title):
                await talks.async_say(camera.channel, sound, user, name=camera.name, take_over=take_over)
        except RefusedError as err:
            raise err.translate(HomeAssistantError) from err

    results = await asyncio.gather(*map(say, targets.cameras), return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result


async def _read(hass: HomeAssistant, content_id: str) -> bytes:
    """Return the bytes of a media source's item; raises ServiceValidationError for what is none, or too much."""
    if not is_media_source_id(content_id):
        raise _no_sound()
    try:
        media = await async_resolve_media(hass, content_id, None)
        if (path := getattr(media, "path", None)) is not None:
            data = await hass.async_add_executor_job(_read_file, path)
        else:
            data = await _fetch(hass, async_process_play_media_url(hass, media.url))
    except (Unresolvable, OSError, aiohttp.ClientError, TimeoutError) as err:
        raise _no_sound() from err
    if not data or len(data) > _MOST:
        raise _no_sound()
    return data


def _read_file(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_MOST + 1)


async def _fetch(hass: HomeAssistant, url: str) -> bytes:
    async with (
        asyncio.timeout(_PATIENCE),
        async_get_clientsession(hass).get(url, raise_for_status=True) as response,
    ):
        data = bytearray()
        async for chunk in response.content.iter_any():
            data += chunk
            if len(data) > _MOST:
                break
        return bytes(data)


def _no_sound() -> ServiceValidationError:
    return RefusedError("no_sound").translate(ServiceValidationError)
