"""The channels of one recorder as Home Assistant shows them: imported ones, over restarts and hot-plug."""

from dataclasses import replace
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback

from . import issues
from .const import CONF_IGNORED_CHANNELS, CONF_IGNORED_DETECTIONS
from .core.capabilities import RecorderCapabilities
from .core.driver import ConnectionConfig
from .core.models import Channel, EventKind, RecorderInfo
from .detections import CHANNEL_DETECTIONS, RECORDER_DETECTIONS, DetectionKey
from .devices import Devices
from .persistence import CameraIdentity, MemoryStore
from .signals import Signal


class Roster:
    """Which channels there are, what they can detect, and which device each one is."""

    def __init__(
        self, hass: HomeAssistant, entry: ConfigEntry[Any], store: MemoryStore, config: ConnectionConfig
    ) -> None:
        """Start empty; `config` tells where the recorder's own page is."""
        self._hass = hass
        self._entry = entry
        self._store = store
        self._config = config
        self._ignored = frozenset(int(number) for number in entry.options.get(CONF_IGNORED_CHANNELS, ()))
        self._ignored_kinds = frozenset(entry.options.get(CONF_IGNORED_DETECTIONS, ()))
        self._by_number: dict[int, Channel] = {}
        self._registered: tuple[Channel, ...] | None = None
        self._recorder_kinds: frozenset[EventKind] = frozenset()
        self.devices = Devices(hass, entry)
        self.detection_seen = Signal[int, DetectionKey]()

    @property
    def channels(self) -> tuple[Channel, ...]:
        """The imported channels, as last known."""
        return tuple(self._by_number.values())

    def get(self, number: int) -> Channel | None:
        """Return an imported channel that exists."""
        return self._by_number.get(number)

    @callback
    def async_recall(self) -> RecorderInfo | None:
        """Start from memory, while the recorder is away; None when nothing is remembered."""
        memory = self._store.memory
        if memory.info is not None:
            self._adopt(memory.info, memory.channels)
        return memory.info

    @callback
    def async_take(
        self, info: RecorderInfo, capabilities: RecorderCapabilities, channels: tuple[Channel, ...]
    ) -> tuple[Channel, ...]:
        """Take what the recorder says now; return the imported channels that are new."""
        memory = self._store.memory
        self._recorder_kinds = capabilities.event_kinds
        self._compare_cameras(channels)
        changed = memory.info != info or memory.channels != channels
        # Also what is the same: it is not to be held twice.
        memory.info, memory.channels = info, channels
        if changed:
            self._store.async_save_soon()
        known = set(self._by_number)
        self._adopt(info, channels)
        return tuple(channel for channel in self.channels if channel.number not in known)

    def detections(self, number: int) -> frozenset[DetectionKey]:
        """Return the binary sensors of a channel, or of the RECORDER: those announced, once seen, or once there.

        What is in the registry stays, although a recorder may be away, or may have forgotten to mention it this time.
        """
        channel = self._by_number.get(number)
        table = CHANNEL_DETECTIONS if number else RECORDER_DETECTIONS
        announced = self._recorder_kinds if channel is None else channel.detections
        found = {DetectionKey(kind) for kind in announced if kind is not EventKind.IO_INPUT}
        info = self._store.memory.info
        owner = channel.id if channel is not None else info.serial if info is not None else ""
        texts = self.seen(number) | self.devices.sensor_keys(owner)
        found.update(key for text in texts if (key := DetectionKey.parse(text)) is not None)
        return frozenset(key for key in found if key.kind in table and key.kind not in self._ignored_kinds)

    def event_kinds(self, number: int) -> frozenset[EventKind]:
        """Return what the event entity of a channel, or of the RECORDER, may tell of."""
        channel = self._by_number.get(number)
        announced = self._recorder_kinds if channel is None else channel.detections
        seen = {key.kind for text in self.seen(number) if (key := DetectionKey.parse(text)) is not None}
        return frozenset(kind for kind in announced | seen if kind not in self._ignored_kinds)

    def seen(self, number: int) -> frozenset[str]:
        """Return what has come from a channel at least once."""
        return frozenset(self._store.memory.seen.get(number, ()))

    @callback
    def async_saw(self, number: int, key: DetectionKey) -> None:
        """Remember a detection that came, and tell of one that came for the first time."""
        kinds = self._store.memory.seen.setdefault(number, set())
        if str(key) not in kinds:
            kinds.add(str(key))
            self._store.async_save_soon()
            self.detection_seen.async_send(number, key)

    def _compare_cameras(self, channels: tuple[Channel, ...]) -> None:
        """Tell of another camera in a slot, also one that came after the slot was empty or its camera away."""
        known = self._store.memory.cameras
        for channel in channels:
            now = CameraIdentity(channel.camera_serial, channel.model)
            before = known.get(channel.number, now)
            if channel.number not in self._ignored and before.is_other(now):
                issues.async_camera_changed(self._hass, self._entry, channel, before.model)
            if (updated := before.updated(now)) != known.get(channel.number):
                known[channel.number] = updated
                self._store.async_save_soon()

    def _adopt(self, info: RecorderInfo, channels: tuple[Channel, ...]) -> None:
        imported = tuple(channel for channel in channels if channel.number not in self._ignored)
        self._by_number = {channel.number: channel for channel in imported}
        still = tuple(replace(channel, online=None) for channel in imported)
        if still != self._registered:
            self._registered = still
            self.devices.async_register(info, self._config, imported)
            self.devices.async_remove(channel for channel in channels if channel.number in self._ignored)
