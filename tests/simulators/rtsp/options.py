"""What a simulated RTSP server does, what it counts, and how it can be made to misbehave while it runs."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from ..clock import WireClock
from ..loudspeaker import Loudspeaker
from ..video.profile import VideoProfile
from .sdp import DEFAULT_SDP, SdpStyle

type Kind = Literal["live", "playback"]
type Ranges = Literal["clock", "npt", "blind"]


@dataclass(frozen=True, slots=True)
class LiveTarget:
    """A URL that means the present of a channel; `speaker` is what can be spoken through, for who asks for it."""

    channel: int
    profile: VideoProfile
    wire: WireClock | None = None
    sdp: SdpStyle = DEFAULT_SDP
    kind: Kind = "live"
    speaker: Loudspeaker | None = None


@dataclass(frozen=True, slots=True)
class PlaybackTarget:
    """A URL that means footage of a channel from a true time on; `wire` is how this device writes times.

    `ranges`: clock (the device's digits) | npt (a file: seconds from its begin) | blind (nothing one could use).
    """

    channel: int
    profile: VideoProfile
    start: datetime
    end: datetime | None = None
    wire: WireClock | None = None
    sdp: SdpStyle = DEFAULT_SDP
    ranges: Ranges = "clock"
    kind: Kind = "playback"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A URL that is not served, with the status to say so."""

    status: int = 404


type Target = LiveTarget | PlaybackTarget


@dataclass(slots=True)
class RtspOptions:
    """Habits of a firmware."""

    server: str = ""
    live_limit: int = 16
    playback_limit: int = 4
    limit_status: int = 453
    limit_at: Literal["DESCRIBE", "SETUP"] = "SETUP"
    session_timeout: float = 60.0
    udp: bool = True
    sr_seconds: float = 5.0
    ntp: Literal["wire", "utc", "local"] = "wire"
    range_fraction: bool = True
    live_start: Literal["instant", "burst", "next"] = "instant"
    key_only_scale: float = 4.0
    scale_timestamps: bool = True
    send_buffer: int = 256 << 10
    reply_range: bool = True


@dataclass(slots=True)
class RtspFaults:
    """Misbehaviour; every value may be changed at any time and holds for what is sent from then on.

    `delivery` is how many times faster than real time playback is sent, 0 as fast as the client takes it.
    """

    playback_hangs: bool = False
    describe_hangs: bool = False
    describe_delay: float = 0.0
    start_delay: float = 0.0
    key_frame: Literal["before", "after"] = "before"
    delivery: float = 1.0
    gap: Literal["jump", "stop"] = "jump"
    end: Literal["silent", "bye", "close"] = "silent"
    no_footage: Literal["refuse", "silent"] = "refuse"
    cut_after_packets: int | None = None
    cut_once: bool = False
    drop_every: int = 0
    reorder_every: int = 0
    stalled: bool = False
    no_reports: bool = False
    refuse_status: int | None = None


@dataclass(slots=True)
class RtspCounters:
    """What happened since the server began; `sessions_open` is what is open now."""

    connections_open: int = 0
    connections: int = 0
    requests: Counter[str] = field(default_factory=Counter)
    sessions_open: Counter[str] = field(default_factory=Counter)
    sessions_opened: Counter[str] = field(default_factory=Counter)
    sessions_peak: Counter[str] = field(default_factory=Counter)
    teardowns: Counter[str] = field(default_factory=Counter)
    timeouts: int = 0
    refused: int = 0
    challenges: int = 0
    auth_failures: int = 0
    packets: int = 0
    octets: int = 0

    def as_dict(self) -> dict[str, int | dict[str, int]]:
        """Return all counts, ready for JSON."""
        names = self.__slots__
        values = {name: getattr(self, name) for name in names}
        return {name: dict(value) if isinstance(value, Counter) else value for name, value in values.items()}
