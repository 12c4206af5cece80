"""Footage over HTTP: playlists and segments behind a link's token.

No login is asked for, because players send none; the token says for whom the link was made, and every request asks
whether that user still may see the camera. Who shows a login all the same is judged by his own rights, too. Links of
a user who loses his right are ended at once, with what plays. A refusal is 403 and never 401: that one would count
against the viewer's address (home-assistant 5.3).
"""

import asyncio
from http import HTTPStatus
import math
from typing import Final

from aiohttp import hdrs, web
from homeassistant.auth.models import User
from homeassistant.components.http import KEY_HASS_USER, HomeAssistantView
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import Context, HomeAssistant, callback
from homeassistant.exceptions import Unauthorized, UnknownUser
from homeassistant.util import dt as dt_util

from .access import Action, authorize, facts_of, is_content_user, permit, user_of
from .audit_rows import AuditKind
from .const import (
    ATTR_CHANNEL,
    ATTR_CHANNEL_NAME,
    ATTR_CLIP_ID,
    ATTR_ENTRY_ID,
    ATTR_USER_ID,
    ATTR_WHAT,
    DOMAIN,
    EVENT_MEDIA_ACCESSED,
)
from .core.errors import (
    NvrAuthError,
    NvrBusyError,
    NvrError,
    NvrLockedError,
    NvrNotFoundError,
    NvrPermissionError,
    NvrResponseError,
    NvrUnreachableError,
    NvrUnsupportedError,
)
from .errors import error_key
from .media.engine import Playback
from .media.hls import PlaybackFile, parse_name
from .media.sessions import SessionEndedError
from .playback_links import ExpiredLinkError, PlaybackLink, UnknownLinkError
from .runtime import NvrConfigEntry
from .session_words import explain
from .shared import shared
from .stream_sessions import async_watch_sessions
from .stream_socket import async_register_media_socket

_PLAYLIST: Final = "application/vnd.apple.mpegurl"
_VIDEO: Final = "video/mp4"
_RETRY_AFTER: Final = 2.0
_WORTH_COMPRESSING: Final = 16 * 1024
_HEADERS: Final = {hdrs.CACHE_CONTROL: "no-store"}

# A recorder's own refusal is not the viewer's: it must not look like a login that failed here.
_STATUS: Final[tuple[tuple[type[NvrError], HTTPStatus], ...]] = (
    (NvrNotFoundError, HTTPStatus.NOT_FOUND),
    (NvrUnsupportedError, HTTPStatus.NOT_FOUND),
    (NvrAuthError, HTTPStatus.FORBIDDEN),
    (NvrLockedError, HTTPStatus.FORBIDDEN),
    (NvrPermissionError, HTTPStatus.FORBIDDEN),
    (SessionEndedError, HTTPStatus.GONE),
    (NvrBusyError, HTTPStatus.SERVICE_UNAVAILABLE),
    (NvrUnreachableError, HTTPStatus.SERVICE_UNAVAILABLE),
    (NvrResponseError, HTTPStatus.BAD_GATEWAY),
)


@callback
def async_register_views(hass: HomeAssistant) -> None:
    """Register what serves footage; once, from `async_setup`."""
    hass.http.register_view(PlaybackView(hass))
    async_register_media_socket(hass)
    async_watch_sessions(hass)

    @callback
    def look_again() -> None:
        hass.async_create_task(end_links_without_right(hass), f"{DOMAIN} links")

    shared(hass).rights_changed.async_subscribe(look_again)


class PlaybackView(HomeAssistantView):
    """One playback as HLS: `master.m3u8`, `video.m3u8`, `init.mp4` and `s<number>.m4s`; `-1` marks the spare stream."""

    url = "/api/nvr/vod/{token}/{name}"
    name = "api:nvr:vod"
    requires_auth = False
    cors_allowed = True

    def __init__(self, hass: HomeAssistant) -> None:
        self._hass = hass

    async def get(self, request: web.Request, token: str, name: str) -> web.Response:
        """Serve a playlist or a piece of video."""
        return await self._serve(request, token, name, with_body=True)

    async def head(self, request: web.Request, token: str, name: str) -> web.Response:
        """Say what a GET would be, without opening anything on the recorder."""
        return await self._serve(request, token, name, with_body=False)

    async def _serve(self, request: web.Request, token: str, name: str, *, with_body: bool) -> web.Response:
        try:
            link, entry = await follow_link(self._hass, token, request.get(KEY_HASS_USER))
        except UnknownLinkError:
            return self.json_message("No such playback", HTTPStatus.NOT_FOUND, "not_found", _HEADERS)
        except ExpiredLinkError, Unauthorized:
            return self.json_message("This link is no longer good", HTTPStatus.FORBIDDEN, "forbidden", _HEADERS)
        try:
            return await self._answer(link, entry, name, with_body=with_body)
        except NvrError as err:
            return await self._refusal(err, link, entry)

    async def _answer(self, link: PlaybackLink, entry: NvrConfigEntry, name: str, *, with_body: bool) -> web.Response:
        file = parse_name(name)
        if file is None:
            return self.json_message("No such file", HTTPStatus.NOT_FOUND, "not_found", _HEADERS)
        content_type = _PLAYLIST if file.kind in {"master", "media"} else _VIDEO
        body = await _read(link.playback, file) if with_body else b""
        if with_body and file.kind == "segment":
            announce(self._hass, link, entry)
        response = web.Response(body=body, content_type=content_type, headers=_HEADERS)
        if content_type == _PLAYLIST and len(body) > _WORTH_COMPRESSING:
            response.enable_compression()  # a whole day in steps of two seconds is a megabyte of text, or a tenth of it
        return response

    async def _refusal(self, err: NvrError, link: PlaybackLink, entry: NvrConfigEntry) -> web.Response:
        status = status_of(err)
        headers = dict(_HEADERS)
        if status is HTTPStatus.SERVICE_UNAVAILABLE:
            wait = err.retry_after if isinstance(err, NvrBusyError) else None
            headers[hdrs.RETRY_AFTER] = str(math.ceil(wait or _RETRY_AFTER))
        user = await self._hass.auth.async_get_user(link.user_id) if link.user_id is not None else None
        words = await explain(self._hass, err, entry, user)
        return self.json_message(str(words), status, error_key(err), headers)


