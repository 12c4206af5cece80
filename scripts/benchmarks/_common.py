"""What the benchmarks share: figures, a simulated recorder in its own process, a Home Assistant in this one."""

import asyncio
from collections.abc import AsyncIterator, Sequence
import contextlib
from dataclasses import dataclass
import hashlib
import json
import logging
import os
from pathlib import Path
import re
import shutil
import sys
import tempfile
import time
from typing import Any, Self
from unittest.mock import AsyncMock, patch

import aiohttp
import homeassistant  # noqa: F401 - first, so that the test plugin finds its aliases in place
from homeassistant import loader
from homeassistant.bootstrap import DATA_REGISTRIES_LOADED
from homeassistant.core import HomeAssistant
from homeassistant.helpers import (
    area_registry as ar,
    category_registry as cr,
    device_registry as dr,
    entity_registry as er,
    floor_registry as fr,
    issue_registry as ir,
    label_registry as lr,
    restore_state as rs,
)
from homeassistant.util.hass_dict import HassKey
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_test_home_assistant

import custom_components.nvr  # noqa: F401 - ours, before the plugin's own folder of that name is looked at
from custom_components.nvr.core.driver import ConnectionConfig, Driver
from scripts.benchmarks._families import Family

ROOT = Path(__file__).resolve().parents[2]
USER, PASSWORD = "admin", "nvr-test-pass"


def figure(
    name: str, value: float, unit: str, *, reference: float | None = None, limit: float | None, at_least: bool = False
) -> None:
    """Print one figure. With a reference the limit is on the ratio, else on the value; None is for information."""
    ratio = value / reference if reference else None
    judged = value if ratio is None else ratio
    if limit is None:
        ok, target = True, "for information"
    else:
        ok = judged >= limit if at_least else judged <= limit
        target = f"{'>=' if at_least else '<='} {limit:g}{'' if ratio is None else ' x reference'}"
    rounded = {"value": _round(value), "reference": _round(reference), "ratio": _round(ratio)}
    print(json.dumps({"name": name, "unit": unit, **rounded, "target": target, "ok": ok}), flush=True)


