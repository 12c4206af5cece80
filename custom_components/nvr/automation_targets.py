"""Whom a trigger or condition is about: NVRs and channels by device, entity, area, floor or label."""

from collections.abc import Iterator, Mapping
from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.target import TargetSelection, async_extract_referenced_entity_ids

from .const import DOMAIN
from .hub import NvrHub
from .runtime import NvrConfigEntry


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
