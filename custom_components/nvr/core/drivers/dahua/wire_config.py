"""What a recorder tells of itself, by CGI tables or RPC JSON alike: identity, slots, encoders, disks, time. Pure.

Places in tables are counted from 0 here, as on the wire (dahua-cgi 4).
"""

from collections.abc import Mapping
from dataclasses import dataclass
import re
from typing import Final

from .wire import Node, child, entries, flag, integer, real, text

# What an unwired slot shows for an address (dahua-cgi 6).
NO_ADDRESS: Final = frozenset({"", "0.0.0.0", "1.1.1.1"})  # noqa: S104 - not dialled
_SLOT: Final = re.compile(r"_NETCAMERA_INFO_(\d{1,4})$")
_BUILD: Final = re.compile(r",\s*build\s*:\s*", re.IGNORECASE)
_SIZE: Final = re.compile(r"(\d{2,5})\s*[xX*]\s*(\d{2,5})")


@dataclass(frozen=True, slots=True)
class SystemInfo:
    """Who answers. `device_type` is a mere number on NVRs: `update_serial` names the model then (dahua-cgi 5)."""

    serial: str
    device_type: str = ""
    update_serial: str = ""
    hardware: str = ""


@dataclass(frozen=True, slots=True)
class Camera:
    """One slot as the recorder lists its cameras. `kind` is Remote, Local or Compose; `enabled` None if untold."""

    index: int
    enabled: bool | None
    kind: str = ""
    address: str = ""
    model: str = ""
    serial: str = ""
    protocol: str = ""
    firmware: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Encoding:
    """One encoder of a channel; `subtype` 0 is the main stream. `bitrate` in kbit/s."""

    subtype: int
    codec: str
    width: int | None
    height: int | None
    fps: float | None
    bitrate: int | None
    audio: str
    enabled: bool


@dataclass(frozen=True, slots=True)
class Volume:
    """One disk; sizes in bytes."""

    name: str
    state: str
    total: int
    used: int
    broken: bool


def first_text(params: Node, *names: str) -> str:
    """Return the first of the named texts that is there."""
    for name in names:
        found = text(params, name)
        if found:
            return found
    return ""


def parse_system_info(params: Node) -> SystemInfo:
    """Read getSystemInfo, or the lone answers of getSerialNo and getDeviceType put together."""
    return SystemInfo(
        serial=first_text(params, "serialNumber", "sn"),
        device_type=first_text(params, "deviceType", "type"),
        update_serial=text(params, "updateSerial"),
        hardware=text(params, "hardwareVersion"),
    )


def parse_version(params: Node) -> tuple[str, str]:
    """Return version and build date: `version=2.8,build:2020-06-05`, two lines, or a table (dahua-cgi 3, 5)."""
    told = child(params, "version")
    if isinstance(told, Mapping):
        return text(told, "Version"), text(told, "BuildDate")
    version = text(params, "version")
    parts = _BUILD.split(version, maxsplit=1)
    return parts[0].strip(), parts[1].strip() if len(parts) > 1 else text(params, "BuildDate")


def parse_cameras(params: Node) -> list[Camera]:
    """Read getCameraAll; what is composed of other cameras is none (dahua-cgi 6)."""
    found = []
    for place, item in entries(child(params, "camera")):
        index = integer(item, "UniqueChannel")
        kind = text(item, "Type")
        if kind.lower() == "compose":
            continue
        device = child(item, "DeviceInfo")
        found.append(
            Camera(
                index=place if index is None else index,
                enabled=flag(item, "Enable"),
                kind=kind,
                address=text(device, "Address"),
                model=text(device, "DeviceType"),
                serial=first_text(device, "SerialNo", "Name"),
                protocol=text(device, "ProtocolType"),
                firmware=first_text(device, "SoftwareVersion", "Version"),
                name=text(device, "VideoInputs", 0, "Name"),
            )
        )
    return found


def parse_states(params: Node) -> dict[int, str]:
    """Read getCameraState; an entry without a state is not connected, which "" says (dahua-cgi 6)."""
    found = {}
    for place, item in entries(child(params, "states")):
        index = integer(item, "channel")
        found[place if index is None else index] = text(item, "connectionState")
    return found


