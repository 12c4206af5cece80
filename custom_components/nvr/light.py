"""White lights of cameras."""

from typing import Any, override

from homeassistant.components.light import ColorMode, LightEntity
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import NvrCoordinator
from .core.controls import Control, ControlKind
from .entity_control import ControlEntity, add_control_entities
from .runtime import NvrConfigEntry

PARALLEL_UPDATES = 0


async def async_setup_entry(
    _hass: HomeAssistant, entry: NvrConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the lights."""
    add_control_entities(entry, async_add_entities, _light)


def _light(coordinator: NvrCoordinator, control: Control) -> WhiteLight | None:
    return WhiteLight(coordinator, control) if control.id.kind is ControlKind.WHITE_LIGHT else None


class WhiteLight(ControlEntity, LightEntity):
    """The white light of a camera."""

    _attr_color_mode = ColorMode.ONOFF

    def __init__(self, coordinator: NvrCoordinator, control: Control) -> None:
        super().__init__(coordinator, control)
        self._attr_supported_color_modes = {ColorMode.ONOFF}

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
