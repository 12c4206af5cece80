"""What one recorder turned out to do differently, why each such switch exists, and what it does not offer at all.

Pure. Learned facts are plain JSON so that the next start need not learn them again; a new firmware forgets them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

_NEGATIVE_LIFE = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class QuirkRow:
    """One way in which recorders differ: how it is learned and what shows that it is real."""

    name: str
    values: str
    learned: str
    evidence: str


QUIRKS: Final = (
    QuirkRow(
        "picture_path",
        "direct | proxy",
        "the first picture: code 6 badXmlContent turns to the streaming proxy",
        "captured answers badXmlContent and deviceError of recorders (hikvision-isapi 7)",
    ),
    QuirkRow(
        "picture_query",
        "true | false",
        "a refused picture is asked again without width and height",
        "design text of others, no capture (hikvision-isapi 7)",
    ),
    QuirkRow(
        "position",
        "searchResultPostion | searchResultPosition | time",
        "a second page that begins like the first",
        "vendor text against field clients; unknown elements are ignored (hikvision-isapi 8.2)",
    ),
    QuirkRow(
        "search_page",
        "5 to 64",
        "a 400 halves the page and the window",
        "a recorder refused 20 min / 40 and took 10 min / 60 (hikvision-isapi 8.2)",
    ),
    QuirkRow(
        "typed_search",
        "true | false",
        "a search by kind that fails or finds nothing is made again without",
        "kind words differ by firmware (hikvision-isapi 8.2)",
    ),
    QuirkRow(
        "z_mode",
        "utc | local",
        "two short searches of a recording channel",
        "a DS-8632N-I8 V4.61 answers true UTC, two V4.84 recorders wall time (hikvision-isapi 8.3)",
    ),
    QuirkRow(
        "playback_z",
        "utc | local",
        "the start in a playback address against the start of its match",
        "firmware that searches in UTC and plays by wall time is told of, no capture (hikvision-isapi 8.3, 9.3)",
    ),
    QuirkRow(
        "daily",
        "true | false",
        "a refused calendar request",
        "vendor text and five clients; a few recorders answer 404 (hikvision-isapi 8.4)",
    ),
    QuirkRow(
        "download_dialect",
        "get_body | post_body | get_query",
        "the first download that succeeds",
        "each is used by clients in the field (hikvision-isapi 10)",
    ),
    QuirkRow(
        "download_by",
        "name | time",
        "download capabilities, then what succeeds",
        "one lab recorder offers by name only (hikvision-isapi 10)",
    ),
    QuirkRow(
        "legacy_paths",
        "true | false",
        "a 404 of the first document with the /ISAPI prefix",
        "firmware up to 5.0 answers without the prefix (hikvision-isapi 2.1)",
    ),
    QuirkRow(
        "io_inactive",
        "true | false",
        "the first inactive of an alarm input",
        "posted IO alerts of three cameras (hikvision-isapi 11.3)",
    ),
    QuirkRow(
        "proxy_offset",
        "0 | number of analog inputs",
        "IP channels of a hybrid that collide with its analog ones",
        "numbering of hybrids (hikvision-isapi 5.4); the collision is a precaution",
    ),
)


@dataclass(slots=True)
class Quirks:
    """The learned switches of one recorder; None means not learned yet."""

    picture_path: str | None = None
    picture_query: bool = True
    position: str | None = None
    search_page: int | None = None
    typed_search: bool | None = None
    z_mode: str | None = None
    z_proven: bool = False
    playback_z: str | None = None
    daily: bool | None = None
    download_dialect: str | None = None
    download_by: str | None = None
    legacy_paths: bool = False
    io_inactive: bool | None = None
    proxy_offset: int = 0

    def take_z(self, mode: str, *, proven: bool) -> None:
        """Take what Z means in a search."""
        if self.z_mode != mode:
            self.playback_z = None  # it was learned by the other meaning
        self.z_mode, self.z_proven = mode, proven

    def learned(self) -> dict[str, str | int | bool]:
        """Return what differs from an unknown recorder."""
        fresh = Quirks()
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return {name: value for name, value in values.items() if value != getattr(fresh, name)}


_TYPES: Final[Mapping[str, type]] = MappingProxyType(
    {
        "picture_path": str,
        "picture_query": bool,
        "position": str,
        "search_page": int,
        "typed_search": bool,
        "z_mode": str,
        "z_proven": bool,
        "playback_z": str,
        "daily": bool,
        "download_dialect": str,
        "download_by": str,
        "legacy_paths": bool,
        "io_inactive": bool,
        "proxy_offset": int,
    }
)


@dataclass(slots=True)
class Memory:
    """All that is kept of one recorder between starts: switches, refused paths, profiles of its channels."""

    firmware: str = ""
    quirks: Quirks = field(default_factory=Quirks)
    refused: dict[str, str] = field(default_factory=dict)
    profiles: dict[str, list[list[object]]] = field(default_factory=dict)

    @classmethod
    def load(cls, data: Mapping[str, object] | None) -> Memory:
        """Read what an earlier run stored; anything odd in it is forgotten, not trusted."""
        memory = cls()
        if not data:
            return memory
        firmware, quirks = data.get("firmware"), data.get("quirks")
        if isinstance(firmware, str):
            memory.firmware = firmware
        if isinstance(quirks, Mapping):
            for name, kind in _TYPES.items():
                if type(value := quirks.get(name)) is kind:
                    setattr(memory.quirks, name, value)
        refused, profiles = data.get("refused"), data.get("profiles")
        if isinstance(refused, Mapping):
            memory.refused = {str(path): str(moment) for path, moment in refused.items()}
        if isinstance(profiles, Mapping):
            memory.profiles = {str(key): list(rows) for key, rows in profiles.items() if isinstance(rows, list)}
        return memory

    def dump(self) -> dict[str, object]:
        """Return all of it as plain JSON."""
        return {
            "firmware": self.firmware,
            "quirks": self.quirks.learned(),
            "refused": dict(self.refused),
            "profiles": {key: [list(row) for row in rows] for key, rows in self.profiles.items()},
        }

    def seen_firmware(self, firmware: str) -> None:
        """Forget switches and refusals that another firmware showed; the channels' profiles stay."""
        if self.firmware and self.firmware != firmware:
            self.quirks = Quirks()
            self.refused.clear()
        self.firmware = firmware

    def is_refused(self, path: str, now: datetime) -> bool:
        """Tell whether the path was refused within the last day (hikvision-isapi 17, 3)."""
        stored = self.refused.get(path)
        if stored is None:
            return False
        try:
            fresh = now - datetime.fromisoformat(stored) < _NEGATIVE_LIFE
        except ValueError, TypeError:
            fresh = False
        if not fresh:
            del self.refused[path]
        return fresh

    def note_refused(self, path: str, now: datetime) -> None:
        """Remember that the recorder does not offer the path."""
        self.refused[path] = now.isoformat()
