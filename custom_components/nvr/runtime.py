"""What one config entry owns while it is loaded."""

from dataclasses import dataclass

from homeassistant.config_entries import ConfigEntry

from .coordinator import NvrCoordinator
from .health import Health
from .hub import NvrHub


@dataclass(slots=True)
class NvrRuntimeData:
    """The recorder, its slow state, and how it feels."""

    hub: NvrHub
    coordinator: NvrCoordinator
    health: Health


type NvrConfigEntry = ConfigEntry[NvrRuntimeData]
