"""What is set by a number: the picture of a camera, its lights."""

from typing import override

from homeassistant.components.number import NumberEntity, NumberMode
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import NvrCoordinator
from .core.controls import Control, ControlShape
from .entity_control import ControlEntity, add_control_entities
from .runtime import NvrConfigEntry

PARALLEL_UPDATES = 0


async def async_setup_entry(
    _hass: HomeAssistant, entry: NvrConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the numbers."""
    add_control_entities(entry, async_add_entities, _number)


def _number(coordinator: NvrCoordinator, control: Control) -> ControlNumber | None:
    return ControlNumber(coordinator, control) if control.shape is ControlShape.NUMBER else None


class ControlNumber(ControlEntity, NumberEntity):
    """One number, within the recorder's own range."""

    _attr_entity_category = EntityCategory.CONFIG
    _attr_mode = NumberMode.SLIDER
    _attr_native_step = 1

    def __init__(self, coordinator: NvrCoordinator, control: Control) -> None:
        super().__init__(coordinator, control)
        self._attr_native_min_value = control.low
        self._attr_native_max_value = control.high

    @property
    @override
    def native_value(self) -> float | None:
        """None until the recorder has told."""
        return self.held if isinstance(self.held, int) else None

    @override
    async def async_set_native_value(self, value: float) -> None:
        """Set it."""
        await self.async_write(round(value))
