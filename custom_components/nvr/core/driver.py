"""The role Protocols a driver fills. A role the recorder lacks is None, so that the type checker asks for the test.

Every coroutine raises only `errors.NvrError` subclasses (besides CancelledError); every datetime is aware; every
span half-open. Closing or cancelling anything leaves no request, task or session on the recorder.
"""

from collections.abc import AsyncIterator, Callable, Hashable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from .capabilities import RecorderCapabilities
from .clock import DeviceClock
from .controls import Control, ControlPage, ControlValue, PtzAbilities, PtzMotion, PtzOrder, PtzPreset
from .event_tally import EventTally, Unsubscribed
from .models import (
    AudioCodec,
    Channel,
    Container,
    DayMap,
    Detection,
    Disk,
    EventKind,
    EventPicture,
    EventStreamState,
    FirmwareOffer,
    KeyFrame,
    NvrEvent,
    PlaybackRequest,
    RecorderInfo,
    RecordingKind,
    RecordingSegment,
    RtspAddress,
    RtspTransport,
    SilentEvent,
    Still,
    StreamRole,
    SystemStatus,
    TimeSpan,
)


class TlsMode(StrEnum):
    """How the recorder's certificate is judged."""

    OFF = "off"
    VERIFY = "verify"
    PIN = "pin"
    NO_VERIFY = "no_verify"


@dataclass(frozen=True, slots=True)
class ConnectionConfig:
    """How to reach a recorder.

    `host` is the identity shown to people and used for pinning and digest; `dial` is the address really connected
    to when it differs (a remote site's link). `port` 0 means the usual one of the scheme; `rtsp_port` None means
    what the recorder says. `fingerprint` is the pinned certificate's SHA-256, lower-case hex. `plain_basic` is the
    user's consent to send the password readable over plain HTTP to a recorder that offers nothing else.
    """

    host: str
    username: str = field(repr=False)
    password: str = field(repr=False)
    port: int = 0
    tls: TlsMode = TlsMode.OFF
    fingerprint: str | None = None
    dial: str | None = None
    rtsp_port: int | None = None
    rtsp_transport: RtspTransport = RtspTransport.TCP
    plain_basic: bool = False

    @property
    def http_port(self) -> int:
        """The port of the control connection."""
        return self.port or (80 if self.tls is TlsMode.OFF else 443)


class CredentialGuard(Protocol):
    """Counts refusals of one login over HTTP, RPC and RTSP together: two, and nothing is sent until the user acts."""

    @property
    def usable(self) -> bool:
        """Whether the login may be sent now."""

    @property
    def locked_until(self) -> datetime | None:
        """When the recorder's lock ends (UTC), while one is known."""

    @property
    def refusals(self) -> int:
        """How many refusals stand."""

    def check(self, *, suspected: int = 0) -> None:
        """Raise NvrAuthError or NvrLockedError when the login must not be sent.

        `suspected`: answers the recorder refused just now that may also have died of old age. They are counted where
        they make the limit full.
        """

    def refused(self) -> None:
        """Count one refusal of the login by the recorder (not a stale nonce)."""

    def give_up(self) -> None:
        """Let nothing be sent until the user acts: the refusal is beyond doubt."""

    def accepted(self) -> None:
        """Forget earlier refusals: the recorder took the login."""

    def locked(self, until: datetime | None, *, tried: bool = False) -> None:
        """Note that the recorder told of a lock; one without an end lasts as long as locks do.

        `tried`: it was the answer to the login, which counts as one refusal: the password may be what brought it.
        """


class LiveSource(Protocol):
    """Live streams."""

    def address(self, channel: int, role: StreamRole) -> RtspAddress:
        """Return where the profile plays; no I/O, stable between calls. Raises NvrNotFoundError."""


class SnapshotSource(Protocol):
    """Live stills."""

    async def snapshot(self, channel: int, *, width: int | None = None, height: int | None = None) -> Still:
        """Return a fresh JPEG; concurrent calls for one channel share one request."""


