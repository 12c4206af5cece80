"""A simulator and the driver of its family by their own types, for the tests of what only this family has."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Unpack

from custom_components.nvr.core.driver import Driver
from tests.simulators.simulator import Simulator

from ..helpers import connected
from ..rig import Knobs, config_for


@dataclass(frozen=True)
class Pair[S: Simulator, D: Driver]:
    """Who belongs together; `profile` is the firmware of a test that names none."""

    make_simulator: Callable[..., S]
    make_driver: Callable[..., D]
    profile: str

    @asynccontextmanager
    async def driving(
        self, simulator: S, *, settings: Mapping[str, Any] | None = None, **knobs: Unpack[Knobs]
    ) -> AsyncIterator[D]:
        """Connect a driver, and close it again; `settings` change its ConnectionConfig."""
        async with connected(self.make_driver(config_for(simulator, **(settings or {})), **knobs)) as driver:
            yield driver

    @asynccontextmanager
    async def recorder(self, profile: str | None = None, **options: Any) -> AsyncIterator[tuple[S, D]]:
        """Start a recorder and a driver of it."""
        made = self.make_simulator(profile=profile or self.profile, **options)
        async with made as simulator, self.driving(simulator) as driver:
            yield simulator, driver
