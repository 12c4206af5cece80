"""The one gate: may this user do this with this channel? Every outlet asks here and nowhere else.

Two answers must be yes: Home Assistant's own permission for the channel's camera, and the recorder's table of rights.
Administrators always may. Whoever asks on behalf of somebody who wants one certain thing uses `permit` or `require`,
which keep refusals in the audit; `authorize` is for what is merely left out of a list.
"""

from collections.abc import Mapping
import re
from typing import Final

from homeassistant.auth.models import User
from homeassistant.auth.permissions.const import POLICY_CONTROL, POLICY_EDIT, POLICY_READ
from homeassistant.components import websocket_api
from homeassistant.components.http import KEY_HASS_USER
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import CONF_WEBHOOK_ID
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import Unauthorized, UnknownUser
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.http import current_request

from .access_rules import Action, read_rules
from .const import ATTR_CHANNEL, ATTR_ENTRY_ID, ATTR_USER_ID, CONF_ACCESS, DOMAIN
from .runtime import NvrConfigEntry
from .shared import shared

__all__ = [
    "Action",
    "asking_user",
    "authorize",
    "authorize_camera",
    "authorize_unnamed",
    "facts_of",
    "is_content_user",
    "permit",
    "require",
    "require_camera",
    "slot_of",
    "user_of",
]

# What Home Assistant calls the user of its anonymous signed links (http/auth.py). Such a link proves that somebody was
# let in once, never who is asking now.
_CONTENT_USER: Final = "Home Assistant Content"
# Its entries hold the id of the app's webhook and that of the user who registered the app (mobile_app/http_api.py).
_COMPANION_APP: Final = "mobile_app"
_CAMERA_ID: Final = re.compile(r".+_(\d+)_camera_[a-z]+", re.ASCII)

_POLICY: Final = {
    Action.LIVE: POLICY_READ,
    Action.PLAYBACK: POLICY_READ,
    Action.EXPORT: POLICY_CONTROL,
    Action.PTZ: POLICY_CONTROL,
    Action.SETTINGS: POLICY_EDIT,
    Action.TALK: POLICY_CONTROL,
}


def authorize(
    hass: HomeAssistant, user: User | None, action: Action, entry: NvrConfigEntry, channel: int | None
) -> bool:
    """Tell whether the user may do this; no user means Home Assistant itself, no channel the recorder as a whole.

    A right to a recorder as a whole is an administrator's. A channel without an enabled camera entity has nothing a
    policy could name, so it is an administrator's too.
    """
    del hass  # nothing that is asked today needs it, and no caller should change when something does
    if user is None or _is_admin(user):
        return True
    entity_id = _camera_of(entry, channel)
    return channel is not None and entity_id is not None and _may(user, action, entry, channel, entity_id)


def authorize_camera(hass: HomeAssistant, user: User | None, action: Action, entity_id: str) -> bool:
    """Tell the same by the camera entity alone: that is all there is of a channel whose recorder is not set up."""
    if user is None or _is_admin(user):
        return True
    known = er.async_get(hass).async_get(entity_id)
    channel = slot_of(known) if known is not None else None
    if known is None or known.config_entry_id is None or channel is None:
        return False
    entry: NvrConfigEntry | None = hass.config_entries.async_get_entry(known.config_entry_id)
    return entry is not None and _may(user, action, entry, channel, entity_id)


def authorize_unnamed(action: Action, entry: NvrConfigEntry, channel: int) -> bool:
    """Tell the same of somebody who speaks in a room: nobody can say who, so he is one who is no administrator."""
    if _camera_of(entry, channel) is None:
        return False
    return read_rules(entry.options.get(CONF_ACCESS)).default.allow(action, channel)


def slot_of(entity: er.RegistryEntry) -> int | None:
    """Return the number of the channel that the entity is a camera of; None for every other entity."""
    found = _CAMERA_ID.fullmatch(entity.unique_id) if entity.platform == DOMAIN else None
    return int(found[1]) if found is not None else None


def _is_admin(user: User) -> bool:
    return user.is_active and user.is_admin and not is_content_user(user)


