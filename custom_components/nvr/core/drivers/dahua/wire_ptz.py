"""Questions and answers of ptz.cgi (dahua-cgi 13). Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .wire import Node, child, entries, flag, integer, text

_FASTEST = 8


@dataclass(frozen=True, slots=True)
class HeadCaps:
    """`getCurrentProtocolCaps`; a fixed camera may name its wiper and nothing that moves."""

    pan: bool
    tilt: bool
    zoom: bool
    focus: bool
    iris: bool
    presets: int
    tours: int
    fastest: int


@dataclass(frozen=True, slots=True)
class Drive:
    """One `code` of start and stop with its arguments: arg1 is the vertical speed, arg2 the other one."""

    code: str
    arg1: int
    arg2: int

    def query(self, action: str, channel: int) -> str:
        """Return the query of a start or of the stop that matches it."""
        return f"action={action}&channel={channel}&code={self.code}&arg1={self.arg1}&arg2={self.arg2}&arg3=0"


def parse_caps(table: Node) -> HeadCaps:
    """Read the caps; `Tile` is how firmware spells tilt."""
    caps = child(table, "caps")

    def has(name: str) -> bool:
        return flag(caps, name) is True

    presets = (integer(caps, "PresetMax") or 0) if has("Preset") else 0
    return HeadCaps(
        pan=has("Pan"),
        tilt=has("Tile") or has("Tilt"),
        zoom=has("Zoom"),
        focus=has("Focus"),
        iris=has("Iris"),
        presets=presets,
        tours=(integer(caps, "TourMax") or 8) if has("Tour") else 0,
        fastest=integer(caps, "PanSpeedMax") or _FASTEST,
    )


def parse_presets(table: Node) -> dict[int, str]:
    """Read `getPresets`: number to name."""
    found = {}
    for _, item in entries(child(table, "presets")):
        number = integer(item, "Index")
        if number is not None:
            found[number] = text(item, "Name")
    return found


def drives(motion: Mapping[str, float], fastest: int) -> Iterator[Drive]:
    """Yield what moves a head that way; pan and tilt at once are one code of its own."""

    def speed(value: float) -> int:
        return max(1, min(fastest, round(abs(value) * fastest)))

    pan, tilt = motion.get("pan", 0.0), motion.get("tilt", 0.0)
    across = "" if not pan else "Right" if pan > 0 else "Left"
    along = "" if not tilt else "Up" if tilt > 0 else "Down"
    if across and along:
        yield Drive(f"{across}{along}", speed(tilt), speed(pan))
    elif across or along:
        yield Drive(across or along, 0, speed(pan or tilt))
    for name, ahead, back in (
        ("zoom", "ZoomTele", "ZoomWide"),
        ("focus", "FocusFar", "FocusNear"),
        ("iris", "IrisLarge", "IrisSmall"),
    ):
        if value := motion.get(name, 0.0):
            yield Drive(ahead if value > 0 else back, 0, speed(value))