class RecordingIndex(Protocol):
    """What is stored."""

    @property
    def reading(self) -> Hashable:
        """What answers depend on besides the clock; once it differs, those given before no longer hold."""

    def search(
        self,
        channel: int,
        span: TimeSpan,
        *,
        kinds: frozenset[RecordingKind] | None = None,
        role: StreamRole = StreamRole.MAIN,
    ) -> AsyncIterator[RecordingSegment]:
        """Yield the segments that touch the span, oldest first, each once, page by page."""

    async def day_map(self, channel: int, year: int, month: int) -> DayMap:
        """Return the days of that month, in the recorder's own calendar, that hold footage."""


class DetectionIndex(Protocol):
    """What happened, where the recorder keeps a list of it."""

    @property
    def kinds(self) -> frozenset[EventKind]:
        """The kinds that can be asked for."""

    def find(self, channel: int, span: TimeSpan, kinds: frozenset[EventKind] | None = None) -> AsyncIterator[Detection]:
        """Yield what happened in the span, oldest first, each once; `kinds` None means all there is a list of.

        Raises NvrUnsupportedError where the recorder keeps no list of a kind that was asked for.
        """


class PlaybackSource(Protocol):
    """Footage to watch."""

    async def request(self, channel: int, span: TimeSpan, *, role: StreamRole = StreamRole.MAIN) -> PlaybackRequest:
        """Return what a reader needs to play from `span.start`; a seek is a new request.

        So is what follows an `end` before the span's: files are played one by one on some recorders.
        """


class KeyFrameSource(Protocol):
    """Single pictures of the past, without a playback session."""

    async def key_frame(self, channel: int, moment: datetime, *, role: StreamRole = StreamRole.MAIN) -> KeyFrame:
        """Return the key picture at a moment or the last one before it.

        Raises NvrNotFoundError where nothing is recorded and NvrUnsupportedError where it turns out that the recorder
        has no such pictures: then the role is None from now on.
        """


class Download(Protocol):
    """Original bytes on their way; an async iterator of chunks. Raises NvrResponseError when it ends too early."""

    @property
    def container(self) -> Container:
        """What the bytes are."""

    @property
    def size(self) -> int | None:
        """How many bytes there will be, if the recorder said so."""

    @property
    def start(self) -> datetime | None:
        """When that was recorded which comes first, to the second; None where nothing tells."""

    @property
    def wanted(self) -> bool:
        """Whether somebody else waits for the recorder's downloads: who has time to spare should make room."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the bytes."""

    def lent(self) -> AsyncIterator[bytes | memoryview]:
        """Yield the bytes in pieces that are good until the next one is asked for: no copy is made of a whole file."""


class DownloadSource(Protocol):
    """Footage as original bytes."""

    @property
    def piece(self) -> timedelta | None:
        """The longest part of a file to ask for where it may be left in the middle; None where that does no harm."""

    def open(self, segment: RecordingSegment) -> AbstractAsyncContextManager[Download]:
        """Open the download of one segment; leaving the context closes the recorder's session."""

    async def begins(self, segment: RecordingSegment) -> datetime:
        """Return where the bytes of a segment would begin: for a part of a file that may be the file's beginning.

        May ask the recorder, once, what it can do.
        """


class EventListener(Protocol):
    """Who hears of events; its methods never block and never raise."""

    def on_event(self, event: NvrEvent, /) -> None:
        """Take one event."""

    def on_stream_state(self, state: EventStreamState, /) -> None:
        """Take a change of the event stream's state."""


