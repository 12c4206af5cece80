"""What tests of any driver use: spans, searches, and an ear at the event stream."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from custom_components.nvr.core.driver import Driver
from custom_components.nvr.core.models import EventStreamState, NvrEvent, RecordingSegment, TimeSpan


def last(hours: float, until: float = 0) -> TimeSpan:
    """Return the span that ended `until` hours ago and lasted to `hours` ago."""
    now = datetime.now(UTC)
    return TimeSpan(now - timedelta(hours=hours), now - timedelta(hours=until))


async def search(driver: Driver, channel: int, span: TimeSpan, **more: Any) -> list[RecordingSegment]:
    assert driver.recordings is not None
    return [segment async for segment in driver.recordings.search(channel, span, **more)]


async def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def connected[D: Driver](driver: D, serial: str | None = None) -> AsyncIterator[D]:
    """Connect a driver, to the recorder of this serial only if one is given, and close it again."""
    try:
        await driver.connect(serial)
        yield driver
    finally:
        await driver.close()


class Listener:
    """Keeps what it hears, and lets a test wait for more."""

    def __init__(self) -> None:
        self.events: list[NvrEvent] = []
        self.states: list[EventStreamState] = []
        self._news = asyncio.Event()

    def on_event(self, event: NvrEvent) -> None:
        self.events.append(event)
        self._news.set()

    def on_stream_state(self, state: EventStreamState) -> None:
        self.states.append(state)
        self._news.set()

    async def until(self, condition: Callable[[], bool], seconds: float = 10.0) -> None:
        async with asyncio.timeout(seconds):
            while not condition():
                self._news.clear()
                await self._news.wait()


@asynccontextmanager
async def listening(driver: Driver) -> AsyncIterator[Listener]:
    """Run the event stream until the test is done with it."""
    assert driver.events is not None
    listener = Listener()
    task = asyncio.ensure_future(driver.events.run(listener))
    try:
        await listener.until(lambda: EventStreamState.ALIVE in listener.states)
        yield listener
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
