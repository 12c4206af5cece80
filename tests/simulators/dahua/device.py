"""The simulated Dahua unit's state: who it is, its channel slots, its clock, its disks and what it counts."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
import hashlib
import random
import time

from tests.simulators.clock import DstRule, SimClock, WireClock
from tests.simulators.footage import ChannelPlan, Footage, counted_footage, plans_for
from tests.simulators.heads import Head
from tests.simulators.loudspeaker import Loudspeaker
from tests.simulators.video.studio import Studio

from .cameras import camera_of
from .counters import Counters
from .faults import Faults
from .firmware import BERLIN, FIRMWARES, DeviceKind, Firmware, Slot, Zone

USER, PASSWORD = "admin", "nvr-test-pass"


@dataclass(frozen=True, slots=True)
class SimulatorOptions:
    """What is fixed for one run. None means the firmware profile's own value."""

    profile: str = "nvr5232"
    channels: int | None = None
    host: str = "127.0.0.1"
    http_port: int = 0
    https_port: int | None = None
    rtsp_port: int = 0
    discovery_port: int | None = None
    onvif_port: int | None = None
    user: str = USER
    password: str = PASSWORD
    number: int = 1
    name: str | None = None
    seed: str = "nvr"
    days: float = 8.0
    segments: int | None = None
    bulk: int | None = None
    utc_offset: int | None = None
    dst: bool | None = None
    skew: float = 0.0
    latency_ms: float | None = None
    time_scale: float = 1.0
    rtsp: bool = True
    rtsp_session_limit: int = 16
    playback_session_limit: int = 4
    main_size: tuple[int, int] = (640, 360)
    sub_size: tuple[int, int] = (320, 180)
    fps: int = 10
    sub_fps: int = 5
    gop_seconds: float = 2.0
    h264_only: bool = False
    incidents: float = 3.0
    offline: tuple[int, ...] = ()


@dataclass(slots=True)
class StreamSettings:
    """One encoder of a channel, as the Encode table tells it."""

    codec: str
    width: int
    height: int
    fps: int
    kbps: int
    gop_seconds: float = 2.0
    audio: str | None = None
    enabled: bool = True


