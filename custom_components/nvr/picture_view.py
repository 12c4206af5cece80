"""Pictures of recordings over HTTP, for tiles, timelines and notifications.

    /api/nvr/thumb/<entry>/<channel>/<moment>/320.jpg         a key picture near the moment, of one of the widths
    /api/nvr/thumb/<entry>/<channel>/<start>-<end>/320.jpg    one of what was recorded between two moments
    /api/nvr/thumb/<entry>/<channel>/<day>/320.jpg            one of a day of the recorder's calendar
    /api/nvr/thumb/<entry>/<channel>/<moment>/exact.jpg       the very frame, in its own size; `exact-640.jpg` smaller

A login is needed, or an address that was signed for one: both name the user, and his right is asked for at every
request, also when his browser only wants to know whether what it has is still good.
"""

from datetime import datetime
from http import HTTPStatus
import math
import re
from typing import Final

from aiohttp import hdrs, web
from homeassistant.auth.models import User
from homeassistant.components.http import KEY_AUTHENTICATED, KEY_HASS_USER, HomeAssistantView
from homeassistant.components.http.auth import SIGN_QUERY_PARAM
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError

from .access import Action, permit
from .const import DOMAIN
from .core.errors import NvrBusyError, NvrError
from .errors import error_key, translate
from .footage import RefusedError
from .media.thumbnails.maker import Thumbnail
from .media_ids import MediaIdError
from .picture_log import note_picture
from .pictures import WIDTHS, exact_picture, parse_shown, thumbnail
from .runtime import NvrConfigEntry
from .views import status_of

_URL: Final = "/api/nvr/thumb/{entry_id}/{channel}/{shown}/{name}"
_NAME: Final = re.compile(r"(?:exact(?:-(\d{3,4}))?|(\d{3,4}))\.jpg", re.ASCII)
_CHANNEL: Final = re.compile(r"[1-9][0-9]{0,4}", re.ASCII)
# What a browser has it may show again after asking: the right to it may have gone.
_HEADERS: Final = {hdrs.CACHE_CONTROL: "private, no-cache", "X-Content-Type-Options": "nosniff"}
_NO_STORE: Final = {hdrs.CACHE_CONTROL: "no-store"}
_RECORDED_AT: Final = "X-NVR-Recorded-At"
_RETRY_AFTER: Final = 2.0


@callback
def async_register_picture_view(hass: HomeAssistant) -> None:
    """Register the view; once, from `async_setup`."""
    hass.http.register_view(PictureView(hass))


class PictureView(HomeAssistantView):
    """One picture."""

    url = _URL
    name = "api:nvr:thumb"
    # Asked for below: an address whose time is over must not count as a login that failed.
    requires_auth = False

    def __init__(self, hass: HomeAssistant) -> None:
        self._hass = hass

    async def get(self, request: web.Request, entry_id: str, channel: str, shown: str, name: str) -> web.Response:
        """Serve a picture."""
        if not request.get(KEY_AUTHENTICATED, False):
            if SIGN_QUERY_PARAM in request.query:
                return self._refused("This link is no longer good", HTTPStatus.FORBIDDEN, "forbidden")
            raise web.HTTPUnauthorized
        entry: NvrConfigEntry | None = self._hass.config_entries.async_get_entry(entry_id)
        loaded = entry is not None and entry.domain == DOMAIN and entry.state is ConfigEntryState.LOADED
        if entry is None or not loaded or not _CHANNEL.fullmatch(channel) or not _NAME.fullmatch(name):
            return self._refused("No such picture", HTTPStatus.NOT_FOUND, "not_found")
        user: User = request[KEY_HASS_USER]
        via = "snapshot" if name.startswith("exact") else "thumbnail"
        if not permit(self._hass, user, Action.PLAYBACK, entry, int(channel), via=via):
            return self._refused("You may not see this", HTTPStatus.FORBIDDEN, "forbidden")
        try:
            picture = await self._picture(entry, int(channel), shown, name, user)
        except MediaIdError:
            return self._refused("No such picture", HTTPStatus.NOT_FOUND, "not_found")
        except RefusedError as err:
            text = str(err.translate(HomeAssistantError))
            return self._refused(text, HTTPStatus.NOT_FOUND, err.key)
        except NvrError as err:
            return self._failed(err, entry.title)
        note_picture(self._hass, entry, int(channel), picture.recorded_at, user.id, via=via)
        return _answer(request, picture)

    async def _picture(self, entry: NvrConfigEntry, channel: int, shown: str, name: str, user: User) -> Thumbnail:
        found = _NAME.fullmatch(name)
        width = int(found[1] or found[2] or 0) if found else 0
        if width and width not in WIDTHS:
            raise MediaIdError("there is no such width")
        meant = parse_shown(shown)
        if name.startswith("exact"):
            if not isinstance(meant, datetime):
                raise MediaIdError("only a moment has a frame of its own")
            return await exact_picture(self._hass, entry, channel, meant, width=width, user_id=user.id)
        return await thumbnail(self._hass, entry, channel, meant, width)

    def _failed(self, err: NvrError, name: str) -> web.Response:
        status, headers = status_of(err), dict(_NO_STORE)
        if status is HTTPStatus.SERVICE_UNAVAILABLE:
            wait = err.retry_after if isinstance(err, NvrBusyError) else None
            headers[hdrs.RETRY_AFTER] = str(math.ceil(wait or _RETRY_AFTER))
        return self.json_message(str(translate(err, name)), status, error_key(err), headers)

    def _refused(self, text: str, status: HTTPStatus, code: str) -> web.Response:
        return self.json_message(text, status, code, _NO_STORE)


def _answer(request: web.Request, picture: Thumbnail) -> web.Response:
    """Return the picture, or that what the browser has is still it."""
    tag = f"{int(picture.recorded_at.timestamp() * 1000):x}-{len(picture.jpeg):x}"
    headers = {**_HEADERS, hdrs.ETAG: f'"{tag}"', _RECORDED_AT: picture.recorded_at.isoformat()}
    if any(known.value in {tag, "*"} for known in request.if_none_match or ()):
        return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
    return web.Response(body=picture.jpeg, content_type="image/jpeg", headers=headers)
