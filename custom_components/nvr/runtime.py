"""What one config entry owns while it is loaded."""

from dataclasses import dataclass

from homeassistant.config_entries import ConfigEntry

from .coordinator import NvrCoordinator
from .health import Health
from .hub import NvrHub
from .sightings import Sightings


@dataclass(slots=True)
class NvrRuntimeData:
    """The recorder, its slow state, how it feels, and what it told lately."""

    hub: NvrHub
    coordinator: NvrCoordinator
    health: Health
    sightings: Sightings


type NvrConfigEntry = ConfigEntry[NvrRuntimeData]
