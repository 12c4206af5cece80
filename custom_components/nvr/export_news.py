"""What is told of exports: on the bus, in the audit, and in words."""

from collections.abc import Mapping
import json
from typing import Final

from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import dt as dt_util

from .access import facts_of
from .audit_rows import AuditKind
from .behalf import for_nobody
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
from .core.errors import NvrError
from .errors import error_key, error_placeholders
from .media.exports.holes import IncompleteError
from .media.exports.models import Clip, ExportJob
from .media.exports.reading import ChangedError
from .media.ticks import to_datetime
from .runtime import NvrConfigEntry
from .shared import shared

_MAX_PAYLOAD: Final = 1000


class ExportNews:
    """Tells of jobs."""

    def __init__(self, hass: HomeAssistant) -> None:
        self._hass = hass

    def facts(self, entry_id: str, channel: int) -> dict[str, object]:
        """Return what is told of a camera, also when its recorder is gone."""
        entry: NvrConfigEntry | None = self._hass.config_entries.async_get_entry(entry_id)
        return {"entry_id": entry_id, "channel": channel} if entry is None else facts_of(entry, channel)

    def reason(self, job: ExportJob) -> str | None:
        """Return why an export failed, or waits, in words."""
        if job.reason is None:
            return None
        entry = self._hass.config_entries.async_get_entry(job.order.recorder_id)
        facts = self.facts(job.order.recorder_id, job.order.channel)
        known = {"name": entry.title if entry else "NVR", "camera": str(facts.get("channel_name") or job.order.channel)}
        return str(
            HomeAssistantError(
                translation_domain=DOMAIN,
                translation_key=job.reason,
                translation_placeholders={**known, **job.details},
            )
        )

    def reason_of(self, job: ExportJob, err: NvrError) -> tuple[str, dict[str, str]]:
        """Name the sentence that tells people of an error, and what fills it."""
        entry = self._hass.config_entries.async_get_entry(job.order.recorder_id)
        details = error_placeholders(err, entry.title if entry else "NVR")
        if isinstance(err, ChangedError):
            return "recording_changed", {**details, "time": f"{dt_util.as_local(to_datetime(err.moment)):%H:%M:%S}"}
        return "incomplete" if isinstance(err, IncompleteError) else error_key(err), details

    def tell(self, event: str, job: ExportJob, more: Mapping[str, object]) -> None:
        """Fire an event of an export; at most a kilobyte."""
        order = job.order
        payload = {
            **self.facts(order.recorder_id, order.channel),
            "export_id": order.id,
            ATTR_USER_ID: order.owner,
            "format": order.format.value,
            "start": dt_util.as_local(order.span.start).isoformat(),
            "end": dt_util.as_local(order.span.end).isoformat(),
            **more,
        }
        if len(json.dumps(payload)) > _MAX_PAYLOAD and "path" in payload:
            payload["path"] = None
        # Whose command or request happened to make room for it in the queue is nobody to those who are told.
        with for_nobody():
            self._hass.bus.async_fire(event, payload, context=Context(user_id=order.owner))

    def accessed(self, clip: Clip, user_id: str | None, what: str) -> Mapping[str, object]:
        """Fire `nvr_media_accessed`: footage became a clip, or one was seen or taken home; return what was told."""
        facts = self.facts(clip.recorder_id, clip.channel)
        data = {
            ATTR_ENTRY_ID: clip.recorder_id,
            "device_id": facts.get("device_id"),
            "entity_id": facts.get("entity_id"),
            ATTR_CHANNEL: clip.channel,
            ATTR_CHANNEL_NAME: facts.get(ATTR_CHANNEL_NAME, clip.camera),
            ATTR_USER_ID: user_id,
            ATTR_WHAT: what,
            ATTR_CLIP_ID: clip.id,
            "start": dt_util.as_local(clip.span.start).isoformat(),
            "end": dt_util.as_local(clip.span.end).isoformat(),
            "accessed_at": dt_util.now().isoformat(),
        }
        self._hass.bus.async_fire(EVENT_MEDIA_ACCESSED, data, context=Context(user_id=user_id))
        return {**facts, **data, "subject": clip.title}

    def keep(self, kind: AuditKind, job: ExportJob, more: Mapping[str, object]) -> None:
        """Keep in the audit what became of an export."""
        order = job.order
        facts = {
            **self.facts(order.recorder_id, order.channel),
            ATTR_USER_ID: order.owner,
            ATTR_WHAT: "export",
            "start": order.span.start.isoformat(),
            "end": order.span.end.isoformat(),
            **more,
        }
        shared(self._hass).audit.record(kind, facts)
