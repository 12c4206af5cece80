"""The event path: 10,000 distinct events to the bus, against a raw reader of the same stream in the same run."""

import asyncio
from collections.abc import Callable, Iterator
import contextlib
import time
from typing import Any
from unittest.mock import patch
from xml.etree import ElementTree as ET

import aiohttp
from homeassistant import config_entries
from homeassistant.components.recorder import get_instance
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.recorder import async_initialize_recorder
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.nvr.core.transport.xml import parse
from scripts.benchmarks._common import (
    BareDigest,
    Recorder,
    Stopwatch,
    figure,
    home_assistant,
    nvr_entry,
    percentile,
    recorder,
    run,
    serial_of,
    wait_for_streams,
)
from scripts.benchmarks._families import Family, chosen

CHANNELS, EVENTS, SPACED, BURSTS, ROUNDS = 32, 10_000, 200, 3, 5
APART = 0.01  # s between two events of one recorder; those of the two take turns
OPTIONS = ("--channels", str(CHANNELS), "--latency-ms", "0")
MOST_SPLIT = 2_000
SPLITS = (1, 7, 512, 1460, 65_536)
LIMITS: dict[str, float | None] = {"cpu": 0.20, "rate": 4000, "p50": 2, "p99": 10}


class BusCounter:
    """Counts what reaches the bus."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Listen to nvr_event."""
        self.count = 0
        self.arrived = asyncio.Event()
        self.wanted = 0
        self.last = 0.0
        self._before = 0
        self.stop = hass.bus.async_listen("nvr_event", self._take)

    @callback
    def _take(self, _event: Event[Any]) -> None:
        self.count += 1
        self.last = time.perf_counter()
        if self.count >= self.wanted:
            self.arrived.set()

    def expect(self, wanted: int) -> None:
        """Begin to wait for that many more."""
        self._before, self.wanted = self.count, self.count + wanted
        self.arrived.clear()

    async def wait(self, seconds: float = 60) -> int:
        """Wait for what is expected and return how many came."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.arrived.wait()
        return self.count - self._before


class RawReader:
    """Reads the same stream and counts bytes: the least anybody can do."""

    def __init__(self, url: str) -> None:
        """Nothing is opened yet."""
        self._url = url
        self.bytes = 0
        self.last = 0.0
        self.woken = asyncio.Event()

    async def run(self) -> None:
        """Read until cancelled."""
        digest = BareDigest()
        timeout = aiohttp.ClientTimeout(total=None)
        async with (
            aiohttp.ClientSession(middlewares=(digest,), timeout=timeout) as session,
            session.get(self._url) as response,
        ):
            response.raise_for_status()
            async for chunk in response.content.iter_any():
                self.bytes += len(chunk)
                self.last = time.perf_counter()
                self.woken.set()


async def start_raw(family: Family, nvr: Recorder) -> tuple[RawReader, asyncio.Task[None]]:
    """Open a raw reader and wait until it is heard."""
    reader = RawReader(f"http://127.0.0.1:{nvr.http_port}{family.events}")
    task = asyncio.create_task(reader.run())
    await wait_for_streams(nvr, 1)
    return reader, task


async def latencies(
    family: Family, nvr: Recorder, beside: Recorder, hass: HomeAssistant
) -> tuple[list[float], list[float]]:
    """Return the seconds from each event's leaving to a listener on the bus, and to a raw reader of another recorder.

    Their events take turns, 5 ms apart: whatever else this machine does meanwhile meets both alike.
    """
    reader, task = await start_raw(family, beside)
    told: list[float] = []
    read: list[float] = []

    async def watch() -> None:
        while True:
            await reader.woken.wait()
            reader.woken.clear()
            read.append(reader.last)

    reader.woken.clear()
    watcher = asyncio.create_task(watch())
    remove = hass.bus.async_listen("nvr_event", callback(lambda _event: told.append(time.perf_counter())))
    start = time.perf_counter() + 0.2
    ours, theirs = await asyncio.gather(spaced(nvr, start), spaced(beside, start + APART / 2))
    await asyncio.sleep(0.2)
    remove()
    task.cancel()
    watcher.cancel()
    await wait_for_streams(beside, 0)
    return _paired(ours, told), _paired(theirs, read)


async def spaced(nvr: Recorder, start: float) -> list[float]:
    """Let distinct events leave from that moment on, one at a time; return when each did."""
    body = {"count": SPACED, "channels": CHANNELS, "seconds": APART, "start": start}
    sent: list[float] = (await nvr.control("/spaced", body))["sent"]
    return sent


def _paired(sent: list[float], arrivals: list[float]) -> list[float]:
    """Give each event the first arrival after it; a heartbeat in between is nobody's."""
    result: list[float] = []
    index = 0
    for moment in sent:
        while index < len(arrivals) and arrivals[index] < moment:
            index += 1
        if index == len(arrivals):
            message = f"{len(sent) - len(result)} events never arrived"
            raise RuntimeError(message)
        result.append(arrivals[index] - moment)
    return result


