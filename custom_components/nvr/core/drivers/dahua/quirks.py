"""What one recorder turned out to do differently, why each such switch exists, and what it does not offer at all.

Pure. Learned facts are plain JSON so that the next start need not learn them again; a new firmware forgets them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Final

from ...learned import DriverMemory, LearnedQuirks, QuirkRow

QUIRKS: Final = (
    QuirkRow(
        "nonce_once",
        "true | false",
        "a nonce that was just good is refused, by 401 or 403, and a fresh one is not",
        "an NVR5464 renews its nonce with every answer; another one refuses the old with 403 (dahua-cgi 2.2)",
    ),
    QuirkRow(
        "manager_instance",
        "true | false",
        "the list of cameras is refused without an instance of the manager and not with one",
        "used by clients in the field (dahua-cgi 6)",
    ),
    QuirkRow(
        "playback_form",
        "playback | realmonitor | file",
        "the first playback that answers",
        "an NVR5232 5.001 plays by time under realmonitor, others under playback (dahua-cgi 10.1)",
    ),
    QuirkRow(
        "finder",
        "rpc | cgi",
        "the first search that finds files; a handle of null, or a refusal with a code, turns to the CGI",
        "a probe of an NVR5232 got null for a handle (dahua-cgi 9.3)",
    ),
    QuirkRow(
        "search_page",
        "8 to 256",
        "an error on a page halves it",
        "documented maximum 100, web pages ask for 1024 (dahua-cgi 9.1)",
    ),
    QuirkRow(
        "bitmap",
        "0 | 1 | none",
        "the month's bitmap against a search of today",
        "the channel base of the calendar is not documented (dahua-cgi 9.4)",
    ),
    QuirkRow(
        "bitmap_name",
        "text",
        "the first storage name whose bitmap answers",
        "cameras name a card, NVRs a slash (dahua-cgi 9.4)",
    ),
    QuirkRow(
        "download_by",
        "file | clip | rtsp",
        "the self-test of the first download",
        "loadfile.cgi seeks wrongly or answers empty on two recorders (dahua-cgi 11.3)",
    ),
    QuirkRow(
        "file_path_form",
        "encoded | raw",
        "the first whole-file download",
        "both are used by clients in the field (dahua-cgi 11.1)",
    ),
    QuirkRow(
        "codes",
        "all | short | polled",
        "the attach to all events, tried first at each start, or what works after it was refused again and again",
        "a camera of 2014 refused lists, others cut them, a third kind pushes nothing (dahua-cgi 12.1)",
    ),
    QuirkRow(
        "snapshot_base",
        "0 | 1",
        "the first still of a camera: 1, and 0 where that is refused",
        "some old cameras count from 0 here (dahua-cgi 4)",
    ),
)
# Without these there is no recorder, and refusals are common while one boots: they are asked for each time.
_NEVER_REFUSED: Final = (
    *("magicBox.cgi?action=getSystemInfo", "magicBox.cgi?action=getSerialNo", "magicBox.cgi?action=getDeviceType"),
    *("magicBox.cgi?action=getDeviceClass", "magicBox.cgi?action=getSoftwareVersion"),
    *("configManager.cgi?action=getConfig&name=RemoteDevice", "devVideoInput.cgi?action=getCollect"),
)


@dataclass(slots=True)
class Quirks(LearnedQuirks):
    """The learned switches of one recorder; None means not learned yet."""

    nonce_once: bool = False
    manager_instance: bool = False
    playback_form: str | None = None
    finder: str | None = None
    search_page: int | None = None
    bitmap: str | None = None
    bitmap_name: str | None = None
    download_by: str | None = None
    file_path_form: str | None = None
    codes: str | None = None
    snapshot_base: int | None = None


_TYPES: Final[Mapping[str, type]] = MappingProxyType(
    {"nonce_once": bool, "manager_instance": bool, "search_page": int, "snapshot_base": int}
    | dict.fromkeys(
        (
            "playback_form",
            "finder",
            "bitmap",
            "bitmap_name",
            "download_by",
            "file_path_form",
            "codes",
        ),
        str,
    )
)


@dataclass(slots=True)
class Memory(DriverMemory[Quirks]):
    """What is kept of one recorder between starts; `vendor` is who sells it, None while nobody has asked.

    `answered` are the optional questions this firmware has answered: a refusal of one of them is no lack.
    """

    kinds = _TYPES

    quirks: Quirks = field(default_factory=Quirks)
    vendor: str | None = None
    answered: set[str] = field(default_factory=set)

    @classmethod
    def load(cls, data: Mapping[str, object] | None) -> Memory:
        """Read what an earlier run stored."""
        memory = cls()
        memory.recall(data)
        if data and isinstance(vendor := data.get("vendor"), str):
            memory.vendor = vendor
        if data and isinstance(answered := data.get("answered"), list):
            memory.answered = {str(name) for name in answered}
        return memory

    def seen_firmware(self, firmware: str) -> None:
        """Forget what another firmware showed; the channels' profiles stay."""
        if self.firmware and firmware and self.firmware != firmware:
            self.answered.clear()
        DriverMemory.seen_firmware(self, firmware)

    def note_refused(self, name: str, now: datetime) -> None:
        """Remember that the recorder does not offer this, unless it did before or could not be without it."""
        if name not in self.answered and name not in _NEVER_REFUSED:
            DriverMemory.note_refused(self, name, now)

    def note_answered(self, name: str) -> None:
        """Remember that this firmware has it, whatever it says of it another time."""
        self.answered.add(name)

    def dump(self) -> dict[str, object]:
        """Return all of it as plain JSON."""
        return {**DriverMemory.dump(self), "vendor": self.vendor, "answered": sorted(self.answered)}
