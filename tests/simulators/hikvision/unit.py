"""The parts of the simulated recorder, put together."""

from typing import Any

from tests.simulators.rtsp import RtspOptions, RtspServer
from tests.simulators.rtsp.auth import Gatekeeper, SharedAccounts
from tests.simulators.video.studio import Studio

from ..box import Box
from ..webserver import HttpServer
from .alerts import AlertHub
from .auth import Authenticator, User
from .channel_pages import ChannelPages
from .counters import Counters
from .device import Device, SimulatorOptions
from .downloads import Downloads
from .faults import Faults
from .gatehouse import Gatehouse
from .image_pages import ImagePages
from .maintenance import Maintenance
from .ptz_pages import PtzPages
from .push import HostPush
from .router import Router
from .rtsp_paths import PathResolver, camera_of
from .search import SearchPages
from .security_pages import SecurityPages
from .setting_pages import SettingPages
from .settings import SettingsStore
from .snapshots import Snapshots
from .system_pages import SystemPages
from .talk_pages import TalkPages
from .triggers import Triggers


class Unit(Box):
    """One recorder's state and pages; nobody listens yet."""

    def __init__(self, options: SimulatorOptions | None = None, **changes: Any) -> None:
        self.options: SimulatorOptions = options or SimulatorOptions(**changes)
        super().__init__(self.options.host)
        device = Device(self.options)
        self.device: Device = device
        self.login = Authenticator(
            {self.options.user: User(self.options.password)},
            device.counters,
            policy=device.faults.auth,
            realm=device.realm,
            model=device.firmware.model,
        )
        self.system = SystemPages(device)
        self.channel_pages = ChannelPages(device)
        self.triggers = Triggers(device)
        self.alerts = AlertHub(device, self.triggers, self.system)
        self.search = SearchPages(device)
        self.push = HostPush(device, self.alerts)
        self.settings = SettingsStore(device)
        self.studio = Studio([camera_of(c) for c in device.channels.values()], device.clock, device.footage)
        self.maintenance = Maintenance(device, self.reboot)
        self.pages = SettingPages(device, self.settings, self.system)
        self.downloads = Downloads(device, self.search, self.studio)
        self.gatehouse = Gatehouse(device, self._routes(), self.login)
        self.paths = PathResolver(device)
        self.rtsp = self._rtsp_server()
        self._http = self._http_server()
        self._https: HttpServer | None = None

    def _routes(self) -> Router:
        router, device = Router(), self.device
        # The order matters where one template covers another: the first that fits answers.
        for part in (
            self.system,
            SecurityPages(device),
            Snapshots(device, self.studio),
            self.channel_pages,
            PtzPages(device),
            TalkPages(device),
            ImagePages(device, self.settings),
            self.pages,
            self.triggers,
            self.alerts,
            self.search,
            self.downloads,
            self.push,
            self.maintenance,
        ):
            part.register(router)
        return router

    def _http_server(self) -> HttpServer:
        server = HttpServer(self.gatehouse.answer, self.device.counters, host=self.options.host)
        server.policy = self.device.faults.server
        return server

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
