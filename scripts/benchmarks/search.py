"""Search of a day: 32 channels x 500 segments at 20 ms per request, against a bare paged loop of the same run."""

import asyncio
from collections.abc import AsyncIterator
import contextlib
from datetime import UTC, datetime, timedelta
import re
from typing import Any
import uuid

import aiohttp

from custom_components.nvr.core.capabilities import GateWidths
from custom_components.nvr.core.driver import ConnectionConfig, RecordingIndex
from custom_components.nvr.core.drivers.hikvision import HikvisionDriver
from custom_components.nvr.core.models import TimeSpan
from custom_components.nvr.core.recording_index import CachedRecordingIndex
from scripts.benchmarks._common import (
    PASSWORD,
    USER,
    BareDigest,
    Recorder,
    Stopwatch,
    figure,
    median,
    percentile,
    recorder,
    run,
)

CHANNELS, SEGMENTS, LATENCY, PAGE, ROUNDS = 32, 500, 20, 100, 3
REQUEST = """<?xml version="1.0" encoding="utf-8"?><CMSearchDescription><searchID>{search}</searchID>
<trackIDList><trackID>{track}</trackID></trackIDList>
<timeSpanList><timeSpan><startTime>{start}</startTime><endTime>{end}</endTime></timeSpan></timeSpanList>
<maxResults>{page}</maxResults><searchResultPostion>{position}</searchResultPostion>
<metadataList><metadataDescriptor>//recordType.meta.std-cgi.com</metadataDescriptor></metadataList></CMSearchDescription>"""


@contextlib.asynccontextmanager
async def driver_for(port: int, gates: GateWidths | None, page: int | None) -> AsyncIterator[HikvisionDriver]:
    """Connect a driver, with the shipped defaults when None."""
    config = ConnectionConfig(host="127.0.0.1", port=port, username=USER, password=PASSWORD)
    async with aiohttp.ClientSession() as session:
        driver = HikvisionDriver(config, session, gates=gates, search_page=page)
        await driver.connect()
        try:
            yield driver
        finally:
            await driver.close()


async def bare_loop(port: int, span: TimeSpan, in_flight: int, page: int) -> tuple[float, int]:
    """Page through all channels with nothing but requests and a count; return seconds and segments."""
    digest = BareDigest()
    gate = asyncio.Semaphore(in_flight)
    found = 0
    async with aiohttp.ClientSession(middlewares=(digest,)) as session:
        url = f"http://127.0.0.1:{port}/ISAPI/ContentMgmt/search"
        async with session.get(f"http://127.0.0.1:{port}/ISAPI/System/deviceInfo") as response:
            await response.read()

        async def one(channel: int) -> int:
            count, search = 0, str(uuid.uuid4()).upper()
            while True:
                body = REQUEST.format(
                    search=search,
                    track=channel * 100 + 1,
                    start=f"{span.start:%Y-%m-%dT%H:%M:%SZ}",
                    end=f"{span.end:%Y-%m-%dT%H:%M:%SZ}",
                    page=page,
                    position=count,
                )
                async with gate, session.post(url, data=body) as response:
                    text = await response.text()
                got = len(re.findall("<searchMatchItem>", text))
                count += got
                if "MORE" not in text or not got:
                    return count

        with Stopwatch() as watch:
            found = sum(await asyncio.gather(*(one(channel) for channel in range(1, CHANNELS + 1))))
    return watch.wall, found


async def search_all(index: RecordingIndex, span: TimeSpan) -> tuple[Stopwatch, list[Any]]:
    """Search every channel at once and return what it took and what was found."""
    found: list[Any] = []

    async def one(channel: int) -> None:
        async for segment in index.search(channel, span):
            found.append((segment.channel, segment.span.start, segment.span.end))  # noqa: PERF401 - no list at once

    with Stopwatch() as watch:
        await asyncio.gather(*(one(channel) for channel in range(1, CHANNELS + 1)))
    return watch, found


async def measure(nvr: Recorder, span: TimeSpan) -> None:
    """Measure and print."""
    port = nvr.http_port
    async with driver_for(port, GateWidths(search=4), PAGE) as driver:
        assert driver.recordings is not None
        async for _ in driver.recordings.search(1, span):  # calibrates what `Z` means, once per recorder
            break
        bares, watches, count = [], [], 0
        found: list[Any] = []
        for _ in range(ROUNDS):
            found.clear()
            seconds, count = await bare_loop(port, span, 4, PAGE)
            watch, found = await search_all(driver.recordings, span)
            bares.append(seconds)
            watches.append(watch)
        figure("search.found", len(found), "segments", reference=CHANNELS * SEGMENTS, limit=1.0, at_least=True)
        figure("search.twice", len(found) - len(set(found)), "segments", limit=0)
        figure("search.bare_found", count, "segments", reference=CHANNELS * SEGMENTS, limit=1.0, at_least=True)
        walls = [watch.wall for watch in watches]
        figure("search.four_in_flight", median(walls), "s", reference=median(bares), limit=1.3)
        # Whatever else runs on this machine adds to it, nothing takes away.
        figure("search.cpu", min(watch.cpu for watch in watches), "s CPU", limit=0.6)
        trips, firsts = [], []
        for channel in range(2, 26):
            with Stopwatch() as trip:
                await driver.ping()
            trips.append(trip.wall)
            with Stopwatch() as first:
                async for _ in driver.recordings.search(channel, span):
                    break
            firsts.append(first.wall)
        # The better quarter of both: a page is work for both sides, and that waits for other work on this machine.
        first_page, trip_wall = percentile(firsts, 0.25), percentile(trips, 0.25)
        figure("search.first_page", first_page, "s", reference=trip_wall, limit=1.3)
        assert driver.clock is not None
        cached = CachedRecordingIndex(driver.recordings, driver.clock)
        await search_all(cached, span)
        await nvr.control("/counters", {})
        _, again = await search_all(cached, span)
        counters = await nvr.control("/counters")
        figure("search.past_day_again", counters["requests"], "requests", limit=0)
        figure("search.past_day_again_found", len(again), "segments", reference=len(found), limit=1, at_least=True)
    async with driver_for(port, None, None) as driver:
        assert driver.recordings is not None
        widths, page = driver.capabilities.gates, driver.capabilities.search_page
        async for _ in driver.recordings.search(1, span):
            break
        bare, _ = await bare_loop(port, span, widths.search, page)
        watch, found = await search_all(driver.recordings, span)
        figure("search.shipped_default", watch.wall, "s", reference=bare, limit=1.3)
        figure(
            "search.shipped_default_found", len(set(found)), "segments", reference=len(found), limit=1, at_least=True
        )


async def main() -> None:
    """Run against one recorder whose search takes as many requests as a driver sends."""
    options = ("--profile", "nvr32", "--channels", str(CHANNELS), "--segments", str(SEGMENTS))
    faults = ("--fault", "search.concurrency=8", "--fault", "load.workers=16")
    async with recorder(*options, *faults, "--latency-ms", str(LATENCY), "--utc-offset", "0") as nvr:
        midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        await measure(nvr, TimeSpan(midnight - timedelta(days=30), midnight + timedelta(days=1)))


if __name__ == "__main__":
    run(main())
