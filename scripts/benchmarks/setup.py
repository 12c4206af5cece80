"""Set-up of a recorder with 32 channels at 20 ms per request: requests, connect, and all entities in Home Assistant."""

from collections import Counter
import gc
from typing import Any

import aiohttp
from homeassistant.components.binary_sensor import BinarySensorEntity
from homeassistant.components.camera import Camera
from homeassistant.components.event import EventEntity
from homeassistant.components.sensor import SensorEntity
from homeassistant.config_entries import ConfigEntry, ConfigFlow
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    MockModule,
    MockPlatform,
    mock_config_flow,
    mock_integration,
    mock_platform,
)

from custom_components.nvr.core.driver import ConnectionConfig, Driver
from custom_components.nvr.core.families import build_driver
from scripts.benchmarks._common import (
    PASSWORD,
    USER,
    BareDigest,
    Recorder,
    Stopwatch,
    figure,
    home_assistant,
    median,
    recorder,
    run,
)

CHANNELS, LATENCY, ROUNDS = 32, 20, 9
BARE = "bare"

# Entities by platform and whether they are enabled.
type Counts = Counter[tuple[str, bool]]


async def cold_round_trip(port: int) -> float:
    """Return the seconds of one request from cold: connection, challenge, answer."""
    digest = BareDigest()
    gc.collect()
    with Stopwatch() as watch:
        url = f"http://127.0.0.1:{port}/ISAPI/System/deviceInfo"
        async with aiohttp.ClientSession(middlewares=(digest,)) as session, session.get(url) as response:
            response.raise_for_status()
            await response.read()
    return watch.wall


async def connect(port: int) -> tuple[float, Driver]:
    """Return the seconds of a driver's connect, and the driver, closed."""
    config = ConnectionConfig(host="127.0.0.1", port=port, username=USER, password=PASSWORD)
    async with aiohttp.ClientSession() as session:
        driver = build_driver("hikvision", config, session, None)
        gc.collect()
        with Stopwatch() as watch:
            await driver.connect()
        await driver.close()
    return watch.wall, driver


def nvr_entry(port: int, serial: str) -> MockConfigEntry:
    """Return a config entry as the flow makes it."""
    data = {
        "host": "127.0.0.1",
        "port": port,
        "username": USER,
        "password": PASSWORD,
        "family": "hikvision",
        "tls": "off",
    }
    return MockConfigEntry(domain="nvr", data=data, unique_id=serial, title="NVR")


async def all_entities(port: int, serial: str) -> tuple[float, Counts]:
    """Return the seconds until every entity of the entry is there, those in use with a state, and their numbers."""
    async with home_assistant() as hass:
        # The loader's work is the same for any integration and for every entry after the first one.
        await _warm(hass)
        entry = nvr_entry(port, serial)
        entry.add_to_hass(hass)
        gc.collect()
        with Stopwatch() as watch:
            if not await hass.config_entries.async_setup(entry.entry_id):
                raise RuntimeError(entry.reason or "the entry was not set up")
        counts: Counts = Counter()
        for entity in er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id):
            enabled = entity.disabled_by is None
            if enabled and hass.states.get(entity.entity_id) is None:
                message = f"{entity.entity_id} has no state yet"
                raise RuntimeError(message)
            counts[entity.domain, enabled] += 1
        await hass.config_entries.async_unload(entry.entry_id)
        return watch.wall, counts


async def _warm(hass: HomeAssistant) -> None:
    from homeassistant.setup import async_setup_component  # noqa: PLC0415 - only after Home Assistant's own order

    await async_setup_component(hass, "nvr", {})
    for platform in ("camera", "event", "binary_sensor", "sensor"):
        await async_setup_component(hass, platform, {})


class _BareCamera(Camera):
    pass


class _BareBinarySensor(BinarySensorEntity):
    _attr_is_on = False


class _BareEvent(EventEntity):
    _attr_event_types = ["start", "stop"]  # noqa: RUF012 - as Home Assistant declares it


class _BareSensor(SensorEntity):
    _attr_native_value = 1


