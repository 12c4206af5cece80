"""Values in documents of settings, with the ranges that stand beside them (hikvision-isapi 12). Pure."""

from dataclasses import dataclass
import json
from xml.etree.ElementTree import Element

from ...errors import NvrResponseError
from ...transport.xml import descendants, find, local, parse, text, whole


@dataclass(frozen=True, slots=True)
class Told:
    """What one element holds; ends and words as far as its attributes tell them."""

    value: str
    low: int | None = None
    high: int | None = None
    words: tuple[str, ...] = ()


def _limit(element: Element, name: str) -> int | None:
    return whole(element.get(name, ""))


def told(root: Element, path: str, ranges: Element | None = None) -> Told | None:
    """Return what stands at a path, None where nothing does; `ranges` is the document of capabilities."""
    found = find(root, path)
    if found is None:
        return None
    name = path.rpartition("/")[2]
    known = next(descendants(ranges, name), None) if ranges is not None else None
    sources = [item for item in (found, known) if item is not None]
    ends = [(_limit(item, "min"), _limit(item, "max")) for item in sources]
    low = next((low for low, _ in ends if low is not None), None)
    high = next((high for _, high in ends if high is not None), None)
    words = next((item.get("opt", "") for item in sources if item.get("opt")), "")
    return Told(text(found), low, high, tuple(part.strip() for part in words.split(",") if part.strip()))


def parse_output(body: bytes) -> bool | None:
    """Read `IO/outputs/<n>/status`: whether the relay is drawn."""
    return {"active": True, "inactive": False}.get(text(parse(body), "ioState").lower())


def parse_ports(body: bytes) -> dict[int, bool]:
    """Read `IO/status`, or the status of one port: which alarm inputs are active (12.1)."""
    root = parse(body)
    ports = [root] if local(root.tag) == "IOPortStatus" else list(descendants(root, "IOPortStatus"))
    states = {"active": True, "inactive": False}
    return {
        int(number): states[state]
        for port in ports
        if text(port, "ioPortType").lower() == "input"
        and (number := text(port, "ioPortID")).isdecimal()
        and (state := text(port, "ioState").lower()) in states
    }


def parse_audio_alarm(body: bytes) -> int:
    """Read `AudioAlarm?format=json`: the number of the sound; raises NvrResponseError for anything else (12.4)."""
    try:
        alarm = json.loads(body)["AudioAlarm"]
        return int(alarm["audioID"] if "audioID" in alarm else alarm["alertAudioID"])
    except ValueError, KeyError, TypeError:
        message = "the recorder names no sound of its alarm"
        raise NvrResponseError(message) from None


def output_body(*, on: bool) -> bytes:
    """Return `IOPortData`."""
    return f"<IOPortData><outputState>{'high' if on else 'low'}</outputState></IOPortData>".encode()
