"""Commands of our own over Home Assistant's websocket.

`nvr/audit` (administrators): who did what, newest first. It takes `start`, `end`, `user_id`, `entry_id`, `channel`,
`kinds`, `limit` and, for the following page, the `next` of the answer before as `before`.
What there is to watch is in `viewer_commands`, the streams of the viewer in `stream_commands`, the sessions that
recorders have in `session_commands`, pictures of recordings in `picture_commands`.
"""

from typing import Any, Final

from homeassistant.components import websocket_api
from homeassistant.core import HomeAssistant, callback
import probatio

from .audit_query import FILTER_FIELDS, MAX_LIMIT, filter_of
from .picture_commands import async_register_picture_commands
from .session_commands import async_register_session_commands
from .shared import shared
from .stream_commands import async_register_stream_commands
from .viewer_commands import async_register_viewer_commands

_DEFAULT_LIMIT: Final = 100


@callback
def async_register_commands(hass: HomeAssistant) -> None:
    """Register the commands; once, from `async_setup`."""
    websocket_api.async_register_command(hass, websocket_audit)
    async_register_session_commands(hass)
    async_register_viewer_commands(hass)
    async_register_stream_commands(hass)
    async_register_picture_commands(hass)


@websocket_api.websocket_command(
    {
        probatio.Required("type"): "nvr/audit",
        **FILTER_FIELDS,
        probatio.Optional("limit", default=_DEFAULT_LIMIT): probatio.All(int, probatio.Range(min=1, max=MAX_LIMIT)),
        probatio.Optional("before"): int,
    }
)
@websocket_api.require_admin
@websocket_api.async_response
async def websocket_audit(hass: HomeAssistant, connection: websocket_api.ActiveConnection, msg: dict[str, Any]) -> None:
    """Answer with one page of the audit."""
    try:
        page = await shared(hass).audit.async_query(filter_of(msg), limit=msg["limit"], before=msg.get("before"))
    except OSError as err:
        connection.send_error(msg["id"], "audit_unreadable", f"The audit cannot be read: {err.strerror}")
        return
    connection.send_result(msg["id"], {"rows": page.rows, "next": page.next})
