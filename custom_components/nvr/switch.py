"""What is on or off: detections, privacy masks, relays."""

from typing import Any, Final, override

from homeassistant.components.switch import SwitchEntity
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import NvrCoordinator
from .core.controls import Control, ControlKind, ControlShape
from .entity_control import ControlEntity, add_control_entities
from .runtime import NvrConfigEntry

PARALLEL_UPDATES = 0

_ELSEWHERE: Final = frozenset({ControlKind.WHITE_LIGHT, ControlKind.SIREN})


async def async_setup_entry(
    _hass: HomeAssistant, entry: NvrConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the switches."""
    add_control_entities(entry, async_add_entities, _switch)


def _switch(coordinator: NvrCoordinator, control: Control) -> ControlSwitch | None:
    fits = control.shape is ControlShape.SWITCH and control.id.kind not in _ELSEWHERE
    return ControlSwitch(coordinator, control) if fits else None


class ControlSwitch(ControlEntity, SwitchEntity):
    """One switch."""

    def __init__(self, coordinator: NvrCoordinator, control: Control) -> None:
        super().__init__(coordinator, control)
        if control.id.kind is ControlKind.PRIVACY_MASK and control.id.index is not None:
            self._attr_translation_key = "privacy_masks"
        if control.id.kind is not ControlKind.ALARM_OUTPUT:
            self._attr_entity_category = EntityCategory.CONFIG

    @property
    @override
    def is_on(self) -> bool | None:
        """None until the recorder has told."""
        return self.held if isinstance(self.held, bool) else None

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        """Switch it on."""
        await self.async_write(True)

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        """Switch it off."""
        await self.async_write(False)
