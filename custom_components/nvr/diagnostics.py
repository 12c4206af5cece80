"""What a bug report needs to know of a recorder, and nothing that tells where it is or how to get in."""

from collections import Counter
from dataclasses import asdict
from typing import Any, Final
from urllib.parse import quote

from homeassistant.components.diagnostics import REDACTED, async_redact_data
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import CONF_HOST, CONF_PASSWORD, CONF_USERNAME
from homeassistant.core import HomeAssistant
from homeassistant.helpers.device_registry import AnyDeviceEntry

from .access_rules import read_rules
from .const import CONF_ACCESS, CONF_FINGERPRINT, DOMAIN
from .core.event_tally import EventTally
from .core.models import Channel, EventKind, RecorderInfo
from .event_report import UNPROVEN, event_report
from .exports import export_desk
from .hub import NvrHub
from .persistence import RECORDER, to_json
from .runtime import NvrConfigEntry
from .shared import shared

_SECRET: Final = {CONF_HOST, CONF_USERNAME, CONF_PASSWORD, CONF_FINGERPRINT, "title", "unique_id"}
# A short name is part of other words, and what every recorder is shipped with tells nothing.
_LEAST_USER: Final = 4
_USUAL_USERS: Final = frozenset({"admin", "default", "operator", "user", "viewer"})
_PERSONAL: Final = {"serial", "mac", "id", "name", "camera_serial"}


async def async_get_config_entry_diagnostics(hass: HomeAssistant, entry: NvrConfigEntry) -> dict[str, Any]:
    """Return what is known of a recorder and how the talk with it goes."""
    common = {"audit": shared(hass).audit.statistics, "exports": export_desk(hass).statistics(entry.entry_id)}
    return {"entry": _entry(entry), **common, **await _known(hass, entry, None)}


async def async_get_device_diagnostics(
    hass: HomeAssistant, entry: NvrConfigEntry, device: AnyDeviceEntry
) -> dict[str, Any]:
    """Return what is known of the recorder, or of one channel."""
    identifiers = {identifier for domain, identifier in device.identifiers if domain == DOMAIN}
    return await _known(hass, entry, identifiers)


def _entry(entry: NvrConfigEntry) -> dict[str, Any]:
    options = {key: value for key, value in entry.options.items() if key != CONF_ACCESS}
    if (raw := entry.options.get(CONF_ACCESS)) is not None:
        rules = read_rules(raw)
        options[CONF_ACCESS] = {"default": rules.default.to_json(), "exceptions": len(rules.users)}
    found = async_redact_data({"data": dict(entry.data), "options": options}, _SECRET)
    return {**found, "state": entry.state.value, "reason": entry.error_reason_translation_key}


async def _known(hass: HomeAssistant, entry: NvrConfigEntry, wanted: set[str] | None) -> dict[str, Any]:
    """Return what is known of the recorder and of the wanted channels, None for all; what is remembered if not set up.

    What goes wrong in the set-up is what diagnostics are asked for most, and then there is no hub.
    """
    if entry.state is ConfigEntryState.LOADED:
        hub = entry.runtime_data.hub
        channels = [channel for channel in hub.channels if wanted is None or channel.id in wanted]
        footage = _plain(shared(hass).engine.sources(entry.entry_id), _secrets(entry, hub.info))
        health = {"health": entry.runtime_data.health.statistics}
        numbers = {channel.number for channel in channels}
        if wanted is not None and hub.info.serial in wanted:
            numbers.add(RECORDER)
        return {
            **_recorder(hub),
            **health,
            "footage": footage,
            "channels": [_channel(hub, channel) for channel in channels],
            "detections": [row for row in _detections(hub) if wanted is None or row["channel"] in numbers],
        }
    memory = (await shared(hass).async_store(entry.entry_id)).memory
    remembered = to_json(memory)
    # The rows hold names that people gave to rules and presets.
    remembered.pop("controls", None)
    kept = zip(memory.channels, remembered["channels"], strict=True)
    remembered["channels"] = [raw for channel, raw in kept if wanted is None or channel.id in wanted]
    found: dict[str, Any] = _plain(async_redact_data(remembered, _PERSONAL), _secrets(entry, memory.info))
    return {"remembered": found}


