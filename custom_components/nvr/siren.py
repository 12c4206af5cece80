"""Sirens of cameras; most fall silent by themselves after some seconds."""

from typing import Any, override

from homeassistant.components.siren import SirenEntity, SirenEntityFeature
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
    """Add the sirens."""
    add_control_entities(entry, async_add_entities, _siren)


def _siren(coordinator: NvrCoordinator, control: Control) -> Siren | None:
    return Siren(coordinator, control) if control.id.kind is ControlKind.SIREN else None


class Siren(ControlEntity, SirenEntity):
    """The siren of a camera."""

    _attr_supported_features = SirenEntityFeature.TURN_ON | SirenEntityFeature.TURN_OFF

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
