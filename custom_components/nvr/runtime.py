"""What one config entry owns while it is loaded."""

from dataclasses import dataclass

from homeassistant.config_entries import ConfigEntry

from .coordinator import NvrCoordinator
from .health import Health
from .hub import NvrHub
from .sightings import Sightings
from .talks import Talks


@dataclass(slots=True)
class NvrRuntimeData:
    """The recorder, its slow state, how it feels, what it told lately, and who speaks through its cameras."""

    hub: NvrHub
    coordinator: NvrCoordinator
    health: Health
    sightings: Sightings
    talks: Talks


type NvrConfigEntry = ConfigEntry[NvrRuntimeData]
