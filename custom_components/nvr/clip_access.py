"""Who may do what with clips and exports.

Whoever may see a camera's recordings may see its clips. To have one made, to take one home as a file, to hand out a
link to one that does, needs the right to export. Renaming, keeping and deleting is for whoever had it made, as long as
he may export, and for administrators.
"""

from homeassistant.auth.models import User
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import UnknownUser

from .access import Action, facts_of, user_of
from .camera_ids import may_on
from .const import (
    ATTR_CHANNEL,
    ATTR_CHANNEL_NAME,
    ATTR_CLIP_ID,
    ATTR_ENTRY_ID,
    ATTR_USER_ID,
    ATTR_WHAT,
    DOMAIN,
)
from .media.exports.models import Clip, ExportJob
from .runtime import NvrConfigEntry
from .shared import shared


def entry_of(hass: HomeAssistant, entry_id: str) -> NvrConfigEntry | None:
    """Return the recorder's entry while it is there."""
    entry: NvrConfigEntry | None = hass.config_entries.async_get_entry(entry_id)
    return entry if entry is not None and entry.domain == DOMAIN else None


def may(hass: HomeAssistant, user: User | None, action: Action, clip: Clip) -> bool:
    """Tell whether the user may do this with the clip; of a recorder that is gone, administrators may."""
    entry = entry_of(hass, clip.recorder_id)
    if entry is None:
        return user is None or (user.is_active and user.is_admin)
    return may_on(hass, user, action, entry, clip.channel)


def permit_clip(hass: HomeAssistant, user: User | None, action: Action, clip: Clip, *, via: str) -> bool:
    """Tell the same of one certain clip that is asked for, and keep a refusal."""
    if may(hass, user, action, clip):
        return True
    entry = entry_of(hass, clip.recorder_id)
    camera = {ATTR_ENTRY_ID: clip.recorder_id, ATTR_CHANNEL: clip.channel, ATTR_CHANNEL_NAME: clip.camera}
    who = {ATTR_USER_ID: user.id if user else None, "action": action.value, "via": via}
    what = {ATTR_WHAT: "clip", ATTR_CLIP_ID: clip.id, "subject": clip.title}
    shared(hass).audit.record_denial({**(facts_of(entry, clip.channel) if entry else camera), **who, **what})
    return False


def permit_change(hass: HomeAssistant, user: User | None, clip: Clip, *, via: str) -> bool:
    """Tell whether the user may rename, keep or delete the clip, and keep a refusal."""
    if not permit_clip(hass, user, Action.EXPORT, clip, via=via):
        return False
    return user is None or user.is_admin or clip.owner == user.id


def may_see_job(hass: HomeAssistant, user: User | None, job: ExportJob) -> bool:
    """Tell whether the user may know of an export: his own, as long as he may export; an administrator of all."""
    entry = entry_of(hass, job.order.recorder_id)
    if user is None or user.is_admin:
        return user is None or user.is_active
    return (
        job.order.owner == user.id and entry is not None and may_on(hass, user, Action.EXPORT, entry, job.order.channel)
    )


async def principal_may(hass: HomeAssistant, user_id: str | None, action: Action, clip: Clip) -> bool | None:
    """Tell whether he may for whom something was made; None while that cannot be told: the recorder is not set up."""
    try:
        user = await user_of(hass, user_id)
    except UnknownUser:
        return False
    entry = entry_of(hass, clip.recorder_id)
    if may(hass, user, action, clip):
        return True
    return None if entry is not None and entry.state is not ConfigEntryState.LOADED else False