async def burst(
    nvr: Recorder, counter: BusCounter, count: int = EVENTS, *, vary: bool = False
) -> tuple[Stopwatch, float, int]:
    """Send events back to back; return CPU and wall, seconds until the last was on the bus, and how many are amiss."""
    await nvr.control("/burst", {"prepare": "next", "count": count, "channels": CHANNELS, "vary": vary})
    counter.expect(count)
    started = time.perf_counter()
    with Stopwatch() as watch:
        await nvr.control("/burst", {"send": "next"})
        came = await counter.wait()
    return watch, counter.last - started, abs(count - came)


async def measure_bus(family: Family, nvr: Recorder, beside: Recorder, *, with_recorder: bool) -> None:
    """Measure from the NVR's socket to Home Assistant's bus."""
    row = f"events.{family.name}.with_recorder" if with_recorder else f"events.{family.name}"
    limits = dict.fromkeys(LIMITS) if with_recorder else LIMITS
    serial = await serial_of(family, nvr.http_port)
    async with home_assistant() as hass:
        if with_recorder:
            await start_database(hass)
        counter = BusCounter(hass)
        entry = await start_entry(hass, nvr, nvr_entry(family, nvr.http_port, serial), counter)
        await burst(nvr, counter)
        with state_writes(hass) as writes:
            bursts = [await burst(nvr, counter) for _ in range(BURSTS)]
        figure(f"{row}.lost", sum(amiss for _, _, amiss in bursts), "events", limit=0)
        figure(f"{row}.state_writes", len(writes) / EVENTS / BURSTS, "per event", limit=2, at_least=True)
        # Whatever else runs on this machine makes a burst dearer and slower, never cheaper or faster.
        cpu = min(watch.cpu for watch, _, _ in bursts)
        figure(f"{row}.cpu_per_1000", cpu / EVENTS * 1000, "s CPU", limit=limits["cpu"])
        rate = EVENTS / min(seconds for _, seconds, _ in bursts)
        figure(f"{row}.throughput", rate, "events/s", limit=limits["rate"], at_least=True)
        if not with_recorder:
            await measure_unseen(row, nvr, counter)
            await measure_splits(family, nvr, counter)
        counter.stop()
        times, raw = [], []
        for _ in range(ROUNDS):
            if with_recorder:
                await get_instance(hass).async_block_till_done()
            ours, theirs = await latencies(family, nvr, beside, hass)
            times += ours
            raw += theirs
        for part, name in ((0.5, "p50"), (0.99, "p99")):
            figure(f"{row}.{name}", percentile(times, part), "s", reference=percentile(raw, part), limit=limits[name])
        await hass.config_entries.async_unload(entry.entry_id)


async def set_up(hass: HomeAssistant, nvr: Recorder, entry: ConfigEntry[Any]) -> None:
    """Set the entry up and wait for its event stream."""
    if not await hass.config_entries.async_setup(entry.entry_id):
        raise RuntimeError(entry.reason or "the entry was not set up")
    await wait_for_streams(nvr, 1)