@dataclass(slots=True)
class SimChannel:
    """One channel slot. `streams` are by subtype: 0 main, 1 sub. `number` counts from 1, `index` from 0."""

    number: int
    title: str
    slot: Slot
    model: str
    serial: str
    firmware: str
    address: str
    mac: str
    online: bool = True
    streams: dict[int, StreamSettings] = field(default_factory=dict)

    @property
    def index(self) -> int:
        """The number as tables and events count it."""
        return self.number - 1

    @property
    def wired(self) -> bool:
        """Whether a camera is attached, be it reachable or not."""
        return self.slot in {Slot.CAMERA, Slot.ANALOG, Slot.ONVIF}

    @property
    def live(self) -> bool:
        """Whether pictures come by this vendor's own ways: not from an ONVIF slot (dahua-cgi 6)."""
        return self.slot in {Slot.CAMERA, Slot.ANALOG} and self.online


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One line of the log; `when` is true time."""

    when: datetime
    kind: str
    user: str = "default"
    detail: tuple[str, ...] = ()
    level: str = "0"
    channel: int | None = None
    code: str = ""


_TITLES = ("Front door", "Driveway", "Garden", "Garage", "Back yard", "Hall", "Workshop", "Gate", "Terrace", "Cellar")
_DEFAULTS = ("Channel{n}", "Channel {n}", "IPC", "Канал{n}", "CAM {n}")
_CAMERAS = ("IPC-HDW3849H-AS-PV", "DH-T4A-PV", "IPC-HFW2831T-ZS", "DH-SD22404DB-GNY", "IPC-HDBW5442R-ASE")


class DahuaDevice:
    """State shared by all parts of the simulator.

    `on_boot` is called at every (re)boot: what a boot forgets. `log` holds the newest lines last. `studio` makes
    pictures; `session_of` finds the RPC session of a number and an address; `true` and `wall` turn the digits on the
    wire (recorder-local, without a zone) into UTC and back.
    """

    def __init__(self, options: SimulatorOptions) -> None:
        self.options = options
        self.firmware: Firmware = FIRMWARES[options.profile]
        self.version, self.build = self.firmware.version, self.firmware.build
        # What the maker's server has, and how often it was asked.
        self.new_version: str | None = None
        self.maker_asked = 0
        self.counters = Counters()
        self.faults = Faults()
        self.zone = self._zone()
        self.clock = SimClock(self.zone.tzinfo(), skew=timedelta(seconds=options.skew))
        self.wire = WireClock(self.clock, "local")
        self.name = options.name or ("IPC" if self.firmware.kind is DeviceKind.CAMERA else "NVR")
        self.channels: dict[int, SimChannel] = {}
        cameras = self.firmware.cameras if options.channels is None else options.channels
        for number in range(1, max(self.firmware.slots, cameras) + 1):
            self.channels[number] = self._new_channel(number, self._slot(number, cameras))
        # Every fifth camera is a dome, as its model says; the heads of the others do not move.
        self.heads = {number: Head() for number in self.channels if number % 5 == 3}
        # Every camera can be spoken through but each fourth.
        self.speakers = {number: Loudspeaker("pcma") for number in self.channels if number % 4 != 2}
        self.list_seed: int | None = None
        self.footage = self._footage()
        self.studio = Studio([camera_of(c) for c in self.channels.values() if c.wired], self.clock, self.footage)
        self.log: deque[LogEntry] = deque(maxlen=2000)
        self.on_boot: list[Callable[[], None]] = []
        self.session_of: Callable[[object, str], object | None] = lambda _number, _peer: None
        self.lose_finders: Callable[[], None] = lambda: None
        self.booted = time.monotonic()
        self.reboots = 0
        self.http_port = self.rtsp_port = 0
        self.https_port: int | None = None
        self._defaults()

    def _zone(self) -> Zone:
        options, zone = self.options, self.firmware.zone
        if options.utc_offset is None and options.dst is None:
            return zone
        minutes = zone.minutes if options.utc_offset is None else options.utc_offset
        return zone_of(minutes, dst=bool(zone.dst) if options.dst is None else options.dst)

    def _defaults(self) -> None:
        faults, firmware = self.faults, self.firmware
        faults.auth.mode = firmware.digest
        faults.auth.rotate = firmware.rotate_nonce
        faults.auth.lock_times = firmware.lock_times
        faults.server.server = None
        faults.server.lenient = True
        if self.options.latency_ms is not None:
            faults.load.latency_ms = self.options.latency_ms

    def _footage(self) -> Footage:
        if self.options.segments is not None:
            wired = [number for number, channel in self.channels.items() if channel.wired]
            return counted_footage(self.clock, wired, self._seed(), self.options.segments, self.options.days)
        low, high = (60 * minutes for minutes in self.firmware.file_minutes)
        wired = [number for number, channel in self.channels.items() if channel.wired]
        base = ChannelPlan(file_seconds=(low, high), incidents_per_hour=self.options.incidents, overlap_seconds=0.0)
        plans = {
            number: replace(base, mode="events" if number % 4 == 0 else "continuous") for number in plans_for(wired)
        }
        return Footage(self.clock, plans, self._seed(), timedelta(days=self.options.days))

    def _seed(self) -> str:
        return f"{self.options.seed}/{self.options.number}"

    def _slot(self, number: int, cameras: int) -> Slot:
        if number <= min(self.firmware.analog, cameras):
            return Slot.ANALOG
        if number <= cameras:
            return Slot.CAMERA
        return self.firmware.special.get(number, Slot.EMPTY) if self.options.channels is None else Slot.EMPTY

    @property
    def serial(self) -> str:
        """The serial number, as getSerialNo tells it."""
        return f"{self.firmware.serial_stem}{70_000 + self.options.number:05X}"

    @property
    def mac(self) -> str:
        """A locally administered address made from the serial."""
        digest = hashlib.sha256(self.serial.encode()).hexdigest()
        return "02:" + ":".join(digest[i : i + 2] for i in range(0, 10, 2))

    @property
    def realm(self) -> str:
        """The realm of challenges."""
        return f"Login to {self.serial}"

    @property
    def is_camera(self) -> bool:
        """Whether this is a camera and no recorder."""
        return self.firmware.kind is DeviceKind.CAMERA

    def true(self, digits: datetime) -> datetime:
        """Return the true time (UTC) of naive digits on the wire; of a repeated hour the first."""
        return self.wire.decode(digits)

    def wall(self, true: datetime | None = None) -> datetime:
        """Return the naive digits of a true time, now by default."""
        return self.wire.encode(true or self.clock.now())

    def stamp(self, true: datetime | None = None) -> str:
        """Return those digits as text."""
        return f"{self.wall(true):%Y-%m-%d %H:%M:%S}"

    def lacks(self, *names: str) -> bool:
        """Tell whether firmware or a fault lacks any of these calls, methods or tables."""
        return any(name in self.firmware.without or name in self.faults.without for name in names)

    def set_zone(self, minutes: int, *, dst: bool = False) -> None:
        """Move the recorder to another zone."""
        self.zone = zone_of(minutes, dst=dst)
        self.clock.zone = self.zone.tzinfo()

    def wired(self) -> Iterator[SimChannel]:
        """Yield the channels that have a camera, by number."""
        return (self.channels[n] for n in sorted(self.channels) if self.channels[n].wired)

    def listed(self) -> list[SimChannel]:
        """Return the channels in the order of the lists: by number, unless a seed has shuffled them."""
        channels = [self.channels[number] for number in sorted(self.channels)]
        if self.list_seed is not None:
            random.Random(self.list_seed).shuffle(channels)
        return channels

    def stream(self, number: int, subtype: int) -> tuple[SimChannel, StreamSettings] | None:
        """Return channel (1-based) and encoder (0 main, 1 sub); None when there is no camera or no such stream."""
        channel = self.channels.get(number)
        if channel is None or not channel.wired or subtype not in channel.streams:
            return None
        return channel, channel.streams[subtype]

    def note(self, kind: str, *detail: str, user: str = "default", channel: int | None = None, code: str = "") -> None:
        """Write a line into the log; `channel` is 1-based."""
        self.log.append(LogEntry(self.clock.now(), kind, user, detail, channel=channel, code=code))

    def add_camera(self, number: int, title: str | None = None) -> SimChannel:
        """Plug a camera into a slot."""
        channel = self._new_channel(number, Slot.CAMERA)
        channel.title = title or channel.title
        self.channels[number] = channel
        self.footage.plans.setdefault(number, ChannelPlan())
        return channel

    def remove_camera(self, number: int, *, stale: bool = False) -> None:
        """Take a camera out; the slot stays, enabled without a camera when `stale`. Its footage goes too."""
        self.channels[number].slot = Slot.STALE if stale else Slot.EMPTY
        self.footage.plans.pop(number, None)

    def replace_camera(self, number: int) -> SimChannel:
        """Put a camera of another model into a slot, under the title the slot has."""
        channel = self.channels[number]
        digest = hashlib.sha256(f"{channel.serial}/other".encode()).hexdigest()
        channel.model, channel.firmware = "IPC-HFW5849T1-ASE", "3.120.0000000.9.R"
        channel.serial, channel.address = f"9K{digest[:10].upper()}", f"192.168.150.{number + 180}"
        channel.mac = "02:" + ":".join(digest[i : i + 2] for i in range(10, 20, 2))
        return channel

    def _new_channel(self, number: int, slot: Slot) -> SimChannel:
        options = self.options
        wired = slot in {Slot.CAMERA, Slot.ANALOG, Slot.ONVIF}
        sharp = not options.h264_only and number % 4 == 2 and slot is not Slot.ANALOG
        audio = "G.711A" if number % 3 == 0 else None
        main = StreamSettings(
            "H.265" if sharp else "H.264", *options.main_size, options.fps, 3072, options.gop_seconds, audio
        )
        sub = StreamSettings("H.264", *options.sub_size, options.sub_fps, 384, options.gop_seconds)
        digest = hashlib.sha256(f"{self.serial}/{number}".encode()).hexdigest()
        addresses = {Slot.PLACEHOLDER: "1.1.1.1", Slot.EMPTY: "", Slot.ANALOG: ""}
        model = "" if slot in {Slot.ANALOG, Slot.EMPTY} else _CAMERAS[number % len(_CAMERAS)]
        title = _DEFAULTS[number % len(_DEFAULTS)].format(n=number)
        return SimChannel(
            number=number,
            title=channel_title(number) if wired else title,
            slot=slot,
            model=model,
            serial=f"8J{digest[:10].upper()}" if model else "",
            firmware="2.840.0000000.18.R" if model else "",
            address=addresses.get(slot, f"192.168.150.{number + 100}"),
            mac="02:" + ":".join(digest[i : i + 2] for i in range(10, 20, 2)) if model else "",
            online=wired and number not in options.offline,
            streams={0: main, 1: sub} if wired else {},
        )


def channel_title(number: int) -> str:
    """Return a title people would give; later rounds of the list carry a number."""
    title = _TITLES[(number - 1) % len(_TITLES)]
    turn = (number - 1) // len(_TITLES)
    return f"{title} {turn + 1}" if turn else title


def zone_of(minutes: int, *, dst: bool) -> Zone:
    """Return a zone by offset; it has a name only where there is an obvious one."""
    if not dst:
        whole, rest = divmod(minutes, 60)
        return Zone(minutes, None, f"Etc/GMT{-whole:+d}" if not rest else "", "")
    names = {0: ("Europe/London", "London"), 60: (BERLIN.name, BERLIN.city), 120: ("Europe/Helsinki", "Helsinki")}
    return Zone(minutes, DstRule(), *names.get(minutes, ("", "")))