def _may(user: User, action: Action, entry: NvrConfigEntry, channel: int, entity_id: str) -> bool:
    if not user.is_active or is_content_user(user) or not user.permissions.check_entity(entity_id, _POLICY[action]):
        return False
    return read_rules(entry.options.get(CONF_ACCESS)).allow(user.id, action, channel)


def _camera_of(entry: NvrConfigEntry, channel: int | None) -> str | None:
    if channel is None or entry.state is not ConfigEntryState.LOADED:
        return None
    return entry.runtime_data.hub.camera_entity_id(channel)


def permit(
    hass: HomeAssistant, user: User | None, action: Action, entry: NvrConfigEntry, channel: int | None, *, via: str
) -> bool:
    """Tell the same of one certain thing that is asked for, and keep a refusal; `via` names the outlet."""
    if authorize(hass, user, action, entry, channel):
        return True
    _deny(hass, user, action, facts_of(entry, channel), via)
    return False


def require(
    hass: HomeAssistant,
    user: User | None,
    action: Action,
    entry: NvrConfigEntry,
    channel: int | None,
    *,
    via: str,
    context: Context | None = None,
) -> None:
    """Raise Unauthorized unless the user may do this, and keep the refusal."""
    if permit(hass, user, action, entry, channel, via=via):
        return
    raise Unauthorized(
        context=context,
        user_id=user.id if user else None,
        entity_id=_camera_of(entry, channel),
        config_entry_id=entry.entry_id,
        permission=_POLICY[action],
    )


def require_camera(
    hass: HomeAssistant,
    user: User | None,
    action: Action,
    entity_id: str,
    *,
    via: str,
    context: Context | None = None,
) -> None:
    """Raise Unauthorized unless the user may do this with the camera, judged by its entity alone."""
    if authorize_camera(hass, user, action, entity_id):
        return
    known = er.async_get(hass).async_get(entity_id)
    entry_id = known.config_entry_id if known is not None else None
    _deny(hass, user, action, {ATTR_ENTRY_ID: entry_id, "entity_id": entity_id}, via)
    raise Unauthorized(
        context=context,
        user_id=user.id if user else None,
        entity_id=entity_id,
        permission=_POLICY[action],
    )


def _deny(hass: HomeAssistant, user: User | None, action: Action, facts: Mapping[str, object], via: str) -> None:
    who = {ATTR_USER_ID: user.id if user else None, "action": action.value, "via": via}
    shared(hass).audit.record_denial({**facts, **who})


def facts_of(entry: NvrConfigEntry, channel: int | None) -> dict[str, object]:
    """Return what is told of a channel, or of the recorder as a whole, wherever it is told: ids and names."""
    facts: dict[str, object] = {ATTR_ENTRY_ID: entry.entry_id, "name": entry.title}
    if channel is None:
        return facts
    if entry.state is ConfigEntryState.LOADED and (known := entry.runtime_data.hub.announcer.payload(channel)):
        return known
    return {**facts, ATTR_CHANNEL: channel}


async def user_of(hass: HomeAssistant, user_id: str | None, *, context: Context | None = None) -> User | None:
    """Return the user of that id, None for Home Assistant itself; raises UnknownUser when there is none (any more)."""
    if user_id is None:
        return None
    if (user := await hass.auth.async_get_user(user_id)) is None:
        raise UnknownUser(context=context, user_id=user_id)
    return user


async def asking_user(hass: HomeAssistant) -> User | None:
    """Return who is behind the websocket command or request that is being handled; None when nobody is.

    A request to the webhook of a companion app shows no login: the app is its user's. Raises UnknownUser when there is
    no such user (any more).
    """
    if connection := websocket_api.current_connection.get():
        return connection.user
    if (request := current_request.get()) is None:
        return None
    user: User | None = request.get(KEY_HASS_USER)
    if user is not None or (webhook_id := request.match_info.get("webhook_id")) is None:
        return user
    for app in hass.config_entries.async_entries(_COMPANION_APP):
        if app.data.get(CONF_WEBHOOK_ID) == webhook_id:
            return await user_of(hass, str(app.data.get(ATTR_USER_ID)))
    return None


def is_content_user(user: User) -> bool:
    """Tell whether this is the user that Home Assistant's anonymous signed links belong to."""
    return user.system_generated and user.name == _CONTENT_USER
