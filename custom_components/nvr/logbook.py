"""The logbook's sentences for what we put on the bus."""

from collections.abc import Callable
from typing import Any

from homeassistant.components.logbook import (
    LOGBOOK_ENTRY_ENTITY_ID,
    LOGBOOK_ENTRY_ICON,
    LOGBOOK_ENTRY_MESSAGE,
    LOGBOOK_ENTRY_NAME,
)
from homeassistant.core import Event, HomeAssistant, callback

from .const import (
    ATTR_CHANNEL_NAME,
    ATTR_KIND,
    ATTR_PHASE,
    DOMAIN,
    EVENT_CHANNEL_OFFLINE,
    EVENT_CHANNEL_ONLINE,
    EVENT_DETECTION,
    EVENT_OFFLINE,
    EVENT_ONLINE,
)

_PHASES = {"start": "began", "stop": "ended", "pulse": "happened"}


@callback
def async_describe_events(
    _hass: HomeAssistant,
    async_describe_event: Callable[[str, str, Callable[[Event[Any]], dict[str, Any]]], None],
) -> None:
    """Say how our events read; the logbook has no translations of its own."""

    def edge(message: str, icon: str) -> Callable[[Event[Any]], dict[str, Any]]:
        @callback
        def describe(event: Event[Any]) -> dict[str, Any]:
            return _entry(event, message, icon)

        return describe

    @callback
    def detection(event: Event[Any]) -> dict[str, Any]:
        kind = str(event.data.get(ATTR_KIND, "")).replace("_", " ")
        phase = _PHASES.get(str(event.data.get(ATTR_PHASE, "")), "happened")
        return _entry(event, f"{kind} {phase}", "mdi:cctv")

    async_describe_event(DOMAIN, EVENT_ONLINE, edge("is online again", "mdi:lan-connect"))
    async_describe_event(DOMAIN, EVENT_OFFLINE, edge("went offline", "mdi:lan-disconnect"))
    async_describe_event(DOMAIN, EVENT_CHANNEL_ONLINE, edge("is online again", "mdi:video"))
    async_describe_event(DOMAIN, EVENT_CHANNEL_OFFLINE, edge("went offline", "mdi:video-off"))
    async_describe_event(DOMAIN, EVENT_DETECTION, detection)


def _entry(event: Event[Any], message: str, icon: str) -> dict[str, Any]:
    data = event.data
    entry = {
        LOGBOOK_ENTRY_NAME: data.get(ATTR_CHANNEL_NAME) or data.get("name", "NVR"),
        LOGBOOK_ENTRY_MESSAGE: message,
        LOGBOOK_ENTRY_ICON: icon,
    }
    if entity_id := data.get("entity_id"):
        entry[LOGBOOK_ENTRY_ENTITY_ID] = entity_id
    return entry
