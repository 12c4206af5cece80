"""The vendor-neutral vocabulary: frozen values with aware datetimes and half-open spans `[start, end)`.

Values never call the API. Channel numbers are 1-based and are the recorder's own. Unknown wire codes become
UNKNOWN members and keep the raw text beside them.
"""

import calendar
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple
from urllib.parse import quote, urlsplit, urlunsplit


class RecorderKind(StrEnum):
    """What sort of box it is."""

    NVR = "nvr"
    DVR = "dvr"
    HYBRID = "hybrid"
    CAMERA = "camera"


class ChannelKind(StrEnum):
    """How the camera is attached to the recorder."""

    IP = "ip"
    ANALOG = "analog"
    BUILT_IN = "built_in"


class StreamRole(StrEnum):
    """The role of a stream profile or of a recorded track."""

    MAIN = "main"
    SUB = "sub"
    THIRD = "third"


class VideoCodec(StrEnum):
    """Video codecs a recorder may report."""

    H264 = "h264"
    H265 = "h265"
    MJPEG = "mjpeg"
    MPEG4 = "mpeg4"
    UNKNOWN = "unknown"


class AudioCodec(StrEnum):
    """Audio codecs a recorder may report."""

    AAC = "aac"
    G711_ULAW = "g711_ulaw"
    G711_ALAW = "g711_alaw"
    G722 = "g722"
    G726 = "g726"
    MP2 = "mp2"
    PCM = "pcm"
    UNKNOWN = "unknown"


class RecordingKind(StrEnum):
    """Why a segment was recorded."""

    CONTINUOUS = "continuous"
    MOTION = "motion"
    ALARM = "alarm"
    SMART = "smart"
    MANUAL = "manual"
    UNKNOWN = "unknown"


class EventKind(StrEnum):
    """What happened; a closed vocabulary shared by all families."""

    MOTION = "motion"
    PERSON = "person"
    VEHICLE = "vehicle"
    ANIMAL = "animal"
    LINE_CROSSING = "line_crossing"
    INTRUSION = "intrusion"
    REGION_ENTER = "region_enter"
    REGION_EXIT = "region_exit"
    LOITERING = "loitering"
    CROWD = "crowd"
    FAST_MOVING = "fast_moving"
    PARKING = "parking"
    OBJECT_LEFT = "object_left"
    OBJECT_TAKEN = "object_taken"
    OBJECT_THROWN = "object_thrown"
    FACE = "face"
    PLATE = "plate"
    TAMPER = "tamper"
    SCENE_CHANGE = "scene_change"
    DEFOCUS = "defocus"
    VIDEO_LOSS = "video_loss"
    AUDIO = "audio"
    IO_INPUT = "io_input"
    DOORBELL = "doorbell"
    PIR = "pir"
    TEMPERATURE = "temperature"
    FIRE = "fire"
    SMOKE = "smoke"
    PEOPLE_COUNT = "people_count"
    DISK_FULL = "disk_full"
    DISK_ERROR = "disk_error"
    NETWORK_LOST = "network_lost"
    ADDRESS_CONFLICT = "address_conflict"
    ILLEGAL_LOGIN = "illegal_login"
    RECORDING_FAILED = "recording_failed"
    REBOOT = "reboot"
    UNKNOWN = "unknown"

    # Equal to its text, so it may hash like it, and that costs each event far less than Enum's own.
    __hash__ = str.__hash__


class EventPhase(StrEnum):
    """The phase of an event; a pulse has no stop."""

    START = "start"
    STOP = "stop"
    PULSE = "pulse"


class DetectionTarget(StrEnum):
    """What an analytic says it saw."""

    PERSON = "person"
    VEHICLE = "vehicle"
    ANIMAL = "animal"
    OTHER = "other"


class EventDirection(StrEnum):
    """Which way something went: over the border of an area, over a line, past a camera that reads plates."""

    ENTER = "enter"
    LEAVE = "leave"
    LEFT_TO_RIGHT = "left_to_right"
    RIGHT_TO_LEFT = "right_to_left"
    FORWARD = "forward"
    REVERSE = "reverse"


class EventStreamState(StrEnum):
    """The state of the one event stream of a recorder."""

    CONNECTING = "connecting"
    ALIVE = "alive"
    DOWN = "down"
    REFUSED = "refused"


class GapReason(StrEnum):
    """Why there is no footage, where it is known."""

    NOT_RECORDED = "not_recorded"
    UNKNOWN = "unknown"


