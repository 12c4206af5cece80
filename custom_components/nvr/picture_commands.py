"""Commands of our own over Home Assistant's websocket: pictures of recordings, for timelines.

`nvr/thumbs` `{camera_id, times: [at most 16], width?, wait?}` answers `[{t, actual, url}]`, in the order of the times.
`t` and `actual` are Unix seconds; what has no picture has an `error` instead of `actual` and `url`. With `wait` false
nothing is fetched: `actual` is null for what is not kept yet, and comes with the picture itself (`X-NVR-Recorded-At`).

`nvr/snapshot` `{camera_id, t?, width?}` answers `{url, actual, offset}`: the very frame, or without `t` the present.

`camera_id` is `1/<entry>/<channel>`, as media ids name a channel, or the camera's entity id. An `url` is signed for
the login that asked; the right is asked for again whenever it is used.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from homeassistant.components import websocket_api
from homeassistant.components.http.auth import async_sign_path
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
import probatio

from .access import Action
from .camera_ids import find_camera, permit_on
from .core.errors import NvrBusyError, NvrError
from .errors import error_key, translate
from .footage import RefusedError
from .media.thumbnails.maker import Thumbnail
from .media.thumbnails.reader import Wanted
from .picture_log import note_picture
from .pictures import DEFAULT_WIDTH, WIDTHS, fresh_picture, picture_path, thumbnail
from .runtime import NvrConfigEntry
from .shared import shared

_MOST: Final = 16
_SIGNED_FOR: Final = timedelta(minutes=30)
_MOMENT: Final = probatio.All(probatio.Coerce(float), probatio.Range(min=0, max=4_102_444_800))
_WIDTH: Final = probatio.All(int, probatio.In(WIDTHS))
# What programs are told; people read the message.
_CODES: Final = {
    "in_the_future": "not_found",
    "no_footage": "not_found",
    "no_footage_then": "not_found",
    "not_written_yet": "not_found",
    "no_channel": "not_found",
    "no_recorder": "not_found",
    "not_a_camera": "not_found",
    "no_camera_entity": "not_found",
    "bad_camera_id": "invalid_format",
    "not_allowed_camera": "unauthorized",
    "not_found": "not_found",
    "busy": "busy",
    "timeout": "timeout",
    "unsupported": "unsupported",
    "no_playback": "unsupported",
    "no_recordings": "unsupported",
}


class _CommandError(Exception):
    """What a command answers instead of a result."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@callback
def async_register_picture_commands(hass: HomeAssistant) -> None:
    """Register the commands; once."""
    websocket_api.async_register_command(hass, websocket_thumbs)
    websocket_api.async_register_command(hass, websocket_snapshot)


@websocket_api.websocket_command(
    {
        probatio.Required("type"): "nvr/thumbs",
        probatio.Required("camera_id"): str,
        probatio.Required("times"): probatio.All([_MOMENT], probatio.Length(min=1, max=_MOST)),
        probatio.Optional("width", default=DEFAULT_WIDTH): _WIDTH,
        probatio.Optional("wait", default=True): bool,
    }
)
@websocket_api.async_response
async def websocket_thumbs(
    hass: HomeAssistant, connection: websocket_api.ActiveConnection, msg: dict[str, Any]
) -> None:
    """Answer with where small pictures of some moments are."""
    try:
        entry, channel = _permitted(hass, connection, msg["camera_id"], via="thumbnail")
    except _CommandError as err:
        connection.send_error(msg["id"], err.code, str(err))
        return

    async def row(at: float) -> dict[str, Any]:
        moment = datetime.fromtimestamp(at, UTC)
        try:
            actual = await _actual(hass, entry, channel, moment, msg)
        except (NvrError, RefusedError) as err:
            return {"t": at, "error": _told(err, entry.title)}
        url = _signed(hass, connection, picture_path(entry.entry_id, channel, moment, width=msg["width"]))
        return {"t": at, "actual": actual.timestamp() if actual is not None else None, "url": url}

    rows = await asyncio.gather(*(row(at) for at in msg["times"]))
    seen = [told["actual"] for told in rows if told.get("actual") is not None]
    if seen and msg["wait"]:
        note_picture(hass, entry, channel, datetime.fromtimestamp(seen[0], UTC), connection.user.id, via="thumbnail")
    connection.send_result(msg["id"], rows)


