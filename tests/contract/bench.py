"""What a contract test may do to the footage and to the event stream of a recorder of any family.

A family fills `FootageBench` and `EventBench` once, in rigs/<family>_bench.py; no vendor's word in here.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar, Literal

import pytest

from custom_components.nvr.core.driver import Driver
from custom_components.nvr.core.models import EventKind, EventPhase, NvrEvent, TimeSpan
from tests.simulators.clock import DstRule
from tests.simulators.footage import ChannelPlan, Incident, Kind
from tests.simulators.simulator import Simulator

from .helpers import Listener

type Numbered = list[tuple[int, EventPhase]]

# Files of one length, nothing between them, nothing that moves: what is found must be this to the second.
STEADY = ChannelPlan("continuous", (600, 600), 0.0, (), incidents_per_hour=0.0, bytes_per_second=24_000)
# The same, cut wherever something happens.
EVENTFUL = replace(STEADY, mode="both")
# Short files, so that a whole one is downloaded and decoded in a moment.
SHORT = ChannelPlan("continuous", (20, 20), 0.0, (), incidents_per_hour=0.0, bytes_per_second=24_000)


@dataclass(frozen=True)
class Place:
    """Where a recorder may stand: its standard offset (minutes east) and its rule of summer time."""

    name: str
    minutes: int
    rule: DstRule | None = None

    def __str__(self) -> str:
        return self.name.rpartition("/")[2]


BERLIN = Place("Europe/Berlin", 60, DstRule())
NEW_YORK = Place("America/New_York", -300, DstRule("M3.2.0/2", "M11.1.0/2"))
SYDNEY = Place("Australia/Sydney", 600, DstRule("M10.1.0/2", "M4.1.0/3"))
LORD_HOWE = Place("Australia/Lord_Howe", 630, DstRule("M10.1.0/2", "M4.1.0/2", timedelta(minutes=30)))
KOLKATA = Place("Asia/Kolkata", 330)


class FootageBench[S: Simulator](ABC):
    """The disk, the searches and the downloads of a simulated recorder."""

    # What has to be recorded, and of whom, for every firmware that lists a kind to list something of that kind.
    noted: ClassVar[Mapping[EventKind, tuple[Kind, str]]]

    def __init__(self, simulator: S) -> None:
        """Take one that may not listen yet."""
        self.simulator = simulator

    def record(self, plan: ChannelPlan, *channels: int) -> None:
        """Let channels record by a plan."""
        self.simulator.footage.plans.update(dict.fromkeys(channels or (1,), plan))

    def happened(self, kind: EventKind, channel: int, start: datetime, lasts: timedelta) -> TimeSpan:
        """Let something have happened that is noted as of a kind."""
        recorded_as, subject = self.noted[kind]
        self.simulator.footage.add_incident(Incident(channel, recorded_as, start, start + lasts, subject))
        return TimeSpan(start, start + lasts)

    def slow_down(self, milliseconds: float) -> None:
        """Let every answer take so long."""
        self.simulator.apply_faults({"load.latency_ms": milliseconds})

    def play_fast(self) -> None:
        """Send footage over RTSP as fast as it is taken."""
        self.simulator.apply_faults({"rtsp.delivery": 0.0})

    @abstractmethod
    def stand(self, place: Place) -> None:
        """Set zone and rule of summer time."""

    @abstractmethod
    def search_sub(self) -> None:
        """List what was recorded of the sub streams too."""

    @abstractmethod
    def page(self, most: int) -> None:
        """Answer searches in pages of at most so many."""

    @abstractmethod
    def bound(self, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let one search end at so many, as the family's recorders do at thousands."""

    @abstractmethod
    def refuse_searches(self) -> None:
        """Refuse every search."""

    @abstractmethod
    def bare_searches(self) -> None:
        """Let searches be possible in the family's oldest way only, where nothing but the driver ends them."""

    @abstractmethod
    def refuse_detections(self) -> None:
        """Refuse every list of what happened."""

    @abstractmethod
    def refuse_key_frames(self) -> None:
        """Be a firmware without single pictures of the past."""

    @abstractmethod
    def calendar(self, how: Literal["right", "missing", "failing", "lying"]) -> None:
        """Let the calendar of days with footage be as the family's worst firmware has it."""

    def playback_hangs(self, *, on: bool = True) -> None:
        """Answer every request for playback, and then send nothing."""
        self.simulator.apply_faults({"rtsp.playback_hangs": on})

    @abstractmethod
    def downloads(self, *, rate: float = 0.0, cut_after: int = 0, silent: bool = False) -> None:
        """Send downloads at `rate` bytes a second (0: at once), reset after `cut_after` of them (0: never).

        `silent`: answer, and then send nothing.
        """

    @abstractmethod
    def cuts(self) -> None:
        """Be a firmware that can give out a part of a file by time."""

    @property
    @abstractmethod
    def most_searches(self) -> int:
        """How many searches were under way at once, at most."""


class EventBench[S: Simulator](ABC):
    """What a simulated recorder tells, and how badly."""

    # A kind that begins and ends by word on every firmware of the family.
    said = EventKind.INTRUSION

    def __init__(self, simulator: S) -> None:
        """Take one that may not listen yet."""
        self.simulator = simulator

    @abstractmethod
    def say(self, channel: int, *, on: bool = True, ago: timedelta | None = None) -> None:
        """Begin or end something of the kind `said`, dated some time ago."""

    @abstractmethod
    def ring(self, channel: int) -> None:
        """Press a doorbell: a pulse."""

    @abstractmethod
    def switch_input(self, port: int, *, on: bool = True) -> None:
        """Close or open the contact at an alarm input of the recorder."""

    @abstractmethod
    def repeat_motion(self, seconds: float) -> None:
        """Tell that something still moves every so often, as far as the family does."""

    @abstractmethod
    def lose_ends(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Send no more ends, and let the driver look after about a second instead of minutes."""

    @abstractmethod
    def resend(self) -> bool:
        """Let a new stream begin with copies of what is long over; False where the family never does."""

    @abstractmethod
    def hurry(self, driver: Driver) -> None:
        """Let the driver believe after less than a second that a silent stream is dead."""

    @abstractmethod
    def numbered(self, count: int) -> bytes:
        """Render `count` events ahead of which no two are alike: a begin and an end for each number from 1 on."""

    @abstractmethod
    def numbers(self, events: Iterable[NvrEvent]) -> Numbered:
        """Return number and phase of such events."""

    @abstractmethod
    async def read(self, driver: Driver, pieces: Iterable[bytes]) -> Listener:
        """Let the family's own reader, parser and mapping take pieces of a stream as they would come from a socket."""


class Pieces:
    """A response that comes in pieces of our choice."""

    def __init__(self, content_type: str, pieces: Iterable[bytes]) -> None:
        """Hold them."""
        self.status = 200
        self.headers = {"Content-Type": content_type}
        self._pieces = iter(pieces)

    async def read(self) -> bytes:
        """Return the next piece, nothing at the end."""
        return next(self._pieces, b"")


def whole(moment: Any) -> Any:
    """Return a moment cut to the second that the wire tells."""
    return moment.replace(microsecond=0)