_BARE: dict[str, type[Any]] = {
    "camera": _BareCamera,
    "binary_sensor": _BareBinarySensor,
    "event": _BareEvent,
    "sensor": _BareSensor,
}


async def bare_entities(counts: Counts) -> float:
    """Return the seconds of adding as many entities of the same platforms that do nothing, on as many devices."""
    async with home_assistant() as hass:
        await _warm(hass)
        platforms = sorted({platform for platform, _ in counts})

        async def set_up(hass: HomeAssistant, entry: ConfigEntry[Any]) -> bool:
            await hass.config_entries.async_forward_entry_setups(entry, platforms)
            return True

        mock_integration(hass, MockModule(BARE, async_setup_entry=set_up))
        for platform in platforms:
            adder = _adder(platform, counts[platform, True], counts[platform, False])
            mock_platform(hass, f"{BARE}.{platform}", MockPlatform(async_setup_entry=adder))
        mock_platform(hass, f"{BARE}.config_flow")
        entry = MockConfigEntry(domain=BARE)
        entry.add_to_hass(hass)
        gc.collect()
        with mock_config_flow(BARE, ConfigFlow), Stopwatch() as watch:
            await hass.config_entries.async_setup(entry.entry_id)
        if len(er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)) != counts.total():
            message = "not all bare entities were added"
            raise RuntimeError(message)
        return watch.wall


def _adder(platform: str, enabled: int, disabled: int) -> Any:
    async def add(_hass: HomeAssistant, _entry: ConfigEntry[Any], add_entities: Any) -> None:
        entities = []
        for number in range(enabled + disabled):
            entity = _BARE[platform]()
            entity._attr_unique_id = f"{platform}-{number}"  # noqa: SLF001 - how an entity is given its facts
            entity._attr_name = f"{platform} {number}"  # noqa: SLF001
            entity._attr_entity_registry_enabled_default = number < enabled  # noqa: SLF001
            entity._attr_device_info = dr.DeviceInfo(  # noqa: SLF001
                identifiers={(BARE, str(number % CHANNELS))}, name=f"Camera {number % CHANNELS}"
            )
            entities.append(entity)
        add_entities(entities)

    return add


async def measure(nvr: Recorder) -> None:
    """Measure and print; what is compared is measured in turns, for the machine has other work too."""
    port = nvr.http_port
    await connect(port)
    await nvr.control("/counters", {})
    _, driver = await connect(port)
    counters = await nvr.control("/counters")
    figure("setup.requests", counters["requests"], "requests", limit=14)
    figure("setup.challenges", counters["unauthorized"], "answers 401", limit=2)
    round_trips, connects = [], []
    for _ in range(ROUNDS):
        round_trips.append(await cold_round_trip(port))
        connects.append((await connect(port))[0])
    figure("setup.connect", median(connects), "s", reference=median(round_trips), limit=3.5)
    serial = driver.info.serial
    _, counts = await all_entities(port, serial)
    enabled = Counter({key: number for key, number in counts.items() if key[1]})
    totals, connects, bare, bare_enabled = [], [], [], []
    for _ in range(ROUNDS):
        totals.append((await all_entities(port, serial))[0])
        connects.append((await connect(port))[0])
        bare.append(await bare_entities(counts))
        bare_enabled.append(await bare_entities(enabled))
    figure("setup.entities_per_channel", enabled.total() / CHANNELS, "entities in use", limit=8)
    figure("setup.all_entities", median(totals), "s", reference=median(connects) + 1.3 * median(bare), limit=1.0)
    # As if those that nobody enabled came for nothing.
    reference = median(connects) + 1.3 * median(bare_enabled)
    figure("setup.all_entities_to_those_in_use", median(totals), "s", reference=reference, limit=None)


async def main() -> None:
    """Run against one recorder."""
    options = ("--profile", "nvr32", "--channels", str(CHANNELS), "--latency-ms", str(LATENCY))
    async with recorder(*options) as nvr:
        await measure(nvr)


if __name__ == "__main__":
    run(main())
