"""What the roles of one recorder share: the client, the learned facts, channels, clock and addresses."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from ...capabilities import RecorderCapabilities
from ...clock import DeviceClock
from ...driver import ConnectionConfig
from ...errors import NvrNotFoundError, NvrUnreachableError, NvrUnsupportedError
from ...models import Channel, RecorderKind, StreamRole
from .client import HikvisionClient
from .mapping import ROLE_DIGITS
from .mapping_time import WireClock, ZMode
from .quirks import Memory, Quirks
from .wire import Trigger

DEFAULT_RTSP_PORT = 554


@dataclass(slots=True)
class Context:
    """One recorder as its roles see it; filled by connect, renewed by the roles that read."""

    config: ConnectionConfig
    client: HikvisionClient
    memory: Memory
    utcnow: Callable[[], datetime]
    kind: RecorderKind = RecorderKind.NVR
    serial: str = ""
    channels: tuple[Channel, ...] = ()
    capabilities: RecorderCapabilities = field(default_factory=RecorderCapabilities)
    tracks: dict[tuple[int, StreamRole], int] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)
    rtsp_on: bool | None = None
    triggers: tuple[Trigger, ...] = ()
    clock: DeviceClock | None = None
    connects: int = 0
    counters: dict[str, int] = field(default_factory=dict)

    @property
    def quirks(self) -> Quirks:
        """The learned switches."""
        return self.memory.quirks

    @property
    def rtsp_port(self) -> int:
        """The user's port, else the recorder's word, else the usual one (hikvision-isapi 2.1)."""
        return self.config.rtsp_port or self.ports.get("RTSP") or DEFAULT_RTSP_PORT

    @property
    def rtsp_host(self) -> str:
        """Where RTSP is dialled."""
        return self.config.dial or self.config.host

    def channel(self, number: int) -> Channel:
        """Return a channel; raises NvrNotFoundError."""
        for channel in self.channels:
            if channel.number == number:
                return channel
        message = f"the recorder has no channel {number}"
        raise NvrNotFoundError(message)

    def track(self, number: int, role: StreamRole) -> int:
        """Return the track of a channel (hikvision-isapi 8.1); raises NvrNotFoundError or NvrUnsupportedError."""
        self.channel(number)
        known = self.tracks.get((number, role))
        if known is not None:
            return known
        if role is StreamRole.THIRD or (role is StreamRole.SUB and not self.capabilities.sub_track):
            message = "the recorder records the main stream only"
            raise NvrUnsupportedError(message)
        return number * 100 + ROLE_DIGITS[role]

    def known_clock(self) -> DeviceClock:
        """Return the newest reading; raises NvrUnreachableError before there is one."""
        if self.clock is None:
            message = "the recorder's clock has not been read"
            raise NvrUnreachableError(message)
        return self.clock

    @property
    def z_mode(self) -> ZMode:
        """What Z is known, or taken, to mean; wall time is what most recorders write."""
        return ZMode.UTC if self.quirks.z_mode == ZMode.UTC else ZMode.LOCAL

    def wire_clock(self) -> WireClock:
        """Return the clock with what Z is known, or taken, to mean."""
        return WireClock(self.known_clock(), self.z_mode)

    def playback_clock(self) -> WireClock:
        """Return the clock for playback addresses: as the recorder writes its own, else as it searches (9.3)."""
        mode = self.quirks.playback_z
        return WireClock(self.known_clock(), ZMode(mode)) if mode in set(ZMode) else self.wire_clock()

    def count(self, name: str) -> None:
        """Count something for the statistics."""
        self.counters[name] = self.counters.get(name, 0) + 1
