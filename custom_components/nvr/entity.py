"""What the entities of a recorder and of a channel have in common."""

from collections.abc import Callable, Container, Iterable
from typing import override

from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.entity import Entity
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback, async_get_current_platform
from homeassistant.helpers.update_coordinator import BaseCoordinatorEntity, CoordinatorEntity

from .const import DOMAIN
from .coordinator import NvrCoordinator
from .core.models import Channel
from .hub import NvrHub
from .runtime import NvrConfigEntry


def unique_id(owner: str, key: str) -> str:
    """Return the unique id of an entity of the recorder, by its serial, or of a channel, by its id; pure."""
    return f"{owner}_{key}"


class NvrEntity(CoordinatorEntity[NvrCoordinator]):
    """An entity on a device that is registered already.

    A house has thousands of them: what is the same for all is not kept by each, and few things are kept by any.
    """

    __slots__ = ("coordinator_context", "hub", "number")
    _attr_has_entity_name = True

    @override
    async def async_added_to_hass(self) -> None:
        """Be one of those that are told together, instead of a listener of one's own."""
        await super(BaseCoordinatorEntity, self).async_added_to_hass()
        self.coordinator.shown[self._handle_coordinator_update] = None

    @override
    async def async_will_remove_from_hass(self) -> None:
        """Be told no more."""
        self.coordinator.shown.pop(self._handle_coordinator_update, None)
        await super().async_will_remove_from_hass()

    @property
    @override
    def assumed_state(self) -> bool:
        """Never: what is shown was told."""
        return False

    @property
    @override
    def attribution(self) -> None:
        """Nobody's."""

    @property
    @override
    def force_update(self) -> bool:
        """Never: the same again is no news."""
        return False

    def _belong_to(self, device_id: str | None, identifier: str) -> None:
        """Name the device itself: by its description it would be looked up and compared once for each entity."""
        registry = dr.async_get(self.coordinator.hass)
        self.device_entry = registry.async_get(device_id) if device_id else None
        if self.device_entry is None:
            self._attr_device_info = dr.DeviceInfo(identifiers={(DOMAIN, identifier)})


class RecorderEntity(NvrEntity):
    """An entity of the recorder itself."""

    def __init__(self, coordinator: NvrCoordinator, key: str) -> None:
        super().__init__(coordinator)
        self.hub: NvrHub = coordinator.hub
        serial = self.hub.info.serial
        self._attr_unique_id = unique_id(serial, key)
        self._belong_to(self.hub.device_id, serial)

    @property
    @override
    def available(self) -> bool:
        """Not before the grace time is over, whatever the last refresh said."""
        return self.hub.online


class ChannelEntity(NvrEntity):
    """An entity of one channel; it belongs to the slot, whatever camera is in it."""

    def __init__(self, coordinator: NvrCoordinator, channel: Channel, key: str) -> None:
        super().__init__(coordinator)
        self.hub: NvrHub = coordinator.hub
        self.number = channel.number
        self._attr_unique_id = unique_id(channel.id, key)
        self._belong_to(self.hub.channel_device_id(channel.number), channel.id)

    @property
    def channel(self) -> Channel | None:
        """The channel as last known; None when the recorder has it no longer."""
        return self.hub.channel(self.number)

    @property
    @override
    def available(self) -> bool:
        """Whether the recorder is there and, as far as it says, the camera too."""
        return self.hub.channel_available(self.number)


# Makes the entities there are; it may leave out those whose unique ids it is given.
type MakeEntities = Callable[[Container[str | None]], Iterable[Entity]]


@callback
def adder(
    entry: NvrConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback, make: MakeEntities
) -> CALLBACK_TYPE:
    """Add what there is, and return what adds whatever is there later.

    Home Assistant has what it shows and what is disabled; the latter is in its registry only, and most of ours is.
    """
    platform = async_get_current_platform()
    registry = er.async_get(entry.runtime_data.coordinator.hass)

    @callback
    def add() -> None:
        known = er.async_entries_for_config_entry(registry, entry.entry_id)
        there = {
            item.unique_id
            for item in known
            if item.domain == platform.domain and (item.disabled or item.entity_id in platform.entities)
        }
        if fresh := [entity for entity in make(there) if entity.unique_id not in there]:
            async_add_entities(fresh)

    # The first time all are given: what is disabled too, so that the registry has it as it is now.
    async_add_entities(make(frozenset()))
    return add


@callback
def add_channel_entities(
    entry: NvrConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
    entities_of: Callable[[Channel], Iterable[Entity]],
) -> None:
    """Add the entities of the channels there are, and of those that appear later.

    Those of a channel that was gone for a while are still there; only a device that was deleted brings them anew.
    """
    hub = entry.runtime_data.hub
    platform = async_get_current_platform()

    @callback
    def add(channels: tuple[Channel, ...]) -> None:
        there = {entity.unique_id for entity in platform.entities.values()}
        entities = [entity for channel in channels for entity in entities_of(channel)]
        async_add_entities([entity for entity in entities if entity.unique_id not in there])

    add(hub.channels)
    entry.async_on_unload(hub.channels_added.async_subscribe(add))
