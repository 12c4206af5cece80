"""The events of each channel and of the recorder, as event entities."""

from collections.abc import Iterable
from typing import Final, override

from homeassistant.components.event import EventEntity
from homeassistant.core import Context, HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .const import ATTR_OCCURRED_AT, ATTR_RAW_TYPE
from .coordinator import NvrCoordinator
from .core.models import Channel, EventKind, EventPhase, NvrEvent
from .details import details
from .entity import ChannelEntity, RecorderEntity, add_channel_entities
from .runtime import NvrConfigEntry

PARALLEL_UPDATES = 0

# The recorder's own number among the sources of events.
_RECORDER: Final = 0
_ENDED: Final = "_ended"


async def async_setup_entry(
    _hass: HomeAssistant, entry: NvrConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add an event entity for the recorder and one per channel."""
    coordinator = entry.runtime_data.coordinator
    async_add_entities([RecorderEvents(coordinator)])
    add_channel_entities(entry, async_add_entities, lambda channel: (ChannelEvents(coordinator, channel),))


class _Events(EventEntity):
    """Tells of each event under its kind, and of its end under the kind with `_ended` behind it."""

    _attr_translation_key = "events"
    _unrecorded_attributes = frozenset({ATTR_RAW_TYPE, ATTR_OCCURRED_AT})

    def _declare(self, kinds: Iterable[EventKind]) -> None:
        """Declare what may come; kinds that pulse never end, but which do is only seen when they come."""
        names = sorted({kind.value for kind in kinds})
        self._attr_event_types = [name for kind in names for name in (kind, kind + _ENDED)]

    @callback
    def _take(self, event: NvrEvent, context: Context) -> None:
        name = event.kind.value
        if name not in self._attr_event_types:
            self._declare({EventKind(known.removesuffix(_ENDED)) for known in self._attr_event_types} | {event.kind})
        # Empty too: the type that polling finds is not sent.
        attributes = {name: value for name, value in details(event).items() if value not in {None, ""}}
        self.async_set_context(context)
        self._trigger_event(name + _ENDED if event.phase is EventPhase.STOP else name, attributes)
        self.async_write_ha_state()


class ChannelEvents(ChannelEntity, _Events):
    """What happens in front of a camera, and to it."""

    def __init__(self, coordinator: NvrCoordinator, channel: Channel) -> None:
        super().__init__(coordinator, channel, "events")
        self._declare(self.hub.roster.event_kinds(channel.number))

    @property
    @override
    def available(self) -> bool:
        """Also while the camera is away: that its picture is lost is an event too."""
        return self.hub.online and self.channel is not None

    @override
    async def async_added_to_hass(self) -> None:
        """Take the channel's events."""
        await super().async_added_to_hass()
        self.async_on_remove(self.hub.fanout.async_add_events(self.number, self._take))


class RecorderEvents(RecorderEntity, _Events):
    """What happens to the recorder itself."""

    def __init__(self, coordinator: NvrCoordinator) -> None:
        super().__init__(coordinator, "events")
        self._declare(self.hub.roster.event_kinds(_RECORDER))

    @override
    async def async_added_to_hass(self) -> None:
        """Take the recorder's own events."""
        await super().async_added_to_hass()
        self.async_on_remove(self.hub.fanout.async_add_events(_RECORDER, self._take))
