"""The simulated recorder as a whole: its doors, its power switch, and what a test may do to it."""

import asyncio
import contextlib
from datetime import datetime
from random import Random
import socket
import time
from typing import Any, Self

from tests.simulators.rtsp import RtspOptions, RtspServer
from tests.simulators.rtsp.auth import Gatekeeper
from tests.simulators.video.studio import Studio

from .alerts import Alert, AlertHub
from .auth import Authenticator, User
from .certificate import self_signed_context
from .channel_pages import ChannelPages
from .counters import Counters
from .device import Device, SimChannel, SimulatorOptions
from .downloads import Downloads
from .faults import Faults, apply
from .gatehouse import Gatehouse
from .maintenance import Maintenance
from .push import HostPush
from .router import Router
from .rtsp_paths import PathResolver, SharedAccounts, camera_of
from .search import SearchPages
from .setting_pages import SettingPages
from .settings import SettingsStore
from .snapshots import Snapshots
from .system_pages import SystemPages
from .triggers import Triggers
from .webserver import HttpServer


class HikvisionSimulator:
    """A Hikvision recorder on this machine. An async context manager; every attribute may be used while it runs."""

    def __init__(self, options: SimulatorOptions | None = None, **changes: Any) -> None:
        self.options = options or SimulatorOptions(**changes)
        self.device = Device(self.options)
        self.powered = False
        self.fingerprint: str | None = None
        device = self.device
        users = {self.options.user: User(self.options.password)}
        self.login = Authenticator(users, device.counters, realm=device.realm, model=device.firmware.model)
        device.faults.auth = self._adopt_policy(device)
        router = Router()
        self.system = SystemPages(device)
        self.triggers = Triggers(device)
        self.alerts = AlertHub(device, self.triggers, self.system)
        self.search = SearchPages(device)
        self.push = HostPush(device, self.alerts)
        self.settings = SettingsStore(device)
        self.studio = Studio([camera_of(c) for c in device.channels.values()], device.clock, device.footage)
        self.maintenance = Maintenance(self)
        self.pages = SettingPages(device, self.settings, self.system)
        self.downloads = Downloads(device, self.search, self.studio)
        # The order matters where one template covers another: the first that fits answers.
        for part in (
            self.system,
            Snapshots(device, self.studio),
            ChannelPages(device),
            self.pages,
            self.triggers,
            self.alerts,
            self.search,
            self.downloads,
            self.push,
            self.maintenance,
        ):
            part.register(router)
        self.gatehouse = Gatehouse(device, router, self.login)
        self._http = HttpServer(self.gatehouse.answer, device.counters, host=self.options.host)
        self._https: HttpServer | None = None
        self._http.policy = device.faults.server
        self.paths = PathResolver(device)
        self.rtsp = self._rtsp_server()
        self._life: asyncio.Task[None] | None = None
        self._blackholes: list[socket.socket] = []
        self._rng = Random("life")

    def _adopt_policy(self, device: Device) -> Any:
        self.login.policy = device.faults.auth
        return device.faults.auth

    def _rtsp_server(self) -> RtspServer:
        options = RtspOptions(
            live_limit=self.options.rtsp_session_limit, playback_limit=self.options.playback_session_limit
        )
        keeper = Gatekeeper(SharedAccounts(self.login), realm=f"IP Camera(C{self.options.number + 1000})")
        return RtspServer(
            self.studio,
            self.device.footage,
            self.paths.resolve,
            gatekeeper=keeper,
            options=options,
            host=self.options.host,
            port=self.options.rtsp_port,
        )

    @property
    def faults(self) -> Faults:
        """Every switch."""
        return self.device.faults

    @property
    def counters(self) -> Counters:
        """Everything counted by the HTTP side; `rtsp.counters` has the rest."""
        return self.device.counters

    @property
    def clock(self) -> Any:
        """The recorder's clock."""
        return self.device.clock

    @property
    def footage(self) -> Any:
        """What is recorded."""
        return self.device.footage

    @property
    def serial(self) -> str:
        """The serial number."""
        return self.device.serial

    @property
    def http_port(self) -> int:
        """Where ISAPI answers."""
        return self._http.port

    @property
    def https_port(self) -> int | None:
        """Where ISAPI answers by TLS."""
        return self._https.port if self._https else None

    @property
    def rtsp_port(self) -> int:
        """Where RTSP answers."""
        return self.rtsp.port

    async def __aenter__(self) -> Self:
        """Boot."""
        self._http.port = self.options.http_port
        if self.options.https_port is not None:
            self.new_certificate()
            assert self._https is not None
            self._https.port = self.options.https_port
        await self.power_on()
        return self

    async def __aexit__(self, *_: object) -> None:
        """End everything."""
        if self._life is not None:
            self._life.cancel()
            await asyncio.gather(self._life, return_exceptions=True)
        await self.power_off()
        self._close_blackholes()
        await self.push.close()
        self.studio.close()

    def new_certificate(self) -> None:
        """Make a new HTTPS certificate; in force from the next power_on."""
        context, self.fingerprint = self_signed_context(self.options.host)
        port = self._https.port if self._https else 0
        self._https = HttpServer(self.gatehouse.answer, self.counters, host=self.options.host, tls=context)
        self._https.policy = self.device.faults.server
        self._https.port = port

    async def power_on(self) -> None:
        """Listen on the same ports as ever; forget what a boot forgets."""
        if self.powered:
            return
        self._close_blackholes()
        await self._http.start()
        if self._https is not None:
            await self._https.start()
            self.device.https_port = self._https.port
        if self.options.rtsp:
            await self.rtsp.power_on()
        self.device.http_port, self.device.rtsp_port = self._http.port, self.rtsp.port
        self.powered = True

    async def power_off(self, *, blackhole: bool = False) -> None:
        """Close every socket at once. With `blackhole` connecting hangs instead of being refused."""
        if not self.powered:
            return
        self.powered = False
        self.alerts.close()
        await self._http.stop()
        if self._https is not None:
            await self._https.stop()
        if self.options.rtsp:
            await self.rtsp.power_off()
        self.forget()
        if blackhole:
            self._blackhole(self._http.port)

    def forget(self) -> None:
        """Lose what a boot loses: nonces, search handles, the count of seconds."""
        self.login.forget_nonces()
        self.search.forget()
        self.device.booted, self.device.uptime_base = time.monotonic(), 0.0
        self.device.reboots += 1

    def _blackhole(self, port: int) -> None:
        """Keep a listening socket whose queue is full, so that nobody gets an answer to a SYN."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((self.options.host, port))
        listener.listen(0)
        self._blackholes.append(listener)
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                filler.connect((self.options.host, port))
            self._blackholes.append(filler)

    def _close_blackholes(self) -> None:
        for one in self._blackholes:
            one.close()
        self._blackholes.clear()

    def stall(self, *, on: bool = True) -> None:
        """Stop the network: sockets stay open, no byte moves."""
        self.faults.server.stalled = on
        self.rtsp.faults.stalled = on

    def reboot(self, *, off_seconds: float | None = None, version: str | None = None) -> None:
        """Restart soon, as PUT System/reboot does; a version is what an upgrade leaves behind."""
        if self._life is None or self._life.done():
            self._life = asyncio.get_running_loop().create_task(self._restart(off_seconds, version))

    async def _restart(self, off_seconds: float | None, version: str | None) -> None:
        scale = self.options.time_scale
        self.counters.reboots += 1
        await asyncio.sleep(self._rng.uniform(1, 3) * scale)
        await self.power_off()
        await asyncio.sleep(self._rng.uniform(60, 180) * scale if off_seconds is None else off_seconds)
        if version is not None:
            self.device.version = version
        self.gatehouse.warming_up = True
        await self.power_on()
        await asyncio.sleep(20 * scale)
        self.gatehouse.warming_up = False

    async def restarted(self) -> None:
        """Wait until a reboot under way is over, warm-up included."""
        if self._life is not None:
            await asyncio.shield(self._life)

    def change_password(self, password: str) -> None:
        """Let another password count from now on; every nonce stays valid, the old answers do not."""
        self.login.users[self.options.user] = User(password)

    def rotate_nonces(self) -> None:
        """Make every nonce stale."""
        self.login.forget_nonces()

    def emit(self, kind: str, channel: int = 1, **values: Any) -> bool:
        """Send one event now (see Alert); False when its trigger is not linked."""
        return self.alerts.emit(Alert(kind, channel, **values))

    def burst(self, count: int, *, channels: int = 8) -> bytes:
        """Render distinct events of alternating phases ahead, linked or not; send them with `alerts.send`."""
        kinds = [kind for kind in self.device.firmware.analytics if kind not in {"videoloss", "VMD"}]
        numbers = sorted(self.device.channels)[:channels]
        pairs = [(kind, number) for kind in kinds for number in numbers]
        alerts = []
        for index in range(count):
            kind, number = pairs[index // 2 % len(pairs)]
            state = "inactive" if index % 2 else "active"
            alerts.append(Alert(kind, number, state, count=index + 1))
        self.counters.events += count
        return self.alerts.burst(alerts)

    def motion(self, channel: int, *, on: bool = True, target: str | None = None) -> None:
        """Begin or end motion, repeated every second in between."""
        self.alerts.motion(channel, on=on, target=target)

    async def set_channel_online(self, number: int, *, online: bool, detect: str = "ipNotExist") -> None:
        """Lose a camera, or have it back: status, streams, recording and the videoloss event follow."""
        channel = self.device.channels[number]
        if channel.online == online:
            return
        channel.online, channel.detect = online, "connect" if online else detect
        if online:
            self.footage.resume_recording(number)
        else:
            self.footage.stop_recording(number)
            await self.rtsp.drop_channel(number)
        self.alerts.video_loss(number, lost=not online)

    def add_channel(self, number: int, name: str | None = None) -> SimChannel:
        """Plug a camera in."""
        channel = self.device.add_channel(number, name)
        self.refresh_camera(number)
        return channel

    async def remove_channel(self, number: int) -> None:
        """Delete a channel."""
        self.device.remove_channel(number)
        await self.rtsp.drop_channel(number)

    def rename_channel(self, number: int, name: str) -> None:
        """Give a channel another name."""
        self.device.channels[number].name = name
        self.refresh_camera(number)

    def set_codec(self, number: int, codec: str, *, width: int | None = None, height: int | None = None) -> None:
        """Change a main stream's codec ("H.264", "H.265") and size."""
        settings = self.device.channels[number].streams[1]
        settings.codec = codec
        settings.width, settings.height = width or settings.width, height or settings.height
        self.refresh_camera(number)

    def refresh_camera(self, number: int) -> None:
        """Let the pictures follow a changed channel."""
        self.studio.cameras[number] = camera_of(self.device.channels[number])

    def set_faults(self, **changes: Any) -> None:
        """Set switches by dotted name with `__` for the dot, e.g. search__page_cap=40."""
        self.apply_faults({name.replace("__", "."): value for name, value in changes.items()})

    def apply_faults(self, changes: dict[str, Any]) -> None:
        """Set switches by dotted name; those of RTSP begin with `rtsp.`. Raises ValueError for an unknown one."""
        own = {name: value for name, value in changes.items() if not name.startswith("rtsp.")}
        streaming = {name[5:]: value for name, value in changes.items() if name.startswith("rtsp.")}
        if "server.stalled" in own:
            streaming.setdefault("stalled", own["server.stalled"])
        apply(self.rtsp.faults, {k: v for k, v in streaming.items() if hasattr(self.rtsp.faults, k)})
        rest = {k: v for k, v in streaming.items() if not hasattr(self.rtsp.faults, k)}
        apply(self.rtsp.options, rest)
        apply(self.faults, own)

    def now(self) -> datetime:
        """Return true time, as the pictures show it."""
        moment: datetime = self.device.clock.now()
        return moment
