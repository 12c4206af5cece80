"""What is chosen out of a few: how a camera sees at night, how it records, where it looks."""

from typing import override

from homeassistant.components.select import SelectEntity
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity import Entity
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .access import Action
from .coordinator import NvrCoordinator
from .core.controls import Control, ControlPage, ControlShape, PtzOrder
from .entity_control import ControlEntity, ManagedEntity, add_control_entities, add_found_entities
from .errors import translated_errors
from .runtime import NvrConfigEntry

PARALLEL_UPDATES = 0


async def async_setup_entry(
    _hass: HomeAssistant, entry: NvrConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the choices, and the presets of the cameras that move."""
    coordinator = entry.runtime_data.coordinator
    hub = coordinator.hub

    def presets(_there: object) -> list[Entity]:
        heads = hub.desk.known.heads
        return [PresetSelect(coordinator, number) for number in sorted(heads) if heads[number].presets]

    add_control_entities(entry, async_add_entities, _select)
    add_found_entities(entry, async_add_entities, presets)


def _select(coordinator: NvrCoordinator, control: Control) -> ControlSelect | None:
    return ControlSelect(coordinator, control) if control.shape is ControlShape.CHOICE else None


class ControlSelect(ControlEntity, SelectEntity):
    """One choice."""

    _attr_entity_category = EntityCategory.CONFIG

    def __init__(self, coordinator: NvrCoordinator, control: Control) -> None:
        super().__init__(coordinator, control)
        self._attr_options = list(control.choices)

    @property
    @override
    def current_option(self) -> str | None:
        """None until the recorder has told, and for a word we do not know."""
        return self.held if isinstance(self.held, str) else None

    @override
    async def async_select_option(self, option: str) -> None:
        """Choose."""
        await self.async_write(option)


class PresetSelect(ManagedEntity, SelectEntity):
    """The stored positions of a camera. It shows the one it was sent to last from here, if to any."""

    _attr_translation_key = "preset"

    def __init__(self, coordinator: NvrCoordinator, number: int) -> None:
        super().__init__(coordinator, number, "preset")
        self._attr_entity_registry_enabled_default = self.hub.roster.devices.has_room(number)
        self._channel = number

    @property
    @override
    def options(self) -> list[str]:
        """The names; of two that are called the same the later ones tell their numbers."""
        return list(self._named())

    def _named(self) -> dict[str, int]:
        named: dict[str, int] = {}
        for preset in self.hub.desk.known.presets.get(self._channel, ()):
            named[preset.name if preset.name not in named else f"{preset.name} ({preset.number})"] = preset.number
        return named

    @override
    async def async_select_option(self, option: str) -> None:
        """Send the camera there."""
        await self._require(Action.PTZ)
        pilot = self._pilot
        with translated_errors(self.hub.name):
            await pilot.order(self._channel, PtzOrder.GO_TO_PRESET, self._named()[option])
        self._attr_current_option = option
        self.async_write_ha_state()

    @override
    async def async_update(self) -> None:
        """Read the list anew, for somebody asks."""
        with translated_errors(self.hub.name):
            await self.hub.desk.async_read(ControlPage("ptz", self._channel))

    @override
    async def async_added_to_hass(self) -> None:
        """Follow the list: it is read in turns with what else is shown."""
        await super().async_added_to_hass()
        self.async_on_remove(self.hub.desk.async_watch(ControlPage("ptz", self._channel)))
        self.async_on_remove(self.hub.desk.changed.async_subscribe(self.async_write_ha_state))
