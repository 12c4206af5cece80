"""What tests do to the footage and the event stream of a simulated Hikvision recorder."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, ClassVar, Literal, override

import pytest

from custom_components.nvr.core.driver import Driver
from custom_components.nvr.core.drivers.hikvision import paging
from custom_components.nvr.core.drivers.hikvision.events import Events
from custom_components.nvr.core.models import EventKind, NvrEvent
from tests.simulators.footage import Kind
from tests.simulators.hikvision.alerts import Alert
from tests.simulators.hikvision.firmware import Zone
from tests.simulators.hikvision.simulator import HikvisionSimulator
from tests.simulators.switches import PathFault

from ..bench import EventBench, FootageBench, Numbered, Pieces, Place
from ..helpers import Listener

_CALENDAR = "*/dailyDistribution"


class HikvisionFootage(FootageBench[HikvisionSimulator]):
    """Footage of a Hikvision recorder."""

    noted: ClassVar[Mapping[EventKind, tuple[Kind, str]]] = {}

    @override
    def stand(self, place: Place) -> None:
        device = self.simulator.device
        device.zone = Zone(place.minutes, place.rule)
        device.clock.zone = device.zone.tzinfo()

    @override
    def search_sub(self) -> None:
        self.simulator.set_faults(search__sub_tracks=True)

    @override
    def page(self, most: int) -> None:
        self.simulator.set_faults(search__page_cap=most)

    @override
    def bound(self, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.simulator.set_faults(search__total_cap=most)
        monkeypatch.setattr(paging, "TOTAL_CAP", most)

    @override
    def refuse_searches(self) -> None:
        self.simulator.set_faults(search__status=403)

    @override
    def bare_searches(self) -> None:
        """There is one way, and each of its pages stands alone."""

    @override
    def refuse_detections(self) -> None:
        """It keeps none."""

    @override
    def refuse_key_frames(self) -> None:
        """It has none."""

    @override
    def calendar(self, how: Literal["right", "missing", "failing", "lying"]) -> None:
        faults = self.simulator.faults
        faults.search.calendar = "404" if how == "missing" else "ok"
        faults.search.calendar_empty = how == "lying"
        faults.paths.pop(_CALENDAR, None)
        if how == "failing":
            faults.paths[_CALENDAR] = PathFault(status=500, code=3, sub="deviceError")

    @override
    def downloads(self, *, rate: float = 0.0, cut_after: int = 0, silent: bool = False) -> None:
        self.simulator.set_faults(download__rate=rate, download__cut_after=cut_after)
        self.simulator.set_faults(download__first_byte=3600.0 if silent else 0.0)

    @override
    def cuts(self) -> None:
        self.simulator.set_faults(download__by_time=True)

    @property
    @override
    def most_searches(self) -> int:
        return self.simulator.counters.max_searches_active


class HikvisionEvents(EventBench[HikvisionSimulator]):
    """The alert stream of a Hikvision recorder."""

    @override
    def say(self, channel: int, *, on: bool = True, ago: timedelta | None = None) -> None:
        when = None if ago is None else self.simulator.clock.now() - ago
        self.simulator.emit("fielddetection", channel, state="active" if on else "inactive", count=int(on), when=when)

    @override
    def ring(self, channel: int) -> None:
        self.simulator.emit("doorbell", channel)

    @override
    def switch_input(self, port: int, *, on: bool = True) -> None:
        self.simulator.emit("IO", 0, io=port, state="active" if on else "inactive")

    @override
    def repeat_motion(self, seconds: float) -> None:
        self.simulator.set_faults(alerts__vmd_period=seconds)

    @override
    def lose_ends(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.simulator.set_faults(alerts__vmd_inactive=False)
        monkeypatch.setattr("custom_components.nvr.core.drivers.hikvision.event_state.HOLDS", {EventKind.MOTION: 1.0})

    @override
    def resend(self) -> bool:
        self.simulator.set_faults(alerts__replay=8)
        return True

    @override
    def hurry(self, driver: Driver) -> None:
        assert isinstance(driver.events, Events)
        driver.events._probe_after, driver.events._dead_after = 10.0, 0.5

    @override
    def numbered(self, count: int) -> bytes:
        channels = sorted(self.simulator.device.channels)
        alerts = []
        for index in range(count):
            number, ends = index // 2 + 1, index % 2
            channel = channels[number % len(channels)]
            state = "inactive" if ends else "active"
            alerts.append(Alert("fielddetection", channel, state, 0 if ends else 1, region=number, target="human"))
        return self.simulator.alerts.burst(alerts)

    @override
    def numbers(self, events: Iterable[NvrEvent]) -> Numbered:
        return [(int(event.region or 0), event.phase) for event in events]

    @override
    async def read(self, driver: Driver, pieces: Iterable[bytes]) -> Listener:
        context: Any = driver._context  # type: ignore[attr-defined]
        source, heard = Events(context), Listener()
        source._listener = heard
        await source._read(Pieces("multipart/mixed; boundary=boundary", pieces))  # type: ignore[arg-type]
        source._end_connection()
        return heard