class DiskState(StrEnum):
    """The health of a disk; an empty bay is no fault."""

    OK = "ok"
    SLEEPING = "sleeping"
    EMPTY_BAY = "empty_bay"
    UNFORMATTED = "unformatted"
    FORMATTING = "formatting"
    REPAIRING = "repairing"
    ERROR = "error"
    OFFLINE = "offline"
    UNKNOWN = "unknown"


class RtspTransport(StrEnum):
    """How RTP travels."""

    TCP = "tcp"
    UDP = "udp"


class Container(StrEnum):
    """What downloaded bytes are."""

    MPEG_PS = "mpeg_ps"
    DHAV = "dhav"
    MP4 = "mp4"
    JPEG = "jpeg"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, order=True)
class TimeSpan:
    """A half-open span `[start, end)` of aware datetimes, kept in UTC; raises ValueError when it runs backwards."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        """Check and convert to UTC."""
        start, end = self.start, self.end
        if start.tzinfo is None or end.tzinfo is None:
            raise ValueError("a datetime without a zone")
        if end < start:
            raise ValueError("a span that ends before it starts")
        if start.tzinfo is not UTC:
            object.__setattr__(self, "start", start.astimezone(UTC))
        if end.tzinfo is not UTC:
            object.__setattr__(self, "end", end.astimezone(UTC))

    @property
    def duration(self) -> timedelta:
        """The length of the span."""
        return self.end - self.start

    def __contains__(self, moment: object) -> bool:
        """Tell whether the moment lies inside (the end does not)."""
        return isinstance(moment, datetime) and self.start <= moment < self.end

    def overlaps(self, other: TimeSpan) -> bool:
        """Tell whether the two share more than a border."""
        return self.start < other.end and other.start < self.end

    def clip(self, window: TimeSpan) -> TimeSpan | None:
        """Return the part inside the window, or None when nothing is."""
        start, end = max(self.start, window.start), min(self.end, window.end)
        return TimeSpan(start, end) if start < end else None


@dataclass(frozen=True, slots=True)
class RecorderInfo:
    """Who the recorder says it is; `serial` is its identity and goes to no log."""

    serial: str
    name: str
    manufacturer: str
    model: str
    firmware: str
    kind: RecorderKind
    family: str
    mac: str | None = None
    hardware: str | None = None


@dataclass(frozen=True, slots=True)
class StreamProfile:
    """One encoding of a live channel. `stream_id` is the wire id, opaque outside the driver; rates in kbit/s."""

    role: StreamRole
    stream_id: str
    video: VideoCodec = VideoCodec.UNKNOWN
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    bitrate: int | None = None
    audio: AudioCodec | None = None
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Channel:
    """One video input. `id` is recorder serial + the recorder's channel number: of the slot, not of the camera."""

    number: int
    id: str
    name: str
    kind: ChannelKind = ChannelKind.IP
    online: bool | None = None
    profiles: tuple[StreamProfile, ...] = ()
    detections: frozenset[EventKind] = frozenset()
    model: str | None = None
    manufacturer: str | None = None
    firmware: str | None = None
    camera_serial: str | None = None
    protocol: str | None = None

    def profile(self, role: StreamRole) -> StreamProfile | None:
        """Return the profile of that role, if the channel has it."""
        return next((profile for profile in self.profiles if profile.role is role), None)


@dataclass(frozen=True, slots=True)
class RecordingSegment:
    """One contiguous stored span as the recorder reports it. `size` in bytes; `open` while it is still being written.

    `locator` is the driver's own handle for playback and download; it holds an address and is never shown nor logged.
    """

    channel: int
    span: TimeSpan
    kind: RecordingKind
    role: StreamRole = StreamRole.MAIN
    raw_kind: str = ""
    size: int | None = None
    open: bool = False
    keep: bool | None = None
    video: VideoCodec = VideoCodec.UNKNOWN
    locator: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Gap:
    """A span without segments."""

    span: TimeSpan
    reason: GapReason = GapReason.UNKNOWN


@dataclass(frozen=True, slots=True)
class DayMap:
    """The days of one month, in the recorder's own calendar, that hold footage of a channel."""

    channel: int
    year: int
    month: int
    days: frozenset[int]

    def dates(self) -> tuple[date, ...]:
        """Return the dates, oldest first. A calendar may name days that the month does not have: these are left out."""
        last = calendar.monthrange(self.year, self.month)[1]
        return tuple(date(self.year, self.month, day) for day in sorted(self.days) if 1 <= day <= last)


_NOTHING_ELSE: Final[Mapping[str, str]] = MappingProxyType({})


