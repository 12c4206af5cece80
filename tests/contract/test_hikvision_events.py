"""The event stream, stills and life of simulated firmware."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from custom_components.nvr.core import errors
from custom_components.nvr.core.drivers.hikvision import HikvisionDriver, events as events_module
from custom_components.nvr.core.drivers.hikvision.events import Events
from custom_components.nvr.core.models import ChannelKind, EventKind, EventPhase, EventStreamState
from tests.simulators.hikvision.simulator import HikvisionSimulator
from tests.simulators.switches import PathFault

from .helpers import Listener, last, listening, search
from .rigs.hikvision import config, driving, recorder

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


async def test_motion_is_one_event_with_an_end_of_our_own() -> None:
    async with recorder() as (simulator, driver):
        assert driver.events is not None
        driver.events.hold = {EventKind.MOTION: 2.0}
        simulator.set_faults(alerts__vmd_period=0.2)
        async with listening(driver) as listener:
            simulator.motion(2)
            await listener.until(lambda: len(listener.events) == 1)
            await asyncio.sleep(2.5)
            assert len(listener.events) == 1
            simulator.motion(2, on=False)
            await listener.until(lambda: len(listener.events) == 2, seconds=6)
            assert told(listener) == [(EventKind.MOTION, START, 2), (EventKind.MOTION, STOP, 2)]
            assert isinstance(driver.events, Events)
            assert driver.events.counters["repeats"] > 0


async def test_video_loss_of_a_camera() -> None:
    async with recorder() as (simulator, driver), listening(driver) as listener:
        await simulator.set_channel_online(2, online=False)
        await listener.until(lambda: (EventKind.VIDEO_LOSS, START, 2) in told(listener))
        await simulator.set_channel_online(2, online=True)
        await listener.until(lambda: (EventKind.VIDEO_LOSS, STOP, 2) in told(listener))


async def test_a_burst_arrives_whole() -> None:
    async with recorder() as (simulator, driver), listening(driver) as listener:
        simulator.alerts.send(simulator.burst(2000))
        await listener.until(lambda: len(listener.events) >= 2000, seconds=20)
        assert Counter(event.phase for event in listener.events) == {START: 1000, STOP: 1000}


async def test_old_alerts_are_late() -> None:
    async with recorder() as (simulator, driver):
        simulator.set_faults(alerts__replay=8)
        async with listening(driver) as listener:
            await listener.until(lambda: bool(listener.events))
            assert all(event.late and event.phase is PULSE for event in listener.events)


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


async def test_the_stream_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events_module, "BACK_OFF", (0.05, 0.1))
    async with recorder() as (simulator, driver), listening(driver) as listener:
        await simulator.power_off()
        await listener.until(lambda: EventStreamState.DOWN in listener.states)
        await asyncio.sleep(0.2)
        await simulator.power_on()
        await listener.until(lambda: listener.states[-1] is EventStreamState.ALIVE)
        simulator.emit("linedetection", 1)
        await listener.until(lambda: bool(listener.events))
        assert simulator.counters.auth_failures == 0


async def test_what_is_not_said_again_after_a_reconnect_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events_module, "BACK_OFF", (0.05,))
    async with recorder() as (simulator, driver), listening(driver) as listener:
        assert driver.events is not None
        driver.events.hold = {EventKind.LINE_CROSSING: 0.5}
        simulator.emit("linedetection", 1)
        await listener.until(lambda: len(listener.events) == 1)
        await simulator.power_off()
        await asyncio.sleep(0.8)
        assert len(listener.events) == 1
        await simulator.power_on()
        await listener.until(lambda: len(listener.events) == 2)
        assert told(listener)[1] == (EventKind.LINE_CROSSING, STOP, 1)


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


async def test_a_stream_dead_for_long_is_left() -> None:
    async with recorder() as (simulator, driver):
        simulator.set_faults(alerts__silent=True)
        source = Events(driver._context, probe_after=5.0, dead_after=0.3)
        listener = Listener()
        task = asyncio.ensure_future(source.run(listener))
        await listener.until(lambda: EventStreamState.DOWN in listener.states)
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


async def test_nothing_stays_open() -> None:
    async with HikvisionSimulator(profile="nvr8") as simulator:
        before = set(asyncio.all_tasks())
        driver = HikvisionDriver(config(simulator))
        await driver.connect()
        assert driver.events is not None
        assert driver.snapshots is not None
        listener = Listener()
        stream = asyncio.ensure_future(driver.events.run(listener))
        await listener.until(lambda: EventStreamState.ALIVE in listener.states)
        simulator.set_faults(snapshot__latency_ms=3000.0, search__latency_ms=3000.0)
        work = [
            asyncio.ensure_future(driver.snapshots.snapshot(1)),
            asyncio.ensure_future(search(driver, 1, last(4))),
            asyncio.ensure_future(driver.refresh_channels()),
        ]
        await asyncio.sleep(0.1)
        stream.cancel()
        await driver.close()
        await driver.close()
        results = await asyncio.gather(stream, *work, return_exceptions=True)
        assert all(isinstance(one, BaseException | tuple) for one in results)
        async with asyncio.timeout(5):
            while simulator.counters.alert_streams_active:
                await asyncio.sleep(0.02)
        left = {task for task in asyncio.all_tasks() - before if "simulators" not in repr(task.get_coro())}
        assert not {task for task in left if "custom_components" in repr(task.get_coro())}
        with pytest.raises(errors.NvrUnreachableError):
            await driver.ping()


@pytest.mark.parametrize("profile", ["nvr8", "nvr16"])
async def test_stills(profile: str) -> None:
    async with recorder(profile) as (simulator, driver):
        assert driver.snapshots is not None
        stills = await asyncio.gather(*(driver.snapshots.snapshot(1, width=320) for _ in range(5)))
        assert all(still.jpeg.startswith(b"\xff\xd8\xff") for still in stills)
        assert len({id(still) for still in stills}) == 1
        before = simulator.counters.requests
        await driver.snapshots.snapshot(1, width=1920, height=1080)
        await driver.snapshots.snapshot(2)
        assert simulator.counters.requests - before == 2
        many = await asyncio.gather(*(driver.snapshots.snapshot(channel) for channel in range(1, 9)))
        assert len(many) == 8
        assert driver.statistics["most_in_flight"]["snapshot"] <= 2  # type: ignore[index]
        with pytest.raises(errors.NvrNotFoundError):
            await driver.snapshots.snapshot(77)


async def test_stills_come_by_the_path_of_their_kind() -> None:
    async with recorder("dvr4") as (simulator, driver):
        assert driver.snapshots is not None
        simulator.set_faults(snapshot__by_proxy=True)
        analog, ip = (
            next(channel.number for channel in driver.channels if channel.kind is kind)
            for kind in (ChannelKind.ANALOG, ChannelKind.IP)
        )
        for number, requests in ((analog, 1), (ip, 2), (analog, 1), (ip, 1)):
            before = simulator.counters.requests
            assert (await driver.snapshots.snapshot(number)).jpeg
            assert simulator.counters.requests - before == requests


async def test_a_path_for_stills_that_moved_is_found() -> None:
    async with recorder() as (simulator, driver):
        assert driver.snapshots is not None
        for by_proxy in (False, True):
            simulator.set_faults(snapshot__by_proxy=by_proxy, snapshot__as_ok=by_proxy)
            assert (await driver.snapshots.snapshot(1)).jpeg
        before = simulator.counters.requests
        assert (await driver.snapshots.snapshot(1)).jpeg
        assert simulator.counters.requests - before == 1


async def test_stills_that_fail() -> None:
    async with recorder() as (simulator, driver):
        assert driver.snapshots is not None
        for as_ok in (False, True):
            simulator.set_faults(snapshot__mode="deviceError", snapshot__count=2, snapshot__as_ok=as_ok)
            assert (await driver.snapshots.snapshot(1)).jpeg
        simulator.set_faults(snapshot__mode="deviceError", snapshot__count=0)
        with pytest.raises(errors.NvrResponseError):
            await driver.snapshots.snapshot(1)
        simulator.set_faults(snapshot__mode="garbage")
        with pytest.raises(errors.NvrResponseError):
            await driver.snapshots.snapshot(1)
        simulator.set_faults(snapshot__mode="empty")
        with pytest.raises(errors.NvrNotFoundError):
            await driver.snapshots.snapshot(1)
        simulator.set_faults(snapshot__mode="ok", snapshot__refuse_query=True)
        assert (await driver.snapshots.snapshot(1, width=1000, height=600)).jpeg
        await simulator.set_channel_online(2, online=False)
        await driver.refresh_channels()
        with pytest.raises(errors.NvrNotFoundError):
            await driver.snapshots.snapshot(2)
        simulator.set_faults(snapshot__mode="lowPrivilege")
        with pytest.raises(errors.NvrPermissionError):
            await driver.snapshots.snapshot(1)


@pytest.mark.parametrize("what", ["connect", "refresh", "search", "snapshot", "download", "events"])
async def test_a_recorder_that_dies_in_the_middle(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events_module, "BACK_OFF", (0.05, 0.1))
    async with HikvisionSimulator(profile="nvr8", channels=2) as simulator, driving(simulator) as driver:
        segment = (await search(driver, 1, last(3)))[0]
        simulator.set_faults(load__latency_ms=300.0, load__real=True, download__rate=20_000.0)
        fresh = HikvisionDriver(config(simulator))
        assert driver.snapshots is not None

        async def fetch() -> None:
            assert driver.downloads is not None
            async with driver.downloads.open(segment) as download:
                async for _ in download:
                    pass

        async def listen() -> None:
            assert driver.events is not None
            await driver.events.run(Listener())

        work: dict[str, Callable[[], Coroutine[Any, Any, object]]] = {
            "connect": fresh.connect,
            "refresh": driver.refresh_channels,
            "search": lambda: search(driver, 1, last(48)),
            "snapshot": partial(driver.snapshots.snapshot, 1),
            "download": fetch,
            "events": listen,
        }
        task = asyncio.ensure_future(work[what]())
        await asyncio.sleep(0.45)
        await simulator.power_off()
        await asyncio.sleep(0.1)
        await simulator.power_on()
        simulator.set_faults(load__latency_ms=0.0, load__real=False, download__rate=0.0)
        if what == "events":
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        else:
            (result,) = await asyncio.gather(task, return_exceptions=True)
            assert not isinstance(result, BaseException) or isinstance(result, errors.NvrError), repr(result)
            assert not isinstance(result, errors.NvrAuthError)
        await driver.ping()
        assert await search(driver, 1, last(3))
        assert simulator.counters.auth_failures == 0
        await fresh.close()
