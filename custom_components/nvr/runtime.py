"""What one config entry owns while it is loaded."""

from dataclasses import dataclass

from homeassistant.config_entries import ConfigEntry

from .coordinator import NvrCoordinator
from .hub import NvrHub


@dataclass(slots=True)
class NvrRuntimeData:
    """The recorder and its slow state."""

    hub: NvrHub
    coordinator: NvrCoordinator


type NvrConfigEntry = ConfigEntry[NvrRuntimeData]
