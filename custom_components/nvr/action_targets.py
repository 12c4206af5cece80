"""Which channels an action means: cameras by entity, device, area or label, and what its caller may do with them."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from homeassistant.auth.models import User
from homeassistant.components.camera import DOMAIN as CAMERA_DOMAIN
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import ENTITY_MATCH_ALL
from homeassistant.core import HomeAssistant, ServiceCall, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.target import TargetSelection, async_extract_referenced_entity_ids
from homeassistant.util.json import JsonObjectType

from .access import Action, authorize, authorize_camera, require, require_camera, user_of
from .const import DOMAIN
from .footage import RefusedError
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


@dataclass(frozen=True, slots=True)
class Targets:
    """What an action is about; `refused` holds, by entity, the cameras nobody named that it cannot be done with now."""

    cameras: list[Camera]
    refused: dict[str, RefusedError]

    def errors(self) -> JsonObjectType:
        """Return what is told of the cameras that are left out."""
        return {entity_id: refusal(err) for entity_id, err in self.refused.items()}


def refusal(err: RefusedError) -> JsonObjectType:
    """Return how an answer tells why something cannot be had."""
    return {"error": err.key, "message": str(err.translate(HomeAssistantError))}


async def permitted_cameras(hass: HomeAssistant, call: ServiceCall, action: Action) -> Targets:
    """Return the cameras the call targets, in the order of their names.

    Raises Unauthorized when the caller may not do this with one of them, ServiceValidationError when the target names
    none of ours, and for a camera named by itself what `camera_of` does. Of "all" cameras those that are not his are
    left out.
    """
    user = await user_of(hass, call.context.user_id, context=call.context)
    selection = TargetSelection(call.data)
    named = selection.entity_ids
    if ENTITY_MATCH_ALL in named:
        every = [camera for entry in _loaded(hass) for camera in _cameras_of(entry)]
        his = {item.entity_id for item in every if authorize(hass, user, action, item.entry, item.channel)}
        his |= {entity_id for entity_id in _cameras_away(hass) if authorize_camera(hass, user, action, entity_id)}
        named, selection.entity_ids = set(), his
    targets = _targeted(hass, selection, named)
    _require_all(hass, call, user, action, targets)
    if not targets.cameras and not targets.refused:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="no_target")
    return targets


async def permitted_again(hass: HomeAssistant, call: ServiceCall, entity_ids: Iterable[str], action: Action) -> Targets:
    """Return the cameras of an earlier answer; raises Unauthorized when the caller may not do this with one of them."""
    user = await user_of(hass, call.context.user_id, context=call.context)
    targets = _resolved(hass, entity_ids, named=())
    _require_all(hass, call, user, action, targets)
    return targets


def _require_all(hass: HomeAssistant, call: ServiceCall, user: User | None, action: Action, targets: Targets) -> None:
    for camera in targets.cameras:
        require(hass, user, action, camera.entry, camera.channel, via=call.service, context=call.context)
    for entity_id in targets.refused:
        require_camera(hass, user, action, entity_id, via=call.service, context=call.context)


async def permitted_camera(hass: HomeAssistant, call: ServiceCall, entity_id: str, action: Action) -> Camera:
    """Return one camera by its entity; raises Unauthorized, and what `camera_of` does."""
    user = await user_of(hass, call.context.user_id, context=call.context)
    camera = camera_of(hass, entity_id)
    require(hass, user, action, camera.entry, camera.channel, via=call.service, context=call.context)
    return camera


@callback
def camera_of(hass: HomeAssistant, entity_id: str) -> Camera:
    """Return what the entity is the camera of; raises ServiceValidationError, or HomeAssistantError when not set up."""
    try:
        return _find(hass, entity_id)
    except RefusedError as err:
        raise err.translate(HomeAssistantError if err.key == "not_loaded" else ServiceValidationError) from err


def _find(hass: HomeAssistant, entity_id: str) -> Camera:
    known = er.async_get(hass).async_get(entity_id)
    if known is None or known.platform != DOMAIN or known.domain != CAMERA_DOMAIN or known.config_entry_id is None:
        raise RefusedError("not_a_camera", entity_id=entity_id)
    entry: NvrConfigEntry | None = hass.config_entries.async_get_entry(known.config_entry_id)
    if entry is None or entry.state is not ConfigEntryState.LOADED:
        raise RefusedError("not_loaded", name=entry.title if entry is not None else entity_id)
    for channel in entry.runtime_data.hub.channels:
        if known.unique_id.startswith(f"{channel.id}_camera_"):
            return Camera(entity_id, entry, channel.number)
    raise RefusedError("not_a_camera", entity_id=entity_id)


def _targeted(hass: HomeAssistant, selection: TargetSelection, named: set[str]) -> Targets:
    # An NVR means all its channels, whose cameras are on devices of their own.
    for entry in _entries(hass):
        selection.device_ids |= _channel_devices(hass, entry, selection.device_ids)
    selected = async_extract_referenced_entity_ids(hass, selection)
    if selected.missing_devices:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="no_device")
    registry = er.async_get(hass)
    implied = [
        entity_id
        for entity_id in sorted(selected.indirectly_referenced - selected.referenced)
        if (known := registry.async_get(entity_id)) is not None and _is_camera(known)
    ]
    # Whoever names a group names what is in it.
    named = named and selected.referenced
    return _resolved(hass, [*sorted(selected.referenced), *implied], named)


def _resolved(hass: HomeAssistant, entity_ids: Iterable[str], named: Collection[str]) -> Targets:
    """Find the cameras; one that was named by itself has to be there, of the others those that are not are told."""
    cameras: list[Camera] = []
    refused: dict[str, RefusedError] = {}
    for entity_id in entity_ids:
        try:
            cameras.append(camera_of(hass, entity_id) if entity_id in named else _find(hass, entity_id))
        except RefusedError as err:
            refused[entity_id] = err
    return Targets(_once_per_channel(cameras), refused)


def _is_camera(known: er.RegistryEntry) -> bool:
    return known.platform == DOMAIN and known.domain == CAMERA_DOMAIN and not known.disabled


def _channel_devices(hass: HomeAssistant, entry: NvrConfigEntry, device_ids: Collection[str]) -> set[str]:
    """Return the devices of the channels, if that of their NVR is among the given ones."""
    if entry.state is not ConfigEntryState.LOADED:
        devices = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
        return {device.id for device in devices if device.via_device_id in device_ids}
    hub = entry.runtime_data.hub
    if hub.device_id not in device_ids:
        return set()
    channels = (hub.channel_device_id(channel.number) for channel in hub.channels)
    return {device_id for device_id in channels if device_id is not None}


def _once_per_channel(cameras: list[Camera]) -> list[Camera]:
    """Keep one camera of each channel, the first, which is the one that was named before those that were implied."""
    kept: dict[tuple[str, int], Camera] = {}
    for camera in cameras:
        kept.setdefault((camera.entry.entry_id, camera.channel), camera)
    return sorted(kept.values(), key=lambda camera: (camera.entry.title, camera.channel))


def _entries(hass: HomeAssistant) -> list[NvrConfigEntry]:
    entries: list[NvrConfigEntry] = hass.config_entries.async_entries(DOMAIN, include_disabled=False)
    return entries


def _loaded(hass: HomeAssistant) -> list[NvrConfigEntry]:
    return [entry for entry in _entries(hass) if entry.state is ConfigEntryState.LOADED]


def _cameras_away(hass: HomeAssistant) -> set[str]:
    """Return the camera entities of the NVRs that are not set up now, although they should be."""
    registry = er.async_get(hass)
    return {
        known.entity_id
        for entry in _entries(hass)
        if entry.state is not ConfigEntryState.LOADED
        for known in er.async_entries_for_config_entry(registry, entry.entry_id)
        if _is_camera(known)
    }


def _cameras_of(entry: NvrConfigEntry) -> list[Camera]:
    hub = entry.runtime_data.hub
    return [
        Camera(entity_id, entry, channel.number)
        for channel in hub.channels
        if (entity_id := hub.camera_entity_id(channel.number)) is not None
    ]
