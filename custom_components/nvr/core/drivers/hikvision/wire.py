"""Configuration documents of ISAPI: bytes to wire shapes, by local name only (hikvision-isapi 2.2).

Pure. A wrapper may be there or not, a list may carry a wrong `size`, an element may change its namespace half-way.
Every parser raises NvrResponseError for what is no document of its sort.
"""

from dataclasses import dataclass
from xml.etree.ElementTree import Element

from ...errors import NvrResponseError
from ...transport.xml import boolean, descendants, find, findall, integer, local, parse, text, whole

_LARGEST = 1e15
NO_ADDRESS = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - an empty slot, nothing is bound


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """`System/deviceInfo` (hikvision-isapi 4.1); empty text where the firmware leaves an element out."""

    name: str
    model: str
    serial: str
    mac: str
    firmware: str
    build: str
    device_type: str
    manufacturer: str
    hardware: str
    device_id: str


@dataclass(frozen=True, slots=True)
class DeviceCapabilities:
    """The fields of `System/capabilities` that change what the driver does (hikvision-isapi 4.2)."""

    analog_inputs: int | None
    proxy_inputs: int | None
    alarm_inputs: int
    alarm_outputs: int
    record_types: tuple[str, ...]
    sub_record: bool | None
    playback_utc: bool


@dataclass(frozen=True, slots=True)
class DeviceTime:
    """`System/time` (hikvision-isapi 4.3): the wall clock as text and the POSIX zone, sign inverted."""

    mode: str
    local_time: str
    zone: str


@dataclass(frozen=True, slots=True)
class ProxyChannel:
    """One entry of `ContentMgmt/InputProxy/channels` (hikvision-isapi 5.1)."""

    id: int
    name: str
    protocol: str
    address: str
    model: str
    serial: str
    firmware: str
    has_source: bool


@dataclass(frozen=True, slots=True)
class ProxyStatus:
    """One entry of `InputProxy/channels/status`; `online` None when it is not said (hikvision-isapi 5.2)."""

    id: int
    online: bool | None
    detail: str
    streams: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class VideoInput:
    """One entry of `System/Video/inputs/channels` (hikvision-isapi 5.3)."""

    id: int
    name: str
    enabled: bool
    signal: str


@dataclass(frozen=True, slots=True)
class Stream:
    """One entry of `Streaming/channels` (hikvision-isapi 6.1); `rate` is frames per second times 100, 0 is full."""

    id: int
    channel: int | None
    name: str
    enabled: bool
    codec: str
    width: int | None
    height: int | None
    rate: int | None
    bitrate: int | None
    audio: str | None


@dataclass(frozen=True, slots=True)
class Track:
    """One entry of `ContentMgmt/record/tracks` (hikvision-isapi 8.1); `source` is the video input."""

    id: int
    source: int | None


@dataclass(frozen=True, slots=True)
class Trigger:
    """One entry of `Event/triggers` (hikvision-isapi 11.5); its id is neither unique nor made of its type."""

    id: str
    type: str
    channel: int | None
    port: int | None
    proxied_port: int | None
    methods: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Volume:
    """One disk or network volume of `ContentMgmt/Storage` (hikvision-isapi 13); sizes in MB."""

    id: str
    name: str
    kind: str
    status: str
    capacity: int | None
    free: int | None


@dataclass(frozen=True, slots=True)
class DeviceStatus:
    """`System/status` (hikvision-isapi 4.4): uptime in s, CPU loads in per cent, memory in MB."""

    uptime: int | None
    cpu: tuple[float, ...]
    memory_used: float | None
    memory_free: float | None


@dataclass(frozen=True, slots=True)
class DownloadAbility:
    """`ContentMgmt/download/capabilities` (hikvision-isapi 10); None when it is not said."""

    by_name: bool | None
    by_time: bool | None