class NvrEvent(NamedTuple):
    """Something that happened. `channel` None means the recorder itself; `late` marks a copy sent again afterwards.

    `occurred_at` is the recorder's time corrected by its offset, `received_at` ours; both aware, UTC. `rule` is what
    the recorder calls the rule that was broken: its name, else its number; `face` is whose face it took one for.
    """

    kind: EventKind
    phase: EventPhase
    channel: int | None
    occurred_at: datetime
    received_at: datetime
    raw_type: str = ""
    late: bool = False
    target: DetectionTarget | None = None
    region: str | None = None
    port: int | None = None
    plate: str | None = None
    text: str = ""
    pictures: int = 0
    extra: Mapping[str, str] = _NOTHING_ELSE
    rule: str | None = None
    direction: EventDirection | None = None
    face: str | None = None


@dataclass(frozen=True, slots=True)
class EventPicture:
    """What the recorder itself took of an event, as JPEG bytes."""

    event: NvrEvent
    jpeg: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Detection:
    """Something a recorder noted in the past; the span holds it, or a bit more. `raw_kind` is the recorder's word."""

    channel: int
    kind: EventKind
    span: TimeSpan
    target: DetectionTarget | None = None
    raw_kind: str = ""


@dataclass(frozen=True, slots=True)
class Disk:
    """One disk or network volume; sizes in MB as recorders count them. `free` 0 is normal while overwriting."""

    id: str
    name: str
    state: DiskState
    raw_state: str = ""
    capacity: int | None = None
    free: int | None = None
    kind: str = ""


# No recorder has more; whoever tells of more tells nonsense, of which no list is made.
MOST_CHANNELS: Final = 1024
MOST_PORTS: Final = 256


@dataclass(frozen=True, slots=True)
class SystemStatus:
    """How the recorder feels: uptime and moment of start, CPU per cent, memory per cent; None where it does not say."""

    uptime: timedelta | None = None
    cpu: float | None = None
    memory: float | None = None


@dataclass(frozen=True, slots=True)
class FirmwareOffer:
    """What the maker has for the recorder: `version` None where it runs the newest; `notes` as the maker wrote them."""

    version: str | None
    notes: str = ""


@dataclass(frozen=True, slots=True)
class SilentEvent:
    """A detection that the recorder acts on and does not tell us of: `methods` is what it does, in its own words.

    `id` is the driver's own handle; `after` is what `methods` would be if it told us too.
    """

    id: str
    kind: EventKind
    channel: int | None
    methods: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Still:
    """One picture, as JPEG bytes, taken at `taken_at`."""

    jpeg: bytes = field(repr=False)
    taken_at: datetime


@dataclass(frozen=True, slots=True)
class KeyFrame:
    """One stored picture that can be decoded alone: `data` is Annex B with its parameter sets.

    `recorded_at` is when it was recorded as far as the recorder tells (`dated`), else the moment that was asked for.
    """

    channel: int
    codec: VideoCodec
    data: bytes = field(repr=False)
    recorded_at: datetime
    dated: bool = False


@dataclass(frozen=True, slots=True)
class RtspAddress:
    """Where a stream is. `url` holds no credentials; they are put in at the last moment and never logged.

    `plain_basic` is the user's consent to the password going out readable where the recorder asks for that.
    """

    url: str
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    transport: RtspTransport = RtspTransport.TCP
    plain_basic: bool = False

    def with_credentials(self) -> str:
        """Return the address with percent-encoded credentials; only for the one who opens the stream."""
        if not self.username:
            return self.url
        parts = urlsplit(self.url)
        login = f"{quote(self.username, safe='')}:{quote(self.password, safe='')}"
        return urlunsplit((parts.scheme, f"{login}@{parts.netloc}", parts.path, parts.query, parts.fragment))


@dataclass(frozen=True, slots=True)
class PlaybackRequest:
    """What it takes to play footage from one moment on.

    `start` and `end` are UTC: what the address has to give from the asked moment on. An `end` before that of the asked
    span is where the footage goes on elsewhere: it takes another request, for the span from there. `npt` (s) is how far
    behind its own beginning the address is to be played.
    The recorder writes times in its own wall clock when `wire_offset` is not zero: UTC = time on the wire -
    `wire_offset`; a reader applies it to the `Range: clock=` of a PLAY answer.
    `real_time` says the recorder is known to deliver at 1x only (True), faster (False) or is not known yet (None).
    """

    address: RtspAddress
    start: datetime
    end: datetime
    wire_offset: timedelta = timedelta(0)
    real_time: bool | None = None
    npt: float = 0.0
