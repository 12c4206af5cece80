"""What every simulated recorder is, whatever its family: ports, power, a clock, and switches."""

import asyncio
from datetime import datetime
from random import Random
from typing import Any, Protocol

from .blackhole import Blackholes
from .certificate import self_signed_context
from .clock import SimClock
from .footage import Footage
from .rtsp import RtspServer
from .switches import apply
from .webserver import HttpServer


class BoxOptions(Protocol):
    """What is fixed for one run."""

    @property
    def host(self) -> str: ...
    @property
    def http_port(self) -> int: ...
    @property
    def https_port(self) -> int | None: ...


class BoxDevice(Protocol):
    """What is behind the doors."""

    @property
    def clock(self) -> SimClock: ...
    @property
    def footage(self) -> Footage: ...
    @property
    def serial(self) -> str: ...


class Box:
    """The doors and the power switch; a family's unit says what is behind them and what its boot does."""

    options: BoxOptions
    device: BoxDevice
    rtsp: RtspServer
    _http: HttpServer
    _https: HttpServer | None

    def __init__(self, host: str) -> None:
        self.powered = False
        self.fingerprint: str | None = None
        self._life: asyncio.Task[None] | None = None
        self._blackholes = Blackholes(host)
        self._rng = Random("life")

    @property
    def faults(self) -> object:
        """Every switch but those of RTSP."""
        raise NotImplementedError

    @property
    def http_port(self) -> int:
        """Where HTTP answers."""
        return self._http.port

    @property
    def https_port(self) -> int | None:
        """Where it answers by TLS."""
        return self._https.port if self._https else None

    @property
    def rtsp_port(self) -> int:
        """Where RTSP answers."""
        return self.rtsp.port

    def open_connections(self) -> int:
        """Return how many HTTP sockets clients hold now."""
        return sum(len(server.connections) for server in (self._http, self._https) if server is not None)

    @property
    def clock(self) -> SimClock:
        """The recorder's clock."""
        return self.device.clock

    @property
    def footage(self) -> Footage:
        """What is recorded."""
        return self.device.footage

    @property
    def serial(self) -> str:
        """The serial number."""
        return self.device.serial

    def now(self) -> datetime:
        """Return true time, as the pictures show it."""
        return self.device.clock.now()

    def _take_ports(self) -> None:
        """Take the ports the options name, and make the HTTPS door where they ask for one."""
        self._http.port = self.options.http_port
        if self.options.https_port is not None:
            self.new_certificate()
            assert self._https is not None
            self._https.port = self.options.https_port

    def new_certificate(self) -> None:
        """Make a new HTTPS certificate; in force from the next power_on."""
        context, self.fingerprint = self_signed_context(self.options.host)
        port = self._https.port if self._https else 0
        self._https = HttpServer(self._http.answer, self._http.counters, host=self.options.host, tls=context)
        self._https.policy = self._http.policy
        self._https.is_open = self._http.is_open
        self._https.port = port

    def stall(self, *, on: bool = True) -> None:
        """Stop the network: sockets stay open, no byte moves."""
        self._http.policy.stalled = on
        self.rtsp.faults.stalled = on

    def reboot(self, *, off_seconds: float | None = None, version: str | None = None) -> None:
        """Restart soon, as the recorder does when it is told to; a version is what an upgrade leaves behind."""
        if self._life is None or self._life.done():
            self._life = asyncio.get_running_loop().create_task(self._restart(off_seconds, version))

    async def _restart(self, off_seconds: float | None, version: str | None) -> None:
        raise NotImplementedError

    async def restarted(self) -> None:
        """Wait until a reboot under way is over, warm-up included."""
        if self._life is not None:
            await asyncio.shield(self._life)

    async def _stop_restarting(self) -> None:
        """End a reboot that is under way where it is."""
        if self._life is not None:
            self._life.cancel()
            await asyncio.gather(self._life, return_exceptions=True)

    def set_faults(self, **changes: Any) -> None:
        """Set switches by dotted name with `__` for the dot, e.g. load__latency_ms=40."""
        self.apply_faults({name.replace("__", "."): value for name, value in changes.items()})

    def apply_faults(self, changes: dict[str, Any]) -> None:
        """Set switches by dotted name; those of RTSP begin with `rtsp.`. Raises ValueError for an unknown one."""
        own = {name: value for name, value in changes.items() if not name.startswith("rtsp.")}
        streaming = {name[5:]: value for name, value in changes.items() if name.startswith("rtsp.")}
        if "server.stalled" in own:
            streaming.setdefault("stalled", own["server.stalled"])
        apply(self.rtsp.faults, {k: v for k, v in streaming.items() if hasattr(self.rtsp.faults, k)})
        apply(self.rtsp.options, {k: v for k, v in streaming.items() if not hasattr(self.rtsp.faults, k)})
        apply(self.faults, own)