def unexpected(wanted: str, got: str) -> NvrResponseError:
    """Return the error for a document that is not the one asked for."""
    return NvrResponseError(f"expected a {wanted} document, got {got[:60]}")


def _text(element: Element, path: str = "") -> str:
    return text(element, path, "")


def _root(body: bytes, name: str) -> Element:
    """Return the element called `name`, at the root or below a wrapper; raises NvrResponseError."""
    root = parse(body)
    found = next(descendants(root, name), None)
    if found is not None:
        return found
    raise unexpected(name, local(root.tag))


def _entries(body: bytes, lists: tuple[str, ...], entry: str) -> list[Element]:
    """Return the entries of a list document whatever wraps it; a lone entry counts as a list of one."""
    root = parse(body)
    found = list(descendants(root, entry))
    if not found and not any(local(element.tag) in lists for element in root.iter()):
        raise unexpected(lists[0], local(root.tag))
    return found


def parse_device_info(body: bytes) -> DeviceInfo:
    """Read `System/deviceInfo` (hikvision-isapi 4.1)."""
    root = _root(body, "DeviceInfo")
    return DeviceInfo(
        name=_text(root, "deviceName"),
        model=_text(root, "model"),
        serial=_text(root, "serialNumber"),
        mac=_text(root, "macAddress"),
        firmware=_text(root, "firmwareVersion"),
        build=_text(root, "firmwareReleasedDate"),
        device_type=_text(root, "deviceType"),
        manufacturer=_text(root, "manufacturer"),
        hardware=_text(root, "hardwareVersion"),
        device_id=_text(root, "deviceID"),
    )


def parse_capabilities(body: bytes) -> DeviceCapabilities:
    """Read `System/capabilities` (hikvision-isapi 4.2)."""
    root = _root(body, "DeviceCap")
    types = find(root, "RacmCap/recordSearchType")
    options = "" if types is None else types.get("opt", "")
    return DeviceCapabilities(
        analog_inputs=integer(root, "SysCap/VideoCap/videoInputPortNums"),
        proxy_inputs=integer(root, "RacmCap/inputProxyNums"),
        alarm_inputs=integer(root, "SysCap/IOCap/IOInputPortNums") or 0,
        alarm_outputs=integer(root, "SysCap/IOCap/IOOutputPortNums") or 0,
        record_types=tuple(option.strip() for option in options.split(",") if option.strip()),
        sub_record=boolean(root, "RacmCap/isSupportMainAndSubRecord"),
        playback_utc=boolean(root, "RacmCap/isSupportPlaybackByUTC") is True,
    )


def parse_time(body: bytes) -> DeviceTime:
    """Read `System/time` (hikvision-isapi 4.3); raises NvrResponseError when it tells no time."""
    root = _root(body, "Time")
    moment = _text(root, "localTime")
    if not moment:
        raise unexpected("localTime", "Time")
    return DeviceTime(mode=_text(root, "timeMode"), local_time=moment, zone=_text(root, "timeZone"))


def parse_ports(body: bytes) -> dict[str, int]:
    """Read `Security/adminAccesses`: protocol (upper case) to port, enabled ones only (hikvision-isapi 2.1)."""
    ports: dict[str, int] = {}
    for entry in _entries(body, ("AdminAccessProtocolList",), "AdminAccessProtocol"):
        port = integer(entry, "portNo")
        if port and boolean(entry, "enabled") is not False:
            ports.setdefault(_text(entry, "protocol").upper(), port)
    return ports


def parse_rtsp(body: bytes) -> bool | None:
    """Read from `Security/adminAccesses` whether RTSP is on; None where it does not say (hikvision-isapi 2.1)."""
    for entry in _entries(body, ("AdminAccessProtocolList",), "AdminAccessProtocol"):
        if _text(entry, "protocol").upper() == "RTSP":
            return boolean(entry, "enabled")
    return None