def _round(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")


def median(values: Sequence[float]) -> float:
    """Return the middle value."""
    return sorted(values)[len(values) // 2]


def percentile(values: Sequence[float], part: float) -> float:
    """Return the value below which that part of the values lies."""
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


@dataclass
class Recorder:
    """A simulated recorder in another process."""

    process: asyncio.subprocess.Process
    http_port: int
    control_port: int
    session: aiohttp.ClientSession

    async def control(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """Ask its control port."""
        url = f"http://127.0.0.1:{self.control_port}{path}"
        async with self.session.request("GET" if body is None else "POST", url, json=body) as response:
            response.raise_for_status()
            return await response.json()


@contextlib.asynccontextmanager
async def recorder(family: Family, *options: str) -> AsyncIterator[Recorder]:
    """Run a simulated recorder of a family with these command-line options."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.simulators", family.name, "--user", USER, "--password", PASSWORD),
        *("--profile", family.profile, *options),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(60):
            ready = json.loads(await process.stdout.readline())
        async with aiohttp.ClientSession() as session:
            yield Recorder(process, ready["http_port"], ready["control_port"], session)
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                async with asyncio.timeout(10):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()


def address(port: int) -> ConnectionConfig:
    """Return what a driver is told of a recorder."""
    return ConnectionConfig(host="127.0.0.1", port=port, username=USER, password=PASSWORD)


@contextlib.asynccontextmanager
async def driver_of(family: Family, port: int, **knobs: Any) -> AsyncIterator[Driver]:
    """Run a driver that is connected, with the shipped defaults unless told otherwise."""
    async with aiohttp.ClientSession() as session:
        driver = family.driver(address(port), session, **knobs)
        await driver.connect()
        try:
            yield driver
        finally:
            await driver.close()


def nvr_entry(family: Family, port: int, serial: str) -> MockConfigEntry:
    """Return a config entry as the flow makes it."""
    return MockConfigEntry(domain="nvr", data=family.entry(port, (USER, PASSWORD)), unique_id=serial, title="NVR")


async def serial_of(family: Family, port: int) -> str:
    """Return who the recorder says it is."""
    async with driver_of(family, port) as driver:
        return driver.info.serial


async def wait_for_streams(nvr: Recorder, count: int) -> None:
    """Wait until that many event streams are open."""
    async with asyncio.timeout(20):
        while (await nvr.control("/state"))["streams"] != count:
            await asyncio.sleep(0.05)


class BareDigest:
    """The least login there is: one challenge, then every request signed with it. A middleware of aiohttp.

    Its own challenges every request of a recorder that names the domain "::", as recorders do.
    """

    def __init__(self) -> None:
        """Nothing is known yet."""
        self._realm = self._nonce = self._opaque = ""
        self._count = 0

    async def __call__(self, request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        """Send the request, signed if that is possible already."""
        if self._nonce:
            request.headers["Authorization"] = self._sign(request.method, request.url.raw_path_qs)
        response = await send(request)
        if response.status == 401 and not self._nonce:
            said = ", ".join(response.headers.getall("WWW-Authenticate"))
            found = dict(re.findall(r'(realm|nonce|opaque)="([^"]*)"', said))
            self._realm, self._nonce = found["realm"], found["nonce"]
            self._opaque = f', opaque="{found["opaque"]}"' if "opaque" in found else ""
            request.headers["Authorization"] = self._sign(request.method, request.url.raw_path_qs)
            await response.read()
            response = await send(request)
        return response

    def _sign(self, method: str, path: str) -> str:
        self._count += 1
        count = f"{self._count:08x}"
        login = _md5(f"{USER}:{self._realm}:{PASSWORD}")
        answer = _md5(f"{login}:{self._nonce}:{count}:bench:auth:{_md5(f'{method}:{path}')}")
        return (
            f'Digest username="{USER}", realm="{self._realm}", nonce="{self._nonce}", uri="{path}", '
            f'algorithm=MD5, qop=auth, nc={count}, cnonce="bench", response="{answer}"{self._opaque}'
        )


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


@contextlib.asynccontextmanager
async def home_assistant(folder: Path | None = None) -> AsyncIterator[HomeAssistant]:
    """Run Home Assistant in this process, with custom integrations; one with a folder keeps its registries there."""
    logging.getLogger().setLevel(logging.ERROR)
    place = str(folder) if folder else tempfile.mkdtemp(prefix="nvr-bench-")
    # Multicast name resolution is Home Assistant's own and opens sockets towards the network: left out.
    zeroconf = "homeassistant.components.zeroconf"
    with patch(f"{zeroconf}.HaZeroconf"), patch(f"{zeroconf}.HaAsyncZeroconf") as asynchronous:
        asynchronous.return_value.ha_async_close = AsyncMock()
        async with async_test_home_assistant(config_dir=place, load_registries=folder is None) as hass:
            hass.data.pop(loader.DATA_CUSTOM_COMPONENTS)
            if folder is not None:
                await _load_registries(hass)
            try:
                yield hass
            finally:
                await hass.async_stop(force=True)
                if folder is None:
                    shutil.rmtree(place, ignore_errors=True)


REGISTRIES: HassKey[int] = HassKey("nvr_bench_registries")


def resident() -> int:
    """Return the bytes of memory this process holds."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def _load_registries(hass: HomeAssistant) -> None:
    """Read what an earlier Home Assistant of the same folder has written, as it does itself at its start.

    What they take in memory is kept as REGISTRIES.
    """
    before = resident()
    dr.async_setup(hass)
    for registry in (ar, cr, dr, er, fr, ir, lr, rs):
        await registry.async_load(hass)
    hass.data[DATA_REGISTRIES_LOADED] = None
    hass.data[REGISTRIES] = resident() - before


class Stopwatch:
    """Wall and CPU seconds of a block."""

    wall = 0.0
    cpu = 0.0

    def __enter__(self) -> Self:
        """Start."""
        self._wall, self._cpu = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_details: object) -> None:
        """Stop."""
        self.wall = time.perf_counter() - self._wall
        self.cpu = time.process_time() - self._cpu


def run(main: Any) -> None:
    """Run a benchmark's coroutine; the exit is at once, so that nothing measured has to be taken down in order."""
    asyncio.run(main)
    sys.stdout.flush()
    os._exit(0)
