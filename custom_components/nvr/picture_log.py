"""Who looked at pictures of recordings: kept in the audit, and single pictures told on the bus like other footage."""

from datetime import datetime
import time
from typing import Final

from homeassistant.core import Context, HomeAssistant, callback
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey

from .access import facts_of
from .audit_rows import AuditKind
from .const import (
    ATTR_CHANNEL,
    ATTR_CHANNEL_NAME,
    ATTR_CLIP_ID,
    ATTR_ENTRY_ID,
    ATTR_USER_ID,
    ATTR_WHAT,
    DOMAIN,
    EVENT_MEDIA_ACCESSED,
)
from .runtime import NvrConfigEntry
from .shared import shared

_WHAT: Final = "picture"
# A folder of tiles, or a timeline that is dragged, is one look (s).
_ONE_LOOK: Final = 600.0
_MAX_LOOKS: Final = 256
_LOOKS: HassKey[dict[tuple[str | None, str, int], float]] = HassKey(f"{DOMAIN}_looks")


@callback
def note_picture(
    hass: HomeAssistant, entry: NvrConfigEntry, channel: int, moment: datetime, user_id: str | None, *, via: str
) -> None:
    """Keep that somebody saw a picture; of small ones only the first of ten minutes, and nothing on the bus."""
    facts = facts_of(entry, channel)
    at = dt_util.as_local(moment).isoformat()
    if via == "thumbnail":
        if _looked_before(hass, (user_id, entry.entry_id, channel)):
            return
        data: dict[str, object] = {ATTR_USER_ID: user_id, ATTR_WHAT: _WHAT, "start": at, "end": at}
    else:
        data = {
            ATTR_ENTRY_ID: entry.entry_id,
            "device_id": facts.get("device_id"),
            "entity_id": facts.get("entity_id"),
            ATTR_CHANNEL: channel,
            ATTR_CHANNEL_NAME: facts.get(ATTR_CHANNEL_NAME),
            ATTR_USER_ID: user_id,
            ATTR_WHAT: _WHAT,
            ATTR_CLIP_ID: None,
            "start": at,
            "end": at,
            "accessed_at": dt_util.now().isoformat(),
        }
        hass.bus.async_fire(EVENT_MEDIA_ACCESSED, data, context=Context(user_id=user_id))
    shared(hass).audit.record(AuditKind.MEDIA_ACCESSED, {**facts, **data, "via": via})


def _looked_before(hass: HomeAssistant, key: tuple[str | None, str, int]) -> bool:
    looks = hass.data.setdefault(_LOOKS, {})
    now = time.monotonic()
    if (last := looks.get(key)) is not None and now - last < _ONE_LOOK:
        return True
    looks.pop(key, None)
    looks[key] = now
    while len(looks) > _MAX_LOOKS:
        del looks[next(iter(looks))]
    return False
