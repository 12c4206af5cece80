"""How much of a recorder a driver takes: at rest, at once, and for a connect."""

import asyncio

import pytest

from .helpers import listening
from .jumping import JumpingLoop, jumping, utcnow
from .rows import Case, each_family, every_recorder

pytestmark = pytest.mark.usefixtures("socket_enabled")

MINUTES = 10
SOCKETS = 8


@every_recorder
@jumping
async def test_at_rest_four_requests_a_minute_suffice(case: Case) -> None:
    await rest(case, None)


@pytest.mark.parametrize("channels", [4, 32])
@each_family
@jumping
async def test_at_rest_the_number_of_channels_costs_nothing(case: Case, channels: int) -> None:
    await rest(case, channels)


async def rest(case: Case, channels: int | None) -> None:
    """Listen to events and refresh the channels once a minute, keep-alives and expired nonces included."""
    setting = {} if channels is None else {"channels": channels}
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
