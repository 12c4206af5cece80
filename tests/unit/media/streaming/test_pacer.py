"""How far a stream runs ahead."""

import asyncio

from custom_components.nvr.media.streaming.pacer import Pacer
from custom_components.nvr.media.ticks import RATE


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def started(speed: float = 1.0) -> tuple[Pacer, Clock]:
    clock = Clock()
    pacer = Pacer(10.0, clock)
    pacer.begin(speed)
    assert pacer.may_send(100 * RATE)
    return pacer, clock


async def test_ten_seconds_ahead_and_not_more() -> None:
    pacer, clock = started()
    assert pacer.may_send(110 * RATE)
    assert not pacer.may_send(111 * RATE)
    clock.now = 1.0
    assert pacer.may_send(111 * RATE)


async def test_once_held_back_half_of_the_lead_is_used_up_first() -> None:
    pacer, clock = started()
    clock.now = 4.9
    assert not pacer.may_send(110 * RATE, settled=True)
    clock.now = 5.1
    assert pacer.may_send(110 * RATE, settled=True)


async def test_slow_takes_longer_and_fast_may_be_further_ahead() -> None:
    pacer, clock = started(0.5)
    clock.now = 1.9
    assert not pacer.may_send(111 * RATE)
    clock.now = 2.1
    assert pacer.may_send(111 * RATE)
    pacer, _ = started(4.0)
    assert pacer.may_send(140 * RATE)
    assert not pacer.may_send(141 * RATE)


async def test_a_pause_is_no_time_that_passed() -> None:
    pacer, clock = started()
    pacer.pause()
    assert not pacer.may_send(100 * RATE)
    waiting = asyncio.ensure_future(pacer.wait(100 * RATE))
    clock.now = 50.0
    await asyncio.sleep(0)
    assert not waiting.done()
    pacer.go_on()
    await waiting
    assert pacer.may_send(110 * RATE)
    assert not pacer.may_send(111 * RATE)


async def test_after_a_gap_the_count_begins_anew() -> None:
    pacer, _ = started()
    assert not pacer.may_send(500 * RATE)
    pacer.skip()
    assert pacer.may_send(500 * RATE)


async def test_another_speed_counts_from_now_on() -> None:
    pacer, clock = started()
    clock.now = 60.0
    pacer.turn(0.5)
    assert pacer.may_send(170 * RATE), "a minute was watched, and ten seconds are the lead"
    assert not pacer.may_send(171 * RATE)
    clock.now = 62.0
    assert pacer.may_send(171 * RATE)
    pacer.turn(1.0)
    assert not pacer.may_send(172 * RATE)
    clock.now = 63.0
    assert pacer.may_send(172 * RATE)


async def test_another_speed_in_a_pause_counts_from_the_pause_on() -> None:
    pacer, clock = started()
    clock.now = 60.0
    pacer.pause()
    clock.now = 100.0
    pacer.turn(0.5)
    clock.now = 200.0
    pacer.go_on()
    assert pacer.may_send(170 * RATE)
    assert not pacer.may_send(171 * RATE)
