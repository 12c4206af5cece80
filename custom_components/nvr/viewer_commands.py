"""Commands over Home Assistant's websocket that tell a viewer what there is to watch.

- `nvr/info`: what this version offers. `bundle`: which build of the viewer's own files is served, null while there are
  none; `limits.grid`: for how many tiles at once it is made, `limits.streams`: how many one user may have open.
- `nvr/cameras`: the cameras the user may watch, live or recorded, with his `rights`. `online`, `recording`: as it was
  found last, `recording` null where nobody has looked lately. `ptz`: null where the camera is not moved from here.
  `playback`: null where nothing is; `scale` are the speeds the recorder sends at by itself, all others and `reverse`
  are made here; `exact_seek`: a jump begins with the picture of the moment, and what it takes to decode that before it;
  `thumbs`: `nvr/thumbs` has pictures.
"""

from typing import Any, Final

from homeassistant.components import websocket_api
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import area_registry as ar, device_registry as dr
from homeassistant.loader import async_get_integration
import probatio

from .access import Action, authorize
from .const import DOMAIN
from .core.models import Channel, StreamProfile, VideoCodec
from .hub import NvrHub
from .media.codecs import ENTRIES
from .media.streaming.desk import MOST_OF_ONE
from .media_ids import ChannelId
from .runtime import NvrConfigEntry
from .stream_commands import MEDIA_PATH

_FEATURES: Final = (
    *("live", "playback", "seek", "speed", "reverse", "step", "sound", "stills"),
    *("thumbs", "snapshot", "export", "sessions"),
)
_LIMITS: Final = {"grid": 25, "streams": MOST_OF_ONE}
_CODECS: Final = {**ENTRIES, VideoCodec.MJPEG: "mjpeg"}
_WATCHING: Final = (Action.LIVE, Action.PLAYBACK)


@callback
def async_register_viewer_commands(hass: HomeAssistant) -> None:
    """Register the commands; once, from `async_setup`."""
    for command in (websocket_info, websocket_cameras):
        websocket_api.async_register_command(hass, command)


@websocket_api.websocket_command({probatio.Required("type"): "nvr/info"})
@websocket_api.async_response
async def websocket_info(hass: HomeAssistant, connection: websocket_api.ActiveConnection, msg: dict[str, Any]) -> None:
    """Say what this version offers."""
    version = str((await async_get_integration(hass, DOMAIN)).version)
    told = {"version": version, "bundle": None, "api": 1, "features": list(_FEATURES), "limits": _LIMITS}
    connection.send_result(msg["id"], {**told, "media_path": MEDIA_PATH})


@websocket_api.websocket_command({probatio.Required("type"): "nvr/cameras"})
@callback
def websocket_cameras(hass: HomeAssistant, connection: websocket_api.ActiveConnection, msg: dict[str, Any]) -> None:
    """List the cameras the user may watch."""
    entries: list[NvrConfigEntry] = hass.config_entries.async_entries(DOMAIN)
    found = []
    for entry in entries:
        if entry.state is not ConfigEntryState.LOADED:
            continue
        for channel in entry.runtime_data.hub.channels:
            rights = {
                action.value: authorize(hass, connection.user, action, entry, channel.number)
                for action in (*_WATCHING, Action.EXPORT)
            }
            if any(rights[action.value] for action in _WATCHING):
                found.append({**_camera(hass, entry, channel), "rights": rights})
    connection.send_result(msg["id"], found)


def _camera(hass: HomeAssistant, entry: NvrConfigEntry, channel: Channel) -> dict[str, Any]:
    hub = entry.runtime_data.hub
    device = dr.async_get(hass).async_get(hub.channel_device_id(channel.number) or "")
    area = ar.async_get(hass).async_get_area(device.area_id) if device is not None and device.area_id else None
    return {
        "id": ChannelId(entry.entry_id, channel.number).format(),
        "name": channel.name,
        "entity_id": hub.camera_entity_id(channel.number),
        "nvr_id": entry.entry_id,
        "channel": channel.number,
        "online": hub.channel_available(channel.number),
        "recording": hub.recordings.growing(channel.number) if hub.recordings is not None else None,
        "area": area.name if area is not None else None,
        "streams": [_stream(profile) for profile in channel.profiles if profile.enabled],
        "ptz": None,
        "playback": _playback(hub),
    }


def _playback(hub: NvrHub) -> dict[str, Any] | None:
    """Return how recordings of a recorder are played; None where they are not, or it was not reached yet."""
    if hub.recordings is None or (hub.playback is None and hub.downloads is None):
        return None
    return {
        "scale": list(hub.driver.capabilities.playback_speeds),
        "reverse": True,
        "exact_seek": True,
        "thumbs": hub.playback is not None or hub.key_frames is not None,
    }


def _stream(profile: StreamProfile) -> dict[str, Any]:
    return {
        "id": profile.role.value,
        "codec": _CODECS.get(profile.video),
        "width": profile.width,
        "height": profile.height,
        "fps": profile.fps,
        "audio": profile.audio.value if profile.audio is not None else None,
    }
