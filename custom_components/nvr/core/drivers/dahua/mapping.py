"""Wire shapes to the models of the core: info, channels, profiles, disks (dahua-cgi 5-8). Pure.

A channel's number is its place on the wire and one: of the slot, whatever camera is in it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from ...capabilities import GateWidths, RecorderCapabilities
from ...models import (
    MOST_CHANNELS,
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
    VideoCodec,
)
from .brands import manufacturer_name
from .wire_config import NO_ADDRESS, Camera, Encoding, SystemInfo, Volume

FAMILY: Final = "dahua"
# What a recorder bears (dahua-cgi 18).
WIDTHS: Final = GateWidths(control=2, search=1, download=1, snapshot=1)
PLAYBACK_SESSIONS: Final = 2
DEFAULT_PAGE: Final = 100
# How a search names a stream (dahua-cgi 9.1).
VIDEO_STREAMS: Final = MappingProxyType({StreamRole.MAIN: "Main", StreamRole.SUB: "Extra1", StreamRole.THIRD: "Extra2"})

_ROLES: Final = (StreamRole.MAIN, StreamRole.SUB, StreamRole.THIRD)
_CONNECTED: Final = frozenset({"connect", "connected"})
_EMPTY: Final = "empty"
_CAMERA_CLASSES: Final = frozenset({"IPC", "SD", "PTZ", "VTO", "VTH", "BSC", "TPC"})
_HYBRID_CLASSES: Final = frozenset({"XVR", "HCVR", "DVR", "HDVR", "HVR"})
_CAMERA_MODELS: Final = ("IPC", "IP CAMERA", "IP2M", "IP4M", "IP5M", "IP8M", "SD", "VTO")
_HYBRID_MODELS: Final = ("XVR", "HCVR", "DVR", "AMDV")
_DISK_STATES: Final[Mapping[str, DiskState]] = MappingProxyType(
    {
        "success": DiskState.OK,
        "normal": DiskState.OK,
        "running": DiskState.OK,
        "error": DiskState.ERROR,
        "initializing": DiskState.FORMATTING,
        "formatting": DiskState.FORMATTING,
        "unformat": DiskState.UNFORMATTED,
        "sleep": DiskState.SLEEPING,
        "offline": DiskState.OFFLINE,
        "notexist": DiskState.EMPTY_BAY,
    }
)
_AUDIO: Final[Mapping[str, AudioCodec]] = MappingProxyType(
    {
        "g711a": AudioCodec.G711_ALAW,
        "g711mu": AudioCodec.G711_ULAW,
        "g711u": AudioCodec.G711_ULAW,
        "aac": AudioCodec.AAC,
        "pcm": AudioCodec.PCM,
        "g726": AudioCodec.G726,
        "g7221": AudioCodec.G722,
        "g722": AudioCodec.G722,
        "mpeg2layer2": AudioCodec.MP2,
    }
)
# Every channel of a recorder can tell of these; what else it tells shows when it does.
_ALWAYS: Final = frozenset({EventKind.MOTION, EventKind.VIDEO_LOSS, EventKind.TAMPER})
_SMART: Final = frozenset({EventKind.PERSON, EventKind.VEHICLE})
_OF_THE_BOX: Final = frozenset(
    {EventKind.DISK_ERROR, EventKind.DISK_FULL, EventKind.NETWORK_LOST, EventKind.ADDRESS_CONFLICT}
)


@dataclass(frozen=True, slots=True)
class Documents:
    """What a connect has read; None where the recorder does not tell. Places count from 0."""

    system: SystemInfo
    version: str = ""
    build: str = ""
    device_class: str = ""
    name: str = ""
    vendor: str = ""
    cameras: Sequence[Camera] | None = None
    remotes: Sequence[Camera] | None = None
    states: Mapping[int, str] | None = None
    lost: frozenset[int] | None = None
    titles: Mapping[int, str] = field(default_factory=dict)
    encode: Mapping[int, Sequence[Encoding]] | None = None
    inputs: int | None = None
    smart: frozenset[int] = frozenset()


def model_of(system: SystemInfo) -> str:
    """Return the model: of NVRs a number and of cameras `IP Camera` stand where it should (dahua-cgi 5)."""
    stated = system.device_type
    if (not stated or stated.isdecimal() or stated.lower() == "ip camera") and system.update_serial:
        return system.update_serial
    return stated


def _has(model: str, words: Iterable[str]) -> bool:
    bare = model.upper().removeprefix("DHI-").removeprefix("DH-")
    return model.upper().startswith(tuple(words)) or bare.startswith(tuple(words))


def looks_like_camera(system: SystemInfo) -> bool:
    """Tell whether the model's name is one of a camera: it then has no list of cameras to ask for."""
    return system.device_type.lower() == "ip camera" or _has(model_of(system), _CAMERA_MODELS)


