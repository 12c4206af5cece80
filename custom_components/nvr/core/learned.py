"""What a driver has learned of one recorder and keeps between starts, as plain JSON. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import ClassVar, Final

from .models import AudioCodec, StreamProfile, StreamRole, VideoCodec

_NEGATIVE_LIFE: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class QuirkRow:
    """One way in which recorders differ: how it is learned and what shows that it is real."""

    name: str
    values: str
    learned: str
    evidence: str


@dataclass(slots=True)
class LearnedQuirks:
    """The learned switches of one recorder; each family names its own as fields."""

    def learned(self) -> dict[str, str | int | bool]:
        """Return what differs from an unknown recorder."""
        fresh = type(self)()
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return {name: value for name, value in values.items() if value != getattr(fresh, name)}


@dataclass(slots=True)
class DriverMemory[Q: LearnedQuirks]:
    """All that is kept of one recorder between starts: switches, what it refused, profiles of its channels."""

    kinds: ClassVar[Mapping[str, type]]  # of what type each switch is stored

    quirks: Q
    firmware: str = ""
    refused: dict[str, str] = field(default_factory=dict)
    profiles: dict[str, list[list[object]]] = field(default_factory=dict)

    def recall(self, data: Mapping[str, object] | None) -> None:
        """Take what an earlier run stored; anything odd in it is forgotten, not trusted."""
        data = data or {}
        firmware, quirks = data.get("firmware"), data.get("quirks")
        if isinstance(firmware, str):
            self.firmware = firmware
        if isinstance(quirks, Mapping):
            for name, kind in self.kinds.items():
                if type(value := quirks.get(name)) is kind:
                    setattr(self.quirks, name, value)
        refused, profiles = data.get("refused"), data.get("profiles")
        if isinstance(refused, Mapping):
            self.refused = {str(name): str(moment) for name, moment in refused.items()}
        if isinstance(profiles, Mapping):
            self.profiles = {str(key): list(rows) for key, rows in profiles.items() if isinstance(rows, list)}

    def dump(self) -> dict[str, object]:
        """Return all of it as plain JSON."""
        return {
            "firmware": self.firmware,
            "quirks": self.quirks.learned(),
            "refused": dict(self.refused),
            "profiles": {key: [list(row) for row in rows] for key, rows in self.profiles.items()},
        }

    def seen_firmware(self, firmware: str) -> None:
        """Forget switches and refusals that another firmware showed; the channels' profiles stay.

        Empty is no other firmware: the recorder would not tell.
        """
        if not firmware:
            return
        if self.firmware and self.firmware != firmware:
            self.quirks = type(self.quirks)()
            self.refused.clear()
        self.firmware = firmware

    def is_refused(self, name: str, now: datetime) -> bool:
        """Tell whether the question was refused within the last day (hikvision-isapi 17, 3)."""
        stored = self.refused.get(name)
        if stored is None:
            return False
        try:
            fresh = now - datetime.fromisoformat(stored) < _NEGATIVE_LIFE
        except ValueError, TypeError:
            fresh = False
        if not fresh:
            del self.refused[name]
        return fresh

    def note_refused(self, name: str, now: datetime) -> None:
        """Remember that the recorder does not offer this."""
        self.refused[name] = now.isoformat()


def dump_profiles(profiles: Iterable[StreamProfile]) -> list[list[object]]:
    """Return profiles as plain JSON rows, for the memory of a recorder."""
    return [
        [item.role.value, item.stream_id, item.video.value, item.width, item.height, item.fps, item.bitrate,
         item.audio.value if item.audio else None, item.enabled]
        for item in profiles
    ]  # fmt: skip


def load_profiles(rows: Mapping[str, Sequence[Sequence[object]]]) -> dict[int, tuple[StreamProfile, ...]]:
    """Read profiles back; rows that are not ours any more are left out."""
    found: dict[int, tuple[StreamProfile, ...]] = {}
    for key, entries in rows.items():
        try:
            found[int(key)] = tuple(_load_profile(entry) for entry in entries)
        except ValueError, TypeError:
            continue
    return found


def _load_profile(row: Sequence[object]) -> StreamProfile:
    role, stream_id, video, width, height, fps, bitrate, audio, enabled = row
    return StreamProfile(
        role=StreamRole(str(role)),
        stream_id=str(stream_id),
        video=VideoCodec(str(video)),
        width=width if isinstance(width, int) else None,
        height=height if isinstance(height, int) else None,
        fps=fps if isinstance(fps, float) else None,
        bitrate=bitrate if isinstance(bitrate, int) else None,
        audio=AudioCodec(str(audio)) if audio else None,
        enabled=bool(enabled),
    )
