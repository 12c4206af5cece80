"""When the clock of a recorder is read again."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
import time
from types import SimpleNamespace
from typing import Any

import pytest

from custom_components.nvr.clock_upkeep import ClockUpkeep
from custom_components.nvr.core.clock import DeviceClock, fixed_zone
from custom_components.nvr.core.errors import NvrBusyError

TOLD = DeviceClock(fixed_zone(timedelta(hours=8)), timedelta(0), datetime(2026, 3, 4, tzinfo=UTC))


class Clock:
    """Counts its readings; fails while it is not told."""

    def __init__(self) -> None:
        self.current = TOLD
        self.told = True
        self.reads = 0

    async def read(self) -> DeviceClock:
        self.reads += 1
        if not self.told:
            raise NvrBusyError("starting")
        self.current = TOLD
        return TOLD


@pytest.mark.parametrize("at_connect", [True, False])
async def test_a_clock_that_was_not_told_is_read_at_the_next_poll_and_then_less_and_less(
    monkeypatch: pytest.MonkeyPatch, *, at_connect: bool
) -> None:
    now, clock = 1000.0, Clock()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    driver: Any = SimpleNamespace(clock=clock)
    upkeep = ClockUpkeep(driver, "NVR")
    clock.told = False
    if at_connect:
        clock.current = replace(TOLD, measured=False)
        upkeep.was_read()
    await upkeep.async_read()
    assert clock.reads == (0 if at_connect else 1)
    now += 8
    await upkeep.async_read()
    assert clock.reads == (1 if at_connect else 2)
    for _ in range(4 * 60):
        now += 60
        await upkeep.async_read()
    assert clock.reads <= 15
    clock.told = True
    now += 3600
    await upkeep.async_read()
    reads = clock.reads
    now += 3599
    await upkeep.async_read()
    assert clock.reads == reads
    now += 2
    await upkeep.async_read()
    assert clock.reads == reads + 1