class EventSource(Protocol):
    """The one event stream of a recorder.

    `hold` may be set at any time: seconds without a repeat after which a kind is over, where no end is sent.
    """

    hold: dict[EventKind, float]

    @property
    def crowded(self) -> bool:
        """Whether the recorder had no place for the stream when it was asked last: others hold them all."""

    @property
    def heard_at(self) -> float:
        """When the last byte came over the connection that is open now (monotonic, s); minus infinity without one."""

    @property
    def tally(self) -> EventTally:
        """What came since the start, and what became of it."""

    @property
    def unsubscribed(self) -> Unsubscribed:
        """What is detected and not sent to us, by channel (None: the recorder itself) and kind, with why; no I/O."""

    async def run(self, listener: EventListener) -> None:
        """Read until cancelled, reconnecting with back-off and jitter.

        Returns never; raises NvrAuthError, NvrLockedError, NvrPermissionError or NvrUnsupportedError when going on
        makes no sense, anything else is retried inside.
        """

    async def inputs(self) -> Sequence[NvrEvent]:
        """Ask which alarm inputs are active, and return those that nothing was heard of: when they began is not known.

        Those that are not active any more end as by word, for the listener. Raises NvrUnsupportedError where the
        recorder has no inputs.
        """


class EventPictures(Protocol):
    """Pictures that the recorder itself takes of what happens, and sends by itself."""

    def follow(self, channel: int, sink: Callable[[EventPicture], None]) -> Callable[[], None]:
        """Hand over those of a channel until the returned function is called, each soon after its event.

        Of several of one event the larger follows the smaller: the scene comes after what was cut out of it.
        """


class EventLinkage(Protocol):
    """Detections that are set up on the recorder and not sent to us; to be mended only when a person asks for it."""

    def silent(self) -> Sequence[SilentEvent]:
        """Return those of the last connect that were not mended since; no I/O."""

    async def link(self, event: SilentEvent) -> None:
        """Have the recorder tell us of it too, and change nothing else; raises NvrResponseError if it does not."""


class StorageSource(Protocol):
    """Disks and network volumes."""

    async def disks(self) -> Sequence[Disk]:
        """Return all of them, empty bays included."""

    async def temperature(self, disk: str) -> float:
        """Return how hot a disk is, in degrees Celsius, by its id; raises NvrUnsupportedError where it is not told."""


class ClockSource(Protocol):
    """The recorder's own clock."""

    @property
    def current(self) -> DeviceClock:
        """The newest reading."""

    async def read(self) -> DeviceClock:
        """Measure zone and offset anew."""


class ClockSetter(Protocol):
    """The recorder's own clock, to be set: only when a person asks for it."""

    async def set_now(self) -> DeviceClock:
        """Set it to what its zone shows now, and return what it then tells; raises NvrResponseError if it stays."""


class RecordingStatus(Protocol):
    """What the recorder says of its recording."""

    @property
    def at_once(self) -> bool:
        """Whether one request tells of all channels; else each is asked for by itself."""

    async def recording(self, channels: Sequence[int]) -> Mapping[int, bool]:
        """Return whether these are being recorded, as far as it tells; nothing where the firmware does not say."""


class MaintenanceSource(Protocol):
    """Health of the box itself."""

    async def status(self) -> SystemStatus:
        """Return uptime and load."""

    async def reboot(self) -> None:
        """Restart the recorder; returns when it took the order, and it goes away then."""


class FirmwareSource(Protocol):
    """What newer firmware the recorder knows of; nothing here installs any."""

    async def offered(self) -> bool:
        """Tell whether the recorder can find out; that asks nobody but the recorder."""

    async def newest(self) -> FirmwareOffer:
        """Have the recorder ask its maker, over the internet; raises NvrUnsupportedError where it cannot."""


class PtzSource(Protocol):
    """Cameras that move. A motion goes on until the next one: whoever begins it sees to its end."""

    async def abilities(self, channel: int) -> PtzAbilities:
        """Return what the camera can do; raises NvrUnsupportedError for one that does not move."""

    async def move(self, channel: int, motion: PtzMotion) -> None:
        """Move from now on; a still motion stops whatever moves, also what somebody else began."""

    async def presets(self, channel: int) -> Sequence[PtzPreset]:
        """Return the stored positions, by number."""

    async def order(self, channel: int, order: PtzOrder, number: int, name: str = "") -> None:
        """Go to or save a preset (`name` is for saving), start or stop a patrol; done when the recorder took it."""