def _address(source: Element) -> str:
    """Return where a camera is, by name where it has no address; empty or 0.0.0.0 for an empty slot."""
    found = [_text(source, name) for name in ("ipAddress", "hostName", "ipv6Address")]
    return next((address for address in found if address not in NO_ADDRESS), found[0])


def parse_proxy_channels(body: bytes) -> tuple[ProxyChannel, ...]:
    """Read `ContentMgmt/InputProxy/channels`; its `size` is never looked at (hikvision-isapi 2.2, 5.1)."""
    channels = []
    for entry in _entries(body, ("InputProxyChannelList",), "InputProxyChannel"):
        number = integer(entry, "id")
        if number is None:
            continue
        source = find(entry, "sourceInputPortDescriptor")
        base = entry if source is None else source
        channels.append(
            ProxyChannel(
                id=number,
                name=_text(entry, "name"),
                protocol=_text(base, "proxyProtocol"),
                address=_address(base),
                model=_text(base, "model"),
                serial=_text(base, "serialNumber"),
                firmware=_text(base, "firmwareVersion"),
                has_source=source is not None,
            )
        )
    return tuple(channels)


def parse_proxy_status(body: bytes) -> tuple[ProxyStatus, ...]:
    """Read `ContentMgmt/InputProxy/channels/status`; an absent `online` is unknown (hikvision-isapi 5.2)."""
    states = []
    for entry in _entries(body, ("InputProxyChannelStatusList",), "InputProxyChannelStatus"):
        number = integer(entry, "id")
        if number is None:
            continue
        ids = (_text(child) for child in findall(entry, "streamingProxyChannelIdList/streamingProxyChannelId"))
        states.append(
            ProxyStatus(
                id=number,
                online=boolean(entry, "online"),
                detail=_text(entry, "chanDetectResult"),
                streams=tuple(number for value in ids if (number := whole(value)) is not None),
            )
        )
    return tuple(states)


def parse_video_inputs(body: bytes) -> tuple[VideoInput, ...]:
    """Read `System/Video/inputs/channels` (hikvision-isapi 5.3)."""
    inputs = []
    for entry in _entries(body, ("VideoInputChannelList", "VideoInput"), "VideoInputChannel"):
        number = integer(entry, "id")
        if number is not None:
            enabled = boolean(entry, "videoInputEnabled") is not False
            inputs.append(VideoInput(number, _text(entry, "name"), enabled, _text(entry, "resDesc")))
    return tuple(inputs)


def _stream(entry: Element, number: int) -> Stream:
    video, audio = find(entry, "Video"), find(entry, "Audio")
    base = entry if video is None else video
    channel = integer(base, "dynVideoInputChannelID")
    sound = None
    if audio is not None and boolean(audio, "enabled") is not False:
        sound = _text(audio, "audioCompressionType") or None
    return Stream(
        id=number,
        channel=integer(base, "videoInputChannelID") if channel is None else channel,
        name=_text(entry, "channelName"),
        enabled=boolean(entry, "enabled") is not False and boolean(base, "enabled") is not False,
        codec=_text(base, "videoCodecType"),
        width=integer(base, "videoResolutionWidth"),
        height=integer(base, "videoResolutionHeight"),
        rate=integer(base, "maxFrameRate"),
        bitrate=integer(base, "vbrUpperCap") or integer(base, "constantBitRate"),
        audio=sound,
    )


def parse_streams(body: bytes) -> tuple[Stream, ...]:
    """Read `Streaming/channels`, the list or a single entry (hikvision-isapi 6.1)."""
    streams = []
    for entry in _entries(body, ("StreamingChannelList",), "StreamingChannel"):
        number = integer(entry, "id")
        if number is not None:
            streams.append(_stream(entry, number))
    return tuple(streams)


