"""What is remembered of one recorder between starts: who it is, its channels, what was announced last, what was seen.

The file makes it possible to start while the recorder is away, with all its cameras, and to tell of its edges once.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, cast

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.storage import Store

from .const import DOMAIN
from .control_memory import KnownControls, dump, load
from .core.models import (
    AudioCodec,
    Channel,
    ChannelKind,
    EventKind,
    RecorderInfo,
    RecorderKind,
    StreamProfile,
    StreamRole,
    VideoCodec,
)
from .edges import Announced

_VERSION: Final = 1
_SAVE_DELAY: Final = 10.0
# The key of the recorder itself among those of its channels, which count from 1.
RECORDER: Final = 0


@dataclass(frozen=True, slots=True)
class CameraIdentity:
    """Which camera was seen in a slot last; None is what was never told."""

    serial: str | None = None
    model: str | None = None

    def is_other(self, now: CameraIdentity) -> bool:
        """Tell whether `now` is another camera: by serial number, by model only where neither has told a serial.

        What is not told proves nothing: a camera that is away may be listed without a name (hikvision-isapi 5.1).
        """
        if self.serial or now.serial:
            return bool(self.serial and now.serial and self.serial != now.serial)
        return bool(self.model and now.model and self.model != now.model)

    def updated(self, now: CameraIdentity) -> CameraIdentity:
        """Return what is known after `now` was told."""
        return now if self.is_other(now) else CameraIdentity(now.serial or self.serial, now.model or self.model)


@dataclass(slots=True)
class Memory:
    """One recorder's past. All that is keyed by a number: of a channel, RECORDER for itself."""

    info: RecorderInfo | None = None
    channels: tuple[Channel, ...] = ()
    driver: Mapping[str, object] = field(default_factory=dict)
    announced: dict[int, Announced] = field(default_factory=dict)
    reasons: dict[int, str] = field(default_factory=dict)
    seen: dict[int, set[str]] = field(default_factory=dict)
    profile: str | None = None
    locked_until: datetime | None = None
    cameras: dict[int, CameraIdentity] = field(default_factory=dict)
    sessions: Mapping[str, object] = field(default_factory=dict)
    controls: KnownControls = field(default_factory=KnownControls)


def _member[E: StrEnum](kind: type[E], value: object, default: E) -> E:
    try:
        return kind(str(value))
    except ValueError:
        return default


def _known[T](kind: type[T], raw: Mapping[str, Any]) -> dict[str, Any]:
    """Keep what this version knows: an older version may read what a newer one wrote."""
    names = {item.name for item in fields(cast("Any", kind))}
    return {key: value for key, value in raw.items() if key in names}


def _profile(raw: Mapping[str, Any]) -> StreamProfile:
    values = _known(StreamProfile, raw)
    values["role"] = _member(StreamRole, raw["role"], StreamRole.MAIN)
    values["video"] = _member(VideoCodec, raw.get("video"), VideoCodec.UNKNOWN)
    if values.get("audio") is not None:
        values["audio"] = _member(AudioCodec, values["audio"], AudioCodec.UNKNOWN)
    return StreamProfile(**values)


def _channel(raw: Mapping[str, Any]) -> Channel:
    values = _known(Channel, raw)
    values["kind"] = _member(ChannelKind, raw.get("kind"), ChannelKind.IP)
    values["profiles"] = tuple(_profile(item) for item in raw.get("profiles", ()))
    kinds = set(EventKind)
    values["detections"] = frozenset(EventKind(item) for item in raw.get("detections", ()) if item in kinds)
    return Channel(**values)


def _info(raw: Mapping[str, Any]) -> RecorderInfo:
    values = _known(RecorderInfo, raw)
    values["kind"] = _member(RecorderKind, raw.get("kind"), RecorderKind.NVR)
    return RecorderInfo(**values)


def to_json(memory: Memory) -> dict[str, Any]:
    """Return the memory as plain JSON."""
    return {
        "info": None if memory.info is None else asdict(memory.info),
        "channels": [{**asdict(channel), "detections": sorted(channel.detections)} for channel in memory.channels],
        "driver": dict(memory.driver),
        "announced": {
            str(number): {"online": item.online, "since": item.since.isoformat()}
            for number, item in memory.announced.items()
        },
        "reasons": {str(number): reason for number, reason in memory.reasons.items()},
        "seen": {str(number): sorted(kinds) for number, kinds in memory.seen.items()},
        "profile": memory.profile,
        "cameras": {str(number): asdict(camera) for number, camera in memory.cameras.items()},
        "locked_until": None if memory.locked_until is None else memory.locked_until.isoformat(),
        "sessions": dict(memory.sessions),
        "controls": dump(memory.controls),
    }


def from_json(raw: Mapping[str, Any]) -> Memory:
    """Return the memory a file holds; raises KeyError, TypeError or ValueError for one that we did not write."""
    cameras: Mapping[str, Mapping[str, Any]] = raw.get("cameras", {})
    return Memory(
        info=None if raw["info"] is None else _info(raw["info"]),
        channels=tuple(_channel(item) for item in raw["channels"]),
        driver=raw.get("driver", {}),
        announced={
            int(number): Announced(online=bool(item["online"]), since=datetime.fromisoformat(item["since"]))
            for number, item in raw.get("announced", {}).items()
        },
        reasons={int(number): str(reason) for number, reason in raw.get("reasons", {}).items()},
        seen={int(number): set(kinds) for number, kinds in raw.get("seen", {}).items()},
        profile=raw.get("profile"),
        cameras={int(number): CameraIdentity(**_known(CameraIdentity, item)) for number, item in cameras.items()},
        locked_until=None if raw.get("locked_until") is None else datetime.fromisoformat(raw["locked_until"]),
        sessions=dict(raw.get("sessions", {})),
        controls=load(dict(raw.get("controls", {}))),
    )


class MemoryStore:
    """The file of one entry's memory."""

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        """Name the file; nothing is read yet."""
        self._store = Store[dict[str, Any]](hass, _VERSION, f"{DOMAIN}.{entry_id}", private=True, atomic_writes=True)
        self.memory = Memory()

    async def async_load(self) -> Memory:
        """Read the file; one that cannot be understood is as good as none."""
        raw = await self._store.async_load()
        if raw is not None:
            try:
                self.memory = from_json(raw)
            except KeyError, TypeError, ValueError:
                self.memory = Memory()
        return self.memory

    @callback
    def async_save_soon(self) -> None:
        """Write the file in a while, together with what comes until then."""
        self._store.async_delay_save(self._data, _SAVE_DELAY)

    async def async_save(self) -> None:
        """Write the file now."""
        await self._store.async_save(self._data())

    async def async_remove(self) -> None:
        """Forget the recorder."""
        await self._store.async_remove()

    def _data(self) -> dict[str, Any]:
        return to_json(self.memory)
