"""Which camera a command of a viewer means: `1/<entry>/<channel>`, as media ids name a channel, or the camera's entity.

Nothing follows from naming one: who asks, and whether the NVR is set up, is looked at by whoever is asked.
"""

from dataclasses import dataclass

from homeassistant.auth.models import User
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er

from .access import Action, authorize, authorize_camera, permit, slot_of
from .const import DOMAIN
from .footage import RefusedError, channel_of
from .media_ids import ChannelId, MediaIdError, parse
from .runtime import NvrConfigEntry


@dataclass(frozen=True, slots=True)
class NamedCamera:
    """A channel as it was named; there may be no such channel, and its NVR may not be set up."""

    given: str
    entry: NvrConfigEntry
    channel: int

    @property
    def loaded(self) -> bool:
        """Whether the NVR is set up."""
        return self.entry.state is ConfigEntryState.LOADED

    @property
    def name(self) -> str:
        """What the channel is called."""
        known = self.entry.runtime_data.hub.channel(self.channel) if self.loaded else None
        return known.name if known is not None else f"{self.entry.title} {self.channel}"

    def require_there(self) -> None:
        """Raise RefusedError unless the NVR is set up and has the channel."""
        if not self.loaded:
            raise RefusedError("not_loaded", name=self.entry.title)
        channel_of(self.entry.runtime_data.hub, self.channel)


@callback
def find_camera(hass: HomeAssistant, camera_id: str) -> NamedCamera:
    """Return the camera of that name; raises RefusedError (`bad_camera_id`, `not_a_camera` or `no_recorder`)."""
    if camera_id.startswith("camera."):
        return _of_entity(hass, camera_id)
    try:
        found = parse(camera_id)
    except MediaIdError as err:
        raise RefusedError("bad_camera_id") from err
    if not isinstance(found, ChannelId):
        raise RefusedError("bad_camera_id")
    entry: NvrConfigEntry | None = hass.config_entries.async_get_entry(found.entry_id)
    if entry is None or entry.domain != DOMAIN:
        raise RefusedError("no_recorder")
    return NamedCamera(camera_id, entry, found.channel)


@callback
def may_with(hass: HomeAssistant, user: User, action: Action, camera: NamedCamera) -> bool:
    """Tell whether the user may do this with the camera, also while its NVR is not set up; keeps no refusal."""
    return may_on(hass, user, action, camera.entry, camera.channel)


@callback
def may_on(hass: HomeAssistant, user: User | None, action: Action, entry: NvrConfigEntry, channel: int) -> bool:
    """Tell the same of a channel; no user means Home Assistant itself."""
    if authorize(hass, user, action, entry, channel):
        return True
    if entry.state is ConfigEntryState.LOADED:
        return False
    known = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    return any(
        slot_of(entity) == channel and authorize_camera(hass, user, action, entity.entity_id)
        for entity in known
        if entity.disabled_by is None
    )


@callback
def permit_on(
    hass: HomeAssistant, user: User | None, action: Action, entry: NvrConfigEntry, channel: int, *, via: str
) -> bool:
    """Tell the same of one certain channel that is asked for, and keep a refusal."""
    if entry.state is not ConfigEntryState.LOADED and may_on(hass, user, action, entry, channel):
        return True
    return permit(hass, user, action, entry, channel, via=via)


@callback
def name_for(hass: HomeAssistant, user: User, camera: NamedCamera) -> str:
    """Return what the user calls the camera: its name if he may see anything of it, else what he named it by."""
    seen = any(may_with(hass, user, action, camera) for action in (Action.LIVE, Action.PLAYBACK))
    return camera.name if seen else camera.given


def _of_entity(hass: HomeAssistant, entity_id: str) -> NamedCamera:
    known = er.async_get(hass).async_get(entity_id)
    channel = slot_of(known) if known is not None else None
    if known is None or channel is None or known.config_entry_id is None:
        raise RefusedError("not_a_camera", entity_id=entity_id)
    entry: NvrConfigEntry | None = hass.config_entries.async_get_entry(known.config_entry_id)
    if entry is None:
        raise RefusedError("no_recorder")
    return NamedCamera(entity_id, entry, channel)
