"""Clips over HTTP, behind a link's token: `/api/nvr/clip/<token>/<name>`, with ranges, for players and for keeps.

No login is asked for, as with footage: the token says for whom the link was made, and every request asks whether he
still may. Who shows a login all the same needs the right himself.
"""

from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Final

from aiohttp import web
from homeassistant.auth.models import User
from homeassistant.components.http import KEY_HASS_USER, HomeAssistantView
from homeassistant.core import Context, HomeAssistant, callback
from homeassistant.exceptions import Unauthorized
from homeassistant.util import dt as dt_util

from .access import Action, is_content_user
from .audit_rows import AuditKind
from .byte_response import respond
from .clip_access import permit_clip, principal_may
from .clip_links import ClipLink
from .const import ATTR_CLIP_ID, ATTR_USER_ID, ATTR_WHAT, DOMAIN, EVENT_MEDIA_ACCESSED
from .core.errors import NvrNotFoundError
from .exports import export_desk
from .media.byte_source import FileBytes
from .media.exports.models import Clip
from .playback_links import ExpiredLinkError, UnknownLinkError
from .shared import shared

VIEW_LIFETIME: Final = timedelta(hours=6)
_HEADERS: Final = {"Cache-Control": "no-store"}


class NotReadyError(Exception):
    """Nothing can be said of the principal's right now."""


@callback
def async_register_clip_view(hass: HomeAssistant) -> None:
    """Register what serves clips; once, from `async_setup`."""
    hass.http.register_view(ClipView(hass))

    @callback
    def look_again() -> None:
        hass.async_create_task(end_clip_links_without_right(hass), f"{DOMAIN} clip links")

    shared(hass).rights_changed.async_subscribe(look_again)


class ClipView(HomeAssistantView):
    """One clip."""

    url = "/api/nvr/clip/{token}/{name}"
    name = "api:nvr:clip"
    requires_auth = False
    cors_allowed = True

    def __init__(self, hass: HomeAssistant) -> None:
        self._hass = hass

    async def get(self, request: web.Request, token: str, name: str) -> web.StreamResponse:
        """Send the clip, or a part of it."""
        return await self._serve(request, token, name)

    async def head(self, request: web.Request, token: str, name: str) -> web.StreamResponse:
        """Say what a GET would be."""
        return await self._serve(request, token, name)

    async def _serve(self, request: web.Request, token: str, name: str) -> web.StreamResponse:
        del name  # for people and players; the token says what is meant
        try:
            link, clip = await follow_clip_link(self._hass, token, request.get(KEY_HASS_USER))
        except UnknownLinkError:
            return self.json_message("No such clip", HTTPStatus.NOT_FOUND, "not_found", _HEADERS)
        except ExpiredLinkError, Unauthorized:
            return self.json_message("This link is no longer good", HTTPStatus.FORBIDDEN, "forbidden", _HEADERS)
        except NotReadyError:
            text = "The NVR of this clip is not ready"
            return self.json_message(text, HTTPStatus.SERVICE_UNAVAILABLE, "not_loaded", _HEADERS)
        try:
            file = Path(clip.spare) if link.spare and clip.spare else Path(clip.path)
            source = await FileBytes.of(file, export_desk(self._hass).reading, "video/mp4" if link.spare else clip.mime)
        except NvrNotFoundError:
            return self.json_message("The file of this clip is gone", HTTPStatus.GONE, "clip_gone", _HEADERS)
        if request.method == "GET":
            announce_clip(self._hass, link, clip)
        file_name = f"{clip.title}{Path(clip.path).suffix}"
        return await respond(request, source, name=file_name, inline=not link.download, headers=_HEADERS)


async def follow_clip_link(hass: HomeAssistant, token: str, follower: User | None = None) -> tuple[ClipLink, Clip]:
    """Return the link and its clip if its principal still may; a link that fails this once is over.

    Raises UnknownLinkError, ExpiredLinkError, Unauthorized, or NotReadyError while nothing can be said.
    """
    desk = export_desk(hass)
    link = desk.links.follow(token, dt_util.utcnow())
    clip = desk.library.get(link.clip_id)
    if clip is None:
        desk.links.revoke(link)
        raise ExpiredLinkError
    action = _right_to(link)
    allowed = await principal_may(hass, link.user_id, action, clip)
    if allowed is None:
        raise NotReadyError
    if not allowed:
        _end(hass, link, clip)
        raise Unauthorized(user_id=link.user_id, config_entry_id=clip.recorder_id)
    stranger = follower is not None and not is_content_user(follower)
    if stranger and not permit_clip(hass, follower, action, clip, via="clip_link"):
        raise Unauthorized(user_id=follower.id if follower else None, config_entry_id=clip.recorder_id)
    return link, clip


async def end_clip_links_without_right(hass: HomeAssistant) -> None:
    """End the links whose principal has lost his right, or is gone."""
    desk = export_desk(hass)
    for link in desk.links.all():
        clip = desk.library.get(link.clip_id)
        if clip is not None and await principal_may(hass, link.user_id, _right_to(link), clip) is False:
            _end(hass, link, clip)


@callback
def mint_clip_link(
    hass: HomeAssistant,
    clip: Clip,
    user_id: str | None,
    *,
    lifetime: timedelta = VIEW_LIFETIME,
    download: bool = False,
    spare: bool = False,
) -> tuple[str, ClipLink]:
    """Make a link for a principal whose right the caller has checked; return its path, too."""
    desk, now = export_desk(hass), dt_util.utcnow()
    token, link = desk.links.mint(clip.id, user_id, now, now + lifetime, download=download, spare=spare)
    desk.async_save_soon()
    return f"/api/nvr/clip/{token}/{clip.id}{Path(clip.path).suffix}", link


@callback
def announce_clip(hass: HomeAssistant, link: ClipLink, clip: Clip) -> None:
    """Fire `nvr_media_accessed` when a clip is seen or taken, once per link."""
    if link.announced:
        return
    link.announced = True
    facts = export_desk(hass).news.facts(clip.recorder_id, clip.channel)
    data = {
        "entry_id": clip.recorder_id,
        "device_id": facts.get("device_id"),
        "entity_id": facts.get("entity_id"),
        "channel": clip.channel,
        "channel_name": facts.get("channel_name", clip.camera),
        ATTR_USER_ID: link.user_id,
        ATTR_WHAT: "download" if link.download else "clip",
        ATTR_CLIP_ID: clip.id,
        "start": _local(clip.span.start),
        "end": _local(clip.span.end),
        "accessed_at": dt_util.now().isoformat(),
    }
    hass.bus.async_fire(EVENT_MEDIA_ACCESSED, data, context=Context(user_id=link.user_id))
    shared(hass).audit.record(AuditKind.MEDIA_ACCESSED, {**facts, **data, "subject": clip.title})


def _right_to(link: ClipLink) -> Action:
    return Action.EXPORT if link.download else Action.PLAYBACK


def _end(hass: HomeAssistant, link: ClipLink, clip: Clip) -> None:
    desk = export_desk(hass)
    facts = {ATTR_USER_ID: link.user_id, "action": _right_to(link).value, "via": "clip_link", ATTR_CLIP_ID: clip.id}
    shared(hass).audit.record(AuditKind.REVOKED, {**desk.news.facts(clip.recorder_id, clip.channel), **facts})
    desk.links.revoke(link)
    desk.async_save_soon()


def _local(moment: datetime) -> str:
    return dt_util.as_local(moment).isoformat()