def parse_remotes(table: Node) -> list[Camera]:
    """Read the RemoteDevice table in both its forms; account names in it are left where they are (dahua-cgi 6)."""
    if not isinstance(table, Mapping):
        slots = dict(entries(table))
    else:
        slots = {}
        for key, item in table.items():
            if isinstance(key, int):
                slots[key] = item
            elif (match := _SLOT.search(key)) is not None:
                slots[int(match[1])] = item
    return [
        Camera(
            index=index,
            enabled=flag(item, "Enable"),
            kind="Remote",
            address=text(item, "Address"),
            model=text(item, "DeviceType"),
            serial=first_text(item, "SerialNo", "Name"),
            protocol=text(item, "ProtocolType"),
            firmware=text(item, "Version"),
            name=text(item, "VideoInputs", 0, "Name"),
        )
        for index, item in sorted(slots.items())
    ]


def parse_titles(table: Node) -> dict[int, str]:
    """Read ChannelTitle: a label for every slot, used or not; lines are parted by a bar (dahua-cgi 6)."""
    return {index: " ".join(text(item, "Name").replace("|", " ").split()) for index, item in entries(table)}


def _encoding(node: Node, subtype: int) -> Encoding | None:
    video = child(node, "Video")
    codec = text(video, "Compression")
    if not codec:
        return None
    width, height = integer(video, "Width"), integer(video, "Height")
    size = _SIZE.search(first_text(video, "resolution", "Resolution"))
    if size is not None and not (width and height):
        width, height = int(size[1]), int(size[2])
    return Encoding(
        subtype=subtype,
        codec=codec,
        width=width or None,
        height=height or None,
        fps=real(video, "FPS") or None,
        bitrate=integer(video, "BitRate") or None,
        audio=text(node, "Audio", "Compression") if flag(node, "AudioEnable") else "",
        enabled=flag(node, "VideoEnable") is not False,
    )


def parse_encode(table: Node) -> dict[int, list[Encoding]]:
    """Read Encode: the regular main format and the extra ones of each channel (dahua-cgi 8.1)."""
    found: dict[int, list[Encoding]] = {}
    for index, item in entries(table):
        streams = [_encoding(child(item, "MainFormat", 0), 0)]
        streams += [_encoding(node, place + 1) for place, node in entries(child(item, "ExtraFormat"))]
        known = [stream for stream in streams if stream is not None]
        if known:
            found[index] = known
    return found


def parse_volumes(params: Node) -> list[Volume]:
    """Read getDeviceAllInfo; a disk's partitions are added up (dahua-cgi 7.1)."""
    info = child(params, "info")
    found = []
    for place, item in entries(child(params, "list", "info") if info is None else info):
        parts = [part for _, part in entries(child(item, "Detail"))]
        found.append(
            Volume(
                name=text(item, "Name") or f"disk{place}",
                state=text(item, "State"),
                total=sum(integer(part, "TotalBytes") or 0 for part in parts),
                used=sum(integer(part, "UsedBytes") or 0 for part in parts),
                broken=any(flag(part, "IsError") for part in parts),
            )
        )
    return found


def parse_current_time(result: Node, params: Node) -> str:
    """Return the wall clock's text: in `params.time`, or as the result itself (dahua-cgi 7.2)."""
    return first_text(params, "time", "result") or text(result)


def parse_rules(answer: Node, name: str, place: int) -> frozenset[str] | None:
    """Return the types of a channel's rules; None where the answer holds no list of them (dahua-cgi 13)."""
    table = child(answer, "table")
    by_name = child(table, name)
    rules = table if by_name is None else by_name
    # The CGI names the place it was asked for.
    if isinstance(rules, Mapping) and isinstance(inner := rules.get(place), Mapping | list):
        rules = inner
    if not isinstance(rules, Mapping | list):
        return None
    return frozenset(word for _, rule in entries(rules) if (word := text(rule, "Type")))


def parse_enabled(table: Node) -> frozenset[int]:
    """Return the channels for which a table says that its function is on."""
    return frozenset(index for index, item in entries(table) if flag(item, "Enable"))
