"""What is pushed: a camera moves or sounds an alarm, the NVR restarts or tells its channels."""

from dataclasses import dataclass
from functools import partial
from typing import Final, override

from homeassistant.components.button import ButtonDeviceClass, ButtonEntity
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity import Entity
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .access import Action
from .coordinator import NvrCoordinator
from .core.controls import Control, ControlShape, PtzAbilities, PtzMotion
from .core.errors import NvrUnsupportedError
from .entity_control import ControlEntity, ManagedEntity, add_control_entities, add_found_entities
from .entity_health import add_health_entities, buttons
from .errors import translated_errors
from .runtime import NvrConfigEntry

PARALLEL_UPDATES = 0

# A push moves that far: half a second at half speed.
_SPEED: Final = 0.5
_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class Push:
    """One way to move, and what a head needs for it."""

    key: str
    motion: PtzMotion

    def fits(self, head: PtzAbilities) -> bool:
        """Tell whether the head can do it."""
        return head.zoom if self.motion.zoom else head.pan_tilt


PUSHES: Final = (
    Push("ptz_left", PtzMotion(pan=-_SPEED)),
    Push("ptz_right", PtzMotion(pan=_SPEED)),
    Push("ptz_up", PtzMotion(tilt=_SPEED)),
    Push("ptz_down", PtzMotion(tilt=-_SPEED)),
    Push("ptz_zoom_in", PtzMotion(zoom=_SPEED)),
    Push("ptz_zoom_out", PtzMotion(zoom=-_SPEED)),
)


async def async_setup_entry(
    _hass: HomeAssistant, entry: NvrConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the buttons of the NVR, and those of the cameras that move."""
    coordinator = entry.runtime_data.coordinator
    desk = coordinator.hub.desk

    def pushes(_there: object) -> list[Entity]:
        return [
            MoveButton(coordinator, number, push)
            for number, head in sorted(desk.known.heads.items())
            for push in PUSHES
            if push.fits(head)
        ]

    add_health_entities(entry, async_add_entities, partial(buttons, entry))
    async_add_entities([RefreshButton(coordinator), RebootButton(coordinator)])
    add_found_entities(entry, async_add_entities, pushes)
    add_control_entities(entry, async_add_entities, _button)


def _button(coordinator: NvrCoordinator, control: Control) -> ControlButton | None:
    return ControlButton(coordinator, control) if control.shape is ControlShape.PUSH else None


class ControlButton(ControlEntity, ButtonEntity):
    """Something a camera does once: sound its alarm, put its picture back to what it was made with."""

    @override
    async def async_press(self) -> None:
        """Do it."""
        await self.async_write(True)


class MoveButton(ManagedEntity, ButtonEntity):
    """Moves a camera for a moment."""

    _attr_entity_registry_enabled_default = False

    def __init__(self, coordinator: NvrCoordinator, number: int, push: Push) -> None:
        super().__init__(coordinator, number, push.key)
        self._channel = number
        self._motion = push.motion
        self._attr_translation_key = push.key

    @override
    async def async_press(self) -> None:
        """Move."""
        await self._require(Action.PTZ)
        pilot = self._pilot
        with translated_errors(self.hub.name):
            await pilot.move(self._channel, self._motion, _SECONDS)


class RefreshButton(ManagedEntity, ButtonEntity):
    """Reads the channels of the NVR at once."""

    _attr_entity_category = EntityCategory.DIAGNOSTIC
    _attr_translation_key = "refresh"

    def __init__(self, coordinator: NvrCoordinator) -> None:
        super().__init__(coordinator, None, "refresh")

    @override
    async def async_press(self) -> None:
        """Read everything anew, as after an absence."""
        await self._require(Action.SETTINGS)
        self.hub.link.async_learn_anew()
        with translated_errors(self.hub.name):
            await self.hub.link.async_refresh()
        self.coordinator.async_update_listeners()


class RebootButton(ManagedEntity, ButtonEntity):
    """Restarts the NVR. It records nothing meanwhile, so nobody finds the button who has not enabled it."""

    _attr_device_class = ButtonDeviceClass.RESTART
    _attr_entity_category = EntityCategory.CONFIG
    _attr_entity_registry_enabled_default = False
    _attr_translation_key = "reboot"

    def __init__(self, coordinator: NvrCoordinator) -> None:
        super().__init__(coordinator, None, "reboot")

    @override
    async def async_press(self) -> None:
        """Restart it."""
        await self._require(Action.SETTINGS)
        with translated_errors(self.hub.name):
            await self.hub.link.async_prove()
            if (maintenance := self.hub.driver.maintenance) is None:
                message = "the recorder is not restarted from afar"
                raise NvrUnsupportedError(message)
            await maintenance.reboot()
