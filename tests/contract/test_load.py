"""How much of a recorder a driver takes: at rest, at once, and for a connect."""

import asyncio
from typing import Any

import pytest

from custom_components.nvr.core.capabilities import GateWidths

from .helpers import last, listening, search
from .jumping import JumpingLoop, jumping, utcnow
from .rig import Rig, Setting
from .rows import Case, each_family

pytestmark = pytest.mark.usefixtures("socket_enabled")

MINUTES = 5
SOCKETS = 8


@pytest.mark.parametrize("channels", [None, 4, 32])
@each_family
@jumping
async def test_at_rest_four_requests_a_minute_suffice_for_any_number_of_channels(
    case: Case, channels: int | None
) -> None:
    # Events are heard, channels refreshed once a minute; what keeps a login alive is counted, and so are old nonces.
    setting: Setting = {} if channels is None else {"channels": channels}
    async with case.recorder(**setting) as rig:
        rig.keep_time(asyncio.get_running_loop().time)
        async with rig.driving(utcnow=utcnow) as driver, listening(driver):
            begun, before = asyncio.get_running_loop().time(), rig.counts()
            for _ in range(MINUTES):
                await asyncio.sleep(60)
                await driver.refresh_channels()
            loop = asyncio.get_running_loop()
            assert isinstance(loop, JumpingLoop)
            assert loop.time() - begun >= MINUTES * 60
            after = rig.counts()
            assert after.requests - before.requests <= 4 * MINUTES
            assert after.refused == 0
            assert after.event_streams == 1
            assert rig.open_things().sockets <= SOCKETS


@each_family
@pytest.mark.parametrize("width", [1, 2])
async def test_each_lane_is_as_wide_as_it_was_made(case: Case, width: int) -> None:
    widths = GateWidths(control=width, search=width, download=1, snapshot=width)
    async with case.recorder() as rig, rig.driving(gates=widths) as driver:
        assert driver.snapshots is not None
        numbers = rig.pictured([channel.number for channel in driver.channels])
        await asyncio.gather(
            *(driver.snapshots.snapshot(number) for number in numbers),
            *(search(driver, number, last(6)) for number in numbers),
            *(driver.identify() for _ in range(6)),
            *(driver.refresh_channels() for _ in range(4)),
        )
        lanes = driver.statistics["most_in_flight"]
        assert isinstance(lanes, dict)
        assert (lanes["control"], lanes["snapshot"]) == (width, min(width, len(numbers)))
        assert 1 <= lanes["search"] <= width
        assert rig.counts().most_at_once <= 3 * width


@each_family
async def test_all_at_once_takes_no_more_than_eight_sockets(case: Case) -> None:
    async with case.connected() as (rig, driver), listening(driver):
        assert driver.snapshots is not None
        numbers = rig.pictured([channel.number for channel in driver.channels])[:6]
        most: list[int] = []
        watching = asyncio.ensure_future(watch(rig, most))
        await asyncio.gather(
            *(driver.snapshots.snapshot(number) for number in numbers),
            *(search(driver, number, last(6)) for number in numbers),
            *(driver.identify() for _ in range(6)),
            driver.refresh_channels(),
        )
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        assert 2 <= max(most) <= SOCKETS
        assert rig.counts().event_streams == 1


async def watch(rig: Rig[Any], most: list[int]) -> None:
    """Note how many sockets are open, again and again."""
    while True:
        most.append(rig.open_things().sockets)
        await asyncio.sleep(0)
