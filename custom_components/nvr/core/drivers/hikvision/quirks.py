"""What one recorder turned out to do differently, why each such switch exists, and what it does not offer at all.

Pure. Learned facts are plain JSON so that the next start need not learn them again; a new firmware forgets them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from ...learned import DriverMemory, LearnedQuirks, QuirkRow

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
        "a refused calendar request, or footage where the calendar names none",
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
class Quirks(LearnedQuirks):
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
class Memory(DriverMemory[Quirks]):
    """What is kept of one recorder between starts."""

    kinds = _TYPES

    quirks: Quirks = field(default_factory=Quirks)

    @classmethod
    def load(cls, data: Mapping[str, object] | None) -> Memory:
        """Read what an earlier run stored."""
        memory = cls()
        memory.recall(data)
        return memory
