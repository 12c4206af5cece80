"""The event stream: one for all channels, begins and ends in pairs, and true again after whatever broke it."""

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from custom_components.nvr.core import errors
from custom_components.nvr.core.models import EventKind, EventPhase, EventStreamState, NvrEvent

from .helpers import Listener, listening, until
from .rows import Case, each_family, every_recorder

pytestmark = pytest.mark.usefixtures("socket_enabled")

START, STOP, PULSE = EventPhase.START, EventPhase.STOP, EventPhase.PULSE
ALIVE, DOWN, REFUSED = EventStreamState.ALIVE, EventStreamState.DOWN, EventStreamState.REFUSED

type Brief = tuple[EventKind, EventPhase, int | None]


def brief(events: Iterable[NvrEvent]) -> list[Brief]:
    return [(event.kind, event.phase, event.channel) for event in events]


def has(heard: Listener, wanted: Brief) -> bool:
    return wanted in brief(heard.events)


def watched(rig: Any) -> list[int]:
    """Return the channels that have a picture."""
    return [each.number for each in rig.inputs().values() if each.online]


async def back(heard: Listener) -> None:
    """Wait until the stream was lost and is there again."""
    await heard.until(lambda: DOWN in heard.states and heard.states[-1] is ALIVE, 30)


@every_recorder
async def test_one_stream_carries_all_channels(case: Case) -> None:
    async with case.connected() as (rig, driver):
        told, numbers = case.events(rig), watched(rig)
        async with listening(driver) as heard:
            for number in numbers:
                told.say(number)
            for number in reversed(numbers):
                told.say(number, on=False)
            expected = [(told.said, START, number) for number in numbers]
            expected += [(told.said, STOP, number) for number in reversed(numbers)]
            await heard.until(lambda: len(heard.events) >= len(expected))
            assert brief(heard.events) == expected
            assert rig.open_things().event_streams == 1
            assert all(event.occurred_at.tzinfo and event.received_at.tzinfo for event in heard.events)
        await until(lambda: not rig.open_things().event_streams)
        assert rig.counts().event_streams == 1


@every_recorder
async def test_every_kind_a_recorder_tells_begins_and_ends(case: Case) -> None:
    async with case.connected() as (rig, driver):
        assert driver.events is not None
        driver.events.hold = {EventKind.MOTION: 0.3}
        detected = next(channel for channel in driver.channels if channel.number == 1).detections
        kinds = [kind for kind in rig.tells if kind in detected]
        assert EventKind.MOTION in kinds
        async with listening(driver) as heard:
            for kind in kinds:
                rig.happen(kind, 1)
                await heard.until(partial(has, heard, (kind, START, 1)))
                rig.happen(kind, 1, on=False)
                await heard.until(partial(has, heard, (kind, STOP, 1)))
            assert sorted(brief(heard.events)) == sorted((kind, phase, 1) for kind in kinds for phase in (START, STOP))
            assert all(event.raw_type for event in heard.events)


@every_recorder
async def test_a_bell_is_a_pulse_each_time_it_rings(case: Case) -> None:
    async with case.connected() as (rig, driver):
        told = case.events(rig)
        async with listening(driver) as heard:
            told.ring(1)
            await heard.until(lambda: bool(heard.events))
            # A bell that rings in the same second as before cannot be told from a copy on some wires.
            await asyncio.sleep(1.05)
            told.ring(1)
            await heard.until(lambda: len(heard.events) == 2)
            assert brief(heard.events) == [(EventKind.DOORBELL, PULSE, 1)] * 2


@every_recorder
async def test_an_input_that_was_on_before_is_told_when_asked_for(case: Case) -> None:
    async with case.connected() as (rig, driver):
        assert driver.events is not None
        told = case.events(rig)
        told.switch_input(1)
        async with listening(driver) as heard:
            (event,) = await driver.events.inputs()
            assert (event.kind, event.phase, event.channel, event.port) == (EventKind.IO_INPUT, START, None, 1)
            assert await driver.events.inputs() == []
            assert heard.events == []
            told.switch_input(1, on=False)
            await heard.until(lambda: bool(heard.events))
            assert [(item.kind, item.phase, item.port) for item in heard.events] == [(EventKind.IO_INPUT, STOP, 1)]
            assert await driver.events.inputs() == []
            assert rig.counts().writes == 0


