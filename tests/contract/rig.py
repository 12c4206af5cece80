"""What a contract test may do to a recorder of any family, and what it may count of it. No vendor's word in here.

A family fills `Rig` once, in rigs/<family>.py; the suite speaks to nothing else.
"""

from abc import ABC, abstractmethod
import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
import time
from typing import Any, ClassVar, Final, Literal, Protocol, Self, TypedDict, Unpack, get_args

import aiohttp
import pytest

from custom_components.nvr.core.capabilities import GateWidths
from custom_components.nvr.core.driver import ConnectionConfig, CredentialGuard, Driver, TlsMode
from custom_components.nvr.core.models import EventKind, RecorderKind, RtspTransport
from tests.simulators.clock import SimClock
from tests.simulators.footage import ChannelPlan, Footage
from tests.simulators.simulator import Simulator

from .helpers import connected

USER, PASSWORD, WRONG = "admin", "nvr-test-pass", "wrong-pass-1"

type Role = Literal[
    "live",
    "snapshots",
    "recordings",
    "detections",
    "playback",
    "key_frames",
    "downloads",
    "events",
    "storage",
    "clock",
    "maintenance",
    "ptz",
    "controls",
    "talk",
]
ROLES: Final[tuple[Role, ...]] = get_args(Role.__value__)
type Place = Literal["anywhere", "identity", "channels", "snapshots", "recordings", "downloads", "storage", "clock"]
type Trouble = Literal["drop", "hang", "empty", "garbage", "html", "short", "slow", "truncated"]


class Setting(TypedDict, total=False):
    """How a recorder is set up; what is left out is as the firmware profile has it. `utc_offset` in minutes."""

    channels: int
    number: int
    name: str
    seed: str
    days: float
    utc_offset: int
    dst: bool
    skew: float
    incidents: float
    offline: tuple[int, ...]
    h264_only: bool
    main_size: tuple[int, int]
    sub_size: tuple[int, int]
    fps: int
    https_port: int
    http_port: int
    rtsp_session_limit: int
    playback_session_limit: int


class Address(TypedDict, total=False):
    """What may differ from the usual ConnectionConfig."""

    host: str
    username: str
    password: str
    port: int
    tls: TlsMode
    fingerprint: str | None
    dial: str | None
    rtsp_port: int | None
    rtsp_transport: RtspTransport
    plain_basic: bool


class Knobs(TypedDict, total=False):
    """What a driver may be given besides its ConnectionConfig."""

    memory: Mapping[str, object] | None
    utcnow: Callable[[], datetime]
    guard: CredentialGuard | None
    gates: GateWidths | None
    search_page: int | None


def config_for(simulator: Simulator, **changes: Unpack[Address]) -> ConnectionConfig:
    """Return how to reach a recorder."""
    usual = ConnectionConfig("127.0.0.1", USER, PASSWORD, simulator.http_port, rtsp_port=simulator.rtsp_port)
    return replace(usual, **changes)


class MakeDriver(Protocol):
    """The class of a driver with all its knobs."""

    def __call__(
        self,
        config: ConnectionConfig,
        session: aiohttp.ClientSession | Callable[[], aiohttp.ClientSession] | None = None,
        *,
        memory: Mapping[str, object] | None = None,
        utcnow: Callable[[], datetime] = ...,
        guard: CredentialGuard | None = None,
        gates: GateWidths | None = None,
        search_page: int | None = None,
    ) -> Driver:
        """Return a driver that has sent nothing yet."""