class ControlSource(Protocol):
    """What can be switched and set, page by page."""

    def pages(self) -> Sequence[ControlPage]:
        """Return what may be read, as far as the channels tell; asks nothing, and promises nothing."""

    def certain(self) -> Sequence[Control]:
        """Return what is there beyond doubt, without a value; asks nothing."""

    async def read(self, page: ControlPage) -> Sequence[Control]:
        """Return what the page holds now; raises NvrUnsupportedError where the recorder has none."""

    async def write(self, control: Control, value: ControlValue) -> Sequence[Control]:
        """Change one thing and nothing else, and return the page as the recorder then tells it.

        Raises NvrConflictError where something that is on now forbids it, NvrNotFoundError where it is gone.
        """


class TalkLine(Protocol):
    """The way to a loudspeaker, open for one talker."""

    @property
    def codec(self) -> AudioCodec:
        """What it takes, at 8000 samples a second: G711_ULAW or G711_ALAW."""

    async def send(self, sound: bytes) -> None:
        """Send what sounds next, not faster than it sounds. Raises NvrUnreachableError when the recorder hung up."""


class TalkSource(Protocol):
    """Loudspeakers of cameras. One talker at a time: nobody is interrupted unless that is asked for."""

    def address(self, channel: int, role: StreamRole = StreamRole.MAIN) -> RtspAddress:
        """Return where the profile plays with a way back, for who asks for one (ONVIF); no I/O.

        Raises NvrNotFoundError.
        """

    def line(self, channel: int, *, take_over: bool = False) -> AbstractAsyncContextManager[TalkLine]:
        """Open the family's own way; leaving the context ends it on the recorder.

        Raises NvrUnsupportedError where there is none, NvrBusyError while somebody else speaks.
        """

    @property
    def prefers_line(self) -> bool:
        """Whether the family's own way is the better one to try first."""


class Driver(Protocol):
    """One recorder. Optional roles are None when it lacks them; nothing but `connect` may be called before it."""

    info: RecorderInfo
    capabilities: RecorderCapabilities
    channels: tuple[Channel, ...]
    guard: CredentialGuard
    live: LiveSource | None
    snapshots: SnapshotSource | None
    recordings: RecordingIndex | None
    detections: DetectionIndex | None
    playback: PlaybackSource | None
    downloads: DownloadSource | None
    events: EventSource | None
    event_pictures: EventPictures | None
    event_linkage: EventLinkage | None
    storage: StorageSource | None
    clock: ClockSource | None
    clock_setter: ClockSetter | None
    maintenance: MaintenanceSource | None
    firmware: FirmwareSource | None
    recording_status: RecordingStatus | None
    ptz: PtzSource | None
    controls: ControlSource | None
    talk: TalkSource | None

    @property
    def key_frames(self) -> KeyFrameSource | None:
        """Single pictures of the past; None once the recorder has refused them."""

    @property
    def memory(self) -> Mapping[str, object]:
        """What was learned of this recorder's ways, as plain JSON, to be given back at the next start."""

    @property
    def statistics(self) -> Mapping[str, object]:
        """Counters and learned facts for diagnostics; no credentials, serials or addresses."""

    async def connect(self, serial: str | None = None) -> None:
        """Identify the recorder and learn channels and capabilities in a fixed number of requests.

        Where `serial` is given and another recorder answers, NvrOtherRecorderError comes before anything is learned.
        """

    async def identify(self) -> str:
        """Return the serial of the recorder that answers now, in one request; at any time, and nothing is learned."""

    async def refresh_channels(self) -> tuple[Channel, ...]:
        """Read names and online states anew in one or two requests; also updates `channels`."""

    async def ping(self) -> None:
        """Make the cheapest authenticated request; raises when the recorder is away."""

    async def close(self) -> None:
        """End everything that runs; safe to call twice and at any time."""
