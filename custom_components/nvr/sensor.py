"""How the talk with the recorder goes: its event stream, its clock, its sessions."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, override

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.const import EntityCategory, UnitOfTime
from homeassistant.core import CALLBACK_TYPE, HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import NvrCoordinator
from .core.models import EventStreamState
from .entity import RecorderEntity
from .entity_health import add_health_entities, sensors as health_sensors
from .hub import NvrHub
from .runtime import NvrConfigEntry

PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class RecorderSensorDescription(SensorEntityDescription):
    """A sensor of the recorder and where its value comes from."""

    value_fn: Callable[[NvrHub], str | float | None]
    always_available: bool = False
    attributes_fn: Callable[[NvrHub], dict[str, Any]] | None = None
    listen_fn: Callable[[NvrHub, Callable[[], None]], CALLBACK_TYPE] | None = None


def _clock_offset(hub: NvrHub) -> float | None:
    return None if hub.clock is None else round(hub.clock.skew.total_seconds(), 1)


SENSORS: Final = (
    RecorderSensorDescription(
        key="event_stream",
        translation_key="event_stream",
        device_class=SensorDeviceClass.ENUM,
        options=[state.value for state in EventStreamState],
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        value_fn=lambda hub: hub.link.stream_state.value,
        always_available=True,
    ),
    RecorderSensorDescription(
        key="clock_offset",
        translation_key="clock_offset",
        device_class=SensorDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.SECONDS,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=0,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        value_fn=_clock_offset,
    ),
    RecorderSensorDescription(
        key="playback_sessions",
        translation_key="playback_sessions",
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        value_fn=lambda hub: hub.sessions.used,
        always_available=True,
        attributes_fn=lambda hub: {"limit": hub.sessions.limit},
        listen_fn=lambda hub, listener: hub.sessions.async_subscribe(listener),
    ),
)


async def async_setup_entry(
    _hass: HomeAssistant, entry: NvrConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the sensors of the recorder."""
    coordinator = entry.runtime_data.coordinator
    async_add_entities(RecorderSensor(coordinator, description) for description in SENSORS)
    add_health_entities(entry, async_add_entities, partial(health_sensors, entry))


class RecorderSensor(RecorderEntity, SensorEntity):
    """One value of the recorder."""

    entity_description: RecorderSensorDescription

    def __init__(self, coordinator: NvrCoordinator, description: RecorderSensorDescription) -> None:
        super().__init__(coordinator, description.key)
        self.entity_description = description

    @override
    async def async_added_to_hass(self) -> None:
        """Listen to what does not come with the refresh."""
        await super().async_added_to_hass()
        if (listen := self.entity_description.listen_fn) is not None:
            self.async_on_remove(listen(self.hub, self.async_write_ha_state))

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any] | None:
        """What belongs to the value."""
        attributes = self.entity_description.attributes_fn
        return None if attributes is None else attributes(self.hub)

    @property
    @override
    def available(self) -> bool:
        """Most values need the recorder."""
        return self.entity_description.always_available or super().available

    @property
    @override
    def native_value(self) -> str | float | None:
        """The value as last known."""
        return self.entity_description.value_fn(self.hub)