def _recorder(hub: NvrHub) -> dict[str, Any]:
    """Return the recorder's part; what it knows only once connected is left out before."""
    found: dict[str, Any] = {
        "recorder": async_redact_data(asdict(hub.info), _PERSONAL),
        "connected": hub.link.connected,
        "online": hub.online,
        "login_usable": hub.login_usable,
        "event_stream": hub.link.stream_state,
        "poll_interval": hub.link.poll_interval.total_seconds(),
        "edges": hub.watch.edges(),
        "events": dict(sorted(hub.fanout.counters.items())),
        "sessions": hub.sessions.statistics,
        "controls": hub.desk.statistics,
    }
    driver, secrets = hub.driver, _secrets(hub.entry, hub.info)
    # How it answered is wanted most when it does not.
    found["statistics"] = _plain(dict(driver.statistics), secrets)
    if hub.link.connected:
        found["capabilities"] = _plain(asdict(driver.capabilities), secrets)
        found["memory"] = _plain(dict(driver.memory), secrets)
    if (clock := hub.clock) is not None:
        found["clock"] = {
            "skew": clock.skew.total_seconds(),
            "zone": str(clock.zone),
            "read_at": clock.read_at.isoformat(),
        }
    return found


def _detections(hub: NvrHub) -> list[dict[str, Any]]:
    """Return what became of each kind of event, by channel."""
    source = hub.driver.events
    tally, unsubscribed = (EventTally(), {}) if source is None else (source.tally, source.unsubscribed)
    dropped = Counter[tuple[int, EventKind, str]](hub.fanout.dropped)
    for (channel, kind), count in hub.link.events.dropped.items():
        dropped[channel or RECORDER, kind, UNPROVEN] += count
    numbers = (RECORDER, *(channel.number for channel in hub.channels))
    announced = {number: hub.roster.event_kinds(number) for number in numbers}
    report = event_report(announced, tally, unsubscribed, dropped)
    rows: list[dict[str, Any]] = _plain(report, _secrets(hub.entry, hub.info))
    return rows


def _channel(hub: NvrHub, channel: Channel) -> dict[str, Any]:
    return {
        **_plain(async_redact_data(asdict(channel), _PERSONAL), _secrets(hub.entry, hub.info)),
        "number": channel.number,
        "announced_online": hub.channel_online(channel.number),
        "seen": sorted(hub.roster.seen(channel.number)),
    }


def _secrets(entry: NvrConfigEntry, info: RecorderInfo | None) -> tuple[str, ...]:
    """Return what must be in no text; the longest first, for one may be part of another."""
    texts = {entry.data[CONF_PASSWORD], entry.data[CONF_HOST], entry.unique_id or "", info.serial if info else ""}
    if len(user := entry.data[CONF_USERNAME]) >= _LEAST_USER and user not in _USUAL_USERS:
        texts.add(user)
    texts |= {quote(text, safe="") for text in texts}
    return tuple(sorted(texts - {""}, key=len, reverse=True))


def _plain(value: Any, secrets: tuple[str, ...]) -> Any:
    """Return the value as plain JSON; our own secrets are cut out of every text."""
    if isinstance(value, dict):
        return {_text(str(key), secrets): _plain(item, secrets) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, secrets) for item in value]
    if isinstance(value, set | frozenset):
        return sorted(_text(str(item), secrets) for item in value)
    return _text(value, secrets) if isinstance(value, str) else value


def _text(text: str, secrets: tuple[str, ...]) -> str:
    for secret in secrets:
        text = text.replace(secret, REDACTED)
    return text
