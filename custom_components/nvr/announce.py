"""What goes on the bus about a recorder and its channels; the payloads are part of the public interface."""

from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.util import dt as dt_util

from .const import (
    ATTR_CHANNEL,
    ATTR_CHANNEL_NAME,
    ATTR_DOWNTIME,
    ATTR_ENTRY_ID,
    ATTR_REASON,
    ATTR_SINCE,
    EVENT_CHANNEL_OFFLINE,
    EVENT_CHANNEL_ONLINE,
    EVENT_OFFLINE,
    EVENT_ONLINE,
    LOGGER,
)
from .details import cut_name
from .edges import Edge
from .persistence import RECORDER
from .roster import Roster

_NAMES = {
    (True, True): EVENT_ONLINE,
    (True, False): EVENT_OFFLINE,
    (False, True): EVENT_CHANNEL_ONLINE,
    (False, False): EVENT_CHANNEL_OFFLINE,
}


class Announcer:
    """Fires the events of one recorder."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry[Any], roster: Roster) -> None:
        """Speak for the channels of the roster."""
        self._hass = hass
        self._entry = entry
        self._roster = roster

    def payload(self, number: int) -> dict[str, object] | None:
        """Return the part of every payload that says whom it is about; None for a channel that is not imported."""
        payload: dict[str, object] = {ATTR_ENTRY_ID: self._entry.entry_id, "name": cut_name(self._entry.title)}
        devices = self._roster.devices
        if number == RECORDER:
            return {**payload, "device_id": devices.recorder_id}
        if (channel := self._roster.get(number)) is None:
            return None
        return {
            **payload,
            "device_id": devices.channel_ids.get(number),
            ATTR_CHANNEL: number,
            ATTR_CHANNEL_NAME: cut_name(channel.name),
            "entity_id": devices.camera_entity_id(channel),
        }

    @callback
    def async_edge(self, number: int, edge: Edge) -> None:
        """Tell of an edge, once, the log too when it is the recorder's; `downtime` is in whole seconds."""
        if number == RECORDER:
            self._log(edge)
        if (payload := self.edge_payload(number, edge)) is not None:
            self._hass.bus.async_fire(_NAMES[number == RECORDER, edge.online], payload)

    def edge_payload(self, number: int, edge: Edge) -> dict[str, object] | None:
        """Return what is told of an edge; None for a channel that is not imported."""
        if (payload := self.payload(number)) is None:
            return None
        payload[ATTR_REASON] = edge.reason
        payload[ATTR_SINCE] = edge.since.isoformat()
        payload[ATTR_DOWNTIME] = round(edge.downtime.total_seconds())
        return payload

    def _log(self, edge: Edge) -> None:
        if edge.online:
            LOGGER.info("%s is online again after %s", self._entry.title, str(edge.downtime).partition(".")[0])
        else:
            since = dt_util.as_local(edge.since)
            LOGGER.warning("%s is offline since %s (%s)", self._entry.title, f"{since:%H:%M:%S}", edge.reason)
