"""Our composed answers of recorders, read as a connect would read them."""

from collections.abc import Callable
from pathlib import Path

from custom_components.nvr.core.drivers.hikvision import wire
from custom_components.nvr.core.drivers.hikvision.mapping import Documents

FIXTURES = Path(__file__).parents[4] / "fixtures" / "hikvision"
DEVICES = sorted(folder.name for folder in FIXTURES.iterdir())


def raw(device: str, path: str) -> bytes:
    return (FIXTURES / device / f"{path.replace('/', '__')}.xml").read_bytes()


def load(device: str) -> Documents:
    def read[T](path: str, parse: Callable[[bytes], T]) -> T | None:
        file = FIXTURES / device / f"{path.replace('/', '__')}.xml"
        return parse(file.read_bytes()) if file.exists() else None

    return Documents(
        info=wire.parse_device_info(raw(device, "System/deviceInfo")),
        capabilities=read("System/capabilities", wire.parse_capabilities),
        proxies=read("ContentMgmt/InputProxy/channels", wire.parse_proxy_channels),
        states=read("ContentMgmt/InputProxy/channels/status", wire.parse_proxy_status),
        inputs=read("System/Video/inputs/channels", wire.parse_video_inputs),
        streams=read("Streaming/channels", wire.parse_streams),
        triggers=read("Event/triggers", wire.parse_triggers),
        tracks=read("ContentMgmt/record/tracks", wire.parse_tracks),
        lens_events=read("Event/channels/capabilities", wire.parse_channel_events),
    )
