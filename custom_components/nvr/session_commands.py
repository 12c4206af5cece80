"""Commands over Home Assistant's websocket about the sessions that recorders have for playback.

`nvr/sessions`: who holds them, and how many there are per NVR, as far as whoever asks may know. Live streams are among
them; they take none of those that are counted.
`nvr/session/end`: end one's own session, or as an administrator anybody's; its viewer is told.
`nvr/session/take_over` (administrators): the same, and the slot is kept for half a minute for whoever took it.
"""

from typing import Any, Final

from homeassistant.auth.models import User
from homeassistant.components import websocket_api
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
import probatio

from .access import Action, authorize, facts_of
from .audit_rows import AuditKind
from .const import ATTR_SESSION_ID, ATTR_USER_ID, DOMAIN
from .media.sessions import LossReason
from .runtime import NvrConfigEntry
from .session_words import session_rows
from .shared import shared

_SEEING: Final = (Action.LIVE, Action.PLAYBACK)


@callback
def async_register_session_commands(hass: HomeAssistant) -> None:
    """Register the commands; once, from `async_setup`."""
    for command in (websocket_sessions, websocket_end, websocket_take_over):
        websocket_api.async_register_command(hass, command)


@websocket_api.websocket_command({probatio.Required("type"): "nvr/sessions"})
@websocket_api.async_response
async def websocket_sessions(
    hass: HomeAssistant, connection: websocket_api.ActiveConnection, msg: dict[str, Any]
) -> None:
    """Answer with the sessions in use, and how many each NVR has."""
    common = shared(hass)
    sessions: list[dict[str, Any]] = []
    nvrs: list[dict[str, Any]] = []
    for entry in _entries(hass, connection.user):
        use = entry.runtime_data.hub.sessions
        nvrs.append({"id": entry.entry_id, "name": entry.title, "used": use.used, "max": use.limit})
        held = common.engine.slots.holders(entry.entry_id) + common.desk.live.holders(entry.entry_id)
        sessions += await session_rows(hass, connection.user, entry, held)
    connection.send_result(msg["id"], {"sessions": sessions, "nvrs": nvrs})


@websocket_api.websocket_command(
    {probatio.Required("type"): "nvr/session/end", probatio.Required(ATTR_SESSION_ID): str}
)
@websocket_api.async_response
async def websocket_end(hass: HomeAssistant, connection: websocket_api.ActiveConnection, msg: dict[str, Any]) -> None:
    """End a session."""
    await _end(hass, connection, msg, LossReason.ENDED)


@websocket_api.websocket_command(
    {probatio.Required("type"): "nvr/session/take_over", probatio.Required(ATTR_SESSION_ID): str}
)
@websocket_api.require_admin
@websocket_api.async_response
async def websocket_take_over(
    hass: HomeAssistant, connection: websocket_api.ActiveConnection, msg: dict[str, Any]
) -> None:
    """End somebody's session to have its slot."""
    await _end(hass, connection, msg, LossReason.TAKEN_OVER)


async def _end(
    hass: HomeAssistant, connection: websocket_api.ActiveConnection, msg: dict[str, Any], reason: LossReason
) -> None:
    common, user = shared(hass), connection.user
    slots = common.engine.slots
    if (stay := slots.find(msg[ATTR_SESSION_ID])) is None:
        slots = common.desk.live
        stay = slots.find(msg[ATTR_SESSION_ID])
    entry: NvrConfigEntry | None = hass.config_entries.async_get_entry(stay.recorder_id) if stay is not None else None
    if stay is None or entry is None:
        _refuse(connection, msg, websocket_api.ERR_NOT_FOUND, "session_over")
        return
    facts = {**facts_of(entry, stay.holder.channel), ATTR_USER_ID: user.id, "via": msg["type"]}
    if not user.is_admin and stay.holder.owner != user.id:
        common.audit.record_denial({**facts, "action": "end_session"})
        _refuse(connection, msg, websocket_api.ERR_UNAUTHORIZED, "session_not_yours")
        return
    owner = await hass.auth.async_get_user(stay.holder.owner) if stay.holder.owner else None
    whose = {"subject": owner.name if owner is not None else None, "stream": stay.holder.kind}
    ended = {**facts, **whose, ATTR_SESSION_ID: stay.session_id, "action": reason.value}
    common.audit.record(AuditKind.SESSION_ENDED, ended)
    keep_for = user.id if reason is LossReason.TAKEN_OVER else None
    await slots.end(stay, reason, keep_for=keep_for)
    connection.send_result(msg["id"])


def _refuse(connection: websocket_api.ActiveConnection, msg: dict[str, Any], code: str, key: str) -> None:
    """Answer with an error in words; what they stand for is in the translations."""
    err = HomeAssistantError(translation_domain=DOMAIN, translation_key=key)
    connection.send_error(msg["id"], code, str(err), translation_domain=DOMAIN, translation_key=key)


def _entries(hass: HomeAssistant, user: User) -> list[NvrConfigEntry]:
    """Return the NVRs that are set up and have a camera for the user."""
    entries: list[NvrConfigEntry] = hass.config_entries.async_entries(DOMAIN)
    loaded = [entry for entry in entries if entry.state is ConfigEntryState.LOADED]
    return [
        entry
        for entry in loaded
        if user.is_admin
        or any(
            authorize(hass, user, action, entry, channel.number)
            for channel in entry.runtime_data.hub.channels
            for action in _SEEING
        )
    ]
