"""What the system information page says of our recorders."""

from typing import Any

from homeassistant.components.system_health import SystemHealthRegistration
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, callback

from .const import DOMAIN
from .core.models import EventStreamState
from .runtime import NvrConfigEntry


@callback
def async_register(_hass: HomeAssistant, register: SystemHealthRegistration) -> None:
    """Say who answers."""
    register.async_register_info(async_info)


async def async_info(hass: HomeAssistant) -> dict[str, Any]:
    """Return counts only; which recorder it is stays here."""
    entries: list[NvrConfigEntry] = hass.config_entries.async_entries(DOMAIN)
    hubs = [entry.runtime_data.hub for entry in entries if entry.state is ConfigEntryState.LOADED]
    return {
        "recorders": len(entries),
        "recorders_online": sum(hub.online for hub in hubs),
        "event_streams_alive": sum(hub.link.stream_state is EventStreamState.ALIVE for hub in hubs),
        "channels": sum(len(hub.channels) for hub in hubs),
        "channels_online": sum(hub.channel_available(channel.number) for hub in hubs for channel in hub.channels),
    }
