"""Wire shapes to the models of the core (hikvision-isapi 1, 5, 6, 11.5, 13). Pure: no I/O, no clock of its own."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
import re

from ...capabilities import GateWidths, RecorderCapabilities
from ...clock import uptime_of
from ...errors import NvrResponseError
from ...models import (
    MOST_CHANNELS,
    MOST_PORTS,
    AudioCodec,
    Channel,
    ChannelKind,
    Disk,
    DiskState,
    EventKind,
    RecorderInfo,
    RecorderKind,
    RecordingKind,
    StreamProfile,
    StreamRole,
    SystemStatus,
    VideoCodec,
)
from .brands import manufacturer_name
from .tables import (
    AUDIO_CODECS,
    DEVICE_TYPES_WITHOUT_KIND,
    DISK_STATES,
    EVENT_TYPES,
    SEARCH_KINDS,
    VIDEO_CODECS,
    EventType,
    Scope,
)
from .wire import (
    NO_ADDRESS,
    DeviceCapabilities,
    DeviceInfo,
    DeviceStatus,
    ProxyChannel,
    ProxyStatus,
    Stream,
    Track,
    Trigger,
    VideoInput,
    Volume,
)

FAMILY = "hikvision"
DEFAULT_PAGE = 40
ROLES = {1: StreamRole.MAIN, 2: StreamRole.SUB, 3: StreamRole.THIRD}
ROLE_DIGITS = {role: digit for digit, role in ROLES.items()}
_RECORDER_TYPES = frozenset({"NVR", "DVR", "HDVR", "HVR", "XVR"})
_MOST_DIGITS = 10
_BLANKS = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Documents:
    """What a connect has read; None where the recorder refused the document."""

    info: DeviceInfo
    capabilities: DeviceCapabilities | None = None
    proxies: Sequence[ProxyChannel] | None = None
    states: Sequence[ProxyStatus] | None = None
    inputs: Sequence[VideoInput] | None = None
    streams: Sequence[Stream] | None = None
    triggers: Sequence[Trigger] | None = None
    tracks: Sequence[Track] | None = None
    lens_events: Mapping[int, tuple[str, ...]] | None = None


def clean(value: str) -> str:
    """Return a name without doubled or outer blanks (hikvision-isapi 18)."""
    return _BLANKS.sub(" ", value).strip()


def is_camera_type(info: DeviceInfo) -> bool:
    """Tell whether the box calls itself a camera (hikvision-isapi 1)."""
    return info.device_type.upper().startswith("IP")


def recorder_kind(documents: Documents) -> RecorderKind:
    """Tell recorder from camera by its inputs first and by its own word last (hikvision-isapi 1)."""
    caps = documents.capabilities
    analog = (caps.analog_inputs if caps else None) or 0
    proxies = (caps.proxy_inputs if caps else None) or 0
    kind = documents.info.device_type.upper()
    # Cameras count their lenses as inputs now and then.
    if is_camera_type(documents.info) and proxies <= 1 and not documents.proxies:
        return RecorderKind.CAMERA
    if analog + proxies <= 1 and not documents.proxies and kind not in _RECORDER_TYPES:
        return RecorderKind.CAMERA
    if not analog and documents.proxies is None and documents.inputs and kind != "NVR":
        return RecorderKind.DVR
    if not analog:
        return RecorderKind.NVR
    return RecorderKind.HYBRID if proxies else RecorderKind.DVR


def identity(info: DeviceInfo) -> str:
    """Return the serial, else the MAC, else the device id; raises NvrResponseError when none is told."""
    value = info.serial or normal_mac(info.mac) or info.device_id
    if not value:
        message = "the recorder tells no serial number"
        raise NvrResponseError(message)
    return value


def normal_mac(mac: str) -> str | None:
    """Return a MAC in lower case with colons, or None for what is none (hikvision-isapi 4.1)."""
    digits = re.sub(r"[^0-9a-f]", "", mac.lower())
    if len(digits) != 12 or digits == "0" * 12:
        return None
    return ":".join(digits[place : place + 2] for place in range(0, 12, 2))


def recorder_info(documents: Documents, kind: RecorderKind) -> RecorderInfo:
    """Return who the recorder is (hikvision-isapi 4.1)."""
    info = documents.info
    model = clean(info.model)
    return RecorderInfo(
        serial=identity(info),
        name=clean(info.name) or model or "NVR",
        manufacturer=manufacturer_name(info.manufacturer, model),
        model=model,
        firmware=" ".join(part for part in (info.firmware, info.build) if part),
        kind=kind,
        family=FAMILY,
        mac=normal_mac(info.mac),
        hardware=info.hardware or None,
    )


def video_codec(word: str) -> VideoCodec:
    """Return the codec of a wire word such as H.265, H.264+ or H.264-BP."""
    key = word.lower().partition("-")[0].replace(".", "").strip()
    return VIDEO_CODECS.get(key, VideoCodec.UNKNOWN)


def audio_codec(word: str | None) -> AudioCodec | None:
    """Return the audio codec of a wire word, None for no sound."""
    if not word:
        return None
    return AUDIO_CODECS.get(word.lower().replace(".", "").replace("-", ""), AudioCodec.UNKNOWN)


def profile(stream: Stream, role: StreamRole) -> StreamProfile:
    """Return the stream profile of one wire stream (hikvision-isapi 6.1)."""
    return StreamProfile(
        role=role,
        stream_id=str(stream.id),
        video=video_codec(stream.codec),
        width=stream.width or None,
        height=stream.height or None,
        fps=stream.rate / 100 if stream.rate else None,
        bitrate=stream.bitrate or None,
        audio=audio_codec(stream.audio),
        enabled=stream.enabled,
    )


def profiles_by_channel(streams: Iterable[Stream]) -> dict[int, tuple[StreamProfile, ...]]:
    """Group streams by channel, main first; 04 is a transcoded copy and no profile (hikvision-isapi 5.4, 6.1)."""
    found: dict[int, dict[StreamRole, StreamProfile]] = {}
    for stream in sorted(streams, key=lambda stream: stream.id):
        channel, digit = divmod(stream.id, 100)
        role = ROLES.get(digit)
        if role is not None and channel > 0:
            found.setdefault(channel, {}).setdefault(role, profile(stream, role))
    return {channel: tuple(roles.values()) for channel, roles in found.items()}


def derived_profiles(channel: int, stream_ids: Sequence[int] = ()) -> tuple[StreamProfile, ...]:
    """Return the profiles arithmetic gives, main and sub, or those the status names (hikvision-isapi 5.2, 5.4)."""
    ids = [number for number in stream_ids if number // 100 == channel and number % 100 in ROLES]
    if not ids:
        ids = [channel * 100 + 1, channel * 100 + 2]
    return tuple(StreamProfile(role=ROLES[number % 100], stream_id=str(number)) for number in sorted(set(ids)))


def analog_inputs(documents: Documents) -> int:
    """Return how many analog inputs there are, used or not: the IP channels of a recorder are counted on from there."""
    if documents.capabilities is not None:
        return documents.capabilities.analog_inputs or 0
    return max((entry.id for entry in documents.inputs or ()), default=0)


def proxy_offset(documents: Documents) -> int:
    """Return what to add to the ids of IP channels: 0, unless a hybrid counts them from 1 (hikvision-isapi 5.4)."""
    analog = analog_inputs(documents)
    taken = {entry.id for entry in documents.inputs or () if entry.enabled}
    if not analog or not taken:
        return 0
    return analog if any(channel.id in taken for channel in documents.proxies or ()) else 0


def is_empty_slot(channel: ProxyChannel) -> bool:
    """Tell whether a slot holds no camera (hikvision-isapi 5.1)."""
    return not channel.has_source or channel.address in NO_ADDRESS


def event_type(word: str) -> EventType:
    """Return what an eventType means; one that no table knows is UNKNOWN, of the box or of a channel."""
    key = word.lower()
    known = EVENT_TYPES.get(key)
    if known is not None:
        return known
    return EventType(EventKind.UNKNOWN, Scope.DEVICE if key in DEVICE_TYPES_WITHOUT_KIND else Scope.CHANNEL)


def _spoken_of(trigger: Trigger, kind: EventType) -> int | None:
    """Return the channel a trigger belongs to, None for the box."""
    if kind.scope is Scope.DEVICE:
        return None
    if kind.scope is Scope.PORT:
        return proxied_channel(trigger.proxied_port, trigger.id)
    return trigger.channel


def proxied_channel(port: int | None, name: str = "") -> int | None:
    """Return the channel of an alarm input of a camera, numbered channel x 100 + n (hikvision-isapi 5.4)."""
    if port is None:
        suffix = name.rpartition("-")[2]
        port = int(suffix) if suffix.isdecimal() and len(suffix) < _MOST_DIGITS else None
    return port // 100 if port is not None and port > 100 else None


def detections(documents: Documents) -> dict[int | None, frozenset[EventKind]]:
    """Return which kinds each channel, and the box under None, has triggers for (hikvision-isapi 11.5)."""
    found: dict[int | None, set[EventKind]] = {}
    for trigger in documents.triggers or ():
        kind = event_type(trigger.type)
        if kind.kind is EventKind.UNKNOWN:
            continue
        channel = _spoken_of(trigger, kind)
        if channel is None and kind.scope is Scope.CHANNEL:
            continue
        found.setdefault(channel, set()).add(kind.kind)
    for channel, types in (documents.lens_events or {}).items():
        for word in types:
            kind = event_type(word)
            if kind.kind is not EventKind.UNKNOWN and kind.scope is not Scope.DEVICE:
                found.setdefault(channel, set()).add(kind.kind)
    return {channel: frozenset(kinds) for channel, kinds in found.items()}


def silent_triggers(triggers: Iterable[Trigger]) -> tuple[str, ...]:
    """Return the ids of detections that are not pushed, for want of `center` (hikvision-isapi 11.5)."""
    return tuple(
        trigger.id
        for trigger in triggers
        if "center" not in trigger.methods and event_type(trigger.type).kind is not EventKind.UNKNOWN
    )


def unsent_kinds(triggers: Iterable[Trigger]) -> dict[tuple[int | None, EventKind], str]:
    """Return what no trigger pushes of a channel (None: of the box), with what its triggers do instead."""
    found: dict[tuple[int | None, EventKind], set[str]] = {}
    sent: set[tuple[int | None, EventKind]] = set()
    for trigger in triggers:
        kind = event_type(trigger.type)
        place = (_spoken_of(trigger, kind), kind.kind)
        if "center" in trigger.methods:
            sent.add(place)
        elif kind.kind is not EventKind.UNKNOWN:
            found.setdefault(place, set()).update(filter(None, trigger.methods))
    return {
        place: f"its trigger does: {', '.join(sorted(methods)) or 'nothing'}"
        for place, methods in found.items()
        if place not in sent
    }


def _ip_channels(documents: Documents, serial: str, offset: int) -> list[Channel]:
    online = {state.id: state.online for state in documents.states or ()}
    return [
        Channel(
            number=proxy.id + offset,
            id=f"{serial}_{proxy.id + offset}",
            name=clean(proxy.name),
            kind=ChannelKind.IP,
            online=online.get(proxy.id),
            model=proxy.model or None,
            manufacturer=manufacturer_name("", proxy.model) if proxy.protocol.upper() == "HIKVISION" else None,
            firmware=proxy.firmware or None,
            camera_serial=proxy.serial or None,
            protocol=proxy.protocol or None,
        )
        for proxy in documents.proxies or ()
        if not is_empty_slot(proxy)
    ]


def analog_online(signal: str) -> bool | None:
    """Return whether an analog input has a picture, None when the recorder does not say (hikvision-isapi 5.3)."""
    word = signal.strip().upper()
    return None if not word else word not in {"NO VIDEO", "NOVIDEO"}


def _wired_channels(documents: Documents, serial: str, kind: ChannelKind) -> list[Channel]:
    """Return analog inputs, or the lenses of a camera, which is online when it answers."""
    analog = kind is ChannelKind.ANALOG
    return [
        Channel(
            number=entry.id,
            id=f"{serial}_{entry.id}",
            name=clean(entry.name),
            kind=kind,
            online=analog_online(entry.signal) if analog else True,
        )
        for entry in documents.inputs or ()
        if entry.enabled
    ]


def _lenses(documents: Documents, serial: str) -> list[Channel]:
    """Return the channels of a camera: its inputs, else the distinct inputs of its streams, else one."""
    named = {channel.number: channel for channel in _wired_channels(documents, serial, ChannelKind.BUILT_IN)}
    seen = {stream.channel or stream.id // 100: clean(stream.name) for stream in reversed(documents.streams or ())}
    numbers = sorted(seen or named) or [1]
    blank = {
        number: Channel(
            number=number, id=f"{serial}_{number}", name=seen.get(number, ""), kind=ChannelKind.BUILT_IN, online=True
        )
        for number in numbers
    }
    return [named.get(number, blank[number]) for number in numbers]


def build_channels(
    documents: Documents, serial: str, kind: RecorderKind, remembered: Mapping[int, tuple[StreamProfile, ...]]
) -> tuple[Channel, ...]:
    """Return the channels with names, states, profiles and detections (hikvision-isapi 5, 6.1, 18).

    A channel whose streams are not listed (its camera is away) keeps the remembered profiles, else those of arithmetic.
    """
    if kind is RecorderKind.CAMERA:
        plain = _lenses(documents, serial)
    else:
        offset = proxy_offset(documents)
        plain = _ip_channels(documents, serial, offset)
        taken = {channel.number for channel in plain}
        analog = _wired_channels(documents, serial, ChannelKind.ANALOG) if kind is not RecorderKind.NVR else []
        plain = [*(channel for channel in analog if channel.number not in taken), *plain]
    listed = profiles_by_channel(documents.streams or ())
    stream_ids = {state.id: state.streams for state in documents.states or ()}
    kinds = detections(documents)
    channels = []
    for channel in sorted(plain, key=lambda channel: channel.number):
        number = channel.number
        if not 0 < number <= MOST_CHANNELS:
            continue
        profiles = listed.get(number) or remembered.get(number) or derived_profiles(number, stream_ids.get(number, ()))
        channels.append(
            replace(
                channel,
                name=channel.name or f"Channel {number}",
                profiles=profiles,
                detections=kinds.get(number, frozenset()),
            )
        )
    return tuple(channels)


def search_kinds(words: Iterable[str]) -> frozenset[RecordingKind]:
    """Return the kinds that may be searched by type (hikvision-isapi 4.2, 8.2)."""
    known = {word.lower() for word in words}
    return frozenset(kind for kind, (_, needed) in SEARCH_KINDS.items() if needed & known)


def build_capabilities(
    documents: Documents, gates: GateWidths | None, search_page: int | None, notes: tuple[str, ...]
) -> RecorderCapabilities:
    """Return what the recorder can do (hikvision-isapi 4.2)."""
    caps = documents.capabilities
    own = detections(documents).get(None, frozenset())
    tracks = {track.id % 100 for track in documents.tracks or ()}
    # Cameras do not say whether they record the sub stream, but list its tracks.
    told = caps.sub_record if caps else None
    return RecorderCapabilities(
        gates=gates or GateWidths(),
        search_page=search_page or DEFAULT_PAGE,
        search_kinds=search_kinds(caps.record_types if caps else ()),
        event_kinds=own,
        sub_track=ROLE_DIGITS[StreamRole.SUB] in tracks if told is None else told,
        playback_speeds=(0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0),
        size_known=True,
        alarm_inputs=min(caps.alarm_inputs, MOST_PORTS) if caps else 0,
        alarm_outputs=min(caps.alarm_outputs, MOST_PORTS) if caps else 0,
        notes=notes,
    )


def track_ids(tracks: Iterable[Track] | None) -> dict[tuple[int, StreamRole], int]:
    """Return the track of each channel and role, by its input where that is told (hikvision-isapi 8.1)."""
    found: dict[tuple[int, StreamRole], int] = {}
    for track in tracks or ():
        role = ROLES.get(track.id % 100)
        if role is None or role is StreamRole.THIRD:  # 03 holds pictures
            continue
        found.setdefault((track.source or track.id // 100, role), track.id)
    return found


def disk(volume: Volume) -> Disk:
    """Return a disk; `free` 0 is normal on a recorder that overwrites (hikvision-isapi 13)."""
    return Disk(
        id=volume.id,
        name=volume.name or f"Disk {volume.id}",
        state=DISK_STATES.get(volume.status.lower(), DiskState.UNKNOWN),
        raw_state=volume.status,
        capacity=volume.capacity,
        free=volume.free,
        kind=volume.kind,
    )


def system_status(status: DeviceStatus) -> SystemStatus:
    """Return uptime and loads in per cent (hikvision-isapi 4.4)."""
    used, free = status.memory_used, status.memory_free
    total = (used or 0.0) + (free or 0.0)
    return SystemStatus(
        uptime=uptime_of(status.uptime),
        cpu=sum(status.cpu) / len(status.cpu) if status.cpu else None,
        memory=None if used is None or free is None or total <= 0 else round(100 * used / total, 1),
    )
