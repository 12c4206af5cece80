"""Commands of our viewer over Home Assistant's websocket that open and control streams, and what they answer.

Moments are Unix seconds (UTC, with fractions). Errors have a `code`: not_found, unauthorized, unavailable, busy,
unsupported, invalid_format or timeout, and the key of their message in the translations; where it makes sense
`retry_after` (s) and, for busy, `holders`. A stream that nobody has taken yet ends with the connection it was asked by.

- `nvr/session/open`: begins a stream and returns how to play it and the token the media socket takes it by. `accept`:
  what the viewer decodes ("avc1", "hvc1", "mp4a"), and "jpeg" where he takes single pictures for want of that; then
  `codec` is "jpeg". `refused` names the codec of a better stream that he does not decode.
- `nvr/session/control`: `seek` (`value`: moment), `speed` (-32..32, backwards below 0), `step` (1 or -1), `pause`,
  `resume`, `close`. Who is paused stays so in a jump, and is sent the picture he jumped to. `at` is where the viewer
  is; without it `speed` and `step` go on from what was sent last. Behind a `step`, `speed` or `seek` plays on.
"""

from typing import Any, Final

from homeassistant.auth.models import User
from homeassistant.components import websocket_api
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, callback
from homeassistant.util import dt as dt_util
import probatio

from .access import Action
from .camera_ids import find_camera, permit_on
from .core.models import StreamRole
from .footage import RefusedError
from .media.codecs import ENTRIES
from .media.streaming.stream import MediaStream, Opened, Wanted
from .media.ticks import from_datetime, from_seconds, to_seconds
from .runtime import NvrConfigEntry
from .session_words import session_rows
from .shared import shared
from .stream_sessions import ACTIONS, LIVE, PLAYBACK, SessionError, code_of, control_stream, open_stream, roles_for

MEDIA_PATH: Final = "/api/nvr/media"
_FORWARDS: Final = probatio.Range(min=0.125, max=32)
_SPEEDS: Final = probatio.All(probatio.Coerce(float), probatio.Any(_FORWARDS, probatio.Range(min=-32, max=-0.125)))
_MOMENT: Final = probatio.All(probatio.Coerce(float), probatio.Range(min=0, max=7_258_118_400))
_ACCEPT: Final = ("avc1",)


@callback
def async_register_stream_commands(hass: HomeAssistant) -> None:
    """Register the commands; once, from `async_setup`."""
    for command in (websocket_open, websocket_control):
        websocket_api.async_register_command(hass, command)


@websocket_api.websocket_command(
    {
        probatio.Required("type"): "nvr/session/open",
        probatio.Required("kind"): probatio.In((LIVE, PLAYBACK)),
        probatio.Required("camera_id"): str,
        probatio.Optional("stream", default=StreamRole.MAIN.value): probatio.In([role.value for role in StreamRole]),
        probatio.Optional("start"): _MOMENT,
        probatio.Optional("end"): _MOMENT,
        probatio.Optional("speed", default=1.0): _SPEEDS,
        probatio.Optional("keyframes", default=False): bool,
        probatio.Optional("accept", default=list(_ACCEPT)): [str],
    }
)
@websocket_api.async_response
async def websocket_open(hass: HomeAssistant, connection: websocket_api.ActiveConnection, msg: dict[str, Any]) -> None:
    """Begin a stream for the user who asks."""
    desk, user = shared(hass).desk, connection.user

    def tie(stream: MediaStream) -> None:
        """End a stream that nobody has taken yet with the connection it was asked for by."""

        def left() -> None:
            # Soon, not at once: Home Assistant is still going through its subscriptions.
            hass.loop.call_soon(desk.give_up, stream)

        def untie() -> None:
            connection.subscriptions.pop(msg["id"], None)

        connection.subscriptions[msg["id"]] = left
        stream.closing.append(untie)

    entry = None
    try:
        entry, number = _camera_of(hass, user, ACTIONS[msg["kind"]], msg["camera_id"])
        wanted = _wanted(entry, number, msg)
        stream, opened = await open_stream(hass, user, connection.refresh_token_id, entry, wanted, made=tie)
    except SessionError as err:
        holders = None
        if err.full and entry is not None:
            holders = await session_rows(hass, user, entry, shared(hass).engine.holders(entry.entry_id))
        _refuse(connection, msg["id"], err, holders)
        return
    told = {"session_id": stream.session_id, "stream_id": stream.stream_id, "media_path": MEDIA_PATH}
    connection.send_result(msg["id"], {**told, "token": desk.mint(stream), **_opened(opened)})


