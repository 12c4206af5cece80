"""The alert stream in the shapes of this family's firmware."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from custom_components.nvr.core import errors
from custom_components.nvr.core.drivers.hikvision import events as events_module
from custom_components.nvr.core.drivers.hikvision.events import Events
from custom_components.nvr.core.models import EventKind, EventPhase, EventStreamState
from tests.simulators.switches import PathFault

from ..helpers import Listener, listening
from ..rigs.hikvision import recorder

pytestmark = pytest.mark.usefixtures("socket_enabled")


START, STOP, PULSE = EventPhase.START, EventPhase.STOP, EventPhase.PULSE


def told(listener: Listener) -> list[tuple[EventKind, EventPhase, int | None]]:
    return [(event.kind, event.phase, event.channel) for event in listener.events]


SHAPES: list[dict[str, Any]] = [
    {},
    {"alerts__crlf": True},
    {"alerts__lf_only": True},
    {"alerts__blank_lines": 2},
    {"alerts__boundary": "angle"},
    {"alerts__boundary": "quoted"},
    {"alerts__boundary": "dashes"},
    {"alerts__boundary": "missing"},
    {"alerts__transfer": "chunked"},
    {"alerts__length_error": 3},
    {"alerts__length_error": -3},
    {"alerts__no_length": True},
    {"alerts__split": 7},
]


@pytest.mark.parametrize("changes", SHAPES, ids=str)
async def test_every_shape_of_the_stream(changes: dict[str, Any]) -> None:
    async with recorder() as (simulator, driver):
        simulator.set_faults(alerts__heartbeat=0.1, **changes)
        async with listening(driver) as listener:
            for channel in (1, 2, 3):
                simulator.emit("linedetection", channel)
            simulator.emit("fielddetection", 1, state="inactive")
            simulator.emit("fielddetection", 1)
            simulator.emit("fielddetection", 1, state="inactive")
            await listener.until(lambda: len(listener.events) >= 5)
            await asyncio.sleep(0.15)
            assert told(listener) == [
                (EventKind.LINE_CROSSING, START, 1),
                (EventKind.LINE_CROSSING, START, 2),
                (EventKind.LINE_CROSSING, START, 3),
                (EventKind.INTRUSION, START, 1),
                (EventKind.INTRUSION, STOP, 1),
            ]
            assert all(abs(event.received_at - event.occurred_at) < timedelta(seconds=3) for event in listener.events)
            assert isinstance(driver.events, Events)
            assert driver.events.counters["heartbeats"] > 0
            assert driver.events.counters["broken"] == 0
        assert simulator.counters.alert_streams == 1


@pytest.mark.parametrize("drift", [timedelta(minutes=-10), timedelta(minutes=10)])
async def test_a_clock_put_to_another_time_is_read_again(drift: timedelta) -> None:
    async with recorder() as (simulator, driver):
        clock = driver.clock
        assert clock is not None
        before = clock.current.skew
        async with listening(driver) as listener:
            simulator.device.clock.skew += drift
            simulator.emit("linedetection", 1)
            async with asyncio.timeout(10):
                while abs(clock.current.skew - before - drift) > timedelta(seconds=2):
                    await asyncio.sleep(0.05)
            simulator.emit("fielddetection", 2)
            await listener.until(lambda: listener.events[-1].kind is EventKind.INTRUSION)
            event = listener.events[-1]
            assert (event.phase, event.late) == (START, False)
            assert abs(event.received_at - event.occurred_at) < timedelta(seconds=3)


async def test_silence_is_looked_into() -> None:
    async with recorder() as (simulator, driver):
        simulator.set_faults(alerts__silent=True)
        source = Events(driver._context, probe_after=0.2, dead_after=30.0)
        listener = Listener()
        task = asyncio.ensure_future(source.run(listener))
        try:
            await listener.until(lambda: EventStreamState.ALIVE in listener.states)
            before = simulator.counters.by_path["/ISAPI/Security/userCheck"]
            await asyncio.sleep(0.5)
            assert simulator.counters.by_path["/ISAPI/Security/userCheck"] > before
            assert listener.states[-1] is EventStreamState.ALIVE
            simulator.faults.paths["/ISAPI/Security/userCheck"] = PathFault(kind="drop")
            await listener.until(lambda: EventStreamState.DOWN in listener.states)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (PathFault(status=403, sub="lowPrivilege"), errors.NvrPermissionError),
        (PathFault(status=403), errors.NvrUnsupportedError),
        (PathFault(status=404), errors.NvrUnsupportedError),
    ],
)
async def test_a_stream_that_is_refused_is_given_up(
    fault: PathFault, error: type[errors.NvrError], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events_module, "BACK_OFF", (0.01,))
    async with recorder() as (simulator, driver):
        assert driver.events is not None
        simulator.faults.paths["*/Event/notification/alertStream"] = fault
        listener = Listener()
        with pytest.raises(error):
            await driver.events.run(listener)
        assert listener.states[-1] is EventStreamState.REFUSED


@pytest.mark.parametrize(
    "fault", [PathFault(status=403), PathFault(status=403, sub="lowPrivilege"), PathFault(status=404)], ids=str
)
async def test_what_was_open_before_may_be_refused_for_a_while(
    fault: PathFault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events_module, "BACK_OFF", (0.01, 0.02, 0.05))
    async with recorder() as (simulator, driver), listening(driver) as listener:
        for count in (1, 5):
            simulator.faults.paths["*/Event/notification/alertStream"] = replace(fault, count=count)
            await simulator.power_off()
            await listener.until(lambda: EventStreamState.DOWN in listener.states)
            await simulator.power_on()
            await listener.until(lambda: listener.states[-1] is EventStreamState.ALIVE)
            listener.states.clear()
        simulator.faults.paths["*/Event/notification/alertStream"] = fault
        await simulator.power_off()
        await simulator.power_on()
        await listener.until(lambda: EventStreamState.REFUSED in listener.states)


async def test_a_busy_stream_is_waited_for_longer_each_time() -> None:
    async with recorder() as (simulator, driver):
        simulator.set_faults(alerts__limit=0)
        waits: list[float] = []

        async def sleep(seconds: float) -> None:
            waits.append(seconds)
            if len(waits) == 7:
                simulator.set_faults(alerts__limit=4)
            await asyncio.sleep(0)

        source = Events(driver._context, sleep=sleep)
        listener = Listener()
        task = asyncio.ensure_future(source.run(listener))
        await listener.until(lambda: EventStreamState.ALIVE in listener.states)
        expected = (1, 2, 5, 10, 30, 60, 60)
        assert all(0.8 * want <= wait <= 1.2 * want for wait, want in zip(waits, expected, strict=True)), waits
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