@dataclass(frozen=True)
class Traits:
    """What a firmware profile cannot do or does its own way; the suite asserts it instead of looking away.

    `lacks`: roles that a connect leaves None. `denies`: roles whose first call is refused, and that are None from then
    on. `requests`: the most a connect may cost that remembers nothing.
    `names_cameras`: model and serial of the camera in a slot are
    told. `calendar`: the recorder has a list of days with footage. `refuses`: it refuses something a connect asks for.
    `tells_load`: uptime or load are told. `plays_twice`: of an hour that occurs twice either can be played;
    `loads_twice`: and downloaded.
    """

    kind: RecorderKind = RecorderKind.NVR
    lacks: frozenset[Role] = frozenset()
    denies: frozenset[Role] = frozenset()
    requests: int = 15
    names_cameras: bool = True
    calendar: bool = True
    refuses: bool = False
    tells_load: bool = True
    plays_twice: bool = True
    loads_twice: bool = True

    def fills(self, role: Role) -> bool:
        """Tell whether the role is there and answers."""
        return role not in self.lacks | self.denies


@dataclass(frozen=True)
class Input:
    """A channel as it really is. `camera` is the serial of what is attached, None where the recorder cannot know."""

    number: int
    name: str
    online: bool
    codec: str
    width: int
    camera: str | None
    model: str | None


@dataclass(frozen=True)
class Counts:
    """What the recorder has counted since it began, over all its doors."""

    requests: int
    unauthorized: int
    refused: int
    locks: int
    most_at_once: int
    connections: int
    snapshots: int
    downloads: int
    event_streams: int
    searches: int
    writes: int


@dataclass(frozen=True)
class Open:
    """What the recorder holds open now."""

    sockets: int
    requests: int
    searches: int
    downloads: int
    event_streams: int
    logins: int
    rtsp_sockets: int
    rtsp_sessions: int

    def __bool__(self) -> bool:
        """Tell whether anything is."""
        return any(asdict(self).values())


class Bench[S: Simulator](ABC):
    """A simulated recorder, and the driver of its family. An async context manager: inside it the recorder listens."""

    family: ClassVar[str]
    make_driver: ClassVar[MakeDriver]
    traits_of: ClassVar[Mapping[str, Traits]]
    # Patterns of requests, as the family's simulator names them.
    places: ClassVar[Mapping[Place, tuple[str, ...]]]
    simulator: S

    def __init__(self, profile: str, **setting: Unpack[Setting]) -> None:
        """Build the simulator of a firmware profile."""
        self.profile = profile
        self.traits = self.traits_of.get(profile, Traits())
        self.simulator = self.build(profile, dict(setting))

    @abstractmethod
    def build(self, profile: str, setting: dict[str, Any]) -> S:
        """Return the simulator, which does not listen yet."""

    async def __aenter__(self) -> Self:
        """Boot."""
        await self.simulator.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        """End everything."""
        await self.simulator.__aexit__(None, None, None)

    def config(self, **changes: Unpack[Address]) -> ConnectionConfig:
        """Return how to reach it."""
        return config_for(self.simulator, **changes)

    def driver(self, config: ConnectionConfig | None = None, **knobs: Unpack[Knobs]) -> Driver:
        """Return a driver that has sent nothing yet."""
        return type(self).make_driver(config or self.config(), **knobs)

    @asynccontextmanager
    async def driving(
        self, config: ConnectionConfig | None = None, *, serial: str | None = None, **knobs: Unpack[Knobs]
    ) -> AsyncIterator[Driver]:
        """Connect a driver, and close it again."""
        async with connected(self.driver(config, **knobs), serial) as driver:
            yield driver

    @property
    def clock(self) -> SimClock:
        """Its clock: `skew`, `step`, `shift` and true time."""
        return self.simulator.clock

    @property
    def footage(self) -> Footage:
        """What it has recorded, by channel numbers and in true UTC."""
        return self.simulator.footage

    @property
    def serial(self) -> str:
        """Who it is."""
        return self.simulator.serial

    @abstractmethod
    def counts(self) -> Counts:
        """Return what it has counted."""

    @abstractmethod
    def open_things(self) -> Open:
        """Return what it holds open, event streams, handles and RTSP included."""

    @abstractmethod
    def inputs(self) -> dict[int, Input]:
        """Return the channels a driver should find, by number."""

    def pictured(self, numbers: Iterable[int]) -> list[int]:
        """Return those of the channels that give stills."""
        seeing = set(self.simulator.seeing())
        return [number for number in numbers if number in seeing]

    async def settled(self, least: Open | None = None, seconds: float = 10.0) -> Open:
        """Wait until nothing is open but what is allowed; fail when it never comes to that."""
        allowed = asdict(least) if least is not None else {}
        end = time.monotonic() + seconds
        while True:
            now = self.open_things()
            if all(count <= allowed.get(name, 0) for name, count in asdict(now).items()):
                return now
            if time.monotonic() > end:
                pytest.fail(f"still open: {now}")
            await asyncio.sleep(0.01)


