"""Who holds a recorder's sessions, as people may know it, and in words why there is none for them.

Everybody may know how many sessions are in use and since when. Who has one is told to administrators and to
himself; which camera it is, to those who may see that camera's recordings.
"""

from collections.abc import Iterable
from typing import Any, Final

from homeassistant.auth.models import User
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import dt as dt_util

from .access import Action, authorize, facts_of
from .const import (
    ATTR_CHANNEL,
    ATTR_CHANNEL_NAME,
    ATTR_KIND,
    ATTR_SESSION_ID,
    ATTR_SINCE,
    ATTR_USER_ID,
    DOMAIN,
)
from .core.errors import NvrError, NvrNoSessionError
from .errors import translate
from .media.sessions import HeldSlot, SlotsBusyError
from .media_ids import ChannelId
from .media_words import load_words
from .runtime import NvrConfigEntry

# What a session shows decides who may know of which camera it is.
_NEEDS: Final = {"live": Action.LIVE}


async def session_rows(
    hass: HomeAssistant, user: User, entry: NvrConfigEntry, slots: Iterable[HeldSlot]
) -> list[dict[str, Any]]:
    """Return the sessions as this user may know them; `since` in Unix seconds, `idle` in seconds."""
    return [await _row(hass, user, entry, slot) for slot in slots]


async def explain(hass: HomeAssistant, err: NvrError, entry: NvrConfigEntry, user: User | None) -> HomeAssistantError:
    """Return the error that tells the user of `err`; where all sessions are in use, by whom, as far as he may know.

    No user is somebody nobody knows: he is told nobody's name.
    """
    values = {"name": entry.title}
    if isinstance(err, NvrNoSessionError):
        return _error("no_session", values)
    if not isinstance(err, SlotsBusyError):
        return translate(err, entry.title)
    if not err.holders:
        return _error("session_kept", values)
    holders = ", ".join([await _phrase(hass, user, entry, slot) for slot in err.holders])
    values |= {"used": str(len(err.holders)), "limit": str(err.limit), "holders": holders}
    return _error("sessions_busy", values)


def _error(key: str, values: dict[str, str]) -> HomeAssistantError:
    return HomeAssistantError(translation_domain=DOMAIN, translation_key=key, translation_placeholders=values)


async def _row(hass: HomeAssistant, user: User, entry: NvrConfigEntry, slot: HeldSlot) -> dict[str, Any]:
    own = slot.owner == user.id
    seen = _sees(hass, user, entry, slot)
    facts = facts_of(entry, slot.channel) if seen else {}
    known = own or user.is_admin
    return {
        ATTR_SESSION_ID: slot.session_id,
        "nvr_id": entry.entry_id,
        ATTR_KIND: slot.kind,
        ATTR_SINCE: slot.since.timestamp(),
        "idle": round(slot.idle, 1),
        "own": own,
        ATTR_USER_ID: slot.owner or None if known else None,
        "user": await _name(hass, slot.owner) if known and slot.owner else None,
        "camera_id": ChannelId(entry.entry_id, slot.channel).format() if seen else None,
        "entity_id": facts.get("entity_id"),
        ATTR_CHANNEL: slot.channel if seen else None,
        ATTR_CHANNEL_NAME: facts.get(ATTR_CHANNEL_NAME),
    }


async def _phrase(hass: HomeAssistant, user: User | None, entry: NvrConfigEntry, slot: HeldSlot) -> str:
    """Say who has a session, of which camera, and since when, in the language of Home Assistant."""
    words = await load_words(hass)
    time = f"{dt_util.as_local(slot.since):%H:%M}"
    camera = ""
    if user is not None and _sees(hass, user, entry, slot):
        camera = str(facts_of(entry, slot.channel).get(ATTR_CHANNEL_NAME, slot.channel))
    if user is not None and slot.owner == user.id:
        who = words.text("session_yours")
    elif not slot.owner:
        who = "Home Assistant"
    elif user is not None and user.is_admin:
        who = await _name(hass, slot.owner)
    else:
        who = words.text("session_somebody")
    if camera:
        return words.text("session_held", who=who, camera=camera, time=time)
    return words.text("session_held_hidden", who=who, time=time)


def _sees(hass: HomeAssistant, user: User, entry: NvrConfigEntry, slot: HeldSlot) -> bool:
    return authorize(hass, user, _NEEDS.get(slot.kind, Action.PLAYBACK), entry, slot.channel)


async def _name(hass: HomeAssistant, user_id: str) -> str:
    user = await hass.auth.async_get_user(user_id)
    return user.name or user_id if user is not None else user_id
