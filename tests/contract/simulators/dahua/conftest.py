"""A simulated unit that starts at once and answers at once."""

from collections.abc import AsyncIterator

import pytest

from tests.simulators.dahua import DahuaSimulator, SimulatorOptions

from .visitor import Visitor


@pytest.fixture(name="profile")
def default_profile() -> str:
    return "nvr5232"


@pytest.fixture(name="options")
def default_options(profile: str) -> SimulatorOptions:
    return SimulatorOptions(profile, latency_ms=0, time_scale=0.01, rtsp=False)


@pytest.fixture
async def unit(options: SimulatorOptions, socket_enabled: None) -> AsyncIterator[DahuaSimulator]:
    async with DahuaSimulator(options) as running:
        running.faults.load.snapshot_ms = 0
        yield running


@pytest.fixture
def visitor(unit: DahuaSimulator) -> Visitor:
    return Visitor(unit)


@pytest.fixture
def lasting_nonces(unit: DahuaSimulator) -> None:
    """Let a nonce serve as often as it is used, whatever the firmware does."""
    unit.faults.auth.rotate = False
