"""What tests do to the footage and the event stream of a simulated Dahua unit."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, ClassVar, Literal, override

import pytest

from custom_components.nvr.core.driver import Driver
from custom_components.nvr.core.drivers.dahua.events import Events
from custom_components.nvr.core.models import EventKind, NvrEvent
from tests.simulators.dahua.events import SimEvent, rule_data
from tests.simulators.dahua.firmware import Zone
from tests.simulators.dahua.simulator import DahuaSimulator
from tests.simulators.footage import Kind
from tests.simulators.switches import PathFault

from ..bench import EventBench, FootageBench, Numbered, Pieces, Place
from ..helpers import Listener

_CODE = "CrossRegionDetection"


class DahuaFootage(FootageBench[DahuaSimulator]):
    """Footage of a Dahua recorder."""

    noted: ClassVar[Mapping[EventKind, tuple[Kind, str]]] = {
        EventKind.INTRUSION: (Kind.SMART, "person"),
        EventKind.MOTION: (Kind.MOTION, "person"),
    }

    @override
    def stand(self, place: Place) -> None:
        device = self.simulator.device
        device.zone = Zone(place.minutes, place.rule, place.name, str(place).replace("_", ""))
        device.clock.zone = device.zone.tzinfo()

    @override
    def search_sub(self) -> None:
        """They always are."""

    @override
    def page(self, most: int) -> None:
        self.simulator.set_faults(find__rpc_page_cap=most, find__page_cap=most)

    @override
    def bound(self, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("custom_components.nvr.core.drivers.dahua.finder.BOUND", most)

    @override
    def refuse_searches(self) -> None:
        self.simulator.faults.paths["mediaFileFind*"] = PathFault(status=503)
        self.simulator.set_faults(rpc__null_handle=True)

    @override
    def bare_searches(self) -> None:
        self.simulator.set_faults(rpc__gone=True)

    @override
    def refuse_detections(self) -> None:
        self.refuse_searches()
        self.simulator.faults.without |= {"SmdDataFinder", "log.startFind"}

    @override
    def refuse_key_frames(self) -> None:
        self.simulator.faults.without |= {"StorageAssistant"}

    @override
    def calendar(self, how: Literal["right", "missing", "failing", "lying"]) -> None:
        faults = self.simulator.faults
        faults.without = frozenset({"workDirectory"} if how == "missing" else ())
        faults.rpc.gone = how == "failing"
        faults.find.calendar_wrong = how == "lying"

    @override
    def downloads(self, *, rate: float = 0.0, cut_after: int = 0, silent: bool = False) -> None:
        wait = 3600.0 if silent else 0.0
        self.simulator.set_faults(file__first_byte=wait, loadfile__first_byte=wait)
        self.simulator.set_faults(file__rate=rate, loadfile__rate=rate)
        self.simulator.set_faults(file__cut_after=cut_after, loadfile__cut_after=cut_after)

    @override
    def cuts(self) -> None:
        """They all do; one errs by as much as half a minute, now more, now less, and is asked twice then."""
        self.simulator.set_faults(loadfile__seek=0)

    @property
    @override
    def most_searches(self) -> int:
        return self.simulator.counters.max_finders_open


class DahuaEvents(EventBench[DahuaSimulator]):
    """The event stream of a Dahua recorder."""

    @override
    def say(self, channel: int, *, on: bool = True, ago: timedelta | None = None) -> None:
        when = None if ago is None else self.simulator.clock.now() - ago
        data = rule_data(_CODE, "Human", 1)
        self.simulator.emit(_CODE, channel, action="Start" if on else "Stop", data=data, when=when)

    @override
    def ring(self, channel: int) -> None:
        self.simulator.emit("DoorbellPressed", channel, action="Pulse")

    @override
    def switch_input(self, port: int, *, on: bool = True) -> None:
        self.simulator.events.emit(SimEvent("AlarmLocal", port - 1, "Start" if on else "Stop"))

    @override
    def repeat_motion(self, seconds: float) -> None:
        """It tells begin and end only."""

    @override
    def lose_ends(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.simulator.set_faults(events__lose_stops=True)
        monkeypatch.setattr("custom_components.nvr.core.drivers.dahua.event_state.LOST_STOP", 1.0)

    @override
    def resend(self) -> bool:
        return False

    @override
    def hurry(self, driver: Driver) -> None:
        assert isinstance(driver.events, Events)
        driver.events._dead_after = 0.5

    @override
    def numbered(self, count: int) -> bytes:
        channels = [channel.index for channel in self.simulator.device.wired()]
        renderer, parts = self.simulator.events.renderer, []
        for place in range(count):
            number, ends = place // 2 + 1, place % 2
            data = rule_data(_CODE, "Human", number) | {"RuleId": number}
            index = channels[number % len(channels)]
            parts.append(renderer.part(renderer.payload(SimEvent(_CODE, index, "Stop" if ends else "Start", data))))
        return b"".join(parts)

    @override
    def numbers(self, events: Iterable[NvrEvent]) -> Numbered:
        return [(int(event.region or 0), event.phase) for event in events]

    @override
    async def read(self, driver: Driver, pieces: Iterable[bytes]) -> Listener:
        context: Any = driver._context  # type: ignore[attr-defined]
        source, heard = Events(context), Listener()
        source._listener = heard
        await source._read(Pieces("multipart/x-mixed-replace; boundary=myboundary", pieces))  # type: ignore[arg-type]
        await source._end_connection()
        return heard
