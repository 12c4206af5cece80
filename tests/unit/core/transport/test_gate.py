"""Waiting lines: widths, order, pauses and people who leave."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from custom_components.nvr.core.capabilities import GateWidths
from custom_components.nvr.core.errors import NvrBusyError
from custom_components.nvr.core.transport.gate import Gate, Lane, Priority


class Visits:
    """Who is inside, and in which order they came in."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self.order: list[str] = []
        self.go = asyncio.Event()

    async def visit(self, name: str, lane: Lane = "control", priority: Priority = Priority.NORMAL) -> None:
        async with self.gate.slot(lane, priority=priority, timeout=5):
            self.order.append(name)
            await self.go.wait()


@asynccontextmanager
async def visiting(*tasks: asyncio.Task[None]) -> AsyncIterator[None]:
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    yield
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_lane_lets_in_as_many_as_it_is_wide_and_counts() -> None:
    gate = Gate(GateWidths(control=3))
    visits = Visits(gate)
    async with visiting(*(asyncio.create_task(visits.visit(str(n))) for n in range(10))):
        assert len(visits.order) == 3
        assert gate.in_flight("control") == 3
        assert gate.in_flight("search") == 0
        visits.go.set()
    assert visits.order == [str(n) for n in range(10)]
    assert gate.in_flight("control") == 0
    assert gate.most_in_flight("control") == 3


async def test_lanes_do_not_wait_for_one_another() -> None:
    gate = Gate(GateWidths(control=1, search=1, download=1, snapshot=2))
    visits = Visits(gate)
    lanes: tuple[Lane, ...] = ("control", "search", "download", "snapshot", "snapshot", "events", "events")
    async with visiting(*(asyncio.create_task(visits.visit(lane, lane)) for lane in lanes)):
        assert visits.order == ["control", "search", "download", "snapshot", "snapshot", "events"]
        visits.go.set()


async def test_people_go_first() -> None:
    visits = Visits(Gate(GateWidths(control=1)))
    tasks = [asyncio.create_task(visits.visit("first"))]
    await asyncio.sleep(0)
    for name, priority in (("poll", Priority.BACKGROUND), ("normal", Priority.NORMAL), ("person", Priority.PERSON)):
        tasks.append(asyncio.create_task(visits.visit(name, priority=priority)))
    async with visiting(*tasks):
        visits.go.set()
    assert visits.order == ["first", "person", "normal", "poll"]


async def test_wait_is_limited() -> None:
    gate = Gate(GateWidths(control=1))
    async with gate.slot("control"):
        with pytest.raises(NvrBusyError):
            async with gate.slot("control", timeout=0.01):
                pass
    async with gate.slot("control", timeout=0.01):
        assert gate.in_flight("control") == 1


async def test_who_leaves_the_line_keeps_nobody_waiting() -> None:
    gate = Gate(GateWidths(control=1))
    visits = Visits(gate)
    tasks = [asyncio.create_task(visits.visit(str(n))) for n in range(4)]
    async with visiting(*tasks):
        tasks[1].cancel()
        tasks[2].cancel()
        visits.go.set()
    assert visits.order == ["0", "3"]
    assert gate.in_flight("control") == 0


async def test_who_is_cancelled_in_the_instant_of_his_turn_gives_the_slot_back() -> None:
    gate = Gate(GateWidths(control=1))
    async with gate.slot("control"):
        second = asyncio.create_task(_pass_through(gate))
        await asyncio.sleep(0.01)
    # The turn was given, the task has not run yet.
    assert gate.in_flight("control") == 1
    second.cancel()
    await asyncio.wait({second})
    assert second.cancelled()
    assert gate.in_flight("control") == 0


async def test_an_error_inside_gives_the_slot_back() -> None:
    gate = Gate(GateWidths(control=1))
    with pytest.raises(RuntimeError):
        async with gate.slot("control"):
            raise RuntimeError
    assert gate.in_flight("control") == 0


async def test_pause_holds_everybody_back_and_then_lets_them_in() -> None:
    gate = Gate(GateWidths(control=2))
    loop = asyncio.get_running_loop()
    gate.pause(0.03, "control")
    async with gate.slot("search", timeout=0.01):
        pass
    start = loop.time()
    await asyncio.gather(*(_pass_through(gate) for _ in range(3)))
    assert loop.time() - start >= 0.025


async def test_pause_while_people_wait_and_longer_pauses_win() -> None:
    gate = Gate(GateWidths(control=1))
    loop = asyncio.get_running_loop()
    visits = Visits(gate)
    first, second = (asyncio.create_task(visits.visit(name)) for name in ("first", "second"))
    async with visiting(first, second):
        gate.pause(0.02)
        gate.pause(0.05)
        gate.pause(0.01)
        start = loop.time()
        visits.go.set()
    assert loop.time() - start >= 0.045
    assert visits.order == ["first", "second"]


async def test_pause_longer_than_anybody_would_wait_is_told_at_once() -> None:
    gate = Gate()
    gate.pause(60)
    with pytest.raises(NvrBusyError) as caught:
        async with gate.slot("control", timeout=1):
            pass
    assert caught.value.retry_after is not None
    assert 59 < caught.value.retry_after <= 60


async def test_leaving_during_a_pause_leaves_nothing_behind() -> None:
    gate = Gate()
    gate.pause(0.2)
    waiting = asyncio.create_task(_pass_through(gate))
    await asyncio.sleep(0.01)
    waiting.cancel()
    await asyncio.wait({waiting})
    assert all(state.timer is None and not state.waiting for state in gate._lanes.values())


async def test_resize_lets_more_in() -> None:
    gate = Gate(GateWidths(control=1))
    visits = Visits(gate)
    async with visiting(*(asyncio.create_task(visits.visit(str(n))) for n in range(3))):
        assert len(visits.order) == 1
        gate.resize(GateWidths(control=3))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert len(visits.order) == 3
        visits.go.set()


async def _pass_through(gate: Gate) -> None:
    async with gate.slot("control", timeout=1):
        await asyncio.sleep(0)
