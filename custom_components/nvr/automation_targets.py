"""Whom a trigger or condition is about: NVRs and channels by device, entity, area, floor or label."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from homeassistant.components.binary_sensor import DOMAIN as BINARY_SENSOR_DOMAIN
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, State, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.target import TargetSelection, async_extract_referenced_entity_ids

from .const import DOMAIN
from .hub import NvrHub
from .runtime import NvrConfigEntry

# What the unique id of the sensor ends with that is on while a channel is recorded, and unknown while nobody looked.
_RECORDING: Final = "_recording"


class Whom:
    """A target; none at all means everything. It is looked up each time, for devices and areas change."""

    def __init__(self, hass: HomeAssistant, target: Mapping[str, Any] | None) -> None:
        """Take the target as it stands in the configuration."""
        self._hass = hass
        selection = TargetSelection(dict(target)) if target else None
        self._selection = selection if selection is not None and selection.has_any_target else None

    @callback
    def means(self, device_id: object, recorder_id: str | None = None) -> bool:
        """Tell whether a device is meant; an NVR that is named by its device means all its channels (`recorder_id`)."""
        if self._selection is None:
            return True
        return recorder_id in self._selection.device_ids or device_id in self._devices(self._selection)

    def _devices(self, selection: TargetSelection) -> set[str]:
        selected = async_extract_referenced_entity_ids(self._hass, selection, primary_entities_only=False)
        registry = er.async_get(self._hass)
        found = set(selected.referenced_devices)
        for entity_id in selected.referenced | selected.indirectly_referenced:
            known = registry.async_get(entity_id)
            if known is not None and known.platform == DOMAIN and known.device_id is not None:
                found.add(known.device_id)
        return found


@callback
def loaded_hubs(hass: HomeAssistant) -> Iterator[NvrHub]:
    """Yield the NVRs that are set up."""
    entries: list[NvrConfigEntry] = hass.config_entries.async_entries(DOMAIN, include_disabled=False)
    for entry in entries:
        if entry.state is ConfigEntryState.LOADED:
            yield entry.runtime_data.hub


@callback
def loaded_hub(hass: HomeAssistant, entry_id: object) -> NvrHub | None:
    """Return an NVR that is set up."""
    return next((hub for hub in loaded_hubs(hass) if hub.entry.entry_id == entry_id), None)


@callback
def is_recording_sensor(entity_id: object) -> bool:
    """Tell whether an entity may be such a sensor, before anything is looked up."""
    return str(entity_id).startswith(f"{BINARY_SENSOR_DOMAIN}.")


@callback
def recorded_channel(hass: HomeAssistant, entity_id: str) -> tuple[NvrHub, int] | None:
    """Return the channel whose recording a sensor shows; None for every other entity."""
    known = er.async_get(hass).async_get(entity_id)
    if known is None or known.platform != DOMAIN or not known.unique_id.endswith(_RECORDING):
        return None
    if (hub := loaded_hub(hass, known.config_entry_id)) is None:
        return None
    channel_id = known.unique_id.removesuffix(_RECORDING)
    return next(((hub, channel.number) for channel in hub.channels if channel.id == channel_id), None)


@callback
def recording_state(hass: HomeAssistant, hub: NvrHub, number: int) -> State | None:
    """Return the state of the sensor that shows the recording of a channel; None where there is none."""
    channel = hub.channel(number)
    unique_id = f"{channel.id}{_RECORDING}" if channel is not None else ""
    entity_id = er.async_get(hass).async_get_entity_id(BINARY_SENSOR_DOMAIN, DOMAIN, unique_id)
    return hass.states.get(entity_id) if entity_id is not None else None