async def start_entry(
    hass: HomeAssistant, nvr: Recorder, entry: MockConfigEntry, counter: BusCounter
) -> MockConfigEntry:
    """Set the recorder up with every detection enabled that it has or sends, so that each event is two state writes."""
    entry.add_to_hass(hass)
    await set_up(hass, nvr, entry)
    await burst(nvr, counter)
    await hass.async_block_till_done()
    registry = er.async_get(hass)
    # Home Assistant itself sets an entry up anew some time after an entity of it was enabled.
    with patch.object(config_entries, "RELOAD_AFTER_UPDATE_DELAY", 0):
        for known in er.async_entries_for_config_entry(registry, entry.entry_id):
            if known.domain == "binary_sensor":
                registry.async_update_entity(known.entity_id, disabled_by=None)
    await asyncio.sleep(1)
    await hass.async_block_till_done()
    await wait_for_streams(nvr, 1)
    return entry


@contextlib.contextmanager
def state_writes(hass: HomeAssistant) -> Iterator[list[None]]:
    """Count the changes of states in the block."""
    changes: list[None] = []
    remove = hass.bus.async_listen("state_changed", callback(lambda _event: changes.append(None)))
    yield changes
    remove()


async def measure_unseen(row: str, nvr: Recorder, counter: BusCounter) -> None:
    """Send events each of which differs from every one before in more than its time: nothing known helps."""
    bursts = [await burst(nvr, counter, vary=True) for _ in range(BURSTS)]
    figure(f"{row}.unseen.lost", sum(amiss for _, _, amiss in bursts), "events", limit=0)
    cpu = min(watch.cpu for watch, _, _ in bursts)
    figure(f"{row}.unseen.cpu_per_1000", cpu / EVENTS * 1000, "s CPU", limit=LIMITS["cpu"])


async def measure_splits(family: Family, nvr: Recorder, counter: BusCounter) -> None:
    """Send the same bytes in pieces of several sizes; nothing may be lost."""
    known = await nvr.control("/burst", {"prepare": "next", "count": MOST_SPLIT, "channels": CHANNELS})
    for size in SPLITS:
        pieces = known["bytes"] / MOST_SPLIT / size  # of one event
        count = min(MOST_SPLIT, int(family.pieces / pieces) // 2 * 2)
        await nvr.control("/faults", {family.split: size})
        _, _, amiss = await burst(nvr, counter, count)
        figure(f"events.{family.name}.lost_in_pieces_of_{size}", amiss, "events", limit=0)
    await nvr.control("/faults", {family.split: 0})


async def start_database(hass: HomeAssistant) -> None:
    """Start Home Assistant's recorder component on a file of its own."""
    async_initialize_recorder(hass)
    database = f"sqlite:///{hass.config.path('bench.db')}"
    if not await async_setup_component(hass, "recorder", {"recorder": {"db_url": database, "commit_interval": 1}}):
        message = "the recorder component was not set up"
        raise RuntimeError(message)
    await hass.async_block_till_done()


def measure_parser() -> None:
    """Measure what the guards against hostile XML cost an alert."""
    leaves = b"".join(b"<field%d>value number %d</field%d>\n" % (n, n, n) for n in range(36))
    alert = b"<EventNotificationAlert>\n%s</EventNotificationAlert>" % leaves
    plain = cost(lambda: ET.fromstring(alert))  # noqa: S314 - it is our own text
    figure("events.xml_parse", cost(lambda: parse(alert)), "s CPU", reference=plain, limit=1.1)


def cost(call: Callable[[], object], repeat: int = 1000) -> float:
    """Return the least seconds of CPU that one call takes."""
    best = float("inf")
    for _ in range(15):
        with Stopwatch() as watch:
            for _ in range(repeat):
                call()
        best = min(best, watch.cpu / repeat)
    return best


async def main() -> None:
    """Run each family, with Home Assistant's database and without; the raw reader has a recorder of its own."""
    measure_parser()
    for family in chosen():
        async with recorder(family, *OPTIONS) as nvr, recorder(family, *OPTIONS) as beside:
            await measure_bus(family, nvr, beside, with_recorder=False)
            await measure_bus(family, nvr, beside, with_recorder=True)


if __name__ == "__main__":
    run(main())
