"""The event stream in the shapes of this family's firmware."""

import asyncio
from typing import Any

import pytest

from custom_components.nvr.core import errors
from custom_components.nvr.core.drivers.dahua import DahuaDriver, event_state, events as events_module
from custom_components.nvr.core.drivers.dahua.events import Events
from custom_components.nvr.core.drivers.dahua.tables import PLAIN_CODES
from custom_components.nvr.core.models import DetectionTarget, EventKind, EventPhase, EventStreamState, NvrEvent
from tests.simulators.dahua.simulator import DahuaSimulator
from tests.simulators.switches import PathFault

from ..helpers import Listener, listening, until
from ..rigs.dahua import driving, recorder

pytestmark = pytest.mark.usefixtures("socket_enabled")


START, STOP, PULSE = EventPhase.START, EventPhase.STOP, EventPhase.PULSE


def brief(events: list[NvrEvent]) -> list[tuple[EventKind, EventPhase, int | None]]:
    return [(event.kind, event.phase, event.channel) for event in events]


def stream(driver: DahuaDriver) -> Events:
    assert isinstance(driver.events, Events)
    return driver.events


async def _short(_seconds: float) -> None:
    await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"events__length": "plus2"},
        {"events__length": "oversized"},
        {"events__length": "missing"},
        {"events__length": "nospace"},
        {"events__blank_lines": 3, "events__first_blank": True},
        {"events__extra_header": True},
        pytest.param({"events__split": 1}, marks=pytest.mark.slow),
        {"events__split": 7, "events__length": "oversized", "events__data": "tricky"},
        {"events__data": "null"},
        {"events__data": "none"},
        {"events__data": "tricky"},
        {"events__data": "truncated", "events__heartbeat": 0.3},
        {"events__boundary": "another--one"},
        {"server__odd": True},
    ],
    ids=lambda changes: ",".join(f"{name}={value}" for name, value in changes.items()) or "plain",
)
async def test_every_way_of_writing_means_the_same(changes: dict[str, Any]) -> None:
    changes.pop("server__odd", None)
    async with recorder("nvr5232") as (simulator, driver):
        simulator.set_faults(**changes)
        async with listening(driver) as heard:
            simulator.motion(3)
            simulator.rule("CrossLineDetection", 2, target="Human")
            simulator.emit("AlarmLocal", 1)
            simulator.rule("CrossLineDetection", 2, on=False)
            simulator.motion(3, on=False)
            simulator.emit("DoorbellPressed", 1, action="Pulse")
            await heard.until(lambda: len(heard.events) >= 6)
    assert brief(heard.events) == [
        (EventKind.MOTION, START, 3),
        (EventKind.LINE_CROSSING, START, 2),
        (EventKind.IO_INPUT, START, None),
        (EventKind.LINE_CROSSING, STOP, 2),
        (EventKind.MOTION, STOP, 3),
        (EventKind.DOORBELL, PULSE, 1),
    ]
    if not changes:
        assert heard.events[1].target is DetectionTarget.PERSON
        assert heard.events[2].port == 1


async def test_all_codes_are_asked_for_and_a_refusal_leads_to_the_few() -> None:
    async with DahuaSimulator(profile="nvr5232") as simulator:
        simulator.set_faults(events__refuse_all=True)
        async with driving(simulator) as driver:
            stream(driver)._sleep = _short
            async with listening(driver) as heard:
                simulator.motion(1)
                await heard.until(lambda: bool(heard.events))
            assert driver.memory["quirks"]["codes"] == "short"  # type: ignore[index]


@pytest.mark.parametrize("known", [None, "all", "short"])
async def test_all_codes_are_back_after_refusals_that_pass(known: str | None) -> None:
    memory = {} if known is None else {"quirks": {"codes": known}}
    async with DahuaSimulator(profile="nvr5232") as simulator:
        simulator.set_faults(events__status=400)
        async with driving(simulator, memory=memory) as driver:
            waits: list[float] = []
            events = stream(driver)

            async def sleep(seconds: float) -> None:
                waits.append(seconds)
                if len(waits) == 3:
                    simulator.set_faults(events__status=0)
                await asyncio.sleep(0)

            events._sleep = sleep
            async with listening(driver) as heard:
                if known == "short":
                    # It goes on by what it knew, and comes back to all at the next occasion.
                    simulator.cut_events()
                    await heard.until(lambda: events.connections == 2)
                simulator.rule("CrossLineDetection", 2)
                await heard.until(lambda: (EventKind.LINE_CROSSING, START, 2) in brief(heard.events))
            assert driver.memory["quirks"]["codes"] == "all"  # type: ignore[index]
            assert len(waits) >= 3


async def test_few_codes_that_are_taken_for_a_while_are_not_remembered_where_all_were_taken() -> None:
    async with DahuaSimulator(profile="nvr5232") as simulator:
        simulator.set_faults(events__refuse_all=True)
        async with driving(simulator, memory={"quirks": {"codes": "all"}}) as driver:
            events, refused = stream(driver), simulator.counters.by_call
            events._sleep = _short
            async with listening(driver) as heard:
                assert refused["eventManager.cgi?attach"] >= 7
                assert driver.memory["quirks"]["codes"] == "all"  # type: ignore[index]
                simulator.set_faults(events__refuse_all=False)
                simulator.cut_events()
                await heard.until(lambda: events.connections == 2)
                simulator.rule("CrossLineDetection", 2)
                await heard.until(lambda: (EventKind.LINE_CROSSING, START, 2) in brief(heard.events))


