"""Clips over HTTP, behind a link's token: `/api/nvr/clip/<token>/<name>`, with ranges, for players and for keeps.

No login is asked for, as with footage: the token says for whom the link was made, and every request asks whether he
still may. Who shows a login all the same needs the right himself.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Final

from aiohttp import web
from homeassistant.auth.models import User
from homeassistant.components.http import KEY_HASS_USER, HomeAssistantView
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import Unauthorized
from homeassistant.util import dt as dt_util

from .access import Action, is_content_user
from .audit_rows import AuditKind
from .byte_response import respond
from .clip_access import may, permit_clip, principal_may
from .clip_links import ClipLink, TooManyLinksError
from .const import ATTR_CLIP_ID, ATTR_USER_ID, ATTR_WHAT, DOMAIN
from .core.errors import NvrError, NvrNotFoundError
from .exports import export_desk
from .footage import RefusedError
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
            with _ending(self._hass, request, link, clip):
                return await self._send(request, link, clip)
        except NvrNotFoundError:
            return self.json_message("The file of this clip is gone", HTTPStatus.GONE, "clip_gone", _HEADERS)
        except NvrError:
            text = "The file of this clip cannot be read now"
            return self.json_message(text, HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", _HEADERS)

    async def _send(self, request: web.Request, link: ClipLink, clip: Clip) -> web.StreamResponse:
        files, source = export_desk(self._hass).reading, None
        file = Path(clip.path)
        if link.spare and clip.spare:
            with suppress(NvrNotFoundError):  # the clip itself is better than nothing
                source = await FileBytes.of(Path(clip.spare), files, "video/mp4")
        source = source or await FileBytes.of(file, files, clip.mime)
        if request.method == "GET":
            announce_clip(self._hass, link, clip)
        return await respond(
            request, source, name=f"{clip.title}{file.suffix}", inline=not link.download, headers=_HEADERS
        )


@contextmanager
def _ending(hass: HomeAssistant, request: web.Request, link: ClipLink, clip: Clip) -> Iterator[None]:
    """Break the answer off when its link ends, or the right of whoever shows a login; time alone ends none midway."""
    follower = request.get(KEY_HASS_USER)

    def tear() -> None:
        if request.transport is not None:
            request.transport.abort()

    @callback
    def ended(other: ClipLink) -> None:
        if other.digest == link.digest and link.expires > dt_util.utcnow():
            tear()

    @callback
    def look_again() -> None:
        if _is_stranger(follower) and not may(hass, follower, _right_to(link), clip):
            tear()

    forget = (
        export_desk(hass).links.ended.async_subscribe(ended),
        shared(hass).rights_changed.async_subscribe(look_again),
    )
    try:
        yield
    finally:
        for each in forget:
            each()


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
    if _is_stranger(follower) and not permit_clip(hass, follower, action, clip, via="clip_link"):
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
    """Make a link for a principal whose right the caller has checked; return its path, too.

    Raises RefusedError when there are too many.
    """
    desk, now = export_desk(hass), dt_util.utcnow()
    try:
        token, link = desk.links.mint(clip.id, user_id, now, now + lifetime, download=download, spare=spare)
    except TooManyLinksError as err:
        raise RefusedError("too_many_clip_links", count=str(len(desk.links))) from err
    desk.async_save_soon()
    return f"/api/nvr/clip/{token}/{clip.id}{Path(clip.path).suffix}", link


@callback
def announce_clip(hass: HomeAssistant, link: ClipLink, clip: Clip) -> None:
    """Fire `nvr_media_accessed` when a clip is seen or taken, once per link."""
    if link.announced:
        return
    link.announced = True
    told = export_desk(hass).news.accessed(clip, link.user_id, "download" if link.download else "clip")
    shared(hass).audit.record(AuditKind.MEDIA_ACCESSED, told)


def _is_stranger(follower: User | None) -> bool:
    """Tell whether somebody shows a login of his own, whom the link may not be meant for."""
    return follower is not None and not is_content_user(follower)


def _right_to(link: ClipLink) -> Action:
    return Action.EXPORT if link.download else Action.PLAYBACK


def _end(hass: HomeAssistant, link: ClipLink, clip: Clip) -> None:
    desk = export_desk(hass)
    facts = {
        ATTR_USER_ID: link.user_id,
        "action": _right_to(link).value,
        "via": "clip_link",
        ATTR_WHAT: "clip",
        ATTR_CLIP_ID: clip.id,
    }
    shared(hass).audit.record(AuditKind.REVOKED, {**desk.news.facts(clip.recorder_id, clip.channel), **facts})
    desk.links.revoke(link)
    desk.async_save_soon()
