"""The parts of the simulated Dahua unit, put together."""

from typing import Any

from tests.simulators.video.studio import Studio

from ..box import Box
from ..webserver import HttpServer
from . import footage_pages
from .auth import Authenticator, User
from .channel_pages import ChannelPages, Snapshots
from .clock_pages import ClockPages
from .coaxial_pages import CoaxialPages
from .config_pages import ConfigPages
from .counters import Counters
from .device import DahuaDevice, SimulatorOptions
from .events import EventHub
from .faults import Faults
from .gatehouse import Gatehouse
from .log_pages import LogPages
from .ptz_pages import PtzPages
from .router import Router
from .rpc import RpcServer
from .rtsp_paths import rtsp_server
from .storage_pages import StoragePages
from .system_pages import SystemPages
from .talk_pages import TalkPages, is_speech


class Unit(Box):
    """One unit's state and pages; nobody listens yet."""

    def __init__(self, options: SimulatorOptions | None = None, **changes: Any) -> None:
        self.options: SimulatorOptions = options or SimulatorOptions(**changes)
        super().__init__(self.options.host)
        device = DahuaDevice(self.options)
        self.device: DahuaDevice = device
        users = {self.options.user: User(self.options.password)}
        self.login = Authenticator(users, device.counters, device.faults.auth, device.realm)
        self.router = router = Router()
        self.rpc = RpcServer(device, router, self.login)
        self.events = EventHub(device)
        self.config = ConfigPages(device)
        self.coaxial = CoaxialPages(device)
        for part in (
            self.rpc,
            self.events,
            self.config,
            SystemPages(device, self.reboot),
            ClockPages(device),
            StoragePages(device),
            LogPages(device),
            ChannelPages(device),
            PtzPages(device),
            TalkPages(device),
            self.coaxial,
            Snapshots(device),
        ):
            part.register(router)
        footage_pages.register(router, device)
        device.on_boot.append(self.login.forget_nonces)
        self.gatehouse = Gatehouse(device, router, self.login, self.open_connections)
        self._http = HttpServer(self.gatehouse.answer, device.counters, host=self.options.host)
        self._http.policy = device.faults.server
        self._http.is_open = is_speech
        self._https: HttpServer | None = None
        self.rtsp = rtsp_server(device, self.login)

    @property
    def faults(self) -> Faults:
        """Every switch."""
        return self.device.faults

    @property
    def counters(self) -> Counters:
        """Everything counted by the HTTP side; `rtsp.counters` has the rest."""
        return self.device.counters

    @property
    def studio(self) -> Studio:
        """What makes the pictures."""
        return self.device.studio
