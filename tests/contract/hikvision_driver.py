"""The real driver before a simulated recorder, or before documents served as they are."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import web

from custom_components.nvr.core.driver import ConnectionConfig
from custom_components.nvr.core.drivers.hikvision import HikvisionDriver
from custom_components.nvr.core.models import EventStreamState, NvrEvent, RecordingSegment, TimeSpan
from tests.simulators.hikvision.simulator import HikvisionSimulator

USER, PASSWORD = "admin", "nvr-test-pass"


def config(simulator: HikvisionSimulator, **changes: Any) -> ConnectionConfig:
    values: dict[str, Any] = {"host": "127.0.0.1", "username": USER, "password": PASSWORD}
    values |= {"port": simulator.http_port, "rtsp_port": simulator.rtsp_port}
    return ConnectionConfig(**(values | changes))


@asynccontextmanager
async def driving(simulator: HikvisionSimulator, **knobs: Any) -> AsyncIterator[HikvisionDriver]:
    """Connect a driver, and close it again."""
    driver = HikvisionDriver(config(simulator), **knobs)
    try:
        await driver.connect()
        yield driver
    finally:
        await driver.close()


@asynccontextmanager
async def recorder(profile: str = "nvr8", **options: Any) -> AsyncIterator[tuple[HikvisionSimulator, HikvisionDriver]]:
    """Start a recorder and a driver of it."""
    async with HikvisionSimulator(profile=profile, **options) as simulator, driving(simulator) as driver:
        yield simulator, driver


def last(hours: float, until: float = 0) -> TimeSpan:
    """Return the span that ended `until` hours ago and lasted to `hours` ago."""
    now = datetime.now(UTC)
    return TimeSpan(now - timedelta(hours=hours), now - timedelta(hours=until))


async def search(driver: HikvisionDriver, channel: int, span: TimeSpan, **more: Any) -> list[RecordingSegment]:
    assert driver.recordings is not None
    return [segment async for segment in driver.recordings.search(channel, span, **more)]


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
async def listening(driver: HikvisionDriver) -> AsyncIterator[Listener]:
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


@asynccontextmanager
async def documents(folder: Path) -> AsyncIterator[tuple[int, list[str]]]:
    """Serve a folder of answers, `/` as `__`, a `.status` file for an HTTP status; yields port and paths asked."""
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        path = request.path.removeprefix("/ISAPI/")
        asked.append(path)
        name = path.replace("/", "__")
        body = await asyncio.to_thread(_read, folder / f"{name}.xml")
        if body is not None:
            return web.Response(body=body, content_type="application/xml")
        status = await asyncio.to_thread(_read, folder / f"{name}.status")
        return web.Response(status=int(status) if status is not None and status.strip().isdigit() else 404)

    runner = web.AppRunner(_app(answer))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield runner.addresses[0][1], asked
    finally:
        await runner.cleanup()


def _app(answer: Callable[[web.Request], Any]) -> web.Application:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    return app


def _read(file: Path) -> bytes | None:
    return file.read_bytes() if file.exists() else None