def parse_tracks(body: bytes) -> tuple[Track, ...]:
    """Read `record/tracks`; `Channel` repeats the track id, `SrcChannel` is the input (hikvision-isapi 8.1)."""
    tracks = []
    for entry in _entries(body, ("TrackList",), "Track"):
        number = integer(entry, "id")
        if number is not None:
            tracks.append(Track(number, integer(entry, "SrcDescriptor/SrcChannel")))
    return tuple(tracks)


def parse_triggers(body: bytes) -> tuple[Trigger, ...]:
    """Read `Event/triggers`, wrapped in `EventNotification` or not (hikvision-isapi 2.2, 11.5)."""
    triggers = []
    for entry in _entries(body, ("EventTriggerList",), "EventTrigger"):
        channel = integer(entry, "dynVideoInputChannelID")
        name = _text(entry, "id")
        proxied = integer(entry, "dynInputIOPortID")
        port = integer(entry, "inputIOPortID")
        if channel is None:
            channel = integer(entry, "videoInputChannelID")
        if channel is None and port is None and proxied is None:
            suffix = name.rpartition("-")[2]
            channel = whole(suffix) if suffix != name else None
        methods = findall(entry, "EventTriggerNotificationList/EventTriggerNotification")
        triggers.append(
            Trigger(
                id=name,
                type=_text(entry, "eventType"),
                channel=channel,
                port=port,
                proxied_port=proxied,
                methods=tuple(_text(method, "notificationMethod") for method in methods),
            )
        )
    return tuple(triggers)


def parse_channel_events(body: bytes) -> dict[int, tuple[str, ...]]:
    """Read `Event/channels/capabilities`, of several lenses: channel to types (hikvision-isapi 11.5)."""
    events: dict[int, tuple[str, ...]] = {}
    for entry in _entries(body, ("ChannelEventCapList",), "ChannelEventCap"):
        number, types = integer(entry, "channelID"), find(entry, "eventType")
        if number is not None and types is not None:
            events[number] = tuple(part.strip() for part in types.get("opt", "").split(",") if part.strip())
    return events


def _volume(entry: Element, name: str, kind: str) -> Volume:
    return Volume(
        id=_text(entry, "id"),
        name=_text(entry, name) or _text(entry, "ipAddress"),
        kind=_text(entry, kind),
        status=_text(entry, "status"),
        capacity=integer(entry, "capacity"),
        free=integer(entry, "freeSpace"),
    )


def parse_storage(body: bytes) -> tuple[Volume, ...]:
    """Read `ContentMgmt/Storage`: disks, then network volumes; sizes in MB (hikvision-isapi 13)."""
    root = _root(body, "storage")
    disks = [_volume(entry, "hddName", "hddType") for entry in findall(root, "hddList/hdd")]
    shares = [_volume(entry, "path", "nasType") for entry in findall(root, "nasList/nas")]
    return (*disks, *shares)


def _number(element: Element, path: str) -> float | None:
    try:
        number = float(_text(element, path))
    except ValueError:
        return None
    return number if abs(number) < _LARGEST else None


def parse_status(body: bytes) -> DeviceStatus:
    """Read `System/status`; numbers may stand behind a line break, lists may be missing (hikvision-isapi 4.4)."""
    root = _root(body, "DeviceStatus")
    loads = (_number(cpu, "cpuUtilization") for cpu in findall(root, "CPUList/CPU"))
    memory = find(root, "MemoryList/Memory")
    return DeviceStatus(
        uptime=integer(root, "deviceUpTime"),
        cpu=tuple(load for load in loads if load is not None),
        memory_used=None if memory is None else _number(memory, "memoryUsage"),
        memory_free=None if memory is None else _number(memory, "memoryAvailable"),
    )


def parse_download_ability(body: bytes) -> DownloadAbility:
    """Read `ContentMgmt/download/capabilities` (hikvision-isapi 10)."""
    root = _root(body, "DownloadAbility")
    return DownloadAbility(
        by_name=boolean(root, "isSupportDownloadbyFileName"),
        by_time=boolean(root, "isSupportDownloadbyTime"),
    )
