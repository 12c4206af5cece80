"""What a person may have an NVR do at once."""

from functools import partial

from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .entity_health import add_health_entities, buttons
from .runtime import NvrConfigEntry

PARALLEL_UPDATES = 0


async def async_setup_entry(
    _hass: HomeAssistant, entry: NvrConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the buttons of the recorder."""
    add_health_entities(entry, async_add_entities, partial(buttons, entry))
