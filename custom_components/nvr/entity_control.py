"""What the entities of controls have in common: where they belong, when they are there, and who may write."""

from collections.abc import Callable, Container
from typing import override

from homeassistant.core import callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.entity import Entity
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .access import Action, require, user_of
from .const import DOMAIN
from .coordinator import NvrCoordinator
from .core.controls import Control, ControlId, ControlPage, ControlValue
from .core.pilot import Pilot
from .entity import MakeEntities, NvrEntity, adder, unique_id
from .errors import translated_errors
from .hub import NvrHub
from .runtime import NvrConfigEntry


class ManagedEntity(NvrEntity):
    """An entity of the recorder, or of one channel, by which people change something."""

    def __init__(self, coordinator: NvrCoordinator, channel: int | None, key: str) -> None:
        super().__init__(coordinator)
        self.hub: NvrHub = coordinator.hub
        self.number = channel
        owner = _owner(self.hub, channel)
        self._attr_unique_id = unique_id(owner, key)
        self._belong_to(self.hub.device_id if channel is None else self.hub.channel_device_id(channel), owner)

    @property
    @override
    def available(self) -> bool:
        """Whether the recorder is there and, as far as it says, the camera too."""
        return self.hub.online if self.number is None else self.hub.channel_available(self.number)

    @property
    def _pilot(self) -> Pilot:
        """Who moves the camera; raises HomeAssistantError where nobody does."""
        if (pilot := self.hub.pilot) is None:
            raise HomeAssistantError(
                translation_domain=DOMAIN,
                translation_key="not_movable",
                translation_placeholders={"name": self.name_of},
            )
        return pilot

    @property
    def name_of(self) -> str:
        """What people call the channel, or the NVR."""
        channel = None if self.number is None else self.hub.channel(self.number)
        return self.hub.name if channel is None else channel.name

    async def _require(self, action: Action) -> None:
        """Raise Unauthorized unless whoever called may do this."""
        context = self._context
        user = await user_of(self.hass, context.user_id if context else None, context=context)
        via = self.platform.domain
        require(self.hass, user, action, self.coordinator.config_entry, self.number, via=via, context=context)


class ControlEntity(ManagedEntity):
    """One control; its state is what the recorder told last."""

    __slots__ = ("page", "which")

    def __init__(self, coordinator: NvrCoordinator, control: Control) -> None:
        which = control.id
        super().__init__(coordinator, which.channel, _key(which))
        self.which = which
        self.page: ControlPage = control.page
        self._attr_translation_key = which.kind.value
        if which.index is not None:
            self._attr_translation_placeholders = {"index": control.name or str(which.index)}
        # A channel has at most eight entities that nobody asked for, and detections come first.
        self._attr_entity_registry_enabled_default = which.channel is None

    @property
    def control(self) -> Control | None:
        """The control as last told; None when the recorder has it no longer."""
        return self.hub.desk.get(self.which)

    @property
    def held(self) -> ControlValue:
        """What it holds; None is unknown."""
        return None if self.control is None else self.control.value

    @property
    @override
    def available(self) -> bool:
        """Whether it is there, and could be read."""
        return super().available and self.control is not None and not self.hub.desk.lost(self.page)

    async def async_write(self, value: ControlValue) -> None:
        """Write it for whoever called; raises what a person can act on."""
        await self._require(Action.SETTINGS)
        with translated_errors(self.hub.name):
            await self.hub.desk.async_write(self.which, value)

    @override
    async def async_update(self) -> None:
        """Read it now, for somebody asks."""
        with translated_errors(self.hub.name):
            await self.hub.desk.async_read(self.page)

    @override
    async def async_added_to_hass(self) -> None:
        """Be read in turns, and follow what is told."""
        await super().async_added_to_hass()
        self.async_on_remove(self.hub.desk.async_watch(self.page))
        self.async_on_remove(self.hub.desk.changed.async_subscribe(self.async_write_ha_state))


@callback
def add_found_entities(
    entry: NvrConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback, make: MakeEntities
) -> None:
    """Add the entities of what is known, and those of what is found later."""
    add = adder(entry, async_add_entities, make)
    entry.async_on_unload(entry.runtime_data.hub.desk.found.async_subscribe(add))


@callback
def add_control_entities(
    entry: NvrConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
    entity_of: Callable[[NvrCoordinator, Control], Entity | None],
) -> None:
    """Add what `entity_of` makes of the controls that are known, and of those that are found later."""
    coordinator = entry.runtime_data.coordinator
    hub = coordinator.hub

    def make(there: Container[str | None]) -> list[Entity]:
        controls = hub.desk.known.controls
        kept = (item for which, item in controls.items() if which.channel is None or hub.channel(which.channel))
        fresh = (item for item in kept if unique_id(_owner(hub, item.id.channel), _key(item.id)) not in there)
        return [entity for item in fresh if (entity := entity_of(coordinator, item)) is not None]

    add_found_entities(entry, async_add_entities, make)


def _owner(hub: NvrHub, channel: int | None) -> str:
    known = None if channel is None else hub.channel(channel)
    return hub.info.serial if known is None else known.id


def _key(which: ControlId) -> str:
    return f"control_{which.kind.value}" if which.index is None else f"control_{which.kind.value}_{which.index}"
