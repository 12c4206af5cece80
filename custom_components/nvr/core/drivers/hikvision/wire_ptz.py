"""Documents of PTZCtrl (hikvision-isapi 12.2). Pure. The vendor's published shapes; no capture confirms them."""

from dataclasses import dataclass
from xml.etree.ElementTree import Element

from ...transport.xml import boolean, descendants, find, integer, parse, text
from .wire_document import render


@dataclass(frozen=True, slots=True)
class HeadAbilities:
    """`PTZCtrl/channels/<n>/capabilities`: what may be moved continuously, and how many numbers there are."""

    pan_tilt: bool
    zoom: bool
    presets: int
    patrols: int


@dataclass(frozen=True, slots=True)
class StoredPreset:
    """One entry of `presets`; the list has one for each number, used or not."""

    number: int
    name: str
    enabled: bool


def parse_head(body: bytes) -> HeadAbilities:
    """Read the capabilities of one channel (root `PTZChanelCap`, the vendor's spelling)."""
    root = parse(body)
    return HeadAbilities(
        pan_tilt=find(root, "ContinuousPanTiltSpace") is not None,
        zoom=find(root, "ContinuousZoomSpace") is not None,
        presets=integer(root, "maxPresetNum") or 0,
        patrols=integer(root, "maxPatrolNum") or 0,
    )


def parse_presets(body: bytes) -> list[StoredPreset]:
    """Read `presets`; an entry without `enabled` is one that is used."""
    found = []
    for entry in descendants(parse(body), "PTZPreset"):
        number = integer(entry, "id")
        if number is not None:
            name = text(entry, "presetName")
            found.append(StoredPreset(number, name, boolean(entry, "enabled") is not False))
    return found


def motion_body(pan: int, tilt: int, zoom: int) -> bytes:
    """Return `PTZData` of `continuous`; from -100 to 100, all of them 0 is the stop."""
    return f"<PTZData><pan>{pan}</pan><tilt>{tilt}</tilt><zoom>{zoom}</zoom></PTZData>".encode()


def lens_body(part: str, speed: int) -> bytes:
    """Return `FocusData` or `IrisData` for `focus` or `iris`; 0 stops."""
    root = f"{part.capitalize()}Data"
    return f"<{root}><{part}>{speed}</{part}></{root}>".encode()


def preset_body(listed: bytes, number: int, name: str) -> bytes:
    """Return the entry of a preset as the list has it, with another name and in use; a new one where it has none."""
    for entry in descendants(parse(listed), "PTZPreset"):
        if integer(entry, "id") == number:
            _put(entry, "enabled", "true")
            _put(entry, "presetName", name or text(entry, "presetName"))
            return render(entry)
    root = Element("PTZPreset")
    for tag, value in (("id", str(number)), ("presetName", name)):
        child = Element(tag)
        child.text = value
        root.append(child)
    return render(root)


def _put(entry: Element, tag: str, value: str) -> None:
    found = find(entry, tag)
    if found is not None:
        found.text = value
