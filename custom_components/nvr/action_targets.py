"""Which channels an action means: cameras by entity, device, area or label, and what its caller may do with them."""

from dataclasses import dataclass

from homeassistant.components.camera import DOMAIN as CAMERA_DOMAIN
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import ENTITY_MATCH_ALL
from homeassistant.core import HomeAssistant, ServiceCall, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.target import TargetSelection, async_extract_referenced_entity_ids

from .access import Action, authorize, require, user_of
from .const import DOMAIN
from .hub import NvrHub
from .runtime import NvrConfigEntry


@dataclass(frozen=True, slots=True)
class Camera:
    """A channel as an action names it: by its camera entity."""

    entity_id: str
    entry: NvrConfigEntry
    channel: int

    @property
    def hub(self) -> NvrHub:
        """The recorder."""
        return self.entry.runtime_data.hub

    @property
    def name(self) -> str:
        """What the channel is called."""
        channel = self.hub.channel(self.channel)
        return channel.name if channel is not None else self.entity_id


async def permitted_cameras(hass: HomeAssistant, call: ServiceCall, action: Action) -> list[Camera]:
    """Return the cameras the call targets, in the order of their names.

    Raises Unauthorized when the caller may not do this with one of them, ServiceValidationError when the target names
    none of ours. Of "all" cameras those that are not his are left out.
    """
    user = await user_of(hass, call.context.user_id, context=call.context)
    selection = TargetSelection(call.data)
    if ENTITY_MATCH_ALL in selection.entity_ids:
        every = [camera for entry in _loaded(hass) for camera in _cameras_of(entry)]
        his = {item.entity_id for item in every if authorize(hass, user, action, item.entry, item.channel)}
        selection.entity_ids = his
    cameras = _targeted(hass, selection)
    for camera in cameras:
        require(hass, user, action, camera.entry, camera.channel, context=call.context)
    if not cameras:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="no_target")
    return cameras


async def permitted_camera(hass: HomeAssistant, call: ServiceCall, entity_id: str, action: Action) -> Camera:
    """Return one camera by its entity, as `permitted_cameras` does."""
    user = await user_of(hass, call.context.user_id, context=call.context)
    camera = camera_of(hass, entity_id)
    require(hass, user, action, camera.entry, camera.channel, context=call.context)
    return camera


@callback
def camera_of(hass: HomeAssistant, entity_id: str) -> Camera:
    """Return what the entity is the camera of; raises ServiceValidationError, or HomeAssistantError when not set up."""
    known = er.async_get(hass).async_get(entity_id)
    if known is None or known.platform != DOMAIN or known.domain != CAMERA_DOMAIN or known.config_entry_id is None:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="not_a_camera",
            translation_placeholders={"entity_id": entity_id},
        )
    entry: NvrConfigEntry | None = hass.config_entries.async_get_entry(known.config_entry_id)
    if entry is None or entry.state is not ConfigEntryState.LOADED:
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key="not_loaded",
            translation_placeholders={"name": entry.title if entry is not None else entity_id},
        )
    for channel in entry.runtime_data.hub.channels:
        if known.unique_id.startswith(f"{channel.id}_camera_"):
            return Camera(entity_id, entry, channel.number)
    raise ServiceValidationError(
        translation_domain=DOMAIN, translation_key="not_a_camera", translation_placeholders={"entity_id": entity_id}
    )


def _targeted(hass: HomeAssistant, selection: TargetSelection) -> list[Camera]:
    # An NVR means all its channels, whose cameras are on devices of their own.
    for entry in _loaded(hass):
        if entry.runtime_data.hub.device_id in selection.device_ids:
            selection.device_ids |= _channel_devices(entry)
    selected = async_extract_referenced_entity_ids(hass, selection)
    if selected.missing_devices:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="no_device")
    cameras = [camera_of(hass, entity_id) for entity_id in sorted(selected.referenced)]
    registry = er.async_get(hass)
    for entity_id in sorted(selected.indirectly_referenced):
        known = registry.async_get(entity_id)
        if known is not None and known.platform == DOMAIN and known.domain == CAMERA_DOMAIN and not known.disabled:
            cameras.append(camera_of(hass, entity_id))
    return _once_per_channel(cameras)


def _channel_devices(entry: NvrConfigEntry) -> set[str]:
    hub = entry.runtime_data.hub
    devices = (hub.channel_device_id(channel.number) for channel in hub.channels)
    return {device_id for device_id in devices if device_id is not None}


def _once_per_channel(cameras: list[Camera]) -> list[Camera]:
    """Keep one camera of each channel, the first, which is the one that was named before those that were implied."""
    kept: dict[tuple[str, int], Camera] = {}
    for camera in cameras:
        kept.setdefault((camera.entry.entry_id, camera.channel), camera)
    return sorted(kept.values(), key=lambda camera: (camera.entry.title, camera.channel))


def _loaded(hass: HomeAssistant) -> list[NvrConfigEntry]:
    loaded: list[NvrConfigEntry] = hass.config_entries.async_loaded_entries(DOMAIN)
    return loaded


def _cameras_of(entry: NvrConfigEntry) -> list[Camera]:
    hub = entry.runtime_data.hub
    return [
        Camera(entity_id, entry, channel.number)
        for channel in hub.channels
        if (entity_id := hub.camera_entity_id(channel.number)) is not None
    ]
