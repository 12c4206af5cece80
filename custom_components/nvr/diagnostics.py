"""What a bug report needs to know of a recorder, and nothing that tells where it is or how to get in."""

from dataclasses import asdict
from typing import Any, Final

from homeassistant.components.diagnostics import REDACTED, async_redact_data
from homeassistant.const import CONF_HOST, CONF_PASSWORD, CONF_USERNAME
from homeassistant.core import HomeAssistant
from homeassistant.helpers.device_registry import AnyDeviceEntry

from .const import CONF_FINGERPRINT, DOMAIN
from .core.models import Channel
from .hub import NvrHub
from .runtime import NvrConfigEntry

_SECRET: Final = {CONF_HOST, CONF_USERNAME, CONF_PASSWORD, CONF_FINGERPRINT, "title", "unique_id"}
_PERSONAL: Final = {"serial", "mac", "id", "name", "camera_serial"}


async def async_get_config_entry_diagnostics(_hass: HomeAssistant, entry: NvrConfigEntry) -> dict[str, Any]:
    """Return what is known of a recorder and how the talk with it goes."""
    hub = entry.runtime_data.hub
    return {
        "entry": async_redact_data({"data": dict(entry.data), "options": dict(entry.options)}, _SECRET),
        **_recorder(hub),
        "channels": [_channel(hub, channel) for channel in hub.channels],
    }


async def async_get_device_diagnostics(
    _hass: HomeAssistant, entry: NvrConfigEntry, device: AnyDeviceEntry
) -> dict[str, Any]:
    """Return what is known of the recorder, or of one channel."""
    hub = entry.runtime_data.hub
    identifiers = {identifier for domain, identifier in device.identifiers if domain == DOMAIN}
    channels = [channel for channel in hub.channels if channel.id in identifiers]
    return {**_recorder(hub), "channels": [_channel(hub, channel) for channel in channels]}


def _recorder(hub: NvrHub) -> dict[str, Any]:
    """Return the recorder's part; what it knows only once connected is left out before."""
    found: dict[str, Any] = {
        "recorder": async_redact_data(asdict(hub.info), _PERSONAL),
        "connected": hub.link.connected,
        "online": hub.online,
        "login_usable": hub.login_usable,
        "event_stream": hub.link.stream_state,
        "poll_interval": hub.link.poll_interval.total_seconds(),
        "edges": hub.watch.edges(),
        "events": dict(sorted(hub.fanout.counters.items())),
    }
    if hub.link.connected:
        driver = hub.driver
        found["capabilities"] = _plain(asdict(driver.capabilities), hub)
        found["memory"] = _plain(dict(driver.memory), hub)
        found["statistics"] = _plain(dict(driver.statistics), hub)
    if (clock := hub.clock) is not None:
        found["clock"] = {
            "skew": clock.skew.total_seconds(),
            "zone": str(clock.zone),
            "read_at": clock.read_at.isoformat(),
        }
    return found


def _channel(hub: NvrHub, channel: Channel) -> dict[str, Any]:
    return {
        **_plain(async_redact_data(asdict(channel), _PERSONAL), hub),
        "number": channel.number,
        "announced_online": hub.channel_online(channel.number),
        "seen": sorted(hub.roster.seen(channel.number)),
    }


def _plain(value: Any, hub: NvrHub) -> Any:
    """Return the value as plain JSON; our own secrets are cut out of every text."""
    if isinstance(value, dict):
        return {_text(str(key), hub): _plain(item, hub) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, hub) for item in value]
    if isinstance(value, set | frozenset):
        return sorted(str(item) for item in value)
    return _text(value, hub) if isinstance(value, str) else value


def _text(text: str, hub: NvrHub) -> str:
    for secret in (hub.info.serial, hub.entry.data[CONF_PASSWORD], hub.entry.data[CONF_HOST]):
        if secret and secret in text:
            text = text.replace(secret, REDACTED)
    return text
