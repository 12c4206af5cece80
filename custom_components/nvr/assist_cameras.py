"""Which cameras a voice assistant may be asked about: exposed ones, of NVRs that let it, that whoever asks may see.

A voice in a room has no user. It may what everybody may who is no administrator, and is given nothing that plays.
"""

from dataclasses import dataclass

from homeassistant.auth.models import User
from homeassistant.components.homeassistant import async_should_expose
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import UnknownUser
from homeassistant.helpers import area_registry as ar, device_registry as dr, entity_registry as er, intent

from .access import Action, authorize, authorize_unnamed, permit, user_of
from .action_targets import Camera
from .const import CONF_ASSIST, DOMAIN
from .media_query import plain_text
from .runtime import NvrConfigEntry

_VIA = "assist"


class AssistRefusedError(Exception):
    """What was asked for cannot be told; the text is for the language model, in English as all it is told."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks: somebody who is known, or a voice."""

    user: User | None

    def may_see(self, hass: HomeAssistant, camera: Camera) -> bool:
        """Tell whether the recordings of the camera are for him; what he does not see is left out."""
        if self.user is None:
            return authorize_unnamed(Action.PLAYBACK, camera.entry, camera.channel)
        return authorize(hass, self.user, Action.PLAYBACK, camera.entry, camera.channel)


async def asker_of(hass: HomeAssistant, user_id: str | None) -> Asker:
    """Return who asks; raises AssistRefusedError for a user who is gone."""
    try:
        return Asker(await user_of(hass, user_id))
    except UnknownUser as err:
        raise AssistRefusedError("The user who asks does not exist any more.") from err


@callback
def exposed_cameras(hass: HomeAssistant, assistant: str) -> list[Camera]:
    """Return the cameras that the assistant may know of, whoever asks."""
    entries: list[NvrConfigEntry] = hass.config_entries.async_entries(DOMAIN, include_disabled=False)
    return [
        Camera(entity_id, entry, channel.number)
        for entry in entries
        if entry.state is ConfigEntryState.LOADED and entry.options.get(CONF_ASSIST)
        for channel in entry.runtime_data.hub.channels
        if (entity_id := entry.runtime_data.hub.camera_entity_id(channel.number)) is not None
        and async_should_expose(hass, assistant, entity_id)
    ]


def wanted_cameras(hass: HomeAssistant, assistant: str, asker: Asker, wanted: str | None) -> list[Camera]:
    """Return the cameras of that name or area, or all; raises AssistRefusedError when there is none to tell of."""
    exposed = exposed_cameras(hass, assistant)
    seen = [camera for camera in exposed if asker.may_see(hass, camera)]
    if wanted is None or not wanted.strip():
        if not seen:
            raise AssistRefusedError("The user may not see recordings of any camera.")
        return seen
    if found := _named(hass, seen, wanted):
        return found
    if refused := _named(hass, exposed, wanted):
        _keep_refusal(hass, asker, refused[0])
        raise AssistRefusedError("The user may not see recordings of this camera.")
    names = ", ".join(sorted({_name(hass, camera) for camera in seen}))
    raise AssistRefusedError(f"There is no camera or area of that name. Cameras: {names or 'none'}")


def _keep_refusal(hass: HomeAssistant, asker: Asker, camera: Camera) -> None:
    """Keep it in the audit that somebody asked for what is not his; of a voice there is nobody to name."""
    if asker.user is not None:
        permit(hass, asker.user, Action.PLAYBACK, camera.entry, camera.channel, via=_VIA)


def _name(hass: HomeAssistant, camera: Camera) -> str:
    state = hass.states.get(camera.entity_id)
    return state.name if state is not None else camera.name


def _named(hass: HomeAssistant, cameras: list[Camera], wanted: str) -> list[Camera]:
    """Return those that are called so; where none is, those whose names hold all words of it."""
    text = plain_text(wanted.strip())
    names = [(camera, _names(hass, camera)) for camera in cameras]
    exact = [camera for camera, known in names if text in known]
    words = text.split()
    return exact or [camera for camera, known in names if any(all(word in name for word in words) for name in known)]


def _names(hass: HomeAssistant, camera: Camera) -> set[str]:
    """Return all a camera goes by: names, aliases, area, NVR."""
    known = er.async_get(hass).async_get(camera.entity_id)
    state = hass.states.get(camera.entity_id)
    names = {camera.entity_id, camera.name, camera.entry.title, _name(hass, camera)}
    if state is not None:
        names |= set(intent.async_get_entity_aliases(hass, known, state=state))
    device = dr.async_get(hass).async_get(known.device_id) if known is not None and known.device_id else None
    area_id = (known.area_id if known is not None else None) or (device.area_id if device is not None else None)
    if area_id is not None and (area := ar.async_get(hass).async_get_area(area_id)) is not None:
        names |= {area.name, *area.aliases}
    return {plain_text(name) for name in names}