def status_of(err: NvrError) -> HTTPStatus:
    """Return the status that tells a viewer of a recorder's refusal."""
    return next((status for kind, status in _STATUS if isinstance(err, kind)), HTTPStatus.BAD_GATEWAY)


async def _read(playback: Playback, file: PlaybackFile) -> bytes:
    """Return the bytes of a playback's file. Raises NvrError subclasses."""
    match file.kind:
        case "master":
            return (await playback.master_playlist()).encode()
        case "media":
            return (await playback.media_playlist(file.variant)).encode()
        case "init":
            return await playback.init_segment(file.variant)
        case "segment":
            return await playback.segment(file.index, file.variant)


async def follow_link(
    hass: HomeAssistant, token: str, follower: User | None = None
) -> tuple[PlaybackLink, NvrConfigEntry]:
    """Return the link and its entry if its principal may still see the camera; a link that fails this once is over.

    `follower` is who showed a login with his request: he needs the right, too, and without it he is refused while the
    link stays good. Raises UnknownLinkError, ExpiredLinkError or Unauthorized.
    """
    links = shared(hass).links
    link = await links.follow(token)
    entry: NvrConfigEntry | None = hass.config_entries.async_get_entry(link.entry_id)
    if entry is None or entry.domain != DOMAIN or entry.state is not ConfigEntryState.LOADED:
        await links.revoke(link)
        raise ExpiredLinkError
    if not await _principal_may(hass, link, entry):
        await _end(hass, link, entry)
        raise Unauthorized(user_id=link.user_id, config_entry_id=link.entry_id)
    stranger = follower is not None and not is_content_user(follower)
    if stranger and not permit(hass, follower, Action.PLAYBACK, entry, link.channel, via="link"):
        raise Unauthorized(user_id=follower.id if follower else None, config_entry_id=link.entry_id)
    return link, entry


async def end_links_without_right(hass: HomeAssistant) -> None:
    """End the links, and what plays through them, whose principal has lost his right, or is gone."""
    ending = []
    for link in shared(hass).links.all():
        entry: NvrConfigEntry | None = hass.config_entries.async_get_entry(link.entry_id)
        # What is being unloaded ends its links by itself.
        loaded = entry is not None and entry.state is ConfigEntryState.LOADED
        if entry is not None and loaded and not await _principal_may(hass, link, entry):
            ending.append(_end(hass, link, entry))
    await asyncio.gather(*ending)


async def _principal_may(hass: HomeAssistant, link: PlaybackLink, entry: NvrConfigEntry) -> bool:
    try:
        return authorize(hass, await user_of(hass, link.user_id), Action.PLAYBACK, entry, link.channel)
    except UnknownUser:
        return False


async def _end(hass: HomeAssistant, link: PlaybackLink, entry: NvrConfigEntry) -> None:
    facts = {ATTR_USER_ID: link.user_id, "action": Action.PLAYBACK.value, "via": "link"}
    shared(hass).audit.record(AuditKind.REVOKED, {**facts_of(entry, link.channel), **facts})
    await shared(hass).links.revoke(link)


@callback
def announce(hass: HomeAssistant, link: PlaybackLink, entry: NvrConfigEntry) -> None:
    """Fire `nvr_media_accessed` when the first footage of a playback has left; once per playback."""
    if link.announced:
        return
    link.announced = True
    facts = facts_of(entry, link.channel)
    data = {
        ATTR_ENTRY_ID: link.entry_id,
        "device_id": facts.get("device_id"),
        "entity_id": facts.get("entity_id"),
        ATTR_CHANNEL: link.channel,
        ATTR_CHANNEL_NAME: facts.get(ATTR_CHANNEL_NAME),
        ATTR_USER_ID: link.user_id,
        ATTR_WHAT: "playback",
        ATTR_CLIP_ID: None,
        "start": dt_util.as_local(link.span.start).isoformat(),
        "end": dt_util.as_local(link.span.end).isoformat(),
        "accessed_at": dt_util.now().isoformat(),
    }
    hass.bus.async_fire(EVENT_MEDIA_ACCESSED, data, context=Context(user_id=link.user_id))
    shared(hass).audit.record(AuditKind.MEDIA_ACCESSED, {**facts, **data})
