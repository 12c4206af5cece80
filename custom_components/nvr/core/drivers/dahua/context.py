"""What the roles of one recorder share: the client, the learned facts, channels, clock and addresses."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from ...capabilities import RecorderCapabilities
from ...clock import DeviceClock
from ...driver import ConnectionConfig
from ...errors import NvrNotFoundError, NvrUnreachableError
from ...models import Channel, RecorderKind, RtspAddress, StreamRole
from .client import DahuaClient
from .mapping_time import WallClock
from .quirks import Memory, Quirks

DEFAULT_RTSP_PORT: Final = 554
# How an address names a stream (dahua-cgi 8.2).
SUBTYPES: Final = {StreamRole.MAIN: 0, StreamRole.SUB: 1, StreamRole.THIRD: 2}


@dataclass(slots=True)
class Context:
    """One recorder as its roles see it; filled by connect, renewed by the roles that read."""

    config: ConnectionConfig
    client: DahuaClient
    memory: Memory
    utcnow: Callable[[], datetime]
    kind: RecorderKind = RecorderKind.NVR
    serial: str = ""
    channels: tuple[Channel, ...] = ()
    capabilities: RecorderCapabilities = field(default_factory=RecorderCapabilities)
    clock: DeviceClock | None = None
    told_rtsp_port: int | None = None
    rtsp_on: bool | None = None
    counters: dict[str, int] = field(default_factory=dict)
    connects: int = 0
    _wall: WallClock | None = None

    @property
    def quirks(self) -> Quirks:
        """The learned switches."""
        return self.memory.quirks

    @property
    def rtsp_port(self) -> int:
        """The user's port, else the recorder's word, else the usual one (dahua-cgi 8.2)."""
        return self.config.rtsp_port or self.told_rtsp_port or DEFAULT_RTSP_PORT

    @property
    def rtsp_host(self) -> str:
        """Where RTSP is dialled."""
        return self.config.dial or self.config.host

    def address(self, path: str) -> RtspAddress:
        """Return an RTSP address with the login beside it, not in it; `path` begins with a slash, encoded."""
        host = f"[{self.rtsp_host}]" if ":" in self.rtsp_host else self.rtsp_host
        config = self.config
        url = f"rtsp://{host}:{self.rtsp_port}{path}"
        return RtspAddress(url, config.username, config.password, config.rtsp_transport)

    def channel(self, number: int) -> Channel:
        """Return a channel by its 1-based number; raises NvrNotFoundError."""
        for channel in self.channels:
            if channel.number == number:
                return channel
        message = f"the recorder has no channel {number}"
        raise NvrNotFoundError(message)

    def known_clock(self) -> DeviceClock:
        """Return the newest reading; raises NvrUnreachableError before there is one."""
        if self.clock is None:
            message = "the recorder's clock has not been read"
            raise NvrUnreachableError(message)
        return self.clock

    def wall(self) -> WallClock:
        """Return what turns UTC into the recorder's digits and back; raises NvrUnreachableError before a reading."""
        clock = self.known_clock()
        if self._wall is None or self._wall.clock is not clock:
            self._wall = WallClock(clock)
        return self._wall

    def count(self, name: str) -> None:
        """Count something for the statistics."""
        self.counters[name] = self.counters.get(name, 0) + 1