@pytest.mark.parametrize(("known", "refused"), [("short", {"refuse_all": True}), ("polled", {"status": 501})])
async def test_what_is_known_of_a_recorder_is_one_refusal_away(known: str, refused: dict[str, Any]) -> None:
    async with DahuaSimulator(profile="nvr5232") as simulator:
        simulator.set_faults(**{f"events__{name}": value for name, value in refused.items()})
        async with driving(simulator, memory={"quirks": {"codes": known}}) as driver:
            waits: list[float] = []
            events = stream(driver)

            async def sleep(seconds: float) -> None:
                waits.append(seconds)
                await asyncio.sleep(0)

            events._sleep, events._poll = sleep, 0.1
            async with listening(driver) as heard:
                simulator.motion(1)
                await heard.until(lambda: bool(heard.events))
                assert len(waits) == 1
                assert waits[0] < 0.5


async def test_what_began_while_nothing_was_heard_is_told() -> None:
    async with recorder("nvr5232") as (simulator, driver):
        release = asyncio.Event()

        async def sleep(_seconds: float) -> None:
            await release.wait()

        stream(driver)._sleep = sleep
        async with listening(driver) as heard:
            simulator.cut_events()
            await heard.until(lambda: EventStreamState.DOWN in heard.states)
            simulator.emit("AlarmLocal", 2)
            simulator.emit("VideoLoss", 3)
            release.set()
            await heard.until(lambda: len(heard.events) == 2)
            assert sorted(brief(heard.events), key=str) == [
                (EventKind.IO_INPUT, START, None),
                (EventKind.VIDEO_LOSS, START, 3),
            ]
            simulator.emit("AlarmLocal", 2, action="Stop")
            await heard.until(lambda: len(heard.events) == 3)


@pytest.mark.parametrize("status", [404, 501])
async def test_a_recorder_without_a_stream_is_asked_again_and_again(status: int) -> None:
    async with DahuaSimulator(profile="nvr5232") as simulator:
        simulator.set_faults(events__status=status)
        async with driving(simulator) as driver:
            events = stream(driver)
            events._sleep, events._poll = _short, 0.1
            async with listening(driver) as heard:
                simulator.motion(1)
                await heard.until(lambda: (EventKind.MOTION, START, 1) in brief(heard.events))
                simulator.motion(1, on=False)
                await heard.until(lambda: (EventKind.MOTION, STOP, 1) in brief(heard.events))


async def test_a_recorder_with_neither_says_so() -> None:
    async with DahuaSimulator(profile="nvr5232") as simulator:
        simulator.set_faults(events__status=501, events__no_indexes=True)
        async with driving(simulator) as driver:
            events, heard = stream(driver), Listener()
            events._sleep = _short
            with pytest.raises(errors.NvrUnsupportedError):
                async with asyncio.timeout(10):
                    await events.run(heard)
            assert heard.states[-1] is EventStreamState.REFUSED


async def test_a_lost_camera_and_a_failing_disk() -> None:
    async with recorder("nvr5232") as (simulator, driver), listening(driver) as heard:
        await simulator.set_channel_online(2, online=False)
        simulator.set_disk("error")
        simulator.set_disk("ok")
        await simulator.set_channel_online(2, online=True)
        # The slot is empty: there is no picture to lose.
        simulator.emit("VideoLoss", 16)
        simulator.emit("DoorbellPressed", 1, action="Pulse")
        await heard.until(lambda: EventKind.DOORBELL in {event.kind for event in heard.events})
    assert brief(heard.events)[:-1] == [
        (EventKind.VIDEO_LOSS, START, 2),
        (EventKind.DISK_ERROR, START, None),
        (EventKind.DISK_ERROR, STOP, None),
        (EventKind.VIDEO_LOSS, STOP, 2),
    ]


@pytest.mark.parametrize("status", [500, 503])
async def test_a_recorder_that_fails_says_nothing_of_what_is_active(status: int) -> None:
    async with recorder("nvr5232") as (simulator, driver):
        stream(driver)._sleep = _short
        asked = simulator.counters.by_call
        async with listening(driver) as heard:
            simulator.motion(3)
            await heard.until(lambda: bool(heard.events))
            simulator.faults.paths["eventManager.cgi?getEventIndexes*"] = PathFault(kind="html", status=status)
            before = asked["eventManager.cgi?getEventIndexes"]
            simulator.cut_events()
            await heard.until(lambda: stream(driver).connections == 2)
            # It is asked for what was active, and for what may have begun meanwhile.
            await until(lambda: asked["eventManager.cgi?getEventIndexes"] >= before + len(PLAIN_CODES))
            simulator.motion(5)
            await heard.until(lambda: len(heard.events) == 2)
            assert brief(heard.events) == [(EventKind.MOTION, START, 3), (EventKind.MOTION, START, 5)]


async def test_while_a_recorder_is_asked_for_a_lost_stop_nobody_wakes_to_ask_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(event_state, "LOST_STOP", 0.05)
    monkeypatch.setattr(events_module, "_TICK", 0.0)
    woken = 0
    expire = Events._expire

    def counted(self: Events) -> None:
        nonlocal woken
        woken += 1
        expire(self)

    monkeypatch.setattr(Events, "_expire", counted)
    async with recorder("nvr5232") as (simulator, driver):
        page = "eventManager.cgi?getEventIndexes"
        async with listening(driver) as heard:
            simulator.faults.paths[f"{page}*"] = PathFault(kind="hang")
            simulator.motion(3)
            await until(lambda: simulator.counters.by_call[page] > 0)
            before = woken
            await asyncio.sleep(0.3)
            assert woken - before <= 1
            assert brief(heard.events) == [(EventKind.MOTION, START, 3)]
