"""The logbook's sentences for what we put on the bus."""

from collections.abc import Callable
from typing import Any, Final

from homeassistant.components.logbook import (
    LOGBOOK_ENTRY_ENTITY_ID,
    LOGBOOK_ENTRY_ICON,
    LOGBOOK_ENTRY_MESSAGE,
    LOGBOOK_ENTRY_NAME,
)
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers.translation import async_get_cached_translations

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
from .core.models import EventPhase

_EVENT_TYPES: Final = f"component.{DOMAIN}.entity.event.events.state_attributes.event_type.state."
_COMMON: Final = f"component.{DOMAIN}.common."


@callback
def async_describe_events(
    hass: HomeAssistant,
    async_describe_event: Callable[[str, str, Callable[[Event[Any]], dict[str, Any]]], None],
) -> None:
    """Say how our events read, in the language of Home Assistant: the logbook has no translations of its own."""

    def words(category: str, key: str, otherwise: str) -> str:
        return async_get_cached_translations(hass, hass.config.language, category, DOMAIN).get(key, otherwise)

    def edge(key: str, otherwise: str, icon: str) -> Callable[[Event[Any]], dict[str, Any]]:
        @callback
        def describe(event: Event[Any]) -> dict[str, Any]:
            return _entry(event, words("common", _COMMON + key, otherwise), icon)

        return describe

    @callback
    def detection(event: Event[Any]) -> dict[str, Any]:
        """Say the same as the event entity does."""
        kind = str(event.data.get(ATTR_KIND, ""))
        if event.data.get(ATTR_PHASE) == EventPhase.STOP:
            kind += "_ended"
        return _entry(event, words("entity", _EVENT_TYPES + kind, kind.replace("_", " ")), "mdi:cctv")

    online, offline = ("logbook_online", "is online again"), ("logbook_offline", "went offline")
    async_describe_event(DOMAIN, EVENT_ONLINE, edge(*online, "mdi:lan-connect"))
    async_describe_event(DOMAIN, EVENT_OFFLINE, edge(*offline, "mdi:lan-disconnect"))
    async_describe_event(DOMAIN, EVENT_CHANNEL_ONLINE, edge(*online, "mdi:video"))
    async_describe_event(DOMAIN, EVENT_CHANNEL_OFFLINE, edge(*offline, "mdi:video-off"))
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
