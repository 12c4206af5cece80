"""Documents of TwoWayAudio (hikvision-isapi 12.5). Pure. Shapes of public clients; no capture confirms them."""

from dataclasses import dataclass
from typing import Final

from ...transport.xml import descendants, find, parse, text

_ENTRY: Final = "TwoWayAudioChannel"


@dataclass(frozen=True, slots=True)
class Voice:
    """One entry of `TwoWayAudio/channels`: its number and the recorder's word for what it takes."""

    id: str
    codec: str


def parse_voices(body: bytes) -> list[Voice]:
    """Read `TwoWayAudio/channels`, in the recorder's order."""
    found = (
        Voice(text(entry, "id"), text(entry, "audioCompressionType")) for entry in descendants(parse(body), _ENTRY)
    )
    return [voice for voice in found if voice.id.isascii() and voice.id.isdigit()]


def parse_talk(body: bytes) -> str | None:
    """Read the answer to `open`: the session's name, None where the firmware gives it none."""
    root = parse(body)
    session = find(root, "sessionId")
    name = "" if session is None else (session.text or "").strip()
    return name if name.isascii() and name.isalnum() else None
