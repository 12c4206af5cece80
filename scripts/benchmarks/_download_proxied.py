"""A file through Home Assistant to a browser, as the integration's views hand it out, against a plain proxy of aiohttp.

The plain one passes 64 KiB at a time, as proxies of integrations do. Both answer the same reader in the same run. What
is judged is how much one core passes on: recorder and reader run on the same machine, and take what a proxy leaves.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
import contextlib

import aiohttp
from aiohttp import web
from homeassistant.components.http import HomeAssistantView
from homeassistant.setup import async_setup_component
from yarl import URL

from custom_components.nvr.byte_response import respond
from custom_components.nvr.core.driver import DownloadSource
from custom_components.nvr.core.models import RecordingSegment
from custom_components.nvr.media.byte_source import DownloadBytes
from scripts.benchmarks._common import BareDigest, Stopwatch, figure, home_assistant
from scripts.benchmarks._families import Family
from scripts.benchmarks._sink import LEAST, MIB, SIZE, Growth, Sink

CHUNK = 64 * 1024
ROUNDS = 3


class OurView(HomeAssistantView):
    """What a view of the integration does with a recorder's file."""

    url = "/bench/ours"
    name = "bench:ours"
    requires_auth = False

    def __init__(self, downloads: DownloadSource, segment: RecordingSegment) -> None:
        """Keep what to hand out."""
        self._downloads, self._segment = downloads, segment

    async def get(self, request: web.Request) -> web.StreamResponse:
        """Send it."""
        return await respond(request, DownloadBytes(self._downloads, self._segment), name="clip.ps")


class PlainView(HomeAssistantView):
    """The least a proxy does."""

    url = "/bench/plain"
    name = "bench:plain"
    requires_auth = False

    def __init__(self, method: str, url: str, body: bytes | None) -> None:
        """Keep what to ask for."""
        self._asked = (method, URL(url, encoded=True), body)

    async def get(self, request: web.Request) -> web.StreamResponse:
        """Send it."""
        method, url, body = self._asked
        timeout = aiohttp.ClientTimeout(total=None)
        async with (
            aiohttp.ClientSession(middlewares=(BareDigest(),), timeout=timeout) as session,
            session.request(method, url, data=body) as answer,
        ):
            response = web.StreamResponse()
            response.content_length = answer.content_length
            await response.prepare(request)
            async for chunk in answer.content.iter_chunked(CHUNK):
                await response.write(chunk)
            await response.write_eof()
        return response


@contextlib.asynccontextmanager
async def server(*views: HomeAssistantView) -> AsyncIterator[int]:
    """Run Home Assistant with these views; yield its port."""
    async with home_assistant() as hass:
        async with free_port() as port:
            pass
        assert await async_setup_component(hass, "http", {"http": {"server_host": ["127.0.0.1"], "server_port": port}})
        for view in views:
            hass.http.register_view(view)
        await hass.async_start()
        await hass.async_block_till_done()
        yield port


@contextlib.asynccontextmanager
async def free_port() -> AsyncGenerator[int]:
    """Yield a port nobody listens on."""
    listening = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    async with listening:
        yield int(listening.sockets[0].getsockname()[1])


async def through_home_assistant(
    family: Family, downloads: DownloadSource, segment: RecordingSegment, plain: tuple[str, str, bytes | None]
) -> None:
    """Measure and print; `plain` is what a plain proxy asks the recorder for."""
    async with server(OurView(downloads, segment), PlainView(*plain)) as port:
        watches: dict[str, list[Stopwatch]] = {"ours": [], "plain": []}
        growth: list[int] = []
        sink = await Sink.start(port)
        try:
            for _ in range(ROUNDS):
                for name, taken in watches.items():
                    with Growth() as grown, Stopwatch() as watch:
                        found = await sink.fetch(f"/bench/{name}")
                    if found["status"] != "200" or found["size"] < LEAST * SIZE:
                        message = f"{name} gave {found}"
                        raise RuntimeError(message)
                    taken.append(watch)
                    if name == "ours":
                        growth.append(grown.value)
        finally:
            await sink.stop()
    row = f"download.{family.name}.through_home_assistant"
    # What else runs on this machine makes a byte dearer, never cheaper.
    ours, theirs = (SIZE / MIB / min(watch.cpu for watch in watches[name]) for name in ("ours", "plain"))
    figure(f"{row}.throughput", ours, "MiB per second of a core", reference=theirs, limit=1.3, at_least=True)
    ours, theirs = (SIZE / MIB / min(watch.wall for watch in watches[name]) for name in ("ours", "plain"))
    figure(f"{row}.speed", ours, "MiB/s", reference=theirs, limit=None)
    figure(f"{row}.memory", max(growth) / MIB, "MiB", limit=8)
