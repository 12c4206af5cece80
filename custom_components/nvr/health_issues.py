"""Repairs of a recorder's health: raised when something is known to be wrong, taken back when it is known not to be."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.util import dt as dt_util

from . import issues
from .box_health import BoxHealth
from .core.errors import NvrInsecureLoginError
from .core.models import Channel, EventStreamState, SilentEvent, StreamRole, VideoCodec
from .hub import NvrHub
from .recording_watch import RecordingWatch

# How long (s) a recorder must have no place for our event stream.
CROWDED: Final = 120.0
# And for how long it must answer and have no event stream for any other reason.
DOWN: Final = 600.0
# So many lines of a long list are shown.
_MOST_LINES: Final = 20


def lines(parts: Iterable[str]) -> str:
    """Return parts as a list people can read, cut where it gets long; pure."""
    found = list(parts)
    shown = [f"- {part}" for part in found[:_MOST_LINES]]
    if len(found) > _MOST_LINES:
        shown.append(f"- … (+{len(found) - _MOST_LINES})")
    return "\n".join(shown)


def changes(events: Sequence[SilentEvent], channels: Sequence[Channel]) -> str:
    """Return what each trigger does, before and after it was linked; pure."""
    names = {channel.number: channel.name for channel in channels}

    def line(event: SilentEvent) -> str:
        where = "" if event.channel is None else f"{event.channel} {names.get(event.channel, '')}".strip() + ", "
        return f"{where}{event.kind.value} ({event.id}): {', '.join(event.methods)} → {', '.join(event.after)}"

    return lines(map(line, events))


class HealthIssues:
    """The issues of one entry. What is not known neither raises one nor takes one back."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry[Any],
        hub: NvrHub,
        *,
        box: BoxHealth,
        recording: RecordingWatch,
        silent: Callable[[], Sequence[SilentEvent]],
    ) -> None:
        """Tell nothing before `async_update`."""
        self._hass = hass
        self._entry = entry
        self._hub = hub
        self._box = box
        self._recording = recording
        self._silent = silent
        self._crowded_since: float | None = None
        self._down_since: float | None = None
        self._told: dict[tuple[str, int | None], dict[str, str]] = {}

    @callback
    def async_start(self) -> CALLBACK_TYPE:
        """Go on missing what was missed before a restart; follow the recorder until the function is called."""
        self._recording.missed |= issues.async_channels_with(self._hass, self._entry, issues.NOT_RECORDING)
        return self._hub.changed.async_subscribe(self.async_update)

    @callback
    def async_update(self) -> None:
        """Bring what is told up to what is known."""
        if not self._hub.online or not self._hub.link.reached:
            self._down_since = None
            return
        self._disks()
        self._clock()
        self._streams()
        self._playback()
        self._event_stream()
        events = self._silent()
        self._say(issues.EVENTS_UNLINKED, bool(events), {"changes": changes(events, self._hub.channels)}, fixable=True)
        for channel in self._hub.channels:
            self._channel(channel)
        there = {channel.number for channel in self._hub.channels}
        for number in issues.async_channels_with(self._hass, self._entry, issues.NOT_RECORDING) - there:
            issues.async_clear(self._hass, self._entry, f"{issues.NOT_RECORDING}_{number}")

    def _disks(self) -> None:
        if (faulty := self._box.faulty) is not None:
            shown = lines(f"{disk.name or disk.id}: {disk.raw_state or disk.state.value}" for disk in faulty)
            self._say(issues.DISK_FAULT, bool(faulty), {"disks": shown})

    def _clock(self) -> None:
        error = self._box.clock_error
        seconds = 0 if error is None else round(error.total_seconds())
        fixable = self._hub.driver.clock_setter is not None
        self._say(issues.CLOCK_WRONG, error is not None, {"seconds": f"{seconds:+d}"}, fixable=fixable)

    def _streams(self) -> None:
        if (on := self._hub.driver.capabilities.rtsp) is not None:
            self._say(issues.RTSP_OFF, not on, {})
        heavy = [
            f"{channel.number} {channel.name}"
            for channel in self._hub.channels
            if (profile := channel.profile(StreamRole.SUB)) is not None
            and profile.enabled
            and profile.video is VideoCodec.H265
        ]
        self._say(issues.SUB_STREAM_H265, bool(heavy), {"channels": lines(heavy)})

    def _event_stream(self) -> None:
        """Tell of a recorder that answers without an event stream, or has no place for it: our old one may hold it."""
        source = self._hub.driver.events
        if self._hub.link.stream_state is EventStreamState.ALIVE:
            self._crowded_since = self._down_since = None
            self._say(issues.EVENTS_CROWDED, False, {})
            self._say(issues.EVENTS_DOWN, False, {})
        elif source is not None:
            now = self._hass.loop.time()
            self._down_since = self._down_since or now
            if source.crowded:
                self._crowded_since = self._crowded_since or now
                if now - self._crowded_since >= CROWDED:
                    self._say(issues.EVENTS_CROWDED, True, {})
            told = source.crowded or issues.async_is_told(self._hass, self._entry, issues.EVENTS_PERMISSION)
            self._say(issues.EVENTS_DOWN, not told and now - self._down_since >= DOWN, {})

    def _playback(self) -> None:
        refused = self._recording.refused
        wrong = refused is not None and not isinstance(refused, NvrInsecureLoginError)
        self._say(issues.PLAYBACK_PERMISSION, wrong, {})

    def _channel(self, channel: Channel) -> None:
        found = self._recording.health(channel.number)
        if found.silent_since is None and not found.recording:
            return
        since = None if found.silent_since is None else dt_util.as_local(found.silent_since)
        placeholders = {
            "channel": str(channel.number),
            "channel_name": channel.name,
            "since": "" if since is None else f"{since:%Y-%m-%d %H:%M}",
        }
        self._say(issues.NOT_RECORDING, since is not None, placeholders, number=channel.number)

    def _say(
        self, key: str, wrong: bool, placeholders: dict[str, str], *, number: int | None = None, fixable: bool = False
    ) -> None:
        """Raise or take back one issue, once for each change: the registry writes and tells of every call."""
        known = self._told.get((key, number))
        # What people call it belongs to what is told, and may change.
        shown = {**placeholders, "name": self._entry.title}
        if not wrong:
            if known is not None or number is not None:
                issues.async_clear(self._hass, self._entry, key if number is None else f"{key}_{number}")
            self._told.pop((key, number), None)
        elif known != shown:
            self._told[key, number] = shown
            issues.async_health(self._hass, self._entry, key, placeholders, number=number, fixable=fixable)
