"""The simulated recorder's state: who it is, its channels, its clock, its disks and what it counts."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta, tzinfo
import hashlib
import random
import time

from tests.simulators.clock import DstRule, SimClock
from tests.simulators.footage import ChannelPlan, Footage, counted_footage, plans_for
from tests.simulators.heads import Head
from tests.simulators.loudspeaker import Loudspeaker

from .counters import Counters
from .faults import Faults
from .firmware import FIRMWARES, DeviceKind, Firmware, Zone
from .xmlout import Dialect

USER, PASSWORD = "admin", "nvr-test-pass"


@dataclass(frozen=True, slots=True)
class SimulatorOptions:
    """What is fixed for one run. None means the firmware profile's own value."""

    profile: str = "nvr8"
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
    """One encoder of a channel, as Streaming/channels tells it."""

    codec: str
    width: int
    height: int
    fps: float
    kbps: int
    gop_seconds: float = 2.0
    audio: str | None = None
    smart: bool = False
    enabled: bool = True


@dataclass(slots=True)
class SimChannel:
    """One channel slot of the recorder. `detect` is chanDetectResult of an IP channel."""

    number: int
    name: str
    analog: bool
    model: str
    serial: str
    firmware: str
    address: str
    protocol: str = "HIKVISION"
    online: bool = True
    detect: str = "connect"
    video: bool = True
    streams: dict[int, StreamSettings] = field(default_factory=dict)
    port: int = 1


_NAMES = ("Front door", "Driveway", "Garden", "Garage", "Back yard", "Hall", "Workshop", "Gate", "Terrace", "Cellar")
_CAMERAS = ("DS-2CD2047G2-LU", "DS-2CD2147G2-SU", "DS-2CD2387G2-LU", "HWI-T241H", "IPC-T621-Z", "DS-KV6124-WPE1")


def channel_name(number: int) -> str:
    """Return a name people would give; later rounds of the list carry a number."""
    name = _NAMES[(number - 1) % len(_NAMES)]
    turn = (number - 1) // len(_NAMES)
    return f"{name} {turn + 1}" if turn else name


