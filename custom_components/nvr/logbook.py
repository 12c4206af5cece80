"""The logbook's sentences for what we put on the bus; who did it Home Assistant adds from the event's context."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from homeassistant.components.logbook import (
    LOGBOOK_ENTRY_ENTITY_ID,
    LOGBOOK_ENTRY_ICON,
    LOGBOOK_ENTRY_MESSAGE,
    LOGBOOK_ENTRY_NAME,
)
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers.translation import async_get_cached_translations
from homeassistant.util import dt as dt_util

from .const import (
    ATTR_CHANNEL_NAME,
    ATTR_DOWNTIME,
    ATTR_DURATION,
    ATTR_KIND,
    ATTR_PHASE,
    ATTR_PLATE,
    ATTR_REASON,
    ATTR_RULE,
    ATTR_TARGET,
    ATTR_WHAT,
    DOMAIN,
    EVENT_CHANNEL_OFFLINE,
    EVENT_CHANNEL_ONLINE,
    EVENT_DETECTION,
    EVENT_EXPORT_FAILED,
    EVENT_EXPORT_FINISHED,
    EVENT_MEDIA_ACCESSED,
    EVENT_OFFLINE,
    EVENT_ONLINE,
    EVENT_STREAM_STARTED,
    EVENT_STREAM_STOPPED,
)
from .core.models import EventPhase

type Words = Callable[[str, str, str], str]
type Describe = Callable[[Event[Any]], dict[str, Any]]

_ATTRIBUTES: Final = f"component.{DOMAIN}.entity.event.events.state_attributes."
_EVENT_TYPES: Final = f"{_ATTRIBUTES}event_type.state."
_TARGETS: Final = f"{_ATTRIBUTES}target.state."
_COMMON: Final = f"component.{DOMAIN}.common."

_ONLINE: Final = {"": "is online again", "_after": "is online again after {duration}"}
_OFFLINE: Final = {"": "went offline", "_because": "went offline: {reason}"}
_EXPORT: Final = "mdi:movie-open-plus"
_STARTED: Final = {
    "playback": ("logbook_stream_started", "plays a recording", "mdi:play"),
    "live": ("logbook_live_started", "is watched live", "mdi:cctv"),
    "export": ("logbook_export_started", "is being exported", _EXPORT),
}
_STOPPED: Final = {
    "playback": ("logbook_stream_stopped", "played a recording for {duration}"),
    "live": ("logbook_live_stopped", "was watched live for {duration}"),
    "export": ("logbook_export_stopped", "was read for an export for {duration}"),
}
_ACCESSED: Final = {
    "playback": ("logbook_media_accessed", "showed its recording of {start} to {end}", "mdi:filmstrip"),
    "clip": ("logbook_clip_accessed", "had its clip of {start} to {end} watched", "mdi:filmstrip"),
    "download": ("logbook_clip_downloaded", "had its clip of {start} to {end} downloaded", "mdi:download"),
    "export": ("logbook_recording_exported", "had its recording of {start} to {end} exported", _EXPORT),
    "picture": ("logbook_picture_accessed", "had a picture of {start} looked at", "mdi:image"),
    EVENT_EXPORT_FINISHED: ("logbook_export_finished", "has a new clip of {start} to {end}", _EXPORT),
}


@callback
def async_describe_events(
    hass: HomeAssistant,
    async_describe_event: Callable[[str, str, Describe], None],
) -> None:
    """Say how our events read, in the language of Home Assistant: the logbook has no translations of its own."""

    def words(category: str, key: str, otherwise: str) -> str:
        return async_get_cached_translations(hass, hass.config.language, category, DOMAIN).get(key, otherwise)

    def noun(text: str) -> str:
        """Return how a word that is a name elsewhere stands in a sentence: German writes nouns large."""
        return text if hass.config.language.startswith("de") else text.lower()

    @callback
    def started(event: Event[Any]) -> dict[str, Any]:
        key, otherwise, icon = _STARTED.get(str(event.data.get(ATTR_KIND)), _STARTED["playback"])
        return _entry(event, words("common", _COMMON + key, otherwise), icon)

    @callback
    def stopped(event: Event[Any]) -> dict[str, Any]:
        key, otherwise = _STOPPED.get(str(event.data.get(ATTR_KIND)), _STOPPED["playback"])
        length = _duration(event.data.get(ATTR_DURATION))
        return _entry(event, _filled(words("common", _COMMON + key, otherwise), duration=length), "mdi:stop")

    @callback
    def accessed(event: Event[Any]) -> dict[str, Any]:
        what = str(event.data.get(ATTR_WHAT) or event.event_type)
        key, otherwise, icon = _ACCESSED.get(what, _ACCESSED["playback"])
        return _entry(event, _spanned(words("common", _COMMON + key, otherwise), event), icon)

    @callback
    def not_exported(event: Event[Any]) -> dict[str, Any]:
        sentence = words("common", _COMMON + "logbook_export_failed", "could not be exported: {reason}")
        return _entry(event, _filled(sentence, reason=str(event.data.get("message") or "?")), "mdi:movie-open-remove")

    for name, describe in (
        (EVENT_ONLINE, _online(words, "mdi:lan-connect")),
        (EVENT_OFFLINE, _offline(words, "mdi:lan-disconnect")),
        (EVENT_CHANNEL_ONLINE, _online(words, "mdi:video")),
        (EVENT_CHANNEL_OFFLINE, _offline(words, "mdi:video-off")),
        (EVENT_DETECTION, _detected(words, noun)),
        (EVENT_STREAM_STARTED, started),
        (EVENT_STREAM_STOPPED, stopped),
        (EVENT_MEDIA_ACCESSED, accessed),
        (EVENT_EXPORT_FINISHED, accessed),
        (EVENT_EXPORT_FAILED, not_exported),
    ):
        async_describe_event(DOMAIN, name, describe)


def _online(words: Words, icon: str) -> Describe:
    @callback
    def describe(event: Event[Any]) -> dict[str, Any]:
        downtime = event.data.get(ATTR_DOWNTIME)
        form = "_after" if downtime else ""
        sentence = words("common", f"{_COMMON}logbook_online{form}", _ONLINE[form])
        return _entry(event, _filled(sentence, duration=_duration(downtime)), icon)

    return describe


def _offline(words: Words, icon: str) -> Describe:
    @callback
    def describe(event: Event[Any]) -> dict[str, Any]:
        reason = str(event.data.get(ATTR_REASON) or "")
        form = "_because" if reason else ""
        sentence = words("common", f"{_COMMON}logbook_offline{form}", _OFFLINE[form])
        why = words("common", f"{_COMMON}reason_{reason}", reason.replace("_", " "))
        return _entry(event, _filled(sentence, reason=why), icon)

    return describe


def _detected(words: Words, noun: Callable[[str], str]) -> Describe:
    @callback
    def describe(event: Event[Any]) -> dict[str, Any]:
        """Say the same as the event entity does: what, who or which plate, and by which rule."""
        data = event.data
        kind = str(data.get(ATTR_KIND, ""))
        if ended := data.get(ATTR_PHASE) == EventPhase.STOP:
            kind += "_ended"
        told: list[str] = []
        if not ended:
            if target := data.get(ATTR_TARGET):
                told.append(noun(words("entity", f"{_TARGETS}{target}", str(target))))
            if rule := data.get(ATTR_RULE):
                told.append(_filled(words("common", f"{_COMMON}logbook_rule", "rule {rule}"), rule=str(rule)))
        message = words("entity", _EVENT_TYPES + kind, kind.replace("_", " "))
        if plate := data.get(ATTR_PLATE):
            message += f" {plate}"
        return _entry(event, f"{message} ({', '.join(told)})" if told else message, "mdi:cctv")

    return describe


def _spanned(sentence: str, event: Event[Any]) -> str:
    return _filled(sentence, **{name: _moment(event.data.get(name)) for name in ("start", "end")})


def _filled(sentence: str, **values: str) -> str:
    for name, value in values.items():
        sentence = sentence.replace(f"{{{name}}}", value)
    return sentence


def _duration(seconds: object) -> str:
    """Write a duration as 0:03:20; what an old or foreign event holds may be anything."""
    return str(timedelta(seconds=round(seconds))) if isinstance(seconds, int | float) else "?"


def _moment(text: object) -> str:
    """Write a moment in Home Assistant's zone."""
    moment = dt_util.parse_datetime(text) if isinstance(text, str) else None
    return f"{dt_util.as_local(moment):%Y-%m-%d %H:%M:%S}" if moment is not None else "?"


def _entry(event: Event[Any], message: str, icon: str) -> dict[str, Any]:
    data = event.data
    entry = {
        LOGBOOK_ENTRY_NAME: data.get(ATTR_CHANNEL_NAME) or data.get("name", "NVR"),
        LOGBOOK_ENTRY_MESSAGE: message,
        LOGBOOK_ENTRY_ICON: icon,
    }
    if entity_id := data.get("entity_id"):
        entry[LOGBOOK_ENTRY_ENTITY_ID] = entity_id
    return entry