async def _actual(
    hass: HomeAssistant, entry: NvrConfigEntry, channel: int, moment: datetime, msg: dict[str, Any]
) -> datetime | None:
    if not msg["wait"]:
        return await shared(hass).pictures.known(entry.entry_id, Wanted(channel, moment), msg["width"])
    return (await thumbnail(hass, entry, channel, moment, msg["width"])).recorded_at


@websocket_api.websocket_command(
    {
        probatio.Required("type"): "nvr/snapshot",
        probatio.Required("camera_id"): str,
        probatio.Optional("t"): _MOMENT,
        probatio.Optional("width"): _WIDTH,
    }
)
@websocket_api.async_response
async def websocket_snapshot(
    hass: HomeAssistant, connection: websocket_api.ActiveConnection, msg: dict[str, Any]
) -> None:
    """Answer with where the picture of one moment is."""
    try:
        if "t" not in msg:
            connection.send_result(msg["id"], _present(hass, connection, msg["camera_id"]))
            return
        entry, channel = _permitted(hass, connection, msg["camera_id"], via="snapshot")
        moment, width = datetime.fromtimestamp(msg["t"], UTC), msg.get("width", 0)
        picture = await _frame(hass, entry, channel, moment, width=width, user_id=connection.user.id)
    except _CommandError as err:
        connection.send_error(msg["id"], err.code, str(err))
        return
    url = _signed(hass, connection, picture_path(entry.entry_id, channel, moment, width=width, exact=True))
    offset = round((moment - picture.recorded_at).total_seconds(), 3)
    connection.send_result(msg["id"], {"url": url, "actual": picture.recorded_at.timestamp(), "offset": offset})


async def _frame(
    hass: HomeAssistant, entry: NvrConfigEntry, channel: int, moment: datetime, *, width: int, user_id: str
) -> Thumbnail:
    try:
        picture = await fresh_picture(hass, entry, channel, moment, width=width, user_id=user_id)
    except (NvrError, RefusedError) as err:
        told = _told(err, entry.title)
        raise _CommandError(told["code"], told["message"]) from err
    note_picture(hass, entry, channel, picture.recorded_at, user_id, via="snapshot")
    return picture


def _present(hass: HomeAssistant, connection: websocket_api.ActiveConnection, camera_id: str) -> dict[str, Any]:
    """Return where the live still is: Home Assistant's own view, which asks for the right to watch live."""
    entry, channel = _permitted(hass, connection, camera_id, via="snapshot", action=Action.LIVE)
    entity_id = entry.runtime_data.hub.camera_entity_id(channel)
    if entity_id is None:
        raise _refusal(RefusedError("no_camera_entity"))
    return {"url": _signed(hass, connection, f"/api/camera_proxy/{entity_id}"), "actual": None, "offset": None}


def _permitted(
    hass: HomeAssistant,
    connection: websocket_api.ActiveConnection,
    camera_id: str,
    *,
    via: str,
    action: Action = Action.PLAYBACK,
) -> tuple[NvrConfigEntry, int]:
    """Return the channel if the user may do this with it; raises _CommandError."""
    try:
        camera = find_camera(hass, camera_id)
        if allowed := permit_on(hass, connection.user, action, camera.entry, camera.channel, via=via):
            camera.require_there()
    except RefusedError as err:
        raise _refusal(err) from err
    if not allowed:
        raise _refusal(RefusedError("not_allowed_camera"))
    return camera.entry, camera.channel


def _refusal(err: RefusedError) -> _CommandError:
    return _CommandError(_CODES.get(err.key, "unavailable"), str(err.translate(HomeAssistantError)))


def _told(err: NvrError | RefusedError, name: str) -> dict[str, Any]:
    if isinstance(err, RefusedError):
        return {"code": _CODES.get(err.key, "unavailable"), "message": str(err.translate(HomeAssistantError))}
    told: dict[str, Any] = {"code": _CODES.get(error_key(err), "unavailable"), "message": str(translate(err, name))}
    if isinstance(err, NvrBusyError) and err.retry_after is not None:
        told["retry_after"] = err.retry_after
    return told


def _signed(hass: HomeAssistant, connection: websocket_api.ActiveConnection, path: str) -> str:
    return async_sign_path(hass, path, _SIGNED_FOR, refresh_token_id=connection.refresh_token_id)