class Ailing[S: Simulator](Bench[S]):
    """What goes wrong with it."""

    @abstractmethod
    def lock(self, *, told: bool = True) -> None:
        """Lock the account from our address, as a stranger's wrong passwords do; `told`: it says for how long."""

    @abstractmethod
    def unlock(self) -> None:
        """End the lock."""

    @abstractmethod
    def rotate_every_answer(self) -> None:
        """Let a nonce serve for one answer only."""

    @abstractmethod
    def fill(self, *, full: bool = True) -> None:
        """Take all its connections, or free them: what it answers then is no judgement of the password."""

    @abstractmethod
    def end_logins(self) -> None:
        """Forget who has logged in, as far as the family has sessions; nonces die too."""

    @abstractmethod
    def keep_time(self, monotonic: Callable[[], float]) -> None:
        """Let nonces, locks and sessions grow old by another steady clock."""

    @abstractmethod
    def free_slot(self) -> int:
        """Return the number of a channel that has no camera yet."""

    @abstractmethod
    def break_disk(self) -> None:
        """Let its disk fail."""

    @abstractmethod
    def spoil_snapshots(self, how: Literal["ok", "refused", "empty", "garbage"]) -> None:
        """Answer stills by something else under 200, or refuse them."""

    def disturb(self, trouble: Trouble, place: Place = "anywhere", *, count: int = 0, delay: float = 0.0) -> None:
        """Answer requests badly, `count` times (0: always); "slow" is right, but `delay` seconds late."""
        for pattern in self.places[place]:
            fault = {"kind": trouble, "status": 200, "count": count, "delay": delay}
            self.simulator.apply_faults({f"paths.{pattern}": fault})

    def calm(self) -> None:
        """End what `disturb` began."""
        for patterns in self.places.values():
            self.simulator.apply_faults({f"paths.{pattern}": None for pattern in patterns})

    @staticmethod
    def short_files() -> ChannelPlan:
        """Return a plan of files so short that any one is soon fetched."""
        return ChannelPlan("continuous", (60, 60), 0.0, (), bytes_per_second=4000)

    def set_zone(self, minutes: int, *, dst: bool = False) -> None:
        """Set its zone in its menu."""
        self.simulator.set_zone(minutes, dst=dst)

    def drift(self, by: timedelta) -> None:
        """Let its clock go wrong; digits of what was recorded before go wrong with it."""
        self.simulator.clock.skew += by


class Rig[S: Simulator](Ailing[S]):
    """All that a test may do to it: what happens before its cameras besides."""

    @property
    @abstractmethod
    def tells(self) -> Mapping[EventKind, str]:
        """The kinds it can tell of with begin and end, and what its firmware calls them."""

    @abstractmethod
    def happen(self, kind: EventKind, channel: int, *, on: bool = True) -> None:
        """Begin or end something."""

    @abstractmethod
    def silence(self, *, on: bool = True) -> None:
        """Keep event streams open without a byte."""

    @abstractmethod
    def hasten(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let the event stream come back at once after it broke."""

    def burst(self, count: int) -> bytes:
        """Render distinct events of alternating phases."""
        return self.simulator.burst(count)

    async def send_in_two(self, data: bytes, at: int) -> None:
        """Send bytes of the event stream; a reader gets the first `at` of them before the others."""
        self.simulator.send_events(data[:at])
        for _ in range(8):
            await asyncio.sleep(0)
        self.simulator.send_events(data[at:])