@websocket_api.websocket_command(
    {
        probatio.Required("type"): "nvr/session/control",
        probatio.Required("session_id"): str,
        probatio.Required("action"): probatio.In(("seek", "speed", "step", "pause", "resume", "close")),
        probatio.Optional("value"): probatio.Coerce(float),
        probatio.Optional("at"): _MOMENT,
    }
)
@websocket_api.async_response
async def websocket_control(
    hass: HomeAssistant, connection: websocket_api.ActiveConnection, msg: dict[str, Any]
) -> None:
    """Change what a stream of the user's own plays."""
    try:
        stream, entry = _own(hass, connection, msg["session_id"])
        opened = await control_stream(stream, entry, msg["action"], _value(msg), msg.get("at"))
    except SessionError as err:
        _refuse(connection, msg["id"], err)
        return
    connection.send_result(msg["id"], _opened(opened) if opened is not None else {})


def _value(msg: dict[str, Any]) -> float | None:
    """Return the value of an action; raises SessionError for one that cannot be."""
    value: float | None = msg.get("value")
    limits = {"seek": _MOMENT, "speed": _SPEEDS}.get(msg["action"])
    if value is None or limits is None:
        return value
    try:
        probatio.Schema(limits)(value)
    except probatio.Invalid as err:
        raise SessionError("invalid_format", RefusedError("no_such_value", action=msg["action"])) from err
    return value


def _own(
    hass: HomeAssistant, connection: websocket_api.ActiveConnection, session_id: str
) -> tuple[MediaStream, NvrConfigEntry]:
    stream = shared(hass).desk.find(session_id)
    # Somebody else's is as good as none.
    if stream is None or stream.owner != connection.user.id:
        raise SessionError("not_found", RefusedError("stream_ended"))
    entry: NvrConfigEntry | None = hass.config_entries.async_get_entry(stream.recorder_id)
    if entry is None or entry.state is not ConfigEntryState.LOADED:
        name = entry.title if entry is not None else "NVR"
        raise SessionError("unavailable", RefusedError("not_loaded", name=name))
    return stream, entry


def _camera_of(hass: HomeAssistant, user: User, action: Action, camera_id: str) -> tuple[NvrConfigEntry, int]:
    """Return the camera of that name; the right to it is asked for where it is opened. Raises SessionError."""
    try:
        camera = find_camera(hass, camera_id)
    except RefusedError as err:
        raise SessionError(code_of(err), err) from err
    if not camera.loaded:
        refused = RefusedError("not_loaded", name=camera.entry.title)
        if not permit_on(hass, user, action, camera.entry, camera.channel, via="stream"):
            refused = RefusedError("not_allowed_camera")
        raise SessionError(code_of(refused), refused)
    return camera.entry, camera.channel


def _wanted(entry: NvrConfigEntry, number: int, msg: dict[str, Any]) -> Wanted:
    """Return what is asked for; raises SessionError where that makes no sense."""
    accept = frozenset(msg["accept"])
    channel = entry.runtime_data.hub.channel(number)
    asked = StreamRole(msg["stream"])
    roles = roles_for(channel, asked, accept) if channel is not None else (asked,)
    if msg["kind"] == LIVE:
        return Wanted(LIVE, number, roles, accept, from_datetime(dt_util.utcnow()))
    start, end = (from_seconds(msg[name]) if name in msg else None for name in ("start", "end"))
    if start is None or (end is not None and end <= start):
        raise SessionError("invalid_format", RefusedError("no_span_to_play"))
    return Wanted(PLAYBACK, number, roles, accept, start, msg["speed"], keys=msg["keyframes"], end=end)


def _opened(opened: Opened) -> dict[str, Any]:
    return {
        "codec": opened.codec,
        "mime": opened.mime,
        "epoch": to_seconds(opened.epoch),
        "actual_start": to_seconds(opened.actual_start),
        "stream": opened.role.value,
        "speed": opened.speed,
        "refused": ENTRIES.get(opened.refused, opened.refused.value) if opened.refused is not None else None,
    }


def _refuse(
    connection: websocket_api.ActiveConnection,
    number: int,
    err: SessionError,
    holders: list[dict[str, Any]] | None = None,
) -> None:
    """Answer with an error that says more than Home Assistant's own do."""
    told: dict[str, Any] = {
        "code": err.code,
        "message": str(err),
        "translation_domain": err.told.translation_domain,
        "translation_key": err.told.translation_key,
        "translation_placeholders": err.told.translation_placeholders,
    }
    if err.retry_after is not None:
        told["retry_after"] = err.retry_after
    if holders is not None:
        told["holders"] = holders
    connection.send_message({"id": number, "type": websocket_api.TYPE_RESULT, "success": False, "error": told})
