"""A simulated recorder that starts at once and answers at once."""

from collections.abc import AsyncIterator

import pytest

from tests.simulators.hikvision import HikvisionSimulator, SimulatorOptions

from .rig import Visitor


@pytest.fixture(name="options")
def default_options() -> SimulatorOptions:
    return SimulatorOptions(latency_ms=0, time_scale=0.02, rtsp=False)


@pytest.fixture
async def simulator(options: SimulatorOptions, socket_enabled: None) -> AsyncIterator[HikvisionSimulator]:
    async with HikvisionSimulator(options) as running:
        yield running


@pytest.fixture
def visitor(simulator: HikvisionSimulator) -> Visitor:
    return Visitor(simulator)
