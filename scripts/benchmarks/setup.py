"""Set-up of recorders with 32 channels at 20 ms per request: requests, connect, all entities in Home Assistant."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
import gc
from typing import Any

import aiohttp
from homeassistant.config_entries import ConfigFlow
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from pytest_homeassistant_custom_component.common import MockConfigEntry, mock_config_flow

from scripts.benchmarks import _bare as bare
from scripts.benchmarks._bare import BARE, Row, mock_bare
from scripts.benchmarks._common import (
    BareDigest,
    Recorder,
    Stopwatch,
    address,
    figure,
    home_assistant,
    median,
    nvr_entry,
    recorder,
    run,
    serial_of,
    wait_for_streams,
)
from scripts.benchmarks._families import Family, chosen

CHANNELS, LATENCY, ROUNDS = 32, 20, 7
# Of a driver's connect, and of the whole entry with its event stream and whatever its entities ask for.
REQUESTS = {"hikvision": 14, "dahua": 13}
ENTRY_REQUESTS = 15
# Of the driver's connect to a question from cold, which is two round trips. A Dahua recorder is asked two questions at
# a time, after two for the login and two that say who it is, and before two that are asked for only if all went well:
# ten round trips in all, and a tenth for the work.
CONNECT = {"hikvision": 3.5, "dahua": 5.5}

# Entities by platform and whether they are enabled.
type Counts = Counter[tuple[str, bool]]


@dataclass(frozen=True, slots=True)
class Loaded:
    """One set-up of an entry: how long it took, what came of it, and what the recorder counted meanwhile."""

    seconds: float
    counts: Counts
    channels_in_use: int
    counters: dict[str, Any]


async def cold_round_trip(family: Family, port: int) -> float:
    """Return the seconds of one request from cold: connection, challenge, answer."""
    digest = BareDigest()
    gc.collect()
    with Stopwatch() as watch:
        url = f"http://127.0.0.1:{port}{family.who}"
        async with aiohttp.ClientSession(middlewares=(digest,)) as session, session.get(url) as response:
            response.raise_for_status()
            await response.read()
    return watch.wall


async def connect(family: Family, port: int) -> float:
    """Return the seconds of a driver's connect."""
    async with aiohttp.ClientSession() as session:
        driver = family.driver(address(port), session)
        gc.collect()
        with Stopwatch() as watch:
            await driver.connect()
        await driver.close()
    return watch.wall


async def connect_counted(family: Family, nvr: Recorder) -> dict[str, Any]:
    """Return what the recorder counted of a driver's connect, before it says goodbye."""
    async with aiohttp.ClientSession() as session:
        driver = family.driver(address(nvr.http_port), session)
        await nvr.control("/counters", {})
        await driver.connect()
        counters: dict[str, Any] = await nvr.control("/counters")
        await driver.close()
    return counters


async def all_entities(family: Family, nvr: Recorder, serial: str) -> Loaded:
    """Set an entry up until every entity of it is there, those in use with a state."""
    async with home_assistant() as hass:
        # The loader's work is the same for any integration and for every entry after the first one.
        await _warm(hass)
        entry = nvr_entry(family, nvr.http_port, serial)
        entry.add_to_hass(hass)
        await nvr.control("/counters", {})
        gc.collect()
        with Stopwatch() as watch:
            if not await hass.config_entries.async_setup(entry.entry_id):
                raise RuntimeError(entry.reason or "the entry was not set up")
        counts: Counts = Counter()
        entities = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
        channels, in_use = {entity.device_id for entity in entities if entity.domain == "camera"}, 0
        for entity in entities:
            enabled = entity.disabled_by is None
            if enabled and hass.states.get(entity.entity_id) is None:
                message = f"{entity.entity_id} has no state yet"
                raise RuntimeError(message)
            counts[entity.domain, enabled] += 1
            in_use += enabled and entity.device_id in channels
        await hass.async_block_till_done()
        await wait_for_streams(nvr, 1)
        counters: dict[str, Any] = await nvr.control("/counters")
        await hass.config_entries.async_unload(entry.entry_id)
        return Loaded(watch.wall, counts, in_use, counters)


async def _warm(hass: HomeAssistant) -> None:
    from homeassistant.setup import async_setup_component  # noqa: PLC0415 - only after Home Assistant's own order

    await async_setup_component(hass, "nvr", {})
    for platform in BARE:
        await async_setup_component(hass, platform, {})


async def bare_entities(counts: Counts) -> float:
    """Return the seconds of adding as many entities of the same platforms that do nothing, on as many devices."""
    async with home_assistant() as hass:
        await _warm(hass)
        entry = MockConfigEntry(domain=bare.DOMAIN, title="NVR")
        mock_bare(hass, {entry.entry_id: list(_rows(counts))})
        entry.add_to_hass(hass)
        gc.collect()
        with mock_config_flow(bare.DOMAIN, ConfigFlow), Stopwatch() as watch:
            await hass.config_entries.async_setup(entry.entry_id)
        if len(er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)) != counts.total():
            message = "not all bare entities were added"
            raise RuntimeError(message)
        return watch.wall


def _rows(counts: Counts) -> Iterator[Row]:
    for (platform, enabled), number in counts.items():
        for index in range(number):
            yield Row(index % CHANNELS, platform, enabled, f"{platform} {index} {enabled}")


async def measure(family: Family, nvr: Recorder) -> None:
    """Measure and print; what is compared is measured in turns, for the machine has other work too."""
    port, row = nvr.http_port, f"setup.{family.name}"
    serial = await serial_of(family, port)
    counters = await connect_counted(family, nvr)
    figure(f"{row}.requests", counters["requests"], "requests", limit=REQUESTS[family.name])
    figure(f"{row}.challenges", counters["unauthorized"], "answers 401", limit=2)
    loaded = await all_entities(family, nvr, serial)
    counts, counters = loaded.counts, loaded.counters
    figure(f"{row}.entry_requests", counters["requests"], "requests", limit=ENTRY_REQUESTS)
    figure(f"{row}.entry_challenges", counters["unauthorized"], "answers 401", limit=2)
    figure(f"{row}.entities_per_channel", loaded.channels_in_use / CHANNELS, "entities in use", limit=8)
    round_trips, connects = [], []
    for _ in range(ROUNDS):
        round_trips.append(await cold_round_trip(family, port))
        connects.append(await connect(family, port))
    limit = CONNECT[family.name]
    figure(f"{row}.connect", median(connects), "s", reference=median(round_trips), limit=limit)
    enabled = Counter({key: number for key, number in counts.items() if key[1]})
    totals, connects, bare, bare_enabled = [], [], [], []
    for _ in range(ROUNDS):
        totals.append((await all_entities(family, nvr, serial)).seconds)
        connects.append(await connect(family, port))
        bare.append(await bare_entities(counts))
        bare_enabled.append(await bare_entities(enabled))
    figure(f"{row}.all_entities", median(totals), "s", reference=median(connects) + 1.3 * median(bare), limit=1.0)
    # As if those that nobody enabled came for nothing.
    reference = median(connects) + 1.3 * median(bare_enabled)
    figure(f"{row}.all_entities_to_those_in_use", median(totals), "s", reference=reference, limit=None)


async def main() -> None:
    """Run each family against its own recorder."""
    for family in chosen():
        async with recorder(family, "--channels", str(CHANNELS), "--latency-ms", str(LATENCY)) as nvr:
            await measure(family, nvr)


if __name__ == "__main__":
    run(main())
