"""Download of 1 GiB: footage through a proxy to a browser, against a bare proxy of the same bytes in the same run."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
import contextlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
import gc
import json
from pathlib import Path
import re
import sys
from typing import Any, Self
from urllib.parse import quote

import aiohttp
from aiohttp import web
from yarl import URL

from custom_components.nvr.core.driver import DownloadSource, Driver
from custom_components.nvr.core.models import RecordingSegment, TimeSpan
from scripts.benchmarks._common import BareDigest, Recorder, Stopwatch, driver_of, figure, recorder, run
from scripts.benchmarks._families import Family, chosen

SIZE, ROUNDS = 1 << 30, 5
BUFFER = 512 * 1024  # of the bare proxy: the cheapest of those tried
MIB = 1 << 20
# A clip is without its margins and what no player reads.
LEAST = 0.98
# Reads what is proxied, in a process of its own: tells how much it was and how it begins and ends.
SINK = """
import json, socket, sys
for line in sys.stdin:
    port, path = line.split()
    with socket.create_connection(("127.0.0.1", int(port))) as wire:
        wire.sendall(b"GET %s HTTP/1.0\\r\\n\\r\\n" % path.encode())
        buffer = bytearray(1 << 20)
        head = b""
        while b"\\r\\n\\r\\n" not in head:
            piece = wire.recv(1 << 16)
            if not piece:
                break
            head += piece
        rest = head.partition(b"\\r\\n\\r\\n")[2]
        size, begin, end = len(rest), rest[:64], rest[-8:]
        while count := wire.recv_into(buffer):
            size += count
            if len(begin) < 64:
                begin += bytes(buffer[: 64 - len(begin)])
            end = (end + bytes(buffer[max(0, count - 8) : count]))[-8:]
    print(json.dumps({"status": head[9:12].decode(), "size": size, "begin": begin.hex(), "end": end.hex()}), flush=True)
"""
# What the cut's beginning looks like with all that may stand before the first frame (dahua-cgi 11.2, 11.5).
PREAMBLES = {"loadfile.preamble": "false", "file.dhii": True, "file.multipart": False}

type Source = Callable[[], contextlib.AbstractAsyncContextManager[AsyncIterator[bytes]]]


class Sink:
    """The process at the other end."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        """Take the process and the port of our proxy."""
        self._process = process
        self._port = port

    async def fetch(self, path: str) -> dict[str, Any]:
        """Let it read one path to the end; return what came."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{self._port} {path}\n".encode())
        found: dict[str, Any] = json.loads(await self._process.stdout.readline())
        return found


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
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SINK, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield Sink(process, int(runner.addresses[0][1]))
    finally:
        process.kill()
        await process.wait()
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


def memory(key: str) -> int:
    """Return a figure of our own memory in bytes."""
    found = re.search(rf"^{key}:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024


class Growth:
    """How many bytes of memory a block took at its height beyond what there was before."""

    value = 0

    def __enter__(self) -> Self:
        """Forget the height before."""
        gc.collect()
        Path("/proc/self/clear_refs").write_text("5")
        self._before = memory("VmRSS")
        return self

    def __exit__(self, *_details: object) -> None:
        """Look how high it was."""
        self.value = memory("VmHWM") - self._before


async def segment_of(driver: Driver) -> RecordingSegment:
    """Return a whole file of the first channel, not the one that grows."""
    assert driver.recordings is not None
    now = datetime.now(UTC)
    found = [segment async for segment in driver.recordings.search(1, TimeSpan(now - timedelta(hours=3), now))]
    return next(segment for segment in found if not segment.open and segment.span.start > now - timedelta(hours=3))


async def hikvision(nvr: Recorder, downloads: DownloadSource, segment: RecordingSegment) -> dict[str, Source]:
    """Return what to measure of this family."""
    from xml.sax.saxutils import escape  # noqa: PLC0415

    body = f"<downloadRequest><playbackURI>{escape(segment.locator)}</playbackURI></downloadRequest>".encode()
    url = f"http://127.0.0.1:{nvr.http_port}/ISAPI/ContentMgmt/download"
    return {"file": ours(downloads, segment), "bare": bare("GET", url, body)}


async def dahua(nvr: Recorder, downloads: DownloadSource, segment: RecordingSegment) -> dict[str, Source]:
    """Return what to measure of this family: a whole file, and a clip cut by time."""
    await nvr.control("/faults", PREAMBLES)
    path = re.search(r"/mnt/\S+?\.dav", segment.locator)
    assert path is not None
    url = f"http://127.0.0.1:{nvr.http_port}/cgi-bin/RPC_Loadfile{quote(path[0])}"
    return {
        "file": ours(downloads, segment),
        "bare": bare("GET", url),
        "clip": ours(downloads, replace(segment, locator="")),
    }


SOURCES: dict[str, Callable[..., Awaitable[dict[str, Source]]]] = {"hikvision": hikvision, "dahua": dahua}
MAGIC = {"hikvision": b"IMKH", "dahua": b"DHAV"}


async def measure(family: Family, nvr: Recorder) -> None:
    """Measure and print; what is compared is measured in turns."""
    async with driver_of(family, nvr.http_port) as driver:
        assert driver.downloads is not None
        sources = await SOURCES[family.name](nvr, driver.downloads, await segment_of(driver))
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