def recorder_kind(documents: Documents) -> RecorderKind:
    """Tell recorder from camera by its cameras first, then by its class, by its model's name last."""
    stated = documents.device_class.upper()
    kinds = {camera.kind.lower() for camera in documents.cameras or ()}
    model = model_of(documents.system)
    if {"local", "remote"} <= kinds:
        return RecorderKind.HYBRID
    if stated in _HYBRID_CLASSES or (not stated and _has(model, _HYBRID_MODELS)):
        return RecorderKind.HYBRID if documents.remotes or "remote" in kinds else RecorderKind.DVR
    if stated in _CAMERA_CLASSES:
        return RecorderKind.CAMERA
    if stated == "NVR" or "remote" in kinds or documents.remotes:
        return RecorderKind.NVR
    alone = looks_like_camera(documents.system) or kinds == {"local"}
    return RecorderKind.CAMERA if alone else RecorderKind.NVR


def recorder_info(documents: Documents, kind: RecorderKind) -> RecorderInfo:
    """Return who the recorder is (dahua-cgi 5)."""
    system, model = documents.system, model_of(documents.system)
    return RecorderInfo(
        serial=system.serial,
        name=" ".join(documents.name.split()) or model or "NVR",
        manufacturer=manufacturer_name(documents.vendor, model, documents.version, system.serial),
        model=model,
        firmware=" ".join(part for part in (documents.version, documents.build) if part),
        kind=kind,
        family=FAMILY,
        hardware=system.hardware or None,
    )


def video_codec(word: str) -> VideoCodec:
    """Return the codec of a wire word such as H.265, H.264H, H.264+ or MJPG (dahua-cgi 8.1)."""
    key = word.upper().replace(".", "").replace("-", "").strip()
    if key.startswith(("H265", "HEVC")):
        return VideoCodec.H265
    if key.startswith("H264"):
        return VideoCodec.H264
    if key.startswith(("MJPG", "MJPEG")):
        return VideoCodec.MJPEG
    return VideoCodec.MPEG4 if key.startswith("MPEG4") else VideoCodec.UNKNOWN


def audio_codec(word: str) -> AudioCodec | None:
    """Return the audio codec of a wire word, None for no sound."""
    if not word:
        return None
    return _AUDIO.get(word.lower().replace(".", "").replace("-", ""), AudioCodec.UNKNOWN)


def stream_id(number: int, subtype: int) -> str:
    """Return what tells a stream: the query of its live address (dahua-cgi 8.2)."""
    return f"channel={number}&subtype={subtype}"


def profiles_of(number: int, encodings: Sequence[Encoding]) -> tuple[StreamProfile, ...]:
    """Return the profiles of one channel; a third stream that is off is one the camera may not have (8.1)."""
    found = []
    for encoding in encodings:
        if encoding.subtype >= len(_ROLES) or (encoding.subtype == len(_ROLES) - 1 and not encoding.enabled):
            continue
        found.append(
            StreamProfile(
                role=_ROLES[encoding.subtype],
                stream_id=stream_id(number, encoding.subtype),
                video=video_codec(encoding.codec),
                width=encoding.width,
                height=encoding.height,
                fps=encoding.fps,
                bitrate=encoding.bitrate,
                audio=audio_codec(encoding.audio),
                enabled=encoding.enabled,
            )
        )
    return tuple(found)


def derived_profiles(number: int) -> tuple[StreamProfile, ...]:
    """Return what every channel has, where nothing more is told: a main and a sub stream."""
    return tuple(StreamProfile(role=role, stream_id=stream_id(number, place)) for place, role in enumerate(_ROLES[:2]))


def is_online(state: str) -> bool:
    """Tell whether a camera is there; `Connecting` is not (dahua-cgi 6)."""
    return state.lower() in _CONNECTED


def is_populated(camera: Camera, state: str | None) -> bool:
    """Tell whether a slot holds a camera (dahua-cgi 6).

    A camera that was removed leaves an enabled slot behind: only its state says that it is empty.
    """
    if camera.enabled is False or (state is not None and state.lower() == _EMPTY):
        return False
    if camera.kind.lower() == "local":
        return True
    return camera.address not in NO_ADDRESS or (not camera.address and camera.enabled is True and state is not None)