@each_family
async def test_something_that_goes_on_is_one_event(case: Case) -> None:
    async with case.connected() as (rig, driver):
        assert driver.events is not None
        told = case.events(rig)
        told.repeat_motion(0.1)
        driver.events.hold = {EventKind.MOTION: 1.0}
        async with listening(driver) as heard:
            rig.happen(EventKind.MOTION, 1)
            await heard.until(lambda: bool(heard.events))
            await asyncio.sleep(1.5)
            assert brief(heard.events) == [(EventKind.MOTION, START, 1)]
            rig.happen(EventKind.MOTION, 1, on=False)
            await heard.until(lambda: len(heard.events) == 2)
            assert brief(heard.events) == [(EventKind.MOTION, START, 1), (EventKind.MOTION, STOP, 1)]


@each_family
async def test_an_end_that_is_lost_is_found_out(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    async with case.recorder() as rig:
        told = case.events(rig)
        told.lose_ends(monkeypatch)
        told.repeat_motion(0.2)
        async with rig.driving() as driver, listening(driver) as heard:
            assert driver.events is not None
            driver.events.hold = {EventKind.MOTION: 1.0}
            numbers = watched(rig)[:2]
            for number in numbers:
                rig.happen(EventKind.MOTION, number)
            await heard.until(lambda: len(heard.events) >= len(numbers))
            rig.happen(EventKind.MOTION, numbers[0], on=False)
            await heard.until(lambda: len(heard.events) > len(numbers), 20)
            assert brief(heard.events[len(numbers) :]) == [(EventKind.MOTION, STOP, numbers[0])]


@pytest.mark.parametrize("inside", [False, True])
@every_recorder
async def test_after_a_cut_what_is_active_stays_and_what_is_over_ends(
    case: Case, inside: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with case.recorder() as rig:
        told = case.events(rig)
        told.repeat_motion(0.1)
        rig.hasten(monkeypatch)
        async with rig.driving() as driver, listening(driver) as heard:
            assert driver.events is not None
            driver.events.hold = {EventKind.MOTION: 1.0}
            channels = watched(rig)
            gone, stays = channels[0], channels[-1]
            rig.happen(EventKind.MOTION, gone)
            if stays != gone:
                rig.happen(EventKind.MOTION, stays)
            await heard.until(lambda: len(heard.events) == len({gone, stays}))
            rig.simulator.cut_events(inside_part=inside)
            rig.happen(EventKind.MOTION, gone, on=False)
            await back(heard)
            await heard.until(lambda: (EventKind.MOTION, STOP, gone) in brief(heard.events), 20)
            if stays != gone:
                await asyncio.sleep(0.3)
                assert (EventKind.MOTION, STOP, stays) not in brief(heard.events)
                rig.happen(EventKind.MOTION, stays, on=False)
                await heard.until(lambda: (EventKind.MOTION, STOP, stays) in brief(heard.events), 20)
            pairs = [(EventKind.MOTION, phase, number) for number in {gone, stays} for phase in (START, STOP)]
            assert sorted(brief(heard.events)) == sorted(pairs)
            assert rig.counts().refused == 0


@each_family
async def test_a_silent_stream_is_given_up_and_made_anew(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    async with case.connected() as (rig, driver):
        told = case.events(rig)
        rig.hasten(monkeypatch)
        told.hurry(driver)
        rig.silence()
        async with listening(driver) as heard:
            await heard.until(lambda: heard.states.count(ALIVE) >= 2, 30)
            rig.silence(on=False)
            told.say(1)
            await until(lambda: rig.open_things().event_streams == 1)
        await until(lambda: not rig.open_things().event_streams)


@every_recorder
async def test_a_reboot_is_outlived(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    async with case.recorder() as rig:
        told = case.events(rig)
        rig.hasten(monkeypatch)
        async with rig.driving() as driver, listening(driver) as heard:
            assert driver.events is not None
            driver.events.hold = {told.said: 0.5}
            told.say(1)
            await heard.until(lambda: bool(heard.events))
            await rig.simulator.power_off()
            # What it forgets in a boot: what was active.
            told.say(1, on=False)
            await heard.until(lambda: DOWN in heard.states)
            assert brief(heard.events) == [(told.said, START, 1)]
            await rig.simulator.power_on()
            await back(heard)
            await heard.until(lambda: (told.said, STOP, 1) in brief(heard.events), 20)
            told.say(1)
            await heard.until(lambda: len(heard.events) == 3)
            assert brief(heard.events)[-1] == (told.said, START, 1)
            assert rig.counts().refused == 0


@every_recorder
async def test_a_wrong_password_ends_it_and_is_not_sent_again(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    async with case.connected() as (rig, driver):
        assert driver.events is not None
        rig.hasten(monkeypatch)
        rig.simulator.change_password("another-fake-pass")
        rig.end_logins()
        for _ in range(3):
            heard = Listener()
            with pytest.raises((errors.NvrAuthError, errors.NvrLockedError)):
                async with asyncio.timeout(30):
                    await driver.events.run(heard)
            assert heard.states[-1] is REFUSED
            assert not heard.events
        assert 1 <= rig.counts().refused <= 2
        assert not driver.guard.usable


@every_recorder
async def test_copies_of_what_is_over_move_nothing(case: Case) -> None:
    async with case.connected() as (rig, driver):
        told = case.events(rig)
        resends = told.resend()
        async with listening(driver) as heard:
            if resends:
                await heard.until(lambda: bool(heard.events))
            told.say(1)
            await heard.until(lambda: (told.said, START, 1) in brief(heard.events))
            copies = [event for event in heard.events if event.kind is not told.said]
            assert bool(copies) == resends
            assert all(event.late and event.phase is PULSE for event in copies)
            assert all(event.received_at - event.occurred_at > timedelta(minutes=4) for event in copies)
            assert not any(event.late for event in heard.events if event.kind is told.said)


@pytest.mark.parametrize("skew", [0.0, 420.0, -420.0])
@each_family
async def test_events_are_dated_by_true_time(case: Case, skew: float) -> None:
    async with case.connected(skew=skew) as (rig, driver):
        told = case.events(rig)
        async with listening(driver) as heard:
            told.say(1)
            await heard.until(lambda: bool(heard.events))
            told.say(1, on=False, ago=timedelta(seconds=40))
            await heard.until(lambda: len(heard.events) == 2)
            now, before = heard.events
            assert abs(now.received_at - now.occurred_at) <= timedelta(seconds=3)
            assert abs(before.received_at - before.occurred_at - timedelta(seconds=40)) <= timedelta(seconds=4)
            assert not now.late
            assert not before.late


@every_recorder
async def test_a_stream_that_is_left_is_closed(case: Case) -> None:
    async with case.connected() as (rig, driver):
        for count in (1, 2):
            async with listening(driver) as heard:
                if count == 1:
                    rig.happen(EventKind.MOTION, 1)
                    await heard.until(lambda: bool(heard.events))
            await until(lambda: not rig.open_things().event_streams)
            assert rig.counts().event_streams == count


@each_family
async def test_a_camera_that_is_lost_and_comes_back_is_told(case: Case) -> None:
    async with case.connected() as (rig, driver), listening(driver) as heard:
        number = watched(rig)[-1]
        await rig.simulator.set_channel_online(number, online=False)
        await heard.until(lambda: (EventKind.VIDEO_LOSS, START, number) in brief(heard.events))
        await rig.simulator.set_channel_online(number, online=True)
        await heard.until(lambda: (EventKind.VIDEO_LOSS, STOP, number) in brief(heard.events))
