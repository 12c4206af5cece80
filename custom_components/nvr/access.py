"""The one gate: may this user do this with this channel? Every outlet asks here and nowhere else.

Today the answer comes from Home Assistant's own entity permissions: who may read a channel's camera may see it live and
its footage. A table of rights per user and channel will narrow that here, and no caller will change.
"""

from enum import StrEnum
from typing import Final

from homeassistant.auth.models import User
from homeassistant.auth.permissions.const import POLICY_CONTROL, POLICY_EDIT, POLICY_READ
from homeassistant.components import websocket_api
from homeassistant.components.http import KEY_HASS_USER
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import Unauthorized, UnknownUser
from homeassistant.helpers.http import current_request

from .runtime import NvrConfigEntry

# What Home Assistant calls the user of its anonymous signed links (http/auth.py). Such a link proves that somebody was
# let in once, never who is asking now.
_CONTENT_USER: Final = "Home Assistant Content"


class Action(StrEnum):
    """What somebody wants to do."""

    LIVE = "live"
    PLAYBACK = "playback"
    EXPORT = "export"
    PTZ = "ptz"
    SETTINGS = "settings"


_POLICY: Final = {
    Action.LIVE: POLICY_READ,
    Action.PLAYBACK: POLICY_READ,
    Action.EXPORT: POLICY_CONTROL,
    Action.PTZ: POLICY_CONTROL,
    Action.SETTINGS: POLICY_EDIT,
}


def authorize(
    hass: HomeAssistant, user: User | None, action: Action, entry: NvrConfigEntry, channel: int | None
) -> bool:
    """Tell whether the user may do this; no user means Home Assistant itself, no channel the recorder as a whole.

    A right to a recorder as a whole is an administrator's. A channel without an enabled camera entity has nothing a
    policy could name, so it is an administrator's too.
    """
    del hass  # where a table of rights will be found
    entity_id = None
    if channel is not None and entry.state is ConfigEntryState.LOADED:
        entity_id = entry.runtime_data.hub.camera_entity_id(channel)
    return authorize_camera(user, action, entity_id)


def authorize_camera(user: User | None, action: Action, entity_id: str | None) -> bool:
    """Tell the same by the camera entity alone: that is all there is of a channel whose recorder is not set up."""
    if user is None:
        return True
    if not user.is_active or is_content_user(user):
        return False
    if user.is_admin:
        return True
    return entity_id is not None and user.permissions.check_entity(entity_id, _POLICY[action])


def require(
    hass: HomeAssistant,
    user: User | None,
    action: Action,
    entry: NvrConfigEntry,
    channel: int | None,
    *,
    context: Context | None = None,
) -> None:
    """Raise Unauthorized unless the user may do this."""
    if authorize(hass, user, action, entry, channel):
        return
    entity_id = None
    if channel is not None and entry.state is ConfigEntryState.LOADED:
        entity_id = entry.runtime_data.hub.camera_entity_id(channel)
    raise Unauthorized(
        context=context,
        user_id=user.id if user else None,
        entity_id=entity_id,
        config_entry_id=entry.entry_id,
        permission=_POLICY[action],
    )


def require_camera(user: User | None, action: Action, entity_id: str, *, context: Context | None = None) -> None:
    """Raise Unauthorized unless the user may do this with the camera, judged by its entity alone."""
    if not authorize_camera(user, action, entity_id):
        raise Unauthorized(
            context=context,
            user_id=user.id if user else None,
            entity_id=entity_id,
            permission=_POLICY[action],
        )


async def user_of(hass: HomeAssistant, user_id: str | None, *, context: Context | None = None) -> User | None:
    """Return the user of that id, None for Home Assistant itself; raises UnknownUser when there is none (any more)."""
    if user_id is None:
        return None
    if (user := await hass.auth.async_get_user(user_id)) is None:
        raise UnknownUser(context=context, user_id=user_id)
    return user


def asking_user() -> User | None:
    """Return who is behind the websocket command or request that is being handled; None when nobody is."""
    if connection := websocket_api.current_connection.get():
        return connection.user
    if (request := current_request.get()) is not None:
        user: User | None = request.get(KEY_HASS_USER)
        return user
    return None


def is_content_user(user: User) -> bool:
    """Tell whether this is the user that Home Assistant's anonymous signed links belong to."""
    return user.system_generated and user.name == _CONTENT_USER