def slots(documents: Documents, kind: RecorderKind) -> list[Camera]:
    """Return the slots that hold a camera, by the best evidence there is; never by a title (dahua-cgi 6)."""
    states = documents.states or {}
    if kind is RecorderKind.CAMERA:
        return [Camera(place, enabled=True, kind="Lens") for place in range(_lenses(documents))]
    listed = documents.cameras if documents.cameras is not None else documents.remotes
    if listed is not None:
        found = {camera.index: camera for camera in listed if is_populated(camera, states.get(camera.index))}
        known = {camera.index for camera in listed}
        if documents.cameras is None:
            analog = min(documents.inputs or 0, MOST_CHANNELS) if kind in {RecorderKind.HYBRID, RecorderKind.DVR} else 0
            found |= {place: Camera(place, enabled=True, kind="Local") for place in range(analog) if place not in known}
        return [found[place] for place in sorted(found) if 0 <= place < MOST_CHANNELS]
    if documents.states is not None:
        present = [place for place, state in states.items() if state.lower() != _EMPTY]
        places = (place for place in sorted(present) if 0 <= place < MOST_CHANNELS)
        return [Camera(place, enabled=None, kind="Remote") for place in places]
    count = documents.inputs or len(documents.encode or ()) or len(documents.titles)
    local = "Local" if kind is RecorderKind.DVR else "Remote"
    return [Camera(place, enabled=None, kind=local) for place in range(min(count, MOST_CHANNELS))]


def _lenses(documents: Documents) -> int:
    return min(max(1, documents.inputs or len(documents.encode or ())), MOST_CHANNELS)


def _presence(documents: Documents, place: int, kind: ChannelKind) -> bool | None:
    """Return whether the camera is there, None when nothing tells."""
    if kind is ChannelKind.BUILT_IN:
        return True
    states = documents.states
    if states is not None and place in states:
        return is_online(states[place])
    if documents.lost is not None:
        return place not in documents.lost
    return None


def build_channels(
    documents: Documents, serial: str, kind: RecorderKind, remembered: Mapping[int, tuple[StreamProfile, ...]]
) -> tuple[Channel, ...]:
    """Return the channels with names, states and profiles, in the order of their numbers (dahua-cgi 6, 8.1)."""
    sorts = {"lens": ChannelKind.BUILT_IN, "local": ChannelKind.ANALOG}
    channels = []
    for camera in slots(documents, kind):
        number = camera.index + 1
        sort = sorts.get(camera.kind.lower(), ChannelKind.IP)
        encodings = (documents.encode or {}).get(camera.index, ())
        channels.append(
            Channel(
                number=number,
                id=f"{serial}_{number}",
                name=documents.titles.get(camera.index) or camera.name or f"Channel {number}",
                kind=sort,
                online=_presence(documents, camera.index, sort),
                profiles=profiles_of(number, encodings) or remembered.get(number) or derived_profiles(number),
                detections=_ALWAYS | (_SMART if camera.index in documents.smart else frozenset()),
                model=camera.model or None,
                manufacturer=manufacturer_name("", camera.model) if camera.protocol.lower() == "private" else None,
                firmware=camera.firmware or None,
                camera_serial=camera.serial or None,
                protocol=camera.protocol or None,
            )
        )
    return tuple(channels)


def renewed(
    documents: Documents,
    *,
    titles: Mapping[int, str] | None = None,
    states: Mapping[int, str] | None = None,
    lost: frozenset[int] | None = None,
    cameras: Sequence[Camera] | None = None,
    remotes: Sequence[Camera] | None = None,
) -> Documents:
    """Return the documents with what was read anew; what was not read stays."""
    return replace(
        documents,
        titles=documents.titles if titles is None else titles,
        states=documents.states if states is None else states,
        lost=documents.lost if lost is None else lost,
        cameras=documents.cameras if cameras is None else cameras,
        remotes=documents.remotes if remotes is None else remotes,
    )


def build_capabilities(
    documents: Documents, gates: GateWidths, search_page: int | None, notes: tuple[str, ...]
) -> RecorderCapabilities:
    """Return what the recorder can do (dahua-cgi 9-11)."""
    return RecorderCapabilities(
        gates=gates,
        playback_sessions=PLAYBACK_SESSIONS,
        search_page=search_page or DEFAULT_PAGE,
        search_kinds=frozenset(RecordingKind) - {RecordingKind.UNKNOWN},
        event_kinds=_OF_THE_BOX,
        sub_track=any(len(streams) > 1 for streams in (documents.encode or {}).values()),
        download_by_time=True,
        download_by_name=True,
        size_known=True,
        notes=notes,
    )


def disk(place: int, volume: Volume) -> Disk:
    """Return a disk; one that is full is healthy, for space is taken when it is formatted (dahua-cgi 7.1)."""
    state = DiskState.ERROR if volume.broken else _DISK_STATES.get(volume.state.lower(), DiskState.UNKNOWN)
    megabyte = 1024 * 1024
    return Disk(
        id=str(place + 1),
        name=volume.name,
        state=state,
        raw_state=volume.state,
        capacity=volume.total // megabyte if volume.total else None,
        free=max(0, volume.total - volume.used) // megabyte if volume.total else None,
    )