class Device:
    """State shared by all parts of the simulator."""

    def __init__(self, options: SimulatorOptions) -> None:
        self.options = options
        self.firmware: Firmware = FIRMWARES[options.profile]
        self.version = self.firmware.version
        self.build = self.firmware.build
        self.counters = Counters()
        self.faults = Faults()
        self.zone = self._zone()
        self.clock = SimClock(self.zone.tzinfo(), skew=timedelta(seconds=options.skew))
        self.name = options.name or ("Embedded Net DVR" if self.firmware.kind is DeviceKind.DVR else "NVR Demo")
        count = options.channels or self.firmware.channels
        self.analog = min(self.firmware.analog, count)
        self.channels: dict[int, SimChannel] = {n: self._new_channel(n) for n in range(1, count + 1)}
        # Every fifth camera is a dome; the heads of the others do not move.
        self.heads = {number: Head() for number in self.channels if number % 5 == 3}
        # How hot the disk is; None: no sensor. Which alarm inputs are on. The tracks that are recorded by hand.
        self.disk_heat: int | None = 38
        self.inputs: set[int] = set()
        self.manual: set[int] = set()
        # Every camera can be spoken through but each fourth; the recorder's own voice channel is number 0.
        self.speakers = {number: Loudspeaker("pcmu") for number in (0, *self.channels) if number % 4 != 2}
        self.list_seed: int | None = None
        self.footage = self._footage()
        self.booted = time.monotonic()
        self.reboots = 0
        self.uptime_base = 315_698.0
        self.http_port = self.rtsp_port = 0
        self.https_port: int | None = None
        self._defaults()

    def _zone(self) -> Zone:
        zone = self.firmware.zone
        if self.options.utc_offset is not None:
            zone = replace(zone, minutes=self.options.utc_offset)
        if self.options.dst is not None:
            zone = replace(zone, dst=DstRule() if self.options.dst else None)
        return zone

    def _defaults(self) -> None:
        """Set the switches that differ from one firmware to another."""
        faults, firmware = self.faults, self.firmware
        faults.auth.digest = type(faults.auth.digest)(firmware.digest)
        faults.auth.lock_body = firmware.lock_body
        faults.server.server = firmware.server
        faults.search.mode = firmware.search_time
        faults.load.latency_ms = self.options.latency_ms
        if self.options.segments is not None:
            faults.search.page_cap = 100

    def _footage(self) -> Footage:
        if self.options.segments is None:
            plans = {
                number: replace(plan, incidents_per_hour=self.options.incidents)
                for number, plan in plans_for(self.channels).items()
            }
            return Footage(self.clock, plans, self._seed(), timedelta(days=self.options.days))
        return counted_footage(self.clock, self.channels, self._seed(), self.options.segments, self.options.days)

    def _seed(self) -> str:
        return f"{self.options.seed}/{self.options.number}"

    @property
    def serial(self) -> str:
        """The serial number, as deviceInfo tells it."""
        tail = "WCVU" if self.firmware.kind is not DeviceKind.CAMERA else ""
        return f"{self.firmware.serial_stem}{'J' if tail else ''}{417_000_000 + self.options.number}{tail}"

    @property
    def mac(self) -> str:
        """A locally administered address made from the serial."""
        digest = hashlib.sha256(self.serial.encode()).hexdigest()
        return "02:" + ":".join(digest[i : i + 2] for i in range(0, 10, 2))

    @property
    def device_id(self) -> str:
        """The UUID of deviceInfo."""
        digest = hashlib.sha256(self.serial.encode()).hexdigest()
        return f"484e3031-3230-0000-0000-{digest[:12]}"

    @property
    def realm(self) -> str:
        """The realm of HTTP challenges of recorders: plain hex."""
        return hashlib.sha256(f"realm/{self.serial}".encode()).hexdigest()

    @property
    def is_camera(self) -> bool:
        """Whether this is a camera and no recorder."""
        return self.firmware.kind is DeviceKind.CAMERA

    @property
    def uptime(self) -> int:
        """Seconds since the last boot."""
        return int(self.uptime_base + time.monotonic() - self.booted)

    def set_zone(self, minutes: int, *, dst: bool = False) -> None:
        """Move the recorder to another zone."""
        self.zone = Zone(minutes, DstRule() if dst else None)
        zone: tzinfo = self.zone.tzinfo()
        self.clock.zone = zone

    def listed(self) -> list[SimChannel]:
        """Return the channels in the order of the lists: by number, unless a seed has shuffled them."""
        channels = [self.channels[number] for number in sorted(self.channels)]
        if self.list_seed is not None:
            random.Random(self.list_seed).shuffle(channels)
        return channels

    def ip_channels(self) -> Iterator[SimChannel]:
        """Yield the channels of InputProxy, as they are listed."""
        return (channel for channel in self.listed() if not channel.analog)

    def stream(self, stream_id: int) -> tuple[SimChannel, StreamSettings] | None:
        """Return channel and encoder of a stream id (channel x 100 + 1, 2, 3, 4); None when there is none."""
        number, index = divmod(stream_id, 100)
        channel = self.channels.get(number)
        if channel is None or index not in channel.streams:
            return None
        return channel, channel.streams[index]

    def add_channel(self, number: int, name: str | None = None) -> SimChannel:
        """Plug a camera in."""
        channel = self._new_channel(number)
        channel.name = name or channel.name
        self.channels[number] = channel
        self.footage.plans.setdefault(number, ChannelPlan())
        return channel

    def remove_channel(self, number: int) -> None:
        """Delete a channel from the recorder; its footage goes too."""
        self.channels.pop(number, None)
        self.footage.plans.pop(number, None)

    def replace_camera(self, number: int) -> SimChannel:
        """Put a camera of another model into a slot, under the name the slot has."""
        channel = self.channels[number]
        channel.model, channel.firmware = "IPC-B640H-Z", "V5.8.1 build 250311"
        channel.serial = f"{channel.model}20250311AAWRK{71_000_000 + number}"
        channel.address, channel.protocol = f"192.168.254.{200 + number}", "HIKVISION"
        return channel

    def dialect(self, namespace: str | None = None) -> Dialect:
        """Return how documents are spelled now."""
        firmware, faults = self.firmware, self.faults.documents
        return Dialect(
            namespace=faults.namespace or namespace or firmware.namespace,
            version=firmware.xml_version,
            nested_namespace=firmware.nested_namespace,
            encoding=faults.encoding or "utf-8",
            raw_ampersand=faults.raw_ampersand,
            newline_numbers=faults.newline_numbers,
            lying_size=firmware.lying_size if faults.lying_size is None else faults.lying_size,
            opt_attributes=firmware.opt_attributes if faults.opt_attributes is None else faults.opt_attributes,
            byte_order_mark=faults.byte_order_mark,
        )

    def _new_channel(self, number: int) -> SimChannel:
        options, firmware = self.options, self.firmware
        analog = number <= self.analog if hasattr(self, "analog") else number <= firmware.analog
        foreign = not analog and number % 5 == 0
        model = "IPC-BO/5MP" if foreign else _CAMERAS[number % len(_CAMERAS)]
        sharp = not options.h264_only and number % 4 == 2
        audio = {3: "AAC", 4: "G.711ulaw"}.get(number)
        main = StreamSettings(
            "H.265" if sharp else "H.264", *options.main_size, options.fps, 3072, options.gop_seconds, audio
        )
        streams = {1: main, 2: StreamSettings("H.264", *options.sub_size, options.sub_fps, 384, options.gop_seconds)}
        if firmware.transcoded:
            streams[4] = StreamSettings("H.264", *options.sub_size, options.sub_fps, 512, options.gop_seconds)
        return SimChannel(
            number=number,
            name=channel_name(number),
            analog=analog,
            model=model,
            # Cameras attached by ONVIF repeat their serial numbers (hikvision-isapi 5.1).
            serial="0000000000000001" if foreign else f"{model}2022031{number % 10}AAWRJ{60_000_000 + number}",
            firmware="V2.1.0 build 190618" if foreign else "V5.7.15 build 240201",
            address=f"192.168.254.{number + 1}",
            protocol="ONVIF" if foreign else "HIKVISION",
            streams=streams,
            online=number not in options.offline,
            detect="ipNotExist" if number in options.offline else "connect",
        )
