"""Repair issues of one recorder: raised and taken back by the hub."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util

from .const import DOMAIN
from .core.errors import NvrInsecureLoginError, NvrPermissionError
from .core.models import Channel
from .errors import error_key, error_placeholders

LOCKED: Final = "locked"
PERMISSION: Final = "permission"
EVENTS_PERMISSION: Final = "events_permission"
OTHER_RECORDER: Final = "other_recorder"
CAMERA_CHANGED: Final = "camera_changed"
NOT_RECORDING: Final = "not_recording"
DISK_FAULT: Final = "disk_fault"
CLOCK_WRONG: Final = "clock_wrong"
EVENTS_UNLINKED: Final = "events_unlinked"
EVENTS_CROWDED: Final = "events_crowded"
EVENTS_DOWN: Final = "events_down"
RTSP_OFF: Final = "rtsp_off"
SUB_STREAM_H265: Final = "sub_stream_h265"
PLAYBACK_PERMISSION: Final = "playback_permission"

# What is true of a running entry only; who wants it again finds it out again.
_PASSING: Final = (
    *(PERMISSION, EVENTS_PERMISSION, OTHER_RECORDER, PLAYBACK_PERMISSION),
    *(DISK_FAULT, CLOCK_WRONG, EVENTS_CROWDED, EVENTS_DOWN, EVENTS_UNLINKED, RTSP_OFF, SUB_STREAM_H265),
)


def issue_id(entry: ConfigEntry, key: str) -> str:
    """Return the id of an issue of the entry."""
    return f"{entry.entry_id}_{key}"


@callback
def async_raise_for(hass: HomeAssistant, entry: ConfigEntry, err: NvrPermissionError) -> None:
    """Tell of a missing right."""
    ir.async_create_issue(
        hass,
        DOMAIN,
        issue_id(entry, PERMISSION),
        is_fixable=False,
        severity=ir.IssueSeverity.WARNING,
        translation_key=error_key(err),
        translation_placeholders=error_placeholders(err, entry.title),
    )


@callback
def async_locked(hass: HomeAssistant, entry: ConfigEntry, until: datetime, minutes: int) -> None:
    """Tell of a lock: when it ends (local time of day), and in how many minutes."""
    ir.async_create_issue(
        hass,
        DOMAIN,
        issue_id(entry, LOCKED),
        is_fixable=False,
        severity=ir.IssueSeverity.WARNING,
        translation_key=LOCKED,
        translation_placeholders={
            "name": entry.title,
            "until": f"{dt_util.as_local(until):%H:%M}",
            "minutes": str(minutes),
        },
    )


@callback
def async_raise(hass: HomeAssistant, entry: ConfigEntry, key: str) -> None:
    """Tell of something that only the user can mend."""
    ir.async_create_issue(
        hass,
        DOMAIN,
        issue_id(entry, key),
        is_fixable=False,
        severity=ir.IssueSeverity.WARNING,
        translation_key=key,
        translation_placeholders={"name": entry.title},
    )


@callback
def async_events_refused(hass: HomeAssistant, entry: ConfigEntry, err: NvrPermissionError) -> None:
    """Tell that the event stream is refused: for want of a right, or as the login would travel readable."""
    insecure = isinstance(err, NvrInsecureLoginError)
    ir.async_create_issue(
        hass,
        DOMAIN,
        issue_id(entry, EVENTS_PERMISSION),
        is_fixable=False,
        severity=ir.IssueSeverity.WARNING,
        translation_key=error_key(err) if insecure else EVENTS_PERMISSION,
        translation_placeholders={"name": entry.title},
    )


@callback
def async_camera_changed(hass: HomeAssistant, entry: ConfigEntry, channel: Channel, old_model: str | None) -> None:
    """Tell that another camera is in a slot; the notice stays, over restarts, until the user has read it."""
    ir.async_create_issue(
        hass,
        DOMAIN,
        issue_id(entry, f"{CAMERA_CHANGED}_{channel.number}"),
        is_fixable=True,
        is_persistent=True,
        severity=ir.IssueSeverity.WARNING,
        translation_key=CAMERA_CHANGED,
        translation_placeholders={
            "name": entry.title,
            "channel": str(channel.number),
            "channel_name": channel.name,
            "old_model": old_model or "?",
            "new_model": channel.model or "?",
        },
    )


@callback
def async_health(
    hass: HomeAssistant,
    entry: ConfigEntry,
    key: str,
    placeholders: Mapping[str, str],
    *,
    number: int | None = None,
    fixable: bool = False,
) -> None:
    """Tell what is wrong with the recorder, or with the recording of a channel.

    What is missed on a channel is remembered over restarts: it is still missed when there is nothing left to compare.
    """
    ir.async_create_issue(
        hass,
        DOMAIN,
        issue_id(entry, key if number is None else f"{key}_{number}"),
        data={"entry_id": entry.entry_id, "key": key},
        is_fixable=fixable,
        is_persistent=number is not None,
        severity=ir.IssueSeverity.ERROR if key == DISK_FAULT else ir.IssueSeverity.WARNING,
        translation_key=key,
        translation_placeholders={"name": entry.title, **placeholders},
    )


@callback
def async_is_told(hass: HomeAssistant, entry: ConfigEntry, key: str) -> bool:
    """Return whether an issue is told now."""
    return ir.async_get(hass).async_get_issue(DOMAIN, issue_id(entry, key)) is not None


@callback
def async_channels_with(hass: HomeAssistant, entry: ConfigEntry, key: str) -> frozenset[int]:
    """Return the channels of which the issue is told, also since before a restart."""
    prefix = issue_id(entry, f"{key}_")
    found = (identifier for domain, identifier in ir.async_get(hass).issues if domain == DOMAIN)
    tails = (identifier.removeprefix(prefix) for identifier in found if identifier.startswith(prefix))
    return frozenset(int(tail) for tail in tails if tail.isdecimal())


@callback
def async_clear(hass: HomeAssistant, entry: ConfigEntry, *keys: str) -> None:
    """Take issues back."""
    for key in keys:
        ir.async_delete_issue(hass, DOMAIN, issue_id(entry, key))


@callback
def async_clear_passing(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Take back what cannot be said of an entry that is not in use; notices to be read stay."""
    async_clear(hass, entry, *_PASSING)
    if entry.disabled_by is not None:
        numbers = async_channels_with(hass, entry, NOT_RECORDING)
        async_clear(hass, entry, *(f"{NOT_RECORDING}_{number}" for number in numbers))


@callback
def async_clear_all(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Take back all issues of a removed entry."""
    prefix = issue_id(entry, "")
    for domain, identifier in list(ir.async_get(hass).issues):
        if domain == DOMAIN and identifier.startswith(prefix):
            ir.async_delete_issue(hass, DOMAIN, identifier)
