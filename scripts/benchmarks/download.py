"""Download of 1 GiB: footage through a proxy to a browser, against a bare proxy of the same bytes in the same run."""

from collections.abc import AsyncIterator, Awaitable, Callable
import contextlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
import re
from typing import Any
from urllib.parse import quote

import aiohttp
from aiohttp import web
from yarl import URL

from custom_components.nvr.core.driver import DownloadSource, Driver
from custom_components.nvr.core.models import RecordingSegment, TimeSpan
from scripts.benchmarks._common import BareDigest, Recorder, Stopwatch, driver_of, figure, recorder, run
from scripts.benchmarks._download_proxied import through_home_assistant
from scripts.benchmarks._families import Family, chosen
from scripts.benchmarks._sink import LEAST, MIB, SIZE, Growth, Sink

ROUNDS = 5
BUFFER = 512 * 1024  # of the bare proxy: the cheapest of those tried
# What the cut's beginning looks like with all that may stand before the first frame (dahua-cgi 11.2, 11.5).
PREAMBLES = {"loadfile.preamble": "false", "file.dhii": True, "file.multipart": False}

type Measured = tuple[dict[str, Source], tuple[str, str, bytes | None]]
"""What to read, by name, and what a plain proxy asks for to have the same."""
type Source = Callable[[], contextlib.AbstractAsyncContextManager[AsyncIterator[bytes]]]


@contextlib.asynccontextmanager
async def proxy(sources: dict[str, Source]) -> AsyncIterator[Sink]:
    """Serve each source under its name, and start who reads them."""

    async def serve(request: web.Request) -> web.StreamResponse:
        async with sources[request.match_info["name"]]() as chunks:
            response = web.StreamResponse()
            await response.prepare(request)
            async for chunk in chunks:
                await response.write(chunk)
            await response.write_eof()
        return response

    application = web.Application()
    application.router.add_get("/{name}", serve)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    sink = await Sink.start(int(runner.addresses[0][1]))
    try:
        yield sink
    finally:
        await sink.stop()
        await runner.cleanup()


def bare(method: str, url: str, body: bytes | None = None) -> Source:
    """Return the least a proxy can do with an answer: whatever comes goes on as it is."""

    @contextlib.asynccontextmanager
    async def source() -> AsyncIterator[AsyncIterator[bytes]]:
        timeout = aiohttp.ClientTimeout(total=None)
        async with (
            aiohttp.ClientSession(middlewares=(BareDigest(),), timeout=timeout, read_bufsize=BUFFER) as session,
            session.request(method, URL(url, encoded=True), data=body) as response,
        ):
            response.raise_for_status()
            yield response.content.iter_any()

    return source


def ours(downloads: DownloadSource, segment: RecordingSegment) -> Source:
    """Return the download as the media layer opens it."""

    @contextlib.asynccontextmanager
    async def source() -> AsyncIterator[AsyncIterator[bytes]]:
        async with downloads.open(segment) as download:
            yield aiter(download)

    return source


async def segment_of(driver: Driver) -> RecordingSegment:
    """Return a whole file of the first channel, not the one that grows."""
    assert driver.recordings is not None
    now = datetime.now(UTC)
    found = [segment async for segment in driver.recordings.search(1, TimeSpan(now - timedelta(hours=3), now))]
    return next(segment for segment in found if not segment.open and segment.span.start > now - timedelta(hours=3))


async def hikvision(nvr: Recorder, downloads: DownloadSource, segment: RecordingSegment) -> Measured:
    """Return what to measure of this family."""
    from xml.sax.saxutils import escape  # noqa: PLC0415

    body = f"<downloadRequest><playbackURI>{escape(segment.locator)}</playbackURI></downloadRequest>".encode()
    url = f"http://127.0.0.1:{nvr.http_port}/ISAPI/ContentMgmt/download"
    return {"file": ours(downloads, segment), "bare": bare("GET", url, body)}, ("GET", url, body)


async def dahua(nvr: Recorder, downloads: DownloadSource, segment: RecordingSegment) -> Measured:
    """Return what to measure of this family: a whole file, and a clip cut by time."""
    await nvr.control("/faults", PREAMBLES)
    path = re.search(r"/mnt/\S+?\.dav", segment.locator)
    assert path is not None
    url = f"http://127.0.0.1:{nvr.http_port}/cgi-bin/RPC_Loadfile{quote(path[0])}"
    sources = {
        "file": ours(downloads, segment),
        "bare": bare("GET", url),
        "clip": ours(downloads, replace(segment, locator="")),
    }
    return sources, ("GET", url, None)


SOURCES: dict[str, Callable[..., Awaitable[Measured]]] = {"hikvision": hikvision, "dahua": dahua}
MAGIC = {"hikvision": b"IMKH", "dahua": b"DHAV"}


async def measure(family: Family, nvr: Recorder) -> None:
    """Measure and print; what is compared is measured in turns."""
    async with driver_of(family, nvr.http_port) as driver:
        assert driver.downloads is not None
        segment = await segment_of(driver)
        sources, plain = await SOURCES[family.name](nvr, driver.downloads, segment)
        watches: dict[str, list[Stopwatch]] = {name: [] for name in sources}
        growths: dict[str, list[int]] = {name: [] for name in sources}
        found: dict[str, Any] = {}
        async with proxy(sources) as sink:
            for _ in range(ROUNDS):
                for name in sources:
                    with Growth() as growth, Stopwatch() as watch:
                        found = await sink.fetch(f"/{name}")
                    watches[name].append(watch)
                    growths[name].append(growth.value)
                    if found["status"] != "200" or found["size"] < LEAST * SIZE:
                        message = f"{name} gave {found}"
                        raise RuntimeError(message)
                    if name != "bare" and not bytes.fromhex(found["begin"]).startswith(MAGIC[family.name]):
                        message = f"{name} begins with something else: {found['begin']}"
                        raise RuntimeError(message)
        report(family, watches, growths)
        await through_home_assistant(family, driver.downloads, segment, plain)


def report(family: Family, watches: dict[str, list[Stopwatch]], growths: dict[str, list[int]]) -> None:
    """Print what was measured."""
    plain = watches.pop("bare")
    for name, mine in watches.items():
        row = f"download.{family.name}.{name}"
        # What else runs on this machine makes a byte dearer, never cheaper.
        cpu, reference = min(watch.cpu for watch in mine), min(watch.cpu for watch in plain)
        figure(f"{row}.cpu", cpu, "s CPU per GiB", reference=reference, limit=1.2)
        figure(f"{row}.memory", max(growths[name]) / MIB, "MiB", limit=8)
        figure(f"{row}.speed", 1 / min(watch.wall for watch in mine), "GiB/s", limit=None)


async def main() -> None:
    """Run each family against its own recorder, whose files hold 1 GiB each."""
    for family in chosen():
        options = ("--segments", "12", "--days", "1", "--bulk", str(SIZE), "--latency-ms", "0", "--channels", "1")
        async with recorder(family, *options) as nvr:
            await measure(family, nvr)


if __name__ == "__main__":
    run(main())
